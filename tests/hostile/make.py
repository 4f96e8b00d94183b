"""Writes the models that lie: <name>/model.onnx, described in README.md.

python -m venv .cache/venv && .cache/venv/bin/pip install -r models/requirements.txt
.cache/venv/bin/python tests/hostile/make.py
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
MULTIPLY = helper.make_node("MatMul", ["x", "w"], ["y"])


def main():
    write("another-width", model([MULTIPLY], numpy_helper.from_array(np.ones((5, 2), "float32"), "w")))
    write("too-few-bytes", model([MULTIPLY], weights([4, 2], raw=bytes(16))))
    write("too-many-bytes", model([MULTIPLY], weights([4, 2], raw=bytes(64))))
    write("negative-lengths", model([MULTIPLY], weights([-4, -2], raw=bytes(32))))
    write("endless-lengths", model([MULTIPLY], weights([1 << 40, 1 << 40], raw=bytes(32))))
    write("lengths-that-overflow", model([MULTIPLY], weights([1 << 62, 4], raw=b"")))
    write("weights-above", model([MULTIPLY], weights([4, 2], location="../secret.bin")))
    write("weights-anywhere", model([MULTIPLY], weights([4, 2], location="/proc/self/environ")))
    write("weights-of-a-constant", model([constant(weights([4, 2], location="../secret.bin")), MULTIPLY]))
    write("weights-in-memory", model([MULTIPLY], weights([4, 2], location="*/_ORT_MEM_ADDR_/*")))
    write("weights-by-a-link", model([MULTIPLY], weights([4, 2], location="w.bin")))
    write("ends-its-process", ends_its_process())
    write("more-than-memory", more_than_memory())


def model(nodes, *initializers, inputs=(X,), outputs=(Y,)):
    graph = helper.make_graph(nodes, "hostile", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def weights(dims, raw=None, location=None):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)
    if raw is not None:
        tensor.raw_data = raw
    if location is not None:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    return tensor


def constant(tensor):
    node = helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(np.zeros(1, "float32")))
    node.attribute[0].t.CopyFrom(tensor)
    return node


def ends_its_process():
    """INT64_MIN modulo -1 raises SIGFPE on x86-64, here while constants are folded."""
    scalars = [helper.make_tensor(name, TensorProto.INT64, [], [value]) for name, value in [("least", -(2**63)), ("minus", -1)]]
    nodes = [helper.make_node("Mod", ["least", "minus"], ["rest"]), helper.make_node("Add", ["i", "rest"], ["o"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N"]) for name in "io"]
    return model(nodes, *scalars, inputs=ends[:1], outputs=ends[1:])


def more_than_memory():
    """Sums a trillion ones in each run: 4 TB."""
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["ones"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1])),
        helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    return model(nodes, helper.make_tensor("n", TensorProto.INT64, [1], [10**12]), outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])])


def write(name, onnx):
    (HERE / name).mkdir(exist_ok=True)
    (HERE / name / "model.onnx").write_bytes(onnx.SerializeToString(deterministic=True))


main()
