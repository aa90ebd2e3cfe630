/* SPDX-License-Identifier: MIT */
/*
 * Profile of a hart. Counts and samples are found in two different ways: with a sample at every cycle
 * the two must agree for each address and each cause. Sums must be the hart's own counters,
 * and nothing may change for the program.
 */
#include <stdlib.h>
#include <string.h>

#include "fw_code.h"
#include "rv_box.h"
#include "rv_profile.h"
#include "tap.h"

BOX_GUEST(prog_sha_o2);
BOX_GUEST(prog_sort_oz);
BOX_GUEST(prog_float_o2);
BOX_GUEST(prog_mix_o2);
BOX_GUEST(prog_vector_v);

/* What was handed out: cycles by address and cause, and the sequence of samples. */
#define MAX_PCS (1u << 14)
struct result {
	uint64_t pcs;
	struct rv_profile_pc pc[MAX_PCS];	/* counts; several flushes are added up */
	struct rv_profile_pc sampled[MAX_PCS]; /* points; same order of entries */
	uint64_t points, period_error;
	uint64_t hash; /* of all that was handed out, in order */
	bool ordered; /* counts came by ascending address, samples by time */
	uint64_t last_pc, last_time, flushes;
};

static void hash_add(struct result *r, uint64_t value)
{
	r->hash = (r->hash ^ value) * 0x100000001b3ull;
}

static unsigned int entry(struct result *r, uint64_t pc)
{
	for (unsigned int i = 0; i < r->pcs; i++)
		if (r->pc[i].pc == pc)
			return i;
	if (r->pcs == MAX_PCS) {
		printf("Bail out! too many addresses\n");
		exit(1);
	}
	r->pc[r->pcs].pc = pc;
	r->sampled[r->pcs].pc = pc;
	return r->pcs++;
}

static void on_pc(void *opaque, const struct rv_profile_pc *pc)
{
	struct result *r = opaque;
	const unsigned int i = entry(r, pc->pc);

	if (pc->pc <= r->last_pc)
		r->flushes++; /* a new one begins */
	r->last_pc = pc->pc;
	hash_add(r, pc->pc);
	for (unsigned int c = 0; c < RV_PROFILE_CAUSES; c++) {
		r->pc[i].cycles[c] += pc->cycles[c];
		hash_add(r, pc->cycles[c]);
	}
}

static void on_sample(void *opaque, const struct rv_profile_sample *sample)
{
	struct result *r = opaque;

	r->ordered &= !r->points || sample->time > r->last_time;
	r->last_time = sample->time;
	r->points += sample->count;
	r->sampled[entry(r, sample->pc)].cycles[sample->cause] += sample->count;
	hash_add(r, sample->time);
	hash_add(r, sample->count);
	hash_add(r, sample->pc ^ (uint64_t)sample->cause << 60);
}

static const struct rv_profile_ops ops = {.sample = on_sample, .pc = on_pc};

struct program {
	const char *name;
	const uint8_t *code;
	const uint64_t *size;
	uint64_t seed;
};
#define PROGRAM(name, seed) {#name, guest_prog_##name, &guest_prog_##name##_size, seed}
static const struct program programs[] = {
	PROGRAM(sha_o2, 100),	PROGRAM(sort_oz, 77), PROGRAM(float_o2, 3),
	PROGRAM(mix_o2, 2), PROGRAM(vector_v, 3),
};

/* Everything that a hart counts, and what the program left. */
struct totals {
	uint64_t counters[16], result, memory;
};

static struct totals totals(struct box *box)
{
	const struct rv_hart *h = &box->hart;
	struct totals t = {.counters = {h->cycles, h->instret, h->loads, h->stores, h->remote,
					h->branches, h->fp, h->tlb_misses, h->stall_exec,
					h->stall_memory, h->tlb_cycles, h->vector, h->vector_bytes,
					h->vector_sram, h->vector_remote, h->stall_vector},
			   .result = h->x[10],
			   .memory = 1};

	for (uint64_t i = 0; i < BOX_PAGES * BOX_PAGE; i++)
		t.memory = (t.memory ^ box->memory[i]) * 0x100000001b3ull;
	return t;
}

