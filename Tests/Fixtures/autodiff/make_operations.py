#!/usr/bin/env python3
"""Writes operations.json and operations.f32: values and gradients of every operation of the tape.

Made with: Python 3.11, torch (see "reference" in the result). Run: python make_operations.py
Inputs are Float32; values and gradients are computed in Float64 and rounded once. The output gradient `dy` of each
case is random, so that loss = sum(y * dy).
"""

import json
import math
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
SEED = 5
rng = np.random.default_rng(SEED)
entries, parts, cases = [], [], []
at = 0


def put(name, array):
  global at
  array = np.ascontiguousarray(np.asarray(array, dtype=np.float64).astype("<f4"))
  assert np.isfinite(array).all(), name
  entries.append({"name": name, "shape": list(array.shape), "offset": at})
  parts.append(array.tobytes())
  at += array.size


def normal(*shape, scale=1.0):
  return (rng.standard_normal(shape) * scale).astype(np.float32)


def case(name, operation, inputs, function, **attributes):
  """inputs: name -> Float32 array, all differentiated; function gets Float64 tensors by name."""
  tensors = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in inputs.items()}
  y = function(**tensors)
  dy = normal(*y.shape) if y.dim() else np.float32(0.7)
  (y * torch.tensor(dy, dtype=torch.float64)).sum().backward()
  for key, tensor in tensors.items():
    put(f"{name}/{key}", tensor.detach().numpy())
    put(f"{name}/d{key}", tensor.grad.numpy())
  put(f"{name}/y", y.detach().numpy())
  put(f"{name}/dy", dy)
  cases.append({"name": name, "operation": operation, "inputs": list(inputs)} | attributes)


