/* SPDX-License-Identifier: MIT */
/* What the host asks for through the mailbox. */
#ifndef NPU_FW_REQUEST_H
#define NPU_FW_REQUEST_H

struct npu_msg;

/*
 * Serve one request. The mailbox has room for one reply, and the outbox is
 * empty. The reply is sent at once, or owed by the outbox.
 */
void request_serve(const struct npu_msg *msg);

#endif /* NPU_FW_REQUEST_H */
