/* SPDX-License-Identifier: MIT */
/* Performance streams: the hardware does the work, this is what the host's messages make of it. */
#ifndef NPU_FW_PERF_H
#define NPU_FW_PERF_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_fw.h"

struct queue;

extern bool perf_on; /* a stream is on */

/* NPU_MSG_PERF_START. */
enum npu_msg_status perf_start(const struct npu_msg *msg);
/* NPU_MSG_PERF_STOP; the reply is sent when the stream has ended. False: it is not on, or stopping. */
bool perf_stop(unsigned int stream, uint32_t cookie);
/* Stop all streams, without a reply of their own. */
void perf_stop_all(void);
/* No stream is on. */
bool perf_idle(void);
/* Streams have ended (NPU_SOC_IRQ_PERF). */
void perf_event(void);
/* For the outbox: send the reply that is owed. */
void perf_reply(unsigned int stream);

/* Tell the hardware which packet the queue is at. */
void perf_note(const struct queue *queue);
/* The same, if anybody wants to know, before account_begin(). */
static inline void perf_packet(const struct queue *queue)
{
	if (perf_on)
		perf_note(queue);
}

#endif /* NPU_FW_PERF_H */
