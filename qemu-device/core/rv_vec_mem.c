// SPDX-License-Identifier: MIT
/*
 * Vector loads and stores. Elements, and segments, are accessed in their order; one that traps leaves
 * its number in vstart, and everything before it is done. Elements of any alignment work, as
 * scalar accesses do.
 */
#include "rv_vec.h"

#define LINE 64u /* bytes of a transfer to remote memory */

/* A load or store in execution. */
struct transfer {
	struct rv_hart *hart;
	bool store, masked;
	bool first_only; /* fault-only-first */
	unsigned int size; /* of an element, log2 */
	unsigned int reg; /* first data register */
	unsigned int fields; /* of a segment, 1..8 */
	unsigned int regs; /* of a field */
	uint32_t count; /* elements, or segments */
	uint64_t base;
	/* Address of segment i: base + i * stride, or base + index i if there is an index. */
	uint64_t stride;
	const void *index;
	unsigned int index_size;
	uint64_t bytes[2], lines; /* moved: locally, remotely; remote lines */
};

enum { MOP_UNIT, MOP_INDEXED, MOP_STRIDED, MOP_INDEXED_ORDERED };
enum { UMOP_PLAIN = 0, UMOP_WHOLE = 8, UMOP_MASK = 11, UMOP_FIRST = 16 };

static unsigned int mop_of(uint32_t insn)
{
	return insn >> 26 & 3;
}

/* Width field to log2 of bytes: 0, 5, 6 and 7 are 8 to 64 bits. */
static unsigned int width_of(uint32_t insn)
{
	const unsigned int width = insn >> 12 & 7;

	return width ? width - 4 : 0;
}

bool rv_vec_mem_exists(uint32_t insn, bool store)
{
	const unsigned int width = insn >> 12 & 7, nf = insn >> 29, umop = rv_vs2(insn);
	const bool vm = insn >> 25 & 1;

	if ((width > 0 && width < 5) || (insn >> 28 & 1))
		return false;
	if (mop_of(insn) != MOP_UNIT)
		return true;
	switch (umop) {
	case UMOP_PLAIN:
		return true;
	case UMOP_WHOLE:
		/* 1, 2, 4 or 8 registers from a multiple of that; stores are of bytes. */
		return vm && !(nf & (nf + 1)) && !(rv_vd(insn) & nf) && !(store && width);
	case UMOP_MASK:
		return vm && nf == 0 && width == 0;
	case UMOP_FIRST:
		return !store;
	default:
		return false;
	}
}

/* ---- moving ---------------------------------------------------------------------------------- */

static uint8_t *element(const struct transfer *t, unsigned int field, uint64_t i)
{
	return (uint8_t *)rv_vreg(t->hart, t->reg + field * t->regs) + (i << t->size);
}

/* One element. False: trap raised. */
static bool move_one(struct transfer *t, uint64_t va, uint8_t *data)
{
	struct rv_hart *hart = t->hart;
	const unsigned int bytes = 1u << t->size;
	const struct rv_tlb_line *line = &hart->tlb[va >> RV_PAGE_SHIFT & (RV_HOST_TLB - 1)];
	const uint64_t tag = t->store ? line->write_tag : line->read_tag;
	int remote;

	if (likely(((va + bytes - 1) & RV_PAGE_MASK) == tag)) {
		void *host = (void *)(line->addend + va);

		remote = (int)line->remote;
		if (t->store)
			memcpy(host, data, bytes);
		else
			memcpy(data, host, bytes);
	} else if (t->store) {
		remote = rv_store_slow(hart, va, bytes, rv_vget(data, 0, t->size));
		if (remote == RV_SLOW_TRAP)
			return false;
	} else {
		remote = rv_load_slow(hart, va, bytes);
		if (remote == RV_SLOW_TRAP)
			return false;
		rv_vput(data, 0, t->size, hart->slow_value);
	}
	t->bytes[remote] += bytes;
	t->lines += (unsigned int)remote;
	return true;
}

/* Elements from i on that follow each other in memory. Returns the first not moved: trap raised. */
static uint64_t move_run(struct transfer *t, uint64_t i)
{
	while (i < t->count) {
		const uint64_t va = t->base + (i << t->size);
		const uint64_t room = RV_PAGE_SIZE - (va & ~RV_PAGE_MASK);
		uint64_t n = room >> t->size, bytes;
		uint8_t *host = NULL;
		int remote;

		if (n > t->count - i)
			n = t->count - i;
		if (n) {
			remote = rv_lookup(t->hart, va, t->store ? RV_WRITE : RV_READ, &host);
			if (remote == RV_SLOW_TRAP)
				return i;
		}
		if (!host) { /* on two pages, or a device */
			if (!move_one(t, va, element(t, 0, i)))
				return i;
			i++;
			continue;
		}
		bytes = n << t->size;
		if (t->store)
			memcpy(host, element(t, 0, i), bytes);
		else
			memcpy(element(t, 0, i), host, bytes);
		t->bytes[remote] += bytes;
		if (remote)
			t->lines += (va + bytes - 1) / LINE - va / LINE + 1;
		i += n;
	}
	return i;
}

