/* SPDX-License-Identifier: GPL-2.0-only */
/**
 * DOC: Kernel versions
 *
 * The one place that knows about kernel versions, from the oldest named here to
 * 7.3. What they call differently is bridged in this file and nowhere else.
 *
 * NPU_HAS_* is what Kbuild finds in the kernel's headers.
 *
 * Rejected: going by the version. Stable releases take changes over: of two 6.12 kernels one
 * has the client's number as an argument of drm_sched_job_init(), and the other has not.
 *
 * Rejected: conditions where something is used. The rest is written as for mainline, which has
 * one kernel to serve and no use for this file.
 */
#ifndef NPU_COMPAT_H
#define NPU_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "npu needs Linux 6.12 or newer: build against the headers of such a kernel"
#endif

#ifdef __BIG_ENDIAN
#error "npu shares structures with a little-endian device: big-endian kernels are not supported"
#endif

#include <linux/mutex.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

/* By type and not by size, since 7.0. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp) kzalloc(sizeof(obj), gfp)
#endif

/**
 * npu_sched_init() - set up a scheduler without time limit and with one run queue
 * @sched: scheduler
 * @ops: backend
 * @wq: workqueue that the backend is called on
 * @credit_limit: credits that may be in flight
 * @name: name of the timeline; lives as long as any fence of it
 * @dev: device
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_sched_init(struct drm_gpu_scheduler *sched,
				 const struct drm_sched_backend_ops *ops,
				 struct workqueue_struct *wq, u32 credit_limit,
				 const char *name, struct device *dev)
{
#ifdef NPU_HAS_SCHED_INIT_ARGS
	const struct drm_sched_init_args args = {
		.ops = ops,
		.submit_wq = wq,
		.num_rqs = 1,
		.credit_limit = credit_limit,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = name,
		.dev = dev,
	};

	return drm_sched_init(sched, &args);
#else
	return drm_sched_init(sched, ops, wq, 1, credit_limit, 0, MAX_SCHEDULE_TIMEOUT,
			      NULL, NULL, name, dev);
#endif
}

/**
 * npu_sched_entity_init() - set up the only entity of a scheduler
 * @entity: entity
 * @sched: its scheduler
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_sched_entity_init(struct drm_sched_entity *entity,
					struct drm_gpu_scheduler *sched)
{
	/* One run queue: priority 0 is the only one there is. */
	return drm_sched_entity_init(entity, DRM_SCHED_PRIORITY_KERNEL, &sched, 1, NULL);
}

/**
 * npu_sched_job_init() - set up a scheduler's job
 * @job: job, zeroed
 * @entity: entity that it will be pushed to
 * @credits: credits that it takes while in flight
 * @file: who submits it
 *
 * The client's number became an argument with 6.17, and with a 6.12 stable release.
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_sched_job_init(struct drm_sched_job *job,
				     struct drm_sched_entity *entity, u32 credits,
				     struct drm_file *file)
{
#ifdef NPU_HAS_SCHED_JOB_CLIENT
	return drm_sched_job_init(job, entity, credits, file, file->client_id);
#else
	return drm_sched_job_init(job, entity, credits, file);
#endif
}

/* Newer kernels ask nobody to say that buffers can be mapped by a GPUVM. */
#ifdef NPU_HAS_DRIVER_GEM_GPUVA
#define NPU_DRIVER_GEM_GPUVA DRIVER_GEM_GPUVA
#else
#define NPU_DRIVER_GEM_GPUVA 0
#endif

/*
 * What protects an object's list of the VMs that map it: newer kernels have a
 * lock for it in the object, older ones want one of the driver's.
 */
#ifdef NPU_HAS_GPUVM_IMMEDIATE_MODE
#define NPU_GPUVM_FLAGS DRM_GPUVM_IMMEDIATE_MODE
#else
#define NPU_GPUVM_FLAGS 0
#endif

/** struct npu_gpuva_lock - the driver's lock of an object's VMs, where the object has none */
struct npu_gpuva_lock {
#ifndef NPU_HAS_GPUVM_IMMEDIATE_MODE
	/** @mutex: the lock */
	struct mutex mutex;
#endif
};

