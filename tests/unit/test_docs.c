/* SPDX-License-Identifier: MIT */
/*
 * docs/model.md is the model's table, and nothing else; --write makes it so. docs/hardware.md says
 * what the model does: it names each row, and rows and counters that it names exist. What the contracts
 * number (registers, bits, packets, messages, errors, counters, values of fields) has its row in hardware.md, firmware.md or
 * faults.md, and so have properties, CSRs and versions. Structures: test_docs_layout.c.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "npu_counters.h"
#include "npu_fault.h"
#include "npu_fw.h"
#include "npu_log.h"
#include "npu_regs.h"
#include "tap.h"

/* With a comma before each three digits, as energies are written. */
static void number(char *to, size_t size, uint64_t value, bool commas)
{
	if (value < 1000 || !commas)
		snprintf(to, size, "%llu", (unsigned long long)value);
	else if (value < 1000000)
		snprintf(to, size, "%u,%03u", (unsigned int)(value / 1000),
			 (unsigned int)(value % 1000));
	else
		snprintf(to, size, "%u,%03u,%03u", (unsigned int)(value / 1000000),
			 (unsigned int)(value / 1000 % 1000), (unsigned int)(value % 1000));
}

static const char *const counter_names[] = {
#define NAME(symbol, name, unit, description) name,
	NPU_COUNTER_TABLE(NAME)
#undef NAME
};

static const char *const scales[] = {
	[NPU_SCALE_V2] = "switching",
	[NPU_SCALE_LEAK] = "leaking",
	[NPU_SCALE_NONE] = "host",
	[NPU_SCALE_MEMORY] = "host",
};

/* What docs/model.md has to be. To be freed. */
static char *model_text(void)
{
	const struct npu_model_source *sources;
	const struct npu_model_entry *table;
	const struct npu_model_term *terms;
	char *text = NULL, value[32];
	size_t size, count;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "# The model's table\n\n"
		     "<!-- Written by make -C tests/unit model-md from uapi/npu_model.def. -->\n\n"
		     "Version %u of the one table of cycles and energies that device, documents and "
		     "tools share:\n"
		     "`uapi/npu_model.def`. How the values are used is in "
		     "[hardware.md](hardware.md#time). *Node* is the technology\n"
		     "that the source speaks of. A source that begins with the key of a work below gives the "
		     "value, or all it is made of;\n"
		     "what begins with *choice* is this device's own design, derived as it says.\n\n"
		     "## Values\n\n"
		     "| name | value | unit | what it is | source | node |\n"
		     "|---|--:|---|---|---|---|\n",
		NPU_MODEL_VERSION);
	table = npu_model_table(&count);
	for (size_t i = 0; i < count; i++) {
		number(value, sizeof(value), table[i].value, true);
		fprintf(out, "| `%s` | %s | %s | %s | %s | %s |\n", table[i].name, value,
			table[i].unit, table[i].description, table[i].source, table[i].node);
	}
	fprintf(out, "\n## Energy\n\n"
		     "Each count of a counter adds its factor times the row. At an operating point "
		     "of V mV and P ps per cycle\n"
		     "it is, rounded half up: *switching* value x V^2 / %u^2, *leaking* value x V x "
		     "P / (%u x 1000), *host* the value.\n\n"
		     "| counter | factor | row | scales |\n|---|--:|---|---|\n",
		NPU_MODEL_OPP4_MV, NPU_MODEL_OPP4_MV);
	terms = npu_model_terms(&count);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "| `%s` | %d | `%s` | %s |\n", counter_names[terms[i].counter],
			terms[i].factor, terms[i].row, scales[terms[i].scale]);
	fprintf(out, "\n## Heat\n\n"
		     "What the rows `THERMAL_...` are good for is in "
		     "[hardware.md](hardware.md#errors-of-internal-memory-heat). What the thermometer shows\n"
		     "follows from them, from energy, and from how fast the host emulates. It throttles nothing, "
		     "so no cycle, time or energy follows from it.\n");
	fprintf(out, "\n## Sources\n\n| key | work | found at |\n|---|---|---|\n");
	sources = npu_model_sources(&count);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "| %s | %s | %s |\n", sources[i].key, sources[i].work,
			sources[i].where);
	fclose(out);
	return text;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	if (file && getdelim(&text, &room, 0, file) < 0) {
		free(text);
		text = NULL;
	}
	if (file)
		fclose(file);
	return text;
}

