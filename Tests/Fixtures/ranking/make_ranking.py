#!/usr/bin/env python3
"""Golden values of trec_eval's measures on random rankings.

Made with: Python 3.11, pytrec_eval-terrier 0.5.11, numpy 2.4.6. Seed 20261124. Run: python make_ranking.py

See README.md here for the order of ties.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytrec_eval

HERE = Path(__file__).resolve().parent
SEED = 20261124
MEASURES = {"ndcg_cut.1,5,10,100", "recall.10,100", "recip_rank", "map", "P.5", "success.1,5,10"}
NAMES = ["ndcg_cut_1", "ndcg_cut_5", "ndcg_cut_10", "ndcg_cut_100", "recall_10", "recall_100", "recip_rank", "map", "P_5", "success_1",
         "success_5", "success_10"]


def evaluate(qrels, run):
  values = pytrec_eval.RelevanceEvaluator({"q": qrels}, MEASURES).evaluate({"q": run})["q"]
  assert sorted(values) == sorted(NAMES), sorted(values)
  return {name: values[name] for name in NAMES}


def trec_order(run):
  """Score descending as float32, then document id descending by bytes (trec_eval's rule)."""
  return sorted(sorted(run, key=lambda d: d.encode(), reverse=True), key=lambda d: -np.float32(run[d]))


def our_order(run):
  """Score descending, then document id ascending by bytes."""
  return sorted(sorted(run, key=lambda d: d.encode()), key=lambda d: -run[d])


def descending(order):
  return {d: float(len(order) - i) for i, d in enumerate(order)}


def case(name, run, qrels, rng, tied):
  names = list(run)
  rng.shuffle(names)
  ordered = our_order(run)
  row = {"name": name, "run": [[d, run[d]] for d in names], "qrels": qrels, "order": ordered, "values": evaluate(qrels, descending(ordered))}
  raw = evaluate(qrels, run)
  assert raw == evaluate(qrels, descending(trec_order(run))), name
  if tied:
    row["trec_order"], row["trec_values"] = trec_order(run), raw
  else:
    assert len(set(map(np.float32, run.values()))) == len(run) and raw == row["values"], name
  return row


def main():
  rng = np.random.default_rng(SEED)
  rows_free, rows_tied = [], []
  for i in range(60):
    tied = i >= 40
    documents = int(rng.choice([1, 2, 4, 9, 10, 11, 30, 99, 100, 101, 250]))
    pool = documents + int(rng.integers(0, 20))
    prefix = rng.choice(["d", "doc-", "é", "D", ""])
    ids = [f"{prefix}{n}" for n in rng.permutation(pool * 3)[:pool]]
    retrieved = ids[:documents]
    judged = [d for d in ids if rng.random() < rng.choice([0.1, 0.5, 0.9])] or [ids[-1]]  # gaps: unretrieved; unjudged: retrieved only
    top = int(rng.choice([1, 2, 3]))
    qrels = {d: int(rng.integers(0, top + 1)) for d in judged}
    if i % 10 == 3:
      qrels = {d: 0 for d in judged}  # judged, nothing relevant
    if i % 10 == 5:
      qrels[judged[0]] = -1  # some collections mark spam so: counts as not relevant
    if tied:
      levels = int(rng.choice([1, 2, 3, 8]))
      scores = rng.integers(0, levels, documents).astype(float) / 4
    else:
      scores = rng.permutation(np.linspace(-1, 1, documents + 2)[:documents]).round(5) + 0.0
    run = {d: float(s) for d, s in zip(retrieved, scores)}
    name = f"{'tied' if tied else 'free'} {i}: {documents} results, {sum(v > 0 for v in qrels.values())} relevant"
    (rows_tied if tied else rows_free).append(case(name, run, qrels, rng, tied))
  hand_free = [
      ("no results", {}, {"a": 1}),
      ("no results, nothing relevant", {}, {"a": 0}),
      ("only unjudged", {"x": 2.0, "y": 1.0}, {"a": 1, "b": 2}),
      ("ideal order", {"a": 3.0, "b": 2.0, "c": 1.0}, {"a": 3, "b": 2, "c": 1}),
      ("reverse order", {"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 3, "b": 2, "c": 1}),
      ("more relevant than k", {f"d{i:02}": 30.0 - i for i in range(20)}, {f"d{i:02}": 1 for i in range(25)}),
      ("relevant at rank 11", {f"d{i:02}": 30.0 - i for i in range(20)}, {"d10": 1}),
      ("relevant at rank 101", {f"d{i:03}": 300.0 - i for i in range(150)}, {"d100": 2}),
  ]
  for name, run, qrels in hand_free:
    rows_free.append(case(name, run, qrels, rng, False))
  hand_tied = [
      ("all tied, relevant first by id", {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 1}),
      ("all tied, relevant last by id", {"a": 1.0, "b": 1.0, "c": 1.0}, {"c": 1}),
      ("ids as numbers do not sort as numbers", {"9": 1.0, "10": 1.0, "100": 1.0}, {"10": 1}),
      ("tied for trec_eval only: equal as float32", {"a": 1.0, "b": 1.000000001, "c": 1.0}, {"a": 1}),
      ("bytes, not letters", {"Z": 1.0, "a": 1.0, "é": 1.0, "e\u0301": 1.0}, {"é": 1}),
  ]
  for name, run, qrels in hand_tied:
    rows_tied.append(case(name, run, qrels, rng, True))
  reference = f"Python {platform.python_version()}, pytrec_eval-terrier {version('pytrec_eval-terrier')}, numpy {version('numpy')}"
  for name, rows in (("tie-free", rows_free), ("tied", rows_tied)):
    path = HERE / f"{name}.json"
    head = {"reference": reference, "script": "make_ranking.py", "seed": SEED}
    with path.open("w", encoding="ascii") as out:
      out.write("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()) + ',\n"cases": [\n')
      out.write(",\n".join(json.dumps(r, separators=(",", ":"), allow_nan=False) for r in rows) + "\n]}\n")
    print(f"wrote {path} ({path.stat().st_size} bytes, {len(rows)} cases)")


if __name__ == "__main__":
  main()
