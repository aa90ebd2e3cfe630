#!/bin/sh
# SPDX-License-Identifier: MIT
# Payload of the test VM: load the driver and run every kselftest.
#
# usage: run [TEST...]
#
# Suites are named by the kernel's series, as in kselftest-6.12-npu_bo. A kernel
# that finds leaks is asked for them at the end, with the driver gone.
dir=/usr/lib/npu/kselftest
series=$(uname -r | cut -d. -f1,2)
kmemleak=/sys/kernel/debug/kmemleak
seconds=600

# leaks: print TAP of what has leaked.
leaks()
{
	echo "1..1"
	if /usr/lib/npu/leaks; then
		echo "ok 1 - nothing has leaked"
	else
		echo "not ok 1 - nothing has leaked"
		return 1
	fi
}

if [ "$1" = leaks ]; then
	leaks
	exit
fi
if [ -e $kmemleak ]; then
	# Everything is slower there.
	seconds=2400
	/usr/lib/npu/leaks begin
fi
modprobe npu || { echo "cannot load npu.ko; its messages:"; dmesg | grep -i npu | tail; exit 1; }
cd "$dir" || exit 1
status=0
[ $# -gt 0 ] || set -- *
for test; do
	[ -f "$test" ] && [ -x "$test" ] || continue
	/usr/lib/npu/tap-run /out/tap "kselftest-$series-$test" $seconds "$dir/$test" || status=1
done
if [ -e $kmemleak ]; then
	/usr/lib/npu/tap-run /out/tap "kselftest-$series-leaks" $seconds "$0" leaks || status=1
fi
exit $status
