/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces as programs see them. */
#ifndef NPU_VM_H
#define NPU_VM_H

#include <linux/cleanup.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include <drm/drm_gpuvm.h>

struct drm_device;
struct drm_file;
struct npu_bindq;
struct npu_device;
struct npu_file;
struct npu_pt;
struct npu_user;

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
	/** @user: whose account it is on, until it has no user */
	struct npu_user *user;
	/** @node: in &npu_vm_list.list */
	struct list_head node;
	/** @lock: serialises changes; nothing is allocated under it, fences wait for it */
	struct mutex lock;
	/** @asid: hardware address space; constant */
	u32 asid;
	/** @root: root page table; NULL after the device is gone; protected by @lock */
	struct npu_pt *root;
	/** @bound_bytes: mapped bytes; protected by @lock */
	u64 bound_bytes;
	/** @unusable: the device was lost while it was changed; protected by @lock */
	bool unusable;
	/** @closed: its id is gone; protected by @lock */
	bool closed;
	/** @binds: asynchronous binds that have not run; protected by @lock */
	struct list_head binds;
	/** @bindq_lock: makes @bindq be made once */
	struct mutex bindq_lock;
	/** @bindq: queue of asynchronous binds, or NULL: there was none yet */
	struct npu_bindq *bindq;
};

struct npu_vm *npu_vm_lookup(struct npu_file *nfile, u32 id);
struct npu_vm *npu_vm_get(struct npu_vm *vm);
void npu_vm_put(struct npu_vm *vm);
void npu_vm_cancel_all(struct npu_file *nfile);
void npu_vm_close_all(struct npu_file *nfile);
void npu_vm_unplug_all(struct npu_device *npu);
void npu_vm_for_each(struct npu_device *npu, void (*look)(struct npu_vm *vm, void *arg), void *arg);
void npu_vm_free(struct drm_gpuvm *gpuvm);

DEFINE_FREE(npu_vm_put, struct npu_vm *, npu_vm_put(_T))

int npu_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_vm_get_state(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* NPU_VM_H */
