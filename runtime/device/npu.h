/* SPDX-License-Identifier: MIT */
/*
 * What a kernel may call. A kernel is C (or C++) compiled by npucc; it runs on a
 * tile, once per workgroup of a grid, with the tile's SRAM, DMA engine and
 * matrix engine to itself.
 *
 *	#include <npu.h>
 *
 *	struct scale_args { uint64_t data; uint32_t count; float factor; };
 *
 *	NPU_KERNEL(scale, struct scale_args)
 *	{
 *		float *data = npu_pointer(args->data);
 *		for (uint32_t i = npu_wg_x(); i < args->count; i += npu_grid_x())
 *			data[i] *= args->factor;
 *	}
 *
 * Memory: device addresses are pointers. Loads and stores to host memory
 * work but are slow, one at a time; bring blocks into SRAM with the DMA
 * engine, work there, and take them back. The stack lies at the top of SRAM; NPU_STACK_SIZE
 * bytes are kept for it. SRAM is not cleared between the workgroups of a queue.
 *
 * DMA and matrix operations are asynchronous. They return a tag; npu_wait(tag)
 * waits for that operation and for those that the same engine got before it. What
 * an operation reads must not change, and what it writes must not be touched,
 * before it was waited for. Descriptors may be reused at once. A matrix operation does not
 * wait for the DMA that brings its operands: npu_wait() for that first.
 *
 * There is no C library. memcpy, memmove, memset, memcmp and strlen are linked in where needed.
 */
#ifndef NPU_H
#define NPU_H

#include <stddef.h>
#include <stdint.h>

#include "npu_isa.h"

#if !defined(__riscv) || __riscv_xlen != 64
#error "<npu.h> is for kernels: compile this file with npucc"
#endif

/** Bytes at the top of SRAM that are kept for the stack. */
#define NPU_STACK_SIZE 16384u

/** Tag of an asynchronous operation; never 0. */
typedef unsigned long npu_tag;

/* nodebug: a fault in an intrinsic is shown as the line of the kernel that uses it. */
#define NPU_INLINE static inline __attribute__((always_inline, nodebug, unused))

/* ---- kernels --------------------------------------------------------------------------------- */

/**
 * Define a kernel: NPU_KERNEL(name, type) { ... }
 *
 * The host finds it by name and hands it sizeof(type) bytes of arguments, which the body sees as
 * "args", a pointer to const type. The struct must be the same on both sides: use fixed-width
 * members, and uint64_t for device addresses.
 */
