// SPDX-License-Identifier: MIT
/*
 * How fast the hart runs on this machine: millions of instructions per second of CPU time, best of
 * five; and the same with a profile of exact counts and a sample every 10,000 cycles.
 * Not a test: nothing is judged.
 */
#include <stdio.h>
#include <time.h>

#include "rv_box.h"
#include "rv_profile.h"

BOX_GUEST(prog_mix_o2);
BOX_GUEST(prog_mix_oz);
BOX_GUEST(prog_sha_o2);
BOX_GUEST(prog_sort_o2);
BOX_GUEST(prog_float_o2);

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void on_sample(void *opaque, const struct rv_profile_sample *sample)
{
	*(uint64_t *)opaque += sample->count;
}

static void on_pc(void *opaque, const struct rv_profile_pc *pc)
{
	*(uint64_t *)opaque += pc->cycles[RV_CYCLE_ISSUE];
}

static const struct rv_profile_ops profile_ops = {.sample = on_sample, .pc = on_pc};

static double best_of(const char *name, const uint8_t *code, uint64_t size, uint64_t argument,
		      unsigned int times, bool profiled)
{
	double best = 0;

	for (int i = 0; i < 5; i++) {
		struct box *box = box_new(RV_MODE_USER);
		struct rv_profile *profile = rv_profile_new();
		double start, mips;
		uint64_t sum = 0;

		if (profiled) {
			profile->ops = &profile_ops;
			profile->opaque = &sum;
			profile->count = true;
			profile->period = 10000;
			rv_set_profile(&box->hart, profile);
			rv_profile_begin(&box->hart);
		}
		start = now();
		box_put(box, BOX_BASE, code, size);
		for (unsigned int k = 0; k < times; k++) {
			box->hart.x[10] = argument;
			if (box_run(box, BOX_BASE) != RV_STOP_ENV)
				printf("%s: stopped early\n", name);
		}
		if (profiled) {
			rv_profile_end(&box->hart);
			rv_profile_flush(profile);
			rv_set_profile(&box->hart, NULL);
		}
		mips = (double)box->hart.instret / (now() - start) * 1e-6;
		if (mips > best)
			best = mips;
		box_free(box);
		rv_profile_free(profile);
	}
	return best;
}

static void bench(const char *name, const uint8_t *code, uint64_t size, uint64_t argument,
		  unsigned int times)
{
	const double plain = best_of(name, code, size, argument, times, false);
	const double profiled = best_of(name, code, size, argument, times, true);

	printf("%-12s %7.1f MIPS, profiled %7.1f\n", name, plain, profiled);
}

int main(void)
{
	bench("mix -O2", guest_prog_mix_o2, guest_prog_mix_o2_size, 350, 1);
	bench("mix -Oz", guest_prog_mix_oz, guest_prog_mix_oz_size, 350, 1);
	bench("sha -O2", guest_prog_sha_o2, guest_prog_sha_o2_size, 2999, 100);
	bench("sort -O2", guest_prog_sort_o2, guest_prog_sort_o2_size, 5, 100);
	bench("float -O2", guest_prog_float_o2, guest_prog_float_o2_size, 5, 100);
	return 0;
}
