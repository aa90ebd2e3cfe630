// SPDX-License-Identifier: MIT
/*
 * What pages of 2 MiB save: the same work with and without them. Page tables are compared by what the kernel
 * charges for them; the device's counters must not differ. Times are printed and no more, for the table in
 * docs/uapi.md. What the device reads of page tables is in no counter: tests/unit/test_mmu.c has that.
 */
#include <sys/mount.h>

#include "npu_test.h"

#define SIZE   (64ull << 20)
#define VA     (1ull << 40)
#define ROWS   (SIZE / NPU_PAGE_SIZE)
#define TABLES (long)(SIZE / NPU_LARGE_PAGE_SIZE) /* of the last level, with small pages */
#define MAPS   32 /* of one BO: what is charged is told no finer than by some 64 pages for each processor */
#define TIMES  20
#define CGROUP "/tmp/npu_huge"
#define LARGE	(read_number("/proc/meminfo", "ShmemHugePages: %ld") / (long)(NPU_LARGE_PAGE_SIZE / 1024))

struct figures {
	long large; /* pages of 2 MiB that the two BOs got */
	long charged; /* pages, for MAPS maps of one */
	long bind_us, unbind_us, gather_us[2]; /* best; of rows in order, and 6 MiB apart */
	uint64_t walks, cycles; /* counters of a copy */
};

static long read_number(const char *path, const char *format)
{
	long value = 0;

	return npu_read_line(path, format, &value) ?: value;
}

static int reload(const char *options)
{
	char line[64];

	snprintf(line, sizeof(line), "modprobe npu %s", options);
	return npu_unload() ?: system(line);
}

/* Does what has not failed before; us is the shortest time that it took. */
#define TIMED(us, call)                                                     \
	do {                                                                \
		const int64_t start = npu_deadline(0);                      \
		ret = ret ?: (call);                                        \
		const long took = (npu_deadline(0) - start) / 1000;         \
		us = us && us < took ? us : took;                           \
	} while (0)

/* What the first round has freed may be uncharged long after it: each has a group of its own. */
static const char *const groups[] = { CGROUP "/without", CGROUP "/with" };

static const char *in_group(int huge, const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", groups[huge], file);
	return path;
}

static long charged(int huge)
{
	return read_number(in_group(huge, "memory.current"), "%ld") / (long)NPU_PAGE_SIZE;
}

static int measure(struct figures *f, int huge)
{
	const uint64_t src = VA, dst = VA + SIZE, maps = VA + (1ull << 36);
	const uint64_t list = NPU_TEST_VA + NPU_TEST_DATA, blocks = list + 0x20000;
	const struct npu_counter_block *block;
	union npu_packet *pkt;
	struct npu_ctx ctx;
	uint32_t bo[2];
	int ret = npu_ctx_init(&ctx, 0);
	const long before = LARGE;

	for (int i = 0; !ret && i < 2; i++)
		ret = npu_bo_create(ctx.fd, SIZE, &bo[i]) ?:
		      npu_map(ctx.fd, ctx.vm, bo[i], 0, VA + i * SIZE, SIZE, 0);
	if (ret)
		goto out;
	f->large = LARGE - before;

	f->charged = -charged(huge);
	for (int i = 0; !ret && i < MAPS; i++)
		ret = npu_map(ctx.fd, ctx.vm, bo[0], 0, maps + i * SIZE, SIZE, 0);
	f->charged += charged(huge);
	for (int i = 0; i < TIMES; i++) {
		TIMED(f->unbind_us, npu_unmap(ctx.fd, ctx.vm, maps, SIZE));
		TIMED(f->bind_us, npu_map(ctx.fd, ctx.vm, bo[0], 0, maps, SIZE, 0));
	}

	pkt = npu_ctx_packets(&ctx);
	pkt[0] = npu_pkt_gather(dst, src, list, 64, ROWS);
	pkt[0].gather.src_stride = NPU_PAGE_SIZE;
	for (int far = 0; far < 2; far++) {
		for (uint32_t i = 0; i < ROWS; i++)
			((uint32_t *)(ctx.mem + NPU_TEST_DATA))[i] = far ? i * 1537 % ROWS : i;
		for (int i = 0; i < TIMES; i++)
			TIMED(f->gather_us[far], npu_ctx_run(&ctx, 1));
	}

	pkt[1] = npu_pkt_copy(dst, src, SIZE);
	for (int i = 0; i < 2; i++)
		pkt[i * 2] = (union npu_packet){ .counters = { .hdr.op = NPU_PKT_COUNTERS,
							       .addr = blocks + i * sizeof(*block),
							       .size = sizeof(*block) } };
	ret = ret ?: npu_ctx_run(&ctx, 3);
	block = (void *)(ctx.mem + (blocks - NPU_TEST_VA));
	f->walks = block[1].value[NPU_COUNTER_COPY_WALKS] - block[0].value[NPU_COUNTER_COPY_WALKS];
	f->cycles = block[1].value[NPU_COUNTER_COPY_CYCLES] - block[0].value[NPU_COUNTER_COPY_CYCLES];
out:
	npu_ctx_exit(&ctx);
	return ret;
}

FIXTURE(huge) {};

FIXTURE_SETUP(huge)
{
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		SKIP(return, "no large pages");
	mkdir(CGROUP, 0700);
	ASSERT_EQ(0, mount("none", CGROUP, "cgroup2", 0, NULL));
	ASSERT_EQ(0, npu_write_file(CGROUP "/cgroup.subtree_control", "+memory"));
	mkdir(groups[0], 0700);
	mkdir(groups[1], 0700);
}

FIXTURE_TEARDOWN(huge)
{
	EXPECT_EQ(0, npu_write_file(CGROUP "/cgroup.procs", "0"));
	rmdir(groups[0]);
	rmdir(groups[1]);
	EXPECT_EQ(0, umount(CGROUP));
	EXPECT_EQ(0, reload(""));
}

TEST_F_TIMEOUT(huge, saves_tables, 300)
{
	struct figures f[2] = {};

	for (int huge = 0; huge < 2; huge++) {
		ASSERT_EQ(0, reload(huge ? "huge_pages=1" : "huge_pages=0"));
		ASSERT_EQ(0, npu_write_file(in_group(huge, "cgroup.procs"), "0"));
		ASSERT_EQ(0, measure(&f[huge], huge));
		printf("# huge_pages=%d: %ld of %ld pages large; for %u maps of 64 MiB %ld pages charged; bind %ld us, "
		       "unbind %ld us; gather in order %ld us, far apart %ld us; copy: %lu walks, %lu cycles\n", huge,
		       f[huge].large, 2 * TABLES, MAPS, f[huge].charged, f[huge].bind_us, f[huge].unbind_us,
		       f[huge].gather_us[0], f[huge].gather_us[1], f[huge].walks, f[huge].cycles);
	}
	EXPECT_EQ(0, f[0].large);
	/* the machine may be out of some: what is not large is charged a table */
	EXPECT_GE(f[1].large, TABLES);
	EXPECT_GE(f[0].charged, MAPS * TABLES * 3 / 4);
	EXPECT_GE(f[1].charged, -MAPS * TABLES / 4);
	EXPECT_LE(f[1].charged, MAPS * (2 * TABLES - f[1].large) + MAPS * TABLES / 4);
	EXPECT_NE(0, f[0].walks);
	EXPECT_EQ(f[0].walks, f[1].walks);
	EXPECT_EQ(f[0].cycles, f[1].cycles);
}

TEST_HARNESS_MAIN
