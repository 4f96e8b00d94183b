"""What a recipe hands over beside its model.onnx: perhaps a model.yaml, and golden.json with inputs as OnQueue takes them, the answers
of the library that made the model, and the versions of the packages."""

import json
import os
from importlib.metadata import version
from pathlib import Path

# all that a recipe writes lands here: the runner says where, and by hand it is where one is
os.chdir(os.environ.get("RECIPE_FOLDER", "."))


def write_golden(inputs, outputs, packages, settings=""):
    """`inputs` and `outputs` have one for each row."""
    cases = [{"input": one, "output": other} for one, other in zip(inputs, outputs, strict=True)]
    golden = {"versions": {name: version(name) for name in packages}, "cases": cases}
    Path("golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    if settings:
        Path("model.yaml").write_text(settings)


def predictions_of(labels, probabilities, classes):
    """Answers of a tabular classification."""
    return [
        {"prediction": label, "probabilities": dict(zip(map(str, classes), numbers, strict=True))}
        for label, numbers in zip(labels.tolist(), probabilities.tolist(), strict=True)
    ]


def drop_traces():
    """Takes out of model.onnx where in whose folders each node comes from, which PyTorch notes."""
    import onnx

    model = onnx.load("model.onnx")
    for node in [*model.graph.node, *(node for function in model.functions for node in function.node)]:
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    onnx.save(model, "model.onnx")
