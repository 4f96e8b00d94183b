"""A model of scikit-learn that is there as a .joblib, as a service in Flask or FastAPI has it."""

import joblib
from golden import write_golden
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor

X, y = load_diabetes(return_X_y=True)
X = X.astype("float32")
joblib.dump(GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y), "model.joblib")

import joblib
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

model = joblib.load("model.joblib")
columns = [("X", FloatTensorType([None, model.n_features_in_]))]
onnx = to_onnx(model, initial_types=columns)
open("model.onnx", "wb").write(onnx.SerializeToString())

rows = X[::40]
write_golden(
    [{"features": row} for row in rows.tolist()],
    [{"prediction": value} for value in model.predict(rows).tolist()],
    ["joblib", "scikit-learn", "skl2onnx", "onnx"],
    "task: tabular-regression\n",
)
