/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *op_dma_map(void *opaque, uint64_t addr, size_t *len, bool write)
{
	struct host *host = opaque;
	const uint64_t offset = addr - HOST_BASE;
	const uint64_t hole = __atomic_load_n(&host->hole, __ATOMIC_RELAXED) - HOST_BASE;
	const uint64_t hole_size = __atomic_load_n(&host->hole_size, __ATOMIC_RELAXED);
	uint64_t end = HOST_SIZE;

	(void)write;
	__atomic_fetch_add(&host->maps, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&host->off, __ATOMIC_RELAXED) || offset >= HOST_SIZE)
		return NULL;
	if (hole_size && offset - hole < hole_size)
		return NULL;
	if (hole_size && offset < hole)
		end = hole;
	if (*len > end - offset)
		*len = end - offset;
	return host->ram + offset;
}

static void op_irq(void *opaque, unsigned int vector)
{
	struct host *host = opaque;

	pthread_mutex_lock(&host->lock);
	host->irqs[vector]++;
	pthread_cond_broadcast(&host->change);
	pthread_mutex_unlock(&host->lock);
}

uint64_t host_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static uint64_t op_time(void *opaque)
{
	(void)opaque;
	return host_now();
}

static void op_set_timer(void *opaque, uint64_t deadline)
{
	struct host *host = opaque;

	pthread_mutex_lock(&host->lock);
	host->deadline = deadline;
	pthread_cond_broadcast(&host->change);
	pthread_mutex_unlock(&host->lock);
}

static void op_log(void *opaque, enum npu_log_level level, const char *line)
{
	struct host *host = opaque;

	(void)level;
	pthread_mutex_lock(&host->lock);
	host->lines++;
	snprintf(host->line, sizeof(host->line), "%s", line);
	pthread_mutex_unlock(&host->lock);
	if (getenv("NPU_TEST_LOG"))
		fprintf(stderr, "# device: %s\n", line);
}

static const struct npu_host_ops ops = {
	.dma_map = op_dma_map,
	.irq = op_irq,
	.time_ns = op_time,
	.set_timer = op_set_timer,
	.log = op_log,
};

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static void *timer_thread(void *arg)
{
	struct host *host = arg;

	pthread_mutex_lock(&host->lock);
	while (!host->end) {
		if (host->deadline == UINT64_MAX) {
			pthread_cond_wait(&host->change, &host->lock);
		} else if (host_now() < host->deadline) {
			const struct timespec until = to_timespec(host->deadline);

			pthread_cond_timedwait(&host->change, &host->lock, &until);
		} else {
			host->deadline = UINT64_MAX;
			host->timers++;
			pthread_mutex_unlock(&host->lock);
			npu_dev_timer(host->dev);
			pthread_mutex_lock(&host->lock);
		}
	}
	pthread_mutex_unlock(&host->lock);
	return NULL;
}

static _Noreturn void bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

struct host *host_new(void)
{
	struct host *host = calloc(1, sizeof(*host));
	pthread_condattr_t attr;

	if (host)
		host->ram = aligned_alloc(2 << 20, HOST_SIZE);
	if (!host || !host->ram)
		bail_out("out of memory");
	memset(host->ram, 0, HOST_SIZE);
	host->deadline = UINT64_MAX;
	pthread_mutex_init(&host->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&host->change, &attr);
	pthread_condattr_destroy(&attr);
	return host;
}

void host_start(struct host *host, const struct npu_config *config)
{
	const char *error;

	host->dev = npu_dev_new(config, &ops, host, &error);
	if (!host->dev)
		bail_out(error);
	host->end = false;
	if (pthread_create(&host->timer, NULL, timer_thread, host))
		bail_out("no thread for the timer");
}

void host_free(struct host *host)
{
	if (host->dev) {
		pthread_mutex_lock(&host->lock);
		host->end = true;
		pthread_cond_broadcast(&host->change);
		pthread_mutex_unlock(&host->lock);
		pthread_join(host->timer, NULL);
		npu_dev_free(host->dev);
	}
	pthread_cond_destroy(&host->change);
	pthread_mutex_destroy(&host->lock);
	free(host->ram);
	free(host);
}

