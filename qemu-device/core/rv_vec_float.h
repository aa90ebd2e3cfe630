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

#endif /* NPU_RV_VEC_FLOAT_H */
