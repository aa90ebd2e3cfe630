/* SPDX-License-Identifier: MIT */
/*
 * docs/layouts.md lists every structure of the contracts, and every field of each, at its offset. The headers are
 * read as text, since a compiler does not tell what fields there are; that they are read rightly
 * is held against the sizes the compiler knows.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu_counters.h"
#include "npu_fw.h"
#include "npu_isa.h"
#include "npu_log.h"
#include "npu_packet.h"
#include "npu_perf.h"
#include "npu_pgtable.h"
#include "npu_ring.h"
#include "tap.h"

static const char *const headers[] = {"npu_counters.h", "npu_fw.h",	 "npu_isa.h",  "npu_log.h",    "npu_packet.h",
				      "npu_perf.h",	"npu_pgtable.h", "npu_ring.h", "npu_regs.h",
				      "npu_soc.h",	"npu_fault.h"};

/* All that there are. align is that of the widest field. */
static const struct known {
	const char *name;
	size_t size, align;
} known[] = {
#define KNOWN(name, align) {#name, sizeof(struct name), align}
	KNOWN(npu_counter_block, 8), KNOWN(npu_fw_header, 8),	KNOWN(npu_msg, 8),
	KNOWN(npu_mbox, 8),	     KNOWN(npu_dma_desc, 8),	KNOWN(npu_matrix_desc, 4),
	KNOWN(npu_channel, 4),	     KNOWN(npu_matrix_curve, 4), KNOWN(npu_kernel_desc, 8),
	KNOWN(npu_pkt_header, 4),    KNOWN(npu_pkt_dispatch, 8), KNOWN(npu_pkt_copy, 8),
	KNOWN(npu_pkt_fill, 8),	     KNOWN(npu_pkt_gather, 8),	KNOWN(npu_pkt_barrier, 8),
	KNOWN(npu_pkt_timestamp, 8), KNOWN(npu_timestamp, 8),	KNOWN(npu_pkt_counters, 8),
	KNOWN(npu_perf_ring, 8),     KNOWN(npu_perf_head, 8),	KNOWN(npu_perf_sample, 8),
	KNOWN(npu_perf_pc, 8),	     KNOWN(npu_perf_share, 8),	KNOWN(npu_perf_packet, 8),
	KNOWN(npu_perf_op, 8),	     KNOWN(npu_as_entry, 8),	KNOWN(npu_queue_desc, 8),
	KNOWN(npu_ring_entry, 8),    KNOWN(npu_queue_wb, 8),	KNOWN(npu_core_state, 8),
	KNOWN(npu_log_ring, 8),	     KNOWN(npu_log_record, 8),
#undef KNOWN
};

/* What arrays are as long as. */
static const struct {
	const char *text;
	size_t value;
} lengths[] = {
	{"NPU_COUNTER_MAX", NPU_COUNTER_MAX},	    {"NPU_FW_BUILD_ID_LEN", NPU_FW_BUILD_ID_LEN},
	{"NPU_FW_HASH_LEN", NPU_FW_HASH_LEN},	    {"NPU_FW_VERSION_LEN", NPU_FW_VERSION_LEN},
	{"NPU_MATRIX_PIECES", NPU_MATRIX_PIECES},   {"NPU_MBOX_ENTRIES", NPU_MBOX_ENTRIES},
	{"NPU_PERF_CAUSES", NPU_PERF_CAUSES},	    {"NPU_LOG_ARGS", NPU_LOG_ARGS},
	{"NPU_LOG_CHARS", NPU_LOG_CHARS},	    {"4096 - 4 * 64", 4096 - 4 * 64},
};

/* ---- reading a structure ------------------------------------------------------------------------ */

struct field {
	size_t offset;
	char name[64];
};

struct reader {
	const char *at;
	bool bad;
	struct field field[128];
	unsigned int fields;
};

struct extent {
	size_t size, align;
};

