// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: NPU driver
 *
 * A DRM accel driver for the NPU, a PCI function. Programs get address spaces,
 * buffers and queues; what runs on the device is theirs, and the device's MMU
 * is what keeps them apart. The kernel neither reads nor checks command buffers.
 *
 * Parts, one noun per file:
 *
 * - npu_drv: module, PCI, files, table of ioctls
 * - npu_hw: registers, who may touch them when, reset and start
 * - npu_firmware, npu_mbox, npu_irq: firmware, messages, interrupts
 * - npu_mmu, npu_pt, npu_vm, npu_gem: address spaces, page tables, buffers
 * - npu_prime, npu_userptr, npu_shrinker, npu_account: buffers of others, memory taken, limits
 * - npu_bind, npu_bindq: changes of address spaces, at once and in time
 * - npu_queue, npu_queue_hw, npu_fence, npu_job, npu_submit, npu_sync: work
 * - npu_recovery: watchdog, steps of recovery
 * - npu_reset, npu_pci_error, npu_pm: what all resets have in common; PCI errors; sleep
 * - npu_perfmon, npu_perf_stream, npu_perf_lane: counters, records of work while it runs
 * - npu_query, npu_uobj: DEV_QUERY, arrays that programs pass in
 * - npu_dvfs, npu_hwmon: operating points, power cap, sensors
 * - npu_fdinfo, npu_sysfs, npu_debugfs, npu_trace, npu_coredump, npu_msglog, npu_fwlog: what people
 *   look at
 * - npu_compat: kernel versions
 *
 * Rejected: a render node. Of what user space looks for behind one there is nothing here,
 * and desktops would offer the device to those who want to draw; accel nodes are for this.
 *
 * Rejected: checking command buffers in the kernel, which would have to be copied first. It would
 * cost as much as short jobs take, and what they may reach is what the MMU says anyway.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "npu_account.h"
#include "npu_bind.h"
#include "npu_compat.h"
#include "npu_coredump.h"
#include "npu_fdinfo.h"
#include "npu_gem.h"
#include "npu_hw.h"
#include "npu_job.h"
#include "npu_pci_error.h"
#include "npu_pm.h"
#include "npu_prime.h"
#include "npu_queue.h"
#include "npu_shrinker.h"
#include "npu_userptr.h"
#include "npu_vm.h"

struct workqueue_struct *npu_module_wq;

/* Wall time: an emulated device may need seconds for what silicon does in one blink. */
unsigned int npu_default_timeout_ms = 10000;

/* So long one queue may keep the tiles from all others with a job that does nothing. */
unsigned int npu_max_timeout_ms = 60000;

static int npu_set_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, NPU_TIMEOUT_LIMIT_MS);
}

static const struct kernel_param_ops npu_timeout_ops = {
	.set = npu_set_timeout,
	.get = param_get_uint,
};

module_param_cb(timeout_ms, &npu_timeout_ops, &npu_default_timeout_ms, 0644);
MODULE_PARM_DESC(timeout_ms,
		 "Time in ms that a job may run without progress, for queues that do not say (1..3600000, default 10000)");

module_param_cb(timeout_max_ms, &npu_timeout_ops, &npu_max_timeout_ms, 0644);
MODULE_PARM_DESC(timeout_max_ms,
		 "Highest such time in ms that a queue gets (1..3600000, default 60000)");

/*
 * Progress is what the device says, and a command buffer may ask for years of it, while others wait
 * for its fence. An hour is far more than a job should be; whoever has longer ones can say so.
 */
unsigned int npu_job_max_ms = 3600000;

static int npu_set_job_max(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, NPU_JOB_LIMIT_MS);
}

static const struct kernel_param_ops npu_job_max_ops = {
	.set = npu_set_job_max,
	.get = param_get_uint,
};

module_param_cb(job_max_ms, &npu_job_max_ops, &npu_job_max_ms, 0644);
MODULE_PARM_DESC(job_max_ms,
		 "Time in ms that a job gets from when it is its queue's oldest, waiting and resets included, whatever progress it makes (1..604800000, default 3600000)");

module_param_named(coredump, npu_coredump_enabled, bool, 0644);
MODULE_PARM_DESC(coredump,
		 "Write down the state of a queue whose job fails, in /sys/class/devcoredump (default on)");

