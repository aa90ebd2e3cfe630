// SPDX-License-Identifier: MIT
/*
 * Ways to the same result. An instruction is run for the first time, when it is looked at closely;
 * again, when it is known; and masked with all ones, as far as that is the same instruction. Each
 * with the host's vector instructions of every kind that there are. Registers, flags and counters
 * must agree bit for bit.
 */
#include <stdint.h>

#include "rv_vec.h"
#include "rv_vec_box.h"
#include "tap.h"

enum { V = 1, X = 2, F = 4, FP = 8 }; /* forms; FP: of floating point */

struct op {
	const char *name;
	unsigned int funct6, category; /* category: funct3 of the .vv form */
	unsigned int forms;
};

enum { OPI = 0, OPF = 1, OPM = 2 };

static const struct op ops[] = {
	{"vfadd", 0x00, OPF, V | F | FP},     {"vfsub", 0x02, OPF, V | F | FP},
	{"vfmin", 0x04, OPF, V | F | FP},     {"vfmax", 0x06, OPF, V | F | FP},
	{"vfsgnj", 0x08, OPF, V | F | FP},    {"vfsgnjx", 0x0a, OPF, V | F | FP},
	{"vfdiv", 0x20, OPF, V | F | FP},     {"vfrdiv", 0x21, OPF, F | FP},
	{"vfmul", 0x24, OPF, V | F | FP},     {"vfrsub", 0x27, OPF, F | FP},
	{"vfmadd", 0x28, OPF, V | F | FP},    {"vfnmadd", 0x29, OPF, V | F | FP},
	{"vfmsub", 0x2a, OPF, V | F | FP},    {"vfnmsub", 0x2b, OPF, V | F | FP},
	{"vfmacc", 0x2c, OPF, V | F | FP},    {"vfnmacc", 0x2d, OPF, V | F | FP},
	{"vfmsac", 0x2e, OPF, V | F | FP},    {"vfnmsac", 0x2f, OPF, V | F | FP},
	{"vmfeq", 0x18, OPF, V | F | FP},     {"vmfle", 0x19, OPF, V | F | FP},
	{"vmflt", 0x1b, OPF, V | F | FP},     {"vmfne", 0x1c, OPF, V | F | FP},
	{"vfwadd", 0x30, OPF, V | F | FP},    {"vfwmul", 0x38, OPF, V | F | FP},
	{"vfredmin", 0x05, OPF, V | FP},      {"vfredmax", 0x07, OPF, V | FP},
	{"vfwmacc", 0x3c, OPF, V | F | FP},   {"vadd", 0x00, OPI, V | X},
	{"vsub", 0x02, OPI, V | X},	      {"vmaxu", 0x06, OPI, V | X},
	{"vand", 0x09, OPI, V | X},	      {"vsll", 0x25, OPI, V | X},
	{"vsra", 0x29, OPI, V | X},	      {"vnsrl", 0x2c, OPI, V | X},
	{"vsaddu", 0x20, OPI, V | X},	      {"vssra", 0x2b, OPI, V | X},
	{"vmsltu", 0x1a, OPI, V | X},	      {"vmul", 0x25, OPM, V | X},
	{"vmulh", 0x27, OPM, V | X},	      {"vdiv", 0x21, OPM, V | X},
	{"vmacc", 0x2d, OPM, V | X},	      {"vnmsub", 0x2b, OPM, V | X},
	{"vwmacc", 0x3d, OPM, V | X},
};

/* Numbers on which hosts and RISC-V, or two ways to compute, could differ. */
static uint64_t interesting(unsigned int size)
{
	static const uint32_t s[] = {0,		 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
				     0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffa00000,
				     1,		 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff,
				     0x7fbfffff};
	static const uint64_t d[] = {0,
				     1ull << 63,
				     0x3ff0000000000000,
				     0xbff0000000000000,
				     0x7ff0000000000000,
				     0xfff0000000000000,
				     0x7ff8000000000000,
				     0xfff8000000000001,
				     0x7ff0000000000001,
				     0xfff4000000000000,
				     1,
				     0x000fffffffffffff,
				     0x0010000000000000,
				     0x7fefffffffffffff};

	return size == 3 ? d[vec_random() % (sizeof(d) / sizeof(d[0]))] :
			   s[vec_random() % (sizeof(s) / sizeof(s[0]))];
}

/*
 * A number: mostly one whose operations have many results; density: of 16, how many are
 * special, so that stretches without any are as common as stretches full of them.
 */
