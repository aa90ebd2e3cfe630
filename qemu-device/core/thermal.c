/* SPDX-License-Identifier: MIT */
#include "thermal.h"

#include "dev.h"
#include "model.h"

/* No sensor converts more often, and to look costs something. */
#define LOOK_NS 1000000ull

#define TAU_NS (NPU_MODEL_THERMAL_TIME * 1000000ull)
/* After so many time constants nothing is left of a difference in temperature. */
#define FORGOTTEN 40

/* Fractions are of this. */
#define ONE (1ull << 62)

_Static_assert(NPU_MODEL_THERMAL_AMBIENT >= NPU_TEMPERATURE_MIN &&
	       NPU_MODEL_THERMAL_CRITICAL > NPU_MODEL_THERMAL_AMBIENT &&
	       NPU_MODEL_THERMAL_CRITICAL <= NPU_TEMPERATURE_MAX,
	       "the thermometer shows what there is to be shown");

static uint64_t part(uint64_t value, uint64_t fraction)
{
	return (unsigned __int128)value * fraction >> 62;
}

/*
 * e^(-ns / TAU): the square, 16 times, of the same of a 65,536th, for which four terms of the series are all that
 * the fraction can hold.
 */
static uint64_t decay(uint64_t ns)
{
	uint64_t x, keep;

	if (ns >= FORGOTTEN * TAU_NS)
		return 0;
	x = ((unsigned __int128)ns << 46) / TAU_NS;
	keep = ONE - x + part(x, x) / 2 - part(part(x, x), x) / 6;
	for (unsigned int i = 0; i < 16; i++)
		keep = part(keep, keep);
	return keep;
}

/* Heat that warms the device by a millidegree, fJ. Tiles have their part of the heat sink each. */
static uint64_t capacity(const struct npu_dev *dev)
{
	return NPU_MODEL_THERMAL_TIME * 1000000000000ull / NPU_MODEL_THERMAL_RESISTANCE * dev->tiles;
}

/* It shows no more; nor would a part that gets so hot show anything for long. */
static uint64_t most_heat(const struct npu_dev *dev)
{
	return (NPU_TEMPERATURE_MAX - NPU_MODEL_THERMAL_AMBIENT) * capacity(dev);
}

void thermal_init(struct npu_dev *dev)
{
	dev->thermal = (struct thermal){
		.energy = acct_energy(&dev->acct),
		.when = dev->ops->time_ns(dev->opaque),
	};
}

static void advance(struct npu_dev *dev, uint64_t now)
{
	struct thermal *thermal = &dev->thermal;
	const uint64_t ns = now - thermal->when;
	const uint64_t energy = acct_energy(&dev->acct), keep = decay(ns);
	uint64_t used = energy - thermal->energy;

	/* What open shares do to the energy is known when they end; until then it may look as if it went back. */
	if ((int64_t)used < 0)
		used = 0;
	else
		thermal->energy = energy;
	/* Of even power over this time so much has stayed. */
	used = part(used, (unsigned __int128)(ONE - keep) * TAU_NS / ns);
	thermal->heat = part(thermal->heat, keep) + used;
	if (thermal->heat > most_heat(dev))
		thermal->heat = most_heat(dev);
	thermal->when = now;
}

void thermal_look(struct npu_dev *dev)
{
	struct thermal *thermal = &dev->thermal;
	const uint64_t now = dev->ops->time_ns(dev->opaque);

	/* Loaded with a time that this clock has not come to. */
	if (now < thermal->when)
		thermal->when = now;
	if (now - thermal->when >= LOOK_NS)
		advance(dev, now);
}

void thermal_reset(struct npu_dev *dev)
{
	struct thermal *thermal = &dev->thermal;
	const uint64_t now = dev->ops->time_ns(dev->opaque);

	if (now > thermal->when)
		advance(dev, now);
	thermal->energy = 0;
}

int32_t thermal_read(struct npu_dev *dev)
{
	int32_t temperature;

	thermal_look(dev);
	temperature = NPU_MODEL_THERMAL_AMBIENT + (int32_t)(dev->thermal.heat / capacity(dev));
	if (fault_armed(&dev->fault, NPU_FAULT_THERMAL_THROTTLE) &&
	    temperature < NPU_MODEL_THERMAL_CRITICAL)
		return NPU_MODEL_THERMAL_CRITICAL;
	return temperature;
}

void thermal_state(struct npu_dev *dev, struct state *s)
{
	STATE_MAX(s, dev->thermal.heat, most_heat(dev));
	STATE(s, dev->thermal.energy);
	STATE(s, dev->thermal.when);
}
