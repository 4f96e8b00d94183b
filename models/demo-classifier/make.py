"""Trains the demo classifier and writes model.onnx and golden.json beside this file.

python -m venv .cache/venv && .cache/venv/bin/pip install -r models/requirements.txt
.cache/venv/bin/python models/demo-classifier/make.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from onnx.helper import make_opsetid
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score

HERE = Path(__file__).parent
FEATURES = ["feature_0", "feature_1", "feature_2", "feature_3"]
BIGGEST = float(np.finfo(np.float32).max)


def main():
    x, y = make_classification(
        n_samples=100, n_features=4, n_informative=2, n_redundant=0, random_state=42
    )
    x = as_float32(x)
    model = LogisticRegression().fit(x, y)

    # skl2onnx's default for classifiers: a ZipMap at the end, so the probabilities are a list of maps.
    onnx_model = convert_sklearn(
        model,
        name="demo-classifier",
        initial_types=[("float_input", FloatTensorType([None, len(FEATURES)]))],
        target_opset=21,
    )
    write_onnx(onnx_model)

    rows = golden_rows(model, x, y)
    probabilities = model.predict_proba(rows)
    cases = [
        {
            "input": {"features": by_name(row) if i % 3 == 2 else row},
            "output": {
                "prediction": int(label),
                "probabilities": {"0": p[0], "1": p[1]},
            },
        }
        for i, (row, label, p) in enumerate(
            zip(rows.tolist(), model.predict(rows), probabilities.tolist())
        )
    ]
    write_json(cases)

    worst = compare_with_onnx(rows, model.predict(rows), probabilities)
    print(f"accuracy on the training data: {accuracy_score(y, model.predict(x)):.3f}")
    print(f"accuracy, 5-fold: {cross_val_score(LogisticRegression(), x, y, cv=5).mean():.3f}")
    print(f"{len(cases)} golden cases, largest difference to ONNX Runtime: {worst:.1e}")


def golden_rows(model, x, y):
    """Rows of the data, rows close to the decision boundary, and odd ones."""
    ones, zeros = x[model.predict(x) == 1], x[model.predict(x) == 0]
    boundary = np.vstack([around_boundary(model, a, b) for a, b in zip(ones[:6], zeros[:6])])
    odd = [
        [1.0, -0.5, 2.1, 0.3],
        [0.5, 1.2, -0.8, 2.0],
        [0, 0, 0, 0],
        [1, 1, 1, 1],
        [-1, -1, -1, -1],
        [100, -100, 100, -100],
        [1e6, 1e6, 1e6, 1e6],
        [-1e6, -1e6, -1e6, -1e6],
        [0, 0, 0, 1e30],
        [0, 0, 0, -1e30],
        [0, 0, 0, BIGGEST / 4],
        [0, 0, 0, -BIGGEST / 4],
        [1e-30, -1e-30, 1e-30, -1e-30],
        [float(np.finfo(np.float32).tiny), 0, 0, 0],
        [3, -2, 5, 7],
    ]
    return as_float32(np.vstack([x[:40], boundary, odd]))


def around_boundary(model, one, zero):
    """Two points close together, the first still predicted 1, the second already 0."""
    for _ in range(12):
        middle = (one + zero) / 2
        if model.predict([middle])[0] == 1:
            one = middle
        else:
            zero = middle
    return one, zero


def compare_with_onnx(rows, labels, probabilities):
    session = onnxruntime.InferenceSession(HERE / "model.onnx")
    got_labels, got = session.run(None, {"float_input": rows.astype(np.float32)})
    assert got_labels.tolist() == labels.tolist()
    worst = np.abs([[p[0], p[1]] for p in got] - probabilities).max()
    assert worst < 1e-5, worst
    return worst


def as_float32(values):
    """The same numbers rounded to float32, so that casting them for ONNX loses nothing."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def by_name(row):
    return dict(zip(FEATURES, row))


def write_onnx(model):
    """Writes the same bytes every time: skl2onnx lists the operator sets in random order, some twice."""
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(*opset) for opset in sorted(opsets.items()))
    (HERE / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


def write_json(cases):
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (HERE / "golden.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
