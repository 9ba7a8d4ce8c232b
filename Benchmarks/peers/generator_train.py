#!/usr/bin/env python3
"""Trains a generator with PyTorch on the blocks, in the order and from the weights that
generator-benchmark wrote.

    generator_train.py FOLDER [threads]

FOLDER holds settings.json, training.i32, heldout.i32, order.i32 and start/ (a model's folder). With
"rank" in the settings an adapter is trained with peft, else all weights. Prints JSON as the benchmark does.
"""

import json
import sys
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup


def main():
  folder = sys.argv[1]
  torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
  torch.manual_seed(1)
  settings = json.load(open(f"{folder}/settings.json"))
  size, batch, steps = settings["size"], settings["batch"], settings["steps"]

  def blocks(name):
    rows = np.fromfile(f"{folder}/{name}.i32", dtype="<i4").reshape(-1, 2, size)
    return torch.from_numpy(rows[:, 0].astype(np.int64)), torch.from_numpy(rows[:, 1].astype(bool))

  training, learnt = blocks("training")
  heldout, heldout_learnt = blocks("heldout")
  order = np.fromfile(f"{folder}/order.i32", dtype="<i4").reshape(steps, batch)
  model = AutoModelForCausalLM.from_pretrained(f"{folder}/start", dtype=torch.float32, attn_implementation="sdpa")
  if settings.get("rank"):
    from peft import LoraConfig, get_peft_model
    model = get_peft_model(model, LoraConfig(
        r=settings["rank"], lora_alpha=settings["alpha"], target_modules=["q_proj", "v_proj"], lora_dropout=0.0))
  model.train()
  named = [p for p in model.parameters() if p.requires_grad]
  optimizer = torch.optim.AdamW([
      {"params": [p for p in named if p.ndim > 1], "weight_decay": settings["weightDecay"]},
      {"params": [p for p in named if p.ndim < 2], "weight_decay": 0.0}], lr=settings["learningRate"])
  make = get_cosine_schedule_with_warmup if settings["schedule"] == "cosine" else get_linear_schedule_with_warmup
  schedule = make(optimizer, settings["warmup"], steps)

  def loss_of(ids, mask):
    # 0 fills a block behind its text; nothing of it is learnt, and no token before sees it.
    return model(input_ids=ids, labels=torch.where(mask, ids, -100)).loss

  def heldout_loss():
    model.eval()
    total = count = 0
    with torch.inference_mode():
      for start in range(0, len(heldout), 16):
        mask = heldout_learnt[start:start + 16].clone()
        mask[:, 0] = False
        n = int(mask.sum())
        total += float(loss_of(heldout[start:start + 16], mask)) * n
        count += n
    model.train()
    return total / count

  before = heldout_loss()
  seconds = []
  for step in range(steps):
    start = time.perf_counter()
    rows = order[step]
    optimizer.zero_grad()
    loss = loss_of(training[rows], learnt[rows])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(named, 1.0)
    optimizer.step()
    schedule.step()
    float(loss)
    seconds.append(time.perf_counter() - start)
  peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
  tokens = settings.get("tokens") or steps * batch * size
  print(json.dumps({
      "who": f"torch {torch.__version__}", "steps": steps, "seconds": sum(seconds),
      "tokensPerSecond": tokens / sum(seconds), "before": before, "after": heldout_loss(), "peakKiB": peak}))


if __name__ == "__main__":
  main()
