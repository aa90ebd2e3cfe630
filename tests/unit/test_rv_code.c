// SPDX-License-Identifier: MIT
/*
 * Code and the cache of decoded blocks: precise traps, self-modifying code, remapping, execute
 * permission, instructions on two pages, jumps into the middle of things, more code than the
 * cache holds, and random bytes as programs.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "rv_piece.h"
#include "tap.h"
#include "xorshift.h"

#define CODE (BOX_BASE + 128 * BOX_PAGE)

#define LI_A0(n) (0x00000513u | (uint32_t)(n) << 20) /* addi a0, zero, n */
#define RET	 0x00008067u
#define STOP	 0x0000000bu
#define NOP	 0x00000013u
#define C_NOP	 0x0001u

static uint64_t random_state = 0xd1342543de82ef95;

static uint64_t next_random(void)
{
	return xorshift64(&random_state);
}

/* The piece traps at its third instruction. */
static void trap_of(struct box *box, const char *name, enum rv_cause cause, uint64_t value)
{
	struct rv_hart *h = &box->hart;
	uint64_t n = h->instret, pc = piece(name);
	uint64_t at = pc + (name[0] == 'c' && name[1] == '.' && name[2] == 'e' ? 4 : 8);
	enum rv_stop stop = box_run(box, pc);

	if (!tap_ok(stop == RV_STOP_TRAP && h->trap_cause == cause && h->trap_value == value &&
			    h->pc == at && h->instret == n + 2 && h->x[5] == 1 && h->x[6] == 1 &&
			    h->x[7] == 0,
		    "trap: %s", name))
		tap_diag("stop %d cause %u value %#llx pc %+lld", stop, h->trap_cause,
			 (unsigned long long)h->trap_value, (long long)(h->pc - pc));
}

static void test_traps(struct box *box)
{
	trap_of(box, "ecall", RV_ECALL_U, 0);
	trap_of(box, "ebreak", RV_BREAKPOINT, piece("ebreak") + 8);
	trap_of(box, "c.ebreak", RV_BREAKPOINT, piece("c.ebreak") + 4);
	trap_of(box, "zeros", RV_ILLEGAL, 0);
	trap_of(box, "c.illegal", RV_ILLEGAL, 0);
	trap_of(box, "ones", RV_ILLEGAL, 0xffffffff);
	trap_of(box, "vector", RV_ILLEGAL, 0x0d0072d7);
	trap_of(box, "wfi", RV_ILLEGAL, 0x10500073);
	trap_of(box, "mret", RV_ILLEGAL, 0x30200073);
	trap_of(box, "sret", RV_ILLEGAL, 0x10200073);
	trap_of(box, "mstatus", RV_ILLEGAL, 0x30002573);
	trap_of(box, "write cycle", RV_ILLEGAL, 0xc0051073);
	trap_of(box, "no csr", RV_ILLEGAL, 0x7c002573);
	trap_of(box, "no user csr", RV_ILLEGAL, 0xcc902573);
	trap_of(box, "custom illegal", RV_ILLEGAL, 0x00c5857b);
	box->hart.x[11] = 0x1234;
	trap_of(box, "custom fault", RV_LOAD_ACCESS, 0x1234);
}

