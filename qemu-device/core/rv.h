/* SPDX-License-Identifier: MIT */
/*
 * RISC-V hart: RV64GC interpreter, with vectors (V 1.0) if asked for, for the management core and
 * the tiles.
 *
 * A hart is a plain struct run by one thread at a time. It knows nothing of the device around it:
 * memory comes through a small TLB of host pointers that env->fill() refills, everything that is
 * not memory (device registers, custom CSRs, custom instructions) through env.
 *
 * Code is decoded a basic block at a time and kept. A block is checked against memory again after
 * rv_reset(), rv_fence_i(), rv_flush_tlb(), rv_reset_tlb() and the hart's own fence.i, and only
 * then: a store to code, by whomever, is sure to be seen after one of these and not before.
 *
 * Modelled time is that of an in-order, single-issue pipeline with perfect instruction fetch:
 *
 *	cycles = instret + stall_exec + stall_vector + stall_memory + tlb_cycles
 *		 + what env->custom() added
 *
 * It depends on the instructions run and on the pages they touch, never on budgets, host flushes
 * or decoding. Two direct-mapped TLBs are modelled, RV_MODEL_DTLB entries for data and
 * RV_MODEL_ITLB for instructions, index = low bits of the page number. Only pages with
 * rv_page.remote go through them: local memory needs no translation. The instruction TLB is looked
 * up when execution enters another page than that of the instruction before.
 *
 * Vectors: a hart has them once rv_set_vlen() gave it registers; before, their instructions and CSRs
 * are illegal. Tail and masked-off elements are left undisturbed whatever vtype says, vl is
 * the smaller of AVL and VLMAX, reserved encodings are illegal. A trap in a vector load or store leaves
 * the number of its element in vstart, and the instruction goes on from there when it is run again.
 * Elements of any alignment work, as scalar accesses do. A vector instruction takes a cycle, and
 * more by its length: see struct rv_costs.
 */
#ifndef NPU_RV_H
#define NPU_RV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

struct rv_hart;
struct rv_block;
struct rv_code;
struct rv_profile;
struct rv_vec_plan;

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
	RV_STOP_ENV, /* env->custom() asked to stop; pc is past the instruction, or at it if RV_AGAIN */
};

/* Result of env callbacks. */
enum rv_result {
	RV_OK = 0,
	RV_TRAP, /* trap_cause and trap_value have been set through rv_raise() */
	RV_STOP, /* custom() only: retire the instruction, then return RV_STOP_ENV */
	RV_AGAIN, /* custom() only: return RV_STOP_ENV; the instruction runs again with the next rv_run() */
};

/* Where a page of the hart's address space lies. */
struct rv_page {
	uint8_t *host; /* host address of the page's first byte; NULL: not memory, use mmio() */
	bool readable, writable, executable;
	bool remote; /* host memory behind the tile's boundary: slower and dearer than SRAM */
};

/*
 * What surrounds a hart. Callbacks run on the thread that is in rv_run(), rv_read() or rv_write(),
 * with the host's own floating-point environment; fill(), which vectors need for every page, with
 * whichever is there: it must not compute with floating-point numbers. hart->pc and the counters are
 * exact in csr_read() and custom(); in fill() and mmio() they may lag by up to RV_SLICE instructions.
 * fill() and mmio() must not call the functions below except rv_raise() and rv_set_irq().
 */
struct rv_env {
	/*
	 * Look up the 4 KiB page of va for an access. Sets *page, or raises the trap the access
	 * deserves. Pages outlive the call until rv_flush_tlb(). A page without the permission
	 * asked for is an access fault.
	 */
	enum rv_result (*fill)(struct rv_hart *hart, uint64_t va, enum rv_access access,
			       struct rv_page *page);
	/*
	 * Access to a page without memory. size 1, 2, 4 or 8, va aligned to it. NULL, or RV_TRAP
	 * without rv_raise(): access fault. Misaligned and atomic accesses never get here: they
	 * are access faults.
	 */
	enum rv_result (*mmio)(struct rv_hart *hart, uint64_t va, enum rv_access access,
			       unsigned int size, uint64_t *value);
	/* Read of a CSR the hart does not know; NULL, or RV_TRAP without rv_raise(): illegal. */
	enum rv_result (*csr_read)(struct rv_hart *hart, unsigned int csr, uint64_t *value);
	/*
	 * Instruction of opcode custom-0..3; rd receives *result, which is 0 beforehand (x0 is
	 * handled). NULL, or RV_TRAP without rv_raise(): illegal instruction. hart->cycles is the
	 * time of issue; the callback adds stalls to it, the instruction's own cost comes after.
	 */
	enum rv_result (*custom)(struct rv_hart *hart, uint32_t insn, uint64_t rs1, uint64_t rs2,
				 uint64_t *result);
};

