// SPDX-License-Identifier: MIT
/* SUBMIT: packets that run, packets that must not, syncobjs in and out. */
#include "npu_test.h"

FIXTURE(submit)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(submit)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(submit)
{
	npu_ctx_exit(&self->ctx);
}

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)

static struct drm_npu_device_info device_info(int fd)
{
	struct drm_npu_device_info info = {};

	npu_device_info(fd, &info);
	return info;
}

TEST_F(submit, fill_and_copy)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint32_t *data = (uint32_t *)(ctx->mem + NPU_TEST_DATA);
	size_t i;

	pkt[0] = npu_pkt_fill(DATA_VA, 0xc0ffee01, 0x10000);
	pkt[1] = npu_pkt_barrier();
	pkt[2] = npu_pkt_copy(DATA_VA + 0x20000, DATA_VA, 0x10000);
	ASSERT_EQ(0, npu_ctx_run(ctx, 3));
	for (i = 0; i < 0x10000 / 4; i++)
		ASSERT_EQ(0xc0ffee01, data[0x20000 / 4 + i]);
	EXPECT_EQ(0, data[0x10000 / 4]);
	EXPECT_EQ(0, data[0x30000 / 4]);
}

TEST_F(submit, copy_three_dimensions)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint8_t *src = ctx->mem + NPU_TEST_DATA, *dst = src + 0x40000;
	uint32_t x, y, z, bad = 0;

	for (x = 0; x < 0x40000; x++)
		src[x] = x * 31 + (x >> 8);
	pkt[0] = npu_pkt_copy(DATA_VA + 0x40000, DATA_VA, 13);
	pkt[0].copy.size[1] = 7;
	pkt[0].copy.size[2] = 5;
	pkt[0].copy.dst_stride[0] = 17;
	pkt[0].copy.dst_stride[1] = 501;
	pkt[0].copy.src_stride[0] = 100;
	pkt[0].copy.src_stride[1] = 5000;
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	for (z = 0; z < 5; z++)
		for (y = 0; y < 7; y++) {
			for (x = 0; x < 13; x++)
				bad += dst[z * 501 + y * 17 + x] != src[z * 5000 + y * 100 + x];
			for (; x < 17; x++)
				bad += dst[z * 501 + y * 17 + x] != 0;
		}
	EXPECT_EQ(0, bad);
}

/* An embedding table: rows by index, with and without padding, and back again. */
TEST_F(submit, gather_and_scatter)
{
	enum { ROWS = 100, BYTES = 48, TABLE = 64 };
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint8_t *table = ctx->mem + NPU_TEST_DATA, *out = table + 0x10000, *back = table + 0x20000;
	uint32_t *list = (uint32_t *)(table + 0x30000), i, bad = 0;
	const uint64_t list_va = DATA_VA + 0x30000;
	static const uint8_t zeros[BYTES];

	for (i = 0; i < TABLE * BYTES; i++)
		table[i] = i * 31 + (i >> 8) + 1;
	for (i = 0; i < ROWS; i++)
		list[i] = i % 10 == 3 ? 0xffffffff : i * 37 % TABLE;
	pkt[0] = npu_pkt_gather(DATA_VA + 0x10000, DATA_VA, list_va, BYTES, ROWS);
	pkt[0].hdr.flags = NPU_GATHER_PAD;
	pkt[0].gather.bound = TABLE;
	pkt[1] = npu_pkt_barrier();
	pkt[2] = npu_pkt_gather(DATA_VA + 0x20000, DATA_VA + 0x10000, list_va, BYTES, ROWS);
	pkt[2].hdr.flags = NPU_GATHER_PAD | NPU_GATHER_SCATTER;
	pkt[2].gather.bound = TABLE;
	ASSERT_EQ(0, npu_ctx_run(ctx, 3));
	for (i = 0; i < ROWS; i++)
		bad += !!memcmp(out + i * BYTES,
				list[i] < TABLE ? table + list[i] * BYTES : zeros, BYTES);
	EXPECT_EQ(0, bad);
	for (i = 0; i < ROWS; i++)
		if (list[i] < TABLE)
			bad += !!memcmp(back + list[i] * BYTES, table + list[i] * BYTES, BYTES);
	EXPECT_EQ(0, bad);
}

