/* SPDX-License-Identifier: MIT */
#include "pmu.h"

#include <string.h>

#include "dev.h"

void pmu_reset(struct npu_dev *dev)
{
	const uint32_t epoch = dev->pmu.epoch;

	memset(&dev->pmu, 0, sizeof(dev->pmu));
	dev->pmu.epoch = epoch + 1;
}

/* ---- rings ----------------------------------------------------------------------------------- */

/* Host address of [offset, offset + 8 * words) of the ring; NULL: does not answer in one piece. */
static uint64_t *map(struct npu_dev *dev, const struct pmu_stream *stream, uint64_t offset,
		     unsigned int words, bool write)
{
	size_t len = 8 * words;
	uint8_t *p = dev_map(dev, stream->setup.ring + offset, &len, write);

	return p && len >= 8 * words && !((uintptr_t)p & 7) ? (uint64_t *)p : NULL;
}

/* Words go out one by one, each as a whole and behind the ones before. */
static bool put_words(struct npu_dev *dev, const struct pmu_stream *stream, uint64_t offset,
		      const uint64_t *words, unsigned int count)
{
	uint64_t *to = map(dev, stream, offset, count, true);

	if (!to)
		return false;
	for (unsigned int i = 0; i < count; i++)
		__atomic_store_n(&to[i], words[i], __ATOMIC_RELEASE);
	return true;
}

/* Does a fault of rings break this now? Which queue it is for is not known here. */
static bool strikes(struct npu_dev *dev, enum npu_fault_arg arg)
{
	return fault_strikes_arg(dev, NPU_FAULT_RING_INDEX, NPU_FAULT_ANY, arg);
}

/* Let the consumer see how far we are. */
static bool publish(struct npu_dev *dev, const struct pmu_stream *stream)
{
	const uint64_t line[2] = {
		stream->lost,
		stream->head + (strikes(dev, NPU_FAULT_RING_PERF) ? 1u << 20 : 0),
	};

	return put_words(dev, stream, offsetof(struct npu_perf_ring, lost), line, 2);
}

/* Slots that the consumer has not taken; all of them if it says what cannot be. False: no answer. */
static bool unread(struct npu_dev *dev, const struct pmu_stream *stream, uint64_t *used)
{
	const uint64_t *tail = map(dev, stream, offsetof(struct npu_perf_ring, tail), 1, false);
	const uint64_t size = 1ull << stream->setup.ring_log2;

	if (!tail)
		return false;
	*used = stream->head - __atomic_load_n(tail, __ATOMIC_ACQUIRE);
	if (*used > size)
		*used = size;
	return true;
}

static bool put_slots(struct npu_dev *dev, struct pmu_stream *stream, const void *record,
		      unsigned int slots)
{
	const uint64_t mask = (1ull << stream->setup.ring_log2) - 1;

	for (unsigned int i = 0; i < slots; i++) {
		uint64_t slot[NPU_PERF_SLOT / 8];

		memcpy(slot, (const uint8_t *)record + i * NPU_PERF_SLOT, sizeof(slot));
		if (!i && strikes(dev, NPU_FAULT_RING_RECORD))
			slot[0] &= ~(0xffffull << 16); /* struct npu_perf_head.size */
		if (!put_words(dev, stream,
			       NPU_PERF_RING_HEADER + (stream->head & mask) * NPU_PERF_SLOT, slot,
			       NPU_PERF_SLOT / 8))
			return false;
		stream->head++;
	}
	return true;
}

/* Append one record, with what it takes to not lie across the end of the ring. False: no answer. */
static bool put_record(struct npu_dev *dev, struct pmu_stream *stream, const void *record,
		       uint64_t *used)
{
	const uint64_t size = 1ull << stream->setup.ring_log2;
	const uint64_t to_end = size - (stream->head & (size - 1));
	const struct npu_perf_head *head = record;
	const unsigned int slots = head->size / NPU_PERF_SLOT;
	const unsigned int pad = slots > to_end ? to_end : 0;

	if (slots + pad > size - *used) {
		stream->lost++;
		return true;
	}
	for (unsigned int i = 0; i < pad; i++) {
		const uint64_t slot[NPU_PERF_SLOT / 8] = {
			NPU_PERF_PAD | (uint64_t)(pad - i) * NPU_PERF_SLOT << 16};

		if (!put_slots(dev, stream, slot, 1))
			return false;
	}
	*used += slots + pad;
	return put_slots(dev, stream, record, slots);
}

