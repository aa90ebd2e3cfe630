// SPDX-License-Identifier: MIT
/* Conversions between integers and floating point, over dense arrays of elements. */
#include "rv_vec_float.h"

/*
 * Rounding mode of a conversion: the hart's, or toward zero. Numbers are read with their width's
 * format; integers of 16 bits go by way of 32.
 */
static uint64_t to_integer(enum rv_fmt fmt, uint64_t a, unsigned int bits, bool is_signed,
			   enum rv_rm rm, unsigned int *flags)
{
	unsigned int raised = 0;
	uint64_t value;
	int64_t number;

	if (bits != 16)
		return rv_soft_to_int(fmt, a, bits, is_signed, rm, flags);
	value = rv_soft_to_int(fmt, a, 32, true, rm, &raised);
	number = (int32_t)value;
	if (is_signed && (number > INT16_MAX || number < INT16_MIN)) {
		raised = RV_F_NV;
		number = number < 0 ? INT16_MIN : INT16_MAX;
	} else if (!is_signed && (number > UINT16_MAX || number < 0)) {
		raised = RV_F_NV;
		number = number < 0 ? 0 : UINT16_MAX;
	}
	*flags |= raised;
	return (uint64_t)number;
}

/*
 * Adding and taking away a power of two rounds by the host's mode and leaves its flags, where rint()
 * may not: compilers replace it by code for the nearest mode only. It wants |x| <= 2^22 or 2^51.
 */
#define ROUND_s(u) \
	((rv_vto_s(u) + rv_vto_s(((u) & RV_SIGN_s) | 0x4b000000u)) - \
	 rv_vto_s(((u) & RV_SIGN_s) | 0x4b000000u))
#define ROUND_d(u) \
	((rv_vto_d(u) + rv_vto_d(((u) & RV_SIGN_d) | 0x4330000000000000ull)) - \
	 rv_vto_d(((u) & RV_SIGN_d) | 0x4330000000000000ull))

