/* SPDX-License-Identifier: MIT */
/* Performance streams and counters by core, as a driver gets them: through mailbox and packets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "npu_perf.h"
#include "tap.h"

#define TILES 4
#define LOG2  10

static struct drv *d;

/* ---- work ---------------------------------------------------------------------------------------- */

enum kernel { K_EXIT, K_MARK, K_LOOP, K_TELL /* a word each, that it has begun; then for ever */, KERNELS };
#define KERNEL_SIZE 64

static const uint32_t kernels[KERNELS][KERNEL_SIZE / 4] = {
	[K_EXIT] = {EXIT},
	[K_MARK] = {CSRR(T0, NPU_CSR_WG_X), SLLI(T0, T0, 2), ADD(T0, T0, A0), LW(T1, T0, 0),
		    CSRR(T2, NPU_CSR_TILE), ADD(T1, T1, T2), ADDI(T1, T1, 1), SW(T1, T0, 0), EXIT},
	[K_LOOP] = {LOOP},
	[K_TELL] = {CSRR(T0, NPU_CSR_WG_X), SLLI(T0, T0, 2), ADD(T0, T0, A0), ADDI(T1, X0, 1),
		    SW(T1, T0, 0), LOOP},
};

static uint64_t code_va, data_va, cb_va;
static uint8_t *data;
static union npu_packet *cb;
static unsigned int packets;

static void fresh(void)
{
	struct npu_msg msg;
	void *code;

	drv_boot(d, &msg);
	tap_ok(msg.ready.features & NPU_FW_FEATURE_PERF, "the firmware has performance streams");
	as_create(d, 1);
	code_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, kernels, sizeof(kernels));
	data_va = map_new(d, 1, 65536, NPU_PTE_R | NPU_PTE_W, &data);
	cb_va = map_new(d, 1, 4096, NPU_PTE_R, &cb);
	packets = 0;
}

static void put(union npu_packet packet)
{
	packet.hdr.id = 0x100 + packets;
	cb[packets++] = packet;
}

static void put_dispatch(enum kernel kernel, uint32_t groups)
{
	put((union npu_packet){.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH},
					    .entry = code_va + kernel * KERNEL_SIZE,
					    .args = data_va,
					    .grid = {groups, 1, 1}}});
}

static uint64_t go(unsigned int q)
{
	const uint64_t seqno = submit(d, q, 1, cb_va, packets);

	packets = 0;
	return seqno;
}

/* ---- streams ------------------------------------------------------------------------------------- */

struct stream {
	struct npu_perf_ring *ring;
	struct npu_msg msg;
};

static struct stream stream_new(unsigned int number, uint32_t queue)
{
	struct stream s = {.ring = mem_alloc(d, NPU_PERF_RING_SIZE(LOG2))};

	s.msg = (struct npu_msg){
		.queue = queue,
		.perf = {.ring = bus_of(d, s.ring),
			 .tiles = ~0ull,
			 .modes = NPU_PERF_MODES & ~(NPU_PERF_MODE_JITTER | NPU_PERF_MODE_KEEP),
			 .period = 200,
			 .ring_log2 = LOG2,
			 .stream = (uint8_t)number},
	};
	return s;
}

/* Send a request with all of its fields, and get its reply, *reply. Returns its status, or -1. */
static int ask(uint16_t type, const struct npu_msg *msg, struct npu_msg *reply)
{
	const uint32_t at = d->mbox->h2f_write.index;

	mbox_put(d, type, msg->queue, 0x7000 + at);
	memcpy(d->mbox->h2f[at % NPU_MBOX_ENTRIES].data, msg->data, sizeof(msg->data));
	mbox_ring(d);
	if (!mbox_get(d, reply) || reply->type != NPU_MSG_REPLY || reply->cookie != 0x7000 + at)
		return -1;
	return reply->status;
}

