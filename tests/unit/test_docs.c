/* SPDX-License-Identifier: MIT */
/*
 * docs/model.md is the model's table, and nothing else; --write makes it so. docs/hardware.md says
 * what the model does: values stand in it where the list below says, and each counter that it
 * speaks of exists.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "npu_counters.h"
#include "tap.h"

/* Row or formula of the manual that a value stands in, in place of %s. */
static const struct {
	const char *name, *text;
} places[] = {
	{"CORE_ALU", "| integer, branch not taken | %s |"},
	{"CORE_MUL", "| multiply | %s |"},
	{"CORE_DIV", "| divide, remainder | %s |"},
	{"CORE_BRANCH_TAKEN", "| branch taken, jump | %s |"},
	{"CORE_LOAD", "| load, SRAM | %s |"},
	{"CORE_LOAD_REMOTE", "| load, host memory | %s |"},
	{"CORE_STORE", "| store, SRAM | %s |"},
	{"CORE_STORE_REMOTE", "| store, host memory | %s |"},
	{"CORE_ATOMIC", "| atomic, SRAM | %s |"},
	{"CORE_ATOMIC_REMOTE", "| atomic, host memory | %s |"},
	{"CORE_FP_ADD", "| `fadd`, `fsub`, `fmul` | %s |"},
	{"CORE_FP_MUL", "| `fadd`, `fsub`, `fmul` | %s |"},
	{"CORE_FP_FMA", "| fused multiply-add | %s |"},
	{"CORE_FP_DIV", "| `fdiv` | %s |"},
	{"CORE_FP_SQRT", "| `fsqrt` | %s |"},
	{"CORE_FP_CVT", "| conversion | %s |"},
	{"CORE_FP_MISC", "| compare, move, sign | %s |"},
	{"CORE_CSR", "| CSR | %s |"},
	{"CORE_SYSTEM", "| `ebreak` | %s |"},
	{"CORE_FENCE_I", "| `fence.i` | %s |"},
	{"CORE_CUSTOM", "| custom, to issue | %s |"},
	{"DMA_TLB_ENTRIES", "the engine's TLB has %s direct-mapped entries"},
	{"DMA_TLB_PAGES", "each of %s neighbouring pages"},
	{"TLB_WALK", "a miss costs %s cycles"},
	{"TLB_WALK", "⌈local bytes / 64⌉ + %s × walks"},
	{"TLB_WALK", "⌈bytes / 32⌉ + %s × walks + 1200"},
	{"FRONT_PACKET", "| packet | %s |"},
	{"FRONT_DISPATCH", "| more for DISPATCH | %s |"},
	{"FRONT_COPY", "| more for COPY, FILL, GATHER | %s |"},
	{"FRONT_WRITE", "| more for TIMESTAMP, COUNTERS | %s |"},
	{"WORKGROUP", "| start of a workgroup on a tile | %s |"},
	{"WORKGROUP", "+ %s × `workgroups`"},
	{"LINK_BYTES", "⌈host bytes × tiles / %s⌉"},
	{"DMA_SETUP", "%s + 2 × rows + ⌈host bytes × tiles"},
	{"DMA_ROW", "32 + %s × rows + ⌈host bytes × tiles"},
	{"INDEX_ROW", "A row that an index names takes %s cycles more"},
	{"INDEX_ROW", "64 + 2 × rows + %s × indices + ⌈bytes / 32⌉"},
	{"DMA_LATENCY", "is done %s cycles later if host memory was involved"},
	{"DMA_LOCAL_BYTES", "⌈local bytes / %s⌉"},
	{"DMA_LOCAL_LATENCY", "host memory was involved, %s if not"},
	{"MATRIX_M", "⌈M/%s⌉ ×"},
	{"MATRIX_N", "× ⌈N/%s⌉ ×"},
	{"MATRIX_K", "| s8 | %s |"},
	{"MATRIX_K_S4", "| s4 | %s |"},
	{"MATRIX_K_S2", "| s2 | %s |"},
	{"MATRIX_K_16", "| bf16 | %s |"},
	{"MATRIX_K_16", "| fp16 | %s |"},
	{"MATRIX_K_FP32", "| fp32 | %s |"},
	{"MATRIX_SPARSE", "| sparse s8 | 4 × %s |"},
	{"MATRIX_SPARSE", "| sparse s4 | 8 × %s |"},
	{"MATRIX_SETUP", "%s + 32 + ⌈table / 64⌉ + ⌈M/16⌉"},
	{"MATRIX_FILL", "32 + %s + ⌈table / 64⌉ + ⌈M/16⌉"},
	{"MATRIX_PORT_BYTES", "on its port of %s bytes per cycle"},
	{"COPY_SETUP", "%s + 2 × rows + 2 × indices + ⌈bytes / 32⌉"},
	{"COPY_ROW", "64 + %s × rows + 2 × indices"},
	{"COPY_BYTES", "× indices + ⌈bytes / %s⌉"},
	{"COPY_LATENCY", "⌈bytes / 32⌉ + 600 × walks + %s"},
	{"E_INSTRUCTION", "| instruction | %s |"},
	{"E_FP", "| floating-point instruction, in addition | %s |"},
	{"E_SRAM_ACCESS", "| scalar access to SRAM | %s |"},
	{"E_SRAM_BYTE", "| byte moved from or to SRAM by DMA, matrix engine, vector loads and stores | %s |"},
	{"E_HOST_BYTE", "| byte of host memory moved by DMA, copy engine, vector loads and stores | %s |"},
	{"E_VECTOR_BYTE", "| byte of the widest operand of a vector instruction | %s |"},
	{"VECTOR_BYTES", "take a cycle for every %s bytes of `vl` elements"},
	{"VECTOR_DIV", "square root take %s per beat"},
	{"VECTOR_PERMUTE", "gathers and compress %s;"},
	{"VECTOR_REDUCE", "reductions %s more"},
	{"VECTOR_ORDERED", "ordered sums %s more per element"},
	{"VECTOR_ELEMENT", "others %s per element"},
	{"VECTOR_LINE", "and %s cycles for each further line of 64 bytes"},
	{"E_HOST_ACCESS", "| scalar access to host memory | %s |"},
	{"E_WALK", "| page-table walk | %s |"},
	{"E_MAC", "| s8 | 4 | %s |"},
	{"E_MAC", "| sparse s8 | 4 × 2 | %s |"},
	{"E_MAC_S4", "| s4 | 8 | %s |"},
	{"E_MAC_S4", "| sparse s4 | 8 × 2 | %s |"},
	{"E_MAC_S2", "| s2 | 16 | %s |"},
	{"E_MAC_BF16", "| bf16 | 2 | %s |"},
	{"E_MAC_FP16", "| fp16 | 2 | %s |"},
	{"E_MAC_FP32", "| fp32 | 1 | %s |"},
	{"E_PACKET", "| packet | %s |"},
	{"E_TILE_CYCLE", "| cycle of a tile's share (leakage, clock) | %s |"},
	{"E_COPY_CYCLE", "| cycle of the copy engine at work | %s |"},
};
#define PLACES (sizeof(places) / sizeof(places[0]))

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

