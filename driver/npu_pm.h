/* SPDX-License-Identifier: GPL-2.0-only */
/* Sleep: the machine's, and the device's own while nobody needs it. */
#ifndef NPU_PM_H
#define NPU_PM_H

#include <linux/pm.h>

struct npu_device;

int npu_pm_get(struct npu_device *npu);
void npu_pm_hold(struct npu_device *npu);
void npu_pm_put(struct npu_device *npu);
void npu_pm_wake_late(struct npu_device *npu);
void npu_pm_begin(struct npu_device *npu);
void npu_pm_end(struct npu_device *npu);

extern const struct dev_pm_ops npu_pm_ops;

#endif /* NPU_PM_H */
