// SPDX-License-Identifier: MIT
/*
 * The firmware at work on the device core: packets, fences, failures, stops,
 * scheduling. The kernels are a few instructions each, written by hand.
 */
#include <stddef.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "tap.h"

#define TILES 4
#define QUEUES 64

static struct drv *d;

/* Kernels, in order of their place in a code page of a space. */
enum kernel {
	K_EXIT, /* nothing */
	K_MARK, /* args[workgroup x] += 1 + tile */
	K_LOOP, /* never ends */
	K_WILD, /* reads address 0x1238 */
	K_WILD_1, /* workgroup 1 reads address 0x1238, others end */
	K_WILD_1_LOOP, /* the same, others never end */
	K_BREAK, /* ebreak */
	K_ILLEGAL,
	K_LAST_LOOP, /* the last workgroup of the grid never ends, others do */
	KERNELS
};
#define KERNEL_SIZE 64

static const uint32_t kernels[KERNELS][KERNEL_SIZE / 4] = {
	[K_EXIT] = {EXIT},
	[K_MARK] = {CSRR(T0, NPU_CSR_WG_X), SLLI(T0, T0, 2), ADD(T0, T0, A0), LW(T1, T0, 0),
		    CSRR(T2, NPU_CSR_TILE), ADD(T1, T1, T2), ADDI(T1, T1, 1), SW(T1, T0, 0), EXIT},
	[K_LOOP] = {LOOP},
	[K_WILD] = {ADDI(T0, X0, 0x123), SLLI(T0, T0, 4), LW(T1, T0, 8), EXIT},
	[K_WILD_1] = {CSRR(T0, NPU_CSR_WG_X), ADDI(T1, X0, 1), SKIP_EQ(T0, T1), EXIT,
		      ADDI(T0, X0, 0x123), SLLI(T0, T0, 4), LW(T1, T0, 8), EXIT},
	[K_WILD_1_LOOP] = {CSRR(T0, NPU_CSR_WG_X), ADDI(T1, X0, 1), SKIP_EQ(T0, T1), LOOP,
			   ADDI(T0, X0, 0x123), SLLI(T0, T0, 4), LW(T1, T0, 8), EXIT},
	[K_BREAK] = {EBREAK},
	[K_ILLEGAL] = {ADDI(T0, X0, 0), UNIMP},
	[K_LAST_LOOP] = {CSRR(T0, NPU_CSR_WG_X), CSRR(T1, NPU_CSR_GRID_X), ADDI(T0, T0, 1),
			 SKIP_EQ(T0, T1), EXIT, LOOP},
};

/* An address space in use by a test: code, a page of data, a command buffer. */
struct space {
	unsigned int as;
	uint64_t code_va, data_va, cb_va;
	uint32_t *data;
	union npu_packet *cb;
	unsigned int packets;
};

#define CB_PACKETS 256

static struct space space_new(unsigned int as)
{
	struct space s = {.as = as};
	void *code;

	as_create(d, as);
	s.code_va = map_new(d, as, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, kernels, sizeof(kernels));
	s.data_va = map_new(d, as, 16384, NPU_PTE_R | NPU_PTE_W, &s.data);
	s.cb_va = map_new(d, as, CB_PACKETS * NPU_PACKET_SIZE, NPU_PTE_R, &s.cb);
	return s;
}

static void put(struct space *s, union npu_packet packet)
{
	s->cb[s->packets++] = packet;
}

static void put_dispatch(struct space *s, enum kernel kernel, uint32_t groups)
{
	put(s, (union npu_packet){
		.dispatch = {
			.hdr = {.op = NPU_PKT_DISPATCH},
			.entry = s->code_va + kernel * KERNEL_SIZE,
			.args = s->data_va,
			.grid = {groups, 1, 1},
		},
	});
}

static void put_fill(struct space *s, uint64_t va, uint32_t value, uint32_t bytes)
{
	put(s, (union npu_packet){
		.fill = {.hdr = {.op = NPU_PKT_FILL}, .dst = va, .value = value,
			 .size = {bytes, 1, 1}},
	});
}

/* Submit what was put and begin a new command buffer in the same place. */
static uint64_t go(struct space *s, unsigned int q)
{
	uint64_t seqno = submit(d, q, s->as, s->cb_va, s->packets);

	s->packets = 0;
	return seqno;
}

/* Device with fresh memory and running firmware; the ready message is consumed. */
static void fresh(void)
{
	drv_boot(d, NULL);
}

static bool wait_state(unsigned int q, uint32_t state)
{
	return WAIT_FOR(d, peek(&d->queue[q].wb->state) == state);
}

static bool wait_irq(unsigned int q, unsigned int count)
{
	return WAIT_FOR(d, d->irqs[d->queue[q].desc.vector] >= count);
}

/* ---- work that succeeds ------------------------------------------------------------------- */

static void test_fences(void)
{
	struct npu_ring_entry fence = {.op = NPU_RING_FENCE, .seqno = 7};
	const struct npu_ring_entry nop = {.op = NPU_RING_NOP};
	struct queue_mem *q;

	fresh();
	q = queue_setup(d, 5, NPU_RING_MIN_LOG2, NPU_PRIO_NORMAL);
	q->wb->completed = 6;
	tap_ok(request(d, NPU_MSG_QUEUE_START, 5) == NPU_MSG_OK, "a queue starts");
	tap_ok(q->wb->state == NPU_QUEUE_IDLE && q->wb->completed == 6 && q->wb->started == 6 &&
	       !q->wb->head, "its writeback is idle and keeps completed");
	ring_put(q, &fence);
	ring_bell(d, 5);
	tap_ok(wait_done(d, 5, 7) && q->wb->head == 1, "a fence without interrupt");
	ring_put(q, &nop);
	fence.flags = NPU_RING_FENCE_IRQ;
	fence.seqno = 8;
	ring_put(q, &fence);
	ring_bell(d, 5);
	tap_ok(wait_done(d, 5, 8) && wait_irq(5, 1) && d->irqs[6] == 1, "a fence with interrupt");
	/* Far more entries than the ring holds, in chunks that do not divide it. */
	for (fence.seqno = 9; fence.seqno < 1000;) {
		for (unsigned int i = 0; i < 11; i++, fence.seqno++)
			ring_put(q, &fence);
		ring_bell(d, 5);
		if (!wait_done(d, 5, fence.seqno - 1))
			break;
	}
	tap_ok(fence.seqno >= 1000 && q->wb->head == q->tail, "1000 entries through a ring of 16");
	npu_dev_wait_idle(d->dev);
	d->irqs[6] = 0;
	for (unsigned int i = 0; i < 16; i++, fence.seqno++)
		ring_put(q, &fence);
	ring_bell(d, 5);
	tap_ok(wait_done(d, 5, fence.seqno - 1), "a ring filled to the brim");
	/* Interrupts of fences in a row may merge. */
	npu_dev_wait_idle(d->dev);
	tap_ok(wait_irq(5, 1) && d->irqs[6] <= 16, "and an interrupt for it");
}

