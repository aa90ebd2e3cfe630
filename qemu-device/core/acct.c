/* SPDX-License-Identifier: MIT */
#include "acct.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "npu_fault.h"

bool acct_init(struct acct *acct, unsigned int queues, unsigned int tiles)
{
	bool ok;

	acct->queues = queues;
	acct->tiles = tiles;
	acct->queue = calloc(queues, sizeof(*acct->queue));
	acct->device = calloc(ACCT_CORES(acct), sizeof(*acct->device));
	acct->energy = calloc(NPU_MODEL_OPPS, sizeof(*acct->energy));
	ok = acct->queue && acct->device && acct->energy;
	for (unsigned int q = 0; ok && q < queues; q++) {
		acct->queue[q].core = calloc(ACCT_CORES(acct), sizeof(*acct->queue[q].core));
		acct->queue[q].busy = calloc(tiles, sizeof(*acct->queue[q].busy));
		ok = acct->queue[q].core && acct->queue[q].busy;
	}
	if (!ok) {
		acct_free(acct);
		return false;
	}
	for (unsigned int i = 0; i < NPU_MODEL_OPPS; i++)
		npu_model_energy(i, &acct->energy[i]);
	acct_reset(acct);
	return true;
}

void acct_free(struct acct *acct)
{
	for (unsigned int q = 0; acct->queue && q < acct->queues; q++) {
		free(acct->queue[q].core);
		free(acct->queue[q].busy);
	}
	free(acct->queue);
	free(acct->device);
	free(acct->energy);
	acct->queue = NULL;
	acct->device = NULL;
	acct->energy = NULL;
}

