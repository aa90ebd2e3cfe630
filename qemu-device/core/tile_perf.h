/* SPDX-License-Identifier: MIT */
/*
 * A tile's side of performance streams: what is gathered about the share in hand, until the tile is
 * released and the records go to the stream's ring.
 */
#ifndef NPU_TILE_PERF_H
#define NPU_TILE_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_perf.h"
#include "npu_soc.h"
#include "state.h"

struct npu_tile;
struct pmu_stream;
struct rv_profile;
struct tile_line;

struct tile_perf {
	/* Who watches the share in hand; NULL: nobody. Changed under the lock while the tile does not run. */
	struct pmu_stream *stream;
	uint32_t epoch; /* of the streams, as seen last */
	uint32_t modes;
	uint16_t flags; /* NPU_PERF_FLAG_* of the share */
	uint32_t packet; /* id */
	uint32_t opp; /* operating point */
	uint64_t base; /* queue's clock at the share's cycle 0 */
	uint64_t begin; /* share's cycle from which on it is watched */

	struct rv_profile *profile; /* made when first needed */
	/* The table holds what an earlier share left there (NPU_PERF_MODE_KEEP) of this owner. */
	struct pmu_stream *kept;
	uint32_t kept_life;
	struct npu_perf_head pc_head; /* of the records of the table */

	/* Records not handed over yet. */
	uint8_t *buffer;
	size_t used, room;
	uint64_t lost; /* no memory for them */
};

/* The following need the lock, and the tile not to run. */

/* A share has been put in, while a stream is on. */
void tile_perf_go(struct npu_tile *tile);
/* The tile is about to be run and streams have come or gone since it was last. */
void tile_perf_claim(struct npu_tile *tile);
/* A tile whose share is watched has been released. */
void tile_perf_release(struct npu_tile *tile);
/* A share that is watched has ended; counters and clock of the queue do not have it yet. */
void tile_perf_end(struct npu_tile *tile, enum npu_soc_status status);
/* This stream is stopping. May be called while the tile runs; then the release sees to it. */
void tile_perf_stop(struct npu_tile *tile, struct pmu_stream *stream);
/* As at power-on. */
void tile_perf_reset(struct npu_tile *tile);
void tile_perf_free(struct npu_tile *tile);
/* Visit what has been gathered. Streams, the share and its core have been. */
void tile_perf_state(struct npu_tile *tile, struct state *s);

/* By the thread that runs a watched share: an operation has been put into its engine's line. */
void tile_perf_op(struct npu_tile *tile, enum npu_perf_type type, const struct tile_line *line,
		  uint64_t busy, uint64_t amount);

#endif /* NPU_TILE_PERF_H */