static void test_packets(void)
{
	struct npu_counter_block *block;
	struct npu_timestamp *stamp;
	struct queue_mem *q;
	struct space s;
	bool good = true;
	uint64_t seqno;

	fresh();
	s = space_new(3);
	q = queue_start(d, 0, NPU_PRIO_NORMAL);
	put_dispatch(&s, K_MARK, 10);
	seqno = go(&s, 0);
	tap_ok(wait_done(d, 0, seqno) && !q->wb->error, "a dispatch");
	for (unsigned int i = 0; i < 10; i++)
		good = good && s.data[i] == 1 + i % TILES;
	tap_ok(good && !s.data[10], "each workgroup ran once, on the tile that its share says");
	tap_ok(q->wb->started == seqno && q->wb->progress == 11 && q->wb->clock &&
	       q->wb->begun == seqno && q->wb->head == 2 && q->wb->state == NPU_QUEUE_IDLE,
	       "writeback: started, begun, progress, clock, head, state");
	tap_ok(q->counters->version == NPU_COUNTER_TABLE_VERSION &&
	       q->counters->value[NPU_COUNTER_WORKGROUPS] == 10 &&
	       q->counters->value[NPU_COUNTER_PACKETS] == 1 &&
	       q->counters->value[NPU_COUNTER_DISPATCHES] == 1 &&
	       q->counters->value[NPU_COUNTER_CYCLES] == q->wb->clock,
	       "counters are published with the fence");

	memset(s.data, 0, 4096);
	put_dispatch(&s, K_MARK, 1);
	tap_ok(wait_done(d, 0, go(&s, 0)) && s.data[0] == 1 && !s.data[1],
	       "fewer workgroups than tiles");
	memset(s.data, 0, 4096);
	put(&s, (union npu_packet){.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH},
						.entry = s.code_va + K_MARK * KERNEL_SIZE,
						.args = s.data_va, .grid = {5, 3, 2}}});
	/* Workgroups of one column add to the same word without a lock: so count them elsewhere. */
	tap_ok(wait_done(d, 0, go(&s, 0)) && q->counters->value[NPU_COUNTER_WORKGROUPS] == 10 + 1 + 30,
	       "three dimensions");

	put_fill(&s, s.data_va + 4096, 0xdeadbeef, 64);
	put(&s, (union npu_packet){.barrier = {.hdr = {.op = NPU_PKT_BARRIER}}});
	put(&s, (union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY}, .dst = s.data_va + 8192 + 1,
					    .src = s.data_va + 4096 + 2, .size = {3, 4, 1},
					    .dst_stride = {16, 0}, .src_stride = {4, 0}}});
	put(&s, (union npu_packet){.barrier = {.hdr = {.op = NPU_PKT_NOP, .id = 99}}});
	put(&s, (union npu_packet){.timestamp = {.hdr = {.op = NPU_PKT_TIMESTAMP},
						 .addr = s.data_va + 12288}});
	put(&s, (union npu_packet){.counters = {.hdr = {.op = NPU_PKT_COUNTERS},
						.addr = s.data_va + 12288 + 64,
						.size = sizeof(struct npu_counter_block)}});
	tap_ok(wait_done(d, 0, go(&s, 0)) && !q->wb->error, "fill, barrier, copy, nop, timestamp, counters");
	tap_ok(s.data[1024] == 0xdeadbeef && s.data[1024 + 15] == 0xdeadbeef && !s.data[1024 + 16],
	       "the fill filled");
	good = true;
	for (unsigned int row = 0; row < 4; row++)
		good = good && !memcmp((uint8_t *)s.data + 8192 + 1 + 16 * row,
				       (uint8_t *)s.data + 4096 + 2 + 4 * row, 3) &&
		       !((uint8_t *)s.data)[8192 + 16 * row + 4];
	tap_ok(good, "the copy copied");
	stamp = (struct npu_timestamp *)((uint8_t *)s.data + 12288);
	block = (struct npu_counter_block *)((uint8_t *)s.data + 12288 + 64);
	tap_ok(stamp->cycles && stamp->cycles < q->wb->clock && stamp->wall_ns >= 1000 * MS &&
		       stamp->time_ps == stamp->cycles * 1000 && !stamp->reserved,
	       "the timestamp holds the queue's cycles and the time");
	tap_ok(block->version == NPU_COUNTER_TABLE_VERSION && block->count == NPU_COUNTER_COUNT &&
	       block->value[NPU_COUNTER_COPY_BYTES] == 64 + 12 &&
	       block->value[NPU_COUNTER_PACKETS] == 3 + 6,
	       "the counters are of this queue and moment");

	/* Over two pages, more than any batch, an odd number. */
	memset(s.data, 0, 4096);
	for (unsigned int i = 0; i < 201; i++)
		put_fill(&s, s.data_va + 4 * i, i + 1, 4);
	tap_ok(wait_done(d, 0, go(&s, 0)), "201 packets in one command buffer");
	for (unsigned int i = 0; i < 201; i++)
		good = good && s.data[i] == i + 1;
	tap_ok(good && !s.data[201], "each was executed");
	tap_ok(!d->irqs[2] && wait_irq(0, 1), "interrupts went to the right vector");
}

