#!/usr/bin/env bash
# Measures `ragbench serve` beside a Python server of the same function, in one run, on an otherwise quiet machine.
#
#     Benchmarks/serve.sh                                     ragbench alone
#     PEER_PYTHON=venv/bin/python Benchmarks/serve.sh         and sentence-transformers with faiss-cpu, twice: one query
#                                                             at a time, and batching as ours does
#
# CORPUS (medqa), REQUESTS (500) and THREADS (2) can be set. Both answer the same JSON-RPC lines from the vectors of
# the same store; every question is asked once. Ours runs as users run it (detector at work, annotate) and once more
# without verdicts, which is all that the peer does.
set -euo pipefail
cd "$(dirname "$0")/.."

corpus="${CORPUS:-medqa}"
requests="${REQUESTS:-500}"
threads="${THREADS:-2}"
home="${RAGBENCH_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/ragbench}"
model="$home/models/all-MiniLM-L6-v2"
binary=.build/release/ragbench
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$binary" index build --corpus "$corpus" --quiet > /dev/null
# Fits the detector if it is not there yet.
echo '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"x"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}' \
  | "$binary" serve --corpus "$corpus" > /dev/null
folder="$("$binary" index info --corpus "$corpus" --format json \
  | python3 -c 'import json,sys; value = json.load(sys.stdin); print((value[0] if isinstance(value, list) else value)["folder"])')"

# Short questions about what the corpus has titles for, each once.
python3 - "$folder/store.sqlite" > "$work/questions.txt" << 'END'
import random, sqlite3, sys
patterns = ["What is the first-line treatment of {}?", "How is {} diagnosed?", "Which patients with {} need surgery?",
            "What causes {} in adults?", "Does {} require antibiotics?", "When should {} be suspected?",
            "What are the complications of {}?", "How common is {} in children?", "Which drug should be avoided in {}?",
            "What is the prognosis of {}?"]
titles = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute("SELECT DISTINCT title FROM documents ORDER BY title LIMIT 2000")
questions = list(dict.fromkeys(p.format(title[0].lower()) for title in titles if title[0] for p in patterns))
random.Random(1).shuffle(questions)
print("\n".join(questions))
END

load() {
  local name="$1"; shift
  python3 Benchmarks/peers/serve_load.py --name "$name" --queries "$work/questions.txt" --requests "$requests" \
    --answers "$work/$name.ids" -- "$@" 2> "$work/$name.log" | tee "$work/$name.json" \
    || { cat "$work/$name.log" >&2; exit 1; }
}

load ours "$binary" serve --corpus "$corpus" --threads "$threads"
load ours-without-verdicts "$binary" serve --index "$folder" --threads "$threads"
if [ -n "${PEER_PYTHON:-}" ]; then
  # Settings of OpenBLAS that are meant for Debian's release are not for the one in the wheels.
  peer=(env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE "$PEER_PYTHON" Benchmarks/peers/serve_peer.py
    --model "$model" --store "$folder/store.sqlite" --threads "$threads")
  load peer "${peer[@]}" --batch 1
  load peer-batching "${peer[@]}" --batch 32
  python3 - "$work" << 'END'
import json, sys
def read(name): return json.load(open("%s/%s.json" % (sys.argv[1], name)))
def ids(name): return json.load(open("%s/%s.ids" % (sys.argv[1], name)))
ours, peer, batching = read("ours"), read("peer"), read("peer-batching")
same = sum(a == b for a, b in zip(ids("ours"), ids("peer")))
print("the same ten passages in the same order: %d of %d" % (same, len(ids("ours"))))
for key, goal in [("p50_ms", "0.4"), ("p99_ms", "0.5"), ("resident_mib", "0.4")]:
  print("%s: %.2f of the peer's (goal: at most %s)" % (key, ours[key] / peer[key], goal))
key = "queries_per_second"
print("%s: %.2f of the batching peer's (goal: at least 1.8), %.2f of the other's" % (key, ours[key] / batching[key], ours[key] / peer[key]))
key = "first_answer_seconds"
print("%s: %.3f (goal: at most 0.3), the peer's %.3f" % (key, ours[key], peer[key]))
END
fi
