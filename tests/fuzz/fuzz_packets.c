// SPDX-License-Identifier: MIT
/*
 * Command buffers: what a hostile tenant controls. The real firmware serves a queue of which the input
 * gives the packets, the kernels' code, the ring entry and some page-table entries. Its jobs may fail; the
 * firmware may not, every job must end, and a neighbour's memory must stay as it is.
 *
 * Input: choices, changes to page-table entries, packets, then code and data.
 */
#include "fuzz.h"
#include "fw_driver.h"
#include "npu_pgtable.h"

#define AS	     1
#define QUEUE	     0
#define DATA_PAGES   8
#define CODE_SIZE    1024
#define MAX_PACKETS  16
#define RUN_MS	     12

enum choice {
	RAW_RING = 1, /* the ring entry is the input's */
	RAW_PACKETS = 2, /* nothing helps packets to be good */
};

static struct drv *drv;
static uint64_t code_va, data_va, cb_va;
static uint8_t *code, *data_page, *cb, *neighbour;
static uint64_t *leaf[DATA_PAGES], good[DATA_PAGES];

/* The leaf entry of va in address space AS. */
static uint64_t *find_leaf(uint64_t va)
{
	uint64_t bus = (drv->as_table[AS].satp & NPU_SATP_PPN_MASK) << NPU_PAGE_SHIFT;

	for (unsigned int level = NPU_PT_LEVELS;;) {
		const unsigned int shift = NPU_PAGE_SHIFT + NPU_PT_INDEX_BITS * --level;
		uint64_t *entry = (uint64_t *)(drv->mem + (bus - bus_of(drv, drv->mem))) +
				  (va >> shift & (NPU_PT_ENTRIES - 1));

		if (*entry & (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X))
			return entry;
		bus = (*entry & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT << NPU_PAGE_SHIFT;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct npu_config config;
	struct npu_msg msg;

	(void)argc;
	npu_config_init(&config);
	config.chiplets = 2;
	config.sram_kib = 64;
	config.sync = true;
	config.inline_budget = 1u << 16;
	drv = drv_new_config(fw_image_path(1, *argv), &config);
	drv_prepare(drv);
	drv_start(drv);
	fuzz_check(mbox_get(drv, &msg) && msg.type == NPU_MSG_READY);
	as_create(drv, AS);
	code_va = map_new(drv, AS, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	data_va = map_new(drv, AS, DATA_PAGES * 4096, NPU_PTE_R | NPU_PTE_W, &data_page);
	cb_va = map_new(drv, AS, MAX_PACKETS * NPU_PACKET_SIZE, NPU_PTE_R, &cb);
	for (unsigned int i = 0; i < DATA_PAGES; i++) {
		leaf[i] = find_leaf(data_va + i * 4096);
		good[i] = *leaf[i];
	}
	neighbour = mem_alloc(drv, 4096);
	memset(neighbour, 0x5a, 4096);
	return 0;
}

/* An address that the input means to be good. */
static uint64_t address(uint64_t any)
{
	switch (any >> 60) {
	case 0 ... 9:
		return data_va + any % (DATA_PAGES * 4096);
	case 10 ... 11:
		return data_va + any % DATA_PAGES * 4096 + 4095 - (any >> 8) % 64;
	case 12:
		return NPU_VA_SRAM + any % 0x20000;
	default:
		return any;
	}
}

/* Sizes that end in time, unless the input insists. */
static void improve_sizes(uint32_t *size, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!(size[i] >> 31))
			size[i] = 1 + size[i] % 600;
}

/* Help a packet to get past the first checks. */
static void improve(union npu_packet *packet)
{
	const uint8_t op = packet->hdr.op % 11, flags = packet->hdr.flags;

	memset(&packet->hdr.flags, 0, 3);
	packet->hdr.op = op;
	packet->raw[1] = address(packet->raw[1]);
	packet->raw[2] = address(packet->raw[2]);
	if (op == NPU_PKT_DISPATCH) {
		packet->hdr.flags = flags & NPU_DISPATCH_GANG;
		packet->dispatch.entry = code_va + packet->dispatch.args % CODE_SIZE / 4 * 4;
		for (unsigned int i = 0; i < 3; i++)
			packet->dispatch.grid[i] = 1 + packet->dispatch.grid[i] % 3;
		packet->raw[4] &= UINT32_MAX;
		memset(&packet->raw[5], 0, 24);
	} else if (op == NPU_PKT_COPY) {
		improve_sizes(packet->copy.size, 3);
		memset(packet->copy.reserved, 0, sizeof(packet->copy.reserved));
	} else if (op == NPU_PKT_FILL) {
		packet->fill.dst &= ~3ull;
		improve_sizes(packet->fill.size, 3);
		packet->fill.size[0] *= 4;
		packet->fill.reserved0 = 0;
		memset(packet->fill.reserved, 0, sizeof(packet->fill.reserved));
	} else if (op == NPU_PKT_GATHER) {
		packet->hdr.flags = flags & NPU_GATHER_FLAGS;
		packet->gather.indices = address(packet->gather.indices) & ~3ull;
		improve_sizes(&packet->gather.bytes, 1);
		improve_sizes(&packet->gather.rows, 1);
		memset(packet->gather.reserved, 0, sizeof(packet->gather.reserved));
	}
}

/* The job has ended, well or not; else it is stopped. The firmware answers in any case. */
static void finish(struct queue_mem *queue, uint64_t seqno)
{
	struct npu_msg msg;

	for (unsigned int i = 0; i < RUN_MS && completed(queue) < seqno; i++)
		pass_time(drv, 1000000);
	fuzz_check(!(reg_read(drv, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD));
	/* Faults of the job; then the request's reply is the next message. */
	while (!mbox_empty(drv)) {
		fuzz_check(mbox_get(drv, &msg));
		fuzz_check(msg.type == NPU_MSG_FAULT);
	}
	fuzz_check(request(drv, NPU_MSG_QUEUE_STOP, QUEUE) == NPU_MSG_OK);
	fuzz_check(!(reg_read(drv, NPU_REG_STATUS) & NPU_STATUS_BUSY));
	fuzz_check(queue->wb->error < NPU_JOB_ERROR_COUNT);
	for (unsigned int i = 0; i < 4096; i++)
		fuzz_check(neighbour[i] == 0x5a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const uint8_t choices = fuzz_u8(&in);
	const unsigned int packets = 1 + fuzz_u8(&in) % MAX_PACKETS;
	struct queue_mem *queue;
	const uint64_t used = drv->used;
	uint64_t seqno;

	for (unsigned int n = choices >> 5; n; n--) {
		const uint8_t page = fuzz_u8(&in) % DATA_PAGES;

		*leaf[page] ^= fuzz_u64(&in);
		/* Not into the memory of the test itself: what is there is the kernel's business. */
		if (*leaf[page] & NPU_PTE_V && (*leaf[page] ^ good[page]) & NPU_PTE_PPN_MASK)
			*leaf[page] |= 1ull << 50;
	}
	for (unsigned int i = 0; i < packets; i++) {
		union npu_packet packet;

		fuzz_take(&in, &packet, sizeof(packet));
		if (!(choices & RAW_PACKETS))
			improve(&packet);
		memcpy(cb + i * NPU_PACKET_SIZE, &packet, sizeof(packet));
	}
	queue = queue_start(drv, QUEUE, NPU_PRIO_NORMAL);
	if (choices & RAW_RING) {
		struct npu_ring_entry entry;

		fuzz_take(&in, &entry, sizeof(entry));
		if (entry.op & 0x80)
			entry.op &= 3;
		ring_put(queue, &entry);
	}
	fuzz_take(&in, code, CODE_SIZE);
	memset(data_page, 0, DATA_PAGES * 4096);
	fuzz_take(&in, data_page, in.left < DATA_PAGES * 4096 ? in.left : DATA_PAGES * 4096);

	reg_write(drv, NPU_REG_TLB_CMD, NPU_TLB_CMD_ALL);
	seqno = submit(drv, QUEUE, AS, cb_va, packets);
	finish(queue, seqno);
	for (unsigned int i = 0; i < DATA_PAGES; i++)
		*leaf[i] = good[i];
	/* The queue's memory is the next one's. */
	memset(drv->mem + used, 0, drv->used - used);
	drv->used = used;
	return 0;
}