/* Two RUN entries and one FENCE are one job. */
static void test_two_runs(void)
{
	struct queue_mem *q;
	struct space s;

	fresh();
	s = space_new(1);
	q = queue_start(d, 63, NPU_PRIO_LOW);
	put_fill(&s, s.data_va, 1, 4);
	put_fill(&s, s.data_va, 2, 4);
	for (unsigned int i = 0; i < 2; i++)
		ring_put(q, &(struct npu_ring_entry){.op = NPU_RING_RUN, .as_id = 1, .packets = 1,
						     .addr = s.cb_va + 64 * i, .seqno = 3});
	ring_bell(d, 63);
	tap_ok(WAIT_FOR(d, q->wb->head == 2) && q->wb->started == 3 && !q->wb->completed,
	       "two RUN entries without a fence yet: started, not completed");
	ring_put(q, &(struct npu_ring_entry){.op = NPU_RING_FENCE, .seqno = 3});
	ring_bell(d, 63);
	tap_ok(wait_done(d, 63, 3) && s.data[0] == 2, "the fence completes both");
}

/* ---- failures -------------------------------------------------------------------------------- */

/*
 * The job at the end of queue q must fail so. Checks message, writeback,
 * interrupt, that the message came first, and that the queue works after
 * STOP and START.
 */
static void expect_failure(const char *what, unsigned int q, struct space *s,
			   struct npu_msg *want)
{
	struct queue_mem *queue = &d->queue[q];
	uint64_t seqno = queue->seqno;
	struct npu_msg msg = {0};
	bool good;

	ring_bell(d, q);
	good = mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT && msg.queue == q && !msg.cookie &&
	       msg.fault.error == want->fault.error && msg.fault.access == want->fault.access &&
	       msg.fault.core == want->fault.core && msg.fault.seqno == want->fault.seqno &&
	       msg.fault.addr == want->fault.addr && msg.fault.pc == want->fault.pc &&
	       msg.fault.packet == want->fault.packet && msg.fault.as_id == want->fault.as_id &&
	       msg.fault.workgroup == want->fault.workgroup;
	if (!good)
		tap_diag("message type %#x error %u access %u core %#x as %u seqno %llu addr %#llx "
			 "pc %#llx packet %#llx wg %llu", msg.type, msg.fault.error,
			 msg.fault.access, msg.fault.core, msg.fault.as_id,
			 (unsigned long long)msg.fault.seqno, (unsigned long long)msg.fault.addr,
			 (unsigned long long)msg.fault.pc, (unsigned long long)msg.fault.packet,
			 (unsigned long long)msg.fault.workgroup);
	if (!wait_state(q, NPU_QUEUE_FAULTED) || queue->wb->error != want->fault.error ||
	    queue->wb->error_seqno != want->fault.seqno || queue->wb->completed != seqno ||
	    !wait_irq(q, 1)) {
		tap_diag("state %u error %u of %llu, completed %llu", queue->wb->state,
			 queue->wb->error, (unsigned long long)queue->wb->error_seqno,
			 (unsigned long long)queue->wb->completed);
		good = false;
	}
	tap_ok(good, "%s: told and published", what);

	/* Halted: another job does not run. Stopped and started: it does. */
	memset(s->data, 0, 64);
	s->packets = 0;
	put_fill(s, s->data_va, 0x600d, 4);
	go(s, q);
	good = request(d, NPU_MSG_PING, 0) == NPU_MSG_OK && queue->wb->completed == seqno &&
	       !s->data[0];
	good = good && request(d, NPU_MSG_QUEUE_STOP, q) == NPU_MSG_OK &&
	       queue->wb->state == NPU_QUEUE_STOPPED && queue->wb->error == want->fault.error;
	queue->tail = 0;
	good = good && request(d, NPU_MSG_QUEUE_START, q) == NPU_MSG_OK && !queue->wb->error;
	put_fill(s, s->data_va, 0x600d, 4);
	good = good && wait_done(d, q, go(s, q)) && s->data[0] == 0x600d;
	/* What failed may never get idle. */
	if (good)
		npu_dev_wait_idle(d->dev);
	d->irqs[queue->desc.vector] = 0;
	tap_ok(good, "%s: the queue halts, and works when started again", what);
}

static struct npu_msg fault_of(struct space *s, unsigned int q, uint8_t error, uint8_t access,
			       uint16_t core)
{
	return (struct npu_msg){
		.fault = {.error = error, .access = access, .core = core, .as_id = (uint16_t)s->as,
			  .seqno = d->queue[q].seqno, .packet = s->cb_va},
	};
}

/* The registers are those of the core that failed, with what the kernel did before, and no more. */
static void expect_core(const char *what, const struct queue_mem *queue, const struct npu_msg *want)
{
	const struct npu_core_state *core = queue->core;
	const bool wild = want->fault.error == NPU_JOB_PAGE_FAULT;

	tap_ok(core->flags == NPU_CORE_STATE_VALID && core->core == want->fault.core &&
		       core->seqno == want->fault.seqno && core->pc == want->fault.pc &&
		       core->workgroup == want->fault.workgroup && core->cycle,
	       "%s: registers of the right core, workgroup and job", what);
	tap_ok(core->x[5] == (wild ? 0x1230 : 0) && !core->x[0] && core->x[2] > NPU_VA_SRAM &&
		       core->vtype == 1ull << 63 && core->vlenb && !core->reserved0 &&
		       !core->reserved[5],
	       "%s: with what the kernel had in them", what);
}