static int start(const struct stream *s)
{
	struct npu_msg reply;

	return ask(NPU_MSG_PERF_START, &s->msg, &reply);
}

static int stop(const struct stream *s, uint64_t *lost)
{
	struct npu_msg reply;
	const int status = ask(NPU_MSG_PERF_STOP, &s->msg, &reply);

	if (lost)
		*lost = reply.perf_end.lost;
	return status;
}

static uint64_t head(const struct stream *s)
{
	return __atomic_load_n(&s->ring->head, __ATOMIC_ACQUIRE);
}

/* Records in the order of the ring, which has not wrapped; first one: NULL. */
static const struct npu_perf_head *next(const struct stream *s, const struct npu_perf_head *record)
{
	const uint8_t *slots = (const uint8_t *)s->ring + NPU_PERF_RING_HEADER;
	const uint8_t *at = record ? (const uint8_t *)record + record->size : slots;

	return at < slots + NPU_PERF_SLOT * head(s) ? (const struct npu_perf_head *)at : NULL;
}

static void test_rules(void)
{
	struct stream good = stream_new(2, 1), s;

	s = good;
	s.msg.perf.stream = NPU_PERF_STREAMS;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "no such stream");
	s = good;
	s.msg.queue = NPU_MAX_QUEUES;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "no such queue");
	s = good;
	s.msg.perf.reserved[1] = 1;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "a reserved field");
	s = good;
	s.msg.perf.modes = NPU_PERF_MODE_PCS;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "a period and no samples");
	s = good;
	s.msg.perf.threshold = 5;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "a threshold and no vector");
	s = good;
	s.msg.perf.modes |= NPU_PERF_MODES + 1;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "an unknown mode");
	s = good;
	s.msg.perf.ring += 8;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "a misaligned ring");
	s = good;
	s.msg.perf.ring = MEM_BASE + MEM_SIZE;
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_PERF, "a ring that does not answer");
	tap_is((unsigned int)stop(&good, NULL), NPU_MSG_BAD_PERF, "stopping what is not on");
	tap_is((unsigned int)start(&good), NPU_MSG_OK, "a good one");
	tap_is((unsigned int)start(&good), NPU_MSG_BUSY, "and again");
	s = stream_new(3, NPU_PERF_ALL_QUEUES);
	tap_is((unsigned int)start(&s), NPU_MSG_BUSY, "another one of the same queue");
	tap_is((unsigned int)stop(&good, NULL), NPU_MSG_OK, "it stops");
	tap_is((unsigned int)stop(&good, NULL), NPU_MSG_BAD_PERF, "once");
	tap_ok(good.ring->version == NPU_PERF_VERSION && good.ring->slots_log2 == LOG2 && !head(&good),
	       "its ring has a header, and nothing in it");
}

