// SPDX-License-Identifier: MIT
/*
 * Core dumps: what the driver writes down of a fault, a timeout and a reset, and what
 * npu-prof coredump makes of it.
 */
#include <dirent.h>

#include <npu_dump.h>

#include "npu_runtime.h"
#include "npu_test.h"

#define CLASS	"/sys/class/devcoredump"
#define PARAM	"/sys/module/npu/parameters/coredump"
#define CODE_VA (NPU_TEST_VA + 0x20000)
#define WILD	0x123456789000ull /* nothing is mapped there */

FIXTURE(coredump)
{
	char device[64];
	uint8_t *data;
	size_t size;
	char path[320];
};

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && !strcmp(text + length - strlen(end), end);
}

/* Path of our device's dump; false: there is none. */
static bool find_dump(FIXTURE_DATA(coredump) *self)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(CLASS);
	while (dir && !found && (entry = readdir(dir))) {
		char link[320], target[256] = "";

		snprintf(link, sizeof(link), CLASS "/%.40s/failing_device", entry->d_name);
		if (*entry->d_name == '.' || readlink(link, target, sizeof(target) - 1) < 0)
			continue;
		found = ends_in(target, self->device);
		snprintf(self->path, sizeof(self->path), CLASS "/%.40s/data", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/*
 * Whether there is a dump once the driver has written what it has to: closing a node waits for that.
 */
static bool has_dump(FIXTURE_DATA(coredump) *self)
{
	int fd = npu_test_open();

	if (fd < 0)
		return false;
	close(fd);
	return find_dump(self);
}

/*
 * The kernel does it by a work of its own, and nobody says when it has; false: it has not. There may be one
 * of the device that was in the slot before, too.
 */
static bool remove_dump(FIXTURE_DATA(coredump) *self)
{
	const int64_t start = npu_deadline(0);

	if (!has_dump(self))
		return true;
	while (find_dump(self) && npu_deadline(0) - start < NPU_TEST_WAIT_NS) {
		npu_write_file(self->path, "0");
		usleep(1000);
	}
	return !find_dump(self);
}

/* Reads the dump into self->data. */
static int read_dump(FIXTURE_DATA(coredump) *self)
{
	FILE *file;

	if (!has_dump(self))
		return -ENOENT;
	file = fopen(self->path, "r");
	if (!file)
		return -errno;
	self->size = fread(self->data, 1, NPU_DUMP_MAX, file);
	fclose(file);
	return 0;
}

/* Payload of a section; NULL: there is none. What is wrong in the file shows as that, too. */
static const void *section(FIXTURE_DATA(coredump) *self, uint32_t type, uint64_t *ret_size)
{
	const struct npu_dump_header *header = (const void *)self->data;
	size_t at = header->header_size;
	uint32_t i;

	for (i = 0; i < header->sections; i++) {
		const struct npu_dump_section *head = (const void *)(self->data + at);

		if (at + sizeof(*head) > self->size || head->size > self->size - at - sizeof(*head) ||
		    !head->entry_size || head->size % head->entry_size)
			return NULL;
		if (head->type == type) {
			*ret_size = head->size;
			return head + 1;
		}
		at += sizeof(*head) + (head->size + 7) / 8 * 8;
	}
	return NULL;
}

/* There is a log, of records that the firmware writes. */
static void expect_log(struct __test_metadata *_metadata, const struct npu_log_record *record,
		       uint64_t size)
{
	ASSERT_NE(NULL, record);
	EXPECT_EQ(0, size % sizeof(*record));
	for (; size; size -= sizeof(*record), record++) {
		EXPECT_GT(NPU_LOG_EVENTS, record->event);
		EXPECT_GT(NPU_LOG_LEVELS, record->level);
		EXPECT_NE(0, record->time);
	}
}

static const struct npu_dump_header *expect_dump(struct __test_metadata *_metadata,
						 FIXTURE_DATA(coredump) *self, uint32_t reason)
{
	const struct npu_dump_header *header = (const void *)self->data;
	const struct npu_log_record *record;
	uint64_t size;

	EXPECT_EQ(0, read_dump(self));
	EXPECT_EQ(NPU_DUMP_MAGIC, header->magic);
	EXPECT_EQ(NPU_DUMP_MAJOR, header->major);
	EXPECT_EQ(sizeof(*header), header->header_size);
	EXPECT_EQ(self->size, header->size);
	EXPECT_EQ(reason, header->reason);
	EXPECT_EQ(0, header->flags);
	EXPECT_NE(NULL, section(self, NPU_DUMP_DEVICE, &size));
	EXPECT_NE(NULL, section(self, NPU_DUMP_REGISTERS, &size));
	EXPECT_NE(NULL, section(self, NPU_DUMP_MAILBOX, &size));
	record = section(self, NPU_DUMP_FW_LOG, &size);
	expect_log(_metadata, record, size);
	return header;
}

FIXTURE_SETUP(coredump)
{
	int fd = npu_test_open();

	self->data = calloc(1, NPU_DUMP_MAX);
	ASSERT_NE(NULL, self->data);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, npu_test_pci(fd, self->device, sizeof(self->device)));
	close(fd);
	ASSERT_EQ(0, npu_write_file(PARAM, "Y"));
	remove_dump(self);
	ASSERT_FALSE(has_dump(self));
}

FIXTURE_TEARDOWN(coredump)
{
	npu_write_file(PARAM, "Y");
	remove_dump(self);
	free(self->data);
}

/* A job that writes where nothing is mapped. */
static int fail(struct npu_ctx *ctx)
{
	int ret = npu_ctx_init(ctx, 0);

	if (ret)
		return ret;
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 1, 4096);
	npu_ctx_packets(ctx)[1] = npu_pkt_fill(WILD, 1, 64);
	ret = npu_ctx_run(ctx, 2);
	return ret == -EFAULT ? 0 : ret ? ret : -EPROTO;
}