/* An index out of bounds ends the job; the report says where it stands. */
TEST_F(submit, gather_out_of_bounds)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_queue_get_state state;
	uint32_t *list = (uint32_t *)(ctx->mem + NPU_TEST_DATA + 0x30000);

	list[5] = 8;
	npu_ctx_packets(ctx)[0] =
		npu_pkt_gather(DATA_VA + 0x10000, DATA_VA, DATA_VA + 0x30000, 64, 10);
	npu_ctx_packets(ctx)[0].gather.bound = 8;
	EXPECT_EQ(-EIO, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(NPU_JOB_BAD_INDEX, state.fault.error);
	EXPECT_EQ(DATA_VA + 0x30000 + 5 * 4, state.fault.addr);
	EXPECT_EQ(NPU_CORE_COPY, state.fault.core);
}

TEST_F(submit, timestamp_and_counters)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	struct npu_timestamp *stamp = (void *)(ctx->mem + NPU_TEST_DATA);
	struct npu_counter_block *block = (void *)(ctx->mem + NPU_TEST_DATA + 0x1000);
	struct drm_npu_queue_get_state state = { .id = ctx->queue };
	uint64_t value[NPU_COUNTER_COUNT] = {};

	memset(pkt, 0, 4 * sizeof(*pkt));
	pkt[0].timestamp = (struct npu_pkt_timestamp){ .hdr.op = NPU_PKT_TIMESTAMP, .addr = DATA_VA };
	pkt[1] = npu_pkt_fill(DATA_VA + 0x10000, 1, 0x10000);
	pkt[2].timestamp =
		(struct npu_pkt_timestamp){ .hdr.op = NPU_PKT_TIMESTAMP, .addr = DATA_VA + sizeof(*stamp) };
	pkt[3].counters = (struct npu_pkt_counters){ .hdr.op = NPU_PKT_COUNTERS,
						     .addr = DATA_VA + 0x1000,
						     .size = sizeof(*block) };
	ASSERT_EQ(0, npu_ctx_run(ctx, 4));
	EXPECT_GT(stamp[1].cycles, stamp[0].cycles);
	EXPECT_GE(stamp[1].wall_ns, stamp[0].wall_ns);
	EXPECT_GT(stamp[1].time_ps, stamp[0].time_ps);
	EXPECT_EQ(NPU_COUNTER_TABLE_VERSION, block->version);
	EXPECT_EQ(NPU_COUNTER_COUNT, block->count);
	EXPECT_EQ(0x10000, block->value[NPU_COUNTER_COPY_BYTES]);
	EXPECT_GE(block->value[NPU_COUNTER_CYCLES], stamp[1].cycles);
	EXPECT_NE(0, block->value[NPU_COUNTER_ENERGY]);

	/* what the kernel hands out agrees, and has seen the packet that took the snapshot too */
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, value);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	EXPECT_EQ(0x10000, value[NPU_COUNTER_COPY_BYTES]);
	EXPECT_EQ(4, value[NPU_COUNTER_PACKETS]);
	EXPECT_EQ(1, state.submitted);
	EXPECT_EQ(1, state.completed);
}

