#!/bin/sh
# SPDX-License-Identifier: MIT
# Payload of the test VM: load the driver and run every kselftest.
#
# usage: run [TEST...]
dir=/usr/lib/npu/kselftest
modprobe npu || { echo "cannot load npu.ko; its messages:"; dmesg | grep -i npu | tail; exit 1; }
cd "$dir" || exit 1
status=0
for test in "$dir"/*; do
	[ -f "$test" ] && [ -x "$test" ] || continue
	/usr/lib/npu/tap-run /out/tap "kselftest-${test##*/}" 600 "$test" || status=1
done
exit $status
