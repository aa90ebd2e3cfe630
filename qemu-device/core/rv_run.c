// SPDX-License-Identifier: MIT
/*
 * The interpreter: threaded code over the decoded blocks of rv_code.c.
 *
 * Counts are kept in three locals while a slice of at most RV_SLICE instructions runs: instructions
 * left (whole blocks are taken off as they are entered), static counts summed per block, and
 * dynamic ones. fold() brings them into the hart at the end of a slice and before anything that
 * can read them.
 *
 * The file is compiled twice. rv_run_profile.c makes of it, with RV_PROFILE defined, the interpreter
 * of harts that have a profile; what is in PROFILE() is only there.
 */
#include <stdlib.h>
#include <string.h>

#include "rv_fp_host.h"
#include "rv_fuse.h"
#include "rv_profile.h"
#include "rv_vec.h"

#ifndef RV_PROFILE
const struct rv_costs rv_costs_default = {
	.alu = 1,
	.mul = 3,
	.div = 20,
	.branch_taken = 2,
	.load_sram = 2,
	.load_remote = 60,
	.store_sram = 1,
	.store_remote = 20,
	.atomic_sram = 6,
	.atomic_remote = 80,
	.fp_add = 3,
	.fp_mul = 3,
	.fp_div = 16,
	.fp_sqrt = 20,
	.fp_fma = 4,
	.fp_cvt = 2,
	.fp_misc = 1,
	.csr = 2,
	.system = 4,
	.fence_i = 16,
	.custom = 1,
	.tlb_walk = 120,
	.vec_bytes = 64,
	.vec_div = 8,
	.vec_reduce = 6,
	.vec_ordered = 3,
	.vec_permute = 4,
	.vec_element = 1,
	.vec_line = 2,
};
#endif

/* ---- counts ---------------------------------------------------------------------------------- */

static uint64_t stall_of(unsigned int cost)
{
	return cost > RV_COST_MAX ? RV_COST_MAX - 1 : cost ? cost - 1 : 0;
}

/* Cycles that a remote access takes longer than a local one. */
static uint64_t remote_stall(unsigned int remote, unsigned int local)
{
	uint64_t r = stall_of(remote), l = stall_of(local);

	return r > l ? r - l : 0;
}

#ifndef RV_PROFILE
void rv_set_costs(struct rv_hart *hart, const struct rv_costs *costs)
{
	const unsigned int cost[RV_C_COUNT] = {
		[RV_C_ALU] = costs->alu,	 [RV_C_MUL] = costs->mul,
		[RV_C_DIV] = costs->div,	 [RV_C_BRANCH] = costs->alu,
		[RV_C_LOAD] = costs->load_sram,	 [RV_C_STORE] = costs->store_sram,
		[RV_C_ATOMIC] = costs->atomic_sram, [RV_C_FP_ADD] = costs->fp_add,
		[RV_C_FP_MUL] = costs->fp_mul,	 [RV_C_FP_DIV] = costs->fp_div,
		[RV_C_FP_SQRT] = costs->fp_sqrt, [RV_C_FP_FMA] = costs->fp_fma,
		[RV_C_FP_CVT] = costs->fp_cvt,	 [RV_C_FP_MISC] = costs->fp_misc,
		[RV_C_CSR] = costs->csr,	 [RV_C_SYSTEM] = costs->system,
		[RV_C_FENCE_I] = costs->fence_i, [RV_C_CUSTOM] = costs->custom,
		[RV_C_VECTOR] = 1,
	};

	_Static_assert(RV_C_COUNT <= sizeof(hart->class_stat) / sizeof(hart->class_stat[0]),
		       "struct rv_hart has room for every class");
	bool changed = false;

	hart->costs = *costs;
	for (unsigned int i = 0; i < RV_C_COUNT; i++) {
		uint64_t stat = stall_of(cost[i]) << RV_STAT_STALL_SHIFT;

		if (i == RV_C_LOAD)
			stat |= RV_STAT_LOAD;
		if (i == RV_C_STORE || i == RV_C_ATOMIC)
			stat |= RV_STAT_STORE;
		if (i >= RV_C_FP_ADD && i <= RV_C_FP_MISC)
			stat |= RV_STAT_FP;
		changed |= hart->class_stat[i] != stat;
		hart->class_stat[i] = stat;
	}
	/* Decoded blocks hold these, and nothing else of the costs. */
	if (changed)
		rv_code_drop(hart);
}
#endif

/* Bring the counts of a slice, or a part of it, into the hart. */
static __attribute__((noinline)) void fold(struct rv_hart *hart, int64_t used, uint64_t stat,
					   uint64_t dyn)
{
	const struct rv_costs *costs = &hart->costs;
	uint64_t remote_loads = dyn & 0xffff, remote_stores = dyn >> RV_DYN_STORE_SHIFT & 0xffff;
	uint64_t taken = dyn >> 32 & 0xffff, remote_atomics = dyn >> RV_DYN_ATOMIC_SHIFT;
	uint64_t stall, stall_memory;

	stall = (stat >> RV_STAT_STALL_SHIFT) +
		taken * remote_stall(costs->branch_taken, costs->alu);
	stall_memory = remote_loads * remote_stall(costs->load_remote, costs->load_sram) +
		       remote_stores * remote_stall(costs->store_remote, costs->store_sram) +
		       remote_atomics * remote_stall(costs->atomic_remote, costs->atomic_sram);
	hart->instret += (uint64_t)used;
	hart->loads += stat & 0xfff;
	hart->stores += stat >> 12 & 0xfff;
	hart->fp += stat >> 24 & 0xfff;
	hart->branches += taken;
	hart->remote += remote_loads + remote_stores + remote_atomics;
	hart->stall_exec += stall;
	hart->stall_memory += stall_memory;
	hart->cycles += (uint64_t)used + stall + stall_memory;
}

