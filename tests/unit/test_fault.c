/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: each entry of npu_fault.h's table, by debug register, with the firmware at work. What
 * the device does, what the host sees, and that it ends as docs/faults.md says.
 */
#include <stdlib.h>
#include <string.h>

#include "fw_code.h"
#include "fw_driver.h"
#include "model.h"
#include "npu_fault.h"
#include "tap.h"

#define TILES 4

static struct drv *d;

/* Kernels, 64 bytes each. */
enum kernel {
	K_EXIT,
	K_LOOP,
	K_SRAM, /* args[0] = the word at the start of the SRAM, which becomes 1 */
	KERNELS
};
static const uint32_t kernels[KERNELS][16] = {
	[K_EXIT] = {EXIT},
	[K_LOOP] = {LOOP},
	[K_SRAM] = {CSRR(T1, NPU_CSR_SRAM_SIZE), ADDI(T0, SP, 0),
		    /* sub t0, t0, t1 */ 0x406282b3u, LW(T2, T0, 0), SW(T2, A0, 0),
		    ADDI(T2, X0, 1), SW(T2, T0, 0), EXIT},
};

#define AS 3
static uint64_t code_va, data_va, cb_va;
static volatile uint32_t *data;
static union npu_packet *cb;

/* Firmware, an address space and queue 0, whose vector is 1, with all events enabled. */
static void fresh(void)
{
	void *code;

	npu_dev_fault_clear(d->dev, 0);
	drv_boot(d, NULL);
	as_create(d, AS);
	code_va = map_new(d, AS, 4096, NPU_PTE_R | NPU_PTE_X, &code);
	memcpy(code, kernels, sizeof(kernels));
	data_va = map_new(d, AS, 16384, NPU_PTE_R | NPU_PTE_W, &data);
	cb_va = map_new(d, AS, 4096, NPU_PTE_R, &cb);
	queue_start(d, 0, NPU_PRIO_NORMAL);
	reg_write(d, NPU_REG_IRQ_STATUS, NPU_IRQ_ALL);
	reg_write(d, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
}

static uint64_t dispatch(enum kernel kernel, uint32_t groups)
{
	cb[0] = (union npu_packet){
		.dispatch = {.hdr = {.op = NPU_PKT_DISPATCH},
			     .entry = code_va + 64 * kernel,
			     .args = data_va,
			     .grid = {groups, 1, 1}},
	};
	return submit(d, 0, AS, cb_va, 1);
}

static uint64_t fill(uint32_t value)
{
	cb[0] = (union npu_packet){
		.fill = {.hdr = {.op = NPU_PKT_FILL}, .dst = data_va, .value = value,
			 .size = {4096, 1, 1}},
	};
	return submit(d, 0, AS, cb_va, 1);
}

static uint32_t inject(enum npu_fault fault, uint32_t target, uint32_t count, uint64_t arg)
{
	reg_write(d, NPU_REG_FAULT_SELECT, fault);
	reg_write(d, NPU_REG_FAULT_TARGET, target);
	reg_write(d, NPU_REG_FAULT_COUNT, count);
	reg_write(d, NPU_REG_FAULT_AFTER, 0);
	reg_write64(d, NPU_REG_FAULT_ARG_LO, arg);
	reg_write64(d, NPU_REG_FAULT_SIZE_LO, 0);
	reg_write(d, NPU_REG_FAULT_FLAGS, 0);
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	return reg_read(d, NPU_REG_FAULT_STATUS);
}

static void clear_all(void)
{
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
}

static uint64_t armed(void)
{
	return reg_read(d, NPU_REG_FAULT_ARMED_LO) |
	       (uint64_t)reg_read(d, NPU_REG_FAULT_ARMED_HI) << 32;
}

/* The job fails with this error on this core; the queue is stopped and started anew. */
static bool fails_with(uint64_t seqno, enum npu_job_error error, uint16_t core)
{
	struct queue_mem *q = &d->queue[0];
	struct npu_msg msg;
	bool good;

	good = mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT && msg.fault.error == error &&
	       msg.fault.core == core && msg.fault.seqno == seqno;
	if (!good)
		tap_diag("type %#x, error %u on core %#x", msg.type, msg.fault.error, msg.fault.core);
	good = good && wait_done(d, 0, seqno) && q->wb->error == error &&
	       q->wb->state == NPU_QUEUE_FAULTED;
	return good && request(d, NPU_MSG_QUEUE_STOP, 0) == NPU_MSG_OK &&
	       queue_start(d, 0, NPU_PRIO_NORMAL);
}

/* Next message, whatever it says of itself. */
static bool get_raw(struct npu_msg *msg)
{
	const uint32_t at = d->mbox->f2h_read.index;

	if (!WAIT_FOR(d, !mbox_empty(d)))
		return false;
	*msg = d->mbox->f2h[at % NPU_MBOX_ENTRIES];
	__atomic_store_n(&d->mbox->f2h_read.index, at + 1, __ATOMIC_RELEASE);
	d->f2h_seq++;
	return true;
}

static bool works(void)
{
	return wait_done(d, 0, dispatch(K_EXIT, 8)) && !d->queue[0].wb->error &&
	       wait_done(d, 0, fill(7)) && !d->queue[0].wb->error && data[0] == 7;
}

/* ---- registers ------------------------------------------------------------------------------- */

static void test_registers(void)
{
	static const struct {
		uint32_t fault, target, count;
		uint64_t arg;
		uint32_t status;
	} bad[] = {
		{0, NPU_FAULT_ANY, 0, 0, NPU_FAULT_STATUS_BAD_FAULT},
		{NPU_FAULT_COUNT, NPU_FAULT_ANY, 0, 0, NPU_FAULT_STATUS_BAD_FAULT},
		{64, NPU_FAULT_ANY, 0, 0, NPU_FAULT_STATUS_BAD_FAULT},
		{0x80000000u, NPU_FAULT_ANY, 0, 0, NPU_FAULT_STATUS_BAD_FAULT},
		{NPU_FAULT_HUNG_TILE, TILES, 1, 0, NPU_FAULT_STATUS_BAD_TARGET},
		{NPU_FAULT_HUNG_TILE, 0, 1, 2, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_HUNG_FIRMWARE, 0, 0, 1, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_LOST_INTERRUPT, NPU_MSIX_VECTORS, 1, 0, NPU_FAULT_STATUS_BAD_TARGET},
		{NPU_FAULT_SPURIOUS_INTERRUPT, 0, 2, 0, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_INTERRUPT_STORM, 0, 0, NPU_FAULT_STORM_MIN_NS - 1, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_INTERRUPT_STORM, 0, 0, UINT64_MAX, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_DMA_ERROR, NPU_CORE_FRONT + 1, 1, 0, NPU_FAULT_STATUS_BAD_TARGET},
		{NPU_FAULT_DMA_ERROR, 0, 1, 0x1000, NPU_FAULT_STATUS_BAD_ARG}, /* no size */
		{NPU_FAULT_MMU_ERROR, 0, 1, 2, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_ECC_CORRECTABLE, 0, NPU_FAULT_ECC_MAX + 1, 0, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_ECC_CORRECTABLE, 0, UINT32_MAX, 0, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_RING_INDEX, NPU_MAX_QUEUES, 1, 0, NPU_FAULT_STATUS_BAD_TARGET},
		{NPU_FAULT_RING_INDEX, 0, 1, NPU_FAULT_RING_RECORD + 1, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_SLOW_LINK, 0, 0, 1, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_REGISTER_READ, 0, 1, NPU_REG_STATUS + 1, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_REGISTER_READ, 0, 1, NPU_REG_FAULT_CMD, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_REGISTER_READ, 0, 1, NPU_DOORBELL_BASE, NPU_FAULT_STATUS_BAD_ARG},
		{NPU_FAULT_SLOW_LINK, 0, 0, NPU_FAULT_SLOW_MAX + 1, NPU_FAULT_STATUS_BAD_ARG},
	};
	struct npu_fault_spec spec;
	uint64_t hits;

	fresh();
	tap_ok(reg_read(d, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS, "the feature is told");
	tap_is(reg_read(d, NPU_REG_FAULT_TARGET), NPU_FAULT_ANY, "all targets at reset");
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_is(inject(bad[i].fault, bad[i].target, bad[i].count, bad[i].arg), bad[i].status,
		       "refused");
	tap_is(armed(), 0, "what is refused arms nothing");
	reg_write(d, NPU_REG_FAULT_SELECT, NPU_FAULT_HUNG_TILE);
	reg_write(d, NPU_REG_FAULT_FLAGS, 2);
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	tap_is(reg_read(d, NPU_REG_FAULT_STATUS), NPU_FAULT_STATUS_BAD_ARG, "unknown flags are refused");
	reg_write(d, NPU_REG_FAULT_CMD, 4);
	tap_is(reg_read(d, NPU_REG_FAULT_STATUS), NPU_FAULT_STATUS_BAD_FAULT, "and unknown commands");

	tap_is(inject(NPU_FAULT_HUNG_TILE, 2, 5, NPU_FAULT_HANG_HARD), 0, "armed");
	tap_is(armed(), 1ull << NPU_FAULT_HUNG_TILE, "and it shows");
	tap_is(reg_read(d, NPU_REG_FAULT_COUNT), 5, "with its count");
	tap_ok(npu_dev_fault_get(d->dev, NPU_FAULT_HUNG_TILE, &spec, &hits) && spec.target == 2 &&
	       spec.count == 5 && spec.arg == NPU_FAULT_HANG_HARD && !hits, "the embedder sees the same");
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR);
	tap_is(armed(), 0, "cleared");
	tap_ok(!npu_dev_fault_get(d->dev, 0, &spec, &hits) &&
	       !npu_dev_fault_get(d->dev, NPU_FAULT_COUNT, &spec, &hits) &&
	       npu_dev_fault_clear(d->dev, NPU_FAULT_COUNT) == NPU_FAULT_STATUS_BAD_FAULT,
	       "there are no others");

	inject(NPU_FAULT_HUNG_TILE, NPU_FAULT_ANY, 0, 0);
	reg_write(d, NPU_REG_RESET, NPU_RESET_KEY);
	tap_is(armed() | reg_read(d, NPU_REG_FAULT_SELECT), 0, "a reset ends faults");
	reg_write(d, NPU_REG_FAULT_SELECT, NPU_FAULT_HUNG_TILE);
	reg_write(d, NPU_REG_FAULT_FLAGS, NPU_FAULT_PERSIST);
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	reg_write(d, NPU_REG_RESET, NPU_RESET_KEY);
	tap_is(armed(), 1ull << NPU_FAULT_HUNG_TILE, "unless they persist");
	npu_dev_fault_clear(d->dev, 0);
	tap_is(armed(), 0, "the embedder clears all");
}

/* A device without debug registers: they are nothing, faults can still be had from outside. */
static void test_disabled(void)
{
	struct npu_fault_spec spec = {.fault = NPU_FAULT_THERMAL_THROTTLE, .target = NPU_FAULT_ANY};
	/* Its memory does not answer, and its clock is its own. */
	struct drv *other = calloc(1, sizeof(*other));
	struct npu_config config;
	struct npu_dev *dev;
	const char *error;

	npu_config_init(&config);
	config.threads = 1;
	dev = npu_dev_new(&config, drv_host_ops(), other, &error);
	for (uint32_t reg = NPU_REG_FAULT_SELECT; reg <= NPU_REG_FAULT_ARMED_HI; reg += 4)
		npu_dev_write(dev, reg, NPU_FAULT_CMD_INJECT, 4);
	tap_ok(!(npu_dev_read(dev, NPU_REG_FEATURES_LO, 4) & NPU_FEATURE_DEBUG_FAULTS) &&
	       !npu_dev_read(dev, NPU_REG_FAULT_SELECT, 8) &&
	       !npu_dev_read(dev, NPU_REG_FAULT_ARMED_LO, 8),
	       "without the feature the registers are not there");
	tap_is(npu_dev_fault_inject(dev, &spec), NPU_FAULT_STATUS_OK, "the embedder still can");
	tap_ok(npu_dev_read(dev, NPU_REG_STATUS, 4) & NPU_STATUS_THROTTLED, "and it does something");
	npu_dev_free(dev);
	free(other);
}

/* ---- tiles and firmware ----------------------------------------------------------------------- */

static void test_hung_tile(void)
{
	struct npu_msg msg;
	uint64_t seqno;

	fresh();
	dispatch(K_SRAM, TILES);
	wait_done(d, 0, d->queue[0].seqno);
	inject(NPU_FAULT_HUNG_TILE, 2, 1, NPU_FAULT_HANG_SOFT);
	seqno = dispatch(K_SRAM, TILES);
	pass_time(d, 300 * MS);
	tap_ok(completed(&d->queue[0]) < seqno && d->queue[0].wb->state == NPU_QUEUE_RUNNING,
	       "hung-tile: the job does not end");
	tap_is(armed(), 0, "hung-tile: used up");
	tap_is(request(d, NPU_MSG_QUEUE_STOP, 0), NPU_MSG_OK, "hung-tile: the queue can be stopped");
	tap_ok(d->stopped.type == NPU_MSG_FAULT && d->stopped.fault.core == 2 &&
	       d->stopped.fault.error == NPU_JOB_HW_ERROR,
	       "hung-tile: the tile is named, as a hardware error");
	tap_is(d->tiles_reset, 1 << 2, "hung-tile: its reset is told");
	queue_start(d, 0, NPU_PRIO_NORMAL);
	tap_ok(works(), "hung-tile: the tile was reset, and works");
	for (unsigned int i = 0; i < 2; i++) {
		data[0] = 2;
		seqno = dispatch(K_SRAM, 1);
		wait_done(d, 0, seqno);
	}
	tap_is(data[0], 1, "a tile keeps its SRAM");

	inject(NPU_FAULT_HUNG_TILE, 0, 1, NPU_FAULT_HANG_HARD);
	seqno = dispatch(K_EXIT, TILES);
	mbox_put(d, NPU_MSG_QUEUE_STOP, 0, 0x4711);
	mbox_ring(d);
	pass_time(d, 5000 * MS);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_TILE_RESET && msg.queue == 0 &&
		       msg.tile_reset.tiles == 1,
	       "hung-tile, hard: the tile is reset, which is told");
	tap_ok(mbox_empty(d) && completed(&d->queue[0]) < seqno,
	       "hung-tile, hard: not even a reset of the tile helps");
	tap_ok(reg_read(d, NPU_REG_STATUS) & NPU_STATUS_BUSY, "hung-tile, hard: busy");
	fresh();
	tap_ok(works(), "hung-tile, hard: a reset of the device does");
}

