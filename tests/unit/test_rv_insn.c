// SPDX-License-Identifier: MIT
/*
 * Every instruction of RV64IMA, Zicsr and the custom opcodes, with operands at the edges and random
 * ones, against what plain C says. The stubs are in guest/insn.S.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"
#include "tap.h"
#include "xorshift.h"

BOX_GUEST(insn);

typedef uint64_t u64;
typedef int64_t s64;
typedef uint32_t u32;
typedef int32_t s32;

/* What an instruction gives for operands a and b, and its immediate if there is one. */
typedef u64 (*expectation)(u64 a, u64 b, s64 imm);

#define EXPECT(name, expression)                                                        \
	static u64 x_##name(u64 a, u64 b, s64 imm)                                      \
	{                                                                               \
		(void)a;                                                                \
		(void)b;                                                                \
		(void)imm;                                                              \
		return (u64)(expression);                                               \
	}

static u64 sx(u64 v)
{
	return v & 0x80000000u ? v | 0xffffffff00000000u : v & 0xffffffffu;
}

/* Arithmetic shift right without one. */
static u64 shift_arithmetic(u64 v, unsigned int n)
{
	u64 r = v >> n;

	if (n && v >> 63)
		r |= ~0ull << (64 - n);
	return r;
}

/* High half of the product, schoolbook. */
static u64 high_product(u64 a, u64 b)
{
	u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
	u64 mid = (al * bl >> 32) + (u32)(ah * bl) + (u32)(al * bh);

	return ah * bh + (ah * bl >> 32) + (al * bh >> 32) + (mid >> 32);
}

static u64 negate(u64 v)
{
	return ~v + 1;
}

/* Magnitudes are divided, signs put back: rounds to zero, remainder has the dividend's sign. */
static u64 signed_div(u64 a, u64 b, bool want_rest)
{
	u64 ma = a >> 63 ? negate(a) : a, mb = b >> 63 ? negate(b) : b, q, r;

	if (b == 0)
		return want_rest ? a : ~0ull;
	q = ma / mb;
	r = ma % mb;
	if (want_rest)
		return a >> 63 ? negate(r) : r;
	return (a ^ b) >> 63 ? negate(q) : q;
}

EXPECT(add, a + b)
EXPECT(sub, a + negate(b))
EXPECT(sll, a << (b % 64))
EXPECT(slt, (a ^ 1ull << 63) < (b ^ 1ull << 63))
EXPECT(sltu, a < b)
EXPECT(xor, (a | b) & ~(a & b))
EXPECT(srl, a >> (b % 64))
EXPECT(sra, shift_arithmetic(a, b % 64))
EXPECT(or, ~(~a & ~b))
EXPECT(and, ~(~a | ~b))
EXPECT(addw, sx(a + b))
EXPECT(subw, sx(a + negate(b)))
EXPECT(sllw, sx((a & 0xffffffff) << (b % 32)))
EXPECT(srlw, sx((a & 0xffffffff) >> (b % 32)))
EXPECT(sraw, shift_arithmetic(sx(a), b % 32))
EXPECT(mul, a * b)
EXPECT(mulhu, high_product(a, b))
EXPECT(mulh, high_product(a, b) - (a >> 63 ? b : 0) - (b >> 63 ? a : 0))
EXPECT(mulhsu, high_product(a, b) - (a >> 63 ? b : 0))
EXPECT(mulw, sx(a * b))
EXPECT(div, signed_div(a, b, false))
EXPECT(rem, signed_div(a, b, true))
EXPECT(divu, b ? a / b : ~0ull)
EXPECT(remu, b ? a % b : a)
EXPECT(divw, sx(signed_div(sx(a), sx(b), false)))
EXPECT(remw, sx(signed_div(sx(a), sx(b), true)))
EXPECT(divuw, (u32)b ? sx((u32)a / (u32)b) : ~0ull)
EXPECT(remuw, (u32)b ? sx((u32)a % (u32)b) : sx(a))
EXPECT(addi, a + (u64)imm)
EXPECT(slti, (s64)a < imm)
EXPECT(sltiu, a < (u64)imm)
EXPECT(xori, a ^ (u64)imm)
EXPECT(ori, a | (u64)imm)
EXPECT(andi, a & (u64)imm)
EXPECT(addiw, sx(a + (u64)imm))
EXPECT(slli, a << imm)
EXPECT(srli, a >> imm)
EXPECT(srai, shift_arithmetic(a, (unsigned int)imm))
EXPECT(slliw, sx((u64)(u32)a << imm))
EXPECT(srliw, sx((u32)a >> imm))
EXPECT(sraiw, shift_arithmetic(sx(a), (unsigned int)imm))
EXPECT(lui, sx((u64)imm << 12))
EXPECT(first, a)
EXPECT(twice, a + a)
EXPECT(zero, 0)
EXPECT(not_zero, a != 0)
EXPECT(beq, a == b)
EXPECT(bne, a != b)
EXPECT(blt, (a ^ 1ull << 63) < (b ^ 1ull << 63))
EXPECT(bge, (a ^ 1ull << 63) >= (b ^ 1ull << 63))
EXPECT(bltu, a < b)
EXPECT(bgeu, a >= b)
EXPECT(beqz, a == 0)
EXPECT(one, 1)
EXPECT(link_8, 8)
EXPECT(link_12, 12)

