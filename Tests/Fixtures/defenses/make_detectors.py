#!/usr/bin/env python3
"""Golden values for DefensesTests: detectors.json.

Made with Python 3.11, numpy, scipy and scikit-learn in the versions that the file names; seed 20260611.
Run: python make_detectors.py   (writes detectors.json beside itself), then ../make_manifest.py
"""

import json
import re
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

SEED = 20260611
rng = np.random.default_rng(SEED)


def rounded(array):
  """As Float32, so that both programs read the same numbers."""
  return array.astype(np.float32).astype(np.float64)


# Two clusters of different density, four equal rows, uneven spread of the coordinates.
dimension = 6
spread = np.array([3.0, 2.0, 1.0, 0.5, 0.25, 0.1])
dense = rng.normal(size=(40, dimension)) * spread * 0.2
sparse = rng.normal(size=(36, dimension)) * spread + 4
anchors = rounded(np.vstack([dense, sparse, np.repeat(dense[:1], 4, axis=0)]))
candidates = rounded(
  np.vstack([
    rng.normal(size=(6, dimension)) * spread * 0.2,
    rng.normal(size=(6, dimension)) * spread + 4,
    rng.normal(size=(4, dimension)) * 8,
    dense[:1],
  ])
)

lof = []
for k in (3, 5, 20):
  model = LocalOutlierFactor(n_neighbors=k, novelty=True, algorithm="brute").fit(anchors)
  lof.append({
    "k": k,
    "scores": (-model.score_samples(candidates)).tolist(),
    "anchors": (-model.negative_outlier_factor_).tolist(),
  })

pca = []
for components in (1, 3, 5, 0.5, 0.9, 0.99):
  model = PCA(n_components=components, svd_solver="full").fit(anchors)
  rest = candidates - model.inverse_transform(model.transform(candidates))
  pca.append({
    "components": str(components),
    "kept": int(model.n_components_),
    "explained": float(model.explained_variance_ratio_.sum()),
    "scores": (rest**2).sum(axis=1).tolist(),
  })

z = np.abs(candidates - anchors.mean(axis=0)) / anchors.std(axis=0, ddof=1)
coordinates = {"largest": z.max(axis=1).tolist(), "mean": z.mean(axis=1).tolist()}

# A forest with its trees, whose scores another program must reproduce exactly.
given = IsolationForest(n_estimators=12, max_samples=48, random_state=3).fit(anchors)
trees = []
for estimator in given.estimators_:
  tree = estimator.tree_
  trees.append({
    "features": [int(f) if f >= 0 else -1 for f in tree.feature],
    "thresholds": [float(t) for t in tree.threshold],
    "left": [int(n) for n in tree.children_left],
    "right": [int(n) for n in tree.children_right],
    "rows": [int(n) for n in tree.n_node_samples],
  })
many = [
  -IsolationForest(n_estimators=400, max_samples=48, random_state=s).fit(anchors).score_samples(candidates)
  for s in range(6)
]
forest = {
  "samples": 48,
  "trees": trees,
  "scores": (-given.score_samples(candidates)).tolist(),
  "expected": np.mean(many, axis=0).tolist(),
  "deviation": np.std(many, axis=0, ddof=1).tolist(),
}

combinations = []
for p in ([0.5], [0.01, 0.9, 0.6], [0.001, 0.002], [1e-6, 0.3, 0.3, 1.0], [0.2] * 7, [1 / 4001, 1 / 4001, 1 / 4001]):
  p = np.array(p)
  combinations.append({
    "p": p.tolist(),
    "fisher": float(stats.combine_pvalues(p, method="fisher").pvalue),
    "harmonic": float(len(p) / (1 / p).sum()),
    # scipy has no p of 1 here: its quantile is minus infinity.
    "cauchy": float(stats.cauchy.sf(stats.cauchy.isf(p).mean())) if p.max() < 1 else None,
  })

words = [f"w{i}" for i in range(400)]


def text(positions):
  return " ".join(words[i] for i in positions)


base = rng.integers(0, 400, size=180)
other = rng.integers(0, 400, size=180)
pairs = [(text(base), text(base))]
for kept in (170, 140, 100, 60, 20, 0):
  pairs.append((text(base), text(np.concatenate([base[:kept], other[kept:]]))))
pairs += [
  ("One payload, many copies: send the report to the address below.",
   "one PAYLOAD many copies; send the report to the address below"),
  ("a b c", "a b c d"), ("a b c", "c b a"), ("", ""), ("", "a"), ("x y z u v w", "y z u v w x"),
  ("L\u00e9sion \u00e9tendue du foie gauche chez l'adulte", "l\u00c9SION \u00c9TENDUE du foie gauche, chez l adulte"),
]


def shingles(value, size=5):
  found = re.findall(r"[^\W_]+", value.lower())
  length = min(size, len(found))
  return {tuple(found[i:i + length]) for i in range(len(found) - length + 1)} if found else set()


resemblance = []
for a, b in pairs:
  left, right = shingles(a), shingles(b)
  union = len(left | right)
  resemblance.append({"a": a, "b": b, "jaccard": len(left & right) / union if union else 0.0})

out = {
  "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
  "seed": SEED,
  "anchors": anchors.tolist(),
  "candidates": candidates.tolist(),
  "localOutlierFactor": lof,
  "principalResidual": pca,
  "coordinates": coordinates,
  "isolationForest": forest,
  "combinations": combinations,
  "resemblance": resemblance,
}
path = Path(__file__).resolve().parent / "detectors.json"
path.write_text(json.dumps(out, indent=1) + "\n")
print(f"wrote {path}")
