// SPDX-License-Identifier: MIT
/*
 * PERF_STREAM_OPEN: records of a queue, a file, a process and the device; reading, polling, mapping;
 * streams that outlive queues, resets and the device.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "npu_inject.h"
#include "npu_perf.h"

#define RING 4096ull
#define WAIT_MS ((int)(NPU_TEST_WAIT_NS / 1000000))

FIXTURE(perf)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(perf)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	npu_ctx_packets(&self->ctx)[0] = npu_pkt_fill(DATA_VA, 42, 256);
	npu_ctx_packets(&self->ctx)[1] = npu_pkt_barrier();
	npu_ctx_packets(&self->ctx)[2] = npu_pkt_dispatch(CODE_VA, 0, 8);
	*(uint32_t *)(self->ctx.mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_EXIT;
}

FIXTURE_TEARDOWN(perf)
{
	npu_ctx_exit(&self->ctx);
}

static struct drm_npu_perf_stream_open for_all(uint32_t lanes)
{
	struct drm_npu_perf_stream_open req = npu_stream_of(0);

	req.scope = DRM_NPU_PERF_SCOPE_ALL;
	req.lanes = lanes;
	return req;
}

static struct drm_npu_perf_stream_open of_device(void)
{
	struct drm_npu_perf_stream_open req = npu_stream_of(0);

	req.scope = DRM_NPU_PERF_SCOPE_DEVICE;
	return req;
}

static int status(int fd, uint32_t lane, struct drm_npu_perf_status *ret_status)
{
	*ret_status = (struct drm_npu_perf_status){ .lane = lane };
	return npu_ioctl(fd, DRM_NPU_PERF_IOC_STATUS, ret_status);
}

/* Events that are there now. */
static int events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLPRI };

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

/* Waits until there are some. */
static int wait_events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, WAIT_MS) < 0 ? -errno : pfd.revents;
}

static long read_some(int fd, void *buf, size_t size)
{
	ssize_t ret = read(fd, buf, size);

	return ret < 0 ? -errno : ret;
}

/* Reads all there is. Return: records of a type, or a negative errno; -EBADMSG: not whole records. */
static long count_records(int fd, uint16_t type, uint64_t *ret_sum)
{
	uint8_t buf[1024] __attribute__((aligned(8)));
	long got, at, count = 0;

	while ((got = read_some(fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < got;) {
			struct npu_perf_head *head = (struct npu_perf_head *)(buf + at);

			if (head->size < NPU_PERF_SLOT || head->size % NPU_PERF_SLOT ||
			    head->size > got - at || head->type == NPU_PERF_PAD)
				return -EBADMSG;
			if (head->type == type) {
				count++;
				if (ret_sum && type == NPU_PERF_PC)
					*ret_sum += ((struct npu_perf_pc *)head)->total;
			}
			at += head->size;
		}
	}
	return got && got != -EAGAIN ? got : count;
}

TEST_F(perf, packets_of_a_queue)
{
	struct npu_ctx *ctx = &self->ctx;
	struct npu_perf_packet packet[8];
	struct drm_npu_perf_status st;
	int fd;

	/* what was before is none of its business */
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-EAGAIN, read_some(fd, packet, sizeof(packet)));
	EXPECT_EQ(0, events(fd));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(POLLIN, wait_events(fd));
	ASSERT_EQ(2 * sizeof(*packet), read_some(fd, packet, sizeof(packet)));
	EXPECT_EQ(NPU_PERF_PACKET, packet[0].head.type);
	EXPECT_EQ(NPU_PKT_FILL, packet[0].op);
	EXPECT_EQ(NPU_PKT_BARRIER, packet[1].op);
	EXPECT_EQ(2, packet[0].seqno);
	EXPECT_GE(packet[0].end, packet[0].start);
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(DRM_NPU_PERF_LANE_ON, st.state);
	EXPECT_EQ(packet[0].head.queue, st.hw_queue);
	EXPECT_EQ(ctx->queue, st.queue_id);
	EXPECT_EQ(getpid(), st.pid);
	EXPECT_EQ(2, st.head);
	EXPECT_EQ(2, st.tail);
	EXPECT_EQ(0, st.lost + st.missed + st.restarts);
	close(fd);
	/* and gone without a trace */
	EXPECT_EQ(0, npu_ctx_run(ctx, 2));
	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, count_records(fd, NPU_PERF_PACKET, NULL));
	close(fd);
}

