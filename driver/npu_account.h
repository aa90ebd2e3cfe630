/* SPDX-License-Identifier: GPL-2.0-only */
/* What each user has of a device, and may have. */
#ifndef NPU_ACCOUNT_H
#define NPU_ACCOUNT_H

#include <linux/types.h>

struct drm_npu_limits;
struct npu_device;
struct npu_user;

/** enum npu_resource - what is limited per user */
enum npu_resource {
	/** @NPU_RESOURCE_MEMORY: bytes of BOs */
	NPU_RESOURCE_MEMORY = 0,
	/** @NPU_RESOURCE_VMS: address spaces */
	NPU_RESOURCE_VMS,
	/** @NPU_RESOURCE_QUEUES: queues */
	NPU_RESOURCE_QUEUES,
	/** @NPU_RESOURCE_COUNT: number of them */
	NPU_RESOURCE_COUNT,
};

void npu_account_init(struct npu_device *npu);
struct npu_user *npu_user_open(struct npu_device *npu);
struct npu_user *npu_user_get(struct npu_user *user);
void npu_user_put(struct npu_user *user);
int npu_user_charge(struct npu_user *user, enum npu_resource resource, u64 amount);
void npu_user_uncharge(struct npu_user *user, enum npu_resource resource, u64 amount);
void npu_user_limits(struct npu_user *user, struct drm_npu_limits *limits);

#endif /* NPU_ACCOUNT_H */
