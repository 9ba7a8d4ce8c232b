#!/usr/bin/env python3
"""Writes training.json: steps of optimizers, schedules and losses by PyTorch and transformers.

Made with: the versions in "reference" of the result. Run: python make_training.py
Float64 throughout.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

torch.manual_seed(11)
numbers = lambda t: t.detach().flatten().tolist()
START = [torch.randn(2, 3).double(), torch.randn(4).double()]
GRADIENTS = [[torch.randn(2, 3).double(), torch.randn(4).double()] for _ in range(6)]
RULES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.2),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.2),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.2),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.2),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9, eps=1e-6, weight_decay=0.2),
}


def optimizers():
  result = {}
  for name, make in RULES.items():
    parameters = [torch.nn.Parameter(p.clone()) for p in START]
    optimizer = make(parameters)
    steps = []
    for gradients in GRADIENTS:
      for p, g in zip(parameters, gradients):
        p.grad = g.clone()
      optimizer.step()
      steps.append([numbers(p) for p in parameters])
    result[name] = steps
  return result


def schedules():
  result = {}
  for name, make in (("linear", get_linear_schedule_with_warmup), ("cosine", get_cosine_schedule_with_warmup)):
    for warmup in (0, 3):
      optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
      schedule = make(optimizer, warmup, 10)
      factors = []
      for _ in range(10):
        factors.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
      result[f"{name} {warmup}"] = factors
  return result


def losses():
  q, p, n = (F.normalize(torch.randn(4, 5).double(), dim=1) for _ in range(3))
  inputs = [x.float().double().requires_grad_() for x in (q, p, n)]
  q, p, n = inputs
  scores = 20 * q @ torch.cat([p, n]).T
  target = torch.arange(4)
  other = scores.masked_fill(F.one_hot(target, 8).bool(), -torch.inf)
  ones = torch.ones(4).double()
  values = {
      "contrastive": F.cross_entropy(scores, target, reduction="none"),
      "decoupled": other.logsumexp(1) - scores[target, target],
      "margin": F.margin_ranking_loss((q * p).sum(1), (q * n).sum(1), ones, margin=0.3, reduction="none"),
      "triplet": F.triplet_margin_loss(q, p, n, margin=0.5, eps=0, reduction="none"),
  }
  result = {"q": numbers(q), "p": numbers(p), "n": numbers(n)}
  for name, loss in values.items():
    gradients = torch.autograd.grad(loss.mean(), inputs, retain_graph=True)
    result[name] = {"loss": numbers(loss), "gradients": [numbers(g) for g in gradients]}
  return result


versions = ", ".join(f"{n} {version(n)}" for n in ("torch", "transformers"))
result = {
    "reference": f"Python {platform.python_version()}, {versions}", "start": [numbers(p) for p in START],
    "gradients": [[numbers(g) for g in gs] for gs in GRADIENTS], "optimizers": optimizers(), "schedules": schedules(),
    "losses": losses()}
(Path(__file__).resolve().parent / "training.json").write_text(json.dumps(result, indent=1) + "\n")
