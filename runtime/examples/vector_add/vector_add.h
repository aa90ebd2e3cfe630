/* SPDX-License-Identifier: MIT */
/* What host and kernel agree on. */
#ifndef VECTOR_ADD_H
#define VECTOR_ADD_H

#include <stdint.h>

struct vector_add_args {
	uint64_t a, b, sum; /* device addresses of float[count] */
	uint32_t count;
	uint32_t block; /* elements per workgroup */
};

#endif /* VECTOR_ADD_H */
