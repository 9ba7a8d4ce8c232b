#!/usr/bin/env bash
# Measures a private training step beside our plain one and beside Opacus' modes.
#
#     PEER_PYTHON=venv/bin/python Benchmarks/privacy.sh      (Benchmarks/peers/requirements.txt)
#
# Needs the installed MiniLM model and a machine on which nothing else runs: PyTorch's threads lose far
# more to neighbours than ours do.
set -euo pipefail
cd "$(dirname "$0")"

peer="${PEER_PYTHON:?set PEER_PYTHON to a Python with torch, transformers and opacus}"
home="${RAGBENCH_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/ragbench}"
model="$home/models/all-MiniLM-L6-v2"
threads="${THREADS:-2}"
steps="${STEPS:-10}"

swift build -c release --product privacy-benchmark >&2
for mode in both plain private disk; do
  .build/release/privacy-benchmark "$model" "$threads" "$steps" "$mode"
done
for mode in plain ghost hooks ew; do
  "$peer" peers/private_step.py "$model" "$threads" "$steps" "$mode" 2> /dev/null
done
echo "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)"
