// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * Without a wait on the queue, which tells for nothing, look for ended jobs when this many lists are
 * in flight; a look is a system call.
 */
#define PRUNE_AT 32

static int fail_create(const struct npurt_vm *vm, const struct npurt_queue_options *opts, int err)
{
	switch (err) {
	case -EDQUOT:
		return npurt_fail_quota(vm->device, "a queue");
	case -EBUSY:
		return npurt_fail(err,
				  "all %u hardware queues are taken; end a program that holds some",
				  vm->device->info.max_queues);
	case -EACCES:
	case -EPERM:
		return npurt_fail(
			err, "a queue of this priority needs CAP_SYS_NICE; run as root, 'setcap "
			     "cap_sys_nice+ep PROGRAM', or take NPURT_PRIORITY_NORMAL");
	case -EINVAL:
	case -ERANGE:
		return npurt_fail(err,
				  "cannot make a queue of priority %u with a timeout of %u ms; "
				  "priorities are "
				  "0 to 3, timeouts 1 to %u ms",
				  opts->priority, opts->timeout_ms,
				  vm->device->info.max_timeout_ms);
	default:
		return npurt_fail(err, "cannot make a queue: %s", npurt_errno_text(err));
	}
}

NPURT_EXPORT int npurt_queue_create(struct npurt_vm *vm, const struct npurt_queue_options *options,
				    struct npurt_queue **ret_queue)
{
	const struct npurt_backend *backend = vm->device->backend;
	struct npurt_queue_options opts;
	struct npurt_queue *queue;
	int err = npurt_struct_in(&opts, sizeof(opts), options, "npurt_queue_options");

	if (err)
		return err;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return npurt_fail_nomem("a queue");
	err = backend->queue_create(vm->device->priv, vm->id, opts.priority, opts.timeout_ms,
				    &queue->id);
	if (err) {
		free(queue);
		return fail_create(vm, &opts, err);
	}
	err = npurt_jobs_new(vm, queue->id, &queue->jobs);
	if (!err)
		err = npurt_timeline_create(vm->device, &queue->timeline);
	if (err) {
		if (queue->jobs)
			npurt_jobs_unref(queue->jobs);
		backend->queue_destroy(vm->device->priv, queue->id);
		free(queue);
		return err;
	}
	refs_init(&queue->refs);
	queue->vm = npurt_vm_ref(vm);
	pthread_mutex_init(&queue->lock, NULL);
	npurt_stat_queue_created(queue);
	*ret_queue = queue;
	return 0;
}

NPURT_EXPORT struct npurt_queue *npurt_queue_ref(struct npurt_queue *queue)
{
	refs_get(&queue->refs);
	return queue;
}

NPURT_EXPORT struct npurt_queue *npurt_queue_unref(struct npurt_queue *queue)
{
	struct npurt_device *device;

	if (!queue || !refs_put(&queue->refs))
		return NULL;
	device = queue->vm->device;
	npurt_stat_queue_destroyed(queue);
	npurt_jobs_close(queue->jobs);
	device->backend->queue_destroy(device->priv, queue->id);
	/* The device reads none of these any more. */
	for (size_t i = 0; i < queue->flight_count; i++)
		npurt_cmdlist_unref(queue->flights[i].list);
	free(queue->flights);
	npurt_jobs_unref(queue->jobs);
	npurt_timeline_unref(queue->timeline);
	npurt_vm_unref(queue->vm);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
	return NULL;
}

/* Give back lists that have landed: those of jobs up to reached. Lock held. */
static void prune_flights(struct npurt_queue *queue, uint64_t reached)
{
	size_t gone = 0;

	while (gone < queue->flight_count && queue->flights[gone].point <= reached)
		npurt_cmdlist_unref(queue->flights[gone++].list);
	memmove(queue->flights, queue->flights + gone,
		(queue->flight_count - gone) * sizeof(*queue->flights));
	queue->flight_count -= gone;
}

static int prepare_flights(struct npurt_queue *queue, size_t count)
{
	struct npurt_flight *grown;
	uint64_t reached;
	size_t need;

	if (queue->flight_count >= PRUNE_AT && !npurt_timeline_query(queue->timeline, &reached))
		prune_flights(queue, reached);
	need = queue->flight_count + count;
	if (need <= queue->flight_room)
		return 0;
	grown = reallocarray(queue->flights, 2 * need, sizeof(*grown));
	if (!grown)
		return npurt_fail_nomem("a submit");
	queue->flights = grown;
	queue->flight_room = 2 * need;
	return 0;
}