static void test_table(const char *path)
{
	char *want = model_text(), *text = read_file(path);

	if (!tap_ok(text && want && !strcmp(text, want), "%s is the table", path))
		tap_diag("make -C tests/unit model-md writes it anew");
	free(want);
	free(text);
}

static int write_table(const char *path)
{
	char *text = model_text();
	FILE *file = text ? fopen(path, "w") : NULL;
	bool ok = file && fputs(text, file) >= 0;

	if (file && fclose(file))
		ok = false;
	if (!ok)
		perror(path);
	free(text);
	return ok ? 0 : 1;
}

/* A row cites a work that is listed, or says how it was chosen. Works that no row cites are none. */
static void test_sources(void)
{
	const struct npu_model_source *sources;
	const struct npu_model_entry *table;
	size_t count, works;

	table = npu_model_table(&count);
	sources = npu_model_sources(&works);
	for (size_t i = 0; i < count; i++) {
		const size_t length = strcspn(table[i].source, ",;: ");
		bool ok = strlen(table[i].source) > 8 && !memcmp(table[i].source, "choice: ", 8);

		for (size_t s = 0; s < works; s++)
			ok |= strlen(sources[s].key) == length &&
			      !memcmp(table[i].source, sources[s].key, length);
		/* Tools print them between quotes. */
		ok &= !strpbrk(table[i].description, "\"\\") &&
		      !strpbrk(table[i].source, "\"\\");
		if (!ok || !table[i].node[0])
			tap_ok(false, "%s has a source: %s", table[i].name, table[i].source);
	}
	tap_ok(count && works, "every value has a source");
	for (size_t s = 0; s < works; s++) {
		bool cited = false;

		for (size_t i = 0; i < count; i++)
			cited |= !!strstr(table[i].source, sources[s].key);
		tap_ok(cited && sources[s].where[0], "%s is cited", sources[s].key);
	}
}

/* The file as one line: runs of white space as one blank. NULL: cannot be read. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t length = 0, room = 0;
	int c;

	while (file && (c = getc(file)) != EOF) {
		if (length + 2 > room)
			text = realloc(text, room = 2 * room + 4096);
		if (isspace(c) && length && text[length - 1] == ' ')
			continue;
		text[length++] = isspace(c) ? ' ' : c;
		text[length] = 0;
	}
	if (file)
		fclose(file);
	return text;
}

static bool is_row(const char *name, size_t length)
{
	const struct npu_model_entry *table;
	size_t count;

	table = npu_model_table(&count);
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i].name) == length && !memcmp(table[i].name, name, length))
			return true;
	return false;
}

/* The manual says what each row is good for, by its name, and speaks of no other. */
static void test_model(const char *manual)
{
	const struct npu_model_entry *table;
	const char *time = strstr(manual, "## Time"), *end = strstr(manual, "## Counters");
	size_t count;
	bool ok = true;

	table = npu_model_table(&count);
	for (size_t i = 0; i < count; i++) {
		char quoted[64];

		snprintf(quoted, sizeof(quoted), "`%s`", table[i].name);
		tap_ok(strstr(manual, quoted), "%s in the manual", table[i].name);
	}
	for (const char *p = time; p && p < end; p++) {
		const size_t length = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

		/* Names of rows have a line in them; those of contracts begin with NPU_. */
		if (*p != '_' && memchr(p, '_', length) && strncmp(p, "NPU_", 4) &&
		    !is_row(p, length)) {
			tap_diag("the table has no %.*s", (int)length, p);
			ok = false;
		}
		p += length;
	}
	tap_ok(time && end && ok, "the manual's section on time speaks of rows that exist");
}

