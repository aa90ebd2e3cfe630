/* SPDX-License-Identifier: MIT */
/* Pausing a device, saving and loading one. */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "model.h"

#define STATE_VERSION 2
#define NAME_SIZE     8

static const char state_magic[8] = "NPUSTATE";

/* ---- fields ---------------------------------------------------------------------------------- */

void state_fail(struct state *s, const char *what)
{
	if (!s->failed)
		snprintf(s->error, NPU_STATE_ERROR, "%s: %s", s->section, what);
	s->failed = true;
}

bool state_check(struct state *s, bool good, const char *what)
{
	if (s->load && !good)
		state_fail(s, what);
	return !s->failed;
}

/* Room for size bytes more in the stream. */
static bool make_room(struct state *s, size_t size)
{
	size_t room = s->room ? s->room : 65536;
	uint8_t *data;

	while (room - s->at < size)
		room *= 2;
	if (room == s->room)
		return true;
	data = realloc(s->data, room);
	if (!data) {
		state_fail(s, "out of memory");
		return false;
	}
	s->data = data;
	s->room = room;
	return true;
}

void state_raw(struct state *s, void *field, size_t size)
{
	if (!s->load) {
		if (s->failed || !make_room(s, size))
			return;
		memcpy(s->data + s->at, field, size);
	} else {
		if (!s->failed && size > s->end - s->at)
			state_fail(s, "is cut off");
		if (s->failed) {
			memset(field, 0, size);
			return;
		}
		memcpy(field, s->data + s->at, size);
	}
	s->at += size;
}

void state_bool(struct state *s, void *field, size_t size)
{
	bool *flag = field;
	uint8_t byte = s->load ? 0 : *flag;

	_Static_assert(sizeof(bool) == 1, "bools are bytes");
	state_raw(s, &byte, size);
	state_check(s, byte <= 1, "a flag is neither set nor clear");
	if (s->load)
		*flag = byte == 1;
}

void state_max(struct state *s, void *field, size_t size, uint64_t max, const char *name)
{
	uint64_t value = 0;

	state_raw(s, field, size);
	memcpy(&value, field, size);
	if (!s->load || value <= max)
		return;
	if (!s->failed) {
		char what[80];

		snprintf(what, sizeof(what), "%s is %llu, more than %llu", name,
			 (unsigned long long)value, (unsigned long long)max);
		state_fail(s, what);
	}
	memset(field, 0, size);
}

static bool is_zero(const uint8_t *p, size_t size)
{
	return !size || (!p[0] && !memcmp(p, p + 1, size - 1));
}

void state_sparse(struct state *s, void *units, size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t *unit = (uint8_t *)units + i * size;
		bool used = !s->load && !is_zero(unit, size);

		STATE(s, used);
		if (used)
			state_raw(s, unit, size);
		else if (s->load)
			memset(unit, 0, size);
	}
}

/* ---- sections -------------------------------------------------------------------------------- */

/* What must be the same at both ends, or figures and addresses would not fit. */
static void config_state(struct npu_dev *dev, struct state *s)
{
	const struct {
		const char *name;
		uint32_t value;
	} config[] = {
		{"chiplets", dev->config.chiplets},
		{"tiles", dev->config.tiles_per_chiplet},
		{"sram", dev->config.sram_kib},
		{"vlen", dev->config.vlen},
		{"queues", dev->config.queues},
		{"debug faults", dev->config.debug_faults},
		{"version of the model", NPU_MODEL_VERSION},
		{"number of counters", NPU_COUNTER_COUNT},
		{"number of faults", NPU_FAULT_COUNT},
	};

	for (unsigned int i = 0; i < sizeof(config) / sizeof(config[0]); i++) {
		uint32_t value = config[i].value;
		char what[80];

		STATE(s, value);
		snprintf(what, sizeof(what), "%s: saved with %u, here it is %u", config[i].name,
			 value, config[i].value);
		state_check(s, value == config[i].value, what);
	}
}

