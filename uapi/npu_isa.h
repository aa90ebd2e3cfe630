/* SPDX-License-Identifier: MIT */
/*
 * The tile as its programs see it: address space, start state, CSRs, custom
 * instructions with their descriptors, and the table of kernels in an ELF.
 * Shared by device, runtime and the kernel-side header.
 *
 * A tile runs RV64GCV user-level code; VLEN is in CSR vlenb. A workgroup starts with pc = entry,
 * a0 = args, sp = top of the tile's SRAM, fcsr = 0, all other registers 0, vector registers too, vl and vstart 0, vtype
 * vill (so a vset instruction comes first), vcsr 0, and
 * ends with npu.exit. Returning from the entry function jumps to address 0 and
 * faults. SRAM keeps its contents from one workgroup on a tile to the next as
 * long as both are of the same queue and address space; it is zero for the first
 * one, and again after the tile worked for another queue or address space. A
 * kernel can only count on what its own workgroup wrote.
 */
#ifndef NPU_ISA_H
#define NPU_ISA_H

#include "npu_types.h"

/* Tile windows in the virtual address space; above NPU_VA_MAX (npu_pgtable.h). */
#define NPU_VA_SRAM 0x00007f0000000000ull /* own SRAM, sram_size bytes, read, write, execute */

/* User-level read-only custom CSRs. */
#define NPU_CSR_WG_X	  0xcc0
#define NPU_CSR_WG_Y	  0xcc1
#define NPU_CSR_WG_Z	  0xcc2
#define NPU_CSR_GRID_X	  0xcc3
#define NPU_CSR_GRID_Y	  0xcc4
#define NPU_CSR_GRID_Z	  0xcc5
#define NPU_CSR_TILE	  0xcc6 /* number of this tile */
#define NPU_CSR_TILES	  0xcc7 /* tiles in the device */
#define NPU_CSR_SRAM_SIZE 0xcc8 /* bytes */
/* Standard: cycle (modelled cycles of this share), instret; time reads the modelled cycle too. */

/*
 * Custom instructions: major opcode custom-0, R-type, funct7 0, rs2 x0.
 *
 * DMA and matrix operations are asynchronous: they queue on their engine, run
 * there in order, and return a tag (never 0). Waiting for a tag waits for that
 * engine's operations up to it. An operation sees every store made
 * before it was issued; what it reads must not change and what it writes must
 * not be touched before it was waited for. Each engine queues
 * NPU_ENGINE_DEPTH operations; issuing one more waits for the oldest.
 */
#define NPU_OPCODE_CUSTOM0 0x0b
#define NPU_F3_EXIT	   0 /* npu.exit: end of workgroup; outstanding operations finish first */
#define NPU_F3_DMA	   1 /* npu.dma rd, rs1: rs1 = address of struct npu_dma_desc; rd = tag */
#define NPU_F3_MATRIX	   2 /* npu.matrix rd, rs1: rs1 = address of struct npu_matrix_desc; rd = tag */
#define NPU_F3_WAIT	   3 /* npu.wait rs1: wait for tag rs1; 0: for everything */
#define NPU_F3_POLL	   4 /* npu.poll rd, rs1: rd = 1 if tag rs1 is done, else 0 */
#define NPU_ENGINE_DEPTH   16

/*
 * Tile DMA: a block of up to three dimensions, as in npu_pkt_copy, between any
 * two places the tile can address: SRAM window and mapped memory. With FILL, src
 * is not read; the 32-bit fill value is stored instead (dst and size[0] multiples of 4).
 */
struct npu_dma_desc {
	__u64 dst;
	__u64 src;
	__u32 size[3]; /* bytes, rows, planes; each >= 1 */
	__u32 flags; /* NPU_DMA_* */
	__u32 dst_stride[2]; /* bytes between rows, planes */
	__u32 src_stride[2];
	__u32 fill;
	__u32 reserved[3]; /* 0 */
};
NPU_ASSERT_SIZE(struct npu_dma_desc, 64);
NPU_ASSERT_OFFSET(struct npu_dma_desc, size, 16);
NPU_ASSERT_OFFSET(struct npu_dma_desc, flags, 28);
NPU_ASSERT_OFFSET(struct npu_dma_desc, dst_stride, 32);
NPU_ASSERT_OFFSET(struct npu_dma_desc, fill, 48);
#define NPU_DMA_FILL (1u << 0)

