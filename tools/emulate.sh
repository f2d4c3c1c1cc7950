#!/usr/bin/env bash
# Runs what this computer's processor cannot show on one that an emulator plays (qemu-user, Debian's package of that
# name).
#   tools/emulate.sh BUILD without_avx2|avx2 [always]
# without_avx2: a Nehalem. The program starts there, every row it plans is portable, an answer comes, the portable rows
# compute what they should.
# avx2: qemu's largest processor, which has AVX2, FMA and F16C and no AVX-512; its rows are planned and compute what
# they should. Skipped where this processor has AVX2, because kernels_test runs these rows there anyhow; `always` runs
# it all the same. Exit code 0: right, 1: wrong, 77: skipped, 2: called wrongly. qemu has no AVX-512 and no AMX.
set -euo pipefail

build=${1:-} what=${2:-} always=${3:-}
say() { echo "emulate: $*"; }
fail() { say "$*" >&2; exit 1; }
wrong_use() { say "$*" >&2; exit 2; }
[ -x "$build/mxpath" ] && [ -x "$build/kernels_test" ] ||
  wrong_use "its first argument is a build with mxpath and kernels_test"
case "$what" in
  without_avx2) cpu=Nehalem rows=_cpu_portable_ ;;
  avx2) cpu=max rows=_cpu_avx2_ ;;
  *) wrong_use "its second argument is without_avx2 or avx2" ;;
esac
if [ "$what" = avx2 ] && [ "$always" != always ] && grep -qw avx2 /proc/cpuinfo; then
  say "skipped: this processor has AVX2, so kernels_test runs these rows without an emulator"
  exit 77
fi
command -v qemu-x86_64 >/dev/null || { say "skipped: no qemu-x86_64 here; apt-get install qemu-user"; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME=$folder  # the program keeps measured bandwidths; an emulated one must not stay

emulated() { timeout 120 qemu-x86_64 -cpu "$cpu" "$@"; }

# The rows that the program plans, each once.
emulated "$build/mxpath" plan demo --device cpu --json >"$folder/plan.json" ||
  fail "mxpath plan ends with exit code $? on $cpu"
chosen=$(grep -o '"chosen": "[^"]*"' "$folder/plan.json" | cut -d'"' -f4 | sort -u)
[ -n "$chosen" ] || fail "mxpath plan names no chosen row on $cpu"
legal='\.cpu\.(portable\.|composite$)'
[ "$what" = without_avx2 ] || legal='\.cpu\.((portable|avx2)\.|composite$)'
wrong=$(grep -vE "$legal" <<<"$chosen" || true)
[ -z "$wrong" ] || fail "on $cpu these rows cannot run and are planned: $wrong"
[ "$what" = without_avx2 ] || grep -q '^linear\.cpu\.avx2\.' <<<"$chosen" ||
  fail "on $cpu no AVX2 row of linear is planned"

# Loading proves the planned rows, and the model goes on with a text.
answer=$(emulated "$build/mxpath" run demo --raw "Solve 7x + 12 = 61." --device cpu --max-new-tokens 4 \
  2>"$folder/errors") ||
  fail "mxpath run ends with exit code $? on $cpu: $(tail -n 3 "$folder/errors")"
[ -n "$answer" ] || fail "mxpath run gives no answer on $cpu"

# The rows themselves: the problems of the self-check at every size. The tests of each operation take minutes here.
tests="Catalogue/SoundRows.*$rows*"
emulated "$build/kernels_test" --gtest_filter="$tests" >"$folder/tests" 2>&1 ||
  { cat "$folder/tests" >&2; fail "rows compute wrongly on $cpu"; }
ran=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\{0,1\}\..*/\1/p' "$folder/tests")
[ "${ran:-0}" -gt 0 ] || fail "no test of a row ran on $cpu"
! grep -q 'this CPU has no' "$folder/tests" ||
  { cat "$folder/tests" >&2; fail "$cpu lacks what these rows need"; }
say "$cpu: $(wc -l <<<"$chosen") rows planned, $ran tests of rows passed"