static void test_kernel_faults(void)
{
	static const struct {
		const char *name;
		enum kernel kernel;
		uint32_t groups;
		uint8_t error, access;
		uint16_t core;
		uint64_t addr;
		unsigned int insn;
	} faults[] = {
		{"wild read", K_WILD, 1, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 0, 0x1238, 2},
		{"wild read of one workgroup", K_WILD_1, 2, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 1,
		 0x1238, 6},
		{"ebreak", K_BREAK, 1, NPU_JOB_BREAKPOINT, NPU_ACCESS_NONE, 0, 0, 0},
		{"illegal instruction", K_ILLEGAL, 1, NPU_JOB_ILLEGAL, NPU_ACCESS_NONE, 0, UNIMP, 1},
	};
	struct npu_msg want;
	struct space s, other;
	uint64_t seqno;

	fresh();
	s = space_new(2);
	other = space_new(9);
	queue_start(d, 1, NPU_PRIO_NORMAL);
	queue_start(d, 2, NPU_PRIO_NORMAL);
	for (unsigned int i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		memset(d->queue[1].core, 0, sizeof(*d->queue[1].core));
		put_dispatch(&s, faults[i].kernel, faults[i].groups);
		go(&s, 1);
		want = fault_of(&s, 1, faults[i].error, faults[i].access, faults[i].core);
		want.fault.addr = faults[i].addr;
		want.fault.pc = s.code_va + faults[i].kernel * KERNEL_SIZE + 4 * faults[i].insn;
		want.fault.workgroup = faults[i].core;
		if (faults[i].error == NPU_JOB_BREAKPOINT)
			want.fault.addr = want.fault.pc;
		expect_failure(faults[i].name, 1, &s, &want);
		expect_core(faults[i].name, &d->queue[1], &want);
		put_fill(&other, other.data_va, i, 4);
		seqno = go(&other, 2);
		tap_ok(wait_done(d, 2, seqno) && !d->queue[2].wb->error && other.data[0] == i,
		       "%s: another queue goes on", faults[i].name);
	}

	/* One tile faults while the others loop: they must be stopped for the fault to get out. */
	put_dispatch(&s, K_WILD_1_LOOP, 100);
	put_fill(&s, s.data_va + 4096, 1, 4);
	go(&s, 1);
	want = fault_of(&s, 1, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, 1);
	want.fault.addr = 0x1238;
	want.fault.pc = s.code_va + K_WILD_1_LOOP * KERNEL_SIZE + 24;
	want.fault.workgroup = 1;
	expect_failure("fault beside kernels that never end", 1, &s, &want);
	tap_ok(!s.data[1024], "the packet behind it did not run");
}

static void test_engine_faults(void)
{
	struct npu_msg want;
	struct space s;

	fresh();
	s = space_new(200);
	queue_start(d, 7, NPU_PRIO_HIGH);

	put_fill(&s, s.data_va + 16384 - 8, 1, 16);
	go(&s, 7);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, NPU_CORE_COPY);
	want.fault.addr = s.data_va + 16384;
	expect_failure("fill beyond the end", 7, &s, &want);

	put(&s, (union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY}, .dst = s.data_va,
					    .src = 0x7000, .size = {4, 1, 1}}});
	go(&s, 7);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_CORE_COPY);
	want.fault.addr = 0x7000;
	expect_failure("copy from nowhere", 7, &s, &want);

	put(&s, (union npu_packet){.timestamp = {.hdr = {.op = NPU_PKT_TIMESTAMP},
						 .addr = s.cb_va + 64}});
	go(&s, 7);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, NPU_CORE_FRONT);
	want.fault.addr = s.cb_va + 64;
	expect_failure("timestamp to read-only memory", 7, &s, &want);

	put(&s, (union npu_packet){.counters = {.hdr = {.op = NPU_PKT_COUNTERS},
						.addr = s.data_va + 16384 - 64, .size = 4096}});
	go(&s, 7);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_WRITE, NPU_CORE_FRONT);
	want.fault.addr = s.data_va + 16384;
	expect_failure("counters beyond the end", 7, &s, &want);

	submit(d, 7, 200, 0x40, 1);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_CORE_FRONT);
	want.fault.addr = want.fault.packet = 0x40;
	expect_failure("command buffer that is not mapped", 7, &s, &want);

	submit(d, 7, 201, s.cb_va, 1);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_CORE_FRONT);
	want.fault.as_id = 201;
	want.fault.addr = s.cb_va;
	expect_failure("address space that does not exist", 7, &s, &want);

	/* 64 packets fill the page; the page behind the buffer is not mapped. */
	memset(s.cb, 0, CB_PACKETS * NPU_PACKET_SIZE);
	s.cb[CB_PACKETS - 1].fill = (struct npu_pkt_fill){
		.hdr = {.op = NPU_PKT_FILL}, .dst = s.data_va + 64, .value = 77, .size = {4, 1, 1},
	};
	submit(d, 7, 200, s.cb_va + (CB_PACKETS - 3) * NPU_PACKET_SIZE, 5);
	want = fault_of(&s, 7, NPU_JOB_PAGE_FAULT, NPU_ACCESS_READ, NPU_CORE_FRONT);
	want.fault.addr = want.fault.packet = s.cb_va + CB_PACKETS * NPU_PACKET_SIZE;
	expect_failure("command buffer that runs off its mapping", 7, &s, &want);
	tap_ok(s.data[16] == 77, "after the packets that were there");
}

