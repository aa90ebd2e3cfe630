// SPDX-License-Identifier: MIT
/* Fixed point: saturating, averaging, rounding. Saturation is gathered and set in vxsat once. */
#include "rv_vec.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

#define FIXED(name, bits, type, atype, body)                            \
	RV_INLINE void name##_loop_##bits(const struct rv_elems *e, const bool scalar) \
	{                                                               \
		type *d = e->d;                                         \
		const atype *as = e->a;                                 \
		const type *bs = e->b, s = scalar ? *bs : 0;            \
		const size_t n = e->n;                                  \
		const unsigned int rm = e->hart->vxrm;                  \
		unsigned int sat = 0;                                   \
		(void)rm;                                               \
		RV_IVDEP                                                \
		for (size_t i = 0; i < n; i++) {                        \
			const atype a = as[i];                          \
			const type b = scalar ? s : bs[i];              \
			type r;                                         \
			body;                                           \
			d[i] = r;                                       \
		}                                                       \
		e->hart->vxsat |= sat != 0;                             \
	}                                                               \
	RV_CLONES static void name##_##bits(const struct rv_elems *e)   \
	{                                                               \
		if (e->scalar)                                          \
			name##_loop_##bits(e, true);                    \
		else                                                    \
			name##_loop_##bits(e, false);                   \
	}