static bool is_counter(const char *name, size_t length)
{
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		if (strlen(counter_names[i]) == length && !memcmp(counter_names[i], name, length))
			return true;
	return false;
}

/* Words in back quotes that begin like counters must be some. */
static void test_counters(const char *manual)
{
	static const char *const groups[] = {"tile.", "stall.", "tlb.", "matrix.", "dma.", "copy.", "gather.", "link."};
	unsigned int seen = 0;

	for (const char *p = manual; (p = strchr(p, '`')); p++) {
		const size_t length = strcspn(p + 1, "` ");

		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
			if (strncmp(p + 1, groups[g], strlen(groups[g])))
				continue;
			tap_ok(is_counter(p + 1, length), "counter %.*s", (int)length, p + 1);
			seen++;
		}
	}
	tap_ok(seen, "the manual speaks of counters");
}

/*
 * docs/faults.md has one row for each fault of npu_fault.h, with all five columns filled but the second,
 * and no row for what is none.
 */
static void test_faults(void)
{
	static const char *const numbered[] = {
#define ROW(symbol, number, name, target, description) "| " #number " | `" name "` |",
		NPU_FAULT_TABLE(ROW)
#undef ROW
	};
	static const char *const names[] = {
#define NAME(symbol, number, name, target, description) name,
		NPU_FAULT_TABLE(NAME)
#undef NAME
	};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	FILE *file = fopen(DOCS "/faults.md", "r");
	unsigned int rows[COUNT] = {0}, strangers = 0;
	bool whole[COUNT] = {false};
	char line[8192], *text;

	if (!tap_ok(file, "the list of faults can be read"))
		return;
	while (fgets(line, sizeof(line), file)) {
		unsigned int i, bars = 0, empty = 0;
		const size_t length = strcspn(line + 3, "`");

		if (strncmp(line, "| `", 3))
			continue;
		for (i = 0; i < COUNT; i++)
			if (strlen(names[i]) == length && !memcmp(names[i], line + 3, length))
				break;
		if (i == COUNT) {
			tap_diag("no such fault: %.*s", (int)length, line + 3);
			strangers++;
			continue;
		}
		for (const char *p = line; *p; p++) {
			bars += *p == '|';
			empty += !strncmp(p, "| |", 3);
		}
		rows[i]++;
		whole[i] = bars == 6 && empty <= 1;
	}
	fclose(file);
	text = read_text(DOCS "/faults.md");
	for (unsigned int i = 0; i < COUNT; i++)
		tap_ok(text && strstr(text, numbered[i]), "and its number: %s", numbered[i]);
	free(text);
	for (unsigned int i = 0; i < COUNT; i++)
		tap_ok(rows[i] == 1 && whole[i], "docs/faults.md has a whole row for %s", names[i]);
	tap_is(strangers, 0, "and none for what is no fault");
}

/* How the contract gives a name its number, and how the manual writes that. */
enum number_form {
	OFFSET, /* #define NAME 0x123: as it is */
	BIT, /* #define NAME (1u << 3): 3 */
	VALUE, /* NAME = 3, or #define NAME 3: as it is */
	COMMAND, /* #define NAME 3u: 3 */
	MASK, /* #define NAME 0x000000ffu: without the u */
};

struct listed {
	const char *header, *prefix;
	enum number_form form;
	const char *manual;
	const char *block; /* names of this enum only, if not NULL */
	const char *written; /* before the name in the manual, which is in small letters then; or NULL */
};

