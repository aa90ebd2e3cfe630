/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: guest memory for the core, as host pointers.
 *
 * A pointer holds no reference to the memory it points into. It is good until npu_dev_flush_maps()
 * returns, which is called whenever the DMA address space changed, before the transaction that
 * changed it ends. The old view of that address space, with its references to memory regions, is
 * let go by RCU callbacks; these run under the BQL, as the transaction does, so after it. Bus
 * mastering is part of the address space: a function without it sees no memory at all.
 *
 * Stores through a pointer go unseen by QEMU. Translated code in the pages of a writable mapping
 * is dropped, and they are marked dirty, when the mapping is made. What that cannot cover: a guest that
 * executes code from a page while the device still writes to it runs stale translations, and a
 * display does not notice the device drawing into its frame buffer. Neither is a thing that drivers
 * do, since they unmap a page from the NPU before they give it to somebody else, and the core asks
 * for a new mapping after that. Migration, the third user of dirty bits, is blocked.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/error-report.h"
#include "qemu/rcu.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/pci/pci.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

void *npu_dma_map(NPUState *s, uint64_t addr, size_t *len, bool write)
{
	AddressSpace *as = pci_get_address_space(PCI_DEVICE(s));
	hwaddr offset, size = *len;
	MemoryRegion *mr;
	uint8_t *host;

	RCU_READ_LOCK_GUARD();
	mr = address_space_translate(as, addr, &offset, &size, write, MEMTXATTRS_UNSPECIFIED);
	if (!size || !memory_access_is_direct(mr, write, MEMTXATTRS_UNSPECIFIED) ||
	    qatomic_read(&s->iommus)) {
		trace_npu_dma_none(addr, *len, write);
		return NULL;
	}
	host = (uint8_t *)memory_region_get_ram_ptr(mr) + offset;

	if (write) {
		/* Ending a mapping that was written to drops translated code and marks it dirty. */
		hwaddr mapped = size;
		void *same = address_space_map(as, addr, &mapped, true, MEMTXATTRS_UNSPECIFIED);

		if (!same) {
			return NULL;
		}
		/* Anything else is a bounce buffer: the map changes at this moment. */
		address_space_unmap(as, same, mapped, true, same == host ? mapped : 0);
		if (same != host) {
			return NULL;
		}
		size = MIN(size, mapped);
	}
	trace_npu_dma_map(addr, *len, write, size);
	*len = size;
	return host;
}

static void npu_map_begin(MemoryListener *listener)
{
	NPUState *s = container_of(listener, NPUState, listener);

	s->map_changed = false;
}

/*
 * Translations of an IOMMU change without the memory map changing. To follow them would take
 * a notifier for each page used; such address spaces are refused instead.
 */
static void npu_map_add(MemoryListener *listener, MemoryRegionSection *section)
{
	NPUState *s = container_of(listener, NPUState, listener);

	s->map_changed = true;
	if (memory_region_is_iommu(section->mr)) {
		qatomic_inc(&s->iommus);
		warn_report_once("npu: DMA does not answer behind an emulated IOMMU that translates; "
				 "remove the IOMMU or boot the guest with iommu=pt");
	}
}

static void npu_map_del(MemoryListener *listener, MemoryRegionSection *section)
{
	NPUState *s = container_of(listener, NPUState, listener);

	s->map_changed = true;
	if (memory_region_is_iommu(section->mr)) {
		qatomic_dec(&s->iommus);
	}
}

static void npu_map_commit(MemoryListener *listener)
{
	NPUState *s = container_of(listener, NPUState, listener);

	if (s->map_changed) {
		trace_npu_dma_flush();
		npu_dev_flush_maps(s->dev);
	}
}

void npu_dma_init(NPUState *s)
{
	s->listener = (MemoryListener){
		.name = "npu",
		.begin = npu_map_begin,
		.region_add = npu_map_add,
		.region_del = npu_map_del,
		.commit = npu_map_commit,
	};
	memory_listener_register(&s->listener, pci_get_address_space(PCI_DEVICE(s)));
}

void npu_dma_exit(NPUState *s)
{
	memory_listener_unregister(&s->listener);
}
