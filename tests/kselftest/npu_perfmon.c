// SPDX-License-Identifier: MIT
/*
 * PERFMON_CREATE, PERFMON_DESTROY and PERFMON_READ: counters of one's own work, across jobs, queues
 * that go, and resets.
 */
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
#define ALL_COUNTERS ((NPU_COUNTER_COUNT < 64 ? 1ull << NPU_COUNTER_COUNT : 0) - 1)
#define BIT(counter) (1ull << NPU_COUNTER_##counter)

FIXTURE(perfmon)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(perfmon)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	npu_ctx_packets(&self->ctx)[0] = npu_pkt_fill(DATA_VA, 42, 256);
	npu_ctx_packets(&self->ctx)[1] = npu_pkt_barrier();
}

FIXTURE_TEARDOWN(perfmon)
{
	npu_ctx_exit(&self->ctx);
}

static int create(int fd, uint32_t queue, uint64_t counters, uint32_t *ret_id)
{
	struct drm_npu_perfmon_create req = {
		.queue_id = queue,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.counters = counters,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req);

	if (!ret)
		*ret_id = req.id;
	return ret;
}

static int destroy(int fd, uint32_t id)
{
	struct drm_npu_perfmon_destroy req = { .id = id };

	return npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_DESTROY, &req);
}

/* Return: number of values, or a negative errno. */
static int read_values(int fd, uint32_t id, uint32_t flags, uint64_t *values, uint32_t count)
{
	struct drm_npu_perfmon_read req = {
		.id = id,
		.flags = flags,
		.values = DRM_NPU_OBJ_ARRAY(count, values),
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_READ, &req);

	return ret ? ret : (int)req.values.count;
}

/* The value of a perfmon that has one counter. */
static int64_t read_one(int fd, uint32_t id)
{
	uint64_t value = 0;
	int ret = read_values(fd, id, 0, &value, 1);

	return ret == 1 ? (int64_t)value : ret < 0 ? ret : -ERANGE;
}

TEST_F(perfmon, counts_one_queue)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t state_values[NPU_COUNTER_COUNT], values[NPU_COUNTER_COUNT + 1];
	struct drm_npu_queue_get_state state = { .id = ctx->queue };
	uint32_t all, packets, i;

	ASSERT_EQ(0, create(ctx->fd, ctx->queue, ALL_COUNTERS, &all));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	/* only what comes after it */
	ASSERT_EQ(0, create(ctx->fd, ctx->queue, BIT(PACKETS), &packets));
	EXPECT_NE(all, packets);
	EXPECT_EQ(0, read_one(ctx->fd, packets));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(3, read_one(ctx->fd, packets));

	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, state_values);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	memset(values, 0xaa, sizeof(values));
	ASSERT_EQ(NPU_COUNTER_COUNT,
		  read_values(ctx->fd, all, 0, values, NPU_COUNTER_COUNT + 1));
	for (i = 0; i < NPU_COUNTER_COUNT; i++)
		EXPECT_EQ(state_values[i], values[i]);
	EXPECT_EQ(0xaaaaaaaaaaaaaaaaull, values[NPU_COUNTER_COUNT]);
	EXPECT_EQ(5, values[NPU_COUNTER_PACKETS]);
	EXPECT_EQ(3 * 256, values[NPU_COUNTER_COPY_BYTES]);
	EXPECT_NE(0, values[NPU_COUNTER_ENERGY]);
}

/* Chosen counters come packed, in the order of the table; room for fewer gets fewer. */
TEST_F(perfmon, chooses)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t values[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
	uint32_t id;

	ASSERT_EQ(0, create(ctx->fd, ctx->queue, BIT(PACKETS) | BIT(COPY_BYTES) | BIT(DISPATCHES), &id));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(3, read_values(ctx->fd, id, 0, values, 4));
	EXPECT_EQ(256, values[0]);
	EXPECT_EQ(2, values[1]);
	EXPECT_EQ(0, values[2]);
	EXPECT_EQ(0xaa, values[3]);
	values[1] = 0xaa;
	ASSERT_EQ(1, read_values(ctx->fd, id, 0, values, 1));
	EXPECT_EQ(256, values[0]);
	EXPECT_EQ(0xaa, values[1]);
	EXPECT_EQ(0, read_values(ctx->fd, id, 0, NULL, 0));
}

TEST_F(perfmon, reset)
{
	struct npu_ctx *ctx = &self->ctx;
	uint64_t value;
	uint32_t id;

	ASSERT_EQ(0, create(ctx->fd, 0, BIT(PACKETS), &id));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(1, read_values(ctx->fd, id, DRM_NPU_PERFMON_READ_RESET, &value, 1));
	EXPECT_EQ(2, value);
	EXPECT_EQ(0, read_one(ctx->fd, id));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(1, read_one(ctx->fd, id));
}

/* All queues of the file: those that were, those that come, those that have gone. */
TEST_F(perfmon, counts_a_file)
{
	struct npu_ctx *ctx = &self->ctx, other;
	uint32_t file, one, later, handle;

	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(0, create(ctx->fd, 0, BIT(PACKETS), &file));
	EXPECT_EQ(0, read_one(ctx->fd, file));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &later));
	ASSERT_EQ(0, create(ctx->fd, later, BIT(PACKETS), &one));
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, later, NPU_TEST_VA, 2, &handle));
	ASSERT_EQ(0, npu_wait_binary(ctx->fd, handle));
	EXPECT_EQ(3, read_one(ctx->fd, file));
	EXPECT_EQ(2, read_one(ctx->fd, one));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, later));
	EXPECT_EQ(3, read_one(ctx->fd, file));
	EXPECT_EQ(2, read_one(ctx->fd, one));
	/* another one may get the same hardware queue, and counts for itself */
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &later));
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, later, NPU_TEST_VA, 1, &handle));
	ASSERT_EQ(0, npu_wait_binary(ctx->fd, handle));
	EXPECT_EQ(4, read_one(ctx->fd, file));
	EXPECT_EQ(2, read_one(ctx->fd, one));

	/* and other files are none of its business */
	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	npu_ctx_packets(&other)[0] = npu_pkt_fill(DATA_VA, 1, 64);
	ASSERT_EQ(0, npu_ctx_run(&other, 1));
	EXPECT_EQ(4, read_one(ctx->fd, file));
	EXPECT_EQ(-ENOENT, read_one(other.fd, file));
	npu_ctx_exit(&other);
}

