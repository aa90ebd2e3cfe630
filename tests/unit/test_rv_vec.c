// SPDX-License-Identifier: MIT
/*
 * Vector configuration, which words are instructions, loads and stores with their traps, masks,
 * permutations and reductions.
 */
#include <stdint.h>
#include <unistd.h>

#include "rv_vec_box.h"
#include "tap.h"

typedef uint64_t u64;

static void fill(struct vec *t)
{
	for (unsigned int i = 0; i < 4 * t->vlenb; i++)
		vec_put(t->v, i, 3, vec_random());
}

/* Random SEW, LMUL of at most 4, vl, and vstart if it may be other than 0. */
static void shape(struct vec *t, bool with_start)
{
	do {
		t->sew = vec_random() & 3;
		t->lmul = (int)(vec_random() % 6) - 3;
	} while (!vec_valid(t));
	t->vl = (uint32_t)(vec_random() % (vec_vlmax(t) + 1));
	t->start = with_start && vec_random() % 3 == 0 ? (uint32_t)(vec_random() % (t->vl + 1)) : 0;
	fill(t);
}

/* The registers are as wanted. */
static bool same(const struct vec *t, const uint8_t *want, const char *name, uint32_t insn)
{
	const uint8_t *got = t->box->hart.v;

	for (size_t i = 0; i < 32 * (size_t)t->vlenb; i++)
		if (got[i] != want[i]) {
			tap_diag("%s %08x vtype %#x vl %u vstart %u: byte %zu of v%zu is %02x, not "
				 "%02x",
				 name, insn, vec_vtype(t), t->vl, t->start, i % t->vlenb,
				 i / t->vlenb, got[i], want[i]);
			return false;
		}
	return true;
}

/* ---- configuration --------------------------------------------------------------------------- */

static void test_config(struct vec *t)
{
	struct rv_hart *h = &t->box->hart;
	bool good = true;

	for (unsigned int vtype = 0; vtype < 0x400; vtype++) {
		const int lmul = (vtype & 7) < 4 ? (int)(vtype & 7) : (int)(vtype & 7) - 8;
		const unsigned int sew = vtype >> 3 & 7;
		const bool legal = vtype < 0x100 && lmul != -4 && sew <= 3 &&
				   (int)sew <= 3 + (lmul < 0 ? lmul : 0);
		const u64 vlmax = !legal     ? 0
				  : lmul < 0 ? t->vlenb >> sew >> -lmul
					     : t->vlenb >> sew << lmul;
		const u64 avls[] = {0, 1, vlmax, vlmax + 1, 2 * vlmax + 5, ~0ull};

		for (unsigned int i = 0; i < 6; i++) {
			/* vsetvl x10, x6, x7; csrr x11, vl; csrr x12, vtype; csrr x13, vlenb; custom-0 */
			const uint32_t code[] = {0x80737557, 0xc20025f3, 0xc2102673, 0xc22026f3,
						 0x0b};
			const u64 want = avls[i] < vlmax ? avls[i] : vlmax;

			rv_reset(h, BOX_BASE);
			box_put(t->box, BOX_BASE, code, sizeof(code));
			h->x[6] = avls[i];
			h->x[7] = vtype;
			good &= rv_run(h, 100) == RV_STOP_ENV && h->x[10] == want &&
				h->x[11] == want && h->x[12] == (legal ? vtype : 1ull << 63) &&
				h->x[13] == t->vlenb;
		}
	}
	tap_ok(good, "VLEN %u: vsetvl of every vtype and AVLs around VLMAX", 8 * t->vlenb);

	/* vadd.vv v8, v8, v8 after a reset; then vl8re8.v and vmv1r.v, which want no vtype */
	rv_reset(h, BOX_BASE);
	box_put(t->box, BOX_BASE, &(uint32_t){0x02840457}, 4);
	tap_ok(rv_run(h, 10) == RV_STOP_TRAP && h->trap_cause == RV_ILLEGAL &&
		       h->trap_value == 0x02840457,
	       "VLEN %u: vtype is vill after a reset", 8 * t->vlenb);
	rv_reset(h, BOX_BASE);
	box_put(t->box, BOX_BASE, (uint32_t[]){0xe2850407, 0x9e803857, 0x0b}, 12);
	h->x[10] = BOX_BASE;
	tap_ok(rv_run(h, 10) == RV_STOP_ENV &&
		       !memcmp(h->v + 8 * t->vlenb, box_at(t->box, BOX_BASE), 12) &&
		       !memcmp(h->v + 16 * t->vlenb, box_at(t->box, BOX_BASE), 12),
	       "VLEN %u: whole registers do not mind it", 8 * t->vlenb);

	/* vsetvli x0, x0 keeps vl if VLMAX stays: e8,m1 -> e16,m2, and not e16,m1 */
	for (unsigned int m = 0; m < 2; m++) {
		const uint32_t code[] = {0x80737557, m ? 0x00807057 : 0x00907057, 0x0b};

		rv_reset(h, BOX_BASE);
		box_put(t->box, BOX_BASE, code, sizeof(code));
		h->x[6] = 5;
		rv_run(h, 10);
		tap_ok(m ? h->vtype >> 63 && h->vl == 0 : h->vtype == 9 && h->vl == 5,
		       "VLEN %u: vsetvli x0, x0 %s", 8 * t->vlenb,
		       m ? "is vill if VLMAX changes" : "keeps vl");
	}
}

