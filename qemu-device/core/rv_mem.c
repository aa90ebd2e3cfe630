// SPDX-License-Identifier: MIT
/* Memory as the hart sees it: TLBs, the accesses they do not answer at once, atomics. */
#include <string.h>

#include "rv_internal.h"

/* ---- host and modelled TLBs ------------------------------------------------------------------ */

static inline unsigned int host_index(uint64_t va)
{
	return (va >> RV_PAGE_SHIFT) % RV_HOST_TLB;
}

static void forget_line(struct rv_tlb_line *line)
{
	line->read_tag = RV_NO_PAGE;
	line->write_tag = RV_NO_PAGE;
	line->addend = 0;
	line->remote = 0;
}

void rv_flush_tlb(struct rv_hart *hart)
{
	for (unsigned int i = 0; i < RV_HOST_TLB; i++)
		forget_line(&hart->tlb[i]);
	for (unsigned int i = 0; i < RV_MODEL_ITLB; i++)
		hart->itlb[i].tag = RV_NO_PAGE;
	rv_fence_i(hart);
}

void rv_reset_tlb(struct rv_hart *hart)
{
	rv_flush_tlb(hart);
	for (unsigned int i = 0; i < RV_MODEL_DTLB; i++)
		hart->model_dtag[i] = RV_NO_PAGE;
	for (unsigned int i = 0; i < RV_MODEL_ITLB; i++)
		hart->model_itag[i] = RV_NO_PAGE;
	hart->fetch_page = RV_NO_PAGE;
}

void rv_invalidate_tlb(struct rv_hart *hart, uint64_t va, uint64_t size)
{
	if (size == 0 || size > UINT64_MAX - RV_PAGE_SIZE) {
		rv_reset_tlb(hart);
		return;
	}
	/* A tag is in the range if it is less than size away from va; a page may begin before va. */
	size += va & ~RV_PAGE_MASK;
	va &= RV_PAGE_MASK;
	rv_flush_tlb(hart);
	for (unsigned int i = 0; i < RV_MODEL_DTLB; i++)
		if (hart->model_dtag[i] - va < size)
			hart->model_dtag[i] = RV_NO_PAGE;
	for (unsigned int i = 0; i < RV_MODEL_ITLB; i++)
		if (hart->model_itag[i] - va < size)
			hart->model_itag[i] = RV_NO_PAGE;
	if (hart->fetch_page - va < size)
		hart->fetch_page = RV_NO_PAGE;
}

static enum rv_cause access_cause(enum rv_access access)
{
	return access == RV_READ ? RV_LOAD_ACCESS :
	       access == RV_WRITE ? RV_STORE_ACCESS :
				    RV_INSN_ACCESS;
}

/* Call env->fill() for the page of va. False: trap raised. */
static bool fill(struct rv_hart *hart, uint64_t va, enum rv_access access, struct rv_page *page)
{
	enum rv_result result;

	memset(page, 0, sizeof(*page));
	result = hart->env->fill(hart, va, access, page);
	if (result == RV_OK && (access == RV_READ  ? page->readable :
				access == RV_WRITE ? page->writable :
						     page->executable))
		return true;
	if (result == RV_OK || !hart->trap_raised)
		rv_raise(hart, access_cause(access), va);
	return false;
}

/*
 * A walk of the model, if page is not in the modelled data TLB. What it displaces must leave the
 * larger host TLB too, or it would be found there without a modelled miss.
 */
static void model_data(struct rv_hart *hart, uint64_t page)
{
	uint64_t *tag = &hart->model_dtag[(page >> RV_PAGE_SHIFT) % RV_MODEL_DTLB];
	struct rv_tlb_line *old;

	if (*tag == page)
		return;
	if (*tag != RV_NO_PAGE) {
		old = &hart->tlb[host_index(*tag)];
		if (old->read_tag == *tag || old->write_tag == *tag)
			forget_line(old);
	}
	*tag = page;
	hart->tlb_misses++;
	hart->tlb_cycles += hart->costs.tlb_walk;
	hart->cycles += hart->costs.tlb_walk;
}

