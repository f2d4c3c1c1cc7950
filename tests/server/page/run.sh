#!/usr/bin/env bash
# run.sh [PROGRAM]: the tests of the page in headless Chromium against a server with scripted answers; with a PROGRAM
# (mxpath) also its plan, and the page that its `serve` sends with the demo model. Installs what is missing: Chromium
# and a font with Hangul by apt, selenium and axe from PyPI into BUILD/page-tests (BUILD: build). TESTS chooses:
# "answers plan". Pictures stay in BUILD/page-tests/pictures.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
work=${BUILD:-$root/build}/page-tests
program=${1:+$(realpath "$1")}

needs=()
command -v chromium >/dev/null || needs+=(chromium)
command -v chromedriver >/dev/null || needs+=(chromium-driver)
if ! command -v fc-list >/dev/null || [[ -z $(fc-list :lang=ko) ]]; then needs+=(fontconfig fonts-noto-cjk); fi
if ((${#needs[@]})); then
  if [[ $(id -u) = 0 ]]; then as_root=; else as_root=sudo; fi
  $as_root apt-get update -q
  $as_root apt-get install -y -q --no-install-recommends "${needs[@]}"
fi

mkdir -p "$work/pictures"
if [[ ! -e $work/installed ]]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q "selenium>=4.20,<5"
  # For its copy of axe; what the package needs itself stays away.
  "$work/venv/bin/pip" install -q --no-deps "axe-playwright-python>=0.1.4"
  touch "$work/installed"
fi

export PICTURES=$work/pictures PYTHONDONTWRITEBYTECODE=1
if [[ -n $program ]]; then
  "$program" plan demo --json >"$work/plan.json"
  export PLAN=$work/plan.json PROGRAM=$program
fi
cd "$(dirname "$0")"
failed=0
for test in ${TESTS:-safety answers broken kept plan access program}; do
  echo "== $test"
  "$work/venv/bin/python" "${test}_test.py" || failed=1
done
exit $failed