static void test_bad_packets(void)
{
	static const struct {
		const char *name;
		union npu_packet packet;
		unsigned int offset;
	} bad[] = {
		{"unknown operation", {.hdr = {.op = 7}}, 0},
		{"flags", {.hdr = {.flags = 1}}, 1},
		{"header", {.hdr = {.reserved = 1}}, 2},
		{"nop with a field", {.raw = {0, 0, 0, 1}}, 24},
		{"barrier with a field", {.raw = {NPU_PKT_BARRIER, 1}}, 8},
		{"empty grid", {.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH}, .grid = {1, 0, 1}}}, 28},
		{"odd entry", {.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH}, .entry = 1,
					    .grid = {1, 1, 1}}}, 8},
		{"huge grid", {.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH},
					    .grid = {65536, 65536, 1}}}, 28},
		{"copy of nothing", {.copy = {.hdr = {.op = NPU_PKT_COPY}, .size = {1, 1, 0}}}, 32},
		{"fill of odd bytes", {.fill = {.hdr = {.op = NPU_PKT_FILL}, .size = {5, 1, 1}}}, 24},
		{"timestamp misaligned", {.timestamp = {.hdr = {.op = NPU_PKT_TIMESTAMP},
							.addr = 0x10008}}, 8},
		{"counters too small", {.counters = {.hdr = {.op = NPU_PKT_COUNTERS},
						     .addr = 0x10000, .size = 64}}, 16},
	};
	struct npu_msg want;
	struct space s;

	fresh();
	s = space_new(0);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(&s, (union npu_packet){.hdr = {.op = NPU_PKT_NOP}});
		put(&s, bad[i].packet);
		go(&s, 0);
		want = fault_of(&s, 0, NPU_JOB_BAD_PACKET, NPU_ACCESS_NONE, NPU_CORE_FRONT);
		want.fault.packet += 64;
		want.fault.addr = want.fault.packet + bad[i].offset;
		expect_failure(bad[i].name, 0, &s, &want);
	}
}

static void test_bad_rings(void)
{
	struct space s;
	const struct npu_ring_entry good = {.op = NPU_RING_RUN, .packets = 1, .addr = 0x200000};
	struct {
		const char *name;
		struct npu_ring_entry entry;
	} bad[] = {
		{"unknown ring entry", {.op = 3}},
		{"reserved field of an entry", good},
		{"flags of RUN", good},
		{"address space out of range", good},
		{"no packets", good},
		{"too many packets", good},
		{"command buffer misaligned", good},
		{"flags of FENCE", {.op = NPU_RING_FENCE, .flags = 2}},
		{"flags of NOP", {.op = NPU_RING_NOP, .flags = 1}},
	};
	struct npu_msg want;
	uint32_t tails[] = {65, 0x80000000, 0xffffffff};

	bad[1].entry.reserved = 1;
	bad[2].entry.flags = 1;
	bad[3].entry.as_id = NPU_MAX_AS;
	bad[4].entry.packets = 0;
	bad[5].entry.packets = NPU_CB_MAX_PACKETS + 1;
	bad[6].entry.addr += 32;
	fresh();
	s = space_new(0);
	queue_start(d, 3, NPU_PRIO_NORMAL);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bad[i].entry.seqno = ++d->queue[3].seqno;
		want = fault_of(&s, 3, NPU_JOB_BAD_RING, NPU_ACCESS_NONE, NPU_CORE_FRONT);
		want.fault.packet = 0;
		want.fault.addr = d->queue[3].tail;
		ring_put(&d->queue[3], &bad[i].entry);
		expect_failure(bad[i].name, 3, &s, &want);
	}
	for (unsigned int i = 0; i < 3; i++) {
		/* expect_failure() left the queue with one job done: head 2. */
		want = fault_of(&s, 3, NPU_JOB_BAD_RING, NPU_ACCESS_NONE, NPU_CORE_FRONT);
		want.fault.packet = 0;
		want.fault.addr = 2;
		d->queue[3].tail = 2 + tails[i];
		expect_failure("tail out of range", 3, &s, &want);
	}
}

/* ---- mailbox ------------------------------------------------------------------------------------ */

static void test_requests(void)
{
	struct npu_queue_desc desc;
	struct queue_mem *q;

	fresh();
	tap_ok(request(d, NPU_MSG_PING, 0) == NPU_MSG_OK, "ping");
	tap_ok(request(d, 0, 0) == NPU_MSG_BAD_TYPE && request(d, 99, 0) == NPU_MSG_BAD_TYPE &&
	       request(d, NPU_MSG_READY, 0) == NPU_MSG_BAD_TYPE, "unknown requests");
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 4) == NPU_MSG_BAD_QUEUE, "stop of a stopped queue");
	tap_ok(request(d, NPU_MSG_QUEUE_START, QUEUES) == NPU_MSG_BAD_QUEUE &&
	       request(d, NPU_MSG_QUEUE_STOP, 0xffffffff) == NPU_MSG_BAD_QUEUE, "queue out of range");
	q = queue_setup(d, 4, 6, NPU_PRIO_NORMAL);
	desc = q->desc;
#define BAD_DESC(field, value)                                                              \
	do {                                                                                \
		d->queue_table[4] = desc;                                                   \
		d->queue_table[4].field = (value);                                          \
		tap_ok(request(d, NPU_MSG_QUEUE_START, 4) == NPU_MSG_BAD_DESC,              \
		       "descriptor with " #field " = " #value);                             \
	} while (0)
	BAD_DESC(ring, 0);
	BAD_DESC(ring, desc.ring + 2048);
	BAD_DESC(writeback, 0);
	BAD_DESC(writeback, desc.writeback + 32);
	BAD_DESC(writeback, 0x1000);
	BAD_DESC(counters, desc.counters + 4);
	BAD_DESC(ring_log2, NPU_RING_MIN_LOG2 - 1);
	BAD_DESC(ring_log2, NPU_RING_MAX_LOG2 + 1);
	BAD_DESC(ring_log2, 64);
	BAD_DESC(vector, 0);
	BAD_DESC(vector, NPU_MSIX_VECTORS);
	BAD_DESC(priority, 4);
	BAD_DESC(flags, 1);
	BAD_DESC(core_state, desc.core_state + 32);
	BAD_DESC(reserved[0], 1);
	BAD_DESC(reserved[1], 1ull << 63);
	d->queue_table[4] = desc;
	d->hole_start = bus_of(d, d->queue_table);
	d->hole_end = d->hole_start + 4096;
	npu_dev_flush_maps(d->dev);
	tap_ok(request(d, NPU_MSG_QUEUE_START, 4) == NPU_MSG_BAD_DESC, "descriptors that do not answer");
	d->hole_start = d->hole_end = 0;
	tap_ok(request(d, NPU_MSG_QUEUE_START, 4) == NPU_MSG_OK, "the good descriptor");
	tap_ok(request(d, NPU_MSG_QUEUE_START, 4) == NPU_MSG_BAD_QUEUE, "start of a started queue");
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 4) == NPU_MSG_OK && q->wb->state == NPU_QUEUE_STOPPED &&
	       !q->wb->error && !d->irqs[q->desc.vector], "stop of an idle queue");
}

