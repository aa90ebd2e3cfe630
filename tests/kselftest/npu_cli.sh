#!/bin/sh
# SPDX-License-Identifier: MIT
# The command-line tools, as people meet them: what they print when all is well, and what they say
# when it is not.

. "$(dirname "$0")/npu_lib.sh"

plan 25

out=/tmp/npu_cli.out
err=/tmp/npu_cli.err

# ends STATUS COMMAND...: the command ends with that exit status. What it prints is kept.
ends() {
	want=$1
	shift
	"$@" >$out 2>$err </dev/null
	status=$?
	[ $status -eq "$want" ] && return 0
	echo "exit status $status instead of $want: $*"
	tail -n 20 $out $err
	return 1
}

# fails COMMAND...: it ends with an error, but not with that of a shell or a signal.
fails() {
	"$@" >$out 2>$err </dev/null
	status=$?
	[ $status -ge 1 ] && [ $status -lt 126 ] && return 0
	echo "exit status $status: $*"
	tail -n 20 $out $err
	return 1
}

# says FILE PATTERN...: what was kept matches all of the extended patterns, ignoring case.
says() {
	file=$1
	shift
	for pattern; do
		grep -Eiq -- "$pattern" "$file" && continue
		echo "no '$pattern' in this:"
		cat "$file"
		return 1
	done
}


# counter NAME: value of a counter in a profile, without separators.
counter() {
	sed "s/[,']//g" $err | awk -v name="$1" '{
		for (i = 1; i <= NF; i++)
			if ($i == name)
				for (j = 1; j <= NF; j++)
					if ($j ~ /^[0-9]+$/) { print $j; exit }
	}'
}

info() {
	ends 0 npu-prof info && says $out "$NODE" "$(pci_of_node)" firmware driver ABI tiles
}
check "npu-prof info tells node, bus address, firmware, driver and ABI" info

list() {
	ends 0 npu-prof list && says $out 'matrix\.macs.*MACs' 'cycles' 'energy.*fJ' &&
		[ "$(grep -c . $out)" -ge 28 ]
}
check "npu-prof list tells all counters with their units" list

usage() {
	ends 0 npu-prof --help && says $out usage stat list info
}
check "npu-prof --help lists the subcommands" usage

unknown() {
	fails npu-prof frobnicate && says $err frobnicate help
}
check "npu-prof names an unknown subcommand and where to look" unknown

digits() {
	ends 0 /usr/bin/digits && says $out 'logits identical' &&
		[ "$(tail -n 1 $out | grep -Ec '^digits: 9[7-9]\.[0-9][0-9] % of 2000 correct, logits identical, 1432576000 MACs counted, 1432576000 expected$')" = 1 ] &&
		grep '^model:' $out >/tmp/npu_cli.model
}
check "digits: every logit and every MAC as expected" digits

stat_digits() {
	ends 0 npu-prof stat -- digits || return 1
	[ "$(counter matrix.macs)" = 1432576000 ] && [ "$(counter workgroups)" = 125 ] &&
		[ "$(counter dispatches)" = 1 ] && return 0
	cat $err
	return 1
}
check "npu-prof stat counts the MACs, workgroups and dispatches of digits" stat_digits

same() {
	[ -s /tmp/npu_cli.model ] && grep '^model:' $out | cmp - /tmp/npu_cli.model
}
check "under npu-prof and without: the same modelled cycles and energy" same

other_batches() {
	ends 0 /usr/bin/digits --batch=7 --count=100 &&
		says $out '^digits: .* of 100 correct, logits identical, 71628800 MACs' &&
		ends 0 /usr/bin/digits --batch=1000 --count=33 &&
		says $out '^digits: .* of 33 correct, logits identical, 23637504 MACs' &&
		ends 0 /usr/bin/digits --count=1 &&
		says $out '^digits: .* of 1 correct, logits identical, 716288 MACs'
}
check "digits: other batches, and sets that end in the middle of one" other_batches

check "npu-prof stat passes the program's exit status on" ends 7 npu-prof stat -- sh -c 'exit 7'

quiet() {
	ends 0 npu-prof stat -- true && says $err 'no .*(queue|work|device|npu)|not? .*use'
}
check "npu-prof stat of a program that uses no NPU says so" quiet

crash() {
	ends 139 npu-prof stat -- sh -c 'kill -SEGV $$' && says $err 'SIGSEGV|segmentation|signal 11'
}
check "npu-prof stat reports a program that crashes" crash

missing() {
	ends 127 npu-prof stat -- no-such-program && says $err no-such-program 'not found|no such'
}
check "npu-prof stat names a program that is not there" missing

no_kernels() {
	fails /usr/bin/digits --kernels=/nowhere.elf && says $err /nowhere.elf 'no such file'
}
check "a module that is not there" no_kernels

other_machine() {
	fails /usr/bin/digits --kernels=/bin/busybox && says $err /bin/busybox RISC-V npucc
}
check "a module for another machine" other_machine

elf=/usr/share/npu/digits/digits_kernels.elf
truncated() {
	head -c 2000 $elf >/tmp/npu_cli.elf && fails /usr/bin/digits --kernels=/tmp/npu_cli.elf &&
		says $err npu_cli.elf truncated
}
check "a truncated module" truncated

nameless() {
	sed 's/\.npu\.kernels/.npx.kernels/' $elf >/tmp/npu_cli.elf &&
		fails /usr/bin/digits --kernels=/tmp/npu_cli.elf &&
		says $err npu_cli.elf 'no section \.npu\.kernels' 'NPU_KERNEL'
}
check "a module without kernels" nameless

weights() {
	head -c 100000 /usr/share/npu/digits/digits-weights.bin >/tmp/npu_cli.bin &&
		fails /usr/bin/digits --weights=/tmp/npu_cli.bin && says $err npu_cli.bin truncated
}
check "truncated weights" weights

check "digits names an option that it does not know" ends 2 /usr/bin/digits --frobnicate

wrong_node() {
	fails /usr/bin/digits --device=/dev/null && says $err /dev/null 'not an NPU|no NPU'
}
check "a node that is no NPU" wrong_node

no_node() {
	fails /usr/bin/digits --device=/dev/accel/accel63 &&
		says $err /dev/accel/accel63 'npu-prof info|no such|no device'
}
check "a node that does not exist" no_node

mode=$(stat -c %a "$NODE")
group=$(stat -c %g "$NODE")
forbidden() {
	chgrp 0 "$NODE" && chmod 0600 "$NODE" || return 1
	fails su nobody -c /usr/bin/digits && says $err "$NODE" 'permission denied' 'chmod|udev' &&
		fails su nobody -c 'npu-prof info' && says $err "$NODE" 'permission denied'
}
check "no permission: names the node, and how to get it" forbidden

grouped() {
	chgrp render "$NODE" && chmod 0660 "$NODE" || return 1
	fails su nobody -c /usr/bin/digits && says $err "$NODE" 'permission denied' render adduser
}
check "no permission, but a group has it: names the group" grouped

permitted() {
	chmod 0666 "$NODE" && ends 0 su nobody -c '/usr/bin/digits --count=100'
}
check "with permission an ordinary user can use the NPU" permitted
chgrp "$group" "$NODE"
chmod "$mode" "$NODE"

unloaded() {
	unload || return 1
	fails /usr/bin/digits && says $err 'modprobe npu' && fails npu-prof info &&
		cat $out >>$err && says $err 'modprobe npu'
}
check "module not loaded: says what to do" unloaded

again() {
	modprobe npu && wait_node && ends 0 /usr/bin/digits --count=100
}
check "and that helps" again

rm -f /tmp/npu_cli.*
finish