static void test_absent(void)
{
	struct box *box = box_new(RV_MODE_MACHINE);
	struct rv_hart *h = &box->hart;
	static const uint32_t words[] = {0x80737557, 0x02840457, 0xe2850407, 0xc22026f3,
					 0x00841073};
	bool good = true;

	for (unsigned int i = 0; i < 5; i++) {
		rv_reset(h, BOX_BASE);
		box_put(box, BOX_BASE, &words[i], 4);
		h->mtvec = BOX_BASE + 64;
		rv_run(h, 1);
		good &= h->mcause == RV_ILLEGAL && h->mepc == BOX_BASE;
	}
	tap_ok(good, "a hart without vectors knows none of it");
	tap_ok(rv_set_vlen(h, 64) < 0 && rv_set_vlen(h, 192) < 0 && rv_set_vlen(h, 32768) < 0 &&
		       rv_set_vlen(h, 128) == 0,
	       "VLEN is a power of two from 128 to 16384");
	good = true;
	for (unsigned int i = 0; i < 5; i++) {
		rv_reset(h, BOX_BASE);
		box_put(box, BOX_BASE, &words[i], 4);
		h->mtvec = BOX_BASE + 64;
		rv_run(h, 1);
		good &= h->mcause == RV_ILLEGAL;
	}
	/* csrs mstatus, VS; vsetvl x10, x6, x7 */
	rv_reset(h, BOX_BASE);
	box_put(box, BOX_BASE, (uint32_t[]){0x30042073, 0x80737557}, 8);
	h->x[8] = 1u << 9;
	h->x[6] = 3;
	rv_run(h, 2);
	tap_ok(good && h->x[10] == 3, "mstatus.VS turns them on");
	box_free(box);
}

/* ---- which words are instructions ------------------------------------------------------------ */

/* Legal for some vtype, vl = 0 and vstart = 0, so that nothing is accessed. */
static bool legal(struct vec *t, uint32_t insn)
{
	t->vl = 0;
	t->start = 0;
	for (t->sew = 0; t->sew < 4; t->sew++)
		for (t->lmul = -3; t->lmul <= 3; t->lmul++)
			if (vec_valid(t)) {
				enum rv_stop stop = vec_run(t, insn, BOX_BASE, 0, 0, 0);

				if (stop == RV_STOP_ENV || t->box->hart.trap_cause != RV_ILLEGAL)
					return true;
			}
	return false;
}

