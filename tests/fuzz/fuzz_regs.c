// SPDX-License-Identifier: MIT
/*
 * The host's side: register and doorbell accesses in any order, with whatever lies in the memory that
 * the device is pointed at, faults on demand among them, on a device that has booted or not. It must answer, and a
 * reset must bring it back.
 *
 * Input: choices, then operations of a byte and their arguments.
 */
#include "fuzz.h"
#include "fw_driver.h"

#define OPERATIONS 64
#define MEMORY	   0x40000 /* bytes that the input may write: mailbox, tables, rings, image */

static struct drv *drv;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct npu_config config;

	(void)argc;
	npu_config_init(&config);
	config.chiplets = 1;
	config.sram_kib = 64;
	config.sync = true;
	config.debug_faults = true;
	config.inline_budget = 1u << 16;
	drv = drv_new_config(fw_image_path(1, *argv), &config);
	return 0;
}

static void operate(struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);
	uint64_t at;
	uint8_t bytes[64];

	switch (op & 7) {
	case 0:
		at = fuzz_u16(in) % 0x400 & ~3u;
		npu_dev_write(drv->dev, at, fuzz_u32(in), 4);
		break;
	case 1:
		at = fuzz_u32(in);
		npu_dev_write(drv->dev, at % 0x100000, fuzz_u64(in), 1u << (op >> 6));
		break;
	case 2:
		at = fuzz_u32(in);
		npu_dev_read(drv->dev, at % 0x100000, 1u << (op >> 6));
		break;
	case 3:
		npu_dev_write(drv->dev, NPU_DOORBELL(op >> 3), fuzz_u8(in), 4);
		break;
	case 4:
		at = fuzz_u32(in) % (MEMORY - sizeof(bytes));
		fuzz_take(in, bytes, 1 + (op >> 3));
		memcpy(drv->mem + at, bytes, 1 + (op >> 3));
		break;
	case 5:
		pass_time(drv, 1000000);
		break;
	case 6:
		mbox_put(drv, fuzz_u8(in), fuzz_u8(in), op);
		mbox_ring(drv);
		break;
	case 7:
		drv->hole_start = bus_of(drv, drv->mem) + (uint64_t)fuzz_u16(in) * 4096;
		drv->hole_end = drv->hole_start + (uint64_t)(op >> 3) * 4096;
		npu_dev_flush_maps(drv->dev);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const uint8_t choices = fuzz_u8(&in);
	struct npu_msg msg;

	npu_dev_fault_clear(drv->dev, 0);
	drv_prepare(drv);
	if (choices & 1) {
		drv_start(drv);
		fuzz_check(mbox_get(drv, &msg) && msg.type == NPU_MSG_READY);
		queue_start(drv, 0, NPU_PRIO_NORMAL);
	}
	for (unsigned int i = 0; i < OPERATIONS && in.left; i++)
		operate(&in);
	npu_dev_fault_clear(drv->dev, 0);
	reg_write(drv, NPU_REG_RESET, NPU_RESET_KEY);
	fuzz_check(reg_read(drv, NPU_REG_ID) == NPU_ID_MAGIC);
	fuzz_check(!(reg_read(drv, NPU_REG_STATUS) &
		     (NPU_STATUS_FW_DEAD | NPU_STATUS_FW_RUNNING | NPU_STATUS_BUSY)));
	return 0;
}
