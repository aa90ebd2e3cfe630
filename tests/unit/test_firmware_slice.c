/* SPDX-License-Identifier: MIT */
/*
 * Time slices: tenants whose grids are long share the tiles by modelled time, make room between two workgroups,
 * and count to the last digit what they count alone.
 */
#include <stdlib.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "tap.h"

#define TILES  4
#define AS     1
#define PAGES  64 /* that workgroups read: more than the TLB keeps beside what else they touch */
#define GROUPS 4000u
#define LATENCY 5000000ull /* modelled cycles at 1 GHz in 5 ms */

#define LD(rd, rs1, imm) RV_I(imm, rs1, 3, rd, 0x03)
#define SD(rs2, rs1, imm) RV_S(imm, rs2, rs1, 3u)
#define ANDI(rd, rs1, imm) RV_I(imm, rs1, 7, rd, 0x13)
#define BACK_4_UNLESS_ZERO_T0 0xfe029ee3u /* bne t0, zero, -4 */
#define AMOADD_D_T2_AT_T1     0x0073302fu /* amoadd.d zero, t2, (t1) */

/* Arguments of a kernel. */
struct args {
	uint64_t rounds; /* of a loop, about 3 cycles each */
	uint64_t count; /* address of a word that every workgroup adds one to */
	uint64_t table; /* address of PAGES pages to read one of */
	uint64_t seen; /* what the probe found at count */
};

/* Loops, reads a page that depends on the workgroup, counts. */
static const uint32_t work[] = {
	LD(T0, A0, 0), ADDI(T0, T0, -1), BACK_4_UNLESS_ZERO_T0,
	CSRR(T2, NPU_CSR_WG_X), ANDI(T2, T2, PAGES - 1), SLLI(T2, T2, 12),
	LD(T1, A0, 16), ADD(T1, T1, T2), LW(T1, T1, 0),
	LD(T1, A0, 8), ADDI(T2, X0, 1), AMOADD_D_T2_AT_T1, EXIT,
};

/* Keeps the tiles until what a0 + 0 holds is zero. */
static const uint32_t gate[] = {LD(T0, A0, 0), BACK_4_UNLESS_ZERO_T0, EXIT};

/* Notes how far those are whom it had to wait for. */
static const uint32_t probe[] = {LD(T1, A0, 8), LD(T2, T1, 0), SD(T2, A0, 24), EXIT};

static struct drv *d;
static uint64_t work_va, probe_va, gate_va, args_va, cb_va, table_va;
static struct args *args; /* [queue] */
static uint64_t *count; /* [queue] */
static union npu_packet *cb; /* a page for each queue */

#define ARGS_VA(q)  (args_va + (q) * sizeof(struct args))
#define COUNT_VA(q) (args_va + 2048 + (q) * 8)
#define QUEUES	    4

static uint64_t counted(unsigned int q)
{
	return __atomic_load_n(&count[q], __ATOMIC_ACQUIRE);
}

static void fresh(const char *image, int64_t budget, unsigned int threads)
{
	struct npu_config config;
	uint32_t *code;
	uint8_t *memory;

	if (d)
		drv_free(d);
	npu_config_init(&config);
	config.chiplets = 2;
	config.tiles_per_chiplet = TILES / 2;
	config.sram_kib = 64;
	config.threads = threads;
	if (budget >= 0)
		config.inline_budget = (uint64_t)budget;
	d = drv_new_config(image, &config);
	drv_boot(d, NULL);
	as_create(d, AS);
	work_va = map_new(d, AS, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, work, sizeof(work));
	memcpy(code + 512, probe, sizeof(probe));
	memcpy(code + 768, gate, sizeof(gate));
	probe_va = work_va + 2048;
	gate_va = work_va + 3072;
	args_va = map_new(d, AS, 4096, NPU_PTE_R | NPU_PTE_W, &memory);
	args = (struct args *)memory;
	count = (uint64_t *)(memory + 2048);
	table_va = map_new(d, AS, PAGES * 4096, NPU_PTE_R, &memory);
	cb_va = map_new(d, AS, QUEUES * 4096, NPU_PTE_R, &cb);
	for (unsigned int q = 0; q < QUEUES; q++)
		args[q] = (struct args){.count = COUNT_VA(q), .table = table_va};
}

