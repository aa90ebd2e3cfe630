#!/bin/sh
# SPDX-License-Identifier: MIT
# What make modules_install left in this machine: module, firmware, modprobe options and udev rule do what they are for.

. "$(dirname "$0")/npu_lib.sh"

module=/lib/modules/$(uname -r)/updates/npu.ko
firmware=/lib/firmware/npu/npu_fw.bin
options=/usr/lib/modprobe.d/npu.conf
rules=/usr/lib/udev/rules.d/60-npu.rules
# An administrator's file. Of the two, busybox's modprobe reads this one only.
own=/etc/modprobe.d/npu.conf
pci=/sys/bus/pci/devices/$(pci_of_node)

plan 9

# same WANT GOT
same() {
	[ "$1" = "$2" ] && return 0
	printf 'wanted:\n%s\ngot:\n%s\n' "$1" "$2"
	return 1
}

# loads NAME: the driver comes with the module of that name or alias.
loads() {
	unload && modprobe "$1" && wait_node
}

told() {
	same "$module" "$(modinfo -F filename npu)" && same npu/npu_fw.bin "$(modinfo -F firmware npu)" &&
		same GPL "$(modinfo -F license npu)" && same "$(uname -r)" "$(modinfo -F vermagic npu | cut -d ' ' -f 1)"
}
check "modinfo tells of the module in updates, its licence, and its firmware" told

taken() {
	unload && mv "$module" "$module.away" || return 1
	modprobe npu
	ret=$?
	mv "$module.away" "$module"
	[ $ret -ne 0 ] && modprobe npu && wait_node
}
check "modprobe takes that, and no other" taken
check "the device's alias loads it, as udev does" loads "$(cat "$pci/modalias")"

# bytes OFFSET LENGTH: of the firmware's file, in hexadecimal.
bytes() {
	dd if=$firmware bs=1 skip="$1" count="$2" 2>/dev/null | hexdump -v -e '1/1 "%02x"'
}
# Where uapi/npu_fw.h has them.
booted() {
	same "$(bytes 56 20)" "$(cat "$pci/npu/fw_build_id")" &&
		same "$(dd if=$firmware bs=1 skip=80 count=32 2>/dev/null | tr -d '\0')" "$(cat "$pci/npu/fw_version")"
}
check "the firmware that runs is the one installed" booted

documented() {
	sed -n 's/^#options npu //p' $options | tr ' ' '\n' | sort
}
parameters() {
	for file in /sys/module/npu/parameters/*; do
		echo "${file##*/}=$(tr YN 10 <"$file")"
	done | sort
}
defaults() {
	documented | grep -q . && same "$(documented)" "$(parameters)"
}
check "the documented options are the module's parameters, with their defaults" defaults

# Each of them with another value: 0 for 1, else one more.
arrive() {
	mkdir -p /etc/modprobe.d
	sed -n 's/^#options/options/p' $options | awk '{
		for (i = 3; i <= NF; i++) {
			split($i, o, "=")
			$i = o[1] "=" (o[2] == 1 ? 0 : o[2] + 1)
		}
		print
	}' >$own
	loads npu && same "$(sed 's/^options npu //' $own | tr ' ' '\n' | sort)" "$(parameters)"
}
check "options that are uncommented and changed arrive" arrive
rm -f $own

# There is no udev here: the rule's keys are held against what sysfs says of the node, and done to it.
udev() {
	sys=/sys/class/accel/${NODE##*/}
	grep -v '^#' $rules | tr -d ' ' | tr ',' '\n' >/tmp/npu_install.rule
	while IFS='"' read -r key value rest; do
		case $key in
		SUBSYSTEM==) is=$(basename "$(readlink "$sys/subsystem")") ;;
		KERNEL==) is=${NODE##*/} ;;
		DRIVERS==) is=$(basename "$(readlink "$sys/device/driver")") ;;
		GROUP=) chgrp "$value" "$NODE" && continue ;;
		MODE=) chmod "$value" "$NODE" && continue ;;
		*) is= ;;
		esac
		# A pattern, as udev's are.
		# shellcheck disable=SC2254
		case $is in
		$value) ;;
		*) echo "$key$value: it is '$is'" && return 1 ;;
		esac
	done </tmp/npu_install.rule
	rm /tmp/npu_install.rule
	same 'render 660' "$(stat -c '%G %a' "$NODE")"
}
check "the udev rule matches the node, which is for the group render then" udev

# opens USER
opens() {
	su "$1" -c "exec 9<>$NODE"
}
group() {
	cp /etc/group /tmp/npu_install.group
	sed -i 's/^render:.*:$/&user/' /etc/group
	opens user && ! opens nobody
	ret=$?
	cp /tmp/npu_install.group /etc/group
	rm /tmp/npu_install.group
	return $ret
}
check "who is in that group can open it, others cannot" group

again() {
	loads npu && defaults
}
check "loaded again it has its defaults" again

finish
