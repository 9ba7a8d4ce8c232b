#!/usr/bin/env python3
"""Groups of sequences by TRL's strategy `bfd`, as the lengths in each group.

Made with: Python 3.11, trl 1.16.0, pyarrow; seed 20261125. Run: python make_packing.py
Lengths instead of indices, because TRL's order of equal lengths is pyarrow's.
"""

import json
import random
from pathlib import Path

import pyarrow as pa
from trl.data_utils import _pack_bfd

rng = random.Random(20261125)
cases = []
for maximum, count in [(1, 5), (7, 40), (64, 200), (65, 200), (256, 300), (1024, 300)]:
  lengths = [min(maximum, max(1, int(rng.lognormvariate(0, 0.8) * maximum / 3))) for _ in range(count)]
  packed = _pack_bfd(pa.table({"input_ids": [[0] * n for n in lengths]}), maximum)
  groups = packed["seq_lengths"].to_pylist()
  assert sum(map(len, groups)) == count
  cases.append({"maximum": maximum, "lengths": lengths, "groups": groups})
path = Path(__file__).resolve().parent / "packing.json"
path.write_text("{\"cases\": [\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
