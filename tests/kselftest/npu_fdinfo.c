// SPDX-License-Identifier: MIT
/* What fdinfo and sysfs tell of a file and of the device. */
#include "npu_test.h"

#define MIB (1ull << 20)

/* Contents of a key of fd's fdinfo, as a number and its unit; false: there is no such key. */
static bool fdinfo(int fd, const char *key, unsigned long long *value, char unit[16])
{
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && !found && fgets(line, sizeof(line), file)) {
		size_t length = strlen(key);

		if (strncmp(line, key, length) || line[length] != ':')
			continue;
		*unit = 0;
		found = sscanf(line + length + 1, "%llu %15s", value, unit) >= 1;
	}
	if (file)
		fclose(file);
	return found;
}

static unsigned long long number(struct __test_metadata *_metadata, int fd, const char *key,
				 const char *want_unit)
{
	unsigned long long value = 0;
	char unit[16] = "";

	EXPECT_TRUE(fdinfo(fd, key, &value, unit))
	TH_LOG("no key %s", key);
	EXPECT_STREQ(want_unit, unit);
	return value;
}

/* drm prints sizes in the largest unit that divides them. */
static unsigned long long size(struct __test_metadata *_metadata, int fd, const char *key)
{
	unsigned long long value = 0;
	char unit[16] = "";

	EXPECT_TRUE(fdinfo(fd, key, &value, unit))
	TH_LOG("no key %s", key);
	if (!strcmp(unit, "KiB"))
		return value << 10;
	if (!strcmp(unit, "MiB"))
		return value << 20;
	EXPECT_STREQ("", unit);
	return value;
}

/* Counters of the context's queue. */
static int counters(const struct npu_ctx *ctx, uint64_t values[NPU_COUNTER_COUNT])
{
	struct drm_npu_queue_get_state state = {
		.id = ctx->queue,
		.counters = DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, values),
	};

	return npu_ioctl(ctx->fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state);
}

FIXTURE(fdinfo)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(fdinfo)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(fdinfo)
{
	npu_ctx_exit(&self->ctx);
}

/* A copy, and a kernel that does nothing, on every tile. */
static int work(struct npu_ctx *ctx)
{
	union npu_packet *packets = npu_ctx_packets(ctx);
	uint32_t *code = (uint32_t *)(ctx->mem + NPU_TEST_DATA);

	code[0] = NPU_INSN_EXIT;
	packets[0] = npu_pkt_copy(NPU_TEST_VA + 0x100000, NPU_TEST_VA + 0x80000, 0x40000);
	packets[1] = npu_pkt_dispatch(NPU_TEST_VA + NPU_TEST_DATA, 0, 64);
	return npu_ctx_run(ctx, 2);
}

TEST_F(fdinfo, names)
{
	char path[64], text[4096] = "", want[128], device[64];
	int fd = self->ctx.fd, n;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	ASSERT_LT(0, n);
	EXPECT_NE(NULL, strstr(text, "drm-driver:\tnpu\n"));
	EXPECT_LT(0, number(_metadata, fd, "drm-client-id", ""));
	ASSERT_EQ(0, npu_test_pci(fd, device, sizeof(device)));
	snprintf(want, sizeof(want), "drm-pdev:\t%s\n", device);
	EXPECT_NE(NULL, strstr(text, want))
	TH_LOG("no %s in %s", want, text);
}

TEST_F(fdinfo, engines_follow_the_counters)
{
	uint64_t before[NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT];
	unsigned long long cycles, copy, ns;
	struct npu_ctx *ctx = &self->ctx;

	EXPECT_EQ(0, number(_metadata, ctx->fd, "drm-engine-tile", "ns"));
	EXPECT_EQ(0, number(_metadata, ctx->fd, "drm-cycles-tile", ""));
	ASSERT_EQ(0, work(ctx));
	ASSERT_EQ(0, counters(ctx, before));
	cycles = number(_metadata, ctx->fd, "drm-cycles-tile", "");
	copy = number(_metadata, ctx->fd, "drm-cycles-copy", "");
	ns = number(_metadata, ctx->fd, "drm-engine-tile", "ns");
	EXPECT_LT(0, cycles);
	EXPECT_EQ(before[NPU_COUNTER_TILE_CYCLES], cycles);
	EXPECT_EQ(before[NPU_COUNTER_COPY_CYCLES], copy);
	EXPECT_EQ(before[NPU_COUNTER_TILE_CYCLES] * before[NPU_COUNTER_TIME] /
		  before[NPU_COUNTER_CYCLES] / 1000, ns);

	ASSERT_EQ(0, work(ctx));
	ASSERT_EQ(0, counters(ctx, after));
	EXPECT_EQ(after[NPU_COUNTER_TILE_CYCLES],
		  number(_metadata, ctx->fd, "drm-cycles-tile", ""));
	EXPECT_LT(ns, number(_metadata, ctx->fd, "drm-engine-tile", "ns"));
	EXPECT_LT(0, number(_metadata, ctx->fd, "drm-engine-copy", "ns"));
}

