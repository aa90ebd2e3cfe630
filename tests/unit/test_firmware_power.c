/* SPDX-License-Identifier: MIT */
/*
 * Operating points: chosen by the firmware under a power cap and under heat, latched with a command
 * buffer, and told in time, energy and registers. Counters of the whole device by message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conserve.h"
#include "fw_code.h"
#include "fw_driver.h"
#include "model.h"
#include "tap.h"

#define TILES 4

static struct drv *d;
static uint64_t code_va, data_va, cb_va;
static union npu_packet *cb;

static const uint32_t kernel[] = {CSRR(T0, NPU_CSR_WG_X), SLLI(T0, T0, 2), ADD(T0, T0, A0),
				  LW(T1, T0, 0),	  ADDI(T1, T1, 1), SW(T1, T0, 0), EXIT};

static void fresh(void)
{
	struct npu_msg msg;
	void *p;

	drv_boot(d, &msg);
	tap_ok(msg.ready.features & NPU_FW_FEATURE_POWER, "the firmware knows about power");
	as_create(d, 1);
	code_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_X, &p);
	memcpy(p, kernel, sizeof(kernel));
	data_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_W, &p);
	cb_va = map_new(d, 1, 4096, NPU_PTE_R, &cb);
	cb[0] = (union npu_packet){.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH},
						.entry = code_va,
						.args = data_va,
						.grid = {40, 1, 1}}};
	cb[1] = (union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY},
					    .dst = data_va + 2048,
					    .src = data_va + 1024,
					    .size = {1000, 1, 1}}};
}

/* Send a request with its fields; its status, or -1, and its reply. */
static int ask(uint16_t type, const void *data, struct npu_msg *reply)
{
	const uint32_t at = d->mbox->h2f_write.index;

	mbox_put(d, type, 0, 0x9000 + at);
	memcpy(d->mbox->h2f[at % NPU_MBOX_ENTRIES].data, data, 48);
	mbox_ring(d);
	if (!mbox_get(d, reply) || reply->type != NPU_MSG_REPLY || reply->cookie != 0x9000 + at)
		return -1;
	return reply->status;
}

static int set(uint32_t cap, uint32_t max_opp, struct npu_msg *reply)
{
	struct npu_msg msg = {.power_set = {.cap_mw = cap, .max_opp = max_opp}};

	return ask(NPU_MSG_POWER_SET, msg.data, reply);
}

static unsigned int opp_now(void)
{
	return reg_read(d, NPU_REG_OPP) & NPU_OPP_CURRENT;
}

/* What a job on a queue counted: the difference. */
static bool job(unsigned int q, uint64_t delta[NPU_COUNTER_COUNT])
{
	struct queue_mem *queue = &d->queue[q];
	uint64_t before[NPU_COUNTER_COUNT];
	bool done;

	memcpy(before, queue->counters->value, sizeof(before));
	done = wait_done(d, q, submit(d, q, 1, cb_va, 2));
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		delta[i] = queue->counters->value[i] - before[i];
	return done;
}

/* Time and energy of a job are those of an operating point. */
static bool job_at(unsigned int opp)
{
	uint64_t v[NPU_COUNTER_COUNT], leakage;

	return job(0, v) && v[NPU_COUNTER_TIME] == v[NPU_COUNTER_CYCLES] * npu_model_opp[opp].period &&
	       v[NPU_COUNTER_ENERGY] == conserve_energy(v, opp, &leakage) &&
	       v[NPU_COUNTER_LEAKAGE] == leakage && conserve_cycles(v, TILES) &&
	       v[NPU_COUNTER_WORKGROUPS] == 40;
}

