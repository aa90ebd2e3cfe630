// SPDX-License-Identifier: MIT
/* Control and status registers, traps, interrupts, reset. */
#include <string.h>

#include "rv_internal.h"

#define MSTATUS_MIE  (1ull << 3)
#define MSTATUS_MPIE (1ull << 7)
#define MSTATUS_MPP  (3ull << 11) /* always machine mode */
#define MSTATUS_VS   (3ull << 9) /* the same for vectors; 0 without them */
#define MSTATUS_FS   (3ull << 13) /* off or dirty: nothing in between is tracked */
#define MSTATUS_SD   (1ull << 63)

#define MIE_MASK (RV_MIP_MSIP | RV_MIP_MTIP | RV_MIP_MEIP)

#define MCAUSE_IRQ (1ull << 63)

/* RV64IMAFDC */
#define MISA (2ull << 62 | 1u << 0 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 8 | 1u << 12)
#define MISA_V (1u << 21)

enum {
	CSR_FFLAGS = 0x001,
	CSR_FRM = 0x002,
	CSR_FCSR = 0x003,
	CSR_VSTART = 0x008,
	CSR_VXSAT = 0x009,
	CSR_VXRM = 0x00a,
	CSR_VCSR = 0x00f,
	CSR_MSTATUS = 0x300,
	CSR_MISA = 0x301,
	CSR_MIE = 0x304,
	CSR_MTVEC = 0x305,
	CSR_MCOUNTINHIBIT = 0x320,
	CSR_MHPMEVENT3 = 0x323,
	CSR_MHPMEVENT31 = 0x33f,
	CSR_MSCRATCH = 0x340,
	CSR_MEPC = 0x341,
	CSR_MCAUSE = 0x342,
	CSR_MTVAL = 0x343,
	CSR_MIP = 0x344,
	CSR_TSELECT = 0x7a0,
	CSR_TDATA3 = 0x7a3,
	CSR_MCYCLE = 0xb00,
	CSR_MINSTRET = 0xb02,
	CSR_MHPMCOUNTER3 = 0xb03,
	CSR_MHPMCOUNTER31 = 0xb1f,
	CSR_CYCLE = 0xc00,
	CSR_TIME = 0xc01,
	CSR_INSTRET = 0xc02,
	CSR_VL = 0xc20,
	CSR_VTYPE = 0xc21,
	CSR_VLENB = 0xc22,
	CSR_MVENDORID = 0xf11,
	CSR_MARCHID = 0xf12,
	CSR_MIMPID = 0xf13,
	CSR_MHARTID = 0xf14,
	CSR_MCONFIGPTR = 0xf15,
};

bool rv_fp_enabled(const struct rv_hart *hart)
{
	return hart->mode == RV_MODE_USER || (hart->mstatus & MSTATUS_FS);
}

