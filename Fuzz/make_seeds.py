#!/usr/bin/env python3
"""Writes the seeds that are text or simple bytes; `fuzz --seeds Seeds/detector` writes those of the detectors.

Made with: Python 3.11, no packages, nothing random. Run: python make_seeds.py
"""

import gzip
import json
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent / "Seeds"


def write(target, name, data):
  path = HERE / target / name
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes(data.encode() if isinstance(data, str) else data)


def safetensors(tensors, metadata=None, pad=0):
  sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1}
  header, at, body = {}, 0, b""
  if metadata is not None:
    header["__metadata__"] = metadata
  for name, kind, shape in tensors:
    count = 1
    for size in shape:
      count *= size
    header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + count * sizes[kind]]}
    at += count * sizes[kind]
    body += bytes((i * 7) % 60 for i in range(count * sizes[kind]))
  text = json.dumps(header, separators=(",", ":")).encode() + b" " * pad
  return struct.pack("<Q", len(text)) + text + body


for number, tensors in enumerate([
    [("a", "F32", [2, 3])], [("a", "F16", [5]), ("b", "BF16", [3]), ("c", "F32", [2])],
    [("s", "F32", []), ("z", "F32", [0, 4]), ("i", "I64", [2]), ("u", "U8", [3]), ("d", "F64", [1])], []]):
  write("safetensors", f"{number}.safetensors", safetensors(tensors, {"format": "pt"} if number == 1 else None, number))
for name, data in [("empty", b""), ("seven", b"1234567"), ("huge", b"\xff" * 8 + b"{}"), ("pickle", b"\x80\x02}q\x00."),
                   ("html", b"<!DOCTYPE html><html>")]:
  write("safetensors", name, data)


def gguf(keys, tensors, version=3, alignment=32):
  """Keys as (name, type, encoded value), tensors as (name, ggml sizes, type, bytes)."""
  def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()

  head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
  for name, kind, value in keys:
    head += text(name) + struct.pack("<I", kind) + value
  body = b""
  for name, sizes, kind, data in tensors:
    body += bytes(-len(body) % alignment)
    head += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, len(body))
    body += data
  return head + bytes(-len(head) % alignment) + body


def gguf_strings(values):
  return struct.pack("<IQ", 8, len(values)) + b"".join(struct.pack("<Q", len(v.encode())) + v.encode() for v in values)


def gguf_text(value):
  return struct.pack("<Q", len(value.encode())) + value.encode()


