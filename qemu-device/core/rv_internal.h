/* SPDX-License-Identifier: MIT */
/* What the files of the hart share. Nothing outside of rv_*.c includes this. */
#ifndef NPU_RV_INTERNAL_H
#define NPU_RV_INTERNAL_H

#include "rv.h"

#define RV_PAGE_SHIFT 12
#define RV_PAGE_SIZE  (1ull << RV_PAGE_SHIFT)
#define RV_PAGE_MASK  (~(RV_PAGE_SIZE - 1))
#define RV_NO_PAGE    1ull /* no page address has this value */

#define likely(cond)   __builtin_expect(!!(cond), 1)
#define unlikely(cond) __builtin_expect(!!(cond), 0)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "loads and stores go straight to host memory: the host must be little endian");

/* ---- instructions ---------------------------------------------------------------------------- */

/* Classes of static cost and count. */
enum rv_class {
	RV_C_ALU,
	RV_C_MUL,
	RV_C_DIV,
	RV_C_BRANCH, /* as not taken; taken branches and jumps are counted as they run */
	RV_C_LOAD,
	RV_C_STORE,
	RV_C_ATOMIC,
	RV_C_FP_ADD,
	RV_C_FP_MUL,
	RV_C_FP_DIV,
	RV_C_FP_SQRT,
	RV_C_FP_FMA,
	RV_C_FP_CVT,
	RV_C_FP_MISC,
	RV_C_CSR,
	RV_C_SYSTEM,
	RV_C_FENCE_I,
	RV_C_CUSTOM,
	RV_C_VECTOR, /* a cycle; more is counted as it runs */
	RV_C_COUNT
};

/*
 * Decoded operations: X(name, class). END is no instruction: it leads from a block that was cut
 * for its length or at the end of a page to the next one.
 */
#define RV_OPS(X)                                                                                 \
	X(END, ALU) X(ILLEGAL, SYSTEM) X(NOP, ALU)                                                \
	X(LI, ALU) X(AUIPC, ALU) X(MV, ALU)                                                       \
	X(ADDI, ALU) X(SLTI, ALU) X(SLTIU, ALU) X(XORI, ALU) X(ORI, ALU) X(ANDI, ALU)             \
	X(SLLI, ALU) X(SRLI, ALU) X(SRAI, ALU)                                                    \
	X(ADDIW, ALU) X(SLLIW, ALU) X(SRLIW, ALU) X(SRAIW, ALU)                                   \
	X(ADD, ALU) X(SUB, ALU) X(SLL, ALU) X(SLT, ALU) X(SLTU, ALU)                              \
	X(XOR, ALU) X(SRL, ALU) X(SRA, ALU) X(OR, ALU) X(AND, ALU)                                \
	X(ADDW, ALU) X(SUBW, ALU) X(SLLW, ALU) X(SRLW, ALU) X(SRAW, ALU)                          \
	X(MUL, MUL) X(MULH, MUL) X(MULHSU, MUL) X(MULHU, MUL) X(MULW, MUL)                        \
	X(DIV, DIV) X(DIVU, DIV) X(REM, DIV) X(REMU, DIV)                                         \
	X(DIVW, DIV) X(DIVUW, DIV) X(REMW, DIV) X(REMUW, DIV)                                     \
	X(LB, LOAD) X(LH, LOAD) X(LW, LOAD) X(LD, LOAD) X(LBU, LOAD) X(LHU, LOAD) X(LWU, LOAD)    \
	X(SB, STORE) X(SH, STORE) X(SW, STORE) X(SD, STORE)                                       \
	X(FLW, LOAD) X(FLD, LOAD) X(FSW, STORE) X(FSD, STORE)                                     \
	X(BEQ, BRANCH) X(BNE, BRANCH) X(BLT, BRANCH) X(BGE, BRANCH) X(BLTU, BRANCH)               \
	X(BGEU, BRANCH) X(BEQZ, BRANCH) X(BNEZ, BRANCH)                                           \
	X(JAL, BRANCH) X(JALR, BRANCH)                                                            \
	X(FENCE_FULL, ALU) X(FENCE_ACQ_REL, ALU) X(FENCE_I, FENCE_I)                              \
	X(ECALL, SYSTEM) X(EBREAK, SYSTEM) X(MRET, SYSTEM) X(WFI, SYSTEM) X(CSR, CSR)             \
	X(LR, ATOMIC) X(SC, ATOMIC) X(AMO_W, ATOMIC) X(AMO_D, ATOMIC)                             \
	X(FADD_S, FP_ADD) X(FSUB_S, FP_ADD) X(FMUL_S, FP_MUL) X(FDIV_S, FP_DIV)                   \
	X(FSQRT_S, FP_SQRT)                                                                       \
	X(FADD_D, FP_ADD) X(FSUB_D, FP_ADD) X(FMUL_D, FP_MUL) X(FDIV_D, FP_DIV)                   \
	X(FSQRT_D, FP_SQRT)                                                                       \
	X(FMADD_S, FP_FMA) X(FMSUB_S, FP_FMA) X(FNMSUB_S, FP_FMA) X(FNMADD_S, FP_FMA)             \
	X(FMADD_D, FP_FMA) X(FMSUB_D, FP_FMA) X(FNMSUB_D, FP_FMA) X(FNMADD_D, FP_FMA)             \
	X(FCVT_S_D, FP_CVT) X(FCVT_D_S, FP_CVT)                                                   \
	X(FCVT_W_S, FP_CVT) X(FCVT_L_S, FP_CVT) X(FCVT_W_D, FP_CVT) X(FCVT_L_D, FP_CVT)           \
	X(FCVT_S_W, FP_CVT) X(FCVT_S_WU, FP_CVT) X(FCVT_S_L, FP_CVT)                              \
	X(FCVT_D_W, FP_CVT) X(FCVT_D_WU, FP_CVT) X(FCVT_D_L, FP_CVT) X(FCVT, FP_CVT)              \
	X(FSGNJ_D, FP_MISC) X(FSGNJN_D, FP_MISC) X(FSGNJX_D, FP_MISC)                             \
	X(FMV_X_W, FP_MISC) X(FMV_X_D, FP_MISC) X(FMV_W_X, FP_MISC) X(FMV_D_X, FP_MISC)           \
	X(FEQ_S, FP_MISC) X(FLT_S, FP_MISC) X(FLE_S, FP_MISC)                                     \
	X(FEQ_D, FP_MISC) X(FLT_D, FP_MISC) X(FLE_D, FP_MISC) X(FMISC, FP_MISC)                   \
	X(VSET, ALU) X(VEC, VECTOR) X(VMEM, VECTOR) X(CUSTOM, CUSTOM)

