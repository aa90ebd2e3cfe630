#!/bin/sh
# SPDX-License-Identifier: MIT
# Payload of the demo VM: load the driver, classify the digits, show the profile.
modprobe npu || { echo "cannot load npu.ko; its messages:"; dmesg | grep -i npu | tail; exit 1; }
# What digits says last is what the demo says last, after the profile of its run.
npu-prof stat -- digits >/tmp/digits 2>/tmp/stat
status=$?
sed '$d' /tmp/digits
cat /tmp/stat
tail -n 1 /tmp/digits
exit $status