/* Every cycle has an address: the sum over all is the counter. */
TEST_F(perf, exact_cycles)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);
	struct drm_npu_queue_get_state state = { .id = ctx->queue };
	uint64_t counters[NPU_COUNTER_COUNT], sum = 0;
	int fd;

	req.modes = NPU_PERF_MODE_PCS | NPU_PERF_MODE_SAMPLES;
	req.period = NPU_PERF_PERIOD_MIN;
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_ctx_run(ctx, 3));
	EXPECT_GE(count_records(fd, NPU_PERF_PC, &sum), 1);
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, counters);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	EXPECT_NE(0, sum);
	EXPECT_EQ(counters[NPU_COUNTER_TILE_CYCLES], sum);
	close(fd);
}

/* poll() wakes at the threshold, and a read gives what is there before that. */
TEST_F(perf, threshold)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);
	struct npu_perf_packet packet;
	int fd;

	req.threshold = 4;
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(0, events(fd));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(POLLIN, wait_events(fd));
	EXPECT_EQ(-EINVAL, read_some(fd, &packet, sizeof(packet) - 1));
	EXPECT_EQ(sizeof(packet), read_some(fd, &packet, sizeof(packet)));
	EXPECT_EQ(0, events(fd));
	EXPECT_EQ(3, count_records(fd, NPU_PERF_PACKET, NULL));
	EXPECT_EQ(0, read_some(fd, &packet, 0));
	EXPECT_EQ(-EAGAIN, read_some(fd, &packet, sizeof(packet)));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(-EFAULT, read_some(fd, (void *)0x1000, sizeof(packet)));
	EXPECT_EQ(1, count_records(fd, NPU_PERF_PACKET, NULL));
	close(fd);
}

/* A reader that waits is woken by the first record. */
TEST_F(perf, blocking_read)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);
	struct npu_perf_packet packet;
	int fd, code = -1;
	pid_t child;

	req.flags = 0;
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(read_some(fd, &packet, sizeof(packet)) != sizeof(packet));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(child, waitpid(child, &code, 0));
	EXPECT_EQ(0, code);
	close(fd);
}

/* What finds no room is lost and counted, and what was there is not overwritten. */
TEST_F(perf, lost)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);
	struct drm_npu_perf_status st;
	int fd, i;

	req.ring_log2 = NPU_PERF_RING_MIN_LOG2;
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(64, st.head - st.tail);
	EXPECT_EQ(100 - 64, st.lost);
	EXPECT_EQ(64, count_records(fd, NPU_PERF_PACKET, NULL));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, count_records(fd, NPU_PERF_PACKET, NULL));
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(100 - 64, st.lost);
	close(fd);
}

