/* SPDX-License-Identifier: MIT */
/*
 * The firmware's log and trace: what is written when, that it is whole, and that
 * neither a bad ring nor one that stops answering does any harm.
 */
#include <stddef.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "npu_log.h"
#include "tap.h"

#define TILES 2
#define AS    1
#define LOG2  8
/* Out of what mem_alloc() hands out, so that it outlives resets. */
#define RING_AT (MEM_SIZE - (1 << 20))

#define ALL	  ((uint32_t)NPU_LOG_GROUPS)
#define LD(rd, rs1, imm) RV_I(imm, rs1, 3, rd, 0x03)
#define BACK_4_UNLESS_ZERO_T0 0xfe029ee3u /* bne t0, zero, -4 */

static struct drv *d;
static struct npu_log_ring *ring;
static uint64_t code_va, data_va, cb_va;
static uint64_t *data;
static union npu_packet *cb; /* a page for each of two queues */

/* Of workgroups: one that ends, one that ends when data[0] is 0, one that does not. */
static const uint32_t ends[] = {EXIT}, waits[] = {LD(T0, A0, 0), BACK_4_UNLESS_ZERO_T0, EXIT},
		      wild[] = {ADDI(T0, X0, 0x123), LW(T1, T0, 1), EXIT};
#define ENDS  (code_va + 0)
#define WAITS (code_va + 64)
#define WILD  (code_va + 128)

/* ---- the ring ----------------------------------------------------------------------------------- */

static uint64_t count(void)
{
	return __atomic_load_n(&ring->count, __ATOMIC_ACQUIRE);
}

static const struct npu_log_record *record(uint64_t n)
{
	const struct npu_log_record *records = (void *)((uint8_t *)ring + NPU_LOG_RING_HEADER);

	return &records[n & ((1u << ring->records_log2) - 1)];
}

/* The first event of that kind, from number from on; NULL: there is none. */
static const struct npu_log_record *event(enum npu_log_event kind, uint32_t queue, uint64_t from)
{
	for (uint64_t end = count(); from < end; from++)
		if (record(from)->event == kind && record(from)->queue == queue)
			return record(from);
	return NULL;
}

/* Number of the line that has these words, or ~0; its level. */
static uint64_t line(const char *words, uint64_t from, unsigned int *level)
{
	char text[NPU_LOG_AHEAD * NPU_LOG_CHARS + 1] = "";
	uint64_t start = from;

	for (uint64_t end = count(); from < end; from++) {
		const struct npu_log_record *r = record(from);

		if (r->event != NPU_LOG_TEXT)
			continue;
		if (!(r->flags & NPU_LOG_CONTINUED)) {
			start = from;
			*text = 0;
		}
		strncat(text, r->text, NPU_LOG_CHARS);
		if (strstr(text, words)) {
			*level = r->level;
			return start;
		}
	}
	return ~0ull;
}

/* Send a request with its fields; its status, or -1. */
static int ask(uint16_t type, uint32_t queue, const void *fields)
{
	const uint32_t at = d->mbox->h2f_write.index;
	struct npu_msg reply;

	mbox_put(d, type, queue, 0x9000 + at);
	memcpy(d->mbox->h2f[at % NPU_MBOX_ENTRIES].data, fields, 48);
	mbox_ring(d);
	if (!mbox_get(d, &reply) || reply.type != NPU_MSG_REPLY || reply.cookie != 0x9000 + at)
		return -1;
	return reply.status;
}

static int set(uint64_t bus, unsigned int log2, unsigned int level, uint32_t groups)
{
	const struct npu_msg msg = {
		.log_set = {.ring = bus, .trace = groups, .ring_log2 = (uint8_t)log2,
			    .level = (uint8_t)level},
	};

	return ask(NPU_MSG_LOG_SET, 0, msg.data);
}

static bool wanted(enum npu_log_severity level, uint32_t groups)
{
	return set(bus_of(d, ring), LOG2, level, groups) == NPU_MSG_OK;
}

/* ---- work --------------------------------------------------------------------------------------- */