static uint64_t count_records(const uint8_t *at, const uint8_t *end)
{
	uint64_t count = 0;

	for (; at < end; at += ((const struct npu_perf_head *)at)->size)
		count++;
	return count;
}

void pmu_append(struct npu_dev *dev, struct pmu_stream *stream, const void *records, size_t bytes)
{
	const uint8_t *at = records, *end = at + bytes;
	uint64_t before, used;

	if (!bytes)
		return;
	stream->dead |= !unread(dev, stream, &used);
	before = stream->dead ? 0 : used;
	while (!stream->dead && at < end) {
		if (put_record(dev, stream, at, &used))
			at += ((const struct npu_perf_head *)at)->size;
		else
			stream->dead = true;
	}
	stream->lost += count_records(at, end);
	if (stream->dead)
		return;
	stream->dead = !publish(dev, stream);
	if (stream->setup.vector && before < stream->setup.threshold &&
	    used >= stream->setup.threshold)
		dev_raise(dev, stream->setup.vector);
}

void pmu_lose(struct npu_dev *dev, struct pmu_stream *stream, uint64_t records)
{
	stream->lost += records;
	if (records && !stream->dead)
		stream->dead = !publish(dev, stream);
}

/* ---- streams --------------------------------------------------------------------------------- */

struct pmu_stream *pmu_watching(struct npu_dev *dev, unsigned int queue)
{
	for (unsigned int i = 0; i < NPU_PERF_STREAMS; i++) {
		struct pmu_stream *stream = &dev->pmu.stream[i];

		if (stream->on && !stream->stopping &&
		    (stream->setup.queue == NPU_PERF_ALL_QUEUES || stream->setup.queue == queue))
			return stream;
	}
	return NULL;
}

static bool setup_good(const struct npu_dev *dev, const struct pmu_setup *setup)
{
	const uint64_t tiles = dev->tiles == 64 ? ~0ull : (1ull << dev->tiles) - 1;
	const uint32_t size = setup->ring_log2 <= NPU_PERF_RING_MAX_LOG2 ? 1u << setup->ring_log2 : 0;

	return setup->ring && !(setup->ring & (NPU_PAGE_SIZE - 1)) &&
	       setup->ring_log2 >= NPU_PERF_RING_MIN_LOG2 && size && (setup->tiles & tiles) &&
	       (setup->queue < dev->queues || setup->queue == NPU_PERF_ALL_QUEUES) &&
	       !(setup->modes & ~NPU_PERF_MODES) &&
	       (setup->modes & ~(NPU_PERF_MODE_JITTER | NPU_PERF_MODE_KEEP)) &&
	       (!(setup->modes & NPU_PERF_MODE_SAMPLES) ||
		(setup->period >= NPU_PERF_PERIOD_MIN && setup->period <= NPU_PERF_PERIOD_MAX)) &&
	       setup->vector < NPU_MSIX_VECTORS &&
	       (!setup->vector || (setup->threshold && setup->threshold <= size));
}

static bool overlaps(const struct npu_dev *dev, uint32_t queue)
{
	for (unsigned int i = 0; i < NPU_PERF_STREAMS; i++) {
		const struct pmu_stream *s = &dev->pmu.stream[i];

		if (s->on && (queue == NPU_PERF_ALL_QUEUES || s->setup.queue == NPU_PERF_ALL_QUEUES ||
			      s->setup.queue == queue))
			return true;
	}
	return false;
}

/* Tiles that are at work come by and see that a stream has come or goes. */
static void call_tiles(struct npu_dev *dev)
{
	dev->pmu.epoch++;
	for (unsigned int i = 0; i < dev->tiles; i++)
		if (dev->tile[i]->engine.running)
			engine_attention(&dev->tile[i]->engine);
}

static enum npu_soc_perf_result start(struct npu_dev *dev)
{
	struct pmu *pmu = &dev->pmu;
	struct pmu_stream *stream;
	uint64_t first;