static int check_submit(const struct npurt_queue *queue, const struct npurt_submit *s,
			unsigned int *ret_cmdbufs)
{
	const struct npurt_device_info *info = &queue->vm->device->info;
	uint64_t cmdbufs = 0, syncs = (uint64_t)s->wait_count + s->signal_count + 1;

	for (unsigned int i = 0; i < s->cmdlist_count; i++) {
		const struct npurt_cmdlist *list = s->cmdlists[i];

		if (!list->finished)
			return npurt_fail(-EINVAL,
					  "command list %u of the submit is not finished; call "
					  "npurt_cmdlist_finish() first",
					  i);
		if (list->vm != queue->vm)
			return npurt_fail(
				-EINVAL,
				"command list %u of the submit belongs to another address "
				"space than the queue",
				i);
		cmdbufs += npurt_cmdlist_buffers(list);
	}
	if (cmdbufs > info->max_cmdbufs)
		return npurt_fail(
			-EINVAL,
			"the submit has %llu command buffers, at most %u are allowed; submit fewer "
			"lists at once",
			(unsigned long long)cmdbufs, info->max_cmdbufs);
	if (syncs > info->max_syncs)
		return npurt_fail(-EINVAL,
				  "the submit has %llu waits and signals, at most %u are allowed",
				  (unsigned long long)syncs - 1, info->max_syncs - 1);
	for (unsigned int i = 0; i < s->wait_count + s->signal_count; i++) {
		bool signals = i >= s->wait_count;
		const struct npurt_point *p =
			signals ? &s->signals[i - s->wait_count] : &s->waits[i];

		if (p->timeline->device != queue->vm->device)
			return npurt_fail(-EINVAL,
					  "a timeline of the submit belongs to another device");
		if (signals && !p->point)
			return npurt_fail(-EINVAL,
					  "point 0 is always reached; signal a higher one");
	}
	*ret_cmdbufs = (unsigned int)cmdbufs;
	return 0;
}

/* Why the driver did not take a job. */
static int fail_submit(struct npurt_queue *queue, int err)
{
	bool good;
	int why;

	if (err == -ECANCELED || err == -EIO) {
		/* The next job would fail as the one that broke the queue did, or be cancelled. */
		npurt_jobs_refresh(queue->jobs);
		why = npurt_jobs_result(queue->jobs, queue->submitted + 1, &good);
		if (why == -ECONNRESET || why == -ENODEV)
			return why;
		if (why)
			return npurt_fail(-ECANCELED,
					  "the queue takes no more work; make a new one\n%s",
					  npurt_error_detail());
		return npurt_fail(err, "the queue takes no more work; make a new one");
	}
	if (err == -ENODEV)
		return npurt_fail(err, "the device is gone");
	if (err == -EINVAL)
		return npurt_fail(
			err, "the driver refused the submit; does it wait for a point that was not "
			     "submitted yet?");
	return npurt_fail(err, "cannot submit: %s", npurt_errno_text(err));
}

/* Lock held. Nothing can fail once the driver has taken the job. */
static int submit_locked(struct npurt_queue *queue, const struct npurt_submit *s,
			 struct drm_npu_cmdbuf *cmdbufs, struct drm_npu_sync_op *syncs)
{
	const struct npurt_device *device = queue->vm->device;
	uint64_t seqno = queue->submitted + 1;
	unsigned int noted = 0, cmdbuf_count = 0, sync_count = 0;
	struct drm_npu_submit submit = {.queue_id = queue->id};
	int err = prepare_flights(queue, s->cmdlist_count);

	for (unsigned int i = 0; i < s->cmdlist_count && !err; i++) {
		err = npurt_cmdlist_prepare_use(s->cmdlists[i]);
		cmdbuf_count += npurt_cmdlist_emit(s->cmdlists[i], cmdbufs + cmdbuf_count);
	}
	for (unsigned int i = 0; i < s->wait_count; i++)
		if (s->waits[i].point)
			syncs[sync_count++] = (struct drm_npu_sync_op){
				.flags = DRM_NPU_SYNC_OP_WAIT | DRM_NPU_SYNC_OP_TIMELINE,
				.handle = s->waits[i].timeline->handle,
				.point = s->waits[i].point,
			};
	for (unsigned int i = 0; i < s->signal_count && !err; i++) {
		err = npurt_timeline_add(s->signals[i].timeline, s->signals[i].point, queue->jobs,
					 seqno);
		noted += !err;
		syncs[sync_count++] = (struct drm_npu_sync_op){
			.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
			.handle = s->signals[i].timeline->handle,
			.point = s->signals[i].point,
		};
	}
	syncs[sync_count++] = (struct drm_npu_sync_op){
		.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		.handle = queue->timeline->handle,
		.point = seqno,
	};
	submit.cmdbufs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(cmdbuf_count, cmdbufs);
	submit.syncs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(sync_count, syncs);
	if (!err) {
		err = device->backend->submit(device->priv, &submit);
		if (err)
			err = fail_submit(queue, err);
	}
	if (err) {
		while (noted--)
			npurt_timeline_remove(s->signals[noted].timeline, queue->jobs, seqno);
		return err;
	}