TEST_F(coredump, fault)
{
	const struct npu_dump_header *header;
	const struct npu_dump_packet *packet;
	const struct npu_dump_record *record;
	const struct npu_dump_queue *queue;
	const struct npu_dump_walk *walk;
	const struct npu_dump_ring *ring;
	struct npu_ctx ctx;
	uint64_t size;

	ASSERT_EQ(0, fail(&ctx));
	header = expect_dump(_metadata, self, NPU_DUMP_FAULT);
	EXPECT_STREQ("page fault", header->why);

	record = section(self, NPU_DUMP_RECORD, &size);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, record->error);
	EXPECT_EQ(WILD, record->addr);
	EXPECT_EQ(1, record->seqno);

	queue = section(self, NPU_DUMP_QUEUE, &size);
	ASSERT_NE(NULL, queue);
	EXPECT_EQ(header->queue, queue->slot);
	EXPECT_EQ(record->asid, queue->asid);
	EXPECT_EQ(1, queue->oldest);
	EXPECT_EQ(1, queue->emitted);
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, queue->wb.error);
	EXPECT_EQ(0, strncmp(queue->owner, "npu_coredump[", 13));

	ring = section(self, NPU_DUMP_RING, &size);
	ASSERT_NE(NULL, ring);
	EXPECT_EQ(2 * sizeof(*ring), size);
	EXPECT_EQ(NPU_RING_RUN, ring[0].entry.op);
	EXPECT_EQ(NPU_TEST_VA, ring[0].entry.addr);
	EXPECT_EQ(NPU_RING_FENCE, ring[1].entry.op);

	packet = section(self, NPU_DUMP_PACKETS, &size);
	ASSERT_NE(NULL, packet);
	EXPECT_EQ(2 * sizeof(*packet), size);
	EXPECT_EQ(record->packet, packet[1].va);
	EXPECT_EQ(0, memcmp(packet[1].bytes, &npu_ctx_packets(&ctx)[1], sizeof(packet->bytes)));

	/* the copy engine has no such registers */
	EXPECT_EQ(NULL, section(self, NPU_DUMP_CORE, &size));

	/* nothing is mapped near it, so the walk ends before its leaf */
	walk = section(self, NPU_DUMP_WALK, &size);
	ASSERT_NE(NULL, walk);
	EXPECT_EQ(3, walk[0].level);
	EXPECT_EQ(WILD >> 39 & 511, walk[0].index);
	EXPECT_EQ(0, walk[size / sizeof(*walk) - 1].entry & NPU_PTE_V);
	EXPECT_NE(NULL, section(self, NPU_DUMP_BINDINGS, &size));
	EXPECT_NE(NULL, section(self, NPU_DUMP_COUNTERS, &size));
	npu_ctx_exit(&ctx);
}

