/* SPDX-License-Identifier: MIT */
#include "rv_profile.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rv_internal.h"

_Static_assert(RV_PROFILE_EVENTS >= RV_BLOCK_MAX * 4 + RV_PROFILE_WAITS + 1,
	       "an instruction has at most four causes beside its waits, and a fetch walks once");
_Static_assert(RV_PROFILE_ROWS > RV_BLOCK_MAX && RV_PROFILE_BLOCKS > 1 && RV_PROFILE_BLOCKS < UINT16_MAX &&
		       RV_PROFILE_ROWS <= UINT16_MAX,
	       "any block fits into an empty table, and numbers into their fields");

struct rv_profile *rv_profile_new(void)
{
	struct rv_profile *p = calloc(1, sizeof(*p));

	if (p)
		p->generation = 1;
	return p;
}

void rv_profile_free(struct rv_profile *profile)
{
	free(profile);
}

/* ---- samples --------------------------------------------------------------------------------- */

/* A fixed function that spreads what goes in (finaliser of splitmix64). */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t point(const struct rv_profile *p, uint64_t k)
{
	return k * p->period +
	       (p->jitter ? mix(k + ((uint64_t)p->salt << 40) + 0x9e3779b97f4a7c15ull) % p->period : 0);
}

/* Find the first sampling point that is not before the present cycle. */
static void aim(struct rv_profile *p)
{
	p->next = UINT64_MAX;
	if (!p->period)
		return;
	p->k = (p->base + p->now) / p->period;
	if (point(p, p->k) < p->base + p->now)
		p->k++;
	p->next = point(p, p->k) - p->base;
}

/* Sample what lies in [at, at + cycles), all of it one address and cause. Returns its end. */
static uint64_t span(struct rv_profile *p, uint64_t at, uint64_t cycles, uint64_t pc,
		     enum rv_profile_cause cause)
{
	const uint64_t end = at + cycles;
	struct rv_profile_sample sample;
	uint64_t last;

	if (p->next >= end)
		return end;
	/* There is exactly one point in each period. */
	last = (p->base + end - 1) / p->period;
	if (point(p, last) >= p->base + end)
		last--;
	sample = (struct rv_profile_sample){
		.time = p->base + p->next,
		.count = last - p->k + 1,
		.pc = pc,
		.cause = cause,
	};
	p->k = last + 1;
	p->next = point(p, p->k) - p->base;
	p->ops->sample(p->opaque, &sample);
	return end;
}

/* Go through the run of the block, cycle by cycle, to where the sampling points fall. */
static void sample_block(struct rv_profile *p)
{
	const struct rv_profile_block *block = p->block;
	const struct rv_profile_row *row = &p->row[block->first];
	const unsigned int count = p->executed < block->count ? p->executed : block->count;
	const struct rv_profile_event *event = p->event, *end = p->event + p->events;
	uint64_t at = p->now, fixed = p->cycles;

	for (unsigned int i = 0; i < block->count && (i < count || event < end); i++) {
		const uint64_t pc = block->pc + row[i].offset;

		for (; event < end && event->op == i && event->cause == RV_CYCLE_TLB; event++)
			at = span(p, at, event->cycles, pc, RV_CYCLE_TLB);
		if (i < count) {
			at = span(p, at, 1, pc, RV_CYCLE_ISSUE);
			at = span(p, at, row[i].stall, pc, RV_CYCLE_EXEC);
			fixed -= 1 + (uint64_t)row[i].stall;
		}
		for (; event < end && event->op == i; event++)
			at = span(p, at, event->cycles, pc, event->cause);
		if (i + 1 == count && fixed) /* the branch was taken */
			at = span(p, at, fixed, pc, RV_CYCLE_EXEC);
	}
}

/* ---- the table ------------------------------------------------------------------------------- */

static unsigned int bucket_of(uint64_t pc)
{
	return (unsigned int)((pc >> 1) ^ (pc >> 11) ^ pc << 9) % RV_PROFILE_HASH;
}

