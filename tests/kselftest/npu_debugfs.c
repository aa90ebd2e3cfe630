// SPDX-License-Identifier: MIT
/* What debugfs shows of queues, address spaces, buffers and messages. */
#include <glob.h>

#include "npu_test.h"

#define LABEL "weights of the test"

FIXTURE(debugfs)
{
	struct npu_ctx ctx;
	char text[1 << 16];
};

FIXTURE_SETUP(debugfs)
{
	struct drm_npu_bo_set_label label = { .label = (uintptr_t)LABEL };

	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
	label.handle = self->ctx.bo;
	ASSERT_EQ(0, npu_ioctl(self->ctx.fd, DRM_IOCTL_NPU_BO_SET_LABEL, &label));
}

FIXTURE_TEARDOWN(debugfs)
{
	npu_ctx_exit(&self->ctx);
}

/* Contents of a file, "" if there is none: below accel/ by number or by bus address, as the kernel has it. */
static const char *contents(FIXTURE_DATA(debugfs) *self, const char *name)
{
	char pattern[128];
	glob_t found;
	FILE *file;

	memset(self->text, 0, sizeof(self->text));
	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/accel/*/%s", name);
	if (glob(pattern, 0, NULL, &found))
		return self->text;
	file = fopen(found.gl_pathv[0], "r");
	if (file) {
		if (!fread(self->text, 1, sizeof(self->text) - 1, file))
			*self->text = 0;
		fclose(file);
	}
	globfree(&found);
	return self->text;
}

TEST_F(debugfs, queues)
{
	char want[64];

	npu_ctx_packets(&self->ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 1, 4096);
	ASSERT_EQ(0, npu_ctx_run(&self->ctx, 1));
	contents(self, "queues");
	snprintf(want, sizeof(want), " of npu_debugfs[%d]: live", getpid());
	EXPECT_NE(NULL, strstr(self->text, want))
	TH_LOG("no %s in %s", want, self->text);
	EXPECT_NE(NULL, strstr(self->text, "emitted 1, ended 1, in flight 0"));
}

TEST_F(debugfs, vms_and_their_bindings)
{
	char want[128];

	contents(self, "vms");
	EXPECT_NE(NULL, strstr(self->text, LABEL))
	TH_LOG("%s", self->text);
	snprintf(want, sizeof(want), "  %#llx..%#llx offset", NPU_TEST_VA,
		 NPU_TEST_VA + NPU_TEST_SIZE - 1);
	EXPECT_NE(NULL, strstr(self->text, want))
	TH_LOG("no %s in %s", want, self->text);
}

TEST_F(debugfs, bos)
{
	contents(self, "bos");
	EXPECT_NE(NULL, strstr(self->text, LABEL))
	TH_LOG("%s", self->text);
	EXPECT_NE(NULL, strstr(self->text, "size 2097152 flags 0x0 handles 1 resident"));
}

/* Starting the queue was a request, and it has been answered. */
TEST_F(debugfs, mailbox)
{
	const char *request;

	contents(self, "mailbox");
	request = strstr(self->text, "h2f type 0x2 ");
	ASSERT_NE(NULL, request);
	EXPECT_NE(NULL, strstr(request, "f2h type 0x80 status 0"));
}

TEST_HARNESS_MAIN