static void test_fetch(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t va = CODE + 2 * BOX_PAGE - 2, n;
	enum rv_stop stop;

	h->x[11] = 0x9000;
	n = h->instret;
	stop = box_run(box, piece("jump"));
	tap_ok(stop == RV_STOP_TRAP && h->trap_cause == RV_INSN_PAGE_FAULT && h->pc == 0x9000 &&
		       h->trap_value == 0x9000 && h->instret == n + 3,
	       "a jump to nowhere faults there, after the jump");
	h->x[11] = CODE + 1;
	box_put(box, CODE, (uint32_t[]){ STOP }, 4);
	tap_ok(box_run(box, piece("jump")) == RV_STOP_ENV, "jalr ignores the lowest bit");
	box_map(box, CODE, 1, BOX_R | BOX_W);
	stop = box_run(box, CODE);
	tap_ok(stop == RV_STOP_TRAP && h->trap_cause == RV_INSN_PAGE_FAULT && h->pc == CODE,
	       "a page that is not executable");
	box_map(box, CODE, 1, BOX_X | BOX_DEVICE);
	stop = box_run(box, CODE);
	tap_ok(stop == RV_STOP_TRAP && h->trap_cause == RV_INSN_ACCESS && h->trap_value == CODE,
	       "a device holds no code");
	box_map(box, CODE, 4, BOX_R | BOX_W | BOX_X);

	/* A 4-byte instruction on two pages. */
	box_put32(box, &va, LI_A0(99));
	box_put32(box, &va, STOP);
	tap_ok(box_run(box, CODE + 2 * BOX_PAGE - 2) == RV_STOP_ENV && h->x[10] == 99 &&
		       h->pc == CODE + 2 * BOX_PAGE + 6,
	       "an instruction on two pages");
	/* The same, reached by falling through, and the second page gone. */
	va = CODE + 2 * BOX_PAGE - 4;
	box_put16(box, &va, C_NOP);
	tap_ok(box_run(box, CODE + 2 * BOX_PAGE - 4) == RV_STOP_ENV && h->x[10] == 99,
	       "reached from the instruction before");
	box_map(box, CODE + 2 * BOX_PAGE, 1, 0);
	n = h->instret;
	stop = box_run(box, CODE + 2 * BOX_PAGE - 4);
	tap_ok(stop == RV_STOP_TRAP && h->trap_cause == RV_INSN_PAGE_FAULT &&
		       h->pc == CODE + 2 * BOX_PAGE - 2 && h->trap_value == CODE + 2 * BOX_PAGE &&
		       h->instret == n + 1,
	       "with its second page gone: pc of the instruction, value of the page");
	/* Its parts on pages that are remapped one by one. */
	box_map(box, CODE + 2 * BOX_PAGE, 2, BOX_R | BOX_W | BOX_X);
	memcpy(box_at(box, CODE + 3 * BOX_PAGE), box_at(box, CODE + 2 * BOX_PAGE), BOX_PAGE);
	/* The upper half of the immediate's instruction: another number. */
	memcpy(box_at(box, CODE + 3 * BOX_PAGE), (uint16_t[]){ 55 << 4 }, 2);
	box->frame[130] = 131;
	rv_flush_tlb(h);
	tap_ok(box_run(box, CODE + 2 * BOX_PAGE - 2) == RV_STOP_ENV && h->x[10] == 55,
	       "with its second page mapped elsewhere");
	box->frame[130] = 130;
	rv_flush_tlb(h);
}

static void test_modified(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t va = CODE;

	box_put32(box, &va, LI_A0(1));
	box_put32(box, &va, RET);
	h->x[11] = CODE;
	h->x[12] = LI_A0(2);
	tap_ok(box_run(box, piece("patch")) == RV_STOP_ENV && h->x[9] == 1 && h->x[19] == 2,
	       "a store to code is seen after fence.i");
	tap_ok(h->x[18] == 1, "and not before: what was decoded stays");
	tap_ok(box_run(box, piece("patch self")) == RV_STOP_ENV && h->x[10] == 77,
	       "code that patches what follows in its own block");
	/* Written by someone else. */
	va = CODE;
	box_put32(box, &va, LI_A0(3));
	box_put32(box, &va, STOP);
	box_run(box, CODE);
	tap_is(h->x[10], 3, "a new run sees what was written since");
	va = CODE;
	box_put32(box, &va, LI_A0(4));
	h->pc = CODE;
	rv_run(h, 10);
	tap_is(h->x[10], 3, "going on does not");
	rv_fence_i(h);
	h->pc = CODE;
	rv_run(h, 10);
	tap_is(h->x[10], 4, "until rv_fence_i()");
	/* Another page at the same address. */
	va = CODE + BOX_PAGE;
	box_put32(box, &va, LI_A0(5));
	box_put32(box, &va, STOP);
	box->frame[128] = 129;
	rv_flush_tlb(h);
	h->pc = CODE;
	rv_run(h, 10);
	tap_is(h->x[10], 5, "a page that was mapped elsewhere");
	box->frame[128] = 128;
	box->flags[128] = BOX_R | BOX_W;
	rv_flush_tlb(h);
	h->pc = CODE;
	tap_ok(rv_run(h, 10) == RV_STOP_TRAP && h->trap_cause == RV_INSN_PAGE_FAULT,
	       "a page that lost its permission after it was run");
	box->flags[128] = BOX_R | BOX_W | BOX_X;
	rv_flush_tlb(h);
}

/* What a block leads to is looked at again, too, even if the block itself is as it was. */
static void test_modified_successor(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t va = CODE;

	box_put32(box, &va, NOP);
	box_put32(box, &va, 0x0080006f); /* j . + 8 */
	box_put32(box, &va, NOP);
	box_put32(box, &va, LI_A0(6));
	box_put32(box, &va, STOP);
	h->x[10] = 0;
	box_run(box, CODE);
	box_run(box, CODE);
	tap_is(h->x[10], 6, "a jump");
	va = CODE + 12;
	box_put32(box, &va, LI_A0(7));
	box_run(box, CODE);
	tap_is(h->x[10], 7, "the same jump to code that was changed");
}

