#!/usr/bin/env python3
"""Trains a generator with PyTorch on the blocks, in the order and from the weights that
generator-benchmark wrote.

    generator_train.py FOLDER [threads]

With adapter/ in FOLDER it is trained with peft, else all weights. Prints JSON as the benchmark does; if the
benchmark has trained before, also the largest difference of its adapter's logits from those of peft.
"""

import json
import os
import sys
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM


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
  adapter = f"{folder}/adapter"
  if os.path.exists(adapter):
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, adapter, is_trainable=True)
  model.train()
  named = [p for p in model.parameters() if p.requires_grad]
  optimizer = torch.optim.AdamW([
      {"params": [p for p in named if p.ndim > 1], "weight_decay": settings["weightDecay"]},
      {"params": [p for p in named if p.ndim < 2], "weight_decay": 0.0}], lr=settings["learningRate"])
  schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: settings["factors"][min(step, steps - 1)])

  def loss_of(ids, mask):
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
  result = {
      "who": f"torch {torch.__version__}", "threads": torch.get_num_threads(), "steps": steps, "seconds": sum(seconds),
      "tokensPerSecond": steps * batch * size / sum(seconds), "before": before, "after": heldout_loss(), "peakKiB": peak}
  if os.path.exists(f"{folder}/after"):
    model.load_adapter(f"{folder}/after", "theirs")
    model.set_adapter("theirs")
    model.eval()
    with torch.inference_mode():
      logits = model(input_ids=heldout[:1]).logits[0].numpy()
    theirs = np.fromfile(f"{folder}/logits.f32", dtype="<f4").reshape(logits.shape)
    result["logitsDifference"] = float(np.abs(logits - theirs).max())
  print(json.dumps(result))


if __name__ == "__main__":
  main()