int rv_lookup(struct rv_hart *hart, uint64_t va, enum rv_access access, uint8_t **host)
{
	struct rv_tlb_line *line = &hart->tlb[host_index(va)];
	uint64_t tag = va & RV_PAGE_MASK;
	struct rv_page page;

	if ((access == RV_READ ? line->read_tag : line->write_tag) == tag) {
		*host = (uint8_t *)(line->addend + va);
		return (int)line->remote;
	}
	if (!fill(hart, va, access, &page))
		return RV_SLOW_TRAP;
	if (page.remote)
		model_data(hart, tag);
	*host = NULL;
	if (!page.host)
		return page.remote;
	line->read_tag = page.readable ? tag : RV_NO_PAGE;
	line->write_tag = page.writable ? tag : RV_NO_PAGE;
	line->addend = (uintptr_t)page.host - (uintptr_t)tag;
	line->remote = page.remote;
	*host = page.host + (va - tag);
	return page.remote;
}

const uint8_t *rv_fetch_page(struct rv_hart *hart, uint64_t va, bool *remote)
{
	uint64_t tag = va & RV_PAGE_MASK;
	struct rv_itlb_line *line = &hart->itlb[(va >> RV_PAGE_SHIFT) % RV_MODEL_ITLB];
	struct rv_page page;

	if (line->tag != tag) {
		if (!fill(hart, va, RV_EXEC, &page))
			return NULL;
		if (!page.host) {
			rv_raise(hart, RV_INSN_ACCESS, va);
			return NULL;
		}
		line->tag = tag;
		line->host = page.host;
		line->remote = page.remote;
	}
	*remote = line->remote;
	return line->host;
}

/* ---- slow loads and stores ------------------------------------------------------------------- */

/* Access a device register. Returns 0, or RV_SLOW_TRAP. */
static int device(struct rv_hart *hart, uint64_t va, enum rv_access access, unsigned int size,
		  uint64_t *value)
{
	enum rv_result result = RV_TRAP;

	if (hart->env->mmio && !(va & (size - 1))) {
		rv_fp_unload(hart);
		result = hart->env->mmio(hart, va, access, size, value);
		/* The device may have changed the interrupt lines. */
		hart->poke = true;
	}
	if (result == RV_OK)
		return 0;
	if (!hart->trap_raised)
		rv_raise(hart, access_cause(access), va);
	return RV_SLOW_TRAP;
}

/*
 * Find the two parts of an access that crosses into the next page, which begins first bytes after
 * va; neither may be a device. Returns as rv_lookup() does.
 */
static int lookup_both(struct rv_hart *hart, uint64_t va, unsigned int first, enum rv_access access,
		       uint8_t *host[2])
{
	int remote = rv_lookup(hart, va, access, &host[0]);
	int remote2;

	if (remote == RV_SLOW_TRAP)
		return RV_SLOW_TRAP;
	if (!host[0]) {
		rv_raise(hart, access_cause(access), va);
		return RV_SLOW_TRAP;
	}
	/*
	 * Pages next to each other have different lines in every TLB, so the second
	 * look-up leaves the first one's host address good.
	 */
	remote2 = rv_lookup(hart, va + first, access, &host[1]);
	if (remote2 == RV_SLOW_TRAP)
		return RV_SLOW_TRAP;
	if (!host[1]) {
		rv_raise(hart, access_cause(access), va + first);
		return RV_SLOW_TRAP;
	}
	return remote | remote2;
}

/* Bytes of an access that lie in its first page. */
static inline unsigned int in_first_page(uint64_t va, unsigned int size)
{
	uint64_t room = RV_PAGE_SIZE - (va & ~RV_PAGE_MASK);

	return room < size ? (unsigned int)room : size;
}

