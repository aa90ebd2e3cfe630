// SPDX-License-Identifier: MIT
#include "log.h"

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"
#include "port.h"
#include "soc.h"

#define EARLY 16 /* records kept until there is a ring */

uint32_t log_groups = NPU_LOG_GROUP_BOOT;

static struct {
	uint64_t ring; /* bus address; 0: none, or it did not answer */
	uint64_t count; /* records in it */
	uint32_t mask; /* of a record's number: its place */
	uint8_t level; /* NPU_LOG_LEVEL_*; before the first NPU_MSG_LOG_SET nobody knows what will be wanted */
	bool told; /* there was an NPU_MSG_LOG_SET */
	uint32_t early; /* records in early_record[] */
	uint32_t lost; /* that had no room there */
} log = {.level = NPU_LOG_LEVEL_DEBUG};

/* The port reads them here. */
static struct npu_log_record early_record[EARLY] __attribute__((aligned(8)));
static struct npu_log_record line_record[NPU_LOG_AHEAD] __attribute__((aligned(8)));

static struct {
	char text[NPU_LOG_AHEAD * NPU_LOG_CHARS];
	unsigned int length;
} line;

/* ---- ring -------------------------------------------------------------------------------------- */

static bool transfer(uint64_t offset, const void *local, uint32_t len, uint32_t cmd)
{
	return port_transfer(log.ring + offset, local, len, cmd) == NPU_JOB_OK;
}

/* Records, NPU_LOG_AHEAD at most, and then the count that has them in it. */
static bool write_records(const struct npu_log_record *record, uint32_t records)
{
	uint64_t count __attribute__((aligned(8))) = log.count + records;

	for (uint32_t i = 0; i < records; i++) {
		const uint64_t place = (log.count + i) & log.mask;

		if (!transfer(NPU_LOG_RING_HEADER + place * NPU_LOG_RECORD, &record[i], NPU_LOG_RECORD,
			      NPU_SOC_PORT_WRITE))
			return false;
	}
	log.count = count;
	return transfer(offsetof(struct npu_log_ring, count), &count, sizeof(count),
			NPU_SOC_PORT_WRITE);
}

static void off(void)
{
	log.ring = 0;
	log.level = NPU_LOG_LEVEL_NONE;
	log_groups = 0;
}

static void keep(const struct npu_log_record *record, uint32_t records)
{
	for (uint32_t i = 0; i < records; i++) {
		if (log.early < EARLY)
			early_record[log.early++] = record[i];
		else
			log.lost++;
	}
}

static void put(const struct npu_log_record *record, uint32_t records)
{
	if (!log.told)
		keep(record, records);
	else if (log.ring && !write_records(record, records))
		off();
}

static bool is_wanted(const struct npu_log_record *record)
{
	if (record->event == NPU_LOG_TEXT)
		return record->level <= log.level;
	/* So far nothing else was traced. */
	return log_groups & NPU_LOG_GROUP_BOOT;
}

static bool flush_early(void)
{
	bool ok = true;

	for (uint32_t i = 0; i < log.early && ok; i++) {
		if (is_wanted(&early_record[i]))
			ok = write_records(&early_record[i], 1);
	}
	log.early = 0;
	return ok;
}

/* ---- lines --------------------------------------------------------------------------------------- */

void log_puts(const char *text)
{
	while (*text && line.length < sizeof(line.text))
		line.text[line.length++] = *text++;
}

