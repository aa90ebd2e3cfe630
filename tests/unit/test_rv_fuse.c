// SPDX-License-Identifier: MIT
/*
 * Operations that one handler runs two at a time (rv_fuse.h): every pair against the same two
 * instructions run one by one, with random registers and immediates. Registers, memory, traps and all
 * counters must be the same, with a profile and without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"
#include "rv_fuse.h"
#include "rv_profile.h"
#include "tap.h"
#include "xorshift.h"

#define CODE  BOX_BASE
#define DATA  (BOX_BASE + 16 * BOX_PAGE) /* a local page, a remote one, none */
#define TRIES 400
#define STOP  0x0000000bu /* custom-0 */

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	return xorshift64(&random_state);
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)(next_random() >> 33) % n;
}

/* ---- instructions ------------------------------------------------------------------------------ */

enum format { I, SHIFT, R, LOAD, STORE, BRANCH, U_LI, JUMP, JUMP_REGISTER };

/* bits: opcode, funct3, funct7 in place. */
static const struct shape {
	enum format format;
	uint32_t bits;
} shapes[RV_OP_COUNT] = {
	[RV_OP_MV] = { I, 0x13 },	    [RV_OP_ADDI] = { I, 0x13 },
	[RV_OP_ANDI] = { I, 0x7013 },	    [RV_OP_ADDIW] = { I, 0x1b },
	[RV_OP_LI] = { U_LI, 0x13 },	    [RV_OP_SLLI] = { SHIFT, 0x1013 },
	[RV_OP_SRLI] = { SHIFT, 0x5013 },   [RV_OP_SRAI] = { SHIFT, 0x40005013 },
	[RV_OP_SRLIW] = { SHIFT, 0x501b },  [RV_OP_ADD] = { R, 0x33 },
	[RV_OP_SUB] = { R, 0x40000033 },    [RV_OP_SLT] = { R, 0x2033 },
	[RV_OP_SLTU] = { R, 0x3033 },	    [RV_OP_XOR] = { R, 0x4033 },
	[RV_OP_OR] = { R, 0x6033 },	    [RV_OP_AND] = { R, 0x7033 },
	[RV_OP_ADDW] = { R, 0x3b },	    [RV_OP_SUBW] = { R, 0x4000003b },
	[RV_OP_MUL] = { R, 0x02000033 },    [RV_OP_MULW] = { R, 0x0200003b },
	[RV_OP_LH] = { LOAD, 0x1003 },	    [RV_OP_LW] = { LOAD, 0x2003 },
	[RV_OP_LD] = { LOAD, 0x3003 },	    [RV_OP_LBU] = { LOAD, 0x4003 },
	[RV_OP_SB] = { STORE, 0x23 },	    [RV_OP_SW] = { STORE, 0x2023 },
	[RV_OP_SD] = { STORE, 0x3023 },	    [RV_OP_BEQ] = { BRANCH, 0x63 },
	[RV_OP_BNE] = { BRANCH, 0x1063 },   [RV_OP_BLT] = { BRANCH, 0x4063 },
	[RV_OP_BGE] = { BRANCH, 0x5063 },   [RV_OP_BLTU] = { BRANCH, 0x6063 },
	[RV_OP_BGEU] = { BRANCH, 0x7063 },  [RV_OP_BEQZ] = { BRANCH, 0x63 },
	[RV_OP_BNEZ] = { BRANCH, 0x1063 },  [RV_OP_JAL] = { JUMP, 0x6f },
	[RV_OP_JALR] = { JUMP_REGISTER, 0x67 },
};

/* Few registers, so that they meet. x9 has an address of the data, x12 one of code. */
static unsigned int some_register(void)
{
	static const uint8_t registers[] = { 0, 8, 9, 9, 10, 11 };

	return registers[below(sizeof(registers))];
}

/*
 * A random instruction that is decoded as id; its rs1 is reg, if that is not 0. Branches and jumps go 8
 * bytes forward. Ends the test program if there is no such instruction.
 */