	queue->submitted = seqno;
	for (unsigned int i = 0; i < s->cmdlist_count; i++) {
		npurt_cmdlist_add_use(s->cmdlists[i], queue->timeline, seqno);
		queue->flights[queue->flight_count++] = (struct npurt_flight){
			.point = seqno,
			.list = npurt_cmdlist_ref(s->cmdlists[i]),
		};
	}
	return 0;
}

/* ret_point: of the queue's own timeline. */
static int submit(struct npurt_queue *queue, const struct npurt_submit *s, uint64_t *ret_point)
{
	struct drm_npu_cmdbuf few_cmdbufs[8], *cmdbufs = few_cmdbufs;
	struct drm_npu_sync_op few_syncs[8], *syncs = few_syncs;
	unsigned int cmdbuf_count = 0;
	size_t sync_count;
	int err = check_submit(queue, s, &cmdbuf_count);

	if (err)
		return err;
	sync_count = (size_t)s->wait_count + s->signal_count + 1;
	if (cmdbuf_count > 8)
		cmdbufs = calloc(cmdbuf_count, sizeof(*cmdbufs));
	if (sync_count > 8)
		syncs = calloc(sync_count, sizeof(*syncs));
	if (cmdbufs && syncs) {
		pthread_mutex_lock(&queue->lock);
		err = submit_locked(queue, s, cmdbufs, syncs);
		*ret_point = queue->submitted;
		pthread_mutex_unlock(&queue->lock);
	} else {
		err = npurt_fail_nomem("a submit");
	}
	if (cmdbufs != few_cmdbufs)
		free(cmdbufs);
	if (syncs != few_syncs)
		free(syncs);
	return err;
}

NPURT_EXPORT int npurt_queue_submit(struct npurt_queue *queue, const struct npurt_submit *s)
{
	struct npurt_submit in;
	uint64_t point;
	int err = npurt_struct_in(&in, sizeof(in), s, "npurt_submit");

	return err ? err : submit(queue, &in, &point);
}

/* Wait for job point of the queue, and tell how it and those before it ended. */
static int wait_job(struct npurt_queue *queue, uint64_t point, int64_t timeout_ns)
{
	bool good;
	int err = npurt_timeline_wait_point(queue->timeline, point, timeout_ns);

	if (err)
		return err;
	pthread_mutex_lock(&queue->lock);
	prune_flights(queue, point);
	pthread_mutex_unlock(&queue->lock);
	return npurt_jobs_result(queue->jobs, point, &good);
}

NPURT_EXPORT int npurt_queue_run(struct npurt_queue *queue, struct npurt_cmdlist *list,
				 int64_t timeout_ns)
{
	struct npurt_submit s = NPURT_SUBMIT_INIT;
	uint64_t point;
	int err;

	s.cmdlists = &list;
	s.cmdlist_count = 1;
	err = submit(queue, &s, &point);
	return err ? err : wait_job(queue, point, timeout_ns);
}

NPURT_EXPORT int npurt_queue_wait(struct npurt_queue *queue, int64_t timeout_ns)
{
	uint64_t point;

	pthread_mutex_lock(&queue->lock);
	point = queue->submitted;
	pthread_mutex_unlock(&queue->lock);
	return point ? wait_job(queue, point, timeout_ns) : 0;
}

NPURT_EXPORT int npurt_queue_get_status(struct npurt_queue *queue,
					struct npurt_queue_status *status)
{
	struct npurt_jobs *jobs = queue->jobs;
	struct npurt_queue_status out = NPURT_QUEUE_STATUS_INIT;
	size_t whole = status->size, head = offsetof(struct npurt_queue_status, fault);
	int err = npurt_jobs_refresh(jobs);

	if (err)
		return npurt_fail(err, "cannot ask how queue %u fares: %s", queue->id,
				  err == -ENODEV ? "the device is gone" : npurt_errno_text(err));
	pthread_mutex_lock(&jobs->lock);
	out.condition = jobs->state.state;
	out.id = queue->id;
	out.submitted = jobs->state.submitted;
	out.completed = jobs->state.completed;
	out.fault = jobs->fault;
	pthread_mutex_unlock(&jobs->lock);

	if (whole < head)
		return npurt_struct_out(status, &out, head, "npurt_queue_status");
	/* The fault has a size of its own and must keep it. */
	status->size = head;
	err = npurt_struct_out(status, &out, head, "npurt_queue_status");
	status->size = whole;
	if (err || whole < head + sizeof(size_t))
		return err;
	return npurt_fault_out(&status->fault, &out.fault);
}
