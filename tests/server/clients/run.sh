#!/usr/bin/env bash
# run.sh PROGRAM [quick]: the clients that people use (openai, openai-agents, schemathesis, and plain sockets) against
# `PROGRAM serve` (mxpath) with the demo model. quick: at most three minutes of it. Installs the clients from PyPI into
# BUILD/client-tests (BUILD: build). TESTS chooses: "chat load". MXPATH_DEMO_DIR: the demo model; default: this tree's.
set -euo pipefail
if (($# < 1)); then
  echo "usage: run.sh PROGRAM [quick]" >&2
  exit 2
fi
root=$(cd "$(dirname "$0")/../../.." && pwd)
work=${BUILD:-$root/build}/client-tests
PROGRAM=$(realpath "$1")
export PROGRAM QUICK=${2:+1} WORK=$work ROOT=$root PYTHONDONTWRITEBYTECODE=1
export MXPATH_DEMO_DIR=${MXPATH_DEMO_DIR:-$root/models/demo}

mkdir -p "$work"
if [[ ! -e $work/installed ]]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q "openai>=3,<4" "openai-agents>=0.24,<1" "schemathesis>=4.32,<5" \
    "httpx>=0.28,<1" "jsonschema>=4.26,<5" "pyyaml>=6"
  touch "$work/installed"
fi

# A thousand connections need a thousand descriptors on each side.
ulimit -n "$(ulimit -Hn)"
cd "$(dirname "$0")"
failed=0
all="chat responses completions schemas errors codex agents cancel signals load deploy specification"
for test in ${TESTS:-$all}; do
  echo "== $test"
  "$work/venv/bin/python" "${test}_test.py" || failed=1
done
exit $failed
