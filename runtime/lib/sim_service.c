// SPDX-License-Identifier: MIT
/*
 * The thread of a simulated device that does what interrupts may not: the core's timer, events, jobs
 * that became ready, and the watchdog with its reset. It sleeps until there is something.
 *
 * While jobs are in flight the watchdog looks ten times a second, with the driver's rules: the queue
 * that has been stuck longest, if longer than its timeout, is stopped by the firmware, and those that
 * waited for what it held get their time anew. Firmware that is dead or does not do as told is reset
 * with the whole device: queues with jobs in flight are lost and told so, idle ones go on. If
 * it does not come back from that, the device is lost.
 */
#include "sim.h"

#include <errno.h>

#define WATCH_PERIOD_NS	     100000000ull
#define HEARTBEAT_TIMEOUT_NS 5000000000ull
/* What a job gets on top of its timeout as long as it waits for others. */
#define START_GRACE_NS	     60000000000ull

/* ---- queues one by one ----------------------------------------------------------------------- */

/* Hold the queue of a slot, if it has one. */
static struct sim_queue *get_slot(struct sim_dev *dev, unsigned int slot)
{
	struct sim_queue *queue;

	pthread_mutex_lock(&dev->lock);
	queue = dev->slots[slot];
	if (queue)
		queue->refs++;
	pthread_mutex_unlock(&dev->lock);
	return queue;
}

static void put(struct sim_dev *dev, struct sim_queue *queue)
{
	pthread_mutex_lock(&dev->lock);
	sim_queue_put(queue);
	pthread_mutex_unlock(&dev->lock);
}

static void emit_all(struct sim_dev *dev)
{
	for (unsigned int i = 0; i < NPU_MAX_QUEUES; i++) {
		struct sim_queue *queue = get_slot(dev, i);
		bool ring;

		if (!queue)
			continue;
		pthread_mutex_lock(&dev->lock);
		ring = sim_jobs_emit(dev, queue);
		pthread_mutex_unlock(&dev->lock);
		if (ring)
			sim_queue_ring(dev, queue);
		put(dev, queue);
	}
}

/* ---- reset ----------------------------------------------------------------------------------- */

/* hw held for writing. */
static void lose_all(struct sim_dev *dev, bool lost)
{
	/* All of them first: whoever is woken by one must not find another that seems to be served. */
	pthread_mutex_lock(&dev->lock);
	for (unsigned int i = 0; i < NPU_MAX_QUEUES; i++) {
		struct sim_queue *queue = dev->slots[i];

		if (!queue)
			continue;
		queue->restart = queue->active;
		queue->active = false;
	}
	pthread_mutex_unlock(&dev->lock);
	for (unsigned int i = 0; i < NPU_MAX_QUEUES; i++) {
		struct sim_queue *queue = get_slot(dev, i);

		if (!queue)
			continue;
		sim_queue_lose(dev, queue, lost);
		put(dev, queue);
	}
}

/* Boot again and serve the queues that were idle. hw held for writing. */
static int restart(struct sim_dev *dev)
{
	int err = sim_fw_boot(dev);

	for (unsigned int i = 0; i < NPU_MAX_QUEUES && !err; i++) {
		struct sim_queue *queue = get_slot(dev, i);

		if (!queue)
			continue;
		if (queue->restart)
			err = sim_queue_activate(dev, queue);
		put(dev, queue);
	}
	return err;
}

/* hw held for writing. */
static void reset(struct sim_dev *dev, const char *reason)
{
	dev->resets++;
	if (dev->config.log)
		sim_host_ops.log(dev, NPU_LOG_ERROR, reason);
	npu_dev_reset(dev->core);
	/* What the firmware that is gone had to say must not be taken for the next one's words. */
	pthread_mutex_lock(&dev->events_lock);
	pthread_mutex_unlock(&dev->events_lock);
	pthread_mutex_lock(&dev->lock);
	dev->watching = false;
	pthread_mutex_unlock(&dev->lock);
	lose_all(dev, false);
	if (restart(dev)) {
		npu_dev_reset(dev->core);
		dev->lost = true;
		lose_all(dev, true);
	}
}