/* Nobody's help or permission is needed. */
TEST_F(perfmon, unprivileged)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t id;

	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	ASSERT_EQ(0, create(ctx->fd, 0, BIT(PACKETS), &id));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	EXPECT_EQ(2, read_one(ctx->fd, id));
	EXPECT_EQ(0, destroy(ctx->fd, id));
}

/* What a queue did before the device was reset is not forgotten. */
TEST_F(perfmon, survives_a_reset)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t file, one;

	if (geteuid())
		SKIP(return, "only root may reset a device");
	ASSERT_EQ(0, create(ctx->fd, 0, BIT(PACKETS), &file));
	ASSERT_EQ(0, create(ctx->fd, ctx->queue, BIT(PACKETS), &one));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_EQ(2, read_one(ctx->fd, one));
	EXPECT_EQ(2, read_one(ctx->fd, file));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(5, read_one(ctx->fd, one));
	EXPECT_EQ(5, read_one(ctx->fd, file));
}

/* A job that fails counts as far as it came, and its queue's values stay. */
TEST_F(perfmon, after_a_fault)
{
	struct npu_ctx *ctx = &self->ctx;
	uint32_t id;

	ASSERT_EQ(0, create(ctx->fd, ctx->queue, BIT(PACKETS), &id));
	ASSERT_EQ(0, npu_ctx_run(ctx, 2));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(0x10, 1, 4);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	EXPECT_GE(read_one(ctx->fd, id), 2);
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	EXPECT_GE(read_one(ctx->fd, id), 2);
}

TEST_F(perfmon, create_bad)
{
	const struct drm_npu_perfmon_create good = {
		.queue_id = self->ctx.queue,
		.counter_version = NPU_COUNTER_TABLE_VERSION,
		.counters = 1,
	};
	struct drm_npu_perfmon_create req;
	int fd = self->ctx.fd, bit;

	for (bit = 0; bit < 32; bit++) {
		req = good;
		req.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	}
	req = good;
	req.counter_version++;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	req.counter_version = 0;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	req = good;
	req.counters = 0;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	for (bit = NPU_COUNTER_COUNT; bit < 64; bit++) {
		req.counters = 1 | 1ull << bit;
		EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	}
	req = good;
	req.queue_id = 4711;
	EXPECT_EQ(-ENOENT, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	req.queue_id = 0xffffffff;
	EXPECT_EQ(-ENOENT, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
	req = good;
	EXPECT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req));
}

TEST_F(perfmon, read_bad)
{
	struct drm_npu_perfmon_read req;
	uint64_t values[2];
	int fd = self->ctx.fd, bit;
	uint32_t id;

	ASSERT_EQ(0, create(fd, 0, 3, &id));
	for (bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, read_values(fd, id, 1u << bit, values, 2));
	EXPECT_EQ(-ENOENT, read_values(fd, 0, 0, values, 2));
	EXPECT_EQ(-ENOENT, read_values(fd, id + 1, 0, values, 2));
	req = (struct drm_npu_perfmon_read){ .id = id, .values = DRM_NPU_OBJ_ARRAY(2, values) };
	req.values.stride = 4;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_READ, &req));
	req = (struct drm_npu_perfmon_read){
		.id = id,
		.values = { .stride = 8, .count = 2, .array = 0x1000 },
	};
	EXPECT_EQ(-EFAULT, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_READ, &req));
	EXPECT_EQ(2, read_values(fd, id, 0, values, 2));
}

TEST_F(perfmon, destroy_bad)
{
	struct drm_npu_perfmon_destroy req = { .pad = 1 };
	int fd = self->ctx.fd;

	ASSERT_EQ(0, create(fd, 0, 1, &req.id));
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_DESTROY, &req));
	EXPECT_EQ(-ENOENT, destroy(fd, 0));
	EXPECT_EQ(-ENOENT, destroy(fd, req.id + 1));
	EXPECT_EQ(0, destroy(fd, req.id));
	EXPECT_EQ(-ENOENT, destroy(fd, req.id));
	EXPECT_EQ(-ENOENT, read_one(fd, req.id));
	/* who destroys 0 does not make it an id */
	EXPECT_EQ(-ENOENT, destroy(fd, 0));
	ASSERT_EQ(0, create(fd, 0, 1, &req.id));
	EXPECT_NE(0, req.id);
}

/* A file has so many; giving one back makes room for another. */
TEST_F(perfmon, exhaust)
{
	uint32_t id, last = 0, count = 0;
	int ret;

	while (!(ret = create(self->ctx.fd, 0, 1, &id))) {
		last = id;
		ASSERT_LE(++count, 1000);
	}
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(64, count);
	EXPECT_EQ(0, destroy(self->ctx.fd, last));
	EXPECT_EQ(0, create(self->ctx.fd, 0, 1, &id));
}

TEST_HARNESS_MAIN