/*
 * Ioctls that map memory for the device: removal waits for those under way, and what they have
 * mapped is unmapped before the driver lets go of the device. Removals of all DRM devices wait for
 * each other's, so nothing is waited for in here that a program can put off: memory of its own, or
 * its jobs. Those that need such enter on their own, when they have it.
 */
#define NPU_IOCTL_MAPPING(name) \
	static int npu_ioctl_##name##_plugged(struct drm_device *drm, void *data, \
					      struct drm_file *file) \
	{ \
		int ret, idx; \
\
		if (!drm_dev_enter(drm, &idx)) \
			return -ENODEV; \
		ret = npu_ioctl_##name(drm, data, file); \
		drm_dev_exit(idx); \
		return ret; \
	}

NPU_IOCTL_MAPPING(vm_create)
NPU_IOCTL_MAPPING(queue_create)
NPU_IOCTL_MAPPING(perf_stream_open)

static const struct drm_ioctl_desc npu_ioctls[] = {
	DRM_IOCTL_DEF_DRV(NPU_DEV_QUERY, npu_ioctl_dev_query, 0),
	DRM_IOCTL_DEF_DRV(NPU_VM_CREATE, npu_ioctl_vm_create_plugged, 0),
	DRM_IOCTL_DEF_DRV(NPU_VM_DESTROY, npu_ioctl_vm_destroy, 0),
	DRM_IOCTL_DEF_DRV(NPU_VM_BIND, npu_ioctl_vm_bind, 0),
	DRM_IOCTL_DEF_DRV(NPU_VM_GET_STATE, npu_ioctl_vm_get_state, 0),
	DRM_IOCTL_DEF_DRV(NPU_BO_CREATE, npu_ioctl_bo_create, 0),
	DRM_IOCTL_DEF_DRV(NPU_BO_MMAP_OFFSET, npu_ioctl_bo_mmap_offset, 0),
	DRM_IOCTL_DEF_DRV(NPU_QUEUE_CREATE, npu_ioctl_queue_create_plugged, 0),
	DRM_IOCTL_DEF_DRV(NPU_QUEUE_DESTROY, npu_ioctl_queue_destroy, 0),
	DRM_IOCTL_DEF_DRV(NPU_QUEUE_GET_STATE, npu_ioctl_queue_get_state, 0),
	DRM_IOCTL_DEF_DRV(NPU_SUBMIT, npu_ioctl_submit, 0),
	DRM_IOCTL_DEF_DRV(NPU_BO_QUERY_INFO, npu_ioctl_bo_query_info, 0),
	DRM_IOCTL_DEF_DRV(NPU_BO_SET_LABEL, npu_ioctl_bo_set_label, 0),
	DRM_IOCTL_DEF_DRV(NPU_BO_MADVISE, npu_ioctl_bo_madvise, 0),
	DRM_IOCTL_DEF_DRV(NPU_BO_USERPTR, npu_ioctl_bo_userptr, 0),
	DRM_IOCTL_DEF_DRV(NPU_PERFMON_CREATE, npu_ioctl_perfmon_create, 0),
	DRM_IOCTL_DEF_DRV(NPU_PERFMON_DESTROY, npu_ioctl_perfmon_destroy, 0),
	DRM_IOCTL_DEF_DRV(NPU_PERFMON_READ, npu_ioctl_perfmon_read, 0),
	DRM_IOCTL_DEF_DRV(NPU_PERF_STREAM_OPEN, npu_ioctl_perf_stream_open_plugged, 0),
};

static int npu_open(struct drm_device *drm, struct drm_file *file)
{
	struct npu_file *nfile;

	if (npu_is_lost(to_npu(drm)))
		return -ENODEV;
	nfile = kzalloc_obj(*nfile, GFP_KERNEL_ACCOUNT);
	if (!nfile)
		return -ENOMEM;
	nfile->usage = npu_usage_create();
	if (!nfile->usage) {
		kfree(nfile);
		return -ENOMEM;
	}
	nfile->npu = to_npu(drm);
	nfile->client = file->client_id;
	nfile->user = npu_user_open(nfile->npu);
	if (!nfile->user) {
		npu_usage_put(nfile->usage);
		kfree(nfile);
		return -ENOMEM;
	}
	xa_init_flags(&nfile->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&nfile->queues, XA_FLAGS_ALLOC1);
	npu_perfmon_open(nfile);
	file->driver_priv = nfile;
	return 0;
}

