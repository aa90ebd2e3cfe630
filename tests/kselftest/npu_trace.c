// SPDX-License-Identifier: MIT
/* Tracepoints: what a job, a binding, a fault and a reset leave in an instance of tracefs. */
#include "npu_test.h"

#define INSTANCE "/sys/kernel/tracing/instances/npu_test"
#define MAX_EVENTS 512

struct event {
	char name[32];
	char args[512];
};

FIXTURE(trace)
{
	struct npu_ctx ctx;
	struct event *events;
	int count;
};

static int put(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCE "/%s", name);
	return npu_write_file(path, text);
}

FIXTURE_SETUP(trace)
{
	memset(&self->ctx, 0, sizeof(self->ctx));
	self->ctx.fd = -1;
	self->events = calloc(MAX_EVENTS, sizeof(*self->events));
	ASSERT_NE(NULL, self->events);
	/* Left behind by a run that was killed. */
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700))
	TH_LOG("no tracefs at /sys/kernel/tracing, or not root: %s", strerror(errno));
	ASSERT_EQ(0, put("events/npu/enable", "1"));
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(trace)
{
	npu_ctx_exit(&self->ctx);
	EXPECT_EQ(0, rmdir(INSTANCE));
	free(self->events);
}

/* Reads all events so far, in order: lines of "... NAME: ARGS" with the npu's names. */
static void collect(FIXTURE_DATA(trace) *self)
{
	char line[1024], *at;
	FILE *file = fopen(INSTANCE "/trace", "r");

	self->count = 0;
	while (file && self->count < MAX_EVENTS && fgets(line, sizeof(line), file)) {
		struct event *event = &self->events[self->count];

		at = strstr(line, ": npu_");
		if (*line == '#' || !at ||
		    sscanf(at + 2, "%31[^:]: %511[^\n]", event->name, event->args) != 2)
			continue;
		self->count++;
	}
	if (file)
		fclose(file);
}

/* Value of key=value in an event; all ones if there is none. */
static uint64_t value(const struct event *event, const char *key)
{
	char text[32];
	const char *at;

	snprintf(text, sizeof(text), " %s=", key);
	at = strstr(event->args, text);
	return at ? strtoull(at + strlen(text), NULL, 0) : UINT64_MAX;
}

/* First event of that name from index first on, with key at want, if a key is named; -1: none. */
static int find(FIXTURE_DATA(trace) *self, int first, const char *name, const char *key,
		uint64_t want)
{
	int i;

	for (i = first; i < self->count; i++)
		if (!strcmp(self->events[i].name, name) &&
		    (!key || value(&self->events[i], key) == want))
			return i;
	return -1;
}

static void dump(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self)
{
	int i;

	for (i = 0; i < self->count; i++)
		TH_LOG("%3d %s: %s", i, self->events[i].name, self->events[i].args);
}

/* Looks for an event and says so if there is none. */
static int expect(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self, int first,
		  const char *name, const char *key, uint64_t want)
{
	int at = find(self, first, name, key, want);

	EXPECT_LE(0, at)
	{
		TH_LOG("no %s with %s=%llu from %d on", name, key ? key : "anything",
		       (unsigned long long)want, first);
		dump(_metadata, self);
	}
	return at < 0 ? self->count : at;
}

/* A job of that number leaves submit, run and done, in that order, with the same timeline. */
static int expect_job(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self, int first,
		      uint64_t seqno, int error)
{
	int submit = expect(_metadata, self, first, "npu_submit", "seqno", seqno);
	int run = expect(_metadata, self, submit, "npu_run", "seqno", seqno);
	int done = expect(_metadata, self, run, "npu_done", "seqno", seqno);

	if (done == self->count)
		return done;
	EXPECT_EQ(value(&self->events[submit], "context"), value(&self->events[run], "context"));
	EXPECT_EQ(value(&self->events[submit], "context"), value(&self->events[done], "context"));
	EXPECT_EQ(error, (int)value(&self->events[done], "error"));
	return done;
}

TEST_F(trace, job)
{
	struct npu_ctx *ctx = &self->ctx;
	int at = 0, i;

	npu_ctx_packets(ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 1, 4096);
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	collect(self);
	/* each was waited for, so one ends before the next comes */
	for (i = 1; i <= 3; i++)
		at = expect_job(_metadata, self, at, i, 0);
	EXPECT_EQ(-1, find(self, 0, "npu_fault", NULL, 0));
}

