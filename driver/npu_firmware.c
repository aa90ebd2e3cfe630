// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware: loading the image, booting it, and saying what went wrong.
 *
 * The image stays in memory for the life of the device, because a reset boots
 * it again: recovery must not depend on a file system that may itself be
 * waiting for this device.
 */
#include <linux/ctype.h>
#include <linux/dma-mapping.h>
#include <linux/firmware.h>
#include <linux/module.h>

#include "npu_firmware.h"
#include "npu_hw.h"

#define NPU_FW_FILE "npu/npu_fw.bin"
/* The ROM hashes the image on an emulated core that may share a busy host. */
#define NPU_FW_BOOT_TIMEOUT_MS 10000

MODULE_FIRMWARE(NPU_FW_FILE);

static int npu_fw_bad(struct npu_device *npu, const char *what, u64 found, u64 expected)
{
	dev_err(npu->drm.dev,
		"firmware %s refused: %s (found %#llx, expected %#llx); install the image that was built with this driver\n",
		NPU_FW_FILE, what, found, expected);
	return -EINVAL;
}

/* The ROM checks all this again, and the hash; here it can be said in words. */
static int npu_fw_check(struct npu_device *npu, const struct firmware *file)
{
	const struct npu_fw_header *hdr = (const void *)file->data;

	if (file->size < sizeof(*hdr))
		return npu_fw_bad(npu, "file is truncated: fewer bytes than its header", file->size,
				  sizeof(*hdr));
	if (hdr->magic != NPU_FW_MAGIC)
		return npu_fw_bad(npu, "wrong magic: this is no NPU firmware", hdr->magic,
				  NPU_FW_MAGIC);
	if (hdr->abi_major != NPU_FW_ABI_MAJOR)
		return npu_fw_bad(npu, "wrong ABI major version", hdr->abi_major, NPU_FW_ABI_MAJOR);
	if (hdr->header_size != NPU_FW_HEADER_SIZE)
		return npu_fw_bad(npu, "wrong header size", hdr->header_size, NPU_FW_HEADER_SIZE);
	if (hdr->image_size > NPU_FW_MAX_SIZE)
		return npu_fw_bad(npu, "image too large", hdr->image_size, NPU_FW_MAX_SIZE);
	if (hdr->image_size <= sizeof(*hdr))
		return npu_fw_bad(npu, "header without image", hdr->image_size,
				  sizeof(*hdr) + 16);
	if (file->size < hdr->image_size)
		return npu_fw_bad(npu, "file is truncated: fewer bytes than its header says",
				  file->size, hdr->image_size);
	if (file->size > hdr->image_size)
		return npu_fw_bad(npu, "file has more bytes than its header says", file->size,
				  hdr->image_size);
	return 0;
}

static void npu_fw_fill_info(struct npu_fw *fw, const struct npu_fw_header *hdr)
{
	int i;

	fw->info.abi_major = hdr->abi_major;
	fw->info.abi_minor = hdr->abi_minor;
	fw->info.features = hdr->features;
	memcpy(fw->info.build_id, hdr->build_id, sizeof(fw->info.build_id));
	BUILD_BUG_ON(sizeof(fw->info.build_id) != sizeof(hdr->build_id));
	BUILD_BUG_ON(sizeof(fw->info.version) != sizeof(hdr->version));
	/* It goes to logs and terminals. */
	for (i = 0; i < NPU_FW_VERSION_LEN - 1 && hdr->version[i]; i++)
		fw->info.version[i] = isprint(hdr->version[i]) ? hdr->version[i] : '?';
}

/**
 * npu_fw_load() - read the image and place it where the device can read it
 * @npu: device
 *
 * Return: 0, or a negative errno after a message that says what to do.
 */
int npu_fw_load(struct npu_device *npu)
{
	struct device *dev = npu->drm.dev;
	const struct firmware *file;
	int ret;

	ret = request_firmware(&file, NPU_FW_FILE, dev);
	if (ret) {
		dev_err(dev,
			"firmware not found or not readable (%pe): install it as /lib/firmware/%s, then reload the module\n",
			ERR_PTR(ret), NPU_FW_FILE);
		return ret;
	}
	ret = npu_fw_check(npu, file);
	if (ret)
		goto out_release;

	npu->fw.size = file->size;
	npu->fw.image = dmam_alloc_coherent(dev, PAGE_ALIGN(npu->fw.size), &npu->fw.dma,
					    GFP_KERNEL);
	if (!npu->fw.image) {
		ret = -ENOMEM;
		goto out_release;
	}
	memcpy(npu->fw.image, file->data, npu->fw.size);
	npu_fw_fill_info(&npu->fw, npu->fw.image);

out_release:
	release_firmware(file);
	return ret;
}

