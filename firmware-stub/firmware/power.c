// SPDX-License-Identifier: MIT
#include "power.h"

#include <stdbool.h>
#include <stddef.h>

#include "log.h"
#include "panic.h"
#include "soc.h"

static unsigned int opps;
static uint32_t cap_mw; /* 0: none */
static uint32_t highest; /* that the driver asks for */

static uint32_t peak(unsigned int opp)
{
	return *(volatile uint32_t *)(NPU_SOC_REGS_BASE + NPU_SOC_POWER_PEAK(opp));
}

static void choose(void)
{
	const uint32_t limit = soc_read32(NPU_SOC_POWER_LIMIT);
	const uint32_t before = soc_read32(NPU_SOC_POWER_OPP);
	uint32_t opp = limit < highest ? limit : highest;

	while (opp && cap_mw && peak(opp) > cap_mw)
		opp--;
	soc_write32(NPU_SOC_POWER_OPP, opp);
	if (opp == before)
		return;
	log_puts("operating point ");
	log_dec(opp);
	log_end(NPU_LOG_LEVEL_INFO, NPU_LOG_NO_QUEUE);
	trace(POWER_OPP, NPU_LOG_NO_QUEUE, opp, limit, cap_mw);
}

void power_init(void)
{
	opps = soc_read32(NPU_SOC_POWER_OPPS);
	fw_assert(opps >= 1 && opps <= 8);
	highest = opps - 1;
	choose();
}

void power_event(void)
{
	/* Cleared before the limit is read: a change after that is seen next time. */
	soc_write32(NPU_SOC_IRQ_PENDING, NPU_SOC_IRQ_POWER);
	choose();
}

static enum npu_msg_status set(const struct npu_msg *msg)
{
	if (msg->power_set.reserved[0] || msg->power_set.reserved[1] || msg->power_set.reserved[2] ||
	    msg->power_set.reserved[3] || msg->power_set.reserved[4] ||
	    (msg->power_set.cap_mw && msg->power_set.cap_mw < peak(0)))
		return NPU_MSG_BAD_POWER;
	cap_mw = msg->power_set.cap_mw;
	highest = msg->power_set.max_opp < opps ? msg->power_set.max_opp : opps - 1;
	soc_write32(NPU_SOC_POWER_CAP, cap_mw);
	choose();
	return NPU_MSG_OK;
}

enum npu_msg_status power_set(const struct npu_msg *msg)
{
	enum npu_msg_status status = set(msg);

	trace(POWER_SET, NPU_LOG_NO_QUEUE, status, msg->power_set.cap_mw, msg->power_set.max_opp);
	return status;
}

void power_get(struct npu_msg *msg)
{
	uint32_t limit = soc_read32(NPU_SOC_POWER_LIMIT);
	uint32_t opp = soc_read32(NPU_SOC_POWER_OPP);

	if (opp > limit)
		opp = limit;
	msg->power.cap_mw = cap_mw;
	msg->power.max_opp = highest;
	msg->power.limit = limit;
	msg->power.opp = opp;
	msg->power.peak_mw = peak(opp);
	msg->power.min_cap_mw = peak(0);
}
