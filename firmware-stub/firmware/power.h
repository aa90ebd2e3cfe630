/* SPDX-License-Identifier: MIT */
/*
 * Operating point: the highest one that heat, the driver's wish and its power cap allow. The cap is held
 * against the most that the device could take at a point, never against what it takes just
 * now, so the choice is a function of these three and of nothing else.
 */
#ifndef NPU_FW_POWER_H
#define NPU_FW_POWER_H

#include "npu_fw.h"

void power_init(void);
/* The heat's limit has changed (NPU_SOC_IRQ_POWER). */
void power_event(void);
/* NPU_MSG_POWER_SET. BAD_POWER: not even the slowest point keeps to that cap; nothing has changed. */
enum npu_msg_status power_set(const struct npu_msg *msg);
/* Fill in msg->power. */
void power_get(struct npu_msg *msg);

#endif /* NPU_FW_POWER_H */
