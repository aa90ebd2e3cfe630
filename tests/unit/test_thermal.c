/* SPDX-License-Identifier: MIT */
/*
 * Thermometer: the die warms to where it loses what it gets and cools to the temperature of the air, as fast as
 * an exponential, however often one looks and however long nobody did. No reset cools it.
 */
#define _GNU_SOURCE /* memmem */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "fw_driver.h"
#include "model.h"
#include "tap.h"

#define TILES	 4
#define TAU_MS	 ((uint64_t)NPU_MODEL_THERMAL_TIME)
#define YEAR_MS	 (365ull * 24 * 3600 * 1000)
#define AMBIENT	 NPU_MODEL_THERMAL_AMBIENT
#define CRITICAL NPU_MODEL_THERMAL_CRITICAL
/* What rounding may come to, millidegrees. */
#define CLOSE 2

static struct drv *drv; /* whose clock is */

static struct npu_dev *make(void)
{
	struct npu_config config;
	struct npu_dev *dev;
	const char *error;

	npu_config_init(&config);
	config.chiplets = 1;
	config.tiles_per_chiplet = TILES;
	config.sram_kib = 64;
	config.threads = 1;
	dev = npu_dev_new(&config, drv_host_ops(), drv, &error);
	if (!dev)
		drv_die(error);
	return dev;
}

static int32_t temperature(struct npu_dev *dev)
{
	return (int32_t)npu_dev_read(dev, NPU_REG_TEMPERATURE, 4);
}

/* Time passes, and the device uses this much power. fJ are mW x ps. */
static void pass(struct npu_dev *dev, uint64_t ms, uint64_t mw)
{
	drv->now += ms * MS;
	dev->acct.device[0].v[NPU_COUNTER_ENERGY] += mw * ms * MS * 1000;
}

/* Millidegrees above ambient that a power leads to in the end. */
static double rise(double mw)
{
	return mw * NPU_MODEL_THERMAL_RESISTANCE / TILES / 1000;
}

static void is_close(int32_t got, double want, const char *what)
{
	if (!tap_ok(fabs(got - want) <= CLOSE, "%s", what))
		tap_diag("got %d, want %.1f", got, want);
}

static void test_registers(void)
{
	struct npu_dev *dev = make();

	tap_ok(npu_dev_read(dev, NPU_REG_FEATURES_LO, 8) & NPU_FEATURE_THERMOMETER,
	       "the device has a thermometer");
	tap_is(temperature(dev), AMBIENT, "a new device is as warm as the air");
	tap_is(npu_dev_read(dev, NPU_REG_TEMP_CRIT, 4), CRITICAL, "TEMP_CRIT");
	tap_is(npu_dev_read(dev, NPU_REG_MODEL_VERSION, 8) >> 32, AMBIENT,
	       "TEMPERATURE as the upper half of 64 bits");
	npu_dev_write(dev, NPU_REG_TEMPERATURE, 1, 4);
	npu_dev_write(dev, NPU_REG_TEMP_CRIT, 1, 4);
	tap_ok(temperature(dev) == AMBIENT && npu_dev_read(dev, NPU_REG_TEMP_CRIT, 4) == CRITICAL,
	       "both are read only");
	tap_ok(rise(npu_model_peak(NPU_MODEL_OPPS - 1, 2, 4)) < CRITICAL - AMBIENT &&
		       rise(npu_model_peak(NPU_MODEL_OPPS - 1, 2, 4)) > (CRITICAL - AMBIENT) / 4,
	       "the most that a device can take makes it warm, and not too hot");
	npu_dev_free(dev);
}

static void test_curve(void)
{
	struct npu_dev *dev = make(), *often = make(), *cold = make();
	const double end = rise(5000), first = end * (1 - exp(-1));
	int32_t last = AMBIENT, now;
	bool ok = true;

	/* A look every millisecond, every 40, and none. */
	for (unsigned int i = 0; i < TAU_MS; i++) {
		pass(often, 1, 5000);
		ok &= temperature(often) >= last;
		last = temperature(often);
	}
	tap_ok(ok, "under load it never falls");
	is_close(last, AMBIENT + first, "after a time constant: 1 - 1/e of the way");
	dev->acct.device[0].v[NPU_COUNTER_ENERGY] += 5000 * TAU_MS * MS * 1000;
	is_close(temperature(dev), AMBIENT + first, "the same for who looks once");
	tap_is(temperature(cold), AMBIENT, "a device beside it that does nothing stays cold");

	for (unsigned int i = 0; i < 20 * TAU_MS / 40; i++) {
		pass(dev, 40, 5000);
		temperature(dev);
	}
	is_close(temperature(dev), AMBIENT + end, "in the end it loses what it gets");
	pass(dev, 400, 2500);
	now = temperature(dev);
	tap_ok(now < AMBIENT + end && now > AMBIENT + rise(2500), "at half the power it cools");
	pass(dev, 20 * TAU_MS, 2500);
	is_close(temperature(dev), AMBIENT + rise(2500), "to half of the difference");

	pass(dev, TAU_MS, 0);
	is_close(temperature(dev), AMBIENT + rise(2500) * exp(-1), "without load it cools: 1/e is left");
	ok = true;
	for (last = temperature(dev); last > AMBIENT; last = now) {
		pass(dev, 1000, 0);
		now = temperature(dev);
		ok &= now <= last && drv->now < 1000 * TAU_MS * MS;
		if (!ok)
			break;
	}
	tap_ok(ok, "until it is as warm as the air");
	pass(dev, 50 * TAU_MS, 0);
	tap_is(temperature(dev), AMBIENT, "and no colder");
	npu_dev_free(dev);
	npu_dev_free(often);
	npu_dev_free(cold);
}

