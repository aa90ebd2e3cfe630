// SPDX-License-Identifier: GPL-2.0-only
/* Firmware files: which the driver takes, and what it tells of them. */
#include <kunit/device.h>
#include <kunit/test.h>

#include "../npu_firmware.c"

#define IMAGE_SIZE (sizeof(struct npu_fw_header) + 256)

/** struct npu_firmware_test - a firmware file that is right, and a device to take it */
struct npu_firmware_test {
	/** @npu: device; no more of it is there than messages need */
	struct npu_device npu;
	/** @file: the file */
	struct firmware file;
	/** @hdr: its first bytes, for a case to spoil */
	struct npu_fw_header *hdr;
};

static int npu_firmware_test_init(struct kunit *test)
{
	struct npu_firmware_test *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->npu.drm.dev = kunit_device_register(test, "npu-firmware-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->npu.drm.dev);
	ctx->hdr = kunit_kzalloc(test, IMAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->hdr);
	ctx->hdr->magic = NPU_FW_MAGIC;
	ctx->hdr->abi_major = NPU_FW_ABI_MAJOR;
	ctx->hdr->header_size = NPU_FW_HEADER_SIZE;
	ctx->hdr->image_size = IMAGE_SIZE;
	ctx->file.data = (const u8 *)ctx->hdr;
	ctx->file.size = IMAGE_SIZE;
	test->priv = ctx;
	return 0;
}

#define EXPECT_REFUSED(test, ctx, member, value) \
	do { \
		typeof((ctx)->member) was = (ctx)->member; \
\
		(ctx)->member = (value); \
		KUNIT_EXPECT_EQ(test, npu_fw_check(&(ctx)->npu, &(ctx)->file), -EINVAL); \
		(ctx)->member = was; \
	} while (0)

static void npu_firmware_test_check(struct kunit *test)
{
	struct npu_firmware_test *ctx = test->priv;

	EXPECT_REFUSED(test, ctx, file.size, 0);
	EXPECT_REFUSED(test, ctx, file.size, sizeof(struct npu_fw_header) - 1);
	EXPECT_REFUSED(test, ctx, file.size, IMAGE_SIZE - 1);
	EXPECT_REFUSED(test, ctx, file.size, IMAGE_SIZE + 1);
	EXPECT_REFUSED(test, ctx, hdr->magic, ~NPU_FW_MAGIC);
	EXPECT_REFUSED(test, ctx, hdr->abi_major, NPU_FW_ABI_MAJOR + 1);
	EXPECT_REFUSED(test, ctx, hdr->header_size, NPU_FW_HEADER_SIZE - 1);
	EXPECT_REFUSED(test, ctx, hdr->image_size, 0);
	EXPECT_REFUSED(test, ctx, hdr->image_size, sizeof(struct npu_fw_header));
	EXPECT_REFUSED(test, ctx, hdr->image_size, NPU_FW_MAX_SIZE + 1);
	EXPECT_REFUSED(test, ctx, hdr->image_size, U32_MAX);
	KUNIT_EXPECT_EQ(test, npu_fw_check(&ctx->npu, &ctx->file), 0);
}

/* A version that fills its field, and has in it what a terminal would act on. */
static void npu_firmware_test_version(struct kunit *test)
{
	struct npu_firmware_test *ctx = test->priv;

	memset(ctx->hdr->version, 'x', sizeof(ctx->hdr->version));
	ctx->hdr->version[1] = '\033';
	ctx->hdr->version[2] = '\n';
	npu_fw_fill_info(&ctx->npu.fw, ctx->hdr);
	KUNIT_EXPECT_EQ(test, strnlen(ctx->npu.fw.info.version, NPU_FW_VERSION_LEN),
			NPU_FW_VERSION_LEN - 1);
	KUNIT_EXPECT_EQ(test, strncmp(ctx->npu.fw.info.version, "x??x", 4), 0);
}

static struct kunit_case npu_firmware_cases[] = {
	KUNIT_CASE(npu_firmware_test_check),
	KUNIT_CASE(npu_firmware_test_version),
	{}
};

static struct kunit_suite npu_firmware_suite = {
	.name = "npu_firmware",
	.init = npu_firmware_test_init,
	.test_cases = npu_firmware_cases,
};

kunit_test_suite(npu_firmware_suite);
