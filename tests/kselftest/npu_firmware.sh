#!/bin/sh
# SPDX-License-Identifier: MIT
# Firmware files that must be refused: the module says what is wrong and how to mend it,
# no node appears, nothing is left behind, and the right file works afterwards.

. "$(dirname "$0")/npu_lib.sh"

FW=/lib/firmware/npu/npu_fw.bin
GOOD=/tmp/npu_fw.good

plan 12

cp "$FW" "$GOOD"
unload

# put_bytes OFFSET OCTAL: overwrite a byte
put_byte() {
	printf "\\$2" | dd of="$FW" bs=1 seek="$1" conv=notrunc 2>/dev/null
}

# refused WHAT PATTERN: load with the file as it is now; PATTERN must be in what the log gains.
refused() {
	before=$(dmesg | wc -l)
	modprobe npu
	dmesg | tail -n +$((before + 1)) | grep -i npu >/tmp/npu_fw.log
	check "$1: no node" sh -c '! ls /dev/accel/accel* 2>/dev/null'
	check "$1: the log says so" sh -c "cat /tmp/npu_fw.log; grep -Eqi '$2' /tmp/npu_fw.log"
	unload
	cp "$GOOD" "$FW"
}

rm "$FW"
refused "file missing" "not found.*npu_fw.bin"

head -c 100 "$GOOD" >"$FW"
refused "file shorter than its header" "truncated|too short|bytes"

size=$(stat -c %s "$GOOD")
head -c $((size - 64)) "$GOOD" >"$FW"
refused "file truncated" "truncated|too short|bytes"

put_byte $((size - 20)) 125
put_byte $((size - 19)) 252
refused "wrong hash" "hash"

put_byte 16 11
refused "wrong ABI major" "ABI"

modprobe npu
check "the right file works again: node" wait_node
check "the right file works again: queries" "$(dirname "$0")/npu_query"

rm -f "$GOOD"
finish
