#!/usr/bin/env bash
# Fuzzes every reader of files for some seconds each: Fuzz/run.sh SECONDS [TARGET…]
#
# What libFuzzer learns stays in .build-fuzz/corpus and is used the next time; what it finds lies in
# .build-fuzz/findings, ends this with status 1, and becomes a test beside its fix.
set -euo pipefail
cd "$(dirname "$0")"

seconds="${1:-60}"
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(safetensors gguf tokenizer json csv manifest detector)

build=../.build-fuzz
# The last -sanitize counts, so both stand in one; the flag of SwiftPM leaves main to libFuzzer.
swift build -c release --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=address \
  -Xcxx -fsanitize=address -Xswiftc -use-ld=lld --scratch-path "$build"

export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
mkdir -p "$build/findings"
status=0
for target in "${targets[@]}"; do
  mkdir -p "$build/corpus/$target"
  echo "== $target, $seconds seconds"
  "$build/release/fuzz" "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=512 \
    -timeout=10 -max_len=16384 -artifact_prefix="$build/findings/$target-" -print_final_stats=1 \
    "$build/corpus/$target" "Seeds/$target" > "$build/$target.log" 2>&1 \
    || { status=1; tail -n 30 "$build/$target.log"; }
  grep -E 'cov:' "$build/$target.log" | tail -n 1
  grep -E 'number_of_executed_units' "$build/$target.log" || true
done
exit "$status"