/* Put dispatches into the queue's command buffer and submit them: a job. */
static uint64_t go(unsigned int q, uint64_t entry, unsigned int packets, unsigned int groups,
		   uint64_t rounds)
{
	union npu_packet *p = cb + q * 64;

	args[q].rounds = rounds;
	for (unsigned int i = 0; i < packets; i++)
		p[i] = (union npu_packet){.dispatch = {.hdr.op = NPU_PKT_DISPATCH, .entry = entry,
						       .args = ARGS_VA(q), .grid = {groups, 1, 1}}};
	return submit(d, q, AS, cb_va + q * 4096, packets);
}

static void figures(unsigned int q, uint64_t value[NPU_COUNTER_COUNT])
{
	memcpy(value, d->queue[q].counters->value, NPU_COUNTER_COUNT * sizeof(*value));
}

/* A packet that runs the probe: how much has this queue counted? In args[slot].seen. */
static union npu_packet look_at(unsigned int q, unsigned int slot)
{
	args[slot].count = COUNT_VA(q);
	return (union npu_packet){.dispatch = {.hdr.op = NPU_PKT_DISPATCH, .entry = probe_va,
					       .args = ARGS_VA(slot), .grid = {1, 1, 1}}};
}

static union npu_packet work_of(unsigned int q, unsigned int groups)
{
	args[q].rounds = 2000;
	return (union npu_packet){.dispatch = {.hdr.op = NPU_PKT_DISPATCH, .entry = work_va,
					       .args = ARGS_VA(q), .grid = {groups, 1, 1}}};
}

/*
 * Tenant 0 has a long grid and looks at its end how far tenant 1 is; this one comes second, looks how far 0 is, and
 * has twice as much to do, in so many packets. Sequence of the jobs; begin: whether to start them.
 */
static void prepare(unsigned int packets)
{
	union npu_packet *first = cb, *second = cb + 64;

	first[0] = work_of(0, GROUPS);
	first[1] = look_at(1, 5);
	second[0] = look_at(0, 6);
	for (unsigned int i = 1; i <= packets; i++)
		second[i] = work_of(1, 2 * GROUPS / packets);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	queue_start(d, 1, NPU_PRIO_NORMAL);
}

static bool good(void)
{
	return counted(0) == GROUPS && counted(1) == 2 * GROUPS && !d->queue[0].wb->error &&
	       !d->queue[1].wb->error;
}

static void test_equals(const char *image, int64_t budget, unsigned int threads)
{
	static const unsigned int packets[] = {1, 40};

	for (unsigned int i = 0; i < 2; i++) {
		uint64_t alone[2][NPU_COUNTER_COUNT], beside[2][NPU_COUNTER_COUNT];
		uint64_t first, second;
		double share;
		bool ok;

		fresh(image, budget, threads);
		prepare(packets[i]);
		ok = wait_done(d, 0, submit(d, 0, AS, cb_va, 2)) &&
		     wait_done(d, 1, submit(d, 1, AS, cb_va + 4096, 1 + packets[i])) && good();
		figures(0, alone[0]);
		figures(1, alone[1]);
		tap_ok(ok, "each alone");

		fresh(image, budget, threads);
		prepare(packets[i]);
		/* Behind a gate, so that it does not matter who comes first. */
		queue_start(d, 2, NPU_PRIO_NORMAL);
		go(2, gate_va, 1, 1, 1);
		ok = WAIT_FOR(d, d->queue[2].wb->state == NPU_QUEUE_RUNNING);
		first = submit(d, 0, AS, cb_va, 2);
		second = submit(d, 1, AS, cb_va + 4096, 1 + packets[i]);
		ok = ok && WAIT_FOR(d, d->queue[0].wb->started && d->queue[1].wb->started);
		__atomic_store_n(&args[2].rounds, 0, __ATOMIC_RELEASE);
		ok = ok && wait_done(d, 0, first) && wait_done(d, 1, second) && good();
		figures(0, beside[0]);
		figures(1, beside[1]);
		tap_ok(ok, "both at once, grids in 1 packet and in %u", packets[i]);
		share = 100.0 * (double)(GROUPS - args[6].seen) /
			(double)(GROUPS - args[6].seen + args[5].seen);
		tap_diag("the first got %.1f %% of the tiles, from workgroup %llu of %u on", share,
			 (unsigned long long)args[6].seen, GROUPS);
		tap_ok(args[6].seen < GROUPS / 2 && share > 45 && share < 55,
		       "each gets half of the tiles, to 5 %%");
		tap_ok(!memcmp(alone, beside, sizeof(alone)), "each counts what it counts alone");
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The modelled time for which tiles work for a saturating tenant while a higher one waits for them. */
static void test_latency(void)
{
	enum { PROBES = 15 };
	uint64_t passed[PROBES], last = 0, done, value[NPU_COUNTER_COUNT], late[PROBES];
	unsigned int counts = 0;
	bool ok = true;

	queue_start(d, 2, NPU_PRIO_NORMAL);
	queue_start(d, 3, NPU_PRIO_REALTIME);
	args[3].count = COUNT_VA(2);
	last = go(2, work_va, 4, 8000, 20000);
	ok = WAIT_FOR(d, counted(2));
	for (unsigned int i = 0; i < PROBES; i++) {
		const uint64_t before = counted(2);

		done = go(3, probe_va, 1, 1, 0);
		late[i] = counted(2) - before;
		ok = ok && wait_done(d, 3, done);
		passed[i] = args[3].seen - before;
	}
	ok = ok && completed(&d->queue[2]) < last;
	tap_ok(ok, "%u times a real-time job beside one that saturates the tiles", PROBES);
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 2) == NPU_MSG_OK, "which is stopped");
	while (!mbox_empty(d))
		mbox_get(d, &(struct npu_msg){0});
	figures(2, value);
	/* Who lost its processor between looking and ringing has measured that: such a try does not count. */
	for (unsigned int i = 0; i < PROBES; i++) {
		const uint64_t each = value[NPU_COUNTER_TILE_CYCLES] / (value[NPU_COUNTER_WORKGROUPS] + 1);

		if (late[i] * each / TILES < LATENCY / 2)
			passed[counts++] = passed[i] * each / TILES;
	}
	if (!tap_ok(counts > PROBES / 2, "most tries count"))
		return;
	qsort(passed, counts, sizeof(*passed), compare);
	tap_diag("modelled us until it ran: least %.0f, median %.0f, most %.0f of %u tries",
		 (double)passed[0] / 1e3, (double)passed[counts / 2] / 1e3,
		 (double)passed[counts - 1] / 1e3, counts);
	tap_ok(passed[counts - 1] < LATENCY, "runs within 5 ms of modelled time");
}

