// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces as the hardware sees them: the AS table and TLB invalidation. */
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>

#include <drm/drm_managed.h>

#include "npu_hw.h"

/* An invalidation waits for accesses under way: a DMA burst, a matrix operation. */
#define NPU_TLB_TIMEOUT_US (2 * USEC_PER_SEC)

static void npu_mmu_fini(struct drm_device *drm, void *arg)
{
	struct npu_mmu *mmu = arg;

	ida_destroy(&mmu->asids);
}

/**
 * npu_mmu_init() - allocate the AS table
 * @npu: device
 *
 * Return: 0 or a negative errno.
 */
int npu_mmu_init(struct npu_device *npu)
{
	struct npu_mmu *mmu = &npu->mmu;
	int ret;

	ret = drmm_mutex_init(&npu->drm, &mmu->lock);
	if (ret)
		return ret;
	ida_init(&mmu->asids);
	ret = drmm_add_action_or_reset(&npu->drm, npu_mmu_fini, mmu);
	if (ret)
		return ret;
	mmu->table = dmam_alloc_coherent(npu->drm.dev, NPU_MAX_AS * sizeof(*mmu->table),
					 &mmu->table_dma, GFP_KERNEL);
	return mmu->table ? 0 : -ENOMEM;
}

/**
 * npu_mmu_space_alloc() - take a free address space
 * @npu: device
 *
 * ASID 0 is never given out: a zeroed structure must not name anybody's memory.
 *
 * Return: the ASID; -ENOSPC: all are taken; -ENOMEM.
 */
int npu_mmu_space_alloc(struct npu_device *npu)
{
	return ida_alloc_range(&npu->mmu.asids, 1, npu->caps.spaces - 1, GFP_KERNEL);
}

/**
 * npu_mmu_space_free() - give an address space back
 * @npu: device
 * @asid: address space, disabled and invalidated
 */
void npu_mmu_space_free(struct npu_device *npu, u32 asid)
{
	ida_free(&npu->mmu.asids, asid);
}

/**
 * npu_mmu_space_set() - set or clear the page table of an address space
 * @npu: device; nothing is done if it has lost its driver
 * @asid: address space
 * @root: bus address of the root table, or 0: none
 *
 * To be followed by npu_mmu_invalidate() of the whole space when it had another one before.
 */
void npu_mmu_space_set(struct npu_device *npu, u32 asid, dma_addr_t root)
{
	u64 satp = 0;

	if (root)
		satp = NPU_SATP_MODE_SV48 << NPU_SATP_MODE_SHIFT |
		       (u64)asid << NPU_SATP_ASID_SHIFT |
		       ((root >> NPU_PAGE_SHIFT) & NPU_SATP_PPN_MASK);
	guard(rwsem_read)(&npu->hw_sem);
	if (npu->hw_state == NPU_HW_GONE)
		return;
	/* The root table is filled before the entry points to it. */
	dma_wmb();
	WRITE_ONCE(npu->mmu.table[asid].satp, satp);
}

static int npu_mmu_invalidate_locked(struct npu_device *npu, u32 asid, u64 va, u64 size)
{
	u32 status;

	/* Page-table entries are written before the device is told to read them anew. */
	dma_wmb();
	npu_write64(npu, NPU_REG_TLB_VA_LO, va);
	npu_write64(npu, NPU_REG_TLB_SIZE_LO, size);
	npu_write32(npu, NPU_REG_TLB_CMD, asid & NPU_TLB_CMD_ASID);
	return read_poll_timeout(npu_read32, status, !(status & NPU_TLB_STATUS_BUSY), 5,
				 NPU_TLB_TIMEOUT_US, false, npu, NPU_REG_TLB_STATUS);
}

/**
 * npu_mmu_invalidate() - make the device forget translations and wait until it has
 * @npu: device
 * @asid: address space
 * @va: first address
 * @size: bytes; 0: the whole space
 *
 * Never leaves an old translation in use: a device that does not obey is reset, and if that
 * fails too it is cut off from memory. What was mapped may be freed after this, whatever it
 * returns. May sleep.
 *
 * Return: 0; -ENODEV: the device is lost.
 */
int npu_mmu_invalidate(struct npu_device *npu, u32 asid, u64 va, u64 size)
{
	int ret;

	ret = npu_hw_enter(npu);
	if (ret == -EIO) /* in reset, where it knows nothing; the AS table is read anew later */
		return 0;
	if (ret)
		return ret;
	mutex_lock(&npu->mmu.lock);
	ret = npu_mmu_invalidate_locked(npu, asid, va, size);
	mutex_unlock(&npu->mmu.lock);
	if (ret)
		npu_recovery_request(npu, "TLB invalidation does not end");
	npu_hw_exit(npu);
	return ret ? npu_recovery_wait(npu) : 0;
}

/**
 * npu_mmu_try_invalidate() - npu_mmu_invalidate() of a whole space, where memory is waited for
 * @npu: device
 * @asid: address space
 *
 * Waits for other invalidations, under which nobody allocates, and not for a reset.
 *
 * Return: true: the device has forgotten all of it; false: it is being reset, or did not obey, and
 * a reset has been asked for that will make it forget.
 */
bool npu_mmu_try_invalidate(struct npu_device *npu, u32 asid)
{
	bool done;
	int ret;

	if (!down_read_trylock(&npu->hw_sem))
		return false;
	if (npu->hw_state != NPU_HW_UP) {
		/* In reset or cut off: it knows nothing. */
		done = true;
	} else {
		mutex_lock(&npu->mmu.lock);
		ret = npu_mmu_invalidate_locked(npu, asid, 0, 0);
		mutex_unlock(&npu->mmu.lock);
		done = !ret;
		if (ret)
			npu_recovery_request(npu, "TLB invalidation does not end");
	}
	up_read(&npu->hw_sem);
	return done;
}
