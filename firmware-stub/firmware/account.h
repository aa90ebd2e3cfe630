/* SPDX-License-Identifier: MIT */
/* Modelled clock and counters of the queues, kept by hardware. */
#ifndef NPU_FW_ACCOUNT_H
#define NPU_FW_ACCOUNT_H

#include <stdint.h>

#include "npu_counters.h"

/* The registers of npu_soc.h that go by ACCT_QUEUE now speak of this queue. */
void account_select(unsigned int queue);
/* A packet of this operation (enum npu_packet_op) begins on the queue. */
void account_begin(unsigned int queue, uint32_t op);
/* A command buffer has ended: all that it started is over. */
void account_barrier(unsigned int queue);
/* Clock and counters of the queue to zero. */
void account_clear(unsigned int queue);
/* Modelled cycles of the queue so far. */
uint64_t account_clock(unsigned int queue);
/* Write the queue's counters to *block, in local RAM. */
void account_snapshot(unsigned int queue, struct npu_counter_block *block);
/* The same of one core: a tile or NPU_CORE_*. */
void account_snapshot_core(unsigned int queue, uint32_t core, struct npu_counter_block *block);

/* Write the counters of a core, or NPU_CORE_ALL, of the device to *block, in local RAM. */
void account_device(uint32_t core, struct npu_counter_block *block);
/* Modelled time of the queue so far, ps. */
uint64_t account_time(unsigned int queue);

#endif /* NPU_FW_ACCOUNT_H */
