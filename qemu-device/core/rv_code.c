// SPDX-License-Identifier: MIT
/* Decoded code: finding, making and checking basic blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rv_fuse.h"

int rv_code_init(struct rv_hart *hart)
{
	struct rv_code *code = calloc(1, sizeof(*code));

	if (!code)
		return -ENOMEM;
	code->arena = malloc(RV_ARENA_SIZE);
	if (!code->arena) {
		free(code);
		return -ENOMEM;
	}
	code->epoch = 1;
	hart->code = code;
	return 0;
}

void rv_code_fini(struct rv_hart *hart)
{
	if (!hart->code)
		return;
	free(hart->code->arena);
	free(hart->code);
	hart->code = NULL;
}

void rv_code_drop(struct rv_hart *hart)
{
	struct rv_code *code = hart->code;

	code->epoch++;
	code->generation++;
	code->used = 0;
	memset(code->hash, 0, sizeof(code->hash));
}

void rv_fence_i(struct rv_hart *hart)
{
	hart->code->epoch++;
}

void rv_model_fetch(struct rv_hart *hart, uint64_t page, bool remote)
{
	unsigned int index = (page >> RV_PAGE_SHIFT) % RV_MODEL_ITLB;

	if (page == hart->fetch_page)
		return;
	hart->fetch_page = page;
	if (!remote || hart->model_itag[index] == page)
		return;
	hart->model_itag[index] = page;
	hart->tlb_misses++;
	hart->tlb_cycles += hart->costs.tlb_walk;
	hart->cycles += hart->costs.tlb_walk;
}

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* Bytes of the instruction that starts with the halfword at p. */
static inline unsigned int insn_size(const uint8_t *p)
{
	return (*p & 3) == 3 ? 4 : 2;
}

/*
 * Get size bytes of code at pc, which may go on in the next page only for
 * its last halfword, into buffer. Notes where the pages lie. False: trap raised.
 */
static bool fetch(struct rv_hart *hart, uint64_t pc, uint8_t *buffer, unsigned int size,
		  bool *remote, bool *remote2)
{
	uint64_t room = RV_PAGE_SIZE - (pc & ~RV_PAGE_MASK);
	unsigned int here = size < room ? size : (unsigned int)room;
	const uint8_t *host = rv_fetch_page(hart, pc, remote);

	if (!host)
		return false;
	memcpy(buffer, host + (pc & ~RV_PAGE_MASK), here);
	if (size > here) {
		host = rv_fetch_page(hart, pc + here, remote2);
		if (!host)
			return false;
		memcpy(buffer + here, host, size - here);
	}
	return true;
}

/* True if the block's code is still what memory holds; false: not, or trap raised. */
static bool validate(struct rv_hart *hart, struct rv_block *block)
{
	uint8_t now[RV_BLOCK_MAX * 4];

	if (!fetch(hart, block->pc, now, block->raw_size, &block->remote, &block->remote2))
		return false;
	if (memcmp(now, block->raw, block->raw_size))
		return false;
	block->epoch = hart->code->epoch;
	block->taken = NULL;
	block->next = NULL;
	return true;
}

/* Room for a block of the largest size; the arena is emptied if there is none left. */
static struct rv_block *reserve(struct rv_hart *hart)
{
	size_t most = sizeof(struct rv_block) + (RV_BLOCK_MAX + 1) * sizeof(struct rv_op) +
		      RV_BLOCK_MAX * 4;

	if (RV_ARENA_SIZE - hart->code->used < most + 64)
		rv_code_drop(hart);
	return (struct rv_block *)(hart->code->arena + hart->code->used);
}

/* The operation that leads from the end of a block that ends for no reason of its own. */
static void put_end(const struct rv_hart *hart, struct rv_op *op)
{
	memset(op, 0, sizeof(*op));
	op->id = RV_OP_END;
	op->fn = hart->labels[RV_OP_END];
}

/* Handlers of two operations; NONE: there is none for these. */
static const uint16_t pairs[RV_OP_COUNT][RV_OP_COUNT] = {
#define PAIR(first, second) [RV_OP_##first][RV_OP_##second] = RV_PAIR_##first##_##second,
	RV_PAIRS(PAIR)
#undef PAIR
};
static const uint16_t chains[RV_OP_COUNT][RV_OP_COUNT] = {
#define CHAIN(first, second) [RV_OP_##first][RV_OP_##second] = RV_CHAIN_##first##_##second,
	RV_CHAINS(CHAIN)
#undef CHAIN
};

static bool commutes(enum rv_op_id id)
{
	return id == RV_OP_ADD || id == RV_OP_ADDW || id == RV_OP_AND || id == RV_OP_OR ||
	       id == RV_OP_XOR || id == RV_OP_MUL || id == RV_OP_BEQ || id == RV_OP_BNE;
}

/* The handler for both, NONE if there is none. May swap operands of the second. */
static enum rv_fused fused(const struct rv_op *first, struct rv_op *second)
{
	const enum rv_fused chain = chains[first->id][second->id];

