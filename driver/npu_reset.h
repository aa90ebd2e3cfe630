/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking the device down with all queues, and bringing it up again. */
#ifndef NPU_RESET_H
#define NPU_RESET_H

struct npu_device;
enum npu_hw_state;

void npu_reset_drain(struct npu_device *npu, unsigned long timeout);
void npu_reset_pause(struct npu_device *npu, const char *reason);
void npu_reset_stop(struct npu_device *npu, const char *reason);
int npu_reset_start(struct npu_device *npu);
void npu_reset_give_up(struct npu_device *npu, enum npu_hw_state state);

#endif /* NPU_RESET_H */