/* True if no operand of an instruction overlaps another for LMUL 1, nor the mask. */
static bool apart(uint32_t insn)
{
	const unsigned int funct3 = insn >> 12 & 7, funct6 = insn >> 26, vs1 = insn >> 15 & 31;

	if ((insn >> 7 & 31) != 8 || (insn >> 20 & 31) != 16)
		return false;
	if ((insn & 0x7f) != 0x57 || funct3 >= 3)
		return true;
	/* vs1 is a vector, or names the instruction. */
	return vs1 >= 24 || (funct3 > 0 && (funct6 == 0x10 || funct6 == 0x12 || funct6 == 0x13 ||
					    funct6 == 0x14));
}

/*
 * Against LLVM's disassembler, which knows neither vtype nor overlaps: what it does not know is illegal
 * whatever vtype is, what it knows and does not overlap is legal for some.
 */
static void test_words(struct vec *t)
{
	enum {
		COUNT = 200000
	};
	static uint32_t words[COUNT];
	static const uint8_t opcodes[] = {0x57, 0x57, 0x57, 0x07, 0x27}, widths[] = {0, 5, 6, 7};
	unsigned int known = 0, missing = 0, extra = 0, n = 0;
	char path[] = "/tmp/rv-vec-words-XXXXXX", command[400], line[256];
	const int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	for (unsigned int i = 0; i < COUNT; i++) {
		uint32_t w = (uint32_t)vec_random() & ~0x7fu;
		const uint8_t opcode = opcodes[vec_random() % 5];

		if (opcode != 0x57)
			w = (w & ~0x7000u) | (uint32_t)widths[vec_random() & 3] << 12;
		/* Every third with registers that are far apart: those must be legal for some vtype. */
		if (i % 3 == 0)
			w = (w & ~0x01f00f80u) | 16u << 20 | 8u << 7;
		words[i] = w | opcode;
		if (f)
			fprintf(f, ".word 0x%08x\n", words[i]);
	}
	if (f)
		fclose(f);
	snprintf(command, sizeof(command),
		 "(llvm-mc-19 -triple=riscv64 -mattr=+d,+v -filetype=obj -o %s.o < %s && "
		 "llvm-objdump-19 -D -j .text --mattr=+d,+v --no-show-raw-insn %s.o; rm -f %s.o) "
		 "2>/dev/null",
		 path, path, path, path);
	f = popen(command, "r");
	while (f && n < COUNT && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		bool theirs, ours;

		if (line[0] != ' ' || !colon)
			continue;
		theirs = !strstr(colon, "<unknown>");
		known += theirs;
		if (!theirs || apart(words[n])) {
			ours = legal(t, words[n]);
			if (ours && !theirs && extra++ < 5)
				tap_diag("%08x is taken, LLVM does not know it", words[n]);
			if (theirs && !ours && missing++ < 5)
				tap_diag("%08x is not taken: %s", words[n], colon);
		}
		n++;
	}
	if (f)
		pclose(f);
	unlink(path);
	if (!n) {
		tap_skip("no llvm-mc-19 and llvm-objdump-19");
		return;
	}
	tap_ok(n == COUNT && known > COUNT / 20 && !extra && !missing,
	       "%u random words: those %u that LLVM knows are instructions", n, known);
}

/* ---- loads and stores ------------------------------------------------------------------------ */

#define DATA (BOX_BASE + 16 * BOX_PAGE)
#define SPAN (8 * BOX_PAGE)

enum mode {
	UNIT,
	STRIDED,
	INDEXED,
	FIRST
};

