#!/bin/sh
# usage: run.sh SCENARIO SOURCE STAGE BUILD [FLAG...]
# Builds the consumers as a user's project would, from an install tree or from the source folder, and runs them.
set -eu
scenario=$1 source=$2 stage=$3 build=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$build"
mkdir -p "$build"

pc_folder=$(dirname "$(find "$stage" -name weightseal.pc)")
pc() { PKG_CONFIG_PATH=$pc_folder pkg-config "$@"; }

case $scenario in
pkgconfig_capi)
    # shellcheck disable=SC2046 # flags are separate words
    ${CC:-cc} -std=c11 "$here/consumer.c" $(pc --cflags --libs weightseal) \
        "-Wl,-rpath,$(pc --variable=libdir weightseal)" -o "$build/consumer_c_shared"
    ;;
pkgconfig_core)
    # shellcheck disable=SC2046 # flags are separate words
    ${CXX:-c++} -std=c++20 "$here/consumer.cpp" $(pc --cflags --libs weightseal-core) -o "$build/consumer_cpp"
    ;;
*)
    cmake -S "$here" -B "$build" -G Ninja -DCMAKE_PREFIX_PATH="$stage" \
        -DWEIGHTSEAL_FROM="$scenario" -DWEIGHTSEAL_SOURCE_DIR="$source" "$@"
    cmake --build "$build"
    ;;
esac

ran=0
for consumer in "$build"/consumer_*; do
    "$consumer"
    ran=$((ran + 1))
done
test "$ran" -gt 0
