#!/usr/bin/env python3
"""Vectors of pairs (title, text) of two segments, as MedCPT embeds passages.

A BERT forward pass in plain numpy float64, from the weights of `tiny-bert` and `tiny-bert-cls`. The
words are whole entries of the vocabulary, so that no tokenizer is needed: [CLS] title [SEP] text
[SEP] with segments 0 and 1.

Made with: Python 3.11, numpy 2.4.6. No seed: nothing is random. Run: python make_pairs.py
"""

import json
import math
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PAIRS = [
    ("fever", "cough"),
    ("acute fever and cough", "the patient had pain in the chest"),
    ("diabetes", "insulin is the drug for chronic disease of the blood"),
    ("kidney liver lung heart immune cell", "risk"),
]


def weights(folder):
  data = (HERE / folder / "model.safetensors").read_bytes()
  length = int.from_bytes(data[:8], "little")
  header = json.loads(data[8:8 + length])
  result = {}
  for name, entry in header.items():
    if name != "__metadata__" and entry["dtype"] == "F32":
      begin, end = entry["data_offsets"]
      array = np.frombuffer(data[8 + length + begin:8 + length + end], "<f4")
      result[name.removeprefix("bert.")] = array.reshape(entry["shape"]).astype(np.float64)
  return result


def states(w, ids, types, heads=4, layers=2, epsilon=1e-12):
  def linear(x, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]

  def norm(x, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return scaled * w[name + ".weight"] + w[name + ".bias"]

  gelu = np.vectorize(lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2))))
  e = "embeddings."
  x = norm(
      w[e + "word_embeddings.weight"][ids] + w[e + "token_type_embeddings.weight"][types]
      + w[e + "position_embeddings.weight"][:len(ids)], e + "LayerNorm")
  size = x.shape[1] // heads
  for layer in range(layers):
    base = f"encoder.layer.{layer}."
    q, k, v = (linear(x, base + "attention.self." + part) for part in ("query", "key", "value"))
    parts = []
    for head in range(heads):
      s = slice(head * size, (head + 1) * size)
      scores = q[:, s] @ k[:, s].T / math.sqrt(size)
      scores = np.exp(scores - scores.max(-1, keepdims=True))
      parts.append(scores / scores.sum(-1, keepdims=True) @ v[:, s])
    x = norm(linear(np.concatenate(parts, 1), base + "attention.output.dense") + x,
             base + "attention.output.LayerNorm")
    wide = gelu(linear(x, base + "intermediate.dense"))
    x = norm(linear(wide, base + "output.dense") + x, base + "output.LayerNorm")
  return x


def main():
  vocabulary = (HERE / "tiny-bert/vocab.txt").read_text(encoding="utf-8").split("\n")
  index = {token: i for i, token in enumerate(vocabulary)}
  mean, cls = weights("tiny-bert"), weights("tiny-bert-cls")
  rows = []
  for title, text in PAIRS:
    first, second = ([index[word] for word in part.split()] for part in (title, text))
    ids = [index["[CLS]"], *first, index["[SEP]"], *second, index["[SEP]"]]
    types = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    pooled = states(mean, ids, types).mean(0)
    rows.append({
        "title": title, "text": text, "ids": ids, "type_ids": types,
        "tiny-bert": (pooled / np.linalg.norm(pooled)).tolist(),
        "tiny-bert-cls": states(cls, ids, types)[0].tolist()})
  head = {"script": "make_pairs.py", "reference": f"numpy {np.__version__}, float64"}
  (HERE / "pairs.json").write_text(json.dumps({**head, "pairs": rows}, indent=1) + "\n")


main()