	if (pmu->selected >= NPU_PERF_STREAMS || !setup_good(dev, &pmu->next))
		return NPU_SOC_PERF_BAD;
	stream = &pmu->stream[pmu->selected];
	if (stream->on || overlaps(dev, pmu->next.queue))
		return NPU_SOC_PERF_BUSY;
	memset(stream, 0, sizeof(*stream));
	stream->setup = pmu->next;
	first = NPU_PERF_VERSION | (uint64_t)stream->setup.ring_log2 << 32;
	if (!put_words(dev, stream, 0, &first, 1) || !publish(dev, stream))
		return NPU_SOC_PERF_BUS;
	stream->on = true;
	pmu->active++;
	pmu->events &= ~(1u << pmu->selected);
	for (unsigned int q = 0; q < dev->queues; q++)
		if (pmu_watching(dev, q) == stream)
			pmu->packets[q].count = 0;
	call_tiles(dev);
	return NPU_SOC_PERF_OK;
}

void pmu_end_if_quiet(struct npu_dev *dev, struct pmu_stream *stream)
{
	struct pmu *pmu = &dev->pmu;

	if (!stream->on || !stream->stopping)
		return;
	for (unsigned int i = 0; i < dev->tiles; i++)
		if (dev->tile[i]->perf.stream == stream)
			return;
	stream->on = false;
	pmu->active--;
	pmu->events |= 1u << (stream - pmu->stream);
	soc_update_irq(&dev->soc);
}

static void stop(struct npu_dev *dev)
{
	struct pmu_stream *stream;

	if (dev->pmu.selected >= NPU_PERF_STREAMS)
		return;
	stream = &dev->pmu.stream[dev->pmu.selected];
	if (!stream->on || stream->stopping)
		return;
	for (unsigned int q = 0; q < dev->queues; q++)
		if (pmu_watching(dev, q) == stream)
			pmu_packet_end(dev, q, true);
	stream->stopping = true;
	call_tiles(dev);
	for (unsigned int i = 0; i < dev->tiles; i++)
		tile_perf_stop(dev->tile[i], stream);
	pmu_end_if_quiet(dev, stream);
}

/* ---- packets --------------------------------------------------------------------------------- */

static void put_packet(struct npu_dev *dev, unsigned int queue, const struct pmu_packet *packet)
{
	struct pmu_stream *stream = pmu_watching(dev, queue);
	const struct npu_perf_packet record = {
		.head = {.type = NPU_PERF_PACKET,
			 .size = sizeof(record),
			 .core = NPU_CORE_FRONT,
			 .flags = packet->flags,
			 .queue = queue,
			 .packet = packet->id,
			 .time = packet->begin},
		.start = packet->start,
		.end = packet->end,
		.seqno = packet->seqno,
		.op = packet->op,
		.shares = packet->shares,
		.opp = packet->opp,
	};

	if (stream && stream->setup.modes & NPU_PERF_MODE_PACKETS)
		pmu_append(dev, stream, &record, sizeof(record));
}

static struct pmu_packet *packet_at(struct pmu_packets *packets, unsigned int i)
{
	return &packets->packet[(packets->first + i) % PMU_PACKETS];
}

/* Write down what is over, in the order in which it began; with cut all that there is. */
static void put_packets(struct npu_dev *dev, unsigned int queue, bool cut)
{
	struct pmu_packets *packets = &dev->pmu.packets[queue];

	while (packets->count) {
		struct pmu_packet *packet = packet_at(packets, 0);
		const bool over = packet->closed && !packet->working;

		if (!over && !cut)
			break;
		if (!over)
			packet->flags |= NPU_PERF_FLAG_CUT;
		put_packet(dev, queue, packet);
		packets->first = (packets->first + 1) % PMU_PACKETS;
		packets->count--;
	}
}

void pmu_packet_begin(struct npu_dev *dev, unsigned int queue, uint32_t op)
{
	struct pmu_packets *packets = &dev->pmu.packets[queue];
	struct pmu_packet *packet;

	pmu_packet_end(dev, queue, false);
	if (packets->count == PMU_PACKETS)
		put_packets(dev, queue, true);
	packets->id = dev->pmu.next_id;
	packets->seqno = dev->pmu.next_seqno;
	packet = packet_at(packets, packets->count++);
	*packet = (struct pmu_packet){
		.id = packets->id,
		.seqno = packets->seqno,
		.op = op,
		.begin = acct_front(&dev->acct, queue),
	};
	acct_begin(&dev->acct, queue, op);
	packet->epoch = dev->acct.queue[queue].begun;
	packet->opp = acct_opp(&dev->acct, queue);
	packet->start = packet->end = acct_front(&dev->acct, queue);
}

