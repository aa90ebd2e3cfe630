/* SPDX-License-Identifier: MIT */
/* Mailbox: two rings of messages in host memory, see npu_fw.h. */
#ifndef NPU_FW_MAILBOX_H
#define NPU_FW_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_fw.h"

/*
 * Take over the mailbox with its indices as the host has set them. Returns
 * false if its address is missing, misaligned or does not answer.
 */
bool mailbox_init(void);
/* Read and serve requests for as long as there is room for the replies; the rest waits. */
void mailbox_poll(void);
/* Poll again if something waits for room; the host does not ring when it makes some. */
void mailbox_retry(void);

/* There is room for a message. */
bool mailbox_room(void);
/* Send a message; the caller has seen mailbox_room(). Fills in seq. */
void mailbox_send(struct npu_msg *msg);
void mailbox_reply(uint32_t cookie, uint32_t queue, enum npu_msg_status status);
/* Tell the host about a panic, if the mailbox is up and has room. */
void mailbox_panic(enum npu_fw_panic code, uint64_t mcause, uint64_t mepc, uint64_t mtval);

#endif /* NPU_FW_MAILBOX_H */