int sim_reset(struct sim_dev *dev, unsigned int resets, const char *reason)
{
	pthread_rwlock_wrlock(&dev->hw);
	if (!dev->lost && dev->resets == resets)
		reset(dev, reason);
	pthread_rwlock_unlock(&dev->hw);
	if (dev->lost)
		return -ENODEV;
	emit_all(dev);
	return 0;
}

/* Do the reset that was asked for, unless one has begun since. */
static void reset_wanted(struct sim_dev *dev)
{
	const char *reason;

	pthread_rwlock_wrlock(&dev->hw);
	pthread_mutex_lock(&dev->lock);
	reason = dev->reset_reason;
	dev->reset_reason = NULL;
	pthread_mutex_unlock(&dev->lock);
	if (reason && !dev->lost)
		reset(dev, reason);
	pthread_rwlock_unlock(&dev->hw);
	if (!dev->lost)
		emit_all(dev);
}

static unsigned int resets_of(struct sim_dev *dev)
{
	unsigned int resets;

	pthread_rwlock_rdlock(&dev->hw);
	resets = dev->resets;
	pthread_rwlock_unlock(&dev->hw);
	return resets;
}

/* ---- watchdog -------------------------------------------------------------------------------- */

void sim_service_watch(struct sim_dev *dev)
{
	if (dev->watch_ns != UINT64_MAX)
		return;
	dev->watch_ns = sim_now() + WATCH_PERIOD_NS;
	pthread_cond_signal(&dev->work);
}

/* What is wrong with the firmware, or NULL. */
static const char *watch_firmware(struct sim_dev *dev)
{
	const uint64_t now = sim_now();
	uint32_t heartbeat;

	if (npu_dev_read(dev->core, NPU_REG_STATUS, 4) & NPU_STATUS_FW_DEAD)
		return "firmware died";
	heartbeat = (uint32_t)npu_dev_read(dev->core, NPU_REG_HEARTBEAT, 4);
	if (!dev->watching || heartbeat != dev->heartbeat) {
		dev->watching = true;
		dev->heartbeat = heartbeat;
		dev->heartbeat_ns = now;
	}
	return now - dev->heartbeat_ns > HEARTBEAT_TIMEOUT_NS ? "no heartbeat from the firmware"
							      : NULL;
}

/* See how a queue gets on: true if a job is in flight; *ret_running: it is being worked on. */
static bool watch_queue(struct sim_dev *dev, struct sim_queue *queue, uint64_t now,
			bool *ret_running)
{
	const struct npu_queue_wb *wb;
	uint64_t started, progress;

	sim_jobs_update(dev, queue);
	*ret_running = false;
	if (!queue->inflight.first || !queue->mem || queue->life != SIM_LIVE)
		return false;
	wb = &queue->mem->wb;
	started = __atomic_load_n(&wb->started, __ATOMIC_RELAXED);
	progress = __atomic_load_n(&wb->progress, __ATOMIC_RELAXED);
	if (started != queue->seen_started || progress != queue->seen_progress) {
		queue->seen_started = started;
		queue->seen_progress = progress;
		queue->stamp_ns = now;
	}
	/* IDLE with a job begun: it waits for an engine that another queue holds. */
	*ret_running = started >= queue->inflight.first->seqno &&
		       __atomic_load_n(&wb->state, __ATOMIC_RELAXED) == NPU_QUEUE_RUNNING;
	queue->waits = !*ret_running;
	return true;
}

/* The queue that has been stuck longest, held, or NULL. dev->lock held. */
static struct sim_queue *find_victim(struct sim_dev *dev, uint64_t now)
{
	struct sim_queue *victim = NULL;
	bool running = false, is_running;
	uint64_t worst = 0;

