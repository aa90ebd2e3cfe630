// SPDX-License-Identifier: MIT
#include "account.h"

#include "soc.h"

/* The register is written by nobody else, so what it holds is known. */
static unsigned int selected; /* 0 after reset */

void account_select(unsigned int queue)
{
	if (selected == queue)
		return;
	soc_write32(NPU_SOC_ACCT_QUEUE, queue);
	selected = queue;
}

void account_begin(unsigned int queue, uint32_t op)
{
	account_select(queue);
	soc_write32(NPU_SOC_ACCT_ARG, op);
	soc_write32(NPU_SOC_ACCT_CMD, NPU_SOC_ACCT_BEGIN);
}

void account_barrier(unsigned int queue)
{
	account_select(queue);
	soc_write32(NPU_SOC_ACCT_CMD, NPU_SOC_ACCT_BARRIER);
}

void account_clear(unsigned int queue)
{
	account_select(queue);
	soc_write32(NPU_SOC_ACCT_CMD, NPU_SOC_ACCT_CLEAR);
}

uint64_t account_clock(unsigned int queue)
{
	account_select(queue);
	return soc_read64(NPU_SOC_ACCT_CLOCK);
}

static void snapshot(unsigned int queue, struct npu_counter_block *block, uint32_t cmd)
{
	account_select(queue);
	soc_write64(NPU_SOC_ACCT_ADDR, (uintptr_t)block);
	ram_fence();
	soc_write32(NPU_SOC_ACCT_CMD, cmd);
	ram_fence();
}

void account_snapshot(unsigned int queue, struct npu_counter_block *block)
{
	snapshot(queue, block, NPU_SOC_ACCT_SNAPSHOT);
}

void account_snapshot_core(unsigned int queue, uint32_t core, struct npu_counter_block *block)
{
	soc_write32(NPU_SOC_ACCT_ARG, core);
	snapshot(queue, block, NPU_SOC_ACCT_SNAPSHOT_CORE);
}

void account_device(uint32_t core, struct npu_counter_block *block)
{
	soc_write32(NPU_SOC_ACCT_ARG, core);
	snapshot(selected, block, NPU_SOC_ACCT_DEVICE);
}

uint64_t account_time(unsigned int queue)
{
	account_select(queue);
	return soc_read64(NPU_SOC_ACCT_TIME);
}