enum rv_mode {
	RV_MODE_MACHINE, /* machine mode only; traps go to mtvec */
	RV_MODE_USER, /* user level only; every trap ends rv_run() */
};

/*
 * Cycles that instructions occupy the pipeline, issue included, each 1..65535 (others are clamped).
 * A remote access costs at least what the local one does.
 */
struct rv_costs {
	unsigned int alu; /* integer, branch not taken, moves, fence */
	unsigned int mul;
	unsigned int div; /* div, rem */
	unsigned int branch_taken; /* branch taken, jal, jalr */
	unsigned int load_sram, load_remote;
	unsigned int store_sram, store_remote;
	unsigned int atomic_sram, atomic_remote; /* lr, sc, amo */
	unsigned int fp_add; /* fadd, fsub */
	unsigned int fp_mul;
	unsigned int fp_div;
	unsigned int fp_sqrt;
	unsigned int fp_fma;
	unsigned int fp_cvt; /* conversions */
	unsigned int fp_misc; /* compare, min, max, sign injection, classify, moves */
	unsigned int csr;
	unsigned int system; /* ecall, ebreak, mret, wfi */
	unsigned int fence_i;
	unsigned int custom; /* issue of a custom instruction */
	unsigned int tlb_walk; /* modelled page-table walk, may be 0 */
	/*
	 * Vectors. A beat is vec_bytes bytes of the widest operand; an instruction takes as many
	 * cycles as it has beats, at least one, times or plus what follows.
	 */
	unsigned int vec_bytes; /* width of the data path, bytes; 0 counts as 1 */
	unsigned int vec_div; /* cycles per beat of division and square root */
	unsigned int vec_reduce; /* cycles after the beats of a reduction: the tree */
	unsigned int vec_ordered; /* cycles per element of an ordered sum */
	unsigned int vec_permute; /* cycles per beat of gathers and compress */
	unsigned int vec_element; /* cycles per element of a load or store that is not unit-stride */
	/* Remote: the first line costs load_remote or store_remote, further ones this; 64 bytes. */
	unsigned int vec_line;
};

/* Costs of a plain five-stage core; what rv_init() sets. */
extern const struct rv_costs rv_costs_default;

#define RV_VLEN_MIN 128
#define RV_VLEN_MAX 16384

#define RV_MODEL_DTLB 64
#define RV_MODEL_ITLB 32
#define RV_HOST_TLB   256 /* host pointers kept for data; not visible in any result */
#define RV_BLOCK_MAX  64 /* instructions in a decoded block; rv_run() overshoots by less */
#define RV_SLICE      2048 /* instructions between looks at interrupts and interrupt_run */

/* mip and mie bits */
#define RV_MIP_MSIP (1ull << 3)
#define RV_MIP_MTIP (1ull << 7)
#define RV_MIP_MEIP (1ull << 11)

/* Host pointer of one data page. A tag of 1 matches nothing. */
struct rv_tlb_line {
	uint64_t read_tag, write_tag; /* page address if it may be accessed so */
	uintptr_t addend; /* host address - virtual address */
	uint64_t remote; /* 0 or 1 */
};

/* Host pointer of one instruction page. */
struct rv_itlb_line {
	uint64_t tag;
	const uint8_t *host;
	bool remote;
};

struct rv_hart {
	uint64_t x[33]; /* x[0] is 0; x[32] takes what is written to x0 */
	uint64_t f[32]; /* single precision is NaN-boxed */
	uint64_t pc;