/* The same work on a new queue takes the same modelled cycles and energy, to the last digit. */
TEST_F(submit, modelled_figures_repeat)
{
	uint64_t first[NPU_COUNTER_COUNT] = {}, value[NPU_COUNTER_COUNT];
	int round;

	for (round = 0; round < 3; round++) {
		struct drm_npu_queue_get_state state = {};
		union npu_packet *pkt;
		struct npu_ctx ctx;

		ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
		pkt = npu_ctx_packets(&ctx);
		pkt[0] = npu_pkt_fill(DATA_VA, 7, 0x20000);
		pkt[1] = npu_pkt_dispatch(DATA_VA, 0, 1000);
		*(uint32_t *)(ctx.mem + NPU_TEST_DATA) = NPU_INSN_EXIT;
		pkt[0].fill.dst += 0x1000;
		ASSERT_EQ(0, npu_ctx_run(&ctx, 2));
		memset(value, 0, sizeof(value));
		state.id = ctx.queue;
		state.counters =
			(struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, value);
		ASSERT_EQ(0, npu_ioctl(ctx.fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
		if (!round)
			memcpy(first, value, sizeof(first));
		EXPECT_EQ(0, memcmp(first, value, sizeof(first)));
		npu_ctx_exit(&ctx);
	}
	EXPECT_EQ(1000, first[NPU_COUNTER_WORKGROUPS]);
	EXPECT_EQ(1000, first[NPU_COUNTER_TILE_INSTRUCTIONS]);
	EXPECT_NE(0, first[NPU_COUNTER_CYCLES]);
}

TEST_F(submit, many_packets)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint32_t *data = (uint32_t *)(ctx->mem + NPU_TEST_DATA), i;

	for (i = 0; i < 1000; i++)
		pkt[i] = npu_pkt_fill(DATA_VA + i * 4, i + 1, 4);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1000));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(i + 1, data[i]);
	EXPECT_EQ(0, data[1000]);
}

/* More jobs than the ring holds, all in flight at once, in order. */
TEST_F(submit, many_jobs)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint32_t *data = (uint32_t *)(ctx->mem + NPU_TEST_DATA), i;

	for (i = 0; i < 1000; i++) {
		pkt[i] = npu_pkt_fill(DATA_VA + (i % 16) * 4, i, 4);
		ASSERT_EQ(0, npu_submit(ctx->fd, ctx->queue, NPU_TEST_VA + i * 64, 1, ctx->timeline,
					i + 1));
	}
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 1000, NPU_TEST_WAIT_NS));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(1000 - 16 + (i + 16 - 1000 % 16) % 16, data[i]);
}

TEST_F(submit, several_command_buffers)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	struct drm_npu_cmdbuf cmdbufs[3] = {
		{ .va = NPU_TEST_VA, .packets = 1 },
		{ .va = NPU_TEST_VA + 64, .packets = 1 },
		{ .va = NPU_TEST_VA, .packets = 1 },
	};
	struct drm_npu_sync_op sync = {
		.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		.handle = ctx->timeline,
		.point = 1,
	};
	struct drm_npu_submit req = {
		.queue_id = ctx->queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(3, cmdbufs),
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
	};

	pkt[0] = npu_pkt_fill(DATA_VA, 1, 4);
	pkt[1] = npu_pkt_fill(DATA_VA, 2, 8);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(1, *(uint32_t *)(ctx->mem + NPU_TEST_DATA));
	EXPECT_EQ(2, *(uint32_t *)(ctx->mem + NPU_TEST_DATA + 4));
}

/* As many command buffers as a job may have, and one more. */
TEST_F(submit, most_command_buffers)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	const uint32_t most = device_info(ctx->fd).max_cmdbufs;
	const uint32_t *data = (uint32_t *)(ctx->mem + NPU_TEST_DATA);
	struct drm_npu_cmdbuf *cmdbufs = calloc(most + 1, sizeof(*cmdbufs));
	struct drm_npu_sync_op sync = {
		.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		.handle = ctx->timeline,
	};
	struct drm_npu_submit req = {
		.queue_id = ctx->queue,
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
	};
	uint32_t i, job;

	ASSERT_GE(most, 1);
	ASSERT_NE(NULL, cmdbufs);
	for (i = 0; i <= most; i++) {
		pkt[2 * i] = npu_pkt_fill(DATA_VA + 4 * i, i + 1, 4);
		pkt[2 * i + 1] = npu_pkt_copy(DATA_VA + 0x1000 + 4 * i, DATA_VA + 4 * i, 4);
		cmdbufs[i] = (struct drm_npu_cmdbuf){ .va = NPU_TEST_VA + 128 * i, .packets = 2 };
	}
	/* more such jobs at a time than the ring has room for */
	for (job = 1; job <= 20; job++) {
		sync.point = job;
		req.cmdbufs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(most, cmdbufs);
		ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	}
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 20, NPU_TEST_WAIT_NS));
	ASSERT_EQ(0, npu_point_status(ctx->fd, ctx->timeline, 20));
	for (i = 0; i < most; i++)
		ASSERT_EQ(i + 1, data[0x1000 / 4 + i]);
	EXPECT_EQ(0, data[0x1000 / 4 + most]);
	sync.point = job;
	req.cmdbufs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(most + 1, cmdbufs);
	EXPECT_EQ(-EINVAL, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	free(cmdbufs);
}