static void test_firmware(void)
{
	uint32_t beat;

	fresh();
	inject(NPU_FAULT_HUNG_FIRMWARE, 0, 0, 0);
	beat = reg_read(d, NPU_REG_HEARTBEAT);
	mbox_put(d, NPU_MSG_PING, 0, 1);
	mbox_ring(d);
	pass_time(d, 500 * MS);
	tap_ok(reg_read(d, NPU_REG_HEARTBEAT) == beat && mbox_empty(d),
	       "hung-firmware: no heartbeat, no reply");
	tap_is(reg_read(d, NPU_REG_STATUS) & (NPU_STATUS_FW_DEAD | NPU_STATUS_FW_RUNNING),
	       NPU_STATUS_FW_RUNNING, "hung-firmware: it looks alive");
	npu_dev_wait_idle(d->dev);
	clear_all();
	tap_ok(WAIT_FOR(d, !mbox_empty(d)), "hung-firmware: goes on when cleared");
	fresh();
	tap_ok(works(), "hung-firmware: a reset ends it");

	inject(NPU_FAULT_DEAD_FIRMWARE, 0, 1, 0);
	tap_is(reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD, NPU_STATUS_FW_DEAD,
	       "dead-firmware: STATUS");
	tap_ok((reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_FW_DEAD) && d->irqs[0],
	       "dead-firmware: event");
	fresh();
	tap_ok(works(), "dead-firmware: a reset ends it");
	inject(NPU_FAULT_DEAD_FIRMWARE, 0, 2, 0);
	reg_write(d, NPU_REG_FAULT_FLAGS, NPU_FAULT_PERSIST);
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	drv_prepare(d);
	reg_write(d, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	tap_ok(reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD,
	       "dead-firmware, persistent: the next boot fails too");
	fresh();
	tap_ok(works(), "dead-firmware, persistent: twice, as asked for");
}

/* ---- interrupts ---------------------------------------------------------------------------------- */

static void test_interrupts(void)
{
	unsigned int before;
	uint64_t seqno;

	fresh();
	npu_dev_wait_idle(d->dev);
	inject(NPU_FAULT_LOST_INTERRUPT, 1, 1, 0);
	before = d->irqs[1];
	d->slow_ns = MS;
	seqno = dispatch(K_EXIT, 1);
	tap_ok(wait_done(d, 0, seqno), "lost-interrupt: the job is done");
	npu_dev_wait_idle(d->dev);
	tap_is(d->irqs[1], before, "lost-interrupt: nobody hears of it");
	dispatch(K_EXIT, 1);
	npu_dev_wait_idle(d->dev);
	tap_is(d->irqs[1], before + 1, "lost-interrupt: the next one comes");
	d->slow_ns = 0;

	npu_dev_wait_idle(d->dev);
	before = d->irqs[5];
	tap_is(inject(NPU_FAULT_SPURIOUS_INTERRUPT, 5, 1, 0), 0, "spurious-interrupt");
	tap_is(d->irqs[5], before + 1, "spurious-interrupt: one comes");
	tap_is(armed(), 0, "spurious-interrupt: and no more");
	before = d->irqs[0];
	inject(NPU_FAULT_SPURIOUS_INTERRUPT, NPU_FAULT_ANY, 1, 0);
	tap_ok(d->irqs[0] == before + 1 && !reg_read(d, NPU_REG_IRQ_STATUS),
	       "spurious-interrupt: of events, without any");

	before = d->irqs[3];
	inject(NPU_FAULT_INTERRUPT_STORM, 3, 0, NPU_FAULT_STORM_MIN_NS);
	pass_time(d, 50 * MS);
	tap_ok(d->irqs[3] - before >= 40 && d->irqs[3] - before <= 2600,
	       "interrupt-storm: bounded by its interval");
	clear_all();
	before = d->irqs[3];
	pass_time(d, 50 * MS);
	tap_is(d->irqs[3], before, "interrupt-storm: ends when cleared");
	inject(NPU_FAULT_INTERRUPT_STORM, 3, 10, MS / 2);
	pass_time(d, 50 * MS);
	tap_is(d->irqs[3], before + 10, "interrupt-storm: a bounded one");
	tap_is(armed(), 0, "interrupt-storm: is over");
	before = d->irqs[0];
	inject(NPU_FAULT_INTERRUPT_STORM, 0, 0, MS);
	pass_time(d, 5 * MS);
	tap_ok(d->irqs[0] > before, "interrupt-storm: of events");
	reg_write(d, NPU_REG_IRQ_ENABLE, 0);
	before = d->irqs[0];
	pass_time(d, 5 * MS);
	tap_is(d->irqs[0], before, "interrupt-storm: masked by IRQ_ENABLE");
	reg_write(d, NPU_REG_RESET, NPU_RESET_KEY);
	before = d->irqs[0];
	pass_time(d, 5 * MS);
	tap_is(d->irqs[0], before, "interrupt-storm: a reset ends it");
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static void test_memory(void)
{
	uint64_t seqno;

	fresh();
	works();
	inject(NPU_FAULT_DMA_ERROR, 1, 1, 0);
	tap_ok(fails_with(dispatch(K_EXIT, 8), NPU_JOB_BUS_ERROR, 1), "dma-error: on a tile");
	inject(NPU_FAULT_DMA_ERROR, NPU_CORE_COPY, 1, 0);
	tap_ok(fails_with(fill(1), NPU_JOB_BUS_ERROR, NPU_CORE_COPY), "dma-error: of the copy engine");
	tap_ok(works(), "dma-error: once");
	/* An address range: that of data's second page, which a fill of one page does not touch. */
	reg_write(d, NPU_REG_FAULT_SELECT, NPU_FAULT_DMA_ERROR);
	reg_write(d, NPU_REG_FAULT_TARGET, NPU_FAULT_ANY);
	reg_write(d, NPU_REG_FAULT_COUNT, 0);
	reg_write64(d, NPU_REG_FAULT_ARG_LO, bus_of(d, (void *)data) + 4096);
	reg_write64(d, NPU_REG_FAULT_SIZE_LO, 8);
	reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
	tap_is(reg_read(d, NPU_REG_FAULT_STATUS), 0, "dma-error: of addresses");
	tap_ok(works(), "dma-error: others are good");
	cb[0] = (union npu_packet){.fill = {.hdr = {.op = NPU_PKT_FILL}, .dst = data_va,
					    .size = {8192, 1, 1}}};
	tap_ok(fails_with(submit(d, 0, AS, cb_va, 1), NPU_JOB_BUS_ERROR, NPU_CORE_COPY),
	       "dma-error: these are not");
	clear_all();
	inject(NPU_FAULT_DMA_ERROR, NPU_CORE_FRONT, 1, 0);
	mbox_put(d, NPU_MSG_PING, 0, 1);
	mbox_ring(d);
	tap_ok(WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) &&
	       reg_read(d, NPU_REG_FW_STATUS) == NPU_PANIC_BUS,
	       "dma-error: in the front end it is a panic");

	fresh();
	works();
	inject(NPU_FAULT_MMU_ERROR, 0, 1, NPU_FAULT_WALK_BUS);
	tap_ok(fails_with(dispatch(K_EXIT, 8), NPU_JOB_BUS_ERROR, 0), "mmu-error: bus error");
	inject(NPU_FAULT_MMU_ERROR, NPU_CORE_COPY, 1, NPU_FAULT_WALK_ENTRY);
	tap_ok(fails_with(fill(1), NPU_JOB_PAGE_FAULT, NPU_CORE_COPY), "mmu-error: page fault");
	inject(NPU_FAULT_MMU_ERROR, NPU_CORE_FRONT, 1, NPU_FAULT_WALK_BUS);
	tap_ok(fails_with(fill(1), NPU_JOB_BUS_ERROR, NPU_CORE_FRONT), "mmu-error: fetching packets");
	tap_ok(works(), "mmu-error: once");

	tap_is(reg_read(d, NPU_REG_ECC_LAST) | reg_read(d, NPU_REG_ECC_CORRECTED), 0, "no ECC error yet");
	inject(NPU_FAULT_ECC_CORRECTABLE, 3, 5, 0);
	tap_ok(reg_read(d, NPU_REG_ECC_CORRECTED) == 5 &&
	       reg_read(d, NPU_REG_ECC_LAST) == (NPU_ECC_LAST_VALID | 3) &&
	       (reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_ECC), "ecc-correctable: counted and told");
	tap_is(d->bus_events, NPU_BUS_CORRECTABLE, "ecc-correctable: the bus too");
	tap_ok(works(), "ecc-correctable: nothing is lost");
	reg_write(d, NPU_REG_IRQ_STATUS, NPU_IRQ_ECC);

	inject(NPU_FAULT_ECC_UNCORRECTABLE, 2, 1, 0);
	tap_ok(fails_with(dispatch(K_EXIT, 8), NPU_JOB_ECC, 2), "ecc-uncorrectable: the job on that tile");
	tap_ok(reg_read(d, NPU_REG_ECC_UNCORRECTED) == 1 &&
	       reg_read(d, NPU_REG_ECC_LAST) ==
		       (NPU_ECC_LAST_VALID | NPU_ECC_LAST_UNCORRECTED | 2) &&
	       (reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_ECC), "ecc-uncorrectable: counted and told");
	tap_ok(!(d->bus_events & NPU_BUS_UNCORRECTABLE), "ecc-uncorrectable: contained");
	/* A kernel that never ends, on all tiles. */
	seqno = dispatch(K_LOOP, TILES);
	WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_BUSY);
	inject(NPU_FAULT_ECC_UNCORRECTABLE, 1, 1, 0);
	tap_ok(fails_with(seqno, NPU_JOB_ECC, 1), "ecc-uncorrectable: in the middle of a share");
	inject(NPU_FAULT_ECC_UNCORRECTABLE, NPU_CORE_COPY, 1, 0);
	tap_ok(fails_with(fill(1), NPU_JOB_ECC, NPU_CORE_COPY), "ecc-uncorrectable: of the copy engine");
	/* The SRAM of a tile is scrubbed. */
	seqno = dispatch(K_SRAM, 1);
	wait_done(d, 0, seqno);
	inject(NPU_FAULT_ECC_UNCORRECTABLE, 0, 1, 0);
	fails_with(dispatch(K_EXIT, 1), NPU_JOB_ECC, 0);
	data[0] = 2;
	wait_done(d, 0, dispatch(K_SRAM, 1));
	tap_is(data[0], 0, "ecc-uncorrectable: the SRAM is zero after");
	inject(NPU_FAULT_ECC_UNCORRECTABLE, NPU_CORE_FRONT, 1, 0);
	tap_ok((reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) &&
	       (d->bus_events & NPU_BUS_UNCORRECTABLE),
	       "ecc-uncorrectable: of the management core: it dies, and the bus is told");
	fresh();
	tap_ok(works() && !reg_read(d, NPU_REG_ECC_LAST), "ecc-uncorrectable: a reset ends that");
}

