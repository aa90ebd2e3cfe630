// SPDX-License-Identifier: MIT
/* Integer arithmetic over dense arrays of elements. */
#include "rv_vec.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

/* name, suffix, types of destination, vs2, vs1, value of an element; D is its old value. */
#define ELEMS(name, bits, dtype, atype, btype, expression)                                 \
	RV_INLINE void name##_loop_##bits(const struct rv_elems *e, const bool scalar)     \
	{                                                                                  \
		dtype *d = e->d;                                                           \
		const atype *a = e->a;                                                     \
		const btype *b = e->b, s = scalar ? *b : 0;                                \
		const uint8_t *m = e->m;                                                   \
		const size_t n = e->n;                                                     \
		(void)a, (void)b, (void)m, (void)s;                                        \
		RV_IVDEP                                                                   \
		for (size_t i = 0; i < n; i++)                                             \
			d[i] = (dtype)(expression);                                        \
	}                                                                                  \
	RV_CLONES static void name##_##bits(const struct rv_elems *e)                      \
	{                                                                                  \
		if (e->scalar)                                                             \
			name##_loop_##bits(e, true);                                       \
		else                                                                       \
			name##_loop_##bits(e, false);                                      \
	}

#define TABLE4(name) \
	const rv_elem_fn rv_v_##name[4] = { name##_8, name##_16, name##_32, name##_64 };
#define TABLE3(name) const rv_elem_fn rv_v_##name[4] = { name##_8, name##_16, name##_32, NULL };