/**
 * npu_gpuva_lock_init() - set up what protects an object's list of VMs
 * @lock: the driver's lock
 * @obj: object that it lives with
 */
static inline void npu_gpuva_lock_init(struct npu_gpuva_lock *lock, struct drm_gem_object *obj)
{
#ifndef NPU_HAS_GPUVM_IMMEDIATE_MODE
	mutex_init(&lock->mutex);
	drm_gem_gpuva_set_lock(obj, &lock->mutex);
#endif
}

/**
 * npu_gpuva_lock_destroy() - nobody takes it any more
 * @lock: the driver's lock
 */
static inline void npu_gpuva_lock_destroy(struct npu_gpuva_lock *lock)
{
#ifndef NPU_HAS_GPUVM_IMMEDIATE_MODE
	mutex_destroy(&lock->mutex);
#endif
}

/**
 * npu_gpuva_mutex() - what to hold while an object's list of VMs is read or changed
 * @lock: the driver's lock
 * @obj: the object
 *
 * Return: the mutex, as long-lived as @obj.
 */
static inline struct mutex *npu_gpuva_mutex(struct npu_gpuva_lock *lock, struct drm_gem_object *obj)
{
#ifdef NPU_HAS_GPUVM_IMMEDIATE_MODE
	return &obj->gpuva.lock;
#else
	return &lock->mutex;
#endif
}

/**
 * npu_gpuvm_bo_obtain() - find or make the link between a VM and an object
 * @gpuvm: VM
 * @obj: object
 * @lock: the driver's lock of @obj, not held
 *
 * Return: the link with a reference for the caller, or an ERR_PTR().
 */
static inline struct drm_gpuvm_bo *npu_gpuvm_bo_obtain(struct drm_gpuvm *gpuvm,
						       struct drm_gem_object *obj,
						       struct npu_gpuva_lock *lock)
{
#ifdef NPU_HAS_GPUVM_IMMEDIATE_MODE
	struct drm_gpuvm_bo *vm_bo = drm_gpuvm_bo_create(gpuvm, obj);

	/* Takes the lock, and what was made if there is one already. */
	return vm_bo ? drm_gpuvm_bo_obtain_prealloc(vm_bo) : ERR_PTR(-ENOMEM);
#else
	struct drm_gpuvm_bo *vm_bo = drm_gpuvm_bo_create(gpuvm, obj);

	if (!vm_bo)
		return ERR_PTR(-ENOMEM);
	/* Nothing is allocated under the lock: fences wait for it. */
	guard(mutex)(&lock->mutex);
	return drm_gpuvm_bo_obtain_prealloc(vm_bo);
#endif
}

/**
 * npu_gpuvm_sm_map() - map, and split or remove what was mapped there
 * @gpuvm: VM
 * @priv: passed to the steps
 * @va: start of the range
 * @size: its size
 * @obj: object
 * @offset: offset in @obj
 *
 * Return: 0 or what a step returned.
 */
static inline int npu_gpuvm_sm_map(struct drm_gpuvm *gpuvm, void *priv, u64 va, u64 size,
				   struct drm_gem_object *obj, u64 offset)
{
#ifdef NPU_HAS_GPUVM_MAP_REQ
	const struct drm_gpuvm_map_req req = {
		.map = {
			.va = { .addr = va, .range = size },
			.gem = { .obj = obj, .offset = offset },
		},
	};

	return drm_gpuvm_sm_map(gpuvm, priv, &req);
#else
	return drm_gpuvm_sm_map(gpuvm, priv, va, size, obj, offset);
#endif
}

/**
 * npu_shmem_put_pages() - drop a use of an object's pages
 * @shmem: object, its reservation held
 */
static inline void npu_shmem_put_pages(struct drm_gem_shmem_object *shmem)
{
#ifdef NPU_HAS_SHMEM_PUT_PAGES_LOCKED
	drm_gem_shmem_put_pages_locked(shmem);
#else
	drm_gem_shmem_put_pages(shmem);
#endif
}