/* ---- messages and rings --------------------------------------------------------------------------- */

static void test_messages(void)
{
	struct npu_msg msg, last;
	uint32_t index;

	fresh();
	inject(NPU_FAULT_MAILBOX_CORRUPT, 0, 1, NPU_FAULT_MSG_TYPE);
	mbox_put(d, NPU_MSG_PING, 0, 77);
	mbox_ring(d);
	tap_ok(mbox_get(d, &msg) && msg.type == 0xbad && msg.cookie == 77,
	       "mailbox-corrupt: a type that there is not");
	inject(NPU_FAULT_MAILBOX_CORRUPT, 0, 1, NPU_FAULT_MSG_NOISE);
	mbox_put(d, NPU_MSG_PING, 0, 78);
	mbox_ring(d);
	tap_ok(get_raw(&msg) && msg.type == (uint16_t)~NPU_MSG_REPLY && msg.cookie == ~78u,
	       "mailbox-corrupt: all bits inverted");
	mbox_put(d, NPU_MSG_PING, 0, 79);
	mbox_ring(d);
	tap_ok(mbox_get(d, &last) && last.type == NPU_MSG_REPLY && last.cookie == 79,
	       "mailbox-corrupt: once");
	inject(NPU_FAULT_MAILBOX_REPLAY, 0, 1, 0);
	mbox_put(d, NPU_MSG_PING, 0, 80);
	mbox_ring(d);
	tap_ok(get_raw(&msg) && !memcmp(&msg, &last, sizeof(msg)),
	       "mailbox-replay: the message before once more");
	index = peek(&d->mbox->f2h_write.index);
	inject(NPU_FAULT_MAILBOX_CORRUPT, 0, 1, NPU_FAULT_MSG_INDEX);
	mbox_put(d, NPU_MSG_PING, 0, 81);
	mbox_ring(d);
	tap_ok(WAIT_FOR(d, peek(&d->mbox->f2h_write.index) - index > NPU_MBOX_ENTRIES),
	       "mailbox-corrupt: an index out of range");

	fresh();
	inject(NPU_FAULT_RING_INDEX, 0, 0, NPU_FAULT_RING_HEAD);
	dispatch(K_EXIT, 1);
	tap_ok(WAIT_FOR(d, peek(&d->queue[0].wb->head) > 1u << 20), "ring-index: head");
	/* The next publication puts it right. */
	clear_all();
	tap_ok(works() && d->queue[0].wb->head == d->queue[0].tail, "ring-index: head, cleared");
	inject(NPU_FAULT_RING_INDEX, 0, 0, NPU_FAULT_RING_COMPLETED);
	dispatch(K_EXIT, 1);
	tap_ok(WAIT_FOR(d, completed(&d->queue[0]) > 1ull << 40), "ring-index: completed");
	fresh();
	inject(NPU_FAULT_RING_INDEX, 1, 1, NPU_FAULT_RING_TAIL);
	tap_ok(works(), "ring-index: only of the queue that is meant");
	inject(NPU_FAULT_RING_INDEX, 0, 1, NPU_FAULT_RING_TAIL);
	dispatch(K_EXIT, 1);
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_FAULT && msg.fault.error == NPU_JOB_BAD_RING,
	       "ring-index: tail: the firmware notices");
	tap_ok(request(d, NPU_MSG_QUEUE_STOP, 0) == NPU_MSG_OK && queue_start(d, 0, 1) && works(),
	       "ring-index: tail: a new start helps");
}