/* Boot, with two queues to start; the ring keeps what it has. */
static void fresh(void)
{
	struct npu_msg ready;
	uint8_t *code;

	drv_boot(d, &ready);
	if (!(ready.ready.features & NPU_FW_FEATURE_LOG))
		drv_die("the firmware does not know about logs");
	as_create(d, AS);
	code_va = map_new(d, AS, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, ends, sizeof(ends));
	memcpy(code + 64, waits, sizeof(waits));
	memcpy(code + 128, wild, sizeof(wild));
	data_va = map_new(d, AS, 4096, NPU_PTE_R | NPU_PTE_W, &data);
	cb_va = map_new(d, AS, 2 * 4096, NPU_PTE_R, &cb);
}

static void zero_ring(void)
{
	memset(ring, 0, NPU_LOG_RING_SIZE(LOG2));
}

static union npu_packet dispatch(uint64_t entry, uint32_t groups, uint32_t id)
{
	return (union npu_packet){.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH, .id = id},
					       .entry = entry, .args = data_va,
					       .grid = {groups, 1, 1}}};
}

static uint64_t go(unsigned int q, unsigned int packets)
{
	return submit(d, q, AS, cb_va + q * 4096, packets);
}

static bool run(unsigned int q, unsigned int packets)
{
	return wait_done(d, q, go(q, packets));
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void test_boot(void)
{
	const struct npu_log_record *r;
	unsigned int level = 0;

	zero_ring();
	fresh();
	tap_is(count(), 0, "nothing is written before there is a ring");
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, NPU_LOG_GROUP_BOOT), "the ring is taken");
	tap_ok(ring->version == NPU_LOG_VERSION && ring->records_log2 == LOG2 && !ring->lost,
	       "its header is filled in");
	tap_ok(line("npu firmware ready: 2 tiles, ", 0, &level) == 0 && level == NPU_LOG_LEVEL_INFO,
	       "the line from before is there");
	r = event(NPU_LOG_BOOT, NPU_LOG_NO_QUEUE, 0);
	tap_ok(r && r->arg[0] == (NPU_FW_ABI_MAJOR << 16 | NPU_FW_ABI_MINOR) && r->arg[1] == TILES &&
		       r->time && r->time < d->now,
	       "and so is the event, with its arguments and time");
	tap_is(count(), 2, "and nothing else");
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, NPU_LOG_GROUP_BOOT) && count() == 2,
	       "it is not told twice");

	/* the next firmware goes on where this one was */
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, 0) && count() == 3 && line("npu firmware ready", 2, &level) == 2,
	       "after a reset the log goes on");
	tap_ok(line("npu firmware ready", 0, &level) == 0, "and what was there stays");

	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_WARNING, 0) && count() == 3, "lines that nobody wants are left out");

	fresh();
	queue_setup(d, 3, 6, NPU_PRIO_NORMAL);
	d->queue_table[3].flags = 1;
	for (unsigned int i = 0; i < 20; i++)
		if (request(d, NPU_MSG_QUEUE_START, 3) != NPU_MSG_BAD_DESC)
			tap_ok(false, "a bad descriptor is refused");
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, 0) && count() == 3 + 15 && ring->lost == 6,
	       "of too much before there is a ring the first is kept, and the rest counted");
	r = record(count() - 1);
	tap_ok(r->queue == 3 && r->level == NPU_LOG_LEVEL_WARNING &&
		       line("descriptor refused", 4, &level) == 4,
	       "with the queue that a line is about");
}

