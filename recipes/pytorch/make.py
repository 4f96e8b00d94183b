"""A network of PyTorch."""

import torch
from golden import drop_traces, write_golden

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3), torch.nn.Softmax(dim=-1))

import torch

model.eval()
rows = torch.export.Dim("rows")
torch.onnx.export(
    model, (torch.zeros(2, 4),), "model.onnx", input_names=["x"], output_names=["probabilities"],
    dynamic_shapes=({0: rows},), external_data=False,
)

asked = torch.randn(12, 4)
with torch.no_grad():
    answers = model(asked)
drop_traces()
write_golden(
    [{"x": row} for row in asked.tolist()],
    [{"probabilities": row} for row in answers.tolist()],
    ["torch", "onnxscript", "onnx"],
)