static void host_state(struct npu_dev *dev, struct state *s)
{
	const uint64_t queues = dev->queues == 64 ? ~0ull : (1ull << dev->queues) - 1;
	struct npu_host_regs *regs = &dev->regs;

	STATE(s, regs->fw_base);
	STATE(s, regs->mbox_base);
	STATE(s, regs->as_table);
	STATE(s, regs->queue_table);
	STATE(s, regs->tlb_va);
	STATE(s, regs->tlb_size);
	STATE(s, regs->fw_size);
	STATE(s, regs->boot_status);
	STATE(s, regs->boot_detail);
	STATE(s, regs->heartbeat);
	STATE(s, regs->fw_status);
	STATE(s, regs->irq_status);
	STATE(s, regs->irq_enable);
	STATE(s, regs->ecc_corrected);
	STATE(s, regs->ecc_uncorrected);
	STATE(s, regs->ecc_last);
	STATE(s, regs->tail);
	STATE(s, dev->doorbells);
	STATE(s, dev->tile_events);
	STATE_MAX(s, dev->next_tile, dev->tiles);
	state_check(s, !(regs->irq_enable & ~NPU_IRQ_ALL), "unknown interrupts are enabled");
	state_check(s, !(dev->doorbells & ~queues), "doorbells of queues that do not exist");
	state_check(s, !(dev->tile_events & ~dev_tile_mask(dev)), "events of tiles that do not exist");
}

static void power_section(struct npu_dev *dev, struct state *s)
{
	power_state(&dev->power, s);
}

static void soc_section(struct npu_dev *dev, struct state *s)
{
	soc_state(&dev->soc, s);
}

static void acct_section(struct npu_dev *dev, struct state *s)
{
	acct_state(&dev->acct, s);
}

static void tiles_section(struct npu_dev *dev, struct state *s)
{
	for (unsigned int i = 0; i < dev->tiles; i++)
		tile_state(dev->tile[i], s);
}

static void copy_section(struct npu_dev *dev, struct state *s)
{
	copy_state(&dev->copy, s);
}

