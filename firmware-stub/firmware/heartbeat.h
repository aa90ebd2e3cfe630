/* SPDX-License-Identifier: MIT */
/* The heartbeat: shows the host that the event loop runs, and does what is due now and then. */
#ifndef NPU_FW_HEARTBEAT_H
#define NPU_FW_HEARTBEAT_H

/* The first beat is due at once. */
void heartbeat_init(void);
/* The timer has gone off (mip.MTIP). */
void heartbeat_tick(void);

#endif /* NPU_FW_HEARTBEAT_H */