enum rv_op_id {
#define RV_OP_ENUM(name, class) RV_OP_##name,
	RV_OPS(RV_OP_ENUM)
#undef RV_OP_ENUM
	RV_OP_COUNT
};
_Static_assert(RV_OP_COUNT <= 256, "struct rv_op holds the id in a byte");

/* A decoded instruction. */
struct rv_op {
	const void *fn; /* handler in rv_run.c */
	uint8_t id; /* enum rv_op_id */
	uint8_t rd; /* integer destinations: 32 for x0 */
	union {
		struct {
			uint8_t rs1, rs2;
		};
		uint16_t offset; /* AUIPC: of the instruction in its block; VEC, VMEM: its plan */
	};
	int32_t imm; /* immediate; FP, CSR, ATOMIC, V*, CUSTOM, ILLEGAL: the instruction itself */
};

/*
 * A basic block: instructions that start in one page, up to and with the first that may go
 * elsewhere or needs exact counters. What running it touches comes first, in one cache line.
 */
struct rv_block {
	uint64_t pc, end; /* first byte, first byte past it */
	uint64_t target; /* of the branch or jal that ends it */
	uint64_t stat; /* packed static counts of all its instructions */
	/*
	 * Successors in the same page, valid in this block's epoch, or NULL. taken is a
	 * cache of the last target if the block ends with jalr.
	 */
	struct rv_block *taken, *next;
	uint64_t epoch; /* code->epoch when it was last compared with memory */
	uint32_t count; /* instructions */
	uint16_t raw_size; /* bytes of code */
	bool straddles; /* one instruction on two pages */
	bool remote, remote2; /* its pages are */

	struct rv_block *chain; /* same hash bucket */
	const uint8_t *raw; /* the code it was made from */
	uint32_t profile, profile_generation; /* its number in the profile's table of that generation */
	struct rv_op ops[];
};

/*
 * Decoded blocks, in an arena that is emptied when full. Raising epoch makes every
 * block prove itself again before it runs.
 */
#define RV_HASH_BITS  13
#define RV_HASH_SIZE  (1u << RV_HASH_BITS)
#define RV_ARENA_SIZE (2u << 20)
/* Plans of a hart for vector instructions; two that are given the same one make theirs anew. */
#define RV_VEC_PLANS  1024

