// SPDX-License-Identifier: MIT
/*
 * How jobs end. A timeline point only says that a job has ended; whether it
 * ended well is in the state of its queue. The kernel has per-fence errors too,
 * but a timeline forgets the fences that lie behind it, so they cannot be
 * asked for reliably; the queue's state can: it names the first job that failed, all before
 * it ended well and all behind it were cancelled.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

int npurt_jobs_new(struct npurt_vm *vm, uint32_t queue_id, struct npurt_jobs **ret_jobs)
{
	struct npurt_jobs *jobs = calloc(1, sizeof(*jobs));

	if (!jobs)
		return npurt_fail_nomem("a queue");
	refs_init(&jobs->refs);
	pthread_mutex_init(&jobs->lock, NULL);
	jobs->device = npurt_device_ref(vm->device);
	jobs->vm = npurt_vm_ref(vm);
	jobs->queue_id = queue_id;
	jobs->fault = (struct npurt_fault)NPURT_FAULT_INIT;
	*ret_jobs = jobs;
	return 0;
}

struct npurt_jobs *npurt_jobs_ref(struct npurt_jobs *jobs)
{
	refs_get(&jobs->refs);
	return jobs;
}

void npurt_jobs_unref(struct npurt_jobs *jobs)
{
	if (!refs_put(&jobs->refs))
		return;
	npurt_vm_unref(jobs->vm);
	npurt_device_unref(jobs->device);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

/* Lock held. */
static int refresh(struct npurt_jobs *jobs)
{
	struct drm_npu_queue_get_state state = {.id = jobs->queue_id};
	int err;

	if (jobs->gone)
		return jobs->gone;
	if (!jobs->vm) /* closed: what is known is final */
		return 0;
	state.counters.stride = sizeof(uint64_t);
	err = jobs->device->backend->queue_get_state(jobs->device->priv, &state);
	if (err) {
		jobs->gone = err;
		return err;
	}
	jobs->state = state;
	if (state.state == DRM_NPU_QUEUE_USABLE && state.completed > jobs->good)
		jobs->good = state.completed;
	if (state.fault.seqno && state.fault.seqno - 1 > jobs->good)
		jobs->good = state.fault.seqno - 1;
	if (state.fault.error && !jobs->fault.error)
		npurt_fault_fill(jobs->vm, &state.fault, &jobs->fault);
	return 0;
}

int npurt_jobs_refresh(struct npurt_jobs *jobs)
{
	int err;

	pthread_mutex_lock(&jobs->lock);
	err = refresh(jobs);
	pthread_mutex_unlock(&jobs->lock);
	return err;
}

void npurt_jobs_close(struct npurt_jobs *jobs)
{
	struct npurt_vm *vm;

	pthread_mutex_lock(&jobs->lock);
	refresh(jobs);
	vm = jobs->vm;
	jobs->vm = NULL;
	pthread_mutex_unlock(&jobs->lock);
	npurt_vm_unref(vm);
}

/* Fault report as detail text; returns err. Lock held. */
static int fail_fault(const struct npurt_jobs *jobs, int err, const char *what)
{
	char text[1024];

	if (!jobs->fault.error)
		return npurt_fail(err, "%s", what);
	npurt_fault_text(&jobs->fault, text, sizeof(text));
	return npurt_fail(err, "%s%s%s", what, what[0] ? "\n" : "", text);
}

/* Lock held. */
static int result(struct npurt_jobs *jobs, uint64_t seqno)
{
	const struct drm_npu_queue_get_state *state = &jobs->state;
	uint64_t failed;

	if (seqno <= jobs->good)
		return 0;
	if (refresh(jobs) == -ENODEV)
		return npurt_fail(-ENODEV, "the device is gone; job %llu was lost with it",
				  (unsigned long long)seqno);
	if (jobs->gone)
		return npurt_fail(jobs->gone, "cannot ask how job %llu ended: %s",
				  (unsigned long long)seqno, npurt_errno_text(jobs->gone));
	if (seqno <= jobs->good)
		return 0;
	failed = state->fault.seqno;

	switch (state->state) {
	case DRM_NPU_QUEUE_USABLE:
		if (jobs->vm) /* its submit is under way on another thread */
			return 0;
		return npurt_fail(-ECANCELED, "job %llu was cancelled: its queue was destroyed",
				  (unsigned long long)seqno);
	case DRM_NPU_QUEUE_INNOCENT:
		return fail_fault(
			jobs, -ECONNRESET,
			"the device was reset because of another program's job; make a new "
			"queue and submit again");
	case DRM_NPU_QUEUE_TIMEDOUT:
		/* The job is being stopped; those that have ended so far did so before. */
		if (!failed && seqno <= state->completed)
			return 0;
		if (failed && seqno > failed)
			return fail_fault(
				jobs, -ECANCELED,
				"cancelled, because an earlier job of this queue timed out");
		return fail_fault(
			jobs, -ETIMEDOUT,
			"killed: the job made no progress within its queue's timeout, or took longer "
			"than any may (job_max_ms); does a kernel loop without end?");
	default:
		if (failed && seqno > failed)
			return fail_fault(jobs, -ECANCELED,
					  "cancelled, because an earlier job of this queue failed");
		return fail_fault(jobs, npurt_fault_errno(state->fault.error), "");
	}
}

int npurt_jobs_result(struct npurt_jobs *jobs, uint64_t seqno, bool *ret_good)
{
	int err;

	pthread_mutex_lock(&jobs->lock);
	err = result(jobs, seqno);
	*ret_good = seqno <= jobs->good;
	pthread_mutex_unlock(&jobs->lock);
	return err;
}