/* The ring can be looked at without copying, and not written. */
TEST_F(perf, mapped)
{
	struct npu_ctx *ctx = &self->ctx;
	const size_t size = RING + (64 << 8);
	struct drm_npu_perf_consume consume = {};
	struct drm_npu_perf_stream_open req = for_all(2);
	const struct npu_perf_packet *packet;
	const volatile struct npu_perf_ring *ring;
	int fd;

	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size + 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 2 * size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size, PROT_READ, MAP_SHARED, fd, size + 4096));
	EXPECT_EQ(EINVAL, errno);
	ring = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)ring);
	EXPECT_EQ(-1, mprotect((void *)ring, size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);

	EXPECT_EQ(NPU_PERF_VERSION, ring->version);
	EXPECT_EQ(8, ring->slots_log2);
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE));
	EXPECT_EQ(0, ring->tail);
	packet = (const struct npu_perf_packet *)((const char *)ring + NPU_PERF_RING_HEADER);
	EXPECT_EQ(NPU_PKT_FILL, packet[0].op);
	EXPECT_EQ(NPU_PKT_BARRIER, packet[1].op);

	consume.tail = 3;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_NPU_PERF_IOC_CONSUME, &consume));
	consume.tail = -1;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_NPU_PERF_IOC_CONSUME, &consume));
	consume = (struct drm_npu_perf_consume){ .tail = 1, .pad = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_NPU_PERF_IOC_CONSUME, &consume));
	consume = (struct drm_npu_perf_consume){ .tail = 1, .lane = 2 };
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_NPU_PERF_IOC_CONSUME, &consume));
	consume = (struct drm_npu_perf_consume){ .tail = 1 };
	EXPECT_EQ(0, npu_ioctl(fd, DRM_NPU_PERF_IOC_CONSUME, &consume));
	EXPECT_EQ(1, ring->tail);
	EXPECT_EQ(1, count_records(fd, NPU_PERF_PACKET, NULL));
	EXPECT_EQ(2, ring->tail);
	EXPECT_EQ(-ENOTTY, npu_ioctl(fd, DRM_IOCTL_NPU_SUBMIT, &consume));
	/* a mapping holds the stream */
	close(fd);
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(4, ring->head);
	munmap((void *)ring, size);
}

/* All queues of a file: those that are, those that come, and room again when one goes. */
TEST_F(perf, queues_of_a_file)
{
	struct npu_ctx *ctx = &self->ctx, other;
	struct drm_npu_perf_status st;
	uint32_t queue, handle;
	int fd;

	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	npu_ctx_packets(&other)[0] = npu_pkt_fill(DATA_VA, 1, 64);
	fd = npu_stream_open(ctx->fd, for_all(2));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_ctx_run(&other, 1));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, queue, NPU_TEST_VA, 2, &handle));
	ASSERT_EQ(0, npu_wait_binary(ctx->fd, handle));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, status(fd, 1, &st));
	EXPECT_EQ(DRM_NPU_PERF_LANE_ON, st.state);
	EXPECT_EQ(queue, st.queue_id);
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	ASSERT_EQ(0, status(fd, 1, &st));
	EXPECT_EQ(DRM_NPU_PERF_LANE_OVER, st.state);
	/* no lane is free while it has records of the past */
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
	ASSERT_EQ(0, status(fd, 1, &st));
	EXPECT_EQ(1, st.missed);
	EXPECT_EQ(3, count_records(fd, NPU_PERF_PACKET, NULL));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
	ASSERT_EQ(0, status(fd, 1, &st));
	EXPECT_EQ(1, st.missed);
	EXPECT_EQ(DRM_NPU_PERF_LANE_ON, st.state);
	EXPECT_EQ(queue, st.queue_id);
	close(fd);
	npu_ctx_exit(&other);
}

TEST_F(perf, end_of_a_queue)
{
	struct npu_ctx *ctx = &self->ctx;
	struct npu_perf_packet packet;
	int fd;

	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	EXPECT_EQ(POLLIN, events(fd));
	EXPECT_EQ(1, count_records(fd, NPU_PERF_PACKET, NULL));
	EXPECT_EQ(POLLHUP, events(fd));
	EXPECT_EQ(0, read_some(fd, &packet, sizeof(packet)));
	close(fd);
}

/* The work of whoever gets the same hardware queue next is not in the stream. */
TEST_F(perf, next_owner)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_status before, after;
	uint32_t queue, handle;
	int fd, again;

	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, status(fd, 0, &before));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue));
	again = npu_stream_open(ctx->fd, npu_stream_of(queue));
	ASSERT_GE(again, 0);
	ASSERT_EQ(0, status(again, 0, &after));
	ASSERT_EQ(before.hw_queue, after.hw_queue);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, queue, NPU_TEST_VA, 2, &handle));
	ASSERT_EQ(0, npu_wait_binary(ctx->fd, handle));
	EXPECT_EQ(0, count_records(fd, NPU_PERF_PACKET, NULL));
	EXPECT_EQ(2, count_records(again, NPU_PERF_PACKET, NULL));
	close(fd);
	close(again);
}