static void empty(struct rv_profile *p)
{
	p->blocks = 0;
	p->rows = 0;
	memset(p->hash, 0, sizeof(p->hash));
	if (!++p->generation)
		p->generation = 1;
}

/* See to it that there is room; any block and one more fit into an empty table. */
static void make_room(struct rv_profile *p, unsigned int blocks, unsigned int rows)
{
	if (RV_PROFILE_BLOCKS - p->blocks < blocks || RV_PROFILE_ROWS - p->rows < rows)
		rv_profile_flush(p);
}

/* A new block of count rows, for which there is room. */
static struct rv_profile_block *add(struct rv_profile *p, uint64_t pc, unsigned int count)
{
	uint16_t *bucket = &p->hash[bucket_of(pc)];
	struct rv_profile_block *block = &p->table[p->blocks++];

	*block = (struct rv_profile_block){
		.pc = pc, .first = p->rows, .count = count, .chain = *bucket};
	*bucket = p->blocks;
	memset(&p->row[p->rows], 0, count * sizeof(p->row[0]));
	p->rows += count;
	return block;
}

static uint16_t stall_of(const struct rv_hart *hart, const struct rv_op *op)
{
	return hart->class_stat[rv_op_class[op->id]] >> RV_STAT_STALL_SHIFT;
}

/* Are these the same instructions, as far as the profile goes? Code may have been changed. */
static bool same(const struct rv_hart *hart, const struct rv_profile_block *have,
		 const struct rv_block *block)
{
	const struct rv_profile_row *row = &hart->profile->row[have->first];
	const uint8_t *raw = block->raw;

	if (have->pc != block->pc || have->count != block->count)
		return false;
	for (unsigned int i = 0; i < block->count; i++) {
		if (row[i].offset != raw - block->raw || row[i].stall != stall_of(hart, &block->ops[i]))
			return false;
		raw += (*raw & 3) == 3 ? 4 : 2;
	}
	return true;
}

void rv_profile_attach(struct rv_hart *hart, struct rv_block *block)
{
	struct rv_profile *p = hart->profile;
	struct rv_profile_block *mine = NULL, *again;
	const uint8_t *raw = block->raw, *last = raw;

	for (unsigned int n = p->hash[bucket_of(block->pc)]; n && !mine; n = p->table[n - 1].chain)
		if (same(hart, &p->table[n - 1], block))
			mine = &p->table[n - 1];
	if (!mine) {
		make_room(p, 2, block->count + 1);
		mine = add(p, block->pc, block->count);
		for (unsigned int i = 0; i < block->count; i++) {
			struct rv_profile_row *row = &p->row[mine->first + i];

			row->offset = raw - block->raw;
			row->stall = stall_of(hart, &block->ops[i]);
			mine->cycles += 1 + (uint32_t)row->stall;
			last = raw;
			raw += (*raw & 3) == 3 ? 4 : 2;
		}
		/*
		 * env->custom() may ask for its instruction to be run again, when depends on the host. Then
		 * it is a block of its own, and has a place here already: what fills the table must not.
		 */
		if (block->count > 1 && block->ops[block->count - 1].id == RV_OP_CUSTOM) {
			again = add(p, block->pc + (uint64_t)(last - block->raw), 1);
			p->row[again->first].stall = p->row[mine->first + block->count - 1].stall;
			again->cycles = 1 + (uint32_t)p->row[again->first].stall;
		}
	}
	block->profile = mine - p->table;
	block->profile_generation = p->generation;
}

/* Time that no instruction took, before the one at pc. */
static void charge(struct rv_profile *p, uint64_t pc, enum rv_profile_cause cause, uint64_t cycles)
{
	struct rv_profile_block *block = NULL;

	for (unsigned int n = p->hash[bucket_of(pc | 1)]; n && !block; n = p->table[n - 1].chain)
		if (p->table[n - 1].pc == (pc | 1))
			block = &p->table[n - 1];
	if (!block) {
		make_room(p, 1, 1);
		block = add(p, pc | 1, 1);
	}
	p->row[block->first].extra[cause] += cycles;
	p->now = span(p, p->now, cycles, pc, cause);
}

