/* SPDX-License-Identifier: MIT */
/*
 * Floating point by the host's own instructions, for rv_run.c, while rv_fp_load() is in effect.
 *
 * Assembly, because a compiler may fold, move or merge arithmetic in ways that
 * lose rounding modes and flags; volatile assembly keeps its order with the loads of MXCSR.
 * SSE and RISC-V agree on everything but the NaN that results (canonical here), and on infinity
 * times zero plus a quiet NaN (left to software).
 */
#ifndef NPU_RV_FP_HOST_H
#define NPU_RV_FP_HOST_H

#include <string.h>

#include "rv_internal.h"

static inline double rv_to_d(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint64_t rv_from_d(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* A single-precision operand that is not properly boxed is the canonical NaN. */
static inline float rv_to_s(uint64_t boxed)
{
	uint32_t bits = boxed >= RV_BOX ? (uint32_t)boxed : RV_NAN_S;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint64_t rv_from_s(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return RV_BOX | bits;
}

static inline bool rv_nan_d(uint64_t bits)
{
	return (bits & ~(1ull << 63)) > 0x7ff0000000000000ull;
}

/* bits may be boxed */
static inline bool rv_nan_s(uint64_t bits)
{
	return (bits & 0x7fffffffu) > 0x7f800000u;
}

/* RV_SOFT_FP is for tests of what other hosts do. */
#if defined(__x86_64__) && !defined(RV_SOFT_FP)

#define RV_HOST_FP 1

#define RV_HOST_BINARY(name, type, insn)                                                \
	static inline type name(type a, type b)                                         \
	{                                                                               \
		__asm__ volatile(insn " %1, %0" : "+x"(a) : "x"(b));                    \
		return a;                                                               \
	}
#define RV_HOST_UNARY(name, to, from, insn)                                             \
	static inline to name(from a)                                                   \
	{                                                                               \
		to result;                                                              \
											\
		__asm__ volatile(insn " %1, %0" : "=x"(result) : "x"(a));               \
		return result;                                                          \
	}
RV_HOST_BINARY(rv_host_add_s, float, "addss")
RV_HOST_BINARY(rv_host_sub_s, float, "subss")
RV_HOST_BINARY(rv_host_mul_s, float, "mulss")
RV_HOST_BINARY(rv_host_div_s, float, "divss")
RV_HOST_BINARY(rv_host_add_d, double, "addsd")
RV_HOST_BINARY(rv_host_sub_d, double, "subsd")
RV_HOST_BINARY(rv_host_mul_d, double, "mulsd")
RV_HOST_BINARY(rv_host_div_d, double, "divsd")
RV_HOST_UNARY(rv_host_sqrt_s, float, float, "sqrtss")
RV_HOST_UNARY(rv_host_sqrt_d, double, double, "sqrtsd")
RV_HOST_UNARY(rv_host_s_d, float, double, "cvtsd2ss")
RV_HOST_UNARY(rv_host_d_s, double, float, "cvtss2sd")
#undef RV_HOST_BINARY
#undef RV_HOST_UNARY

/* a * b + c; the caller knows that the host has FMA. */
static inline float rv_host_fma_s(float a, float b, float c)
{
	__asm__ volatile("vfmadd213ss %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));
	return a;
}

static inline double rv_host_fma_d(double a, double b, double c)
{
	__asm__ volatile("vfmadd213sd %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));
	return a;
}

/* The instructions leave the upper bits of their destination, so it is cleared. */
static inline float rv_host_s_l(int64_t a)
{
	float result = 0;

	__asm__ volatile("cvtsi2ssq %1, %0" : "+x"(result) : "r"(a));
	return result;
}

static inline double rv_host_d_l(int64_t a)
{
	double result = 0;

	__asm__ volatile("cvtsi2sdq %1, %0" : "+x"(result) : "r"(a));
	return result;
}

/* Toward zero; the caller knows that the result fits. */
static inline int64_t rv_host_l_s(float a)
{
	int64_t result;

	__asm__ volatile("cvttss2siq %1, %0" : "=r"(result) : "x"(a));
	return result;
}

static inline int64_t rv_host_l_d(double a)
{
	int64_t result;

	__asm__ volatile("cvttsd2siq %1, %0" : "=r"(result) : "x"(a));
	return result;
}

/* comis* signals for every NaN, ucomis* for signaling ones; no NaN is above or equal. */
#define RV_HOST_COMPARE(suffix, type)                                                        \
	static inline bool rv_host_lt_##suffix(type a, type b)                               \
	{                                                                                    \
		bool above;                                                                  \
											     \
		__asm__ volatile("comis" #suffix " %1, %2" : "=@cca"(above) : "x"(a), "x"(b)); \
		return above;                                                                \
	}                                                                                    \
	static inline bool rv_host_le_##suffix(type a, type b)                               \
	{                                                                                    \
		bool above_equal;                                                            \
											     \
		__asm__ volatile("comis" #suffix " %1, %2"                                   \
				 : "=@ccae"(above_equal)                                     \
				 : "x"(a), "x"(b));                                          \
		return above_equal;                                                          \
	}                                                                                    \
	static inline bool rv_host_eq_##suffix(type a, type b)                               \
	{                                                                                    \
		bool equal, ordered;                                                         \
											     \
		__asm__ volatile("ucomis" #suffix " %2, %3"                                  \
				 : "=@cce"(equal), "=@ccnp"(ordered)                         \
				 : "x"(a), "x"(b));                                          \
		return equal && ordered;                                                     \
	}
RV_HOST_COMPARE(s, float)
RV_HOST_COMPARE(d, double)
#undef RV_HOST_COMPARE

#else
#define RV_HOST_FP 0
#endif

#endif /* NPU_RV_FP_HOST_H */
