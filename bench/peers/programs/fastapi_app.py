"""The tutorial: load at start-up, POST /predict answers in the request."""
from contextlib import asynccontextmanager
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, conlist
import model as m

state = {}

@asynccontextmanager
async def lifespan(app):
    state["model"] = m.load()
    yield

app = FastAPI(lifespan=lifespan)

class Features(BaseModel):
    features: conlist(float, min_length=4, max_length=4)

class Heavy(BaseModel):
    x: conlist(float, min_length=256, max_length=256)

class Prediction(BaseModel):
    prediction: int
    probability: float

class HeavyOutput(BaseModel):
    y: list[float]

@app.get("/health")
async def health():
    return {"status": "ok", "model_loaded": "model" in state}

if m.KIND == "tiny":
    @app.post("/predict", response_model=Prediction)
    async def predict(data: Features):
        if "model" not in state:
            raise HTTPException(503, "Model not loaded")
        return m.run_one(state["model"], data.features)
else:
    @app.post("/predict", response_model=HeavyOutput)
    def predict_heavy(data: Heavy):
        return m.run_one(state["model"], data.x)
