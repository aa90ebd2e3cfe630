// SPDX-License-Identifier: MIT
/*
 * The machine-mode hart: traps, direct and vectored, interrupts, wfi, CSRs, floating point on and
 * off, device registers. The pieces of code and their handler are in guest/rv_trap.S.
 */
#include <stdint.h>
#include <string.h>

#include "rv_piece.h"
#include "tap.h"

#define DATA (BOX_BASE + 64 * BOX_PAGE)

#define IRQ(number) (1ull << 63 | (number))

#define MIE  (1ull << 3)
#define MPIE (1ull << 7)
#define MPP  (3ull << 11)

static void test_exceptions(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t pc = piece("m ecall");

	tap_ok(box_run(box, pc) == RV_STOP_ENV && h->x[24] == RV_ECALL_M && h->x[26] == 0 &&
		       h->x[25] == pc + 12 && h->x[27] == 1,
	       "ecall: cause, mepc, mtval, and back");
	tap_is(h->x[10], MPP | MPIE, "mret leaves MPIE set and interrupts as they were");
	tap_ok(box_run(box, piece("m vectored ecall")) == RV_STOP_ENV && h->x[24] == RV_ECALL_M &&
		       h->x[16] == 0,
	       "exceptions go to the base of vectors");
	tap_ok(box_run(box, piece("m faults")) == RV_STOP_ENV && h->x[9] == RV_LOAD_PAGE_FAULT &&
		       h->x[18] == 0 && h->x[19] == RV_STORE_PAGE_FAULT && h->x[20] == 8,
	       "faults of loads and stores");
	tap_ok(h->x[21] == RV_ILLEGAL && h->x[22] == 0xffffffff && h->x[23] == RV_BREAKPOINT,
	       "illegal instruction, breakpoint");
}

static void test_interrupts(struct box *box)
{
	static const struct {
		uint64_t lines, numbers;
	} order[] = {
		{ RV_MIP_MTIP, 0x7 },
		{ RV_MIP_MSIP, 0x3 },
		{ RV_MIP_MEIP, 0xb },
		{ RV_MIP_MTIP | RV_MIP_MSIP, 0x37 },
		{ RV_MIP_MEIP | RV_MIP_MTIP | RV_MIP_MSIP, 0xb37 },
	};
	struct rv_hart *h = &box->hart;
	enum rv_stop stop;

	rv_set_irq(h, 0);
	h->x[11] = ~0ull;
	rv_reset(h, piece("m interrupt"));
	h->x[11] = ~0ull;
	stop = rv_run(h, 100000);
	tap_ok(stop == RV_STOP_BUDGET && h->x[27] == 0, "no interrupt, none taken");
	rv_set_irq(h, RV_MIP_MEIP);
	stop = rv_run(h, 100000);
	tap_ok(stop == RV_STOP_ENV && h->x[27] == 1 && h->x[24] == IRQ(11) && h->x[26] == 0,
	       "an interrupt that comes while it runs");
	tap_ok(h->x[10] == (MPP | MPIE | MIE), "and is over");
	tap_ok(h->x[14] == (RV_MIP_MTIP | RV_MIP_MSIP) && h->x[15] == RV_MIP_MEIP,
	       "mie as the handler left it, mip as the lines are");
	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		rv_set_irq(h, order[i].lines);
		h->x[11] = ~0ull;
		stop = box_run(box, piece("m interrupt"));
		tap_ok(stop == RV_STOP_ENV && h->x[17] == order[i].numbers,
		       "lines %#x: taken in the order %#x", (unsigned int)order[i].lines,
		       (unsigned int)order[i].numbers);
	}
	rv_set_irq(h, RV_MIP_MTIP);
	h->x[11] = RV_MIP_MEIP;
	rv_reset(h, piece("m interrupt"));
	h->x[11] = RV_MIP_MEIP;
	rv_run(h, 100000);
	tap_is(h->x[27], 0, "a line that is not enabled waits");
	rv_set_irq(h, RV_MIP_MEIP);
	h->x[11] = RV_MIP_MEIP;
	tap_ok(box_run(box, piece("m vectored interrupt")) == RV_STOP_ENV && h->x[24] == IRQ(11) &&
		       h->x[16] == 11,
	       "vectored: to the vector of its number");
	rv_set_irq(h, 0);
}

static void test_wfi(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t n;

	h->x[11] = RV_MIP_MEIP;
	tap_ok(box_run(box, piece("m wfi")) == RV_STOP_WFI, "wfi stops");
	n = h->instret;
	tap_ok(rv_run(h, 1000) == RV_STOP_WFI && h->instret == n && h->x[10] == 0, "and waits");
	rv_set_irq(h, RV_MIP_MTIP);
	tap_ok(!rv_irq_pending(h) && rv_run(h, 1000) == RV_STOP_WFI,
	       "an interrupt that is not enabled does not wake it");
	rv_set_irq(h, RV_MIP_MEIP);
	tap_ok(rv_irq_pending(h) && rv_run(h, 1000) == RV_STOP_ENV && h->x[27] == 1 &&
		       h->x[10] == 1 && h->x[24] == IRQ(11) && h->x[25] == piece("m wfi") + 28,
	       "an enabled one does, and is taken once MIE allows");
	h->x[11] = RV_MIP_MEIP;
	tap_ok(box_run(box, piece("m wfi")) == RV_STOP_ENV, "wfi with a pending interrupt goes on");
	rv_set_irq(h, 0);
}