/* Higher classes first, but not for ever. */
static void test_patience(void)
{
	uint64_t high, low;

	queue_start(d, 0, NPU_PRIO_LOW);
	queue_start(d, 1, NPU_PRIO_REALTIME);
	high = go(1, work_va, 1, 4000, 20000);
	if (!WAIT_FOR(d, counted(1)))
		drv_die("a grid does not start");
	low = go(0, work_va, 1, 8, 10);
	tap_ok(wait_done(d, 0, low) && completed(&d->queue[1]) < high,
	       "the lowest class gets through while the highest saturates the tiles");
	tap_ok(wait_done(d, 1, high) && counted(1) == 4000, "which is done then");
}

/* A queue whose grid has made room is stopped, and may start again. */
static void test_stop(const char *image)
{
	uint64_t alone[NPU_COUNTER_COUNT], beside[NPU_COUNTER_COUNT], done;
	bool ok;

	fresh(image, 0, 2);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	ok = wait_done(d, 0, go(0, work_va, 1, GROUPS, 2000));
	figures(0, alone);
	fresh(image, 0, 2);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	queue_start(d, 1, NPU_PRIO_NORMAL);
	go(0, work_va, 1, GROUPS, 20000);
	done = go(1, work_va, 1, GROUPS, 2000);
	ok = ok && WAIT_FOR(d, counted(0) && counted(1)) &&
	     request(d, NPU_MSG_QUEUE_STOP, 0) == NPU_MSG_OK;
	tap_ok(ok && d->queue[0].wb->state == NPU_QUEUE_STOPPED &&
		       d->queue[0].wb->error == NPU_JOB_STOPPED,
	       "one of two is stopped");
	while (!mbox_empty(d))
		mbox_get(d, &(struct npu_msg){0});
	ok = wait_done(d, 1, done);
	figures(1, beside);
	tap_ok(ok && !memcmp(alone, beside, sizeof(alone)), "the other one counts what it counts alone");
	count[0] = 0;
	queue_start(d, 0, NPU_PRIO_NORMAL);
	ok = wait_done(d, 0, go(0, work_va, 1, GROUPS, 2000));
	figures(0, beside);
	tap_ok(ok && counted(0) == GROUPS && !memcmp(alone, beside, sizeof(alone)),
	       "and so does the first, started anew");
}

