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
/*
 * SRAM of tile t, sram_size bytes, through the link between tiles: for tile DMA only, and only for tiles
 * of the same gang (NPU_DISPATCH_GANG), the own tile among them. Everything else faults.
 */
#define NPU_VA_PEER(t)	    (0x00007f1000000000ull + ((__u64)(t) << NPU_VA_PEER_SHIFT))
#define NPU_VA_PEER_SHIFT   32

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
#define NPU_F3_SEM_WAIT	   5 /* npu.sem.wait rs1, rs2: take rs2 signals of semaphore rs1; see below */
#define NPU_ENGINE_DEPTH   16

/*
 * Semaphores of a gang. A tile has NPU_SEMAPHORES of them for each tile of its gang: semaphore n of sender s
 * is raised by DMA operations of tile s with SIGNAL, and by nobody else. npu.sem.wait names it in rs1
 * as NPU_SEM(s, n) and waits until it was raised rs2 times, of which it uses up as many; rs2 is 0 to
 * NPU_SEM_DEPTH. A semaphore holds NPU_SEM_DEPTH signals that were not taken yet; issuing one
 * more makes the sender's core wait until one is. All semaphores are 0 when a gang starts.
 */
#define NPU_SEMAPHORES 8
#define NPU_SEM_DEPTH  16
#define NPU_SEM(sender, n) ((sender) | (n) << 8)

/*
 * Tile DMA: a block of up to three dimensions, as in npu_pkt_copy, between any
 * two places the tile can address: SRAM window and mapped memory. With FILL, src
 * is not read; the 32-bit fill value is stored instead (dst and size[0] multiples of 4).
 *
 * GATHER: the rows at src are named by a list of 32-bit unsigned indices at indices (multiple of 4,
 * SRAM or mapped memory), one for each row of the block, planes following one another: row r of
 * plane p comes from src + p * src_stride[1] + index * src_stride[0]. SCATTER names the rows at dst
 * in the same way; rows that two indices name are written in the order of the list. Each
 * index is read once. bound not 0: an index that is not below it fails the operation with
 * NPU_JOB_BAD_INDEX when its row is due, or with PAD gives a row of zeros (GATHER) or drops the row
 * (SCATTER). bound 0: any index will do. FILL, GATHER and SCATTER exclude each other.
 *
 * dst, src or both may lie in windows NPU_VA_PEER of tiles of the gang. MULTICAST writes the
 * block, read or filled once, to each tile of the set tiles (bit per tile number), all of them of the gang:
 * dst is an address in NPU_VA_SRAM that stands for the same place in each. Not with GATHER and SCATTER.
 * SIGNAL raises semaphore signal at each tile of tiles (MULTICAST), else at the tile whose window dst is
 * in, once this operation and all earlier ones of the engine are done there. With SIGNAL the sizes
 * may be 0, all three: nothing is moved then, and none of the other flags but MULTICAST is allowed.
 */
struct npu_dma_desc {
	__u64 dst;
	__u64 src;
	__u32 size[3]; /* bytes, rows, planes; each >= 1 */
	__u32 flags; /* NPU_DMA_* */
	__u32 dst_stride[2]; /* bytes between rows, planes */
	__u32 src_stride[2];
	union {
		__u32 fill; /* FILL: value */
		__u32 bound; /* GATHER, SCATTER: indices are below, unless 0. Neither of them: ignored */
	};
	__u32 signal; /* SIGNAL: below NPU_SEMAPHORES; else 0 */
	union {
		__u64 indices; /* GATHER, SCATTER */
		__u64 tiles; /* MULTICAST: not 0. None of them: 0 */
	};
};
NPU_ASSERT_SIZE(struct npu_dma_desc, 64);
NPU_ASSERT_OFFSET(struct npu_dma_desc, size, 16);
NPU_ASSERT_OFFSET(struct npu_dma_desc, flags, 28);
NPU_ASSERT_OFFSET(struct npu_dma_desc, dst_stride, 32);
NPU_ASSERT_OFFSET(struct npu_dma_desc, fill, 48);
NPU_ASSERT_OFFSET(struct npu_dma_desc, indices, 56);
#define NPU_DMA_FILL	(1u << 0)
#define NPU_DMA_GATHER	(1u << 1)
#define NPU_DMA_SCATTER (1u << 2)
#define NPU_DMA_PAD	(1u << 3) /* with GATHER or SCATTER and a bound */
#define NPU_DMA_MULTICAST (1u << 4)
#define NPU_DMA_SIGNAL	(1u << 5)

