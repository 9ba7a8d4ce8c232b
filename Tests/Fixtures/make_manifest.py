#!/usr/bin/env python3
"""Writes MANIFEST into each topic folder: SHA-256, bytes and path of every other file, sorted by path.

Made with: Python 3.11, no packages. Run: python make_manifest.py  (`--check` compares instead and exits 1).
The format is that of `sha256sum` with the size between, so `cut -c1-64,76-` fits `sha256sum -c`.
"""

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOPICS = ["autodiff", "training", "tokenizers", "gguf", "models", "minilm", "mpnet", "wordllama", "statistics", "ranking", "reference", "defenses", "decoders", "smollm2", "privacy"]


def manifest(folder):
  paths = (p for p in folder.rglob("*") if p.is_file() and p.name != "MANIFEST" and "__pycache__" not in p.parts)
  rows = []
  for path in sorted(paths, key=lambda p: p.relative_to(folder).as_posix()):
    data = path.read_bytes()
    rows.append(f"{hashlib.sha256(data).hexdigest()} {len(data):>10}  {path.relative_to(folder).as_posix()}\n")
  return "".join(rows)


def main():
  wrong = 0
  for topic in TOPICS:
    folder = HERE / topic
    if not folder.is_dir():
      continue
    text, path = manifest(folder), folder / "MANIFEST"
    if "--check" in sys.argv:
      if not path.is_file() or path.read_text() != text:
        wrong += 1
        print(f"{path} does not fit its folder")
    else:
      path.write_text(text)
      print(f"wrote {path} ({text.count(chr(10))} files)")
  sys.exit(1 if wrong else 0)


if __name__ == "__main__":
  main()