/* As many packets as a command buffer may have, and one more. */
TEST_F(submit, most_packets)
{
	struct npu_ctx *ctx = &self->ctx;
	const uint32_t most = device_info(ctx->fd).max_packets;
	const uint64_t size = ((uint64_t)most + 1) * NPU_PACKET_SIZE, page = 4096;
	const uint64_t va = NPU_TEST_VA + 0x10000000, room = (size + page - 1) / page * page;
	struct drm_npu_queue_get_state state = { .id = ctx->queue };
	uint64_t value[NPU_COUNTER_COUNT] = {};
	union npu_packet *pkt;
	uint32_t bo, i;

	ASSERT_GE(most, 65536);
	ASSERT_EQ(0, npu_bo_create(ctx->fd, room, &bo));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, bo, 0, va, room, DRM_NPU_VM_BIND_READONLY));
	pkt = npu_bo_mmap(ctx->fd, bo, room);
	ASSERT_NE(MAP_FAILED, (void *)pkt);
	for (i = 0; i <= most; i++)
		pkt[i].hdr.op = NPU_PKT_NOP;
	pkt[0] = npu_pkt_fill(DATA_VA, 7, 4);
	pkt[most - 1] = npu_pkt_copy(DATA_VA + 4, DATA_VA, 4);
	pkt[most] = npu_pkt_fill(DATA_VA + 8, 9, 4);
	ASSERT_EQ(0, npu_submit(ctx->fd, ctx->queue, va, most, ctx->timeline, 1));
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 1, NPU_TEST_WAIT_NS));
	ASSERT_EQ(0, npu_point_status(ctx->fd, ctx->timeline, 1));
	EXPECT_EQ(7, *(uint32_t *)(ctx->mem + NPU_TEST_DATA + 4));
	EXPECT_EQ(0, *(uint32_t *)(ctx->mem + NPU_TEST_DATA + 8));
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, value);
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	EXPECT_EQ(most, value[NPU_COUNTER_PACKETS]);
	EXPECT_EQ(-EINVAL, npu_submit(ctx->fd, ctx->queue, va, most + 1, ctx->timeline, 2));
	munmap(pkt, room);
}

/* No command buffers: the syncs alone. Binary syncobjs work as timelines do. */
TEST_F(submit, syncs_only_and_binary)
{
	struct npu_ctx *ctx = &self->ctx;
	struct drm_npu_sync_op syncs[2] = {
		{ .flags = DRM_NPU_SYNC_OP_SIGNAL },
		{ .flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		  .handle = ctx->timeline,
		  .point = 5 },
	};
	struct drm_npu_submit req = {
		.queue_id = ctx->queue,
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
	};

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &syncs[0].handle));
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	EXPECT_EQ(0, drmSyncobjWait(ctx->fd, &syncs[0].handle, 1, npu_deadline(NPU_TEST_WAIT_NS), 0,
				    NULL));
	EXPECT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 5, NPU_TEST_WAIT_NS));
}