/* One access of random kind; a page that is not mapped may be in its way. */
static bool one_access(struct vec *t, unsigned int *faults)
{
	static uint8_t want[VEC_MAX], memory[SPAN];
	const unsigned int width = vec_random() & 3, vd = 8, vs2 = 24;
	const bool store = vec_random() & 1, hole = vec_random() % 4 == 0;
	const enum mode mode = store ? vec_random() % 3 : vec_random() % 4;
	const bool masked = vec_random() & 1;
	struct rv_hart *h = &t->box->hart;
	static const unsigned int encoded[] = {0, 5, 6, 7};
	unsigned int size, nf, regs, at = UINT32_MAX;
	const u64 base = DATA + 4 * BOX_PAGE + vec_random() % (vec_random() & 1 ? 64 : 4096);
	int64_t stride;
	u64 fault_va = 0;
	uint32_t insn;
	enum rv_stop stop;
	int emul, index_emul;

	shape(t, true);
	stride = (int64_t)(vec_random() % 64) - 32;
	if (t->vl > 300)
		stride %= 8;
	t->x12 = (u64)stride;
	size = mode == INDEXED ? t->sew : width;
	emul = t->lmul + (int)size - (int)t->sew;
	index_emul = t->lmul + (int)width - (int)t->sew;
	if (emul < -3 || emul > 3 || (mode == INDEXED && (index_emul < -3 || index_emul > 3)))
		return true;
	regs = emul > 0 ? 1u << emul : 1;
	nf = 1 + (unsigned int)(vec_random() % (8 / regs));
	if (mode == INDEXED)
		for (uint32_t i = 0; i < t->vl; i++)
			vec_put(t->v + vs2 * t->vlenb, i, width,
				vec_random() & (width ? 0x7ff : 0xff));
	insn = (nf - 1) << 29 | (unsigned int)!masked << 25 | 5u << 15 | encoded[width] << 12 |
	       vd << 7 | (store ? 0x27 : 0x07);
	insn |= mode == STRIDED	  ? 2u << 26 | 12u << 20
		: mode == INDEXED ? 1u << 26 | vs2 << 20
		: mode == FIRST	  ? 16u << 20
				  : 0;

	for (unsigned int i = 0; i < SPAN; i += 8)
		vec_put(memory, i / 8, 3, vec_random());
	box_put(t->box, DATA, memory, SPAN);
	box_map(t->box, DATA, SPAN / BOX_PAGE, BOX_R | BOX_W | (vec_random() & 1 ? BOX_REMOTE : 0));
	if (hole)
		box_map(t->box, DATA + (3 + vec_random() % 3) * BOX_PAGE, 1, 0);

	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	for (uint32_t i = t->start; i < t->vl && at == UINT32_MAX; i++) {
		u64 va = base;

		if (masked && !vec_bit(t->v, i))
			continue;
		va += mode == STRIDED	? i * (u64)stride
		      : mode == INDEXED ? vec_get(t->v + vs2 * t->vlenb, i, width)
					: (u64)i * nf << size;
		for (unsigned int f = 0; f < nf && at == UINT32_MAX; f++) {
			const u64 a = va + (f << size);
			uint8_t *element = want + (vd + f * regs) * t->vlenb;

			for (unsigned int byte = 0; byte < 1u << size; byte++) {
				const u64 page = (a + byte - BOX_BASE) / BOX_PAGE;

				if (a + byte - DATA >= SPAN || !t->box->flags[page]) {
					at = i;
					fault_va = byte ? (a + byte) & ~(BOX_PAGE - 1) : a;
					break;
				}
			}
			if (at != UINT32_MAX)
				break;
			if (store)
				memcpy(memory + (a - DATA), element + ((size_t)i << size),
				       (size_t)1 << size);
			else
				memcpy(element + ((size_t)i << size), memory + (a - DATA),
				       (size_t)1 << size);
		}
	}
	stop = vec_run(t, insn, base, 0, 0, 0);
	if (at != UINT32_MAX && (mode != FIRST || at == 0)) {
		++*faults;
		if (stop != RV_STOP_TRAP ||
		    h->trap_cause != (store ? RV_STORE_PAGE_FAULT : RV_LOAD_PAGE_FAULT) ||
		    h->vstart != at || h->pc != BOX_BASE + 16 || (h->trap_value != fault_va)) {
			tap_diag("%08x vl %u vstart %u: stop %d cause %u vstart %u, not %u, value "
				 "%#llx, not %#llx",
				 insn, t->vl, t->start, stop, h->trap_cause, h->vstart, at,
				 (unsigned long long)h->trap_value, (unsigned long long)fault_va);
			return false;
		}
	} else if (stop != RV_STOP_ENV || h->vstart || h->vl != (at != UINT32_MAX ? at : t->vl)) {
		tap_diag("%08x vtype %#x vl %u vstart %u: stop %d cause %u value %#llx vl %u", insn,
			 vec_vtype(t), t->vl, t->start, stop, h->trap_cause,
			 (unsigned long long)h->trap_value, h->vl);
		return false;
	}
	if (memcmp(memory, box_at(t->box, DATA), SPAN)) {
		tap_diag("%08x: memory differs", insn);
		return false;
	}
	return same(t, want, "access", insn);
}

