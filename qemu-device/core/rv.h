/* SPDX-License-Identifier: MIT */
/*
 * RISC-V hart: RV64GC interpreter for the management core and the tiles.
 *
 * A hart is a plain struct run by one thread at a time. It knows nothing of the device around it:
 * memory comes through a small TLB of host pointers that env->fill() refills, everything that is
 * not memory (device registers, custom CSRs, custom instructions) through env.
 */
#ifndef NPU_RV_H
#define NPU_RV_H

#include <stdbool.h>
#include <stdint.h>

struct rv_hart;

enum rv_access { RV_READ = 0, RV_WRITE = 1, RV_EXEC = 2 };

/* Standard exception causes (mcause), as far as they occur. */
enum rv_cause {
	RV_INSN_MISALIGNED = 0,
	RV_INSN_ACCESS = 1,
	RV_ILLEGAL = 2,
	RV_BREAKPOINT = 3,
	RV_LOAD_MISALIGNED = 4,
	RV_LOAD_ACCESS = 5,
	RV_STORE_MISALIGNED = 6,
	RV_STORE_ACCESS = 7,
	RV_ECALL_U = 8,
	RV_ECALL_M = 11,
	RV_INSN_PAGE_FAULT = 12,
	RV_LOAD_PAGE_FAULT = 13,
	RV_STORE_PAGE_FAULT = 15,
};

/* Why rv_run() returned. */
enum rv_stop {
	RV_STOP_BUDGET, /* ran max_insns, or hart->interrupt_run was set */
	RV_STOP_WFI, /* waits for an interrupt; machine-mode harts only */
	RV_STOP_TRAP, /* user-mode hart trapped: trap_cause, trap_value, pc of the instruction */
	RV_STOP_ENV, /* env->custom() asked to stop; pc is past the instruction */
};

/* Result of env callbacks. */
enum rv_result {
	RV_OK = 0,
	RV_TRAP, /* trap_cause and trap_value have been set through rv_raise() */
	RV_STOP, /* custom() only: retire the instruction, then return RV_STOP_ENV */
};

/* Where a page of the hart's address space lies. */
struct rv_page {
	uint8_t *host; /* host address of the page's first byte; NULL: not memory, use mmio() */
	bool readable, writable, executable;
	bool remote; /* host memory behind the tile's boundary: slower and dearer than SRAM */
};

struct rv_env {
	/*
	 * Look up the 4 KiB page of va for an access. Sets *page, or raises the trap the access
	 * deserves. Pages outlive the call until rv_flush_tlb().
	 */
	enum rv_result (*fill)(struct rv_hart *hart, uint64_t va, enum rv_access access,
			       struct rv_page *page);
	/* Access to a page without memory. size 1, 2, 4 or 8. NULL: access fault. */
	enum rv_result (*mmio)(struct rv_hart *hart, uint64_t va, enum rv_access access,
			       unsigned int size, uint64_t *value);
	/* Read of a CSR the hart does not know; RV_TRAP without rv_raise(): illegal instruction. */
	enum rv_result (*csr_read)(struct rv_hart *hart, unsigned int csr, uint64_t *value);
	/* Instruction of opcode custom-0..3; rd receives *result (x0 is handled). */
	enum rv_result (*custom)(struct rv_hart *hart, uint32_t insn, uint64_t rs1, uint64_t rs2,
				 uint64_t *result);
};

/* The definition of struct rv_hart and the functions follow; see the RV engineer's part. */

#endif /* NPU_RV_H */
