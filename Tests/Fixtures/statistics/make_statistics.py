"""Golden values for StatisticsTests.

Made with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0,
mpmath 1.4.1 (log beta: scipy keeps 10 digits for (0.1, 1e5)); seed 20240611.
Run: python make_statistics.py   (writes statistics.json beside itself)
"""

import json
import pathlib

import mpmath
import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import special, stats
from sklearn.covariance import OAS, LedoitWolf
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

mpmath.mp.dps = 40
rng = np.random.default_rng(20240611)
out = {
    "versions": {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "statsmodels": statsmodels.__version__,
    }
}

# Special functions.
p = [1e-300, 1e-20, 1e-9, 0.001, 0.025, 0.074, 0.076, 0.3, 0.5, 0.6, 0.925, 0.975, 0.999, 1 - 1e-9]
out["normalQuantile"] = [{"p": v, "value": float(special.ndtri(v))} for v in p]
x = [-37.0, -10.0, -3.5, -1.0, -0.1, 0.0, 0.1, 1.0, 3.5, 8.0]
out["normalCumulative"] = [{"x": v, "value": float(special.ndtr(v))} for v in x]
g = [1e-8, 0.1, 0.5, 1.0, 1.5, 2.0, 9.9, 100.5, 1e6]
out["logGamma"] = [{"x": v, "value": float(special.gammaln(v))} for v in g]
ab = [(0.5, 0.5), (1, 1), (2, 5), (9.5, 12), (3, 400), (12, 15), (300, 8), (1000, 2000), (0.1, 1e5)]
out["logBeta"] = [{"a": a, "b": b, "value": float(mpmath.log(mpmath.beta(a, b)))} for a, b in ab]
incomplete, inverse = [], []
for a, b in ab:
    mean, sd = a / (a + b), np.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
    for v in (mean * 0.01, mean - sd / 2, mean, mean + sd / 2, mean + 3 * sd, 0.999):
        v = float(v)
        if 0 <= v <= 1:
            incomplete.append({"x": v, "a": a, "b": b, "value": float(special.betainc(a, b, v))})
    for q in (1e-6, 0.025, 0.5, 0.975, 0.9999):
        inverse.append({"p": q, "a": a, "b": b, "value": float(special.betaincinv(a, b, q))})
out["incompleteBeta"], out["inverseIncompleteBeta"] = incomplete, inverse

# Proportions.
cases = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (5, 10), (98, 100), (490, 500), (0, 5000), (3, 100000)]
out["proportions"] = [
    {
        "successes": s,
        "trials": n,
        "level": level,
        "wilson": [float(v) for v in proportion_confint(s, n, 1 - level, method="wilson")],
        "clopperPearson": [float(v) for v in proportion_confint(s, n, 1 - level, method="beta")],
    }
    for s, n in cases
    for level in (0.9, 0.95, 0.99)
]

