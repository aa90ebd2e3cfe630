// SPDX-License-Identifier: MIT
/* A kernel of vector intrinsics: masks, strided and indexed loads, segments, reductions, fixed point. */
#include <npu.h>
#include <riscv_vector.h>

#include "vectors.h"

NPU_KERNEL(vectors, struct vectors_args)
{
	const float *x = npu_pointer(args->x);
	const int16_t *pairs = npu_pointer(args->pairs);
	const float *table = npu_pointer(args->table);
	const uint32_t *index = npu_pointer(args->index);
	struct vectors_result *result = npu_pointer(args->result);
	float *y = npu_pointer(args->y);
	vint32m1_t dot = __riscv_vmv_s_x_i32m1(0, 1);
	vfloat32m1_t sum = __riscv_vfmv_s_f_f32m1(0, 1);
	uint32_t positive = 0;

	for (size_t i = 0, vl; i < args->count; i += vl) {
		vl = __riscv_vsetvl_e32m2(args->count - i);
		const vfloat32m2_t v = __riscv_vle32_v_f32m2(x + i, vl);
		const vbool16_t above = __riscv_vmfgt_vf_f32m2_b16(v, 0, vl);
		const vuint32m2_t offset = __riscv_vsll_vx_u32m2(
			__riscv_vle32_v_u32m2(index + i, vl), 2, vl);
		const vfloat32m2_t picked = __riscv_vluxei32_v_f32m2(table, offset, vl);
		const vint16m1x2_t pair = __riscv_vlseg2e16_v_i16m1x2(pairs + 2 * i, vl);
		const vint16m1_t p = __riscv_vget_v_i16m1x2_i16m1(pair, 0);
		const vint16m1_t q = __riscv_vget_v_i16m1x2_i16m1(pair, 1);

		/* y = x > 0 ? x * table : x */
		__riscv_vse32_v_f32m2(y + i, __riscv_vfmul_vv_f32m2_mu(above, v, v, picked, vl), vl);
		positive += (uint32_t)__riscv_vcpop_m_b16(above, vl);
		sum = __riscv_vfredosum_vs_f32m2_f32m1(v, sum, vl);
		/* q15 products, rounded to even, summed in 32 bits */
		dot = __riscv_vwredsum_vs_i16m1_i32m1(
			__riscv_vsmul_vv_i16m1(p, q, __RISCV_VXRM_RNE, vl), dot, vl);
	}
	result->positive = positive;
	result->dot = __riscv_vmv_x_s_i32m1_i32(dot);
	result->sum = __riscv_vfmv_f_s_f32m1_f32(sum);
}
