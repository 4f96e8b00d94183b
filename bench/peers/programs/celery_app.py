"""FastAPI + Celery + Redis, the usual glue: submit -> id, poll; or a blocking get. Durable as people set it: acks_late,
reject_on_worker_lost, Redis with an append-only file."""
import os
from celery import Celery
from celery.result import AsyncResult
from celery.signals import worker_process_init
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, conlist
import model as m

url = os.environ["REDIS_URL"]
celery = Celery("predictions", broker=f"{url}/0", backend=f"{url}/1")
celery.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=int(os.environ.get("PREFETCH", "4")),
    broker_transport_options={"visibility_timeout": 3600},
    result_expires=86400,
)
loaded = None

@worker_process_init.connect
def load_model(**_):
    global loaded
    loaded = m.load()

@celery.task(name="predict", autoretry_for=(OSError,), max_retries=3, retry_backoff=True)
def predict(values):
    return m.run_one(loaded, values)

app = FastAPI()

class Input(BaseModel):
    if m.KIND == "tiny":
        features: conlist(float, min_length=4, max_length=4)
    else:
        x: conlist(float, min_length=256, max_length=256)

@app.get("/health")
async def health():
    return {"status": "ok", "model_loaded": True}

@app.post("/predictions", status_code=202)
def submit(data: Input):
    return {"id": predict.delay(getattr(data, m.KEY)).id, "status": "queued"}

@app.get("/predictions/{id}")
def read(id: str):
    result = AsyncResult(id, app=celery)
    meta = result._get_task_meta()
    if meta["status"] == "SUCCESS":
        return {"id": id, "status": "succeeded", "output": meta["result"]}
    if meta["status"] == "FAILURE":
        return {"id": id, "status": "failed", "error": str(meta["result"])}
    return {"id": id, "status": "processing"}

@app.post("/predict")
def wait(data: Input):
    try:
        return predict.delay(getattr(data, m.KEY)).get(timeout=30)
    except Exception as err:
        raise HTTPException(504, repr(err))
