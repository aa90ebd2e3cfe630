// SPDX-License-Identifier: MIT
/*
 * What fdinfo and sysfs tell of a file and of the device, and that docs/sysfs.md, which is installed beside this, knows
 * all of it.
 */
#include <dirent.h>
#include <glob.h>

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
	int fd = self->ctx.fd;

	ASSERT_EQ(0, npu_device_info(fd, &info));
	EXPECT_EQ(info.chiplets * info.tiles_per_chiplet,
		  number(_metadata, fd, "drm-engine-capacity-tile", ""));
	EXPECT_EQ(1, number(_metadata, fd, "drm-engine-capacity-copy", ""));
	EXPECT_EQ(info.clock_khz, number(_metadata, fd, "drm-maxfreq-tile", "KHz"));
	EXPECT_EQ(info.clock_khz, number(_metadata, fd, "drm-maxfreq-copy", "KHz"));
	EXPECT_LT(0, number(_metadata, fd, "drm-curfreq-tile", "KHz"));
	EXPECT_GE(info.clock_khz, number(_metadata, fd, "drm-curfreq-tile", "KHz"));
	EXPECT_EQ(number(_metadata, fd, "drm-curfreq-tile", "KHz"),
		  number(_metadata, fd, "drm-curfreq-copy", "KHz"));
}

/* A key that is there for each engine, or each region of memory, whose name is its end. */
struct kind {
	const char *key;
	const char *units[3]; /* "": none */
};

/* In the order in which tools look: one is the beginning of another. */
static const struct kind engine_kinds[] = {
	{ "drm-engine-capacity-", { "" } },
	{ "drm-engine-", { "ns" } },
	{ "drm-cycles-", { "" } },
	{ "drm-maxfreq-", { "KHz" } },
	{ "drm-curfreq-", { "KHz" } },
};

static const struct kind region_kinds[] = {
	{ "drm-total-", { "", "KiB", "MiB" } },
	{ "drm-shared-", { "", "KiB", "MiB" } },
	{ "drm-resident-", { "", "KiB", "MiB" } },
	{ "drm-active-", { "", "KiB", "MiB" } },
	{ "drm-purgeable-", { "", "KiB", "MiB" } },
};

#define KINDS 5

/* Engines or regions, as they were met, with the kinds of keys that were there. */
struct things {
	struct {
		char name[32];
		unsigned int kinds;
	} thing[8];
	unsigned int count;
};

/* Takes a line whose key is of one of the kinds. Return: 0: it is not; 1: taken; -1: not in order. */
static int take_line(const char *line, const struct kind kinds[KINDS], struct things *things)
{
	unsigned int kind, i, u;
	unsigned long long value;
	char name[32], unit[16] = "";

	for (kind = 0; kind < KINDS; kind++)
		if (!strncmp(line, kinds[kind].key, strlen(kinds[kind].key)))
			break;
	if (kind == KINDS)
		return 0;
	if (sscanf(line + strlen(kinds[kind].key), "%31[a-z0-9]:\t%llu %15s", name, &value, unit) < 2)
		return -1;
	for (u = 0; u < 3 && kinds[kind].units[u]; u++)
		if (!strcmp(unit, kinds[kind].units[u]))
			break;
	if (u == 3 || !kinds[kind].units[u])
		return -1;
	for (i = 0; i < things->count; i++)
		if (!strcmp(things->thing[i].name, name))
			break;
	if (i == things->count) {
		if (i == 8)
			return -1;
		strcpy(things->thing[things->count++].name, name);
	}
	if (things->thing[i].kinds & 1u << kind)
		return -1;
	things->thing[i].kinds |= 1u << kind;
	return 1;
}

/* Who knows nothing of this driver, as gputop, makes sense of every line, and finds all it looks for. */
TEST_F(fdinfo, for_any_tool)
{
	struct things engines = {}, regions = {};
	unsigned int clients = 0, drivers = 0, devices = 0, bad = 0, value;
	char path[64], line[256], text[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->ctx.fd);
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		int engine, region;

		if (strncmp(line, "drm-", 4))
			continue;
		engine = take_line(line, engine_kinds, &engines);
		region = take_line(line, region_kinds, &regions);
		if (sscanf(line, "drm-driver:\t%63s", text) == 1)
			drivers++;
		else if (sscanf(line, "drm-pdev:\t%*x:%*x:%*x.%u", &value) == 1)
			devices++;
		else if (sscanf(line, "drm-client-id:\t%u", &value) == 1)
			clients++;
		else
			bad += engine + region != 1;
	}
	fclose(file);
	EXPECT_EQ(0, bad);
	EXPECT_EQ(1, drivers);
	EXPECT_EQ(1, clients);
	EXPECT_EQ(1, devices);
	EXPECT_EQ(2, engines.count);
	EXPECT_EQ(1, regions.count);
	/* none lacks a key of a kind */
	for (unsigned int i = 0; i < engines.count; i++)
		EXPECT_EQ((1u << KINDS) - 1, engines.thing[i].kinds);
	for (unsigned int i = 0; i < regions.count; i++)
		EXPECT_EQ((1u << KINDS) - 1, regions.thing[i].kinds);
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

