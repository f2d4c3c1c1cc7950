#!/usr/bin/env bash
# Runs every fuzzer of build/asan for the given seconds on its seeds, two at a time. A finding is an error. `make fuzz` builds them.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}

run_one() {
  local name=$1 seconds=$2 programs=build/asan/tests/fuzz work=build/asan/corpus/$1
  mkdir -p "$work"
  if "$programs/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$programs/$name-" "$work" "tests/fuzz/seeds/$name" >"$programs/$name.log" 2>&1; then
    echo "$name: $(grep -oE 'Done [0-9]+ runs.*' "$programs/$name.log" || echo done), no finding"
  else
    tail -40 "$programs/$name.log"
    echo "$name: a finding; the input is $programs/$name-*"
    return 1
  fi
}
export -f run_one
for source in tests/fuzz/*_fuzz.cpp; do basename "$source" _fuzz.cpp; done | xargs -P 2 -I{} bash -c "run_one {} $seconds"