/* Jumps through count pages, rounds times. Returns modelled misses. */
static uint64_t hop(struct box *box, unsigned int count, uint64_t rounds)
{
	struct rv_hart *h = &box->hart;
	uint64_t va = CODE, misses = h->tlb_misses;

	for (unsigned int i = 0; i + 1 < count; i++) {
		va = CODE + i * BOX_PAGE;
		box_put32(box, &va, 0x0000106f); /* j . + 4096 */
	}
	va = CODE + (count - 1) * BOX_PAGE;
	box_put32(box, &va, 0xfff68693); /* addi a3, a3, -1 */
	box_put32(box, &va, 0x00068463); /* beqz a3, . + 8 */
	box_put32(box, &va, 0x00058067); /* jr a1 */
	box_put32(box, &va, STOP);
	rv_reset(h, CODE);
	h->x[11] = CODE;
	h->x[13] = rounds;
	return box_continue(box, 3) == RV_STOP_ENV ? h->tlb_misses - misses : ~0ull;
}

static void test_model(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t va, misses;

	box_map(box, CODE, 64, BOX_R | BOX_W | BOX_X);
	tap_is(hop(box, 40, 10), 0, "local code needs no modelled TLB");
	box_map(box, CODE, 64, BOX_R | BOX_W | BOX_X | BOX_REMOTE);
	tap_is(hop(box, 32, 10), 32, "a modelled miss per page of code");
	rv_flush_tlb(h);
	tap_is(hop(box, 32, 10), 0, "32 pages fit, and host flushes are not seen");
	rv_reset_tlb(h);
	tap_is(hop(box, 33, 10), 33 + 9 * 2, "33 pages do not");
	rv_reset_tlb(h);
	va = CODE + 2 * BOX_PAGE - 2;
	box_put32(box, &va, NOP);
	box_put32(box, &va, STOP);
	misses = h->tlb_misses;
	box_run(box, CODE + 2 * BOX_PAGE - 2);
	tap_is(h->tlb_misses - misses, 2, "an instruction on two pages looks up both");
	box_map(box, CODE, 64, BOX_R | BOX_W | BOX_X);
}

/* Enter the same bytes at every even address, and compare with what each should do. */
static void test_overlap(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t va = CODE;
	bool good = true;

	/* lui a0, 0x05550 is, from its middle, c.li a0, -11 or the like: 0x0555 */
	box_put32(box, &va, 0x05550537);
	box_put32(box, &va, STOP);
	good &= box_run(box, CODE) == RV_STOP_ENV && h->x[10] == 0x5550000;
	good &= box_run(box, CODE + 2) == RV_STOP_ENV && h->x[10] == 0x15 + 0x5550000;
	good &= box_run(box, CODE) == RV_STOP_ENV && h->x[10] == 0x5550000;
	tap_ok(good, "an instruction inside of an instruction");
}

/* Straight code that fills half the address space, several times over. */
static void test_much_code(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t va = CODE, n, insns = 0;

	while (va < BOX_END - 16) {
		/* A jump every few instructions makes many small blocks. */
		box_put32(box, &va, 0x00150513); /* addi a0, a0, 1 */
		box_put32(box, &va, 0x0040006f); /* j . + 4 */
		insns += 2;
	}
	box_put32(box, &va, STOP);
	for (unsigned int i = 0; i < 3; i++) {
		n = h->instret;
		h->x[10] = 0;
		if (box_run(box, CODE) != RV_STOP_ENV || h->x[10] != insns / 2 ||
		    h->instret - n != insns + 1) {
			tap_ok(false, "more code than the cache holds");
			return;
		}
	}
	tap_ok(true, "more code than the cache holds");
}