/* Indices wrap, and no reply is lost or doubled while the host is slow to read. */
static void test_mailbox_full(void)
{
	const uint32_t start = 0xffffffe0;
	struct npu_msg msg;
	struct space s;
	uint32_t cookie = 0, expected = 0;
	bool good = true;

	drv_prepare(d);
	d->mbox->h2f_write.index = d->mbox->h2f_read.index = start;
	d->mbox->f2h_write.index = d->mbox->f2h_read.index = start;
	drv_start(d);
	mbox_get(d, &msg);
	s = space_new(1);
	queue_start(d, 1, NPU_PRIO_NORMAL);

	/* 64 replies fill the ring; of the 64 requests behind them none may be consumed. */
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < NPU_MBOX_ENTRIES; i++)
			mbox_put(d, NPU_MSG_PING, 0, ++cookie);
		mbox_ring(d);
		if (!round)
			good = WAIT_FOR(d, peek(&d->mbox->h2f_read.index) ==
						   d->mbox->h2f_write.index);
	}
	pass_time(d, 200 * MS);
	npu_dev_wait_idle(d->dev);
	tap_ok(good && d->mbox->h2f_write.index - peek(&d->mbox->h2f_read.index) == NPU_MBOX_ENTRIES &&
	       peek(&d->mbox->f2h_write.index) - d->mbox->f2h_read.index == NPU_MBOX_ENTRIES,
	       "replies fill the mailbox, requests wait");

	/* A job fails now: nobody can be told, so nothing is published, and the queue holds still. */
	put_dispatch(&s, K_WILD, 1);
	go(&s, 1);
	pass_time(d, 200 * MS);
	npu_dev_wait_idle(d->dev);
	tap_ok(!d->queue[1].wb->error && !completed(&d->queue[1]) && !d->irqs[2],
	       "a fault waits for room before it is published");
	/* Stop of that queue and 100 more pings, while the host reads without ringing. */
	good = true;
	for (unsigned int i = 0; i < 2 * NPU_MBOX_ENTRIES + 2; i++) {
		if (!mbox_get(d, &msg)) {
			good = false;
			break;
		}
		if (msg.type == NPU_MSG_FAULT) {
			good = good && expected == NPU_MBOX_ENTRIES && msg.queue == 1;
			mbox_put(d, NPU_MSG_QUEUE_STOP, 1, 0xabc);
			continue;
		}
		if (msg.cookie == 0xabc) {
			good = good && expected == 2 * NPU_MBOX_ENTRIES && msg.status == NPU_MSG_OK;
			mbox_put(d, NPU_MSG_PING, 0, ++cookie);
			break;
		}
		good = good && msg.type == NPU_MSG_REPLY && msg.cookie == ++expected;
		if (expected == 2 * NPU_MBOX_ENTRIES)
			mbox_ring(d);
	}
	tap_ok(good, "the fault comes next, then each reply once and in order");
	tap_ok(d->queue[1].wb->error == NPU_JOB_PAGE_FAULT &&
	       d->queue[1].wb->state == NPU_QUEUE_STOPPED && WAIT_FOR(d, d->irqs[2] == 1),
	       "and the failure was published");
	mbox_ring(d);
	tap_ok(mbox_get(d, &msg) && msg.cookie == cookie, "the mailbox works on");
}

static void test_panics(void)
{
	struct npu_msg msg;

	fresh();
	d->mbox->h2f_write.index = d->mbox->h2f_read.index + NPU_MBOX_ENTRIES + 1;
	mbox_ring(d);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_PANIC && msg.panic.code == NPU_PANIC_MBOX,
	       "mailbox index out of range: panic message");
	tap_ok(WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) &&
	       reg_read(d, NPU_REG_FW_STATUS) == NPU_PANIC_MBOX &&
	       reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_FW_DEAD, "and the core is dead");

	fresh();
	queue_start(d, 0, NPU_PRIO_NORMAL);
	d->hole_start = d->queue[0].desc.ring;
	d->hole_end = d->hole_start + 4096;
	npu_dev_flush_maps(d->dev);
	submit(d, 0, 0, 0, 1);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_PANIC && msg.panic.code == NPU_PANIC_BUS &&
	       msg.panic.mtval == d->hole_start, "ring that does not answer: panic, with its address");

	fresh();
	d->hole_start = bus_of(d, d->mbox);
	d->hole_end = d->hole_start + sizeof(*d->mbox);
	npu_dev_flush_maps(d->dev);
	mbox_ring(d);
	tap_ok(WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) &&
	       reg_read(d, NPU_REG_FW_STATUS) == NPU_PANIC_BUS,
	       "mailbox that does not answer: panic without message");
	tap_ok(!strncmp(d->last_log, "panic 0x2 ", 10) || strstr(d->last_log, "halted"),
	       "the device's log has it");
}

/* ---- stops and scheduling ------------------------------------------------------------------ */

