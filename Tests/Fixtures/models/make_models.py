#!/usr/bin/env python3
"""Tiny random-weight models in Hugging Face directories, with their outputs.

Made with: Python 3.11, torch 2.15.0 (CPU, float32, eval), transformers 5.23.0, sentence-transformers
6.2.0, tokenizers 0.23.3, wordllama 0.4.0.post1, safetensors 0.8.0. Seed 20261124.

Run: OMP_NUM_THREADS=1 python make_models.py

Folders (loadable by transformers / sentence-transformers):
  tiny-bert      BERT, 2 layers, hidden 32, 4 heads, ffn 64; mean pooling, Normalize
  tiny-bert-cls  the same sizes, tensor names with the `bert.` prefix, an I64 `bert.embeddings.position_ids`
                 and `cls.predictions.bias` that a reader must ignore; CLS pooling, no Normalize
  tiny-mpnet     MPNet, 2 layers, hidden 32, 4 heads, 32 relative buckets; mean pooling, Normalize
  tiny-static    F16 table [200, 16], Llama-like BPE; mean of the rows, no added tokens
Beside them, NAME.json (inputs, shapes, texts) and NAME.f32 (little-endian float32, row-major, in the order
of the `arrays` list of NAME.json, each with its offset in floats).
"""

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

HERE = Path(__file__).resolve().parent
SEED = 20261124
LENGTHS = [1, 2, 3, 5, 7, 8, 11, 16, 17, 24, 33, 40]
LONG = 150  # beyond the last logarithmic bucket (distance 128) of MPNet
POSITIONS = 160
TEXTS = [
    "fever", "What is the dose of aspirin?", "The patient had a fever, a cough and pain in the chest.",
    "naïve café ZZZ 日本 123", "heart " * 30, "",
]
WORDS = """the of and in to is with a patient fever cough pain chest heart blood dose aspirin drug acute chronic disease what are for
had or by from on as be not treat ##ment ##s ##ed ##ing ##er ##ly ##tion ##al ##ic ##ity ##ous kidney liver lung diabetes insulin
infection bacteria virus cell immune risk test""".split()


def vocabulary(specials):
  """200 entries: the specials, 26 letters, 10 digits, their continuations, punctuation, words, fillers."""
  alphabet = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [str(d) for d in range(10)]
  tokens = specials + alphabet + ["##" + c for c in alphabet] + list(".,?!-()%'\"") + ["日", "é"] + WORDS
  tokens = list(dict.fromkeys(tokens))
  tokens += [f"[unused{i}]" for i in range(200 - len(tokens))]
  assert len(tokens) == 200, len(tokens)
  return tokens


def wordpiece(folder, tokens, unknown, first, last, pad):
  (folder / "vocab.txt").write_text("".join(t + "\n" for t in tokens), encoding="utf-8")
  index = {t: i for i, t in enumerate(tokens)}
  tokenizer = Tokenizer(models.WordPiece(index, unk_token=unknown, max_input_chars_per_word=100))
  tokenizer.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
  tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
  pair = f"{first}:0 $A:0 {last}:0 $B:1 {last}:1" if unknown == "[UNK]" and first == "[CLS]" else (
      f"{first}:0 $A:0 {last}:0 {last}:0 $B:1 {last}:1")
  tokenizer.post_processor = processors.TemplateProcessing(
      single=f"{first}:0 $A:0 {last}:0", pair=pair, special_tokens=[(first, index[first]), (last, index[last])])
  tokenizer.decoder = decoders.WordPiece(prefix="##")
  tokenizer.add_special_tokens([t for t in dict.fromkeys([pad, unknown, first, last, "[MASK]" if first == "[CLS]" else "<mask>"])])
  assert tokenizer.get_vocab_size() == 200
  tokenizer.save(str(folder / "tokenizer.json"))


