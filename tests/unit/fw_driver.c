// SPDX-License-Identifier: MIT
#include "fw_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *drv_dma_map(void *opaque, uint64_t addr, size_t *len, bool write)
{
	struct drv *d = opaque;
	uint64_t end = MEM_BASE + MEM_SIZE;

	(void)write;
	if (addr < MEM_BASE || addr >= end || (addr >= d->hole_start && addr < d->hole_end))
		return NULL;
	if (addr < d->hole_start)
		end = d->hole_start;
	if (*len > end - addr)
		*len = end - addr;
	return d->mem + (addr - MEM_BASE);
}

/* Time between the moment when the device tells of something and the moment when that is known. */
static void take_note(const struct drv *d)
{
	const struct timespec pause = {.tv_nsec = d->slow_ns};

	if (pause.tv_nsec)
		nanosleep(&pause, NULL);
}

static void drv_irq(void *opaque, unsigned int vector)
{
	struct drv *d = opaque;

	take_note(d);
	d->irqs[vector]++;
}

static void drv_bus_event(void *opaque, uint32_t events)
{
	struct drv *d = opaque;

	take_note(d);
	d->bus_events |= events;
}

static uint64_t drv_time(void *opaque)
{
	struct drv *d = opaque;

	/* Never twice the same, so that timestamps show an order. */
	return ++d->now;
}

static void drv_set_timer(void *opaque, uint64_t deadline)
{
	struct drv *d = opaque;

	d->deadline = deadline;
}

static void drv_log(void *opaque, enum npu_log_level level, const char *line)
{
	struct drv *d = opaque;

	(void)level;
	snprintf(d->last_log, sizeof(d->last_log), "%s", line);
	if (getenv("NPU_TEST_LOG"))
		fprintf(stderr, "# device: %s\n", line);
}

static const struct npu_host_ops drv_ops = {
	.dma_map = drv_dma_map,
	.irq = drv_irq,
	.time_ns = drv_time,
	.set_timer = drv_set_timer,
	.bus_event = drv_bus_event,
	.log = drv_log,
};

const struct npu_host_ops *drv_host_ops(void)
{
	return &drv_ops;
}

_Noreturn void drv_die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

void pass_time(struct drv *d, uint64_t ns)
{
	for (uint64_t done = 0; done < ns; done += MS) {
		d->now += MS;
		if (d->now >= d->deadline)
			npu_dev_timer(d->dev);
		/* A worker may have seen the time first: without this all would have passed before it was done. */
		npu_dev_settle(d->dev);
	}
}

unsigned int wait_turns = 400000;

void wait_a_little(struct drv *d)
{
	const struct timespec pause = {.tv_nsec = 100000};

	pass_time(d, MS);
	nanosleep(&pause, NULL);
}

uint32_t reg_read(struct drv *d, uint64_t reg)
{
	return (uint32_t)npu_dev_read(d->dev, reg, 4);
}

void reg_write(struct drv *d, uint64_t reg, uint32_t value)
{
	npu_dev_write(d->dev, reg, value, 4);
}

void reg_write64(struct drv *d, uint64_t reg, uint64_t value)
{
	npu_dev_write(d->dev, reg, value, 8);
}

void *mem_alloc(struct drv *d, uint64_t size)
{
	uint64_t at = d->used;

	d->used += (size + 4095) / 4096 * 4096;
	if (d->used > MEM_SIZE)
		drv_die("the test needs more host memory");
	memset(d->mem + at, 0, d->used - at);
	return d->mem + at;
}

uint64_t bus_of(const struct drv *d, const void *p)
{
	return MEM_BASE + (uint64_t)((const uint8_t *)p - d->mem);
}

void as_create(struct drv *d, unsigned int as)
{
	void *root = mem_alloc(d, 4096);

	d->as_table[as].satp = NPU_SATP_MODE_SV48 << NPU_SATP_MODE_SHIFT |
			       (uint64_t)as << NPU_SATP_ASID_SHIFT | bus_of(d, root) >> 12;
	d->next_va[as] = VA_BASE;
}

