/* SPDX-License-Identifier: MIT */
/*
 * Operating point of the device: the firmware selects one, and a die that is too hot holds it down at
 * the lowest. What the accounting latches with the next command buffer follows from both. All needs the device's lock.
 */
#ifndef NPU_POWER_H
#define NPU_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

struct npu_dev;

struct power {
	uint32_t opp;	/* selected */
	uint32_t cap;	/* mW, as the firmware tells the host; 0: none */
	bool event;	/* the limit has changed; until the firmware clears it */
	uint32_t limit; /* as the firmware was told last */
};

/* As at power-on: the nominal point, no cap. */
void power_reset(struct npu_dev *dev);
/* NPU_SOC_POWER_OPP; a point that does not exist changes nothing. */
void power_select(struct npu_dev *dev, uint32_t opp);
/* Heat, or the speed of the host link, may have changed. */
void power_update(struct npu_dev *dev);
/* Highest point that the heat permits, and the one in force. */
uint32_t power_limit(struct npu_dev *dev);
uint32_t power_opp(struct npu_dev *dev);

void power_state(struct power *power, struct state *s);

#endif /* NPU_POWER_H */
