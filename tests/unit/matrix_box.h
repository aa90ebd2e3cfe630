/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the matrix engine share: random operations on an SRAM that lies flush between
 * pages without access, and the naive loop that follows the contract's text (npu_isa.h).
 */
#ifndef MATRIX_BOX_H
#define MATRIX_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "matrix.h"

#define BOX_SRAM_MAX (2u << 20)

uint32_t box_random(void);
/* first..last, both included */
uint32_t box_random_in(uint32_t first, uint32_t last);
bool box_chance(unsigned int one_in);
/* Sizes 1..most, often small, often multiples of 16. */
uint32_t box_random_size(uint32_t most);
/* A multiple of align of at least least. */
uint32_t box_random_stride(uint32_t least, uint32_t align);
/* Any size of number, often an extreme one. */
int32_t box_random_s32(void);

/* SRAM before and after an operation. */
struct box {
	uint8_t *end;	 /* of the SRAM; no access from here on */
	uint8_t *before; /* what an operation finds; BOX_SRAM_MAX bytes */
	uint8_t *wanted;
};

/* Ends the program if there is no memory. */
void box_init(struct box *box);

/* Place the operands at random without overlap; returns the size of the SRAM they need. */
uint32_t box_place(struct npu_matrix_desc *d);
/* The same, each anywhere in size bytes, on top of one another. size: box_place()'s, in whole 64. */
void box_overlap(struct npu_matrix_desc *d, uint32_t size);

/* Sizes of operands in bytes: first to last. */
uint32_t box_a_bytes(const struct npu_matrix_desc *d);
uint32_t box_c_bytes(const struct npu_matrix_desc *d);

/*
 * Run it on box->before, rows in random ranges, and compare the whole SRAM with what box_naive()
 * leaves. Prints what differs.
 */
bool box_agrees(struct box *box, enum npu_matrix_path path, const struct npu_matrix_desc *d,
		uint32_t size);
/* Run it on box->before: does nothing but C's elements change? */
bool box_confined(struct box *box, enum npu_matrix_path path, const struct npu_matrix_desc *d,
		  uint32_t size);

/* The contract, word for word. */
void box_naive(const struct npu_matrix_desc *d, uint8_t *sram);

#endif /* MATRIX_BOX_H */