static void npu_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct npu_file *nfile = file->driver_priv;
	int i;

	npu_vm_cancel_all(nfile);
	npu_queue_close_all(nfile);
	npu_perfmon_close(nfile);
	npu_vm_close_all(nfile);
	/*
	 * What is freed later holds the module, and shall not after this. Each frees the next: a
	 * queue or a bind its VM, that its binds' queue, and that itself.
	 */
	for (i = 0; i < 3; i++)
		flush_workqueue(npu_module_wq);
	npu_usage_put(nfile->usage);
	npu_user_put(nfile->user);
	kfree(nfile);
}

static const struct file_operations npu_fops = {
	.owner = THIS_MODULE,
	DRM_ACCEL_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver npu_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | NPU_DRIVER_GEM_GPUVA |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = npu_open,
	.postclose = npu_postclose,
	.show_fdinfo = npu_show_fdinfo,
	.gem_create_object = npu_gem_create_object,
	.gem_prime_import = npu_prime_import,
	.gem_prime_import_sg_table = npu_prime_import_sg_table,
	.ioctls = npu_ioctls,
	.num_ioctls = ARRAY_SIZE(npu_ioctls),
	.fops = &npu_fops,
	.name = DRM_NPU_DRIVER_NAME,
	.desc = "NPU",
	.major = DRM_NPU_DRIVER_MAJOR,
	.minor = DRM_NPU_DRIVER_MINOR,
};

static int npu_map_pci(struct npu_device *npu)
{
	struct pci_dev *pdev = npu_to_pci(npu);
	struct device *dev = &pdev->dev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return dev_err_probe(dev, ret, "cannot enable the device\n");
	if (pci_resource_len(pdev, NPU_BAR_REGS) < NPU_BAR0_SIZE)
		return dev_err_probe(dev, -ENODEV,
				     "register BAR has %pa bytes, %#x are needed: no memory assigned, or not an NPU\n",
				     &(resource_size_t){ pci_resource_len(pdev, NPU_BAR_REGS) },
				     NPU_BAR0_SIZE);
	ret = pcim_iomap_regions(pdev, BIT(NPU_BAR_REGS), DRM_NPU_DRIVER_NAME);
	if (ret)
		return dev_err_probe(dev, ret, "cannot map the registers\n");
	npu->regs = pcim_iomap_table(pdev)[NPU_BAR_REGS];
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return dev_err_probe(dev, ret, "no usable DMA addressing\n");
	/* Runs of pages become large leaves only if nobody cuts them. */
	dma_set_max_seg_size(dev, UINT_MAX);
	return 0;
}

static void npu_destroy_wq(struct drm_device *drm, void *wq)
{
	destroy_workqueue(wq);
}

