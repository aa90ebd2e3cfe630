/* SPDX-License-Identifier: MIT */
#include "copy.h"

#include <string.h>

#include "dev.h"
#include "model.h"

void copy_init(struct npu_copy *copy, struct npu_dev *dev)
{
	copy->dev = dev;
	copy->engine.core = ACCT_CORE_COPY(&dev->acct);
	copy->mover.dev = dev;
	copy->mover.core = NPU_CORE_COPY;
	copy->mover.attention = &copy->engine.attention;
}

void copy_reset(struct npu_copy *copy)
{
	engine_reset(&copy->engine);
	copy->packet_addr = 0;
	copy->next_queue = 0;
	copy->next_as = 0;
	copy->error = NPU_JOB_OK;
	copy->access = NPU_ACCESS_READ;
	copy->fault = 0;
}

/* Take the block out of a packet. False: the packet breaks a rule. */
static bool parse(const union npu_packet *packet, struct dma_block *block)
{
	const struct npu_pkt_copy *c = &packet->copy;
	const struct npu_pkt_fill *f = &packet->fill;
	const struct npu_pkt_gather *g = &packet->gather;
	const uint8_t flags = packet->hdr.op == NPU_PKT_GATHER ? NPU_GATHER_FLAGS : 0;

	memset(block, 0, sizeof(*block));
	if (packet->hdr.flags & ~flags || packet->hdr.reserved)
		return false;
	if (packet->hdr.op == NPU_PKT_COPY) {
		if (c->reserved[0] || c->reserved[1] || c->reserved[2])
			return false;
		block->dst = c->dst;
		block->src = c->src;
		memcpy(block->size, c->size, sizeof(c->size));
		memcpy(block->dst_stride, c->dst_stride, sizeof(c->dst_stride));
		memcpy(block->src_stride, c->src_stride, sizeof(c->src_stride));
	} else if (packet->hdr.op == NPU_PKT_FILL) {
		if (f->reserved0 || f->reserved[0] || f->reserved[1] || f->reserved[2] ||
		    f->reserved[3] || f->reserved[4] || ((f->dst | f->size[0]) & 3))
			return false;
		block->dst = f->dst;
		block->fill = true;
		block->value = f->value;
		memcpy(block->size, f->size, sizeof(f->size));
		memcpy(block->dst_stride, f->dst_stride, sizeof(f->dst_stride));
	} else if (packet->hdr.op == NPU_PKT_GATHER) {
		if (g->reserved[0] || g->reserved[1] || g->reserved[2] || g->indices & 3 ||
		    (g->hdr.flags & NPU_GATHER_PAD && !g->bound))
			return false;
		block->dst = g->dst;
		block->src = g->src;
		block->size[0] = g->bytes;
		block->size[1] = g->rows;
		block->size[2] = 1;
		block->dst_stride[0] = g->dst_stride;
		block->src_stride[0] = g->src_stride;
		block->named = g->hdr.flags & NPU_GATHER_SCATTER ? DMA_NAMED_DST : DMA_NAMED_SRC;
		block->indices = g->indices;
		block->bound = g->bound;
		block->pad = g->hdr.flags & NPU_GATHER_PAD;
	} else {
		return false;
	}
	return block->size[0] && block->size[1] && block->size[2];
}

void copy_go(struct npu_copy *copy, const union npu_packet *packet)
{
	struct npu_dev *dev = copy->dev;

	if (copy->engine.status != NPU_SOC_IDLE)
		return;
	copy->error = NPU_JOB_OK;
	copy->access = NPU_ACCESS_NONE;
	copy->fault = 0;
	memset(&copy->counters, 0, sizeof(copy->counters));
	if (copy->next_queue >= dev->queues || copy->next_as >= NPU_MAX_AS || !packet ||
	    !parse(packet, &copy->block)) {
		copy->error = NPU_JOB_BAD_PACKET;
		copy->engine.status = NPU_SOC_FAULT;
		return;
	}
	copy->fresh = true;
	copy->engine.queue = copy->next_queue;
	copy->engine.as = copy->next_as;
	engine_go(dev, &copy->engine, ACCT_COPY);
}