/* A job waits for what it was told to wait for, across queues. */
TEST_F(submit, waits_for_a_point)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	struct drm_npu_cmdbuf cmdbuf = { .va = NPU_TEST_VA, .packets = 1 };
	struct drm_npu_sync_op syncs[2] = {
		{ .flags = DRM_NPU_SYNC_OP_WAIT | DRM_NPU_SYNC_OP_TIMELINE, .point = 3 },
		{ .flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		  .handle = ctx->timeline,
		  .point = 1 },
	};
	struct drm_npu_submit req = {
		.queue_id = ctx->queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(2, syncs),
	};
	struct drm_npu_submit gate;
	uint32_t other, gate_timeline;

	ASSERT_EQ(0, drmSyncobjCreate(ctx->fd, 0, &gate_timeline));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &other));
	syncs[0].handle = gate_timeline;

	/* nothing has been submitted for the point yet: no fence to wait for */
	EXPECT_EQ(-EINVAL, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));

	/* the gate: a chain of jobs on another queue, the last of which signals point 3 */
	pkt[0] = npu_pkt_copy(DATA_VA + 4, DATA_VA, 4);
	pkt[1] = npu_pkt_fill(DATA_VA, 42, 4);
	for (int i = 0; i < 3; i++) {
		struct drm_npu_cmdbuf fill = { .va = NPU_TEST_VA + 64, .packets = 1 };
		struct drm_npu_sync_op sync = {
			.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
			.handle = gate_timeline,
			.point = i + 1,
		};

		gate = (struct drm_npu_submit){
			.queue_id = other,
			.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &fill),
			.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
		};
		ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &gate));
	}
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, 1, NPU_TEST_WAIT_NS));
	EXPECT_EQ(42, *(uint32_t *)(ctx->mem + NPU_TEST_DATA + 4));
}

TEST_F(submit, bad_struct)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	struct drm_npu_cmdbuf cmdbuf = { .va = NPU_TEST_VA, .packets = 1 };
	struct drm_npu_sync_op sync = {
		.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
		.handle = ctx->timeline,
		.point = 1,
	};
	struct drm_npu_submit good = {
		.queue_id = ctx->queue,
		.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
		.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
	};
	struct drm_npu_cmdbuf good_cmdbuf = cmdbuf;
	struct drm_npu_sync_op good_sync = sync;
	struct {
		struct drm_npu_cmdbuf cmdbuf;
		uint64_t unknown;
	} longer = { .cmdbuf = cmdbuf, .unknown = 1 };
	struct drm_npu_queue_get_state state;
	struct drm_npu_submit req;

#define EXPECT_SUBMIT(want)                                                        \
	do {                                                                       \
		EXPECT_EQ(want, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_SUBMIT, &req));   \
		req = good;                                                        \
		cmdbuf = good_cmdbuf;                                              \
		sync = good_sync;                                                  \
	} while (0)

	pkt[0] = npu_pkt_fill(DATA_VA, 0xbad, 4);
	req = good;
	req.queue_id = 4711;
	EXPECT_SUBMIT(-ENOENT);
	req.queue_id = 0;
	EXPECT_SUBMIT(-ENOENT);
	req.flags = 1;
	EXPECT_SUBMIT(-EINVAL);
	req.flags = 1u << 31;
	EXPECT_SUBMIT(-EINVAL);
	req.cmdbufs.stride = 0;
	EXPECT_SUBMIT(-EINVAL);
	req.cmdbufs.stride = 8;
	EXPECT_SUBMIT(-EINVAL);
	req.cmdbufs.count = 0xffffffff;
	EXPECT_SUBMIT(-EINVAL);
	req.cmdbufs.array = 0x1000;
	EXPECT_SUBMIT(-EFAULT);
	req.syncs.stride = 4;
	EXPECT_SUBMIT(-EINVAL);
	req.syncs.count = 0xffffffff;
	EXPECT_SUBMIT(-EINVAL);
	req.syncs.array = 0x1000;
	EXPECT_SUBMIT(-EFAULT);
	cmdbuf.va += 4; /* alignment */
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.packets = 0;
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.packets = NPU_CB_MAX_PACKETS + 1;
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.packets = 0xffffffff;
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.va = NPU_VA_MAX - 64;
	cmdbuf.packets = 2; /* runs out of the address space */
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.va = ~63ull;
	cmdbuf.packets = 2; /* wraps */
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.flags = 1;
	EXPECT_SUBMIT(-EINVAL);
	cmdbuf.flags = 1u << 31;
	EXPECT_SUBMIT(-EINVAL);
	req.cmdbufs.stride = 0xffffffff;
	EXPECT_SUBMIT(-E2BIG);
	req.syncs.stride = 0xffffffff;
	EXPECT_SUBMIT(-E2BIG);
	req.cmdbufs.array = UINT64_MAX - sizeof(cmdbuf) + 1; /* the array wraps around */
	req.cmdbufs.count = 2;
	EXPECT_SUBMIT(-EFAULT);
	req.cmdbufs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &longer); /* unknown bytes */
	EXPECT_SUBMIT(-E2BIG);
	sync.flags = 1u << 2;
	EXPECT_SUBMIT(-EINVAL);
	sync.flags |= 1u << 31;
	EXPECT_SUBMIT(-EINVAL);
	sync.handle = 4711;
	EXPECT_SUBMIT(-ENOENT);
	sync.handle = 0;
	EXPECT_SUBMIT(-ENOENT);
	sync.point = 0; /* a timeline's point 0 cannot be signalled */
	EXPECT_SUBMIT(-EINVAL);
	sync.flags = DRM_NPU_SYNC_OP_SIGNAL; /* binary has no point */
	EXPECT_SUBMIT(-EINVAL);

	/* not one of them ran, and the queue is as good as new */
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_USABLE, state.state);
	EXPECT_EQ(0, state.submitted);
	EXPECT_EQ(0, *(uint32_t *)(ctx->mem + NPU_TEST_DATA));
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
#undef EXPECT_SUBMIT
}