static void test_cap(void)
{
	const unsigned int top = NPU_MODEL_OPPS - 1;
	struct npu_msg reply;
	uint64_t cycles[NPU_MODEL_OPPS], v[NPU_COUNTER_COUNT];
	bool ok = true;

	tap_is(reg_read(d, NPU_REG_OPP), top | top << 8 | NPU_MODEL_OPPS << 16,
	       "without a cap the highest operating point");
	tap_is(reg_read(d, NPU_REG_OPP_KHZ), NPU_MODEL_CLOCK_KHZ, "and its clock");
	tap_is(reg_read(d, NPU_REG_POWER_CAP), 0, "no cap");
	tap_is(reg_read(d, NPU_REG_MODEL_VERSION), NPU_MODEL_VERSION, "version of the model");
	tap_ok(job_at(top), "time and energy of work at the highest point");
	for (unsigned int opp = 1; opp < NPU_MODEL_OPPS; opp++)
		ok &= npu_model_peak(opp - 1, 1, TILES) < npu_model_peak(opp, 1, TILES);
	tap_ok(ok, "a higher point takes more power");
	for (unsigned int opp = 0; opp < NPU_MODEL_OPPS; opp++) {
		const uint32_t peak = npu_model_peak(opp, 1, TILES);

		tap_ok(set(peak, ~0u, &reply) == NPU_MSG_OK && reply.power.opp == opp &&
			       reply.power.peak_mw == peak && reply.power.cap_mw == peak &&
			       opp_now() == opp && reg_read(d, NPU_REG_POWER_CAP) == peak &&
			       reg_read(d, NPU_REG_POWER_PEAK) == peak &&
			       reg_read(d, NPU_REG_OPP_KHZ) == npu_model_opp[opp].khz,
		       "a cap of %u mW allows point %u", peak, opp);
		tap_ok(job_at(opp), "its time and energy");
		job(0, v);
		cycles[opp] = v[NPU_COUNTER_CYCLES];
		if (opp)
			tap_ok(set(peak - 1, ~0u, &reply) == NPU_MSG_OK && opp_now() == opp - 1,
			       "a mW less does not");
	}
	ok = true;
	for (unsigned int opp = 1; opp < NPU_MODEL_OPPS; opp++)
		ok &= cycles[opp - 1] < cycles[opp] &&
		      cycles[opp - 1] * npu_model_opp[opp - 1].period >
			      cycles[opp] * npu_model_opp[opp].period;
	tap_ok(ok, "at a slower clock host memory takes fewer cycles, and all of it more time");
	tap_is((unsigned int)set(npu_model_peak(0, 1, TILES) - 1, ~0u, &reply), NPU_MSG_BAD_POWER,
	       "a cap below the slowest point's");
	tap_is(reply.power.min_cap_mw, npu_model_peak(0, 1, TILES), "the reply says what is possible");
	tap_is(reg_read(d, NPU_REG_POWER_CAP), npu_model_peak(top, 1, TILES) - 1, "and changes nothing");
	tap_ok(set(0, 1, &reply) == NPU_MSG_OK && opp_now() == 1, "a point that is asked for");
	tap_ok(set(0, 100, &reply) == NPU_MSG_OK && opp_now() == top, "any point");
	tap_ok(ask(NPU_MSG_POWER_SET, (uint64_t[6]){0, 1}, &reply) == NPU_MSG_BAD_POWER,
	       "a reserved field");
}

static void test_heat(void)
{
	const struct npu_fault_spec heat = {.fault = NPU_FAULT_THERMAL_THROTTLE,
					    .target = NPU_FAULT_ANY};
	struct npu_msg reply;

	tap_ok(set(npu_model_peak(3, 1, TILES), ~0u, &reply) == NPU_MSG_OK && opp_now() == 3,
	       "a cap is set");
	tap_is(npu_dev_fault_inject(d->dev, &heat), NPU_FAULT_STATUS_OK, "the die gets hot");
	tap_ok(!(reg_read(d, NPU_REG_OPP) & (NPU_OPP_CURRENT | NPU_OPP_LIMIT)),
	       "hardware goes to the slowest point by itself");
	tap_ok(job_at(0), "work runs there");
	tap_ok(ask(NPU_MSG_POWER_GET, (uint64_t[6]){0}, &reply) == NPU_MSG_OK &&
		       reply.power.limit == 0 && reply.power.opp == 0 &&
		       reply.power.cap_mw == npu_model_peak(3, 1, TILES),
	       "the firmware knows");
	tap_is(npu_dev_fault_clear(d->dev, NPU_FAULT_THERMAL_THROTTLE), NPU_FAULT_STATUS_OK,
	       "it cools down");
	tap_ok(WAIT_FOR(d, opp_now() == 3), "the firmware goes back to what the cap allows");
	tap_ok(job_at(3), "work runs there again");
	tap_ok(set(0, ~0u, &reply) == NPU_MSG_OK, "the cap is lifted");
}

