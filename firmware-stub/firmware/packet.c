// SPDX-License-Identifier: MIT
#include "packet.h"

#include <stddef.h>

#include "npu_counters.h"

/* Byte offset of the first of the words [first, 8) that is not zero, or PACKET_OK. */
static int check_tail(const union npu_packet *packet, unsigned int first)
{
	for (unsigned int i = first; i < 8; i++) {
		if (packet->raw[i])
			return (int)(8 * i);
	}
	return PACKET_OK;
}

static int check_dispatch(const struct npu_pkt_dispatch *d, unsigned int tiles)
{
	uint64_t groups = 1;

	if (d->entry % 2)
		return offsetof(struct npu_pkt_dispatch, entry);
	for (unsigned int i = 0; i < 3; i++) {
		if (d->grid[i] < 1 || d->grid[i] > NPU_GRID_MAX)
			return (int)(offsetof(struct npu_pkt_dispatch, grid) + 4 * i);
		/* Below 2^32 before, at most 2^20 times as much now: no overflow. */
		groups *= d->grid[i];
		if (groups > UINT32_MAX)
			return (int)(offsetof(struct npu_pkt_dispatch, grid) + 4 * i);
	}
	if ((d->hdr.flags & NPU_DISPATCH_GANG) && groups > tiles)
		return offsetof(struct npu_pkt_dispatch, grid);
	if (d->reserved0)
		return offsetof(struct npu_pkt_dispatch, reserved0);
	return check_tail((const union npu_packet *)d, 5);
}

static int check_copy(const struct npu_pkt_copy *c)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (!c->size[i])
			return (int)(offsetof(struct npu_pkt_copy, size) + 4 * i);
	}
	for (unsigned int i = 0; i < 3; i++) {
		if (c->reserved[i])
			return (int)(offsetof(struct npu_pkt_copy, reserved) + 4 * i);
	}
	return PACKET_OK;
}

static int check_fill(const struct npu_pkt_fill *f)
{
	if (f->dst % 4)
		return offsetof(struct npu_pkt_fill, dst);
	if (f->reserved0)
		return offsetof(struct npu_pkt_fill, reserved0);
	if (f->size[0] % 4)
		return offsetof(struct npu_pkt_fill, size);
	for (unsigned int i = 0; i < 3; i++) {
		if (!f->size[i])
			return (int)(offsetof(struct npu_pkt_fill, size) + 4 * i);
	}
	for (unsigned int i = 0; i < 5; i++) {
		if (f->reserved[i])
			return (int)(offsetof(struct npu_pkt_fill, reserved) + 4 * i);
	}
	return PACKET_OK;
}

static int check_timestamp(const struct npu_pkt_timestamp *t)
{
	if (t->addr % sizeof(struct npu_timestamp))
		return offsetof(struct npu_pkt_timestamp, addr);
	return check_tail((const union npu_packet *)t, 2);
}

static int check_counters(const struct npu_pkt_counters *c)
{
	if (c->addr % 64)
		return offsetof(struct npu_pkt_counters, addr);
	if (c->size < sizeof(struct npu_counter_block))
		return offsetof(struct npu_pkt_counters, size);
	if (c->scope > NPU_COUNTERS_CORES)
		return offsetof(struct npu_pkt_counters, scope);
	return check_tail((const union npu_packet *)c, 3);
}

static int check_gather(const struct npu_pkt_gather *g)
{
	if (g->indices % 4)
		return offsetof(struct npu_pkt_gather, indices);
	if (!g->bytes)
		return offsetof(struct npu_pkt_gather, bytes);
	if (!g->rows)
		return offsetof(struct npu_pkt_gather, rows);
	if ((g->hdr.flags & NPU_GATHER_PAD) && !g->bound)
		return offsetof(struct npu_pkt_gather, bound);
	for (unsigned int i = 0; i < 3; i++) {
		if (g->reserved[i])
			return (int)(offsetof(struct npu_pkt_gather, reserved) + 4 * i);
	}
	return PACKET_OK;
}

/* Flags that a packet may have. */
static uint8_t flags_of(uint8_t op)
{
	switch (op) {
	case NPU_PKT_DISPATCH:
		return NPU_DISPATCH_FLAGS;
	case NPU_PKT_GATHER:
		return NPU_GATHER_FLAGS;
	default:
		return 0;
	}
}

int packet_check(const union npu_packet *packet, unsigned int tiles)
{
	if (packet->hdr.flags & ~flags_of(packet->hdr.op))
		return offsetof(struct npu_pkt_header, flags);
	if (packet->hdr.reserved)
		return offsetof(struct npu_pkt_header, reserved);
	switch (packet->hdr.op) {
	case NPU_PKT_NOP:
	case NPU_PKT_BARRIER:
		return check_tail(packet, 1);
	case NPU_PKT_DISPATCH:
		return check_dispatch(&packet->dispatch, tiles);
	case NPU_PKT_COPY:
		return check_copy(&packet->copy);
	case NPU_PKT_FILL:
		return check_fill(&packet->fill);
	case NPU_PKT_TIMESTAMP:
		return check_timestamp(&packet->timestamp);
	case NPU_PKT_COUNTERS:
		return check_counters(&packet->counters);
	case NPU_PKT_GATHER:
		return check_gather(&packet->gather);
	default:
		return offsetof(struct npu_pkt_header, op);
	}
}