/* Saved and loaded while grids are kept. */
static void test_move(const char *image)
{
	uint64_t alone[NPU_COUNTER_COUNT], beside[NPU_COUNTER_COUNT], first, second;
	unsigned int moved = 0;
	bool ok;

	fresh(image, 0, 2);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	ok = wait_done(d, 0, go(0, work_va, 1, GROUPS, 2000));
	figures(0, alone);
	fresh(image, 0, 2);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	queue_start(d, 1, NPU_PRIO_NORMAL);
	first = go(0, work_va, 1, GROUPS, 2000);
	second = go(1, work_va, 1, GROUPS, 2000);
	for (unsigned int i = 1; i < 10; i++) {
		if (!WAIT_FOR(d, counted(0) + counted(1) >= i * GROUPS / 5))
			break;
		ok = ok && drv_move(d);
		moved++;
	}
	ok = ok && wait_done(d, 0, first) && wait_done(d, 1, second);
	figures(0, beside);
	tap_ok(ok && moved == 9, "moved %u times while two share the tiles", moved);
	tap_ok(!memcmp(alone, beside, sizeof(alone)), "figures are those of one alone");
	figures(1, beside);
	tap_ok(!memcmp(alone, beside, sizeof(alone)), "of the other one too");
}

/* Until the job has ended, see what the heartbeat tells; the highest of it, or 0 if something is wrong. */
static uint64_t watch(unsigned int q, uint64_t seqno, const struct npu_counter_block *before,
		      unsigned int *seen)
{
	const volatile struct npu_counter_block *block = d->queue[q].counters;
	uint64_t highest = 0;

	*seen = 0;
	while (completed(&d->queue[q]) < seqno) {
		if (!WAIT_FOR(d, block->tile_now > highest || completed(&d->queue[q]) >= seqno))
			return 0;
		if (block->tile_now > highest) {
			highest = block->tile_now;
			++*seen;
		}
		/* The counters are written when it ends, and not before. */
		if (block->value[NPU_COUNTER_TILE_CYCLES] != before->value[NPU_COUNTER_TILE_CYCLES] &&
		    !WAIT_FOR(d, completed(&d->queue[q]) >= seqno))
			return 0;
	}
	return highest;
}

/* Of a job that runs the engines' cycles are told with the heartbeat, alone and when it shares the tiles. */
static void test_heartbeat(const char *image)
{
	for (unsigned int others = 0; others < 2; others++) {
		struct npu_counter_block before;
		uint64_t seqno, highest, last;
		unsigned int seen;

		fresh(image, 0, 2);
		queue_start(d, 0, NPU_PRIO_NORMAL);
		queue_start(d, 1, NPU_PRIO_NORMAL);
		for (unsigned int job = 0; job < 2; job++) {
			before = *d->queue[0].counters;
			if (others)
				go(1, work_va, 1, GROUPS, 40000);
			seqno = go(0, work_va, 1, GROUPS, 20000);
			highest = watch(0, seqno, &before, &seen);
			last = d->queue[0].counters->value[NPU_COUNTER_TILE_CYCLES];
			tap_diag("%llu of %llu cycles in %u steps", (unsigned long long)highest,
				 (unsigned long long)last, seen);
			tap_ok(seen > 3 && highest > before.value[NPU_COUNTER_TILE_CYCLES] &&
				       highest - before.value[NPU_COUNTER_TILE_CYCLES] >
					       (last - before.value[NPU_COUNTER_TILE_CYCLES]) / 2,
			       "a job's cycles are told while it runs, %s",
			       others ? "beside another" : "alone");
			tap_ok(highest <= last, "and never more than it has in the end");
			tap_is(d->queue[0].counters->tile_now | d->queue[0].counters->copy_now, 0,
			       "when it has ended they are where they belong");
			if (others) {
				request(d, NPU_MSG_QUEUE_STOP, 1);
				while (!mbox_empty(d))
					mbox_get(d, &(struct npu_msg){0});
				queue_start(d, 1, NPU_PRIO_NORMAL);
			}
		}
	}
}

int main(int argc, char **argv)
{
	static const struct {
		int64_t budget;
		unsigned int threads;
	} hosts[] = {{-1, 1}, {0, 1}, {0, 4}, {1000, 2}};
	const char *image = fw_image_path(argc, argv);

	for (unsigned int i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		tap_diag("budget %lld, threads %u", (long long)hosts[i].budget, hosts[i].threads);
		test_equals(image, hosts[i].budget, hosts[i].threads);
		fresh(image, hosts[i].budget, hosts[i].threads);
		test_latency();
		fresh(image, hosts[i].budget, hosts[i].threads);
		test_patience();
	}
	test_stop(image);
	test_heartbeat(image);
	test_move(image);
	drv_free(d);
	return tap_done();
}
