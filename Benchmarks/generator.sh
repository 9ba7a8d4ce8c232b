#!/usr/bin/env bash
# Trains a generator beside PyTorch: a new Llama on the textbooks, then a LoRA adapter of SmolLM2 beside peft.
#
#     PEER_PYTHON=venv/bin/python Benchmarks/generator.sh      (Benchmarks/peers/requirements.txt)
#
# Both take the same blocks in the same order from the same weights. Needs the installed corpora textbooks and
# medquad, the model SmolLM2-135M-Instruct, a built ragbench, and an otherwise quiet machine: a quarter of an hour of training.
set -euo pipefail
cd "$(dirname "$0")"

peer="${PEER_PYTHON:?set PEER_PYTHON to a Python with torch, transformers and peft}"
home="${RAGBENCH_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/ragbench}"
threads="${THREADS:-2}"
work="${WORK:-$(mktemp -d)}"

swift build -c release --product generator-benchmark >&2
ours=.build/release/generator-benchmark
for kind in ${KINDS:-pretrain sft}; do
  folder="$work/$kind"
  if [ ! -e "$folder/order.i32" ]; then
    mkdir -p "$folder"
    if [ "$kind" = pretrain ]; then
      "$ours" pretrain "$home/corpora/textbooks/passages.jsonl" "$folder" "${PRETRAIN_STEPS:-800}"
    else
      ../.build/release/ragbench train pairs --corpus medquad --negatives 0 --output "$work/pairs.jsonl" >&2
      python3 - "$work/pairs.jsonl" > "$work/answers.jsonl" << 'END'
import json, sys
for line in open(sys.argv[1]):
    pair = json.loads(line)
    print(json.dumps({"prompt": [{"role": "user", "content": pair["query"]}],
                      "completion": [{"role": "assistant", "content": pair["positive"]}]}))
END
      "$ours" sft "$work/answers.jsonl" "$folder" "${SFT_STEPS:-100}" "$home/models/SmolLM2-135M-Instruct"
    fi
  fi
  echo "$kind"
  "$ours" train "$folder" "$threads" | tee "$folder/ours.json"
  "$peer" peers/generator_train.py "$folder" "$threads" 2> /dev/null | tee "$folder/peer.json"
  python3 - "$folder" << 'END'
import json, sys
ours, peer = (json.load(open(f"{sys.argv[1]}/{who}.json")) for who in ("ours", "peer"))
print("tokens/s %.0f, peer %.0f: %.2f times; held-out loss %.4f -> %.4f, peer %.4f -> %.4f: %+.2f %%; memory %.0f MiB, peer %.0f MiB: %.2f" % (
    ours["tokensPerSecond"], peer["tokensPerSecond"], ours["tokensPerSecond"] / peer["tokensPerSecond"],
    ours["before"], ours["after"], peer["before"], peer["after"], 100 * (ours["after"] / peer["after"] - 1),
    ours["peakKiB"] / 1024, peer["peakKiB"] / 1024, ours["peakKiB"] / peer["peakKiB"]))
END
done
echo "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)"
