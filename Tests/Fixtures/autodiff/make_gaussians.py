#!/usr/bin/env python3
"""Writes gaussians.json: normal numbers by seed, stream and index, from a second Philox and mpmath.

Made with: Python 3.11, mpmath 1.3. Run: python make_gaussians.py
"""

import json
from pathlib import Path

from mpmath import cos, log, mp, mpf, pi, sin, sqrt

mp.prec = 200


def philox(counter, key):
  """Salmon et al. 2011, Philox 4x32 with 10 rounds, in integers."""
  c, k = list(counter), list(key)
  for _ in range(10):
    a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
    c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
    k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
  return c


def gaussian(seed, stream, index):
  halves = lambda x: [x & 0xFFFFFFFF, x >> 32]
  w = philox(halves(index // 2) + halves(stream), halves(seed))
  first, second = w[0] | w[1] << 32, w[2] | w[3] << 32
  radius = sqrt(-2 * log(mpf((first >> 11) + 1) / 2**53))
  angle = 2 * pi * mpf(second >> 11) / 2**53
  return float(radius * (sin(angle) if index % 2 else cos(angle)))


assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
rows = [(s, t, i) for s in (0, 7, 2**40 + 3) for t in (0, 1, 2**33) for i in (0, 1, 2, 3, 1001, 2**35)]
text = ",\n  ".join(json.dumps([*map(str, r), gaussian(*r)]) for r in rows)
(Path(__file__).resolve().parent / "gaussians.json").write_text('{"rows": [\n  ' + text + "\n]}\n")
