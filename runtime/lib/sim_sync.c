// SPDX-License-Identifier: MIT
/*
 * Timelines of the simulated device, with the rules of the kernel's timeline syncobjs: points are
 * reached in the order in which they were submitted, one that was submitted late counts with those
 * before it, and a wait may come before its point is submitted.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>

void sim_sync_get(struct sim_sync *sync)
{
	sync->refs++;
}

void sim_sync_put(struct sim_sync *sync)
{
	struct sim_point *point;

	if (--sync->refs)
		return;
	while ((point = sync->first)) {
		sync->first = point->next;
		free(point);
	}
	pthread_cond_destroy(&sync->moved);
	free(sync);
}

void sim_sync_append(struct sim_sync *sync, struct sim_point *point, uint64_t value)
{
	if (value > sync->last)
		sync->last = value;
	*point = (struct sim_point){.value = sync->last};
	*sync->tail = point;
	sync->tail = &point->next;
}

void sim_sync_done(struct sim_dev *dev, struct sim_sync *sync, struct sim_point *point)
{
	point->done = true;
	if (point != sync->first)
		return;
	while ((point = sync->first) && point->done) {
		sync->first = point->next;
		sync->reached = point->value;
		free(point);
	}
	if (!sync->first)
		sync->tail = &sync->first;
	pthread_cond_broadcast(&sync->moved);
	/* Jobs of other queues may have waited for that. */
	if (dev->pending) {
		dev->kick = true;
		pthread_cond_signal(&dev->work);
	}
}

int sim_sync_create(void *priv, uint32_t *ret_handle)
{
	struct sim_dev *dev = priv;
	struct sim_sync *sync;
	int err;

	if (sim_gone(dev))
		return -ENODEV;
	sync = calloc(1, sizeof(*sync));
	if (!sync)
		return -ENOMEM;
	sync->refs = 1;
	sync->tail = &sync->first;
	sim_cond_init(&sync->moved);
	pthread_mutex_lock(&dev->lock);
	err = sim_table_add(&dev->syncs, sync, ret_handle);
	if (err)
		sim_sync_put(sync);
	pthread_mutex_unlock(&dev->lock);
	return err;
}

int sim_sync_destroy(void *priv, uint32_t handle)
{
	struct sim_dev *dev = priv;
	struct sim_sync *sync;

	if (sim_forked(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	sync = sim_table_take(&dev->syncs, handle);
	if (sync)
		sim_sync_put(sync);
	pthread_mutex_unlock(&dev->lock);
	return sync ? 0 : -EINVAL;
}

/* Look a timeline up and hold it. dev->lock held. */
static struct sim_sync *hold(struct sim_dev *dev, uint32_t handle)
{
	struct sim_sync *sync = sim_table_get(&dev->syncs, handle);

	if (sync)
		sim_sync_get(sync);
	return sync;
}

int sim_sync_wait(void *priv, uint32_t handle, uint64_t point, int64_t deadline_ns)
{
	const uint64_t deadline = deadline_ns == INT64_MAX ? UINT64_MAX : (uint64_t)deadline_ns;
	struct sim_dev *dev = priv;
	struct sim_sync *sync;
	int err = 0;

	if (sim_forked(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	sync = hold(dev, handle);
	if (!sync) {
		err = -ENOENT;
	} else {
		while (sync->reached < point)
			if (!sim_wait_until(dev, &sync->moved, deadline) && sync->reached < point) {
				err = -ETIME;
				break;
			}
		sim_sync_put(sync);
	}
	pthread_mutex_unlock(&dev->lock);
	return err;
}

int sim_sync_signal(void *priv, uint32_t handle, uint64_t value)
{
	struct sim_dev *dev = priv;
	struct sim_point *point;
	struct sim_sync *sync;

	if (sim_forked(dev))
		return -ENODEV;
	point = malloc(sizeof(*point));
	if (!point)
		return -ENOMEM;
	pthread_mutex_lock(&dev->lock);
	sync = sim_table_get(&dev->syncs, handle);
	if (sync) {
		sim_sync_append(sync, point, value);
		sim_sync_done(dev, sync, point);
	}
	pthread_mutex_unlock(&dev->lock);
	if (!sync)
		free(point);
	return sync ? 0 : -ENOENT;
}

int sim_sync_query(void *priv, uint32_t handle, uint64_t *ret_point)
{
	struct sim_dev *dev = priv;
	const struct sim_sync *sync;

	if (sim_forked(dev))
		return -ENODEV;
	pthread_mutex_lock(&dev->lock);
	sync = sim_table_get(&dev->syncs, handle);
	if (sync)
		*ret_point = sync->reached;
	pthread_mutex_unlock(&dev->lock);
	return sync ? 0 : -ENOENT;
}
