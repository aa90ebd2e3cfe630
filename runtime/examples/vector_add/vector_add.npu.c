// SPDX-License-Identifier: MIT
/* sum[i] = a[i] + b[i]: every workgroup brings one block into SRAM, adds, and takes it back. */
#include <npu.h>

#include "vector_add.h"

NPU_KERNEL(vector_add, struct vector_add_args)
{
	uint32_t first = npu_wg_x() * args->block;
	uint32_t count = args->count - first < args->block ? args->count - first : args->block;
	uint32_t bytes = count * sizeof(float);
	struct npu_sram_pool sram = {0};
	float *a = npu_sram_take(&sram, bytes);
	float *b = npu_sram_take(&sram, bytes);
	const float *from_a = npu_pointer(args->a), *from_b = npu_pointer(args->b);
	float *to = npu_pointer(args->sum);

	npu_dma_bytes(a, from_a + first, bytes);
	npu_wait(npu_dma_bytes(b, from_b + first, bytes));
	for (uint32_t i = 0; i < count; i++)
		a[i] += b[i];
	npu_dma_bytes(to + first, a, bytes);
}