static void test_events(void)
{
	static const struct {
		enum npu_log_event event;
		uint32_t queue;
	} order[] = {
		{NPU_LOG_REQUEST, 0},	     {NPU_LOG_QUEUE_START, 0},	{NPU_LOG_MESSAGE, 0},
		{NPU_LOG_JOB_BEGIN, 0},	     {NPU_LOG_DISPATCH_BEGIN, 0}, {NPU_LOG_DISPATCH_END, 0},
		{NPU_LOG_COPY_BEGIN, 0},     {NPU_LOG_COPY_END, 0},	{NPU_LOG_JOB_END, 0},
		{NPU_LOG_REQUEST, 0},	     {NPU_LOG_QUEUE_STOP, 0},	{NPU_LOG_QUEUE_STOPPED, 0},
		{NPU_LOG_MESSAGE, 0},
	};
	const struct npu_log_record *r;
	uint64_t from, at, last = 0;
	bool ok = true;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_NONE, ALL), "all events are wanted");
	from = count();
	queue_start(d, 0, NPU_PRIO_HIGH);
	cb[0] = dispatch(ENDS, 5, 77);
	cb[1] = (union npu_packet){.fill = {.hdr = {.op = NPU_PKT_FILL, .id = 78}, .dst = data_va,
					    .size = {64, 1, 1}}};
	tap_ok(run(0, 2), "a job runs");
	tap_is((unsigned int)request(d, NPU_MSG_QUEUE_STOP, 0), NPU_MSG_OK, "and its queue is stopped");
	at = from;
	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]); i++, at++) {
		r = record(at);
		if (at >= count() || r->event != order[i].event || r->queue != order[i].queue ||
		    r->time <= last) {
			tap_diag("event %u is %u of queue %u", i, r->event, r->queue);
			ok = false;
		}
		last = r->time;
	}
	tap_ok(ok && at == count(), "what happened is there, in order, and nothing else");
	r = event(NPU_LOG_QUEUE_START, 0, from);
	tap_ok(r && r->arg[0] == NPU_MSG_OK && r->arg[1] == NPU_PRIO_HIGH && r->arg[2] == 6,
	       "arguments of queue_start");
	r = event(NPU_LOG_JOB_BEGIN, 0, from);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] == AS && r->arg[2] == 2 && r->arg[3] == cb_va,
	       "of job_begin");
	r = event(NPU_LOG_DISPATCH_BEGIN, 0, from);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] == 77 && r->arg[2] == ENDS && r->arg[3] == 5 &&
		       r->arg[4] == TILES,
	       "of dispatch_begin");
	r = event(NPU_LOG_DISPATCH_END, 0, from);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] == 77 && r->arg[2] == NPU_JOB_OK && r->arg[3] == 5,
	       "of dispatch_end");
	r = event(NPU_LOG_COPY_BEGIN, 0, from);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] == 78 && r->arg[2] == NPU_PKT_FILL, "of copy_begin");
	r = event(NPU_LOG_COPY_END, 0, from);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] == 78 && r->arg[2] == NPU_JOB_OK, "of copy_end");
	r = event(NPU_LOG_JOB_END, 0, from);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] && r->arg[1] == d->queue[0].wb->clock, "of job_end");
	r = event(NPU_LOG_REQUEST, 0, from);
	tap_ok(r && r->arg[0] == NPU_MSG_QUEUE_START && r->arg[1] == d->h2f_seq - 1, "of request");
	r = event(NPU_LOG_QUEUE_STOPPED, 0, from);
	tap_ok(r && !r->arg[0] && r->arg[1] == 1, "of queue_stopped");
}

static void test_trouble(void)
{
	const struct npu_fault_spec hung = {.fault = NPU_FAULT_HUNG_TILE, .target = 1, .count = 1};
	const struct npu_log_record *r;
	struct npu_msg msg, bad = {.perf = {.stream = 99}};
	unsigned int level = 0;
	uint64_t from;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_WARNING, ALL & ~NPU_LOG_GROUP_MAILBOX), "trouble is wanted");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	cb[0] = dispatch(WILD, 1, 5);
	go(0, 1);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT, "a job fails");
	r = event(NPU_LOG_JOB_FAULT, 0, 0);
	tap_ok(r && r->arg[0] == 1 && r->arg[1] == NPU_JOB_PAGE_FAULT && r->arg[2] == msg.fault.core &&
		       r->arg[3] == msg.fault.addr && r->arg[4] == msg.fault.pc && r->arg[5] == cb_va,
	       "its fault is there");
	r = event(NPU_LOG_DISPATCH_END, 0, 0);
	tap_ok(r && r->arg[2] == NPU_JOB_PAGE_FAULT, "and how its dispatch ended");

	from = count();
	tap_is(npu_dev_fault_inject(d->dev, &hung), NPU_FAULT_STATUS_OK, "a tile is to hang");
	queue_start(d, 1, NPU_PRIO_NORMAL);
	cb[64] = dispatch(ENDS, 2, 6);
	go(1, 1);
	tap_ok(WAIT_FOR(d, event(NPU_LOG_DISPATCH_BEGIN, 1, from)), "work begins there");
	tap_is((unsigned int)request(d, NPU_MSG_QUEUE_STOP, 1), NPU_MSG_OK, "and is stopped");
	r = event(NPU_LOG_TILE_RESET, 1, from);
	tap_ok(r && r->arg[1] == d->tiles_reset && r->arg[1] == 2, "the tile's reset is there");
	tap_ok(line("tiles do not stop and are reset: 0x2", from, &level) != ~0ull &&
		       level == NPU_LOG_LEVEL_WARNING,
	       "and is worth a warning");

	tap_is((unsigned int)ask(NPU_MSG_PERF_START, 0, bad.data), NPU_MSG_BAD_PERF, "a bad stream");
	r = event(NPU_LOG_PERF_START, 0, from);
	tap_ok(r && r->arg[0] == 99 && r->arg[1] == NPU_MSG_BAD_PERF, "is there");

	bad = (struct npu_msg){.power_set = {.max_opp = 1}};
	tap_is((unsigned int)ask(NPU_MSG_POWER_SET, 0, bad.data), NPU_MSG_OK, "another operating point");
	r = event(NPU_LOG_POWER_OPP, NPU_LOG_NO_QUEUE, from);
	tap_ok(r && r->arg[0] == 1 && event(NPU_LOG_POWER_SET, NPU_LOG_NO_QUEUE, from), "is there");
}

