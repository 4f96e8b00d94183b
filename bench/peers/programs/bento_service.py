"""BentoML with adaptive batching."""
import os
from typing import Annotated
import bentoml, numpy as np
from bentoml.validators import DType, Shape
import model as m

ROWS = 64 if m.KIND == "tiny" else 32

@bentoml.service(workers=int(os.environ.get("WORKERS", "2")), traffic={"timeout": 120, "max_concurrency": 10000},
                 logging={"access": {"enabled": False}})
class Predictor:
    def __init__(self):
        self.model = m.load()

    @bentoml.api(batchable=True, max_batch_size=ROWS, max_latency_ms=60000)
    def predict(self, rows: Annotated[np.ndarray, DType("float64"), Shape((-1, m.WIDTH))]) -> np.ndarray:
        return m.run_rows(self.model, rows)
