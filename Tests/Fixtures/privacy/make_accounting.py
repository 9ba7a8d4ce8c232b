"""Golden values for the accountants of PrivacyTests.

Made with Python 3.11, dp_accounting 0.6.0, opacus 1.6.0, prv_accountant 0.2.0, mpmath; no randomness.
Run: python make_accounting.py   (writes accounting.json beside itself)
"""

import json
import math
import pathlib

import mpmath
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from dp_accounting.rdp import RdpAccountant
from opacus.accountants.analysis import rdp as opacus_rdp
from prv_accountant.dpsgd import DPSGDAccountant

mpmath.mp.dps = 40


def event(sigma, rate, steps):
  inner = dp_event.GaussianDpEvent(sigma)
  one = dp_event.PoissonSampledDpEvent(rate, inner) if rate < 1 else inner
  return dp_event.SelfComposedDpEvent(one, steps)


def quadrature(sigma, rate, order):
  """Divergence of one step by integration: E_N[(M/N)^order], log over (order - 1)."""
  s, q, a = mpmath.mpf(sigma), mpmath.mpf(rate), mpmath.mpf(order)
  f = lambda x: mpmath.npdf(x, 0, s) * (1 - q + q * mpmath.exp((2 * x - 1) / (2 * s * s))) ** a
  reach = 60 * s + a
  points = sorted({-reach, -10 * s, 0, 1, a / 2, a, a + 10 * s, reach})
  return float(mpmath.log(mpmath.quad(f, points)) / (a - 1))


out = {"rdp": [], "pld": [], "prv": [], "composition": []}
for sigma, rate in [(2.5, 0.01), (1.0, 0.01), (0.7, 0.2), (4.0, 0.6), (0.5, 0.001), (1.3, 0.95)]:
  for order in [1.1, 1.5, 2, 2.5, 3.9, 5, 10.9, 20]:
    out["rdp"].append({
      "sigma": sigma, "rate": rate, "order": order, "quadrature": quadrature(sigma, rate, order),
      "opacus": float(opacus_rdp.compute_rdp(q=rate, noise_multiplier=sigma, steps=1, orders=[order])[0]),
    })

# Discretisation 1e-4: upper bounds of dp_accounting.
for sigma, rate, steps, delta in [
    (1.5, 0.04, 2249, 1e-5), (0.8, 0.001, 100, 1e-6), (2.0, 0.05, 1000, 1e-6), (0.7, 0.01, 120, 1e-5),
    (0.5, 0.2, 3, 1e-5), (1.0, 0.032, 300, 2.5e-4), (10.0, 1.0, 100, 1e-5), (3.0, 0.2, 100, 1e-6)]:
  accountant = PLDAccountant(value_discretization_interval=1e-4)
  accountant.compose(event(sigma, rate, steps))
  out["pld"].append({"sigma": sigma, "rate": rate, "steps": steps, "delta": delta,
                     "epsilon": accountant.get_epsilon(delta)})

# The three figures of microsoft/prv_accountant.
for sigma, rate, steps, delta in [
    (1.0, 0.01, 1000, 1e-5), (2.0, 0.064, 200, 1e-5), (0.9, 0.02, 500, 1e-6), (1.5, 0.3, 40, 1e-5)]:
  accountant = DPSGDAccountant(noise_multiplier=sigma, sampling_probability=rate, eps_error=0.01,
                               delta_error=delta / 1000, max_steps=steps)
  low, middle, high = accountant.compute_epsilon(delta=delta, num_steps=steps)
  out["prv"].append({"sigma": sigma, "rate": rate, "steps": steps, "delta": delta,
                     "lower": float(low), "estimate": float(middle), "upper": float(high)})

# Phases with different settings.
for phases, delta in [
    ([(1.2, 0.01, 500), (2.0, 0.05, 200)], 1e-5), ([(0.8, 0.002, 300), (5.0, 1.0, 20), (1.0, 0.1, 10)], 1e-6)]:
  pld, rdp = PLDAccountant(value_discretization_interval=1e-4), RdpAccountant()
  for phase in phases:
    pld.compose(event(*phase))
    rdp.compose(event(*phase))
  out["composition"].append({"phases": phases, "delta": delta, "pld": pld.get_epsilon(delta),
                             "rdp": rdp.get_epsilon(delta)})

path = pathlib.Path(__file__).with_name("accounting.json")
path.write_text(json.dumps(out, indent=1) + "\n")