/* ---- link and heat ----------------------------------------------------------------------------------- */

static void test_link(void)
{
	struct npu_fault_spec spec = {.fault = NPU_FAULT_LINK_DOWN, .target = NPU_FAULT_ANY};
	unsigned int irqs;
	uint64_t seqno;

	/* A number of reads only. */
	fresh();
	inject(NPU_FAULT_LINK_DOWN, 0, 3, 0);
	/* inject() has read one of them */
	tap_ok(reg_read(d, NPU_REG_ID) == UINT32_MAX &&
	       npu_dev_read(d->dev, NPU_REG_ID, 8) == UINT64_MAX &&
	       reg_read(d, NPU_REG_ID) == NPU_ID_MAGIC, "link-down: three reads give all ones");
	tap_ok(works(), "link-down: and that was all");

	for (unsigned int pass = 0; pass < 2; pass++) {
		const char *name = pass ? "surprise-removal" : "link-down";

		fresh();
		seqno = dispatch(K_LOOP, TILES);
		WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_BUSY);
		d->bus_events = 0;
		/* Whichever thread tells the host, and however long that takes, it is over when inject() is. */
		d->slow_ns = MS;
		inject(pass ? NPU_FAULT_SURPRISE_REMOVAL : NPU_FAULT_LINK_DOWN, 0, 0, 0);
		d->slow_ns = 0;
		irqs = d->irqs[0] + d->irqs[1];
		tap_ok(npu_dev_link_dead(d->dev) && d->bus_events == NPU_BUS_LINK, "%s: told", name);
		tap_ok(reg_read(d, NPU_REG_ID) == UINT32_MAX && reg_read(d, 0x123) == UINT32_MAX &&
		       reg_read(d, NPU_DOORBELL(3)) == UINT32_MAX, "%s: all ones", name);
		reg_write(d, NPU_REG_RESET, NPU_RESET_KEY);
		reg_write(d, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
		tap_ok(reg_read(d, NPU_REG_STATUS) == UINT32_MAX, "%s: writes are lost", name);
		pass_time(d, 200 * MS);
		npu_dev_wait_idle(d->dev);
		tap_ok(completed(&d->queue[0]) < seqno && d->irqs[0] + d->irqs[1] == irqs,
		       "%s: neither memory nor interrupts are reached", name);
		npu_dev_fault_clear(d->dev, 0);
		tap_ok(!npu_dev_link_dead(d->dev) && reg_read(d, NPU_REG_ID) == NPU_ID_MAGIC &&
		       !reg_read(d, NPU_REG_STATUS) && !reg_read(d, NPU_REG_BOOT_STATUS),
		       "%s: comes back in reset", name);
		fresh();
		tap_ok(works(), "%s: and works", name);
	}
	/* A reset from outside, of the bus, ends it, unless it persists. */
	npu_dev_fault_inject(d->dev, &spec);
	npu_dev_reset(d->dev);
	tap_is(reg_read(d, NPU_REG_ID), NPU_ID_MAGIC, "link-down: the bus was reset");
	spec.flags = NPU_FAULT_PERSIST;
	npu_dev_fault_inject(d->dev, &spec);
	npu_dev_reset(d->dev);
	tap_is(reg_read(d, NPU_REG_ID), UINT32_MAX, "link-down, persistent: still gone");
	npu_dev_fault_clear(d->dev, NPU_FAULT_LINK_DOWN);
	tap_is(reg_read(d, NPU_REG_ID), NPU_ID_MAGIC, "link-down, persistent: cleared");
	/* None gets through to a card that is out. */
	spec.fault = NPU_FAULT_SURPRISE_REMOVAL;
	spec.flags = 0;
	npu_dev_fault_inject(d->dev, &spec);
	npu_dev_reset(d->dev);
	tap_is(reg_read(d, NPU_REG_ID), UINT32_MAX, "surprise-removal: a reset of the bus changes nothing");
	npu_dev_fault_clear(d->dev, NPU_FAULT_SURPRISE_REMOVAL);
	tap_is(reg_read(d, NPU_REG_ID), NPU_ID_MAGIC, "surprise-removal: cleared");
}

