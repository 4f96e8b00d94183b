"""Writes ONNX's backend tests as the API takes them: <folder>/<test>/model.onnx and case.json.

python -m venv .cache/venv && .cache/venv/bin/pip install onnx==1.23.2
.cache/venv/bin/python tests/onnx-backend/make-cases.py FOLDER [TEST ...]
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.loader import load_model_tests

warnings.simplefilter("ignore")
LARGEST = 5_000_000


def main(folder, *wanted):
    count = 0
    for name, model, inputs, outputs in [*node_cases(), *stored_cases()]:
        if wanted and name not in wanted:
            continue
        # what ONNX Runtime 1.30 goes up to: most operators are as they were, and would not be tried
        model.ir_version = min(model.ir_version, 13)
        for opset in model.opset_import:
            if opset.domain in ("", "ai.onnx"):
                opset.version = min(opset.version, 26)
        case = {
            "inputs": {one.name: to_value(value) for one, value in zip(inputs_of(model), inputs)},
            "outputs": {one.name: to_value(value) for one, value in zip(model.graph.output, outputs)},
        }
        text = json.dumps(case)
        if len(text) > LARGEST or model.ByteSize() > LARGEST:
            print(f"{name} is left out: it is large")
            continue
        place = Path(folder) / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
        (place / "case.json").write_text(text + "\n")
        count += 1
    print(f"{count} cases")


def node_cases():
    for case in collect_testcases(None):
        inputs, outputs = case.data_sets[0]
        yield case.name, case.model, inputs, outputs


def stored_cases():
    for kind in ["simple", "pytorch-operator", "pytorch-converted"]:
        for case in load_model_tests(kind=kind):
            if case.model_dir is None or not (Path(case.model_dir) / "test_data_set_0").exists():
                continue
            data = Path(case.model_dir) / "test_data_set_0"
            read = lambda kind: [read_tensor(p) for p in sorted(data.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1]))]
            yield case.name, onnx.load(Path(case.model_dir) / "model.onnx"), read("input"), read("output")


def read_tensor(path):
    try:
        return numpy_helper.to_array(onnx.load_tensor(path))
    except Exception:  # a sequence, or an optional
        return None


def inputs_of(model):
    constants = {one.name for one in model.graph.initializer}
    return [one for one in model.graph.input if one.name not in constants]


def to_value(value):
    """Nested arrays as JSON has them; null where it is no tensor that it could have."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    array = np.asarray(value)
    try:
        return {"dims": list(array.shape), "value": plain(array.tolist())}
    except TypeError:
        return None


def plain(value):
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        if np.isfinite(value):
            return value
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    raise TypeError


main(*sys.argv[1:])