/* Elements of one width, unsigned or signed, which the expression sees as U, S and BITS. */
#define SAME_1(name, bits, type, expression) ELEMS(name, bits, type, type, type, expression)
#define SAME(name, kind, expression)                        \
	SAME_1(name, 8, kind##8_t, expression)               \
	SAME_1(name, 16, kind##16_t, expression)            \
	SAME_1(name, 32, kind##32_t, expression)            \
	SAME_1(name, 64, kind##64_t, expression)            \
	TABLE4(name)

#define A a[i]
#define B (scalar ? s : b[i])
#define D d[i]
#define MASK_BITS (8 * sizeof(*d) - 1)

SAME(add, uint, A + B)
SAME(sub, uint, A - B)
SAME(rsub, uint, B - A)
SAME(and, uint, A & B)
SAME(or, uint, A | B)
SAME(xor, uint, A ^ B)
SAME(sll, uint, A << (B & MASK_BITS))
SAME(srl, uint, A >> (B & MASK_BITS))
SAME(sra, int, A >> (B & MASK_BITS))
SAME(minu, uint, A < B ? A : B)
SAME(min, int, A < B ? A : B)
SAME(maxu, uint, A > B ? A : B)
SAME(max, int, A > B ? A : B)
/* Products are computed in unsigned types of at least 32 bits: those wrap. */
SAME(mul, uint, (uint64_t)A * B)
SAME(macc, uint, D + (uint64_t)A * B)
SAME(nmsac, uint, D - (uint64_t)A * B)
SAME(madd, uint, (uint64_t)D * B + A)
SAME(nmsub, uint, A - (uint64_t)D * B)
SAME(adc, uint, A + B + m[i])
SAME(sbc, uint, A - B - m[i])
SAME(merge, uint, m[i] ? B : A)
const rv_elem_fn rv_v_fmerge[4] = { NULL, NULL, merge_32, merge_64 };
SAME(mv, uint, B)
const rv_elem_fn rv_v_fmv[4] = { NULL, NULL, mv_32, mv_64 };

/* Upper halves. */
#define HIGH(name, t8, t16, t32, t64, w8, w16, w32, w64)              \
	ELEMS(name, 8, uint8_t, t8, w8, (int32_t)A * (int32_t)B >> 8)  \
	ELEMS(name, 16, uint16_t, t16, w16, (int32_t)A * (int32_t)B >> 16) \
	ELEMS(name, 32, uint32_t, t32, w32, (int64_t)A * (int64_t)B >> 32) \
	ELEMS(name, 64, uint64_t, t64, w64, (s128)A * (s128)B >> 64)   \
	TABLE4(name)
HIGH(mulh, int8_t, int16_t, int32_t, int64_t, int8_t, int16_t, int32_t, int64_t)
HIGH(mulhsu, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t)
ELEMS(mulhu, 8, uint8_t, uint8_t, uint8_t, (uint32_t)A * B >> 8)
ELEMS(mulhu, 16, uint16_t, uint16_t, uint16_t, (uint32_t)A * B >> 16)
ELEMS(mulhu, 32, uint32_t, uint32_t, uint32_t, (uint64_t)A * B >> 32)
ELEMS(mulhu, 64, uint64_t, uint64_t, uint64_t, (u128)A * B >> 64)
TABLE4(mulhu)

/* Division by zero gives all ones and the dividend; overflow wraps. */
SAME(divu, uint, B ? A / (B ? B : 1) : (uint64_t)-1)
SAME(remu, uint, B ? A % (B ? B : 1) : A)
SAME(div, int, B == 0 ? -1 : B == -1 ? (int64_t)(0 - (uint64_t)A) : A / B)
SAME(rem, int, B == 0 ? A : B == -1 ? 0 : A % B)

/* Comparisons and carries out: a byte per element, 0 or 1. */
#define FLAG(name, kind, expression)                                              \
	ELEMS(name, 8, uint8_t, kind##8_t, kind##8_t, expression)                 \
	ELEMS(name, 16, uint8_t, kind##16_t, kind##16_t, expression)              \
	ELEMS(name, 32, uint8_t, kind##32_t, kind##32_t, expression)              \
	ELEMS(name, 64, uint8_t, kind##64_t, kind##64_t, expression)              \
	TABLE4(name)
FLAG(mseq, uint, A == B)
FLAG(msne, uint, A != B)
FLAG(msltu, uint, A < B)
FLAG(mslt, int, A < B)
FLAG(msleu, uint, A <= B)
FLAG(msle, int, A <= B)
FLAG(msgtu, uint, A > B)
FLAG(msgt, int, A > B)

#define CARRY(name, bits, expression) ELEMS(name, bits, uint8_t, uint##bits##_t, uint##bits##_t, expression)
CARRY(madc, 8, ((uint32_t)A + B + m[i]) >> 8)
CARRY(madc, 16, ((uint32_t)A + B + m[i]) >> 16)
CARRY(madc, 32, ((uint64_t)A + B + m[i]) >> 32)
CARRY(madc, 64, (A + B < A) | ((A + B == ~0ull) & m[i]))
TABLE4(madc)
FLAG(msbc, uint, (A < B) | ((A == B) & m[i]))

/* From 2 SEW to SEW; b is of SEW. */
#define NARROW(name, kind, expression)                                            \
	ELEMS(name, 8, uint8_t, kind##16_t, uint8_t, expression)                  \
	ELEMS(name, 16, uint16_t, kind##32_t, uint16_t, expression)               \
	ELEMS(name, 32, uint32_t, kind##64_t, uint32_t, expression)               \
	TABLE3(name)
NARROW(nsrl, uint, A >> (B & (8 * sizeof(*a) - 1)))
NARROW(nsra, int, A >> (B & (8 * sizeof(*a) - 1)))

/* From a part of SEW to SEW; tables are by SEW. */
#define EXTEND(name, kind)                                              \
	ELEMS(name##2, 16, kind##16_t, kind##8_t, uint8_t, A)           \
	ELEMS(name##2, 32, kind##32_t, kind##16_t, uint8_t, A)          \
	ELEMS(name##2, 64, kind##64_t, kind##32_t, uint8_t, A)          \
	ELEMS(name##4, 32, kind##32_t, kind##8_t, uint8_t, A)           \
	ELEMS(name##4, 64, kind##64_t, kind##16_t, uint8_t, A)          \
	ELEMS(name##8, 64, kind##64_t, kind##8_t, uint8_t, A)           \
	const rv_elem_fn rv_v_##name##2[4] = { NULL, name##2_16, name##2_32, name##2_64 }; \
	const rv_elem_fn rv_v_##name##4[4] = { NULL, NULL, name##4_32, name##4_64 };       \
	const rv_elem_fn rv_v_##name##8[4] = { NULL, NULL, NULL, name##8_64 };
EXTEND(zext, uint)
EXTEND(sext, int)

/* From SEW to 2 SEW; W is the wide unsigned type, in which everything wraps. */
#define WIDEN(name, akind, bkind, expression)                                                 \
	ELEMS(name, 8, uint16_t, akind##8_t, bkind##8_t, WIDE_##expression(uint32_t, uint16_t))  \
	ELEMS(name, 16, uint32_t, akind##16_t, bkind##16_t, WIDE_##expression(uint32_t, uint32_t)) \
	ELEMS(name, 32, uint64_t, akind##32_t, bkind##32_t, WIDE_##expression(uint64_t, uint64_t)) \
	TABLE3(name)
/* The same with a of 2 SEW already. */
#define WIDEN_W(name, bkind, expression)                                                     \
	ELEMS(name, 8, uint16_t, uint16_t, bkind##8_t, WIDE_##expression(uint32_t, uint16_t))    \
	ELEMS(name, 16, uint32_t, uint32_t, bkind##16_t, WIDE_##expression(uint32_t, uint32_t))  \
	ELEMS(name, 32, uint64_t, uint64_t, bkind##32_t, WIDE_##expression(uint64_t, uint64_t))  \
	TABLE3(name)
#define WIDE_ADD(W, T)	((W)A + (W)B)
#define WIDE_SUB(W, T)	((W)A - (W)B)
#define WIDE_MUL(W, T)	((W)A * (W)B)
#define WIDE_MACC(W, T) ((W)D + (W)A * (W)B)
WIDEN(waddu, uint, uint, ADD)
WIDEN(wadd, int, int, ADD)
WIDEN(wsubu, uint, uint, SUB)
WIDEN(wsub, int, int, SUB)
WIDEN_W(wadduw, uint, ADD)
WIDEN_W(waddw, int, ADD)
WIDEN_W(wsubuw, uint, SUB)
WIDEN_W(wsubw, int, SUB)
WIDEN(wmulu, uint, uint, MUL)
WIDEN(wmulsu, int, uint, MUL)
WIDEN(wmul, int, int, MUL)
WIDEN(wmaccu, uint, uint, MACC)
WIDEN(wmacc, int, int, MACC)
/* Names have the scalar, which is b, first. */
WIDEN(wmaccus, int, uint, MACC)
WIDEN(wmaccsu, uint, int, MACC)
