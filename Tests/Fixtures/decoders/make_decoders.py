#!/usr/bin/env python3
"""Tiny random Llamas by transformers with their logits, gradients, AdamW losses, continuations, and LoRA adapters by peft.

Made with: the versions in "reference" of the results. Run: OMP_NUM_THREADS=1 python make_decoders.py
In Float64 but for norms, softmax and rotations, which transformers keeps in Float32; weights are the Float32 ones of the folders.

Folders (loadable by transformers, peft):
  tiny-llama           2 layers, hidden 32, 4 heads, 2 heads of keys and values, head of its own
  tiny-llama-tied      the same with heads of 16 (not hidden / heads), theta 500, the word table as head
  tiny-llama-lora      adapter of tiny-llama: rank 4, alpha 8, q_proj and v_proj
  tiny-llama-tied-lora adapter of tiny-llama-tied: rank 3, alpha 5, rsLoRA, all linear layers
"""

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation.logits_process import (TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

HERE = Path(__file__).resolve().parent
SEED = 20261125
LENGTHS = [2, 5, 17, 40]
STEPS = 10
MODELS = {
    "tiny-llama": dict(max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False),
    "tiny-llama-tied": dict(max_position_embeddings=48, rms_norm_eps=1e-6, tie_word_embeddings=True, head_dim=16, rope_theta=500.0),
}
ADAPTERS = {
    "tiny-llama": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    "tiny-llama-tied": dict(r=3, lora_alpha=5, target_modules="all-linear", use_rslora=True),
}
WARPERS = [(1.0, 5, 1.0), (0.7, None, 0.9), (1.6, 10, 0.5), (0.3, None, 0.05), (1.0, 100, 1.0)]


class Arrays:
  def __init__(self):
    self.entries, self.data = [], []
    self.offset = 0

  def add(self, name, values):
    values = np.ascontiguousarray(values, dtype="<f4")
    self.entries.append({"name": name, "shape": list(values.shape), "offset": self.offset})
    self.data.append(values.tobytes())
    self.offset += values.size

  def write(self, name, description):
    (HERE / f"{name}.f32").write_bytes(b"".join(self.data))
    (HERE / f"{name}.json").write_text(json.dumps({**description, "arrays": self.entries}, indent=1) + "\n")


def reference():
  return {p: version(p) for p in ("torch", "transformers", "peft", "safetensors")}


def fresh(folder):
  shutil.rmtree(folder, ignore_errors=True)
  return folder


def make(name, seed):
  """Weights large enough that a wrong scale, order or rotation shows."""
  config = LlamaConfig(
      vocab_size=100, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
      bos_token_id=1, eos_token_id=2, pad_token_id=None, attention_dropout=0.0, **MODELS[name])
  model = LlamaForCausalLM(config)
  generator = torch.Generator().manual_seed(seed)
  with torch.no_grad():
    for key, parameter in model.named_parameters():
      noise = torch.randn(parameter.shape, generator=generator)
      parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else noise * (0.5 if "embed" in key else 0.25))
  model.save_pretrained(fresh(HERE / name))


def load(name):
  return LlamaForCausalLM.from_pretrained(HERE / name, dtype=torch.float32, attn_implementation="eager").double().eval()


def rows(model, ids):
  return model(input_ids=torch.tensor([ids])).logits[0]


def token_losses(model, ids, start):
  """Of the tokens from `start` on, each given those before it."""
  logits = rows(model, ids)
  return torch.nn.functional.cross_entropy(logits[start - 1 : -1], torch.tensor(ids[start:]), reduction="none")


