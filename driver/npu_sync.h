/* SPDX-License-Identifier: GPL-2.0-only */
/* What SUBMIT and VM_BIND wait for and signal. */
#ifndef NPU_SYNC_H
#define NPU_SYNC_H

#include <linux/types.h>

#include <drm/npu_accel.h>

struct dma_fence;
struct drm_file;
struct drm_sched_job;
struct npu_sync_signal;

/** struct npu_syncs - sync operations of an ioctl while it is done; all zero: none */
struct npu_syncs {
	/** @file: whose syncobjs they are */
	struct drm_file *file;
	/** @ops: the operations, checked */
	struct drm_npu_sync_op *ops;
	/** @count: entries of @ops */
	u32 count;
	/** @waits: those of them that wait */
	u32 waits;
	/** @signals: the syncobjs to be signalled */
	struct npu_sync_signal *signals;
	/** @signal_count: entries of @signals */
	u32 signal_count;
};

int npu_syncs_fetch(struct npu_syncs *syncs, struct drm_file *file,
		    const struct drm_npu_obj_array *in);
int npu_syncs_prepare(struct npu_syncs *syncs);
int npu_syncs_add_waits(const struct npu_syncs *syncs, struct drm_sched_job *job);
void npu_syncs_publish(struct npu_syncs *syncs, struct dma_fence *fence);
void npu_syncs_fini(struct npu_syncs *syncs);

#endif /* NPU_SYNC_H */