bool rv_vec_enabled(const struct rv_hart *hart)
{
	return hart->v && (hart->mode == RV_MODE_USER || (hart->mstatus & MSTATUS_VS));
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Ask the owner for a CSR the hart does not know. False: trap raised, or not known either. */
static bool read_env(struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	if (!hart->env->csr_read)
		return false;
	rv_fp_unload(hart);
	return hart->env->csr_read(hart, csr, value) == RV_OK;
}

static bool read_machine(struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	*value = 0;
	if ((csr >= CSR_MHPMEVENT3 && csr <= CSR_MHPMEVENT31) ||
	    (csr >= CSR_MHPMCOUNTER3 && csr <= CSR_MHPMCOUNTER31) ||
	    (csr >= CSR_TSELECT && csr <= CSR_TDATA3)) /* tdata1 says that there is no trigger */
		return true;
	switch (csr) {
	case CSR_MSTATUS:
		*value = hart->mstatus | MSTATUS_MPP;
		if (hart->mstatus & (MSTATUS_FS | MSTATUS_VS))
			*value |= MSTATUS_SD;
		return true;
	case CSR_MISA:
		*value = MISA | (hart->v ? MISA_V : 0);
		return true;
	case CSR_MIE:
		*value = hart->mie;
		return true;
	case CSR_MIP:
		*value = __atomic_load_n(&hart->mip, __ATOMIC_ACQUIRE);
		return true;
	case CSR_MTVEC:
		*value = hart->mtvec;
		return true;
	case CSR_MSCRATCH:
		*value = hart->mscratch;
		return true;
	case CSR_MEPC:
		*value = hart->mepc;
		return true;
	case CSR_MCAUSE:
		*value = hart->mcause;
		return true;
	case CSR_MTVAL:
		*value = hart->mtval;
		return true;
	case CSR_MCYCLE:
		*value = hart->cycles + hart->mcycle_offset;
		return true;
	case CSR_MINSTRET:
		*value = hart->instret + hart->minstret_offset;
		return true;
	case CSR_MHARTID:
		*value = hart->hartid;
		return true;
	case CSR_MCOUNTINHIBIT:
	case CSR_MVENDORID:
	case CSR_MARCHID:
	case CSR_MIMPID:
	case CSR_MCONFIGPTR:
		return true;
	default:
		return read_env(hart, csr, value);
	}
}

static bool read_vector(const struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	if (!rv_vec_enabled(hart))
		return false;
	*value = csr == CSR_VSTART ? hart->vstart :
		 csr == CSR_VXSAT  ? hart->vxsat :
		 csr == CSR_VXRM   ? hart->vxrm :
		 csr == CSR_VCSR   ? (uint64_t)hart->vxrm << 1 | hart->vxsat :
		 csr == CSR_VL	   ? hart->vl :
		 csr == CSR_VTYPE  ? hart->vtype :
				     hart->vlenb;
	return true;
}

static bool read_csr(struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	switch (csr) {
	case CSR_VSTART:
	case CSR_VXSAT:
	case CSR_VXRM:
	case CSR_VCSR:
	case CSR_VL:
	case CSR_VTYPE:
	case CSR_VLENB:
		return read_vector(hart, csr, value);
	case CSR_FFLAGS:
	case CSR_FRM:
	case CSR_FCSR:
		if (!rv_fp_enabled(hart))
			return false;
		rv_fp_unload(hart);
		*value = csr == CSR_FFLAGS ? hart->fflags :
			 csr == CSR_FRM	   ? hart->frm :
					     (uint64_t)hart->frm << 5 | hart->fflags;
		return true;
	case CSR_CYCLE:
		*value = hart->cycles + hart->mcycle_offset;
		return true;
	case CSR_INSTRET:
		*value = hart->instret + hart->minstret_offset;
		return true;
	case CSR_TIME:
		/* A tile's time is the modelled one; the management core lives in its owner's. */
		if (hart->mode == RV_MODE_MACHINE && read_env(hart, csr, value))
			return true;
		*value = hart->cycles;
		return !hart->trap_raised;
	}
	if (hart->mode == RV_MODE_MACHINE)
		return read_machine(hart, csr, value);
	return (csr >> 8 & 3) == 0 && read_env(hart, csr, value);
}

bool rv_reg(struct rv_hart *hart, unsigned int regno, uint64_t *value)
{
	if (regno >= RV_REGNO_X(0) && regno < RV_REGNO_X(32))
		*value = hart->x[regno - RV_REGNO_X(0)];
	else if (regno >= RV_REGNO_F(0) && regno < RV_REGNO_F(32))
		*value = hart->f[regno - RV_REGNO_F(0)];
	else if (regno == RV_REGNO_DPC)
		*value = hart->pc;
	else
		return regno < 0x1000 && read_csr(hart, regno, value);
	return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_fp(struct rv_hart *hart, unsigned int csr, uint64_t value)
{
	rv_fp_unload(hart);
	if (csr != CSR_FRM)
		hart->fflags = value & 0x1f;
	if (csr == CSR_FCSR)
		value >>= 5;
	if (csr != CSR_FFLAGS)
		hart->frm = value & 7;
}

/* False: no such CSR to be written. */
static bool write_vector(struct rv_hart *hart, unsigned int csr, uint64_t value)
{
	if (!rv_vec_enabled(hart))
		return false;
	switch (csr) {
	case CSR_VSTART:
		/* As many bits as the largest index of an element has: VLMAX is VLEN at most. */
		hart->vstart = (uint32_t)value & (8 * hart->vlenb - 1);
		return true;
	case CSR_VXSAT:
		hart->vxsat = value & 1;
		return true;
	case CSR_VXRM:
		hart->vxrm = value & 3;
		return true;
	default:
		hart->vxsat = value & 1;
		hart->vxrm = value >> 1 & 3;
		return true;
	}
}

static void write_mstatus(struct rv_hart *hart, uint64_t value)
{
	bool fp = rv_fp_enabled(hart), vec = rv_vec_enabled(hart);

	hart->mstatus = value & (MSTATUS_MIE | MSTATUS_MPIE);
	if (value & MSTATUS_FS)
		hart->mstatus |= MSTATUS_FS;
	if (hart->v && (value & MSTATUS_VS))
		hart->mstatus |= MSTATUS_VS;
	/* Whether floating point and vectors are legal was decided when the code was decoded. */
	if (rv_fp_enabled(hart) != fp || rv_vec_enabled(hart) != vec)
		rv_code_drop(hart);
}

/* False: no such CSR to be written. Those that hold a constant ignore what is written. */
static bool write_machine(struct rv_hart *hart, unsigned int csr, uint64_t value)
{
	switch (csr) {
	case CSR_MSTATUS:
		write_mstatus(hart, value);
		return true;
	case CSR_MIE:
		hart->mie = value & MIE_MASK;
		return true;
	case CSR_MTVEC:
		/* Direct or vectored; the reserved modes are not taken. */
		hart->mtvec = value & ~2ull;
		return true;
	case CSR_MSCRATCH:
		hart->mscratch = value;
		return true;
	case CSR_MEPC:
		hart->mepc = value & ~1ull;
		return true;
	case CSR_MCAUSE:
		hart->mcause = value;
		return true;
	case CSR_MTVAL:
		hart->mtval = value;
		return true;
	case CSR_MCYCLE:
		hart->mcycle_offset = value - hart->cycles;
		return true;
	case CSR_MINSTRET:
		/* The write comes after the instruction's own increment. */
		hart->minstret_offset = value - (hart->instret + 1);
		return true;
	case CSR_MISA:
	case CSR_MIP:
	case CSR_MCOUNTINHIBIT:
		return true;
	default:
		return (csr >= CSR_MHPMEVENT3 && csr <= CSR_MHPMEVENT31) ||
		       (csr >= CSR_MHPMCOUNTER3 && csr <= CSR_MHPMCOUNTER31) ||
		       (csr >= CSR_TSELECT && csr <= CSR_TDATA3);
	}
}

bool rv_csr(struct rv_hart *hart, uint32_t insn)
{
	unsigned int csr = insn >> 20, rs1 = insn >> 15 & 31, rd = insn >> 7 & 31;
	unsigned int funct3 = insn >> 12 & 7;
	uint64_t operand = funct3 & 4 ? rs1 : hart->x[rs1], old = 0, new;
	/* csrrs and csrrc of x0 or 0 do not write; csrrw to x0 does not read. */
	bool writes = (funct3 & 3) == 1 || rs1 != 0, reads = (funct3 & 3) != 1 || rd != 0;
	bool ok = !(writes && csr >> 10 == 3);

	if (ok && reads)
		ok = read_csr(hart, csr, &old);
	new = (funct3 & 3) == 1 ? operand : (funct3 & 3) == 2 ? old | operand : old & ~operand;
	if (ok && writes) {
		if (csr >= CSR_FFLAGS && csr <= CSR_FCSR && rv_fp_enabled(hart))
			write_fp(hart, csr, new);
		else if ((csr >= CSR_VSTART && csr <= CSR_VXRM) || csr == CSR_VCSR)
			ok = write_vector(hart, csr, new);
		else
			ok = hart->mode == RV_MODE_MACHINE && write_machine(hart, csr, new);
	}
	if (!ok) {
		if (!hart->trap_raised)
			rv_raise(hart, RV_ILLEGAL, insn);
		return false;
	}
	if (rd)
		hart->x[rd] = old;
	return true;
}

/* ---- traps ----------------------------------------------------------------------------------- */

void rv_raise(struct rv_hart *hart, enum rv_cause cause, uint64_t value)
{
	hart->trap_cause = cause;
	hart->trap_value = value;
	hart->trap_raised = true;
}

static void enter_handler(struct rv_hart *hart, uint64_t pc, uint64_t cause, uint64_t value)
{
	hart->mepc = pc;
	hart->mcause = cause;
	hart->mtval = value;
	hart->mstatus &= ~MSTATUS_MPIE;
	if (hart->mstatus & MSTATUS_MIE)
		hart->mstatus |= MSTATUS_MPIE;
	hart->mstatus &= ~MSTATUS_MIE;
	hart->pc = hart->mtvec & ~3ull;
	if ((hart->mtvec & 1) && (cause & MCAUSE_IRQ))
		hart->pc += 4 * (cause & ~MCAUSE_IRQ);
}

void rv_take_trap(struct rv_hart *hart, uint64_t pc)
{
	hart->trap_raised = false;
	enter_handler(hart, pc, hart->trap_cause, hart->trap_value);
}

bool rv_take_irq(struct rv_hart *hart)
{
	uint64_t pending = __atomic_load_n(&hart->mip, __ATOMIC_ACQUIRE) & hart->mie;
	unsigned int number;

	if (!pending || !(hart->mstatus & MSTATUS_MIE))
		return false;
	/* The privileged architecture's order. */
	number = pending & RV_MIP_MEIP ? 11 : pending & RV_MIP_MSIP ? 3 : 7;
	enter_handler(hart, hart->pc, MCAUSE_IRQ | number, 0);
	return true;
}

void rv_mret(struct rv_hart *hart)
{
	hart->mstatus &= ~MSTATUS_MIE;
	if (hart->mstatus & MSTATUS_MPIE)
		hart->mstatus |= MSTATUS_MIE;
	hart->mstatus |= MSTATUS_MPIE;
	hart->pc = hart->mepc;
}

void rv_set_irq(struct rv_hart *hart, uint64_t mip)
{
	__atomic_store_n(&hart->mip, mip & MIE_MASK, __ATOMIC_RELEASE);
}

bool rv_irq_pending(const struct rv_hart *hart)
{
	return __atomic_load_n(&hart->mip, __ATOMIC_ACQUIRE) & hart->mie;
}

/* ---- life ------------------------------------------------------------------------------------ */

void rv_reset(struct rv_hart *hart, uint64_t pc)
{
	bool fp = rv_fp_enabled(hart), vec = rv_vec_enabled(hart);

	memset(hart->x, 0, sizeof(hart->x));
	memset(hart->f, 0, sizeof(hart->f));
	hart->pc = pc;
	hart->trap_raised = false;
	hart->waiting = false;
	hart->poke = false;
	hart->reserved = false;
	hart->fflags = 0;
	hart->frm = RV_RNE;
	hart->mstatus = 0;
	hart->mie = 0;
	hart->mtvec = 0;
	hart->mscratch = 0;
	hart->mepc = 0;
	hart->mcause = 0;
	hart->mtval = 0;
	hart->mcycle_offset = 0;
	hart->minstret_offset = 0;
	hart->fetch_page = RV_NO_PAGE;
	rv_vec_reset(hart);
	if (rv_fp_enabled(hart) != fp || rv_vec_enabled(hart) != vec)
		rv_code_drop(hart);
	else
		rv_fence_i(hart);
}

/* ---- saving and loading ------------------------------------------------------------------------ */

static void vector_state(struct rv_hart *hart, struct state *s)
{
	uint64_t vtype = hart->vtype;
	uint32_t vl = hart->vl;

	STATE(s, vtype);
	STATE(s, vl);
	STATE_MAX(s, hart->vstart, 8 * hart->vlenb - 1);
	STATE_MAX(s, hart->vxrm, 3);
	STATE_MAX(s, hart->vxsat, 1);
	state_raw(s, hart->v, (size_t)32 * hart->vlenb);
	if (s->load && !rv_vec_config(hart, vtype, vl))
		state_fail(s, "vtype and vl that do not go together");
}

void rv_state(struct rv_hart *hart, struct state *s)
{
	const uint64_t mstatus = MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_FS | (hart->v ? MSTATUS_VS : 0);

	state_raw(s, &hart->x[1], 31 * sizeof(hart->x[1]));
	STATE(s, hart->f);
	STATE(s, hart->pc);
	STATE(s, hart->cycles);
	STATE(s, hart->instret);
	STATE(s, hart->loads);
	STATE(s, hart->stores);
	STATE(s, hart->remote);
	STATE(s, hart->branches);
	STATE(s, hart->fp);
	STATE(s, hart->tlb_misses);
	STATE(s, hart->stall_exec);
	STATE(s, hart->stall_vector);
	STATE(s, hart->stall_memory);
	STATE(s, hart->tlb_cycles);
	STATE(s, hart->vector);
	STATE(s, hart->vector_bytes);
	STATE(s, hart->vector_sram);
	STATE(s, hart->vector_remote);
	STATE(s, hart->waiting);
	STATE_MAX(s, hart->fflags, 31);
	STATE_MAX(s, hart->frm, 7);
	STATE(s, hart->mstatus);
	STATE(s, hart->mie);
	STATE(s, hart->mtvec);
	STATE(s, hart->mscratch);
	STATE(s, hart->mepc);
	STATE(s, hart->mcause);
	STATE(s, hart->mtval);
	STATE(s, hart->mcycle_offset);
	STATE(s, hart->minstret_offset);
	STATE(s, hart->reserved);
	STATE_MAX(s, hart->reserved_size, 8);
	STATE(s, hart->reserved_va);
	STATE(s, hart->reserved_value);
	STATE(s, hart->model_dtag);
	STATE(s, hart->model_itag);
	STATE(s, hart->fetch_page);
	if (hart->v)
		vector_state(hart, s);
	if (!s->load)
		return;
	state_check(s, !(hart->pc & 1) && !(hart->mepc & 1), "an odd program counter");
	state_check(s, !(hart->mstatus & ~mstatus) && !(hart->mie & ~MIE_MASK) && !(hart->mtvec & 2),
		    "a CSR holds what it cannot hold");
	state_check(s, hart->mode == RV_MODE_MACHINE || (!hart->waiting && !hart->mstatus),
		    "a core at user level is in machine mode");
	hart->trap_raised = false;
	hart->poke = false;
	rv_code_drop(hart);
	rv_flush_tlb(hart);
	if (s->failed)
		rv_reset(hart, 0);
}

/* ---- counters and modelled TLBs alone ---------------------------------------------------------- */

void rv_take_tally(const struct rv_hart *hart, struct rv_tally *tally)
{
#define TAKE(name) tally->name = hart->name;
	RV_TALLY(TAKE)
#undef TAKE
	memcpy(tally->model_dtag, hart->model_dtag, sizeof(tally->model_dtag));
	memcpy(tally->model_itag, hart->model_itag, sizeof(tally->model_itag));
}

void rv_set_tally(struct rv_hart *hart, const struct rv_tally *tally)
{
#define SET(name) hart->name = tally->name;
	RV_TALLY(SET)
#undef SET
	memcpy(hart->model_dtag, tally->model_dtag, sizeof(tally->model_dtag));
	memcpy(hart->model_itag, tally->model_itag, sizeof(tally->model_itag));
	rv_flush_tlb(hart);
}

void rv_tally_state(struct rv_tally *tally, struct state *s)
{
#define VISIT(name) STATE(s, tally->name);
	RV_TALLY(VISIT)
#undef VISIT
	STATE(s, tally->model_dtag);
	STATE(s, tally->model_itag);
}
