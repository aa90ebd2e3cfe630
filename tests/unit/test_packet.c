// SPDX-License-Identifier: MIT
/*
 * The firmware's check of command packets. Each operation has one good packet;
 * then every byte of it that the contract does not leave free is spoiled.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../firmware-stub/firmware/packet.c"
#include "tap.h"

#define TILES 4

struct kind {
	const char *name;
	union npu_packet good;
	uint64_t free_bytes; /* bit per byte that may be anything, as long as it does not hit a limit */
};

/* Bytes [first, first + count) */
#define BYTES(first, count) (((1ull << (count)) - 1) << (first))
#define ID BYTES(4, 4)

static const struct kind kinds[] = {
	{"NOP", {.barrier = {.hdr = {.op = NPU_PKT_NOP}}}, ID},
	{"BARRIER", {.barrier = {.hdr = {.op = NPU_PKT_BARRIER}}}, ID},
	{"DISPATCH",
	 {.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH}, .entry = 0x10000, .grid = {1, 1, 1}}},
	 /* GANG, op aside: entry but for its lowest byte, args; grids have limits */
	 ID | BYTES(1, 1) | BYTES(9, 7) | BYTES(16, 8) | BYTES(24, 3) | BYTES(28, 3) | BYTES(32, 3)},
	{"COPY",
	 {.copy = {.hdr = {.op = NPU_PKT_COPY}, .size = {1, 1, 1}}},
	 ID | BYTES(8, 44)},
	{"FILL",
	 {.fill = {.hdr = {.op = NPU_PKT_FILL}, .dst = 0x1000, .size = {4, 1, 1}}},
	 ID | BYTES(9, 7) | BYTES(16, 4) | BYTES(25, 19)},
	{"TIMESTAMP",
	 {.timestamp = {.hdr = {.op = NPU_PKT_TIMESTAMP}, .addr = 0x1000}},
	 ID | BYTES(9, 7)},
	{"COUNTERS",
	 {.counters = {.hdr = {.op = NPU_PKT_COUNTERS}, .addr = 0x1000,
		       .size = sizeof(struct npu_counter_block)}},
	 ID | BYTES(9, 7) | BYTES(16, 4)},
	/* The one bit of flags that is spoiled is SCATTER, PAD goes with a bound. */
	{"GATHER",
	 {.gather = {.hdr = {.op = NPU_PKT_GATHER, .flags = NPU_GATHER_PAD},
		     .bytes = 2, .rows = 2, .bound = 2}},
	 ID | BYTES(1, 1) | BYTES(8, 16) | BYTES(25, 27)},
};

static void test_bytes(const struct kind *kind)
{
	unsigned int wrong = 0;

	tap_ok(packet_check(&kind->good, TILES) == PACKET_OK, "%s: good", kind->name);
	for (unsigned int byte = 1; byte < sizeof(union npu_packet); byte++) {
		union npu_packet packet = kind->good;
		int ret;

		/* Of the scope some values are good: test_rest(). */
		if (kind->good.hdr.op == NPU_PKT_COUNTERS &&
		    byte == offsetof(struct npu_pkt_counters, scope))
			continue;

		((uint8_t *)&packet)[byte] ^= 0x01;
		if (kind->free_bytes >> byte & 1) {
			/* A size of 0 is not free, so do not flip the only bit that is set. */
			if (byte != offsetof(struct npu_pkt_header, flags))
				((uint8_t *)&packet)[byte] |= 0x02;
			ret = packet_check(&packet, TILES);
			if (ret != PACKET_OK) {
				tap_diag("byte %u is free, but offset %d was complained of", byte, ret);
				wrong++;
			}
		} else {
			ret = packet_check(&packet, TILES);
			/* The offset named is of the field that holds the byte. */
			if (ret == PACKET_OK || ret > (int)byte || ret + 8 <= (int)byte) {
				tap_diag("byte %u was spoiled, answer is %d", byte, ret);
				wrong++;
			}
		}
	}
	tap_ok(!wrong, "%s: each byte checked or free", kind->name);
}

static int dispatch(uint32_t x, uint32_t y, uint32_t z)
{
	union npu_packet packet = {
		.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH}, .grid = {x, y, z}},
	};

	return packet_check(&packet, TILES);
}