static const struct listed lists[] = {
	{"npu_regs.h", "NPU_REG_", OFFSET, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_STATUS_", BIT, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_IRQ_", BIT, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_FEATURE_", BIT, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_CAPS0_", MASK, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_CAPS1_", MASK, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_CAPS2_", MASK, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_OPP_", MASK, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_TLB_CMD_", MASK, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_TLB_CMD_", BIT, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_TLB_STATUS_", BIT, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_BOOT_CTRL_", BIT, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_ECC_LAST_", MASK, "hardware.md", NULL, NULL},
	{"npu_regs.h", "NPU_ECC_LAST_", BIT, "hardware.md", NULL, NULL},
	{"npu_pgtable.h", "NPU_PTE_", BIT, "hardware.md", NULL, NULL},
	{"npu_fault.h", "NPU_REG_", OFFSET, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_SOC_", OFFSET, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_TILE_", OFFSET, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_SOC_IRQ_", BIT, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_SOC_PORT_", BIT, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_SOC_ACCT_", COMMAND, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_SOC_PERF_", COMMAND, "hardware.md", NULL, NULL},
	{"npu_soc.h", "NPU_SOC_CMD_", VALUE, "hardware.md", "npu_soc_cmd", NULL},
	{"npu_soc.h", "NPU_SOC_", VALUE, "hardware.md", "npu_soc_status", NULL},
	{"npu_soc.h", "NPU_SOC_PERF_", VALUE, "hardware.md", "npu_soc_perf_result", NULL},
	{"npu_isa.h", "NPU_CSR_", OFFSET, "hardware.md", NULL, NULL},
	{"npu_isa.h", "NPU_F3_", VALUE, "hardware.md", NULL, "npu."},
	{"npu_isa.h", "NPU_DMA_", BIT, "hardware.md", NULL, NULL},
	{"npu_isa.h", "NPU_MATRIX_", OFFSET, "hardware.md", NULL, NULL},
	{"npu_packet.h", "NPU_PKT_", VALUE, "hardware.md", "npu_packet_op", NULL},
	{"npu_packet.h", "NPU_DISPATCH_", BIT, "hardware.md", NULL, NULL},
	{"npu_packet.h", "NPU_GATHER_", BIT, "hardware.md", NULL, NULL},
	{"npu_packet.h", "NPU_COUNTERS_", VALUE, "hardware.md", "npu_counters_scope", NULL},
	{"npu_ring.h", "NPU_JOB_", VALUE, "hardware.md", "npu_job_error", NULL},
	{"npu_ring.h", "NPU_ACCESS_", VALUE, "hardware.md", "npu_access", NULL},
	{"npu_ring.h", "NPU_CORE_", VALUE, "hardware.md", NULL, NULL},
	{"npu_ring.h", "NPU_RING_", VALUE, "firmware.md", "npu_ring_op", NULL},
	{"npu_ring.h", "NPU_RING_", BIT, "firmware.md", NULL, NULL},
	{"npu_ring.h", "NPU_QUEUE_", VALUE, "firmware.md", "npu_queue_state", NULL},
	{"npu_ring.h", "NPU_PRIO_", VALUE, "firmware.md", "npu_queue_priority", NULL},
	{"npu_perf.h", "NPU_PERF_MODE_", BIT, "hardware.md", NULL, NULL},
	{"npu_perf.h", "NPU_PERF_FLAG_", BIT, "hardware.md", NULL, NULL},
	{"npu_perf.h", "NPU_PERF_", VALUE, "hardware.md", "npu_perf_type", NULL},
	{"npu_perf.h", "NPU_PERF_", VALUE, "hardware.md", "npu_perf_cause", NULL},
	{"npu_fw.h", "NPU_FW_FEATURE_", BIT, "firmware.md", NULL, NULL},
	{"npu_fw.h", "NPU_BOOT_", VALUE, "firmware.md", "npu_boot_stage", NULL},
	{"npu_fw.h", "NPU_BOOT_ERR_", VALUE, "firmware.md", "npu_boot_error", NULL},
	{"npu_fw.h", "NPU_MSG_", VALUE, "firmware.md", "npu_msg_type", NULL},
	{"npu_fw.h", "NPU_MSG_", VALUE, "firmware.md", "npu_msg_status", NULL},
	{"npu_fw.h", "NPU_PANIC_", VALUE, "firmware.md", "npu_fw_panic", NULL},
	{"npu_log.h", "NPU_LOG_LEVEL_", VALUE, "firmware.md", "npu_log_severity", NULL},
	{"npu_fault.h", "NPU_FAULT_CMD_", VALUE, "faults.md", "npu_fault_cmd", NULL},
	{"npu_fault.h", "NPU_FAULT_STATUS_", VALUE, "faults.md", "npu_fault_status", NULL},
	{"npu_fault.h", "NPU_FAULT_", VALUE, "faults.md", "npu_fault_arg", NULL},
	{"npu_fault.h", "NPU_FAULT_", BIT, "faults.md", NULL, NULL},
};