struct how {
	uint64_t budget;
	uint32_t period;
	bool jitter, profile, disturb;
};

/* Run a program; *r (if profiled) gets what comes out. */
static struct totals run(const struct program *program, const struct how *how, struct result *r)
{
	struct box *box = box_new(RV_MODE_USER);
	struct rv_hart *h = &box->hart;
	struct rv_profile *profile = NULL;
	enum rv_stop stop;
	struct totals t;

	if (rv_set_vlen(h, 256))
		exit(1);
	box_put(box, BOX_BASE, program->code, *program->size);
	for (unsigned int i = 0; i < BOX_PAGES; i++)
		if (i % 3 == 1)
			box->flags[i] |= BOX_REMOTE;
	rv_reset(h, BOX_BASE);
	h->x[10] = program->seed;
	if (how->profile) {
		memset(r, 0, sizeof(*r));
		r->ordered = true;
		profile = rv_profile_new();
		profile->ops = &ops;
		profile->opaque = r;
		profile->count = true;
		profile->period = how->period;
		profile->jitter = how->jitter;
		profile->base = 123456789;
		rv_set_profile(h, profile);
		rv_profile_begin(h);
		rv_profile_start(h, BOX_BASE, 16);
	}
	h->cycles += 16;
	do {
		stop = rv_run(h, how->budget);
		if (how->disturb) {
			rv_flush_tlb(h);
			rv_fence_i(h);
		}
	} while (stop == RV_STOP_BUDGET);
	if (stop != RV_STOP_ENV)
		tap_diag("%s stopped early", program->name);
	if (profile) {
		rv_profile_end(h);
		r->period_error = profile->now != h->cycles;
		rv_profile_flush(profile);
		rv_set_profile(h, NULL);
		rv_profile_free(profile);
	}
	t = totals(box);
	box_free(box);
	return t;
}

static uint64_t sum(const struct result *r, enum rv_profile_cause cause)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < r->pcs; i++)
		total += r->pc[i].cycles[cause];
	return total;
}

/* Every cycle is somewhere, and under the hart's own name for it. */
static bool conserved(const struct result *r, const struct totals *t)
{
	return sum(r, RV_CYCLE_ISSUE) == t->counters[1] && sum(r, RV_CYCLE_EXEC) == t->counters[8] &&
	       sum(r, RV_CYCLE_VECTOR) == t->counters[15] &&
	       sum(r, RV_CYCLE_MEMORY) == t->counters[9] && sum(r, RV_CYCLE_TLB) == t->counters[10] &&
	       sum(r, RV_CYCLE_START) == 16 &&
	       t->counters[0] == t->counters[1] + t->counters[8] + t->counters[9] +
					 t->counters[10] + t->counters[15] + 16;
}

static bool samples_agree(const struct result *r)
{
	for (unsigned int i = 0; i < r->pcs; i++)
		if (memcmp(&r->pc[i], &r->sampled[i], sizeof(r->pc[i]))) {
			tap_diag("at 0x%llx: %llu cycles issue and %llu sampled",
				 (long long)r->pc[i].pc, (long long)r->pc[i].cycles[0],
				 (long long)r->sampled[i].cycles[0]);
			return false;
		}
	return true;
}