/* Loads known values into registers, sets a vector type, and then reads from where a0 points to. */
static const uint32_t fault_kernel[] = {
	0x12300293, /* li t0, 0x123 */
	0xf2028553, /* fmv.d.x fa0, t0 */
	0x00500313, /* li t1, 5 */
	0x0d1375d7, /* vsetvli a1, t1, e32, m2, ta, ma */
	0x02056407, /* vle32.v v8, (a0) */
	NPU_INSN_EXIT,
};

/* What the core was doing, to the last register. */
TEST_F(coredump, registers)
{
	const uint64_t edge = NPU_TEST_VA + NPU_TEST_SIZE - 12;
	const struct npu_core_state *core;
	const struct npu_dump_record *record;
	struct npu_ctx ctx;
	uint64_t size;

	ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
	memcpy(ctx.mem + (CODE_VA - NPU_TEST_VA), fault_kernel, sizeof(fault_kernel));
	npu_ctx_packets(&ctx)[0] = npu_pkt_dispatch(CODE_VA, edge, 1);
	ASSERT_EQ(-EFAULT, npu_ctx_run(&ctx, 1));
	expect_dump(_metadata, self, NPU_DUMP_FAULT);
	record = section(self, NPU_DUMP_RECORD, &size);
	core = section(self, NPU_DUMP_CORE, &size);
	ASSERT_NE(NULL, record);
	ASSERT_NE(NULL, core);
	EXPECT_EQ(sizeof(*core), size);
	EXPECT_EQ(NPU_TEST_VA + NPU_TEST_SIZE, record->addr);
	EXPECT_EQ(record->core, core->core);
	EXPECT_EQ(record->seqno, core->seqno);
	EXPECT_EQ(record->workgroup, core->workgroup);
	EXPECT_EQ(CODE_VA + 16, core->pc);
	EXPECT_EQ(4, core->instret);
	EXPECT_LT(4, core->cycle);
	EXPECT_EQ(0, core->x[0]);
	EXPECT_EQ(0x123, core->x[5]);
	EXPECT_EQ(5, core->x[6]);
	EXPECT_EQ(edge, core->x[10]);
	EXPECT_EQ(5, core->x[11]);
	EXPECT_EQ(0x123, core->f[10]);
	EXPECT_EQ(5, core->vl);
	EXPECT_EQ(0xd1, core->vtype);
	/* three elements are before the edge */
	EXPECT_EQ(3, core->vstart);
	EXPECT_LE(16, core->vlenb);
	npu_ctx_exit(&ctx);
}

