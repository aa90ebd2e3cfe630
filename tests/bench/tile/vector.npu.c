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

/* exp_of(): four groups of eight registers are all there are, so constants are made as they are used. */
static inline vf exp_strip(vf x, size_t vl)
{
	vf t, q;
	vu e;

	x = __riscv_vfmax_vf_f32m8(x, EXP_LOW, vl);
	t = __riscv_vfmv_v_f_f32m8(EXP_MAGIC, vl);
	t = __riscv_vfmacc_vf_f32m8(t, EXP_LOG2E, x, vl);
	x = __riscv_vfnmsac_vf_f32m8(x, EXP_LN2, __riscv_vfsub_vf_f32m8(t, EXP_MAGIC, vl), vl);
	q = __riscv_vfmv_v_f_f32m8(EXP_C4, vl);
	q = __riscv_vfmacc_vf_f32m8(q, EXP_C5, x, vl);
	q = __riscv_vfmadd_vv_f32m8(q, x, __riscv_vfmv_v_f_f32m8(EXP_C3, vl), vl);
	q = __riscv_vfmadd_vv_f32m8(q, x, __riscv_vfmv_v_f_f32m8(EXP_C2, vl), vl);
	q = __riscv_vfmacc_vv_f32m8(x, q, __riscv_vfmul_vv_f32m8(x, x, vl), vl);
	q = __riscv_vfadd_vf_f32m8(q, 1, vl);
	e = __riscv_vsll_vx_u32m8(__riscv_vreinterpret_v_f32m8_u32m8(t), 23, vl);
	e = __riscv_vadd_vv_u32m8(e, __riscv_vreinterpret_v_f32m8_u32m8(q), vl);
	return __riscv_vreinterpret_v_u32m8_f32m8(e);
}

NPU_KERNEL(softmax, struct vector_args)
{
	const float *x = npu_pointer(args->x);
	float *y = npu_pointer(args->y);
	const size_t n = args->n, full = __riscv_vsetvlmax_e32m8();
	const vfloat32m1_t low = __riscv_vfmv_s_f_f32m1(-__builtin_inff(), 1);
	const vfloat32m1_t zero = __riscv_vfmv_s_f_f32m1(0, 1);
	float *const sums = npu_sram(0); /* partial ones; there is no register left for them */
	vf acc = __riscv_vfmv_v_f_f32m8(-__builtin_inff(), full);
	float top, scale;
	size_t vl;

	for (size_t i = 0; i < n; i += vl) {
		vl = __riscv_vsetvl_e32m8(n - i);
		acc = __riscv_vfmax_vv_f32m8_tu(acc, acc, __riscv_vle32_v_f32m8(x + i, vl), vl);
	}
	top = __riscv_vfmv_f_s_f32m1_f32(__riscv_vfredmax_vs_f32m8_f32m1(acc, low, full));
	__riscv_vse32_v_f32m8(sums, __riscv_vfmv_v_f_f32m8(0, full), full);
	for (size_t i = 0; i < n; i += vl) {
		vl = __riscv_vsetvl_e32m8(n - i);
		vf v = __riscv_vfsub_vf_f32m8(__riscv_vle32_v_f32m8(x + i, vl), top, vl);

		v = exp_strip(v, vl);
		__riscv_vse32_v_f32m8(y + i, v, vl);
		v = __riscv_vfadd_vv_f32m8(__riscv_vle32_v_f32m8(sums, vl), v, vl);
		__riscv_vse32_v_f32m8(sums, v, vl);
	}
	acc = __riscv_vle32_v_f32m8(sums, full);
	scale = 1 / __riscv_vfmv_f_s_f32m1_f32(__riscv_vfredusum_vs_f32m8_f32m1(acc, zero, full));
	for (size_t i = 0; i < n; i += vl) {
		vl = __riscv_vsetvl_e32m8(n - i);
		vf v = __riscv_vle32_v_f32m8(y + i, vl);

		__riscv_vse32_v_f32m8(y + i, __riscv_vfmul_vf_f32m8(v, scale, vl), vl);
	}
}

NPU_KERNEL(softmax_auto, struct vector_args)
{
	softmax_loop(npu_pointer(args->y), npu_pointer(args->x), args->n);
}