/*
 * If line gives a name of the list its number, store both as the manual has to write them. Sizes and addresses
 * (which end in ul), and the second halves of 64-bit registers, are none.
 */
static bool parse_name(const struct listed *list, const char *line, char name[64], char number[32])
{
	char symbol[64], rest[64];
	size_t length;

	if (sscanf(line, list->block ? " %63[A-Z0-9_] = %63[^,\n]" :
				       "#define %63[A-Z0-9_]%*[ \t]%63[^/\n]", symbol, rest) != 2 &&
	    (list->block || sscanf(line, "#define %63[A-Z0-9_](%*[a-z]) (%63[^/\n]", symbol, rest) != 2))
		return false;
	length = strlen(symbol);
	if (strncmp(symbol, list->prefix, strlen(list->prefix)) || !strcmp(symbol + length - 3, "_HI") ||
	    !strcmp(symbol + length - 4, "_END"))
		return false;
	if (!strcmp(symbol + length - 3, "_LO"))
		symbol[length - 3] = 0;
	snprintf(name, 64, "%s%s", list->written ? list->written : "", symbol + strlen(list->prefix));
	for (char *p = name; list->written && *p; p++)
		*p = *p == '_' ? '.' : tolower((unsigned char)*p);
	switch (list->form) {
	case OFFSET:
		length = 2 + strspn(rest + 2, "0123456789abcdef");
		if (strncmp(rest, "0x", 2) || !strncmp(rest + length, "ul", 2))
			return false;
		snprintf(number, 32, "%.*s", (int)length, rest);
		return true;
	case COMMAND:
		length = strspn(rest, "0123456789");
		snprintf(number, 32, "%.*s", (int)length, rest);
		return length && rest[length] == 'u';
	case MASK:
		length = 2 + strspn(rest + 2, "0123456789abcdef");
		snprintf(number, 32, "%.*s", (int)length, rest);
		return !strncmp(rest, "0x", 2) && rest[length] == 'u';
	case BIT:
		return sscanf(rest, "(1u%*[l] << %31[0-9])", number) == 1 ||
		       sscanf(rest, "(1u << %31[0-9])", number) == 1;
	default:
		return sscanf(rest, "%31[0-9a-fx]", number) == 1;
	}
}

/* row is there, and the name at its end is whole. */
static bool has_row(const char *manual, const char *row)
{
	for (const char *p = manual; (p = strstr(p, row)); p++)
		if (strchr("` (", p[strlen(row)]))
			return true;
	return false;
}

/* Every name of the list has a row in the manual: | number | `NAME */
static void test_list(const struct listed *list)
{
	char path[512], line[1024], name[64], number[32], row[128], block[80];
	unsigned int names = 0, missing = 0;
	bool inside = !list->block;
	char *manual;
	FILE *file;

	snprintf(path, sizeof(path), DOCS "/%s", list->manual);
	manual = read_text(path);
	snprintf(path, sizeof(path), UAPI "/%s", list->header);
	file = fopen(path, "r");
	if (!manual || !file) {
		tap_ok(false, "%s and %s can be read", list->header, list->manual);
		goto out;
	}
	snprintf(block, sizeof(block), "enum %s {", list->block ? list->block : "");
	while (fgets(line, sizeof(line), file)) {
		if (list->block && !strncmp(line, block, strlen(block)))
			inside = true;
		else if (list->block && line[0] == '}')
			inside = false;
		if (!inside || !parse_name(list, line, name, number))
			continue;
		names++;
		/* An instruction is followed by its operands, an array of registers by its index. */
		snprintf(row, sizeof(row), "| %s | `%s", number, name);
		if (!has_row(manual, row)) {
			tap_diag("no row for %s%s, %s", list->prefix, name, number);
			missing++;
		}
	}
	tap_ok(names && !missing, "%s: %u names %s of %s %s", list->manual, names, list->prefix,
	       list->header, list->block ? list->block : "");
out:
	if (file)
		fclose(file);
	free(manual);
}

