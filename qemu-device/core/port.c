/* SPDX-License-Identifier: MIT */
/* The management core's port to host memory. */
#include <string.h>

#include "dev.h"
#include "mmu.h"

#define PORT_MAX 65536

/* Copy in ascending 8-byte units, each atomic where both ends are aligned alike. */
static void copy_units(uint8_t *dst, const uint8_t *src, uint64_t len)
{
	if (!(((uintptr_t)dst ^ (uintptr_t)src) & 7)) {
		for (; len && ((uintptr_t)dst & 7); len--)
			__atomic_store_n(dst++, __atomic_load_n(src++, __ATOMIC_RELAXED),
					 __ATOMIC_RELEASE);
		for (; len >= 8; len -= 8, dst += 8, src += 8)
			__atomic_store_n((uint64_t *)dst,
					 __atomic_load_n((const uint64_t *)src, __ATOMIC_RELAXED),
					 __ATOMIC_RELEASE);
	}
	for (; len; len--)
		__atomic_store_n(dst++, __atomic_load_n(src++, __ATOMIC_RELAXED), __ATOMIC_RELEASE);
}

void port_run(struct soc *soc, uint32_t cmd)
{
	struct npu_dev *dev = soc->dev;
	const bool write = cmd & NPU_SOC_PORT_WRITE;
	const enum npu_access access = write ? NPU_ACCESS_WRITE : NPU_ACCESS_READ;
	uint64_t host = soc->port_host, left = soc->port_len;
	const uint8_t *outgoing = NULL;
	uint8_t *local, room[64] __attribute__((aligned(8)));

	soc->port_fault = 0;
	local = soc_local(soc, soc->port_local, left, !write);
	if (!left || left > PORT_MAX || !local ||
	    write == !!(cmd & NPU_SOC_PORT_READ)) { /* exactly one direction */
		soc->port_status = NPU_JOB_BAD_DESCRIPTOR;
		return;
	}
	soc->port_status = NPU_JOB_OK;
	soc->units += 32 + left / NPU_BYTES_PER_UNIT;
	/* Transfers count as work: the slice ends early. */
	if (soc->units > soc->limit)
		__atomic_store_n(&soc->hart.interrupt_run, 1, __ATOMIC_RELAXED);

	if (write)
		outgoing = cmd & NPU_SOC_PORT_XLATE
				   ? local
				   : fault_outgoing(dev, host, local, left, room);
	while (left) {
		size_t len = left;
		uint8_t *mapped;

		if (cmd & NPU_SOC_PORT_XLATE) {
			const uint64_t in_page = host & (NPU_PAGE_SIZE - 1);
			struct mmu_page page;

			soc->port_status = mmu_map(dev, NULL, NPU_CORE_FRONT, cmd >> 16, host, access,
						   &page, &mapped);
			if (soc->port_status != NPU_JOB_OK) {
				soc->port_fault = host;
				return;
			}
			mapped += in_page;
			if (len > NPU_PAGE_SIZE - in_page)
				len = NPU_PAGE_SIZE - in_page;
		} else {
			mapped = dev_map(dev, host, &len, write);
			if (!mapped || !len ||
			    fault_strikes_bus(dev, NPU_CORE_FRONT, host, len)) {
				soc->port_status = NPU_JOB_BUS_ERROR;
				soc->port_fault = host;
				return;
			}
			if (len > left)
				len = left;
		}
		if (write) {
			copy_units(mapped, outgoing, len);
			outgoing += len;
		} else {
			copy_units(local, mapped, len);
			local += len;
		}
		host += len;
		left -= len;
	}
}
