/* SPDX-License-Identifier: MIT */
/* Front end: decodes ring entries and packets, one per step, and runs what needs no engine. */
#ifndef NPU_FW_FRONT_H
#define NPU_FW_FRONT_H

#include "npu_packet.h"

struct queue;

/* The queue's turn at the front end: one ring entry or one packet. */
void front_step(struct queue *queue);
/* The packet that the queue is at. */
union npu_packet *front_packet(struct queue *queue);
/* That packet has been executed in full; go on with the next. */
void front_packet_done(struct queue *queue);

/* Decode and act on the ring entry at the head, if there is one (ring.c). */
void ring_step(struct queue *queue);

#endif /* NPU_FW_FRONT_H */
