/* SPDX-License-Identifier: MIT */
/* Front end: decodes ring entries and packets, one per step, and runs what needs no engine. */
#ifndef NPU_FW_FRONT_H
#define NPU_FW_FRONT_H

#include "npu_packet.h"

#include "sched.h"

struct queue;

/*
 * The queue's turn at the front end: one ring entry or one packet. Returns the
 * server that the queue wants next; SCHED_NONE: it rests, or has failed.
 */
enum sched_server front_step(struct queue *queue);
/* The packet that the queue is at. */
union npu_packet *front_packet(struct queue *queue);
/* That packet has been executed in full; the queue wants the front end for the next one. */
void front_packet_done(struct queue *queue);

/* The same for a queue that is between two command buffers (ring.c). */
enum sched_server ring_step(struct queue *queue);

#endif /* NPU_FW_FRONT_H */