static const struct {
	char name[NAME_SIZE];
	void (*visit)(struct npu_dev *dev, struct state *s);
} sections[] = {
	{"config", config_state}, {"host", host_state}, {"faults", fault_state},
	{"power", power_section}, {"thermal", thermal_state}, {"acct", acct_section},
	{"perf", pmu_state},	  {"soc", soc_section},	  {"tiles", tiles_section},
	{"copy", copy_section},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static void save_section(struct npu_dev *dev, struct state *s, unsigned int i)
{
	char name[NAME_SIZE];
	uint64_t length = 0;
	size_t start;

	memcpy(name, sections[i].name, NAME_SIZE);
	STATE(s, name);
	STATE(s, length);
	start = s->at;
	sections[i].visit(dev, s);
	length = s->at - start;
	if (!s->failed)
		memcpy(s->data + start - sizeof(length), &length, sizeof(length));
}

static void load_section(struct npu_dev *dev, struct state *s, unsigned int i)
{
	const size_t size = s->end;
	char name[NAME_SIZE];
	uint64_t length;

	STATE(s, name);
	STATE(s, length);
	if (state_check(s, !memcmp(name, sections[i].name, NAME_SIZE), "is not there") &&
	    state_check(s, length <= size - s->at, "is cut off"))
		s->end = s->at + length;
	sections[i].visit(dev, s);
	state_check(s, s->at == s->end, "is longer than what is known of it");
	s->end = size;
}

static void visit(struct npu_dev *dev, struct state *s)
{
	char magic[sizeof(state_magic)];
	uint32_t version = STATE_VERSION, count = SECTIONS;

	s->section = "header";
	memcpy(magic, state_magic, sizeof(magic));
	STATE(s, magic);
	STATE(s, version);
	STATE(s, count);
	state_check(s, !memcmp(magic, state_magic, sizeof(magic)), "this is no saved state of an NPU");
	state_check(s, version == STATE_VERSION && count == SECTIONS, "another version");
	for (unsigned int i = 0; i < SECTIONS; i++) {
		s->section = sections[i].name;
		if (s->load)
			load_section(dev, s, i);
		else
			save_section(dev, s, i);
	}
	s->section = "end";
	state_check(s, s->at == s->end, "there is more of it");
}

/* ---- between sections ------------------------------------------------------------------------ */

/* The ticket of an engine's work, or of a share that is kept, as entry number i of all there may be. */
static const struct acct_ticket *ticket_at(struct npu_dev *dev, unsigned int queue, unsigned int i)
{
	const struct npu_engine *engine;

	if (i > dev->tiles) {
		const struct tile_kept *kept = dev->tile[i - dev->tiles - 1]->kept[queue];

		return kept ? &kept->ticket : NULL;
	}
	engine = dev_engine(dev, i);
	return engine->status == NPU_SOC_BUSY && engine->queue == queue ? &engine->ticket : NULL;
}

static bool holds_ticket(struct npu_dev *dev, unsigned int queue, unsigned int lane, unsigned int i)
{
	const struct acct_ticket *ticket = ticket_at(dev, queue, i);

	return ticket && ticket->lane == lane &&
	       ticket->generation == dev->acct.queue[queue].generation;
}

/* The accounting has as many open shares as there are tickets; else its lanes would overflow. */
static bool tickets_good(struct npu_dev *dev, unsigned int queue, unsigned int id)
{
	const struct acct_lane *lane = &dev->acct.queue[queue].lane[id];
	const unsigned int tickets = 2 * dev->tiles + 1;
	unsigned int held = 0;

	for (unsigned int i = 0; i < lane->count; i++) {
		unsigned int open = 0;

		for (unsigned int t = 0; t < tickets; t++)
			open += holds_ticket(dev, queue, id, t) &&
				ticket_at(dev, queue, t)->epoch == lane->epoch[i].id;
		if (open != lane->epoch[i].open ||
		    (i && lane->epoch[i].id <= lane->epoch[i - 1].id))
			return false;
		held += open;
	}
	for (unsigned int t = 0; t < tickets; t++)
		held -= holds_ticket(dev, queue, id, t);
	return !held;
}

static void finish_load(struct npu_dev *dev, struct state *s)
{
	s->section = "acct";
	for (unsigned int q = 0; q < dev->queues; q++)
		for (unsigned int id = 0; id < ACCT_LANES; id++)
			state_check(s, tickets_good(dev, q, id), "work that nobody does");
	if (s->failed)
		return;
	soc_update_irq(&dev->soc);
	if (dev->ops->bus_event)
		dev_bus_event(dev, NPU_BUS_LINK);
}

/* ---- for the embedder ------------------------------------------------------------------------ */

void npu_dev_pause(struct npu_dev *dev)
{
	dev_lock(dev);
	dev_wait_reset(dev);
	dev->paused = true;
	for (unsigned int i = 0; i <= dev->tiles; i++)
		if (dev_engine(dev, i)->running)
			engine_attention(dev_engine(dev, i));
	for (unsigned int i = 0; i <= dev->tiles; i++)
		while (dev_engine(dev, i)->running)
			pthread_cond_wait(&dev->quiet, &dev->lock);
	dev_wait_told(dev);
	/* What it has used until now does not count for the time that it stands still. */
	thermal_look(dev);
	dev_unlock(dev);
}

void npu_dev_resume(struct npu_dev *dev)
{
	dev_lock(dev);
	dev_wait_reset(dev);
	dev->paused = false;
	fault_timer(dev);
	/* Who calls this has something else to do; but without workers nobody else is there. */
	pool_work(dev, dev->config.sync ? dev->config.inline_budget : 0);
	pthread_cond_broadcast(&dev->quiet);
	dev_unlock(dev);
}

uint8_t *npu_dev_save(struct npu_dev *dev, size_t *size, char error[NPU_STATE_ERROR])
{
	struct state s = {.section = "device", .error = error};

	error[0] = 0;
	dev_lock(dev);
	if (dev->paused)
		visit(dev, &s);
	else
		state_fail(&s, "only a paused device can be saved");
	dev_unlock(dev);
	if (s.failed) {
		free(s.data);
		return NULL;
	}
	*size = s.at;
	return s.data;
}

bool npu_dev_load(struct npu_dev *dev, const void *data, size_t size, char error[NPU_STATE_ERROR])
{
	struct state s = {
		.load = true, .data = (uint8_t *)data, .end = size, .section = "device", .error = error};

	error[0] = 0;
	if (!dev->paused) {
		state_fail(&s, "only a paused device can be loaded");
		return false;
	}
	npu_dev_reset(dev);
	dev_lock(dev);
	visit(dev, &s);
	finish_load(dev, &s);
	if (s.failed)
		fault_forget(dev);
	dev_unlock(dev);
	if (s.failed)
		npu_dev_reset(dev);
	return !s.failed;
}