TEST_F(coredump, timeout)
{
	const struct npu_dump_record *record;
	const struct npu_core_state *core;
	const struct npu_dump_code *code;
	struct npu_ctx ctx;
	uint64_t size;
	uint32_t insn;

	ASSERT_EQ(0, npu_ctx_init(&ctx, 1000));
	*(uint32_t *)(ctx.mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	npu_ctx_packets(&ctx)[0] = npu_pkt_dispatch(CODE_VA, 0x4711, 1);
	ASSERT_EQ(-ETIMEDOUT, npu_ctx_run(&ctx, 1));
	expect_dump(_metadata, self, NPU_DUMP_TIMEOUT);
	record = section(self, NPU_DUMP_RECORD, &size);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(NPU_JOB_STOPPED, record->error);
	EXPECT_EQ(CODE_VA, record->pc);
	core = section(self, NPU_DUMP_CORE, &size);
	ASSERT_NE(NULL, core);
	EXPECT_EQ(CODE_VA, core->pc);
	EXPECT_EQ(0x4711, core->x[10]);
	code = section(self, NPU_DUMP_CODE, &size);
	ASSERT_NE(NULL, code);
	/* eight pieces before the one that it stood in */
	ASSERT_LT(8 * sizeof(*code), size);
	EXPECT_EQ(CODE_VA, code[8].va);
	memcpy(&insn, code[8].bytes, sizeof(insn));
	EXPECT_EQ(NPU_INSN_SELF, insn);
	npu_ctx_exit(&ctx);
}

TEST_F(coredump, reset)
{
	const struct npu_dump_header *header;
	const struct npu_dump_queue *queue;
	char path[160];
	struct npu_ctx ctx;
	uint64_t size;

	ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
	*(uint32_t *)(ctx.mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	npu_ctx_packets(&ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 1);
	ASSERT_EQ(0, npu_ctx_submit(&ctx, 1));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", self->device);
	ASSERT_EQ(0, npu_write_file(path, "1"));
	EXPECT_EQ(0, npu_wait(ctx.fd, ctx.timeline, ctx.point, NPU_TEST_WAIT_NS));
	header = expect_dump(_metadata, self, NPU_DUMP_RESET);
	EXPECT_NE(NULL, strstr(header->why, "function"));
	queue = section(self, NPU_DUMP_QUEUE, &size);
	ASSERT_NE(NULL, queue);
	EXPECT_EQ(1, queue->oldest);
	npu_ctx_exit(&ctx);
}

TEST_F(coredump, one_at_a_time)
{
	char first[320];
	struct npu_ctx ctx;

	ASSERT_EQ(0, fail(&ctx));
	npu_ctx_exit(&ctx);
	ASSERT_TRUE(has_dump(self));
	snprintf(first, sizeof(first), "%s", self->path);
	/* dropped while the first has not been read */
	ASSERT_EQ(0, fail(&ctx));
	npu_ctx_exit(&ctx);
	ASSERT_TRUE(has_dump(self));
	EXPECT_STREQ(first, self->path);
	ASSERT_TRUE(remove_dump(self));
	EXPECT_FALSE(has_dump(self));
	ASSERT_EQ(0, fail(&ctx));
	npu_ctx_exit(&ctx);
	EXPECT_TRUE(has_dump(self));
}

TEST_F(coredump, off)
{
	struct npu_ctx ctx;

	ASSERT_EQ(0, npu_write_file(PARAM, "N"));
	ASSERT_EQ(0, fail(&ctx));
	npu_ctx_exit(&ctx);
	EXPECT_FALSE(has_dump(self));
}

/* From a wild pointer in a kernel's source to its line, by way of the file. */
TEST_F(coredump, npu_prof)
{
	static char text[1 << 18];
	struct fault_args args = { .target = WILD };
	char elf[PATH_MAX], command[PATH_MAX + 512], want[64];
	struct rt_ctx ctx;
	uint32_t line;
	size_t used;
	FILE *pipe;

	ASSERT_EQ(0, rt_init(&ctx, 0));
	args.line = ctx.va;
	EXPECT_EQ(-EFAULT, rt_run(&ctx, "wild_write", &args, sizeof(args), 1));
	line = *(volatile uint32_t *)ctx.mem;
	/* before the memory goes that it is about */
	ASSERT_TRUE(has_dump(self));
	rt_exit(&ctx);
	snprintf(command, sizeof(command), "npu-prof coredump --elf %s %s 2>&1",
		 rt_beside("fault_kernels.elf", elf, sizeof(elf)), self->path);
	pipe = popen(command, "r");
	ASSERT_NE(NULL, pipe);
	used = fread(text, 1, sizeof(text) - 1, pipe);
	text[used] = '\0';
	EXPECT_EQ(0, pclose(pipe));
	snprintf(want, sizeof(want), "fault_kernels.c:%u in wild_write()", line);
	EXPECT_NE(NULL, strstr(text, want))
	TH_LOG("no %s in\n%s", want, text);
	EXPECT_NE(NULL, strstr(text, "page fault: write to 0x123456789000"));
	EXPECT_NE(NULL, strstr(text, "page-table walk of 0x123456789000"));
	EXPECT_NE(NULL, strstr(text, "registers of tile "));
	EXPECT_NE(NULL, strstr(text, " not mapped"));
	EXPECT_NE(NULL, strstr(text, "DISPATCH 0x"));
	EXPECT_NE(NULL, strstr(text, "mailbox, the newest last"));
	EXPECT_NE(NULL, strstr(text, "log and trace of the firmware, the newest last"));
}

TEST_HARNESS_MAIN