/* What docs/model.md has to be. To be freed. */
static char *model_text(void)
{
	const struct npu_model_source *sources;
	const struct npu_model_entry *table;
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
		     "that the source speaks of. An *estimate* has no public figure behind it and "
		     "is chosen for plausible proportions.\n\n"
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

/* A row cites a work that is listed, or says that it is an estimate. */
static void test_sources(void)
{
	const struct npu_model_source *sources;
	const struct npu_model_entry *table;
	size_t count, works;

	table = npu_model_table(&count);
	sources = npu_model_sources(&works);
	for (size_t i = 0; i < count; i++) {
		const size_t length = strcspn(table[i].source, ",;: ");
		bool ok = length == 8 && !memcmp(table[i].source, "estimate", 8);

		for (size_t s = 0; s < works; s++)
			ok |= strlen(sources[s].key) == length &&
			      !memcmp(table[i].source, sources[s].key, length);
		if (!ok || !table[i].node[0])
			tap_ok(false, "%s has a source: %s", table[i].name, table[i].source);
	}
	tap_ok(count && works, "every value has a source");
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

static void test_model(const char *manual)
{
	const struct npu_model_entry *table;
	size_t count;

	table = npu_model_table(&count);
	for (size_t i = 0; i < count; i++) {
		for (size_t p = 0; p < PLACES; p++) {
			const char *gap = strstr(places[p].text, "%s");
			char value[32], text[160];

			if (strcmp(places[p].name, table[i].name))
				continue;
			number(value, sizeof(value), table[i].value, !strcmp(table[i].unit, "fJ"));
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(gap - places[p].text),
				 places[p].text, value, gap + 2);
			if (!tap_ok(strstr(manual, text), "%s in the manual", table[i].name))
				tap_diag("\"%s\" is not there", text);
		}
	}
}

static bool is_counter(const char *name, size_t length)
{
	static const char *const names[] = {
#define NAME(symbol, name, unit, description) name,
		NPU_COUNTER_TABLE(NAME)
#undef NAME
	};

	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		if (strlen(names[i]) == length && !memcmp(names[i], name, length))
			return true;
	return false;
}

/* Words in back quotes that begin like counters must be some. */
static void test_counters(const char *manual)
{
	static const char *const groups[] = {"tile.", "stall.", "tlb.", "matrix.", "dma.", "copy.", "gather."};
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
	}
	free(manual);
	return tap_done();
}