static void map_page(struct drv *d, unsigned int as, uint64_t va, uint64_t bus, uint64_t flags)
{
	uint64_t *table = (uint64_t *)(d->mem +
				       ((d->as_table[as].satp & NPU_SATP_PPN_MASK) << 12) - MEM_BASE);

	for (int level = NPU_PT_LEVELS - 1; level > 0; level--) {
		uint64_t *pte = &table[va >> (12 + 9 * level) & 511];

		if (!*pte)
			*pte = bus_of(d, mem_alloc(d, 4096)) >> 12 << NPU_PTE_PPN_SHIFT | NPU_PTE_V;
		table = (uint64_t *)(d->mem + (*pte >> NPU_PTE_PPN_SHIFT << 12) - MEM_BASE);
	}
	table[va >> 12 & 511] = bus >> 12 << NPU_PTE_PPN_SHIFT | flags | NPU_PTE_V | NPU_PTE_U |
				NPU_PTE_A | NPU_PTE_D;
}

uint64_t map_new(struct drv *d, unsigned int as, uint64_t size, uint64_t flags, void *ret_ptr)
{
	uint8_t *p = mem_alloc(d, size);
	uint64_t va = d->next_va[as];

	for (uint64_t at = 0; at < size; at += 4096)
		map_page(d, as, va + at, bus_of(d, p) + at, flags);
	d->next_va[as] += (size + 4095) / 4096 * 4096 + 4096;
	*(void **)ret_ptr = p;
	return va;
}

const char *fw_image_path(int argc, char **argv)
{
	static char path[4096];
	ssize_t len;
	char *slash;

	if (argc > 1)
		return argv[1];
	if (getenv("NPU_FW"))
		return getenv("NPU_FW");
	/* build/tests/unit/<this program>: the image is three steps up. */
	len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	if (len > 0) {
		path[len] = 0;
		slash = strrchr(path, '/');
		strcpy(slash + 1, "../../firmware/npu/npu_fw.bin");
		if (!access(path, R_OK))
			return path;
	}
	return "build/firmware/npu/npu_fw.bin";
}

static struct npu_dev *make_device(struct drv *d)
{
	const char *error;
	struct npu_dev *dev = npu_dev_new(&d->config, &drv_ops, d, &error);

	if (!dev)
		drv_die(error);
	return dev;
}

struct drv *drv_new_config(const char *fw_path, const struct npu_config *config)
{
	struct drv *d = calloc(1, sizeof(*d));
	FILE *file = fopen(fw_path, "rb");

	if (!d || !file)
		drv_die("no firmware image: build it with make firmware");
	d->mem = aligned_alloc(2 << 20, MEM_SIZE);
	d->image = calloc(1, NPU_FW_MAX_SIZE + 4096);
	if (!d->mem || !d->image)
		drv_die("out of memory");
	d->image_len = fread(d->image, 1, NPU_FW_MAX_SIZE, file);
	fclose(file);
	d->deadline = UINT64_MAX;
	d->now = 1000 * MS;
	d->config = *config;
	d->dev = make_device(d);
	return d;
}

struct drv *drv_new(const char *fw_path, unsigned int tiles, int64_t inline_budget)
{
	struct npu_config config;

	npu_config_init(&config);
	config.chiplets = 1;
	config.tiles_per_chiplet = tiles;
	config.sram_kib = 64;
	config.threads = 2;
	config.debug_faults = true;
	if (inline_budget >= 0)
		config.inline_budget = (uint64_t)inline_budget;
	return drv_new_config(fw_path, &config);
}

