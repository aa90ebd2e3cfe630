// SPDX-License-Identifier: MIT
/*
 * Kernels that fail, each in a way of its own, and one that does not. Before it fails a kernel
 * writes the number of the very line to host memory, so that the test can tell whether the fault
 * report names it.
 */
#include <npu.h>

#include "fault_kernels.h"

/* Must stand on one line, as it names that line. */
#define FAULT(args, statement)                                     \
	do {                                                       \
		*(volatile uint32_t *)(args)->line = __LINE__;     \
		statement;                                         \
	} while (0)

NPU_KERNEL(wild_read, struct fault_args)
{
	if (npu_wg_x() == args->workgroup)
		FAULT(args, (void)*(volatile uint32_t *)args->target);
}

NPU_KERNEL(wild_write, struct fault_args)
{
	if (npu_wg_x() == args->workgroup)
		FAULT(args, *(volatile uint32_t *)args->target = 1);
}

NPU_KERNEL(wild_jump, struct fault_args)
{
	FAULT(args, ((void (*)(void))args->target)());
}

NPU_KERNEL(aborts, struct fault_args)
{
	FAULT(args, npu_abort());
}

NPU_KERNEL(illegal, struct fault_args)
{
	FAULT(args, __asm__ volatile(".4byte 0"));
}

/* The descriptor is built on the stack: in the SRAM, as every kernel would. */
NPU_KERNEL(bad_dma, struct fault_args)
{
	struct npu_dma_desc desc = args->dma;

	FAULT(args, npu_wait(npu_dma(&desc)));
}

NPU_KERNEL(bad_matrix, struct fault_args)
{
	struct npu_matrix_desc desc = args->matrix;

	FAULT(args, npu_wait(npu_matrix(&desc)));
}

NPU_KERNEL(endless, struct fault_args)
{
	FAULT(args, for (;;) __asm__ volatile(""));
}

static __attribute__((noinline)) uint64_t recurse(uint64_t depth, uint64_t end)
{
	volatile uint64_t here[8];

	here[depth % 8] = depth;
	return depth == end ? 0 : recurse(depth + 1, end) + here[depth % 8];
}

/* The stack grows from the top of the SRAM down and out at its bottom. */
NPU_KERNEL(deep, struct fault_args)
{
	*(volatile uint64_t *)args->line = recurse(0, args->target);
}

/* A gang: each sends in[its number] to the next, which stores it at out[its own]. */
NPU_KERNEL(ring, struct work_args)
{
	const uint32_t size = npu_grid_x(), me = npu_wg_x();
	uint64_t *cell = npu_sram(0);

	npu_send((me + 1) % size, cell, (const uint64_t *)args->in + me, sizeof(*cell), 2);
	npu_sem_wait((me + size - 1) % size, 2, 1);
	npu_dma_bytes((uint64_t *)args->out + me, cell, sizeof(*cell));
	npu_gang_barrier(3);
}

/* A gang that waits for a signal that nobody sends. */
NPU_KERNEL(stuck, struct fault_args)
{
	FAULT(args, npu_sem_wait(0, 7, 1));
}

NPU_KERNEL(work, struct work_args)
{
	const uint64_t *in = (const uint64_t *)args->in;
	uint64_t *out = (uint64_t *)args->out;
	uint32_t i = npu_wg_x();

	if (i < args->count)
		out[i] = 3 * in[i] + i;
}