static void test_memory(struct vec *t)
{
	unsigned int faults = 0;
	bool good = true;

	for (int i = 0; i < 3000 && good; i++)
		good = one_access(t, &faults);
	tap_ok(good && faults > 50, "VLEN %u: loads and stores, %u of which trap", 8 * t->vlenb,
	       faults);

	/* A store that met a hole goes on where it stopped once the hole is filled. vse8.v v8, (x5) */
	fill(t);
	t->sew = 0;
	t->lmul = 3;
	t->vl = vec_vlmax(t);
	t->start = 0;
	box_map(t->box, DATA, 4, BOX_R | BOX_W);
	box_map(t->box, DATA + BOX_PAGE, 1, 0);
	good = vec_run(t, 0x02028427, DATA + BOX_PAGE - 7, 0, 0, 0) == RV_STOP_TRAP &&
	       t->box->hart.vstart == 7;
	box_map(t->box, DATA + BOX_PAGE, 1, BOX_R | BOX_W);
	good &= rv_run(&t->box->hart, 10) == RV_STOP_ENV &&
		!memcmp(box_at(t->box, DATA + BOX_PAGE - 7), t->v + 8 * t->vlenb, t->vl);
	tap_ok(good, "VLEN %u: an access that trapped is resumed", 8 * t->vlenb);
}

/* ---- masks and permutations ------------------------------------------------------------------ */

#define OPV(f6, f3, vm, vs2, vs1)                                              \
	((uint32_t)(f6) << 26 | (uint32_t)(vm) << 25 | (uint32_t)(vs2) << 20 | \
	 (uint32_t)(vs1) << 15 | (uint32_t)(f3) << 12 | 8u << 7 | 0x57)

static void set_bit(uint8_t *v, size_t i, bool value)
{
	v[i / 8] = (uint8_t)((v[i / 8] & ~(1u << i % 8)) | (unsigned int)value << i % 8);
}