TEST_F(fdinfo, queues_that_are_gone_count)
{
	struct npu_ctx *ctx = &self->ctx;
	unsigned long long one, other;
	uint32_t vm2;

	ASSERT_EQ(0, work(ctx));
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	one = number(_metadata, ctx->fd, "drm-cycles-tile", "");
	EXPECT_LT(0, one);
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	EXPECT_EQ(one, number(_metadata, ctx->fd, "drm-cycles-tile", ""));
	ASSERT_EQ(0, work(ctx));
	EXPECT_LT(one, number(_metadata, ctx->fd, "drm-cycles-tile", ""));

	/* and never those of another file */
	other = npu_test_open();
	ASSERT_EQ(0, npu_vm_create(other, &vm2));
	EXPECT_EQ(0, number(_metadata, other, "drm-cycles-tile", ""));
	close(other);
}

#define STOP	   (NPU_TEST_DATA + 0x1000) /* the kernel below is short from when this is not 0 */
#define WORKGROUPS 65536

/* A job of many workgroups, for minutes until it is told to hurry. */
static int start_long(struct npu_ctx *ctx)
{
	static const uint32_t kernel[] = {
		0x00052303, /* lw t1, 0(a0) */
		0x00031863, /* bnez t1, to the end */
		0x000802b7, /* lui t0, 0x80 */
		0xfff28293, /* addi t0, t0, -1 */
		0xfe029ee3, /* bnez t0, to the line before */
		NPU_INSN_EXIT,
	};

	*(volatile uint32_t *)(ctx->mem + STOP) = 0;
	memcpy(ctx->mem + NPU_TEST_DATA, kernel, sizeof(kernel));
	npu_ctx_packets(ctx)[0] =
		npu_pkt_dispatch(NPU_TEST_VA + NPU_TEST_DATA, NPU_TEST_VA + STOP, WORKGROUPS);
	return npu_ctx_submit(ctx, 1);
}

static bool runs(const struct npu_ctx *ctx)
{
	return npu_wait(ctx->fd, ctx->timeline, ctx->point, 0) == -ETIME;
}

/* Waits until cycles and time have grown so many times, and never fallen; returns the cycles told last. */
static unsigned long long see_growth(struct __test_metadata *_metadata, struct npu_ctx *ctx,
				     unsigned int times)
{
	const int64_t start = npu_deadline(0);
	unsigned long long cycles = number(_metadata, ctx->fd, "drm-cycles-tile", "");
	unsigned long long ns = number(_metadata, ctx->fd, "drm-engine-tile", "ns");

	while (times && npu_deadline(0) - start < NPU_TEST_WAIT_NS) {
		unsigned long long cycles_now = number(_metadata, ctx->fd, "drm-cycles-tile", "");
		unsigned long long ns_now = number(_metadata, ctx->fd, "drm-engine-tile", "ns");

		EXPECT_LE(cycles, cycles_now);
		EXPECT_LE(ns, ns_now);
		if (cycles_now > cycles && ns_now > ns) {
			times--;
			cycles = cycles_now;
			ns = ns_now;
		}
		usleep(1000);
	}
	EXPECT_EQ(0, times);
	return cycles;
}