static void skip(struct reader *r)
{
	for (;;) {
		r->at += strspn(r->at, " \t\n");
		if (strncmp(r->at, "/*", 2) || !strstr(r->at, "*/"))
			return;
		r->at = strstr(r->at, "*/") + 2;
	}
}

/* If this comes next, take it. */
static bool take(struct reader *r, char c)
{
	skip(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static void take_word(struct reader *r, char word[64])
{
	size_t length;

	skip(r);
	length = strspn(r->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	r->bad |= !length || length > 63;
	snprintf(word, 64, "%.*s", (int)length, r->at);
	r->at += length;
}

/* Elements of the array that the name before is, or 1. */
static size_t take_length(struct reader *r)
{
	const char *start, *end;

	if (!take(r, '['))
		return 1;
	start = r->at;
	end = strchr(start, ']');
	r->bad |= !end;
	if (!end)
		return 1;
	r->at = end + 1;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (strlen(lengths[i].text) == (size_t)(end - start) &&
		    !memcmp(lengths[i].text, start, end - start))
			return lengths[i].value;
	r->bad |= strspn(start, "0123456789") != (size_t)(end - start);
	return strtoul(start, NULL, 10);
}

static struct extent type_extent(struct reader *r, const char *word)
{
	static const struct known plain[] = {
		{"__u8", 1, 1}, {"__u16", 2, 2}, {"__u32", 4, 4}, {"__u64", 8, 8}, {"__s32", 4, 4},
		{"char", 1, 1}};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(plain[i].name, word))
			return (struct extent){plain[i].size, plain[i].align};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, word))
			return (struct extent){known[i].size, known[i].align};
	r->bad = true;
	return (struct extent){1, 1};
}

static void add_field(struct reader *r, size_t offset, const char *name)
{
	if (r->fields == sizeof(r->field) / sizeof(r->field[0])) {
		r->bad = true;
		return;
	}
	r->field[r->fields].offset = offset;
	snprintf(r->field[r->fields++].name, sizeof(r->field[0].name), "%s", name);
}

/* The fields first to last - 1, of a structure inside of another, are that of its name, and lie further on. */
static void nest(struct reader *r, unsigned int first, unsigned int last, size_t offset, const char *name)
{
	for (unsigned int i = first; i < last; i++) {
		char whole[160];

		r->field[i].offset += offset;
		snprintf(whole, sizeof(whole), "%s%s%s", name, *name ? "." : "", r->field[i].name);
		r->bad |= strlen(whole) >= sizeof(r->field[i].name);
		memcpy(r->field[i].name, whole, sizeof(r->field[i].name) - 1);
	}
}

static size_t aligned(size_t offset, size_t align)
{
	return (offset + align - 1) / align * align;
}

/* Members up to the closing brace. */
static struct extent take_body(struct reader *r, bool overlaid)
{
	struct extent all = {0, 1};
	size_t next = 0;

	while (!r->bad && !take(r, '}')) {
		const unsigned int first = r->fields;
		struct extent one;
		char word[64];
		size_t offset, bytes = 0;
		bool inner = false;

		take_word(r, word);
		if (!strcmp(word, "struct") || !strcmp(word, "union")) {
			if (take(r, '{')) {
				inner = true;
				one = take_body(r, *word == 'u');
			} else {
				take_word(r, word);
				one = type_extent(r, word);
			}
		} else {
			one = type_extent(r, word);
		}
		offset = overlaid ? 0 : aligned(next, one.align);
		if (inner) {
			const unsigned int last = r->fields;
			const struct reader copy = *r;

			if (take(r, ';')) {
				nest(r, first, last, offset, "");
				bytes = one.size;
			} else {
				bool again = false;

				do {
					take_word(r, word);
					if (again) /* a second one of the same kind */
						for (unsigned int i = first; i < last; i++)
							add_field(r, copy.field[i].offset,
								  copy.field[i].name);
					nest(r, again ? r->fields - (last - first) : first,
					     again ? r->fields : last, offset + bytes, word);
					bytes += one.size * take_length(r);
					again = true;
				} while (take(r, ','));
				r->bad |= !take(r, ';');
			}
		} else {
			do {
				take_word(r, word);
				add_field(r, offset + bytes, word);
				bytes += one.size * take_length(r);
			} while (take(r, ','));
			r->bad |= !take(r, ';');
		}
		if (all.align < one.align)
			all.align = one.align;
		next = offset + bytes;
		if (all.size < next)
			all.size = next;
	}
	all.size = aligned(all.size, all.align);
	return all;
}

