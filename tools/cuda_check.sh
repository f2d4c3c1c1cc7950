#!/usr/bin/env bash
# Proves the CUDA side on the GPUs of this computer, on two where there are two: builds, row tests, memcheck, the whole model, the bench; one table last. Ends inside 8 minutes on a
# machine with 16 cores.
#   tools/cuda_check.sh [--build DIR] [--no-build] [--skip-memcheck] [--out FILE]
# --build DIR: where to build (default build/cuda), --no-build: use what is there. Further CMake arguments: CMAKE_ARGS. FILE gets the JSON of the bench and the table.
set -uo pipefail
cd "$(dirname "$0")/.."
build=build/cuda out= configure=1 memcheck=1
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --no-build) configure=0; shift ;;
    --skip-memcheck) memcheck=0; shift ;;
    --out) out=$2; shift 2 ;;
    *) echo "cuda_check: unknown argument $1; see the head of this file" >&2; exit 2 ;;
  esac
done
logs=${LOGS:-$(mktemp -d)}
[ -n "${LOGS:-}" ] || trap 'rm -rf "$logs"' EXIT
table=() failed=0

# step NAME LIMIT_SECONDS COMMAND...: runs it, keeps its output, notes result and seconds
step() {
  local name=$1 limit=$2 begin=$SECONDS status=0
  shift 2
  timeout "$limit" "$@" >"$logs/$name" 2>&1 || status=$?
  local note
  note=$(grep -aE '^\[  (PASSED|FAILED|SKIPPED)  \] [0-9]+|ERROR SUMMARY|^(steps?|prompts?) ' "$logs/$name" | tail -3 | tr '\n' ' ')
  if [ $status -ne 0 ]; then
    failed=1
    echo "--- $name failed ($status) ---"
    grep -aE 'Failure|FAILED|error|Error|expected|Which|actual|Expected|differ' "$logs/$name" | head -60
    tail -15 "$logs/$name"
  fi
  table+=("$(printf '%-22s %-6s %4ss  %s' "$name" "$([ $status -eq 0 ] && echo ok || echo "FAIL$status")" $((SECONDS - begin)) "$note")")
  return $status
}

commit=${COMMIT:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1 | head -1)
gpus=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | wc -l)
echo "commit $commit"; echo "gpu    $gpus x $gpu"; nvcc --version 2>/dev/null | tail -1

if [ $configure -eq 1 ]; then
  # shellcheck disable=SC2086
  step configure 120 cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMXPATH_CUDA=ON ${CMAKE_ARGS:-} &&
    step build 420 cmake --build "$build" --target mxpath kernels_test cuda_test model_test machine_test -- -k 0 || true
fi
step plan 60 "$build/mxpath" plan demo --device cuda:0
step row_tests 180 "$build/kernels_test" --gtest_brief=1 --gtest_filter='*cuda*:*Cuda*'
step state 60 "$build/model_test" --gtest_brief=1 --gtest_filter='State.*'
step links 60 "$build/machine_test" --gtest_brief=1 --gtest_filter='CopyTimer.*'
step whole_model 120 "$build/tests/cuda_test" --gtest_brief=1 --gtest_filter='-*TwoGpus*'
step demo 60 "$build/mxpath" run demo "Solve 7x + 12 = 61." --device cuda:0 --temperature 0
if [ "$gpus" -ge 2 ]; then
  step two_gpus 180 "$build/tests/cuda_test" --gtest_brief=1 --gtest_filter='*TwoGpus*'
  step demo_on_two 60 "$build/mxpath" run demo "Solve 7x + 12 = 61." --device cuda:0,cuda:1 --temperature 0
  step same_answer 10 cmp <(grep -av tok/s "$logs/demo" | tail -1) <(grep -av tok/s "$logs/demo_on_two" | tail -1)
fi
if [ $memcheck -eq 1 ]; then
  # Every kernel once or twice is enough for out-of-bounds accesses; the sanitizer slows them a hundredfold.
  step memcheck 150 compute-sanitizer --tool memcheck --error-exitcode 9 "$build/kernels_test" --gtest_brief=1 --gtest_filter="${MEMCHECK_FILTER:-*cuda*}"
fi
step bench_20b 150 "$build/mxpath" bench --shape 20b --random-weights --device cuda:0 --prompt 2048 --tokens 256 --depth 0,8192 --out "$logs/bench.json"
step bench_many 90 "$build/mxpath" bench --shape 20b --random-weights --device cuda:0 --prompt 0 --tokens 48 \
  --depth 100 --sequences 1,2,4,8,16,32,64
tail -25 "$logs/bench_20b"
grep -a '^decode' "$logs/bench_many"
echo
echo "== tools/cuda_check.sh, commit $commit, $gpu"
printf '%s\n' "${table[@]}"
if [ -n "$out" ]; then
  {
    echo "tools/cuda_check.sh, commit $commit"
    echo "$gpu"
    printf '%s\n' "${table[@]}"
    echo
    cat "$logs/bench_20b"
    echo
    cat "$logs/bench_many"
  } >"$out.txt"
  cp "$logs/bench.json" "$out.json" 2>/dev/null
fi
exit $failed