/* What fdinfo tells of memory; kernels that do not ask for "active" tell it always. */
#ifdef NPU_HAS_GEM_OBJECT_ACTIVE
#define NPU_MEMORY_STATS \
	(DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_PURGEABLE | DRM_GEM_OBJECT_ACTIVE)
#else
#define NPU_MEMORY_STATS (DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_PURGEABLE)
#endif

/**
 * npu_shmem_madvise() - say whether an object's content is needed
 * @shmem: object, its reservation held
 * @madv: 0: it is
 *
 * Return: whether there is any.
 */
static inline bool npu_shmem_madvise(struct drm_gem_shmem_object *shmem, int madv)
{
#ifdef NPU_HAS_SHMEM_PURGE_LOCKED
	return drm_gem_shmem_madvise_locked(shmem, madv);
#else
	return drm_gem_shmem_madvise(shmem, madv);
#endif
}

/**
 * npu_shmem_purge() - take an object's pages
 * @shmem: object that may be purged, its reservation held
 */
static inline void npu_shmem_purge(struct drm_gem_shmem_object *shmem)
{
#ifdef NPU_HAS_SHMEM_PURGE_LOCKED
	drm_gem_shmem_purge_locked(shmem);
#else
	drm_gem_shmem_purge(shmem);
#endif
}

/* With 6.13 the name of a namespace is a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define NPU_IMPORT_NS(name) MODULE_IMPORT_NS(name)
#else
#define NPU_IMPORT_NS(name) MODULE_IMPORT_NS(#name)
#endif

#ifndef NPU_HAS_GEM_HUGE_MNT
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>

#include <drm/drm_managed.h>

static inline void npu_huge_mnt_free(struct drm_device *drm, void *mnt)
{
	kern_unmount(mnt);
}
#endif

/**
 * npu_huge_mnt_create() - have a file system whose files get large pages
 * @drm: device
 * @mnt: where to put it, on kernels that do not keep it in @drm
 *
 * With 7.0 the GEM helpers have such a mount for a device, and use it.
 *
 * Return: 0 or a negative errno.
 */
static inline int npu_huge_mnt_create(struct drm_device *drm, struct vfsmount **mnt)
{
#ifdef NPU_HAS_GEM_HUGE_MNT
	return drm_gem_huge_mnt_create(drm, "within_size");
#else
	char options[] = "huge=within_size";
	struct file_system_type *type = get_fs_type("tmpfs");
	struct vfsmount *huge;

	if (!type)
		return -ENODEV;
	huge = vfs_kern_mount(type, SB_KERNMOUNT, type->name, options);
	if (IS_ERR(huge))
		return PTR_ERR(huge);
	*mnt = huge;
	return drmm_add_action_or_reset(drm, npu_huge_mnt_free, huge);
#endif
}

/**
 * npu_shmem_create() - drm_gem_shmem_create() with large pages
 * @drm: device
 * @size: bytes
 * @mnt: from npu_huge_mnt_create(), or NULL
 *
 * Return: the object or an ERR_PTR().
 */
static inline struct drm_gem_shmem_object *npu_shmem_create(struct drm_device *drm, size_t size,
							    struct vfsmount *mnt)
{
	struct drm_gem_shmem_object *shmem = drm_gem_shmem_create(drm, size);
#ifndef NPU_HAS_GEM_HUGE_MNT
	struct file *file, *plain;

	if (IS_ERR(shmem) || !mnt)
		return shmem;
	/* Nobody knows the object yet, and its file is empty: another one takes its place. */
	plain = shmem->base.filp;
	file = shmem_file_setup_with_mnt(mnt, "drm mm object", size, VM_NORESERVE);
	if (IS_ERR(file))
		return shmem;
	mapping_set_gfp_mask(file->f_mapping, mapping_gfp_mask(plain->f_mapping));
	shmem->base.filp = file;
	fput(plain);
#endif
	return shmem;
}

#endif /* NPU_COMPAT_H */
