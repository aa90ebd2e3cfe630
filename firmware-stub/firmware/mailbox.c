// SPDX-License-Identifier: MIT
#include "mailbox.h"

#include <stddef.h>

#include "npu_regs.h"

#include "kmem.h"
#include "log.h"
#include "outbox.h"
#include "panic.h"
#include "port.h"
#include "request.h"
#include "soc.h"

static uint64_t base; /* bus address; 0: not up */
static uint32_t request_read; /* our index of the host's ring */
static uint32_t send_write, send_read; /* our ring: our index, and the host's as seen last */
static uint32_t send_seq;
static bool blocked; /* requests were left unread for lack of room */

/* Read an index of the host's. Only the distance to ours can be checked. */
static uint32_t read_index(size_t offset)
{
	uint64_t line __attribute__((aligned(8)));

	kmem_read(base + offset, &line, sizeof(line));
	return (uint32_t)line;
}

/* Eight bytes, index and zero pad, since the port makes those atomic. */
static void write_index(size_t offset, uint32_t index)
{
	uint64_t line __attribute__((aligned(8))) = index;

	kmem_write(base + offset, &line, sizeof(line));
}

static void check_distance(uint32_t write, uint32_t read)
{
	if (write - read > NPU_MBOX_ENTRIES)
		panic(NPU_PANIC_MBOX, 0, (uintptr_t)__builtin_return_address(0),
		      (uint64_t)write << 32 | read);
}

bool mailbox_init(void)
{
	uint64_t addr = soc_read64(NPU_SOC_MBOX_BASE);
	uint64_t probe __attribute__((aligned(8)));

	if (!addr || addr % 4096 ||
	    port_transfer(addr, &probe, sizeof(probe), NPU_SOC_PORT_READ) != NPU_JOB_OK)
		return false;
	base = addr;
	request_read = read_index(offsetof(struct npu_mbox, h2f_read));
	send_write = read_index(offsetof(struct npu_mbox, f2h_write));
	send_read = read_index(offsetof(struct npu_mbox, f2h_read));
	check_distance(read_index(offsetof(struct npu_mbox, h2f_write)), request_read);
	check_distance(send_write, send_read);
	return true;
}

bool mailbox_room(void)
{
	if (send_write - send_read < NPU_MBOX_ENTRIES)
		return true;
	send_read = read_index(offsetof(struct npu_mbox, f2h_read));
	check_distance(send_write, send_read);
	return send_write - send_read < NPU_MBOX_ENTRIES;
}

void mailbox_send(struct npu_msg *msg)
{
	fw_assert(send_write - send_read < NPU_MBOX_ENTRIES);
	msg->seq = ++send_seq;
	trace(MESSAGE, msg->queue, msg->type, msg->status, msg->seq, msg->cookie);
	kmem_write(base + offsetof(struct npu_mbox, f2h) +
			   send_write % NPU_MBOX_ENTRIES * sizeof(*msg),
		   msg, sizeof(*msg));
	write_index(offsetof(struct npu_mbox, f2h_write), ++send_write);
	soc_write32(NPU_SOC_HOST_EVENT, NPU_IRQ_MBOX);
}

void mailbox_reply(uint32_t cookie, uint32_t queue, enum npu_msg_status status)
{
	struct npu_msg msg __attribute__((aligned(8))) = {
		.type = NPU_MSG_REPLY,
		.status = (uint16_t)status,
		.cookie = cookie,
		.queue = queue,
	};

	mailbox_send(&msg);
}

void mailbox_poll(void)
{
	uint32_t write = read_index(offsetof(struct npu_mbox, h2f_write));

	check_distance(write, request_read);
	blocked = false;
	outbox_flush();
	while (request_read != write) {
		struct npu_msg msg __attribute__((aligned(8)));

		if (!outbox_empty() || !mailbox_room()) {
			blocked = true;
			return;
		}
		kmem_read(base + offsetof(struct npu_mbox, h2f) +
				  request_read % NPU_MBOX_ENTRIES * sizeof(msg),
			  &msg, sizeof(msg));
		/* Before the reply, so that who has the reply knows that the slot is free. */
		write_index(offsetof(struct npu_mbox, h2f_read), ++request_read);
		request_serve(&msg);
	}
}

void mailbox_retry(void)
{
	if (blocked || !outbox_empty())
		mailbox_poll();
}

void mailbox_panic(enum npu_fw_panic code, uint64_t mcause, uint64_t mepc, uint64_t mtval)
{
	struct npu_msg msg __attribute__((aligned(8))) = {
		.type = NPU_MSG_PANIC,
		.panic = { .code = code, .mcause = mcause, .mepc = mepc, .mtval = mtval },
	};

	if (base && mailbox_room())
		mailbox_send(&msg);
}