/* A job of several packets, watched from before its queue was started. */
static void test_job(void)
{
	const uint32_t ops[] = {NPU_PKT_DISPATCH, NPU_PKT_COPY, NPU_PKT_BARRIER, NPU_PKT_DISPATCH};
	struct stream s = stream_new(0, 5);
	uint64_t cycles = 0, lost = 1, seqno, last = 0;
	unsigned int seen = 0, shares = 0;
	bool ok;

	s.msg.perf.vector = 9;
	s.msg.perf.threshold = 3;
	tap_is((unsigned int)start(&s), NPU_MSG_OK, "a stream of a queue that is not started");
	queue_start(d, 5, NPU_PRIO_NORMAL);
	put_dispatch(K_MARK, 10);
	put((union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY}, .dst = data_va + 8192,
					.src = data_va, .size = {4096, 1, 1}}});
	put((union npu_packet){.hdr = {.op = NPU_PKT_BARRIER}});
	put_dispatch(K_EXIT, 3);
	seqno = go(5);
	tap_ok(wait_done(d, 5, seqno) && d->queue[5].wb->error == NPU_JOB_OK, "a job runs");
	tap_is((unsigned int)stop(&s, &lost), NPU_MSG_OK, "the stream stops");
	tap_is(lost, 0, "and has lost nothing");
	tap_ok(WAIT_FOR(d, d->irqs[9]), "its vector was raised");
	ok = head(&s) > 0;
	for (const struct npu_perf_head *r = next(&s, NULL); r; r = next(&s, r)) {
		const struct npu_perf_packet *p = (const struct npu_perf_packet *)r;

		ok &= r->queue == 5 && !r->flags;
		if (r->type == NPU_PERF_PC)
			cycles += ((const struct npu_perf_pc *)r)->total;
		if (r->type == NPU_PERF_SHARE)
			shares++;
		if (r->type != NPU_PERF_PC && r->type != NPU_PERF_PACKET)
			ok &= r->as_id == 1 && (r->packet == 0x100 || r->packet == 0x103);
		if (r->type != NPU_PERF_PACKET)
			continue;
		ok &= seen < 4 && p->op == ops[seen % 4] && r->packet == 0x100 + seen &&
		      p->seqno == seqno && r->time >= last;
		last = r->time;
		seen++;
	}
	tap_ok(ok && seen == 4, "each packet is there, with id and job");
	tap_is(shares, 4 + 3, "and each share");
	tap_is(cycles, d->queue[5].counters->value[NPU_COUNTER_TILE_CYCLES],
	       "the cycles of all addresses are the queue's");
}

/* Has more than one core left something in the ring? */
static bool two_cores(const struct stream *s)
{
	const struct npu_perf_head *first = next(s, NULL);

	for (const struct npu_perf_head *r = first; r; r = next(s, r))
		if (r->core != first->core)
			return true;
	return false;
}

/* Attach to a kernel that runs for ever, and leave it alone again. */
static void test_attach(void)
{
	struct stream s = stream_new(7, NPU_PERF_ALL_QUEUES);
	const volatile uint32_t *begun = (const volatile uint32_t *)data;
	unsigned int shares = 0;
	uint64_t cycles = 0, covered = 0;
	bool ok = true;

	s.msg.perf.period = 1 << 20;
	queue_start(d, 2, NPU_PRIO_NORMAL);
	put_dispatch(K_EXIT, 1);
	put_dispatch(K_TELL, 2);
	memset(data, 0, 2 * sizeof(*begun));
	go(2);
	/* And what came before it is over. */
	tap_ok(WAIT_FOR(d, d->queue[2].wb->progress >= 2 && peek(&begun[0]) && peek(&begun[1])),
	       "a kernel runs for ever, on two tiles");
	tap_is((unsigned int)start(&s), NPU_MSG_OK, "a stream starts");
	tap_ok(WAIT_FOR(d, two_cores(&s)), "it has samples of both");
	tap_is((unsigned int)stop(&s, NULL), NPU_MSG_OK, "it stops");
	for (const struct npu_perf_head *r = next(&s, NULL); r; r = next(&s, r)) {
		const struct npu_perf_share *share = (const struct npu_perf_share *)r;

		ok &= r->packet == (r->type == NPU_PERF_PACKET ? r->packet : 0x101);
		if (r->type == NPU_PERF_PC)
			cycles += ((const struct npu_perf_pc *)r)->total;
		if (r->type != NPU_PERF_SHARE)
			continue;
		shares++;
		covered += share->end - r->time;
		ok &= r->flags & NPU_PERF_FLAG_JOINED && r->flags & NPU_PERF_FLAG_CUT;
	}
	tap_ok(ok && shares == 2, "what it saw was under way before and after, and says of which packet");
	tap_ok(cycles && cycles == covered, "all of it is accounted for");
	tap_is((unsigned int)request(d, NPU_MSG_QUEUE_STOP, 2), NPU_MSG_OK, "the queue can be stopped");
}