TEST_F(perf, limits)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);
	uint32_t queue[NPU_PERF_STREAMS];
	int fd[NPU_PERF_STREAMS], i;

	fd[0] = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd[0], 0);
	EXPECT_EQ(-EBUSY, npu_stream_open(ctx->fd, req));
	EXPECT_EQ(-EBUSY, npu_stream_open(ctx->fd, of_device()));
	for (i = 1; i < NPU_PERF_STREAMS; i++) {
		ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue[i]));
		fd[i] = npu_stream_open(ctx->fd, npu_stream_of(queue[i]));
		ASSERT_GE(fd[i], 0);
	}
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &queue[0]));
	EXPECT_EQ(-EBUSY, npu_stream_open(ctx->fd, npu_stream_of(queue[0])));
	for (i = 0; i < NPU_PERF_STREAMS; i++)
		close(fd[i]);
	fd[0] = npu_stream_open(ctx->fd, of_device());
	ASSERT_GE(fd[0], 0);
	EXPECT_EQ(-EBUSY, npu_stream_open(ctx->fd, npu_stream_of(ctx->queue)));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, count_records(fd[0], NPU_PERF_PACKET, NULL));
	close(fd[0]);
}

TEST_F(perf, open_bad)
{
	struct npu_ctx *ctx = &self->ctx;
	const struct drm_npu_perf_stream_open good = npu_stream_of(ctx->queue);
	struct drm_npu_perf_stream_open req;
	int bit, fd;

#define BAD(error, field, value) \
	do { \
		req = good; \
		req.field = (value); \
		EXPECT_EQ(-(error), npu_stream_open(ctx->fd, req)); \
	} while (0)
	for (bit = 1; bit < 32; bit++)
		BAD(EINVAL, flags, 1u << bit);
	for (bit = 7; bit < 32; bit++)
		BAD(EINVAL, modes, 1 | 1u << bit);
	BAD(EINVAL, scope, 0);
	BAD(EINVAL, scope, 4);
	BAD(EINVAL, scope, DRM_NPU_PERF_SCOPE_ALL);
	BAD(EINVAL, scope, DRM_NPU_PERF_SCOPE_DEVICE);
	BAD(EINVAL, pad, 1);
	BAD(EINVAL, queue_id, 0);
	BAD(ENOENT, queue_id, 4711);
	BAD(EINVAL, lanes, 0);
	BAD(EINVAL, lanes, 2);
	BAD(EINVAL, modes, 0);
	BAD(EINVAL, modes, NPU_PERF_MODE_JITTER | NPU_PERF_MODE_KEEP);
	BAD(EINVAL, modes, NPU_PERF_MODE_SAMPLES);
	BAD(EINVAL, period, 100);
	BAD(EINVAL, ring_log2, NPU_PERF_RING_MIN_LOG2 - 1);
	BAD(EINVAL, ring_log2, 16);
	BAD(EINVAL, ring_log2, 0xffffffff);
	BAD(EINVAL, threshold, 0);
	BAD(EINVAL, threshold, 257);
	BAD(ESRCH, pid, 0x3fffffff);
#undef BAD
	req = for_all(NPU_PERF_STREAMS + 1);
	EXPECT_EQ(-EINVAL, npu_stream_open(ctx->fd, req));
	req = for_all(0);
	EXPECT_EQ(-EINVAL, npu_stream_open(ctx->fd, req));
	/* and nothing of it has stayed */
	fd = npu_stream_open(ctx->fd, good);
	ASSERT_GE(fd, 0);
	close(fd);
}

/*
 * A process that has set nothing up is watched by another: by number with CAP_PERFMON, and
 * without any by its file, which the kernel gives to whom may trace it.
 */