static void test_limits(void)
{
	struct npu_dev *dev = make();
	uint64_t *energy = &dev->acct.device[0].v[NPU_COUNTER_ENERGY];

	pass(dev, 100 * YEAR_MS, 0);
	tap_is(temperature(dev), AMBIENT, "a hundred years later");
	/* What is left of 2^62 fJ over 100 years is not worth a millidegree. */
	drv->now += 100 * YEAR_MS * MS;
	*energy += 1ull << 62;
	tap_is(temperature(dev), AMBIENT, "a little work in a hundred years");
	drv->now += MS;
	*energy += INT64_MAX;
	tap_is(temperature(dev), NPU_TEMPERATURE_MAX, "all the work there can be in a millisecond");
	pass(dev, 1, 1000000);
	tap_is(temperature(dev), NPU_TEMPERATURE_MAX, "it shows no more");
	tap_ok(!(npu_dev_read(dev, NPU_REG_STATUS, 4) & NPU_STATUS_THROTTLED) &&
		       power_limit(dev) == NPU_MODEL_OPPS - 1,
	       "heat alone does not throttle");
	pass(dev, TAU_MS, 0);
	is_close(temperature(dev), AMBIENT + (NPU_TEMPERATURE_MAX - AMBIENT) * exp(-1),
		 "it cools from there");
	pass(dev, 100 * YEAR_MS, 0);
	tap_is(temperature(dev), AMBIENT, "to the temperature of the air");

	*energy = UINT64_MAX - 1000;
	pass(dev, 100 * YEAR_MS, 0);
	temperature(dev);
	pass(dev, 20 * TAU_MS, 1000);
	is_close(temperature(dev), AMBIENT + rise(1000) * (1 - exp(-20)), "energy that wraps");
	*energy -= 5000;
	drv->now += 20 * TAU_MS * MS;
	tap_is(temperature(dev), AMBIENT, "energy that seems to go back is none");
	*energy += 5000;
	pass(dev, 20 * TAU_MS, 1000);
	is_close(temperature(dev), AMBIENT + rise(1000), "and is not counted twice");

	npu_dev_read(dev, NPU_REG_TEMPERATURE, 4);
	*energy += 1000000000000000ull;
	drv->now += MS - 1000; /* less than that: each look takes a ns */
	is_close(temperature(dev), AMBIENT + rise(1000), "a conversion takes a millisecond");
	drv->now += 1000;
	tap_ok(temperature(dev) > AMBIENT + rise(1000) + 100, "then it is seen");
	npu_dev_free(dev);
}

/* What the accounting has, the open part of command buffers included, is what warms the die. */
static void test_energy(void)
{
	struct npu_counters counters = {.v = {[NPU_COUNTER_TILE_CYCLES] = 100000,
					      [NPU_COUNTER_TILE_INSTRUCTIONS] = 90000,
					      [NPU_COUNTER_TILE_REMOTE] = 10,
					      [NPU_COUNTER_TLB_MISSES] = 2,
					      [NPU_COUNTER_DMA_READ] = 10000}};
	const uint64_t memory = (8 * 12 + 10000) * (uint64_t)NPU_MODEL_E_DRAM_BYTE;
	struct npu_dev *dev = make();
	struct npu_counter_block block;
	struct acct_ticket ticket[2];
	bool ok = true;

	for (unsigned int i = 0; i < 2; i++) {
		acct_begin(&dev->acct, i, NPU_PKT_DISPATCH);
		ticket[i] = acct_start(&dev->acct, i, ACCT_TILES);
	}
	for (unsigned int step = 0; step < 4; step++) {
		if (step < 2)
			acct_end(&dev->acct, step, &ticket[step], step, 100000 << step, &counters);
		else
			acct_barrier(&dev->acct, step - 2);
		acct_device(&dev->acct, ACCT_ALL, &block);
		ok &= acct_energy(&dev->acct) ==
		      block.value[NPU_COUNTER_ENERGY] - memory * (step ? 2 : 1);
	}
	tap_ok(ok, "energy is that of the device's counters, without the host's memory");
	npu_dev_free(dev);
}