static void put_number(uint64_t value, unsigned int base)
{
	char text[21];
	char *p = text + sizeof(text) - 1;

	*p = 0;
	do {
		*--p = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	log_puts(p);
}

void log_hex(uint64_t value)
{
	log_puts("0x");
	put_number(value, 16);
}

void log_dec(uint64_t value)
{
	put_number(value, 10);
}

void log_end(enum npu_log_severity level, uint32_t queue)
{
	const uint64_t now = soc_read64(NPU_SOC_TIME);
	uint32_t records = 0;

	if (level <= log.level) {
		for (unsigned int at = 0; at < line.length; at += NPU_LOG_CHARS, records++) {
			struct npu_log_record *record = &line_record[records];
			const unsigned int left = line.length - at;

			*record = (struct npu_log_record){
				.time = now,
				.event = NPU_LOG_TEXT,
				.level = (uint8_t)level,
				.flags = at ? NPU_LOG_CONTINUED : 0,
				.queue = queue,
			};
			memcpy(record->text, line.text + at,
			       left < NPU_LOG_CHARS ? left : NPU_LOG_CHARS);
		}
		if (records)
			put(line_record, records);
	}
	line.length = 0;
}

void log_end_aloud(enum npu_log_severity level)
{
	for (unsigned int i = 0; i < line.length; i++)
		soc_write32(NPU_SOC_CONSOLE, (uint8_t)line.text[i]);
	soc_write32(NPU_SOC_CONSOLE, '\n');
	log_end(level, NPU_LOG_NO_QUEUE);
}

/* ---- trace ---------------------------------------------------------------------------------------- */

__attribute__((noinline, cold)) void log_event(enum npu_log_event event, uint32_t queue,
					       const uint64_t args[NPU_LOG_ARGS])
{
	struct npu_log_record record __attribute__((aligned(8))) = {
		.time = soc_read64(NPU_SOC_TIME),
		.event = (uint16_t)event,
		.queue = queue,
	};

	memcpy(record.arg, args, sizeof(record.arg));
	put(&record, 1);
}

/* ---- from the host --------------------------------------------------------------------------------- */

static bool fields_good(const struct npu_msg *msg)
{
	const typeof(msg->log_set) *set = &msg->log_set;

	if (set->reserved0 || set->reserved[0] || set->reserved[1] || set->reserved[2] ||
	    set->reserved[3])
		return false;
	if (!set->ring)
		return !set->trace && !set->ring_log2 && !set->level;
	return set->ring % 4096 == 0 && set->ring_log2 >= NPU_LOG_RING_MIN_LOG2 &&
	       set->ring_log2 <= NPU_LOG_RING_MAX_LOG2 &&
	       set->ring <= UINT64_MAX - NPU_LOG_RING_SIZE(set->ring_log2) &&
	       set->level < NPU_LOG_LEVELS && !(set->trace & ~(uint32_t)NPU_LOG_GROUPS);
}

/* Find out that a ring answers at both ends, and where in it the firmware before has ended. */
static bool open_ring(uint64_t ring, uint8_t ring_log2, struct npu_log_ring *header)
{
	struct npu_log_record last __attribute__((aligned(8)));
	const uint64_t end = ring + NPU_LOG_RING_SIZE(ring_log2);

	if (port_transfer(end - sizeof(last), &last, sizeof(last), NPU_SOC_PORT_READ) ||
	    port_transfer(ring, header, sizeof(*header), NPU_SOC_PORT_READ))
		return false;
	header->version = NPU_LOG_VERSION;
	header->records_log2 = ring_log2;
	header->lost += log.told ? 0 : log.lost;
	return !port_transfer(ring, header, sizeof(*header), NPU_SOC_PORT_WRITE);
}

enum npu_msg_status log_set(const struct npu_msg *msg)
{
	struct npu_log_ring header __attribute__((aligned(8))) = {0};
	const uint64_t ring = msg->log_set.ring;
	const bool first = !log.told;

	if (!fields_good(msg) || (ring && !open_ring(ring, msg->log_set.ring_log2, &header)))
		return NPU_MSG_BAD_LOG;
	log.told = true;
	log.ring = ring;
	log.count = header.count;
	log.mask = (1u << msg->log_set.ring_log2) - 1;
	log.level = msg->log_set.level;
	log_groups = msg->log_set.trace;
	if (first && ring && !flush_early())
		off();
	return NPU_MSG_OK;
}