/* The table of counters, word for word. */
static void test_counter_table(const char *manual)
{
	static const struct {
		const char *name, *unit, *description;
	} table[] = {
#define ROW(symbol, name, unit, description) {name, unit, description},
		NPU_COUNTER_TABLE(ROW)
#undef ROW
	};
	char row[512];

	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++) {
		snprintf(row, sizeof(row), "| %u | `%s` | %s | %s |", i, table[i].name, table[i].unit,
			 table[i].description);
		tap_ok(strstr(manual, row), "counter %s in the manual's table", table[i].name);
	}
}

/* firmware.md has the lists of events and their groups, word for word; what it takes to show them holds, too. */
static void test_events(void)
{
	static const struct {
		unsigned int number;
		const char *name, *group, *arguments;
	} events[] = {
#define ROW(symbol, number, group, name, arguments) {number, name, #group, arguments},
		NPU_LOG_EVENT_TABLE(ROW)
#undef ROW
	};
	static const char *const groups[] = {
#define ROW(symbol, bit, name, description) "| " #bit " | `" name "` | " description " |",
		NPU_LOG_GROUP_TABLE(ROW)
#undef ROW
	};
	char *manual = read_text(DOCS "/firmware.md"), row[256];

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		tap_ok(manual && strstr(manual, groups[i]), "firmware.md has the group %s", groups[i]);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		unsigned int count = events[i].arguments[0] != 0;
		int used = snprintf(row, sizeof(row), "| %u | `%s` | `", events[i].number, events[i].name);

		for (const char *p = events[i].group; *p; p++)
			row[used++] = (char)tolower((unsigned char)*p);
		used += snprintf(row + used, sizeof(row) - used, "` | ");
		for (const char *p = events[i].arguments; *p; p++) {
			count += *p == ' ';
			if (*p != '#')
				row[used++] = *p;
		}
		snprintf(row + used, sizeof(row) - used, "%s|", *events[i].arguments ? " " : "");
		tap_ok(manual && strstr(manual, row) && count <= NPU_LOG_ARGS &&
			       events[i].number == i + 1,
		       "firmware.md has the event %s", row);
	}
	free(manual);
}

/* QMP knows each fault by its name, and faults.md each of QMP's commands. */
static void test_qmp(void)
{
	static const char *const quoted[] = {
#define NAME(symbol, number, name, target, description) "'" name "'",
		NPU_FAULT_TABLE(NAME)
#undef NAME
	};
	char *schema = read_text(GLUE "/../../qapi/npu.json"), *faults = read_text(DOCS "/faults.md");
	unsigned int commands = 0, missing = 0;

	for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++)
		if (!schema || !strstr(schema, quoted[i])) {
			tap_diag("QMP has no fault %s", quoted[i]);
			missing++;
		}
	for (const char *p = schema; p && faults && (p = strstr(p, "'command': '")); p++) {
		char name[64];

		commands++;
		if (sscanf(p, "'command': '%63[a-z-]'", name) != 1 || !strstr(faults, name)) {
			tap_diag("faults.md does not speak of %.40s", p);
			missing++;
		}
	}
	tap_ok(commands && !missing, "QMP has all faults, and faults.md its %u commands", commands);
	free(faults);
	free(schema);
}

