/* SPDX-License-Identifier: MIT */
/*
 * Block mover: copies or fills blocks of up to three dimensions, as struct npu_dma_desc and struct
 * npu_pkt_copy describe them. One serves each tile, one the copy engine. A mover belongs to
 * the thread that runs its engine.
 *
 * A block may be of any size and is moved in pieces, so that a mover can be interrupted; where
 * it is interrupted changes no result and no count.
 */
#ifndef NPU_DMA_H
#define NPU_DMA_H

#include <stdbool.h>
#include <stdint.h>

#include "mmu.h"
#include "model.h"
#include "move.h"
#include "npu_ring.h"
#include "state.h"

struct npu_dev;

/*
 * Host pointers of recently used pages; index = page number modulo DMA_HOST_TLB. Blocks with a row in
 * each page are common, so there are enough for a tile's part of a large matrix.
 */
#define DMA_HOST_TLB 1024

/* Pieces that are moved together; more than there are tiles to multicast to. */
#define DMA_SPANS    96

struct dma_line {
	uint64_t page;	     /* page number */
	uint64_t generation; /* good if it is the mover's */
	uint8_t *host;
};

struct dma_mover {
	struct npu_dev *dev;
	unsigned int core; /* whose it is: tile number or NPU_CORE_COPY */
	/* Set by another thread: stop at the next piece. */
	const bool *attention;
	/* SRAM behind NPU_VA_SRAM, or NULL; touched is told of writes to it, before them. */
	uint8_t *sram;
	uint32_t sram_size;
	void (*touched)(void *opaque, uint32_t offset, uint32_t length);
	void *opaque;

	/* The gang whose SRAM it reaches, bit per tile; copy engine: 0. */
	uint64_t gang;

	unsigned int as;
	uint64_t generation; /* never 0; the next one makes all lines stale */
	struct mmu_cache mmu;
	struct dma_line read[DMA_HOST_TLB], write[DMA_HOST_TLB];
	struct move_span span[DMA_SPANS]; /* taken in hand; emptied before dma_run() returns */
	unsigned int spans;
	uint64_t model_tag[NPU_MODEL_DMA_TLB_ENTRIES]; /* modelled TLB: number of the group + 1 */
};

/* Indices are fetched by the line of 64 bytes, aligned. */
#define DMA_INDEX_LINE 16

/* Rows that are named by indices, at the one end or the other. */
enum dma_named {
	DMA_NAMED_NONE,
	DMA_NAMED_SRC, /* gather */
	DMA_NAMED_DST, /* scatter */
};

/* What a block has moved over the link between tiles. */
struct dma_link {
	uint64_t in, out;	    /* bytes through the tile's port; multicast: once */
	uint64_t far_in, far_out;   /* those of them that came from, or went to, another chiplet too */
	uint64_t bytes;		    /* read, and written to each tile */
	uint64_t hops;		    /* bytes times links between chiplets */
	uint64_t latency_in;	    /* longest way that was gone, cycles */
	uint64_t latency_out;
};

/* A block, and how far its move has come. */
struct dma_block {
	uint64_t dst, src;
	uint32_t size[3]; /* each at least 1 */
	uint32_t dst_stride[2], src_stride[2];
	bool fill;	/* src is not read; dst and size[0] are multiples of 4 */
	uint32_t value; /* fill's */
	enum dma_named named;
	uint64_t indices; /* of the list; multiple of 4 */
	uint32_t bound;	  /* indices are below it; 0: any */
	bool pad;	  /* those that are not name no row: zeros are read, nothing is written */
	uint64_t tiles;	  /* multicast: dst, in the tile's own window, stands for each of them; or 0 */

	uint32_t done, row, plane;	       /* position */
	uint32_t line[DMA_INDEX_LINE];	       /* indices fetched */
	uint32_t index;			       /* of this row */
	bool no_row;			       /* this row's index names none */
	uint64_t rows;			       /* rows begun */
	uint64_t named_rows;		       /* those of them that have an index */
	bool remote_list;		       /* indices came from host memory */
	uint64_t host_read, host_write, local; /* bytes; local: written to SRAM from SRAM or fill */
	uint64_t sram;			       /* bytes read from and written to SRAM */
	uint64_t misses;		       /* modelled walks */
	struct dma_link link;

	/* After DMA_FAULT: */
	enum npu_job_error error;
	enum npu_access access;
	uint64_t addr;
};

enum dma_result {
	DMA_DONE,
	DMA_MORE, /* budget spent or attention called for */
	DMA_FAULT,
};

/*
 * Empty the mover for work in an address space, in a gang or 0. Host pointers are dropped, the modelled
 * TLB emptied.
 */
void dma_start_share(struct dma_mover *mover, unsigned int as, uint64_t gang);
/* Drop all host pointers. Not visible in any figure. */
void dma_flush(struct dma_mover *mover);
/* Move on for about *budget host work units, of which what was used is subtracted. */
enum dma_result dma_run(struct dma_mover *mover, struct dma_block *block, uint64_t *budget);

/* The block reaches these tiles, though it may have no bytes: its latency over the link. */
void dma_link_reach(struct dma_mover *mover, struct dma_block *block, uint64_t tiles);

/*
 * Visit a block in hand, and a mover for work in an address space and gang as dma_start_share() is told. A
 * mover that was loaded has no host pointers.
 */
void dma_block_state(struct npu_dev *dev, struct dma_block *block, struct state *s);
void dma_mover_state(struct dma_mover *mover, unsigned int as, uint64_t gang, struct state *s);

#endif /* NPU_DMA_H */