static void test_program(const struct program *program)
{
	static struct result every, r;
	const struct totals plain = run(program, &(struct how){.budget = 1000000}, NULL);
	struct totals t;
	uint64_t points;

	t = run(program, &(struct how){.budget = 1000000, .profile = true, .period = 1}, &every);
	tap_ok(!memcmp(&t, &plain, sizeof(t)), "%s: the profile changes nothing", program->name);
	tap_ok(conserved(&every, &t) && !every.period_error, "%s: every cycle has its address and cause",
	       program->name);
	tap_ok(samples_agree(&every) && every.points == t.counters[0],
	       "%s: a sample at each cycle finds the same", program->name);

	t = run(program, &(struct how){.budget = 1, .profile = true, .period = 1, .disturb = true}, &r);
	tap_ok(r.hash == every.hash && !memcmp(&t, &plain, sizeof(t)),
	       "%s: the same, cut up and with all forgotten in between", program->name);

	t = run(program, &(struct how){.budget = 1000000, .profile = true, .period = 997}, &r);
	points = (123456789 + t.counters[0] - 1) / 997 - (123456789 - 1) / 997;
	tap_ok(r.points == points && r.ordered && conserved(&r, &t),
	       "%s: a sample every 997 cycles of the time line", program->name);

	t = run(program, &(struct how){.budget = 1000000, .profile = true, .period = 997, .jitter = true},
		&r);
	tap_ok(r.points + 1 >= points && r.points <= points + 1 && r.ordered && conserved(&r, &t),
	       "%s: with jitter one in each 997", program->name);
	every.hash = r.hash;
	t = run(program, &(struct how){.budget = 100, .profile = true, .period = 997, .jitter = true}, &r);
	tap_ok(r.hash == every.hash, "%s: jitter is the same in each run", program->name);
}

/* ---- by hand ------------------------------------------------------------------------------- */

static struct rv_profile *attach(struct box *box, struct result *r, uint32_t period)
{
	struct rv_profile *p = rv_profile_new();

	memset(r, 0, sizeof(*r));
	r->ordered = true;
	p->ops = &ops;
	p->opaque = r;
	p->count = true;
	p->period = period;
	p->wait[0] = &box->waited;
	rv_set_profile(&box->hart, p);
	rv_profile_begin(&box->hart);
	return p;
}

static void detach(struct box *box, struct rv_profile *p)
{
	rv_profile_end(&box->hart);
	rv_profile_flush(p);
	rv_set_profile(&box->hart, NULL);
	rv_profile_free(p);
}

/* A loop of known length with a remote load, a wait, and at its end a trap in the middle of a block. */
static void test_known(void)
{
	static struct result r;
	struct box *box = box_new(RV_MODE_USER);
	const uint64_t far = BOX_BASE + 16 * BOX_PAGE;
	uint64_t at = BOX_BASE, loop;
	struct rv_profile *p;
	uint64_t in_loop, after;

	box_map(box, far, 1, BOX_R | BOX_REMOTE);
	box->custom_stall = 1000;
	box_put32(box, &at, ADDI(T0, X0, 5));
	loop = at;
	box_put32(box, &at, LW(T1, A0, 0));
	box_put32(box, &at, 0x2b | T2 << 7); /* custom-1: waits */
	in_loop = at;
	box_put32(box, &at, ADDI(T0, T0, -1));
	box_put32(box, &at, 0xfe029ae3); /* bnez t0, loop: 12 back */
	after = at;
	box_put32(box, &at, ADDI(T1, T1, 1));
	box_put32(box, &at, LW(T1, X0, 0)); /* faults */
	box_put32(box, &at, ADDI(T1, T1, 1));
	box->hart.x[10] = far;
	p = attach(box, &r, 1);
	tap_is(box_run(box, BOX_BASE), RV_STOP_TRAP, "the program traps");
	detach(box, p);
	tap_is(r.pc[entry(&r, loop)].cycles[RV_CYCLE_ISSUE], 5, "the loop runs five times");
	tap_is(r.pc[entry(&r, loop)].cycles[RV_CYCLE_MEMORY],
	       5 * (rv_costs_default.load_remote - rv_costs_default.load_sram),
	       "its load waits for memory each time");
	tap_is(r.pc[entry(&r, loop)].cycles[RV_CYCLE_TLB], rv_costs_default.tlb_walk,
	       "and for a walk once");
	tap_is(r.pc[entry(&r, loop + 4)].cycles[RV_CYCLE_WAIT], 5 * 1000, "waits have a cause of their own");
	tap_is(r.pc[entry(&r, in_loop + 4)].cycles[RV_CYCLE_EXEC],
	       4 * (rv_costs_default.branch_taken - rv_costs_default.alu), "the branch is taken four times");
	tap_is(r.pc[entry(&r, after)].cycles[RV_CYCLE_ISSUE], 1, "what comes before a trap retires");
	tap_is(r.pc[entry(&r, after + 4)].cycles[RV_CYCLE_ISSUE], 0, "what traps does not");
	tap_is(r.pc[entry(&r, after + 8)].cycles[RV_CYCLE_ISSUE], 0, "nor what follows");
	tap_is(r.points, box->hart.cycles, "a sample for each cycle");
	tap_ok(samples_agree(&r), "samples agree, waits and traps included");
	box_free(box);
}