TEST_F(perf, other_process)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req;
	int fd, pidfd, taken, again, to[2], from[2];
	struct drm_npu_perf_status st, mine, all;
	struct npu_perf_packet packet[3];
	pid_t child;
	char c = 0;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		struct npu_ctx own;

		close(to[1]);
		c = npu_ctx_init(&own, 0) || setresuid(65534, 65534, 65534) ||
		    prctl(PR_SET_DUMPABLE, 1);
		npu_ctx_packets(&own)[0] = npu_pkt_fill(DATA_VA, 42, 256);
		if (write(from[1], &own.fd, sizeof(own.fd)) != sizeof(own.fd))
			_exit(1);
		/* works on when told to, until nobody does any more */
		while (read(to[0], &c, 1) == 1) {
			c = npu_ctx_run(&own, 1) != 0;
			if (write(from[1], &c, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(to[0]);
	ASSERT_EQ(sizeof(taken), read(from[0], &taken, sizeof(taken)));

	req = for_all(2);
	req.pid = child;
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(1, write(to[1], "", 1));
	ASSERT_EQ(1, read(from[0], &c, 1));
	ASSERT_EQ(0, c);
	EXPECT_EQ(1, count_records(fd, NPU_PERF_PACKET, NULL));
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(child, st.pid);
	close(fd);
	req = npu_stream_of(st.queue_id);
	req.pid = child;
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	close(fd);

	/* of the device: what each of the two did, told apart by the queue */
	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, status(fd, 0, &mine));
	close(fd);
	ASSERT_NE(mine.hw_queue, st.hw_queue);
	fd = npu_stream_open(ctx->fd, of_device());
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, status(fd, 0, &all));
	EXPECT_EQ(NPU_PERF_ALL_QUEUES, all.hw_queue);
	ASSERT_EQ(1, write(to[1], "", 1));
	ASSERT_EQ(1, read(from[0], &c, 1));
	ASSERT_EQ(0, c);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(2 * sizeof(*packet), read_some(fd, packet, sizeof(packet)));
	EXPECT_EQ(NPU_PERF_PACKET, packet[0].head.type);
	EXPECT_EQ(st.hw_queue, packet[0].head.queue);
	EXPECT_EQ(2, packet[0].seqno);
	EXPECT_EQ(NPU_PERF_PACKET, packet[1].head.type);
	EXPECT_EQ(mine.hw_queue, packet[1].head.queue);
	EXPECT_EQ(2, packet[1].seqno);
	close(fd);

	/* without privileges */
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	EXPECT_EQ(-EACCES, npu_stream_open(ctx->fd, req));
	EXPECT_EQ(-EACCES, npu_stream_open(ctx->fd, of_device()));
	pidfd = syscall(SYS_pidfd_open, child, 0);
	ASSERT_GE(pidfd, 0);
	again = syscall(SYS_pidfd_getfd, pidfd, taken, 0);
	ASSERT_GE(again, 0);
	fd = npu_stream_open(again, for_all(2));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(1, write(to[1], "", 1));
	ASSERT_EQ(1, read(from[0], &c, 1));
	EXPECT_EQ(1, count_records(fd, NPU_PERF_PACKET, NULL));
	close(again);
	close(pidfd);
	close(to[1]);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	close(fd);
}

/* Records from before a reset can still be read; then it goes on. */
TEST_F(perf, reset)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_status st;
	int fd;

	if (geteuid())
		SKIP(return, "only root may reset a device");
	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_EQ(POLLIN | POLLPRI, events(fd));
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(DRM_NPU_PERF_LANE_WAITS, st.state);
	EXPECT_EQ(1, st.restarts);
	EXPECT_EQ(POLLIN, events(fd));
	EXPECT_EQ(2, count_records(fd, NPU_PERF_PACKET, NULL));
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(DRM_NPU_PERF_LANE_ON, st.state);
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, count_records(fd, NPU_PERF_PACKET, NULL));
	/* with nothing unread it goes on at once */
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(1, count_records(fd, NPU_PERF_PACKET, NULL));
	ASSERT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(2, st.restarts);
	close(fd);
}

