#!/usr/bin/env python3
"""Seconds of a training step by PyTorch: MiniLM, 16 texts of 128 tokens (8 pairs), InfoNCE, AdamW, all weights.

    train_step.py MODEL-FOLDER [threads] [steps] [train|forward]

Prints JSON as Benchmarks/Sources/training-benchmark does.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from transformers import AutoModel


def main():
  folder = sys.argv[1]
  threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
  steps = int(sys.argv[3]) if len(sys.argv) > 3 else 10
  trains = len(sys.argv) <= 4 or sys.argv[4] == "train"
  torch.set_num_threads(threads)
  torch.manual_seed(1)
  model = AutoModel.from_pretrained(folder, add_pooling_layer=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
  model.train()
  optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)
  ids = torch.randint(1000, 30000, (16, 128))
  target = torch.arange(8)

  def loss_of():
    # All tokens count: no mask is needed.
    vectors = F.normalize(model(input_ids=ids).last_hidden_state.mean(1), dim=1)
    return F.cross_entropy(20 * vectors[:8] @ vectors[8:].T, target)

  seconds = []
  for step in range(steps + 2):
    start = time.perf_counter()
    if trains:
      optimizer.zero_grad()
      loss = loss_of()
      loss.backward()
      optimizer.step()
    else:
      with torch.inference_mode():
        loss = loss_of()
    loss = float(loss)
    if step >= 2:
      seconds.append(time.perf_counter() - start)
  seconds.sort()
  peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
  print(json.dumps({
      "who": f"torch {torch.__version__}", "mode": "train" if trains else "forward", "threads": threads,
      "seconds": seconds[len(seconds) // 2], "fastest": seconds[0], "peakKiB": peak, "loss": loss}))


if __name__ == "__main__":
  main()