/* What needs no answer from the device. */
static int npu_init_parts(struct npu_device *npu)
{
	int ret;

	init_rwsem(&npu->hw_sem);
	spin_lock_init(&npu->slots_lock);
	INIT_LIST_HEAD(&npu->bos);
	INIT_LIST_HEAD(&npu->purgeable);
	ret = drmm_mutex_init(&npu->drm, &npu->bos_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(&npu->drm, &npu->purge_lock);
	if (ret)
		return ret;
	npu_account_init(npu);
	ret = npu_gem_init(npu);
	if (ret)
		return ret;
	npu->sched_wq = alloc_workqueue("npu-sched", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!npu->sched_wq)
		return -ENOMEM;
	ret = drmm_add_action_or_reset(&npu->drm, npu_destroy_wq, npu->sched_wq);
	if (ret)
		return ret;
	npu->queue_table = dmam_alloc_coherent(npu->drm.dev,
					       NPU_MAX_QUEUES * sizeof(*npu->queue_table),
					       &npu->queue_table_dma, GFP_KERNEL);
	if (!npu->queue_table)
		return -ENOMEM;
	ret = npu_coredump_init(npu);
	if (ret)
		return ret;
	ret = npu_recovery_init(npu);
	if (ret)
		return ret;
	ret = npu_perf_init(npu);
	if (ret)
		return ret;
	ret = npu_mbox_init(npu);
	if (ret)
		return ret;
	ret = npu_fwlog_init(npu);
	if (ret)
		return ret;
	ret = npu_dvfs_init(npu);
	if (ret)
		return ret;
	return npu_mmu_init(npu);
}

/*
 * A reset that an interrupt has asked for meanwhile waits, and is done then; not of a device that
 * does not even start, which is given up.
 */
static int npu_start(struct npu_device *npu)
{
	int ret;

	down_write(&npu->hw_sem);
	ret = npu_hw_start(npu);
	if (!ret)
		ret = npu_dvfs_probe(npu);
	if (!ret)
		WRITE_ONCE(npu->hw_state, NPU_HW_UP);
	else
		WRITE_ONCE(npu->recovery.reason, NULL);
	up_write(&npu->hw_sem);
	return ret;
}

static int npu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct npu_device *npu;
	int ret;

	npu = devm_drm_dev_alloc(&pdev->dev, &npu_drm_driver, struct npu_device, drm);
	if (IS_ERR(npu))
		return PTR_ERR(npu);
	pci_set_drvdata(pdev, npu);

	ret = npu_map_pci(npu);
	if (ret)
		return ret;
	ret = npu_hw_probe(npu);
	if (ret)
		return ret;
	/* Whoever had it before may have left it running. */
	ret = npu_hw_reset(npu);
	if (ret)
		return dev_err_probe(&pdev->dev, ret,
				     "the device does not come out of reset: power-cycle it\n");
	ret = npu_init_parts(npu);
	if (ret)
		return ret;
	ret = npu_fw_load(npu);
	if (ret)
		return ret;
	ret = npu_irq_init(npu);
	if (ret)
		return ret;

	ret = npu_shrinker_init(npu);
	if (ret)
		return ret;
	ret = npu_pci_save_config(npu);
	if (ret)
		return ret;
	pci_set_master(pdev);
	ret = npu_start(npu);
	if (ret)
		goto err_shutdown;
	ret = npu_hwmon_init(npu);
	if (ret)
		goto err_shutdown;
	npu_debugfs_init(npu);
	ret = drm_dev_register(&npu->drm, 0);
	if (ret)
		goto err_shutdown;
	npu_pm_begin(npu);
	return 0;

err_shutdown:
	npu_recovery_shutdown(npu);
	return ret;
}

static void npu_remove(struct pci_dev *pdev)
{
	struct npu_device *npu = pci_get_drvdata(pdev);

	npu_pm_end(npu);
	drm_dev_unplug(&npu->drm);
	npu_recovery_shutdown(npu);
	npu_perf_unplug(npu);
	npu_vm_unplug_all(npu);
	npu_gem_unplug_all(npu);
}

/* A kernel that comes after this one must not find the device writing to its memory. */
static void npu_shutdown(struct pci_dev *pdev)
{
	npu_recovery_shutdown(pci_get_drvdata(pdev));
}

static const struct pci_device_id npu_pci_ids[] = {
	{ PCI_DEVICE(NPU_PCI_VENDOR_ID, NPU_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, npu_pci_ids);

static struct pci_driver npu_pci_driver = {
	.name = DRM_NPU_DRIVER_NAME,
	.id_table = npu_pci_ids,
	.probe = npu_probe,
	.remove = npu_remove,
	.shutdown = npu_shutdown,
	.err_handler = &npu_pci_error_handlers,
	.driver.pm = pm_ptr(&npu_pm_ops),
	.dev_groups = npu_sysfs_groups,
};

static int __init npu_init(void)
{
	int ret;

	npu_module_wq = alloc_workqueue("npu", WQ_UNBOUND, 0);
	if (!npu_module_wq)
		return -ENOMEM;
	ret = pci_register_driver(&npu_pci_driver);
	if (ret)
		destroy_workqueue(npu_module_wq);
	return ret;
}

static void __exit npu_exit(void)
{
	pci_unregister_driver(&npu_pci_driver);
	/* The last step of freeing a queue drops its reference to this module. */
	destroy_workqueue(npu_module_wq);
}

module_init(npu_init);
module_exit(npu_exit);

MODULE_DESCRIPTION("NPU accelerator driver");
MODULE_LICENSE("GPL");
