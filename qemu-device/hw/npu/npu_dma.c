/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NPU: guest memory for the core, as host pointers.
 *
 * The core asks for a page at a time, seven times for every page-table walk, so the answer must
 * be cheap: a memory listener keeps a list of the RAM in the function's DMA address space, and
 * npu_dma_map() looks it up. Bus mastering is part of that address space: a function without it
 * sees no memory at all.
 *
 * When the memory map changes, a new list takes the place of the old one, and
 * npu_dev_flush_maps() waits until no thread uses a pointer from the old list, or is looking one
 * up in it. Only then the old list is freed, and with it the references to memory that it held,
 * all before the transaction that changed the memory map ends. (RCU would do for the list but not
 * for the pointers, and its barriers alone would cost more than the look-up.)
 *
 * Stores through a pointer go unseen by QEMU. Translated code in the pages of a writable mapping
 * is dropped, and they are marked dirty, when the mapping is made. What that cannot cover: a
 * guest that executes code from a page while the device still writes to it runs stale
 * translations, and a display does not notice the device drawing into its frame buffer. Neither
 * is a thing that drivers do, since they unmap a page from the NPU before they give it to
 * somebody else, and the core asks for a new mapping after that.
 *
 * Migration, the third user of dirty bits, sends pages while the device writes to them. From its
 * start on, with all mappings made anew, the pages mapped for writing are noted, and marked dirty once more when
 * the device has paused with the VM, or lets go of the mappings before that. So what a device works on is
 * sent in the end, when the VM stands still.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/error-report.h"
#include "exec/memory.h"
#include "hw/pci/pci.h"

#include "npu.h"
#include "npu_pgtable.h"
#include "trace/trace-hw_npu.h"

/* RAM, or ROM, without gaps in the DMA address space and in the host's. */
typedef struct NPURange {
	uint64_t start, size;
	MemoryRegionCache cache; /* reference, host pointer, and way to mark it dirty */
} NPURange;

struct NPUMap {
	unsigned int count;
	NPURange range[]; /* largest first, which is where most accesses go */
};

/* Migration: [addr, addr + len) may be written to from now on. */
static void npu_dma_note(NPUState *s, uint64_t addr, size_t len)
{
	qemu_mutex_lock(&s->written_lock);
	for (uint64_t page = addr >> NPU_PAGE_SHIFT; page <= (addr + len - 1) >> NPU_PAGE_SHIFT; page++) {
		g_hash_table_add(s->written, (void *)(uintptr_t)page);
	}
	qemu_mutex_unlock(&s->written_lock);
}

void *npu_dma_map(NPUState *s, uint64_t addr, size_t *len, bool write)
{
	NPUMap *map = qatomic_load_acquire(&s->map);

	for (unsigned int i = 0; i < map->count; i++) {
		NPURange *range = &map->range[i];
		uint64_t offset = addr - range->start;

		if (offset >= range->size) {
			continue;
		}
		if (write && !range->cache.is_write) {
			break;
		}
		*len = MIN(*len, range->size - offset);
		if (write) {
			if (qatomic_load_acquire(&s->logging)) {
				npu_dma_note(s, addr, *len);
			}
			address_space_cache_invalidate(&range->cache, offset, *len);
		}
		/* In a fuzzer's QEMU: the moment to think up what is read there; else nothing. */
		fuzz_dma_read_cb(range->cache.xlat + offset, *len, range->cache.mrs.mr);
		trace_npu_dma_map(addr, *len, write);
		return range->cache.ptr + offset;
	}
	trace_npu_dma_none(addr, *len, write);
	return NULL;
}

static void npu_map_free(NPUMap *map)
{
	for (unsigned int i = 0; i < map->count; i++) {
		address_space_cache_destroy(&map->range[i].cache);
	}
	g_free(map);
}

static int npu_range_compare(const void *a, const void *b)
{
	const NPURange *left = a, *right = b;

	return left->size < right->size ? 1 : left->size > right->size ? -1 : 0;
}

/* Make the list from what the address space holds now. */
static NPUMap *npu_map_new(NPUState *s)
{
	AddressSpace *as = pci_get_address_space(PCI_DEVICE(s));
	unsigned int count = s->sections->len;
	NPUMap *map = g_malloc0(sizeof(*map) + count * sizeof(map->range[0]));

	for (unsigned int i = 0; i < count; i++) {
		NPURange *range = &map->range[map->count];

		*range = g_array_index(s->sections, NPURange, i);
		if (address_space_cache_init(&range->cache, as, range->start, range->size,
					     range->cache.is_write) == range->size &&
		    range->cache.ptr) {
			map->count++;
		} else {
			address_space_cache_destroy(&range->cache);
		}
	}
	qsort(map->range, map->count, sizeof(map->range[0]), npu_range_compare);
	return map;
}

