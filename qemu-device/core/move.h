/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes between host addresses: the inner loops of the block mover (dma.h). Each path of the
 * arithmetic (matrix.h) has one of its own, so that a test that forces a path forces this too; all leave the
 * same bytes.
 *
 * The addresses are good, but what lies there may be a guest's and change at any time.
 */
#ifndef NPU_MOVE_H
#define NPU_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "matrix.h"

/* Bytes in one piece at both ends. */
struct move_span {
	uint8_t *dst;
	const uint8_t *src; /* NULL: fill */
	uint32_t length;    /* at least 1 */
	uint32_t phase;	    /* fill: bytes of the value that lie before dst, 0..3 */
};

/*
 * A block of so many bytes is written past the caches. Less may be in them already, from when it was last
 * written or read, and that makes such stores slow: docs/performance.md has the measurement.
 */
#define MOVE_PAST_MIN (16u << 20)

/* What is known of all spans: bits. */
enum move_hints {
	MOVE_SRC_FAR = 1, /* hardly in a cache: fetch it ahead */
	MOVE_DST_FAR = 2,
	MOVE_PAST = 4, /* write past the caches, where the path knows how */
};

/*
 * Move spans one after the other, each as memmove() would; fills repeat value. What was written is in order
 * with all stores of this thread that follow.
 */
void move_spans(enum npu_matrix_path path, const struct move_span *span, unsigned int count,
		uint32_t value, unsigned int hints);

#endif /* NPU_MOVE_H */