void pmu_packet_end(struct npu_dev *dev, unsigned int queue, bool cut)
{
	struct pmu_packets *packets = &dev->pmu.packets[queue];

	if (packets->count)
		packet_at(packets, packets->count - 1)->closed = !cut;
	put_packets(dev, queue, cut);
}

static struct pmu_packet *packet_of(struct npu_dev *dev, const struct npu_engine *engine)
{
	struct pmu_packets *packets = &dev->pmu.packets[engine->queue];

	for (unsigned int i = 0; i < packets->count; i++)
		if (packet_at(packets, i)->epoch == engine->ticket.epoch)
			return packet_at(packets, i);
	return NULL;
}

void pmu_work_begin(struct npu_dev *dev, const struct npu_engine *engine)
{
	struct pmu_packet *packet = packet_of(dev, engine);

	if (packet)
		packet->working++;
}

void pmu_work_end(struct npu_dev *dev, const struct npu_engine *engine, uint64_t cycles, bool cut)
{
	struct pmu_packet *packet = packet_of(dev, engine);
	uint64_t start;
	bool exact;

	if (!packet || !packet->working)
		return;
	exact = acct_started(&dev->acct, engine->queue, &engine->ticket, &start);
	if (!packet->shares++ || start < packet->start)
		packet->start = start;
	if (start + cycles > packet->end)
		packet->end = start + cycles;
	packet->flags |= (cut ? NPU_PERF_FLAG_CUT : 0) | (exact ? 0 : NPU_PERF_FLAG_EARLY);
	packet->working--;
	put_packets(dev, engine->queue, false);
}

/* ---- registers ------------------------------------------------------------------------------- */

static const struct pmu_stream *selected(const struct pmu *pmu)
{
	static const struct pmu_stream none;

	return pmu->selected < NPU_PERF_STREAMS ? &pmu->stream[pmu->selected] : &none;
}

static void command(struct npu_dev *dev, uint32_t cmd)
{
	struct pmu *pmu = &dev->pmu;

	switch (cmd) {
	case NPU_SOC_PERF_START:
		pmu->result = start(dev);
		break;
	case NPU_SOC_PERF_STOP:
		stop(dev);
		break;
	case NPU_SOC_PERF_NOTE:
		if (dev->soc.acct_queue >= dev->queues)
			break;
		pmu->packets[dev->soc.acct_queue].id = pmu->next_id;
		pmu->packets[dev->soc.acct_queue].seqno = pmu->next_seqno;
		break;
	}
}

/* One 32-bit half, low or high by offset. */
static uint32_t half(uint64_t value, uint32_t offset)
{
	return offset & 4 ? value >> 32 : value;
}

