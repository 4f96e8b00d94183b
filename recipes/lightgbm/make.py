"""A classifier of LightGBM that was grown with missing values."""

import lightgbm
import numpy as np
from golden import predictions_of, write_golden
from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True)
X = X.astype("float32")
X[::5, ::3] = np.nan
model = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=7, random_state=0, n_jobs=1, verbose=-1).fit(X, y)

import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType

columns = [("input", FloatTensorType([None, model.n_features_in_]))]
onnx = onnxmltools.convert_lightgbm(model, initial_types=columns, target_opset=15)
open("model.onnx", "wb").write(onnx.SerializeToString())

rows = X[::50]
write_golden(
    [{"features": [None if np.isnan(number) else number for number in row]} for row in rows.tolist()],
    predictions_of(model.predict(rows), model.predict_proba(rows), model.classes_),
    ["lightgbm", "onnxmltools", "onnx"],
    "task: tabular-classification\n",
)