bool drv_move(struct drv *d)
{
	char error[NPU_STATE_ERROR];
	uint8_t *state;
	size_t size;
	bool ok;

	npu_dev_pause(d->dev);
	state = npu_dev_save(d->dev, &size, error);
	if (!state)
		drv_die(error);
	npu_dev_free(d->dev);
	d->dev = make_device(d);
	npu_dev_pause(d->dev);
	ok = npu_dev_load(d->dev, state, size, error);
	npu_dev_resume(d->dev);
	free(state);
	return ok;
}

void drv_free(struct drv *d)
{
	npu_dev_free(d->dev);
	free(d->mem);
	free(d->image);
	free(d);
}

void drv_prepare(struct drv *d)
{
	npu_dev_reset(d->dev);
	npu_dev_flush_maps(d->dev);
	d->hole_start = d->hole_end = 0;
	d->used = 0;
	memset(d->queue, 0, sizeof(d->queue));
	d->h2f_seq = d->f2h_seq = 0;
	d->mbox = mem_alloc(d, sizeof(*d->mbox));
	d->as_table = mem_alloc(d, NPU_MAX_AS * sizeof(*d->as_table));
	d->queue_table = mem_alloc(d, NPU_MAX_QUEUES * sizeof(*d->queue_table));
	d->image_bus = bus_of(d, mem_alloc(d, NPU_FW_MAX_SIZE + 4096));
	for (unsigned int i = 0; i < NPU_MSIX_VECTORS; i++)
		d->irqs[i] = 0;
	d->bus_events = 0;
	memcpy(d->mem + (d->image_bus - MEM_BASE), d->image, d->image_len);
	reg_write64(d, NPU_REG_FW_BASE_LO, d->image_bus);
	reg_write(d, NPU_REG_FW_SIZE, (uint32_t)d->image_len);
	reg_write64(d, NPU_REG_MBOX_BASE_LO, bus_of(d, d->mbox));
	reg_write64(d, NPU_REG_AS_TABLE_LO, bus_of(d, d->as_table));
	reg_write64(d, NPU_REG_QUEUE_TABLE_LO, bus_of(d, d->queue_table));
	reg_write(d, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL);
}

uint32_t boot_stage(struct drv *d)
{
	return NPU_BOOT_STAGE(reg_read(d, NPU_REG_BOOT_STATUS));
}