/* ---- arithmetic with corners ----------------------------------------------------------------- */

static inline uint64_t sext32(uint64_t value)
{
	return (uint64_t)(int64_t)(int32_t)value;
}

static inline uint64_t mulh(uint64_t a, uint64_t b)
{
	return (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
}

static inline uint64_t mulhu(uint64_t a, uint64_t b)
{
	return (uint64_t)((unsigned __int128)a * b >> 64);
}

static inline uint64_t mulhsu(uint64_t a, uint64_t b)
{
	return mulhu(a, b) - ((int64_t)a < 0 ? b : 0);
}

/* Division by zero and overflow have results of their own; nothing traps. */
static inline uint64_t divide(uint64_t a, uint64_t b)
{
	if (b == 0)
		return ~0ull;
	if (b == ~0ull) /* by -1; the host would trap for the smallest number */
		return 0 - a;
	return (uint64_t)((int64_t)a / (int64_t)b);
}

static inline uint64_t remainder_of(uint64_t a, uint64_t b)
{
	if (b == 0)
		return a;
	if (b == ~0ull)
		return 0;
	return (uint64_t)((int64_t)a % (int64_t)b);
}

static inline uint64_t divide_w(uint64_t a, uint64_t b)
{
	/* 64 bits hold the overflow. */
	return (int32_t)b ? sext32((uint64_t)((int64_t)(int32_t)a / (int32_t)b)) : ~0ull;
}

static inline uint64_t remainder_w(uint64_t a, uint64_t b)
{
	return (int32_t)b ? sext32((uint64_t)((int64_t)(int32_t)a % (int32_t)b)) : sext32(a);
}

static inline uint64_t divide_uw(uint64_t a, uint64_t b)
{
	return (uint32_t)b ? sext32((uint32_t)a / (uint32_t)b) : ~0ull;
}

static inline uint64_t remainder_uw(uint64_t a, uint64_t b)
{
	return (uint32_t)b ? sext32((uint32_t)a % (uint32_t)b) : sext32(a);
}

/* ---- profile ----------------------------------------------------------------------------------- */

#ifdef RV_PROFILE
#define PROFILE(statement) statement

/* A block is entered: account for the run of the one before. */
static inline void profile_enter(struct rv_hart *h, struct rv_block *b)
{
	struct rv_profile *p = h->profile;
	const uint64_t end = p->now + p->cycles;

	if (unlikely(p->events || end > p->next)) {
		rv_profile_settle(h);
	} else {
		p->now = end;
		p->cycles = 0;
	}
	if (unlikely(b->profile_generation != p->generation))
		rv_profile_attach(h, b);
	p->block = &p->table[b->profile];
	p->block->entered++;
	p->cycles = p->block->cycles;
	if (unlikely(h->tlb_cycles != p->seen_tlb))
		rv_profile_note(h, 0);
}

static inline void profile_taken(struct rv_profile *p)
{
	p->block->taken++;
	p->cycles += p->taken_stall;
}

/* After an operation that may have counted for itself. */
static inline void profile_note(struct rv_hart *h, uint64_t op)
{
	const struct rv_profile *p = h->profile;

	if (unlikely((h->tlb_cycles - p->seen_tlb) | (h->stall_exec - p->seen_exec) |
		     (h->stall_vector - p->seen_vector) | (h->stall_memory - p->seen_memory)))
		rv_profile_note(h, (unsigned int)op);
}

/* fold() has brought in what is accounted for block by block. */
static inline void profile_folded(const struct rv_hart *h, struct rv_profile *p)
{
	p->seen_exec = h->stall_exec;
	p->seen_memory = h->stall_memory;
}
#else
#define PROFILE(statement)
#endif
/* Number of the operation in its block. */
#define OP_INDEX ((uint64_t)(op - b->ops))
/* A remote access, of the kind whose costs these are. */
#define PROFILE_REMOTE(remote, far, near)                                                  \
	PROFILE(if (remote) rv_profile_remote(h, OP_INDEX,                                 \
					      remote_stall(h->costs.far, h->costs.near));)

/* ---- the interpreter ------------------------------------------------------------------------- */

/* Address of the operation in its block; instruction sizes are only in the code itself. */
static uint64_t pc_of(const struct rv_block *block, const struct rv_op *op)
{
	const uint8_t *raw = block->raw;

	for (const struct rv_op *o = block->ops; o < op; o++)
		raw += (*raw & 3) == 3 ? 4 : 2;
	return block->pc + (uint64_t)(raw - block->raw);
}

/* Static counts of op and the rest of its block. */
static uint64_t stat_from(const struct rv_hart *hart, const struct rv_block *block,
			  const struct rv_op *op)
{
	uint64_t stat = 0;

	for (; op < block->ops + block->count; op++)
		stat += hart->class_stat[rv_op_class[op->id]];
	return stat;
}

#define X(reg) (h->x[reg])
#define F(reg) (h->f[reg])
#define RD     X(op->rd)
#define RS1    X(op->rs1)
#define RS2    X(op->rs2)
#define IMM    ((uint64_t)(int64_t)op->imm)
#define INSN   ((uint32_t)op->imm)

#define DISPATCH() goto *op->fn
#define NEXT()              \
	do {                \
		op++;       \
		DISPATCH(); \
	} while (0)

/* Run block b, unless the slice has no room for it. */
#define ENTER()                           \
	do {                              \
		left -= b->count;         \
		if (unlikely(left < 0))   \
			goto slice_end;   \
		stat += b->stat;          \
		op = b->ops;              \
		PROFILE(profile_enter(h, b);) \
		DISPATCH();               \
	} while (0)

#define FOLD()                                                                        \
	do {                                                                          \
		int64_t used_ = slice - left;                                         \
		fold(h, used_, stat, dyn);                                            \
		PROFILE(profile_folded(h, h->profile);)                               \
		budget = (uint64_t)used_ < budget ? budget - (uint64_t)used_ : 0;     \
		stat = 0;                                                             \
		dyn = 0;                                                              \
		slice = left;                                                         \
	} while (0)

/* After something that may have touched a device: let the slice end with this block. */
#define SLOW_DONE()                       \
	do {                              \
		if (unlikely(h->poke)) {  \
			h->poke = false;  \
			if (left > 0) {   \
				slice -= left; \
				left = 0; \
			}                 \
		}                         \
	} while (0)

/* &h->tlb[index of va's page], its offset made with one shift. */
#define LINE_SHIFT 5
#define TLB_LINE(va)                                                            \
	((const struct rv_tlb_line *)((const uint8_t *)h->tlb +                  \
				      ((va) >> (RV_PAGE_SHIFT - LINE_SHIFT) &    \
				       (RV_HOST_TLB - 1) << LINE_SHIFT)))
_Static_assert(sizeof(struct rv_tlb_line) == 1 << LINE_SHIFT, "lines are found by a shift");

/*
 * RUN_<operation>(a): what it does, given the value of rs1, and nothing of what follows. Results are left
 * in v too.
 */
#define SET(value) RD = v = (value);
#define RUN_LI(a)     SET(IMM)
#define RUN_AUIPC(a)  SET(b->pc + op->offset + IMM)
#define RUN_MV(a)     SET(a)
#define RUN_ADDI(a)   SET((a) + IMM)
#define RUN_SLTI(a)   SET((int64_t)(a) < (int64_t)IMM)
#define RUN_SLTIU(a)  SET((a) < IMM)
#define RUN_XORI(a)   SET((a) ^ IMM)
#define RUN_ORI(a)    SET((a) | IMM)
#define RUN_ANDI(a)   SET((a) & IMM)
#define RUN_SLLI(a)   SET((a) << (op->imm & 63))
#define RUN_SRLI(a)   SET((a) >> (op->imm & 63))
#define RUN_SRAI(a)   SET((uint64_t)((int64_t)(a) >> (op->imm & 63)))
#define RUN_ADDIW(a)  SET(sext32((a) + IMM))
#define RUN_SLLIW(a)  SET(sext32((uint32_t)(a) << (op->imm & 31)))
#define RUN_SRLIW(a)  SET(sext32((uint32_t)(a) >> (op->imm & 31)))
#define RUN_SRAIW(a)  SET((uint64_t)(int64_t)((int32_t)(a) >> (op->imm & 31)))
#define RUN_ADD(a)    SET((a) + RS2)
#define RUN_SUB(a)    SET((a) - RS2)
#define RUN_SLL(a)    SET((a) << (RS2 & 63))
#define RUN_SLT(a)    SET((int64_t)(a) < (int64_t)RS2)
#define RUN_SLTU(a)   SET((a) < RS2)
#define RUN_XOR(a)    SET((a) ^ RS2)
#define RUN_SRL(a)    SET((a) >> (RS2 & 63))
#define RUN_SRA(a)    SET((uint64_t)((int64_t)(a) >> (RS2 & 63)))
#define RUN_OR(a)     SET((a) | RS2)
#define RUN_AND(a)    SET((a) & RS2)
#define RUN_ADDW(a)   SET(sext32((a) + RS2))
#define RUN_SUBW(a)   SET(sext32((a) - RS2))
#define RUN_SLLW(a)   SET(sext32((uint32_t)(a) << (RS2 & 31)))
#define RUN_SRLW(a)   SET(sext32((uint32_t)(a) >> (RS2 & 31)))
#define RUN_SRAW(a)   SET((uint64_t)(int64_t)((int32_t)(a) >> (RS2 & 31)))
#define RUN_MUL(a)    SET((a) * RS2)
#define RUN_MULH(a)   SET(mulh(a, RS2))
#define RUN_MULHSU(a) SET(mulhsu(a, RS2))
#define RUN_MULHU(a)  SET(mulhu(a, RS2))
#define RUN_MULW(a)   SET(sext32((a) * RS2))
#define RUN_DIV(a)    SET(divide(a, RS2))
#define RUN_DIVU(a)   SET(RS2 ? (a) / RS2 : ~0ull)
#define RUN_REM(a)    SET(remainder_of(a, RS2))
#define RUN_REMU(a)   SET(RS2 ? (a) % RS2 : (a))
#define RUN_DIVW(a)   SET(divide_w(a, RS2))
#define RUN_DIVUW(a)  SET(divide_uw(a, RS2))
#define RUN_REMW(a)   SET(remainder_w(a, RS2))
#define RUN_REMUW(a)  SET(remainder_uw(a, RS2))

#define RUN_LB(a)  LOAD(a, int8_t, SET((uint64_t)(int64_t)value))
#define RUN_LH(a)  LOAD(a, int16_t, SET((uint64_t)(int64_t)value))
#define RUN_LW(a)  LOAD(a, int32_t, SET((uint64_t)(int64_t)value))
#define RUN_LD(a)  LOAD(a, uint64_t, SET(value))
#define RUN_LBU(a) LOAD(a, uint8_t, SET(value))
#define RUN_LHU(a) LOAD(a, uint16_t, SET(value))
#define RUN_LWU(a) LOAD(a, uint32_t, SET(value))
#define RUN_FLW(a) LOAD(a, uint32_t, F(op->rd) = v = RV_BOX | value;)
#define RUN_FLD(a) LOAD(a, uint64_t, F(op->rd) = v = value;)
#define RUN_SB(a)  STORE(a, uint8_t, RS2)
#define RUN_SH(a)  STORE(a, uint16_t, RS2)
#define RUN_SW(a)  STORE(a, uint32_t, RS2)
#define RUN_SD(a)  STORE(a, uint64_t, RS2)
#define RUN_FSW(a) STORE(a, uint32_t, F(op->rs2))
#define RUN_FSD(a) STORE(a, uint64_t, F(op->rs2))

#define RUN_BEQ(a)  BRANCH((a) == RS2)
#define RUN_BNE(a)  BRANCH((a) != RS2)
#define RUN_BLT(a)  BRANCH((int64_t)(a) < (int64_t)RS2)
#define RUN_BGE(a)  BRANCH((int64_t)(a) >= (int64_t)RS2)
#define RUN_BLTU(a) BRANCH((a) < RS2)
#define RUN_BGEU(a) BRANCH((a) >= RS2)
#define RUN_BEQZ(a) BRANCH((a) == 0)
#define RUN_BNEZ(a) BRANCH((a) != 0)

/* type: what is in memory, with the signedness of the extension. */
#define LOAD(a, type, store)                                                          \
	{                                                                             \
		uint64_t va = (a) + IMM;                                              \
		const struct rv_tlb_line *line = TLB_LINE(va);                        \
		type value;                                                           \
		if (likely(((va + sizeof(type) - 1) & RV_PAGE_MASK) == line->read_tag)) { \
			memcpy(&value, (const void *)(line->addend + va), sizeof(type)); \
			dyn += line->remote;                                          \
			PROFILE_REMOTE(line->remote, load_remote, load_sram)          \
		} else {                                                              \
			int remote = rv_load_slow(h, va, sizeof(type));               \
			if (unlikely(remote == RV_SLOW_TRAP))                         \
				goto trap;                                            \
			dyn += (uint64_t)remote;                                      \
			PROFILE(profile_note(h, OP_INDEX);)                           \
			PROFILE_REMOTE(remote, load_remote, load_sram)                \
			value = (type)h->slow_value;                                  \
			SLOW_DONE();                                                  \
		}                                                                     \
		store                                                                 \
	}

#define STORE(a, type, source)                                                        \
	{                                                                             \
		uint64_t va = (a) + IMM;                                              \
		const struct rv_tlb_line *line = TLB_LINE(va);                        \
		type value = (type)(source);                                          \
		if (likely(((va + sizeof(type) - 1) & RV_PAGE_MASK) == line->write_tag)) { \
			uint64_t remote = line->remote;                               \
			memcpy((void *)(line->addend + va), &value, sizeof(type));    \
			dyn += remote << RV_DYN_STORE_SHIFT;                          \
			PROFILE_REMOTE(remote, store_remote, store_sram)              \
		} else {                                                              \
			int remote = rv_store_slow(h, va, sizeof(type), value);       \
			if (unlikely(remote == RV_SLOW_TRAP))                         \
				goto trap;                                            \
			dyn += (uint64_t)remote << RV_DYN_STORE_SHIFT;                \
			PROFILE(profile_note(h, OP_INDEX);)                           \
			PROFILE_REMOTE(remote, store_remote, store_sram)              \
			SLOW_DONE();                                                  \
		}                                                                     \
	}

#define BRANCH(condition)                                \
	{                                                \
		struct rv_block *to;                     \
		if (condition) {                         \
			to = b->taken;                   \
			dyn += RV_DYN_TAKEN;             \
			PROFILE(profile_taken(h->profile);) \
			if (unlikely(!to))               \
				goto link_taken;         \
			b = to;                          \
			ENTER();                         \
		}                                        \
		to = b->next;                            \
		if (unlikely(!to))                       \
			goto link_next;                  \
		b = to;                                  \
		ENTER();                                 \
	}

#define RUN_JAL(a)                                  \
	{                                           \
		struct rv_block *to = b->taken;     \
		RD = b->end;                        \
		dyn += RV_DYN_TAKEN;                \
		PROFILE(profile_taken(h->profile);) \
		if (unlikely(!to))                  \
			goto link_taken;            \
		b = to;                             \
		ENTER();                            \
	}

#define RUN_JALR(a)                                 \
	{                                           \
		struct rv_block *to = b->taken;     \
		pc = ((a) + IMM) & ~1ull;           \
		RD = b->end;                        \
		dyn += RV_DYN_TAKEN;                \
		PROFILE(profile_taken(h->profile);) \
		if (likely(to)) {                   \
			if (unlikely(to->pc != pc)) \
				goto jump;          \
			b = to;                     \
			ENTER();                    \
		}                                   \
		link = &b->taken;                   \
		goto linked;                        \
	}

/* Handlers: of one operation; of two; of two that are chained. */
#define ONE(name)                    \
	L_##name : {                 \
		uint64_t v;          \
		RUN_##name(RS1)      \
		(void)v;             \
	}                            \
	NEXT();