/*
 * Matrix engine: C[M][N] (+)= A[M][K] x B[K][N], then bias, requantisation and activation.
 * All addresses are byte offsets in the tile's own SRAM. docs/matrix.md draws the layouts.
 *
 * A: row major, rows a_stride bytes apart. 8-bit elements: any alignment; wider ones: a and
 *    a_stride are multiples of the element's size.
 * B: packed, 64-byte aligned. A panel is 16 columns; a group is 64 bytes that hold the next G values
 *    of k of a panel: 4 bytes for each column. Groups of a panel lie in ascending k, panels in
 *    ascending n:
 *	group of (k, n) at ((n / 16) * ceil(K / G) + k / G) * 64, in it 4 bytes at (n % 16) * 4
 *    With i = k % G the element is, in these 4 bytes,
 *	S8	G = 4	byte i
 *	S4	G = 8	byte i % 4, bits 4 * (i / 4) up: values 0..3 in the low halves
 *	S2	G = 16	byte i % 4, bits 2 * (i / 4) up
 *	BF16, FP16  G = 2  bytes 2 * i up, little endian
 *	FP32	G = 1	all four
 *    S4 and S2 are two's complement: -8..7, -2..1.
 *    Sparse, S8: G = 8, S4: G = 16: two of each four values of k are kept, and the 4 bytes hold
 *    the kept ones of G as S8, S4 would hold G / 2 values: kept value j of G is one of k % G =
 *    4 * (j / 2) + 0..3. Which, index says: 2 bits for each.
 *    What lies in elements with k >= K or n >= N does not matter.
 * index: sparse B only, 16-byte aligned: for each 8 values of k of a panel 16 bytes, one for each
 *    column; of a group of B there are G / 8:
 *	byte at ((n / 16) * ceil(K / G) * (G / 8) + k / 8) * 16 + n % 16
 *    bits 1:0 and 3:2 are the places (k % 4) of the two values kept of the first four values of k,
 *    5:4 and 7:6 those of the other four. Any order. Two equal places are no error: the
 *    second value counts, the first is dropped.
 * C: row major, rows c_stride bytes apart; c and c_stride are multiples of the element's size.
 * channels: what belongs to the columns of C. Integers: struct npu_channel[N], 16-byte aligned;
 *    needed by BIAS and 8-bit output. A channel that is out of its ranges is no error; its column
 *    of C is undefined. Floating point: fp32[N], 4-byte aligned; the bias, needed by BIAS.
 * table: ACT_TABLE only, 64-byte aligned. 8-bit output: NPU_MATRIX_TABLE_8 bytes. Floating point:
 *    struct npu_matrix_curve.
 *
 * Which types go together:
 *	A		B				C
 *	U8, S8		S8, S4, S2, sparse S8, S4	SUM (s32), U8, S8
 *	BF16		BF16				SUM (fp32), BF16, FP16
 *	FP16		FP16				SUM (fp32), BF16, FP16
 *	FP32		FP32				SUM (fp32), BF16, FP16
 *
 * Integer arithmetic, for every m, n, exact and in this order:
 *   acc = ACCUMULATE ? C[m][n] : 0		(SUM only)
 *   acc += A[m][k] * B[k][n] for all k		s32, wraps
 *   acc += channel[n].bias			if BIAS; s32, wraps
 *   SUM: store ACT_RELU ? max(acc, 0) : acc. 8-bit C:
 *   p = (s64)acc * channel[n].mult
 *   p = (p + (1 << (shift - 1))) >> shift	arithmetic shift, channel[n].shift
 *   p = max(p, 0)				if ACT_RELU
 *   p += zero_point + channel[n].zero_point
 *   p = min(max(p, lo), hi)			s64 so far
 *   p = table[p & 0xff]			if ACT_TABLE
 *   store p
 *
 * Floating-point arithmetic: IEEE 754, to nearest even, subnormal numbers kept, no exceptions:
 *   acc = ACCUMULATE ? C[m][n] : +0		(SUM only)
 *   acc = fma(A[m][k], B[k][n], acc)		fp32, for all k in ascending order; 16-bit operands are
 *						converted first, which is exact
 *   acc = acc + bias[n]			if BIAS; fp32
 *   acc = acc < 0 ? +0 : acc			if ACT_RELU
 *   acc = acc < lo ? lo : acc			if CLAMP; lo and hi hold fp32
 *   acc = acc > hi ? hi : acc			if CLAMP
 *   acc = curve(acc)				if ACT_TABLE; see struct npu_matrix_curve
 *   store acc, converted to the type of C, to nearest even. A NaN is stored as 0x7fc00000 (fp32),
 *   0x7fc0 (BF16), 0x7e00 (FP16).
 *
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
	__u32 a_stride; /* bytes, at least k elements */
	__u32 c_stride; /* bytes, at least n elements */
	__u32 flags; /* NPU_MATRIX_* */
	__s32 zero_point; /* 8-bit C; otherwise not looked at */
	/* U8: 0..255; S8: -128..127; CLAMP: bits of an fp32, no NaN; otherwise not looked at. lo <= hi */
	__s32 lo;
	__s32 hi;
	__u32 table; /* ACT_TABLE; otherwise 0 */
	__u32 index; /* sparse B; otherwise 0 */
	__u32 reserved; /* 0 */
};
NPU_ASSERT_SIZE(struct npu_matrix_desc, 64);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, m, 16);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, flags, 36);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, zero_point, 40);
NPU_ASSERT_OFFSET(struct npu_matrix_desc, table, 52);
#define NPU_MATRIX_A	      0x0000000fu /* [3:0] type of A */
#define NPU_MATRIX_A_U8	      0x0u
#define NPU_MATRIX_A_S8	      0x1u
#define NPU_MATRIX_A_BF16     0x2u
#define NPU_MATRIX_A_FP16     0x3u
#define NPU_MATRIX_A_FP32     0x4u
#define NPU_MATRIX_B	      0x000000f0u /* [7:4] type of B */
#define NPU_MATRIX_B_S8	      0x00u
#define NPU_MATRIX_B_S4	      0x10u
#define NPU_MATRIX_B_S2	      0x20u
#define NPU_MATRIX_B_SPARSE_S8 0x30u
#define NPU_MATRIX_B_SPARSE_S4 0x40u
#define NPU_MATRIX_B_BF16     0x50u
#define NPU_MATRIX_B_FP16     0x60u
#define NPU_MATRIX_B_FP32     0x70u
#define NPU_MATRIX_C	      0x00000f00u /* [11:8] type of C */
#define NPU_MATRIX_C_SUM      0x000u /* what is summed in: s32 or fp32 */
#define NPU_MATRIX_C_U8	      0x100u /* requantise to u8 */
#define NPU_MATRIX_C_S8	      0x200u /* requantise to s8 */
#define NPU_MATRIX_C_BF16     0x300u
#define NPU_MATRIX_C_FP16     0x400u
#define NPU_MATRIX_ACCUMULATE 0x00001000u
#define NPU_MATRIX_BIAS	      0x00002000u
#define NPU_MATRIX_CLAMP      0x00004000u /* floating point: lo, hi; 8-bit C is always clamped */
#define NPU_MATRIX_ACT_RELU   0x00010000u
#define NPU_MATRIX_ACT_TABLE  0x00020000u /* 8-bit C and floating point */
#define NPU_MATRIX_FLAGS      0x00037fffu