/* More code than the table holds: counts come in several parts, and nothing is lost between them. */
static void test_full(void)
{
	static struct result r, again;
	struct totals t;

	for (unsigned int round = 0; round < 2; round++) {
		struct box *box = box_new(RV_MODE_USER);
		struct result *to = round ? &again : &r;
		uint64_t at = BOX_BASE;
		struct rv_profile *p = attach(box, to, 64);
		enum rv_stop stop;

		for (unsigned int i = 0; i < 9000; i++) {
			box_put32(box, &at, ADDI(T0, T0, 1));
			if (i % 9 == 8)
				box_put32(box, &at, 0x0040006f); /* j .+4 */
		}
		box_put32(box, &at, 0x0b);
		rv_reset(&box->hart, BOX_BASE);
		for (unsigned int pass = 0; pass < 3; pass++) {
			box->hart.pc = BOX_BASE;
			do
				stop = rv_run(&box->hart, round ? 7 : 100000);
			while (stop == RV_STOP_BUDGET);
		}
		detach(box, p);
		t = totals(box);
		box_free(box);
	}
	tap_ok(r.flushes >= 3, "the table is handed out when it is full");
	tap_ok(sum(&r, RV_CYCLE_ISSUE) == t.counters[1] && t.counters[1] == 3 * 10001 &&
		       sum(&r, RV_CYCLE_EXEC) == t.counters[8],
	       "nothing is lost between two parts");
	tap_is(again.hash, r.hash, "where it is full does not depend on the host");
}

/* Only what runs while the profile is there is in it; the program does not notice. */
static void test_middle(void)
{
	static struct result r;
	const struct program *program = &programs[0];
	const struct totals plain = run(program, &(struct how){.budget = 1000000}, NULL);
	struct box *box = box_new(RV_MODE_USER);
	struct rv_hart *h = &box->hart;
	uint64_t before, after;
	struct rv_profile *p;
	struct totals t;

	box_put(box, BOX_BASE, program->code, *program->size);
	for (unsigned int i = 0; i < BOX_PAGES; i++)
		if (i % 3 == 1)
			box->flags[i] |= BOX_REMOTE;
	rv_reset(h, BOX_BASE);
	h->x[10] = program->seed;
	h->cycles += 16;
	rv_run(h, 5000);
	before = h->cycles;
	p = attach(box, &r, 1);
	rv_run(h, 5000);
	after = h->cycles;
	detach(box, p);
	while (rv_run(h, 1000) == RV_STOP_BUDGET)
		;
	t = totals(box);
	tap_ok(!memcmp(&t, &plain, sizeof(t)), "a profile that comes and goes changes nothing");
	tap_ok(after > before && r.points == after - before && samples_agree(&r),
	       "it has what happened in between");
	box_free(box);
}

/* A wait of 2^60 cycles is one sample, found at once. */
static void test_long(void)
{
	static struct result r;
	struct box *box = box_new(RV_MODE_USER);
	uint64_t at = BOX_BASE;
	struct rv_profile *p;

	box->custom_stall = 1ull << 60;
	box_put32(box, &at, 0x2b | T2 << 7);
	box_put32(box, &at, 0x0b);
	p = attach(box, &r, 1000);
	p->jitter = true;
	box_run(box, BOX_BASE);
	detach(box, p);
	tap_ok(r.points + 1 >= (1ull << 60) / 1000 && r.points <= (1ull << 60) / 1000 + 2,
	       "a long wait is sampled as one");
	box_free(box);
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		test_program(&programs[i]);
	test_known();
	test_full();
	test_middle();
	test_long();
	return tap_done();
}
