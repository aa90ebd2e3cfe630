// SPDX-License-Identifier: MIT
/* Gangs through the firmware: started together, stopped together, and a hang when they wait for ever. */
#include <stddef.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "fw_talk.h"
#include "tap.h"

#define TILES 4

static struct drv *d;

static struct {
	unsigned int as;
	uint64_t code_va, part_va, data_va, cb_va;
	struct part *part;
	uint32_t *data;
	union npu_packet *cb;
} s;

static void fresh(void)
{
	void *code;

	drv_boot(d, NULL);
	s.as = 1;
	as_create(d, s.as);
	s.code_va = map_new(d, s.as, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, talk, sizeof(talk));
	s.part_va = map_new(d, s.as, 4096, NPU_PTE_R | NPU_PTE_W, &s.part);
	s.data_va = map_new(d, s.as, 4096, NPU_PTE_R | NPU_PTE_W, &s.data);
	s.cb_va = map_new(d, s.as, 4096, NPU_PTE_R, &s.cb);
}

/* Each sends its number, from data, to the next and stores what it got behind it. */
static void ring(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		s.data[i] = 100 + i;
		s.data[TILES + i] = 0;
		s.part[i] = (struct part){
			.send = {.dst = NPU_VA_PEER((i + 1) % n),
				 .src = s.data_va + 4 * i,
				 .size = {4, 1, 1},
				 .flags = NPU_DMA_SIGNAL,
				 .signal = 5},
			.store = {.dst = s.data_va + 4 * (TILES + i),
				  .src = NPU_VA_SRAM,
				  .size = {4, 1, 1}},
			.sem = NPU_SEM((i + n - 1) % n, 5),
			.count = 1,
		};
	}
}

static uint64_t go(unsigned int q, unsigned int groups)
{
	s.cb[0] = (union npu_packet){
		.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH, .flags = NPU_DISPATCH_GANG},
			     .entry = s.code_va,
			     .args = s.part_va,
			     .grid = {groups, 1, 1}},
	};
	return submit(d, q, s.as, s.cb_va, 1);
}

static void test_gangs(void)
{
	uint64_t clock = 0, seqno;
	bool ok = true, same = true;

	fresh();
	for (unsigned int n = 1; n <= TILES; n++) {
		queue_start(d, 0, NPU_PRIO_NORMAL);
		for (unsigned int round = 0; round < 20; round++) {
			uint64_t before = d->queue[0].wb->clock;

			ring(n);
			seqno = go(0, n);
			ok &= wait_done(d, 0, seqno) && !d->queue[0].wb->error;
			for (unsigned int i = 0; i < n; i++)
				ok &= s.data[TILES + (i + 1) % n] == 100 + i;
			if (round)
				same &= d->queue[0].wb->clock - before == clock;
			clock = d->queue[0].wb->clock - before;
		}
		request(d, NPU_MSG_QUEUE_STOP, 0);
	}
	tap_ok(ok, "gangs of one to four tiles");
	tap_ok(same, "take the same modelled time each time");
}

static void test_too_large(void)
{
	struct npu_msg msg;

	fresh();
	queue_start(d, 0, NPU_PRIO_NORMAL);
	ring(TILES);
	go(0, TILES + 1);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT &&
		       msg.fault.error == NPU_JOB_BAD_PACKET &&
		       msg.fault.addr - msg.fault.packet == offsetof(struct npu_pkt_dispatch, grid),
	       "a gang of more workgroups than tiles is a bad packet");
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 0) == NPU_MSG_OK, "nothing is left of it");
}

static void test_fault(void)
{
	struct npu_msg msg;
	uint64_t seqno;

	fresh();
	queue_start(d, 0, NPU_PRIO_NORMAL);
	queue_start(d, 1, NPU_PRIO_NORMAL);
	/* Tile 2 faults, so 3 waits for it, and the others for 3 or their neighbour. */
	ring(TILES);
	s.part[2].send.src = 0x1000;
	go(0, TILES);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT &&
		       msg.fault.error == NPU_JOB_PAGE_FAULT && msg.fault.core == 2 &&
		       msg.fault.addr == 0x1000 && msg.fault.workgroup == 2,
	       "the fault of one ends all");
	tap_ok(WAIT_FOR(d, peek(&d->queue[0].wb->state) == NPU_QUEUE_FAULTED),
	       "and the queue's job");
	ring(TILES);
	seqno = go(1, TILES);
	tap_ok(wait_done(d, 1, seqno) && !d->queue[1].wb->error, "another queue's gang runs");

	/* Without GANG the same packet has no peers. */
	ring(TILES);
	s.cb[0].hdr.flags = 0;
	submit(d, 1, s.as, s.cb_va, 1);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT &&
		       msg.fault.error == NPU_JOB_PAGE_FAULT &&
		       msg.fault.addr >= NPU_VA_PEER(0) && msg.fault.addr < NPU_VA_PEER(TILES),
	       "a dispatch that is no gang has no peers");
}

static void test_hang(void)
{
	uint64_t progress, seqno;

	fresh();
	queue_start(d, 0, NPU_PRIO_NORMAL);
	queue_start(d, 1, NPU_PRIO_NORMAL);
	ring(TILES);
	for (unsigned int i = 0; i < TILES; i++)
		s.part[i].count = 2; /* but only one comes */
	go(0, TILES);
	pass_time(d, 100 * MS);
	npu_dev_wait_idle(d->dev);
	progress = d->queue[0].wb->progress;
	pass_time(d, 200 * MS);
	npu_dev_wait_idle(d->dev);
	tap_ok(peek(&d->queue[0].wb->state) == NPU_QUEUE_RUNNING &&
		       d->queue[0].wb->progress == progress && !completed(&d->queue[0]),
	       "a gang that waits for ever runs without progress");
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 0) == NPU_MSG_OK &&
		       d->queue[0].wb->error == NPU_JOB_STOPPED,
	       "QUEUE_STOP ends it");
	tap_ok(d->stopped.type == NPU_MSG_FAULT && d->stopped.fault.workgroup == 0 &&
		       d->stopped.fault.pc == s.code_va + TAKE_AT,
	       "and says where it waited");
	ring(TILES);
	seqno = go(1, TILES);
	tap_ok(wait_done(d, 1, seqno) && !d->queue[1].wb->error, "the tiles are free again");
}

int main(int argc, char **argv)
{
	static const int64_t budgets[] = {-1, 0, 300};

	for (unsigned int i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		tap_diag("inline budget %lld", (long long)budgets[i]);
		d = drv_new(fw_image_path(argc, argv), TILES, budgets[i]);
		test_gangs();
		test_too_large();
		test_fault();
		test_hang();
		drv_free(d);
	}
	return tap_done();
}
