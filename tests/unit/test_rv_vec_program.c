// SPDX-License-Identifier: MIT
/*
 * C programs, vectorised by the compiler and with vector intrinsics, against the same source compiled
 * for this machine. The result is the same for every VLEN, counters however the run is cut up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"
#include "tap.h"

#define PROGRAMS(X) X(sha) X(sort) X(float) X(mix) X(vector)
#define DECLARE(name)                               \
	uint64_t native_prog_##name(uint64_t seed); \
	BOX_GUEST(prog_##name##_v);
PROGRAMS(DECLARE)

struct program {
	const char *name;
	uint64_t (*native)(uint64_t seed);
	const uint8_t *code;
	const uint64_t *size;
};

#define ROW(name) {#name, native_prog_##name, guest_prog_##name##_v, &guest_prog_##name##_v_size},
static const struct program programs[] = {PROGRAMS(ROW)};

struct totals {
	uint64_t result, cycles, instret, vector, bytes, sram, remote, stall_exec, stall_vector, stall_memory;
	uint64_t tlb_cycles;
};

static struct totals run(const struct program *p, unsigned int vlen, uint64_t seed, uint64_t budget,
			 bool flush)
{
	struct box *box = box_new(RV_MODE_USER);
	struct rv_hart *h = &box->hart;
	struct totals t = {0};
	enum rv_stop stop;

	if (rv_set_vlen(h, vlen)) {
		printf("Bail out! no vector registers\n");
		exit(1);
	}
	box_put(box, BOX_BASE, p->code, *p->size);
	for (unsigned int i = 0; i < BOX_PAGES; i++)
		if (i % 3 == 1)
			box->flags[i] |= BOX_REMOTE;
	rv_reset(h, BOX_BASE);
	h->x[10] = seed;
	do {
		stop = rv_run(h, budget);
		if (flush)
			rv_flush_tlb(h);
	} while (stop == RV_STOP_BUDGET && h->instret < 100000000);
	t = (struct totals){stop == RV_STOP_ENV ? h->x[10] : ~h->trap_value,
			    h->cycles,
			    h->instret,
			    h->vector,
			    h->vector_bytes,
			    h->vector_sram,
			    h->vector_remote,
			    h->stall_exec,
			    h->stall_vector,
			    h->stall_memory,
			    h->tlb_cycles};
	if (stop != RV_STOP_ENV)
		tap_diag("stop %d cause %u value %#llx at %#llx", stop, h->trap_cause,
			 (unsigned long long)h->trap_value, (unsigned long long)h->pc);
	box_free(box);
	return t;
}

int main(void)
{
	static const unsigned int vlens[] = {128, 256, 2048, 16384};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		for (unsigned int v = 0; v < 4; v++) {
			const struct program *p = &programs[i];
			const uint64_t most = p->native == native_prog_mix ? 3 : 12;
			struct totals want, got;
			bool good = true;

			for (uint64_t seed = 1; seed < most && good; seed++) {
				const uint64_t s = most == 3 ? seed : seed * 7919;

				good = run(p, vlens[v], s, UINT64_MAX, false).result ==
				       p->native(s);
			}
			tap_ok(good, "%s, VLEN %u: the result is the native one", p->name,
			       vlens[v]);
			want = run(p, vlens[v], 2, UINT64_MAX, false);
			got = run(p, vlens[v], 2, 100, true);
			tap_ok(!memcmp(&want, &got, sizeof(got)) &&
				       want.cycles == want.instret + want.stall_exec +
							      want.stall_vector +
							      want.stall_memory + want.tlb_cycles,
			       "%s, VLEN %u: counters do not depend on budgets and flushes, and "
			       "add up",
			       p->name, vlens[v]);
			if (p->native == native_prog_vector)
				tap_ok(want.vector && want.bytes && want.sram && want.remote,
				       "%s, VLEN %u: vectors are used", p->name, vlens[v]);
		}
	return tap_done();
}