void *host_alloc(struct host *host, uint64_t size, uint64_t alignment)
{
	const uint64_t at = (host->used + alignment - 1) & ~(alignment - 1);

	host->used = (at + size + 4095) & ~4095ull;
	if (host->used > HOST_SIZE)
		bail_out("the test needs more guest memory than HOST_SIZE");
	memset(host->ram + at, 0, host->used - at);
	return host->ram + at;
}

uint64_t host_bus(const struct host *host, const void *p)
{
	return HOST_BASE + ((const uint8_t *)p - host->ram);
}

void *host_ptr(const struct host *host, uint64_t bus)
{
	return host->ram + (bus - HOST_BASE);
}

bool host_wait_irq(struct host *host, unsigned int vector, unsigned int count)
{
	const struct timespec until = to_timespec(host_now() + HOST_PATIENCE_NS);
	bool in_time = true;

	pthread_mutex_lock(&host->lock);
	while (host->irqs[vector] < count && in_time)
		in_time = pthread_cond_timedwait(&host->change, &host->lock, &until) != ETIMEDOUT;
	pthread_mutex_unlock(&host->lock);
	return in_time;
}

uint32_t host_read(struct host *host, uint64_t reg)
{
	return npu_dev_read(host->dev, reg, 4);
}

void host_write(struct host *host, uint64_t reg, uint32_t value)
{
	npu_dev_write(host->dev, reg, value, 4);
}

struct npu_as_entry *host_as_table(struct host *host)
{
	struct npu_as_entry *table = host_alloc(host, NPU_MAX_AS * sizeof(*table), 4096);

	npu_dev_write(host->dev, NPU_REG_AS_TABLE_LO, host_bus(host, table), 8);
	return table;
}

uint64_t *host_as_new(struct host *host, struct npu_as_entry *table, unsigned int as)
{
	uint64_t *root = host_alloc(host, NPU_PAGE_SIZE, NPU_PAGE_SIZE);

	table[as].satp = NPU_SATP_MODE_SV48 << NPU_SATP_MODE_SHIFT |
			 (uint64_t)as << NPU_SATP_ASID_SHIFT |
			 host_bus(host, root) >> NPU_PAGE_SHIFT;
	return root;
}

uint64_t *host_pte(struct host *host, uint64_t *root, uint64_t va, unsigned int level)
{
	uint64_t *table = root;

	for (unsigned int l = NPU_PT_LEVELS - 1; l > level; l--) {
		uint64_t *pte = &table[va >> (12 + 9 * l) & 511];

		if (!*pte)
			*pte = host_bus(host, host_alloc(host, 4096, 4096)) >>
				       12 << NPU_PTE_PPN_SHIFT |
			       NPU_PTE_V;
		table = host_ptr(host, *pte >> NPU_PTE_PPN_SHIFT << 12);
	}
	return &table[va >> (12 + 9 * level) & 511];
}

uint64_t host_leaf(uint64_t bus, uint64_t flags)
{
	return bus >> 12 << NPU_PTE_PPN_SHIFT | flags | NPU_PTE_V | NPU_PTE_U | NPU_PTE_A |
	       NPU_PTE_D;
}

void host_map(struct host *host, uint64_t *root, uint64_t va, uint64_t bus, uint64_t size,
	      uint64_t flags)
{
	for (uint64_t at = 0; at < size; at += NPU_PAGE_SIZE)
		*host_pte(host, root, va + at, 0) = host_leaf(bus + at, flags);
}

bool host_tlb_flush(struct host *host, uint32_t cmd)
{
	const uint64_t end = host_now() + HOST_PATIENCE_NS;

	host_write(host, NPU_REG_TLB_CMD, cmd);
	while (host_read(host, NPU_REG_TLB_STATUS) & NPU_TLB_STATUS_BUSY) {
		if (host_now() > end)
			return false;
		sched_yield();
	}
	return true;
}
