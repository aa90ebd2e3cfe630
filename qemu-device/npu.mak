# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is built into QEMU: the machine that the VM is, the NPU and what it is
# plugged into, the channel that results come back through, and the disk that
# benchmarks compare the NPU with.
CONFIG_Q35=y
CONFIG_HPET=y
CONFIG_PCIE_PORT=y
CONFIG_NPU=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_NVME_PCI=y
