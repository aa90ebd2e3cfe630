// SPDX-License-Identifier: MIT
/* Performance streams: files of records, which the driver opens. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

struct npurt_perf_stream {
	npurt_refs refs;
	struct npurt_device *device;
	int fd;
};

#define DEFAULT_RING_LOG2 12
#define DEFAULT_LANES	  8

static int fail_open(struct npurt_device *device, int err)
{
	switch (err) {
	case -EBUSY:
		return npurt_fail(err, "cannot record: the queue is watched by somebody else, or all "
				       "of the hardware's streams are taken");
	case -EACCES:
		return npurt_fail(err, "cannot record other programs: that takes CAP_PERFMON");
	case -ENOENT:
	case -ESRCH:
		return npurt_fail(err, "cannot record: there is no such %s",
				  err == -ENOENT ? "queue" : "process");
	case -EDQUOT:
		return npurt_fail_quota(device, "the rings of a performance stream");
	case -ENOTTY:
		return npurt_fail(-EOPNOTSUPP, "cannot record: the driver is too old; update it");
	default:
		return npurt_fail(err, "cannot record: %s", npurt_errno_text(err));
	}
}

/* What the driver wants to know, from what the caller has said. */
static int translate(struct npurt_device *device, const struct npurt_perf_options *options,
		     struct drm_npu_perf_stream_open *open)
{
	struct npurt_perf_options opts;
	int err = npurt_struct_in(&opts, sizeof(opts), options, "npurt_perf_options");

	if (err)
		return err;
	if (opts.queue && (opts.scope != NPURT_PERF_QUEUE || opts.pid || opts.queue_id))
		return npurt_fail(-EINVAL, "a queue is named, but something else to be recorded");
	if (opts.queue && opts.queue->vm->device != device)
		return npurt_fail(-EINVAL, "the queue is one of another device");
	if (!opts.ring_log2)
		opts.ring_log2 = DEFAULT_RING_LOG2;
	if (opts.ring_log2 > 31)
		return npurt_fail(-EINVAL, "a ring has 6 to 15 as ring_log2, not %u", opts.ring_log2);
	*open = (struct drm_npu_perf_stream_open){
		.scope = opts.scope,
		.flags = DRM_NPU_PERF_STREAM_NONBLOCK,
		.queue_id = opts.queue ? opts.queue->id : opts.queue_id,
		.pid = opts.pid,
		.lanes = opts.scope != NPURT_PERF_ALL ? 1 : opts.lanes ? opts.lanes : DEFAULT_LANES,
		.modes = opts.modes,
		.period = opts.period,
		.ring_log2 = opts.ring_log2,
		.threshold = opts.threshold ? opts.threshold : 1u << (opts.ring_log2 - 1),
		.tiles = opts.tiles,
	};
	return 0;
}

NPURT_EXPORT int npurt_perf_stream_open(struct npurt_device *device,
					const struct npurt_perf_options *options,
					struct npurt_perf_stream **ret_stream)
{
	struct drm_npu_perf_stream_open open;
	struct npurt_perf_stream *stream;
	int err = translate(device, options, &open);

	if (err)
		return err;
	if (!device->backend->perf_open)
		return npurt_fail(-EOPNOTSUPP, "the %s device has no performance streams",
				  device->backend->name);
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return npurt_fail_nomem("a performance stream");
	err = device->backend->perf_open(device->priv, &open);
	if (err) {
		free(stream);
		return fail_open(device, err);
	}
	refs_init(&stream->refs);
	stream->device = npurt_device_ref(device);
	stream->fd = open.fd;
	*ret_stream = stream;
	return 0;
}

NPURT_EXPORT struct npurt_perf_stream *npurt_perf_stream_ref(struct npurt_perf_stream *stream)
{
	refs_get(&stream->refs);
	return stream;
}

NPURT_EXPORT struct npurt_perf_stream *npurt_perf_stream_unref(struct npurt_perf_stream *stream)
{
	if (stream && refs_put(&stream->refs)) {
		close(stream->fd);
		npurt_device_unref(stream->device);
		free(stream);
	}
	return NULL;
}

NPURT_EXPORT int npurt_perf_stream_fd(struct npurt_perf_stream *stream)
{
	return stream->fd;
}

NPURT_EXPORT int npurt_perf_stream_read(struct npurt_perf_stream *stream, void *buffer, size_t size,
					size_t *ret_bytes)
{
	ssize_t got;

	do {
		got = read(stream->fd, buffer, size);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN)
		return npurt_fail(-errno, "cannot read records: %s",
				  errno == EINVAL ? "there is less room than the next one needs"
						  : npurt_errno_text(errno));
	*ret_bytes = got < 0 ? 0 : got;
	return 0;
}

NPURT_EXPORT int npurt_perf_stream_wait(struct npurt_perf_stream *stream, int64_t timeout_ns)
{
	struct pollfd fd = {.fd = stream->fd, .events = POLLIN};
	const struct timespec timeout = {
		.tv_sec = timeout_ns > 0 ? timeout_ns / 1000000000 : 0,
		.tv_nsec = timeout_ns > 0 ? timeout_ns % 1000000000 : 0,
	};
	int ready = ppoll(&fd, 1, &timeout, NULL);

	if (ready < 0)
		return npurt_fail(-errno, "cannot wait for records: %s", npurt_errno_text(errno));
	return ready ? 0 : npurt_fail(-ETIME, "no records came in time");
}

NPURT_EXPORT int npurt_perf_stream_get_status(struct npurt_perf_stream *stream,
					      struct npurt_perf_status *status)
{
	struct npurt_perf_status out = {.size = sizeof(out)};
	struct drm_npu_perf_status lane = {};

	do {
		if (ioctl(stream->fd, DRM_NPU_PERF_IOC_STATUS, &lane))
			return npurt_fail(-errno, "cannot ask a performance stream for its state: %s",
					  npurt_errno_text(errno));
		out.unread += lane.head - lane.tail;
		out.lost += lane.lost;
		out.missed = lane.missed;
		out.restarts = lane.restarts;
	} while (++lane.lane < lane.lanes);
	return npurt_struct_out(status, &out, sizeof(out), "npurt_perf_status");
}