#define FIXED_ALL(name, kind, body)                       \
	FIXED(name, 8, kind##8_t, kind##8_t, body)        \
	FIXED(name, 16, kind##16_t, kind##16_t, body)     \
	FIXED(name, 32, kind##32_t, kind##32_t, body)     \
	FIXED(name, 64, kind##64_t, kind##64_t, body)     \
	const rv_elem_fn rv_v_##name[4] = { name##_8, name##_16, name##_32, name##_64 };

/* The type's limits, from its size. */
#define SMAX(t) ((t)(((uint64_t)1 << (8 * sizeof(t) - 1)) - 1))
#define SMIN(t) ((t)(-SMAX(t) - 1))

FIXED_ALL(saddu, uint, {
	bool over = __builtin_add_overflow(a, b, &r);
	r = over ? (__typeof__(r))-1 : r;
	sat |= over;
})
FIXED_ALL(ssubu, uint, {
	bool over = a < b;
	r = over ? 0 : (__typeof__(r))(a - b);
	sat |= over;
})
FIXED_ALL(sadd, int, {
	bool over = __builtin_add_overflow(a, b, &r);
	r = over ? (a < 0 ? SMIN(__typeof__(r)) : SMAX(__typeof__(r))) : r;
	sat |= over;
})
FIXED_ALL(ssub, int, {
	bool over = __builtin_sub_overflow(a, b, &r);
	r = over ? (a < 0 ? SMIN(__typeof__(r)) : SMAX(__typeof__(r))) : r;
	sat |= over;
})

/*
 * Half of the sum with one more bit than the operands. Of the sum, bits 0 and 1 decide
 * how it is rounded: they are those of the wrapped sum too.
 */
#define AVERAGE(type, wide, op)                                          \
	{                                                                \
		wide sum = (wide)a op (wide)b;                           \
		r = (type)((sum >> 1) + (wide)rv_vround((uint64_t)sum, 1, rm)); \
	}
#define AVERAGE_ALL(name, kind, w8, w16, w32, w64, op)                                     \
	FIXED(name, 8, kind##8_t, kind##8_t, AVERAGE(kind##8_t, w8, op))                   \
	FIXED(name, 16, kind##16_t, kind##16_t, AVERAGE(kind##16_t, w16, op))              \
	FIXED(name, 32, kind##32_t, kind##32_t, AVERAGE(kind##32_t, w32, op))              \
	FIXED(name, 64, kind##64_t, kind##64_t, AVERAGE(kind##64_t, w64, op))              \
	const rv_elem_fn rv_v_##name[4] = { name##_8, name##_16, name##_32, name##_64 };
AVERAGE_ALL(aaddu, uint, uint32_t, uint32_t, uint64_t, u128, +)
AVERAGE_ALL(aadd, int, int32_t, int32_t, int64_t, s128, +)
AVERAGE_ALL(asubu, uint, uint32_t, uint32_t, uint64_t, u128, -)
AVERAGE_ALL(asub, int, int32_t, int32_t, int64_t, s128, -)

/* Only the smallest number times itself does not fit. */
#define SMUL(type, wide, bits)                                                              \
	{                                                                                   \
		wide p = (wide)a * (wide)b;                                                 \
		bool over = a == SMIN(type) && b == SMIN(type);                             \
		r = over ? SMAX(type) :                                                     \
			   (type)((p >> (bits - 1)) +                                       \
				  (wide)rv_vround((uint64_t)p, bits - 1, rm));              \
		sat |= over;                                                                \
	}
FIXED(smul, 8, int8_t, int8_t, SMUL(int8_t, int32_t, 8))
FIXED(smul, 16, int16_t, int16_t, SMUL(int16_t, int32_t, 16))
FIXED(smul, 32, int32_t, int32_t, SMUL(int32_t, int64_t, 32))
FIXED(smul, 64, int64_t, int64_t, SMUL(int64_t, s128, 64))
const rv_elem_fn rv_v_smul[4] = { smul_8, smul_16, smul_32, smul_64 };

FIXED_ALL(ssrl, uint, {
	unsigned int shift = b & (8 * sizeof(r) - 1);
	r = (__typeof__(r))((a >> shift) + rv_vround(a, shift, rm));
})
FIXED_ALL(ssra, int, {
	unsigned int shift = b & (8 * sizeof(r) - 1);
	r = (__typeof__(r))((uint64_t)(a >> shift) + rv_vround((uint64_t)(int64_t)a, shift, rm));
})

/* b is unsigned in both; its type is the destination's. */
FIXED(nclipu, 8, uint8_t, uint16_t, {
	unsigned int shift = b & 15;
	uint64_t v = ((uint64_t)a >> shift) + rv_vround(a, shift, rm);
	bool over = v > UINT8_MAX;
	r = over ? UINT8_MAX : (uint8_t)v;
	sat |= over;
})
FIXED(nclipu, 16, uint16_t, uint32_t, {
	unsigned int shift = b & 31;
	uint64_t v = ((uint64_t)a >> shift) + rv_vround(a, shift, rm);
	bool over = v > UINT16_MAX;
	r = over ? UINT16_MAX : (uint16_t)v;
	sat |= over;
})
FIXED(nclipu, 32, uint32_t, uint64_t, {
	/* The largest number loses a bit before it may gain one. */
	unsigned int shift = b & 63;
	uint64_t v = (a >> shift) + rv_vround(a, shift, rm);
	bool over = v > UINT32_MAX;
	r = over ? UINT32_MAX : (uint32_t)v;
	sat |= over;
})
const rv_elem_fn rv_v_nclipu[4] = { nclipu_8, nclipu_16, nclipu_32, NULL };

#define NCLIP(type, mask)                                                                      \
	{                                                                                      \
		unsigned int shift = (unsigned int)b & mask;                                   \
		int64_t v = (int64_t)((uint64_t)((int64_t)a >> shift) +                        \
				      rv_vround((uint64_t)(int64_t)a, shift, rm));             \
		bool over = v > SMAX(type) || v < SMIN(type);                                  \
		r = over ? (v < 0 ? SMIN(type) : SMAX(type)) : (type)v;                        \
		sat |= over;                                                                   \
	}
FIXED(nclip, 8, int8_t, int16_t, NCLIP(int8_t, 15))
FIXED(nclip, 16, int16_t, int32_t, NCLIP(int16_t, 31))
FIXED(nclip, 32, int32_t, int64_t, NCLIP(int32_t, 63))
const rv_elem_fn rv_v_nclip[4] = { nclip_8, nclip_16, nclip_32, NULL };