void acct_reset(struct acct *acct)
{
	acct->point = (struct acct_point){
		.opp = NPU_MODEL_OPPS - 1,
		.slow = 1,
	};
	for (unsigned int q = 0; q < acct->queues; q++)
		acct_clear(acct, q);
	memset(acct->device, 0, ACCT_CORES(acct) * sizeof(*acct->device));
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* End of the lane's work that has ended, open shares left out. */
static uint64_t lane_end(const struct acct_lane *lane)
{
	uint64_t end = lane->end;

	for (unsigned int i = 0; i < lane->count; i++)
		if (lane->epoch[i].span)
			end = max_u64(end, lane->epoch[i].start) + lane->epoch[i].span;
	return end;
}

/*
 * Retire closed epochs at the head and melt closed neighbours: an epoch maps the time x at
 * which the lane gets free to max(start, x) + span, and two such maps in a row are again one.
 * current may still get shares and stays.
 */
static void lane_tidy(struct acct_lane *lane, uint64_t current)
{
	unsigned int in = 0, out = 0;

	for (; in < lane->count; in++) {
		const struct acct_epoch *e = &lane->epoch[in];
		struct acct_epoch *last = out ? &lane->epoch[out - 1] : NULL;
		const bool closed = !e->open && e->id != current;

		if (closed && !last) {
			lane->end = max_u64(lane->end, e->start) + e->span;
		} else if (closed && !last->open) {
			const uint64_t start = e->start > last->span ? e->start - last->span : 0;

			last->start = max_u64(last->start, start);
			last->span += e->span;
			last->id = e->id;
		} else {
			lane->epoch[out++] = *e;
		}
	}
	lane->count = out;
}

static void queue_tidy(struct acct_queue *q)
{
	for (unsigned int i = 0; i < ACCT_LANES; i++)
		lane_tidy(&q->lane[i], q->begun);
}

static uint64_t queue_clock(const struct acct_queue *q)
{
	uint64_t clock = max_u64(q->front, q->moved);

	for (unsigned int i = 0; i < ACCT_LANES; i++)
		clock = max_u64(clock, lane_end(&q->lane[i]));
	return clock;
}

/* The counter that takes what the front end waits for when it joins the lanes now. */
static enum npu_counter wait_counter(const struct acct_queue *q)
{
	const uint64_t tiles = lane_end(&q->lane[ACCT_TILES]);
	const uint64_t copy = lane_end(&q->lane[ACCT_COPY]);
	const struct acct_traffic *copied = &q->traffic[ACCT_COPY];

	/* Where moving bytes takes longer than either, the copy engine is last: tiles go first. */
	if (q->moved > max_u64(tiles, copy) && (copied->in || copied->out))
		return NPU_COUNTER_WAIT_COPY;
	return copy > tiles ? NPU_COUNTER_WAIT_COPY : NPU_COUNTER_WAIT_TILES;
}

/* When all bytes that were moved since the lanes were joined can have been, with the whole bandwidth. */
static void traffic_end(struct acct_queue *q)
{
	const struct npu_rates rates = {
		.period = npu_model_opp[q->point.opp].period,
		.share = 1,
		.slow = q->point.slow,
	};
	const struct acct_traffic *t = q->traffic;
	const uint64_t in = t[ACCT_TILES].in + t[ACCT_COPY].in;
	const uint64_t out = t[ACCT_TILES].out + t[ACCT_COPY].out;
	const uint64_t core = t[ACCT_TILES].core + t[ACCT_COPY].core;

	q->moved = q->joined + max_u64(npu_model_host(&rates, in, out),
				       npu_model_dram(&rates, in + out + core));
}

static void traffic_add(struct acct_queue *q, enum acct_lane_id lane, const struct npu_counters *c)
{
	const uint64_t *v = c->v;
	const uint64_t in = v[NPU_COUNTER_DMA_READ] + v[NPU_COUNTER_COPY_READ];
	const uint64_t out = v[NPU_COUNTER_DMA_WRITE] + v[NPU_COUNTER_COPY_BYTES];
	const uint64_t core = v[NPU_COUNTER_VECTOR_REMOTE] +
			      8 * (v[NPU_COUNTER_TILE_REMOTE] + v[NPU_COUNTER_TLB_MISSES] +
				   v[NPU_COUNTER_COPY_WALKS]);

	if (!(in | out | core))
		return;
	q->traffic[lane].in += in;
	q->traffic[lane].out += out;
	q->traffic[lane].core += core;
	traffic_end(q);
}

/* The front end has joined the lanes at this moment. */
static void joined(struct acct_queue *q, uint64_t clock)
{
	q->front = clock;
	q->joined = clock;
	q->moved = clock;
	memset(q->traffic, 0, sizeof(q->traffic));
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* Count n of one thing on a core, with the energy it takes. */
static void count(struct acct *acct, struct acct_queue *q, unsigned int core,
		  enum npu_counter counter, uint64_t n)
{
	const struct npu_energy *energy = &acct->energy[q->point.opp];
	struct npu_counters *cells[] = {&q->core[core], &acct->device[core]};

	for (unsigned int i = 0; i < 2; i++) {
		cells[i]->v[counter] += n;
		cells[i]->v[NPU_COUNTER_ENERGY] += n * energy->total[counter];
		cells[i]->v[NPU_COUNTER_LEAKAGE] += n * energy->leakage[counter];
	}
}

/* Count all that a share or copy counted. */
static void charge(struct acct *acct, struct acct_queue *q, unsigned int core, unsigned int opp,
		   const struct npu_counters *counters)
{
	const struct npu_energy *energy = &acct->energy[opp];
	struct npu_counters *own = &q->core[core], *device = &acct->device[core];
	uint64_t total = 0, leakage = 0;

	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++) {
		own->v[i] += counters->v[i];
		device->v[i] += counters->v[i];
		total += counters->v[i] * energy->total[i];
		leakage += counters->v[i] * energy->leakage[i];
	}
	own->v[NPU_COUNTER_ENERGY] += total;
	device->v[NPU_COUNTER_ENERGY] += total;
	own->v[NPU_COUNTER_LEAKAGE] += leakage;
	device->v[NPU_COUNTER_LEAKAGE] += leakage;
}

/* An amount that a counter grows by. */
struct growth {
	enum npu_counter counter;
	uint64_t n;
};

#define GROWTHS 3

/* What passed on a core with the queue's clock since it was settled; returns how many there are. */
static unsigned int passed(const struct acct *acct, const struct acct_queue *q, unsigned int core,
			   struct growth growth[GROWTHS])
{
	const uint64_t clock = queue_clock(q), cycles = clock - q->settled;

	if (core < acct->tiles) {
		/* No less than 0, should somebody run two shares on a tile in one epoch. */
		growth[0].counter = NPU_COUNTER_TILE_IDLE;
		growth[0].n = cycles > q->busy[core] ? cycles - q->busy[core] : 0;
		return 1;
	}
	if (core == ACCT_CORE_COPY(acct))
		return 0; /* its leakage is the fabric's */
	growth[0] = (struct growth){NPU_COUNTER_CYCLES, cycles};
	growth[1] = (struct growth){NPU_COUNTER_TIME,
				    cycles * npu_model_opp[q->point.opp].period};
	growth[2] = (struct growth){wait_counter(q), clock - q->front};
	return 3;
}

/* Put what passed into the cells. Nothing of the command buffer runs any more. */
static void settle(struct acct *acct, struct acct_queue *q)
{
	const uint64_t clock = queue_clock(q);

	for (unsigned int c = 0; c < ACCT_CORES(acct); c++) {
		struct growth growth[GROWTHS];
		const unsigned int n = passed(acct, q, c, growth);

		for (unsigned int i = 0; i < n; i++)
			count(acct, q, c, growth[i].counter, growth[i].n);
	}
	joined(q, clock);
	q->settled = clock;
	memset(q->busy, 0, acct->tiles * sizeof(*q->busy));
}

void acct_clear(struct acct *acct, unsigned int queue)
{
	struct acct_queue *q = &acct->queue[queue];

	settle(acct, q); /* the device keeps it */
	q->generation++;
	joined(q, 0);
	q->begun = 0;
	q->open = false;
	q->point = acct->point;
	q->settled = 0;
	for (unsigned int i = 0; i < ACCT_LANES; i++) {
		q->lane[i].end = 0;
		q->lane[i].count = 0;
	}
	memset(q->core, 0, ACCT_CORES(acct) * sizeof(*q->core));
}

/* ---- packets --------------------------------------------------------------------------------- */

uint64_t acct_clock(const struct acct *acct, unsigned int queue)
{
	return queue_clock(&acct->queue[queue]);
}

uint64_t acct_time(const struct acct *acct, unsigned int queue)
{
	const struct acct_queue *q = &acct->queue[queue];
	const uint64_t cycles = queue_clock(q) - q->settled;

	return q->core[ACCT_CORE_FRONT(acct)].v[NPU_COUNTER_TIME] +
	       cycles * npu_model_opp[q->point.opp].period;
}

void acct_barrier(struct acct *acct, unsigned int queue)
{
	struct acct_queue *q = &acct->queue[queue];

	settle(acct, q);
	q->open = false;
	q->begun++;
	queue_tidy(q);
}

/* The front end waits for both lanes. */
static void join(struct acct *acct, struct acct_queue *q)
{
	const uint64_t clock = queue_clock(q);

	count(acct, q, ACCT_CORE_FRONT(acct), wait_counter(q), clock - q->front);
	joined(q, clock);
}

void acct_begin(struct acct *acct, unsigned int queue, uint32_t op)
{
	const unsigned int front = ACCT_CORE_FRONT(acct);
	struct acct_queue *q = &acct->queue[queue];
	uint64_t cycles = NPU_MODEL_FRONT_PACKET;

	if (!q->open) {
		q->open = true;
		q->point = acct->point;
	}
	q->begun++;
	queue_tidy(q);
	switch (op) {
	case NPU_PKT_BARRIER:
		join(acct, q);
		break;
	case NPU_PKT_TIMESTAMP:
	case NPU_PKT_COUNTERS:
		join(acct, q);
		cycles += NPU_MODEL_FRONT_WRITE;
		break;
	case NPU_PKT_DISPATCH:
		cycles += NPU_MODEL_FRONT_DISPATCH;
		count(acct, q, front, NPU_COUNTER_DISPATCHES, 1);
		break;
	case NPU_PKT_COPY:
	case NPU_PKT_FILL:
	case NPU_PKT_GATHER:
		cycles += NPU_MODEL_FRONT_COPY;
		break;
	}
	q->front += cycles;
	count(acct, q, front, NPU_COUNTER_PACKETS, 1);
	count(acct, q, front, NPU_COUNTER_FRONT_CYCLES, cycles);
}

struct acct_ticket acct_start(struct acct *acct, unsigned int queue, enum acct_lane_id id)
{
	struct acct_queue *q = &acct->queue[queue];
	struct acct_lane *lane = &q->lane[id];
	struct acct_epoch *last = lane->count ? &lane->epoch[lane->count - 1] : NULL;

	if (!last || last->id != q->begun) {
		last = &lane->epoch[lane->count++];
		last->id = q->begun;
		last->start = q->front;
		last->span = 0;
		last->open = 0;
	}
	last->open++;
	return (struct acct_ticket){
		.lane = id,
		.generation = q->generation,
		.epoch = q->begun,
		.point = q->point,
	};
}

void acct_end(struct acct *acct, unsigned int queue, const struct acct_ticket *ticket,
	      unsigned int core, uint64_t cycles, const struct npu_counters *counters)
{
	struct acct_queue *q = &acct->queue[queue];
	struct acct_lane *lane = &q->lane[ticket->lane];

	if (ticket->generation != q->generation)
		return;
	for (unsigned int i = 0; i < lane->count; i++) {
		struct acct_epoch *e = &lane->epoch[i];

		if (e->id != ticket->epoch)
			continue;
		e->span = max_u64(e->span, cycles);
		e->open--;
		break;
	}
	queue_tidy(q);
	traffic_add(q, ticket->lane, counters);
	charge(acct, q, core, ticket->point.opp, counters);
	if (core < acct->tiles)
		q->busy[core] += cycles;
}

bool acct_started(const struct acct *acct, unsigned int queue, const struct acct_ticket *ticket,
		  uint64_t *start)
{
	const struct acct_queue *q = &acct->queue[queue];
	const struct acct_lane *lane = &q->lane[ticket->lane];
	uint64_t end = lane->end;
	bool exact = true;

	*start = 0;
	if (ticket->generation != q->generation)
		return false;
	for (unsigned int i = 0; i < lane->count; i++) {
		const struct acct_epoch *e = &lane->epoch[i];

		*start = max_u64(end, e->start);
		if (e->id == ticket->epoch)
			return exact;
		exact &= !e->open;
		end = *start + e->span;
	}
	return false;
}

unsigned int acct_opp(const struct acct *acct, unsigned int queue)
{
	return acct->queue[queue].point.opp;
}

uint64_t acct_front(const struct acct *acct, unsigned int queue)
{
	return acct->queue[queue].front;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void block_init(const struct acct *acct, unsigned int core, struct npu_counter_block *block)
{
	memset(block, 0, sizeof(*block));
	block->version = NPU_COUNTER_TABLE_VERSION;
	block->count = NPU_COUNTER_COUNT;
	block->core = core < acct->tiles	     ? core :
		      core == ACCT_CORE_COPY(acct)  ? NPU_CORE_COPY :
		      core == ACCT_CORE_FRONT(acct) ? NPU_CORE_FRONT :
						      NPU_CORE_ALL;
}

static void block_add(struct npu_counter_block *block, const struct npu_counters *counters)
{
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		block->value[i] += counters->v[i];
}

/* Add what passed and is not settled. */
static void block_pass(const struct acct *acct, const struct acct_queue *q, unsigned int core,
		       struct npu_counter_block *block)
{
	const struct npu_energy *energy = &acct->energy[q->point.opp];
	struct growth growth[GROWTHS];
	const unsigned int n = passed(acct, q, core, growth);

	for (unsigned int i = 0; i < n; i++) {
		block->value[growth[i].counter] += growth[i].n;
		block->value[NPU_COUNTER_ENERGY] += growth[i].n * energy->total[growth[i].counter];
		block->value[NPU_COUNTER_LEAKAGE] +=
			growth[i].n * energy->leakage[growth[i].counter];
	}
}

void acct_snapshot(const struct acct *acct, unsigned int queue, unsigned int core,
		   struct npu_counter_block *block)
{
	const struct acct_queue *q = &acct->queue[queue];

	block_init(acct, core, block);
	for (unsigned int c = 0; c < ACCT_CORES(acct); c++) {
		if (core != ACCT_ALL && core != c)
			continue;
		block_add(block, &q->core[c]);
		block_pass(acct, q, c, block);
	}
}

void acct_device(const struct acct *acct, unsigned int core, struct npu_counter_block *block)
{
	block_init(acct, core, block);
	for (unsigned int c = 0; c < ACCT_CORES(acct); c++) {
		if (core != ACCT_ALL && core != c)
			continue;
		block_add(block, &acct->device[c]);
		for (unsigned int q = 0; q < acct->queues; q++)
			block_pass(acct, &acct->queue[q], c, block);
	}
}

uint64_t acct_energy(const struct acct *acct)
{
	uint64_t sum = 0;

	for (unsigned int c = 0; c < ACCT_CORES(acct); c++) {
		const uint64_t *v = acct->device[c].v;

		sum += v[NPU_COUNTER_ENERGY];
		/* The same at every operating point. */
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
			sum -= v[i] * acct->energy[0].memory[i];
	}
	for (unsigned int i = 0; i < acct->queues; i++) {
		const struct acct_queue *q = &acct->queue[i];
		const struct npu_energy *energy = &acct->energy[q->point.opp];

		/* Only cores and the clock: nothing that passes with it is in memory. Of most queues nothing is open. */
		if (queue_clock(q) == q->settled)
			continue;
		for (unsigned int c = 0; c < ACCT_CORES(acct); c++) {
			struct growth growth[GROWTHS];
			const unsigned int n = passed(acct, q, c, growth);

			for (unsigned int g = 0; g < n; g++)
				sum += growth[g].n * energy->total[growth[g].counter];
		}
	}
	return sum;
}

void acct_snapshot_core(const struct acct *acct, unsigned int queue, unsigned int core,
			struct npu_counter_block *block)
{
	acct_snapshot(acct, queue, core, block);
	block->value[NPU_COUNTER_CYCLES] = queue_clock(&acct->queue[queue]);
}

/* ---- saving and loading ------------------------------------------------------------------------ */

void acct_point_state(struct acct_point *point, struct state *s)
{
	STATE_MAX(s, point->opp, NPU_MODEL_OPPS - 1);
	STATE_MAX(s, point->slow, NPU_FAULT_SLOW_MAX);
}

static void lane_state(struct acct_lane *lane, struct state *s)
{
	STATE(s, lane->end);
	STATE_MAX(s, lane->count, ACCT_EPOCHS);
	for (unsigned int i = 0; i < lane->count; i++) {
		STATE(s, lane->epoch[i].id);
		STATE(s, lane->epoch[i].start);
		STATE(s, lane->epoch[i].span);
		STATE(s, lane->epoch[i].open);
	}
}

void acct_state(struct acct *acct, struct state *s)
{
	acct_point_state(&acct->point, s);
	state_sparse(s, acct->device, sizeof(*acct->device), ACCT_CORES(acct));
	for (unsigned int i = 0; i < acct->queues; i++) {
		struct acct_queue *q = &acct->queue[i];

		STATE(s, q->generation);
		STATE(s, q->front);
		STATE(s, q->begun);
		STATE(s, q->open);
		STATE(s, q->settled);
		acct_point_state(&q->point, s);
		state_check(s, q->point.slow, "a link faster than it can be");
		STATE(s, q->joined);
		for (unsigned int lane = 0; lane < ACCT_LANES; lane++) {
			lane_state(&q->lane[lane], s);
			STATE(s, q->traffic[lane].in);
			STATE(s, q->traffic[lane].out);
			STATE(s, q->traffic[lane].core);
		}
		state_sparse(s, q->core, sizeof(*q->core), ACCT_CORES(acct));
		state_sparse(s, q->busy, sizeof(*q->busy), acct->tiles);
		if (s->load && !s->failed) {
			queue_tidy(q); /* lanes are as short as they can be, or would not have room for more */
			traffic_end(q);
		}
	}
}