def golden(name, seed):
  model = load(name)
  generator = torch.Generator().manual_seed(seed)
  inputs = [torch.randint(3, 100, (n,), generator=generator).tolist() for n in LENGTHS]
  starts = [1, 2, 9, 1]
  arrays = Arrays()
  for i, ids in enumerate(inputs):
    arrays.add(f"logits/{i}", rows(model, ids).detach().numpy())
  # The mean over records of each record's mean loss.
  losses = [token_losses(model, ids, start).mean() for ids, start in zip(inputs, starts)]
  loss = torch.stack(losses).mean()
  loss.backward()
  for key, parameter in model.named_parameters():
    arrays.add("gradient/" + key, parameter.grad.numpy())
  prompts = [ids[:5] for ids in inputs]
  continuations = []
  for ids in prompts:
    out = list(ids)
    for _ in range(12):
      out.append(int(rows(model, out)[-1].argmax()))
    continuations.append(out[len(ids):])
  model = load(name).train()
  optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05)
  steps = []
  for _ in range(STEPS):
    optimizer.zero_grad()
    value = torch.stack([token_losses(model, ids, start).mean() for ids, start in zip(inputs, starts)]).mean()
    value.backward()
    steps.append(value.item())
    optimizer.step()
  arrays.write(name, {
      "reference": reference(), "script": "make_decoders.py", "seed": SEED, "inputs": inputs, "starts": starts,
      "sequence_losses": [l.item() for l in losses], "loss": loss.item(), "prompts": prompts, "continuations": continuations,
      "learning_rate": 5e-3, "weight_decay": 0.05, "losses": steps})
  return inputs, starts


def adapter(name, inputs, starts, seed):
  model = get_peft_model(load(name).float(), LoraConfig(lora_dropout=0.0, task_type="CAUSAL_LM", **ADAPTERS[name]))
  generator = torch.Generator().manual_seed(seed)
  with torch.no_grad():
    for key, parameter in model.named_parameters():
      if "lora_" in key:
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
  folder = fresh(HERE / f"{name}-lora")
  model.save_pretrained(folder)
  (folder / "README.md").unlink(missing_ok=True)
  config = json.loads((folder / "adapter_config.json").read_text())
  config["base_model_name_or_path"] = name  # not a path of this machine
  config["target_modules"] = sorted(config["target_modules"])
  (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
  # As it was saved.
  model = PeftModel.from_pretrained(load(name), folder, is_trainable=True).double().eval()
  arrays = Arrays()
  for i, ids in enumerate(inputs):
    arrays.add(f"logits/{i}", rows(model, ids).detach().numpy())
  loss = torch.stack([token_losses(model, ids, start).mean() for ids, start in zip(inputs, starts)]).mean()
  loss.backward()
  for key, parameter in model.named_parameters():
    if parameter.grad is not None:
      arrays.add("gradient/" + key.replace(".default", ""), parameter.grad.numpy())
  merged = model.merge_and_unload()
  arrays.add("merged_logits", rows(merged, inputs[-1]).detach().numpy())
  arrays.write(f"{name}-lora", {
      "reference": reference(), "script": "make_decoders.py", "seed": SEED, "inputs": inputs, "starts": starts, "loss": loss.item()})


def warpers():
  """What temperature, top-k and top-p leave of given logits, by transformers' processors."""
  generator = torch.Generator().manual_seed(SEED)
  logits = torch.randn(100, generator=generator) * 2
  arrays = Arrays()
  arrays.add("logits", logits.numpy())
  for i, (temperature, k, p) in enumerate(WARPERS):
    scores = TemperatureLogitsWarper(temperature)(None, logits.double()[None])
    if k is not None:
      scores = TopKLogitsWarper(k)(None, scores)
    if p < 1:
      scores = TopPLogitsWarper(p)(None, scores)
    arrays.add(f"probabilities/{i}", scores.softmax(-1)[0].numpy())
  arrays.write("warpers", {"reference": reference(), "script": "make_decoders.py", "seed": SEED, "settings": [
      {"temperature": t, "top_k": k, "top_p": p} for t, k, p in WARPERS]})


if __name__ == "__main__":
  torch.set_num_threads(1)
  for number, name in enumerate(MODELS):
    make(name, SEED + number)
    adapter(name, *golden(name, SEED + 10 + number), SEED + 20 + number)
  warpers()
