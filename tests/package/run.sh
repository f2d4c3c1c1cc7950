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

# The examples, built as a user builds them. What they say is what the demo model says.
"$cmake" -S "$here/../../examples" -B "$work/examples" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
"$cmake" --build "$work/examples" >/dev/null
said() { # FILE LINE...: each line is in the file
  local file=$1 line
  shift
  for line in "$@"; do grep -qxF "$line" "$file" || { echo "not said: $line"; cat "$file"; return 1; } >&2; done
}
"$work/examples/chat_threads" "$model" >"$work/chat_threads.txt"
said "$work/chat_threads.txt" "ada: x = 7." "ada: 348 + 276 = 624." "ada: (done)" "ben: (done)" "cho: (done)" \
  "dee: (done)" "eve: (left)"
"$work/examples/best_of_n" "$model" >"$work/best_of_n.txt"
said "$work/best_of_n.txt" "best: x = 7."
[ "$(grep -c '^fork: token' "$work/best_of_n.txt")" = 2 ] || { cat "$work/best_of_n.txt" >&2; exit 1; }
echo "examples ok"

export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name mxpath.pc)")
# shellcheck disable=SC2046
"$CC" -std=c99 -Wall -Wextra -pedantic -Werror "$here/main.c" $(pkg-config --cflags --libs mxpath) -o "$work/main_c"
"$work/main_c" "$model" "$version"