static void test_grids(void)
{
	const int x = offsetof(struct npu_pkt_dispatch, grid);

	tap_ok(dispatch(0, 1, 1) == x && dispatch(1, 0, 1) == x + 4 && dispatch(1, 1, 0) == x + 8,
	       "DISPATCH: a grid has no dimension of 0");
	tap_ok(dispatch(NPU_GRID_MAX, 1, 1) == PACKET_OK && dispatch(1, NPU_GRID_MAX, 1) == PACKET_OK &&
	       dispatch(1, 1, NPU_GRID_MAX) == PACKET_OK, "DISPATCH: 2^20 in one dimension");
	tap_ok(dispatch(NPU_GRID_MAX + 1, 1, 1) == x && dispatch(1, NPU_GRID_MAX + 1, 1) == x + 4 &&
	       dispatch(1, 1, UINT32_MAX) == x + 8, "DISPATCH: more is too much");
	tap_ok(dispatch(NPU_GRID_MAX, 4095, 1) == PACKET_OK, "DISPATCH: 2^32 - 2^20 workgroups");
	tap_ok(dispatch(65537, 65535, 1) == PACKET_OK, "DISPATCH: 2^32 - 1 workgroups");
	tap_ok(dispatch(NPU_GRID_MAX, 4096, 1) == x + 4 && dispatch(65536, 65536, 1) == x + 4,
	       "DISPATCH: 2^32 workgroups are too many");
	tap_ok(dispatch(NPU_GRID_MAX, 4095, NPU_GRID_MAX) == x + 8 &&
	       dispatch(NPU_GRID_MAX, NPU_GRID_MAX, NPU_GRID_MAX) == x + 4,
	       "DISPATCH: products beyond 64 bits do not wrap into range");
}

static int gang(uint32_t x, uint32_t y, uint32_t z, unsigned int tiles)
{
	union npu_packet packet = {
		.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH, .flags = NPU_DISPATCH_GANG},
			     .grid = {x, y, z}},
	};

	return packet_check(&packet, tiles);
}

static void test_gangs(void)
{
	const int x = offsetof(struct npu_pkt_dispatch, grid);

	tap_ok(gang(4, 1, 1, 4) == PACKET_OK && gang(2, 2, 1, 4) == PACKET_OK &&
	       gang(1, 1, 3, 4) == PACKET_OK && gang(1, 1, 1, 1) == PACKET_OK,
	       "DISPATCH: a gang of up to as many workgroups as tiles");
	tap_ok(gang(5, 1, 1, 4) == x && gang(2, 1, 1, 1) == x && gang(2, 2, 2, 4) == x &&
	       gang(65537, 65535, 1, 64) == x, "DISPATCH: a gang of more");
}

static void test_rest(void)
{
	union npu_packet packet;
	unsigned int unknown = 0;

	for (unsigned int op = NPU_PKT_COUNTERS + 1; op < 256; op++) {
		if (op == NPU_PKT_GATHER)
			continue;
		packet = (union npu_packet){.hdr = {.op = (uint8_t)op}};
		unknown += packet_check(&packet, TILES) == offsetof(struct npu_pkt_header, op);
	}
	tap_ok(unknown == 255 - NPU_PKT_COUNTERS - 1, "unknown operations");
	packet = kinds[2].good;
	packet.hdr.flags = 2;
	tap_ok(packet_check(&packet, TILES) == 1, "DISPATCH: unknown flag");
	packet = kinds[3].good;
	packet.copy.size[1] = 0;
	tap_ok(packet_check(&packet, TILES) == 28, "COPY: no rows");
	packet = kinds[4].good;
	packet.fill.size[0] = 6;
	tap_ok(packet_check(&packet, TILES) == 24, "FILL: rows are whole words");
	packet = kinds[4].good;
	packet.fill.size[2] = 0;
	tap_ok(packet_check(&packet, TILES) == 32, "FILL: no planes");
	packet = kinds[6].good;
	packet.counters.size--;
	tap_ok(packet_check(&packet, TILES) == 16, "COUNTERS: too little room");
	packet = kinds[6].good;
	packet.counters.addr = 0x1020;
	tap_ok(packet_check(&packet, TILES) == 8, "COUNTERS: misaligned");
	packet = kinds[6].good;
	packet.counters.scope = NPU_COUNTERS_CORES;
	tap_ok(packet_check(&packet, TILES) == PACKET_OK, "COUNTERS: by core");
	packet.counters.scope = NPU_COUNTERS_CORES + 1;
	tap_ok(packet_check(&packet, TILES) == 20, "COUNTERS: unknown scope");
	packet = kinds[5].good;
	packet.timestamp.addr = 0x1010;
	tap_ok(packet_check(&packet, TILES) == 8, "TIMESTAMP: misaligned");
	packet = kinds[7].good;
	packet.gather.indices = 2;
	tap_ok(packet_check(&packet, TILES) == 24, "GATHER: misaligned indices");
	packet = kinds[7].good;
	packet.gather.bytes = 0;
	tap_ok(packet_check(&packet, TILES) == 32, "GATHER: no bytes");
	packet = kinds[7].good;
	packet.gather.rows = 0;
	tap_ok(packet_check(&packet, TILES) == 36, "GATHER: no rows");
	packet = kinds[7].good;
	packet.gather.bound = 0;
	tap_ok(packet_check(&packet, TILES) == 48, "GATHER: padding needs a bound");
	packet.hdr.flags = NPU_GATHER_SCATTER;
	tap_ok(packet_check(&packet, TILES) == PACKET_OK, "GATHER: else there may be none");
	packet.hdr.flags = 4;
	tap_ok(packet_check(&packet, TILES) == 1, "GATHER: unknown flag");
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		test_bytes(&kinds[i]);
	test_grids();
	test_gangs();
	test_rest();
	return tap_done();
}