/* What the kernel does not look at, the device refuses: each row is one broken packet. */
TEST_F(submit, bad_packet)
{
	static const struct {
		const char *what;
		union npu_packet pkt;
	} row[] = {
		{ "unknown op", { .hdr = { .op = 99 } } },
		{ "flags", { .hdr = { .op = NPU_PKT_BARRIER, .flags = 1 } } },
		{ "reserved in header", { .hdr = { .op = NPU_PKT_BARRIER, .reserved = 1 } } },
		{ "reserved in barrier", { .raw = { NPU_PKT_BARRIER, 0, 0, 1 } } },
		{ "empty grid", { .dispatch = { .hdr.op = NPU_PKT_DISPATCH, .entry = DATA_VA } } },
		{ "grid too long",
		  { .dispatch = { .hdr.op = NPU_PKT_DISPATCH,
				  .entry = DATA_VA,
				  .grid = { NPU_GRID_MAX + 1, 1, 1 } } } },
		{ "grid too large",
		  { .dispatch = { .hdr.op = NPU_PKT_DISPATCH,
				  .entry = DATA_VA,
				  .grid = { NPU_GRID_MAX, NPU_GRID_MAX, NPU_GRID_MAX } } } },
		{ "unknown flag in dispatch",
		  { .dispatch = { .hdr.op = NPU_PKT_DISPATCH,
				  .hdr.flags = 1u << 7,
				  .entry = DATA_VA,
				  .grid = { 1, 1, 1 } } } },
		{ "gang larger than any device",
		  { .dispatch = { .hdr.op = NPU_PKT_DISPATCH,
				  .hdr.flags = NPU_DISPATCH_GANG,
				  .entry = DATA_VA,
				  .grid = { 65, 1, 1 } } } },
		{ "odd entry",
		  { .dispatch = { .hdr.op = NPU_PKT_DISPATCH,
				  .entry = DATA_VA + 1,
				  .grid = { 1, 1, 1 } } } },
		{ "copy of nothing",
		  { .copy = { .hdr.op = NPU_PKT_COPY, .dst = DATA_VA, .src = DATA_VA + 64 } } },
		{ "fill not of words",
		  { .fill = { .hdr.op = NPU_PKT_FILL, .dst = DATA_VA, .size = { 5, 1, 1 } } } },
		{ "fill not aligned",
		  { .fill = { .hdr.op = NPU_PKT_FILL, .dst = DATA_VA + 2, .size = { 4, 1, 1 } } } },
		{ "gather of nothing", { .gather = { .hdr.op = NPU_PKT_GATHER, .rows = 1 } } },
		{ "gather with misaligned indices",
		  { .gather = { .hdr.op = NPU_PKT_GATHER,
				.indices = DATA_VA + 1,
				.bytes = 1,
				.rows = 1 } } },
		{ "gather that pads without a bound",
		  { .gather = { .hdr.op = NPU_PKT_GATHER,
				.hdr.flags = NPU_GATHER_PAD,
				.bytes = 1,
				.rows = 1 } } },
		{ "timestamp not aligned",
		  { .timestamp = { .hdr.op = NPU_PKT_TIMESTAMP, .addr = DATA_VA + 16 } } },
		{ "counters too small",
		  { .counters = { .hdr.op = NPU_PKT_COUNTERS, .addr = DATA_VA, .size = 64 } } },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct drm_npu_queue_get_state state;
		struct npu_ctx ctx;

		ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
		npu_ctx_packets(&ctx)[0] = npu_pkt_barrier();
		npu_ctx_packets(&ctx)[1] = row[i].pkt;
		EXPECT_EQ(-EIO, npu_ctx_run(&ctx, 2))
		TH_LOG("row: %s", row[i].what);
		ASSERT_EQ(0, npu_queue_state(ctx.fd, ctx.queue, &state));
		EXPECT_EQ(DRM_NPU_QUEUE_FAULTED, state.state);
		EXPECT_EQ(NPU_JOB_BAD_PACKET, state.fault.error)
		TH_LOG("row: %s", row[i].what);
		EXPECT_EQ(NPU_TEST_VA + 64, state.fault.packet);
		EXPECT_EQ(NPU_ACCESS_NONE, state.fault.access);
		EXPECT_EQ(1, state.fault.seqno);
		EXPECT_EQ(-ECANCELED, npu_ctx_submit(&ctx, 1));
		npu_ctx_exit(&ctx);
	}
	/* the queue of the fixture never noticed */
	npu_ctx_packets(&self->ctx)[0] = npu_pkt_fill(DATA_VA, 1, 4);
	EXPECT_EQ(0, npu_ctx_run(&self->ctx, 1));
}

