// SPDX-License-Identifier: MIT
/* Softmax and axpy on a tile: with vector intrinsics, and as the compiler vectorises plain C. */
#include <npu.h>
#include <riscv_vector.h>

#include "args.h"
#include "loops.h"

typedef vfloat32m8_t vf;
typedef vuint32m8_t vu;

static void axpy_strips(float *y, const float *x, float a, size_t n)
{
	for (size_t vl; n; n -= vl, x += vl, y += vl) {
		vl = __riscv_vsetvl_e32m8(n);
		vf v = __riscv_vle32_v_f32m8(x, vl), w = __riscv_vle32_v_f32m8(y, vl);

		__riscv_vse32_v_f32m8(y, __riscv_vfmacc_vf_f32m8(w, a, v, vl), vl);
	}
}

/* Straight from and to host memory. */
NPU_KERNEL(axpy, struct vector_args)
{
	axpy_strips(npu_pointer(args->y), npu_pointer(args->x), args->a, args->n);
}

/* The same by way of SRAM, while DMA brings the next block. */
NPU_KERNEL(axpy_dma, struct vector_args)
{
	enum { BLOCK = 4096 };
	const float *x = npu_pointer(args->x);
	float *y = npu_pointer(args->y);
	float *const bx[2] = { npu_sram(0), npu_sram(BLOCK * 4) };
	float *const by[2] = { npu_sram(BLOCK * 8), npu_sram(BLOCK * 12) };
	const size_t blocks = args->n / BLOCK;
	npu_tag in[2];

	npu_dma_bytes(bx[0], x, BLOCK * 4);
	in[0] = npu_dma_bytes(by[0], y, BLOCK * 4);
	for (size_t i = 0; i < blocks; i++) {
		const size_t k = i & 1;

		if (i + 1 < blocks) {
			npu_dma_bytes(bx[!k], x + (i + 1) * BLOCK, BLOCK * 4);
			in[!k] = npu_dma_bytes(by[!k], y + (i + 1) * BLOCK, BLOCK * 4);
		}
		npu_wait(in[k]);
		axpy_strips(by[k], bx[k], args->a, BLOCK);
		npu_dma_bytes(y + i * BLOCK, by[k], BLOCK * 4);
	}
}

NPU_KERNEL(axpy_auto, struct vector_args)
{
	axpy_loop(npu_pointer(args->y), npu_pointer(args->x), args->a, args->n);
}

/* A vector of c, made where it is used: the compiler would keep it in memory, and that takes longer. */
static inline vf splat(float c, size_t vl)
{
	__asm__ volatile("" : "+f"(c));
	return __riscv_vfmv_v_f_f32m8(c, vl);
}

/*
 * exp_of(), in three of the four groups of eight registers that there are. 2^n is a float of its own here,
 * as the constant that rounds brings the exponent's bias with it.
 */
static inline vf exp_strip(vf x, size_t vl)
{
	const float magic = EXP_MAGIC + 127;
	vf t, q;

	x = __riscv_vfmax_vf_f32m8(x, EXP_LOW, vl);
	t = splat(magic, vl);
	t = __riscv_vfmacc_vf_f32m8(t, EXP_LOG2E, x, vl);
	x = __riscv_vfnmsac_vf_f32m8(x, EXP_LN2, __riscv_vfsub_vf_f32m8(t, magic, vl), vl);
	q = splat(EXP_C4, vl);
	q = __riscv_vfmacc_vf_f32m8(q, EXP_C5, x, vl);
	q = __riscv_vfadd_vf_f32m8(__riscv_vfmul_vv_f32m8(q, x, vl), EXP_C3, vl);
	q = __riscv_vfadd_vf_f32m8(__riscv_vfmul_vv_f32m8(q, x, vl), EXP_C2, vl);
	q = __riscv_vfmadd_vv_f32m8(__riscv_vfmul_vv_f32m8(q, x, vl), x, x, vl);
	t = __riscv_vreinterpret_v_u32m8_f32m8(
		__riscv_vsll_vx_u32m8(__riscv_vreinterpret_v_f32m8_u32m8(t), 23, vl));
	return __riscv_vfmadd_vv_f32m8(q, t, t, vl);
}

