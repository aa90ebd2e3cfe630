/* SPDX-License-Identifier: MIT */
/*
 * Hardware queues: what the firmware knows of each, and the changes of state
 * that the host sees. Who does the work: ring.c and front.c decode, tiles.c and
 * copy.c drive the engines, sched.c says whose turn it is.
 */
#ifndef NPU_FW_QUEUE_H
#define NPU_FW_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_fw.h"
#include "npu_packet.h"
#include "npu_regs.h"
#include "npu_ring.h"

#include "sched.h"

/* Read ahead, in one transfer each. A command buffer must not change while it runs. */
#define QUEUE_ENTRIES_AHEAD 8
#define QUEUE_PACKETS_AHEAD 16

enum queue_where {
	QUEUE_STOPPED, /* no descriptor in use; no memory of this queue is touched */
	QUEUE_RESTING, /* its ring is empty */
	QUEUE_WAITING, /* waits for .server, in a list of the scheduler */
	QUEUE_ON_TILES, /* a DISPATCH runs */
	QUEUE_ON_COPY, /* a COPY, FILL or GATHER runs */
	QUEUE_FAILING, /* a job failed; its NPU_MSG_FAULT waits for room in the mailbox */
	QUEUE_FAULTED, /* consumes nothing until stopped and started again */
};

struct queue {
	/* What engines and host memory port move comes first, aligned. */
	union npu_packet packets[QUEUE_PACKETS_AHEAD];
	struct npu_ring_entry entries[QUEUE_ENTRIES_AHEAD];
	struct npu_queue_wb wb; /* as published last, or to be published next */
	struct npu_msg fault; /* FAILING: message to be sent */
	struct npu_queue_desc desc;

	/* Ring: entries [wb.head, tail) are to be served, [entries_first, entries_end) are here. */
	uint32_t tail;
	uint32_t entries_first;
	uint32_t entries_end;

	/* Command buffer being run; packets_left is 0 between two of them. */
	uint64_t packet_va; /* of the current packet */
	uint32_t packets_left; /* the current one included */
	uint32_t packet_index; /* of the current one in packets[] */
	uint32_t packet_count; /* valid ones in packets[] */
	uint16_t as_id;

	/* A DISPATCH that has made room between two workgroups; kept is 0: none has. */
	uint64_t kept; /* bit per tile that keeps its share */
	uint64_t kept_retired; /* workgroups that those shares have retired */
	uint64_t ended_retired; /* workgroups of the shares that have ended */
	uint64_t kept_cycles; /* that those which are kept have run */

	uint8_t id;
	uint8_t where; /* enum queue_where */
	uint8_t server; /* WAITING: enum sched_server */
	bool tail_bad; /* the host rang with a tail that is out of range; .tail is the last good one */
	bool job_open; /* between the first RUN of a job and its FENCE */
	bool stopping; /* to be stopped as soon as its engine is quiet */
	bool stop_reply; /* NPU_MSG_QUEUE_STOP waits for a reply, with this cookie */
	uint32_t stop_cookie;
};

/* Why and where a job failed; fields as in npu_msg.fault. */
struct queue_fault {
	enum npu_job_error error;
	enum npu_access access;
	uint16_t core;
	uint64_t seqno;
	uint64_t addr;
	uint64_t pc;
	uint64_t packet;
	uint64_t workgroup;
	const struct npu_core_state *state; /* registers of the tile; NULL: there are none to tell */
};

extern struct queue queues[NPU_MAX_QUEUES];
extern struct sched sched;

void queues_init(void);
/* Queues that the device has; valid numbers are below. */
unsigned int queues_count(void);
/* All queues are QUEUE_STOPPED. */
bool queues_stopped(void);

/* A packet of the open job is about to have effects: say so before it has, if it is the job's first. */
void queue_begin(struct queue *queue);

/* Check the descriptor of a stopped queue and make it ready to serve its ring. */
enum npu_msg_status queue_start(struct queue *queue);
/*
 * Stop a queue that is not stopped yet. May finish later, with a call of
 * queue_stopped() when the engine it runs on is quiet; queue->stopping is set until then.
 */
void queue_stop(struct queue *queue);
/* The host rang the doorbell of these queues (bit per queue). */
void queues_doorbell(uint64_t rung);

/* The queue wants this server next. */
void queue_wait(struct queue *queue, enum sched_server server);
/* Write the writeback to the host, with the clock as it is now, or as it was last. */
void queue_publish(struct queue *queue);
void queue_publish_as_is(struct queue *queue);
/* For the heartbeat: let the host see how far the queues with open jobs are. */
void queues_publish_progress(void);
/* Publish the fence of a job: counters, then writeback, then interrupt. */
void queue_fence(struct queue *queue, uint64_t seqno, bool irq);
/* A job failed, nothing of it runs any more. Halts the queue and tells the host. */
void queue_fail(struct queue *queue, const struct queue_fault *fault);
/* Second half of queue_fail(), called by the outbox when the NPU_MSG_FAULT is on its way. */
void queue_faulted(struct queue *queue);
/* The engine that the queue ran on is quiet, and the packet on it was given up because of a stop. */
void queue_stopped(struct queue *queue);

#endif /* NPU_FW_QUEUE_H */