	if (chain && first->rd == second->rs1)
		return chain;
	if (chain && first->rd == second->rs2 && commutes(second->id)) {
		second->rs2 = second->rs1;
		second->rs1 = first->rd;
		return chain;
	}
	return pairs[first->id][second->id];
}

/* Let operations be run in pairs. From the end, as branches are there and gain most. */
static void fuse(struct rv_hart *hart, struct rv_op *ops, unsigned int count)
{
	while (count > 1) {
		struct rv_op *first = &ops[count - 2];
		const enum rv_fused handler = fused(first, first + 1);

		if (handler)
			first->fn = hart->labels[handler];
		count -= handler ? 2 : 1;
	}
}

/* Decode raw[0..size) into the block; at least one instruction is whole. */
static void decode_block(struct rv_hart *hart, struct rv_block *block, const uint8_t *raw,
			 unsigned int size)
{
	unsigned int offset = 0, count = 0;
	uint64_t stat = 0;
	bool ended = false;

	while (!ended && count < RV_BLOCK_MAX && offset + 2 <= size &&
	       offset + insn_size(raw + offset) <= size) {
		struct rv_op *op = &block->ops[count++];
		unsigned int length = insn_size(raw + offset);
		uint32_t original = get16(raw + offset), insn;

		if (length == 4)
			original |= (uint32_t)get16(raw + offset + 2) << 16;
		insn = length == 4 ? original : rv_expand((uint16_t)original);
		ended = rv_decode(hart, insn, original, offset, op);
		op->fn = hart->labels[op->id];
		if (op->id == RV_OP_VEC || op->id == RV_OP_VMEM)
			op->offset = hart->code->plans++ % RV_VEC_PLANS;
		stat += hart->class_stat[rv_op_class[op->id]];
		if (ended)
			block->target = block->pc + offset + (uint64_t)(int64_t)op->imm;
		offset += length;
	}
	if (!ended)
		put_end(hart, &block->ops[count]);
	fuse(hart, block->ops, count);
	block->end = block->pc + offset;
	block->stat = stat;
	block->count = count;
	block->raw_size = (uint16_t)offset;
}

/* Decode the block at pc and add it to its bucket. NULL: trap raised. */
static struct rv_block *make(struct rv_hart *hart, uint64_t pc)
{
	uint64_t room = RV_PAGE_SIZE - (pc & ~RV_PAGE_MASK);
	unsigned int size = room < RV_BLOCK_MAX * 4 ? (unsigned int)room : RV_BLOCK_MAX * 4;
	uint8_t raw[RV_BLOCK_MAX * 4], *copy;
	bool remote = false, remote2 = false, straddles = false;
	struct rv_block *block, **bucket;
	struct rv_code *code = hart->code;

	/* Memory may change under our eyes: only the copy is looked at. */
	if (!fetch(hart, pc, raw, size, &remote, &remote2))
		return NULL;
	if (insn_size(raw) > size) {
		straddles = true;
		size = 4;
		if (!fetch(hart, pc, raw, size, &remote, &remote2))
			return NULL;
	}
	block = reserve(hart);
	memset(block, 0, sizeof(*block));
	block->pc = pc;
	block->epoch = code->epoch;
	block->straddles = straddles;
	block->remote = remote;
	block->remote2 = remote2;
	decode_block(hart, block, raw, size);
	copy = (uint8_t *)&block->ops[block->count + 1];
	memcpy(copy, raw, block->raw_size);
	block->raw = copy;
	code->used = ((size_t)(copy + block->raw_size - code->arena) + 63) & ~(size_t)63;
	bucket = &code->hash[rv_hash(pc)];
	block->chain = *bucket;
	*bucket = block;
	return block;
}

/* Find a checked block and move it to the front of its bucket, or NULL: make one or trap raised. */
static struct rv_block *find(struct rv_hart *hart, uint64_t pc)
{
	struct rv_code *code = hart->code;
	struct rv_block **bucket = &code->hash[rv_hash(pc)], **link, *block;

	for (link = bucket; (block = *link); link = &block->chain)
		if (block->pc == pc)
			break;
	if (!block)
		return NULL;
	*link = block->chain;
	if (block->epoch != code->epoch && !validate(hart, block))
		return NULL; /* stale, and out of the bucket now; if it trapped, no harm done */
	block->chain = *bucket;
	*bucket = block;
	return block;
}

struct rv_block *rv_code_get(struct rv_hart *hart, uint64_t pc)
{
	struct rv_block *block = find(hart, pc);

	if (!block && !hart->trap_raised)
		block = make(hart, pc);
	if (!block)
		return NULL;
	rv_model_fetch(hart, pc & RV_PAGE_MASK, block->remote);
	if (block->straddles)
		rv_model_fetch(hart, (pc & RV_PAGE_MASK) + RV_PAGE_SIZE, block->remote2);
	return block;
}