/* vd = v8, vs2 = v16, vs1 = v24, scalar x5. */
static bool one_permutation(struct vec *t, unsigned int which)
{
	static uint8_t want[VEC_MAX];
	const bool vm = vec_random() & 1;
	const uint8_t *v0 = t->v, *a = t->v + 16 * t->vlenb, *b = t->v + 24 * t->vlenb;
	uint8_t *d = want + 8 * t->vlenb;
	const bool may_start = which != 8 && which < 10;
	uint32_t insn = 0, vlmax;
	u64 x5, result = 0, found = 0, count = 0;
	bool gives_x = false;

	shape(t, may_start);
	vlmax = vec_vlmax(t);
	x5 = vec_random() % 3 ? vec_random() % (vlmax + 2) : vec_random();
	for (uint32_t i = 0; i < vlmax; i++) /* indices that hit */
		if (which == 0 && vec_random() % 4)
			vec_put(t->v + 24 * t->vlenb, i, t->sew, vec_random() % (2 * vlmax));
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	for (uint32_t i = t->start; i < t->vl; i++) {
		const bool on = vm || vec_bit(v0, i), bit = vec_bit(a, i);
		u64 v = 0;

		switch (which) {
		case 0: /* vrgather.vv */
			insn = OPV(0x0c, 0, vm, 16, 24);
			v = vec_get(b, i, t->sew);
			v = v < vlmax ? vec_get(a, v, t->sew) : 0;
			break;
		case 1: /* vrgather.vx */
			insn = OPV(0x0c, 4, vm, 16, 5);
			v = x5 < vlmax ? vec_get(a, x5, t->sew) : 0;
			break;
		case 2: /* vslideup.vx */
			insn = OPV(0x0e, 4, vm, 16, 5);
			if (i < x5)
				continue;
			v = vec_get(a, i - x5, t->sew);
			break;
		case 3: /* vslidedown.vx */
			insn = OPV(0x0f, 4, vm, 16, 5);
			v = x5 < vlmax && i + x5 < vlmax ? vec_get(a, i + x5, t->sew) : 0;
			break;
		case 4: /* vslide1up.vx */
			insn = OPV(0x0e, 6, vm, 16, 5);
			v = i ? vec_get(a, i - 1, t->sew) : x5;
			break;
		case 5: /* vslide1down.vx */
			insn = OPV(0x0f, 6, vm, 16, 5);
			v = i + 1 < t->vl ? vec_get(a, i + 1, t->sew) : x5;
			break;
		case 6: /* vid.v */
			insn = OPV(0x14, 2, vm, 0, 17);
			v = i;
			break;
		case 7: /* vmv.v.x */
			insn = OPV(0x17, 4, 1, 0, 5);
			vec_put(d, i, t->sew, x5);
			continue;
		case 8: /* vcompress.vm */
			insn = OPV(0x17, 2, 1, 16, 24);
			if (vec_bit(b, i))
				vec_put(d, count++, t->sew, vec_get(a, i, t->sew));
			continue;
		case 9: /* vmxnor.mm */
			insn = OPV(0x1f, 2, 1, 16, 24);
			set_bit(d, i, bit == vec_bit(b, i));
			continue;
		case 10: /* viota.m */
			insn = OPV(0x14, 2, vm, 16, 16);
			v = count;
			count += on && bit;
			break;
		case 11: /* vcpop.m */
			insn = OPV(0x10, 2, vm, 16, 16);
			gives_x = true;
			result += on && bit;
			continue;
		case 12: /* vfirst.m */
			insn = OPV(0x10, 2, vm, 16, 17);
			gives_x = true;
			if (!found)
				result = on && bit ? i : ~0ull;
			found |= on && bit;
			continue;
		default: /* vmsbf.m, vmsof.m, vmsif.m */
			insn = OPV(0x14, 2, vm, 16, which - 12);
			if (!on)
				continue;
			set_bit(d, i,
				which == 13   ? !found && !bit
				: which == 14 ? !found && bit
					      : !found);
			found |= bit;
			continue;
		}
		if (on)
			vec_put(d, i, t->sew, v);
	}
	if (!insn)
		return true;
	if (vec_run(t, insn, x5, 0, 0, 0) != RV_STOP_ENV ||
	    (gives_x && t->box->hart.x[8] != result)) {
		tap_diag("%08x: trap, or x8 = %#llx, not %#llx", insn,
			 (unsigned long long)t->box->hart.x[8], (unsigned long long)result);
		return false;
	}
	return same(t, want, "permutation", insn);
}

static void test_permutations(struct vec *t)
{
	static const char *const names[] = {"vrgather.vv", "vrgather.vx", "vslideup", "vslidedown",
					    "vslide1up",   "vslide1down", "vid",      "vmv.v.x",
					    "vcompress",   "vmxnor",	  "viota",    "vcpop",
					    "vfirst",	   "vmsbf",	  "vmsof",    "vmsif"};

	for (unsigned int which = 0; which < 16; which++) {
		bool good = true;

		for (int i = 0; i < 100 && good; i++)
			good = one_permutation(t, which);
		tap_ok(good, "VLEN %u: %s", 8 * t->vlenb, names[which]);
	}
}

/* ---- reductions ------------------------------------------------------------------------------ */