/* A job that waits for another one goes through the scheduler. */
TEST_F(trace, job_that_waits)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_cmdbuf cmdbuf = { .va = NPU_TEST_VA, .packets = 1 };
	struct drm_npu_sync_op syncs[2] = { { .flags = DRM_NPU_SYNC_OP_WAIT },
					    { .flags = DRM_NPU_SYNC_OP_SIGNAL } };
	struct drm_npu_submit req = { .cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
				      .syncs = DRM_NPU_OBJ_ARRAY(2, syncs) };
	uint64_t context;
	int submit, run, done;
	uint32_t other;

	npu_ctx_packets(ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 1, 0x100000);
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &other));
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &syncs[0].handle));
	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &syncs[1].handle));
	req.queue_id = other;
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	ASSERT_EQ(0, npu_wait_binary(ctx->fd, syncs[1].handle));
	collect(self);

	/* the second submit is the other queue's; both jobs are number 1 */
	submit = expect(_metadata, self, 0, "npu_submit", "seqno", 1);
	context = value(&self->events[submit], "context");
	done = expect(_metadata, self, submit, "npu_done", "context", context);
	submit = expect(_metadata, self, submit + 1, "npu_submit", "seqno", 1);
	EXPECT_NE(context, value(&self->events[submit], "context"));
	context = value(&self->events[submit], "context");
	run = expect(_metadata, self, submit, "npu_run", "context", context);
	EXPECT_LT(done, run);
	expect(_metadata, self, run, "npu_done", "context", context);
}

TEST_F(trace, bind)
{
	struct npu_ctx *ctx = &self->ctx;
	int at;

	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, 0x1000, 0x40000000, 0x3000,
			     DRM_NPU_VM_BIND_READONLY));
	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, 0x40001000, 0x1000));
	collect(self);
	at = expect(_metadata, self, 0, "npu_bind", "va", 0x40000000);
	if (at < self->count) {
		EXPECT_EQ(0x3000, value(&self->events[at], "size"));
		EXPECT_EQ(0x1000, value(&self->events[at], "offset"));
		EXPECT_EQ(DRM_NPU_VM_BIND_READONLY, value(&self->events[at], "flags"));
		EXPECT_EQ(0, value(&self->events[at], "ret"));
	}
	at = expect(_metadata, self, at, "npu_bind", "va", 0x40001000);
	if (at < self->count)
		EXPECT_EQ(0x1000, value(&self->events[at], "size"));
}

TEST_F(trace, fault)
{
	struct npu_ctx *ctx = &self->ctx;
	int mbox, fault;

	npu_ctx_packets(ctx)[0] = npu_pkt_fill(0x123456789000, 1, 64);
	ASSERT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	collect(self);
	expect_job(_metadata, self, 0, 1, -EFAULT);
	mbox = expect(_metadata, self, 0, "npu_mbox", "type", 0x82);
	fault = expect(_metadata, self, mbox, "npu_fault", "addr", 0x123456789000);
	EXPECT_LT(fault, find(self, 0, "npu_done", "seqno", 1));
	if (fault < self->count) {
		EXPECT_EQ(1, value(&self->events[fault], "seqno"));
		EXPECT_EQ(NPU_JOB_PAGE_FAULT, value(&self->events[fault], "error"));
		EXPECT_EQ(NPU_ACCESS_WRITE, value(&self->events[fault], "access"));
		EXPECT_EQ(NPU_CORE_COPY, value(&self->events[fault], "core"));
		EXPECT_EQ(NPU_TEST_VA, value(&self->events[fault], "packet"));
	}
}

/* A queue's start is a request, and the reply to it. */
TEST_F(trace, mailbox)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t queue;
	int request;

	collect(self);
	ASSERT_EQ(0, put("trace", ""));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
	collect(self);
	request = expect(_metadata, self, 0, "npu_mbox", "type", 2);
	if (request < self->count) {
		uint64_t cookie = value(&self->events[request], "cookie");
		int reply = expect(_metadata, self, request, "npu_mbox", "type", 0x80);

		EXPECT_NE(NULL, strstr(self->events[request].args, " h2f "));
		if (reply < self->count) {
			EXPECT_EQ(cookie, value(&self->events[reply], "cookie"));
			EXPECT_EQ(0, value(&self->events[reply], "status"));
			EXPECT_NE(NULL, strstr(self->events[reply].args, " f2h "));
		}
	}
}

TEST_F(trace, reset)
{
	char device[64];
	int reset, done;

	ASSERT_EQ(0, npu_test_pci(self->ctx.fd, device, sizeof(device)));
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	collect(self);
	reset = expect(_metadata, self, 0, "npu_reset", NULL, 0);
	done = expect(_metadata, self, reset, "npu_reset_done", "ret", 0);
	if (reset < self->count && done < self->count) {
		EXPECT_NE(NULL, strstr(self->events[reset].args, "function"));
		EXPECT_NE(NULL, strstr(self->events[reset].args, device));
	}
	/* what boots says so */
	expect(_metadata, self, reset, "npu_mbox", "type", 0x81);
}

TEST_F(trace, off)
{
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, put("events/npu/enable", "0"));
	ASSERT_EQ(0, put("trace", ""));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 1, 4096);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	collect(self);
	EXPECT_EQ(0, self->count);
}

TEST_HARNESS_MAIN