/* amo: a is the operand, b was in memory */
static u64 amo_new(const char *op, u64 a, u64 b)
{
	bool below = (s64)a < (s64)b, below_u = a < b;

	switch (op[3]) {
	case 's':
		return a;
	case 'x':
		return a ^ b;
	case 'o':
		return a | b;
	case 'a':
		return op[4] == 'd' ? a + b : a & b;
	default: /* amomin, amomax, amominu, amomaxu */
		if (op[6] == 'u')
			return below_u == (op[4] == 'i') ? a : b;
		return below == (op[4] == 'i') ? a : b;
	}
}

static u64 amo(const char *name, u64 a, u64 b)
{
	bool word = strstr(name, ".w"), memory = strstr(name, "memory");
	char op[24];

	strcpy(op, name);
	*strchr(op, '.') = 0;
	if (!memory)
		return word ? sx(b) : b;
	if (!word)
		return amo_new(op, a, b);
	/* Sign extension keeps the order of unsigned words too; the upper half was all ones. */
	return (u32)amo_new(op, sx(a), sx(b)) | 0xffffffff00000000u;
}

/* Little-endian bytes of a, then b. */
static u64 load(const char *op, u64 a, u64 b, s64 at)
{
	unsigned int size = op[1] == 'b' ? 1 : op[1] == 'h' ? 2 : op[1] == 'w' ? 4 : 8;
	u64 v = 0;

	for (unsigned int i = 0; i < size; i++) {
		unsigned int from = (unsigned int)at + i;

		v |= ((from < 8 ? a >> 8 * from : b >> 8 * (from - 8)) & 0xff) << 8 * i;
	}
	if (op[2] != 'u' && size < 8 && v >> (8 * size - 1))
		v |= ~0ull << 8 * size;
	return v;
}

static u64 store(const char *op, u64 a, s64 at)
{
	unsigned int size = op[1] == 'b' ? 1 : op[1] == 'h' ? 2 : op[1] == 'w' ? 4 : 8;
	uint8_t bytes[16];
	u64 v;

	memset(bytes, 0xff, sizeof(bytes));
	for (unsigned int i = 0; i < size; i++)
		bytes[at + i] = (uint8_t)(a >> 8 * i);
	memcpy(&v, bytes, 8);
	return v;
}

static u64 csr(const char *op, u64 a, u64 b)
{
	u64 old = a & 0xff, operand = op[5] == 'i' ? 21 : b, new;

	if (!strcmp(op, "frm"))
		return old >> 5 | ((b & 7) << 5 | (old & 31)) << 8;
	if (!strcmp(op, "fflags"))
		return (old & 31) | ((old & 0xe0) | (b & 31)) << 8;
	new = op[4] == 'w' ? operand : op[4] == 's' ? old | operand : old & ~operand;
	return old | (new & 0xff) << 8;
}

static const struct {
	const char *name;
	expectation expect;
} table[] = {
#define NAMED(name) { #name, x_##name }
	NAMED(add), NAMED(sub), NAMED(sll), NAMED(slt), NAMED(sltu), NAMED(xor), NAMED(srl),
	NAMED(sra), NAMED(or), NAMED(and), NAMED(addw), NAMED(subw), NAMED(sllw), NAMED(srlw),
	NAMED(sraw), NAMED(mul), NAMED(mulh), NAMED(mulhsu), NAMED(mulhu), NAMED(mulw), NAMED(div),
	NAMED(divu), NAMED(rem), NAMED(remu), NAMED(divw), NAMED(divuw), NAMED(remw), NAMED(remuw),
	NAMED(addi), NAMED(slti), NAMED(sltiu), NAMED(xori), NAMED(ori), NAMED(andi), NAMED(addiw),
	NAMED(slli), NAMED(srli), NAMED(srai), NAMED(slliw), NAMED(srliw), NAMED(sraiw), NAMED(lui),
	NAMED(beq), NAMED(bne), NAMED(blt), NAMED(bge), NAMED(bltu), NAMED(bgeu), NAMED(beqz),
	{ "bnez", x_not_zero },
	{ "add same", x_twice },
	{ "sub x0", x_first },
	{ "mul x0", x_first },
	{ "lui x0", x_zero },
	{ "jal x0", x_zero },
	{ "sltu x0", x_not_zero },
	{ "beq same", x_one },
	{ "bne x0", x_not_zero },
	{ "jal", x_link_8 },
	{ "jal back", x_link_8 },
	{ "jalr", x_link_12 },
	{ "jalr same", x_link_12 },
	{ "jalr imm", x_link_12 },
	{ "amoadd.d x0", x_add },
	{ "lr.d", x_first },
	{ "sc.d good", x_twice },
	{ "sc.d none", x_one },
	{ "sc.d twice", x_one },
	{ "sc.d other", x_one },
	{ "sc.w size", x_one },
	{ "sc.d stored", x_one },
	{ "fence", x_first },
	{ "fence.i", x_first },
};