static bool one_reduction(struct vec *t, unsigned int which)
{
	static uint8_t want[VEC_MAX];
	const bool vm = vec_random() & 1;
	const uint8_t *a = t->v + 16 * t->vlenb;
	unsigned int size;
	int shift;
	u64 value;

	do
		shape(t, false);
	while (which >= 8 && t->sew == 3);
	size = t->sew + (which >= 8);
	shift = 64 - (8 << size);
	value = vec_get(t->v + 24 * t->vlenb, 0, size);
	memcpy(want, t->v, 32 * (size_t)t->vlenb);
	for (uint32_t i = 0; i < t->vl; i++) {
		u64 e = vec_get(a, i, t->sew);
		int64_t se, sv = (int64_t)(value << shift) >> shift;

		if (!vm && !vec_bit(t->v, i))
			continue;
		if (which == 9)
			e = (u64)((int64_t)(e << (64 - (8 << t->sew))) >> (64 - (8 << t->sew)));
		se = (int64_t)(e << shift) >> shift;
		value = which == 0 || which >= 8 ? value + e
			: which == 1		 ? (value & e)
			: which == 2		 ? (value | e)
			: which == 3		 ? (value ^ e)
			: which == 4		 ? (value < e ? value : e)
			: which == 5		 ? (sv < se ? value : e)
			: which == 6		 ? (value > e ? value : e)
						 : (sv > se ? value : e);
	}
	if (t->vl)
		vec_put(want + 8 * t->vlenb, 0, size, value);
	const uint32_t insn =
		which < 8 ? OPV(which, 2, vm, 16, 24) : OPV(0x28 + which, 0, vm, 16, 24);
	if (vec_run(t, insn, 0, 0, 0, 0) != RV_STOP_ENV) {
		tap_diag("%08x: trap", insn);
		return false;
	}
	return same(t, want, "reduction", insn);
}

static void test_reductions(struct vec *t)
{
	bool good = true;

	for (unsigned int which = 0; which < 10; which++)
		for (int i = 0; i < 60 && good; i++)
			good = one_reduction(t, which);
	tap_ok(good, "VLEN %u: integer reductions", 8 * t->vlenb);
}

/* ---- reserved -------------------------------------------------------------------------------- */

static void test_reserved(struct vec *t)
{
	static const struct {
		uint32_t insn;
		const char *why;
		unsigned int sew;
		int lmul;
		uint32_t start;
	} words[] = {
		{0x029404d7, "vadd.vv v9: no multiple of LMUL 2", 0, 1, 0},
		{0x00840057, "vadd.vv v0, masked by v0", 0, 0, 0},
		{0xc6840457, "vwredsum of SEW 64", 3, 0, 0},
		{0xc2842457, "vwaddu.vv of LMUL 8", 0, 3, 0},
		{0xc2842457, "vwaddu.vv over the low half of its destination", 0, 0, 0},
		{0x32840457, "vrgather.vv onto its source", 0, 0, 0},
		{0x02c42457, "vredsum with vstart", 0, 0, 1},
		{0x52882457, "vmsbf... of itself with vs1 16 over v8", 0, 0, 1},
		{0x02841457, "vfadd of SEW 16", 1, 0, 0},
		{0x42802457, "vmv.s.x with a source", 0, 4, 0},
		{0xe202d407, "eight fields of LMUL 2", 1, 1, 0},
	};

	fill(t);
	t->vl = 1;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].lmul > 3)
			continue;
		t->sew = words[i].sew;
		t->lmul = words[i].lmul;
		t->start = words[i].start;
		tap_ok(vec_run(t, words[i].insn, DATA, 0, 0, 0) == RV_STOP_TRAP &&
			       t->box->hart.trap_cause == RV_ILLEGAL &&
			       t->box->hart.trap_value == words[i].insn &&
			       !memcmp(t->v, t->box->hart.v, 32 * (size_t)t->vlenb),
		       "reserved: %s", words[i].why);
	}
	t->sew = 2;
	t->lmul = 0;
	t->start = 0;
	tap_ok(vec_run(t, 0x02841457, 0, 0, 0, 5 << 5) == RV_STOP_TRAP,
	       "reserved: frm 5 for vfadd");
}

/* ---- registers read in two widths ------------------------------------------------------------ */

static uint32_t two_start(struct vec *t, unsigned int sew, int lmul)
{
	t->sew = sew;
	t->lmul = lmul;
	t->vl = vec_vlmax(t);
	t->start = 0;
	t->x12 = DATA;
	fill(t);
	return t->vl;
}

