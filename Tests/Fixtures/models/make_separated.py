#!/usr/bin/env python3
"""Passages as SPECTER takes them, `title [SEP] text` in one segment, and their vectors.

As SPECTER's model card has it: `tokenizer(title + tokenizer.sep_token + (abstract or ""), truncation=True)`, the first
token's state of the last layer. Where a text spells out a special token, the model card's formula would let it act as
one; such a passage is encoded here in two parts with `encode_special_tokens`, joined by the id of [SEP]. For every
other passage both ways are checked to give the same ids.

Made with: Python 3.11, torch 2.15.0 (CPU, float32, eval), transformers 5.23.0, tokenizers 0.23.3. No randomness.

Run: OMP_NUM_THREADS=1 python make_separated.py
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertModel, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
LIMIT = 24
PASSAGES = [
    ("fever", "cough"),
    ("Acute fever and cough", "The patient had pain in the chest."),
    ("Diabetes", ""),
    ("", "Insulin is the drug for chronic disease of the blood."),
    ("Naïve  kidney, liver: ", " 心 heart\u0301 and immune cell "),
    ("pain " * 30, "fever"),
    ("fever", "heart " * 40),
    ("pain " * 22, "fever"),
    ("fever " * 21, "pain cough"),
]
LITERAL = [
    ("[SEP] fever", "pain [SEP] cough [CLS] [MASK]"),
    ("fever [sep", "] cough"),
    ("[PAD]", "[SEP]"),
]


def main():
  torch.set_num_threads(1)
  file = HERE / "tiny-bert/tokenizer.json"
  names = {f"{role}_token": f"[{role.upper()}]" for role in ("cls", "sep", "pad", "unk", "mask")}
  reference = PreTrainedTokenizerFast(tokenizer_file=str(file), **names)
  plain = Tokenizer.from_file(str(file))
  plain.no_truncation()
  plain.no_padding()
  plain.encode_special_tokens = True
  begin, end = reference.cls_token_id, reference.sep_token_id

  def whole(title, text, limit=None):
    if title == "":
      found = reference(text, truncation=limit is not None, max_length=limit, return_token_type_ids=True)
    else:
      found = reference(title + reference.sep_token + text, truncation=limit is not None, max_length=limit, return_token_type_ids=True)
    assert set(found["token_type_ids"]) == {0}
    return found["input_ids"]

  def parts(title, text, limit=None):
    first, second = (plain.encode(part, add_special_tokens=False).ids for part in (title, text))
    content = first + [end] + second if title else second
    return [begin] + (content if limit is None else content[:limit - 2]) + [end]

  models = {name: BertModel.from_pretrained(HERE / name).eval() for name in ("tiny-bert", "tiny-bert-cls")}
  rows = []
  for title, text in PASSAGES + LITERAL:
    isLiteral = (title, text) in LITERAL
    encode = parts if isLiteral else whole
    for limit in (None, LIMIT, 3):
      assert isLiteral or whole(title, text, limit) == parts(title, text, limit), (title, text, limit)
    ids = encode(title, text, LIMIT)
    with torch.no_grad():
      states = {name: model(torch.tensor([ids])).last_hidden_state[0] for name, model in models.items()}
    mean = states["tiny-bert"].mean(0)
    rows.append({
        "title": title, "text": text, "literal": isLiteral, "ids": encode(title, text), "cut_ids": ids,
        "tiny-bert": (mean / mean.norm()).tolist(), "tiny-bert-cls": states["tiny-bert-cls"][0].tolist()})
  versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "tokenizers"))
  head = {
      "script": "make_separated.py", "reference": f"Python {platform.python_version()}, {versions}", "limit": LIMIT}
  (HERE / "separated.json").write_text(
      json.dumps({**head, "passages": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
  print(f"wrote separated.json ({len(rows)} passages)")


main()
