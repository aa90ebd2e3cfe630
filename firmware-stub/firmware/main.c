// SPDX-License-Identifier: MIT
/*
 * Firmware of the management core: one event loop. It never waits for anything
 * but its next event, and each turn of it is short: at most one ring entry or
 * packet, and what has come in meanwhile.
 */
#include <stdbool.h>
#include <stdint.h>

#include "npu_fw.h"

#include "bytes.h"
#include "copy.h"
#include "fw_features.h"
#include "front.h"
#include "heartbeat.h"
#include "log.h"
#include "mailbox.h"
#include "panic.h"
#include "perf.h"
#include "power.h"
#include "queue.h"
#include "soc.h"
#include "tiles.h"

/* The linker's note: sizes of name and content, type, "GNU", then the build id. */
extern const struct {
	uint32_t name_size, content_size, type;
	char name[4];
	uint8_t id[NPU_FW_BUILD_ID_LEN];
} fw_build_id_note;

static void serve_interrupts(void)
{
	uint32_t pending = soc_read32(NPU_SOC_IRQ_PENDING);

	if (pending & NPU_SOC_IRQ_MBOX) {
		soc_write32(NPU_SOC_IRQ_PENDING, NPU_SOC_IRQ_MBOX);
		mailbox_poll();
	}
	if (pending & NPU_SOC_IRQ_DOORBELL) {
		uint64_t rung = soc_read64(NPU_SOC_DOORBELLS);

		/* Cleared before the tails are read: who rings after that is seen next time. */
		soc_write64(NPU_SOC_DOORBELLS, rung);
		queues_doorbell(rung);
	}
	if (pending & NPU_SOC_IRQ_TILE)
		tiles_event();
	if (pending & NPU_SOC_IRQ_COPY)
		copy_event();
	if (pending & NPU_SOC_IRQ_PERF)
		perf_event();
	if (pending & NPU_SOC_IRQ_POWER)
		power_event();
}

static bool server_free(enum sched_server server)
{
	switch (server) {
	case SCHED_TILES:
		return tiles_free();
	case SCHED_COPY:
		return copy_free();
	default:
		return true;
	}
}

/* Let the queue have its turn. Returns the server that it wants next. */
static enum sched_server serve(struct queue *queue, enum sched_server server)
{
	switch (server) {
	case SCHED_TILES:
		tiles_start(queue);
		return SCHED_NONE;
	case SCHED_COPY:
		copy_start(queue);
		return SCHED_NONE;
	default:
		return front_step(queue);
	}
}

/* Serve the queue whose turn it is; false if there is nothing to do. */
static bool serve_queue(void)
{
	uint32_t free = 1u << SCHED_FRONT | (uint32_t)tiles_free() << SCHED_TILES |
			(uint32_t)copy_free() << SCHED_COPY;
	enum sched_server server;
	unsigned int queue;

	if (!sched_next(&sched, free, &server, &queue))
		return false;
	do {
		server = serve(&queues[queue], server);
		if (server == SCHED_NONE)
			return true;
		/* As long as nobody else wants anything there is nothing to choose. */
	} while (sched_idle(&sched) && server_free(server) && !csr_read(mip));
	queue_wait(&queues[queue], server);
	return true;
}

static _Noreturn void boot_failed(enum npu_boot_error error, uint32_t detail)
{
	soc_write32(NPU_SOC_BOOT_DETAIL, detail);
	soc_write32(NPU_SOC_BOOT_STATUS, NPU_BOOT_FAILED | (uint32_t)error << 8);
	soc_write32(NPU_SOC_HOST_EVENT, NPU_IRQ_BOOT);
	for (;;)
		wait_for_interrupt();
}

static void send_ready(void)
{
	struct npu_msg msg __attribute__((aligned(8))) = {
		.type = NPU_MSG_READY,
		.ready = {
			.abi_major = NPU_FW_ABI_MAJOR,
			.abi_minor = NPU_FW_ABI_MINOR,
			.tiles = tiles_count(),
			.features = NPU_FW_FEATURES,
		},
	};

	memcpy(msg.ready.build_id, fw_build_id_note.id, NPU_FW_BUILD_ID_LEN);
	if (!mailbox_room())
		panic(NPU_PANIC_MBOX, 0, 0, 0);
	mailbox_send(&msg);
}

/* Called by start.S. */
_Noreturn void main(void);
_Noreturn void main(void)
{
	tiles_init();
	queues_init();
	power_init();
	if (!mailbox_init())
		boot_failed(NPU_BOOT_ERR_MBOX, (uint32_t)soc_read64(NPU_SOC_MBOX_BASE));

	soc_write32(NPU_SOC_IRQ_ENABLE, NPU_SOC_IRQ_MBOX | NPU_SOC_IRQ_DOORBELL |
						NPU_SOC_IRQ_TILE | NPU_SOC_IRQ_COPY |
						NPU_SOC_IRQ_PERF |
						NPU_SOC_IRQ_POWER);
	csr_write(mie, MIP_MEIP | MIP_MTIP);
	heartbeat_init();
	log_puts("npu firmware ready: ");
	log_dec(tiles_count());
	log_puts(" tiles, ");
	log_dec(queues_count());
	log_puts(" queues");
	log_end_aloud(NPU_LOG_LEVEL_INFO);
	trace(BOOT, NPU_LOG_NO_QUEUE, NPU_FW_ABI_MAJOR << 16 | NPU_FW_ABI_MINOR, tiles_count(),
	      queues_count());
	soc_write32(NPU_SOC_BOOT_STATUS, NPU_BOOT_READY);
	send_ready();
	/* Requests may have been there before us; their doorbell is pending then or never rang. */
	mailbox_poll();

	for (;;) {
		unsigned long pending = csr_read(mip);

		if (pending & MIP_MEIP)
			serve_interrupts();
		if (pending & MIP_MTIP)
			heartbeat_tick();
		if (!serve_queue())
			wait_for_interrupt();
	}
}
