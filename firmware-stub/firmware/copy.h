/* SPDX-License-Identifier: MIT */
/* Copy engine: runs one COPY, FILL or GATHER of one queue at a time. */
#ifndef NPU_FW_COPY_H
#define NPU_FW_COPY_H

#include <stdbool.h>

struct queue;

/* Nothing runs. */
bool copy_free(void);
/* Run the packet that the queue is at. The engine must be free. */
void copy_start(struct queue *queue);
/* Give up what runs; its queue is told when the engine is quiet. */
void copy_stop(void);
/* The engine ended (NPU_SOC_IRQ_COPY). */
void copy_event(void);
/* Panic: stop what runs, and do not look back. */
void copy_halt(void);

#endif /* NPU_FW_COPY_H */
