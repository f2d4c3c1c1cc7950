#!/usr/bin/env bash
# clang-tidy (the checks of .clang-tidy) on the C++ files that differ from a commit, those not committed yet included.
#   tools/check_tidy.sh [BASE] [BUILD]     BASE: main, or the commit before this one where that is main; BUILD: build/release, configured
# Seconds per file, so it is no part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${1:-} build=${2:-build/release}
if [ -z "$base" ]; then
  base=$(git merge-base HEAD main 2>/dev/null || git rev-parse HEAD~1)
  [ "$base" != "$(git rev-parse HEAD)" ] || base=$(git rev-parse HEAD~1)
fi
[ -f "$build/compile_commands.json" ] || { echo "check_tidy: $build is not configured; run cmake --preset release" >&2; exit 2; }
mapfile -t files < <({ git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } | sort -u |
  grep -E '^(src|tests|tools|bench)/.*\.cpp$' | grep -v '^tests/\(package\|fuzz\)/')
[ ${#files[@]} -gt 0 ] || { echo "check_tidy: no C++ file differs from $base"; exit 0; }
echo "check_tidy: ${#files[@]} files that differ from $base"
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option