gguf_tokens = ["<|im_start|>", "<|im_end|>", "a", "b", "ab", "\u0120", "2", "\u00c3", "\u00a9", "\u00c3\u00a9"]
gguf_keys = [
    ("tokenizer.ggml.model", 8, gguf_text("gpt2")), ("tokenizer.ggml.pre", 8, gguf_text("smollm")),
    ("tokenizer.ggml.tokens", 9, gguf_strings(gguf_tokens)),
    ("tokenizer.ggml.token_type", 9, struct.pack("<IQ10i", 5, 10, 3, 3, *[1] * 8)),
    ("tokenizer.ggml.merges", 9, gguf_strings(["a b", "\u00c3 \u00a9"])),
    ("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 0)), ("tokenizer.ggml.add_bos_token", 7, b"\1"),
    ("numbers", 9, struct.pack("<IQ2d", 12, 2, 0.5, 1)), ("general.alignment", 4, struct.pack("<I", 32))]
blocks = [(0, 4, [3]), (1, 2, [5]), (2, 18, [32, 2]), (3, 20, [64]), (8, 34, [32])]
gguf_tensors = [(f"t{kind}", sizes, kind, bytes(i % 7 for i in range(size * max(1, sizes[0] // (32 if size > 4 else 1))
                                                                    * (sizes[1] if len(sizes) > 1 else 1))))
                for kind, size, sizes in blocks]
for name, data in [("tokenizer.gguf", gguf(gguf_keys, [])), ("tensors.gguf", gguf([], gguf_tensors)),
                   ("both.gguf", gguf(gguf_keys, gguf_tensors, version=2)), ("huge.gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 1)),
                   ("array.gguf", gguf([("k", 9, struct.pack("<IQ", 8, 2**63))], []))]:
  write("gguf", name, data)

special = [{"id": i, "content": c, "special": True} for i, c in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])]
wordpiece = {
    "version": "1.0", "added_tokens": special,
    "normalizer": {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
        "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "model": {
        "type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 8, "continuing_subword_prefix": "##",
        "vocab": {w: i for i, w in enumerate(
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "fever", "[", "]", "sep", "日", "e", "##e"])}}}
template = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
             {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
bpe = {
    "added_tokens": [{"id": i, "content": c, "special": True} for i, c in enumerate(["<unk>", "<s>", "</s>"])],
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "pre_tokenizer": None, "post_processor": template,
    "model": {
        "type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": False,
        "vocab": {w: i for i, w in enumerate(["<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁ab", "é", "e\u0301", "e"])},
        "merges": ["a b", "▁ ab", ["e", "\u0301"]][:2]}}
fallback = json.loads(json.dumps(bpe))
fallback["model"]["byte_fallback"] = True
for byte in range(256):
  fallback["model"]["vocab"][f"<0x{byte:02X}>"] = 11 + byte
write("tokenizer", "wordpiece.json", json.dumps(wordpiece, ensure_ascii=False))
write("tokenizer", "bpe.json", json.dumps(bpe, ensure_ascii=False))
write("tokenizer", "bytes.json", json.dumps(fallback, ensure_ascii=False))
write("tokenizer", "roberta.json", json.dumps(
    {**wordpiece, "post_processor": {
        "type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": True,
        "add_prefix_space": False}}, ensure_ascii=False))

for number, text in enumerate([
    '{"_id":"1","title":"A \\u0301\\"","text":"x\\ny","metadata":{"n":-1.5e-3,"b":[true,false,null]}}\n{"_id":"2","text":""}\r\n',
    "\ufeff[1,2,9007199254740993,0.1,1e308,-0]\n\n[]\n{}", '{"a":1,"a":2}', '"\\ud83d\\ude00 \\ud800"', "[" * 70 + "]" * 70,
    '{"é":1,"e\\u0301":2}', "1e400", '"\t"', "{\"a\":1} {\"b\":2}", "nul", '["' + "x" * 300 + '"]']):
  write("json", f"{number}.json", text)
write("json", "latin.json", b'"\xe9\xff\xc0\x80"')
write("json", "packed.jsonl.gz", gzip.compress(b'{"_id":"1","text":"x"}\n' * 9, mtime=0))

for number, text in enumerate([
    "id,text\n1,x\n2,\"a, \"\"b\"\"\nc\"\r\n", "id\ttext\n1\t\"x\ny\"\n2\t\"open", "a,b,a\n1,2,3\n", "a,b\n1\n1,2,3\n,\n",
    "\ufeffa,b\r\n\u0301,\"\u0301\"\r\n", "a\n\"x\"y\n", "a\rb\n", "\n", "a,\n1,2\n"]):
  write("csv", f"{number}.csv", text)
write("csv", "nul.csv", b"a,b\n\x00,\xff\n")
write("csv", "packed.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0))

for number, (kind, similarity) in enumerate(
    [("Flat", "cosine"), ("HNSW32", "inner-product"), ("IVF16,PQ4", "l2"), ("IVF4,SQ8", "cosine"), ("PQ8", "l2")]):
  write("manifest", f"{number}.json", json.dumps({
      "format": "ragbench-index", "version": 1, "faiss": "1.7.3", "kind": kind, "similarity": similarity, "dimension": 32,
      "count": 10, "highest_id": 9, "model": "ab", "corpus_generation": 3, "corpus_checksum": "cd", "bytes": 100,
      "sha256": "ef", "checksum": ""}))
pairs = [["\u0120", "a"], ["a", "b"]]
write("tokenizer", "bytelevel.json", json.dumps({
    "added_tokens": [{"id": 0, "content": "<s>", "special": True}],
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False}]},
    "post_processor": {"type": "ByteLevel", "trim_offsets": True},
    "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2, "\u0120": 3, "\u0120a": 4, "ab": 5}, "merges": pairs}},
    ensure_ascii=False))