	for (unsigned int i = 0; i < NPU_MAX_QUEUES; i++)
		if (dev->slots[i] && watch_queue(dev, dev->slots[i], now, &is_running))
			running |= is_running;
	for (unsigned int i = 0; i < NPU_MAX_QUEUES; i++) {
		struct sim_queue *queue = dev->slots[i];
		uint64_t idle_for, limit;

		if (!queue || !watch_queue(dev, queue, now, &is_running) || queue->stamp_ns > now)
			continue;
		limit = queue->timeout_ns + (running && !is_running ? START_GRACE_NS : 0);
		idle_for = now - queue->stamp_ns;
		if (idle_for <= limit || idle_for <= worst)
			continue;
		worst = idle_for;
		victim = queue;
	}
	if (victim)
		victim->refs++;
	return victim;
}

/* What is wrong that the firmware could not mend, or NULL. */
static const char *watch_queues(struct sim_dev *dev)
{
	const uint64_t now = sim_now();
	struct sim_queue *victim;
	int err;

	pthread_mutex_lock(&dev->lock);
	victim = find_victim(dev, now);
	pthread_mutex_unlock(&dev->lock);
	if (!victim)
		return NULL;
	err = sim_queue_stop(dev, victim, DRM_NPU_QUEUE_TIMEDOUT);
	pthread_mutex_lock(&dev->lock);
	sim_queue_put(victim);
	/* Those that waited for others get their whole time again. */
	for (unsigned int i = 0; i < NPU_MAX_QUEUES; i++)
		if (dev->slots[i] && dev->slots[i]->waits)
			dev->slots[i]->stamp_ns = sim_now();
	pthread_mutex_unlock(&dev->lock);
	return err ? "a queue that timed out cannot be stopped" : NULL;
}

static void watch(struct sim_dev *dev)
{
	unsigned int resets = resets_of(dev);
	const char *wrong = watch_firmware(dev);

	if (!wrong)
		wrong = watch_queues(dev);
	if (wrong)
		sim_reset(dev, resets, wrong);
	pthread_mutex_lock(&dev->lock);
	if (dev->inflight && !dev->lost) {
		dev->watch_ns = sim_now() + WATCH_PERIOD_NS;
	} else {
		dev->watch_ns = UINT64_MAX;
		dev->watching = false;
	}
	pthread_mutex_unlock(&dev->lock);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Do one thing that is due, without dev->lock. False: nothing is. dev->lock held on both ends. */
static bool do_one(struct sim_dev *dev)
{
	const uint64_t now = sim_now();

	if (dev->events) {
		pthread_mutex_unlock(&dev->lock);
		sim_fw_events(dev);
	} else if (dev->kick) {
		dev->kick = false;
		pthread_mutex_unlock(&dev->lock);
		emit_all(dev);
	} else if (dev->reset_reason) {
		pthread_mutex_unlock(&dev->lock);
		reset_wanted(dev);
	} else if (dev->timer_ns <= now) {
		dev->timer_ns = UINT64_MAX;
		pthread_mutex_unlock(&dev->lock);
		npu_dev_timer(dev->core);
	} else if (dev->watch_ns <= now) {
		pthread_mutex_unlock(&dev->lock);
		watch(dev);
	} else {
		return false;
	}
	pthread_mutex_lock(&dev->lock);
	return true;
}

static void *service(void *arg)
{
	struct sim_dev *dev = arg;

	pthread_mutex_lock(&dev->lock);
	while (!dev->end)
		if (!do_one(dev))
			sim_wait_until(dev, &dev->work,
				       dev->timer_ns < dev->watch_ns ? dev->timer_ns
								     : dev->watch_ns);
	pthread_mutex_unlock(&dev->lock);
	return NULL;
}

int sim_service_start(struct sim_dev *dev)
{
	dev->service_started = !pthread_create(&dev->service, NULL, service, dev);
	return dev->service_started ? 0 : -EAGAIN;
}

void sim_service_stop(struct sim_dev *dev)
{
	if (!dev->service_started)
		return;
	pthread_mutex_lock(&dev->lock);
	dev->end = true;
	pthread_cond_signal(&dev->work);
	pthread_mutex_unlock(&dev->lock);
	pthread_join(dev->service, NULL);
}