void drv_start(struct drv *d)
{
	reg_write(d, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	if (!WAIT_FOR(d, boot_stage(d) == NPU_BOOT_READY || boot_stage(d) == NPU_BOOT_FAILED))
		drv_die("the boot ROM hangs");
}

void drv_boot(struct drv *d, struct npu_msg *ret_ready)
{
	struct npu_msg msg;

	drv_prepare(d);
	drv_start(d);
	if (boot_stage(d) != NPU_BOOT_READY || !mbox_get(d, &msg) || msg.type != NPU_MSG_READY)
		drv_die("the firmware does not boot");
	if (ret_ready)
		*ret_ready = msg;
}

uint32_t peek(const volatile uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

void mbox_put(struct drv *d, uint16_t type, uint32_t queue, uint32_t cookie)
{
	uint32_t at = d->mbox->h2f_write.index;

	d->mbox->h2f[at % NPU_MBOX_ENTRIES] = (struct npu_msg){
		.type = type, .seq = ++d->h2f_seq, .cookie = cookie, .queue = queue,
	};
	__atomic_store_n(&d->mbox->h2f_write.index, at + 1, __ATOMIC_RELEASE);
}

void mbox_ring(struct drv *d)
{
	reg_write(d, NPU_REG_MBOX_DOORBELL, 1);
}

bool mbox_get(struct drv *d, struct npu_msg *msg)
{
	uint32_t at = d->mbox->f2h_read.index;

	if (!WAIT_FOR(d, peek(&d->mbox->f2h_write.index) != at))
		return false;
	*msg = d->mbox->f2h[at % NPU_MBOX_ENTRIES];
	__atomic_store_n(&d->mbox->f2h_read.index, at + 1, __ATOMIC_RELEASE);
	return msg->seq == ++d->f2h_seq;
}

bool mbox_empty(struct drv *d)
{
	return peek(&d->mbox->f2h_write.index) == d->mbox->f2h_read.index;
}

int request(struct drv *d, uint16_t type, uint32_t queue)
{
	static uint32_t cookie = 0x1000;
	struct npu_msg msg;

	mbox_put(d, type, queue, ++cookie);
	mbox_ring(d);
	d->stopped.type = 0;
	d->tiles_reset = 0;
	if (!mbox_get(d, &msg))
		return -1;
	if (msg.type == NPU_MSG_TILE_RESET) {
		d->tiles_reset = msg.tile_reset.tiles;
		if (!mbox_get(d, &msg))
			return -1;
	}
	/* Where a tile stood that the request had stopped, or reset. */
	while (msg.type == NPU_MSG_FAULT && (msg.fault.error == NPU_JOB_STOPPED ||
					      msg.fault.error == NPU_JOB_HW_ERROR)) {
		d->stopped = msg;
		if (!mbox_get(d, &msg))
			return -1;
	}
	if (msg.type != NPU_MSG_REPLY || msg.cookie != cookie)
		return -1;
	return msg.status;
}

struct queue_mem *queue_setup(struct drv *d, unsigned int q, unsigned int ring_log2,
			      unsigned int priority)
{
	struct queue_mem *queue = &d->queue[q];

	memset(queue, 0, sizeof(*queue));
	queue->ring = mem_alloc(d, sizeof(*queue->ring) << ring_log2);
	queue->wb = mem_alloc(d, sizeof(*queue->wb));
	queue->counters = mem_alloc(d, sizeof(*queue->counters));
	queue->core = mem_alloc(d, sizeof(*queue->core));
	queue->desc = (struct npu_queue_desc){
		.ring = bus_of(d, queue->ring),
		.writeback = bus_of(d, queue->wb),
		.counters = bus_of(d, queue->counters),
		.core_state = bus_of(d, queue->core),
		.ring_log2 = ring_log2,
		.vector = NPU_VECTOR_QUEUE_0 + q % 16,
		.priority = priority,
	};
	d->queue_table[q] = queue->desc;
	return queue;
}

struct queue_mem *queue_start(struct drv *d, unsigned int q, unsigned int priority)
{
	struct queue_mem *queue = queue_setup(d, q, 6, priority);

	if (request(d, NPU_MSG_QUEUE_START, q) != NPU_MSG_OK)
		drv_die("a queue does not start");
	return queue;
}

void ring_put(struct queue_mem *queue, const struct npu_ring_entry *entry)
{
	queue->ring[queue->tail++ % (1u << queue->desc.ring_log2)] = *entry;
}

void ring_bell(struct drv *d, unsigned int q)
{
	reg_write(d, NPU_DOORBELL(q), d->queue[q].tail);
}

uint64_t submit(struct drv *d, unsigned int q, unsigned int as, uint64_t va, uint32_t packets)
{
	struct queue_mem *queue = &d->queue[q];
	const struct npu_ring_entry run = {
		.op = NPU_RING_RUN, .as_id = (uint16_t)as, .packets = packets, .addr = va,
		.seqno = ++queue->seqno,
	};
	const struct npu_ring_entry fence = {
		.op = NPU_RING_FENCE, .flags = NPU_RING_FENCE_IRQ, .seqno = queue->seqno,
	};

	ring_put(queue, &run);
	ring_put(queue, &fence);
	ring_bell(d, q);
	return queue->seqno;
}

uint64_t completed(const struct queue_mem *queue)
{
	return __atomic_load_n(&queue->wb->completed, __ATOMIC_ACQUIRE);
}

bool wait_done(struct drv *d, unsigned int q, uint64_t seqno)
{
	return WAIT_FOR(d, completed(&d->queue[q]) >= seqno);
}
