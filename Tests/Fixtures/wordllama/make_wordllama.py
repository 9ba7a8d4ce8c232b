#!/usr/bin/env python3
"""40 texts and their WordLlama l2_supercat_256 embeddings.

Made with: Python 3.11, wordllama 0.4.0.post1, tokenizers 0.23.3, numpy 2.4.6. No randomness.
Run: OMP_NUM_THREADS=1 python make_wordllama.py

Weights and tokenizer are the wheel's own files, given to WordLlamaInference directly: WordLlama.load looks for the
tokenizer in a folder "tokenizer" while the wheel ships "tokenizers", and would try to download it.
"""

import gzip
import hashlib
import importlib.util
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from wordllama.inference import WordLlamaInference

HERE = Path(__file__).resolve().parent
ODD = [
    "", " ", "a", "fever", "What is diabetes?", "The quick brown fox jumps over the lazy dog.", "  two  spaces  ", "tab\tand\nnewline",
    "naïve café", "日本語のテキスト", "emoji 👩🏽\u200d🚀 here", "zero\u200bwidth", "[SEP] [CLS] [INST]", "3.14159 1,234,567", "x" * 300,
    "İstanbul straße ΟΔΟΣ", "𝐀𝐁𝐂 𓀀 ꙮ", "\u0301combining", "CD4⁺/CD8⁺ T-cells ≥3 mg·kg⁻¹", "word " * 600,
]


def main():
  package = Path(importlib.util.find_spec("wordllama").origin).parent
  weights, configuration = package / "weights/l2_supercat_256.safetensors", package / "tokenizers/l2_supercat_tokenizer_config.json"
  table = load_file(weights)["embedding.weight"]
  own = gzip.decompress((HERE.parent / "minilm/texts.jsonl.gz").read_bytes()).decode().splitlines()
  texts = ODD + [json.loads(own[i])["text"] for i in range(7, 300, 15)]
  assert len(texts) == 40
  # No text holds "<unk>", "<s>" or "</s>", which wordllama would take for the special tokens.
  assert not any(s in t for t in texts for s in ("<unk>", "<s>", "</s>"))
  model = WordLlamaInference(table, Tokenizer.from_file(str(configuration)))
  plain = model.embed(texts)
  filled = [i for i, t in enumerate(texts) if t]
  unit = model.embed([texts[i] for i in filled], norm=True)
  alone = np.concatenate([model.embed(t) for t in texts])
  tokenizer = Tokenizer.from_file(str(configuration))
  ids = [tokenizer.encode(t, add_special_tokens=False).ids for t in texts]
  rule = np.stack([table[i].astype(np.float32).sum(axis=0, dtype=np.float32) / np.float32(max(len(i), 1)) for i in ids])
  assert np.abs(rule - plain).max() < 1e-6, np.abs(rule - plain).max()
  assert not plain[texts.index("")].any()
  (HERE / "embeddings.f32").write_bytes(plain.astype("<f4").tobytes())
  (HERE / "embeddings_normalized.f32").write_bytes(unit.astype("<f4").tobytes())
  names = ["wordllama", "tokenizers", "numpy"]
  head = {
      "reference": f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names),
      "script": "make_wordllama.py",
      "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
      "tokenizer_sha256": hashlib.sha256(configuration.read_bytes()).hexdigest(),
      "embeddings": {"file": "embeddings.f32", "shape": list(plain.shape)},
      "embeddings_normalized": {"file": "embeddings_normalized.f32", "shape": list(unit.shape), "texts": filled},
      "largest_difference_to_one_text_a_batch": float(np.abs(alone - plain).max()),
      "token_counts": [len(i) for i in ids],
      "texts": texts,
  }
  (HERE / "wordllama.json").write_text(json.dumps(head, indent=1) + "\n")
  print("wrote embeddings.f32, embeddings_normalized.f32, wordllama.json;", "tokens", min(map(len, ids)), "to", max(map(len, ids)),
        head["largest_difference_to_one_text_a_batch"])


if __name__ == "__main__":
  main()