/* Tools that look at a long job see it work, and when it has ended what the counters say. */
TEST_F(fdinfo, a_job_that_runs_counts)
{
	unsigned long long cycles, ns;
	uint64_t value[NPU_COUNTER_COUNT];
	struct npu_ctx *ctx = &self->ctx;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, start_long(ctx));
		cycles = see_growth(_metadata, ctx, 4);
		ns = number(_metadata, ctx->fd, "drm-engine-tile", "ns");
		/* What others are told of the queue is of jobs that have ended. */
		ASSERT_EQ(0, counters(ctx, value));
		EXPECT_GT(cycles, value[NPU_COUNTER_TILE_CYCLES]);
		EXPECT_TRUE(runs(ctx));
		*(volatile uint32_t *)(ctx->mem + STOP) = 1;
		ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, ctx->point, NPU_TEST_WAIT_NS));
		ASSERT_EQ(0, npu_point_status(ctx->fd, ctx->timeline, ctx->point));
		ASSERT_EQ(0, counters(ctx, value));
		EXPECT_LE(cycles, value[NPU_COUNTER_TILE_CYCLES]);
		EXPECT_EQ(value[NPU_COUNTER_TILE_CYCLES],
			  number(_metadata, ctx->fd, "drm-cycles-tile", ""));
		EXPECT_LE(ns, number(_metadata, ctx->fd, "drm-engine-tile", "ns"));
		/* One clock all the time. Each look rounds down. */
		ns = value[NPU_COUNTER_TILE_CYCLES] *
		     (value[NPU_COUNTER_TIME] / value[NPU_COUNTER_CYCLES]) / 1000;
		EXPECT_EQ(ns, number(_metadata, ctx->fd, "drm-engine-tile", "ns"));
	}
}

/* However a job ends, what was told of it stays, and the next one adds to it. */
TEST_F(fdinfo, jobs_that_are_killed_count)
{
	unsigned long long cycles;
	struct npu_ctx *ctx = &self->ctx;

	ASSERT_EQ(0, start_long(ctx));
	cycles = see_growth(_metadata, ctx, 2);
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	EXPECT_LE(cycles, number(_metadata, ctx->fd, "drm-cycles-tile", ""));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	ASSERT_EQ(0, start_long(ctx));
	EXPECT_LE(cycles, see_growth(_metadata, ctx, 2));
	*(volatile uint32_t *)(ctx->mem + STOP) = 1;
	ASSERT_EQ(0, npu_wait(ctx->fd, ctx->timeline, ctx->point, NPU_TEST_WAIT_NS));

	if (geteuid())
		SKIP(return, "only root may reset the device");
	ASSERT_EQ(0, start_long(ctx));
	cycles = see_growth(_metadata, ctx, 2);
	ASSERT_EQ(0, npu_reset_function(ctx->fd));
	EXPECT_LE(cycles, number(_metadata, ctx->fd, "drm-cycles-tile", ""));
	npu_queue_destroy(ctx->fd, ctx->queue);
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	ASSERT_EQ(0, start_long(ctx));
	EXPECT_LE(cycles, see_growth(_metadata, ctx, 2));
}

TEST_F(fdinfo, capacity_and_clock)
{
	struct drm_npu_device_info info = {};
	struct drm_npu_dev_query query = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = sizeof(info),
		.pointer = (uintptr_t)&info,
	};
	int fd = self->ctx.fd;

	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_DEV_QUERY, &query));
	EXPECT_EQ(info.chiplets * info.tiles_per_chiplet,
		  number(_metadata, fd, "drm-engine-capacity-tile", ""));
	EXPECT_EQ(1, number(_metadata, fd, "drm-engine-capacity-copy", ""));
	EXPECT_EQ(info.clock_khz, number(_metadata, fd, "drm-maxfreq-tile", "KHz"));
	EXPECT_LT(0, number(_metadata, fd, "drm-curfreq-tile", "KHz"));
	EXPECT_GE(info.clock_khz, number(_metadata, fd, "drm-curfreq-tile", "KHz"));
}

