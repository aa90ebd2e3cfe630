// SPDX-License-Identifier: MIT
/*
 * Boot ROM and start of the firmware on the device core: the good way, and
 * every error that npu_fw.h names with its detail.
 */
#include <stddef.h>
#include <string.h>

#include "fw_driver.h"

#include "../../firmware-stub/common/sha256.c"
#include "tap.h"

static struct drv *d;

static struct npu_fw_header *header(void)
{
	return (struct npu_fw_header *)(d->mem + (d->image_bus - MEM_BASE));
}

/* Give the image in host memory the hash that fits it. */
static void rehash(void)
{
	struct npu_fw_header *h = header();
	struct sha256 ctx;
	uint8_t digest[SHA256_DIGEST_LEN];

	memset(h->hash, 0, sizeof(h->hash));
	sha256_init(&ctx);
	sha256_update(&ctx, h, h->image_size);
	sha256_final(&ctx, digest);
	memcpy(h->hash, digest, sizeof(digest));
}

/* Boot what drv_prepare() and then the test have set up; it must fail in this way. */
static void expect(const char *what, enum npu_boot_error error, uint32_t detail)
{
	uint32_t status, found;

	drv_start(d);
	status = reg_read(d, NPU_REG_BOOT_STATUS);
	found = reg_read(d, NPU_REG_BOOT_DETAIL);
	if (!tap_ok(NPU_BOOT_STAGE(status) == NPU_BOOT_FAILED && NPU_BOOT_ERROR(status) == error &&
			    found == detail &&
			    WAIT_FOR(d, reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_BOOT) &&
			    WAIT_FOR(d, d->irqs[NPU_VECTOR_EVENTS]),
		    "%s", what))
		tap_diag("status %#x, detail %#x, want error %u, detail %#x", status, found, error,
			 detail);
	/* A core that has given up stays quiet. */
	if (mbox_empty(d) && reg_read(d, NPU_REG_HEARTBEAT) == 0)
		return;
	tap_ok(false, "%s: the core goes on after a failed boot", what);
}

static void test_good(void)
{
	struct npu_msg msg;
	uint32_t beat;

	drv_prepare(d);
	tap_ok(boot_stage(d) == NPU_BOOT_OFF, "the core is held in reset");
	drv_start(d);
	tap_ok(boot_stage(d) == NPU_BOOT_READY, "the image boots");
	tap_ok(mbox_get(d, &msg) && msg.type == NPU_MSG_READY && msg.cookie == 0 && msg.seq == 1,
	       "the first message says so");
	tap_ok(msg.ready.abi_major == NPU_FW_ABI_MAJOR && msg.ready.abi_minor == NPU_FW_ABI_MINOR &&
		       msg.ready.tiles == 2 && msg.ready.features == header()->features,
	       "with ABI, features and tiles");
	tap_ok(!memcmp(msg.ready.build_id, header()->build_id, NPU_FW_BUILD_ID_LEN),
	       "and the build id of the image's header");
	tap_ok(WAIT_FOR(d, d->irqs[NPU_VECTOR_EVENTS]) &&
		       reg_read(d, NPU_REG_IRQ_STATUS) == NPU_IRQ_MBOX,
	       "and an interrupt");
	tap_ok(reg_read(d, NPU_REG_STATUS) == NPU_STATUS_FW_RUNNING, "status: running");
	beat = reg_read(d, NPU_REG_HEARTBEAT);
	pass_time(d, 1000 * MS);
	npu_dev_wait_idle(d->dev);
	beat = reg_read(d, NPU_REG_HEARTBEAT) - beat;
	if (!tap_ok(beat >= 20 && beat <= 100, "the heart beats at least every 50 ms"))
		tap_diag("%u beats in a second", beat);
	tap_ok(mbox_empty(d), "nothing else is said");
}