int rv_load_slow(struct rv_hart *hart, uint64_t va, unsigned int size)
{
	unsigned int first = in_first_page(va, size);
	uint8_t *host[2];
	int remote;

	hart->slow_value = 0;
	if (first < size) {
		remote = lookup_both(hart, va, first, RV_READ, host);
		if (remote == RV_SLOW_TRAP)
			return RV_SLOW_TRAP;
		memcpy(&hart->slow_value, host[0], first);
		memcpy((uint8_t *)&hart->slow_value + first, host[1], size - first);
		return remote;
	}
	remote = rv_lookup(hart, va, RV_READ, &host[0]);
	if (remote == RV_SLOW_TRAP)
		return RV_SLOW_TRAP;
	if (!host[0]) {
		if (device(hart, va, RV_READ, size, &hart->slow_value) == RV_SLOW_TRAP)
			return RV_SLOW_TRAP;
		if (size < 8)
			hart->slow_value &= (1ull << 8 * size) - 1;
		return remote;
	}
	switch (size) {
	case 1:
		hart->slow_value = *host[0];
		break;
	case 2:
		memcpy(&hart->slow_value, host[0], 2);
		break;
	case 4:
		memcpy(&hart->slow_value, host[0], 4);
		break;
	default:
		memcpy(&hart->slow_value, host[0], 8);
		break;
	}
	return remote;
}

int rv_store_slow(struct rv_hart *hart, uint64_t va, unsigned int size, uint64_t value)
{
	unsigned int first = in_first_page(va, size);
	uint8_t *host[2];
	int remote;

	if (first < size) {
		remote = lookup_both(hart, va, first, RV_WRITE, host);
		if (remote == RV_SLOW_TRAP)
			return RV_SLOW_TRAP;
		memcpy(host[0], &value, first);
		memcpy(host[1], (uint8_t *)&value + first, size - first);
		return remote;
	}
	remote = rv_lookup(hart, va, RV_WRITE, &host[0]);
	if (remote == RV_SLOW_TRAP)
		return RV_SLOW_TRAP;
	if (!host[0]) {
		if (size < 8)
			value &= (1ull << 8 * size) - 1;
		if (device(hart, va, RV_WRITE, size, &value) == RV_SLOW_TRAP)
			return RV_SLOW_TRAP;
		return remote;
	}
	switch (size) {
	case 1:
		*host[0] = (uint8_t)value;
		break;
	case 2:
		memcpy(host[0], &value, 2);
		break;
	case 4:
		memcpy(host[0], &value, 4);
		break;
	default:
		memcpy(host[0], &value, 8);
		break;
	}
	return remote;
}

/* ---- atomics --------------------------------------------------------------------------------- */

enum { AMO_ADD = 0x00, AMO_SWAP = 0x01, AMO_LR = 0x02, AMO_SC = 0x03, AMO_XOR = 0x04,
       AMO_OR = 0x08, AMO_AND = 0x0c, AMO_MIN = 0x10, AMO_MAX = 0x14, AMO_MINU = 0x18,
       AMO_MAXU = 0x1c };

/*
 * Other harts and the host share the memory, so every operation is one of the host's. All are
 * sequentially consistent: stronger than aq and rl ask for.
 */
#define AMO_FUNCTION(name, type, utype)                                                         \
	static utype name(void *host, unsigned int op, utype value)                             \
	{                                                                                       \
		utype *p = host, old, new;                                                      \
											\
		switch (op) {                                                                   \
		case AMO_ADD:                                                                   \
			return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);                  \
		case AMO_SWAP:                                                                  \
			return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);                 \
		case AMO_XOR:                                                                   \
			return __atomic_fetch_xor(p, value, __ATOMIC_SEQ_CST);                  \
		case AMO_OR:                                                                    \
			return __atomic_fetch_or(p, value, __ATOMIC_SEQ_CST);                   \
		case AMO_AND:                                                                   \
			return __atomic_fetch_and(p, value, __ATOMIC_SEQ_CST);                  \
		}                                                                               \
		old = __atomic_load_n(p, __ATOMIC_RELAXED);                                     \
		do {                                                                            \
			bool keep = op == AMO_MIN  ? (type)old <= (type)value :                 \
				    op == AMO_MAX  ? (type)old >= (type)value :                 \
				    op == AMO_MINU ? old <= value :                             \
						     old >= value;                              \
											\
			new = keep ? old : value;                                               \
		} while (!__atomic_compare_exchange_n(p, &old, new, true, __ATOMIC_SEQ_CST,     \
						      __ATOMIC_RELAXED));                       \
		return old;                                                                     \
	}

AMO_FUNCTION(amo32, int32_t, uint32_t)
AMO_FUNCTION(amo64, int64_t, uint64_t)