/* Reserved, but public suites have some: each operand reads the register as its own width says. */
static void test_two_widths(struct vec *t)
{
	static uint8_t want[VEC_MAX];
	uint8_t *const v = t->v, *const memory = box_at(t->box, DATA);
	const unsigned int b = t->vlenb;
	uint8_t bytes[512];
	uint32_t n;

	/* vrgatherei16.vv v2, v6, v4: the index is v4 to v7 */
	n = two_start(t, 0, 1);
	for (unsigned int i = 0; i < 2 * b; i++)
		vec_put(v + 4 * b, i, 1, vec_random() % (2 * n));
	memcpy(want, v, 32 * b);
	for (unsigned int i = 0; i < n; i++) {
		const u64 from = vec_get(v + 4 * b, i, 1);

		want[2 * b + i] = from < n ? v[6 * b + from] : 0;
	}
	tap_ok(vec_run(t, 0x3a620157, 0, 0, 0, 0) == RV_STOP_ENV &&
		       same(t, want, "vrgatherei16.vv", 0x3a620157),
	       "two widths, VLEN %u: index and data", 8 * b);

	/* vadd.vv v8, v0, v16, v0.t */
	n = two_start(t, 2, 0);
	memcpy(want, v, 32 * b);
	for (unsigned int i = 0; i < n; i++)
		if (vec_bit(v, i))
			vec_put(want + 8 * b, i, 2, vec_get(v, i, 2) + vec_get(v + 16 * b, i, 2));
	tap_ok(vec_run(t, 0x00080457, 0, 0, 0, 0) == RV_STOP_ENV &&
		       same(t, want, "vadd.vv", 0x00080457),
	       "two widths, VLEN %u: mask and data", 8 * b);

	/* vwmaccu.vv v8, v4, v9: the wide sum is v8 and v9 */
	n = two_start(t, 1, 0);
	memcpy(want, v, 32 * b);
	for (unsigned int i = 0; i < n; i++)
		vec_put(want + 8 * b, i, 2,
			vec_get(v + 8 * b, i, 2) +
				vec_get(v + 9 * b, i, 1) * vec_get(v + 4 * b, i, 1));
	tap_ok(vec_run(t, 0xf2922457, 0, 0, 0, 0) == RV_STOP_ENV &&
		       same(t, want, "vwmaccu.vv", 0xf2922457),
	       "two widths, VLEN %u: sum and factor", 8 * b);

	/* vse32.v v0, (x12), v0.t */
	n = two_start(t, 2, 0);
	memset(memory, 0x5a, 4 * n);
	tap_ok(vec_run(t, 0x00066027, 0, 0, 0, 0) == RV_STOP_ENV, "two widths: a mask stores itself");
	for (unsigned int i = 0; i < n; i++)
		if (vec_get(memory, i, 2) != (vec_bit(v, i) ? vec_get(v, i, 2) : 0x5a5a5a5a)) {
			tap_ok(false, "two widths, VLEN %u: element %u", 8 * b, i);
			break;
		}

	/* vsuxei8.v v4, (x12), v4: elements of 16 bits */
	n = two_start(t, 1, 0);
	memset(memory, 0x5a, sizeof(bytes));
	memset(bytes, 0x5a, sizeof(bytes));
	for (unsigned int i = 0; i < n; i++)
		memcpy(bytes + v[4 * b + i], v + 4 * b + 2 * i, 2);
	tap_ok(vec_run(t, 0x06460227, 0, 0, 0, 0) == RV_STOP_ENV &&
		       !memcmp(bytes, memory, sizeof(bytes)),
	       "two widths, VLEN %u: data and index of a store", 8 * b);
	t->x12 = 0;
}

int main(void)
{
	static const unsigned int vlens[] = {128, 256, 2048};

	test_absent();
	for (unsigned int v = 0; v < 3; v++) {
		struct vec *t = vec_new(vlens[v]);

		test_config(t);
		test_memory(t);
		test_permutations(t);
		test_reductions(t);
		test_two_widths(t);
		if (v == 0) {
			test_reserved(t);
			test_words(t);
		}
		vec_free(t);
	}
	return tap_done();
}
