/* SPDX-License-Identifier: MIT */
/*
 * Who runs what: worker threads, and work done on the thread of whoever made it.
 *
 * A caller that gave the device something to do first works on it itself, within a budget. Ready
 * engines share what is left of the budget; the first one that does not finish in its share of it
 * shows that the work is long, and everything left goes to the workers at once.
 */
#ifndef NPU_POOL_H
#define NPU_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct npu_dev;

struct pool {
	pthread_cond_t work;  /* workers wait here */
	unsigned int threads; /* started */
	unsigned int idle;    /* waiting on work */
	bool exit;
	pthread_t *thread;
	uint64_t resume; /* time at which a synchronous device goes on with what is left; or never */
};

/* Start the workers. False: none could be started. */
bool pool_start(struct npu_dev *dev, unsigned int threads);
/* Ask them to end and wait for that. Without the lock. */
void pool_stop(struct npu_dev *dev);

/* The rest needs the lock, and may drop and take it again. */

/* Work for up to budget units, then leave the rest to the workers. */
void pool_work(struct npu_dev *dev, uint64_t budget);
/* Have dev_unlock() wake workers for what is ready, beyond keep pieces of work that the caller does. */
void pool_wake(struct npu_dev *dev, unsigned int keep);
/* Is there anything ready or running? */
bool pool_busy(struct npu_dev *dev);
/* Is there anything that the caller could do? */
bool pool_ready(struct npu_dev *dev);

#endif /* NPU_POOL_H */
