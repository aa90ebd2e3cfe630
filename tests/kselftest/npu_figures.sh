#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs under npu-prof, with their figures left in /out/figures, where tests/sim-figures finds
# them: the simulated device has to count the same.

. "$(dirname "$0")/npu_lib.sh"

plan 6

figures=/out/figures
share=/usr/share/npu
mkdir -p $figures

# profile NAME PROGRAM...: the program ends well, and its figures are kept.
profile() {
	name=$1
	shift
	npu-prof stat -j -o "$figures/$name.json" -- "$@"
}

check "figures of digits" profile digits digits
check "figures of digits in odd batches" profile digits-odd digits --batch=7 --count=100
check "figures of vector_add" profile vector_add vector_add $share/vector_add.elf
check "figures of gemm" profile gemm \
	npu-gemm --module $share/gemm.elf --check --repeat 2 300 200 500
check "figures of gemm with depth split" profile gemm-split \
	npu-gemm --module $share/gemm.elf --check --repeat 1 --blocks 48,16,32,3 100 130 100
check "figures of gemm, requantised" profile gemm-s8 \
	npu-gemm --module $share/gemm.elf --check --repeat 1 --s8 --signed 100 70 130

finish