/* The versions that the headers give are the last ones of the lists, and the register's. */
static void test_versions(void)
{
	char *hardware = read_text(DOCS "/hardware.md"), *firmware = read_text(DOCS "/firmware.md");
	char row[64], next[64];

	snprintf(row, sizeof(row), "| %u.%u |", NPU_HW_VERSION_MAJOR, NPU_HW_VERSION_MINOR);
	snprintf(next, sizeof(next), "| %u.%u |", NPU_HW_VERSION_MAJOR, NPU_HW_VERSION_MINOR + 1);
	tap_ok(hardware && strstr(hardware, row) && !strstr(hardware, next),
	       "hardware.md says what version %s of the device adds, and no later one", row);
	snprintf(row, sizeof(row), "minor 15:0; %u.%u |", NPU_HW_VERSION_MAJOR, NPU_HW_VERSION_MINOR);
	tap_ok(hardware && strstr(hardware, row), "and the register's row has it");
	snprintf(row, sizeof(row), "| %u.%u |", NPU_FW_ABI_MAJOR, NPU_FW_ABI_MINOR);
	snprintf(next, sizeof(next), "| %u.%u |", NPU_FW_ABI_MAJOR, NPU_FW_ABI_MINOR + 1);
	tap_ok(firmware && strstr(firmware, row) && !strstr(firmware, next),
	       "firmware.md does the same for the firmware's ABI %s", row);
	free(firmware);
	free(hardware);
}

/* Each property of QEMU's device has its row in the manual's table of properties. */
static void test_properties(void)
{
	char *manual = read_text(DOCS "/hardware.md"), *glue = read_text(GLUE "/npu.c");
	char *table = manual ? strstr(manual, "### Properties") : NULL;
	char *end = table ? strstr(table + 4, "### ") : NULL;
	unsigned int properties = 0, missing = 0;

	if (end)
		*end = 0;
	for (const char *p = glue; table && p && (p = strstr(p, "DEFINE_PROP_")); p++) {
		char name[64], quoted[80];
		const char *row;

		if (sscanf(p, "DEFINE_PROP_%*[A-Z0-9](\"%63[a-z-]\"", name) != 1)
			continue;
		properties++;
		snprintf(quoted, sizeof(quoted), "`%s`", name);
		row = strstr(table, quoted);
		if (!row) {
			tap_diag("no row for property %s", name);
			missing++;
		}
	}
	tap_ok(properties > 5 && !missing, "the manual has all %u properties of QEMU's device", properties);
	free(glue);
	free(manual);
}

/* Each CSR that the core implements is named in the manual, in its own letters. */
static void test_csrs(void)
{
	char *manual = read_text(DOCS "/hardware.md");
	FILE *file = fopen(CORE "/rv_csr.c", "r");
	unsigned int csrs = 0, missing = 0;
	char line[256], name[64];

	while (file && fgets(line, sizeof(line), file)) {
		char quoted[80];
		size_t digits;

		if (sscanf(line, " CSR_%63[A-Z0-9] = 0x", name) != 1)
			continue;
		csrs++;
		for (char *p = name; *p; p++)
			*p = tolower((unsigned char)*p);
		snprintf(quoted, sizeof(quoted), "`%s`", name);
		/* The last of a row of numbered ones is there as its number alone. */
		digits = strcspn(name, "0123456789");
		if (!strstr(manual, quoted)) {
			snprintf(quoted, sizeof(quoted), "to `%s`", name + digits);
			if (!name[digits] || !strstr(manual, quoted)) {
				tap_diag("the manual does not name %s", name);
				missing++;
			}
		}
	}
	tap_ok(csrs > 20 && !missing, "the manual names all %u standard CSRs of the core", csrs);
	if (file)
		fclose(file);
	free(manual);
}

/* The end of what begins at a line's beginning: a macro, or something with braces. */
static const char *end_of(const char *begin)
{
	const char *end = begin;

	if (strncmp(begin, "#define", 7)) {
		end = strstr(begin, "\n}");
		return end ? end : begin + strlen(begin);
	}
	do
		end = strchr(end + 1, '\n');
	while (end && end[-1] == '\\');
	return end ? end : begin + strlen(begin);
}

static bool of_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool has_word(const char *begin, const char *end, const char *word, size_t length)
{
	for (const char *p = begin; p + length <= end; p++)
		if (!memcmp(p, word, length) && !of_name(p[-1]) && !of_name(p[length]))
			return true;
	return false;
}