static void test_size(void)
{
	drv_prepare(d);
	reg_write(d, NPU_REG_FW_SIZE, 0);
	expect("no image", NPU_BOOT_ERR_SIZE, 0);
	drv_prepare(d);
	reg_write(d, NPU_REG_FW_SIZE, NPU_FW_HEADER_SIZE - 1);
	expect("shorter than a header", NPU_BOOT_ERR_SIZE, NPU_FW_HEADER_SIZE - 1);
	drv_prepare(d);
	reg_write(d, NPU_REG_FW_SIZE, header()->image_size - 1);
	expect("truncated", NPU_BOOT_ERR_SIZE, header()->image_size);
	drv_prepare(d);
	header()->image_size -= 8;
	expect("not a multiple of 16", NPU_BOOT_ERR_SIZE, header()->image_size);
	drv_prepare(d);
	header()->image_size = NPU_FW_HEADER_SIZE;
	expect("no payload", NPU_BOOT_ERR_SIZE, NPU_FW_HEADER_SIZE);
	drv_prepare(d);
	header()->image_size = NPU_FW_MAX_SIZE + 16;
	reg_write(d, NPU_REG_FW_SIZE, NPU_FW_MAX_SIZE + 16);
	expect("larger than the limit", NPU_BOOT_ERR_SIZE, NPU_FW_MAX_SIZE + 16);
	drv_prepare(d);
	header()->image_size = 0xfffffff0;
	reg_write(d, NPU_REG_FW_SIZE, 0xffffffff);
	expect("4 GiB", NPU_BOOT_ERR_SIZE, 0xfffffff0);
}

static void test_dma(void)
{
	drv_prepare(d);
	reg_write64(d, NPU_REG_FW_BASE_LO, 0x123450000ull);
	expect("no memory at the image's address", NPU_BOOT_ERR_DMA, 0x23450000);
	drv_prepare(d);
	d->hole_start = d->image_bus + 4096;
	d->hole_end = d->image_bus + 8192;
	npu_dev_flush_maps(d->dev);
	expect("no memory in the middle of it", NPU_BOOT_ERR_DMA, (uint32_t)d->hole_start);
}

static void test_header(void)
{
	static const struct {
		unsigned int first, len;
		const char *name;
	} reserved[] = {
		{offsetof(struct npu_fw_header, reserved0), 4, "reserved0"},
		{offsetof(struct npu_fw_header, reserved1), 4, "reserved1"},
		{offsetof(struct npu_fw_header, reserved2), 112, "reserved2"},
	};

	drv_prepare(d);
	header()->magic ^= 1ull << 40;
	expect("magic, upper half", NPU_BOOT_ERR_MAGIC, (uint32_t)NPU_FW_MAGIC);
	drv_prepare(d);
	header()->magic = 0x464c457f;
	expect("magic of something else", NPU_BOOT_ERR_MAGIC, 0x464c457f);
	drv_prepare(d);
	header()->abi_major = 2;
	header()->abi_minor = 7;
	rehash();
	expect("ABI major", NPU_BOOT_ERR_ABI, 2 << 16 | 7);
	drv_prepare(d);
	header()->header_size = 128;
	rehash();
	expect("header size", NPU_BOOT_ERR_HEADER, 128);
	for (unsigned int i = 0; i < 3; i++) {
		drv_prepare(d);
		((uint8_t *)header())[reserved[i].first + reserved[i].len - 1] = 1;
		rehash();
		expect(reserved[i].name, NPU_BOOT_ERR_HEADER, reserved[i].first);
	}
}

static void test_range(void)
{
	drv_prepare(d);
	header()->load_addr = 0x1000;
	rehash();
	expect("loaded over the ROM", NPU_BOOT_ERR_RANGE, 0x1000);
	drv_prepare(d);
	header()->load_addr += 8;
	rehash();
	expect("load address misaligned", NPU_BOOT_ERR_RANGE, 0x80000008);
	drv_prepare(d);
	header()->load_addr = 0x8007c000;
	header()->entry = 0x8007c000;
	rehash();
	expect("loaded over the ROM's stack", NPU_BOOT_ERR_RANGE, 0x8007c000);
	drv_prepare(d);
	header()->load_addr = 0xfffffffffffffff0ull;
	rehash();
	expect("loaded at the end of all addresses", NPU_BOOT_ERR_RANGE, 0xfffffff0);
	drv_prepare(d);
	header()->mem_size = 0x7c001;
	rehash();
	expect("memory up into the ROM's stack", NPU_BOOT_ERR_RANGE, 0x8007c001);
	drv_prepare(d);
	header()->mem_size = 0xffffffff80000000ull;
	rehash();
	expect("memory size that wraps", NPU_BOOT_ERR_RANGE, 0);
	drv_prepare(d);
	header()->mem_size = header()->image_size - NPU_FW_HEADER_SIZE - 1;
	rehash();
	expect("less memory than payload", NPU_BOOT_ERR_RANGE,
	       (uint32_t)(0x80000000 + header()->mem_size));
	drv_prepare(d);
	header()->entry = header()->load_addr + header()->image_size - NPU_FW_HEADER_SIZE;
	rehash();
	expect("entry behind the payload", NPU_BOOT_ERR_RANGE, (uint32_t)header()->entry);
	drv_prepare(d);
	header()->entry = header()->load_addr - 2;
	rehash();
	expect("entry before the payload", NPU_BOOT_ERR_RANGE, 0x7ffffffe);
	drv_prepare(d);
	header()->entry = header()->load_addr + 1;
	rehash();
	expect("odd entry", NPU_BOOT_ERR_RANGE, 0x80000001);
}