/* A kernel that never ends is watched from its middle, and does not notice. */
TEST_F(perf, comes_and_goes_under_load)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_stream_open req = npu_stream_of(ctx->queue);
	struct npu_perf_sample sample;
	int fd, i;

	req.modes = NPU_PERF_MODE_SAMPLES | NPU_PERF_MODE_SHARES;
	req.period = 1000;
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	ASSERT_EQ(0, npu_ctx_submit(ctx, 3));
	for (i = 0; i < 20; i++) {
		fd = npu_stream_open(ctx->fd, req);
		ASSERT_GE(fd, 0);
		close(fd);
	}
	fd = npu_stream_open(ctx->fd, req);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_GE(read_some(fd, &sample, sizeof(sample)), 64);
	EXPECT_EQ(sizeof(sample), sample.head.size);
	close(fd);
}

static sigjmp_buf on_bus;

static void bus_error(int signal)
{
	siglongjmp(on_bus, 1);
}

/* A ring of which the head or a record makes no sense: its reader is told, the device reset, and all goes on. */
static void make_nonsense(struct __test_metadata *_metadata, struct npu_ctx *ctx, uint32_t arg)
{
	volatile uint32_t *regs;
	char pci[64];
	const char *why;
	int fd, restarts;

	if (geteuid())
		SKIP(return, "only root reaches the registers");
	ASSERT_EQ(0, find_pci(ctx, pci, sizeof(pci)));
	regs = map_debug_regs(pci, &why);
	if (!regs)
		SKIP(return, "%s", why);
	restarts = recovery_count(pci, "firmware_restarts");
	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, inject(regs, NPU_FAULT_RING_INDEX, ANY, 1, arg));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(0, count_records(fd, NPU_PERF_PACKET, NULL));
	EXPECT_TRUE(counted(pci, "firmware_restarts", restarts + 1));
	/* it is counted at the reset's begin, and who binds waits for its end */
	ASSERT_EQ(0, bind_round(ctx));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, count_records(fd, NPU_PERF_PACKET, NULL));
	EXPECT_EQ(0, events(fd) & POLLERR);
	EXPECT_EQ(restarts + 1, recovery_count(pci, "firmware_restarts"));
	close(fd);
	unmap_debug_regs(regs);
}

TEST_F(perf, bad_head)
{
	make_nonsense(_metadata, &self->ctx, NPU_FAULT_RING_PERF);
}

TEST_F(perf, bad_record)
{
	make_nonsense(_metadata, &self->ctx, NPU_FAULT_RING_RECORD);
}

/* The driver lets go of the device while streams are open and mapped. */
TEST_F(perf, unbind)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_perf_consume consume = {};
	char pci[64];
	volatile struct npu_perf_ring *ring;
	struct npu_perf_packet packet;
	struct drm_npu_perf_status st;
	int fd;

	if (geteuid())
		SKIP(return, "only root may unbind a driver");
	ASSERT_EQ(0, npu_test_pci(ctx->fd, pci, sizeof(pci)));
	fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	ASSERT_GE(fd, 0);
	ring = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)ring);
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, ring->head);

	ASSERT_EQ(0, npu_write_file("/sys/bus/pci/drivers/npu/unbind", pci));
	EXPECT_EQ(-ENODEV, read_some(fd, &packet, sizeof(packet)));
	EXPECT_TRUE(events(fd) & POLLHUP);
	EXPECT_EQ(0, status(fd, 0, &st));
	EXPECT_EQ(DRM_NPU_PERF_LANE_OVER, st.state);
	EXPECT_EQ(-ENODEV, npu_ioctl(fd, DRM_NPU_PERF_IOC_CONSUME, &consume));
	EXPECT_EQ(-ENODEV, npu_stream_open(ctx->fd, npu_stream_of(ctx->queue)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	/* no memory is there any more that might be somebody else's by now */
	signal(SIGBUS, bus_error);
	if (!sigsetjmp(on_bus, 1)) {
		(void)ring->head;
		EXPECT_TRUE(false);
	}
	EXPECT_EQ(0, npu_write_file("/sys/bus/pci/drivers/npu/bind", pci));
	close(fd);
}

TEST_HARNESS_MAIN
