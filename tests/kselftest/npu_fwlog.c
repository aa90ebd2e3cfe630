// SPDX-License-Identifier: MIT
/*
 * Log and trace of the firmware in debugfs: what it says of its boot and of jobs, what is set outlasts resets and
 * sleep, what is not to be set is refused, and of firmware that died the last words are there.
 */
#include <npu_fault.h>

#include "npu_inject.h"

#define BOOT "npu firmware ready: "

FIXTURE(fwlog)
{
	struct npu_ctx ctx;
	char pci[64];
	char queue[32]; /* as fw_trace names ours */
	char text[1 << 19];
};

static char *path_of(const char *name)
{
	static char path[PATH_MAX];
	glob_t found;

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/*/%s", name);
	if (!glob(path, 0, NULL, &found)) {
		snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
		globfree(&found);
	}
	return path;
}

/* Contents of a file in debugfs, "" if there is none. */
static char *contents(FIXTURE_DATA(fwlog) *self, const char *name)
{
	FILE *file = fopen(path_of(name), "r");
	size_t got = 0;

	if (file) {
		got = fread(self->text, 1, sizeof(self->text) - 1, file);
		fclose(file);
	}
	self->text[got] = 0;
	return self->text;
}

static int set(const char *name, const char *text)
{
	return npu_write_file(path_of(name), text);
}

static bool says(FIXTURE_DATA(fwlog) *self, const char *name, const char *text)
{
	return !strcmp(contents(self, name), text);
}

static unsigned int count_of(const char *text, const char *words)
{
	unsigned int count = 0;

	while ((text = strstr(text, words))) {
		text += strlen(words);
		count++;
	}
	return count;
}

/* The hardware queue that is ours, by what debugfs says of it. */
static bool find_queue(FIXTURE_DATA(fwlog) *self)
{
	char owner[64], *at;

	snprintf(owner, sizeof(owner), " of npu_fwlog[%d]: live", getpid());
	at = strstr(contents(self, "queues"), owner);
	if (!at)
		return false;
	*at = 0;
	at = strrchr(self->text, ' ');
	if (!at)
		return false;
	snprintf(self->queue, sizeof(self->queue), " queue=%s ", at + 1);
	return true;
}

/* Behind the line of the text that begins, after its time, with an event of our queue and these arguments. */
static const char *event(FIXTURE_DATA(fwlog) *self, const char *from, const char *name, const char *arguments)
{
	char want[160];

	if (!from)
		return NULL;
	snprintf(want, sizeof(want), " %s%s%s", name, self->queue, arguments);
	from = strstr(from, want);
	return from ? from + strlen(want) : NULL;
}

FIXTURE_SETUP(fwlog)
{
	if (geteuid())
		SKIP(return, "only root may look into debugfs");
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	ASSERT_EQ(0, find_pci(&self->ctx, self->pci, sizeof(self->pci)));
	ASSERT_TRUE(find_queue(self));
}

FIXTURE_TEARDOWN(fwlog)
{
	set("fw_trace_mask", "0");
	set("fw_log_level", "info");
	npu_ctx_exit(&self->ctx);
}

TEST_F(fwlog, boot)
{
	struct stat st;

	/* what was traced before may have taken the line's place */
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_NE(NULL, strstr(contents(self, "fw_log"), " info: " BOOT))
	TH_LOG("%s", self->text);
	EXPECT_TRUE(says(self, "fw_log_level", "info\n"));
	EXPECT_TRUE(says(self, "fw_trace_mask", "0x0\n"));
	ASSERT_EQ(0, stat(path_of("fw_log_level"), &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	ASSERT_EQ(0, stat(path_of("fw_trace_mask"), &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
}

TEST_F(fwlog, a_job)
{
	const char *at;

	ASSERT_EQ(0, set("fw_trace_mask", "job,dispatch copy\n"));
	EXPECT_TRUE(says(self, "fw_trace_mask", "0x1c job dispatch copy\n"))
	TH_LOG("%s", self->text);
	ASSERT_EQ(0, run_kernel(&self->ctx, NPU_INSN_EXIT));
	ASSERT_EQ(0, run_fill(&self->ctx));
	at = contents(self, "fw_trace");
	at = event(self, at, "job_begin", "seqno=1 ");
	at = event(self, at, "dispatch_begin", "seqno=1 id=0 entry=0x10020000 workgroups=64 ");
	at = event(self, at, "dispatch_end", "seqno=1 id=0 error=0 workgroups=64\n");
	at = event(self, at, "job_end", "seqno=1 ");
	at = event(self, at, "job_begin", "seqno=2 ");
	at = event(self, at, "copy_begin", "seqno=2 ");
	at = event(self, at, "copy_end", "seqno=2 ");
	at = event(self, at, "job_end", "seqno=2 ");
	EXPECT_NE(NULL, at)
	TH_LOG("%s", self->text);

	/* masked off, nothing comes */
	ASSERT_EQ(0, set("fw_trace_mask", "0"));
	ASSERT_EQ(0, run_fill(&self->ctx));
	EXPECT_EQ(NULL, event(self, contents(self, "fw_trace"), "job_begin", "seqno=3 "));
	EXPECT_NE(NULL, event(self, self->text, "job_end", "seqno=2 "));
}

/* Far more than the ring has room for: what is there is whole, and the end of it. */
TEST_F(fwlog, overwritten)
{
	char want[32], *line;
	uint32_t i, lines = 0;

	ASSERT_EQ(0, set("fw_trace_mask", "job"));
	for (i = 0; i < 1200; i++)
		ASSERT_EQ(0, run_fill(&self->ctx));
	snprintf(want, sizeof(want), "seqno=%u ", i);
	EXPECT_NE(NULL, event(self, contents(self, "fw_trace"), "job_end", want));
	EXPECT_EQ(NULL, event(self, self->text, "job_begin", "seqno=1 "));
	line = strtok(self->text, "\n");
	ASSERT_NE(NULL, line);
	EXPECT_EQ('#', line[0]);
	while ((line = strtok(NULL, "\n"))) {
		EXPECT_TRUE(strstr(line, " job_begin ") || strstr(line, " job_end "))
		TH_LOG("%s", line);
		lines++;
	}
	EXPECT_LT(1000, lines);
	EXPECT_GT(1024, lines);
}

TEST_F(fwlog, settings_outlast_resets)
{
	const unsigned int boots = count_of(contents(self, "fw_log"), BOOT);

	ASSERT_EQ(0, set("fw_log_level", "debug\n"));
	ASSERT_EQ(0, set("fw_trace_mask", "0x4 boot"));
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_TRUE(says(self, "fw_log_level", "debug\n"));
	EXPECT_TRUE(says(self, "fw_trace_mask", "0x5 boot job\n"));
	/* what was there stays, and the new firmware goes on */
	EXPECT_EQ(boots + 1, count_of(contents(self, "fw_log"), BOOT));
	EXPECT_NE(NULL, strstr(contents(self, "fw_trace"), " boot abi=0x1"));
	ASSERT_EQ(0, run_fill(&self->ctx));
	EXPECT_NE(NULL, event(self, contents(self, "fw_trace"), "job_end", "seqno=1 "));
	/* level "none" is heeded from the boot on */
	ASSERT_EQ(0, set("fw_log_level", "none"));
	ASSERT_EQ(0, npu_reset_function(self->ctx.fd));
	EXPECT_EQ(boots + 1, count_of(contents(self, "fw_log"), BOOT));
}

/* A device that sleeps is not woken for it, and is told when it is. */
TEST_F(fwlog, asleep)
{
	const int64_t start = npu_deadline(0);

	if (access(device_path(self->pci, "power/control"), F_OK))
		SKIP(return, "a kernel without runtime PM");
	ASSERT_EQ(0, npu_write_file(device_path(self->pci, "power/autosuspend_delay_ms"), "0"));
	ASSERT_EQ(0, npu_write_file(device_path(self->pci, "power/control"), "auto"));
	while (!device_says(self->pci, "npu/state", "asleep") &&
	       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(1000);
	EXPECT_EQ(0, set("fw_trace_mask", "job"));
	EXPECT_NE(NULL, strstr(contents(self, "fw_log"), BOOT));
	EXPECT_TRUE(device_says(self->pci, "npu/state", "asleep"));
	EXPECT_EQ(0, run_fill(&self->ctx));
	EXPECT_NE(NULL, event(self, contents(self, "fw_trace"), "job_end", "seqno=1 "));
	EXPECT_EQ(0, npu_write_file(device_path(self->pci, "power/control"), "on"));
	EXPECT_EQ(0, npu_write_file(device_path(self->pci, "power/autosuspend_delay_ms"), "2000"));
}

TEST_F(fwlog, garbage_is_refused)
{
	static const char *const levels[] = { "\n", "9", "-1", "inf", "info error", "INFO", "infos" };
	static const char *const masks[] = { "\n", ",", "jobs", "job nothing", "-1", "0x",
					     "0x80000000", "0x100000001", "JOB", "job\x01", "\xff\xfe" };
	const char *volatile nowhere = (const char *)8;
	char long_text[4096];
	int fd, i;

	ASSERT_EQ(0, set("fw_log_level", "warning"));
	ASSERT_EQ(0, set("fw_trace_mask", "queue"));
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		EXPECT_EQ(-EINVAL, set("fw_log_level", levels[i]))
		TH_LOG("level %s", levels[i]);
	}
	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		EXPECT_GT(0, set("fw_trace_mask", masks[i]))
		TH_LOG("mask %s", masks[i]);
	}
	memset(long_text, ' ', sizeof(long_text));
	memcpy(long_text + sizeof(long_text) - 5, "job\n", 5);
	EXPECT_EQ(-EINVAL, set("fw_trace_mask", long_text));
	EXPECT_EQ(-EINVAL, set("fw_log_level", long_text));
	fd = open(path_of("fw_trace_mask"), O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "job\0all", 7));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, nowhere, 7));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
	EXPECT_TRUE(says(self, "fw_log_level", "warning\n"));
	EXPECT_TRUE(says(self, "fw_trace_mask", "0x2 queue\n"));
	EXPECT_NE(0, set("fw_log", "x"));
	EXPECT_NE(0, set("fw_trace", "x"));
	EXPECT_EQ(0, run_fill(&self->ctx));
}

/* The firmware finds kernel memory that does not answer, and gives up. */
TEST_F(fwlog, last_words)
{
	const char *why, *panic;
	volatile uint32_t *regs = map_debug_regs(self->pci, &why);
	const int64_t start = npu_deadline(0);
	const unsigned int boots = count_of(contents(self, "fw_log"), BOOT);

	if (!regs)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, set("fw_trace_mask", "boot dispatch"));
	ASSERT_EQ(0, start_forever(&self->ctx));
	/* a packet that could not be read would be the job's misfortune */
	while (!event(self, contents(self, "fw_trace"), "dispatch_begin", "seqno=1 ") &&
	       npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(1000);
	ASSERT_EQ(0, inject(regs, NPU_FAULT_DMA_ERROR, NPU_CORE_FRONT, 1, 0));
	EXPECT_EQ(-ECANCELED, wait_job(&self->ctx, NPU_TEST_WAIT_NS));
	EXPECT_TRUE(works(&self->ctx));
	panic = strstr(contents(self, "fw_log"), " error: panic 0x2 mcause 0x0 mepc 0x80");
	ASSERT_NE(NULL, panic)
	TH_LOG("%s", self->text);
	/* and behind them the next one's first */
	EXPECT_NE(NULL, strstr(panic, BOOT));
	EXPECT_EQ(boots + 1, count_of(self->text, BOOT));
	EXPECT_NE(NULL, strstr(contents(self, "fw_trace"), " panic code=2 mcause=0x0 mepc=0x80"));
	munmap((void *)regs, 4096);
}

TEST_HARNESS_MAIN
