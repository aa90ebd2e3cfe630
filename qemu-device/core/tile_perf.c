/* SPDX-License-Identifier: MIT */
#include "tile_perf.h"

#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "rv_profile.h"
#include "tile_internal.h"

/* A running tile hands its records over when there are so many bytes of them. */
#define BUFFER_CALL (256u << 10)
/* It comes to that within a slice of its core; more than this is never gathered. */
#define BUFFER_MAX (16u << 20)

#define PROFILED (NPU_PERF_MODE_SAMPLES | NPU_PERF_MODE_PCS)

_Static_assert((int)RV_CYCLE_ISSUE == NPU_PERF_ISSUE && (int)RV_CYCLE_EXEC == NPU_PERF_EXEC &&
		       (int)RV_CYCLE_VECTOR == NPU_PERF_VECTOR &&
		       (int)RV_CYCLE_MEMORY == NPU_PERF_MEMORY &&
		       (int)RV_CYCLE_TLB == NPU_PERF_TLB && (int)RV_CYCLE_START == NPU_PERF_START &&
		       (int)RV_CYCLE_WAIT == NPU_PERF_WAIT_DMA &&
		       RV_PROFILE_CAUSES == (int)NPU_PERF_CAUSES,
	       "causes are the same on both sides");

/* ---- records --------------------------------------------------------------------------------- */

static void put(struct npu_tile *tile, const void *record, size_t size)
{
	struct tile_perf *perf = &tile->perf;

	if (perf->room - perf->used < size) {
		const size_t room = perf->room ? 2 * perf->room : 16384;
		uint8_t *buffer = room <= BUFFER_MAX ? realloc(perf->buffer, room) : NULL;

		if (!buffer) {
			perf->lost++;
			return;
		}
		perf->buffer = buffer;
		perf->room = room;
	}
	memcpy(perf->buffer + perf->used, record, size);
	perf->used += size;
	if (perf->used >= BUFFER_CALL)
		engine_attention(&tile->engine);
}

static struct npu_perf_head head(const struct npu_tile *tile, enum npu_perf_type type, size_t size,
				 uint64_t cycle)
{
	return (struct npu_perf_head){
		.type = type,
		.size = size,
		.core = tile->number,
		.flags = tile->perf.flags,
		.queue = tile->share.queue,
		.as_id = tile->share.as,
		.packet = tile->perf.packet,
		.time = tile->perf.base + cycle,
	};
}

static void on_sample(void *opaque, const struct rv_profile_sample *sample)
{
	struct npu_tile *tile = opaque;
	const struct npu_perf_sample record = {
		.head = head(tile, NPU_PERF_SAMPLE, sizeof(record), sample->time - tile->perf.base),
		.count = sample->count,
		.pc = sample->pc,
		.workgroup = tile_workgroup(tile),
		.cause = sample->cause,
		.opp = tile->perf.opp,
	};

	put(tile, &record, sizeof(record));
}

static void on_pc(void *opaque, const struct rv_profile_pc *pc)
{
	struct npu_tile *tile = opaque;
	struct npu_perf_pc record = {
		.head = tile->perf.pc_head,
		.pc = pc->pc,
		.executions = pc->cycles[RV_CYCLE_ISSUE],
	};

	record.head.time = tile->perf.profile->base + tile->perf.profile->now;
	for (unsigned int c = 0; c < NPU_PERF_CAUSES; c++) {
		record.cycles[c] = pc->cycles[c];
		record.total += pc->cycles[c];
	}
	put(tile, &record, sizeof(record));
}

static const struct rv_profile_ops profile_ops = {.sample = on_sample, .pc = on_pc};

void tile_perf_op(struct npu_tile *tile, enum npu_perf_type type, const struct tile_line *line,
		  uint64_t busy, uint64_t amount)
{
	const uint64_t base = tile->perf.base;
	const struct npu_perf_op record = {
		.head = head(tile, type, sizeof(record), tile->op_issue),
		.start = base + line->free - busy,
		.end = base + line->done[line->issued % NPU_ENGINE_DEPTH],
		.amount = amount,
		.pc = tile->op_pc,
		.workgroup = tile_workgroup(tile),
		.busy = busy < UINT32_MAX ? busy : UINT32_MAX,
	};

	if (tile->perf.modes & NPU_PERF_MODE_OPS)
		put(tile, &record, sizeof(record));
}

static void put_share(struct npu_tile *tile, bool cut)
{
	const struct tile_share *share = &tile->share;
	struct npu_perf_share record = {
		.head = head(tile, NPU_PERF_SHARE, sizeof(record), tile->perf.begin),
		.end = tile->perf.base + (tile->fresh ? 0 : tile->hart.cycles),
		.entry = share->entry,
		.first = share->first,
		.stride = share->stride,
		.count = share->count,
		.done = tile->workgroups,
		.error = tile->fault.error,
		.opp = tile->perf.opp,
	};

	if (cut)
		record.head.flags |= NPU_PERF_FLAG_CUT;
	if (tile->perf.modes & NPU_PERF_MODE_SHARES)
		put(tile, &record, sizeof(record));
}

