#!/usr/bin/env bash
# Measures a training step beside PyTorch's: both in turn, three times, medians of the medians.
#
#     PEER_PYTHON=venv/bin/python Benchmarks/train.sh      (Benchmarks/peers/requirements.txt)
#
# Needs the installed MiniLM model. Best on an otherwise quiet machine; ratios are of one run.
set -euo pipefail
cd "$(dirname "$0")"

peer="${PEER_PYTHON:?set PEER_PYTHON to a Python with torch and transformers}"
home="${RAGBENCH_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/ragbench}"
model="$home/models/all-MiniLM-L6-v2"
threads="${THREADS:-2}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

swift build -c release --product training-benchmark >&2
for mode in train forward; do
  for _ in 1 2 3; do
    .build/release/training-benchmark "$model" "$threads" "${STEPS:-6}" "$mode" | tee -a "$work/ours.jsonl"
    "$peer" peers/train_step.py "$model" "$threads" "${STEPS:-6}" "$mode" 2> /dev/null | tee -a "$work/peer.jsonl"
  done
done
echo "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)"
python3 - "$work/ours.jsonl" "$work/peer.jsonl" << 'END'
import json, statistics, sys
ours, peer = ([json.loads(line) for line in open(path)] for path in sys.argv[1:3])
for mode in ("train", "forward"):
    a, b = ([row for row in rows if row["mode"] == mode] for rows in (ours, peer))
    middle = lambda rows, key: statistics.median(row[key] for row in rows)
    print("%s: %.3f s, peer %.3f s: %.2f times as fast (fastest steps: %.2f); memory %.0f MiB, peer %.0f MiB: %.2f" % (
        mode, middle(a, "seconds"), middle(b, "seconds"), middle(b, "seconds") / middle(a, "seconds"),
        middle(b, "fastest") / middle(a, "fastest"), middle(a, "peakKiB") / 1024, middle(b, "peakKiB") / 1024,
        middle(a, "peakKiB") / middle(b, "peakKiB")))
END