static bool expect(const char *name, u64 pc, u64 a, u64 b, u64 *want)
{
	char op[24], *space;
	s64 imm = 0;

	strcpy(op, name);
	space = strchr(op, ' ');
	if (space && strspn(space + 1, "-0123456789abcdefx") == strlen(space + 1)) {
		imm = strtoll(space + 1, NULL, 0);
		if (strcmp(name, "sltu x0") && strcmp(name, "mul x0") && strcmp(name, "sub x0") &&
		    strcmp(name, "lui x0") && strcmp(name, "jal x0") && strcmp(name, "bne x0") &&
		    strcmp(name, "amoadd.d x0"))
			*space = 0;
	}
	if (!strcmp(op, "auipc"))
		*want = pc + sx((u64)imm << 12);
	else if (!strncmp(op, "csrr", 4) || !strcmp(op, "frm") || !strcmp(op, "fflags"))
		*want = csr(op, a, b);
	else if (!strncmp(op, "amo", 3) && strcmp(op, "amoadd.d x0"))
		*want = amo(op, a, b);
	else if (op[0] == 'l' && strchr("bhwd", op[1]))
		*want = load(op, a, b, imm);
	else if (op[0] == 's' && strchr("bhwd", op[1]) && op[2] == 0)
		*want = store(op, a, imm);
	else if (!strcmp(op, "lr.w"))
		*want = sx(a);
	else if (!strcmp(op, "sc.w good"))
		*want = 2 * (u64)(u32)a;
	else if (!strcmp(name, "csr env"))
		*want = 42;
	else if (!strcmp(op, "custom"))
		/* a0 was the operand a as well */
		*want = a + 2 * b;
	else {
		for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (!strcmp(table[i].name, op)) {
				*want = table[i].expect(a, b, imm);
				return true;
			}
		return false;
	}
	return true;
}

static const u64 edges[] = {
	0, 1, 2, 3, 31, 32, 33, 63, 64, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000,
	0x80000001, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	0x8000000000000001, 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffff80000000,
	0xffffffff7fffffff, 0x0123456789abcdef, 0xfedcba9876543210,
};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static u64 random_state = 0x9e3779b97f4a7c15;

static u64 next_random(void)
{
	return xorshift64(&random_state);
}

static bool run_one(struct box *box, const char *name, u64 pc, u64 a, u64 b)
{
	struct rv_hart *hart = &box->hart;
	u64 want;

	if (!expect(name, pc, a, b, &want)) {
		tap_diag("no expectation for '%s'", name);
		return false;
	}
	rv_reset(hart, pc);
	hart->x[11] = a;
	hart->x[12] = b;
	if (rv_run(hart, 1000) != RV_STOP_ENV || hart->x[10] != want || hart->x[0] != 0) {
		tap_diag("a %#llx b %#llx: got %#llx, want %#llx, cause %u", (unsigned long long)a,
			 (unsigned long long)b, (unsigned long long)hart->x[10],
			 (unsigned long long)want, hart->trap_cause);
		return false;
	}
	return true;
}

int main(void)
{
	struct box *box = box_new(RV_MODE_USER);
	const uint8_t *entry = guest_insn;
	unsigned int count = 0;

	box_put(box, BOX_BASE, guest_insn, guest_insn_size);
	for (; entry[0]; entry += 32, count++) {
		const char *name = (const char *)entry;
		bool good = true;
		u64 pc;

		memcpy(&pc, entry + 24, 8);
		for (unsigned int i = 0; i < EDGES && good; i++)
			for (unsigned int j = 0; j < EDGES && good; j++)
				good = run_one(box, name, pc, edges[i], edges[j]);
		for (unsigned int i = 0; i < 500 && good; i++) {
			/* Random magnitudes as well as random bits. */
			u64 a = next_random() >> next_random() % 64;
			u64 b = next_random() >> next_random() % 64;

			good = run_one(box, name, pc, a, b);
		}
		tap_ok(good, "%s", name);
	}
	tap_ok(count > 200, "the table of stubs is whole (%u)", count);
	box_free(box);
	return tap_done();
}