/* A dispatch makes room for one of a higher class, and goes on. */
static void test_slice(void)
{
	const struct npu_log_record *r, *yield, *resume;
	uint64_t low, high;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_NONE, NPU_LOG_GROUP_SLICE | NPU_LOG_GROUP_DISPATCH),
	       "time slices are wanted");
	queue_start(d, 0, NPU_PRIO_LOW);
	queue_start(d, 1, NPU_PRIO_HIGH);
	data[0] = 1;
	cb[0] = dispatch(WAITS, 40, 1);
	cb[64] = dispatch(ENDS, 1, 2);
	low = go(0, 1);
	tap_ok(WAIT_FOR(d, event(NPU_LOG_DISPATCH_BEGIN, 0, 0)), "a long dispatch begins");
	high = go(1, 1);
	tap_ok(WAIT_FOR(d, event(NPU_LOG_SLICE, 0, 0)), "and is told to make room");
	__atomic_store_n(&data[0], 0, __ATOMIC_RELEASE);
	tap_ok(wait_done(d, 1, high) && wait_done(d, 0, low), "both end");
	yield = event(NPU_LOG_YIELD, 0, 0);
	r = event(NPU_LOG_DISPATCH_BEGIN, 1, 0);
	resume = event(NPU_LOG_RESUME, 0, 0);
	tap_ok(yield && r && resume && yield->time < r->time && r->time < resume->time,
	       "one yields, the other runs, the first goes on");
	tap_ok(yield && yield->arg[0] == low && yield->arg[1] && yield->arg[2] >= 1 &&
		       resume->arg[1] == yield->arg[1] && resume->arg[2] == yield->arg[2],
	       "and says what it has done so far");
	r = event(NPU_LOG_DISPATCH_END, 0, 0);
	tap_ok(r && r->arg[3] == 40, "and in the end all");
}

static void test_masks(void)
{
	struct npu_counter_block with, without;
	uint64_t before;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, 0), "no events are wanted");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	cb[0] = dispatch(ENDS, 5, 0);
	before = count();
	tap_ok(run(0, 1) && run(0, 1), "jobs run");
	tap_is(count(), before, "and nothing is written");
	without = *d->queue[0].counters;
	request(d, NPU_MSG_QUEUE_STOP, 0);

	tap_ok(wanted(NPU_LOG_LEVEL_DEBUG, ALL), "everything is wanted");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	tap_ok(run(0, 1) && run(0, 1), "the same jobs run");
	with = *d->queue[0].counters;
	tap_ok(!memcmp(with.value, without.value, sizeof(with.value)), "and count the same");

	tap_ok(wanted(NPU_LOG_LEVEL_NONE, NPU_LOG_GROUP_JOB), "one group is wanted");
	before = count();
	tap_ok(run(0, 1) && count() == before + 2 && event(NPU_LOG_JOB_BEGIN, 0, before) &&
		       event(NPU_LOG_JOB_END, 0, before),
	       "and one group is written");
	tap_is((unsigned int)set(0, 0, 0, 0), NPU_MSG_OK, "the ring is taken away");
	before = count();
	memset(ring, 0x5a, NPU_LOG_RING_SIZE(LOG2));
	tap_ok(run(0, 1), "a job runs");
	for (uint64_t i = 0; i < NPU_LOG_RING_SIZE(LOG2); i++)
		if (((uint8_t *)ring)[i] != 0x5a) {
			tap_ok(false, "byte %llu was written", (unsigned long long)i);
			return;
		}
	tap_ok(true, "and the ring is not touched");
}

