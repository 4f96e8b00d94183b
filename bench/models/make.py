"""Writes heavy/model.onnx, a model that is slow to run and small on disk, and prints what a row of it costs.

python -m venv .cache/venv && .cache/venv/bin/pip install -r models/requirements.txt
.cache/venv/bin/python bench/models/make.py
"""

import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

HERE = Path(__file__).parent
TURNS = 4500
BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64]

# The same layer TURNS times over: state = tanh(state @ weights + x). The weights are 0.9 times the type II cosine
# transform, an orthogonal matrix that a few nodes compute when the model is loaded. So the state settles on a
# point set by x alone, and rounding errors shrink instead of growing.
HEAVY = """
<ir_version: 10, opset_import: ["": 21]>
heavy (float[N,256] x) => (float[N,256] y)
<
  int64 turns = {TURNS}, bool yes = {1}, int64[1] first = {0}, int64[1] second = {1},
  float zero = {0}, float one = {1}, float half = {0.5}, float size = {256},
  float pi_over_size = {0.01227184630308513}, float scale = {0.07954951288348660}
> {
  numbers = Range(zero, size, one)
  frequency = Unsqueeze(numbers, second)
  middles = Add(numbers, half)
  position = Unsqueeze(middles, first)
  steps = Mul(frequency, position)
  angles = Mul(steps, pi_over_size)
  cosines = Cos(angles)
  weights = Mul(cosines, scale)
  y = Loop (turns, yes, x) <body = layer (int64 turn, bool again, float[N,256] before)
    => (bool again_out, float[N,256] after) {
      again_out = Identity(again)
      product = MatMul(before, weights)
      sum = Add(product, x)
      after = Tanh(sum)
  }>
}
"""


def main():
    model = onnx.parser.parse_model(HEAVY.replace("TURNS", str(TURNS)))
    onnx.checker.check_model(model, full_check=True)
    path = HERE / "heavy" / "model.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    check(session)

    print("rows | ms a run | ms a row")
    for rows in BATCH_SIZES:
        milliseconds = fastest_run(session, rows)
        print(f"{rows:4} | {milliseconds:8.1f} | {milliseconds / rows:8.2f}")


def check(session):
    """The formula above in numpy, and that a row's answer is the same alone and in company."""
    x = np.random.default_rng(0).normal(size=(8, 256)).astype(np.float32)
    k = np.arange(256)
    weights = 0.9 * np.sqrt(2 / 256) * np.cos(np.pi / 256 * k[:, None] * (k + 0.5))
    expected = x.astype(np.float64)
    for _ in range(TURNS):
        expected = np.tanh(expected @ weights + x)

    together = session.run(None, {"x": x})[0]
    alone = session.run(None, {"x": x[:1]})[0]
    print(f"largest difference to numpy: {np.abs(together - expected).max():.1e}")
    print(f"largest difference alone to together: {np.abs(together[:1] - alone).max():.1e}")
    assert np.abs(together - expected).max() < 1e-4
    assert np.abs(together[:1] - alone).max() < 1e-5


def fastest_run(session, rows):
    x = np.random.default_rng(1).normal(size=(rows, 256)).astype(np.float32)
    session.run(None, {"x": x})
    times = []
    for _ in range(5):
        start = time.perf_counter()
        session.run(None, {"x": x})
        times.append(time.perf_counter() - start)
    return min(times) * 1000


if __name__ == "__main__":
    main()
