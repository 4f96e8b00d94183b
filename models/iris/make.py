"""Trains the iris classifier and writes model.onnx and golden.json beside this file.

python -m venv .cache/venv && .cache/venv/bin/pip install -r models/requirements.txt
.cache/venv/bin/python models/iris/make.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from onnx.helper import make_opsetid
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score

HERE = Path(__file__).parent
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def main():
    data = load_iris()
    x, species = as_float32(data.data), data.target_names[data.target].astype(object)
    model = LogisticRegression(max_iter=1000).fit(x, species)

    onnx_model = convert_sklearn(
        model,
        name="iris",
        initial_types=[("measurements", FloatTensorType([None, len(FEATURES)]))],
        options={"zipmap": False},
        target_opset=21,
    )
    write_onnx(onnx_model)

    rows = golden_rows(model, x)
    labels, probabilities = model.predict(rows), model.predict_proba(rows)
    cases = [
        {
            "input": {"features": by_name(row) if i % 2 else row},
            "output": {"prediction": label, "probabilities": dict(zip(model.classes_, p))},
        }
        for i, (row, label, p) in enumerate(zip(rows.tolist(), labels, probabilities.tolist()))
    ]
    write_json(cases)

    worst = compare_with_onnx(rows, labels, probabilities)
    five_fold = cross_val_score(LogisticRegression(max_iter=1000), x, species, cv=5)
    print(f"accuracy on the training data: {accuracy_score(species, model.predict(x)):.3f}")
    print(f"accuracy, 5-fold: {five_fold.mean():.3f}")
    print(f"{len(cases)} golden cases, largest difference to ONNX Runtime: {worst:.1e}")


def golden_rows(model, x):
    """Flowers of each species, rows on both sides of each decision boundary, and odd ones."""
    flowers = np.vstack([x[0:14], x[50:64], x[100:114]])
    boundary = np.vstack(
        [around_boundary(model, x[i], x[j]) for i, j in [(0, 50), (7, 66), (50, 100), (66, 108), (3, 120)]]
    )
    odd = [
        [5.1, 3.5, 1.4, 0.2],
        [0, 0, 0, 0],
        [1, 1, 1, 1],
        [-1, -1, -1, -1],
        [-5.1, -3.5, -1.4, -0.2],
        [1e3, 1e3, 1e3, 1e3],
        [1e6, 0, 0, 0],
        [0, 1e6, 0, 0],
        [0, 0, 1e6, 0],
        [0, 0, 0, 1e6],
        [0, 0, 0, -1e6],
        [0, 0, 1e30, 0],
        [0, 0, -1e30, 0],
        [1e-30, -1e-30, 0, 0],
    ]
    return as_float32(np.vstack([flowers, boundary, odd]))


def around_boundary(model, a, b):
    """Two points close together between the flowers a and b that get different species."""
    species = model.predict([a])[0]
    for _ in range(12):
        middle = (a + b) / 2
        if model.predict([middle])[0] == species:
            a = middle
        else:
            b = middle
    return a, b


def compare_with_onnx(rows, labels, probabilities):
    session = onnxruntime.InferenceSession(HERE / "model.onnx")
    got_labels, got = session.run(None, {"measurements": rows.astype(np.float32)})
    assert got_labels.tolist() == labels.tolist()
    worst = np.abs(got - probabilities).max()
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
