/* SPDX-License-Identifier: MIT */
/*
 * Address spaces of the NPU: RISC-V Sv48 page tables in host memory, as in the
 * RISC-V privileged specification (chapter "Sv48"), with these restrictions:
 * leaves are 4 KiB (level 0) or 2 MiB (level 1); the U bit must be set in leaves; A and D
 * are ignored by the device (software sets both). Physical addresses are bus
 * addresses of the PCI function. A write-only leaf (W without R) is a fault.
 *
 * With NPU_FEATURE_SPARSE a leaf may have no memory (NPU_PTE_SPARSE, a bit that the standard
 * reserves): its PPN is ignored, reads give zeros, writes (with W) are dropped, atomics and
 * instruction fetches are page faults. It may be at every level, up to 512 GiB in one entry.
 */
#ifndef NPU_PGTABLE_H
#define NPU_PGTABLE_H

#include "npu_types.h"

#define NPU_PTE_V (1ull << 0)
#define NPU_PTE_R (1ull << 1)
#define NPU_PTE_W (1ull << 2)
#define NPU_PTE_X (1ull << 3)
#define NPU_PTE_U (1ull << 4)
#define NPU_PTE_G (1ull << 5)
#define NPU_PTE_A (1ull << 6)
#define NPU_PTE_D (1ull << 7)
#define NPU_PTE_PPN_SHIFT 10
#define NPU_PTE_PPN_MASK  0x003ffffffffffc00ull /* [53:10] */
#define NPU_PTE_SPARSE    (1ull << 58) /* leaf without memory */
#define NPU_PTE_RESERVED  0xfbc0000000000000ull /* the rest of [63:54] must be zero */

#define NPU_PT_LEVELS	     4
#define NPU_PT_ENTRIES	     512
#define NPU_PT_INDEX_BITS    9
#define NPU_PAGE_SHIFT	     12
#define NPU_PAGE_SIZE	     (1ull << NPU_PAGE_SHIFT)
#define NPU_LARGE_PAGE_SHIFT 21
#define NPU_LARGE_PAGE_SIZE  (1ull << NPU_LARGE_PAGE_SHIFT)

/*
 * User part of every address space: [NPU_VA_MIN, NPU_VA_MAX). The first 64 KiB
 * never map, so that a null pointer faults; above NPU_VA_MAX lie the windows
 * of the tile (npu_isa.h).
 */
#define NPU_VA_MIN 0x0000000000010000ull
#define NPU_VA_MAX 0x00007f0000000000ull

/** struct npu_as_entry - one address space */
struct npu_as_entry {
	/**
	 * @satp: 0: no address space, every access faults. Else laid out as the RISC-V register,
	 * MODE[63:60] ASID[59:44] PPN[43:0]; MODE must be Sv48
	 */
	__u64 satp;
	/** @reserved: 0 */
	__u64 reserved;
};
NPU_ASSERT_SIZE(struct npu_as_entry, 16);

#define NPU_SATP_MODE_SHIFT 60
#define NPU_SATP_MODE_SV48  9ull
#define NPU_SATP_ASID_SHIFT 44
#define NPU_SATP_PPN_MASK   0x00000fffffffffffull

#endif /* NPU_PGTABLE_H */
