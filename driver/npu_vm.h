/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces as programs see them. */
#ifndef NPU_VM_H
#define NPU_VM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include <drm/drm_gpuvm.h>

struct drm_device;
struct drm_file;
struct npu_device;
struct npu_file;
struct npu_pt;

/**
 * struct npu_vm - an address space
 *
 * @kref counts those who use it: the id, and each queue until its last job is gone. The count
 * in @base keeps the memory only; mappings hold that one.
 */
struct npu_vm {
	/** @base: what is mapped where; protected by @lock */
	struct drm_gpuvm base;
	/** @kref: users */
	struct kref kref;
	/** @npu: device; outlives the VM */
	struct npu_device *npu;
	/** @node: in &npu_vm_list.list */
	struct list_head node;
	/** @lock: serialises changes */
	struct mutex lock;
	/** @asid: hardware address space; constant */
	u32 asid;
	/** @root: root page table; NULL after the device is gone; protected by @lock */
	struct npu_pt *root;
	/** @bound_bytes: mapped bytes; protected by @lock */
	u64 bound_bytes;
	/** @unusable: the device was lost while it was changed; protected by @lock */
	bool unusable;
};

struct npu_vm *npu_vm_lookup(struct npu_file *nfile, u32 id);
struct npu_vm *npu_vm_get(struct npu_vm *vm);
void npu_vm_put(struct npu_vm *vm);
void npu_vm_close_all(struct npu_file *nfile);
void npu_vm_unplug_all(struct npu_device *npu);

int npu_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_vm_get_state(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_VM_H */
