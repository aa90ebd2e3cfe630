// SPDX-License-Identifier: MIT
/*
 * Counters for npu-prof stat. This is the one place with state outside of
 * objects: what runs at exit has to find the queues that the program never gave
 * back, or their counters would be lost without a word. It is only used when
 * npu-prof started the program.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "stat.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* everything below */
static struct npurt_stat *page;				 /* NULL: nobody asked */
static struct npurt_queue *queues;			 /* of this process */
static pid_t owner; /* whose they are; a fork's child must not count its parent's */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Another thread may have held the lock at the fork; it is not in the child, and nor are its queues. */
static void after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
	queues = NULL;
}

/* What is not npu-prof's memory is left alone; npu-prof then sees that nothing was added. */
static void attach(void)
{
	const char *text = secure_getenv(NPURT_STAT_ENV);
	struct npurt_stat *found;
	struct stat st;
	char *end;
	long fd;

	if (!text || !text[0])
		return;
	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno || *end || fd < 0 || fd > INT32_MAX || fstat((int)fd, &st) ||
	    !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*found))
		return;
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	if (found == MAP_FAILED)
		return;
	/* One that knows more counters would take those that are not added for zeros. */
	if (found->magic != NPURT_STAT_MAGIC || found->version != NPURT_STAT_VERSION ||
	    found->counter_count > NPU_COUNTER_COUNT || pthread_atfork(NULL, NULL, after_fork)) {
		munmap(found, sizeof(*found));
		return;
	}
	page = found;
}

/* Lock held. */
static void add_queue(struct npurt_queue *queue)
{
	struct npurt_device *device = queue->vm->device;
	uint64_t values[NPU_COUNTER_MAX];
	struct drm_npu_queue_get_state state = {
		.id = queue->id,
		.counters = DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, values),
	};

	if (device->backend->queue_get_state(device->priv, &state)) {
		atomic_fetch_add(&page->queues_unreadable, 1);
		return;
	}
	for (uint32_t i = 0; i < state.counters.count && i < NPU_COUNTER_COUNT; i++)
		atomic_fetch_add(&page->counters[i], values[i]);
	atomic_fetch_add(&page->jobs_submitted, state.submitted);
	atomic_fetch_add(&page->jobs_completed, state.completed);
	if (state.state != DRM_NPU_QUEUE_USABLE)
		atomic_fetch_add(&page->queues_failed, 1);
	atomic_fetch_add(&page->queues_counted, 1);
}

void npurt_stat_queue_created(struct npurt_queue *queue)
{
	uint64_t start;

	pthread_once(&once, attach);
	if (!page)
		return;
	start = now_ns();
	pthread_mutex_lock(&lock);
	if (owner != getpid()) {
		owner = getpid();
		queues = NULL;
		atomic_fetch_add(&page->processes, 1);
	}
	queue->stat_next = queues;
	queues = queue;
	atomic_fetch_add(&page->queues_created, 1);
	atomic_store(&page->clock_khz, queue->vm->device->info.clock_khz);
	atomic_store(&page->tiles, queue->vm->device->info.tiles);
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&page->overhead_ns, now_ns() - start);
}

void npurt_stat_queue_destroyed(struct npurt_queue *queue)
{
	struct npurt_queue **link;
	uint64_t start;

	if (!page)
		return;
	start = now_ns();
	pthread_mutex_lock(&lock);
	if (owner == getpid()) {
		for (link = &queues; *link && *link != queue; link = &(*link)->stat_next)
			;
		if (*link) {
			*link = queue->stat_next;
			add_queue(queue);
		}
	}
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&page->overhead_ns, now_ns() - start);
}

/* The process exits: count the queues that are still there. */
__attribute__((destructor)) static void count_the_rest(void)
{
	uint64_t start;

	if (!page)
		return;
	start = now_ns();
	pthread_mutex_lock(&lock);
	if (owner == getpid())
		for (struct npurt_queue *queue = queues; queue; queue = queue->stat_next)
			add_queue(queue);
	queues = NULL;
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&page->overhead_ns, now_ns() - start);
}