/* Hand over to the stream. */
static void drain(struct npu_tile *tile, struct pmu_stream *stream)
{
	struct tile_perf *perf = &tile->perf;

	pmu_append(tile->dev, stream, perf->buffer, perf->used);
	pmu_lose(tile->dev, stream, perf->lost);
	perf->used = 0;
	perf->lost = 0;
}

/* Hand out the table that earlier shares have left. */
static void drop_kept(struct npu_tile *tile)
{
	struct pmu_stream *stream = tile->perf.kept;

	if (!stream)
		return;
	tile->perf.kept = NULL;
	rv_profile_flush(tile->perf.profile);
	drain(tile, stream);
}

/* ---- watching -------------------------------------------------------------------------------- */

/* What the profile is told of the share and by the stream. */
static void init_profile(struct npu_tile *tile, const struct pmu_setup *setup)
{
	struct tile_perf *perf = &tile->perf;
	struct rv_profile *profile = perf->profile;

	profile->ops = &profile_ops;
	profile->opaque = tile;
	profile->count = perf->modes & NPU_PERF_MODE_PCS;
	profile->base = perf->base;
	profile->period = perf->modes & NPU_PERF_MODE_SAMPLES ? setup->period : 0;
	profile->jitter = perf->modes & NPU_PERF_MODE_JITTER;
	profile->salt = tile->number;
	profile->wait[0] = &tile->counters.v[NPU_COUNTER_STALL_DMA];
	profile->wait[1] = &tile->counters.v[NPU_COUNTER_STALL_MATRIX];
	profile->wait[2] = &tile->counters.v[NPU_COUNTER_STALL_SYNC];
}

/* Let the core be profiled as the stream wants it, the share as it stands. */
static void set_profile(struct npu_tile *tile, const struct pmu_setup *setup)
{
	struct tile_perf *perf = &tile->perf;
	struct rv_profile *profile = perf->profile;
	const bool keep = perf->modes & NPU_PERF_MODE_KEEP;

	if (perf->kept && (!keep || perf->kept != perf->stream ||
			   perf->kept_life != tile->share.life ||
			   perf->pc_head.queue != tile->share.queue ||
			   perf->pc_head.as_id != tile->share.as))
		drop_kept(tile);
	if (!(perf->modes & PROFILED)) {
		rv_set_profile(&tile->hart, NULL);
		return;
	}
	if (!profile) {
		profile = perf->profile = rv_profile_new();
		if (!profile) {
			perf->lost++;
			perf->modes &= ~PROFILED;
			rv_set_profile(&tile->hart, NULL);
			return;
		}
	}
	init_profile(tile, setup);
	perf->pc_head = head(tile, NPU_PERF_PC, sizeof(struct npu_perf_pc), 0);
	if (keep) {
		perf->pc_head.packet = 0;
		perf->pc_head.flags = 0;
		perf->kept_life = tile->share.life;
	}
	rv_set_profile(&tile->hart, profile);
	/* A share that has not started has no clock yet: start_share() sees to it. */
	if (!tile->fresh)
		rv_profile_begin(&tile->hart);
}

/* Watch the share from where it stands, if a stream wants that. */
static void watch(struct npu_tile *tile)
{
	struct npu_dev *dev = tile->dev;
	struct tile_perf *perf = &tile->perf;
	struct pmu_stream *stream = pmu_watching(dev, tile->share.queue);

	perf->epoch = dev->pmu.epoch;
	if (!stream || !(stream->setup.tiles >> tile->number & 1)) {
		rv_set_profile(&tile->hart, NULL);
		return;
	}
	perf->stream = stream;
	perf->modes = stream->setup.modes;
	perf->packet = dev->pmu.packets[tile->share.queue].id;
	perf->opp = tile->engine.ticket.point.opp;
	perf->flags = tile->fresh ? 0 : NPU_PERF_FLAG_JOINED;
	if (!acct_started(&dev->acct, tile->share.queue, &tile->engine.ticket, &perf->base))
		perf->flags |= NPU_PERF_FLAG_EARLY;
	perf->begin = tile->fresh ? 0 : tile->hart.cycles;
	set_profile(tile, &stream->setup);
}

void tile_perf_go(struct npu_tile *tile)
{
	watch(tile);
}

void tile_perf_claim(struct npu_tile *tile)
{
	if (!tile->perf.stream)
		watch(tile);
	tile->perf.epoch = tile->dev->pmu.epoch;
}

