/* SPDX-License-Identifier: MIT */
/* What test_runtime_vector.c and its kernel share. */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdint.h>

/* Addresses of count elements each, pairs of twice as many; index is into table. */
struct vectors_args {
	uint64_t x, pairs, table, index, y, result;
	uint64_t count;
};

struct vectors_result {
	uint32_t positive; /* elements of x above 0 */
	int32_t dot; /* of the pairs, as q15 */
	float sum; /* of x, in order */
};

#endif /* VECTORS_H */
