"""A pipeline of scikit-learn over columns of several types, some of their values missing."""

import numpy as np
from golden import predictions_of, write_golden
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

random = np.random.default_rng(0)
age = random.uniform(1, 80, 200).round().astype("float32")
sex = random.choice(["female", "male"], 200)
y = np.where((age > 30) ^ (sex == "male"), "yes", "no")
age[::7] = np.nan
X = np.array([age.astype(object), sex.astype(object)], dtype=object).T
numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
columns = ColumnTransformer([("numbers", numbers, [0]), ("texts", OneHotEncoder(), [1])])
pipeline = make_pipeline(columns, LogisticRegression()).fit(X, y)

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

columns = [("age", FloatTensorType([None, 1])), ("sex", StringTensorType([None, 1]))]
onnx = convert_sklearn(pipeline, initial_types=columns)
open("model.onnx", "wb").write(onnx.SerializeToString())

rows = X[:12]
write_golden(
    [{"features": {"age": None if np.isnan(a) else a, "sex": s}} for a, s in rows.tolist()],
    predictions_of(pipeline.predict(rows), pipeline.predict_proba(rows), pipeline.classes_),
    ["scikit-learn", "skl2onnx", "onnx"],
    "task: tabular-classification\n",
)