static uint64_t number(unsigned int size, unsigned int density)
{
	if (vec_random() % 16 < density)
		return interesting(size);
	if (size == 3)
		return (vec_random() & 0x800fffffffffffff) | (1023 - 4 + vec_random() % 8) << 52;
	if (size == 2)
		return (vec_random() & 0x807fffff) | (127 - 4 + vec_random() % 8) << 23;
	return vec_random();
}

static void fill(struct vec *t, unsigned int size, unsigned int density)
{
	const size_t n = 32u * t->vlenb >> size;

	for (size_t i = 0; i < n; i++)
		vec_put(t->v, i, size, number(size, density));
}

struct outcome {
	enum rv_stop stop;
	uint64_t cycles, stall, vector, bytes;
	unsigned int fflags, vxsat;
};

static struct outcome run(struct vec *t, uint32_t insn, uint64_t x5, uint64_t f5, unsigned int frm,
			  unsigned int host)
{
	struct rv_hart *h = &t->box->hart;
	struct outcome o;

	h->vec_host = (uint8_t)host;
	h->cycles = h->stall_vector = h->vector = h->vector_bytes = 0;
	o.stop = vec_run(t, insn, x5, f5, 0, frm << 5);
	o.cycles = h->cycles;
	o.stall = h->stall_vector;
	o.vector = h->vector;
	o.bytes = h->vector_bytes;
	o.fflags = h->fflags;
	o.vxsat = h->vxsat;
	return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->stop == b->stop && a->cycles == b->cycles && a->stall == b->stall &&
	       a->vector == b->vector && a->bytes == b->bytes && a->fflags == b->fflags &&
	       a->vxsat == b->vxsat;
}

/* One instruction with one set of operands, in all ways. False: they differ. */
static bool agree(struct vec *t, const char *name, uint32_t insn, uint64_t x5, uint64_t f5,
		  unsigned int frm, unsigned int best, unsigned int *legal)
{
	static uint8_t want[VEC_MAX];
	const size_t bytes = 32 * (size_t)t->vlenb;
	const uint8_t *v = t->box->hart.v;
	struct outcome first = {0};

	for (unsigned int host = 0; host <= best; host++)
		for (unsigned int way = 0; way < 3; way++) {
			/* vm is bit 25: v0 is all ones. */
			const uint32_t i = way == 2 ? insn & ~(1u << 25) : insn;
			struct outcome o = run(t, i, x5, f5, frm, host);

			if (host == 0 && way == 0) {
				first = o;
				memcpy(want, v, bytes);
				continue;
			}
			if (o.stop == first.stop && same(&o, &first) && !memcmp(v, want, bytes))
				continue;
			tap_diag("%s: insn %08x vtype %#x vl %u frm %u host %u way %u: stop %d, "
				 "not %d; fflags %#x, not %#x; registers %s",
				 name, i, vec_vtype(t), t->vl, frm, host, way, o.stop, first.stop,
				 o.fflags, first.fflags, memcmp(v, want, bytes) ? "differ" : "agree");
			return false;
		}
	*legal += first.stop == RV_STOP_ENV;
	return true;
}

static void test_op(struct vec *t, const struct op *op, unsigned int best)
{
	bool good = true;
	unsigned int legal = 0;

	for (unsigned int form = V; form <= F; form <<= 1)
		for (unsigned int round = 0; (op->forms & form) && good && round < 24; round++) {
			/* .vx and .vf are funct3 4 (OPI), 6 (OPM) and 5 (OPF). */
			const unsigned int funct3 = form == V ? op->category : op->category + 4;
			const uint32_t insn = op->funct6 << 26 | 1u << 25 | 16u << 20 |
					      (form == V ? 24u : 5u) << 15 | funct3 << 12 | 8u << 7 |
					      0x57;
			const unsigned int density = round % 3 == 0 ? 0 : round % 3 == 1 ? 1 : 12;
			const unsigned int frm = op->forms & FP ? round % 5 : 0;
			uint64_t f5;

			t->sew = op->forms & FP ? 2 + vec_random() % 2 : vec_random() % 4;
			t->lmul = (int)(vec_random() % 3);
			t->start = 0;
			t->vl = round % 4 ? (uint32_t)(vec_random() % (vec_vlmax(t) + 1)) :
					    vec_vlmax(t);
			fill(t, t->sew, density);
			memset(t->v, 0xff, t->vlenb); /* the mask */
			f5 = number(t->sew, round % 2 ? 12 : 0);
			if (t->sew == 2)
				f5 |= 0xffffffff00000000;
			good = agree(t, op->name, insn, vec_random(), f5, frm, best, &legal);
		}
	tap_ok(good && legal >= 8, "VLEN %u: %s, however it is done", t->vlenb * 8, op->name);
}

