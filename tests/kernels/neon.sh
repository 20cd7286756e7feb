#!/bin/sh
# neon.sh SOURCE BUILD: compares the NEON kernel with the plain one, on an emulated processor.
set -eu
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: there is no $tool"
        exit 0
    fi
done
mkdir -p "$2"
cd "$1"
aarch64-linux-gnu-g++ -std=c++20 -O2 -Wall -Wextra -Wconversion -Werror -ffp-contract=off -static \
    -I include -I src -I tests -DWEIGHTSEAL_TESTED_KERNEL=neon_kernel -o "$2/kernel_neon" \
    src/watermark/kernels/plain.cpp src/watermark/kernels/neon.cpp tests/support/kernel_comparison.cpp tests/kernels/main.cpp
exec qemu-aarch64 "$2/kernel_neon"
