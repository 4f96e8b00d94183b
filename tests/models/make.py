"""Writes the models that the whole-stack tests run: <name>/model.onnx, described in README.md.

python -m venv .cache/venv && .cache/venv/bin/pip install -r models/requirements.txt
.cache/venv/bin/python tests/models/make.py
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.helper import make_opsetid
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).parent

# Every row's answer depends on the other rows of its run, so rows must not share one.
SOFTMAX_AXIS0 = """
softmax_axis0 (float[N,3] x) => (float[N,3] y) {
  y = Softmax <axis = 0> (x)
}
"""

# A linear model for exactly ROWS rows a run.
FIXED = """
fixed (float[ROWS,4] x) => (float[ROWS,2] y)
<float[4,2] weights = {1, 1, 2, -1, 3, 1, 4, -1}, float[2] bias = {0.5, -0.5}> {
  product = MatMul(x, weights)
  y = Add(product, bias)
}
"""

# The output is one number for the whole run: no axis to split it into rows by.
SCALAR_FREE = """
scalar_free (float[N,3] x) => (float total) {
  total = ReduceSum <keepdims = 0> (x)
}
"""

TWO_INPUTS = """
two_inputs (float[N,2] a, int64[N] b) => (float[N] total, int64[N] doubled)
<int64[1] one = {1}, int64 two = {2}> {
  sum = ReduceSum <keepdims = 0> (a, one)
  b_float = Cast <to = 1> (b)
  total = Add(sum, b_float)
  doubled = Mul(b, two)
}
"""

# An index outside -10..9 makes ONNX Runtime throw, and takes every row of the run with it.
THROWS = """
throws (int64[N] i) => (float[N] value)
<float[10] table = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90}> {
  value = Gather(table, i)
}
"""

# INT64_MIN modulo -1 overflows: on x86-64 the processor raises SIGFPE, which no code catches. The remainder is
# multiplied by zero, so every other row answers with itself. (1000 divides by zero, which ONNX Runtime only throws on.)
CRASHES = """
crashes (int64[N] i) => (int64[N] y)
<int64 most_negative = {-9223372036854775808}, int64 thousand = {1000}, int64 zero = {0}> {
  divisor = Sub(i, thousand)
  rest = Mod(most_negative, divisor)
  nothing = Mul(rest, zero)
  y = Add(i, nothing)
}
"""

# Multiplies two 384×384 matrices as many times as the largest n of the run says. The product stays zero,
# so it can be added to n without changing it, and not be optimised away.
# On one core, a turn takes about 1 ms: n = 1,000 takes 1 s, n = 20,000 takes 20 s, n <= 0 returns at once.
SLOW = """
slow (int64[N,1] n) => (float[N] y)
<int64[2] size = {384, 384}, int64[1] one = {1}, int64[2] corner = {0, 0}, bool yes = {1}> {
  zeros = ConstantOfShape <value = float[1] {0}> (size)
  ones = ConstantOfShape <value = float[1] {1}> (size)
  times = ReduceMax <keepdims = 0> (n)
  still_zeros = Loop (times, yes, zeros) <body = turn (int64 turn, bool again, float[384,384] before)
    => (bool again_out, float[384,384] after) {
      again_out = Identity(again)
      after = MatMul(before, ones)
  }>
  zero = GatherND(still_zeros, corner)
  flat = Squeeze(n, one)
  flat_float = Cast <to = 1> (flat)
  y = Add(flat_float, zero)
}
"""

# As long as the row that it is given.
ECHO = """
echo (float[N,L] x) => (float[N,L] y) {
  y = Identity(x)
}
"""

# Text goes in and comes out: any that ONNX Runtime can hold.
TEXTS = """
texts (string[N,L] x) => (string[N,L] y) {
  y = Identity(x)
}
"""

# NaN below zero, -Infinity at zero: numbers that JSON has no word for.
NAN_OUT = """
nan_out (float[N,2] x) => (float[N,2] y) {
  y = Log(x)
}
"""

# Zero for all rows but those that nobody makes up.
RARE = """
rare (float[N] x) => (float[N] y)
<float billion = {1000000000}> {
  above = Sub(x, billion)
  y = Relu(above)
}
"""


def main():
    write("softmax-axis0", from_text(SOFTMAX_AXIS0))
    write("fixed-one", from_text(FIXED.replace("ROWS", "1")))
    write("fixed-eight", from_text(FIXED.replace("ROWS", "8")))
    write("scalar-free", from_text(SCALAR_FREE))
    write("two-inputs", from_text(TWO_INPUTS))
    write("throws", from_text(THROWS))
    write("crashes", from_text(CRASHES))
    write("slow", from_text(SLOW))
    write("echo", from_text(ECHO))
    write("texts", from_text(TEXTS))
    write("nan-out", from_text(NAN_OUT))
    write("rare", from_text(RARE))
    write("dict-and-seq", dict_and_seq())
    check()


def dict_and_seq():
    """A decision tree with string labels and skl2onnx's default ZipMap: its probabilities are a list of maps.

    x[0] <= 0.5 is cold; otherwise x[1] <= 0.5 is warm and the rest hot.
    """
    corners = [[0, 0], [0, 0], [0, 1], [0, 1]] + [[1, 0]] * 4 + [[1, 1]] * 4
    labels = ["cold", "cold", "cold", "warm"] + ["warm"] * 4 + ["hot", "hot", "hot", "warm"]
    tree = DecisionTreeClassifier(max_leaf_nodes=3, random_state=0).fit(corners, labels)
    return convert_sklearn(
        tree,
        name="dict_and_seq",
        initial_types=[("x", FloatTensorType([None, 2]))],
        target_opset=21,
    )


def from_text(graph):
    return onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 21]>' + graph)


def write(name, model):
    """Writes the same bytes every time: skl2onnx lists the operator sets in random order, some twice."""
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(*opset) for opset in sorted(opsets.items()))
    onnx.checker.check_model(model, full_check=True)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


def check():
    """The formulas of README.md, on one small run of each model."""
    floats = lambda *rows: np.array(rows, np.float32)
    ints = lambda *rows: np.array(rows, np.int64)
    alone = run("softmax-axis0", x=floats([1, 2, 3]))
    together = run("softmax-axis0", x=floats([1, 2, 3], [1, 2, 3]))
    assert alone[0].tolist() == [[1, 1, 1]] and together[0].tolist() == [[0.5] * 3] * 2

    assert run("fixed-one", x=floats([1, 1, 1, 1]))[0].tolist() == [[10.5, -0.5]]
    eight = run("fixed-eight", x=floats(*[[i, 0, 0, 1] for i in range(8)]))[0]
    assert eight.tolist() == [[i + 4.5, i - 1.5] for i in range(8)]

    total = run("scalar-free", x=floats([1, 2, 3], [4, 5, 6]))[0]
    assert total.shape == () and total == 21

    total, doubled = run("two-inputs", a=floats([0.5, 1], [2, 3]), b=ints(10, -4))
    assert total.tolist() == [11.5, 1] and doubled.tolist() == [20, -8]

    assert run("throws", i=ints(0, 3, 9, -1))[0].tolist() == [0, 30, 90, 90]
    try:
        run("throws", i=ints(0, 99, 3))
        raise AssertionError("index 99 did not throw")
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument as error:
        assert "indices element out of data bounds" in str(error)

    assert run("crashes", i=ints(0, 7, -2))[0].tolist() == [0, 7, -2]

    assert run("slow", n=ints([0], [7], [-2]))[0].tolist() == [0, 7, -2]

    assert run("echo", x=floats([1, 2, 3], [4, 5, 6]))[0].tolist() == [[1, 2, 3], [4, 5, 6]]

    words = [["ä", "\ufeff\uffff"], ["", "\U0010ffff"]]
    assert run("texts", x=np.array(words, object))[0].tolist() == words

    logs = run("nan-out", x=floats([1, 0], [-1, 1]))[0]
    assert np.array_equal(logs, [[0, -np.inf], [np.nan, 0]], equal_nan=True)

    assert run("rare", x=floats(5, 2e9))[0].tolist() == [0, 1e9]

    labels, probabilities = run("dict-and-seq", x=floats([0, 1], [1, 0], [1, 1]))
    assert labels.tolist() == ["cold", "warm", "hot"]
    assert probabilities == [
        {"cold": 0.75, "hot": 0, "warm": 0.25},
        {"cold": 0, "hot": 0, "warm": 1},
        {"cold": 0, "hot": 0.75, "warm": 0.25},
    ]


def run(name, **feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the error of "throws" is expected
    return onnxruntime.InferenceSession(HERE / name / "model.onnx", options).run(None, feeds)


if __name__ == "__main__":
    main()
