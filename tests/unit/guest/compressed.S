# SPDX-License-Identifier: MIT
# Every compressed instruction beside what it stands for, for many operands: pairs of 16 bits, 16
# bits of 0, 32 bits. The end is a pair of zeros.
	.section .text.start, "ax"
	.global _start
_start:
	.macro pair compressed:req, full:req
	.option rvc
	\compressed
	.2byte	0
	.option norvc
	\full
	.endm

# registers: all, all but x0, those that 3 bits name
	.macro for_all name:req
	.irp r, zero,ra,sp,gp,tp,t0,t1,t2,s0,s1,a0,a1,a2,a3,a4,a5,a6,a7,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,t3,t4,t5,t6
	\name	\r
	.endr
	.endm
	.macro for_some name:req
	.irp r, ra,sp,gp,tp,t0,t1,t2,s0,s1,a0,a1,a2,a3,a4,a5,a6,a7,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,t3,t4,t5,t6
	\name	\r
	.endr
	.endm
	.macro for_few name:req
	.irp r, s0,s1,a0,a1,a2,a3,a4,a5
	\name	\r
	.endr
	.endm
	.macro for_float name:req
	.irp r, ft0,ft1,ft2,ft3,ft4,ft5,ft6,ft7,fs0,fs1,fa0,fa1,fa2,fa3,fa4,fa5,fa6,fa7,fs2,fs3,fs4,fs5,fs6,fs7,fs8,fs9,fs10,fs11,ft8,ft9,ft10,ft11
	\name	\r
	.endr
	.endm

# immediates: every bit of the field, and all of them
	.macro one_reg r
	.irp i, 1,2,4,8,16,31,-1,-2,-32,-17
	pair	"c.addi \r, \i", "addi \r, \r, \i"
	.endr
	.irp i, 0,1,2,4,8,16,31,-1,-2,-32,-17
	pair	"c.addiw \r, \i", "addiw \r, \r, \i"
	pair	"c.li \r, \i", "addi \r, zero, \i"
	.endr
	.irp i, 1,2,4,8,16,32,63
	pair	"c.slli \r, \i", "slli \r, \r, \i"
	.endr
	.irp i, 0,4,8,16,32,64,128,252
	pair	"c.lwsp \r, \i(sp)", "lw \r, \i(sp)"
	.endr
	.irp i, 0,8,16,32,64,128,256,504
	pair	"c.ldsp \r, \i(sp)", "ld \r, \i(sp)"
	.endr
	pair	"c.jr \r", "jalr zero, 0(\r)"
	pair	"c.jalr \r", "jalr ra, 0(\r)"
	.endm
	for_some one_reg
	.macro lui_reg r
	.ifnc	\r, sp
	.irp i, 1,2,4,8,16,31,0xfffff,0xfffe0,0xfffef
	pair	"c.lui \r, \i", "lui \r, \i"
	.endr
	.endif
	.endm
	for_some lui_reg
	.macro store_reg r
	.irp i, 0,4,8,16,32,64,128,252
	pair	"c.swsp \r, \i(sp)", "sw \r, \i(sp)"
	.endr
	.irp i, 0,8,16,32,64,128,256,504
	pair	"c.sdsp \r, \i(sp)", "sd \r, \i(sp)"
	.endr
	.endm
	for_all store_reg
	.macro float_reg r
	.irp i, 0,8,16,32,64,128,256,504
	pair	"c.fldsp \r, \i(sp)", "fld \r, \i(sp)"
	pair	"c.fsdsp \r, \i(sp)", "fsd \r, \i(sp)"
	.endr
	.endm
	for_float float_reg
	.irp d, ra,sp,s0,a5,s11,t6
	.irp s, ra,sp,s0,a5,s11,t6
	pair	"c.mv \d, \s", "add \d, zero, \s"
	pair	"c.add \d, \s", "add \d, \d, \s"
	.endr
	.endr

	.macro few_reg r
	.irp i, 4,8,16,32,64,128,256,512,1020
	pair	"c.addi4spn \r, sp, \i", "addi \r, sp, \i"
	.endr
	.irp i, 1,2,4,8,16,32,63
	pair	"c.srli \r, \i", "srli \r, \r, \i"
	pair	"c.srai \r, \i", "srai \r, \r, \i"
	.endr
	.irp i, 0,1,2,4,8,16,31,-1,-2,-32,-17
	pair	"c.andi \r, \i", "andi \r, \r, \i"
	.endr
	.irp i, 0,2,4,8,16,32,64,128,254,-2,-256,-128,-34
	pair	"c.beqz \r, . + \i", "beq \r, zero, . + \i"
	pair	"c.bnez \r, . + \i", "bne \r, zero, . + \i"
	.endr
	.endm
	for_few few_reg
	.irp d, s0,s1,a0,a3,a5
	.irp s, s0,s1,a2,a4,a5
	.irp op, sub,xor,or,and,subw,addw
	pair	"c.\op \d, \s", "\op \d, \d, \s"
	.endr
	.irp i, 0,4,8,16,32,64,124
	pair	"c.lw \d, \i(\s)", "lw \d, \i(\s)"
	pair	"c.sw \d, \i(\s)", "sw \d, \i(\s)"
	.endr
	.irp i, 0,8,16,32,64,128,248
	pair	"c.ld \d, \i(\s)", "ld \d, \i(\s)"
	pair	"c.sd \d, \i(\s)", "sd \d, \i(\s)"
	pair	"c.fld f\d, \i(\s)", "fld f\d, \i(\s)"
	pair	"c.fsd f\d, \i(\s)", "fsd f\d, \i(\s)"
	.endr
	.endr
	.endr
	.irp i, 16,32,64,128,256,496,-16,-512,-496
	pair	"c.addi16sp sp, \i", "addi sp, sp, \i"
	.endr
	.irp i, 0,2,4,8,16,32,64,128,256,512,1024,2046,-2,-2048,-1026
	pair	"c.j . + \i", "jal zero, . + \i"
	.endr
	pair	"c.nop", "addi zero, zero, 0"
	pair	"c.ebreak", "ebreak"
	.8byte	0
