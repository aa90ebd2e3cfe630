// SPDX-License-Identifier: MIT
/*
 * C programs, compiled for speed and for size, against the same source compiled for this machine.
 * Counters must be the same however the run is cut up and whatever is forgotten on the way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"
#include "tap.h"

uint64_t native_prog_sha(uint64_t seed);
uint64_t native_prog_sort(uint64_t seed);
uint64_t native_prog_float(uint64_t seed);
uint64_t native_prog_mix(uint64_t seed);
BOX_GUEST(prog_sha_o2);
BOX_GUEST(prog_sha_oz);
BOX_GUEST(prog_sort_o2);
BOX_GUEST(prog_sort_oz);
BOX_GUEST(prog_float_o2);
BOX_GUEST(prog_float_oz);
BOX_GUEST(prog_mix_o2);
BOX_GUEST(prog_mix_oz);

struct program {
	const char *name;
	uint64_t (*native)(uint64_t seed);
	const uint8_t *code;
	const uint64_t *size;
};

#define PROGRAM(name, how)                                                                  \
	{ #name " -" #how, native_prog_##name, guest_prog_##name##_##how,                   \
	  &guest_prog_##name##_##how##_size }

static const struct program programs[] = {
	PROGRAM(sha, o2),  PROGRAM(sha, oz),   PROGRAM(sort, o2),
	PROGRAM(sort, oz), PROGRAM(float, o2), PROGRAM(float, oz),
	PROGRAM(mix, o2),  PROGRAM(mix, oz),
};

/* How much work a run does; enough for every counter to move. */
#define SEED(p) ((p)->native == native_prog_mix ? 2 : 12345)

struct totals {
	uint64_t result, cycles, instret, loads, stores, remote, branches, fp, tlb_misses;
	uint64_t stall_exec, stall_memory, tlb_cycles;
};

/* What happens between two calls of rv_run(). */
enum disturbance { NOTHING, FLUSH, FENCE_I, INTERRUPT };

static struct totals run(const struct program *program, uint64_t seed, uint64_t budget,
			 enum disturbance disturbance)
{
	struct box *box = box_new(RV_MODE_USER);
	struct rv_hart *h = &box->hart;
	struct totals t;
	bool interrupted = false;
	enum rv_stop stop;

	box_put(box, BOX_BASE, program->code, *program->size);
	/* Some of everything: code and data at home and away. */
	for (unsigned int i = 0; i < BOX_PAGES; i++)
		if (i % 3 == 1)
			box->flags[i] |= BOX_REMOTE;
	rv_reset(h, BOX_BASE);
	h->x[10] = seed;
	do {
		stop = rv_run(h, budget);
		if (disturbance == FLUSH)
			rv_flush_tlb(h);
		else if (disturbance == FENCE_I)
			rv_fence_i(h);
		else if (disturbance == INTERRUPT && (interrupted = !interrupted))
			__atomic_store_n(&h->interrupt_run, 1, __ATOMIC_RELEASE);
	} while (stop == RV_STOP_BUDGET && h->instret < 100000000);
	t = (struct totals){ .result = stop == RV_STOP_ENV ? h->x[10] : ~h->trap_value,
			     .cycles = h->cycles,
			     .instret = h->instret,
			     .loads = h->loads,
			     .stores = h->stores,
			     .remote = h->remote,
			     .branches = h->branches,
			     .fp = h->fp,
			     .tlb_misses = h->tlb_misses,
			     .stall_exec = h->stall_exec,
			     .stall_memory = h->stall_memory,
			     .tlb_cycles = h->tlb_cycles };
	box_free(box);
	return t;
}

static void test_result(const struct program *p)
{
	bool good = true;

	for (uint64_t seed = 1; seed < 40 && good; seed++) {
		uint64_t s = p->native == native_prog_mix ? seed % 4 : seed * 7919 % 100003;
		uint64_t want = p->native(s);
		uint64_t got = run(p, s, UINT64_MAX, NOTHING).result;

		good = got == want;
		if (!good)
			tap_diag("seed %llu: got %#llx, want %#llx", (unsigned long long)s,
				 (unsigned long long)got, (unsigned long long)want);
	}
	tap_ok(good, "%s: the result is the native one", p->name);
}

static void test_determinism(const struct program *p)
{
	static const uint64_t budgets[] = { 1, 7, 63, 1000, 1000000 };
	struct totals want = run(p, SEED(p), UINT64_MAX, NOTHING), got;
	bool good = true;

	for (unsigned int i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
		for (int d = NOTHING; d <= FENCE_I; d++) {
			if (d != NOTHING && budgets[i] == 1)
				continue; /* slow, and no more than 7 tells */
			got = run(p, SEED(p), budgets[i], (enum disturbance)d);
			if (memcmp(&got, &want, sizeof(got))) {
				tap_diag("budget %llu, disturbance %d: %llu cycles, not %llu",
					 (unsigned long long)budgets[i], d,
					 (unsigned long long)got.cycles,
					 (unsigned long long)want.cycles);
				good = false;
			}
		}
	tap_ok(good, "%s: counters do not depend on budgets and flushes", p->name);
	tap_ok(want.cycles == want.instret + want.stall_exec + want.stall_memory + want.tlb_cycles,
	       "%s: cycles add up", p->name);
	tap_ok(want.remote && want.tlb_misses && want.branches && want.loads && want.stores &&
		       want.tlb_cycles == want.tlb_misses * rv_costs_default.tlb_walk &&
		       (want.fp != 0) == (strstr(p->name, "float") != NULL),
	       "%s: every counter counts", p->name);
}

/* interrupt_run that is set while the hart does not run ends the next run before it begins. */
static void test_interrupt_run(const struct program *p)
{
	struct totals want = run(p, SEED(p), UINT64_MAX, NOTHING);
	struct totals got = run(p, SEED(p), 5000, INTERRUPT);

	tap_ok(!memcmp(&got, &want, sizeof(got)), "%s: interrupt_run ends runs and changes nothing",
	       p->name);
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		test_result(&programs[i]);
		test_determinism(&programs[i]);
		test_interrupt_run(&programs[i]);
	}
	return tap_done();
}