static float max_strips(const float *x, size_t n)
{
	const size_t full = __riscv_vsetvlmax_e32m8();
	const vfloat32m1_t low = __riscv_vfmv_s_f_f32m1(-__builtin_inff(), 1);
	vf most = __riscv_vfmv_v_f_f32m8(-__builtin_inff(), full);

	for (; n >= full; n -= full, x += full)
		most = __riscv_vfmax_vv_f32m8(most, __riscv_vle32_v_f32m8(x, full), full);
	if (n)
		most = __riscv_vfmax_vv_f32m8_tu(most, most, __riscv_vle32_v_f32m8(x, n), n);
	return __riscv_vfmv_f_s_f32m1_f32(__riscv_vfredmax_vs_f32m8_f32m1(most, low, full));
}

static inline vf exp_strip_of(float *y, const float *x, float top, size_t vl)
{
	const vf v = __riscv_vfsub_vf_f32m8(__riscv_vle32_v_f32m8(x, vl), top, vl), e = exp_strip(v, vl);

	__riscv_vse32_v_f32m8(y, e, vl);
	return e;
}

static inline void scale_strip(float *y, float factor, size_t vl)
{
	const vf v = __riscv_vle32_v_f32m8(y, vl);

	__riscv_vse32_v_f32m8(y, __riscv_vfmul_vf_f32m8(v, factor, vl), vl);
}

/*
 * Two passes over memory instead of three: the powers of a block are taken of what is left to the
 * largest number so far, which is in SRAM for the second pass. Where a block has a larger one, the sum
 * so far is scaled down.
 */
NPU_KERNEL(softmax, struct vector_args)
{
	enum { BLOCK = 8192 };
	const float *x = npu_pointer(args->x);
	float *y = npu_pointer(args->y), *const tops = npu_sram(0);
	const size_t n = args->n, full = __riscv_vsetvlmax_e32m8();
	const vfloat32m1_t zero = __riscv_vfmv_s_f_f32m1(0, 1);
	vf acc = __riscv_vfmv_v_f_f32m8(0, full);
	float top = -__builtin_inff(), scale;
	size_t i;

	for (size_t first = 0; first < n; first += BLOCK) {
		const size_t end = n - first < BLOCK ? n : first + BLOCK;
		const float most = max_strips(x + first, end - first);

		if (most > top) {
			acc = __riscv_vfmul_vf_f32m8(acc, exp_of(top - most), full);
			top = most;
		}
		tops[first / BLOCK] = top;
		for (i = first; i + full <= end; i += full)
			acc = __riscv_vfadd_vv_f32m8(acc, exp_strip_of(y + i, x + i, top, full), full);
		if (i < end)
			acc = __riscv_vfadd_vv_f32m8_tu(
				acc, acc, exp_strip_of(y + i, x + i, top, end - i), end - i);
	}
	scale = 1 / __riscv_vfmv_f_s_f32m1_f32(__riscv_vfredusum_vs_f32m8_f32m1(acc, zero, full));
	/* Backwards: what was written last is still in a cache. */
	for (size_t blocks = (n + BLOCK - 1) / BLOCK; blocks--;) {
		const size_t first = blocks * BLOCK, end = n - first < BLOCK ? n : first + BLOCK;
		const float factor = scale * exp_of(tops[blocks] - top);

		for (i = first; i + full <= end; i += full)
			scale_strip(y + i, factor, full);
		if (i < end)
			scale_strip(y + i, factor, end - i);
	}
}

NPU_KERNEL(softmax_auto, struct vector_args)
{
	softmax_loop(npu_pointer(args->y), npu_pointer(args->x), args->n);
}
