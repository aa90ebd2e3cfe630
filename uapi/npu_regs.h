/* SPDX-License-Identifier: MIT */
/*
 * What the host sees of the NPU on PCI: identifiers, BARs, registers and
 * doorbells. Shared by driver and device.
 *
 * BAR0 (NPU_BAR0_SIZE, non-prefetchable, 64 bit) holds the registers in its
 * first 64 KiB and one 4 KiB doorbell page per hardware queue from
 * NPU_DOORBELL_BASE on. BAR2 is reserved for device-local memory. BAR4 holds
 * the MSI-X table and PBA.
 *
 * Registers are 32 bits wide and little endian. A 64-bit value lives in a
 * _LO/_HI pair and may be accessed as two 32-bit or one aligned 64-bit access.
 * Reads of undefined offsets return 0, writes to them are ignored. All ones
 * from NPU_REG_ID means that the device is gone.
 */
#ifndef NPU_REGS_H
#define NPU_REGS_H

#include "npu_types.h"

/* PCI identity. Class 0x1200: processing accelerator. */
#define NPU_PCI_VENDOR_ID 0x1234
#define NPU_PCI_DEVICE_ID 0x4e50
#define NPU_PCI_REVISION  0x01
#define NPU_PCI_CLASS	  0x1200

#define NPU_BAR_REGS	  0
#define NPU_BAR_LOCAL_MEM 2
#define NPU_BAR_MSIX	  4
#define NPU_BAR0_SIZE	  0x80000
#define NPU_REGS_SIZE	  0x10000

/* Limits of the architecture; what a device has is in its CAPS registers. */
#define NPU_MAX_QUEUES 64
#define NPU_MAX_TILES  64
#define NPU_MAX_AS     256

/*
 * MSI-X. Vector 0 carries events (NPU_REG_IRQ_STATUS). Vectors 1 and up carry
 * queue completions; each queue descriptor names the vector of its queue.
 */
#define NPU_MSIX_VECTORS   17
#define NPU_VECTOR_EVENTS  0
#define NPU_VECTOR_QUEUE_0 1

/* Doorbells: write the new free-running tail index of the queue's ring. */
#define NPU_DOORBELL_BASE    0x40000
#define NPU_DOORBELL_STRIDE  0x1000
#define NPU_DOORBELL(q)	     (NPU_DOORBELL_BASE + (q) * NPU_DOORBELL_STRIDE)
#define NPU_DOORBELL_REG_TAIL 0x0

/* ---- identity and topology (read only) ------------------------------------------------ */
#define NPU_REG_ID	   0x000 /* NPU_ID_MAGIC */
#define NPU_ID_MAGIC	   0x3155504e /* "NPU1" */
#define NPU_REG_HW_VERSION 0x004 /* major[31:16] minor[15:0] of this contract */
#define NPU_HW_VERSION_MAJOR 1 /* differs: the driver refuses the device */
/* newer: more of it, what was there keeps its meaning; docs/hardware.md has the list */
#define NPU_HW_VERSION_MINOR 10
#define NPU_REG_CAPS0	   0x008
#define NPU_CAPS0_CHIPLETS	      0x000000ffu /* [7:0] number of chiplets */
#define NPU_CAPS0_TILES_PER_CHIPLET   0x0000ff00u /* [15:8] */
#define NPU_CAPS0_QUEUES	      0x00ff0000u /* [23:16] hardware queues */
#define NPU_REG_CAPS1	   0x00c
#define NPU_CAPS1_SRAM_KIB	      0x00ffffffu /* [23:0] SRAM of one tile, KiB */
#define NPU_REG_CAPS2	   0x010
#define NPU_CAPS2_AS		      0x0000ffffu /* [15:0] address spaces */
#define NPU_REG_CLOCK_KHZ  0x014 /* modelled clock of tiles, kHz */
#define NPU_REG_FEATURES_LO 0x018
#define NPU_REG_FEATURES_HI 0x01c
#define NPU_FEATURE_MATRIX_INT8 (1ull << 0)
#define NPU_FEATURE_RVV		(1ull << 1) /* tiles have RISC-V V 1.0 */
#define NPU_FEATURE_PERF	(1ull << 8) /* performance streams (npu_perf.h) */
#define NPU_FEATURE_SPARSE	(1ull << 9) /* page-table leaves without memory (npu_pgtable.h) */
#define NPU_FEATURE_THERMOMETER (1ull << 10) /* NPU_REG_TEMPERATURE, NPU_REG_TEMP_CRIT */
#define NPU_FEATURE_DEBUG_FAULTS (1ull << 16) /* debug registers of npu_fault.h */
/* [31:24] what the matrix engine has beside u8, s8 x s8 */
#define NPU_FEATURE_MATRIX_S4	  (1ull << 24) /* packed s4 and s2 weights */
#define NPU_FEATURE_MATRIX_SPARSE (1ull << 25) /* 2:4 sparse weights, s8 and s4 */
#define NPU_FEATURE_MATRIX_FP16	  (1ull << 26) /* bf16 and fp16 */
#define NPU_FEATURE_MATRIX_FP32	  (1ull << 27)
#define NPU_FEATURE_MATRIX_TABLE  (1ull << 28) /* activation by table */
#define NPU_FEATURES_MATRIX                                                                      \
	(NPU_FEATURE_MATRIX_INT8 | NPU_FEATURE_MATRIX_S4 | NPU_FEATURE_MATRIX_SPARSE |           \
	 NPU_FEATURE_MATRIX_FP16 | NPU_FEATURE_MATRIX_FP32 | NPU_FEATURE_MATRIX_TABLE)

