#!/usr/bin/env python3
"""40 texts of 5 to 600 tokens and their all-mpnet-base-v2 embeddings.

Made with: Python 3.11, torch 2.15.0 (CPU, float32, 1 thread), transformers 5.23.0, sentence-transformers 6.2.0,
tokenizers 0.23.3. No randomness.

Run: OMP_NUM_THREADS=1 nice -n 10 python make_mpnet.py [--model DIR] [--assemble]

texts.jsonl.gz   {"id", "tokens" (untruncated, with <s> and </s>), "text"}; assembled with --assemble from the texts of
                 ../minilm (sentences of this project's own corpus), else read as committed
embeddings.f32   [40, 768] little-endian float32, unit length: truncation at 384 tokens, mean pooling, L2 norm,
                 one text a batch
mpnet.json       shapes, versions, how far batches of 32 differ
"""

import argparse
import gzip
import hashlib
import io
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
# The lengths on both sides of the limit of 384 tokens stand one token apart.
TARGETS = [
    5, 6, 7, 8, 10, 12, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 80, 96, 112, 127, 128, 129, 160, 192, 224, 255, 256, 257,
    288, 320, 350, 382, 383, 384, 385, 386, 400, 420, 511, 600]
# Two of the lengths are met by text that is not plain English.
PREFIXES = {63: "Ménière’s naïve β-blocker: 5 µg/kg (≥ 3×) — 心不全 & ΔF508. ", 257: "e\u0301tat ﬁbrillé\u00a0½ №7 "}


def assemble(source, tokenizer):
  """Sentences in the order of the source, filled to each target length and cut at a word."""
  words = " ".join(json.loads(line)["text"] for line in gzip.decompress(source.read_bytes()).decode().splitlines()).split()
  rows, at = [], 0
  for number, target in enumerate(TARGETS):
    text = PREFIXES.get(target, "")
    while True:
      longer = (text + " " + words[at % len(words)]).strip() if not text.endswith(" ") else text + words[at % len(words)]
      if len(tokenizer.encode(longer).ids) > target:
        at += 1
        tokens = len(tokenizer.encode(text.strip()).ids)
        # A word of several tokens may not fit: the next that does is taken.
        if tokens == target:
          break
        continue
      text, at = longer, at + 1
    text = text.strip()
    rows.append({"id": number, "tokens": len(tokenizer.encode(text).ids), "text": text})
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
  parser.add_argument("--model", default="/tmp/models-home/models/all-mpnet-base-v2")
  parser.add_argument("--assemble", action="store_true")
  arguments = parser.parse_args()
  torch.set_num_threads(1)
  tokenizer = Tokenizer.from_file(str(Path(arguments.model) / "tokenizer.json"))
  tokenizer.no_truncation()
  tokenizer.no_padding()
  packed = HERE / "texts.jsonl.gz"
  if arguments.assemble:
    packed.write_bytes(pack(assemble(HERE.parent / "minilm/texts.jsonl.gz", tokenizer)))
  rows = [json.loads(line) for line in gzip.decompress(packed.read_bytes()).decode().splitlines()]
  assert [len(tokenizer.encode(row["text"]).ids) for row in rows] == [row["tokens"] for row in rows] == TARGETS
  model = sentence_transformers.SentenceTransformer(arguments.model, device="cpu")
  assert model.max_seq_length == 384
  texts = [row["text"] for row in rows]
  vectors = model.encode(texts, batch_size=1, convert_to_numpy=True, show_progress_bar=False).astype("<f4")
  batched = model.encode(texts, batch_size=32, convert_to_numpy=True, show_progress_bar=False)
  (HERE / "embeddings.f32").write_bytes(np.ascontiguousarray(vectors).tobytes())
  names = ["torch", "transformers", "sentence-transformers", "tokenizers"]
  head = {
      "reference": f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names),
      "script": "make_mpnet.py",
      "weights_sha256": hashlib.sha256((Path(arguments.model) / "model.safetensors").read_bytes()).hexdigest(),
      "shape": list(vectors.shape), "truncation": 384, "pooling": "mean", "normalize": True,
      "tokens": [row["tokens"] for row in rows],
      "truncated_texts": sum(row["tokens"] > 384 for row in rows),
      "largest_difference_to_batches_of_32": float(np.abs(vectors - batched).max()),
  }
  (HERE / "mpnet.json").write_text(json.dumps(head, indent=2) + "\n")
  print(f"wrote {packed}, embeddings.f32, mpnet.json", json.dumps(head))


if __name__ == "__main__":
  main()
