/* SPDX-License-Identifier: MIT */
#include "power.h"

#include "dev.h"
#include "model.h"

uint32_t power_limit(struct npu_dev *dev)
{
	return fault_armed(&dev->fault, NPU_FAULT_THERMAL_THROTTLE) ? 0 : NPU_MODEL_OPPS - 1;
}

uint32_t power_opp(struct npu_dev *dev)
{
	const uint32_t limit = power_limit(dev);

	return dev->power.opp < limit ? dev->power.opp : limit;
}

void power_update(struct npu_dev *dev)
{
	struct power *power = &dev->power;
	const uint32_t limit = power_limit(dev);

	dev->acct.point.opp = power_opp(dev);
	dev->acct.point.slow = fault_slow_link(dev);
	if (limit == power->limit)
		return;
	power->limit = limit;
	power->event = true;
	soc_update_irq(&dev->soc);
}

void power_select(struct npu_dev *dev, uint32_t opp)
{
	if (opp >= NPU_MODEL_OPPS)
		return;
	dev->power.opp = opp;
	power_update(dev);
}

void power_reset(struct npu_dev *dev)
{
	dev->power = (struct power){.opp = NPU_MODEL_OPPS - 1, .limit = power_limit(dev)};
	power_update(dev);
}

void power_state(struct power *power, struct state *s)
{
	STATE_MAX(s, power->opp, NPU_MODEL_OPPS - 1);
	STATE(s, power->cap);
	STATE(s, power->event);
	STATE_MAX(s, power->limit, NPU_MODEL_OPPS - 1);
}
