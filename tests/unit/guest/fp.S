# SPDX-License-Identifier: MIT
# A stub per floating-point instruction: operands in fa1, fa2, fa3 or a1, result in fa0 or a0. The
# table at the start lists them: name, address; it ends with an empty name. Instructions that
# round come with the dynamic rounding mode and, as "name/rm", with each static one.
	.section .text.start, "ax"
	.global _start
_start:

	.macro stub name:req, text:req
	.section .text.start, "ax"
	.p2align 3
1:	.asciz	"\name"
	.org	1b + 24
	.quad	stub\@
	.section .text.stubs, "ax"
	.p2align 2
stub\@:
	\text
	.insn	r 0x0b, 0, 0, zero, zero, zero
	.endm

	.macro rounding name:req, operands:req
	stub	"\name", "\name \operands, dyn"
	stub	"\name/rne", "\name \operands, rne"
	stub	"\name/rtz", "\name \operands, rtz"
	stub	"\name/rdn", "\name \operands, rdn"
	stub	"\name/rup", "\name \operands, rup"
	stub	"\name/rmm", "\name \operands, rmm"
	.endm

	.irp f, s, d
	rounding "fadd.\f", "fa0, fa1, fa2"
	rounding "fsub.\f", "fa0, fa1, fa2"
	rounding "fmul.\f", "fa0, fa1, fa2"
	rounding "fdiv.\f", "fa0, fa1, fa2"
	rounding "fsqrt.\f", "fa0, fa1"
	rounding "fmadd.\f", "fa0, fa1, fa2, fa3"
	rounding "fmsub.\f", "fa0, fa1, fa2, fa3"
	rounding "fnmsub.\f", "fa0, fa1, fa2, fa3"
	rounding "fnmadd.\f", "fa0, fa1, fa2, fa3"
	rounding "fcvt.w.\f", "a0, fa1"
	rounding "fcvt.wu.\f", "a0, fa1"
	rounding "fcvt.l.\f", "a0, fa1"
	rounding "fcvt.lu.\f", "a0, fa1"
	rounding "fcvt.\f\().l", "fa0, a1"
	rounding "fcvt.\f\().lu", "fa0, a1"
	stub	"fsgnj.\f", "fsgnj.\f fa0, fa1, fa2"
	stub	"fsgnjn.\f", "fsgnjn.\f fa0, fa1, fa2"
	stub	"fsgnjx.\f", "fsgnjx.\f fa0, fa1, fa2"
	stub	"fmin.\f", "fmin.\f fa0, fa1, fa2"
	stub	"fmax.\f", "fmax.\f fa0, fa1, fa2"
	stub	"feq.\f", "feq.\f a0, fa1, fa2"
	stub	"flt.\f", "flt.\f a0, fa1, fa2"
	stub	"fle.\f", "fle.\f a0, fa1, fa2"
	stub	"fclass.\f", "fclass.\f a0, fa1"
	.endr
	rounding "fcvt.s.w", "fa0, a1"
	rounding "fcvt.s.wu", "fa0, a1"
	stub	"fcvt.d.w", "fcvt.d.w fa0, a1"
	stub	"fcvt.d.wu", "fcvt.d.wu fa0, a1"
	rounding "fcvt.s.d", "fa0, fa1"
	stub	"fcvt.d.s", "fcvt.d.s fa0, fa1"
	stub	"fmv.x.w", "fmv.x.w a0, fa1"
	stub	"fmv.x.d", "fmv.x.d a0, fa1"
	stub	"fmv.w.x", "fmv.w.x fa0, a1"
	stub	"fmv.d.x", "fmv.d.x fa0, a1"
	stub	"flw", "auipc t0, 16; sw a1, 0(t0); flw fa0, 0(t0)"
	stub	"fld", "auipc t0, 16; sd a1, 0(t0); fld fa0, 0(t0)"
	stub	"fsw", "auipc t0, 16; sd x0, 0(t0); fsw fa1, 0(t0); ld a0, 0(t0)"
	stub	"fsd", "auipc t0, 16; fsd fa1, 0(t0); ld a0, 0(t0)"

	.section .text.start, "ax"
	.p2align 3
	.quad	0, 0, 0, 0
