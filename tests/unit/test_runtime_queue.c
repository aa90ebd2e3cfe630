// SPDX-License-Identifier: MIT
/*
 * Queues, timelines and how jobs end, over a backend whose jobs end when and as the test says.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "npu_ring.h"

/* ---- a backend that the test plays the driver of: the null one but for the queue's state ---- */

static struct {
	struct drm_npu_queue_get_state state; /* what GET_STATE returns */
	int state_error;		      /* or fails with */
	int submit_error;
	bool hold; /* jobs do not end on their own */
	unsigned int submits;
	struct drm_npu_sync_op signals[64]; /* held back */
	unsigned int signal_count;
	struct drm_npu_cmdbuf cmdbuf; /* first one of the last submit */
	uint32_t cmdbuf_count;
} play;

static int play_get_state(void *priv, struct drm_npu_queue_get_state *state)
{
	uint64_t *counters = (uint64_t *)(uintptr_t)state->counters.array;

	(void)priv;
	if (play.state_error)
		return play.state_error;
	for (uint32_t i = 0; i < state->counters.count && i < NPU_COUNTER_COUNT; i++)
		counters[i] = 100 + i;
	play.state.id = state->id;
	play.state.counters = state->counters;
	if (play.state.counters.count > NPU_COUNTER_COUNT)
		play.state.counters.count = NPU_COUNTER_COUNT;
	*state = play.state;
	return 0;
}

static int play_submit(void *priv, const struct drm_npu_submit *submit)
{
	const struct drm_npu_sync_op *syncs =
		(const struct drm_npu_sync_op *)(uintptr_t)submit->syncs.array;
	const struct drm_npu_cmdbuf *cmdbufs =
		(const struct drm_npu_cmdbuf *)(uintptr_t)submit->cmdbufs.array;

	if (play.submit_error)
		return play.submit_error;
	play.submits++;
	play.state.submitted++;
	play.cmdbuf_count = submit->cmdbufs.count;
	if (submit->cmdbufs.count)
		play.cmdbuf = cmdbufs[0];
	if (!play.hold) {
		play.state.completed++;
		return npurt_backend_null.submit(priv, submit);
	}
	for (uint32_t i = 0; i < submit->syncs.count; i++)
		if (syncs[i].flags & DRM_NPU_SYNC_OP_SIGNAL)
			play.signals[play.signal_count++] = syncs[i];
	return 0;
}

static struct npurt_backend backend;
static struct npurt_device *device;
static struct npurt_vm *vm;
static struct npurt_module *module;
static struct npurt_kernel *one;

/* All jobs held back end now. */
static void end_jobs(void)
{
	for (unsigned int i = 0; i < play.signal_count; i++)
		npurt_backend_null.sync_signal(device->priv, play.signals[i].handle,
					       play.signals[i].point);
	play.signal_count = 0;
	play.state.completed = play.state.submitted;
}

static struct npurt_cmdlist *make_list(void)
{
	struct npurt_cmdlist *list;
	uint8_t args[16] = {0};

	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_cmdlist_dispatch(list, one, args, sizeof(args), 1, 1, 1));
	NEED(npurt_cmdlist_finish(list));
	return list;
}

static struct npurt_queue *make_queue(void)
{
	struct npurt_queue *queue;

	memset(&play, 0, sizeof(play));
	NEED(npurt_queue_create(vm, NULL, &queue));
	return queue;
}

static int submit_one(struct npurt_queue *queue, struct npurt_cmdlist *list,
		      struct npurt_timeline *timeline, uint64_t point)
{
	struct npurt_point signal = {timeline, point};
	struct npurt_submit s = NPURT_SUBMIT_INIT;

	s.cmdlists = &list;
	s.cmdlist_count = list ? 1 : 0;
	s.signals = &signal;
	s.signal_count = timeline ? 1 : 0;
	return npurt_queue_submit(queue, &s);
}

static void fail_job(uint64_t seqno, uint32_t state, uint32_t error, uint64_t pc)
{
	play.state.state = state;
	play.state.fault = (struct drm_npu_fault){
		.error = error,
		.access = error == NPU_JOB_PAGE_FAULT ? NPU_ACCESS_READ : NPU_ACCESS_NONE,
		.core = 2,
		.as_id = 5,
		.seqno = seqno,
		.addr = 0xdead0000,
		.pc = pc,
		.packet = 0x40000,
		.workgroup = 17,
	};
}

