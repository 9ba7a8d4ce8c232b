#!/usr/bin/env python3
"""Seconds of a private training step by Opacus: MiniLM with a classifier's head, 16 texts of 128 tokens, AdamW, all weights.

    private_step.py MODEL-FOLDER [threads] [steps] [plain|hooks|ew|ghost]

plain is PyTorch without Opacus; the others are Opacus' modes. Prints JSON as Benchmarks/Sources/privacy-benchmark does.
"""

import json
import sys
import time
import warnings

import opacus
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForSequenceClassification

warnings.filterwarnings("ignore")


class Scores(torch.nn.Module):
  """Scores alone, so that a criterion follows."""

  def __init__(self, model):
    super().__init__()
    self.model = model

  def forward(self, ids):
    # Positions of the batch's shape, because Opacus wants a batch dimension in every input of a layer.
    positions = torch.arange(ids.shape[1]).repeat(len(ids), 1)
    return self.model(input_ids=ids, position_ids=positions).logits


def main():
  folder = sys.argv[1]
  threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
  steps = int(sys.argv[3]) if len(sys.argv) > 3 else 10
  mode = sys.argv[4] if len(sys.argv) > 4 else "ghost"
  torch.set_num_threads(threads)
  torch.manual_seed(1)
  model = Scores(AutoModelForSequenceClassification.from_pretrained(
      folder, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout=0.0))
  model.train()
  optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)
  criterion = torch.nn.CrossEntropyLoss()
  ids, labels = torch.randint(1000, 30000, (16, 128)), torch.arange(16) % 2
  if mode != "plain":
    engine = opacus.PrivacyEngine()
    made = engine.make_private(
        module=model, optimizer=optimizer, criterion=criterion, data_loader=DataLoader(TensorDataset(ids, labels), 16),
        noise_multiplier=1.0, max_grad_norm=1.0, poisson_sampling=False, grad_sample_mode=mode)
    if mode == "ghost":
      model, optimizer, criterion, _ = made
    else:
      model, optimizer, _ = made
  seconds = []
  for step in range(steps + 2):
    start = time.perf_counter()
    optimizer.zero_grad()
    criterion(model(ids), labels).backward()
    optimizer.step()
    if step >= 2:
      seconds.append(time.perf_counter() - start)
  seconds.sort()
  peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
  print(json.dumps({
      "who": f"opacus {opacus.__version__}", "mode": mode, "threads": threads, "seconds": seconds[len(seconds) // 2],
      "fastest": seconds[0], "peakKiB": peak}))


if __name__ == "__main__":
  main()
