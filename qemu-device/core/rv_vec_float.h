/* SPDX-License-Identifier: MIT */
/* Numbers of both precisions by suffix, for the vector files that compute with them. */
#ifndef NPU_RV_VEC_FLOAT_H
#define NPU_RV_VEC_FLOAT_H

#include "rv_fp_host.h"
#include "rv_vec.h"

typedef uint32_t rv_us;
typedef uint64_t rv_ud;
typedef int32_t rv_is;
typedef int64_t rv_id;
typedef float rv_fs;
typedef double rv_fd;

#define RV_SIGN_s     0x80000000u
#define RV_SIGN_d     0x8000000000000000ull
#define RV_INF_s      0x7f800000u
#define RV_INF_d      0x7ff0000000000000ull
#define RV_QUIET_s    0x00400000u
#define RV_QUIET_d    0x0008000000000000ull
#define RV_QNAN_s     RV_NAN_S
#define RV_QNAN_d     RV_NAN_D
#define RV_IS_NAN_s(u) (((u) & ~RV_SIGN_s) > RV_INF_s)
#define RV_IS_NAN_d(u) (((u) & ~RV_SIGN_d) > RV_INF_d)

/* Unlike those of scalar registers, elements of vectors are not boxed. */
static inline float rv_vto_s(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint32_t rv_vfrom_s(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Doubles are never boxed; named by suffix, as the macros put names together. */
#define rv_vto_d   rv_to_d
#define rv_vfrom_d rv_from_d

/* True if the host computes in the hart's rounding mode just now. */
static inline bool rv_vhost_rounds(const struct rv_hart *hart)
{
	return hart->fp_host_rm >> RV_DYN & 1;
}

/*
 * Loops of the host's own vector instructions (rv_vec_host.c), by enum rv_vec_host, operation and whether
 * q is a scalar. They return how many elements, from the first on, are done: the rest, if there is
 * any, is too short for them or begins with a NaN among RV_VHOST_STEP elements.
 */
enum rv_vhost_op {
	RV_VHOST_FMADD, /* p q + c */
	RV_VHOST_FMSUB, /* p q - c */
	RV_VHOST_FNMADD, /* -p q + c */
	RV_VHOST_FNMSUB, /* -p q - c */
	RV_VHOST_ADD, /* From here on of p and q alone; for c any place that can be read. */
	RV_VHOST_SUB,
	RV_VHOST_RSUB, /* q - p */
	RV_VHOST_MUL,
	RV_VHOST_MIN,
	RV_VHOST_MAX,
	RV_VHOST_OPS
};
#define RV_VHOST_STEP(suffix) (256 / sizeof(rv_f##suffix))
typedef size_t (*rv_vhost_s_fn)(float *d, const float *p, const float *q, const float *c, size_t n);
typedef size_t (*rv_vhost_d_fn)(double *d, const double *p, const double *q, const double *c,
				size_t n);
#if RV_HOST_FP && defined(__GNUC__)
extern const rv_vhost_s_fn rv_vhost_s[RV_VEC_HOSTS][RV_VHOST_OPS][2];
extern const rv_vhost_d_fn rv_vhost_d[RV_VEC_HOSTS][RV_VHOST_OPS][2];
#define RV_VHOST_CALL(suffix, hart, op, scalar, d, p, q, c, n) \
	rv_vhost_##suffix[(hart)->vec_host][op][scalar](d, p, q, c, n)
#define RV_VHOST 1
#else
#define RV_VHOST 0
#define RV_VHOST_CALL(suffix, hart, op, scalar, d, p, q, c, n) ((void)(op), (size_t)0)
#endif

/*
 * An element function of two operands: the host's loop while ready, and rest() for a few elements where
 * it stops, or for all if it is not.
 */
#define RV_VHOST_FROM(suffix, e, op, i)                                                       \
	RV_VHOST_CALL(suffix, (e)->hart, op, (e)->scalar, (rv_f##suffix *)(e)->d + (i),       \
		      (const rv_f##suffix *)(e)->a + (i),                                     \
		      (const rv_f##suffix *)(e)->b + ((e)->scalar ? 0 : (i)),                 \
		      (const rv_f##suffix *)(e)->a + (i), (e)->n - (i))
#define RV_VHOST_BINARY(name, suffix, op, ready, rest)                                        \
	static void name##_##suffix(const struct rv_elems *e)                                 \
	{                                                                                     \
		const bool host = (ready);                                                    \
		size_t i = host ? RV_VHOST_FROM(suffix, e, op, 0) : 0;                        \
		while (unlikely(i < e->n)) {                                                  \
			struct rv_elems some = *e;                                            \
			some.d = (rv_u##suffix *)e->d + i;                                    \
			some.a = (const rv_u##suffix *)e->a + i;                              \
			some.b = (const rv_u##suffix *)e->b + (e->scalar ? 0 : i);            \
			some.n = e->n - i;                                                    \
			if (host && some.n > RV_VHOST_STEP(suffix))                           \
				some.n = RV_VHOST_STEP(suffix);                               \
			rest(&some);                                                          \
			i += some.n;                                                          \
			if (host)                                                             \
				i += RV_VHOST_FROM(suffix, e, op, i);                         \
		}                                                                             \
	}

#endif /* NPU_RV_VEC_FLOAT_H */
