/* SPDX-License-Identifier: MIT */
/* One vector instruction at a time, on a hart whose vector state the test sets and reads. */
#ifndef RV_VEC_BOX_H
#define RV_VEC_BOX_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"

#define VEC_MAX (32 * RV_VLEN_MAX / 8)

/* Vector state around an instruction. */
struct vec {
	struct box *box;
	unsigned int vlenb;
	unsigned int sew; /* log2 of bytes */
	int lmul;	  /* log2 */
	uint32_t vl, start;
	uint64_t x12;	    /* that register */
	uint8_t v[VEC_MAX]; /* registers before; the hart's own are after */
};

static uint64_t vec_seed = 0x9e3779b97f4a7c15ull;

__attribute__((unused)) static uint64_t vec_random(void)
{
	vec_seed ^= vec_seed << 13;
	vec_seed ^= vec_seed >> 7;
	vec_seed ^= vec_seed << 17;
	return vec_seed * 0x2545f4914f6cdd1dull;
}

static inline uint64_t vec_get(const uint8_t *v, size_t i, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, v + (i << size), (size_t)1 << size);
	return value;
}

static inline void vec_put(uint8_t *v, size_t i, unsigned int size, uint64_t value)
{
	memcpy(v + (i << size), &value, (size_t)1 << size);
}

static inline bool vec_bit(const uint8_t *v, size_t i)
{
	return v[i / 8] >> i % 8 & 1;
}

static inline unsigned int vec_vtype(const struct vec *t)
{
	return (unsigned int)(t->lmul & 7) | t->sew << 3;
}

static inline uint32_t vec_vlmax(const struct vec *t)
{
	uint32_t n = t->vlenb >> t->sew;

	return t->lmul < 0 ? n >> -t->lmul : n << t->lmul;
}

/* True if SEW and LMUL go together. */
static inline bool vec_valid(const struct vec *t)
{
	return t->lmul >= 0 || (int)t->sew + -t->lmul <= 3;
}

__attribute__((unused)) static struct vec *vec_new(unsigned int vlen)
{
	struct vec *t = calloc(1, sizeof(*t));

	t->box = box_new(RV_MODE_USER);
	t->vlenb = vlen / 8;
	if (rv_set_vlen(&t->box->hart, vlen)) {
		printf("Bail out! no vector registers\n");
		exit(1);
	}
	return t;
}

__attribute__((unused)) static void vec_free(struct vec *t)
{
	box_free(t->box);
	free(t);
}

/*
 * Run insn with the state in t, x5 and f5 as scalars, vcsr and fcsr. The registers before are t->v,
 * those after the hart's.
 */
__attribute__((unused)) static enum rv_stop vec_run(struct vec *t, uint32_t insn, uint64_t x5,
						    uint64_t f5, unsigned int vcsr,
						    unsigned int fcsr)
{
	/* vsetvl x0, x6, x7; csrw vstart, x8; csrw vcsr, x9; csrw fcsr, x11; insn; custom-0 */
	const uint32_t code[] = {0x80737057, 0x00841073, 0x00f49073, 0x00359073, insn, 0x0000000b};
	struct rv_hart *h = &t->box->hart;

	rv_reset(h, BOX_BASE);
	box_put(t->box, BOX_BASE, code, sizeof(code));
	memcpy(h->v, t->v, 32 * (size_t)t->vlenb);
	h->x[5] = x5;
	h->x[6] = t->vl;
	h->x[7] = vec_vtype(t);
	h->x[8] = t->start;
	h->x[9] = vcsr;
	h->x[10] = x5;
	h->x[11] = fcsr;
	h->x[12] = t->x12;
	h->f[5] = f5;
	return rv_run(h, 1000);
}

#endif /* RV_VEC_BOX_H */
