#!/bin/sh
# SPDX-License-Identifier: MIT
# Loads and unloads the module 100 times, and unbinds the device with a program holding it.
# The machine's log is watched by whoever runs this: a warning there fails the run.

. "$(dirname "$0")/npu_lib.sh"

plan 4

rounds=100
i=0
while [ $i -lt $rounds ]; do
	rmmod npu || break
	[ -e "$NODE" ] && break
	modprobe npu || break
	wait_node || break
	"$(dirname "$0")/npu_query" >/dev/null 2>&1 || break
	i=$((i + 1))
done
check "$rounds times rmmod and modprobe, with a device that answers each time" [ $i -eq $rounds ]

refused() {
	exec 9<>"$NODE"
	! rmmod npu && [ -c "$NODE" ]
	ret=$?
	exec 9>&-
	return $ret
}
check "rmmod is refused while the node is open" refused

# A file that is open over unbind keeps nothing alive that it should not.
pci=$(pci_of_node)
exec 9<>"$NODE"
echo "$pci" >/sys/bus/pci/drivers/npu/unbind
check "unbind with the node open removes the node" [ ! -e "$NODE" ]
exec 9>&-
echo "$pci" >/sys/bus/pci/drivers/npu/bind
wait_node
check "bind brings it back" "$(dirname "$0")/npu_query"

finish
