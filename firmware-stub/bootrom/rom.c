// SPDX-License-Identifier: MIT
/*
 * Boot ROM: fetch the firmware image from host memory, check it, start it.
 *
 * The image is fetched once, and what was fetched is what gets hashed and run:
 * a host that changes its copy meanwhile changes nothing. Checks come before
 * effects, in the order in which fields can be trusted: the magic says that it
 * is an image, the ABI major that this header's layout applies, and then the
 * rest of the header.
 */
#include <stddef.h>
#include <stdint.h>

#include "npu_fw.h"
#include "npu_regs.h"

#include "bytes.h"
#include "port.h"
#include "sha256.h"
#include "soc.h"
#include "stack.h"

#define RAM_END (NPU_SOC_RAM_BASE + NPU_SOC_RAM_SIZE - NPU_SOC_ROM_SCRATCH_SIZE)

NPU_STATIC_ASSERT(ROM_STACK_TOP == NPU_SOC_RAM_BASE + NPU_SOC_RAM_SIZE, "stack.h is out of date");

static _Noreturn void fail(enum npu_boot_error error, uint32_t detail)
{
	soc_write32(NPU_SOC_BOOT_DETAIL, detail);
	soc_write32(NPU_SOC_BOOT_STATUS, NPU_BOOT_FAILED | (uint32_t)error << 8);
	soc_write32(NPU_SOC_HOST_EVENT, NPU_IRQ_BOOT);
	for (;;)
		wait_for_interrupt();
}

/* Called by start.S with mepc. */
_Noreturn void rom_trap(uint64_t pc);
_Noreturn void rom_trap(uint64_t pc)
{
	fail(NPU_BOOT_ERR_TRAP, (uint32_t)pc);
}

static void fetch(uint64_t host, void *local, uint64_t len)
{
	uint8_t *to = local;

	while (len) {
		uint32_t part = len < PORT_MAX_LEN ? (uint32_t)len : PORT_MAX_LEN;

		if (port_transfer(host, to, part, NPU_SOC_PORT_READ) != NPU_JOB_OK)
			fail(NPU_BOOT_ERR_DMA, (uint32_t)port_fault());
		host += part;
		to += part;
		len -= part;
	}
}

/* Fails unless the len bytes at offset of the header are zero. */
static void check_zero(const struct npu_fw_header *header, size_t offset, size_t len)
{
	const uint8_t *p = (const uint8_t *)header;

	for (size_t i = offset; i < offset + len; i++) {
		if (p[i])
			fail(NPU_BOOT_ERR_HEADER, (uint32_t)offset);
	}
}

#define CHECK_ZERO(header, field) \
	check_zero(header, offsetof(struct npu_fw_header, field), sizeof((header)->field))

static void check_header(const struct npu_fw_header *header, uint32_t fw_size)
{
	if (header->magic != NPU_FW_MAGIC)
		fail(NPU_BOOT_ERR_MAGIC, (uint32_t)header->magic);
	if (header->abi_major != NPU_FW_ABI_MAJOR)
		fail(NPU_BOOT_ERR_ABI, (uint32_t)header->abi_major << 16 | header->abi_minor);
	if (header->header_size != NPU_FW_HEADER_SIZE)
		fail(NPU_BOOT_ERR_HEADER, header->header_size);
	CHECK_ZERO(header, reserved0);
	CHECK_ZERO(header, reserved1);
	CHECK_ZERO(header, reserved2);
	if (header->image_size <= NPU_FW_HEADER_SIZE || header->image_size % 16 ||
	    header->image_size > NPU_FW_MAX_SIZE || header->image_size > fw_size)
		fail(NPU_BOOT_ERR_SIZE, header->image_size);
}

/* The image runs in [load_addr, load_addr + mem_size), which must lie in RAM below our stack. */
static void check_range(const struct npu_fw_header *header, uint64_t payload)
{
	if (header->load_addr < NPU_SOC_RAM_BASE || header->load_addr >= RAM_END ||
	    header->load_addr % 16)
		fail(NPU_BOOT_ERR_RANGE, (uint32_t)header->load_addr);
	if (header->mem_size < payload || header->mem_size > RAM_END - header->load_addr)
		fail(NPU_BOOT_ERR_RANGE, (uint32_t)(header->load_addr + header->mem_size));
	if (header->entry < header->load_addr || header->entry - header->load_addr >= payload ||
	    header->entry % 2)
		fail(NPU_BOOT_ERR_RANGE, (uint32_t)header->entry);
}

/* Hash the header, its hash field taken as zeros, and the payload as it lies in RAM. */
static void check_hash(struct npu_fw_header *header, const void *load, uint64_t payload)
{
	uint8_t want[NPU_FW_HASH_LEN], got[NPU_FW_HASH_LEN];
	struct sha256 hash;
	uint32_t first;

	memcpy(want, header->hash, sizeof(want));
	memset(header->hash, 0, sizeof(header->hash));
	sha256_init(&hash);
	sha256_update(&hash, header, sizeof(*header));
	sha256_update(&hash, load, payload);
	sha256_final(&hash, got);
	if (memcmp(want, got, sizeof(want))) {
		memcpy(&first, got, sizeof(first));
		fail(NPU_BOOT_ERR_HASH, first);
	}
}

/* Called by start.S. */
_Noreturn void rom_main(void);
_Noreturn void rom_main(void)
{
	uint64_t base = soc_read64(NPU_SOC_FW_BASE), payload;
	uint32_t size = soc_read32(NPU_SOC_FW_SIZE);
	struct npu_fw_header header;
	uint8_t *load;

	soc_write32(NPU_SOC_BOOT_STATUS, NPU_BOOT_ROM);
	if (size < NPU_FW_HEADER_SIZE)
		fail(NPU_BOOT_ERR_SIZE, size);
	fetch(base, &header, sizeof(header));
	check_header(&header, size);
	payload = header.image_size - NPU_FW_HEADER_SIZE;
	check_range(&header, payload);

	load = (uint8_t *)header.load_addr;
	fetch(base + NPU_FW_HEADER_SIZE, load, payload);
	check_hash(&header, load, payload);
	memset(load + payload, 0, header.mem_size - payload);

	soc_write32(NPU_SOC_BOOT_STATUS, NPU_BOOT_FIRMWARE);
	__asm__ volatile("fence.i\n\tjr %0" ::"r"(header.entry) : "memory");
	__builtin_unreachable();
}