static const char *npu_fw_boot_error(u32 error)
{
	static const char * const text[] = {
		[NPU_BOOT_ERR_DMA] =
			"the device could not read the image; is bus mastering or an IOMMU in its way?",
		[NPU_BOOT_ERR_MAGIC] =
			"wrong magic: the image was damaged on its way to the device",
		[NPU_BOOT_ERR_SIZE] =
			"wrong size in the header: install the image that was built with this driver",
		[NPU_BOOT_ERR_ABI] =
			"the device's boot ROM refuses this ABI version: install firmware made for this device",
		[NPU_BOOT_ERR_RANGE] =
			"the image does not fit the device's memory: install firmware made for this device",
		[NPU_BOOT_ERR_HASH] =
			"wrong hash: the file is damaged, install it again",
		[NPU_BOOT_ERR_HEADER] =
			"malformed header: install the image that was built with this driver",
		[NPU_BOOT_ERR_MBOX] =
			"the firmware refuses the mailbox's address",
		[NPU_BOOT_ERR_TRAP] =
			"the firmware crashed before it could report: rebuild it, or install one that is known to work",
	};

	if (error < ARRAY_SIZE(text) && text[error])
		return text[error];
	return "unknown error: driver and device do not fit together";
}

/* Woken by interrupts; looks itself now and then, for one may get lost. */
static u32 npu_fw_wait_boot(struct npu_device *npu)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(NPU_FW_BOOT_TIMEOUT_MS);
	struct npu_mbox_chan *mbox = &npu->mbox;
	bool late;
	u32 status;

	do {
		late = time_after(jiffies, deadline);
		wait_event_timeout(mbox->wait, npu_mbox_ready(npu) || READ_ONCE(mbox->dead),
				   NPU_MBOX_POLL_JIFFIES);
		npu_mbox_drain(npu);
		status = npu_read32(npu, NPU_REG_BOOT_STATUS);
	} while (!npu_mbox_ready(npu) && !READ_ONCE(mbox->dead) && status != NPU_ALL_ONES &&
		 NPU_BOOT_STAGE(status) != NPU_BOOT_FAILED && !late);
	return status;
}

static int npu_fw_boot_failed(struct npu_device *npu, u32 status)
{
	struct device *dev = npu->drm.dev;

	if (status == NPU_ALL_ONES) {
		dev_err(dev, "firmware did not boot: the device does not answer any more\n");
		return -ENODEV;
	}
	if (NPU_BOOT_STAGE(status) == NPU_BOOT_FAILED) {
		dev_err(dev, "firmware %s refused by the device: %s (error %u, detail %#x)\n",
			NPU_FW_FILE, npu_fw_boot_error(NPU_BOOT_ERROR(status)),
			NPU_BOOT_ERROR(status),
			npu_read32(npu, NPU_REG_BOOT_DETAIL));
		return -EINVAL;
	}
	dev_err(dev,
		"firmware did not report ready: boot stage %u, status %#x, firmware status %#x; reload the module to try again, or try other firmware\n",
		NPU_BOOT_STAGE(status), npu_read32(npu, NPU_REG_STATUS),
		npu_read32(npu, NPU_REG_FW_STATUS));
	return -ETIMEDOUT;
}

/**
 * npu_fw_boot() - start the firmware and wait until it is ready
 * @npu: device out of reset, with its mailbox in place
 *
 * Return: 0, or a negative errno after a message.
 */
int npu_fw_boot(struct npu_device *npu)
{
	struct npu_fw *fw = &npu->fw;
	const struct npu_msg *ready;
	u32 status;

	npu_write64(npu, NPU_REG_FW_BASE_LO, fw->dma);
	npu_write32(npu, NPU_REG_FW_SIZE, fw->size);
	npu_write32(npu, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START);

	status = npu_fw_wait_boot(npu);
	if (!npu_mbox_ready(npu))
		return npu_fw_boot_failed(npu, status);

	ready = &npu->mbox.ready_msg;
	if (ready->ready.abi_major != NPU_FW_ABI_MAJOR) {
		dev_err(npu->drm.dev,
			"firmware reports ABI %u.%u, this driver speaks %u.x: install the image that was built with this driver\n",
			ready->ready.abi_major, ready->ready.abi_minor, NPU_FW_ABI_MAJOR);
		return -EINVAL;
	}
	fw->info.abi_minor = ready->ready.abi_minor;
	fw->info.features = ready->ready.features;

	if (!fw->quiet)
		dev_info(npu->drm.dev, "firmware %s ABI %u.%u ready%s, %u tiles\n",
			 fw->info.version, fw->info.abi_major, fw->info.abi_minor,
			 fw->booted ? " again" : "", ready->ready.tiles);
	fw->booted = true;
	return 0;
}
