#!/bin/sh
# usage: run_example.sh WEIGHTSEAL EXAMPLE
# Seals a model of one 2x2 tensor, and lets the C example load it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
header='{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}      '
{
    printf '\100\0\0\0\0\0\0\0' # the header has 64 bytes
    printf '%-64.64s' "$header"
    printf '0123456789abcdef'
} >"$folder/m.safetensors"
"$1" keygen -o "$folder/key"
"$1" seal "$folder/m.safetensors" -o "$folder/m.wseal" --key "file:$folder/key"
output=$("$2" "$folder/m.wseal" "file:$folder/key")
printf '%s\n' "$output"
printf '%s\n' "$output" | grep -q '^loaded 1 of 1 tensors, '
printf '%s\n' "$output" | grep -q '^row 0 of w: 8 bytes$'