TEST_F(fdinfo, memory)
{
	unsigned long long total, resident;
	struct npu_ctx *ctx = &self->ctx;
	int dmabuf, other;
	uint32_t bo, twin;

	total = size(_metadata, ctx->fd, "drm-total-memory");
	resident = size(_metadata, ctx->fd, "drm-resident-memory");
	EXPECT_EQ(NPU_TEST_SIZE, total);
	EXPECT_EQ(NPU_TEST_SIZE, resident);
	EXPECT_EQ(0, size(_metadata, ctx->fd, "drm-shared-memory"));
	EXPECT_EQ(0, size(_metadata, ctx->fd, "drm-active-memory"));
	EXPECT_EQ(0, size(_metadata, ctx->fd, "drm-purgeable-memory"));

	/* untouched: it is there, and takes no memory yet */
	ASSERT_EQ(0, npu_bo_create(ctx->fd, MIB, &bo));
	EXPECT_EQ(total + MIB, size(_metadata, ctx->fd, "drm-total-memory"));
	EXPECT_EQ(resident, size(_metadata, ctx->fd, "drm-resident-memory"));

	ASSERT_EQ(0, drmPrimeHandleToFD(ctx->fd, bo, DRM_CLOEXEC, &dmabuf));
	other = npu_test_open();
	ASSERT_LE(0, other);
	ASSERT_EQ(0, drmPrimeFDToHandle(other, dmabuf, &twin));
	EXPECT_EQ(MIB, size(_metadata, ctx->fd, "drm-shared-memory"));
	EXPECT_EQ(MIB, size(_metadata, other, "drm-total-memory"));
	close(other);
	close(dmabuf);
}

FIXTURE(sysfs)
{
	char dir[128];
	struct drm_npu_device_info info;
	struct drm_npu_fw_info fw;
	char text[128];
};

FIXTURE_SETUP(sysfs)
{
	struct drm_npu_dev_query query = {
		.type = DRM_NPU_DEV_QUERY_DEVICE_INFO,
		.size = sizeof(self->info),
		.pointer = (uintptr_t)&self->info,
	};
	char device[64];
	int fd;

	fd = npu_test_open();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_DEV_QUERY, &query));
	query.type = DRM_NPU_DEV_QUERY_FW_INFO;
	query.size = sizeof(self->fw);
	query.pointer = (uintptr_t)&self->fw;
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_DEV_QUERY, &query));
	ASSERT_EQ(0, npu_test_pci(fd, device, sizeof(device)));
	snprintf(self->dir, sizeof(self->dir), "/sys/bus/pci/devices/%s/npu", device);
	close(fd);
}

FIXTURE_TEARDOWN(sysfs)
{
}

static const char *attribute(FIXTURE_DATA(sysfs) *self, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	memset(self->text, 0, sizeof(self->text));
	file = fopen(path, "r");
	if (!file || !fgets(self->text, sizeof(self->text), file))
		snprintf(self->text, sizeof(self->text), "(no %s)", name);
	if (file)
		fclose(file);
	self->text[strcspn(self->text, "\n")] = 0;
	return self->text;
}

TEST_F(sysfs, device)
{
	char want[64];

	snprintf(want, sizeof(want), "%u.%u", self->info.hw_version >> 16,
		 self->info.hw_version & 0xffff);
	EXPECT_STREQ(want, attribute(self, "hw_version"));
	EXPECT_EQ(self->info.features, strtoull(attribute(self, "hw_features"), NULL, 16));
	EXPECT_EQ(self->info.chiplets, strtoul(attribute(self, "chiplets"), NULL, 10));
	EXPECT_EQ(self->info.tiles_per_chiplet,
		  strtoul(attribute(self, "tiles_per_chiplet"), NULL, 10));
	EXPECT_EQ(self->info.sram_size, strtoul(attribute(self, "sram_size"), NULL, 10));
	EXPECT_EQ(self->info.clock_khz, strtoul(attribute(self, "clock_khz"), NULL, 10));
	EXPECT_EQ(self->info.max_queues, strtoul(attribute(self, "queues"), NULL, 10));
	EXPECT_LT(1, strtoul(attribute(self, "spaces"), NULL, 10));
	EXPECT_STREQ("up", attribute(self, "state"));
}

TEST_F(sysfs, firmware)
{
	char want[64];
	unsigned int i;

	EXPECT_STREQ(self->fw.version, attribute(self, "fw_version"));
	snprintf(want, sizeof(want), "%u.%u", self->fw.abi_major, self->fw.abi_minor);
	EXPECT_STREQ(want, attribute(self, "fw_abi"));
	EXPECT_EQ(self->fw.features, strtoull(attribute(self, "fw_features"), NULL, 16));
	for (i = 0; i < sizeof(self->fw.build_id); i++)
		snprintf(want + 2 * i, 3, "%02x", self->fw.build_id[i]);
	EXPECT_STREQ(want, attribute(self, "fw_build_id"));
}

TEST_HARNESS_MAIN
