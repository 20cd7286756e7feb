#!/bin/sh
# usage: check_symbols.sh LIBRARY SYMBOLS.TXT
# Compares what the shared library exports with the committed list. A symbol that vanishes breaks programs.
set -eu
nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@@WEIGHTSEAL_[0-9]+$/, "", $3); print $3 }' | LC_ALL=C sort | diff -u "$2" -
