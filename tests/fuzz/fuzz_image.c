// SPDX-License-Identifier: MIT
/*
 * Firmware images: the boot ROM gets an image made from the input. With a right hash and a header that
 * the ROM takes, the payload runs on the management core, with all of the device's inner registers in
 * its hands. Whatever it does, the device answers the host, and a reset brings it back.
 *
 * Input: 1 byte of choices, changes to a good header, then the payload.
 */
#include "fuzz.h"
#include "fw_driver.h"
#include "fw_image.h"
#include "npu_soc.h"

#define PAYLOAD_MAX 1024

enum choice { RIGHT_HASH = 1, RIGHT_HEADER = 2 };

static struct drv *drv;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct npu_config config;

	(void)argc;
	npu_config_init(&config);
	config.chiplets = 1;
	config.sram_kib = 64;
	config.sync = true;
	config.inline_budget = 1u << 18;
	drv = drv_new_config(fw_image_path(1, *argv), &config);
	return 0;
}

static size_t make_image(struct fuzz_input *in, uint8_t *image)
{
	const uint8_t choices = fuzz_u8(in);
	struct npu_fw_header header = {
		.magic = NPU_FW_MAGIC,
		.header_size = NPU_FW_HEADER_SIZE,
		.abi_major = NPU_FW_ABI_MAJOR,
		.abi_minor = NPU_FW_ABI_MINOR,
		.load_addr = NPU_SOC_RAM_BASE,
		.entry = NPU_SOC_RAM_BASE,
		.mem_size = 65536,
	};
	size_t size = (in->left < PAYLOAD_MAX ? in->left : PAYLOAD_MAX) & ~15ul;

	size = size ? size : 16;
	header.image_size = (uint32_t)(NPU_FW_HEADER_SIZE + size);
	if (!(choices & RIGHT_HEADER)) {
		/* Some bytes of it, each by what the input says. */
		for (unsigned int n = choices >> 4; n; n--) {
			const uint8_t at = fuzz_u8(in);

			((uint8_t *)&header)[at] ^= fuzz_u8(in);
		}
	}
	memcpy(image, &header, sizeof(header));
	fuzz_take(in, image + sizeof(header), size);
	if (choices & RIGHT_HASH)
		fw_image_hash(image, sizeof(header) + size,
			      image + offsetof(struct npu_fw_header, hash));
	return sizeof(header) + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t image[NPU_FW_HEADER_SIZE + PAYLOAD_MAX];
	struct fuzz_input in = {data, size};
	const size_t length = make_image(&in, image);

	memcpy(drv->image, image, length);
	drv->image_len = length;
	drv_prepare(drv);
	reg_write(drv, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	for (unsigned int i = 0; i < 8; i++)
		pass_time(drv, 1000000);
	/* A few things that hosts do, and the device still is what it was. */
	reg_write(drv, NPU_REG_MBOX_DOORBELL, 1);
	reg_write(drv, NPU_DOORBELL(0), 3);
	reg_write(drv, NPU_REG_TLB_CMD, NPU_TLB_CMD_ALL);
	pass_time(drv, 2000000);
	fuzz_check(reg_read(drv, NPU_REG_ID) == NPU_ID_MAGIC);
	reg_write(drv, NPU_REG_RESET, NPU_RESET_KEY);
	fuzz_check(reg_read(drv, NPU_REG_BOOT_STATUS) == 0);
	fuzz_check(!(reg_read(drv, NPU_REG_STATUS) & (NPU_STATUS_FW_DEAD | NPU_STATUS_BUSY)));
	return 0;
}