def write_json(path, value):
  path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def modules(folder, pooling, normalize, length):
  entries = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if normalize else [])
  write_json(folder / "modules.json", [
      {"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{t}"} for i, (p, t) in enumerate(entries)])
  (folder / "1_Pooling").mkdir()
  write_json(folder / "1_Pooling/config.json", {
      "word_embedding_dimension": 32, "pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean",
      "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})
  write_json(folder / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})


def randomize(model, seed):
  """Weights large enough that a wrong bias, scale or order shows in the outputs."""
  generator = torch.Generator().manual_seed(seed)
  with torch.no_grad():
    for name, parameter in model.named_parameters():
      noise = torch.randn(parameter.shape, generator=generator)
      if "LayerNorm.weight" in name:
        parameter.copy_(1 + 0.2 * noise)
      elif name.endswith("bias"):
        parameter.copy_(0.1 * noise)
      elif "embeddings" in name:
        parameter.copy_(0.5 * noise)
      elif "relative_attention_bias" in name:
        parameter.copy_(noise)
      else:
        parameter.copy_(0.25 * noise)
  return model.eval()


class Arrays:
  """Float32 arrays one after the other in one file, with their places."""

  def __init__(self):
    self.entries, self.parts, self.at = [], [], 0

  def add(self, name, array):
    array = np.ascontiguousarray(array, dtype="<f4")
    assert np.isfinite(array).all()
    self.entries.append({"name": name, "shape": list(array.shape), "offset": self.at})
    self.parts.append(array.tobytes())
    self.at += array.size

  def write(self, name, head):
    (HERE / f"{name}.f32").write_bytes(b"".join(self.parts))
    text = json.dumps({**head, "arrays": "@"}, ensure_ascii=True, indent=1)
    rows = ",\n  ".join(json.dumps(e) for e in self.entries)
    (HERE / f"{name}.json").write_text(text.replace('"@"', "[\n  " + rows + "\n ]") + "\n")
    print(f"wrote {HERE / name}.json and .f32 ({self.at} floats)")


def reference():
  names = ["torch", "transformers", "sentence-transformers", "tokenizers", "wordllama", "safetensors"]
  return f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names)


def pooled(states, mode, normalize):
  """Pools one text's states [tokens, hidden] the way the modules of the folder say."""
  vector = states[0] if mode == "cls" else states.mean(dim=0)
  return vector / vector.norm().clamp_min(1e-12) if normalize else vector


def transformer(name, model, tokens, specials, mode, normalize, prefix="", extra=None, avoid=()):
  folder = HERE / name
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir()
  write_json(folder / "config.json", {k: v for k, v in model.config.to_dict().items() if v is not None})
  state = {prefix + k: v.contiguous().clone() for k, v in model.state_dict().items()} | (extra or {})
  save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
  wordpiece(folder, tokens, *specials)
  modules(folder, mode, normalize, 128)

  generator = np.random.default_rng(SEED)
  usable = [i for i in range(200) if i not in avoid]
  inputs = [generator.choice(usable, n).tolist() for n in LENGTHS + [LONG]]
  arrays = Arrays()
  with torch.no_grad():
    alone = [model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).last_hidden_state[0]
             for ids in inputs]
    # The same inputs in one padded batch: what a masked batch must come to.
    width = max(map(len, inputs))
    pad = model.config.pad_token_id
    batch = torch.tensor([ids + [pad] * (width - len(ids)) for ids in inputs])
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in inputs])
    together = model(input_ids=batch, attention_mask=mask).last_hidden_state
    gap = max((together[i, : len(ids)] - alone[i]).abs().max().item() for i, ids in enumerate(inputs))
  for i, states in enumerate(alone):
    arrays.add(f"last_hidden_state/{i}", states.numpy())
  arrays.add("pooled", torch.stack([pooled(s, mode, normalize) for s in alone]).numpy())

  embedder = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
  vectors = embedder.encode(TEXTS, batch_size=1, convert_to_numpy=True)
  tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
  tokenizer.no_padding()
  tokenizer.enable_truncation(128)
  ids = [tokenizer.encode(text).ids for text in TEXTS]
  with torch.no_grad():
    own = torch.stack([pooled(model(input_ids=torch.tensor([i])).last_hidden_state[0], mode, normalize) for i in ids]).numpy()
  assert np.abs(own - vectors).max() < 1e-5, np.abs(own - vectors).max()
  arrays.add("text_embeddings", vectors)
  arrays.write(name, {
      "reference": reference(), "script": "make_models.py", "seed": SEED, "pooling": mode, "normalize": normalize,
      "padded_batch_largest_difference": gap, "inputs": "#"} | {"inputs": inputs, "texts": TEXTS, "text_ids": ids})