static void test_csrs(struct box *box)
{
	struct rv_hart *h = &box->hart;
	bool good;

	h->hartid = 7;
	good = box_run(box, piece("m registers")) == RV_STOP_ENV;
	tap_ok(good && h->x[10] == (1ull << 63 | 3ull << 13 | MPP | MPIE | MIE),
	       "mstatus holds what exists");
	tap_is(h->x[11], MPP, "and lets go of it");
	tap_is(h->x[12], RV_MIP_MEIP | RV_MIP_MTIP | RV_MIP_MSIP, "mie");
	tap_is(h->x[13], ~2ull, "mtvec");
	tap_is(h->x[14], ~1ull, "mepc");
	tap_ok(h->x[15] == ~0ull && h->x[16] == ~0ull, "mscratch, mcause");
	tap_is(h->x[17], 0x800000000000112dull, "misa: RV64IMAFDC");
	tap_is(h->x[18], 7, "mhartid");
	tap_ok(h->x[19] == 0 && h->x[20] == 0 && h->x[21] == 0 && h->x[22] == 0,
	       "what is not there reads zero");
	box_run(box, piece("m counters"));
	/* The write itself costs a cycle count after it, but is not counted by minstret. */
	tap_ok(h->x[10] == rv_costs_default.csr && h->x[11] == 16 && h->x[12] == 17 &&
		       h->x[13] == 5 * rv_costs_default.csr,
	       "mcycle and minstret can be set");
	tap_ok(box_run(box, piece("m fp off")) == RV_STOP_ENV && h->x[9] == RV_ILLEGAL &&
		       h->x[18] == 0x02a57553,
	       "floating point is off after reset");
	tap_ok(h->x[19] == 2 && h->x[14] >> 63 == 1 && h->x[27] == 3,
	       "its CSRs too; mstatus.FS turns both on, and off again");
}

static void test_device(struct box *box)
{
	struct rv_hart *h = &box->hart;

	box_map(box, DATA, 1, BOX_R | BOX_W | BOX_DEVICE);
	box->device.answer = 0x8877665544332211ull;
	h->x[11] = DATA;
	h->x[12] = 0xaabbccddeeff0011ull;
	tap_ok(box_run(box, piece("m device")) == RV_STOP_ENV && h->x[10] == 0x44332211 &&
		       h->x[14] == 0x8877665544332211ull && h->x[15] == 0x11 &&
		       box->device.value == 0xeeff0011,
	       "device registers");
	box_map(box, DATA, 1, BOX_R | BOX_W);
}

static void test_lost(struct box *box)
{
	struct rv_hart *h = &box->hart;

	rv_reset(h, piece("m lost"));
	tap_ok(rv_run(h, 1000) == RV_STOP_BUDGET && h->mepc == 0 && h->mcause == RV_INSN_PAGE_FAULT,
	       "a handler that is not there does not hold up the caller");
	__atomic_store_n(&h->interrupt_run, 1, __ATOMIC_RELEASE);
	tap_ok(rv_run(h, UINT64_MAX) == RV_STOP_BUDGET, "nor keep it from being stopped");
}

/* A device that raises its interrupt when it is written to. */
static enum rv_result poke(struct rv_hart *hart, uint64_t va, enum rv_access access,
			   unsigned int size, uint64_t *value)
{
	(void)va;
	(void)access;
	(void)size;
	*value = 0;
	rv_set_irq(hart, RV_MIP_MEIP);
	return RV_OK;
}

static void test_poke(struct box *box)
{
	enum rv_result (*mmio)(struct rv_hart *, uint64_t, enum rv_access, unsigned int,
			       uint64_t *) = box->env.mmio;
	struct rv_hart *h = &box->hart;

	box->env.mmio = poke;
	box_map(box, DATA, 1, BOX_R | BOX_W | BOX_DEVICE);
	h->x[11] = RV_MIP_MEIP;
	h->x[12] = DATA;
	tap_ok(box_run(box, piece("m poke")) == RV_STOP_ENV && h->x[27] == 1 && h->x[14] == 2,
	       "an interrupt that a store causes is taken at the next block");
	rv_set_irq(h, 0);
	box_map(box, DATA, 1, BOX_R | BOX_W);
	box->env.mmio = mmio;
}

int main(void)
{
	struct box *box = box_new(RV_MODE_MACHINE);

	piece_load(box);
	test_exceptions(box);
	test_interrupts(box);
	test_wfi(box);
	test_csrs(box);
	test_device(box);
	test_lost(box);
	test_poke(box);
	box_free(box);
	return tap_done();
}
