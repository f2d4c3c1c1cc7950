#!/usr/bin/env bash
# Installs a build into a prefix of its own and uses it from there, as a CMake package from C++ and through pkg-config from C.
#   run.sh BUILD WORK VERSION CMAKE CXX CC
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 work=$2 version=$3 cmake=$4
export CXX=$5 CC=$6
prefix=$work/prefix
rm -rf "$work"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
model=$prefix/share/mxpath/demo

# The program finds the model that lies beside it.
"$prefix/bin/mxpath" inspect demo | grep -qF "$prefix/share/mxpath/demo"

"$cmake" -S "$here" -B "$work/cmake" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
"$cmake" --build "$work/cmake" >/dev/null
"$work/cmake/uses_mxpath" "$model" "$version"

export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name mxpath.pc)")
# shellcheck disable=SC2046
"$CC" -std=c99 -Wall -Wextra -pedantic -Werror "$here/main.c" $(pkg-config --cflags --libs mxpath) -o "$work/main_c"
"$work/main_c" "$model" "$version"
