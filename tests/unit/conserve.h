/* SPDX-License-Identifier: MIT */
/*
 * The laws of conservation that the accounting must obey, worked out from the model's table and the
 * counters alone: nothing in here knows how the device does its sums.
 */
#ifndef NPU_TEST_CONSERVE_H
#define NPU_TEST_CONSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_counters.h"

/* A value of the model's table. Bails out if there is none of that name. */
uint64_t conserve_row(const char *name);

/*
 * Energy of counts that were all made at one operating point. *leakage: the part that leaks. Works for
 * a queue, a core of it, the device, and for what one of them counted meanwhile.
 */
uint64_t conserve_energy(const uint64_t counts[NPU_COUNTER_COUNT], unsigned int opp,
			 uint64_t *leakage);

/*
 * Every cycle has one cause: of tiles, of the queue's clock, and of tiles over that clock. Of a queue
 * or the device, all cores together, while nothing runs. False: says which law is broken.
 */
bool conserve_cycles(const uint64_t counts[NPU_COUNTER_COUNT], unsigned int tiles);

#endif /* NPU_TEST_CONSERVE_H */
