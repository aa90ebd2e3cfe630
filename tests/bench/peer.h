/* SPDX-License-Identifier: MIT */
/* What the peers of the benchmark share. Each prints one number: the best of its rounds. */
#ifndef NPU_BENCH_PEER_H
#define NPU_BENCH_PEER_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Seconds that a peer goes on measuring, after which its best round counts. */
#define PEER_SECONDS 1.5

static inline double peer_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Argument i as a positive number, or fallback if there are fewer; exits with the usage otherwise. */
static inline long peer_number(int argc, char **argv, int i, long fallback)
{
	char *end;
	long value;

	if (i >= argc)
		return fallback;
	value = strtol(argv[i], &end, 10);
	if (*end || value < 1 || value > 65536)
		exit(2);
	return value;
}

/* The same bytes in every run; state starts at anything but 0. */
static inline uint32_t peer_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif /* NPU_BENCH_PEER_H */
