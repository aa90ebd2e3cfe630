// SPDX-License-Identifier: MIT
/*
 * Saved states: what a migration brings. A good state of a device in the middle of work is changed as the
 * input says and loaded. It may be refused; if it is taken, the device works on for a while. In both cases it answers, and
 * a reset brings it back.
 *
 * Input: changes of 8 bytes each (place, how many bytes, value), then a cut.
 */
#include "fuzz.h"
#include "fw_driver.h"

static struct drv *drv;
static uint8_t *good, *changed;
static size_t good_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char error[NPU_STATE_ERROR];
	struct npu_config config;
	struct npu_msg msg;

	(void)argc;
	npu_config_init(&config);
	config.chiplets = 2;
	config.tiles_per_chiplet = 1;
	config.sram_kib = 64;
	config.sync = true;
	config.inline_budget = 1u << 12;
	drv = drv_new_config(fw_image_path(1, *argv), &config);
	drv_prepare(drv);
	drv_start(drv);
	fuzz_check(mbox_get(drv, &msg) && msg.type == NPU_MSG_READY);

	/* A kernel that never ends, with a budget that it has spent: a share in the middle of its work. */
	{
		uint32_t *code;
		union npu_packet *cb;
		uint64_t code_va, cb_va;

		as_create(drv, 1);
		code_va = map_new(drv, 1, 4096, NPU_PTE_R | NPU_PTE_X, &code);
		cb_va = map_new(drv, 1, 4096, NPU_PTE_R, &cb);
		code[0] = 0x0000006f; /* j . */
		*cb = (union npu_packet){.dispatch = {.hdr.op = NPU_PKT_DISPATCH,
						      .entry = code_va,
						      .grid = {2, 1, 1}}};
		queue_start(drv, 0, NPU_PRIO_NORMAL);
		submit(drv, 0, 1, cb_va, 1);
		pass_time(drv, 2000000);
		fuzz_check(reg_read(drv, NPU_REG_STATUS) & NPU_STATUS_BUSY);
	}
	npu_dev_pause(drv->dev);
	good = npu_dev_save(drv->dev, &good_size, error);
	fuzz_check(good);
	changed = malloc(good_size);
	fuzz_check(changed);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const unsigned int changes = fuzz_u8(&in) % 8;
	size_t length = good_size;
	char error[NPU_STATE_ERROR];
	uint8_t *exact;
	bool taken;

	memcpy(changed, good, good_size);
	for (unsigned int i = 0; i < changes; i++) {
		/* Most of a state is memory; what comes before and between is worth more looks. */
		const uint32_t at = fuzz_u32(&in);
		const size_t place = at % (at & 1 ? good_size : 65536 < good_size ? 65536 : good_size);
		const unsigned int count = 1 + fuzz_u8(&in) % 8;
		const uint64_t value = fuzz_u64(&in);

		for (unsigned int b = 0; b < count && place + b < good_size; b++)
			changed[place + b] = (uint8_t)(value >> 8 * b);
	}
	if (fuzz_u8(&in) & 1)
		length = fuzz_u32(&in) % (good_size + 1);
	exact = malloc(length ? length : 1);
	fuzz_check(exact);
	memcpy(exact, changed, length);

	/* The device is paused here. */
	taken = npu_dev_load(drv->dev, exact, length, error);
	free(exact);
	fuzz_check(taken || memchr(error, 0, sizeof(error)));
	npu_dev_resume(drv->dev);
	for (unsigned int i = 0; i < 3; i++)
		pass_time(drv, 1000000);
	fuzz_check(reg_read(drv, NPU_REG_ID) == NPU_ID_MAGIC);
	reg_write(drv, NPU_REG_RESET, NPU_RESET_KEY);
	fuzz_check(!(reg_read(drv, NPU_REG_STATUS) & (NPU_STATUS_FW_DEAD | NPU_STATUS_BUSY)));
	npu_dev_pause(drv->dev);
	return 0;
}
