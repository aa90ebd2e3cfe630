/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading under the firmware: while it boots, while it serves queues, while gangs wait for each
 * other. Jobs, their data and the clocks of queues are those of a device that was left alone.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "fw_talk.h"
#include "tap.h"

#define TILES  4
#define QUEUES 3
#define JOBS   25
#define COPY   0x10000

static struct drv *d;
static struct {
	uint64_t code_va, part_va, data_va, copy_va, cb_va;
	struct part *part;
	uint8_t *data, *copy;
	union npu_packet *cb;
} s;

struct outcome {
	bool done, booted;
	uint64_t clock[QUEUES], time[QUEUES];
	unsigned int moves;
};

static bool moving;
static struct outcome o;

static void move(void)
{
	if (!moving)
		return;
	o.done &= drv_move(d);
	o.moves++;
}

static void boot(void)
{
	struct npu_msg msg;
	void *code;

	drv_prepare(d);
	reg_write(d, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	for (unsigned int i = 0; i < 3; i++)
		move();
	o.booted = WAIT_FOR(d, boot_stage(d) == NPU_BOOT_READY) && mbox_get(d, &msg) &&
		   msg.type == NPU_MSG_READY;
	move();
	as_create(d, 1);
	s.code_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, talk, sizeof(talk));
	s.part_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_W, &s.part);
	s.data_va = map_new(d, 1, 0x10000, NPU_PTE_R | NPU_PTE_W, &s.data);
	s.copy_va = map_new(d, 1, 2 * COPY, NPU_PTE_R | NPU_PTE_W, &s.copy);
	s.cb_va = map_new(d, 1, 4096, NPU_PTE_R, &s.cb);
	for (unsigned int i = 0; i < COPY; i++)
		s.copy[i] = i * 7 + i / 256;
}

/* Each sends its bytes, from data, to the next, which stores them behind. */
static void ring(unsigned int job)
{
	memset(s.data, 0, 0x10000);
	memset(s.copy + COPY, 0, COPY);
	for (unsigned int i = 0; i < TILES; i++) {
		memset(s.data + 0x1000 * i, 1 + i + job, 0x1000);
		s.part[i] = (struct part){
			.send = {.dst = NPU_VA_PEER((i + 1) % TILES),
				 .src = s.data_va + 0x1000 * i,
				 .size = {64, 64, 1},
				 .dst_stride = {64},
				 .src_stride = {64},
				 .flags = NPU_DMA_SIGNAL,
				 .signal = 5},
			.store = {.dst = s.data_va + 0x1000 * (TILES + i),
				  .src = NPU_VA_SRAM,
				  .size = {0x1000, 1, 1}},
			.sem = NPU_SEM((i + TILES - 1) % TILES, 5),
			.count = 1,
		};
	}
	s.cb[0] = (union npu_packet){
		.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH, .flags = NPU_DISPATCH_GANG},
			     .entry = s.code_va,
			     .args = s.part_va,
			     .grid = {TILES, 1, 1}},
	};
	s.cb[1] = (union npu_packet){
		.copy = {.hdr = {.op = NPU_PKT_COPY},
			 .dst = s.copy_va + COPY,
			 .src = s.copy_va,
			 .size = {64, COPY / 64, 1},
			 .dst_stride = {64},
			 .src_stride = {64}},
	};
}

static bool right(unsigned int job)
{
	bool ok = !memcmp(s.copy, s.copy + COPY, COPY);

	for (unsigned int i = 0; i < TILES; i++)
		ok &= s.data[0x1000 * (TILES + (i + 1) % TILES)] == 1 + i + job &&
		      !memcmp(s.data + 0x1000 * i, s.data + 0x1000 * (TILES + (i + 1) % TILES),
			      0x1000);
	return ok;
}

static struct outcome run(bool moves)
{
	moving = moves;
	o = (struct outcome){.done = true};
	boot();
	for (unsigned int q = 0; q < QUEUES; q++)
		queue_start(d, q, NPU_PRIO_NORMAL);
	for (unsigned int job = 0; job < JOBS; job++) {
		const unsigned int q = job % QUEUES;
		unsigned int more = 0;
		uint64_t seqno;

		ring(job);
		seqno = submit(d, q, 1, s.cb_va, 2);
		do
			move();
		while (moving && completed(&d->queue[q]) < seqno && ++more % 4);
		o.done &= wait_done(d, q, seqno) && !d->queue[q].wb->error && right(job);
	}
	for (unsigned int q = 0; q < QUEUES; q++) {
		o.clock[q] = d->queue[q].wb->clock;
		o.time[q] = d->queue[q].wb->time;
	}
	return o;
}

int main(int argc, char **argv)
{
	static const int64_t budgets[] = {0, 50, 3000};

	for (unsigned int i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		struct outcome want, got;

		d = drv_new(fw_image_path(argc, argv), TILES, budgets[i]);
		want = run(false);
		tap_ok(want.booted && want.done, "budget %lld: jobs are done", (long long)budgets[i]);
		got = run(true);
		tap_ok(got.booted && got.done && got.moves >= 4 + JOBS, "the same with %u moves", got.moves);
		tap_ok(!memcmp(got.clock, want.clock, sizeof(got.clock)) &&
			       !memcmp(got.time, want.time, sizeof(got.time)) && want.clock[0],
		       "clocks agree");
		drv_free(d);
	}
	return tap_done();
}