#define NPU_KERNEL(name, type)                                                           \
	static void name(const type *args);                                              \
	__attribute__((noreturn, used)) static void npu_entry_##name(const type *args)   \
	{                                                                                \
		name(args);                                                              \
		npu_exit();                                                              \
	}                                                                                \
	__attribute__((used, retain, section(NPU_KERNEL_SECTION))) static const struct { \
		uint32_t size, abi;                                                      \
		const char *text;                                                        \
		void (*entry)(const type *);                                             \
		uint32_t args_size, flags;                                               \
		uint64_t reserved[4];                                                    \
	} npu_desc_##name = {sizeof(struct npu_kernel_desc),                             \
			     NPU_KERNEL_ABI,                                             \
			     #name,                                                      \
			     npu_entry_##name,                                           \
			     sizeof(type),                                               \
			     0,                                                          \
			     {0, 0, 0, 0}};                                              \
	NPU_STATIC_ASSERT(sizeof(npu_desc_##name) == sizeof(struct npu_kernel_desc),     \
			  "layout of a kernel's table entry");                           \
	static void name(__attribute__((unused)) const type *args)

/** End the workgroup. Outstanding operations finish first. Returning from the kernel does this. */
__attribute__((noreturn)) NPU_INLINE void npu_exit(void)
{
	__asm__ volatile(".insn r %0, %1, 0, x0, x0, x0"
			 :
			 : "i"(NPU_OPCODE_CUSTOM0), "i"(NPU_F3_EXIT)
			 : "memory");
	__builtin_unreachable();
}

/** Fail the job. The host gets -ECONNABORTED and the line this was called from. */
__attribute__((noreturn)) NPU_INLINE void npu_abort(void)
{
	__asm__ volatile("ebreak" : : : "memory");
	__builtin_unreachable();
}

/** Fail the job if the condition does not hold. */
#define npu_assert(condition) ((condition) ? (void)0 : npu_abort())

/* ---- where am I ------------------------------------------------------------------------------ */

/* These do not change within a workgroup, so the compiler may read them once. */
#define NPU_CSR_READER(name, csr)                                \
	NPU_INLINE uint32_t name(void)                           \
	{                                                        \
		unsigned long value;                             \
		__asm__("csrr %0, %1" : "=r"(value) : "i"(csr)); \
		return (uint32_t)value;                          \
	}

/** This workgroup's place in the grid, from 0. */
NPU_CSR_READER(npu_wg_x, NPU_CSR_WG_X)
NPU_CSR_READER(npu_wg_y, NPU_CSR_WG_Y)
NPU_CSR_READER(npu_wg_z, NPU_CSR_WG_Z)
/** Size of the grid. */
NPU_CSR_READER(npu_grid_x, NPU_CSR_GRID_X)
NPU_CSR_READER(npu_grid_y, NPU_CSR_GRID_Y)
NPU_CSR_READER(npu_grid_z, NPU_CSR_GRID_Z)
/** Number of this tile, and of tiles in the device. */
NPU_CSR_READER(npu_tile, NPU_CSR_TILE)
NPU_CSR_READER(npu_tiles, NPU_CSR_TILES)
/** Bytes of SRAM that the tile has. */
NPU_CSR_READER(npu_sram_size, NPU_CSR_SRAM_SIZE)
#undef NPU_CSR_READER

/** Modelled cycles since this tile began its share of the grid. */
NPU_INLINE uint64_t npu_cycles(void)
{
	uint64_t value;

	__asm__ volatile("rdcycle %0" : "=r"(value) : : "memory");
	return value;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/** Device address to pointer. */
NPU_INLINE void *npu_pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/** Pointer to device address. */
NPU_INLINE uint64_t npu_address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

/** Pointer to byte offset of this tile's SRAM. */
NPU_INLINE void *npu_sram(uint32_t offset)
{
	return npu_pointer(NPU_VA_SRAM + offset);
}

/** Offset in SRAM of a pointer into it, as matrix descriptors want it. */
NPU_INLINE uint32_t npu_sram_offset(const void *pointer)
{
	return (uint32_t)(npu_address(pointer) - NPU_VA_SRAM);
}

/** Bytes of SRAM below the stack, for the kernel to lay out as it likes. */
NPU_INLINE uint32_t npu_sram_usable(void)
{
	return npu_sram_size() - NPU_STACK_SIZE;
}

/** Hands out SRAM from the bottom up; start with { 0 }. */
struct npu_sram_pool {
	/** Bytes handed out so far. */
	uint32_t used;
};

/** Take bytes of SRAM, 64-byte aligned; aborts the job if there is not so much. */
NPU_INLINE void *npu_sram_take(struct npu_sram_pool *pool, uint32_t bytes)
{
	uint32_t at = (pool->used + 63u) & ~63u;

	if (at > npu_sram_usable() || npu_sram_usable() - at < bytes)
		npu_abort();
	pool->used = at + bytes;
	return npu_sram(at);
}

/* ---- asynchronous engines -------------------------------------------------------------------- */

/** Start a tile DMA as described; see struct npu_dma_desc. */
NPU_INLINE npu_tag npu_dma(const struct npu_dma_desc *desc)
{
	npu_tag tag;

	__asm__ volatile(".insn r %2, %3, 0, %0, %1, x0"
			 : "=r"(tag)
			 : "r"(desc), "i"(NPU_OPCODE_CUSTOM0), "i"(NPU_F3_DMA)
			 : "memory");
	return tag;
}

/** Start a matrix operation as described; see struct npu_matrix_desc. */
NPU_INLINE npu_tag npu_matrix(const struct npu_matrix_desc *desc)
{
	npu_tag tag;

	__asm__ volatile(".insn r %2, %3, 0, %0, %1, x0"
			 : "=r"(tag)
			 : "r"(desc), "i"(NPU_OPCODE_CUSTOM0), "i"(NPU_F3_MATRIX)
			 : "memory");
	return tag;
}

/** Types of A and B in one. */
#define NPU_MATRIX_BF16 (NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16)
#define NPU_MATRIX_FP16 (NPU_MATRIX_A_FP16 | NPU_MATRIX_B_FP16)
#define NPU_MATRIX_FP32 (NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32)

/** Bits of a float, as lo and hi of a matrix descriptor hold them. */
NPU_INLINE int32_t npu_float_bits(float value)
{
	int32_t bits;

	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/**
 * Start C = A x B, sums as they are: s32 or fp32. All in SRAM; strides in bytes; b is packed.
 *
 * flags: types of A and B (NPU_MATRIX_A_*, NPU_MATRIX_B_*, or NPU_MATRIX_BF16 and the like; none: u8 x s8),
 * NPU_MATRIX_ACCUMULATE, NPU_MATRIX_ACT_RELU. For sparse weights, bias, requantisation and tables fill in
 * a descriptor and call npu_matrix().
 */
NPU_INLINE npu_tag npu_matrix_multiply(void *c, uint32_t c_stride, const void *a, uint32_t a_stride,
				       const void *b, uint32_t m, uint32_t n, uint32_t k,
				       uint32_t flags)
{
	struct npu_matrix_desc desc = {
		npu_sram_offset(a), npu_sram_offset(b), npu_sram_offset(c), 0, m, n, k, a_stride,
		c_stride,	    flags,		0,		    0, 0, 0, 0, 0,
	};

	return npu_matrix(&desc);
}

/** Wait for an operation and those that its engine got before it. Tag 0: for everything. */
NPU_INLINE void npu_wait(npu_tag tag)
{
	__asm__ volatile(".insn r %1, %2, 0, x0, %0, x0"
			 :
			 : "r"(tag), "i"(NPU_OPCODE_CUSTOM0), "i"(NPU_F3_WAIT)
			 : "memory");
}

/** Wait for all operations of both engines. */
NPU_INLINE void npu_wait_all(void)
{
	npu_wait(0);
}

/** Has the operation finished? Does not wait. */
NPU_INLINE int npu_poll(npu_tag tag)
{
	unsigned long done;

	__asm__ volatile(".insn r %2, %3, 0, %0, %1, x0"
			 : "=r"(done)
			 : "r"(tag), "i"(NPU_OPCODE_CUSTOM0), "i"(NPU_F3_POLL)
			 : "memory");
	return (int)done;
}

/** Start moving rows of bytes; strides are in bytes from row to row. */
NPU_INLINE npu_tag npu_dma_rows(void *dst, uint32_t dst_stride, const void *src,
				uint32_t src_stride, uint32_t bytes, uint32_t rows)
{
	struct npu_dma_desc desc = {
		npu_address(dst),
		npu_address(src),
		{bytes, rows, 1},
		0,
		{dst_stride, 0},
		{src_stride, 0},
		{0},
		0,
		{0},
	};

	return npu_dma(&desc);
}

/** Start moving bytes. */
NPU_INLINE npu_tag npu_dma_bytes(void *dst, const void *src, uint32_t bytes)
{
	return npu_dma_rows(dst, 0, src, 0, bytes, 1);
}

/** Start filling bytes with a repeated 32-bit value; dst and bytes are multiples of 4. */
NPU_INLINE npu_tag npu_dma_fill(void *dst, uint32_t value, uint32_t bytes)
{
	struct npu_dma_desc desc = {
		npu_address(dst), 0, {bytes, 1, 1}, NPU_DMA_FILL, {0, 0}, {0, 0}, {value}, 0, {0},
	};

	return npu_dma(&desc);
}

/**
 * Start gathering rows: row r of dst, its rows dst_stride bytes apart, becomes row indices[r] of src. An
 * index that is not below bound fails the job; bound 0: none does. indices is a multiple of 4.
 */
NPU_INLINE npu_tag npu_dma_gather(void *dst, uint32_t dst_stride, const void *src,
				  uint32_t src_stride, const uint32_t *indices, uint32_t bound,
				  uint32_t bytes, uint32_t rows)
{
	struct npu_dma_desc desc = {
		npu_address(dst),
		npu_address(src),
		{bytes, rows, 1},
		NPU_DMA_GATHER,
		{dst_stride, 0},
		{src_stride, 0},
		{bound},
		0,
		{npu_address(indices)},
	};

	return npu_dma(&desc);
}

/** Start scattering rows: row indices[r] of dst becomes row r of src; else as npu_dma_gather(). */
NPU_INLINE npu_tag npu_dma_scatter(void *dst, uint32_t dst_stride, const void *src,
				   uint32_t src_stride, const uint32_t *indices, uint32_t bound,
				   uint32_t bytes, uint32_t rows)
{
	struct npu_dma_desc desc = {
		npu_address(dst),
		npu_address(src),
		{bytes, rows, 1},
		NPU_DMA_SCATTER,
		{dst_stride, 0},
		{src_stride, 0},
		{bound},
		0,
		{npu_address(indices)},
	};

	return npu_dma(&desc);
}

/* ---- gangs ----------------------------------------------------------------------------------- */

/*
 * A gang is a dispatch made with npurt_cmdlist_dispatch_gang(): its workgroups run at the same time, workgroup i
 * (counted x first) on tile i, and may write and read each other's SRAM by DMA and signal each other.
 * What a peer wrote may be looked at after a signal of that peer's was taken that it sent with or after
 * it; what a peer reads or writes must not be changed before it said so. Semaphores count: see struct
 * npu_dma_desc and NPU_SEM() in npu_isa.h. Each signal sent must be taken, or the gang may hang.
 */

/** Tiles of the gang, as a set. Grids of gangs only. */
NPU_INLINE uint64_t npu_gang(void)
{
	const uint32_t size = npu_grid_x() * npu_grid_y() * npu_grid_z();

	return size >= 64 ? ~0ull : (1ull << size) - 1;
}

/** The place in a peer's SRAM that pointer is in this tile's. For DMA only. */
NPU_INLINE void *npu_peer(uint32_t tile, const void *pointer)
{
	return npu_pointer(NPU_VA_PEER(tile) + npu_sram_offset(pointer));
}

/** Take count signals, 0 to NPU_SEM_DEPTH, of a peer's on a semaphore, and wait until they are there. */
NPU_INLINE void npu_sem_wait(uint32_t sender, uint32_t semaphore, uint32_t count)
{
	const unsigned long which = NPU_SEM(sender, semaphore), take = count;

	__asm__ volatile(".insn r %2, %3, 0, x0, %0, %1"
			 :
			 : "r"(which), "r"(take), "i"(NPU_OPCODE_CUSTOM0), "i"(NPU_F3_SEM_WAIT)
			 : "memory");
}

/**
 * Start sending bytes from src, anywhere, to dst, a place in SRAM that stands for the same place in the
 * peer's. The peer gets a signal on the semaphore when they are there. 0 bytes: only the signal.
 */
NPU_INLINE npu_tag npu_send(uint32_t tile, void *dst, const void *src, uint32_t bytes,
			    uint32_t semaphore)
{
	const uint32_t one = bytes != 0;
	struct npu_dma_desc desc = {
		npu_address(npu_peer(tile, dst)),
		npu_address(src),
		{bytes, one, one},
		NPU_DMA_SIGNAL,
		{0, 0},
		{0, 0},
		{0},
		semaphore,
		{0},
	};

	return npu_dma(&desc);
}

/** Start a signal to a peer, after all that was sent before. */
NPU_INLINE npu_tag npu_signal(uint32_t tile, uint32_t semaphore)
{
	return npu_send(tile, npu_sram(0), npu_sram(0), 0, semaphore);
}

/**
 * Start sending rows to the same place in the SRAM of each tile of a set, this one too if it is in the set: read
 * once, written everywhere. Each gets a signal on the semaphore when they are there.
 */
NPU_INLINE npu_tag npu_multicast_rows(uint64_t tiles, void *dst, uint32_t dst_stride,
				      const void *src, uint32_t src_stride, uint32_t bytes,
				      uint32_t rows, uint32_t semaphore)
{
	struct npu_dma_desc desc = {
		npu_address(dst),
		npu_address(src),
		{bytes, rows, 1},
		NPU_DMA_MULTICAST | NPU_DMA_SIGNAL,
		{dst_stride, 0},
		{src_stride, 0},
		{0},
		semaphore,
		{tiles},
	};

	return npu_dma(&desc);
}

/** The same for a run of bytes. */
NPU_INLINE npu_tag npu_multicast(uint64_t tiles, void *dst, const void *src, uint32_t bytes,
				 uint32_t semaphore)
{
	return npu_multicast_rows(tiles, dst, 0, src, 0, bytes, 1, semaphore);
}

/**
 * Wait until all workgroups of the gang have come here. Uses up a semaphore number; what any of them
 * sent before has arrived, and what it wrote to host memory by DMA is written.
 */
NPU_INLINE void npu_gang_barrier(uint32_t semaphore)
{
	const uint32_t size = npu_grid_x() * npu_grid_y() * npu_grid_z();
	struct npu_dma_desc desc = {
		npu_address(npu_sram(0)), 0, {0, 0, 0}, NPU_DMA_MULTICAST | NPU_DMA_SIGNAL, {0, 0},
		{0, 0}, {0}, semaphore, {npu_gang()},
	};

	npu_wait(npu_dma(&desc));
	for (uint32_t tile = 0; tile < size; tile++)
		npu_sem_wait(tile, semaphore, 1);
}

/* ---- what compilers call on their own -------------------------------------------------------- */

#ifdef __cplusplus
extern "C" {
#endif
void *memcpy(void *dst, const void *src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
#ifdef __cplusplus
}
#endif

#endif /* NPU_H */
