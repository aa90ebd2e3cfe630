/* SPDX-License-Identifier: MIT */
/*
 * Random numbers of the trainer: a 64-bit counter stepped by an odd constant and scrambled. The
 * same seed gives the same numbers everywhere.
 */
#ifndef DIGITS_RANDOM_H
#define DIGITS_RANDOM_H

#include <stdint.h>

/** struct random_state - @counter: where the sequence stands; set it to the seed to start */
struct random_state {
	uint64_t counter;
};

/** random_next() - 64 random bits. */
static inline uint64_t random_next(struct random_state *state)
{
	uint64_t value = state->counter += 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

/** random_unit() - uniform in [0, 1), a multiple of 2^-24. */
static inline float random_unit(struct random_state *state)
{
	return (float)(random_next(state) >> 40) * 0x1p-24f;
}

/** random_spread() - uniform in [-@limit, @limit). */
static inline float random_spread(struct random_state *state, float limit)
{
	return (random_unit(state) * 2.0f - 1.0f) * limit;
}

/** random_below() - uniform in 0 .. @limit - 1, for limits far below 2^32. */
static inline uint32_t random_below(struct random_state *state, uint32_t limit)
{
	return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

#endif
