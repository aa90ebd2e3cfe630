// SPDX-License-Identifier: MIT
/*
 * The firmware of the simulated device: its image, its boot, and the mailbox. The image is part of
 * the library, so that nothing has to be installed; NPURT_FIRMWARE names another.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define BOOT_TIMEOUT_NS	 10000000000ull
#define REPLY_TIMEOUT_NS 3000000000ull

/* sim_image.S */
extern const uint8_t sim_image[];
extern const uint64_t sim_image_size;

/* ---- image ----------------------------------------------------------------------------------- */

static const char *override_path(void)
{
	const char *path = secure_getenv("NPURT_FIRMWARE");

	return path && path[0] ? path : NULL;
}

/* Name of the image for messages. */
static const char *image_name(void)
{
	return override_path() ? override_path() : "the firmware in this libnpurt";
}

/* Read the whole file; *ret_data is the caller's to free. */
static int read_file(const char *path, uint8_t **ret_data, size_t *ret_size)
{
	uint8_t *data = malloc(NPU_FW_MAX_SIZE + 1);
	FILE *file = fopen(path, "rbe");
	size_t size = 0;
	int err = 0;

	if (!file)
		err = npurt_fail(-errno, "cannot open firmware %s, which NPURT_FIRMWARE names: %s",
				 path, npurt_errno_text(errno));
	else if (!data)
		err = npurt_fail_nomem("the firmware");
	if (!err) {
		size = fread(data, 1, NPU_FW_MAX_SIZE + 1, file);
		if (ferror(file))
			err = npurt_fail(-EIO, "cannot read firmware %s", path);
	}
	if (file)
		fclose(file);
	if (err) {
		free(data);
		return err;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

static void fill_info(struct drm_npu_fw_info *info, const struct npu_fw_header *header)
{
	info->abi_major = header->abi_major;
	info->abi_minor = header->abi_minor;
	info->features = header->features;
	memcpy(info->build_id, header->build_id, sizeof(info->build_id));
	/* It goes to terminals. */
	for (unsigned int i = 0; i < sizeof(info->version) - 1 && header->version[i]; i++)
		info->version[i] = header->version[i] >= ' ' && header->version[i] <= '~'
					   ? (char)header->version[i]
					   : '?';
}

int sim_fw_load(struct sim_dev *dev)
{
	const uint8_t *image = sim_image;
	size_t size = sim_image_size;
	uint8_t *file = NULL;
	int err = 0;

	if (override_path()) {
		err = read_file(override_path(), &file, &size);
		if (err)
			return err;
		image = file;
	}
	if (size < sizeof(struct npu_fw_header) || size > NPU_FW_MAX_SIZE)
		err = npurt_fail(-EINVAL,
				 "%s is no firmware: it has %zu bytes, an image has %u to %u",
				 image_name(), size, NPU_FW_HEADER_SIZE, NPU_FW_MAX_SIZE);
	else if (sim_mem_alloc(&dev->mem, (size + NPU_PAGE_SIZE - 1) & ~(NPU_PAGE_SIZE - 1),
			       &dev->image_bus))
		err = npurt_fail_nomem("the firmware");
	if (!err) {
		struct npu_fw_header header;

		memcpy(sim_mem_ptr(&dev->mem, dev->image_bus), image, size);
		memcpy(&header, image, sizeof(header));
		dev->image_size = (uint32_t)size;
		fill_info(&dev->fw, &header);
	}
	free(file);
	return err;
}

/* ---- boot ------------------------------------------------------------------------------------ */

static const char *boot_error(uint32_t error)
{
	switch (error) {
	case NPU_BOOT_ERR_MAGIC:
		return "wrong magic: it is no firmware image, see npu-fw-pack";
	case NPU_BOOT_ERR_SIZE:
		return "the size in its header is wrong: the file is truncated or damaged";
	case NPU_BOOT_ERR_ABI:
		return "the boot ROM refuses its ABI version: take firmware made for this device";
	case NPU_BOOT_ERR_RANGE:
		return "it does not fit the device's memory: take firmware made for this device";
	case NPU_BOOT_ERR_HASH:
		return "wrong hash: the file is damaged";
	case NPU_BOOT_ERR_HEADER:
		return "malformed header: take firmware made for this device";
	case NPU_BOOT_ERR_TRAP:
		return "it crashed before it could report";
	default:
		return "the device could not read what it needs";
	}
}

static int fail_boot(struct sim_dev *dev)
{
	const uint32_t status = (uint32_t)npu_dev_read(dev->core, NPU_REG_BOOT_STATUS, 4);

	if (NPU_BOOT_STAGE(status) == NPU_BOOT_FAILED)
		return npurt_fail(
			-EINVAL, "%s does not boot: %s (error %u, detail 0x%x)%s", image_name(),
			boot_error(NPU_BOOT_ERROR(status)), NPU_BOOT_ERROR(status),
			(uint32_t)npu_dev_read(dev->core, NPU_REG_BOOT_DETAIL, 4),
			override_path() ? "\nUnset NPURT_FIRMWARE to use the one in the library."
					: "");
	return npurt_fail(
		-ETIMEDOUT,
		"%s did not report ready within %llu s: boot stage %u, device status 0x%x, "
		"firmware status 0x%x%s",
		image_name(), BOOT_TIMEOUT_NS / 1000000000, NPU_BOOT_STAGE(status),
		(uint32_t)npu_dev_read(dev->core, NPU_REG_STATUS, 4),
		(uint32_t)npu_dev_read(dev->core, NPU_REG_FW_STATUS, 4),
		override_path() ? "\nUnset NPURT_FIRMWARE to use the one in the library." : "");
}

/* Wait with dev->lock until *flag or the firmware is dead or the deadline has come. */
static void wait_for(struct sim_dev *dev, const bool *flag, uint64_t deadline)
{
	bool in_time = true;

	while (!*flag && !dev->dead && in_time) {
		if (dev->events) {
			/* The service thread may be who waits here. */
			pthread_mutex_unlock(&dev->lock);
			sim_fw_events(dev);
			pthread_mutex_lock(&dev->lock);
			continue;
		}
		in_time = sim_wait_until(dev, &dev->mail, deadline);
	}
}

int sim_fw_boot(struct sim_dev *dev)
{
	uint64_t bus = dev->control_bus;
	bool ready;

	pthread_mutex_lock(&dev->lock);
	memset(dev->mbox, 0, sizeof(*dev->mbox));
	dev->h2f_write = dev->f2h_read = dev->seq = 0;
	dev->cookie = 0;
	dev->ready = dev->dead = dev->events = false;
	/* What the firmware that is gone gave reason to is being done. */
	dev->reset_reason = NULL;
	pthread_mutex_unlock(&dev->lock);

	npu_dev_write(dev->core, NPU_REG_MBOX_BASE_LO, bus, 8);
	npu_dev_write(dev->core, NPU_REG_AS_TABLE_LO, bus + sizeof(struct npu_mbox), 8);
	npu_dev_write(dev->core, NPU_REG_QUEUE_TABLE_LO,
		      bus + sizeof(struct npu_mbox) + NPU_MAX_AS * sizeof(struct npu_as_entry), 8);
	npu_dev_write(dev->core, NPU_REG_FW_BASE_LO, dev->image_bus, 8);
	npu_dev_write(dev->core, NPU_REG_FW_SIZE, dev->image_size, 4);
	npu_dev_write(dev->core, NPU_REG_IRQ_ENABLE, NPU_IRQ_ALL, 4);
	npu_dev_write(dev->core, NPU_REG_BOOT_CTRL, NPU_BOOT_CTRL_START, 4);

	pthread_mutex_lock(&dev->lock);
	wait_for(dev, &dev->ready, sim_now() + BOOT_TIMEOUT_NS);
	ready = dev->ready;
	if (ready) {
		dev->fw.abi_major = dev->ready_msg.ready.abi_major;
		dev->fw.abi_minor = dev->ready_msg.ready.abi_minor;
		dev->fw.features = dev->ready_msg.ready.features;
	}
	pthread_mutex_unlock(&dev->lock);
	return ready ? 0 : fail_boot(dev);
}

/* ---- mailbox --------------------------------------------------------------------------------- */

static void note_fault(struct sim_dev *dev, const struct npu_msg *msg)
{
	struct sim_queue *queue = msg->queue < NPU_MAX_QUEUES ? dev->slots[msg->queue] : NULL;

	if (!queue || queue->fault.error || !msg->fault.error ||
	    msg->fault.error >= NPU_JOB_ERROR_COUNT)
		return;
	queue->fault = (struct drm_npu_fault){
		.error = msg->fault.error,
		.access = msg->fault.access < NPU_ACCESS_NONE ? msg->fault.access : NPU_ACCESS_NONE,
		.core = msg->fault.core,
		.as_id = msg->fault.as_id,
		.seqno = msg->fault.seqno,
		.addr = msg->fault.addr,
		.pc = msg->fault.pc,
		.packet = msg->fault.packet,
		.workgroup = msg->fault.workgroup,
	};
}

static void handle(struct sim_dev *dev, const struct npu_msg *msg)
{
	switch (msg->type) {
	case NPU_MSG_REPLY:
		/* A reply to somebody who gave up waiting finds another cookie. */
		if (msg->cookie && msg->cookie == dev->cookie) {
			dev->status = msg->status;
			dev->replied = true;
		}
		break;
	case NPU_MSG_READY:
		dev->ready_msg = *msg;
		dev->ready = true;
		break;
	case NPU_MSG_FAULT:
		note_fault(dev, msg);
		break;
	case NPU_MSG_PANIC:
		dev->dead = true;
		dev->reset_reason = "firmware panic";
		pthread_cond_signal(&dev->work);
		break;
	}
}

void sim_fw_drain(struct sim_dev *dev)
{
	struct npu_mbox *mbox = dev->mbox;
	uint32_t write = __atomic_load_n(&mbox->f2h_write.index, __ATOMIC_ACQUIRE);
	struct npu_msg msg;

	if (write - dev->f2h_read > NPU_MBOX_ENTRIES) {
		dev->dead = true;
		dev->reset_reason = "mailbox indices out of range";
		pthread_cond_signal(&dev->work);
		write = dev->f2h_read;
	}
	while (dev->f2h_read != write) {
		memcpy(&msg, &mbox->f2h[dev->f2h_read % NPU_MBOX_ENTRIES], sizeof(msg));
		dev->f2h_read++;
		handle(dev, &msg);
	}
	__atomic_store_n(&mbox->f2h_read.index, dev->f2h_read, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&dev->mail);
}

int sim_fw_request(struct sim_dev *dev, enum npu_msg_type type, uint32_t queue)
{
	int err = 0;

	pthread_mutex_lock(&dev->request_lock);
	pthread_mutex_lock(&dev->lock);
	if (dev->dead)
		err = -ETIMEDOUT;
	if (!err) {
		if (!++dev->seq)
			dev->seq = 1;
		dev->cookie = dev->seq;
		dev->replied = false;
		dev->mbox->h2f[dev->h2f_write++ % NPU_MBOX_ENTRIES] = (struct npu_msg){
			.type = (uint16_t)type,
			.seq = dev->seq,
			.cookie = dev->seq,
			.queue = queue,
		};
		__atomic_store_n(&dev->mbox->h2f_write.index, dev->h2f_write, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&dev->lock);
	if (!err) {
		npu_dev_write(dev->core, NPU_REG_MBOX_DOORBELL, 1, 4);
		pthread_mutex_lock(&dev->lock);
		wait_for(dev, &dev->replied, sim_now() + REPLY_TIMEOUT_NS);
		if (!dev->replied)
			err = -ETIMEDOUT;
		else if (dev->status != NPU_MSG_OK)
			err = -EIO;
		dev->cookie = 0;
		pthread_mutex_unlock(&dev->lock);
	}
	pthread_mutex_unlock(&dev->request_lock);
	return err;
}

void sim_fw_events(struct sim_dev *dev)
{
	uint32_t events;

	pthread_mutex_lock(&dev->events_lock);
	pthread_mutex_lock(&dev->lock);
	dev->events = false;
	pthread_mutex_unlock(&dev->lock);
	/* Cleared, then looked at: what comes in between raises the vector again. */
	events = (uint32_t)npu_dev_read(dev->core, NPU_REG_IRQ_STATUS, 4);
	npu_dev_write(dev->core, NPU_REG_IRQ_STATUS, events, 4);
	pthread_mutex_lock(&dev->lock);
	/* Last words come before death. */
	sim_fw_drain(dev);
	if (events & (NPU_IRQ_FW_DEAD | NPU_IRQ_BOOT)) {
		dev->dead = true;
		pthread_cond_broadcast(&dev->mail);
	}
	if (events & NPU_IRQ_FW_DEAD && !dev->reset_reason) {
		dev->reset_reason = "firmware died";
		pthread_cond_signal(&dev->work);
	}
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_unlock(&dev->events_lock);
}