static void test_slow(void)
{
	const struct npu_fault_spec slow = {.fault = NPU_FAULT_SLOW_LINK,
					    .target = NPU_FAULT_ANY,
					    .arg = 64};
	uint64_t fast[NPU_COUNTER_COUNT], v[NPU_COUNTER_COUNT];

	job(0, fast);
	tap_is(npu_dev_fault_inject(d->dev, &slow), NPU_FAULT_STATUS_OK, "the link gets slow");
	tap_ok(job(0, v), "work goes on");
	/* 1000 bytes at 1/64 of 57 bytes per ns, against the copy engine's own 32 per cycle */
	tap_is(v[NPU_COUNTER_COPY_CYCLES] - fast[NPU_COUNTER_COPY_CYCLES],
	       (1000 * 64 + 56) / 57 - (1000 + 31) / 32, "a copy takes as much longer");
	tap_is(npu_dev_fault_clear(d->dev, NPU_FAULT_SLOW_LINK), NPU_FAULT_STATUS_OK, "and ends");
	tap_ok(job(0, v) && v[NPU_COUNTER_CYCLES] == fast[NPU_COUNTER_CYCLES], "as before");
}

static void test_counters(void)
{
	struct npu_counter_block *block = mem_alloc(d, 4096);
	uint64_t v[NPU_COUNTER_COUNT], sum[NPU_COUNTER_COUNT] = {0};
	struct npu_msg reply, msg = {.counters = {.addr = bus_of(d, block)}};
	bool ok = true;

	queue_start(d, 5, NPU_PRIO_NORMAL);
	tap_ok(job(5, v) && job(0, v), "work of two queues");
	msg.counters.core = NPU_CORE_ALL;
	tap_is((unsigned int)ask(NPU_MSG_COUNTERS, msg.data, &reply), NPU_MSG_OK,
	       "counters of the device");
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		ok &= block->value[i] ==
		      d->queue[0].counters->value[i] + d->queue[5].counters->value[i];
	tap_ok(ok && block->core == NPU_CORE_ALL && block->count == NPU_COUNTER_COUNT,
	       "they are the sum of both");
	memcpy(v, block->value, sizeof(v));
	for (unsigned int c = 0; c < TILES + 2; c++) {
		msg.counters.core = c < TILES ? c : c == TILES ? NPU_CORE_COPY : NPU_CORE_FRONT;
		ok &= ask(NPU_MSG_COUNTERS, msg.data, &reply) == NPU_MSG_OK &&
		      block->core == msg.counters.core;
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
			sum[i] += block->value[i];
	}
	tap_ok(ok && !memcmp(sum, v, sizeof(sum)), "and the sum of all cores");
	msg.counters.core = TILES;
	tap_is((unsigned int)ask(NPU_MSG_COUNTERS, msg.data, &reply), NPU_MSG_BAD_COUNTERS,
	       "no such core");
	msg.counters.core = 0;
	msg.counters.addr += 8;
	tap_is((unsigned int)ask(NPU_MSG_COUNTERS, msg.data, &reply), NPU_MSG_BAD_COUNTERS,
	       "a misaligned address");
	msg.counters.addr = 0x1000;
	tap_is((unsigned int)ask(NPU_MSG_COUNTERS, msg.data, &reply), NPU_MSG_BAD_COUNTERS,
	       "one that does not answer");
	tap_ok(d->queue[0].wb->clock == d->queue[0].counters->value[NPU_COUNTER_CYCLES] &&
		       d->queue[0].wb->time == d->queue[0].counters->value[NPU_COUNTER_TIME],
	       "clock and time in the writeback");
	tap_is((unsigned int)request(d, NPU_MSG_QUEUE_STOP, 5), NPU_MSG_OK, "a queue goes");
	queue_start(d, 5, NPU_PRIO_NORMAL);
	msg.counters = (typeof(msg.counters)){.addr = bus_of(d, block), .core = NPU_CORE_ALL};
	tap_ok(ask(NPU_MSG_COUNTERS, msg.data, &reply) == NPU_MSG_OK &&
		       !memcmp(block->value, v, sizeof(v)),
	       "the device keeps what it counted");
}

int main(int argc, char **argv)
{
	const char *path = fw_image_path(argc, argv);

	d = drv_new(path, TILES, -1);
	fresh();
	queue_start(d, 0, NPU_PRIO_NORMAL);
	test_cap();
	test_heat();
	test_slow();
	test_counters();
	drv_free(d);
	return tap_done();
}
