"""A classifier of XGBoost."""

import xgboost
from golden import predictions_of, write_golden
from sklearn.datasets import load_wine

X, y = load_wine(return_X_y=True)
X = X.astype("float32")
model = xgboost.XGBClassifier(n_estimators=15, max_depth=3, random_state=0, n_jobs=1).fit(X, y)

import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType

columns = [("input", FloatTensorType([None, model.n_features_in_]))]
onnx = onnxmltools.convert_xgboost(model, initial_types=columns, target_opset=15)
open("model.onnx", "wb").write(onnx.SerializeToString())

rows = X[::15]
write_golden(
    [{"features": row} for row in rows.tolist()],
    predictions_of(model.predict(rows), model.predict_proba(rows), model.classes_),
    ["xgboost-cpu", "onnxmltools", "onnx"],
    "task: tabular-classification\n",
)