/*
 * Matrix engine: C[M][N] (+)= A[M][K] x B[K][N], then bias and requantise.
 * All addresses are byte offsets in the tile's own SRAM.
 *
 * A: 8-bit, row major, rows a_stride bytes apart; any alignment.
 * B: s8, packed: K padded with zeros to a multiple of 4 (Kp), N to a multiple of
 *    16 (Np); element (k, n) at ((n / 16) * (Kp / 4) + k / 4) * 64 + (n % 16) * 4 + k % 4.
 *    64-byte aligned. NPU_PACKED_B_SIZE(k, n) bytes.
 * C: row major, rows c_stride bytes apart, 32-bit or 8-bit elements; 32-bit: c and c_stride are
 *    multiples of 4.
 * channels: struct npu_channel[N], 16-byte aligned; needed by BIAS and 8-bit output. A channel that
 *    is out of its ranges is no error; its column of C is undefined.
 *
 * Arithmetic, for every m, n, exact and in this order:
 *   acc = ACCUMULATE ? C[m][n] : 0		(32-bit C only)
 *   acc += A[m][k] * B[k][n] for all k		s32, wraps
 *   acc += channel[n].bias			if BIAS; s32, wraps
 *   32-bit C: store acc. 8-bit C:
 *   p = (s64)acc * channel[n].mult
 *   p = (p + (1 << (shift - 1))) >> shift	arithmetic shift, channel[n].shift
 *   store clamp(p + zero_point, lo, hi)	s64 until clamped
 * The result for overlapping operands is undefined but confined to C.
 */
struct npu_matrix_desc {
	__u32 a;
	__u32 b;
	__u32 c;
	__u32 channels;
	__u32 m; /* 1..65535 */
	__u32 n; /* 1..65535 */
	__u32 k; /* 1..65535 */
	__u32 a_stride; /* bytes, at least k */
	__u32 c_stride; /* bytes, at least n elements */
	__u32 flags; /* NPU_MATRIX_* */
	__s32 zero_point;
	__s32 lo; /* U8: 0..255; S8: -128..127; lo <= hi */
	__s32 hi;
	__u32 reserved[3]; /* 0 */
};
NPU_ASSERT_SIZE(struct npu_matrix_desc, 64);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, m, 16);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, flags, 36);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, zero_point, 40);
#define NPU_MATRIX_A_S8	      (1u << 0) /* A is s8; else u8 */
#define NPU_MATRIX_ACCUMULATE (1u << 1)
#define NPU_MATRIX_BIAS	      (1u << 2)
#define NPU_MATRIX_C_U8	      (1u << 3) /* requantise to u8 */
#define NPU_MATRIX_C_S8	      (1u << 4) /* requantise to s8; neither: s32 */
#define NPU_MATRIX_FLAGS      0x1fu

#define NPU_PACKED_B_SIZE(k, n) \
	((((__u64)(n) + 15) / 16) * (((__u64)(k) + 3) / 4) * 64)

/* Output channel of the matrix engine. */
struct npu_channel {
	__s32 bias;
	__s32 mult; /* >= 0 */
	__u32 shift; /* 1..62 */
	__u32 reserved; /* 0 */
};
NPU_ASSERT_SIZE(struct npu_channel, 16);

/*
 * Section .npu.kernels of a loadable ELF (ELF64, EM_RISCV, ET_DYN, little
 * endian): one entry per kernel. Pointers are link-time addresses, relocated by
 * R_RISCV_RELATIVE.
 */
#define NPU_KERNEL_SECTION ".npu.kernels"
struct npu_kernel_desc {
	__u32 size; /* of this struct */
	__u32 abi; /* NPU_KERNEL_ABI */
	__u64 name; /* NUL terminated */
	__u64 entry;
	__u32 args_size; /* bytes that a0 points at */
	__u32 flags; /* 0 */
	__u64 reserved[4]; /* 0 */
};
NPU_ASSERT_SIZE(struct npu_kernel_desc, 64);
NPU_ASSERT_OFFSET(struct npu_kernel_desc, name, 8);
NPU_ASSERT_OFFSET(struct npu_kernel_desc, entry, 16);
NPU_ASSERT_OFFSET(struct npu_kernel_desc, args_size, 24);
#define NPU_KERNEL_ABI 1

#endif /* NPU_ISA_H */
