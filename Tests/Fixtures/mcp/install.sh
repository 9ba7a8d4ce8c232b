#!/usr/bin/env bash
# Installs a pinned release of the official MCP Python SDK into a folder of its own, once, and prints
# the folder, to be put on PYTHONPATH. Nothing of the system's Python is changed.
#
#     install.sh 2.3.0        install.sh 1.30.0
#
# The folder is below $RAGBENCH_TEST_CACHE, else $XDG_CACHE_HOME/ragbench, else ~/.cache/ragbench.
set -euo pipefail

version="$1"
cache="${RAGBENCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ragbench}"
python="${PYTHON:-python3}"
tag="$("$python" -c 'import sys; print("py%d%d" % sys.version_info[:2])')"
target="$cache/mcp-$version-$tag"

if [ ! -e "$target/complete" ]; then
  mkdir -p "$cache"
  # One installation at a time, and a folder that is there whole or not at all.
  exec 9> "$cache/mcp.lock"
  flock 9
  if [ ! -e "$target/complete" ]; then
    rm -rf "$target" "$target.part"
    "$python" -m pip install --quiet --disable-pip-version-check --no-warn-conflicts \
      --target "$target.part" "mcp==$version" >&2
    touch "$target.part/complete"
    mv "$target.part" "$target"
  fi
fi
echo "$target"
