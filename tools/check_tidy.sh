#!/usr/bin/env bash
# clang-tidy (the checks of .clang-tidy) on C++ files that changed, those not committed yet included. A changed header
# is read through one file that includes it. Nothing is read precompiled here, so a file that does not include what it
# uses is an error.
#   tools/check_tidy.sh [BASE] [MOST]      BASE: see changed_since.sh; MOST: so many files at most, those with most
#   changed lines (default: all) About 8 s of a processor for each file, so it is no part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/changed_since.sh
changed_since "${1:-}"
most=${2:-1000000} build=build/tidy
[ -n "$base" ] || exit 0

# Changed files, those with the most lines added and taken away first.
changed=$({
  git diff --numstat --diff-filter=d --no-renames "$base"
  git ls-files --others --exclude-standard | sed 's/^/1\t0\t/'
} |
  awk -F'\t' '{print $1 + $2 "\t" $3}' | sort -rn | cut -f2 | grep -E '^(src|include|tests|tools|bench)/.*\.(cpp|h)$' |
  grep -vE '^tests/(package|fuzz)/' || true)
files=()
while read -r file; do
  case "$file" in
    *.h)
      readers=$(git grep -lF "\"${file#src/}\"" -- 'src/*.cpp' 'tests/*.cpp' 'tools/*.cpp' ':!tests/fuzz' || true)
      file=${readers%%$'\n'*}
      ;;
  esac
  [ -z "$file" ] || [[ " ${files[*]-} " == *" $file "* ]] || files+=("$file")
done <<<"$changed"
[ ${#files[@]} -gt 0 ] || { echo "check_tidy: no C++ file differs from $base"; exit 0; }

cmake --preset tidy ${CUDA:+-DMXPATH_CUDA=$CUDA} >/dev/null
echo "check_tidy: ${#files[@]} files for what differs from ${base:0:12}"
if [ ${#files[@]} -gt "$most" ]; then
  echo "check_tidy: left out, because $most are read at most: ${files[*]:$most}"
  files=("${files[@]:0:$most}")
fi
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option