static uint32_t instruction(const struct rv_hart *hart, enum rv_op_id id, unsigned int reg)
{
	const struct shape *shape = &shapes[id];
	const bool zero = id == RV_OP_BEQZ || id == RV_OP_BNEZ;

	for (int i = 0; shape->bits && i < 1000; i++) {
		const uint32_t rd = some_register(), rs2 = some_register(), imm = below(4096);
		const uint32_t rs1 = reg ? reg : some_register();
		uint32_t insn = shape->bits;
		struct rv_op op;

		switch (shape->format) {
		case I:
			insn |= rd << 7 | rs1 << 15 | (id == RV_OP_MV ? 0 : imm) << 20;
			break;
		case U_LI:
			insn |= rd << 7 | imm << 20;
			break;
		case SHIFT:
			insn |= rd << 7 | rs1 << 15 | imm % ((insn & 8) ? 32 : 64) << 20;
			break;
		case R:
			insn |= rd << 7 | rs1 << 15 | rs2 << 20;
			break;
		case LOAD:
			insn |= rd << 7 | rs1 << 15 | (imm & 0xffff8007) << 20;
			break;
		case STORE:
			insn |= (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | imm >> 5 << 25;
			break;
		case BRANCH:
			insn |= 8u << 7 | rs1 << 15 | (zero ? 0 : rs2) << 20;
			break;
		case JUMP:
			insn |= rd << 7 | 8u << 20;
			break;
		case JUMP_REGISTER:
			insn |= rd << 7 | (reg ? reg : 12u) << 15 | 12u << 20;
			break;
		}
		rv_decode(hart, insn, insn, 0, &op);
		if (op.id == id)
			return insn;
	}
	printf("Bail out! no instruction for operation %d\n", id);
	exit(1);
}

/* ---- running ----------------------------------------------------------------------------------- */

/* What a program or the device can see of a hart that has stopped. */
struct outcome {
	uint64_t x[32], pc, trap[2];
	uint64_t counters[12];
	enum rv_stop stop;
};

static struct outcome outcome_of(const struct rv_hart *h, enum rv_stop stop)
{
	struct outcome o = {
		.pc = h->pc,
		.counters = { h->instret, h->cycles, h->loads, h->stores, h->remote, h->branches,
			      h->fp, h->tlb_misses, h->tlb_cycles, h->stall_exec, h->stall_memory,
			      h->stall_vector },
		.stop = stop,
	};

	memcpy(o.x, h->x, sizeof(o.x));
	if (stop == RV_STOP_TRAP) {
		o.trap[0] = h->trap_cause;
		o.trap[1] = h->trap_value;
	}
	return o;
}

static void put_code(struct box *box, uint64_t va, uint32_t first, uint32_t second)
{
	box_put32(box, &va, first);
	box_put32(box, &va, second);
	box_put32(box, &va, STOP);
	box_put32(box, &va, STOP);
}

static void start(struct box *box, const uint64_t *x, bool forget)
{
	rv_reset(&box->hart, CODE);
	memcpy(box->hart.x, x, 32 * sizeof(*x));
	if (forget)
		rv_reset_tlb(&box->hart);
}

static struct outcome run_both(struct box *box, const uint32_t *insn, const uint64_t *x, bool forget)
{
	put_code(box, CODE, insn[0], insn[1]);
	start(box, x, forget);
	return outcome_of(&box->hart, box_continue(box, 1000));
}

/* One by one: the first in front of a stop, whose cost is taken back, then the second. */
static struct outcome run_apart(struct box *box, const uint32_t *insn, const uint64_t *x, bool forget)
{
	struct rv_hart *h = &box->hart;
	enum rv_stop stop;

	put_code(box, CODE, insn[0], STOP);
	start(box, x, forget);
	stop = box_continue(box, 1000);
	if (stop != RV_STOP_ENV)
		return outcome_of(h, stop);
	h->instret--;
	h->cycles--;
	put_code(box, CODE, insn[0], insn[1]);
	rv_fence_i(h);
	h->pc = CODE + 4;
	return outcome_of(h, box_continue(box, 1000));
}

/* ---- tests ------------------------------------------------------------------------------------- */

enum { TOGETHER, PROFILED, APART, BOXES };
static struct box *boxes[BOXES];
static uint64_t issued; /* what the profile has counted */

static void on_sample(void *opaque, const struct rv_profile_sample *sample)
{
	(void)opaque;
	(void)sample;
}

static void on_pc(void *opaque, const struct rv_profile_pc *pc)
{
	(void)opaque;
	issued += pc->cycles[RV_CYCLE_ISSUE];
}

static bool same_data(void)
{
	const void *want = box_at(boxes[APART], DATA);

	return !memcmp(box_at(boxes[TOGETHER], DATA), want, 2 * BOX_PAGE) &&
	       !memcmp(box_at(boxes[PROFILED], DATA), want, 2 * BOX_PAGE);
}

/* Try two operations with a handler of their own, as a chain or not. */
static void test(enum rv_op_id first, enum rv_op_id second, enum rv_fused handler, bool chain,
		 const char *name)
{
	unsigned int used = 0, traps = 0, wrong = 0;

	for (int i = 0; i < TRIES; i++) {
		struct outcome o[BOXES];
		uint32_t insn[2];
		uint64_t x[32] = { 0 };
		const bool forget = below(4) == 0;

		do
			insn[0] = instruction(&boxes[0]->hart, first, 0);
		while (chain && !(insn[0] >> 7 & 31));
		insn[1] = instruction(&boxes[0]->hart, second, chain ? insn[0] >> 7 & 31 : 0);
		if (chain && shapes[second].format == R && below(2))
			insn[1] = (insn[1] & 0xfe007fff) | (insn[1] >> 15 & 31) << 20 |
				  (insn[1] >> 20 & 31) << 15;
		for (unsigned int r = 8; r < 12; r++)
			x[r] = below(3) ? below(3) : next_random();
		x[9] = DATA + below(2 * BOX_PAGE);
		x[12] = CODE;
		o[TOGETHER] = run_both(boxes[TOGETHER], insn, x, forget);
		o[PROFILED] = run_both(boxes[PROFILED], insn, x, forget);
		o[APART] = run_apart(boxes[APART], insn, x, forget);
		for (unsigned int k = 0; k < 2; k++) {
			const struct rv_hart *h = &boxes[k]->hart;
			const struct rv_block *block = h->code->hash[rv_hash(CODE)];

			if (memcmp(&o[k], &o[APART], sizeof(o[k])) || !same_data())
				wrong++;
			used += block && block->pc == CODE && block->ops[0].fn == h->labels[handler];
		}
		traps += o[APART].stop == RV_STOP_TRAP;
		if (wrong)
			tap_diag("%08x %08x: pc %#llx, not %#llx", insn[0], insn[1],
				 (unsigned long long)o[TOGETHER].pc,
				 (unsigned long long)o[APART].pc);
		if (wrong)
			break;
	}
	tap_ok(!wrong && used > TRIES / 4, "%s: %u times of %u, %u traps", name, used, 2 * TRIES, traps);
}

int main(void)
{
	static const struct rv_profile_ops ops = { .sample = on_sample, .pc = on_pc };
	struct rv_profile *profile = rv_profile_new();
	struct rv_hart *h;
	uint64_t before;

	for (unsigned int k = 0; k < BOXES; k++) {
		boxes[k] = box_new(RV_MODE_USER);
		box_map(boxes[k], DATA + BOX_PAGE, 1, BOX_R | BOX_W | BOX_REMOTE);
		box_map(boxes[k], DATA + 2 * BOX_PAGE, 1, 0);
	}
	h = &boxes[PROFILED]->hart;
	profile->ops = &ops;
	profile->count = true;
	rv_set_profile(h, profile);
	rv_profile_begin(h);
	before = h->instret;
#define TEST_PAIR(first, second) \
	test(RV_OP_##first, RV_OP_##second, RV_PAIR_##first##_##second, false, #first ", " #second);
	RV_PAIRS(TEST_PAIR)
#define TEST_CHAIN(first, second)                                               \
	test(RV_OP_##first, RV_OP_##second, RV_CHAIN_##first##_##second, true, \
	     #first " to " #second);
	RV_CHAINS(TEST_CHAIN)
	rv_profile_end(h);
	rv_profile_flush(profile);
	rv_set_profile(h, NULL);
	rv_profile_free(profile);
	tap_is(issued, h->instret - before, "the profile has seen every instruction");
	for (unsigned int k = 0; k < BOXES; k++)
		box_free(boxes[k]);
	return tap_done();
}