static void test_stop(void)
{
	struct queue_mem *q, *other;
	struct npu_queue_wb poison;
	struct space s, t;
	struct npu_msg msg, fault = {0};
	bool answered = false, refused = false;
	uint64_t seqno;

	fresh();
	s = space_new(1);
	t = space_new(2);
	q = queue_start(d, 1, NPU_PRIO_NORMAL);
	other = queue_start(d, 2, NPU_PRIO_NORMAL);

	put_dispatch(&s, K_LAST_LOOP, 1001);
	seqno = go(&s, 1);
	tap_ok(WAIT_FOR(d, q->wb->progress == 1000) && q->wb->state == NPU_QUEUE_RUNNING &&
	       q->wb->started == seqno && !q->wb->completed,
	       "a job that hangs: progress shows the workgroups that have ended");

	/* The neighbour's copy runs; its dispatch has to wait and is not to blame. */
	put_fill(&t, t.data_va, 5, 4);
	tap_ok(wait_done(d, 2, go(&t, 2)) && t.data[0] == 5, "a copy of another queue goes on");
	put_fill(&t, t.data_va, 0, 4);
	put_dispatch(&t, K_MARK, 4);
	seqno = go(&t, 2);
	tap_ok(WAIT_FOR(d, other->wb->started == seqno && other->wb->state == NPU_QUEUE_IDLE),
	       "a dispatch of another queue waits for the tiles: state IDLE");
	tap_ok(peek(&q->wb->state) == NPU_QUEUE_RUNNING, "while the hog's is RUNNING");

	/* Stop the hog; a ping behind the stop may be answered before it. */
	mbox_put(d, NPU_MSG_QUEUE_STOP, 1, 501);
	mbox_put(d, NPU_MSG_QUEUE_STOP, 1, 502);
	mbox_ring(d);
	for (unsigned int i = 0; i < 3; i++) {
		if (!mbox_get(d, &msg))
			break;
		if (msg.type == NPU_MSG_FAULT && !answered)
			fault = msg;
		else if (msg.type == NPU_MSG_REPLY && msg.cookie == 501)
			answered = fault.type && msg.status == NPU_MSG_OK;
		else if (msg.type == NPU_MSG_REPLY && msg.cookie == 502)
			refused = msg.status == NPU_MSG_BAD_QUEUE;
	}
	tap_ok(answered && refused, "the stop is answered, a second one refused");
	tap_ok(fault.queue == 1 && fault.fault.error == NPU_JOB_STOPPED &&
	       fault.fault.access == NPU_ACCESS_NONE && fault.fault.seqno == 1 &&
	       fault.fault.workgroup == 1000 && fault.fault.core == 1000 % TILES &&
	       fault.fault.pc >= s.code_va && fault.fault.packet == s.cb_va,
	       "before that it is told where the hog's last workgroup stood");
	tap_ok(q->wb->state == NPU_QUEUE_STOPPED && q->wb->error == NPU_JOB_STOPPED &&
	       q->wb->error_seqno == 1 && q->wb->completed == 1 && wait_irq(1, 1),
	       "the aborted job is published before the reply");
	tap_ok(wait_done(d, 2, seqno) && t.data[0] == 1 && t.data[3] == 4 && !other->wb->error,
	       "the neighbour's dispatch runs then");

	/* Nothing touches the stopped queue's memory, whatever is rung. */
	memset(q->wb, 0xa5, sizeof(*q->wb));
	memcpy(&poison, q->wb, sizeof(poison));
	put_dispatch(&s, K_MARK, 1);
	go(&s, 1);
	pass_time(d, 200 * MS);
	npu_dev_wait_idle(d->dev);
	tap_ok(!memcmp(&poison, q->wb, sizeof(poison)) && !s.data[0],
	       "after the reply nothing of the queue is touched");

	/* That doorbell must not count for the next life of the queue, if it is rung before START. */
	q->wb->completed = 40;
	q->seqno = 40;
	q->tail = 0;
	put_dispatch(&s, K_MARK, 1);
	seqno = submit(d, 1, 1, s.cb_va, 1);
	tap_ok(request(d, NPU_MSG_QUEUE_START, 1) == NPU_MSG_OK && wait_done(d, 1, seqno) &&
	       s.data[0] == 1, "a doorbell that overtakes the start is not lost");
	s.packets = 0;

	/* Stop a queue that waits. */
	put_dispatch(&s, K_LOOP, TILES);
	seqno = go(&s, 1);
	if (!WAIT_FOR(d, q->wb->started == seqno))
		tap_diag("the hog does not start");
	put_dispatch(&t, K_MARK, 4);
	seqno = go(&t, 2);
	tap_ok(WAIT_FOR(d, other->wb->started == seqno && other->wb->state == NPU_QUEUE_IDLE) &&
	       other->wb->begun == seqno - 1, "a job that only waits has not begun");
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 2) == NPU_MSG_OK && !d->stopped.type &&
	       other->wb->error == NPU_JOB_STOPPED && other->wb->completed == seqno &&
	       t.data[0] == 1, "a waiting job is aborted without having run");
	tap_ok(peek(&q->wb->state) == NPU_QUEUE_RUNNING && !q->wb->error, "and the hog goes on");
}

/*
 * Stop a queue right behind a doorbell, and start it anew. The doorbell may be
 * seen only after the stop; it must not make the new queue read the old tail.
 */
static void test_restart(void)
{
	struct queue_mem *q;
	struct space s;
	bool good = true;

	fresh();
	s = space_new(1);
	q = queue_start(d, 1, NPU_PRIO_NORMAL);
	for (unsigned int i = 0; good && i < 300; i++) {
		for (unsigned int j = 0; j < 20; j++) {
			put_fill(&s, s.data_va, 1, 4);
			go(&s, 1);
		}
		good = request(d, NPU_MSG_QUEUE_STOP, 1) == NPU_MSG_OK;
		q->tail = 0;
		q->seqno = q->wb->completed;
		memset(q->ring, 0, sizeof(*q->ring) * 64);
		good = good && request(d, NPU_MSG_QUEUE_START, 1) == NPU_MSG_OK;
		if (good)
			npu_dev_wait_idle(d->dev);
		good = good && !q->wb->head;
		put_dispatch(&s, K_EXIT, 1);
		good = good && wait_done(d, 1, go(&s, 1)) && !q->wb->error && q->wb->head == 2;
		if (!good)
			tap_diag("round %u: head %u, error %u", i, q->wb->head, q->wb->error);
	}
	tap_ok(good, "300 times stopped behind a doorbell and started again");
}