static void test_good(void)
{
	struct npurt_queue *queue = make_queue();
	struct npurt_cmdlist *list = make_list(), *raw;
	struct npurt_timeline *timeline;
	uint64_t values[NPU_COUNTER_COUNT + 5], reached = 99;
	unsigned int count;

	NEED(npurt_timeline_create(device, &timeline));
	NEED(npurt_timeline_query(timeline, &reached));
	tap_is(reached, 0, "timelines start at 0");
	tap_is((unsigned long long)npurt_timeline_wait(timeline, 0, 0), 0, "point 0 is reached");
	fails(npurt_timeline_wait(timeline, 1, 0), -ETIME, "point 1", "point 1 is not");
	{
		struct timespec before, after;

		clock_gettime(CLOCK_MONOTONIC, &before);
		fails(npurt_timeline_wait(timeline, 1, 20000000), -ETIME, "20000000",
		      "nor after 20 ms");
		clock_gettime(CLOCK_MONOTONIC, &after);
		tap_ok((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
				       before.tv_nsec >=
			       20000000,
		       "which were waited for");
	}
	tap_is((unsigned long long)submit_one(queue, list, timeline, 7), 0, "submit");
	tap_ok(play.cmdbuf_count == 1 && play.cmdbuf.va == list->packets->va &&
		       play.cmdbuf.packets == 1,
	       "the driver gets the command buffer");
	tap_is((unsigned long long)npurt_timeline_wait(timeline, 7, NPURT_WAIT_FOREVER), 0, "wait");
	tap_is(timeline->signal_count, 0, "a job seen to end well is forgotten");
	tap_is((unsigned long long)npurt_queue_run(queue, list, NPURT_WAIT_FOREVER), 0, "run");
	NEED(npurt_queue_wait(queue, 0));
	NEED(npurt_queue_get_counters(queue, values, NPU_COUNTER_COUNT + 5, &count));
	tap_ok(count == NPU_COUNTER_COUNT && values[3] == 103, "counters");
	NEED(npurt_queue_get_counters(queue, values, 2, &count));
	tap_is(count, 2, "as many as there is room for");
	fails(npurt_timeline_signal(timeline, 0), -EINVAL, "point 0", "signal point 0");
	fails(submit_one(queue, list, timeline, 0), -EINVAL, "point 0", "job that signals point 0");
	NEED(npurt_cmdlist_create(vm, &raw));
	fails(submit_one(queue, raw, NULL, 0), -EINVAL, "not finished", "unfinished list");
	npurt_cmdlist_unref(raw);
	{
		struct npurt_point wait = {timeline, 100};
		struct npurt_submit s = NPURT_SUBMIT_INIT;

		s.waits = &wait;
		s.wait_count = 1;
		fails(npurt_queue_submit(queue, &s), -EINVAL, "not submitted yet",
		      "waiting for a point that nobody will signal");
	}
	/* Without a wait, notes of many submits do not pile up. */
	for (uint64_t point = 8; point < 3000; point++)
		NEED(submit_one(queue, NULL, timeline, point));
	tap_ok(timeline->signal_count <= 256 && queue->flight_count <= 33,
	       "3000 submits later: %zu notes, %zu lists", timeline->signal_count,
	       queue->flight_count);
	npurt_queue_unref(queue);
	tap_is((unsigned long long)npurt_timeline_wait(timeline, 2999, 0), 0,
	       "jobs of a queue that is gone ended well");
	npurt_timeline_unref(timeline);
	npurt_cmdlist_unref(list);
}

/* Job 2 of 3 fails in a way: how the three are reported. */
static void check_failure(const char *name, uint32_t state, uint32_t error, int bad, int rest,
			  const char *words)
{
	struct npurt_queue *queue = make_queue();
	struct npurt_cmdlist *list = make_list();
	struct npurt_timeline *timeline;
	struct npurt_queue_status status = NPURT_QUEUE_STATUS_INIT;

	play.hold = true;
	NEED(npurt_timeline_create(device, &timeline));
	for (uint64_t point = 1; point <= 3; point++)
		NEED(submit_one(queue, list, timeline, point));
	fail_job(2, state, error, npurt_kernel_entry(one));
	end_jobs();
	tap_is((unsigned long long)npurt_timeline_wait(timeline, 1, 0), 0, name);
	fails(npurt_timeline_wait(timeline, 2, 0), bad, words, "  the failed one");
	fails(npurt_timeline_wait(timeline, 2, 0), bad, words, "  and again, for others who wait");
	fails(npurt_timeline_wait(timeline, 3, 0), bad, words,
	      "  a later point tells the first failure");
	play.submit_error = -ECANCELED;
	fails(submit_one(queue, list, NULL, 0), rest == -ECONNRESET ? -ECONNRESET : -ECANCELED,
	      "new", "  the queue takes no more");
	NEED(npurt_queue_get_status(queue, &status));
	tap_ok(status.condition == state && status.submitted == 3 && status.completed == 3 &&
		       status.fault.error == error && status.fault.job == (error ? 2 : 0),
	       "  status");
	fails(npurt_queue_wait(queue, 0), rest, "", "  its last job was not run");
	npurt_queue_unref(queue);
	play.state_error = -ENOENT; /* what the driver would say now */
	tap_is((unsigned long long)npurt_timeline_wait(timeline, 1, 0), 0,
	       "  after the queue is gone: first");
	fails(npurt_timeline_wait(timeline, 2, 0), bad, words, "  after the queue is gone: second");
	npurt_timeline_unref(timeline);
	npurt_cmdlist_unref(list);
}

static void test_failures(void)
{
	check_failure("page fault", DRM_NPU_QUEUE_FAULTED, NPU_JOB_PAGE_FAULT, -EFAULT, -ECANCELED,
		      "page fault: read from 0xdead0000 by tile 2 in context 5");
	check_failure("page fault, symbolised", DRM_NPU_QUEUE_FAULTED, NPU_JOB_PAGE_FAULT, -EFAULT,
		      -ECANCELED, "runtime/kernels.npu.c:");
	check_failure("illegal instruction", DRM_NPU_QUEUE_FAULTED, NPU_JOB_ILLEGAL, -ENOEXEC,
		      -ECANCELED, "illegal instruction 0xdead0000");
	check_failure("abort", DRM_NPU_QUEUE_FAULTED, NPU_JOB_BREAKPOINT, -ECONNABORTED, -ECANCELED,
		      "npu_abort()");
	check_failure("bad packet", DRM_NPU_QUEUE_FAULTED, NPU_JOB_BAD_PACKET, -EBADMSG, -ECANCELED,
		      "packet at 0x40000");
	check_failure("hardware", DRM_NPU_QUEUE_FAULTED, NPU_JOB_HW_ERROR, -EIO, -ECANCELED,
		      "hardware error");
	check_failure("timeout", DRM_NPU_QUEUE_TIMEDOUT, NPU_JOB_STOPPED, -ETIMEDOUT, -ECANCELED,
		      "loop without end");
	check_failure("reset by another", DRM_NPU_QUEUE_INNOCENT, 0, -ECONNRESET, -ECONNRESET,
		      "make a new queue");
}

static void test_flight(void)
{
	struct npurt_queue *queue = make_queue();
	struct npurt_cmdlist *list = make_list();
	size_t taken = vm->va.taken;

	play.hold = true;
	NEED(submit_one(queue, list, NULL, 0));
	fails(npurt_cmdlist_reset(list), -EBUSY, "wait for its point", "reset in flight");
	npurt_cmdlist_ref(list);
	npurt_cmdlist_unref(list);
	end_jobs();
	tap_is((unsigned long long)npurt_cmdlist_reset(list), 0, "reset after landing");
	npurt_cmdlist_unref(list);

	/* Given back in flight: its memory stays until the queue knows that it landed. */
	list = make_list();
	NEED(submit_one(queue, list, NULL, 0));
	npurt_cmdlist_unref(list);
	tap_is(vm->va.taken, taken + 2, "list in flight keeps its memory");
	end_jobs();
	NEED(npurt_queue_wait(queue, 0));
	tap_is(vm->va.taken, taken - 2, "a wait gives it back");

	list = make_list();
	play.hold = true;
	NEED(submit_one(queue, list, NULL, 0));
	npurt_cmdlist_unref(list);
	tap_is(vm->va.taken, taken, "in flight again");
	npurt_queue_unref(queue);
	tap_is(vm->va.taken, taken - 2, "and so does the end of the queue");
	end_jobs();
}

static void test_gone(void)
{
	struct npurt_queue *queue = make_queue();
	struct npurt_cmdlist *list = make_list();
	struct npurt_timeline *timeline;
	struct npurt_queue_status status = NPURT_QUEUE_STATUS_INIT;

	play.hold = true;
	NEED(npurt_timeline_create(device, &timeline));
	NEED(submit_one(queue, list, timeline, 1));
	end_jobs();
	play.state_error = -ENODEV;
	play.submit_error = -ENODEV;
	fails(npurt_timeline_wait(timeline, 1, 0), -ENODEV, "gone",
	      "job on a device that was removed");
	fails(submit_one(queue, list, timeline, 2), -ENODEV, "gone", "submit to it");
	fails(npurt_queue_get_status(queue, &status), -ENODEV, "gone", "status of it");
	tap_is(timeline->signal_count, 1, "the refused submit left no note");
	npurt_queue_unref(queue);

	/* Destroyed with a job under way. */
	queue = make_queue();
	play.hold = true;
	npurt_timeline_unref(timeline);
	NEED(npurt_timeline_create(device, &timeline));
	NEED(submit_one(queue, list, timeline, 1));
	npurt_queue_unref(queue);
	end_jobs();
	fails(npurt_timeline_wait(timeline, 1, 0), -ECANCELED, "destroyed",
	      "job of a destroyed queue");
	npurt_timeline_unref(timeline);
	npurt_cmdlist_unref(list);
}

struct waiter {
	pthread_t thread;
	struct npurt_timeline *timeline;
	int result;
};

static void *wait_thread(void *data)
{
	struct waiter *w = data;

	w->result = npurt_timeline_wait(w->timeline, 5, 10000000000);
	return NULL;
}

/* Waiting before the submit, on several threads. */
static void test_threads(void)
{
	struct npurt_queue *queue = make_queue();
	struct npurt_timeline *timeline;
	struct waiter waiters[4];
	unsigned int good = 0;

	NEED(npurt_timeline_create(device, &timeline));
	for (int i = 0; i < 4; i++) {
		waiters[i].timeline = timeline;
		pthread_create(&waiters[i].thread, NULL, wait_thread, &waiters[i]);
	}
	for (uint64_t point = 1; point <= 5; point++)
		NEED(submit_one(queue, NULL, timeline, point));
	for (int i = 0; i < 4; i++) {
		pthread_join(waiters[i].thread, NULL);
		good += !waiters[i].result;
	}
	tap_is(good, 4, "four threads waited for one point");
	npurt_timeline_unref(timeline);
	npurt_queue_unref(queue);
}

static void test_fault_text(void)
{
	struct npurt_fault fault = NPURT_FAULT_INIT;
	struct {
		size_t size;
		uint32_t error, access;
	} old = {.size = 16};
	char text[512], small[8];
	int length;

	npurt_fault_text(&fault, text, sizeof(text));
	tap_ok(!strcmp(text, "no fault"), "no fault");
	fault.error = NPURT_FAULT_PAGE;
	fault.access = NPURT_ACCESS_WRITE;
	fault.core = NPURT_CORE_COPY;
	fault.addr = 0x1234;
	fault.job = 3;
	length = npurt_fault_text(&fault, text, sizeof(text));
	tap_ok(strstr(text, "write to 0x1234 by the copy engine") && strlen(text) == (size_t)length,
	       "copy engine");
	tap_ok(npurt_fault_text(&fault, small, sizeof(small)) == length && strlen(small) == 7,
	       "cut to size, whole length returned");
	tap_ok(!npurt_fault_out((struct npurt_fault *)&old, &fault) && old.size == 16 &&
		       old.error == NPURT_FAULT_PAGE && old.access == NPURT_ACCESS_WRITE,
	       "older, shorter struct");
}

int main(void)
{
	backend = npurt_backend_null;
	backend.queue_get_state = play_get_state;
	backend.submit = play_submit;
	NEED(npurt_device_open_backend(&backend, NULL, &device));
	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_module_load_file(vm, KERNELS, &module));
	NEED(npurt_module_get_kernel(module, "one", &one));
	test_good();
	test_failures();
	test_flight();
	test_gone();
	test_threads();
	test_fault_text();
	npurt_kernel_unref(one);
	npurt_module_unref(module);
	tap_is(vm->va.taken, 0, "no address space was lost");
	npurt_vm_unref(vm);
	npurt_device_unref(device);
	return tap_done();
}