/* ---- whole-device control ---------------------------------------------------------------- */
/*
 * RESET: writing NPU_RESET_KEY resets everything but PCI configuration space:
 * all engines stop, queues and address spaces are forgotten, the management
 * core is held in reset, SRAM is cleared. STATUS.RESET_BUSY reads 1 until done.
 */
#define NPU_REG_RESET  0x020
#define NPU_RESET_KEY  0x4e505552
#define NPU_REG_STATUS 0x024
#define NPU_STATUS_RESET_BUSY (1u << 0)
#define NPU_STATUS_FW_RUNNING (1u << 1) /* management core out of reset, firmware started */
#define NPU_STATUS_FW_DEAD    (1u << 2) /* firmware halted by panic or fatal trap */
#define NPU_STATUS_BUSY	      (1u << 3) /* a tile or the copy engine is at work */
#define NPU_STATUS_THROTTLED  (1u << 8) /* too hot: tiles run at their lowest operating point */
#define NPU_REG_TIME_LO 0x028 /* free-running wall clock of the device, ns */
#define NPU_REG_TIME_HI 0x02c

/* ---- boot --------------------------------------------------------------------------------- */
#define NPU_REG_FW_BASE_LO  0x040 /* bus address of the firmware image, 4 KiB aligned */
#define NPU_REG_FW_BASE_HI  0x044
#define NPU_REG_FW_SIZE	    0x048 /* bytes, whole image with its header */
#define NPU_REG_BOOT_CTRL   0x04c /* write 1: release the management core into its boot ROM */
#define NPU_BOOT_CTRL_START (1u << 0)
#define NPU_REG_BOOT_STATUS 0x050 /* stage[7:0] error[15:8], see npu_fw.h */
#define NPU_REG_BOOT_DETAIL 0x054 /* depends on the error, see npu_fw.h */
#define NPU_REG_HEARTBEAT   0x058 /* incremented by the firmware, at least every 100 ms */
#define NPU_REG_FW_STATUS   0x05c /* firmware's own: 0, or the panic code */
#define NPU_REG_MBOX_BASE_LO 0x060 /* bus address of struct npu_mbox, 4 KiB aligned */
#define NPU_REG_MBOX_BASE_HI 0x064
#define NPU_REG_MBOX_DOORBELL 0x068 /* write anything: host queued mailbox messages */

/* ---- events (vector 0) ------------------------------------------------------------------- */
#define NPU_REG_IRQ_STATUS 0x080 /* write one to clear */
#define NPU_REG_IRQ_ENABLE 0x084 /* bits that may raise vector 0 */
#define NPU_IRQ_MBOX	(1u << 0) /* firmware queued mailbox messages */
#define NPU_IRQ_FW_DEAD (1u << 1) /* STATUS.FW_DEAD went to 1 */
#define NPU_IRQ_BOOT	(1u << 2) /* BOOT_STATUS changed to failed */
#define NPU_IRQ_ECC	(1u << 8) /* an error of internal memory was found: NPU_REG_ECC_* */
#define NPU_IRQ_THERMAL (1u << 9) /* STATUS.THROTTLED has changed */
#define NPU_IRQ_ALL	0x00000307u