#define NPU_PACKED_B_SIZE(k, n) \
	((((__u64)(n) + 15) / 16) * (((__u64)(k) + 3) / 4) * 64)
/* The same for any type of B, a NPU_MATRIX_B_* value, whose groups hold so many values of k. */
#define NPU_PACKED_GROUP(type)                                                               \
	((type) == NPU_MATRIX_B_FP32					   ? 1		     \
	 : (type) == NPU_MATRIX_B_BF16 || (type) == NPU_MATRIX_B_FP16	   ? 2		     \
	 : (type) == NPU_MATRIX_B_S8					   ? 4		     \
	 : (type) == NPU_MATRIX_B_S4 || (type) == NPU_MATRIX_B_SPARSE_S8 ? 8		     \
									 : 16)
#define NPU_PACKED_SIZE(type, k, n)                                                           \
	((((__u64)(n) + 15) / 16) *                                                           \
	 (((__u64)(k) + NPU_PACKED_GROUP(type) - 1) / NPU_PACKED_GROUP(type)) * 64)
/* Bytes of the index of a sparse B. */
#define NPU_PACKED_INDEX_SIZE(type, k, n) \
	(NPU_PACKED_SIZE(type, k, n) * NPU_PACKED_GROUP(type) / 32)

/* Output channel of the matrix engine, integers. */
struct npu_channel {
	__s32 bias;
	__s32 mult; /* >= 0 */
	__u32 shift; /* 1..62 */
	__s32 zero_point; /* added to the descriptor's */
};
NPU_ASSERT_SIZE(struct npu_channel, 16);

/* Table of 8-bit output: entry p & 0xff holds what is stored for p. */
#define NPU_MATRIX_TABLE_8 256

/*
 * Activation of floating-point sums: a function in straight pieces of equal width. For x:
 *   x is a NaN: a NaN
 *   x = min(max(x, -FLT_MAX), FLT_MAX)
 *   t = fma(x, scale, offset)			fp32; a NaN (of odd scales) counts as 0
 *   i = t < 0 ? 0 : t >= NPU_MATRIX_PIECES ? NPU_MATRIX_PIECES - 1 : (int)t	  towards zero
 *   the result is fma(piece[i].slope, x, piece[i].start)	fp32
 * So the first and the last piece go on to infinity.
 */
#define NPU_MATRIX_PIECES 256
struct npu_matrix_curve {
	__u32 scale, offset; /* bits of fp32, as all here */
	__u32 reserved[14]; /* not looked at */
	struct {
		__u32 slope, start;
	} piece[NPU_MATRIX_PIECES];
};
NPU_ASSERT_SIZE(struct npu_matrix_curve, 64 + 8 * NPU_MATRIX_PIECES);
NPU_ASSERT_OFFSET(struct npu_matrix_curve, piece, 64);

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
