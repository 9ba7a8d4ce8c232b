#!/usr/bin/env python3
"""Writes gradients of the tiny models by transformers: NAME-gradients.json and .f32, and ten steps of AdamW.

Made with: the versions in "reference" of the results. Run after make_models.py: python make_gradients.py
Float64 throughout, rounded once; weights are those of the folders.
"""

import json

import numpy as np
import torch
from transformers import (AutoModel, AutoModelForSequenceClassification)

from make_models import HERE, SEED, Arrays, reference

CHOSEN = [3, 5, 8, 10]  # inputs of NAME.json
LABELS = [2, 0, 1, 2]
STEPS = 10


def batch(name):
  inputs = json.loads((HERE / f"{name}.json").read_text())["inputs"]
  ids = [inputs[i] for i in CHOSEN]
  width = max(map(len, ids))
  pad = 1 if "mpnet" in name else 0
  return ids, {"input_ids": torch.tensor([i + [pad] * (width - len(i)) for i in ids]),
               "attention_mask": torch.tensor([[1] * len(i) + [0] * (width - len(i)) for i in ids])}


def encoder(name):
  """loss = sum over sequences of normalised mean-pooled vector times random numbers."""
  model = AutoModel.from_pretrained(HERE / name).double().eval()
  ids, tensors = batch(name)
  generator = torch.Generator().manual_seed(SEED)
  weights = torch.randn(len(ids), model.config.hidden_size, generator=generator)
  sums = []
  def keep(_, arguments):
    arguments[0].retain_grad()
    sums.append(arguments[0])
  model.embeddings.LayerNorm.register_forward_pre_hook(keep)
  states = model(**tensors).last_hidden_state
  mask = tensors["attention_mask"].double()[..., None]
  pooled = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
  loss = (pooled * weights.double()).sum()
  loss.backward()
  arrays = Arrays()
  arrays.add("weights", weights.numpy())
  arrays.add("vectors", pooled.detach().numpy())
  arrays.add("embedding_gradients", torch.cat([sums[0].grad[i, : len(x)] for i, x in enumerate(ids)]).numpy())
  for key, parameter in model.named_parameters():
    if parameter.grad is not None:
      arrays.add("gradient/" + key, parameter.grad.numpy())
  arrays.write(f"{name}-gradients", {
      "reference": reference(), "script": "make_gradients.py", "seed": SEED, "inputs": CHOSEN, "loss": loss.item()})


def classifier(name):
  """Cross-entropy of three classes with a random head; losses before each of ten steps of AdamW."""
  model = AutoModelForSequenceClassification.from_pretrained(
      HERE / name, num_labels=3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).double().train()
  generator = torch.Generator().manual_seed(SEED)
  arrays = Arrays()
  head = [(k, p) for k, p in model.named_parameters() if k.startswith("classifier") or ".pooler." in k]
  with torch.no_grad():
    for key, parameter in head:
      values = torch.randn(parameter.shape, generator=generator) * 0.3
      parameter.copy_(values.double())
      arrays.add("head/" + key, values.numpy())
  _, tensors = batch(name)
  labels = torch.tensor(LABELS)
  optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05)
  losses = []
  for step in range(STEPS):
    optimizer.zero_grad()
    output = model(**tensors, labels=labels)
    if step == 0:
      arrays.add("scores", output.logits.detach().numpy())
      output.loss.backward()
      for key, parameter in head:
        arrays.add("gradient/" + key, parameter.grad.numpy())
    else:
      output.loss.backward()
    losses.append(output.loss.item())
    optimizer.step()
  arrays.write(f"{name}-steps", {
      "reference": reference(), "script": "make_gradients.py", "seed": SEED, "inputs": CHOSEN, "labels": LABELS,
      "learning_rate": 2e-3, "weight_decay": 0.05, "losses": losses})


if __name__ == "__main__":
  torch.set_num_threads(1)
  for name in ("tiny-bert", "tiny-mpnet"):
    encoder(name)
    classifier(name)
