// SPDX-License-Identifier: MIT
/*
 * Page tables of the simulated device: RISC-V Sv48 in its own memory, with leaves of 4 KiB and, where
 * address and memory fit, 2 MiB. A change is prepared, which may fail, and then made, which may not.
 * Every entry is one store, and a table is filled before an entry points to it, so a walk on another
 * thread sees the old or the new. Tables stay until the whole tree goes.
 */
#include "sim.h"

#define LARGE	  NPU_LARGE_PAGE_SIZE
#define PAGE	  NPU_PAGE_SIZE
#define LEAF_BITS (NPU_PTE_V | NPU_PTE_U | NPU_PTE_A | NPU_PTE_D)
#define LEAF	  (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X)

static uint64_t *table_at(const struct sim_pt *pt, uint64_t bus)
{
	return sim_mem_ptr(pt->mem, bus);
}

static unsigned int shift_of(unsigned int level)
{
	return NPU_PAGE_SHIFT + level * NPU_PT_INDEX_BITS;
}

static uint64_t *entry_of(uint64_t *table, uint64_t va, unsigned int level)
{
	return &table[va >> shift_of(level) & (NPU_PT_ENTRIES - 1)];
}

static void set(uint64_t *entry, uint64_t bus, uint64_t bits)
{
	__atomic_store_n(entry, bus >> NPU_PAGE_SHIFT << NPU_PTE_PPN_SHIFT | bits,
			 __ATOMIC_RELEASE);
}

static uint64_t bus_of(uint64_t pte)
{
	return (pte & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT;
}

static bool is_table(uint64_t pte)
{
	return (pte & NPU_PTE_V) && !(pte & LEAF);
}

static bool is_leaf(uint64_t pte)
{
	return pte & LEAF;
}

/* First address behind va's entry of a level, or end if that comes first. */
static uint64_t step(uint64_t va, unsigned int level, uint64_t end)
{
	uint64_t next = ((va >> shift_of(level)) + 1) << shift_of(level);

	return next < end ? next : end;
}

int sim_pt_init(struct sim_pt *pt, struct sim_mem *mem)
{
	pt->mem = mem;
	return sim_mem_page_alloc(mem, &pt->root);
}

/* As deep as there are levels. */
static void free_table(struct sim_pt *pt, uint64_t bus, unsigned int level)
{
	const uint64_t *table = table_at(pt, bus);

	for (unsigned int i = 0; level && i < NPU_PT_ENTRIES; i++)
		if (is_table(table[i]))
			free_table(pt, bus_of(table[i]), level - 1);
	sim_mem_page_free(pt->mem, bus);
}

void sim_pt_fini(struct sim_pt *pt)
{
	free_table(pt, pt->root, NPU_PT_LEVELS - 1);
}

/* Entry of va in the table of 2 MiB entries; NULL: there is none (add: and no memory for one). */
static uint64_t *large_entry(struct sim_pt *pt, uint64_t va, bool add)
{
	uint64_t *table = table_at(pt, pt->root);

	for (unsigned int level = NPU_PT_LEVELS - 1; level > 1; level--) {
		uint64_t *entry = entry_of(table, va, level);
		uint64_t bus;

		if (!*entry) {
			if (!add || sim_mem_page_alloc(pt->mem, &bus))
				return NULL;
			set(entry, bus, NPU_PTE_V);
		}
		table = table_at(pt, bus_of(*entry));
	}
	return entry_of(table, va, 1);
}

/* Make a 2 MiB entry point to a table of small pages that say what it said. */
static int use_small(struct sim_pt *pt, uint64_t *entry)
{
	uint64_t large = *entry, bus, *table;

	if (is_table(large))
		return 0;
	if (sim_mem_page_alloc(pt->mem, &bus))
		return -1;
	table = table_at(pt, bus);
	for (unsigned int i = 0; is_leaf(large) && i < NPU_PT_ENTRIES; i++)
		set(&table[i], large & NPU_PTE_SPARSE ? 0 : bus_of(large) + i * PAGE,
		    large & ~NPU_PTE_PPN_MASK);
	set(entry, bus, NPU_PTE_V);
	return 0;
}

/* Large leaves must not be cut in two. */
static int split_at(struct sim_pt *pt, uint64_t va)
{
	uint64_t *entry = va % LARGE ? large_entry(pt, va, false) : NULL;

	return entry && is_leaf(*entry) ? use_small(pt, entry) : 0;
}

static bool can_be_large(uint64_t pte, uint64_t va, uint64_t end, uint64_t bus)
{
	return !((va | bus) % LARGE) && end - va >= LARGE && !is_table(pte);
}

int sim_pt_prepare(struct sim_pt *pt, uint64_t va, uint64_t size, bool map, uint64_t bus)
{
	uint64_t end = va + size;

	if (split_at(pt, va) || split_at(pt, end))
		return -1;
	while (map && va < end) {
		uint64_t next = step(va, 1, end);
		uint64_t *entry = large_entry(pt, va, true);

		if (!entry || (!can_be_large(*entry, va, end, bus) && use_small(pt, entry)))
			return -1;
		if (bus)
			bus += next - va;
		va = next;
	}
	return 0;
}

void sim_pt_map(struct sim_pt *pt, uint64_t va, uint64_t size, uint64_t bus, uint64_t prot)
{
	const uint64_t small = prot & NPU_PTE_SPARSE ? 0 : PAGE;
	uint64_t end = va + size;

	while (va < end) {
		uint64_t next = step(va, 1, end);
		uint64_t *entry = large_entry(pt, va, false);

		if (can_be_large(*entry, va, end, bus)) {
			set(entry, bus, LEAF_BITS | prot);
			bus += small * NPU_PT_ENTRIES;
			va = next;
			continue;
		}
		for (uint64_t *table = table_at(pt, bus_of(*entry)); va < next;
		     va += PAGE, bus += small)
			set(entry_of(table, va, 0), bus, LEAF_BITS | prot);
	}
}

/* As deep as there are levels. */
static void unmap_in(struct sim_pt *pt, uint64_t *table, unsigned int level, uint64_t va,
		     uint64_t end)
{
	while (va < end) {
		uint64_t next = step(va, level, end);
		uint64_t *entry = entry_of(table, va, level);

		if (level && is_table(*entry))
			unmap_in(pt, table_at(pt, bus_of(*entry)), level - 1, va, next);
		else if (*entry)
			set(entry, 0, 0);
		va = next;
	}
}

void sim_pt_unmap(struct sim_pt *pt, uint64_t va, uint64_t size)
{
	unmap_in(pt, table_at(pt, pt->root), NPU_PT_LEVELS - 1, va, va + size);
}
