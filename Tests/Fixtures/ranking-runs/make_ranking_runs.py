"""Golden values for whole runs: every cut-off of every metric, missing queries, a higher relevance threshold.

Made with Python 3.11, pytrec-eval-terrier 0.5.11, numpy 2.4.6; seed 20240612.
Run: python make_ranking_runs.py   (writes ranking-runs.json beside itself)

Each case is evaluated twice: with the scores as they are (trec_eval breaks ties by descending document id) and with
scores rewritten to -rank after a sort by (score descending, id ascending by bytes), which is our own order.
Scores are multiples of 1/4, so that trec_eval's 32-bit scores equal ours.
"""

import json
import pathlib

import numpy as np
import pytrec_eval

rng = np.random.default_rng(20240612)
CUTOFFS = [1, 2, 3, 5, 10, 20, 100]
MEASURES = {"ndcg_cut": "nDCG", "recall": "Recall", "P": "P", "success": "success", "map_cut": "MAP"}


def evaluate(run, qrels, level):
    names = {f"{m}.{','.join(map(str, CUTOFFS))}" for m in MEASURES} | {"map", "recip_rank"}
    found = pytrec_eval.RelevanceEvaluator(qrels, names, relevance_level=level).evaluate(run)
    values = {}
    for query in qrels:
        per = {}
        row = found.get(query)
        for measure, ours in MEASURES.items():
            for k in CUTOFFS:
                per[f"{ours}@{k}"] = row[f"{measure}_{k}"] if row else 0.0
        per["MAP"] = row["map"] if row else 0.0
        per["MRR"] = row["recip_rank"] if row else 0.0
        values[query] = per
    # trec_eval has no cut-off for the reciprocal rank: cut the runs instead, in trec_eval's order.
    for k in CUTOFFS:
        cut = {
            q: dict(sorted(d.items(), key=lambda e: (e[1], e[0].encode()), reverse=True)[:k])
            for q, d in run.items()
        }
        found = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}, relevance_level=level).evaluate(cut)
        for query in qrels:
            values[query][f"MRR@{k}"] = found[query]["recip_rank"] if query in found else 0.0
    return values


def strict(run):
    ordered = {q: sorted(d, key=lambda e: (-d[e], e.encode())) for q, d in run.items()}
    return {q: {doc: float(-rank) for rank, doc in enumerate(docs)} for q, docs in ordered.items()}


cases = []
ids = [f"d{i}" for i in range(60)] + ["é", "e\u0301", "D1", "Ω", "😀", "z", "d/1", "10", "9"]
for number, (levels, coarse, level) in enumerate([(2, 2, 1), (4, 6, 1), (4, 1, 1), (3, 3, 2), (5, 400, 1)]):
    run, qrels = {}, {}
    for q in range(14):
        docs = rng.choice(len(ids), size=int(rng.integers(1, 50)), replace=False)
        run[f"q{q}"] = {ids[i]: float(rng.integers(-coarse, coarse)) / 4 for i in docs}
        judged = rng.choice(len(ids), size=int(rng.integers(1, 40)), replace=False)
        qrels[f"q{q}"] = {ids[i]: int(rng.integers(-1, levels)) for i in judged}
    qrels["q0"] = {d: 0 for d in qrels["q0"]}  # judged, none relevant
    qrels["q1"] = {next(iter(run["q1"])): 1, "d59": 0}  # one relevant document
    run["q2"] = {d: 0.5 for d in run["q2"]}  # all scores tied
    qrels["q3"] = {"missing-1": 1, "missing-2": 2}  # relevant documents that no run can find
    del run["q4"]  # a query without results
    run["q5"] = {ids[7]: -0.25}  # one result
    qrels["q5"] = {ids[7]: max(level, 1)}
    qrels["q6"] = {d: -1 for d in list(run["q6"])[:3]}  # negative grades only
    cases.append({
        "relevanceThreshold": level,
        # Lists, because some JSON readers merge keys that are canonically equal.
        "run": {q: [{"id": d, "score": s} for d, s in docs.items()] for q, docs in run.items()},
        "judgements": {q: [{"id": d, "grade": g} for d, g in docs.items()] for q, docs in qrels.items()},
        "trecEval": evaluate(run, qrels, level), "strict": evaluate(strict(run), qrels, level),
    })
path = pathlib.Path(__file__).with_name("ranking-runs.json")
path.write_text(json.dumps({"pytrec-eval-terrier": "0.5.11", "cases": cases}, separators=(",", ":")) + "\n")