static void test_shutdown(void)
{
	struct space s, t;
	struct queue_mem *a, *b;

	fresh();
	s = space_new(1);
	t = space_new(2);
	a = queue_start(d, 10, NPU_PRIO_NORMAL);
	b = queue_start(d, 11, NPU_PRIO_NORMAL);
	queue_start(d, 12, NPU_PRIO_NORMAL);
	put_dispatch(&s, K_LOOP, 1);
	go(&s, 10);
	put_dispatch(&t, K_MARK, 1);
	go(&t, 11);
	tap_ok(WAIT_FOR(d, a->wb->started == 1 && b->wb->started == 1) &&
	       request(d, NPU_MSG_SHUTDOWN, 0) == NPU_MSG_OK, "shutdown with work in progress");
	tap_ok(a->wb->state == NPU_QUEUE_STOPPED && a->wb->error == NPU_JOB_STOPPED &&
	       b->wb->state == NPU_QUEUE_STOPPED && d->queue[12].wb->state == NPU_QUEUE_STOPPED &&
	       !(reg_read(d, NPU_REG_STATUS) & NPU_STATUS_BUSY), "all queues have stopped");
	tap_ok(request(d, NPU_MSG_QUEUE_START, 12) == NPU_MSG_BAD_QUEUE &&
	       request(d, NPU_MSG_SHUTDOWN, 0) == NPU_MSG_BAD_QUEUE &&
	       request(d, NPU_MSG_PING, 0) == NPU_MSG_OK, "nothing starts any more; ping works");
}

/* Behind a hog wait jobs of every class, the lowest first. In which order do they run? */
static void test_priority(void)
{
	static const unsigned int class[4] = {NPU_PRIO_LOW, NPU_PRIO_NORMAL, NPU_PRIO_HIGH,
					      NPU_PRIO_REALTIME};
	struct space hog, s[4];
	struct npu_timestamp *stamp[4];
	uint64_t last = UINT64_MAX;
	bool good = true;

	fresh();
	hog = space_new(9);
	queue_start(d, 9, NPU_PRIO_NORMAL);
	put_dispatch(&hog, K_LOOP, 1);
	go(&hog, 9);
	tap_ok(wait_state(9, NPU_QUEUE_RUNNING), "a hog has the tiles");
	for (unsigned int i = 0; i < 4; i++) {
		s[i] = space_new(i);
		queue_start(d, i, class[i]);
		put_dispatch(&s[i], K_EXIT, 1);
		put(&s[i], (union npu_packet){.timestamp = {.hdr = {.op = NPU_PKT_TIMESTAMP},
							    .addr = s[i].data_va}});
		stamp[i] = (struct npu_timestamp *)s[i].data;
		go(&s[i], i);
	}
	for (unsigned int i = 0; i < 4; i++)
		good = good && WAIT_FOR(d, d->queue[i].wb->started == 1 &&
						   d->queue[i].wb->state == NPU_QUEUE_IDLE);
	tap_ok(good && request(d, NPU_MSG_QUEUE_STOP, 9) == NPU_MSG_OK, "it is stopped");
	for (unsigned int i = 0; i < 4; i++) {
		good = good && wait_done(d, i, 1) && stamp[i]->wall_ns < last;
		last = stamp[i]->wall_ns;
	}
	tap_ok(good, "the others run, highest class first");
}

/* Many queues with many small jobs at once, checked word by word. */
static void test_crowd(void)
{
	enum { CROWD = 16, JOBS = 50 };
	struct space s[CROWD];
	bool good = true;

	fresh();
	for (unsigned int i = 0; i < CROWD; i++) {
		s[i] = space_new(i);
		queue_start(d, i * 4, i % 4);
		put_dispatch(&s[i], K_MARK, 32);
		put(&s[i], (union npu_packet){.barrier = {.hdr = {.op = NPU_PKT_BARRIER}}});
		put(&s[i], (union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY},
						       .dst = s[i].data_va + 4096,
						       .src = s[i].data_va, .size = {128, 1, 1}}});
	}
	for (unsigned int job = 0; job < JOBS; job++) {
		for (unsigned int i = 0; i < CROWD; i++) {
			/* Never more than the ring holds. */
			good = good && WAIT_FOR(d, d->queue[i * 4].tail -
							   peek(&d->queue[i * 4].wb->head) <= 62);
			submit(d, i * 4, i, s[i].cb_va, 3);
		}
	}
	for (unsigned int i = 0; i < CROWD; i++) {
		good = good && wait_done(d, i * 4, JOBS) && !d->queue[i * 4].wb->error;
		for (unsigned int w = 0; w < 32; w++)
			good = good && s[i].data[w] == JOBS * (1 + w % TILES) &&
			       s[i].data[1024 + w] == s[i].data[w];
	}
	tap_ok(good, "%d jobs of 3 packets on each of %d queues", JOBS, CROWD);
	for (unsigned int i = 1; i < CROWD; i++)
		good = good && !memcmp(&d->queue[0].counters->value, &d->queue[i * 4].counters->value,
				       sizeof(d->queue[0].counters->value));
	tap_ok(good, "the same work has the same counters and clock on each of them");
}

static void test_all(void)
{
	test_fences();
	test_packets();
	test_two_runs();
	test_kernel_faults();
	test_engine_faults();
	test_bad_packets();
	test_bad_rings();
	test_requests();
	test_mailbox_full();
	test_panics();
	test_stop();
	test_restart();
	test_shutdown();
	test_priority();
	test_crowd();
}

int main(int argc, char **argv)
{
	/* Work done where it is asked for, by worker threads only, and in small bites of both. */
	static const int64_t budgets[] = {-1, 0, 300};

	for (unsigned int i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		d = drv_new(fw_image_path(argc, argv), TILES, budgets[i]);
		tap_diag("inline budget %lld", (long long)budgets[i]);
		test_all();
		drv_free(d);
	}
	return tap_done();
}
