#!/usr/bin/env bash
# Measures ragbench beside its Python peer in one run, on an otherwise quiet machine.
#
#     make bench                          ragbench alone
#     PEER_PYTHON=venv/bin/python make bench   and sentence-transformers (Benchmarks/peers/requirements.txt)
#
# Needs RAGBENCH_TEST_DATA (the 500 PubMedQA abstracts) and the installed MiniLM model.
set -euo pipefail
cd "$(dirname "$0")"

data="${RAGBENCH_TEST_DATA:?set RAGBENCH_TEST_DATA to the folder with pubmedqa/ori_pqal.json.gz}"
home="${RAGBENCH_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/ragbench}"
model="$home/models/all-MiniLM-L6-v2"
threads="${THREADS:-2}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# The same 500 texts for both: the first abstracts of PubMedQA, contexts joined by a space.
python3 - "$data" > "$work/texts.jsonl" << 'END'
import gzip, json, sys
with gzip.open(sys.argv[1] + "/pubmedqa/ori_pqal.json.gz", "rt", encoding="utf-8") as file:
    records = json.load(file)
for record in list(records.values())[:500]:
    print(json.dumps({"text": " ".join(record["CONTEXTS"])}))
END

swift build -c release --product embedding-benchmark >&2
# Debian's OpenBLAS does not know this processor family and would measure its SSE3 kernels.
export OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-SkylakeX}"
.build/release/embedding-benchmark "$model" "$work/texts.jsonl" "$threads" | tee "$work/ours.json"

# Detectors: fits of 10,000 x 768 and scans of 24,384 x 384, on made-up vectors.
swift build -c release --product detector-benchmark >&2
.build/release/detector-benchmark

binary=../.build/release/ragbench
"$binary" query --corpus medqa --quiet "warm the page cache" > /dev/null
for _ in 1 2 3 4 5; do
  start=$(date +%s%N)
  "$binary" query --corpus medqa --quiet "Does aspirin lower the risk of colorectal cancer?" > /dev/null
  echo $(( ($(date +%s%N) - start) / 1000 ))
done | sort -n | sed -n 3p > "$work/start.us"
echo "start to first answer, bundled corpus: $(cat "$work/start.us") microseconds (median of 5)"

if [ -n "${PEER_PYTHON:-}" ]; then
  "$PEER_PYTHON" peers/embed_sentence_transformers.py --model "$model" --data "$data" \
    --threads "$threads" --out "$work/peer.json" > /dev/null
  python3 - "$work/ours.json" "$work/peer.json" "$work/start.us" << 'END'
import json, sys
ours, peer = (json.load(open(path)) for path in sys.argv[1:3])
print(json.dumps(peer, indent=1))
rate = peer["tokens_per_second"]
rate = rate["median"] if isinstance(rate, dict) else rate
print("embedding: %.0f tokens/s, peer %.0f, ratio %.2f" % (ours["tokensPerSecond"], rate, ours["tokensPerSecond"] / rate))
END
fi