def attention(qkv, lengths, heads, shared, causal=False, rotary=False, bias=None):
  size = qkv.shape[1] // (heads + 2 * shared)
  rows, start = [], 0
  for n in lengths:
    part = qkv[start : start + n]
    start += n
    q = part[:, : heads * size].reshape(n, heads, size).transpose(0, 1)
    k = part[:, heads * size : (heads + shared) * size].reshape(n, shared, size).transpose(0, 1)
    v = part[:, (heads + shared) * size :].reshape(n, shared, size).transpose(0, 1)
    if rotary:
      angles = torch.arange(n, dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
      cos, sin = torch.cat([angles.cos()] * 2, 1), torch.cat([angles.sin()] * 2, 1)
      half = lambda x: torch.cat([-x[..., size // 2 :], x[..., : size // 2]], -1)
      q, k = q * cos + half(q) * sin, k * cos + half(k) * sin
    k, v = k.repeat_interleave(heads // shared, 0), v.repeat_interleave(heads // shared, 0)
    scores = q @ k.transpose(1, 2) / math.sqrt(size)
    if bias is not None:
      scores = scores + bias(n)
    if causal:
      scores = scores + torch.full((n, n), -math.inf, dtype=torch.float64).triu(1)
    rows.append((scores.softmax(-1) @ v).transpose(0, 1).reshape(n, heads * size))
  return torch.cat(rows)


def main():
  case("linear", "linear", {"x": normal(37, 5), "w": normal(6, 5), "b": normal(6)}, lambda x, w, b: x @ w.T + b)
  case("linear without bias", "linear", {"x": normal(3, 19), "w": normal(35, 19)}, lambda x, w: x @ w.T)
  case("stacked linear", "linear",
       {"x": normal(14, 33), "w": normal(6, 33), "b": normal(6), "w2": normal(40, 33), "w3": normal(3, 33), "b3": normal(3)},
       lambda x, w, b, w2, w3, b3: torch.cat([x @ w.T + b, x @ w2.T, x @ w3.T + b3], 1))
  # More inner terms than a block of the product kernel, 256.
  case("deep linear", "linear", {"x": normal(2, 300), "w": normal(3, 300)}, lambda x, w: x @ w.T)
  case("long linear", "linear", {"x": normal(300, 2), "w": normal(3, 2)}, lambda x, w: x @ w.T)

  ids = [rng.integers(0, n, 9).tolist() for n in (11, 6, 2)]
  case("embedding", "embedding", {"a": normal(11, 20), "b": normal(6, 20), "c": normal(2, 20)},
       lambda a, b, c: a[ids[0]] + b[ids[1]] + c[ids[2]], ids=ids)

  norm = lambda x, g, b, eps: F.layer_norm(x, x.shape[-1:], g, b, eps)
  case("layer norm", "layerNorm", {"x": normal(5, 32), "weight": normal(32), "bias": normal(32)},
       lambda x, weight, bias: norm(x, weight, bias, 1e-5), epsilon=1e-5)
  case("layer norm of a sum", "layerNorm",
       {"x": normal(20, 19) + 3, "residual": normal(20, 19), "weight": normal(19), "bias": normal(19)},
       lambda x, residual, weight, bias: norm(x + residual, weight, bias, 1e-12), epsilon=1e-12)
  case("rms norm", "rmsNorm", {"x": normal(7, 37), "weight": normal(37)},
       lambda x, weight: x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * weight, epsilon=1e-6)

  lengths = [5, 1, 0, 19]
  case("attention", "attention", {"x": normal(25, 18)}, lambda x: attention(x, lengths, 2, 2), lengths=lengths, heads=2, shared=2)
  case("causal attention", "attention", {"x": normal(25, 18)}, lambda x: attention(x, lengths, 2, 2, causal=True),
       lengths=lengths, heads=2, shared=2, causal=True)
  case("grouped rotary attention", "attention", {"x": normal(25, 64)},
       lambda x: attention(x, lengths, 4, 2, causal=True, rotary=True), lengths=lengths, heads=4, shared=2, causal=True, rotary=True)
  # More queries than a block of the attention kernels, 96.
  case("long attention", "attention", {"x": normal(110, 9)}, lambda x: attention(x, [107, 3], 1, 1), lengths=[107, 3], heads=1, shared=1)
  case("long causal attention", "attention", {"x": normal(110, 12)}, lambda x: attention(x, [107, 3], 1, 1, True, True),
       lengths=[107, 3], heads=1, shared=1, causal=True, rotary=True)
  case("wide heads", "attention", {"x": normal(9, 3 * 40)}, lambda x: attention(x, [4, 5], 1, 1), lengths=[4, 5], heads=1, shared=1)
  # Buckets by clipped distance: -2, -1, 0, 1, 2 and beyond.
  bucket = lambda n: (torch.arange(n)[None, :] - torch.arange(n)[:, None]).clamp(-2, 2) + 2
  case("attention with relative bias", "attention", {"x": normal(25, 18), "table": normal(5, 2)},
       lambda x, table: attention(x, lengths, 2, 2, bias=lambda n: table[bucket(n)].permute(2, 0, 1)),
       lengths=lengths, heads=2, shared=2)

  grid = np.linspace(-6, 6, 97).astype(np.float32)[:, None]
  case("gelu", "activation", {"x": grid}, lambda x: F.gelu(x), activation="gelu")
  case("gelu_new", "activation", {"x": grid}, lambda x: F.gelu(x, approximate="tanh"), activation="gelu_new")
  case("relu", "activation", {"x": grid[grid != 0][:, None]}, lambda x: F.relu(x), activation="relu")
  case("none", "activation", {"x": normal(3, 7)}, lambda x: x * 1, activation="none")
  case("swiglu", "swiGLU", {"x": normal(9, 11, scale=3), "up": normal(9, 11)}, lambda x, up: F.silu(x) * up)
  case("tanh", "tanh", {"x": grid}, lambda x: x.tanh())
  case("log sigmoid", "logSigmoid", {"x": grid * 5}, lambda x: F.logsigmoid(x))
  case("positive part", "positivePart", {"x": normal(4, 5)}, lambda x: x.clamp_min(0))

  case("add", "add", {"x": normal(4, 5), "other": normal(4, 5)}, lambda x, other: x + other)
  case("subtract", "subtract", {"x": normal(4, 5), "other": normal(4, 5)}, lambda x, other: x - other)
  case("multiply", "multiply", {"x": normal(4, 5), "other": normal(4, 5)}, lambda x, other: x * other)
  case("twice the same", "square", {"x": normal(4, 5)}, lambda x: x * x + x)
  case("scaled", "scaled", {"x": normal(4, 5)}, lambda x: x * 2.5)
  case("shifted", "shifted", {"x": normal(4, 5)}, lambda x: x + 2.5)

  start = np.cumsum([0] + lengths).tolist()
  pieces = lambda x: [x[a:b] for a, b in zip(start, start[1:])]
  mean = lambda p: p.mean(0) if len(p) else torch.zeros(7, dtype=torch.float64)
  first = lambda p: p[0] if len(p) else torch.zeros(7, dtype=torch.float64)
  case("mean pool", "meanPool", {"x": normal(25, 7)}, lambda x: torch.stack([mean(p) for p in pieces(x)]), lengths=lengths)
  case("first pool", "firstPool", {"x": normal(25, 7)}, lambda x: torch.stack([first(p) for p in pieces(x)]), lengths=lengths)
  rows = [3, 0, 3, 4]
  case("gather", "gather", {"x": normal(5, 7)}, lambda x: x[rows], rows=rows)
  case("normalized", "normalized", {"x": normal(6, 21, scale=4)}, lambda x: F.normalize(x, dim=-1))

  case("concatenated", "concatenated", {"x": normal(5, 7), "other": normal(2, 7)}, lambda x, other: torch.cat([x, other]))
  case("similarity", "similarity", {"x": normal(5, 23), "other": normal(8, 23)}, lambda x, other: x @ other.T * 20.0, scale=20.0)
  case("row products", "rowProducts", {"x": normal(5, 23), "other": normal(5, 23)}, lambda x, other: (x * other).sum(1, keepdim=True))
  case("sum", "sum", {"x": normal(5, 3)}, lambda x: x.sum())
  weights = normal(15)
  case("weighted sum", "sum", {"x": normal(5, 3)}, lambda x: (x.flatten() * torch.tensor(weights, dtype=torch.float64)).sum(),
       weights=[float(w) for w in weights])
  case("mean", "mean", {"x": normal(5, 3)}, lambda x: x.mean())

  targets = [2, -1, 0, 18, 5]
  def cross_entropy(x, excluded=None, keeps=True):
    losses = []
    for r, t in enumerate(targets):
      if t < 0:
        losses.append(x[r].sum() * 0)
        continue
      kept = [j for j in range(x.shape[1]) if (keeps and j == t) or (j != t and j not in (excluded[r] if excluded else []))]
      losses.append(x[r][kept].logsumexp(0) - x[r][t])
    return torch.stack(losses)[:, None]
  excluded = [[0, 1, 2], [], [], [17, 18], list(range(5))]
  case("cross entropy", "crossEntropy", {"x": normal(5, 19, scale=5)}, cross_entropy, targets=targets)
  case("cross entropy with exclusions", "crossEntropy", {"x": normal(5, 19, scale=5)}, lambda x: cross_entropy(x, excluded),
       targets=targets, excluded=excluded)
  case("decoupled contrastive", "crossEntropy", {"x": normal(5, 19, scale=5)}, lambda x: cross_entropy(x, excluded, False),
       targets=targets, excluded=excluded, decoupled=True)
  tokens = [3, 36, -1, 8, 7]
  def vocabulary(x, w, b=None):
    z = x @ w.T + (0 if b is None else b)
    loss = F.cross_entropy(z, torch.tensor([t if t >= 0 else -100 for t in tokens]), reduction="none", ignore_index=-100)
    return loss[:, None]
  case("vocabulary loss", "vocabularyLoss", {"x": normal(5, 6), "w": normal(37, 6), "b": normal(37)}, vocabulary, targets=tokens, block=8)
  case("vocabulary loss in one block", "vocabularyLoss", {"x": normal(5, 6), "w": normal(37, 6)}, vocabulary, targets=tokens, block=64)

  (HERE / "operations.f32").write_bytes(b"".join(parts))
  head = {"reference": f"Python {platform.python_version()}, torch {version('torch')}", "script": "make_operations.py", "seed": SEED}
  text = json.dumps(head | {"cases": "@", "arrays": "#"}, indent=1)
  lines = lambda rows: "[\n  " + ",\n  ".join(json.dumps(r) for r in rows) + "\n ]"
  (HERE / "operations.json").write_text(text.replace('"@"', lines(cases)).replace('"#"', lines(entries)) + "\n")
  print(f"{len(cases)} cases, {at} floats")


if __name__ == "__main__":
  main()