/* ---- comparing it -------------------------------------------------------------------------------- */

static char *read_file(const char *folder, const char *name)
{
	char path[512], *text = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (file && getdelim(&text, &room, 0, file) < 0) {
		free(text);
		text = NULL;
	}
	if (file)
		fclose(file);
	return text;
}

/* Fields that mean nothing, and heads that others have a list of. */
static bool is_silent(const char *name)
{
	const char *last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;

	return !strncmp(last, "reserved", 8) || !strcmp(last, "pad") || !strcmp(last, "hdr");
}

static void test_struct(const char *manual, const struct known *s, const char *text)
{
	static struct reader r;
	char title[96];
	const char *section, *end;
	struct extent extent;
	unsigned int listed = 0, missing = 0, rows = 0;

	memset(&r, 0, sizeof(r));
	r.at = strchr(text, '{') + 1;
	extent = take_body(&r, false);
	if (!tap_ok(!r.bad && extent.size == s->size, "struct %s can be read", s->name))
		tap_diag("%zu bytes, should be %zu", extent.size, s->size);
	snprintf(title, sizeof(title), "`struct %s` (", s->name);
	section = strstr(manual, title);
	if (!strcmp(s->name, "npu_pkt_barrier")) /* has no fields of its own */
		return;
	if (!tap_ok(section, "layouts.md has struct %s", s->name))
		return;
	end = strstr(section, "\n`struct ");
	end = end ? end : section + strlen(section);
	for (const char *p = section; p < end; p++)
		rows += !strncmp(p, "\n| ", 3) && isdigit((unsigned char)p[3]);
	for (unsigned int i = 0; i < r.fields; i++) {
		const struct field *f = &r.field[i];
		const char *row;
		char want[96];

		if (is_silent(f->name) || (!strncmp(s->name, "npu_perf_", 9) && !f->offset &&
					   !strcmp(f->name, "head")))
			continue;
		listed++;
		snprintf(want, sizeof(want), "| %zu | `%s` |", f->offset, f->name);
		row = strstr(section, want);
		if (!row || row > end) {
			tap_diag("struct %s: no row %s", s->name, want);
			missing++;
		}
	}
	tap_ok(listed && !missing && rows == listed, "its %u fields, and no others", listed);
}

int main(void)
{
	char *manual = read_file(DOCS, "layouts.md");
	unsigned int strangers = 0;
	bool found[sizeof(known) / sizeof(known[0])] = {false};

	if (!tap_ok(manual, "docs/layouts.md can be read"))
		return tap_done();
	for (size_t h = 0; h < sizeof(headers) / sizeof(headers[0]); h++) {
		char *header = read_file(UAPI, headers[h]);

		if (!tap_ok(header, "%s can be read", headers[h]))
			continue;
		for (const char *p = header; (p = strstr(p, "\nstruct npu_")); p++) {
			const size_t length = strcspn(p + 8, " ;");
			size_t i;

			if (strncmp(p + 8 + length, " {", 2))
				continue;
			for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
				if (strlen(known[i].name) == length && !memcmp(known[i].name, p + 8, length))
					break;
			if (i == sizeof(known) / sizeof(known[0])) {
				tap_diag("not looked at: %.*s", (int)length, p + 8);
				strangers++;
				continue;
			}
			found[i] = true;
			test_struct(manual, &known[i], p);
		}
		free(header);
	}
	tap_is(strangers, 0, "all structures of the contracts were looked at");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!found[i])
			tap_ok(false, "struct %s is in a header", known[i].name);
	free(manual);
	return tap_done();
}