/* Jobs behind a failed one are cancelled, none is left hanging. */
TEST_F(submit, jobs_behind_a_failure)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	struct drm_npu_queue_get_state state;
	uint32_t job[20], i, submitted;

	pkt[0].hdr.op = 99;
	pkt[1] = npu_pkt_fill(DATA_VA, 1, 4);
	ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &job[0]));
	for (submitted = 1; submitted < 20; submitted++) {
		int ret = npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA + 64, 1,
					    &job[submitted]);

		if (ret) { /* the failure was seen already */
			EXPECT_EQ(-ECANCELED, ret);
			break;
		}
	}
	EXPECT_EQ(-EIO, npu_wait_binary(ctx->fd, job[0]));
	for (i = 1; i < submitted; i++)
		EXPECT_EQ(-ECANCELED, npu_wait_binary(ctx->fd, job[i]));
	EXPECT_EQ(0, *(uint32_t *)(ctx->mem + NPU_TEST_DATA));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(submitted, state.submitted);
	EXPECT_EQ(submitted, state.completed);
}

/* Destroying a queue or closing the file with work in flight ends that work. */
TEST_F(submit, destroy_and_close_while_busy)
{
	struct npu_ctx *ctx = &self->ctx;
	union npu_packet *pkt = npu_ctx_packets(ctx);
	uint32_t job[5];
	int i;

	*(uint32_t *)(ctx->mem + NPU_TEST_DATA) = NPU_INSN_SELF;
	pkt[0] = npu_pkt_dispatch(DATA_VA, 0, 8);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1, &job[i]));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(-ECANCELED, npu_wait_binary(ctx->fd, job[i]));

	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	ASSERT_EQ(0, npu_ctx_submit(ctx, 1));
	close(ctx->fd);
	ctx->fd = -1;

	/* the device is free for others */
	munmap(ctx->mem, NPU_TEST_SIZE);
	ASSERT_EQ(0, npu_ctx_init(ctx, 0));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(DATA_VA, 1, 4);
	EXPECT_EQ(0, npu_ctx_run(ctx, 1));
}

TEST_HARNESS_MAIN