/* The test is in the file, and mentions the error, or names a function or macro of the file that does. */
static bool has_test(const char *text, const char *test, const char *error)
{
	const char *begin = NULL, *end;
	char name[64];

	for (const char *p = text; !begin && (p = strstr(p, "\nTEST_F")); p++)
		if (sscanf(p, " TEST_F%*[_TIMEOU](%*[a-z_], %63[a-z_0-9]", name) == 1 ||
		    sscanf(p, " TEST_F(%*[a-z_], %63[a-z_0-9]", name) == 1)
			begin = strcmp(name, test) ? NULL : p + 1;
	if (!begin)
		return false;
	end = end_of(begin);
	if (has_word(begin, end, error, strlen(error)))
		return true;
	for (const char *p = text; (p = strchr(p, '\n')); p++) {
		const char *last = p + 1 + strcspn(p + 1, "(=;\n"), *first = last;

		if (*last != '(' || (strncmp(p, "\nstatic ", 8) && strncmp(p, "\n#define ", 9)))
			continue;
		while (of_name(first[-1]))
			first--;
		if (has_word(begin, end, first, last - first) &&
		    has_word(last, end_of(p + 1), error, strlen(error)))
			return true;
	}
	return false;
}

/* Each test of another file that npu_errno.c names for a reason exists there, and is about that error. */
static void test_errno_elsewhere(void)
{
	char *table = read_file(KSELFTEST "/npu_errno.c"), *end = table;
	unsigned int named = 0, wrong = 0;

	for (char *row = table; row && (row = strstr(end, "\n\t{\"")); ) {
		char error[16], file[32] = "", test[64], path[512], *elsewhere, *text;

		end = strstr(row, "},");
		if (!end || sscanf(row, " {\"%*[^\"]\", \"%15[A-Z0-9]\"", error) != 1) {
			tap_diag("no row of the table: %.40s", row + 1);
			wrong++;
			break;
		}
		*end++ = 0;
		elsewhere = strstr(row, "\"npu_");
		if (!elsewhere)
			continue;
		named++;
		text = NULL;
		if (sscanf(elsewhere, "\"%31[a-z_]:%63[a-z_0-9]\"", file, test) == 2) {
			snprintf(path, sizeof(path), KSELFTEST "/%s.c", file);
			text = read_file(path);
		}
		if (!text || !has_test(text, test, error)) {
			tap_diag("no test with %s is %s", error, elsewhere);
			wrong++;
		}
		free(text);
	}
	tap_ok(named > 10 && !wrong, "%u errors that npu_errno.c leaves to other tests are theirs", named);
	free(table);
}

/* libnpurt(3) names each function of npurt.h, but for those that count references, which it describes. */
static void test_man_page(void)
{
	char *header = read_text(RUNTIME "/include/npurt.h"), *page = read_text(RUNTIME "/man/libnpurt.3");
	unsigned int functions = 0, missing = 0;

	for (const char *p = header; page && p && (p = strstr(p, "npurt_")); p++) {
		const size_t length = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
		char name[64];

		if (p[length] != '(' || (length > 4 && !memcmp(p + length - 4, "_ref", 4)) ||
		    (length > 6 && !memcmp(p + length - 6, "_unref", 6)))
			continue;
		functions++;
		snprintf(name, sizeof(name), "%.*s (", (int)length, p);
		if (!strstr(page, name)) {
			tap_diag("no %s)", name);
			missing++;
		}
	}
	tap_ok(functions && !missing, "libnpurt(3) names every function of npurt.h");
	free(page);
	free(header);
}

int main(int argc, char **argv)
{
	char *manual;

	if (argc > 1 && !strcmp(argv[1], "--write"))
		return write_table(DOCS "/model.md");
	test_table(DOCS "/model.md");
	test_sources();
	manual = read_text(DOCS "/hardware.md");
	if (tap_ok(manual, "the manual can be read: %s", DOCS "/hardware.md")) {
		test_model(manual);
		test_counters(manual);
		test_counter_table(manual);
	}
	free(manual);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		test_list(&lists[i]);
	test_faults();
	test_events();
	test_qmp();
	test_versions();
	test_properties();
	test_csrs();
	test_errno_elsewhere();
	test_man_page();
	return tap_done();
}