static void test_reset(void)
{
	struct npu_dev *dev = make();
	int32_t before;

	pass(dev, TAU_MS, 5000);
	before = temperature(dev);
	npu_dev_reset(dev);
	tap_is(temperature(dev), before, "a reset does not cool a die");
	pass(dev, 1, 10000000);
	npu_dev_reset(dev);
	tap_ok(temperature(dev) > before + 1000, "nor does it lose what was used just before it");
	before = temperature(dev);
	pass(dev, 20 * TAU_MS, 1000);
	is_close(temperature(dev), AMBIENT + rise(1000), "energy that counts from 0 again");

	npu_dev_pause(dev);
	before = temperature(dev);
	npu_dev_resume(dev);
	pass(dev, 100, 1000000);
	npu_dev_pause(dev);
	pass(dev, 20 * TAU_MS, 0);
	npu_dev_resume(dev);
	tap_ok(before > AMBIENT && temperature(dev) == AMBIENT, "a device that stands still cools");
	npu_dev_free(dev);
}

static void test_state(void)
{
	struct npu_dev *dev = make(), *other = make();
	char error[NPU_STATE_ERROR];
	struct thermal saved;
	uint8_t *state, *at;
	size_t size;
	bool same;

	pass(dev, TAU_MS, 5000);
	npu_dev_pause(dev);
	state = npu_dev_save(dev, &size, error);
	npu_dev_pause(other);
	tap_ok(state && npu_dev_load(other, state, size, error), "a warm device is saved and loaded");
	tap_is(temperature(other), temperature(dev), "it is as warm");
	pass(dev, TAU_MS / 2, 3000);
	other->acct.device[0].v[NPU_COUNTER_ENERGY] = dev->acct.device[0].v[NPU_COUNTER_ENERGY];
	tap_is(temperature(other), temperature(dev), "and goes on so");
	tap_ok(temperature(dev) > AMBIENT, "that is warm");

	/* Streams may come from anywhere. */
	npu_dev_pause(dev);
	free(state);
	state = npu_dev_save(dev, &size, error);
	saved = dev->thermal;
	at = memmem(state, size, &saved, sizeof(saved));
	tap_ok(at, "the state has it");
	if (at) {
		saved.heat = UINT64_MAX;
		memcpy(at, &saved, sizeof(saved));
		tap_ok(!npu_dev_load(other, state, size, error) && strstr(error, "heat"),
		       "more heat than there can be is refused");
		saved = (struct thermal){.heat = dev->thermal.heat,
					 .energy = UINT64_MAX / 3,
					 .when = UINT64_MAX};
		memcpy(at, &saved, sizeof(saved));
		same = npu_dev_load(other, state, size, error) &&
		       temperature(other) == temperature(dev);
		tap_ok(same, "a time to come counts from now");
		drv->now += 20 * TAU_MS * MS;
		tap_ok(temperature(other) < temperature(dev) + CLOSE, "it cools all the same");
	}
	free(state);
	npu_dev_free(dev);
	npu_dev_free(other);
}

static void test_fault(void)
{
	const struct npu_fault_spec spec = {.fault = NPU_FAULT_THERMAL_THROTTLE,
					    .target = NPU_FAULT_ANY};
	struct npu_dev *dev = make();

	npu_dev_fault_inject(dev, &spec);
	tap_is(temperature(dev), CRITICAL, "with the fault it is too hot");
	drv->now += MS;
	dev->acct.device[0].v[NPU_COUNTER_ENERGY] += INT64_MAX;
	tap_is(temperature(dev), NPU_TEMPERATURE_MAX, "or hotter than that");
	pass(dev, 100 * TAU_MS, 0);
	tap_is(temperature(dev), CRITICAL, "and not cooler, however long it lasts");
	npu_dev_fault_clear(dev, NPU_FAULT_THERMAL_THROTTLE);
	tap_is(temperature(dev), AMBIENT, "when it ends the die is as warm as it is");
	npu_dev_free(dev);
}

int main(void)
{
	drv = calloc(1, sizeof(*drv));
	if (!drv)
		drv_die("out of memory");
	drv->now = 1000 * MS;
	test_registers();
	test_curve();
	test_limits();
	test_energy();
	test_reset();
	test_state();
	test_fault();
	free(drv);
	return tap_done();
}
