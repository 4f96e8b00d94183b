"""A classifier of texts with the architecture of BERT and weights at random: nothing is downloaded."""

import torch
from golden import drop_traces, write_golden
from transformers import BertConfig, BertForSequenceClassification

torch.manual_seed(0)
config = BertConfig(
    vocab_size=200, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=64, num_labels=3, initializer_range=0.5,
)
model = BertForSequenceClassification(config)

import torch

model.eval().config.return_dict = False
names = ["input_ids", "attention_mask"]
axes = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens", max=model.config.max_position_embeddings)}
torch.onnx.export(
    model, kwargs={name: torch.ones(2, 8, dtype=torch.int64) for name in names}, f="model.onnx",
    input_names=names, output_names=["logits"], dynamic_shapes=dict.fromkeys(names, axes), external_data=False,
)

ids = torch.randint(1, 200, (8, 12))
mask = torch.ones_like(ids)
mask[::2, 9:] = 0
with torch.no_grad():
    (logits,) = model(input_ids=ids, attention_mask=mask)
drop_traces()
write_golden(
    [{"input_ids": i, "attention_mask": m} for i, m in zip(ids.tolist(), mask.tolist())],
    [{"logits": row} for row in logits.tolist()],
    ["transformers", "torch", "onnxscript", "onnx"],
)