static void test_wrap(void)
{
	struct npu_log_ring *small = ring;
	uint64_t last = 0, seqno;
	bool ok = true;

	zero_ring();
	/* as if that much had been written: the count is free-running */
	ring->count = (1ull << 32) - 3;
	ring->lost = 7;
	fresh();
	tap_ok(set(bus_of(d, small), 4, NPU_LOG_LEVEL_NONE, NPU_LOG_GROUP_JOB) == NPU_MSG_OK,
	       "a small ring");
	tap_ok(ring->count == (1ull << 32) - 3 && ring->lost == 7, "it is as it was");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	cb[0] = dispatch(ENDS, 1, 0);
	for (unsigned int i = 0; i < 20; i++)
		run(0, 1);
	tap_is(count(), (1ull << 32) - 3 + 40, "jobs go round it");
	/* the last eight jobs */
	seqno = d->queue[0].seqno - 7;
	for (uint64_t n = count() - 16; n < count(); n += 2, seqno++) {
		ok &= record(n)->event == NPU_LOG_JOB_BEGIN && record(n)->arg[0] == seqno &&
		      record(n + 1)->event == NPU_LOG_JOB_END && record(n + 1)->arg[0] == seqno &&
		      record(n)->time > last;
		last = record(n)->time;
	}
	tap_ok(ok, "the oldest are overwritten, and none of the others");
	for (uint64_t at = NPU_LOG_RING_SIZE(4); at < NPU_LOG_RING_SIZE(LOG2); at++)
		ok &= !((uint8_t *)ring)[at];
	tap_ok(ok, "nothing is written behind its end");
	tap_ok(drv_move(d) && run(0, 1) && count() == (1ull << 32) - 3 + 42,
	       "a device that was moved goes on with it");
}

static void test_bad(void)
{
	const uint64_t bus = bus_of(d, ring);
	struct npu_msg msg = {0};
	uint64_t before;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, NPU_LOG_GROUP_MAILBOX), "a ring");
	tap_is((unsigned int)set(bus + 64, LOG2, 1, 0), NPU_MSG_BAD_LOG, "misaligned");
	tap_is((unsigned int)set(bus, NPU_LOG_RING_MIN_LOG2 - 1, 1, 0), NPU_MSG_BAD_LOG, "too small");
	tap_is((unsigned int)set(bus, NPU_LOG_RING_MAX_LOG2 + 1, 1, 0), NPU_MSG_BAD_LOG, "too large");
	tap_is((unsigned int)set(bus, 255, 1, 0), NPU_MSG_BAD_LOG, "far too large");
	tap_is((unsigned int)set(bus, LOG2, NPU_LOG_LEVELS, 0), NPU_MSG_BAD_LOG, "no such level");
	tap_is((unsigned int)set(bus, LOG2, 1, ALL + 1), NPU_MSG_BAD_LOG, "no such group");
	tap_is((unsigned int)set(0, LOG2, 0, 0), NPU_MSG_BAD_LOG, "no ring, but a size");
	tap_is((unsigned int)set(0, 0, 1, 0), NPU_MSG_BAD_LOG, "no ring, but a level");
	tap_is((unsigned int)set(0, 0, 0, 1), NPU_MSG_BAD_LOG, "no ring, but events");
	tap_is((unsigned int)set(0x1000, LOG2, 1, 0), NPU_MSG_BAD_LOG, "one that does not answer");
	tap_is((unsigned int)set(MEM_BASE + MEM_SIZE - 8192, LOG2, 1, 0), NPU_MSG_BAD_LOG,
	       "one whose end does not answer");
	tap_is((unsigned int)set(0ull - 8192, LOG2, 1, 0), NPU_MSG_BAD_LOG, "one that wraps around");
	msg.log_set.ring = bus;
	msg.log_set.ring_log2 = LOG2;
	msg.log_set.reserved0 = 1;
	tap_is((unsigned int)ask(NPU_MSG_LOG_SET, 0, msg.data), NPU_MSG_BAD_LOG, "a reserved field");
	msg.log_set.reserved0 = 0;
	msg.log_set.reserved[3] = 1;
	tap_is((unsigned int)ask(NPU_MSG_LOG_SET, 0, msg.data), NPU_MSG_BAD_LOG, "the last one");
	before = count();
	tap_ok(request(d, NPU_MSG_PING, 0) == NPU_MSG_OK && count() == before + 2,
	       "and all goes on with the ring that it was");
}

