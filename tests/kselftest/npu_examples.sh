#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples of the runtime, with their results checked: vector_add, and the matrix product in
# shapes that end in the middle of every block, in every way of cutting it up.

. "$(dirname "$0")/npu_lib.sh"

plan 33

# gemm ARGUMENT...: the product is right, all of it.
gemm() {
	npu-gemm --repeat 1 --check "$@" | tee /tmp/npu_gemm.out
	grep -q 'all elements identical' /tmp/npu_gemm.out
}

vector_add() {
	[ "$(/usr/bin/vector_add)" = 'vector_add: 1000000 of 1000000 sums are right' ]
}
check "vector_add" vector_add

check "gemm 1 x 1 x 1" gemm 1 1 1
check "gemm 16 x 16 x 4" gemm 16 16 4
check "gemm 17 x 33 x 5" gemm 17 33 5
check "gemm 3 x 500 x 70" gemm 3 500 70
check "gemm 500 x 3 x 70" gemm 500 3 70
check "gemm 130 x 131 x 257" gemm 130 131 257
check "gemm with signed A" gemm --signed 65 50 99
check "gemm requantised to s8" gemm --s8 65 130 257
check "gemm requantised to s8, signed A" gemm --s8 --signed 100 70 130
check "gemm whose depth does not fit the SRAM" gemm 17 20 40000
check "gemm with one block" gemm --blocks 64,64,64,1 64 64 64
check "gemm with depth split in three" gemm --blocks 32,32,64,1 100 70 150
check "gemm with depth split, columns shared" gemm --blocks 48,16,32,3 100 130 100
check "gemm with more column shares than blocks" gemm --blocks 32,64,64,4 40 100 64
check "gemm with columns shared, whole depth" gemm --blocks 16,16,100,3 100 130 100

check "gemm with 4-bit weights" gemm --type s4 65 130 257
check "gemm with 4-bit weights, requantised, signed A" gemm --type s4 --s8 --signed 65 130 99
check "gemm with 2-bit weights" gemm --type s2 70 50 133
check "gemm with sparse weights" gemm --type sparse-s8 65 130 257
check "gemm with sparse 4-bit weights, requantised" gemm --type sparse-s4 --s8 33 70 201
check "gemm with sparse 4-bit weights, depth split" gemm --type sparse-s4 --blocks 32,32,64,2 70 70 150
check "gemm in bf16" gemm --type bf16 65 50 129
check "gemm in fp16" gemm --type fp16 65 50 129
check "gemm in fp32" gemm --type fp32 65 130 257
check "gemm in fp32, depth split" gemm --type fp32 --blocks 32,32,64,2 70 70 150
check "gemm in bf16, depth split" gemm --type bf16 --blocks 32,32,64,1 70 40 150

too_large() {
	npu-gemm --blocks 4096,256,4096,1 64 64 5000 2>/tmp/npu_gemm.out && return 1
	grep -q 'bytes of SRAM' /tmp/npu_gemm.out
}
check "gemm refuses blocks that do not fit" too_large

# gang_gemm ARGUMENT...: the product is right with tiles that share A and with tiles that do not.
gang_gemm() {
	npu-gang-gemm "$@" | tee /tmp/npu_gang_gemm.out
	grep -q 'all elements identical' /tmp/npu_gang_gemm.out
}
check "gang gemm 64 x 64 x 64" gang_gemm 64 64 64
check "gang gemm 300 x 203 x 77" gang_gemm 300 203 77
check "gang gemm by three, more columns than fit" gang_gemm -w 3 70 1500 500

# The model's figures are the same in every run, and the MACs are those of the product.
profile() {
	npu-prof stat -j -o "$1" -- npu-gemm --repeat 3 300 200 500 >/dev/null &&
		sed -n '/"counters"/,$p' "$1" >"$1.counters"
}

macs() {
	profile /tmp/npu_gemm.1 &&
		grep -q "\"matrix.macs\": {\"value\": $((4 * 300 * 200 * 500))," /tmp/npu_gemm.1
}
check "gemm counts exactly its MACs" macs

same() {
	profile /tmp/npu_gemm.2 && cmp /tmp/npu_gemm.1.counters /tmp/npu_gemm.2.counters
}
check "two runs count the same in every counter" same

finish