/* Loads and stores of registers, once looked at closely and once known. */
static void test_memory(struct vec *t, bool store, bool remote)
{
	struct rv_hart *h = &t->box->hart;
	static uint8_t want[VEC_MAX], memory[8 * BOX_PAGE];
	const uint64_t base = BOX_BASE + 32 * BOX_PAGE;
	const size_t bytes = 32 * (size_t)t->vlenb;
	bool good = true;

	box_map(t->box, base, 8, BOX_R | BOX_W | (remote ? BOX_REMOTE : 0));
	for (unsigned int round = 0; good && round < 200; round++) {
		const unsigned int width = (unsigned int)(vec_random() % 4);
		/* Every fourth is one of whole registers. */
		const uint32_t whole = round % 4 == 3 ? 8u << 20 | 1u << 29 : 0;
		const uint32_t field = whole && store ? 0 : width ? width + 4 : 0;
		const uint32_t insn = whole | 1u << 25 | 5u << 15 | field << 12 | 8u << 7 |
				      (store ? 0x27 : 0x07);
		uint64_t va = base + BOX_PAGE + vec_random() % BOX_PAGE;
		uint64_t counts[2][6];
		size_t n;

		t->sew = width;
		t->lmul = (int)(vec_random() % 4);
		t->start = 0;
		t->vl = (uint32_t)(vec_random() % (vec_vlmax(t) + 1));
		if (round % 2)
			va &= ~63ull;
		fill(t, 3, 0);
		for (size_t i = 0; i < sizeof(memory); i++)
			memory[i] = (uint8_t)vec_random();
		for (unsigned int way = 0; way < 2 && good; way++) {
			box_put(t->box, base, memory, sizeof(memory));
			rv_reset_tlb(h);
			h->cycles = h->stall_vector = h->stall_memory = h->tlb_cycles = 0;
			h->vector_sram = h->vector_remote = 0;
			good = vec_run(t, insn, va, 0, 0, 0) == RV_STOP_ENV;
			counts[way][0] = h->cycles;
			counts[way][1] = h->stall_vector;
			counts[way][2] = h->stall_memory;
			counts[way][3] = h->tlb_cycles;
			counts[way][4] = h->vector_sram;
			counts[way][5] = h->vector_remote;
			if (way == 0)
				memcpy(want, h->v, bytes);
			else
				good &= !memcmp(want, h->v, bytes) &&
					!memcmp(counts[0], counts[1], sizeof(counts[0]));
			n = whole ? 2 * (size_t)t->vlenb : (size_t)t->vl << width;
			if (!store) {
				good &= !memcmp((uint8_t *)h->v + 8 * t->vlenb,
						memory + (va - base), n);
			} else {
				const uint8_t *now = box_at(t->box, base);

				good &= !memcmp(now, memory, va - base) &&
					!memcmp(now + (va - base), t->v + 8 * t->vlenb, n) &&
					!memcmp(now + (va - base) + n, memory + (va - base) + n,
						sizeof(memory) - (va - base) - n);
			}
		}
		if (!good)
			tap_diag("insn %08x va %#llx vl %u", insn, (unsigned long long)va, t->vl);
	}
	tap_ok(good, "VLEN %u: %s, %s memory: the second time is as the first", t->vlenb * 8,
	       store ? "stores" : "loads", remote ? "remote" : "local");
}

int main(void)
{
	static const unsigned int vlens[] = {128, 512, 2048, 8192};

	for (unsigned int i = 0; i < sizeof(vlens) / sizeof(vlens[0]); i++) {
		struct vec *t = vec_new(vlens[i]);
		const unsigned int best = t->box->hart.vec_host;

		if (!i)
			tap_diag("the host's vector instructions: kinds 0 to %u", best);
		for (unsigned int k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
			test_op(t, &ops[k], best);
		if (vlens[i] <= 2048)
			for (unsigned int k = 0; k < 4; k++)
				test_memory(t, k & 1, k & 2);
		vec_free(t);
	}
	return tap_done();
}
