/* SPDX-License-Identifier: MIT */
/* The copy engine: executes COPY, FILL and GATHER packets between mapped memory and mapped memory. */
#ifndef NPU_COPY_H
#define NPU_COPY_H

#include "dma.h"
#include "engine.h"
#include "npu_packet.h"

struct npu_copy {
	struct npu_engine engine;
	struct npu_dev *dev;
	bool fresh; /* the packet has not been started */
	/* registers; dev's lock */
	uint64_t packet_addr;
	uint32_t next_queue, next_as;
	enum npu_job_error error;
	enum npu_access access;
	uint64_t fault;

	struct dma_mover mover;
	struct dma_block block;
	struct npu_counters counters;
};

void copy_init(struct npu_copy *copy, struct npu_dev *dev);
/* As at power-on. Not while running. Needs the lock. */
void copy_reset(struct npu_copy *copy);
/* NPU_SOC_CMD_GO with the packet given, which may hold anything. Needs the lock. */
void copy_go(struct npu_copy *copy, const union npu_packet *packet);
/* As the functions of tile.h. */
enum engine_outcome copy_run(struct npu_copy *copy, uint64_t *budget);
void copy_flush(struct npu_copy *copy);
uint64_t copy_close(struct npu_copy *copy);

/* Visit registers and the packet in hand. Needs the lock; the engine is not running. */
void copy_state(struct npu_copy *copy, struct state *s);

#endif /* NPU_COPY_H */
