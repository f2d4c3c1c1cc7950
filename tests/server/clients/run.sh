#!/usr/bin/env bash
# run.sh PROGRAM [quick]: the clients that people use (openai, openai-agents, schemathesis, and plain sockets) against
# `PROGRAM serve` (mxpath) with the demo model. quick: at most three minutes of it. Installs what the tests need from
# the Python package index into BUILD/client-tests (BUILD: build). TESTS chooses: "chat load"; JOBS runs so many at
# once (1: the times that load measures need the machine). MXPATH_DEMO_DIR: the demo model; default: this tree's.
# Exit 77: the clients could not be installed.
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
export work python=$work/venv/bin/python
all="chat responses completions schemas errors codex agents cancel signals load deploy specification"
read -ra tests <<<"${TESTS:-$all}"

packages=("openai>=3,<4" "httpx>=0.28,<1")
for test in "${tests[@]}"; do
  case $test in
    agents) packages+=("openai-agents>=0.24,<1") ;;
    schemas) packages+=("jsonschema>=4.26,<5") ;;
    # Helm itself, as a library, and the schemas of Kubernetes.
    deploy) packages+=("pyyaml>=6" "helm-python-sdk>=0.2.2,<0.3" "kubernetes-validate>=1.37") ;;
    specification) packages+=("schemathesis>=4.32,<5") ;;
  esac
done
mkdir -p "$work"
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package" "$work/installed" 2>/dev/null || missing+=("$package")
done
if ((${#missing[@]})); then
  python3 -c 'import ensurepip' 2>/dev/null || "$root/tools/install_dependencies.sh" python3-venv
  python3 -m venv "$work/venv"
  # One try, and not five with pauses: where the index is away, that is said at once.
  if ! "$python" -m pip install -q --disable-pip-version-check --retries 1 --timeout 20 "${missing[@]}" \
    >"$work/pip.log" 2>&1; then
    tail -5 "$work/pip.log" >&2
    echo "run.sh: pip cannot install ${missing[*]}; make the Python package index reachable and run this again" >&2
    exit 77
  fi
  printf '%s\n' "${missing[@]}" >>"$work/installed"
fi

# A thousand connections need a thousand descriptors on each side.
ulimit -n "$(ulimit -Hn)"
cd "$(dirname "$0")"

one() {
  local start=$SECONDS status=0
  "$python" "$1_test.py" >"$work/$1.log" 2>&1 || status=1
  # In one piece, because others may run beside it.
  { echo "== $1 ($((SECONDS - start)) s)" && cat "$work/$1.log"; } | flock "$work" cat
  return $status
}
export -f one
if ((${JOBS:-1} > 1)); then
  printf '%s\n' "${tests[@]}" | xargs -P "$JOBS" -I{} bash -c 'one {}' || exit 1
  exit 0
fi
failed=0
for test in "${tests[@]}"; do
  one "$test" || failed=1
done
exit $failed
