"""Writes trees/model.onnx and trees/golden.json: a classifier of LightGBM, 200 trees of 30 features, as onnxmltools exports it.

Its label is declared as one element, whatever the number of rows: what the file says would have rows run one by one.

python -m venv .cache/venv && .cache/venv/bin/pip install -r recipes/requirements-trees.txt
.cache/venv/bin/python bench/models/make-trees.py
"""

import json
from pathlib import Path

import lightgbm
import numpy as np
import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import make_classification

HERE = Path(__file__).parent / "trees"
GOLDEN_ROWS = 250


def main():
    X, y = make_classification(5000, 30, n_informative=20, flip_y=0.05, random_state=0)
    X = X.astype("float32")
    model = lightgbm.LGBMClassifier(n_estimators=200, random_state=0, n_jobs=1, verbose=-1).fit(X, y)

    columns = [("input", FloatTensorType([None, 30]))]
    onnx = onnxmltools.convert_lightgbm(model, initial_types=columns, target_opset=15, zipmap=False)
    label = onnx.graph.output[0].type.tensor_type.shape.dim
    assert [axis.dim_value for axis in label] == [1], "this exporter tells the truth of the label"
    (HERE / "model.onnx").write_bytes(onnx.SerializeToString(deterministic=True))

    rows = np.round(X[:GOLDEN_ROWS], 3)
    golden = [
        {"input": {"input": [round(float(number), 3) for number in row]}, "output": {"label": int(answer), "probabilities": chances.tolist()}}
        for row, answer, chances in zip(rows, model.predict(rows), model.predict_proba(rows), strict=True)
    ]
    (HERE / "golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
