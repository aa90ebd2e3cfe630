/* SPDX-License-Identifier: MIT */
/*
 * A device whose tiles and copy engine the test drives itself, through the internal registers, in
 * place of the management core (which stays in reset): tests of the hardware without any firmware.
 */
#ifndef NPU_TEST_TILES_H
#define NPU_TEST_TILES_H

#include "host.h"
#include "model.h"
#include "npu_packet.h"
#include "npu_ring.h"
#include "npu_soc.h"

/* guest/tile.S */
enum tile_kernel {
	K_EXIT = 0,
	K_COORDS = 1,
	K_SCRIPTS, /* K_SCRIPT at a0 + 4096 * x */
	K_FOREVER,
	K_LOAD,
	K_STORE,
	K_JUMP,
	K_RETURN,
	K_EBREAK,
	K_ILLEGAL,
	K_MISALIGNED,
	K_SCRIPT,
	K_DMA_FOREVER = 13, /* the script takes two places */
	K_COUNT_FOREVER,
	K_SRAM,
	K_WORK,
	K_DMA_QUEUE,
	K_DMA_POLL,
	K_BAD_FUNCT7,
	K_BAD_FUNCT3,
	K_SRAM_CODE,
	K_MATRIX_FOREVER,
	K_DMA_EXIT,
	K_VECTOR,
};

/* Steps of K_SCRIPT. */
struct script_step {
	uint64_t op, operand;
};
enum script_op {
	S_END,
	S_DMA,
	S_MATRIX,
	S_WAIT,
	S_WAIT_LAST,
	S_TAKE, /* operand: NPU_SEM() | count << 32 */
	S_SPIN, /* operand: rounds of two instructions */
	S_ADD,	/* to the dword at operand the one behind it */
};

#define TILES_CODE 0x10000ull	 /* where the kernels are mapped, read and execute */
#define TILES_DATA 0x20000000ull /* where memory for data begins */

struct tiles {
	struct host *host;
	struct npu_dev *dev;
	struct npu_as_entry *as_table;
	uint64_t *root[4]; /* address spaces 0..3 */
	uint64_t next_va;  /* in all of them */
	void *code;
};

/* The way to host memory for one tile, or the copy engine, at the nominal operating point. */
extern const struct npu_rates tiles_alone;

/* Device with the kernels mapped in address spaces 1 and 2; nothing in 3. */
struct tiles *tiles_new(const struct npu_config *config);
void tiles_free(struct tiles *t);
/* Zeroed memory at the same address in spaces 1 and 2, unmapped pages around it. */
uint64_t tiles_map(struct tiles *t, uint64_t size, uint64_t flags, void *ret_ptr);
/* Virtual address of a kernel. */
uint64_t tiles_entry(enum tile_kernel kernel);

/* Internal registers, offsets from NPU_SOC_REGS_BASE; TREG: of a tile. */
#define TREG(tile, reg) (NPU_SOC_TILE(tile) - NPU_SOC_REGS_BASE + (reg))
uint64_t tiles_get(struct tiles *t, uint64_t offset, unsigned int size);
void tiles_set(struct tiles *t, uint64_t offset, uint64_t value, unsigned int size);

/* Set a tile's registers for a share of a one-dimensional grid and start it. */
void tiles_go(struct tiles *t, unsigned int tile, unsigned int queue, unsigned int as,
	      uint64_t entry, uint64_t args, uint32_t groups, uint32_t first, uint32_t stride,
	      uint32_t count);
/* The same without GO. */
void tiles_prepare(struct tiles *t, unsigned int tile, unsigned int queue, unsigned int as,
		   uint64_t entry, uint64_t args, uint32_t groups, uint32_t first,
		   uint32_t stride, uint32_t count);
/* One workgroup on tile 0, queue 0, space 1, run to its end. Returns the tile's status. */
unsigned int tiles_run(struct tiles *t, enum tile_kernel kernel, uint64_t args);
/* A dispatch over all tiles, as the firmware makes one, with its BEGIN. Does not wait. */
void tiles_dispatch(struct tiles *t, unsigned int queue, unsigned int as, enum tile_kernel kernel,
		    uint64_t args, uint32_t groups);
/* The same as a gang, of as many tiles as groups. */
void tiles_gang(struct tiles *t, unsigned int queue, unsigned int as, enum tile_kernel kernel,
		uint64_t args, uint32_t groups);
/* Status of a tile, acknowledged unless it is busy. */
unsigned int tiles_ack(struct tiles *t, unsigned int tile);
/* Execute a packet on the copy engine to its end. Returns its status, acknowledged. */
unsigned int tiles_copy(struct tiles *t, unsigned int queue, unsigned int as,
			const union npu_packet *packet);
/* Accounting command for a queue. */
void tiles_acct(struct tiles *t, unsigned int queue, uint32_t cmd, uint32_t arg);
/* Counters of a queue. */
void tiles_counters(struct tiles *t, unsigned int queue, uint64_t *values);

#endif /* NPU_TEST_TILES_H */
