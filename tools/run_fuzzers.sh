#!/usr/bin/env bash
# Builds every fuzzer and runs each for the given seconds on its seeds, two at a time. A finding is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
echo "mxpath: building the fuzzers"
[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -- --quiet

run_one() {
  local name=$1 work=build/fuzz/corpus/$1
  mkdir -p "$work"
  if build/fuzz/tests/fuzz/"${name}_fuzz" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/$name-" "$work" "tests/fuzz/seeds/$name" >"build/fuzz/$name.log" 2>&1; then
    echo "$name: $(grep -oE 'Done [0-9]+ runs.*' "build/fuzz/$name.log" || echo done), no finding"
  else
    tail -40 "build/fuzz/$name.log"
    echo "$name: a finding; the input is build/fuzz/$name-*"
    return 1
  fi
}
export -f run_one
for source in tests/fuzz/*_fuzz.cpp; do basename "$source" _fuzz.cpp; done | xargs -P 2 -I{} bash -c "run_one {} $seconds"