struct rv_code {
	uint64_t epoch;
	uint64_t generation; /* of the arena; older blocks are gone */
	size_t used; /* of the arena */
	uint32_t plans; /* given out, in turn, to vector instructions */
	uint8_t *arena;
	struct rv_block *hash[RV_HASH_SIZE];
};

static inline unsigned int rv_hash(uint64_t pc)
{
	return (unsigned int)((pc >> 1) ^ (pc >> (1 + RV_HASH_BITS))) & (RV_HASH_SIZE - 1);
}

/* rv_decode.c */

/* The 32-bit equivalent of a compressed instruction, or 0 (illegal). */
uint32_t rv_expand(uint16_t insn);
/*
 * Decode insn (32-bit form) found offset bytes into its block into *op, all but fn; raw is
 * what an illegal instruction reports. Returns true if it ends the block.
 */
bool rv_decode(const struct rv_hart *hart, uint32_t insn, uint32_t raw, unsigned int offset,
	       struct rv_op *op);
extern const uint8_t rv_op_class[RV_OP_COUNT];

/* rv_code.c */
int rv_code_init(struct rv_hart *hart);
void rv_code_fini(struct rv_hart *hart);
/* Forget all blocks. */
void rv_code_drop(struct rv_hart *hart);
/*
 * The block at pc, made or checked as needed, with the modelled instruction TLB looked up. NULL:
 * trap raised. May empty the arena: see generation.
 */
struct rv_block *rv_code_get(struct rv_hart *hart, uint64_t pc);
/* rv_code_get()'s look at the modelled instruction TLB. */
void rv_model_fetch(struct rv_hart *hart, uint64_t page, bool remote);

/* rv_run_profile.c: the interpreter for harts with a profile. */
enum rv_stop rv_exec_profile(struct rv_hart *hart, uint64_t budget);

/* ---- profile: rv_profile.c, called by rv_exec_profile() --------------------------------------- */

/* Find or make the entry of a block in the table; sets block->profile. The last run is settled. */
void rv_profile_attach(struct rv_hart *hart, struct rv_block *block);
/* Account for the run of the block entered last. */
void rv_profile_settle(struct rv_hart *hart);
/* Operation op of that block made the hart's own counters of stalls and walks grow since the last look. */
void rv_profile_note(struct rv_hart *hart, unsigned int op);
/* It made a remote access that took so much longer than a local one. */
void rv_profile_remote(struct rv_hart *hart, unsigned int op, uint64_t cycles);
/* Before and after env->custom(), for the last operation of the block. */
void rv_profile_wait_begin(struct rv_profile *profile);
void rv_profile_wait_end(struct rv_profile *profile);
/* Operation op trapped: it does not retire, nor what follows it. */
void rv_profile_trap(struct rv_profile *profile, unsigned int op);

/* ---- packed counts --------------------------------------------------------------------------- */

/* Static ones, summed per block: loads, stores, floating point, stall cycles. */
#define RV_STAT_LOAD	    1ull
#define RV_STAT_STORE	    (1ull << 12)
#define RV_STAT_FP	    (1ull << 24)
#define RV_STAT_STALL_SHIFT 36
/* Dynamic ones. */
#define RV_DYN_LOAD	    1ull /* remote */
#define RV_DYN_STORE_SHIFT  16 /* remote */
#define RV_DYN_TAKEN	    (1ull << 32)
#define RV_DYN_ATOMIC_SHIFT 48 /* remote */

#define RV_COST_MAX 65535u
_Static_assert(RV_SLICE < 4096 && RV_BLOCK_MAX <= RV_SLICE, "packed counts have 12 bits");
_Static_assert((uint64_t)RV_SLICE * RV_COST_MAX < 1ull << 28, "packed stalls have 28 bits");

/* ---- memory: rv_mem.c ------------------------------------------------------------------------ */

/* Ways a slow access ends; otherwise 0 or 1: done, whether it was remote. */
#define RV_SLOW_TRAP (-1)

/* Load size bytes into hart->slow_value, zero-extended; anything the TLB did not answer. */
int rv_load_slow(struct rv_hart *hart, uint64_t va, unsigned int size);
int rv_store_slow(struct rv_hart *hart, uint64_t va, unsigned int size, uint64_t value);
/* lr, sc, amo: insn is the instruction; the result, to be put in rd, is in slow_value. */
int rv_atomic(struct rv_hart *hart, uint32_t insn, uint64_t va, uint64_t value);
/*
 * The host address of va for reading or writing, good for the rest of its page; *host is NULL if a
 * device is there. Counts as an access of the modelled TLB. Returns remote, or RV_SLOW_TRAP.
 */