/* Counters of a fill of 4 KiB by a queue that is new, with a fault or without one. */
static void fill_with(enum npu_fault fault, uint64_t arg, uint64_t *counters)
{
	fresh();
	if (fault)
		tap_is(inject(fault, 0, 0, arg), 0, npu_fault_name(fault));
	wait_done(d, 0, fill(1));
	memcpy(counters, d->queue[0].counters->value, NPU_COUNTER_COUNT * sizeof(*counters));
}

/* A register reads as a fault says, for whoever reads it how ever wide, and the others do not. */
static void test_register(void)
{
	struct npu_fault_spec spec = {
		.fault = NPU_FAULT_REGISTER_READ,
		.count = 2,
		.after = 1,
		.arg = NPU_REG_CAPS1,
		.size = 0x12345678,
	};
	uint32_t caps0, caps1;

	fresh();
	caps0 = reg_read(d, NPU_REG_CAPS0);
	caps1 = reg_read(d, NPU_REG_CAPS1);
	tap_is(npu_dev_fault_inject(d->dev, &spec), 0, "register-read: armed");
	tap_is(reg_read(d, NPU_REG_CAPS1), caps1, "register-read: not yet");
	tap_is(reg_read(d, NPU_REG_CAPS1), 0x12345678, "register-read: as the fault says");
	tap_is(reg_read(d, NPU_REG_CAPS0), caps0, "register-read: of no other register");
	tap_is(npu_dev_read(d->dev, NPU_REG_CAPS0, 8), 0x1234567800000000ull | caps0,
	       "register-read: as half of a wide one");
	tap_is(reg_read(d, NPU_REG_CAPS1), caps1, "register-read: used up");
	spec = (struct npu_fault_spec){.fault = NPU_FAULT_REGISTER_READ, .arg = NPU_REG_TIME_LO, .size = 5};
	tap_is(npu_dev_fault_inject(d->dev, &spec), 0, "register-read: of the clock");
	tap_is(reg_read(d, NPU_REG_TIME_LO), 5, "register-read: which reads without a lock otherwise");
	spec.size = 1ull << 32;
	tap_is(npu_dev_fault_inject(d->dev, &spec), NPU_FAULT_STATUS_BAD_ARG, "register-read: 32 bits");
	tap_ok(works(), "register-read: work goes on");
	clear_all();
	tap_ok(reg_read(d, NPU_REG_TIME_LO) != 5, "register-read: cleared");
}