	/* Counters; the owner may read and set them while the hart does not run. */
	uint64_t cycles; /* modelled */
	uint64_t instret; /* instructions retired */
	uint64_t loads; /* scalar loads retired */
	uint64_t stores; /* scalar stores and atomics retired */
	uint64_t remote; /* of both, those to remote pages */
	uint64_t branches; /* branches taken and jumps */
	uint64_t fp; /* floating-point instructions, without loads and stores */
	uint64_t tlb_misses; /* modelled walks, data and instructions */
	uint64_t stall_exec; /* cycles beyond issue of multi-cycle instructions and taken branches */
	uint64_t stall_vector; /* cycles beyond the first of vector instructions in their lanes */
	uint64_t stall_memory; /* cycles that remote accesses took longer than local ones */
	uint64_t tlb_cycles; /* cycles of modelled walks */
	uint64_t vector; /* vector instructions retired, loads and stores too, without vset* */
	uint64_t vector_bytes; /* bytes of the widest operand of vector computations */
	uint64_t vector_sram; /* bytes of vector loads and stores to local pages */
	uint64_t vector_remote; /* the same to remote pages */

	/* Last trap; valid after RV_STOP_TRAP, and after RV_TRAP from rv_read() and rv_write(). */
	uint64_t trap_value; /* address, or instruction if illegal */
	uint32_t trap_cause; /* enum rv_cause */
	bool trap_raised; /* set by rv_raise(), until the trap is taken */

	/* Set to 1 with an atomic store by any thread; rv_run() clears it, returns RV_STOP_BUDGET. */
	uint32_t interrupt_run;

	/* Owner's. */
	const struct rv_env *env;
	void *opaque;
	uint64_t hartid; /* mhartid; set by the owner, 0 after rv_init() */

	/* Private from here on. */
	enum rv_mode mode;
	bool waiting; /* in wfi */
	bool poke; /* end the slice early: something may have changed an interrupt */
	uint8_t fflags, frm;
	uint8_t fp_host_rm; /* bit rm: the host computes this rounding mode as things are */
	uint8_t fma_host_rm; /* the same for fused multiply-add */
	bool fp_loaded; /* the host's floating-point environment is the hart's */
	uint32_t host_fpcr; /* host's own, while fp_loaded */
	uint64_t mip; /* atomic */
	uint64_t mstatus, mie, mtvec, mscratch, mepc, mcause, mtval;
	uint64_t mcycle_offset, minstret_offset;

	bool reserved; /* lr without sc yet */
	uint8_t reserved_size;
	uint64_t reserved_va, reserved_value;

	uint64_t slow_value; /* what a slow load read */
	struct rv_tlb_line tlb[RV_HOST_TLB];
	struct rv_itlb_line itlb[RV_MODEL_ITLB];
	uint64_t model_dtag[RV_MODEL_DTLB], model_itag[RV_MODEL_ITLB];
	uint64_t fetch_page; /* page of the instruction before, or 1 */

	struct rv_costs costs;
	uint64_t class_stat[24]; /* packed static counts of an instruction class */
	struct rv_code *code; /* decoded blocks */
	const void *const *labels; /* handlers by enum rv_op_id */
	struct rv_profile *profile; /* rv_profile.h; NULL: none */

	/* Vectors. */
	uint8_t *v; /* 32 registers of vlenb bytes, then scratch; NULL: no vectors */
	uint32_t vlenb, vl, vstart;
	uint64_t vtype;
	int8_t vlmul; /* of vtype: log2 of LMUL */
	uint8_t vsew; /* of vtype: log2 of bytes */
	uint8_t vxrm, vxsat;
	uint8_t vec_host; /* enum rv_vec_host */
	struct rv_vec_plan *vec_plans; /* instructions that were found legal */
};

/*
 * Make a hart with default costs, all state zero. env and opaque must outlive it; opaque is for
 * the callbacks. Returns 0, or -ENOMEM with nothing to free.
 */
int rv_init(struct rv_hart *hart, const struct rv_env *env, void *opaque, enum rv_mode mode);
/* Free what rv_init() took. */
void rv_fini(struct rv_hart *hart);
/* Set the modelled costs. Drops decoded code if more than remote and vector costs change. */
void rv_set_costs(struct rv_hart *hart, const struct rv_costs *costs);

/*
 * Give the hart vector registers of vlen bits, a power of two from RV_VLEN_MIN to RV_VLEN_MAX, and
 * reset their state. Not while it runs. Returns 0, -EINVAL or -ENOMEM; then nothing has changed.
 */
int rv_set_vlen(struct rv_hart *hart, unsigned int vlen);