/* Segments from i on. Returns the first not moved completely: trap raised. */
static uint64_t move_segments(struct transfer *t, uint64_t i)
{
	const uint8_t *v0 = rv_vreg(t->hart, 0);

	for (; i < t->count; i++) {
		uint64_t va = t->base;

		if (t->masked && !rv_vbit(v0, i))
			continue;
		va += t->index ? rv_vget(t->index, i, t->index_size) : i * t->stride;
		for (unsigned int field = 0; field < t->fields; field++)
			if (!move_one(t, va + ((uint64_t)field << t->size), element(t, field, i)))
				return i;
	}
	return i;
}

/* ---- time ------------------------------------------------------------------------------------ */

static void charge(const struct transfer *t, bool contiguous)
{
	struct rv_hart *hart = t->hart;
	const struct rv_costs *costs = &hart->costs;
	const uint64_t bytes = t->bytes[0] + t->bytes[1];

	hart->vector_sram += t->bytes[0];
	hart->vector_remote += t->bytes[1];
	if (t->lines) {
		const uint64_t first = t->store ? costs->store_remote : costs->load_remote;
		const uint64_t stall = first + (t->lines - 1) * costs->vec_line;

		hart->stall_memory += stall;
		hart->cycles += stall;
	}
	rv_vec_charge(hart, contiguous ? rv_vec_beats(hart, bytes) :
					 (bytes >> t->size) * costs->vec_element);
}

/* Move everything from vstart on. False: trap raised. */
static bool run(struct transfer *t)
{
	struct rv_hart *hart = t->hart;
	const bool contiguous = !t->index && t->stride == (uint64_t)t->fields << t->size;
	uint64_t done = hart->vstart;

	if (done < t->count)
		done = contiguous && !t->masked && t->fields == 1 ? move_run(t, done) :
								    move_segments(t, done);
	if (done < t->count) {
		if (!t->first_only || done == 0) {
			hart->vstart = (uint32_t)done;
			return false;
		}
		/* Only the first element's trap is taken; any other shortens the vector. */
		hart->trap_raised = false;
		hart->vl = (uint32_t)done;
	}
	hart->vstart = 0;
	charge(t, contiguous);
	return true;
}

/* ---- legality -------------------------------------------------------------------------------- */

/* The data's groups and, if it is indexed, the index's. */
static bool operands_ok(const struct transfer *t, uint32_t insn, int data_emul, bool indexed)
{
	const struct rv_hart *hart = t->hart;
	const struct rv_vgroup v0 = { .reg = 0, .regs = 1, .eew = -3 };
	struct rv_vgroup field = { .reg = t->reg, .regs = t->regs, .eew = (int)t->size,
				   .emul = data_emul };
	struct rv_vgroup all = field, index = { .reg = rv_vs2(insn) };

	all.regs = t->regs * t->fields;
	if (!rv_vgroup_ok(&field) || all.regs > 8 || all.reg + all.regs > 32)
		return false;
	/* v0 is not overwritten while it masks. */
	if (t->masked && !t->store && rv_vgroup_meet(&all, &v0))
		return false;
	if (!indexed)
		return true;
	index.eew = (int)width_of(insn);
	index.emul = hart->vlmul + index.eew - hart->vsew;
	if (index.emul < -3 || index.emul > 3)
		return false;
	index.regs = rv_vregs(index.emul);
	if (!rv_vgroup_ok(&index))
		return false;
	if (t->store)
		return true;
	return t->fields > 1 ? !rv_vgroup_meet(&all, &index) : rv_vgroup_may_write(&all, &index);
}

/* ---- execution ------------------------------------------------------------------------------- */

/* The loads and stores that vtype shapes. False: illegal. */
static bool prepare(struct transfer *t, uint32_t insn)
{
	const struct rv_hart *hart = t->hart;
	const unsigned int mop = mop_of(insn), width = width_of(insn);
	const bool indexed = mop == MOP_INDEXED || mop == MOP_INDEXED_ORDERED;
	int emul;

	if (hart->vtype & RV_VTYPE_VILL)
		return false;
	t->masked = !(insn >> 25 & 1);
	if (mop == MOP_UNIT && rv_vs2(insn) == UMOP_MASK) {
		t->count = (hart->vl + 7) / 8;
		t->stride = 1;
		return true;
	}
	t->fields = (insn >> 29) + 1;
	t->size = indexed ? hart->vsew : width;
	t->count = hart->vl;
	emul = hart->vlmul + (int)t->size - hart->vsew;
	if (emul < -3 || emul > 3)
		return false;
	t->regs = rv_vregs(emul);
	t->first_only = mop == MOP_UNIT && rv_vs2(insn) == UMOP_FIRST;
	t->stride = (uint64_t)t->fields << t->size;
	if (mop == MOP_STRIDED)
		t->stride = hart->x[rv_vs2(insn)];
	if (indexed) {
		t->index = rv_vreg(hart, rv_vs2(insn));
		t->index_size = width;
	}
	return operands_ok(t, insn, emul, indexed);
}