static void set_half(uint64_t *reg, uint32_t offset, uint32_t value)
{
	const unsigned int shift = offset & 4 ? 32 : 0;

	*reg = (*reg & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

bool pmu_reg_is_u64(uint32_t offset)
{
	return offset == NPU_SOC_PERF_RING || offset == NPU_SOC_PERF_TILES ||
	       offset == NPU_SOC_PERF_LOST || offset == NPU_SOC_PERF_SEQNO;
}

uint32_t pmu_reg_read(struct npu_dev *dev, uint32_t offset)
{
	const struct pmu *pmu = &dev->pmu;

	switch (offset) {
	case NPU_SOC_PERF_STREAM:
		return pmu->selected;
	case NPU_SOC_PERF_RESULT:
		return pmu->result;
	case NPU_SOC_PERF_EVENTS:
		return pmu->events;
	case NPU_SOC_PERF_RING:
	case NPU_SOC_PERF_RING + 4:
		return half(pmu->next.ring, offset);
	case NPU_SOC_PERF_TILES:
	case NPU_SOC_PERF_TILES + 4:
		return half(pmu->next.tiles, offset);
	case NPU_SOC_PERF_QUEUE:
		return pmu->next.queue;
	case NPU_SOC_PERF_MODES:
		return pmu->next.modes;
	case NPU_SOC_PERF_PERIOD:
		return pmu->next.period;
	case NPU_SOC_PERF_RING_LOG2:
		return pmu->next.ring_log2;
	case NPU_SOC_PERF_VECTOR:
		return pmu->next.vector;
	case NPU_SOC_PERF_THRESHOLD:
		return pmu->next.threshold;
	case NPU_SOC_PERF_LOST:
	case NPU_SOC_PERF_LOST + 4:
		return half(selected(pmu)->lost, offset);
	case NPU_SOC_PERF_SEQNO:
	case NPU_SOC_PERF_SEQNO + 4:
		return half(pmu->next_seqno, offset);
	case NPU_SOC_PERF_PACKET:
		return pmu->next_id;
	default:
		return 0;
	}
}

void pmu_reg_write(struct npu_dev *dev, uint32_t offset, uint32_t value)
{
	struct pmu *pmu = &dev->pmu;

	switch (offset) {
	case NPU_SOC_PERF_STREAM:
		pmu->selected = value;
		break;
	case NPU_SOC_PERF_CMD:
		command(dev, value);
		break;
	case NPU_SOC_PERF_EVENTS:
		pmu->events &= ~value;
		break;
	case NPU_SOC_PERF_RING:
	case NPU_SOC_PERF_RING + 4:
		set_half(&pmu->next.ring, offset, value);
		break;
	case NPU_SOC_PERF_TILES:
	case NPU_SOC_PERF_TILES + 4:
		set_half(&pmu->next.tiles, offset, value);
		break;
	case NPU_SOC_PERF_QUEUE:
		pmu->next.queue = value;
		break;
	case NPU_SOC_PERF_MODES:
		pmu->next.modes = value;
		break;
	case NPU_SOC_PERF_PERIOD:
		pmu->next.period = value;
		break;
	case NPU_SOC_PERF_RING_LOG2:
		pmu->next.ring_log2 = value;
		break;
	case NPU_SOC_PERF_VECTOR:
		pmu->next.vector = value;
		break;
	case NPU_SOC_PERF_THRESHOLD:
		pmu->next.threshold = value;
		break;
	case NPU_SOC_PERF_SEQNO:
	case NPU_SOC_PERF_SEQNO + 4:
		set_half(&pmu->next_seqno, offset, value);
		break;
	case NPU_SOC_PERF_PACKET:
		pmu->next_id = value;
		break;
	}
}

/* ---- saving and loading ------------------------------------------------------------------------ */

static void setup_state(struct pmu_setup *setup, struct state *s)
{
	STATE(s, setup->ring);
	STATE(s, setup->tiles);
	STATE(s, setup->queue);
	STATE(s, setup->modes);
	STATE(s, setup->period);
	STATE(s, setup->ring_log2);
	STATE(s, setup->vector);
	STATE(s, setup->threshold);
}

static void stream_state(struct npu_dev *dev, struct pmu_stream *stream, struct state *s)
{
	STATE(s, stream->on);
	STATE(s, stream->stopping);
	STATE(s, stream->dead);
	setup_state(&stream->setup, s);
	STATE(s, stream->head);
	STATE(s, stream->lost);
	if (!s->load)
		return;
	if (!state_check(s, stream->on ? setup_good(dev, &stream->setup) : !stream->stopping,
			 "a stream that cannot be"))
		memset(stream, 0, sizeof(*stream));
	dev->pmu.active += stream->on;
}

static void packet_state(struct pmu_packet *packet, struct state *s)
{
	STATE(s, packet->epoch);
	STATE(s, packet->closed);
	STATE(s, packet->working);
	STATE(s, packet->id);
	STATE(s, packet->op);
	STATE(s, packet->shares);
	STATE(s, packet->opp);
	STATE(s, packet->seqno);
	STATE(s, packet->begin);
	STATE(s, packet->start);
	STATE(s, packet->end);
	STATE(s, packet->flags);
}

void pmu_state(struct npu_dev *dev, struct state *s)
{
	struct pmu *pmu = &dev->pmu;

	STATE(s, pmu->events);
	STATE(s, pmu->selected);
	STATE(s, pmu->result);
	STATE(s, pmu->next_id);
	STATE(s, pmu->next_seqno);
	setup_state(&pmu->next, s);
	for (unsigned int i = 0; i < NPU_PERF_STREAMS; i++)
		stream_state(dev, &pmu->stream[i], s);
	for (unsigned int q = 0; q < dev->queues; q++) {
		struct pmu_packets *packets = &pmu->packets[q];

		STATE(s, packets->id);
		STATE(s, packets->seqno);
		STATE_MAX(s, packets->count, PMU_PACKETS);
		for (unsigned int i = 0; i < packets->count; i++)
			packet_state(packet_at(packets, i), s);
	}
	state_check(s, !(pmu->events >> NPU_PERF_STREAMS), "streams that do not exist have ended");
}
