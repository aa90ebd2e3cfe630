#!/bin/sh
# SPDX-License-Identifier: MIT
# Loads the driver's KUnit tests, which run as they are loaded, and shows their results. Debian's
# stock kernel has no KUnit.

results=/sys/kernel/debug/kunit

if [ -z "$(find "/lib/modules/$(uname -r)" -name npu_kunit.ko)" ]; then
	echo "TAP version 13"
	echo "1..0 # SKIP no npu_kunit.ko for this kernel"
	exit 4
fi
rmmod npu_kunit 2>/dev/null
modprobe npu_kunit || exit 1
# Results are nested, the cases of a suite four columns in.
grep -hE '^    (ok|not ok) |^    # ' $results/npu*/results |
	awk '/^    (not )?ok / {
		count++
		sub(/ok [0-9]+/, "ok " count)
		bad += /not ok/
	}
	{ sub(/^    /, ""); print }
	END { print "1.." count + 0; exit (!count || bad) }'
status=$?
rmmod npu_kunit
exit $status
