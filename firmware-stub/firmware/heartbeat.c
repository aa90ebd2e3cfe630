// SPDX-License-Identifier: MIT
#include "heartbeat.h"

#include "mailbox.h"
#include "queue.h"
#include "soc.h"
#include "tiles.h"

/* The host expects a beat every 100 ms (npu_regs.h); twice as often leaves room for a busy machine. */
#define PERIOD_NS 40000000ull

static uint32_t beats;

static void arm(void)
{
	soc_write64(NPU_SOC_TIMECMP, soc_read64(NPU_SOC_TIME) + PERIOD_NS);
}

void heartbeat_init(void)
{
	soc_write32(NPU_SOC_HEARTBEAT, ++beats);
	arm();
}

void heartbeat_tick(void)
{
	arm();
	soc_write32(NPU_SOC_HEARTBEAT, ++beats);
	tiles_tick();
	queues_publish_progress();
	mailbox_retry();
}
