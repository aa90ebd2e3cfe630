/* SPDX-License-Identifier: MIT */
#include "acct.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"

bool acct_init(struct acct *acct, unsigned int queues, unsigned int tiles)
{
	acct->queues = queues;
	acct->tiles = tiles;
	acct->queue = calloc(queues, sizeof(*acct->queue));
	if (!acct->queue)
		return false;
	for (unsigned int q = 0; q < queues; q++) {
		acct->queue[q].core = calloc(ACCT_CORES(acct), sizeof(*acct->queue[q].core));
		if (!acct->queue[q].core) {
			acct_free(acct);
			return false;
		}
	}
	return true;
}

void acct_free(struct acct *acct)
{
	for (unsigned int q = 0; acct->queue && q < acct->queues; q++)
		free(acct->queue[q].core);
	free(acct->queue);
	acct->queue = NULL;
}

void acct_reset(struct acct *acct)
{
	for (unsigned int q = 0; q < acct->queues; q++)
		acct_clear(acct, q);
}

void acct_clear(struct acct *acct, unsigned int queue)
{
	struct acct_queue *q = &acct->queue[queue];

	q->generation++;
	q->front = 0;
	q->begun = 0;
	for (unsigned int i = 0; i < ACCT_LANES; i++) {
		q->lane[i].end = 0;
		q->lane[i].count = 0;
	}
	memset(q->core, 0, ACCT_CORES(acct) * sizeof(*q->core));
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
	uint64_t clock = q->front;

	for (unsigned int i = 0; i < ACCT_LANES; i++)
		clock = max_u64(clock, lane_end(&q->lane[i]));
	return clock;
}

uint64_t acct_clock(const struct acct *acct, unsigned int queue)
{
	return queue_clock(&acct->queue[queue]);
}

void acct_barrier(struct acct *acct, unsigned int queue)
{
	struct acct_queue *q = &acct->queue[queue];

	q->front = queue_clock(q);
	q->begun++;
	queue_tidy(q);
}

void acct_begin(struct acct *acct, unsigned int queue, uint32_t op)
{
	struct acct_queue *q = &acct->queue[queue];
	struct npu_counters *front = &q->core[ACCT_CORE_FRONT(acct)];

	q->begun++;
	queue_tidy(q);
	switch (op) {
	case NPU_PKT_BARRIER:
		q->front = queue_clock(q);
		break;
	case NPU_PKT_TIMESTAMP:
	case NPU_PKT_COUNTERS:
		q->front = queue_clock(q) + NPU_MODEL_FRONT_WRITE;
		break;
	case NPU_PKT_DISPATCH:
		q->front += NPU_MODEL_FRONT_DISPATCH;
		front->v[NPU_COUNTER_DISPATCHES]++;
		break;
	case NPU_PKT_COPY:
	case NPU_PKT_FILL:
	case NPU_PKT_GATHER:
		q->front += NPU_MODEL_FRONT_COPY;
		break;
	}
	q->front += NPU_MODEL_FRONT_PACKET;
	front->v[NPU_COUNTER_PACKETS]++;
	front->v[NPU_COUNTER_ENERGY] += NPU_MODEL_E_PACKET;
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
	return (struct acct_ticket){.lane = id, .generation = q->generation, .epoch = q->begun};
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
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		q->core[core].v[i] += counters->v[i];
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

uint64_t acct_front(const struct acct *acct, unsigned int queue)
{
	return acct->queue[queue].front;
}

void acct_snapshot(const struct acct *acct, unsigned int queue, struct npu_counter_block *block)
{
	const struct acct_queue *q = &acct->queue[queue];

	memset(block, 0, sizeof(*block));
	block->version = NPU_COUNTER_TABLE_VERSION;
	block->count = NPU_COUNTER_COUNT;
	block->core = NPU_CORE_ALL;
	for (unsigned int c = 0; c < ACCT_CORES(acct); c++)
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
			block->value[i] += q->core[c].v[i];
	block->value[NPU_COUNTER_CYCLES] = queue_clock(q);
}

void acct_snapshot_core(const struct acct *acct, unsigned int queue, unsigned int core,
			struct npu_counter_block *block)
{
	const struct acct_queue *q = &acct->queue[queue];

	memset(block, 0, sizeof(*block));
	block->version = NPU_COUNTER_TABLE_VERSION;
	block->count = NPU_COUNTER_COUNT;
	block->core = core < acct->tiles ? core
		      : core == ACCT_CORE_COPY(acct) ? NPU_CORE_COPY : NPU_CORE_FRONT;
	memcpy(block->value, q->core[core].v, sizeof(q->core[core].v));
	block->value[NPU_COUNTER_CYCLES] = queue_clock(q);
}