int rv_lookup(struct rv_hart *hart, uint64_t va, enum rv_access access, uint8_t **host);
/* The host page for instructions of the page of va, or NULL: trap raised, with va as value. */
const uint8_t *rv_fetch_page(struct rv_hart *hart, uint64_t va, bool *remote);

/* ---- CSRs and traps: rv_csr.c ---------------------------------------------------------------- */

/* zicsr instruction; false: trap raised. Registers are read and written here. */
bool rv_csr(struct rv_hart *hart, uint32_t insn);
/* Machine mode: enter the handler of the raised trap, or of the pending interrupt. */
void rv_take_trap(struct rv_hart *hart, uint64_t pc);
bool rv_take_irq(struct rv_hart *hart);
void rv_mret(struct rv_hart *hart);
bool rv_fp_enabled(const struct rv_hart *hart);
bool rv_vec_enabled(const struct rv_hart *hart);
/* Vector state as after a reset. */
void rv_vec_reset(struct rv_hart *hart);
/* Set vtype and vl. False: they do not go together, and the state of vectors has been reset. */
bool rv_vec_config(struct rv_hart *hart, uint64_t vtype, uint32_t vl);

/* ---- floating point: rv_fp.c, rv_softfp.c ---------------------------------------------------- */

#define RV_F_NX 1u
#define RV_F_UF 2u
#define RV_F_OF 4u
#define RV_F_DZ 8u
#define RV_F_NV 16u

enum rv_rm { RV_RNE = 0, RV_RTZ = 1, RV_RDN = 2, RV_RUP = 3, RV_RMM = 4, RV_DYN = 7 };

#define RV_NAN_S 0x7fc00000u
#define RV_NAN_D 0x7ff8000000000000ull
#define RV_BOX	 0xffffffff00000000ull

/* Run an F or D computation (not load or store) of any kind; false: illegal rounding mode. */
bool rv_fp_exec(struct rv_hart *hart, uint32_t insn);
/*
 * Let the host compute with the hart's rounding mode, from the first instruction that wants it to:
 * sets fp_loaded and the masks of rounding modes, unless the host is not known.
 */
void rv_fp_load(struct rv_hart *hart);
void rv_fp_unload_now(struct rv_hart *hart);
/*
 * Give the host back its own environment and fold what flags were raised: before anything
 * that is not the interpreter runs, and before fflags and frm are touched.
 */
static inline void rv_fp_unload(struct rv_hart *hart)
{
	if (unlikely(hart->fp_loaded))
		rv_fp_unload_now(hart);
}

/*
 * Arithmetic in software, for rounding modes that the host lacks and hosts that are not known.
 * Operands and results are IEEE 754 bit patterns, single in the low half; flags are or-ed in.
 * NaN results are the canonical NaN.
 */
enum rv_fmt { RV_FMT_S, RV_FMT_D };
uint64_t rv_soft_add(enum rv_fmt fmt, uint64_t a, uint64_t b, enum rv_rm rm, unsigned int *flags);
uint64_t rv_soft_mul(enum rv_fmt fmt, uint64_t a, uint64_t b, enum rv_rm rm, unsigned int *flags);
uint64_t rv_soft_div(enum rv_fmt fmt, uint64_t a, uint64_t b, enum rv_rm rm, unsigned int *flags);
uint64_t rv_soft_sqrt(enum rv_fmt fmt, uint64_t a, enum rv_rm rm, unsigned int *flags);
/* a * b + c, rounded once */
uint64_t rv_soft_fma(enum rv_fmt fmt, uint64_t a, uint64_t b, uint64_t c, enum rv_rm rm,
		     unsigned int *flags);
uint64_t rv_soft_convert(enum rv_fmt to, enum rv_fmt from, uint64_t a, enum rv_rm rm,
			 unsigned int *flags);
/* To an integer of 32 or 64 bits, saturated; 32-bit results are sign-extended. */
uint64_t rv_soft_to_int(enum rv_fmt fmt, uint64_t a, unsigned int bits, bool is_signed,
			enum rv_rm rm, unsigned int *flags);
uint64_t rv_soft_from_int(enum rv_fmt fmt, uint64_t a, bool is_signed, enum rv_rm rm,
			  unsigned int *flags);

#endif /* NPU_RV_INTERNAL_H */