/* The model's figures change as it says for a slower link and a lower clock, and come back. */
static void test_model(void)
{
	const struct npu_opp *low = &npu_model_opp[0], *high = &npu_model_opp[NPU_MODEL_OPPS - 1];
	uint64_t before[NPU_COUNTER_COUNT], slow[NPU_COUNTER_COUNT], hot[NPU_COUNTER_COUNT];
	uint64_t after[NPU_COUNTER_COUNT];
	struct npu_rates rates = {.period = high->period, .share = 1, .slow = 1};
	uint64_t wide, own = npu_model_transfer(4096, NPU_MODEL_COPY_BYTES), narrow;

	fill_with(NPU_FAULT_NONE, 0, before);
	fill_with(NPU_FAULT_SLOW_LINK, 0, slow);
	wide = npu_model_host(&rates, 0, 4096);
	rates.slow = 16;
	narrow = npu_model_host(&rates, 0, 4096);
	tap_is(slow[NPU_COUNTER_COPY_CYCLES] - before[NPU_COUNTER_COPY_CYCLES],
	       (narrow > own ? narrow : own) - (wide > own ? wide : own),
	       "slow-link: what such a link takes");
	tap_ok(slow[NPU_COUNTER_CYCLES] > before[NPU_COUNTER_CYCLES] &&
	       slow[NPU_COUNTER_COPY_BYTES] == before[NPU_COUNTER_COPY_BYTES], "slow-link: no more work");
	fill_with(NPU_FAULT_THERMAL_THROTTLE, 0, hot);
	tap_is(hot[NPU_COUNTER_TIME], hot[NPU_COUNTER_CYCLES] * low->period,
	       "thermal-throttle: the lowest clock");
	tap_is(before[NPU_COUNTER_TIME], before[NPU_COUNTER_CYCLES] * high->period,
	       "which it is not otherwise");
	fill_with(NPU_FAULT_NONE, 0, after);
	tap_ok(!memcmp(before, after, sizeof(before)), "and all is as before when they are over");
}

static void test_throttle(void)
{
	fresh();
	inject(NPU_FAULT_THERMAL_THROTTLE, 0, 0, 0);
	tap_ok((reg_read(d, NPU_REG_STATUS) & NPU_STATUS_THROTTLED) &&
	       (reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_THERMAL) && d->irqs[0],
	       "thermal-throttle: STATUS and event");
	tap_ok(works(), "thermal-throttle: work goes on");
	reg_write(d, NPU_REG_IRQ_STATUS, NPU_IRQ_THERMAL);
	clear_all();
	tap_ok(!(reg_read(d, NPU_REG_STATUS) & NPU_STATUS_THROTTLED) &&
	       (reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_THERMAL),
	       "thermal-throttle: its end is an event too");
}

int main(int argc, char **argv)
{
	d = drv_new(fw_image_path(argc, argv), TILES, -1);
	test_registers();
	test_disabled();
	test_hung_tile();
	test_firmware();
	test_interrupts();
	test_memory();
	test_messages();
	test_link();
	test_model();
	test_throttle();
	test_register();
	drv_free(d);
	return tap_done();
}
