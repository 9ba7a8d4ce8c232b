#!/usr/bin/env python3
"""Golden values for Statistics, from mpmath, scipy, statsmodels, scikit-learn and exact fractions.

Made with: Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0, mpmath 1.3.0.
Seed 20261124. Run: OMP_NUM_THREADS=1 python make_statistics.py

Numbers are doubles in shortest round-trip form. Special functions are computed by mpmath at 50 digits and
rounded once, and asserted against scipy to 1e-11 relative; the DeLong variance is written out here in
numpy from the placement values (DeLong et al. 1988), and its area asserted against scikit-learn.
"""

import json
import platform
from fractions import Fraction
from importlib.metadata import version
from math import comb
from pathlib import Path

import mpmath
import numpy as np
import scipy.special
import scipy.stats
from sklearn.covariance import OAS, LedoitWolf, ledoit_wolf_shrinkage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

HERE = Path(__file__).resolve().parent
SEED = 20261124
mpmath.mp.dps = 50


def close(a, b, tolerance=1e-11):
  assert abs(a - b) <= tolerance * max(abs(a), abs(b), 1e-300) or abs(a - b) < 1e-290, (a, b)
  return float(a)


def write(name, what, **sections):
  names = ["numpy", "scipy", "scikit-learn", "statsmodels", "mpmath"]
  head = {"what": what, "reference": f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names),
          "script": "make_statistics.py", "seed": SEED}
  path = HERE / f"{name}.json"
  with path.open("w", encoding="ascii") as out:
    out.write("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()))
    for key, rows in sections.items():
      out.write(f",\n{json.dumps(key)}: [\n" + ",\n".join(json.dumps(r, allow_nan=False) for r in rows) + "\n]")
    out.write("}\n")
  print(f"wrote {path} ({path.stat().st_size} bytes)")


def normal():
  quantiles = []
  for p in [1e-300, 1e-100, 1e-20, 1e-10, 1e-5, 0.001, 0.005, 0.01, 0.02425, 0.025, 0.05, 0.1, 0.25, 0.4, 0.49, 0.5, 0.51, 0.6, 0.75, 0.9,
            0.95, 0.975, 0.97575, 0.99, 0.995, 0.999, 0.99999, 1 - 1e-10, 1 - 2**-53]:
    guess = mpmath.mpf(float(scipy.special.ndtri(p)))
    exact = mpmath.findroot(lambda x: mpmath.log(mpmath.ncdf(x)) - mpmath.log(mpmath.mpf(p)), guess) if p != 0.5 else 0
    quantiles.append({"p": p, "x": close(float(exact), float(scipy.special.ndtri(p)))})
  cdf = [{"x": x, "p": close(float(mpmath.ncdf(mpmath.mpf(x))), float(scipy.special.ndtr(x)), 1e-10)}
         for x in [-37.0, -20.0, -8.0, -5.0, -3.0, -1.959963984540054, -1.0, -0.5, -1e-8, 0.0, 1e-8, 0.5, 1.0, 1.96, 3.0, 5.0, 8.0, 8.5]]
  write("normal", "standard normal quantile and cumulative distribution", quantile=quantiles, cumulative=cdf)


def beta():
  gammas = [{"x": x, "log_gamma": float(mpmath.loggamma(mpmath.mpf(x)))}
            for x in [1e-10, 0.001, 0.1, 0.5, 0.999, 1.0, 1.5, 2.0, 2.001, 3.0, 10.0, 100.5, 1e5, 1e10]]
  incomplete, inverse, logarithm = [], [], []
  shapes = [(0.5, 0.5), (1, 1), (0.5, 5), (2, 3), (5, 0.5), (10, 10), (1, 100), (100, 1), (50.5, 200.5), (1000, 10), (5000, 5000), (1e5, 3),
            (0.01, 0.02)]
  for a, b in shapes:
    logarithm.append({"a": a, "b": b, "log_beta": float(mpmath.log(mpmath.beta(a, b)))})
    for x in [0.0, 1e-10, 0.001, 0.05, 0.2, 0.5, 0.7, 0.95, 0.999, 1.0]:
      if max(a, b) <= 300:  # mpmath is too slow beyond: scipy alone
        exact = mpmath.betainc(a, b, 0, mpmath.mpf(x), regularized=True)
        incomplete.append({"a": a, "b": b, "x": x, "i": close(float(exact), float(scipy.special.betainc(a, b, x)), 1e-9)})
      else:
        incomplete.append({"a": a, "b": b, "x": x, "i": float(scipy.special.betainc(a, b, x))})
    for p in [1e-6, 0.005, 0.025, 0.05, 0.5, 0.95, 0.975, 0.995, 1 - 1e-6]:
      inverse.append({"a": a, "b": b, "p": p, "x": float(scipy.special.betaincinv(a, b, p))})
  write("beta", "log gamma, log beta, regularized incomplete beta I_x(a, b) and its inverse", log_gamma=gammas, log_beta=logarithm,
        incomplete=incomplete, inverse=inverse)


def proportions():
  rows = []
  for n in [1, 2, 3, 5, 10, 20, 30, 50, 100, 500, 1000, 10000, 1000000]:
    for k in sorted({0, 1, n // 10, n // 4, n // 2, n - 1, n}):
      for level in [0.8, 0.9, 0.95, 0.99]:
        z = float(scipy.special.ndtri(0.5 + level / 2))
        p, zz = k / n, z * z
        centre, half = (p + zz / (2 * n)) / (1 + zz / n), z / (1 + zz / n) * np.sqrt(p * (1 - p) / n + zz / (4 * n * n))
        wilson = [0.0 if k == 0 else float(centre - half), 1.0 if k == n else float(centre + half)]
        alpha = 1 - level
        exact = [0.0 if k == 0 else float(scipy.special.betaincinv(k, n - k + 1, alpha / 2)),
                 1.0 if k == n else float(scipy.special.betaincinv(k + 1, n - k, 1 - alpha / 2))]
        for ours, method in ((wilson, "wilson"), (exact, "beta")):
          theirs = proportion_confint(k, n, alpha=alpha, method=method)
          assert abs(ours[0] - theirs[0]) < 1e-9 and abs(ours[1] - theirs[1]) < 1e-9, (k, n, level, ours, theirs)
        rows.append({"successes": k, "trials": n, "level": level, "wilson": wilson, "clopper_pearson": exact})
  write("proportions", "Wilson score (no continuity correction; the end at 0/n and n/n is exactly 0 or 1) and Clopper-Pearson", cases=rows)


def exact_pmf(n, a, b):
  """Beta-binomial probabilities with whole a and b, as fractions."""
  def beta_ratio(k):
    value = Fraction(comb(n, k))
    for i in range(k):
      value *= Fraction(a + i)
    for i in range(n - k):
      value *= Fraction(b + i)
    for i in range(n):
      value /= Fraction(a + b + i)
    return value
  return [beta_ratio(k) for k in range(n + 1)]


def beta_binomial():
  rows = []
  for n, a, b in [(1, 1, 1), (5, 1, 1), (10, 2, 3), (10, 1, 50), (20, 1, 99), (100, 5, 96), (100, 95, 6), (300, 10, 191), (50, 1, 1000)]:
    pmf = exact_pmf(n, a, b)
    assert sum(pmf) == 1
    cumulative = [sum(pmf[: k + 1]) for k in range(n + 1)]
    ks = sorted({0, 1, 2, n // 4, n // 2, n - 1, n} & set(range(n + 1)))
    quantiles = []
    for p in [0.005, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.995, 0.999999]:
      q = next(k for k in range(n + 1) if cumulative[k] >= Fraction(p))
      gap = min(abs(c - Fraction(p)) for c in cumulative)
      if gap > Fraction(1, 10**12):  # otherwise a rounding decides, and either answer is fair
        quantiles.append([p, q])
    rows.append({"trials": n, "alpha": a, "beta": b, "k": ks, "probability": [float(pmf[k]) for k in ks],
                 "cumulative": [float(cumulative[k]) for k in ks], "quantiles": quantiles})
  for n, a, b in [(10, 0.5, 0.5), (30, 0.5, 10.5), (1000, 25.5, 475.5), (100000, 3.25, 40.75)]:
    d = scipy.stats.betabinom(n, a, b)
    ks = sorted({0, 1, 2, n // 20, n // 10, n // 4, n // 2, n - 1, n})
    log = [mpmath.log(mpmath.binomial(n, k)) + mpmath.log(mpmath.beta(k + a, n - k + b)) - mpmath.log(mpmath.beta(a, b)) for k in ks]
    values = [float(mpmath.exp(v)) for v in log]
    row = {"trials": n, "alpha": a, "beta": b, "k": ks, "probability": values}
    if n <= 1000:
      table = [mpmath.binomial(n, k) * mpmath.beta(k + a, n - k + b) / mpmath.beta(a, b) for k in range(n + 1)]
      sums, total = [], mpmath.mpf(0)
      for value in table:
        total += value
        sums.append(total)
      row["cumulative"] = [float(sums[k]) for k in ks]
      row["quantiles"] = [[p, next(k for k in range(n + 1) if sums[k] >= p)] for p in [0.025, 0.05, 0.5, 0.95, 0.975]]
      assert all(int(d.ppf(p)) == q for p, q in row["quantiles"])
    rows.append(row)
  write("beta_binomial", "beta-binomial probability, cumulative, and quantile (least k with cumulative >= p)", cases=rows)


def placements(positives, negatives):
  """V10 (one per positive) and V01 (one per negative) with the kernel 1, 1/2, 0."""
  x, y = np.asarray(positives, float)[:, None], np.asarray(negatives, float)[None, :]
  kernel = (x > y) + 0.5 * (x == y)
  return kernel.mean(axis=1), kernel.mean(axis=0)


def delong_variance(v10, v01):
  return float(np.var(v10, ddof=1) / len(v10) + np.var(v01, ddof=1) / len(v01))


def score_sets(rng):
  yield "separated", [3.0, 4.0, 5.0], [0.0, 1.0, 2.0]
  yield "reversed", [0.0, 1.0], [2.0, 3.0, 4.0]
  yield "all equal", [1.0] * 4, [1.0] * 6
  yield "one tie across", [1.0, 2.0], [1.0, 0.0]
  yield "one positive", [0.7], [0.1, 0.9, 0.7, 0.3]
  yield "one negative", [0.1, 0.9, 0.7, 0.3], [0.7]
  for m, n, levels in [(10, 15, 4), (40, 60, 5), (7, 200, 3), (100, 100, 2)]:
    yield f"{levels} levels, {m}+{n}", (rng.integers(0, levels, m) + (rng.random(m) < 0.4)).astype(float).tolist(), rng.integers(0, levels, n).astype(float).tolist()
  for m, n in [(12, 20), (60, 150), (5, 5)]:
    yield f"continuous {m}+{n}", rng.normal(0.8, 1, m).round(6).tolist(), rng.normal(0, 1, n).round(6).tolist()
  yield "signed zero and huge", [0.0, 1e300, -1e-300], [-0.0, -1e300, 1e-300]


def roc():
  rng = np.random.default_rng(SEED)
  rows = []
  for name, positives, negatives in score_sets(rng):
    labels, scores = np.r_[np.ones(len(positives)), np.zeros(len(negatives))], np.r_[positives, negatives]
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    v10, v01 = placements(positives, negatives)
    auc = close(float(roc_auc_score(labels, scores)), float(v10.mean()), 1e-9)
    row = {"name": name, "positives": positives, "negatives": negatives, "auroc": auc,
           "average_precision": float(average_precision_score(labels, scores)),
           # The first point of scikit-learn has threshold infinity: left out as null.
           "roc": {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": [None] + thresholds[1:].tolist()},
           "tpr_at_fpr_at_most": [[limit, float(tpr[fpr <= limit].max())] for limit in [0.0, 0.01, 0.05, 0.1, 0.5]],
           "delong_variance": delong_variance(v10, v01) if min(len(positives), len(negatives)) > 1 else None}
    if row["delong_variance"] is not None:
      z, error = float(scipy.special.ndtri(0.975)), row["delong_variance"] ** 0.5
      row["delong_interval_95_unclipped"] = [auc - z * error, auc + z * error]
    rows.append(row)
  paired = []
  for m, n, decimals in [(20, 30, 6), (50, 40, 1), (8, 8, 0), (200, 300, 6)]:
    truth_p, truth_n = rng.normal(1, 1, m), rng.normal(0, 1, n)
    first = ((truth_p + rng.normal(0, 0.5, m)).round(decimals) + 0.0, (truth_n + rng.normal(0, 0.5, n)).round(decimals) + 0.0)
    second = ((truth_p + rng.normal(0, 1.5, m)).round(decimals) + 0.0, (truth_n + rng.normal(0, 1.5, n)).round(decimals) + 0.0)
    a10, a01 = placements(*first)
    b10, b01 = placements(*second)
    covariance = float(np.cov(a10, b10)[0, 1] / m + np.cov(a01, b01)[0, 1] / n)
    variance = delong_variance(a10, a01) + delong_variance(b10, b01) - 2 * covariance
    difference = float(a10.mean() - b10.mean())
    z = difference / variance**0.5
    paired.append({"first": {"positives": first[0].tolist(), "negatives": first[1].tolist()},
                   "second": {"positives": second[0].tolist(), "negatives": second[1].tolist()},
                   "areas": [float(a10.mean()), float(b10.mean())], "variances": [delong_variance(a10, a01), delong_variance(b10, b01)],
                   "covariance": covariance, "difference": difference, "standard_error": variance**0.5,
                   "p_value_two_sided": float(2 * scipy.special.ndtr(-abs(z)))})
  write("roc", "AUROC with ties 1/2, average precision (step), ROC points, TPR at FPR <= limit, DeLong variance; paired DeLong difference "
        "(first minus second)", cases=rows, paired=paired)


def shrinkage():
  rng = np.random.default_rng(SEED + 1)
  rows = []
  for n, d, kind in [(5, 3, "normal"), (10, 10, "normal"), (4, 8, "normal"), (30, 6, "correlated"), (20, 40, "correlated"), (2, 3, "normal"),
                     (200, 5, "scaled"), (12, 1, "normal"), (50, 4, "shifted")]:
    x = rng.normal(size=(n, d))
    if kind == "correlated":
      x = x @ rng.normal(size=(d, d)) / d**0.5
    if kind == "scaled":
      x = x * 10.0 ** np.arange(-2, d - 2)
    if kind == "shifted":
      x = x + 1000
    x = x.round(6)
    points = np.vstack([x[:3], rng.normal(size=(3, d)).round(6) + x.mean(axis=0).round(6)])
    row = {"kind": kind, "rows": n, "columns": d, "x": x.ravel().tolist(), "points": points.ravel().tolist(),
           "mean": x.mean(axis=0).tolist(), "covariance_biased": np.cov(x, rowvar=False, bias=True).reshape(-1).tolist(),
           "covariance_unbiased": np.cov(x, rowvar=False).reshape(-1).tolist()}
    for name, estimator in (("ledoit_wolf", LedoitWolf()), ("oas", OAS())):
      fit = estimator.fit(x)
      distances = fit.mahalanobis(points)
      direct = np.einsum("ij,ij->i", points - fit.location_, np.linalg.solve(fit.covariance_, (points - fit.location_).T).T)
      condition = float(np.linalg.cond(fit.covariance_))
      # Singular (a coefficient of 0 with n <= d): the distance is not defined, scikit-learn's is of a pseudo-inverse.
      regular = condition < 1e10
      if regular:
        assert np.allclose(distances, direct, rtol=1e-6), (name, n, d)
      row[name] = {"shrinkage": float(fit.shrinkage_), "covariance": fit.covariance_.ravel().tolist(), "condition": condition if regular else None,
                   "mahalanobis_squared": direct.tolist() if regular else None}
    assert abs(row["ledoit_wolf"]["shrinkage"] - ledoit_wolf_shrinkage(x)) < 1e-12
    rows.append(row)
  write("shrinkage", "Ledoit-Wolf and OAS of scikit-learn (mean removed, biased sample covariance, target trace/d times identity): coefficient, "
        "covariance, squared Mahalanobis distances of `points` from the mean; matrices row-major", cases=rows)


def comparisons():
  rng = np.random.default_rng(SEED + 2)
  rows = []
  for p in [[0.01], [0.01, 0.02, 0.03], [0.04, 0.01, 0.03, 0.02], [0.5, 0.5, 0.5], [0.0, 1.0, 0.2], [1.0, 1.0], rng.random(20).round(4).tolist(),
            (rng.random(50) ** 4).round(6).tolist()]:
    rows.append({"p": p, "holm": multipletests(p, method="holm")[1].tolist(), "benjamini_hochberg": multipletests(p, method="fdr_bh")[1].tolist()})
  quantiles = []
  for values in [[1.0], [1.0, 2.0], [3.0, 1.0, 2.0], rng.normal(size=11).round(5).tolist(), rng.normal(size=100).round(5).tolist()]:
    ps = [0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0]
    quantiles.append({"values": values, "p": ps, "linear": np.quantile(values, ps).tolist(), "mean": float(np.mean(values)),
                      "standard_deviation_unbiased": float(np.std(values, ddof=1)) if len(values) > 1 else None})
  write("comparisons", "adjusted p-values (Holm, Benjamini-Hochberg) and quantiles of type 7 (numpy linear)", adjusted=rows, quantiles=quantiles)


if __name__ == "__main__":
  normal()
  beta()
  proportions()
  beta_binomial()
  roc()
  shrinkage()
  comparisons()
