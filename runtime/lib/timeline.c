// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

/* Forget signals of jobs that ended well when this many have piled up without a wait. */
#define PRUNE_AT 256

NPURT_EXPORT int npurt_timeline_create(struct npurt_device *device,
				       struct npurt_timeline **ret_timeline)
{
	struct npurt_timeline *timeline = calloc(1, sizeof(*timeline));
	int err;

	if (!timeline)
		return npurt_fail_nomem("a timeline");
	err = device->backend->sync_create(device->priv, &timeline->handle);
	if (err) {
		free(timeline);
		return npurt_fail(err, "cannot make a timeline: %s", npurt_errno_text(err));
	}
	refs_init(&timeline->refs);
	pthread_mutex_init(&timeline->lock, NULL);
	timeline->device = npurt_device_ref(device);
	*ret_timeline = timeline;
	return 0;
}

NPURT_EXPORT struct npurt_timeline *npurt_timeline_ref(struct npurt_timeline *timeline)
{
	refs_get(&timeline->refs);
	return timeline;
}

NPURT_EXPORT struct npurt_timeline *npurt_timeline_unref(struct npurt_timeline *timeline)
{
	if (timeline && refs_put(&timeline->refs)) {
		timeline->device->backend->sync_destroy(timeline->device->priv, timeline->handle);
		for (size_t i = 0; i < timeline->signal_count; i++)
			npurt_jobs_unref(timeline->signals[i].jobs);
		free(timeline->signals);
		pthread_mutex_destroy(&timeline->lock);
		npurt_device_unref(timeline->device);
		free(timeline);
	}
	return NULL;
}

static int64_t deadline(int64_t timeout_ns)
{
	struct timespec now;
	int64_t ns;

	if (timeout_ns <= 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	return timeout_ns > INT64_MAX - ns ? INT64_MAX : ns + timeout_ns;
}

int npurt_timeline_wait_point(struct npurt_timeline *timeline, uint64_t point, int64_t timeout_ns)
{
	int err = timeline->device->backend->sync_wait(timeline->device->priv, timeline->handle,
						       point, deadline(timeout_ns));

	if (err == -ETIME)
		return npurt_fail(err, "point %llu was not reached within %lld ns",
				  (unsigned long long)point,
				  (long long)(timeout_ns > 0 ? timeout_ns : 0));
	if (err == -ENODEV)
		return npurt_fail(err, "the device is gone");
	if (err)
		return npurt_fail(err, "cannot wait for point %llu: %s", (unsigned long long)point,
				  npurt_errno_text(err));
	return 0;
}

/*
 * Ask how the jobs up to point ended; the first error counts, and is the last thing asked for, as
 * its detail text is to stay. Signals of jobs that ended well are
 * dropped. Failed ones stay, so that every waiter is told, and so does one whose submit is
 * still under way on another thread.
 */
static int collect(struct npurt_timeline *timeline, uint64_t point)
{
	size_t kept = 0;
	int err = 0;

	pthread_mutex_lock(&timeline->lock);
	for (size_t i = 0; i < timeline->signal_count; i++) {
		struct npurt_signal *signal = &timeline->signals[i];
		bool good = false;

		if (!err && signal->point <= point)
			err = npurt_jobs_result(signal->jobs, signal->seqno, &good);
		if (good)
			npurt_jobs_unref(signal->jobs);
		else
			timeline->signals[kept++] = *signal;
	}
	timeline->signal_count = kept;
	pthread_mutex_unlock(&timeline->lock);
	return err;
}

NPURT_EXPORT int npurt_timeline_wait(struct npurt_timeline *timeline, uint64_t point,
				     int64_t timeout_ns)
{
	int err = npurt_timeline_wait_point(timeline, point, timeout_ns);

	return err ? err : collect(timeline, point);
}

NPURT_EXPORT int npurt_timeline_signal(struct npurt_timeline *timeline, uint64_t point)
{
	int err;

	if (!point)
		return npurt_fail(-EINVAL, "point 0 is always reached; signal a higher one");
	err = timeline->device->backend->sync_signal(timeline->device->priv, timeline->handle,
						     point);
	return err ? npurt_fail(err, "cannot signal point %llu: %s", (unsigned long long)point,
				npurt_errno_text(err))
		   : 0;
}

NPURT_EXPORT int npurt_timeline_query(struct npurt_timeline *timeline, uint64_t *ret_point)
{
	int err = timeline->device->backend->sync_query(timeline->device->priv, timeline->handle,
							ret_point);

	return err ? npurt_fail(err, "cannot ask a timeline for its point: %s",
				npurt_errno_text(err))
		   : 0;
}

int npurt_timeline_add(struct npurt_timeline *timeline, uint64_t point, struct npurt_jobs *jobs,
		       uint64_t seqno)
{
	struct npurt_signal *grown;
	uint64_t reached;
	size_t count;
	int err = 0;

	pthread_mutex_lock(&timeline->lock);
	count = timeline->signal_count;
	pthread_mutex_unlock(&timeline->lock);
	if (count >= PRUNE_AT && !npurt_timeline_query(timeline, &reached))
		collect(timeline, reached);

	pthread_mutex_lock(&timeline->lock);
	if (timeline->signal_count == timeline->signal_room) {
		size_t room = timeline->signal_room ? 2 * timeline->signal_room : 8;

		grown = reallocarray(timeline->signals, room, sizeof(*grown));
		if (grown) {
			timeline->signals = grown;
			timeline->signal_room = room;
		} else {
			err = npurt_fail_nomem("a submit");
		}
	}
	if (!err)
		timeline->signals[timeline->signal_count++] = (struct npurt_signal){
			.point = point,
			.jobs = npurt_jobs_ref(jobs),
			.seqno = seqno,
		};
	pthread_mutex_unlock(&timeline->lock);
	return err;
}

void npurt_timeline_remove(struct npurt_timeline *timeline, const struct npurt_jobs *jobs,
			   uint64_t seqno)
{
	size_t kept = 0;

	pthread_mutex_lock(&timeline->lock);
	for (size_t i = 0; i < timeline->signal_count; i++) {
		struct npurt_signal *signal = &timeline->signals[i];

		if (signal->jobs == jobs && signal->seqno == seqno)
			npurt_jobs_unref(signal->jobs);
		else
			timeline->signals[kept++] = *signal;
	}
	timeline->signal_count = kept;
	pthread_mutex_unlock(&timeline->lock);
}