/* What could be done without counts until it is taken, and is gone then. */
TEST_F(fdinfo, purgeable_memory)
{
	struct drm_npu_bo_madvise advice = { .advice = DRM_NPU_BO_DONTNEED };
	struct npu_ctx *ctx = &self->ctx;

	if (geteuid())
		SKIP(return, "only root can have memory taken");
	ASSERT_EQ(0, npu_bo_create(ctx->fd, 3 * MIB, &advice.handle));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, advice.handle, 0, 4 * NPU_TEST_VA, 3 * MIB, 0));
	ASSERT_EQ(0, npu_ioctl(ctx->fd, DRM_IOCTL_NPU_BO_MADVISE, &advice));
	EXPECT_EQ(3 * MIB, size(_metadata, ctx->fd, "drm-purgeable-memory"));
	EXPECT_EQ(NPU_TEST_SIZE + 3 * MIB, size(_metadata, ctx->fd, "drm-resident-memory"));
	ASSERT_EQ(0, npu_write_file("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ(0, size(_metadata, ctx->fd, "drm-purgeable-memory"));
	EXPECT_EQ(NPU_TEST_SIZE, size(_metadata, ctx->fd, "drm-resident-memory"));
	EXPECT_EQ(NPU_TEST_SIZE + 3 * MIB, size(_metadata, ctx->fd, "drm-total-memory"));
}

FIXTURE(sysfs)
{
	char pci[64];
	char dir[128];
	struct drm_npu_device_info info;
	struct drm_npu_fw_info fw;
	char text[128];
};

FIXTURE_SETUP(sysfs)
{
	struct drm_npu_dev_query query = {
		.type = DRM_NPU_DEV_QUERY_FW_INFO,
		.size = sizeof(self->fw),
		.pointer = (uintptr_t)&self->fw,
	};
	int fd;

	fd = npu_test_open();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, npu_device_info(fd, &self->info));
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_DEV_QUERY, &query));
	ASSERT_EQ(0, npu_test_pci(fd, self->pci, sizeof(self->pci)));
	snprintf(self->dir, sizeof(self->dir), "/sys/bus/pci/devices/%s/npu", self->pci);
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

/* A folder of the device, and the files that docs/sysfs.md says are in it. */
struct folder {
	char path[128]; /* as a pattern */
	char name[32][32];
	bool found[32];
	unsigned int count;
};

/* Each file in the folder is one of these. Return: how many there are. */
static unsigned int see_files(struct __test_metadata *_metadata, struct folder *folder)
{
	unsigned int files = 0;
	struct dirent *entry;
	glob_t where;
	DIR *dir;

	if (glob(folder->path, 0, NULL, &where))
		return 0;
	EXPECT_EQ(1, where.gl_pathc);
	dir = opendir(where.gl_pathv[0]);
	globfree(&where);
	while (dir && (entry = readdir(dir))) {
		unsigned int i;

		/* what the kernel has in each folder of hwmon */
		if (entry->d_type != DT_REG || !strcmp(entry->d_name, "uevent") ||
		    !strcmp(entry->d_name, "name"))
			continue;
		for (i = 0; i < folder->count; i++)
			if (!strcmp(entry->d_name, folder->name[i]))
				break;
		EXPECT_GT(folder->count, i)
		{
			TH_LOG("%s%s is not in docs/sysfs.md", folder->path, entry->d_name);
		}
		if (i < folder->count)
			folder->found[i] = true;
		files++;
	}
	if (dir)
		closedir(dir);
	return files;
}

/* A folder has all that it is said to have, and nothing else. */
static void see_folder(struct __test_metadata *_metadata, struct folder *folder)
{
	if (!folder->count)
		return;
	EXPECT_LT(0, see_files(_metadata, folder));
	for (unsigned int i = 0; i < folder->count; i++) {
		EXPECT_TRUE(folder->found[i])
		{
			TH_LOG("there is no %s%s", folder->path, folder->name[i]);
		}
	}
}

TEST_F(sysfs, documented)
{
	char line[1024], where[64], name[32];
	unsigned int folders = 0;
	struct folder folder = {};
	FILE *page = fopen("sysfs.md", "r");

	ASSERT_NE(NULL, page)
	{
		TH_LOG("sysfs.md: %s; run it where it is installed", strerror(errno));
	}
	while (fgets(line, sizeof(line), page)) {
		if (sscanf(line, "`/sys/bus/pci/devices/ADDRESS/%63[a-zN/]`", where) == 1) {
			see_folder(_metadata, &folder);
			folder = (struct folder){};
			snprintf(folder.path, sizeof(folder.path), "/sys/bus/pci/devices/%s/%s", self->pci,
				 where);
			if (strchr(folder.path, 'N'))
				*strchr(folder.path, 'N') = '*';
		} else if (!strncmp(line, "## ", 3)) {
			see_folder(_metadata, &folder);
			folder = (struct folder){};
		} else if (*folder.path && sscanf(line, "| `%31[a-z0-9_]` |", name) == 1) {
			ASSERT_GT(32, folder.count);
			folders += !folder.count;
			strcpy(folder.name[folder.count++], name);
		}
	}
	fclose(page);
	/* npu, recovery, dvfs, hwmon */
	EXPECT_EQ(4, folders);
}

TEST_HARNESS_MAIN