/* The long way: look at everything. */
static __attribute__((noinline)) bool mem_any(struct rv_hart *hart, uint32_t insn,
					      struct rv_vec_plan *plan)
{
	struct transfer t = {
		.hart = hart,
		.store = (insn & 0x7f) == 0x27,
		.reg = rv_vd(insn),
		.fields = 1,
		.regs = 1,
		.base = hart->x[rv_vs1(insn)],
	};

	if (mop_of(insn) == MOP_UNIT && rv_vs2(insn) == UMOP_WHOLE) {
		/* Whatever vtype and vl are; vstart counts elements of the width encoded. */
		t.size = width_of(insn);
		t.stride = 1ull << t.size;
		t.count = ((insn >> 29) + 1) * hart->vlenb >> t.size;
		*plan = (struct rv_vec_plan){
			.key = rv_vec_key(hart, insn),
			.d = t.reg * hart->vlenb,
			.bytes = ((insn >> 29) + 1) * hart->vlenb,
		};
	} else if (!prepare(&t, insn)) {
		rv_raise(hart, RV_ILLEGAL, insn);
		return false;
	} else if (mop_of(insn) == MOP_UNIT && rv_vs2(insn) == UMOP_PLAIN && t.fields == 1 &&
		   !t.masked) {
		*plan = (struct rv_vec_plan){
			.key = rv_vec_key(hart, insn),
			.d = t.reg * hart->vlenb,
			.size = (uint8_t)t.size,
		};
	}
	return run(&t);
}

/*
 * What follows is mostly wanted next, and the host's own prefetchers stop at the end of a page. It
 * need not be there: a prefetch never faults.
 */
static inline void prefetch(bool store, const uint8_t *next, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += LINE)
		if (store)
			__builtin_prefetch(next + at, 1);
		else
			__builtin_prefetch(next + at, 0);
}

/* Move bytes of whole registers from or to one place of the host's memory, and charge for it. */
static inline void move_straight(struct rv_hart *hart, bool store, uint64_t va, uint8_t *v,
				 uint8_t *host, uint64_t bytes, bool remote)
{
	if (store)
		memcpy(host, v, bytes);
	else
		memcpy(v, host, bytes);
	if (remote) {
		const struct rv_costs *costs = &hart->costs;
		const uint64_t lines = (va + bytes - 1) / LINE - va / LINE + 1;
		const uint64_t first = store ? costs->store_remote : costs->load_remote;
		const uint64_t stall = first + (lines - 1) * costs->vec_line;

		prefetch(store, host + bytes, bytes);
		hart->vector_remote += bytes;
		hart->stall_memory += stall;
		hart->cycles += stall;
	} else {
		hart->vector_sram += bytes;
	}
	rv_vec_charge(hart, rv_vec_beats(hart, bytes));
}

bool rv_vec_mem(struct rv_hart *hart, uint32_t insn, unsigned int number)
{
	struct rv_vec_plan *plan = &hart->vec_plans[number];
	const bool store = (insn & 0x7f) == 0x27;
	const uint64_t va = hart->x[rv_vs1(insn)], bytes = plan->bytes ? plan->bytes : (uint64_t)hart->vl << plan->size;
	const struct rv_tlb_line *line = &hart->tlb[va >> RV_PAGE_SHIFT & (RV_HOST_TLB - 1)];
	uint8_t *host = (uint8_t *)(line->addend + va);
	int remote = (int)line->remote;

	/* No bytes at all, less one, are more than there is room for. */
	if (unlikely(plan->key != rv_vec_key(hart, insn) || hart->vstart ||
		     bytes - 1 >= RV_PAGE_SIZE - (va & ~RV_PAGE_MASK)))
		return mem_any(hart, insn, plan);
	if (unlikely((store ? line->write_tag : line->read_tag) != (va & RV_PAGE_MASK))) {
		remote = rv_lookup(hart, va, store ? RV_WRITE : RV_READ, &host);
		if (remote == RV_SLOW_TRAP)
			return false;
		if (!host)
			return mem_any(hart, insn, plan);
	}
	move_straight(hart, store, va, hart->v + plan->d, host, bytes, remote);
	return true;
}
