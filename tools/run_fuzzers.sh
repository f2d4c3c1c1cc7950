#!/usr/bin/env bash
# run_fuzzers.sh [SECONDS] [SEED]: every fuzzer of build/asan on its seeds, two at a time. A finding is an error. Seed 0 is a new one
# each time. `make fuzz` builds them.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60} seed=${2:-0}

run_one() {
  local name=$1 seconds=$2 seed=$3 programs=build/asan/tests/fuzz work=build/asan/corpus/$1
  mkdir -p "$work"
  if "$programs/${name}_fuzz" -max_total_time="$seconds" -seed="$seed" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$programs/$name-" "$work" "tests/fuzz/seeds/$name" >"$programs/$name.log" 2>&1; then
    echo "$name: $(grep -oE 'Done [0-9]+ runs.*' "$programs/$name.log" || echo done), no finding"
  else
    grep -v '^#[0-9]' "$programs/$name.log" | tail -60
    echo "$name: a finding; the input is $programs/$name-*, in base64:"
    head -qc 8192 "$programs/$name"-* | base64 -w 0
    return 1
  fi
}
export -f run_one
for source in tests/fuzz/*_fuzz.cpp; do basename "$source" _fuzz.cpp; done | xargs -P 2 -I{} bash -c "run_one {} $seconds $seed"
