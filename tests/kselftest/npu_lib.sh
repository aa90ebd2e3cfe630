# SPDX-License-Identifier: MIT
# TAP and device helpers of the shell kselftests; sourced, in the guest.

count=0
failed=0

plan() {
	echo "TAP version 13"
	echo "1..$1"
}

# check TEXT COMMAND...: one test; passes if the command does.
check() {
	text=$1
	shift
	count=$((count + 1))
	if "$@" >/tmp/npu_check.out 2>&1; then
		echo "ok $count $text"
	else
		echo "not ok $count $text"
		sed 's/^/# /' /tmp/npu_check.out
		failed=$((failed + 1))
	fi
}

finish() {
	[ $failed -eq 0 ]
	exit $?
}

# The npu's node: asked of sysfs, so that it is the same before and after a reload.
find_node() {
	for sys in /sys/class/accel/accel*; do
		[ "$(basename "$(readlink -f "$sys/device/driver" 2>/dev/null)")" = npu ] &&
			echo "/dev/accel/$(basename "$sys")" && return 0
	done
	return 1
}

# devtmpfs makes the node before modprobe returns; this says so if it did not.
wait_node() {
	NODE=$(find_node) && [ -c "$NODE" ]
}

# What fences held of the module is let go a little later than their file.
unload() {
	tries=1000
	until rmmod npu 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		usleep 10000
	done
}

pci_of_node() {
	basename "$(readlink -f "/sys/class/accel/$(basename "$NODE")/device")"
}

lsmod | grep -q '^npu ' || modprobe npu
if ! wait_node; then
	echo "1..0 # SKIP no npu device"
	exit 4
fi
