"""The two models, for every Python peer. MODEL=tiny: the tutorial's logistic regression; MODEL=heavy: bench/models/heavy."""
import os
import numpy as np

KIND = os.environ["MODEL"]
KEY, WIDTH = ("features", 4) if KIND == "tiny" else ("x", 256)


def load():
    if KIND == "tiny":
        import joblib
        return joblib.load(os.environ["TINY"])
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(os.environ["HEAVY"], options, providers=["CPUExecutionProvider"])


def run_rows(model, rows):
    """Outputs of many rows, for the peers that batch: (n, 2) of class and probability, or (n, 256)."""
    if KIND == "tiny":
        x = np.asarray(rows, dtype=np.float64)
        return np.column_stack([model.predict(x), model.predict_proba(x)[:, 1]])
    return model.run(None, {"x": np.asarray(rows, dtype=np.float32)})[0]


def to_output(row):
    return {"prediction": int(row[0]), "probability": float(row[1])} if KIND == "tiny" else {"y": row.tolist()}


def run_one(model, values):
    """As the tutorial does it."""
    if KIND == "tiny":
        x = np.array(values).reshape(1, -1)
        return {"prediction": int(model.predict(x)[0]), "probability": float(model.predict_proba(x)[0][1])}
    return {"y": model.run(None, {"x": np.array([values], dtype=np.float32)})[0][0].tolist()}
