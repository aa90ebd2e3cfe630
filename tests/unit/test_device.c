/* SPDX-License-Identifier: MIT */
/* The device as its host sees it: registers, reset, invalidation, maps that change, hostile writes. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "model.h"
#include "tap.h"
#include "tiles.h"
#include "xorshift.h"

#define RW (NPU_PTE_R | NPU_PTE_W)

static struct npu_config config;

/* Look at guest memory that a kernel writes to; like two CPUs, the two are not synchronised. */
__attribute__((no_sanitize_thread)) static uint64_t peek(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void test_config(void)
{
	struct npu_config bad;
	const char *error;
	static const struct npu_host_ops none;

#define REFUSED(field, value)                                                                \
	do {                                                                                 \
		bad = config;                                                                \
		bad.field = value;                                                           \
		error = NULL;                                                                \
		tap_ok(!npu_dev_new(&bad, &none, NULL, &error) && error && *error,           \
		       "refused: " #field " = " #value ": %s", error ? error : "no reason"); \
	} while (0)
	REFUSED(chiplets, 0);
	REFUSED(chiplets, 9);
	REFUSED(tiles_per_chiplet, 0);
	REFUSED(tiles_per_chiplet, 9);
	REFUSED(vlen, 64);
	REFUSED(vlen, 192);
	REFUSED(vlen, 32768);
	REFUSED(sram_kib, 0);
	REFUSED(sram_kib, 65);
	REFUSED(sram_kib, 16448);
	REFUSED(threads, 65);
	REFUSED(queues, 0);
	REFUSED(queues, 65);
	REFUSED(matrix_path, "abacus");
}

static void test_registers(void)
{
	struct tiles *t = tiles_new(&config);
	struct host *h = t->host;
	uint64_t a, b;

	tap_is(host_read(h, NPU_REG_ID), NPU_ID_MAGIC, "identity");
	tap_is(host_read(h, NPU_REG_HW_VERSION),
	       NPU_HW_VERSION_MAJOR << 16 | NPU_HW_VERSION_MINOR, "version");
	tap_is(host_read(h, NPU_REG_CAPS0), 2 | 2 << 8 | 64 << 16, "topology");
	tap_is(host_read(h, NPU_REG_CAPS1), 1024, "SRAM");
	tap_is(host_read(h, NPU_REG_CAPS2), NPU_MAX_AS, "address spaces");
	tap_is(host_read(h, NPU_REG_CLOCK_KHZ), NPU_MODEL_CLOCK_KHZ, "clock");
	tap_is(npu_dev_read(h->dev, NPU_REG_FEATURES_LO, 8),
	       NPU_FEATURES_MATRIX | NPU_FEATURE_RVV | NPU_FEATURE_PERF | NPU_FEATURE_SPARSE |
		       NPU_FEATURE_THERMOMETER, "features");
	a = npu_dev_read(h->dev, NPU_REG_TIME_LO, 8);
	b = npu_dev_read(h->dev, NPU_REG_TIME_LO, 8);
	tap_ok(a && b >= a, "time goes on");
	npu_dev_write(h->dev, NPU_REG_FW_BASE_LO, 0x123456789abcd000, 8);
	tap_is(host_read(h, NPU_REG_FW_BASE_HI), 0x12345678, "64-bit write, 32-bit read");
	host_write(h, NPU_REG_FW_BASE_LO, 0x1000);
	tap_is(npu_dev_read(h->dev, NPU_REG_FW_BASE_LO, 8), 0x1234567800001000,
	       "and the other way");
	npu_dev_write(h->dev, NPU_REG_MBOX_BASE_LO + 1, ~0ull, 4);
	npu_dev_write(h->dev, NPU_REG_MBOX_BASE_LO, ~0ull, 2);
	npu_dev_write(h->dev, NPU_REG_MBOX_BASE_HI, ~0ull, 8);
	tap_is(npu_dev_read(h->dev, NPU_REG_MBOX_BASE_LO, 8), 0, "odd accesses are ignored");
	host_write(h, NPU_REG_ID, 0);
	tap_is(host_read(h, NPU_REG_ID), NPU_ID_MAGIC, "read-only registers are");
	tap_is(host_read(h, 0x3fc), 0, "undefined offset");
	tap_is(host_read(h, NPU_REGS_SIZE), 0, "between registers and doorbells");
	tap_is(host_read(h, NPU_BAR0_SIZE), 0, "behind the BAR");
	host_write(h, NPU_DOORBELL(63), 0x1234);
	tap_is(tiles_get(t, NPU_SOC_TAIL(63), 4), 0x1234, "doorbell value");
	tap_is(tiles_get(t, NPU_SOC_DOORBELLS, 8), 1ull << 63, "doorbell bit");
	host_write(h, NPU_DOORBELL(5) + 4, 1);
	tap_is(tiles_get(t, NPU_SOC_DOORBELLS, 8), 1ull << 63,
	       "the rest of a doorbell page is nothing");
	tiles_set(t, NPU_SOC_DOORBELLS, 1ull << 63, 8);
	tap_is(tiles_get(t, NPU_SOC_DOORBELLS, 8), 0, "doorbell cleared");

	/* events: an edge when an enabled bit is set, or an event that is there gets enabled */
	tiles_set(t, NPU_SOC_HOST_EVENT, NPU_IRQ_MBOX, 4);
	tap_is(h->irqs[0], 0, "a disabled event raises nothing");
	host_write(h, NPU_REG_IRQ_ENABLE, ~0u);
	tap_is(host_read(h, NPU_REG_IRQ_ENABLE), NPU_IRQ_ALL, "undefined events cannot be enabled");
	tap_is(h->irqs[0], 1, "until it is enabled");
	tap_is(host_read(h, NPU_REG_IRQ_STATUS), NPU_IRQ_MBOX, "status");
	host_write(h, NPU_REG_IRQ_STATUS, NPU_IRQ_MBOX);
	tap_is(host_read(h, NPU_REG_IRQ_STATUS), 0, "write one to clear");
	tiles_set(t, NPU_SOC_HOST_EVENT, NPU_IRQ_MBOX, 4);
	tap_is(h->irqs[0], 2, "an enabled event raises vector 0");
	tiles_set(t, NPU_SOC_HOST_VECTOR, 16, 4);
	tap_is(h->irqs[16], 1, "queue vector");
	tiles_set(t, NPU_SOC_HOST_VECTOR, 0, 4);
	tiles_set(t, NPU_SOC_HOST_VECTOR, 17, 4);
	tiles_set(t, NPU_SOC_HOST_VECTOR, 0xffffffff, 4);
	tap_is(h->irqs[0], 2, "the firmware cannot raise vectors that are no queue's");
	tiles_free(t);
}

static void test_dead_firmware(void)
{
	struct tiles *t = tiles_new(&config);
	struct host *h = t->host;

	/* A ROM that jumps to nowhere: the core traps without a handler. */
	dev_lock(t->dev);
	memcpy(t->dev->soc.rom, &(uint32_t){0x00000067}, 4); /* jr zero */
	dev_unlock(t->dev);
	host_write(h, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
	tap_is(host_read(h, NPU_REG_STATUS), 0, "held in reset");
	host_write(h, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	tap_ok(host_wait_irq(h, 0, 1), "a core without a trap handler raises an event");
	npu_dev_wait_idle(t->dev);
	tap_is(host_read(h, NPU_REG_STATUS), NPU_STATUS_FW_DEAD, "and is dead");
	tap_is(host_read(h, NPU_REG_IRQ_STATUS), NPU_IRQ_FW_DEAD, "which the event says");
	host_write(h, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	tap_is(host_read(h, NPU_REG_STATUS), NPU_STATUS_FW_DEAD, "only a reset brings it back");
	host_write(h, NPU_REG_RESET, NPU_RESET_KEY + 1);
	tap_is(host_read(h, NPU_REG_STATUS), NPU_STATUS_FW_DEAD, "with the right key");
	host_write(h, NPU_REG_RESET, NPU_RESET_KEY);
	tap_is(host_read(h, NPU_REG_STATUS), 0, "as at power-on");

	/* A ROM that spins: the register write comes back, the core goes on elsewhere. */
	dev_lock(t->dev);
	memcpy(t->dev->soc.rom, &(uint32_t){0x0000006f}, 4); /* j . */
	dev_unlock(t->dev);
	host_write(h, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	tap_ok(true, "an endless loop in the ROM does not hang the host");
	for (unsigned int i = 0; i < 1000; i++)
		host_read(h, NPU_REG_STATUS);
	tap_ok(true, "nor keeps the registers from it");
	npu_dev_reset(t->dev);
	npu_dev_wait_idle(t->dev);
	tap_ok(true, "and reset ends it");
	tiles_free(t);
}

static void spin_ns(uint64_t ns)
{
	const uint64_t end = host_now() + ns;

	while (host_now() < end)
		sched_yield();
}

static void test_timer(void)
{
	/* TIMECMP = now or 0, wait, for ever; the timer's interrupt stays disabled. */
	static const uint32_t rom[] = {
		0x100002b7, /* lui t0, 0x10000 */
		0x0202b023, /* sd zero, 0x20(t0) */
		0x10500073, /* wfi */
		0xffdff06f, /* j -4 */
	};
	/* TIMECMP = TIME + 1 ms; wait for it, with mie.MTIE; beat; again, five times. */
	static const uint32_t beat[] = {
		0x100002b7, /* lui t0, 0x10000 */
		0x08000313, /* li t1, 0x80 */
		0x30431073, /* csrw mie, t1 */
		0x00500393, /* li t2, 5 */
		0x000f4e37, /* lui t3, 0xf4: about a million */
		0x0182b303, /* 1: ld t1, 0x18(t0) */
		0x01c30333, /* add t1, t1, t3 */
		0x0262b023, /* sd t1, 0x20(t0) */
		0x10500073, /* wfi */
		0x0582ae83, /* lw t4, 0x58(t0) */
		0x001e8e93, /* addi t4, t4, 1 */
		0x05d2ac23, /* sw t4, 0x58(t0) */
		0xfff38393, /* addi t2, t2, -1 */
		0xfe0390e3, /* bnez t2, 1b */
		0x0602a623, /* sw zero, 0x6c(t0): halt */
	};
	struct tiles *t = tiles_new(&config);
	const uint64_t begin = host_now();
	unsigned int timers;

	dev_lock(t->dev);
	memcpy(t->dev->soc.rom, rom, sizeof(rom));
	dev_unlock(t->dev);
	host_write(t->host, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	npu_dev_wait_idle(t->dev);
	spin_ns(20000000);
	pthread_mutex_lock(&t->host->lock);
	timers = t->host->timers;
	pthread_mutex_unlock(&t->host->lock);
	tap_ok(timers <= 2, "a deadline that is over does not keep the host's timer busy");

	npu_dev_reset(t->dev);
	dev_lock(t->dev);
	memcpy(t->dev->soc.rom, beat, sizeof(beat));
	dev_unlock(t->dev);
	host_write(t->host, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
	host_write(t->host, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	tap_ok(host_wait_irq(t->host, 0, 1), "the core is woken by its timer, time and again");
	tap_is(host_read(t->host, NPU_REG_HEARTBEAT), 5, "five times");
	tap_ok(host_now() - begin >= 20000000 + 5 * 999424, "and not too early");
	tiles_free(t);
}

static void test_reset_in_work(void)
{
	struct tiles *t = tiles_new(&config);
	uint64_t *counter, *args, *filled;
	const uint64_t counter_va = tiles_map(t, 4096, RW, &counter);
	const uint64_t args_va = tiles_map(t, 4096, RW, &args);
	const uint64_t filled_va = tiles_map(t, 4096, RW, &filled);
	union npu_packet p = {.fill = {.hdr = {.op = NPU_PKT_FILL},
				       .dst = filled_va,
				       .size = {4096, 0xffffffff, 0xffffffff}}};
	bool ok = true;
	uint64_t v[NPU_COUNTER_COUNT], seen;

	args[0] = counter_va;
	for (unsigned int round = 0; round < 20; round++) {
		npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(t->host, t->as_table), 8);
		tiles_dispatch(t, 0, 1, K_COUNT_FOREVER, args_va, 100);
		memcpy(t->dev->soc.ram, &p, sizeof(p));
		tiles_set(t, NPU_SOC_COPY_PACKET, NPU_SOC_RAM_BASE, 8);
		tiles_set(t, NPU_SOC_COPY_AS, 1, 4);
		tiles_set(t, NPU_SOC_COPY_CMD, NPU_SOC_CMD_GO, 4);
		spin_ns(round * 100000);
		host_write(t->host, NPU_REG_RESET, NPU_RESET_KEY);
		ok &= !(host_read(t->host, NPU_REG_STATUS) &
			(NPU_STATUS_BUSY | NPU_STATUS_RESET_BUSY));
		seen = peek(counter);
		spin_ns(200000);
		ok &= seen == peek(counter);
		for (unsigned int i = 0; i < 4; i++)
			ok &= tiles_get(t, TREG(i, NPU_TILE_STATUS), 4) == NPU_SOC_IDLE &&
			      tiles_get(t, TREG(i, NPU_TILE_WG_DONE), 4) == 0 &&
			      tiles_get(t, TREG(i, NPU_TILE_ENTRY), 8) == 0;
		tiles_counters(t, 0, v);
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
			ok &= !v[i];
	}
	tap_ok(ok,
	       "reset in the middle of work: nothing runs, nothing is written, all is forgotten");
	tap_is(host_read(t->host, NPU_REG_AS_TABLE_LO), 0, "registers are reset");
	tiles_free(t);
}

static void test_invalidation(void)
{
	struct tiles *t = tiles_new(&config);
	uint64_t *counter, *args;
	const uint64_t counter_va = tiles_map(t, 4096, RW, &counter);
	const uint64_t args_va = tiles_map(t, 4096, RW, &args);
	uint64_t *pte = host_pte(t->host, t->root[1], counter_va, 0);
	const uint64_t leaf = *pte;
	uint64_t *fresh = host_alloc(t->host, 4096, 4096);
	bool quiet = true, moved = true, faulted = true;

	args[0] = counter_va;
	for (unsigned int round = 0; round < 20; round++) {
		uint64_t before, seen, deadline = host_now() + HOST_PATIENCE_NS;

		__atomic_store_n(pte, leaf, __ATOMIC_RELAXED);
		tiles_dispatch(t, 0, 1, K_COUNT_FOREVER, args_va, 3);
		/* From one page to another, while three tiles write to it. */
		__atomic_store_n(pte, host_leaf(host_bus(t->host, fresh), RW), __ATOMIC_RELAXED);
		quiet &= host_tlb_flush(t->host, round & 1 ? 1 : NPU_TLB_CMD_ALL);
		seen = peek(counter);
		before = peek(fresh);
		while (peek(fresh) == before && host_now() < deadline)
			sched_yield();
		moved &= peek(fresh) != before;
		quiet &= seen == peek(counter);
		/* And away. */
		__atomic_store_n(pte, 0, __ATOMIC_RELAXED);
		quiet &= host_tlb_flush(t->host, 1);
		npu_dev_wait_idle(t->dev);
		seen = peek(fresh);
		for (unsigned int i = 0; i < 3; i++) {
			faulted &= tiles_get(t, TREG(i, NPU_TILE_FAULT_ADDR), 8) ==
					   counter_va + 8 * i &&
				   tiles_get(t, TREG(i, NPU_TILE_FAULT_ERROR), 4) ==
					   NPU_JOB_PAGE_FAULT;
			faulted &= tiles_ack(t, i) == NPU_SOC_FAULT;
		}
	}
	tap_ok(quiet, "after an invalidation nobody writes to the old page");
	tap_ok(moved, "work goes on with the new translation");
	tap_ok(faulted, "and faults once there is none");
	host_write(t->host, NPU_REG_TLB_CMD, 0xffff);
	tap_is(host_read(t->host, NPU_REG_TLB_STATUS), 0, "an ASID out of range is ignored");
	tiles_free(t);
}

/* Modelled figures must not show that translations were dropped and fetched again. */
static void test_invalidation_is_invisible(void)
{
	uint64_t want[NPU_COUNTER_COUNT], got[NPU_COUNTER_COUNT];
	bool ok = true;

	for (unsigned int pass = 0; pass < 2; pass++) {
		struct tiles *t = tiles_new(&config);
		uint64_t *args;
		const uint64_t args_va = tiles_map(t, 4096, RW, &args);

		args[0] = 300000;
		tiles_dispatch(t, 0, 1, K_WORK, args_va, 8);
		while (pass && host_read(t->host, NPU_REG_STATUS) & NPU_STATUS_BUSY) {
			ok &= host_tlb_flush(t->host, 1);
			npu_dev_flush_maps(t->dev);
		}
		npu_dev_wait_idle(t->dev);
		tiles_counters(t, 0, pass ? got : want);
		tiles_free(t);
	}
	tap_ok(ok && !memcmp(want, got, sizeof(want)), "invalidations do not show in any counter");
}

static void test_flush_maps(void)
{
	struct tiles *t = tiles_new(&config);
	uint64_t *counter, *args;
	const uint64_t counter_va = tiles_map(t, 4096, RW, &counter);
	const uint64_t args_va = tiles_map(t, 4096, RW, &args);
	uint64_t seen;

	args[0] = counter_va;
	tiles_dispatch(t, 0, 1, K_COUNT_FOREVER, args_va, 4);
	__atomic_store_n(&t->host->off, true, __ATOMIC_RELAXED);
	npu_dev_flush_maps(t->dev);
	seen = peek(counter);
	npu_dev_wait_idle(t->dev);
	tap_is(peek(counter), seen, "after flush_maps no old pointer is used");
	tap_is(tiles_get(t, TREG(0, NPU_TILE_FAULT_ERROR), 4), NPU_JOB_BUS_ERROR,
	       "bus mastering off is a bus error");
	tiles_free(t);
}

/* Work is done when the access that caused it returns; what has no end goes on, but not for ever. */
static void test_sync(void)
{
	struct npu_config sync = config, bad;
	static const struct npu_host_ops none;
	const uint64_t deadline = host_now() + HOST_PATIENCE_NS;
	struct tiles *t;
	uint64_t *counter, *args, counter_va, args_va, seen;
	bool done = true;
	const char *error;

	sync.sync = true;
	bad = sync;
	bad.inline_budget = 0;
	error = NULL;
	tap_ok(!npu_dev_new(&bad, &none, NULL, &error) && error && *error,
	       "refused: a synchronous device that may do nothing");

	sync.inline_budget = 1u << 20;
	t = tiles_new(&sync);
	counter_va = tiles_map(t, 4096, RW, &counter);
	args_va = tiles_map(t, 4096, RW, &args);
	args[0] = 1000;
	tap_is(t->dev->pool.threads, 0, "synchronous: no workers");
	tiles_dispatch(t, 0, 1, K_WORK, args_va, 8);
	for (unsigned int i = 0; i < 4; i++)
		done &= tiles_ack(t, i) == NPU_SOC_DONE;
	tap_ok(done, "the work is done when the access returns");

	args[0] = counter_va;
	tiles_dispatch(t, 0, 1, K_COUNT_FOREVER, args_va, 4);
	tap_ok(peek(counter), "an endless kernel runs, and the access ends");
	seen = peek(counter);
	while (peek(counter) == seen && host_now() < deadline)
		sched_yield();
	tap_ok(peek(counter) != seen, "it goes on by the timer");
	for (unsigned int i = 0; i < 4; i++)
		tiles_set(t, TREG(i, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < 4; i++)
		done &= tiles_ack(t, i) == NPU_SOC_STOPPED;
	tap_ok(done, "it can be stopped");
	tiles_dispatch(t, 0, 1, K_COUNT_FOREVER, args_va, 4);
	npu_dev_reset(t->dev);
	npu_dev_wait_idle(t->dev);
	seen = peek(counter);
	spin_ns(5000000);
	tap_ok(peek(counter) == seen, "and reset");
	tiles_free(t);
}

static uint32_t random_state = 12345;

static uint32_t rnd(void)
{
	return xorshift32(&random_state);
}

/* Values that hurt: edges, addresses that mean something, noise. */
static uint64_t nasty(struct tiles *t)
{
	switch (rnd() % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return HOST_BASE + rnd() % HOST_SIZE;
	case 3:
		return NPU_SOC_RAM_BASE + rnd() % NPU_SOC_RAM_SIZE;
	case 4:
		return TILES_CODE + 128 * (rnd() % 24);
	case 5:
		return t->next_va - 4096 * (rnd() % 16);
	case 6:
		return rnd() % 300;
	default:
		return (uint64_t)rnd() << 32 | rnd();
	}
}

/* Everything may be written at any time, by the host and by a firmware gone mad. */
static void test_fuzz(unsigned int rounds)
{
	struct tiles *t = tiles_new(&config);
	uint64_t *page;
	const uint64_t end = host_now() + 20000000000ull;

	for (unsigned int i = 0; i < 8; i++)
		tiles_map(t, 4096, RW, &page);
	for (unsigned int i = 0; i < rounds && host_now() < end; i++) {
		const unsigned int size = rnd() & 1 ? 4 : 8;
		uint64_t offset, value;

		switch (rnd() % 8) {
		case 0: /* BAR0 */
		case 1:
			offset = rnd() % 4 ? rnd() % 0x100 : rnd() % (NPU_BAR0_SIZE + 64);
			if (rnd() & 1)
				npu_dev_read(t->dev, offset, size);
			else if (offset != NPU_REG_BOOT_CTRL || !(rnd() % 64))
				npu_dev_write(t->dev, offset, nasty(t), size);
			break;
		case 2: /* keep it working */
			npu_dev_write(t->dev, NPU_REG_AS_TABLE_LO, host_bus(t->host, t->as_table),
				      8);
			break;
		case 3: /* guest memory: tables, packets, descriptors */
			host_ptr(t->host, HOST_BASE);
			if (!(rnd() % 16)) {
				value = rnd() % t->host->used & ~7ull;
				__atomic_store_n((uint64_t *)(t->host->ram + value),
						 rnd() & 1
							 ? nasty(t)
							 : host_leaf(HOST_BASE + rnd() % HOST_SIZE,
								     rnd() & 14),
						 __ATOMIC_RELAXED);
			}
			break;
		default: /* internal registers */
			offset = rnd() & 1 ? rnd() % 0x500 & ~3ull
					   : TREG(rnd() % 5, rnd() % 0x60 & ~3ull);
			if (offset == NPU_SOC_CONSOLE)
				break;
			value = rnd() % 4 && (offset & 0xff) < 0x10 ? rnd() % 4 : nasty(t);
			dev_lock(t->dev);
			if (rnd() % 4)
				soc_reg_write(&t->dev->soc, offset, size, value);
			else
				soc_reg_read(&t->dev->soc, offset, size, &value);
			if (rnd() % 4)
				pool_work(t->dev, rnd() % 5000);
			dev_unlock(t->dev);
			break;
		}
		if (!(rnd() % 3000))
			npu_dev_reset(t->dev);
		if (!(rnd() % 500))
			npu_dev_flush_maps(t->dev);
	}
	npu_dev_reset(t->dev);
	npu_dev_wait_idle(t->dev);
	tap_is(host_read(t->host, NPU_REG_ID), NPU_ID_MAGIC,
	       "random writes everywhere are survived");
	tiles_free(t);
}

int main(int argc, char **argv)
{
	npu_config_init(&config);
	config.threads = 2;
	test_config();
	test_registers();
	test_dead_firmware();
	test_timer();
	test_reset_in_work();
	test_invalidation();
	test_invalidation_is_invisible();
	test_flush_maps();
	test_sync();
	random_state = argc > 2 ? strtoul(argv[2], NULL, 0) | 1 : random_state;
	test_fuzz(argc > 1 ? strtoul(argv[1], NULL, 0) : 200000);
	config.sync = true;
	config.inline_budget = 1u << 16;
	test_fuzz(argc > 1 ? strtoul(argv[1], NULL, 0) : 50000);
	return tap_done();
}