/*
 * Reset to pc: all registers and CSRs to their reset values, no reservation, no pending trap or
 * wait. vtype is vill.
 * Counters, TLBs, interrupt lines and hartid stay. Code is fetched anew.
 */
void rv_reset(struct rv_hart *hart, uint64_t pc);

/*
 * Run until a reason to stop, or until at least max_insns instructions (less than RV_BLOCK_MAX
 * more) have retired or trapped. Any number of calls gives the same result as one.
 */
enum rv_stop rv_run(struct rv_hart *hart, uint64_t max_insns);

/* Say, in a callback that returns RV_TRAP, which trap it is. */
void rv_raise(struct rv_hart *hart, enum rv_cause cause, uint64_t value);

/*
 * Set the interrupt lines (RV_MIP_*) of a machine-mode hart. Any thread. A hart that
 * runs sees it within RV_SLICE instructions; one that waits, at the next rv_run().
 */
void rv_set_irq(struct rv_hart *hart, uint64_t mip);
/* True if the hart would go on after wfi: an enabled interrupt is pending. Any thread but for mie. */
bool rv_irq_pending(const struct rv_hart *hart);

/* Forget all host pointers. Modelled TLB contents stay: refilling them is no modelled miss. */
void rv_flush_tlb(struct rv_hart *hart);
/* Forget host pointers of [va, va + size), and their modelled TLB entries too. Bytes; 0: all. */
void rv_invalidate_tlb(struct rv_hart *hart, uint64_t va, uint64_t size);
/* Forget all host pointers and empty the modelled TLBs. */
void rv_reset_tlb(struct rv_hart *hart);
/*
 * Visit all that programs see of a hart that does not run, its counters and its modelled TLBs, but not
 * interrupt lines and costs. One that was loaded has no host pointers and no decoded code.
 */
void rv_state(struct rv_hart *hart, struct state *s);
/*
 * All that outlives rv_reset() of what programs cause: counters and modelled TLBs. Who takes it, lets the
 * hart run for somebody else, and sets it again, finds every figure as if that had not been.
 */
#define RV_TALLY(FIELD)                                                                     \
	FIELD(cycles) FIELD(instret) FIELD(loads) FIELD(stores) FIELD(remote) FIELD(branches) \
	FIELD(fp) FIELD(tlb_misses) FIELD(stall_exec) FIELD(stall_vector) FIELD(stall_memory) \
	FIELD(tlb_cycles) FIELD(vector) FIELD(vector_bytes) FIELD(vector_sram)                \
	FIELD(vector_remote) FIELD(fetch_page)
struct rv_tally {
#define RV_TALLY_MEMBER(name) uint64_t name;
	RV_TALLY(RV_TALLY_MEMBER)
#undef RV_TALLY_MEMBER
	uint64_t model_dtag[RV_MODEL_DTLB], model_itag[RV_MODEL_ITLB];
};
void rv_take_tally(const struct rv_hart *hart, struct rv_tally *tally);
/* Host pointers are forgotten. The hart is to be reset before it runs. */
void rv_set_tally(struct rv_hart *hart, const struct rv_tally *tally);
void rv_tally_state(struct rv_tally *tally, struct state *s);
/*
 * A register of a hart that does not run, by the number that abstract commands of the RISC-V debug
 * specification have for it (RV_REGNO_*; others are CSRs). False: there is none of that number.
 */
#define RV_REGNO_DPC  0x7b1 /* the program counter */
#define RV_REGNO_X(n) (0x1000 + (n))
#define RV_REGNO_F(n) (0x1020 + (n))
bool rv_reg(struct rv_hart *hart, unsigned int regno, uint64_t *value);
/* Fetch code from memory anew before it is run again. */
void rv_fence_i(struct rv_hart *hart);

/*
 * Read or write the hart's address space as its loads and stores do: same permissions, TLB and
 * modelled walks, but no access counts and no access cycles. Memory only: device registers are an
 * access fault. RV_TRAP: trap_cause and trap_value (the first address that failed) are set as by
 * rv_raise(), and nothing has been written; ready to be returned by a callback.
 */
enum rv_result rv_read(struct rv_hart *hart, uint64_t va, void *buffer, size_t length);
enum rv_result rv_write(struct rv_hart *hart, uint64_t va, const void *buffer, size_t length);

#endif /* NPU_RV_H */