#define HOST_TO_INT(name, suffix, dtype, itype, round)                                        \
	RV_CLONES static void name(dtype *d, const rv_u##suffix *a, size_t n)                 \
	{                                                                                     \
		RV_IVDEP                                                                      \
		for (size_t i = 0; i < n; i++)                                                \
			d[i] = (dtype)(itype)round(a[i]);                                     \
	}
HOST_TO_INT(s_16, s, uint16_t, int32_t, ROUND_s)
HOST_TO_INT(s_32, s, uint32_t, int32_t, ROUND_s)
HOST_TO_INT(s_64, s, uint64_t, int64_t, ROUND_s)
HOST_TO_INT(d_32, d, uint32_t, int32_t, ROUND_d)
HOST_TO_INT(d_64, d, uint64_t, int64_t, ROUND_d)
HOST_TO_INT(s_16_rtz, s, uint16_t, int32_t, rv_vto_s)
HOST_TO_INT(s_32_rtz, s, uint32_t, int32_t, rv_vto_s)
HOST_TO_INT(s_64_rtz, s, uint64_t, int64_t, rv_vto_s)
HOST_TO_INT(d_32_rtz, d, uint32_t, int32_t, rv_vto_d)
HOST_TO_INT(d_64_rtz, d, uint64_t, int64_t, rv_vto_d)

#define CHUNK 64

/*
 * limit: bits of a number whose like in magnitude, and smaller ones, surely fit the integer, signed or
 * not if there are no negative ones.
 */
#define TO_INT_OF(name, suffix, FMT, bits, is_signed, mode, host, limit)                      \
	static void name(const struct rv_elems *e)                                            \
	{                                                                                     \
		uint##bits##_t *d = e->d;                                                     \
		const rv_u##suffix *a = e->a;                                                 \
		const bool fast = rv_vhost_rounds(e->hart);                                   \
		unsigned int flags = 0;                                                       \
		for (size_t i = 0; i < e->n;) {                                               \
			const size_t part = e->n - i < CHUNK ? e->n - i : CHUNK;              \
			bool fit = fast;                                                      \
			for (size_t j = 0; j < part && fast; j++)                             \
				fit &= (is_signed ? a[i + j] & ~RV_SIGN_##suffix : a[i + j]) <= (limit); \
			if (fit)                                                              \
				host(d + i, a + i, part);                                     \
			for (size_t j = 0; j < part && !fit; j++)                             \
				d[i + j] = (uint##bits##_t)to_integer(FMT, a[i + j], bits, is_signed, \
								      mode, &flags);          \
			i += part;                                                            \
		}                                                                             \
		e->hart->fflags |= (uint8_t)flags;                                            \
	}
#define DYNAMIC ((enum rv_rm)e->hart->frm)
/* near: what ROUND_* can do too */
#define TO_INT(op, id, suffix, FMT, bits, near, limit)                                              \
	TO_INT_OF(op##_x_f_##id, suffix, FMT, bits, true, DYNAMIC, suffix##_##bits, near)    \
	TO_INT_OF(op##_xu_f_##id, suffix, FMT, bits, false, DYNAMIC, suffix##_##bits, near)  \
	TO_INT_OF(op##_rtz_x_f_##id, suffix, FMT, bits, true, RV_RTZ, suffix##_##bits##_rtz, limit) \
	TO_INT_OF(op##_rtz_xu_f_##id, suffix, FMT, bits, false, RV_RTZ, suffix##_##bits##_rtz, limit)
TO_INT(fcvt, 2, s, RV_FMT_S, 32, 0x4a800000u, 0x4e800000u)
TO_INT(fcvt, 3, d, RV_FMT_D, 64, 0x4320000000000000ull, 0x43d0000000000000ull)
TO_INT(fwcvt, 2, s, RV_FMT_S, 64, 0x4a800000u, 0x5e800000u)
TO_INT(fncvt, 1, s, RV_FMT_S, 16, 0x46800000u, 0x46800000u)
TO_INT(fncvt, 2, d, RV_FMT_D, 32, 0x41d0000000000000ull, 0x41d0000000000000ull)
#define TO_INT_TABLES(kind)                                                                   \
	const rv_elem_fn rv_v_fcvt_##kind[4] = { NULL, NULL, fcvt_##kind##_2, fcvt_##kind##_3 }; \
	const rv_elem_fn rv_v_fwcvt_##kind[4] = { NULL, NULL, fwcvt_##kind##_2, NULL };       \
	const rv_elem_fn rv_v_fncvt_##kind[4] = { NULL, fncvt_##kind##_1, fncvt_##kind##_2, NULL };
TO_INT_TABLES(x_f)
TO_INT_TABLES(xu_f)
TO_INT_TABLES(rtz_x_f)
TO_INT_TABLES(rtz_xu_f)

/* ---- from integers --------------------------------------------------------------------------- */

/* Signed integers of up to 64 bits: an instruction of the host rounds once. */
#define HOST_FROM_INT(name, suffix, stype)                                                    \
	RV_CLONES static void name(rv_u##suffix *d, const stype *a, size_t n)                 \
	{                                                                                     \
		RV_IVDEP                                                                      \
		for (size_t i = 0; i < n; i++)                                                \
			d[i] = rv_vfrom_##suffix((rv_f##suffix)a[i]);                         \
	}
HOST_FROM_INT(s_from_i16, s, int16_t)
HOST_FROM_INT(s_from_i32, s, int32_t)
HOST_FROM_INT(s_from_i64, s, int64_t)
HOST_FROM_INT(d_from_i32, d, int32_t)
HOST_FROM_INT(d_from_i64, d, int64_t)

/* Unsigned ones are left to the host while their top bits are clear. */
#define FROM_INT_OF(name, suffix, FMT, bits, is_signed)                                       \
	static void name(const struct rv_elems *e)                                            \
	{                                                                                     \
		rv_u##suffix *d = e->d;                                                       \
		const int##bits##_t *a = e->a;                                                \
		const bool fast = rv_vhost_rounds(e->hart);                                   \
		unsigned int flags = 0;                                                       \
		for (size_t i = 0; i < e->n;) {                                               \
			const size_t part = e->n - i < CHUNK ? e->n - i : CHUNK;              \
			bool fit = fast;                                                      \
			for (size_t j = 0; j < part && fast && !is_signed; j++)               \
				fit &= a[i + j] >= 0;                                         \
			if (fit)                                                              \
				suffix##_from_i##bits(d + i, a + i, part);                    \
			for (size_t j = 0; j < part && !fit; j++)                             \
				d[i + j] = (rv_u##suffix)rv_soft_from_int(                    \
					FMT,                                                  \
					is_signed ? (uint64_t)(int64_t)a[i + j] :             \
						    (uint64_t)(uint##bits##_t)a[i + j],       \
					is_signed, (enum rv_rm)e->hart->frm, &flags);         \
			i += part;                                                            \
		}                                                                             \
		e->hart->fflags |= (uint8_t)flags;                                            \
	}
#define FROM_INT(op, id, suffix, FMT, bits)                                                   \
	FROM_INT_OF(op##_f_x_##id, suffix, FMT, bits, true)                                   \
	FROM_INT_OF(op##_f_xu_##id, suffix, FMT, bits, false)
FROM_INT(fcvt, 2, s, RV_FMT_S, 32)
FROM_INT(fcvt, 3, d, RV_FMT_D, 64)
FROM_INT(fwcvt, 1, s, RV_FMT_S, 16)
FROM_INT(fwcvt, 2, d, RV_FMT_D, 32)
FROM_INT(fncvt, 2, s, RV_FMT_S, 64)
#define FROM_INT_TABLES(kind)                                                                 \
	const rv_elem_fn rv_v_fcvt_##kind[4] = { NULL, NULL, fcvt_##kind##_2, fcvt_##kind##_3 }; \
	const rv_elem_fn rv_v_fwcvt_##kind[4] = { NULL, fwcvt_##kind##_1, fwcvt_##kind##_2, NULL }; \
	const rv_elem_fn rv_v_fncvt_##kind[4] = { NULL, NULL, fncvt_##kind##_2, NULL };
FROM_INT_TABLES(f_x)
FROM_INT_TABLES(f_xu)

/* ---- between precisions ---------------------------------------------------------------------- */

RV_CLONES static void widen_host(uint64_t *d, const uint32_t *a, size_t n)
{
	RV_IVDEP
	for (size_t i = 0; i < n; i++) {
		const uint64_t r = rv_vfrom_d((double)rv_vto_s(a[i]));

		d[i] = RV_IS_NAN_d(r) ? RV_QNAN_d : r;
	}
}

RV_CLONES static void narrow_host(uint32_t *d, const uint64_t *a, size_t n)
{
	RV_IVDEP
	for (size_t i = 0; i < n; i++) {
		const uint32_t r = rv_vfrom_s((float)rv_vto_d(a[i]));

		d[i] = RV_IS_NAN_s(r) ? RV_QNAN_s : r;
	}
}

static void fwcvt_f_f(const struct rv_elems *e)
{
	uint64_t *d = e->d;
	const uint32_t *a = e->a;
	unsigned int flags = 0;

	if (rv_vhost_rounds(e->hart)) {
		widen_host(d, a, e->n);
		return;
	}
	for (size_t i = 0; i < e->n; i++)
		d[i] = rv_soft_convert(RV_FMT_D, RV_FMT_S, a[i], RV_RNE, &flags);
	e->hart->fflags |= (uint8_t)flags;
}
const rv_elem_fn rv_v_fwcvt_f_f[4] = { NULL, NULL, fwcvt_f_f, NULL };

static void fncvt_f_f(const struct rv_elems *e)
{
	uint32_t *d = e->d;
	const uint64_t *a = e->a;
	unsigned int flags = 0;

	if (rv_vhost_rounds(e->hart)) {
		narrow_host(d, a, e->n);
		return;
	}
	for (size_t i = 0; i < e->n; i++)
		d[i] = (uint32_t)rv_soft_convert(RV_FMT_S, RV_FMT_D, a[i],
						 (enum rv_rm)e->hart->frm, &flags);
	e->hart->fflags |= (uint8_t)flags;
}
const rv_elem_fn rv_v_fncvt_f_f[4] = { NULL, NULL, fncvt_f_f, NULL };

/* Round to odd: toward zero, and the last bit says if anything was lost. */
static void fncvt_rod_f_f(const struct rv_elems *e)
{
	uint32_t *d = e->d;
	const uint64_t *a = e->a;

	for (size_t i = 0; i < e->n; i++) {
		unsigned int flags = 0;

		d[i] = (uint32_t)rv_soft_convert(RV_FMT_S, RV_FMT_D, a[i], RV_RTZ, &flags);
		if (flags & RV_F_NX)
			d[i] |= 1;
		e->hart->fflags |= (uint8_t)flags;
	}
}
const rv_elem_fn rv_v_fncvt_rod_f_f[4] = { NULL, NULL, fncvt_rod_f_f, NULL };