static void hole(const void *start, uint64_t size)
{
	d->hole_start = bus_of(d, start);
	d->hole_end = d->hole_start + size;
	npu_dev_flush_maps(d->dev);
}

static void no_hole(void)
{
	d->hole_start = d->hole_end = 0;
	npu_dev_flush_maps(d->dev);
}

/* A ring that stops answering ends the log and nothing else. */
static void test_lost(void)
{
	uint64_t before;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, ALL), "a ring");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	cb[0] = dispatch(ENDS, 1, 0);
	hole(ring, NPU_LOG_RING_SIZE(LOG2));
	tap_ok(run(0, 1) && run(0, 1), "it stops answering, and work goes on");
	no_hole();
	before = count();
	tap_ok(run(0, 1) && count() == before, "when it answers again nothing is written");
	tap_ok(wanted(NPU_LOG_LEVEL_INFO, ALL) && run(0, 1) && count() > before,
	       "unless the driver says so");
}

static bool wait_dead(enum npu_fw_panic code)
{
	return WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) &&
	       reg_read(d, NPU_REG_FW_STATUS) == code;
}

static void test_panic(void)
{
	const struct npu_log_record *r;
	unsigned int level = 0;

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_ERROR, NPU_LOG_GROUP_BOOT), "a ring");
	d->mbox->h2f_write.index = d->mbox->h2f_read.index + NPU_MBOX_ENTRIES + 1;
	mbox_ring(d);
	tap_ok(wait_dead(NPU_PANIC_MBOX), "the firmware panics");
	tap_ok(line("panic 0x3 mcause 0x0 mepc 0x80", 0, &level) != ~0ull &&
		       level == NPU_LOG_LEVEL_ERROR &&
		       record(line("panic", 0, &level) + 1)->flags == NPU_LOG_CONTINUED,
	       "its last words are there, over two records");
	r = event(NPU_LOG_PANIC, NPU_LOG_NO_QUEUE, 0);
	tap_ok(r && r->arg[0] == NPU_PANIC_MBOX && r->arg[2] >> 28 == 8 && r->arg[3], "and the event");

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_ERROR, ALL), "a ring");
	hole(d->mbox, sizeof(*d->mbox));
	mbox_ring(d);
	tap_ok(wait_dead(NPU_PANIC_BUS), "the mailbox does not answer");
	tap_ok(line("panic 0x2", 0, &level) != ~0ull, "the last words are there");

	zero_ring();
	fresh();
	tap_ok(wanted(NPU_LOG_LEVEL_ERROR, ALL), "a ring");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	/* the mailbox is the first that is in use, the log the last: nothing answers */
	d->hole_end = MEM_BASE + MEM_SIZE;
	d->hole_start = MEM_BASE;
	npu_dev_flush_maps(d->dev);
	mbox_ring(d);
	tap_ok(wait_dead(NPU_PANIC_BUS), "nothing answers any more");
	tap_ok(!strncmp(d->last_log, "panic 0x2 ", 10) || strstr(d->last_log, "halted"),
	       "the console has its last words");
	no_hole();
	tap_is(line("panic", 0, &level), ~0ull, "and the log has not");
}

int main(int argc, char **argv)
{
	d = drv_new(fw_image_path(argc, argv), TILES, -1);
	ring = (struct npu_log_ring *)(d->mem + RING_AT);
	test_boot();
	test_events();
	test_trouble();
	test_slice();
	test_masks();
	test_wrap();
	test_bad();
	test_lost();
	test_panic();
	drv_free(d);
	return tap_done();
}