/* What the ROM should say it computed. */
static uint32_t hash_of_image(void)
{
	struct npu_fw_header *h = header(), saved = *h;
	uint32_t first;

	rehash();
	memcpy(&first, h->hash, sizeof(first));
	*h = saved;
	return first;
}

static void test_hash(void)
{
	uint8_t *last;

	drv_prepare(d);
	last = (uint8_t *)header() + header()->image_size - 1;
	*last ^= 0x80;
	expect("last byte flipped", NPU_BOOT_ERR_HASH, hash_of_image());
	drv_prepare(d);
	header()->hash[31] ^= 1;
	expect("hash itself flipped", NPU_BOOT_ERR_HASH, hash_of_image());
	drv_prepare(d);
	header()->version[31] ^= 1;
	expect("unchecked header field flipped", NPU_BOOT_ERR_HASH, hash_of_image());
	drv_prepare(d);
	memset((uint8_t *)header() + header()->image_size, 0xff, 256);
	reg_write(d, NPU_REG_FW_SIZE, header()->image_size + 256);
	drv_start(d);
	tap_ok(boot_stage(d) == NPU_BOOT_READY, "bytes behind the image do not matter");
}

static void test_trap(void)
{
	drv_prepare(d);
	memset((uint8_t *)header() + NPU_FW_HEADER_SIZE, 0, 16);
	rehash();
	expect("image that starts with an illegal instruction", NPU_BOOT_ERR_TRAP, 0x80000000);
}

static void test_mbox(void)
{
	drv_prepare(d);
	reg_write64(d, NPU_REG_MBOX_BASE_LO, 0);
	expect("no mailbox", NPU_BOOT_ERR_MBOX, 0);
	drv_prepare(d);
	reg_write64(d, NPU_REG_MBOX_BASE_LO, bus_of(d, d->mbox) + 64);
	expect("mailbox misaligned", NPU_BOOT_ERR_MBOX, (uint32_t)bus_of(d, d->mbox) + 64);
	drv_prepare(d);
	reg_write64(d, NPU_REG_MBOX_BASE_LO, 0xabc000);
	expect("no memory at the mailbox", NPU_BOOT_ERR_MBOX, 0xabc000);

	drv_prepare(d);
	d->mbox->f2h_write.index = 65;
	reg_write(d, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);
	tap_ok(WAIT_FOR(d, reg_read(d, NPU_REG_STATUS) & NPU_STATUS_FW_DEAD) &&
		       reg_read(d, NPU_REG_FW_STATUS) == NPU_PANIC_MBOX,
	       "mailbox indices out of range: panic");
	tap_ok(reg_read(d, NPU_REG_IRQ_STATUS) & NPU_IRQ_FW_DEAD, "FW_DEAD is raised");
}

/* Not one of many resets in a row leaves something behind. */
static void test_again(void)
{
	struct npu_msg msg;
	bool good = true;

	for (unsigned int i = 0; good && i < 20; i++) {
		drv_prepare(d);
		drv_start(d);
		good = boot_stage(d) == NPU_BOOT_READY && mbox_get(d, &msg) &&
		       msg.type == NPU_MSG_READY && request(d, NPU_MSG_PING, 0) == NPU_MSG_OK;
	}
	tap_ok(good, "20 boots in a row");
}

int main(int argc, char **argv)
{
	d = drv_new(fw_image_path(argc, argv), 2, -1);
	test_good();
	test_size();
	test_dma();
	test_header();
	test_range();
	test_hash();
	test_trap();
	test_mbox();
	test_again();
	drv_free(d);
	return tap_done();
}
