/* SPDX-License-Identifier: MIT */
/*
 * Thermometer of the die. All needs the device's lock.
 *
 * The die and its heat sink are one body that has one temperature (first order): what the device uses warms
 * it, and it loses heat to the air in proportion to how much warmer it is. Energy is that of the accounting, to the
 * femtojoule, without the part that is used in the host's memory; the time that it is spread over is the host's wall clock, as cooling is. So the temperature, and
 * nothing else, depends on how fast the host emulates. That is why it only tells, and does not throttle: modelled
 * figures would not be the same on every host. NPU_FAULT_THERMAL_THROTTLE is for that.
 *
 * Power is taken to have been even since the last look, and for that the temperature is exact however long ago it
 * was. The heartbeat of the firmware has it looked at while there is work.
 */
#ifndef NPU_THERMAL_H
#define NPU_THERMAL_H

#include <stdint.h>

#include "state.h"

struct npu_dev;

struct thermal {
	uint64_t heat;	 /* in the die, beyond what it holds at the temperature of the air, fJ */
	uint64_t energy; /* that the device had used at the last look, fJ, modulo 2^64 */
	uint64_t when;	 /* the last look, ns of the wall clock */
};

/* A die that is as warm as the air. */
void thermal_init(struct npu_dev *dev);
/* Add up what happened since the last look. No more often than it makes a difference. */
void thermal_look(struct npu_dev *dev);
/* The device is about to forget what it has used, but no reset cools a die. */
void thermal_reset(struct npu_dev *dev);
/* NPU_REG_TEMPERATURE: millidegrees Celsius, NPU_TEMPERATURE_MIN to NPU_TEMPERATURE_MAX. */
int32_t thermal_read(struct npu_dev *dev);

void thermal_state(struct npu_dev *dev, struct state *s);

#endif /* NPU_THERMAL_H */
