"""A pipeline of scikit-learn over numbers."""

from golden import predictions_of, write_golden
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)
X = X.astype("float32")
pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(20, max_depth=4, random_state=0)).fit(X, y)

from skl2onnx import to_onnx

onnx = to_onnx(pipeline, X[:1].astype("float32"))
open("model.onnx", "wb").write(onnx.SerializeToString())

rows = X[::15]
write_golden(
    [{"features": row} for row in rows.tolist()],
    predictions_of(pipeline.predict(rows), pipeline.predict_proba(rows), pipeline.classes_),
    ["scikit-learn", "skl2onnx", "onnx"],
    "task: tabular-classification\n",
)
