#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that mxpath is built with; does nothing when all are there. Arguments: further packages.
set -euo pipefail

# Boost.Asio of 1.81 or later: Debian 12 has it beside an older default.
boost=libboost-dev
grep -qs 'VERSION_CODENAME=bookworm' /etc/os-release && boost=libboost1.81-dev

packages=(g++ cmake ninja-build ccache pkg-config python3 binutils
  nlohmann-json3-dev libcli11-dev libfmt-dev libpcre2-dev libedit-dev zlib1g-dev libxxhash-dev "$boost"
  libgtest-dev libbenchmark-dev "$@")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

command -v apt-get >/dev/null || { echo "mxpath: this system has no apt-get; install these packages' equivalents by hand: ${missing[*]}" >&2; exit 1; }
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "mxpath: needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "mxpath: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