enum engine_outcome copy_run(struct npu_copy *copy, uint64_t *budget)
{
	if (copy->fresh) {
		dma_start_share(&copy->mover, copy->engine.as, 0);
		copy->fresh = false;
	}
	if (!*budget || __atomic_load_n(&copy->engine.attention, __ATOMIC_ACQUIRE))
		return ENGINE_MORE;
	if (fault_strikes(copy->dev, NPU_FAULT_ECC_UNCORRECTABLE, NPU_CORE_COPY)) {
		copy->error = NPU_JOB_ECC;
		copy->access = NPU_ACCESS_NONE;
		return ENGINE_FAULT;
	}
	switch (dma_run(&copy->mover, &copy->block, budget)) {
	case DMA_DONE:
		return ENGINE_DONE;
	case DMA_FAULT:
		copy->error = copy->block.error;
		copy->access = copy->block.access;
		copy->fault = copy->block.addr;
		return ENGINE_FAULT;
	default:
		return ENGINE_MORE;
	}
}

void copy_flush(struct npu_copy *copy)
{
	dma_flush(&copy->mover);
}

uint64_t copy_close(struct npu_copy *copy)
{
	const struct dma_block *block = &copy->block;
	const struct acct_point *point = &copy->engine.ticket.point;
	const struct npu_rates rates = {
		.period = npu_model_opp[point->opp].period,
		.share = 1,
		.slow = point->slow,
	};
	const uint64_t host = npu_model_host(&rates, block->host_read, block->host_write);
	const uint64_t own = npu_model_transfer(block->host_write, NPU_MODEL_COPY_BYTES);
	/* Walks, the first indices, and at the end a read that goes there and back with a write behind it. */
	const uint64_t trips = block->misses + !!block->named + 2;
	const uint64_t wait = trips * npu_model_round_trip(&rates);
	const uint64_t cycles = NPU_MODEL_COPY_SETUP + block->rows * NPU_MODEL_COPY_ROW +
				block->named_rows * NPU_MODEL_INDEX_ROW +
				(host > own ? host : own) + wait;
	uint64_t *v = copy->counters.v;

	if (copy->fresh)
		return 0;
	v[NPU_COUNTER_COPY_BYTES] = block->host_write;
	v[NPU_COUNTER_COPY_READ] = block->host_read;
	v[NPU_COUNTER_COPY_WALKS] = block->misses;
	v[NPU_COUNTER_COPY_CYCLES] = cycles;
	v[NPU_COUNTER_GATHER_ROWS] = block->named_rows;
	v[NPU_COUNTER_COPY_WAIT] = wait;
	return cycles;
}

void copy_state(struct npu_copy *copy, struct state *s)
{
	engine_state(copy->dev, &copy->engine, s);
	STATE(s, copy->fresh);
	STATE(s, copy->packet_addr);
	STATE(s, copy->next_queue);
	STATE(s, copy->next_as);
	STATE_MAX(s, copy->error, NPU_JOB_ERROR_COUNT - 1);
	STATE_MAX(s, copy->access, NPU_ACCESS_NONE);
	STATE(s, copy->fault);
	dma_mover_state(&copy->mover, copy->engine.as, 0, s);
	if (copy->engine.status == NPU_SOC_BUSY)
		dma_block_state(copy->dev, &copy->block, s);
	STATE(s, copy->counters.v);
	if (!s->load)
		return;
	if (copy->engine.status == NPU_SOC_BUSY) {
		state_check(s, copy->engine.ready, "a packet in hand that waits for nobody");
		state_check(s, copy->block.size[0] && !copy->block.tiles, "a packet without bytes");
	}
	if (s->failed)
		engine_reset(&copy->engine);
}