/* lr: remember what was read; sc then compares, so a write of the same value in between is missed. */
static void load_reserved(struct rv_hart *hart, uint64_t va, unsigned int size, void *host)
{
	if (size == 4)
		hart->reserved_value = __atomic_load_n((uint32_t *)host, __ATOMIC_SEQ_CST);
	else
		hart->reserved_value = __atomic_load_n((uint64_t *)host, __ATOMIC_SEQ_CST);
	hart->reserved = true;
	hart->reserved_size = (uint8_t)size;
	hart->reserved_va = va;
	hart->slow_value = hart->reserved_value;
}

static void store_conditional(struct rv_hart *hart, uint64_t va, unsigned int size, void *host,
			      uint64_t value)
{
	bool done = hart->reserved && hart->reserved_va == va && hart->reserved_size == size;

	hart->reserved = false;
	if (done && size == 4) {
		uint32_t expected = (uint32_t)hart->reserved_value;

		done = __atomic_compare_exchange_n((uint32_t *)host, &expected, (uint32_t)value,
						   false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	} else if (done) {
		uint64_t expected = hart->reserved_value;

		done = __atomic_compare_exchange_n((uint64_t *)host, &expected, value, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
	hart->slow_value = !done;
}

int rv_atomic(struct rv_hart *hart, uint32_t insn, uint64_t va, uint64_t value)
{
	unsigned int op = insn >> 27, size = (insn >> 12 & 7) == 2 ? 4 : 8;
	bool load = op == AMO_LR;
	enum rv_access access = load ? RV_READ : RV_WRITE;
	uint8_t *host;
	int remote;

	if (va & (size - 1)) {
		rv_raise(hart, load ? RV_LOAD_MISALIGNED : RV_STORE_MISALIGNED, va);
		return RV_SLOW_TRAP;
	}
	remote = rv_lookup(hart, va, access, &host);
	if (remote == RV_SLOW_TRAP)
		return RV_SLOW_TRAP;
	if (!host) {
		rv_raise(hart, access_cause(access), va);
		return RV_SLOW_TRAP;
	}
	/* A page whose writes are dropped has nothing to read the old value from. */
	if (!load && hart->tlb[host_index(va)].read_tag != (va & RV_PAGE_MASK)) {
		rv_raise(hart, RV_STORE_PAGE_FAULT, va);
		return RV_SLOW_TRAP;
	}
	if (load)
		load_reserved(hart, va, size, host);
	else if (op == AMO_SC)
		store_conditional(hart, va, size, host, value);
	else if (size == 4)
		hart->slow_value = amo32(host, op, (uint32_t)value);
	else
		hart->slow_value = amo64(host, op, value);
	if (size == 4)
		hart->slow_value = (uint64_t)(int64_t)(int32_t)hart->slow_value;
	return remote;
}

/* ---- for the owner --------------------------------------------------------------------------- */

/* Find [va, va + length), a page at a time, and copy if buffer is not NULL. */
static enum rv_result transfer(struct rv_hart *hart, uint64_t va, void *buffer, size_t length,
			       enum rv_access access)
{
	uint8_t *local = buffer;

	while (length) {
		uint64_t room = RV_PAGE_SIZE - (va & ~RV_PAGE_MASK);
		size_t part = room < length ? (size_t)room : length;
		uint8_t *host;

		if (rv_lookup(hart, va, access, &host) == RV_SLOW_TRAP)
			return RV_TRAP;
		if (!host) {
			rv_raise(hart, access_cause(access), va);
			return RV_TRAP;
		}
		if (local) {
			if (access == RV_READ)
				memcpy(local, host, part);
			else
				memcpy(host, local, part);
			local += part;
		}
		va += part;
		length -= part;
	}
	return RV_OK;
}

enum rv_result rv_read(struct rv_hart *hart, uint64_t va, void *buffer, size_t length)
{
	return transfer(hart, va, buffer, length, RV_READ);
}

enum rv_result rv_write(struct rv_hart *hart, uint64_t va, const void *buffer, size_t length)
{
	uint64_t room = RV_PAGE_SIZE - (va & ~RV_PAGE_MASK);

	/* Nothing may be written if the end cannot be. */
	if (length > room && transfer(hart, va, NULL, length, RV_WRITE) != RV_OK)
		return RV_TRAP;
	return transfer(hart, va, (void *)buffer, length, RV_WRITE);
}