/* ---- memory management --------------------------------------------------------------------- */
/*
 * AS_TABLE: array of struct npu_as_entry (npu_pgtable.h), one per address
 * space; the index is the address space's ASID. 8-byte aligned: where it is
 * not, every access is a bus error.
 */
#define NPU_REG_AS_TABLE_LO 0x0a0
#define NPU_REG_AS_TABLE_HI 0x0a4
/*
 * TLB invalidation: set VA and SIZE (bytes, 0: the whole space), then write
 * the ASID to CMD. STATUS.BUSY reads 1 until no engine uses an old
 * translation of that range and all its earlier accesses have finished.
 */
#define NPU_REG_TLB_VA_LO   0x0a8
#define NPU_REG_TLB_VA_HI   0x0ac
#define NPU_REG_TLB_SIZE_LO 0x0b0
#define NPU_REG_TLB_SIZE_HI 0x0b4
#define NPU_REG_TLB_CMD	    0x0b8
#define NPU_TLB_CMD_ASID    0x0000ffffu
#define NPU_TLB_CMD_ALL	    (1u << 31) /* all address spaces; VA, SIZE and ASID are ignored */
#define NPU_REG_TLB_STATUS  0x0bc
#define NPU_TLB_STATUS_BUSY (1u << 0)

/* ---- queues ------------------------------------------------------------------------------- */
#define NPU_REG_QUEUE_TABLE_LO 0x0c0 /* bus address of struct npu_queue_desc[NPU_MAX_QUEUES] */
#define NPU_REG_QUEUE_TABLE_HI 0x0c4


/* ---- clock and power: read only -------------------------------------------------------------- */
/*
 * The firmware chooses the operating point under a cap that the driver sets by message (npu_fw.h).
 */
#define NPU_REG_OPP	      0x0c8
/* [7:0] the one in force: command buffers that begin now run at it */
#define NPU_OPP_CURRENT	       0x000000ffu
#define NPU_OPP_LIMIT	       0x0000ff00u /* [15:8] highest that the heat permits */
/* [23:16] 0 is the slowest, the last one that of CLOCK_KHZ */
#define NPU_OPP_COUNT	       0x00ff0000u
#define NPU_REG_OPP_KHZ	      0x0cc /* clock of the one in force */
#define NPU_REG_POWER_CAP     0x0d0 /* cap that the firmware keeps to, mW; 0: none */
#define NPU_REG_POWER_PEAK    0x0d4 /* most that the device can take at the point in force, mW */
#define NPU_REG_MODEL_VERSION 0x0d8 /* version of the table of cycles and energies */
/*
 * Of the die, signed millidegrees Celsius, within these bounds: the thermometer shows no less and
 * no more. That leaves all ones to a device that is gone.
 */
#define NPU_REG_TEMPERATURE   0x0dc
#define NPU_TEMPERATURE_MIN    0
#define NPU_TEMPERATURE_MAX    150000

/* ---- errors of internal memory: read only, 0 after reset ------------------------------------ */
#define NPU_REG_ECC_CORRECTED	0x0e0 /* errors corrected; stays at all ones */
#define NPU_REG_ECC_UNCORRECTED 0x0e4 /* errors that cost data; stays at all ones */
#define NPU_REG_ECC_LAST	0x0e8 /* the error found last */
#define NPU_ECC_LAST_CORE	 0x0000ffffu /* tile number or NPU_CORE_* whose memory it was in */
#define NPU_ECC_LAST_UNCORRECTED (1u << 30)
#define NPU_ECC_LAST_VALID	 (1u << 31) /* there was one */

/* ---- clock and power, continued: read only ------------------------------------------------- */
/* temperature from which on a part is too hot; unit and bounds of TEMPERATURE */
#define NPU_REG_TEMP_CRIT 0x0ec

/* 0x200 to 0x23f: debug registers, npu_fault.h. */

#endif /* NPU_REGS_H */