static int compare(const void *a, const void *b)
{
	const struct rv_profile_order *x = a, *y = b;

	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Add a row, number i of its block, to what its address took. */
static void add_up(const struct rv_profile *p, const struct rv_profile_block *block,
		   unsigned int i, struct rv_profile_pc *pc)
{
	const struct rv_profile_row *row = &p->row[block->first + i];
	uint64_t runs;

	for (unsigned int c = 0; c < RV_PROFILE_CAUSES; c++)
		pc->cycles[c] += row->extra[c];
	if (block->pc & 1)
		return;
	runs = block->entered - row->skipped;
	pc->cycles[RV_CYCLE_ISSUE] += runs;
	pc->cycles[RV_CYCLE_EXEC] += runs * row->stall;
	if (i + 1 == block->count)
		pc->cycles[RV_CYCLE_EXEC] += block->taken * p->taken_stall;
}

static bool anything(const struct rv_profile_pc *pc)
{
	uint64_t sum = 0;

	for (unsigned int c = 0; c < RV_PROFILE_CAUSES; c++)
		sum |= pc->cycles[c];
	return sum;
}

static void hand_out(struct rv_profile *p)
{
	struct rv_profile_pc pc = {0};
	unsigned int rows = 0;

	for (unsigned int b = 0; b < p->blocks; b++)
		for (unsigned int i = 0; i < p->table[b].count; i++)
			p->order[rows++] = (struct rv_profile_order){
				.pc = (p->table[b].pc & ~1ull) + p->row[p->table[b].first + i].offset,
				.block = b,
				.row = i,
			};
	qsort(p->order, rows, sizeof(p->order[0]), compare);
	for (unsigned int i = 0; i < rows; i++) {
		if (i && p->order[i].pc != pc.pc) {
			if (anything(&pc))
				p->ops->pc(p->opaque, &pc);
			memset(&pc, 0, sizeof(pc));
		}
		pc.pc = p->order[i].pc;
		add_up(p, &p->table[p->order[i].block], p->order[i].row, &pc);
	}
	if (anything(&pc))
		p->ops->pc(p->opaque, &pc);
}

void rv_profile_flush(struct rv_profile *profile)
{
	if (profile->count)
		hand_out(profile);
	empty(profile);
}

/* ---- from the interpreter -------------------------------------------------------------------- */

static void event(struct rv_profile *p, unsigned int op, enum rv_profile_cause cause, uint64_t cycles)
{
	if (cycles && p->events < RV_PROFILE_EVENTS)
		p->event[p->events++] =
			(struct rv_profile_event){.op = op, .cause = cause, .cycles = cycles};
}

void rv_profile_settle(struct rv_hart *hart)
{
	struct rv_profile *p = hart->profile;
	uint64_t total = p->cycles;

	for (unsigned int i = 0; i < p->events; i++) {
		const struct rv_profile_event *e = &p->event[i];

		p->row[p->block->first + e->op].extra[e->cause] += e->cycles;
		total += e->cycles;
	}
	if (p->now + total > p->next)
		sample_block(p);
	p->now += total;
	p->cycles = 0;
	p->events = 0;
	p->executed = UINT_MAX;
}

void rv_profile_note(struct rv_hart *hart, unsigned int op)
{
	struct rv_profile *p = hart->profile;

	event(p, op, RV_CYCLE_TLB, hart->tlb_cycles - p->seen_tlb);
	event(p, op, RV_CYCLE_EXEC, hart->stall_exec - p->seen_exec);
	event(p, op, RV_CYCLE_VECTOR, hart->stall_vector - p->seen_vector);
	event(p, op, RV_CYCLE_MEMORY, hart->stall_memory - p->seen_memory);
	p->seen_tlb = hart->tlb_cycles;
	p->seen_exec = hart->stall_exec;
	p->seen_vector = hart->stall_vector;
	p->seen_memory = hart->stall_memory;
}

void rv_profile_remote(struct rv_hart *hart, unsigned int op, uint64_t cycles)
{
	event(hart->profile, op, RV_CYCLE_MEMORY, cycles);
}

void rv_profile_wait_begin(struct rv_profile *p)
{
	for (unsigned int i = 0; i < RV_PROFILE_WAITS; i++)
		p->wait_before[i] = p->wait[i] ? *p->wait[i] : 0;
}

void rv_profile_wait_end(struct rv_profile *p)
{
	for (unsigned int i = 0; i < RV_PROFILE_WAITS; i++)
		if (p->wait[i])
			event(p, p->block->count - 1u, RV_CYCLE_WAIT + i,
			      *p->wait[i] - p->wait_before[i]);
}

void rv_profile_trap(struct rv_profile *p, unsigned int op)
{
	p->executed = op;
	for (unsigned int i = op; i < p->block->count; i++) {
		struct rv_profile_row *row = &p->row[p->block->first + i];

		row->skipped++;
		p->cycles -= 1 + (uint64_t)row->stall;
	}
}

/* ---- from the owner -------------------------------------------------------------------------- */

void rv_profile_begin(struct rv_hart *hart)
{
	struct rv_profile *p = hart->profile;

	p->now = hart->cycles;
	p->cycles = 0;
	p->block = NULL;
	p->events = 0;
	p->executed = UINT_MAX;
	p->seen_exec = hart->stall_exec;
	p->seen_vector = hart->stall_vector;
	p->seen_memory = hart->stall_memory;
	p->seen_tlb = hart->tlb_cycles;
	aim(p);
}

void rv_profile_start(struct rv_hart *hart, uint64_t pc, uint64_t cycles)
{
	charge(hart->profile, pc, RV_CYCLE_START, cycles);
}

void rv_profile_end(struct rv_hart *hart)
{
	struct rv_profile *p = hart->profile;

	/* A fetch may have walked for an instruction that did not come to run. */
	if (hart->tlb_cycles != p->seen_tlb)
		charge(p, hart->pc, RV_CYCLE_TLB, hart->tlb_cycles - p->seen_tlb);
	p->seen_tlb = hart->tlb_cycles;
}

/* ---- saving and loading ------------------------------------------------------------------------ */

static void rows_state(struct rv_profile *p, const struct rv_profile_block *block, struct state *s)
{
	for (unsigned int i = 0; i < block->count; i++) {
		struct rv_profile_row *row = &p->row[block->first + i];

		STATE(s, row->offset);
		STATE(s, row->stall);
		STATE(s, row->skipped);
		STATE(s, row->extra);
	}
}

void rv_profile_state(struct rv_profile *p, struct state *s)
{
	unsigned int blocks = p->blocks;

	if (s->load) {
		empty(p);
		p->block = NULL;
		p->cycles = 0;
		p->events = 0;
		p->executed = UINT_MAX;
	}
	STATE(s, p->now);
	STATE(s, p->seen_exec);
	STATE(s, p->seen_vector);
	STATE(s, p->seen_memory);
	STATE(s, p->seen_tlb);
	STATE_MAX(s, blocks, RV_PROFILE_BLOCKS);
	for (unsigned int i = 0; i < blocks; i++) {
		struct rv_profile_block block = p->table[i], *to = &p->table[i];

		STATE(s, block.pc);
		STATE(s, block.entered);
		STATE(s, block.taken);
		STATE(s, block.cycles);
		STATE_MAX(s, block.count, RV_BLOCK_MAX + 1);
		if (s->load) {
			if (!state_check(s, block.count && block.count <= RV_PROFILE_ROWS - p->rows,
					 "a profile of more than there is room for"))
				break;
			to = add(p, block.pc, block.count);
			to->entered = block.entered;
			to->taken = block.taken;
			to->cycles = block.cycles;
		}
		rows_state(p, to, s);
	}
	if (s->load)
		aim(p); /* sampling points before the present have been taken */
}