def mpnet_buckets():
  from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

  distances = torch.arange(-200, 201)
  buckets = MPNetEncoder.relative_position_bucket(distances, num_buckets=32, max_distance=128)
  text = {"what": "MPNet bucket of memory_position - context_position from -200 to 200", "buckets": buckets.tolist()}
  (HERE / "mpnet-buckets.json").write_text(json.dumps(text) + "\n")


def static():
  from wordllama.inference import WordLlamaInference

  name = "tiny-static"
  folder = HERE / name
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir()
  tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=False))
  tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
  corpus = [" ".join(w.lstrip("#") for w in WORDS)] * 3 + TEXTS[:3]
  trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False,
                                initial_alphabet=[chr(c) for c in range(33, 127)])
  # Trained on single words so that no merge spans two; the file itself has no pre-tokenizer, as Llama's.
  tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
  tokenizer.train_from_iterator(corpus, trainer)
  tokenizer.pre_tokenizer = None
  tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
  assert tokenizer.get_vocab_size() == 200, tokenizer.get_vocab_size()
  tokenizer.save(str(folder / "tokenizer.json"))
  generator = torch.Generator().manual_seed(SEED)
  table = torch.randn(200, 16, generator=generator).half()
  save_file({"embedding.weight": table}, str(folder / "model.safetensors"))
  write_json(folder / "modules.json", [
      {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}])

  rng = np.random.default_rng(SEED)
  inputs = [rng.integers(0, 200, n).tolist() for n in LENGTHS]
  arrays = Arrays()
  values = table.float().numpy()
  arrays.add("pooled", np.stack([values[ids].mean(axis=0, dtype=np.float32) for ids in inputs]))
  reading = WordLlamaInference(table.numpy(), Tokenizer.from_file(str(folder / "tokenizer.json")))
  vectors = reading.embed(TEXTS)
  arrays.add("text_embeddings", vectors)
  filled = [i for i, t in enumerate(TEXTS) if t]
  unit = reading.embed([TEXTS[i] for i in filled], norm=True)
  arrays.add("text_embeddings_normalized", unit)
  plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
  ids = [plain.encode(t, add_special_tokens=False).ids for t in TEXTS]
  st = sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode([TEXTS[i] for i in filled], convert_to_numpy=True)
  assert np.abs(st.astype(np.float32) - vectors[filled]).max() < 5e-3
  arrays.write(name, {
      "reference": reference(), "script": "make_models.py", "seed": SEED, "pooling": "mean of the rows, no added tokens",
      "normalized_texts": filled, "inputs": inputs, "texts": TEXTS, "text_ids": ids})


def main():
  torch.set_num_threads(1)
  shape = dict(vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
  bert = vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
  of_bert = ("[UNK]", "[CLS]", "[SEP]", "[PAD]")
  config = BertConfig(**shape, max_position_embeddings=POSITIONS, type_vocab_size=2, architectures=["BertModel"])
  transformer("tiny-bert", randomize(BertModel(config), SEED), bert, of_bert, "mean", True)

  config = BertConfig(**shape, max_position_embeddings=POSITIONS, type_vocab_size=2, architectures=["BertForMaskedLM"])
  extra = {"bert.embeddings.position_ids": torch.arange(POSITIONS).unsqueeze(0), "cls.predictions.bias": torch.zeros(200)}
  transformer("tiny-bert-cls", randomize(BertModel(config, add_pooling_layer=False), SEED + 1), bert, of_bert, "cls", False,
              prefix="bert.", extra=extra)

  mpnet = vocabulary(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
  config = MPNetConfig(**shape, max_position_embeddings=POSITIONS + 2, relative_attention_num_buckets=32, architectures=["MPNetModel"])
  # No input holds the pad id 1: MPNet derives positions from ids that differ from it.
  transformer("tiny-mpnet", randomize(MPNetModel(config), SEED + 2), mpnet, ("[UNK]", "<s>", "</s>", "<pad>"), "mean", True, avoid=(1,))
  mpnet_buckets()
  static()


if __name__ == "__main__":
  main()