static void *stop_later(void *arg)
{
	struct rv_hart *h = arg;

	__atomic_store_n(&h->interrupt_run, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void test_stop(struct box *box)
{
	struct rv_hart *h = &box->hart;
	pthread_t thread;
	uint64_t n;

	rv_reset(h, piece("spin"));
	h->interrupt_run = 0;
	if (pthread_create(&thread, NULL, stop_later, h)) {
		tap_ok(false, "no thread");
		return;
	}
	/* Without the other thread this would never return. */
	tap_ok(rv_run(h, UINT64_MAX) == RV_STOP_BUDGET, "another thread ends an endless loop");
	pthread_join(thread, NULL);
	n = h->instret;
	rv_run(h, 1);
	tap_ok(h->instret - n == 1, "a budget of one is one instruction where blocks are that short");
	rv_run(h, 0);
	tap_ok(h->instret - n == 1, "a budget of none is none");
	rv_reset(h, piece("count"));
	n = h->instret;
	rv_run(h, 100000);
	tap_ok(h->instret - n >= 100000 && h->instret - n < 100000 + RV_BLOCK_MAX,
	       "a budget is overshot by less than a block");
}

static uint64_t hash(const void *data, size_t size, uint64_t h)
{
	const uint8_t *p = data;

	while (size--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

/* Run random code to its trap; the state afterwards, hashed. */
static uint64_t run_noise(const uint8_t *noise, size_t size, uint64_t budget)
{
	struct box *box = box_new(RV_MODE_USER);
	struct rv_hart *h = &box->hart;
	enum rv_stop stop;
	uint64_t result, limit = 20000;

	box_put(box, CODE, noise, size);
	for (unsigned int i = 0; i < BOX_PAGES; i++)
		box->flags[i] = i % 7 == 3 ? 0 : i % 5 == 2 ? BOX_R | BOX_X :
			       i % 11 == 7		    ? BOX_R | BOX_W | BOX_DEVICE :
							      BOX_R | BOX_W | BOX_X | BOX_REMOTE;
	rv_reset(h, CODE);
	/* Registers that make good addresses. */
	for (unsigned int i = 1; i < 32; i++)
		h->x[i] = i % 3 ? CODE + i * 1000 : BOX_BASE + i * 100;
	do {
		stop = rv_run(h, budget);
		if (stop == RV_STOP_ENV)
			stop = RV_STOP_BUDGET;
		/* Where a long run is left depends on the budget: its end says nothing. */
		if (h->instret >= limit)
			stop = RV_STOP_BUDGET;
	} while (stop == RV_STOP_BUDGET && h->instret < limit);
	result = hash(&stop, sizeof(stop), 0xcbf29ce484222325);
	if (stop != RV_STOP_BUDGET) {
		uint64_t counts[] = { h->pc, h->cycles, h->instret, h->loads, h->stores, h->remote,
				      h->branches, h->fp, h->tlb_misses, h->stall_exec,
				      h->stall_memory, h->tlb_cycles, h->trap_cause,
				      h->trap_value, h->fflags, h->frm };

		result = hash(counts, sizeof(counts), result);
		result = hash(h->x, 32 * 8, result);
		result = hash(h->f, 32 * 8, result);
		result = hash(box->memory, BOX_PAGES * BOX_PAGE, result);
	}
	box_free(box);
	return result;
}

/* An instruction that is likely to do something. */
static uint32_t likely_insn(void)
{
	static const uint8_t opcodes[] = { 0x03, 0x07, 0x0b, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27,
					   0x2b, 0x2f, 0x33, 0x37, 0x3b, 0x43, 0x53, 0x63, 0x63,
					   0x67, 0x6f, 0x73, 0x13, 0x33, 0x03, 0x23 };
	uint32_t insn = (uint32_t)next_random();

	if (next_random() % 3 == 0)
		return insn & ~3u; /* compressed, two of them perhaps */
	insn = (insn & ~0x7fu) | opcodes[next_random() % sizeof(opcodes)];
	if ((insn & 0x7f) == 0x33 || (insn & 0x7f) == 0x3b)
		insn &= 0x03ffffff;
	if ((insn & 0x7f) == 0x63) /* short, even */
		insn &= 0x01fff3ff;
	if ((insn & 0x7f) == 0x03 || (insn & 0x7f) == 0x23 || (insn & 0x7f) == 0x13)
		insn &= 0x3fffffff;
	return insn;
}

static void test_noise(unsigned int programs)
{
	static uint8_t noise[8192];
	static const uint64_t budgets[] = { 1, 7, 1000, 1000000 };
	bool good = true;

	for (unsigned int i = 0; i < programs; i++) {
		uint64_t want;

		for (unsigned int k = 0; k < sizeof(noise); k += 4) {
			uint32_t word = i & 1 ? likely_insn() : (uint32_t)next_random();

			memcpy(noise + k, &word, 4);
		}
		want = run_noise(noise, sizeof(noise), 100000);
		for (unsigned int b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++)
			if (run_noise(noise, sizeof(noise), budgets[b]) != want) {
				tap_diag("program %u, budget %llu", i,
					 (unsigned long long)budgets[b]);
				good = false;
			}
	}
	tap_ok(good, "%u random programs end alike under all budgets", programs);
}

int main(int argc, char **argv)
{
	struct box *box = box_new(RV_MODE_USER);

	piece_load(box);
	test_traps(box);
	test_fetch(box);
	test_modified(box);
	test_modified_successor(box);
	test_model(box);
	test_overlap(box);
	test_stop(box);
	test_much_code(box);
	box_free(box);
	/* More random programs than by default, for a longer look. */
	test_noise(argc > 1 ? (unsigned int)atoi(argv[1]) : 200);
	return tap_done();
}
