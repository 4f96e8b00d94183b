"""A pipeline of scikit-learn over texts, not all of them in English."""

from golden import predictions_of, write_golden
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

texts = [
    "the train was late again", "a lovely quiet room", "never again, what a mess", "friendly people, good food",
    "der Zug war wieder zu spät", "ein schönes ruhiges Zimmer", "nie wieder, alles schmutzig", "freundliche Leute, gutes Essen",
]
pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(texts, ["bad", "good"] * 4)

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer

words = {TfidfVectorizer: {"tokenexp": r"[\p{L}\p{N}_]{2,}"}}
onnx = convert_sklearn(pipeline, initial_types=[("text", StringTensorType([None, 1]))], options=words)
open("model.onnx", "wb").write(onnx.SerializeToString())

asked = [*texts, "gutes Zimmer", "a good train", "SPÄT und schmutzig", "nothing of this"]
write_golden(
    [{"features": {"text": text}} for text in asked],
    predictions_of(pipeline.predict(asked), pipeline.predict_proba(asked), pipeline.classes_),
    ["scikit-learn", "skl2onnx", "onnx"],
    "task: tabular-classification\n",
)