/* Bring in what the share has come to. end: no more of it will come for this stream. */
static void conclude(struct npu_tile *tile, bool cut)
{
	struct tile_perf *perf = &tile->perf;
	struct pmu_stream *stream = perf->stream;

	if (tile->hart.profile && !tile->fresh) {
		rv_profile_end(&tile->hart);
		if (!(perf->modes & NPU_PERF_MODE_PCS) || !(perf->modes & NPU_PERF_MODE_KEEP))
			rv_profile_flush(perf->profile);
		else
			perf->kept = stream;
	}
	put_share(tile, cut);
	drain(tile, stream);
	perf->stream = NULL;
	if (!stream->stopping)
		return;
	drop_kept(tile);
	rv_set_profile(&tile->hart, NULL);
	pmu_end_if_quiet(tile->dev, stream);
}

void tile_perf_release(struct npu_tile *tile)
{
	drain(tile, tile->perf.stream);
	if (tile->perf.stream->stopping)
		conclude(tile, true);
}

void tile_perf_end(struct npu_tile *tile, enum npu_soc_status status)
{
	conclude(tile, status != NPU_SOC_DONE);
}

void tile_perf_stop(struct npu_tile *tile, struct pmu_stream *stream)
{
	struct tile_perf *perf = &tile->perf;

	if (perf->stream == stream) {
		if (!tile->engine.running)
			conclude(tile, true);
		return;
	}
	if (perf->kept == stream)
		drop_kept(tile);
	if (!perf->stream && !tile->engine.running)
		rv_set_profile(&tile->hart, NULL);
}

void tile_perf_reset(struct npu_tile *tile)
{
	struct tile_perf *perf = &tile->perf;

	if (perf->profile) {
		perf->profile->count = false;
		rv_profile_flush(perf->profile);
	}
	rv_set_profile(&tile->hart, NULL);
	perf->stream = NULL;
	perf->kept = NULL;
	perf->used = 0;
	perf->lost = 0;
}

void tile_perf_free(struct npu_tile *tile)
{
	rv_profile_free(tile->perf.profile);
	free(tile->perf.buffer);
}

/* ---- saving and loading ------------------------------------------------------------------------ */

/* A stream by its number; NPU_PERF_STREAMS: none. */
static void stream_ref_state(struct npu_tile *tile, struct pmu_stream **stream, struct state *s)
{
	struct pmu_stream *first = tile->dev->pmu.stream;
	uint8_t number = *stream ? *stream - first : NPU_PERF_STREAMS;

	STATE_MAX(s, number, NPU_PERF_STREAMS);
	if (!s->load)
		return;
	*stream = s->failed || number == NPU_PERF_STREAMS ? NULL : &first[number];
	if (!state_check(s, !*stream || (*stream)->on, "records for a stream that is not on"))
		*stream = NULL;
}

/* The table of the core's profile, for the share in hand or kept from earlier ones. */
static void profile_state(struct npu_tile *tile, struct pmu_stream *stream, struct state *s)
{
	struct tile_perf *perf = &tile->perf;

	if (s->load) {
		if (!perf->profile)
			perf->profile = rv_profile_new();
		if (!perf->profile) {
			state_fail(s, "out of memory");
			return;
		}
		init_profile(tile, &stream->setup);
		rv_set_profile(&tile->hart, perf->profile);
	}
	rv_profile_state(perf->profile, s);
}

void tile_perf_state(struct npu_tile *tile, struct state *s)
{
	struct tile_perf *perf = &tile->perf;
	bool behind = perf->epoch != tile->dev->pmu.epoch;

	/* A tile that was released has handed over all it had. */
	if (!s->load && perf->used)
		state_fail(s, "records that were not handed over");
	stream_ref_state(tile, &perf->stream, s);
	stream_ref_state(tile, &perf->kept, s);
	STATE(s, behind);
	STATE_MAX(s, perf->modes, NPU_PERF_MODES);
	STATE(s, perf->flags);
	STATE(s, perf->packet);
	STATE(s, perf->opp);
	STATE(s, perf->base);
	STATE(s, perf->begin);
	STATE(s, perf->lost);
	STATE(s, perf->kept_life);
	STATE(s, perf->pc_head);
	if (s->load) {
		perf->epoch = tile->dev->pmu.epoch - behind;
		state_check(s, !perf->stream || tile->engine.status == NPU_SOC_BUSY,
			    "a stream watches a tile without a share");
		/* What is appended to rings goes by it. */
		perf->pc_head.type = NPU_PERF_PC;
		perf->pc_head.size = sizeof(struct npu_perf_pc);
	}
	if (!s->failed && (perf->kept || (perf->stream && perf->modes & PROFILED)))
		profile_state(tile, perf->stream ? perf->stream : perf->kept, s);
	if (s->failed) {
		perf->stream = NULL;
		perf->kept = NULL;
	}
}