static void test_shutdown(void)
{
	struct stream s = stream_new(1, NPU_PERF_ALL_QUEUES);
	uint8_t *copy = malloc(NPU_PERF_RING_SIZE(LOG2));

	s.msg.perf.period = 1 << 20;
	tap_is((unsigned int)start(&s), NPU_MSG_OK, "a stream is on");
	queue_start(d, 3, NPU_PRIO_NORMAL);
	put_dispatch(K_LOOP, 4);
	go(3);
	tap_ok(WAIT_FOR(d, head(&s) >= 4), "and something runs");
	tap_is((unsigned int)request(d, NPU_MSG_SHUTDOWN, 0), NPU_MSG_OK, "shutdown");
	memcpy(copy, s.ring, NPU_PERF_RING_SIZE(LOG2));
	pass_time(d, 100 * MS);
	tap_ok(!memcmp(copy, s.ring, NPU_PERF_RING_SIZE(LOG2)), "then the ring is not touched");
	tap_is((unsigned int)start(&s), NPU_MSG_BAD_QUEUE, "no stream starts any more");
	free(copy);
}

static void test_cores(void)
{
	const uint32_t size = NPU_COUNTERS_BLOCKS(TILES) * sizeof(struct npu_counter_block);
	const struct npu_counter_block *all = (const void *)(data + 16384), *core = all + 1;
	struct npu_msg msg;
	uint64_t seqno;
	bool ok = true;

	queue_start(d, 4, NPU_PRIO_NORMAL);
	put_dispatch(K_MARK, 9);
	put((union npu_packet){.copy = {.hdr = {.op = NPU_PKT_COPY}, .dst = data_va + 8192,
					.src = data_va, .size = {4096, 1, 1}}});
	put((union npu_packet){.counters = {.hdr = {.op = NPU_PKT_COUNTERS},
					    .addr = data_va + 16384 + sizeof(*all),
					    .size = size,
					    .scope = NPU_COUNTERS_CORES}});
	seqno = go(4);
	ok = wait_done(d, 4, seqno);
	for (unsigned int v = 0; v < NPU_COUNTER_COUNT; v++) {
		uint64_t sum = 0;

		for (unsigned int i = 0; i < TILES + 2; i++)
			sum += core[i].value[v];
		if (v != NPU_COUNTER_CYCLES)
			ok &= sum == d->queue[4].counters->value[v];
	}
	for (unsigned int i = 0; i < TILES + 2; i++)
		ok &= core[i].core == (i < TILES ? i : i == TILES ? NPU_CORE_COPY : NPU_CORE_FRONT) &&
		      core[i].count == NPU_COUNTER_COUNT;
	tap_ok(ok && core[0].value[NPU_COUNTER_WORKGROUPS] == 3 &&
		       core[TILES].value[NPU_COUNTER_COPY_BYTES] == 4096 &&
		       core[TILES + 1].value[NPU_COUNTER_PACKETS] == 3,
	       "counters by core add up to the queue's");
	put((union npu_packet){.counters = {.hdr = {.op = NPU_PKT_COUNTERS},
					    .addr = data_va,
					    .size = size - 1,
					    .scope = NPU_COUNTERS_CORES}});
	go(4);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT && msg.fault.error == NPU_JOB_BAD_PACKET &&
		       msg.fault.addr == msg.fault.packet + 16,
	       "room for less than all of them is a bad packet");
}

int main(int argc, char **argv)
{
	d = drv_new(fw_image_path(argc, argv), TILES, -1);
	fresh();
	test_rules();
	test_job();
	test_attach();
	test_cores();
	/* A reset with a stream on, and one without a word: nothing is left of either. */
	for (unsigned int round = 0; round < 2; round++) {
		struct stream s = stream_new(0, NPU_PERF_ALL_QUEUES);

		tap_is((unsigned int)start(&s), NPU_MSG_OK, "a stream is on");
		fresh();
	}
	test_shutdown();
	fresh();
	test_job();
	drv_free(d);
	return tap_done();
}