# Beta-binomial.
rows = []
for n, a, b in [(0, 1, 19), (1, 1, 19), (20, 1, 19), (120, 4, 57), (500, 10, 190), (50, 0.5, 0.5)]:
    d = stats.betabinom(n, a, b)
    counts = sorted({0, 1, n // 10, n // 2, n} & set(range(n + 1)))
    rows.append({
        "trials": n, "alpha": a, "beta": b, "counts": counts,
        "probabilities": [float(d.pmf(k)) for k in counts],
        "cumulative": [float(d.cdf(k)) for k in counts],
        "interval95": [int(d.ppf(0.025)), int(d.ppf(0.975))],
    })
out["betaBinomial"] = rows


# ROC: rounded scores give ties.
def delong(neg, pos):
    """DeLong, DeLong and Clarke-Pearson 1988 by its definition, the double sum over pairs."""
    psi = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return psi.mean(), v10, v01


roc = []
for n, m, digits, shift in [(40, 25, 1, 1.0), (7, 3, 0, 0.0), (200, 150, 2, 2.0), (30, 30, 6, -1.0), (5, 4, 0, 50.0), (3, 3, -3, 0.0)]:
    neg = np.round(rng.normal(0, 1, n), digits) + 0.0
    pos = np.round(rng.normal(shift, 1.3, m), digits) + 0.0
    second_neg = np.round(neg + rng.normal(0, 0.7, n), 1) + 0.0
    second_pos = np.round(pos + rng.normal(0, 0.7, m), 1) + 0.0
    y = np.r_[np.zeros(n), np.ones(m)]
    s = np.r_[neg, pos]
    area, v10, v01 = delong(neg, pos)
    area2, w10, w01 = delong(second_neg, second_pos)
    var = v10.var(ddof=1) / m + v01.var(ddof=1) / n
    dvar = (v10 - w10).var(ddof=1) / m + (v01 - w01).var(ddof=1) / n
    fpr, tpr, threshold = roc_curve(y, s, drop_intermediate=False)
    fpr2, tpr2, threshold2 = roc_curve(y, s, drop_intermediate=True)
    roc.append({
        "negatives": neg.tolist(), "positives": pos.tolist(),
        "secondNegatives": second_neg.tolist(), "secondPositives": second_pos.tolist(),
        "auroc": float(roc_auc_score(y, s)), "averagePrecision": float(average_precision_score(y, s)),
        "standardError": float(np.sqrt(var)), "differenceError": float(np.sqrt(dvar)),
        "difference": float(area - area2),
        "fpr": fpr.tolist(), "tpr": tpr.tolist(), "threshold": threshold[1:].tolist(),
        "fprKept": fpr2.tolist(), "tprKept": tpr2.tolist(), "thresholdKept": threshold2[1:].tolist(),
    })
out["roc"] = roc

# Multiple comparisons.
sets = [[], [0.03], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9, 1.0, 0.0], rng.uniform(0, 0.2, 25).round(3).tolist()]
out["multiple"] = [
    {
        "p": v,
        "holm": multipletests(v, method="holm")[1].tolist() if v else [],
        "benjaminiHochberg": multipletests(v, method="fdr_bh")[1].tolist() if v else [],
    }
    for v in sets
]

# Description.
summaries = []
for values in [[3.5], [1.0, 2.0], rng.normal(5, 2, 101).tolist(), (1e9 + rng.normal(0, 1, 50)).tolist()]:
    v = np.array(values)
    summaries.append({
        "values": values, "mean": float(v.mean()), "sd": float(v.std(ddof=1)) if len(v) > 1 else None,
        "quantiles": [float(q) for q in np.quantile(v, [0, 0.05, 0.5, 0.95, 1])],
    })
out["summaries"] = summaries
histograms = []
for values, lo, hi, bins in [
    ([0.0, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9, 1.0], 0.0, 1.0, 10),
    ((np.arange(101) / 100).tolist(), 0.0, 1.0, 20),
    (rng.normal(0, 1, 300).round(2).tolist(), -2.0, 2.0, 40),
]:
    counts, edges = np.histogram(values, bins=bins, range=(lo, hi))
    v = np.array(values)
    histograms.append({
        "values": values, "lower": lo, "upper": hi, "bins": bins, "counts": counts.tolist(),
        "edges": edges.tolist(), "below": int((v < lo).sum()), "above": int((v > hi).sum()),
    })
out["histograms"] = histograms

# Covariance: Float32 rows, everything else in Float64.
covariance = []
for n, d, offset in [(12, 1, 0), (12, 3, 0), (5, 8, 0), (300, 6, 1000), (20, 20, 0)]:
    mixing = rng.normal(0, 1, (d, d))
    rows = (rng.normal(0, 1, (n, d)) @ mixing + offset).astype(np.float32)
    exact = rows.astype(np.float64)
    lw, oas = LedoitWolf().fit(exact), OAS().fit(exact)
    sample = np.atleast_2d(np.cov(exact, rowvar=False))
    probe = (exact[:3] + rng.normal(0, 1, (3, d))).astype(np.float32)
    regular = lw.covariance_ * n / (n - 1)
    centred = probe.astype(np.float64) - exact.mean(0)
    covariance.append({
        "dimension": d, "rows": rows.ravel().tolist(), "mean": exact.mean(0).tolist(),
        "sample": sample.ravel().tolist(),
        "ledoitWolf": {"intensity": float(lw.shrinkage_), "covariance": lw.covariance_.ravel().tolist()},
        "oas": {"intensity": float(oas.shrinkage_), "covariance": oas.covariance_.ravel().tolist()},
        "eigenvalues": np.linalg.eigvalsh(regular).tolist(),
        "cholesky": np.linalg.cholesky(regular).ravel().tolist(),
        "inverseFactor": np.linalg.inv(np.linalg.cholesky(regular)).ravel().tolist(),
        "logDeterminant": float(np.linalg.slogdet(regular)[1]),
        "probe": probe.ravel().tolist(),
        "squaredDistances": np.einsum("ij,jk,ik->i", centred, np.linalg.inv(regular), centred).tolist(),
    })
out["covariance"] = covariance



# ROC in clusters.
def obuchowski(neg, pos, neg2, pos2):
    """Obuchowski 1997, equations of section 2, by loops over clusters; neg and pos are lists of lists."""
    def parts(neg, pos):
        x, y = np.concatenate(pos), np.concatenate(neg)
        area, v10, v01 = delong(y, x)
        x_sums = [sum(delong(y, np.array([v]))[1][0] - area for v in c) for c in pos]
        y_sums = [sum(delong(np.array([v]), x)[2][0] - area for v in c) for c in neg]
        return area, np.array(x_sums), np.array(y_sums)

    a, x, y = parts(neg, pos)
    b, x2, y2 = parts(neg2, pos2)
    clusters = len(neg)
    i10, i01 = sum(len(c) > 0 for c in pos), sum(len(c) > 0 for c in neg)
    m, n = sum(map(len, pos)), sum(map(len, neg))

    def covariance(x, y, u, v):
        s10 = i10 / ((i10 - 1) * m) * sum(x * u)
        s01 = i01 / ((i01 - 1) * n) * sum(y * v)
        s11 = clusters / (clusters - 1) * (sum(x * v) + sum(u * y))
        return s10 / m + s01 / n + s11 / (m * n)

    variance = covariance(x, y, x, y) + covariance(x2, y2, x2, y2) - 2 * covariance(x, y, x2, y2)
    return a - b, float(np.sqrt(max(0, variance)))


rows = []
for clusters, digits, shift in [(12, 1, 1.0), (40, 2, 2.0), (5, 6, 0.0)]:
    neg, pos, neg2, pos2 = [], [], [], []
    for _ in range(clusters):
        common = rng.normal(0, 1)
        k, l = int(rng.integers(0, 6)), int(rng.integers(0, 3))
        one, two = common + rng.normal(0, 1, k), common + rng.normal(shift, 1, l)
        neg.append(np.round(one, digits) + 0.0)
        pos.append(np.round(two, digits) + 0.0)
        neg2.append(np.round(one + rng.normal(0, 1, k), 1) + 0.0)
        pos2.append(np.round(two + rng.normal(0, 1, l), 1) + 0.0)
    difference, error = obuchowski(neg, pos, neg2, pos2)
    rows.append({
        "negatives": [c.tolist() for c in neg], "positives": [c.tolist() for c in pos],
        "secondNegatives": [c.tolist() for c in neg2], "secondPositives": [c.tolist() for c in pos2],
        "difference": float(difference), "standardError": error,
    })
out["clusteredROC"] = rows

# Differences of two independent proportions.
cases = [(0, 10, 0, 10), (10, 10, 0, 10), (56, 70, 48, 80), (9, 10, 3, 10), (5, 56, 0, 29), (98, 100, 100, 100), (1, 1, 0, 3)]
out["proportionDifferences"] = [
    {
        "first": [a, m], "second": [b, n],
        "newcombe": [float(v) for v in confint_proportions_2indep(a, m, b, n, method="newcomb", compare="diff", alpha=0.05)],
        "fisher": float(stats.fisher_exact([[a, m - a], [b, n - b]])[1]),
    }
    for a, m, b, n in cases
]

path = pathlib.Path(__file__).with_name("statistics.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