#define PAIR(first, second)          \
	L_##first##_##second : {     \
		uint64_t v;          \
		RUN_##first(RS1)     \
		op++;                \
		RUN_##second(RS1)    \
		(void)v;             \
	}                            \
	NEXT();
#define CHAIN(first, second)         \
	L_##first##_TO_##second : {  \
		uint64_t v;          \
		RUN_##first(RS1)     \
		op++;                \
		RUN_##second(v)      \
	}                            \
	NEXT();

/* Take the last instruction of the block back, so that counters are those before it. */
#define UNCOUNT_LAST(class)                           \
	do {                                          \
		left++;                               \
		stat -= h->class_stat[RV_C_##class];  \
	} while (0)
#define COUNT_LAST(class)                             \
	do {                                          \
		left--;                               \
		stat += h->class_stat[RV_C_##class];  \
	} while (0)

#if RV_HOST_FP
/* The host computes in the rounding mode that the instruction asks for. */
#define HOST_RM(mask) (h->mask >> (INSN >> 12 & 7) & 1)
#define FP_S(name, expression)                                   \
	L_##name : if (unlikely(!HOST_RM(fp_host_rm)))           \
		goto fp_slow;                                    \
	{                                                        \
		uint64_t r = rv_from_s(expression);              \
		F(op->rd) = rv_nan_s(r) ? RV_BOX | RV_NAN_S : r; \
	}                                                        \
	NEXT();
#define FP_D(name, expression)                         \
	L_##name : if (unlikely(!HOST_RM(fp_host_rm))) \
		goto fp_slow;                          \
	{                                              \
		uint64_t r = rv_from_d(expression);    \
		F(op->rd) = rv_nan_d(r) ? RV_NAN_D : r; \
	}                                              \
	NEXT();
#define FMA(name, suffix, sign_a, sign_c)                                                  \
	L_##name : if (unlikely(!HOST_RM(fma_host_rm)))                                         \
		goto fp_slow;                                                                   \
	{                                                                                       \
		uint64_t a = rv_from_##suffix(rv_to_##suffix(F(op->rs1))) ^ (sign_a);           \
		uint64_t c = rv_from_##suffix(rv_to_##suffix(F(INSN >> 27))) ^ (sign_c);        \
		uint64_t r = rv_from_##suffix(rv_host_fma_##suffix(                             \
			rv_to_##suffix(a), rv_to_##suffix(F(op->rs2)), rv_to_##suffix(c)));     \
		if (unlikely(rv_nan_##suffix(r)))                                               \
			goto fp_slow;                                                           \
		F(op->rd) = r;                                                                  \
	}                                                                                       \
	NEXT();
/* Only toward zero, which is what C asks for, and only what fits. */
#define FP_TO_INT(name, suffix, low, high, extend)                                    \
	L_##name:                                                                     \
	{                                                                             \
		if (unlikely(!h->fp_loaded || (INSN >> 12 & 7) != RV_RTZ))            \
			goto fp_slow;                                                 \
		__typeof__(rv_to_##suffix(0)) a = rv_to_##suffix(F(op->rs1));         \
		if (unlikely(!(rv_host_lt_##suffix(low, a) && rv_host_lt_##suffix(a, high)))) \
			goto fp_slow;                                                 \
		RD = extend((uint64_t)rv_host_l_##suffix(a));                         \
		NEXT();                                                               \
	}
#define FP_COMPARE(name, suffix, function)                                            \
	L_##name : if (unlikely(!h->fp_loaded))                                       \
		goto fp_slow;                                                         \
	RD = function##_##suffix(rv_to_##suffix(F(op->rs1)), rv_to_##suffix(F(op->rs2))); \
	NEXT();
#else
#define FP_S(name, expression)			   L_##name : goto fp_slow;
#define FP_D(name, expression)			   L_##name : goto fp_slow;
#define FMA(name, suffix, sign_a, sign_c)	   L_##name : goto fp_slow;
#define FP_TO_INT(name, suffix, low, high, extend) L_##name : goto fp_slow;
#define FP_COMPARE(name, suffix, function)	   L_##name : goto fp_slow;
#endif

/* Merging the dispatch of all handlers into one jump would defeat the branch predictor. */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-gcse", "no-crossjumping")))
#endif
#ifdef RV_PROFILE
enum rv_stop rv_exec_profile(struct rv_hart *h, uint64_t budget)
#else
static enum rv_stop exec(struct rv_hart *h, uint64_t budget)
#endif
{
#define RV_OP_LABEL(name, class) [RV_OP_##name] = &&L_##name,
#define PAIR_LABEL(first, second)  [RV_PAIR_##first##_##second] = &&L_##first##_##second,
#define CHAIN_LABEL(first, second) [RV_CHAIN_##first##_##second] = &&L_##first##_TO_##second,
	static const void *const labels[RV_HANDLERS] = { RV_OPS(RV_OP_LABEL) RV_PAIRS(PAIR_LABEL)
								 RV_CHAINS(CHAIN_LABEL) };
#undef RV_OP_LABEL
#undef PAIR_LABEL
#undef CHAIN_LABEL
	const bool machine = h->mode == RV_MODE_MACHINE;
	struct rv_code *const code = h->code;
	const struct rv_op *op;
	struct rv_block *b, **link;
	int64_t left = 0, slice = 0;
	uint64_t stat = 0, dyn = 0, pc;

	if (!h->labels) {
		/* The first call, by rv_init(), only hands out the handlers. */
		h->labels = labels;
		return RV_STOP_BUDGET;
	}

slice_start:
	/* All counts are folded, h->pc is the next instruction's. */
	if (unlikely(__atomic_load_n(&h->interrupt_run, __ATOMIC_RELAXED)) &&
	    __atomic_exchange_n(&h->interrupt_run, 0, __ATOMIC_ACQ_REL))
		return RV_STOP_BUDGET;
	if (budget == 0)
		return RV_STOP_BUDGET;
	if (machine)
		rv_take_irq(h);
	slice = budget < RV_SLICE ? (int64_t)budget : RV_SLICE;
	left = slice;
	pc = h->pc;

jump: /* to pc, from anywhere */
	b = code->hash[rv_hash(pc)];
	if (likely(b && b->pc == pc && b->epoch == code->epoch && !b->straddles)) {
		uint64_t page = pc & RV_PAGE_MASK;

		if (page != h->fetch_page)
			rv_model_fetch(h, page, b->remote);
	} else {
		b = rv_code_get(h, pc);
		if (unlikely(!b))
			goto trapped;
	}
	ENTER();

link_taken:
	pc = b->target;
	link = &b->taken;
	goto linked;
link_next:
	pc = b->end;
	link = &b->next;
linked: /* to pc from block b; remember the way if it stays within a page */
	if (b->straddles || ((pc ^ b->pc) & RV_PAGE_MASK))
		goto jump;
	{
		uint64_t generation = code->generation;

		b = rv_code_get(h, pc);
		if (unlikely(!b))
			goto trapped;
		if (generation == code->generation && !b->straddles)
			*link = b;
	}
	ENTER();

slice_end: /* block b was not entered */
	/* Or the compiler would remember what left was, and have no register for what it is. */
	__asm__("" : "+r"(left));
	left += b->count;
	if (left == slice && left > 0) {
		/* Even a whole slice has no room for it. */
		slice = b->count;
		left = slice;
		ENTER();
	}
	h->pc = b->pc;
	FOLD();
	goto slice_start;

trap: /* raised by op, which does not retire; neither does what follows it */
	PROFILE(profile_note(h, OP_INDEX);)
	PROFILE(rv_profile_trap(h->profile, OP_INDEX);)
	pc = pc_of(b, op);
	stat -= stat_from(h, b, op);
	left += b->ops + b->count - op;
trapped: /* at pc, with counts that are right for it */
	h->pc = pc;
	if (!machine) {
		FOLD();
		h->trap_raised = false;
		return RV_STOP_TRAP;
	}
	FOLD();
	rv_take_trap(h, pc);
	/* A handler that traps itself must not keep us here for ever. */
	if (budget)
		budget--;
	goto slice_start;

fp_slow:
	/* Perhaps the host could do it, but has not been made ready yet. */
	if (!h->fp_loaded) {
		rv_fp_load(h);
		if (h->fp_loaded)
			DISPATCH();
	}
fp_soft:
	if (unlikely(!rv_fp_exec(h, INSN))) {
		rv_raise(h, RV_ILLEGAL, INSN);
		goto trap;
	}
	NEXT();

	/* ---- integers ---- */
	ONE(LI) ONE(AUIPC) ONE(MV) ONE(ADDI) ONE(SLTI) ONE(SLTIU) ONE(XORI) ONE(ORI) ONE(ANDI) ONE(SLLI)
	ONE(SRLI) ONE(SRAI) ONE(ADDIW) ONE(SLLIW) ONE(SRLIW) ONE(SRAIW) ONE(ADD) ONE(SUB) ONE(SLL)
	ONE(SLT) ONE(SLTU) ONE(XOR) ONE(SRL) ONE(SRA) ONE(OR) ONE(AND) ONE(ADDW) ONE(SUBW) ONE(SLLW)
	ONE(SRLW) ONE(SRAW) ONE(MUL) ONE(MULH) ONE(MULHSU) ONE(MULHU) ONE(MULW) ONE(DIV) ONE(DIVU)
	ONE(REM) ONE(REMU) ONE(DIVW) ONE(DIVUW) ONE(REMW) ONE(REMUW)
L_NOP:
	NEXT();

	/* ---- memory ---- */
	ONE(LB) ONE(LH) ONE(LW) ONE(LD) ONE(LBU) ONE(LHU) ONE(LWU) ONE(FLW) ONE(FLD) ONE(SB) ONE(SH)
	ONE(SW) ONE(SD) ONE(FSW) ONE(FSD)

L_LR:
L_SC:
L_AMO_W:
L_AMO_D:
	{
		int remote = rv_atomic(h, INSN, RS1, RS2);

		if (unlikely(remote == RV_SLOW_TRAP))
			goto trap;
		dyn += (uint64_t)remote << RV_DYN_ATOMIC_SHIFT;
		PROFILE(profile_note(h, OP_INDEX);)
		PROFILE_REMOTE(remote, atomic_remote, atomic_sram)
		RD = h->slow_value;
		NEXT();
	}

L_FENCE_FULL:
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	NEXT();
L_FENCE_ACQ_REL:
	__atomic_thread_fence(__ATOMIC_ACQ_REL);
	NEXT();

	/* ---- vectors: counts of their own go straight to the hart, sums do not mind the order ---- */
L_VSET:
	rv_vec_set(h, INSN);
	NEXT();
L_VEC:
	if (unlikely(!rv_vec_exec(h, INSN, op->offset)))
		goto trap;
	PROFILE(profile_note(h, OP_INDEX);)
	NEXT();
L_VMEM:
	if (unlikely(!rv_vec_mem(h, INSN, op->offset)))
		goto trap;
	PROFILE(profile_note(h, OP_INDEX);)
	SLOW_DONE();
	NEXT();

	/* ---- ends of blocks ---- */
	ONE(BEQ) ONE(BNE) ONE(BLT) ONE(BGE) ONE(BLTU) ONE(BGEU) ONE(BEQZ) ONE(BNEZ) ONE(JAL) ONE(JALR)
L_END:
	{
		struct rv_block *to = b->next;

		if (unlikely(!to))
			goto link_next;
		b = to;
		ENTER();
	}

	/* ---- system ---- */
L_ILLEGAL:
	rv_raise(h, RV_ILLEGAL, INSN);
	goto trap;
L_ECALL:
	rv_raise(h, machine ? RV_ECALL_M : RV_ECALL_U, 0);
	goto trap;
L_EBREAK:
	rv_raise(h, RV_BREAKPOINT, pc_of(b, op));
	goto trap;
L_FENCE_I:
	rv_fence_i(h);
	pc = b->end;
	goto jump;
L_MRET:
	rv_mret(h);
	FOLD();
	goto slice_start;
L_WFI:
	h->pc = b->end;
	FOLD();
	if (rv_irq_pending(h))
		goto slice_start;
	h->waiting = true;
	return RV_STOP_WFI;
L_CSR:
	UNCOUNT_LAST(CSR);
	pc = pc_of(b, op);
	h->pc = pc;
	FOLD();
	if (!rv_csr(h, INSN)) {
		PROFILE(rv_profile_trap(h->profile, OP_INDEX);)
		goto trapped;
	}
	COUNT_LAST(CSR);
	pc += 4;
	if (!machine)
		goto jump;
	/* It may have enabled an interrupt, or emptied the arena. */
	h->pc = pc;
	FOLD();
	goto slice_start;
L_CUSTOM:
	{
		enum rv_result result = RV_TRAP;
		uint64_t value = 0;

		UNCOUNT_LAST(CUSTOM);
		pc = pc_of(b, op);
		h->pc = pc;
		FOLD();
		if (h->env->custom) {
			rv_fp_unload(h);
			PROFILE(rv_profile_wait_begin(h->profile);)
			result = h->env->custom(h, INSN, RS1, RS2, &value);
			PROFILE(profile_note(h, OP_INDEX);)
			PROFILE(rv_profile_wait_end(h->profile);)
		}
		if (result == RV_TRAP) {
			if (!h->trap_raised)
				rv_raise(h, RV_ILLEGAL, INSN);
			PROFILE(rv_profile_trap(h->profile, OP_INDEX);)
			goto trapped;
		}
		/* A transfer that failed may have been dealt with. */
		h->trap_raised = false;
		if (result == RV_AGAIN) {
			PROFILE(rv_profile_trap(h->profile, OP_INDEX);)
			return RV_STOP_ENV;
		}
		COUNT_LAST(CUSTOM);
		RD = value;
		pc += 4;
		if (result == RV_OK)
			goto jump;
		h->pc = pc;
		FOLD();
		return RV_STOP_ENV;
	}

	/* ---- floating point ---- */
	FP_S(FADD_S, rv_host_add_s(rv_to_s(F(op->rs1)), rv_to_s(F(op->rs2))))
	FP_S(FSUB_S, rv_host_sub_s(rv_to_s(F(op->rs1)), rv_to_s(F(op->rs2))))
	FP_S(FMUL_S, rv_host_mul_s(rv_to_s(F(op->rs1)), rv_to_s(F(op->rs2))))
	FP_S(FDIV_S, rv_host_div_s(rv_to_s(F(op->rs1)), rv_to_s(F(op->rs2))))
	FP_S(FSQRT_S, rv_host_sqrt_s(rv_to_s(F(op->rs1))))
	FP_S(FCVT_S_D, rv_host_s_d(rv_to_d(F(op->rs1))))
	FP_S(FCVT_S_W, rv_host_s_l((int32_t)RS1))
	FP_S(FCVT_S_WU, rv_host_s_l((int64_t)(uint32_t)RS1))
	FP_S(FCVT_S_L, rv_host_s_l((int64_t)RS1))
	FP_D(FADD_D, rv_host_add_d(rv_to_d(F(op->rs1)), rv_to_d(F(op->rs2))))
	FP_D(FSUB_D, rv_host_sub_d(rv_to_d(F(op->rs1)), rv_to_d(F(op->rs2))))
	FP_D(FMUL_D, rv_host_mul_d(rv_to_d(F(op->rs1)), rv_to_d(F(op->rs2))))
	FP_D(FDIV_D, rv_host_div_d(rv_to_d(F(op->rs1)), rv_to_d(F(op->rs2))))
	FP_D(FSQRT_D, rv_host_sqrt_d(rv_to_d(F(op->rs1))))
	FP_D(FCVT_D_L, rv_host_d_l((int64_t)RS1))
	FMA(FMADD_S, s, 0, 0)
	FMA(FMSUB_S, s, 0, 1u << 31)
	FMA(FNMSUB_S, s, 1u << 31, 0)
	FMA(FNMADD_S, s, 1u << 31, 1u << 31)
	FMA(FMADD_D, d, 0, 0)
	FMA(FMSUB_D, d, 0, 1ull << 63)
	FMA(FNMSUB_D, d, 1ull << 63, 0)
	FMA(FNMADD_D, d, 1ull << 63, 1ull << 63)
	FP_TO_INT(FCVT_W_S, s, -2147483904.0f, 2147483648.0f, sext32)
	FP_TO_INT(FCVT_L_S, s, -9223373136366403584.0f, 9223372036854775808.0f, )
	FP_TO_INT(FCVT_W_D, d, -2147483649.0, 2147483648.0, sext32)
	FP_TO_INT(FCVT_L_D, d, -9223372036854777856.0, 9223372036854775808.0, )
	FP_COMPARE(FEQ_S, s, rv_host_eq)
	FP_COMPARE(FLT_S, s, rv_host_lt)
	FP_COMPARE(FLE_S, s, rv_host_le)
	FP_COMPARE(FEQ_D, d, rv_host_eq)
	FP_COMPARE(FLT_D, d, rv_host_lt)
	FP_COMPARE(FLE_D, d, rv_host_le)
L_FCVT_D_W:
L_FCVT_D_WU:
	/* Exact: no rounding, no flag; but the rounding mode must exist. */
	if (likely(!(INSN >> 14 & 1) || h->frm <= RV_RMM)) {
		F(op->rd) = rv_from_d(op->id == RV_OP_FCVT_D_W ? (double)(int32_t)RS1 :
								 (double)(uint32_t)RS1);
		NEXT();
	}
	goto fp_slow;
L_FCVT_D_S:
#if RV_HOST_FP
	if (likely(HOST_RM(fp_host_rm))) {
		uint64_t r = rv_from_d(rv_host_d_s(rv_to_s(F(op->rs1))));

		F(op->rd) = rv_nan_d(r) ? RV_NAN_D : r;
		NEXT();
	}
#endif
	goto fp_slow;
L_FSGNJ_D:
	F(op->rd) = (F(op->rs1) & ~(1ull << 63)) | (F(op->rs2) & 1ull << 63);
	NEXT();
L_FSGNJN_D:
	F(op->rd) = (F(op->rs1) & ~(1ull << 63)) | (~F(op->rs2) & 1ull << 63);
	NEXT();
L_FSGNJX_D:
	F(op->rd) = F(op->rs1) ^ (F(op->rs2) & 1ull << 63);
	NEXT();
L_FMV_X_W:
	RD = sext32(F(op->rs1));
	NEXT();
L_FMV_X_D:
	RD = F(op->rs1);
	NEXT();
L_FMV_W_X:
	F(op->rd) = RV_BOX | (uint32_t)RS1;
	NEXT();
L_FMV_D_X:
	F(op->rd) = RS1;
	NEXT();
L_FCVT:
L_FMISC:
	goto fp_soft;

	/* ---- two at a time ---- */
	RV_PAIRS(PAIR)
	RV_CHAINS(CHAIN)
}

#ifndef RV_PROFILE
int rv_init(struct rv_hart *hart, const struct rv_env *env, void *opaque, enum rv_mode mode)
{
	int err;

	memset(hart, 0, sizeof(*hart));
	hart->env = env;
	hart->opaque = opaque;
	hart->mode = mode;
	err = rv_code_init(hart);
	if (err)
		return err;
	exec(hart, 0);
	rv_set_costs(hart, &rv_costs_default);
	rv_reset_tlb(hart);
	rv_reset(hart, 0);
	return 0;
}

void rv_fini(struct rv_hart *hart)
{
	rv_code_fini(hart);
	free(hart->v);
	free(hart->vec_plans);
	hart->v = NULL;
	hart->vec_plans = NULL;
}

enum rv_stop rv_run(struct rv_hart *hart, uint64_t max_insns)
{
	enum rv_stop stop;

	if (hart->waiting) {
		if (!rv_irq_pending(hart))
			return RV_STOP_WFI;
		hart->waiting = false;
	}
	/* Left over from a transfer that failed outside of a run. */
	hart->trap_raised = false;
	if (likely(!hart->profile)) {
		stop = exec(hart, max_insns);
	} else {
		stop = rv_exec_profile(hart, max_insns);
		rv_profile_settle(hart);
	}
	rv_fp_unload(hart);
	return stop;
}

void rv_set_profile(struct rv_hart *hart, struct rv_profile *profile)
{
	const bool same = !hart->profile == !profile;

	hart->profile = profile;
	if (profile)
		profile->taken_stall = remote_stall(hart->costs.branch_taken, hart->costs.alu);
	if (same)
		return;
	/* The other interpreter has handlers of its own. */
	hart->labels = NULL;
	if (profile)
		rv_exec_profile(hart, 0);
	else
		exec(hart, 0);
	rv_code_drop(hart);
}
#endif