/* Mark noted pages dirty in the list of memory that they were mapped from. */
static void npu_map_mark_written(NPUState *s, NPUMap *map)
{
	GHashTableIter iter;
	void *key;

	qemu_mutex_lock(&s->written_lock);
	g_hash_table_iter_init(&iter, s->written);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		uint64_t addr = (uint64_t)(uintptr_t)key << NPU_PAGE_SHIFT;

		for (unsigned int i = 0; i < map->count; i++) {
			NPURange *range = &map->range[i];
			uint64_t offset = addr - range->start;

			if (offset < range->size && range->cache.is_write) {
				address_space_cache_invalidate(
					&range->cache, offset,
					MIN(NPU_PAGE_SIZE, range->size - offset));
				break;
			}
		}
	}
	qemu_mutex_unlock(&s->written_lock);
}

void npu_dma_mark_written(NPUState *s)
{
	npu_map_mark_written(s, s->map);
}

static bool npu_log_start(MemoryListener *listener, Error **errp)
{
	NPUState *s = container_of(listener, NPUState, listener);

	qatomic_store_release(&s->logging, true);
	/* What was mapped before this was not noted. */
	npu_dev_flush_maps(s->dev);
	return true;
}

static void npu_log_stop(MemoryListener *listener)
{
	NPUState *s = container_of(listener, NPUState, listener);

	qatomic_set(&s->logging, false);
	qemu_mutex_lock(&s->written_lock);
	g_hash_table_remove_all(s->written);
	qemu_mutex_unlock(&s->written_lock);
}

static void npu_map_begin(MemoryListener *listener)
{
	NPUState *s = container_of(listener, NPUState, listener);

	s->map_changed = false;
}

static void npu_map_add(MemoryListener *listener, MemoryRegionSection *section)
{
	NPUState *s = container_of(listener, NPUState, listener);
	NPURange range = {
		.start = section->offset_within_address_space,
		.size = int128_get64(section->size),
		.cache.is_write = !section->readonly &&
				  memory_access_is_direct(section->mr, true, MEMTXATTRS_UNSPECIFIED),
	};

	if (memory_region_is_iommu(section->mr)) {
		/*
		 * Its translations change without the memory map changing. To follow them would take a
		 * notifier for each page in use; such memory does not answer.
		 */
		warn_report_once("npu: no DMA behind an emulated IOMMU that translates; remove the "
				 "IOMMU or boot the guest with iommu=pt");
	} else if (memory_access_is_direct(section->mr, false, MEMTXATTRS_UNSPECIFIED)) {
		g_array_append_val(s->sections, range);
		s->map_changed = true;
	}
}

static void npu_map_del(MemoryListener *listener, MemoryRegionSection *section)
{
	NPUState *s = container_of(listener, NPUState, listener);

	for (unsigned int i = 0; i < s->sections->len; i++) {
		NPURange *range = &g_array_index(s->sections, NPURange, i);

		if (range->start == section->offset_within_address_space) {
			g_array_remove_index_fast(s->sections, i);
			s->map_changed = true;
			return;
		}
	}
}

static void npu_map_commit(MemoryListener *listener)
{
	NPUState *s = container_of(listener, NPUState, listener);
	NPUMap *old = s->map;

	if (!s->map_changed) {
		return;
	}
	qatomic_store_release(&s->map, npu_map_new(s));
	trace_npu_dma_flush(s->map->count);
	npu_dev_flush_maps(s->dev);
	npu_map_mark_written(s, old);
	npu_map_free(old);
}

void npu_dma_init(NPUState *s)
{
	s->sections = g_array_new(false, false, sizeof(NPURange));
	s->map = npu_map_new(s);
	qemu_mutex_init(&s->written_lock);
	s->written = g_hash_table_new(NULL, NULL);
	s->logging = false;
}

void npu_dma_start(NPUState *s)
{
	s->listener = (MemoryListener){
		.name = "npu",
		.begin = npu_map_begin,
		.region_add = npu_map_add,
		.region_del = npu_map_del,
		.commit = npu_map_commit,
		.log_global_start = npu_log_start,
		.log_global_stop = npu_log_stop,
	};
	memory_listener_register(&s->listener, pci_get_address_space(PCI_DEVICE(s)));
}

void npu_dma_stop(NPUState *s)
{
	memory_listener_unregister(&s->listener);
}

void npu_dma_exit(NPUState *s)
{
	npu_map_free(s->map);
	s->map = NULL;
	g_array_free(s->sections, true);
	g_hash_table_destroy(s->written);
	qemu_mutex_destroy(&s->written_lock);
}
