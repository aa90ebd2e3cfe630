// SPDX-License-Identifier: MIT
/*
 * npu-prof model: the table of cycles and energies that the modelled figures are made of. Needs no
 * device; docs/model.md is the same table with the version it has.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "prof.h"

static const struct {
	const char *name;
	uint64_t value;
	const char *unit, *description, *source, *node;
} rows[] = {
#define M(id, value, unit, description, source, node) {#id, value, unit, description, source, node},
#include "npu_model.def"
};

static const struct {
	const char *key, *work, *where;
} sources[] = {
#define S(key, work, where) {#key, work, where},
#include "npu_model.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The table's texts have no character that JSON would have to escape. */
static int print_json(void)
{
	puts("{\n  \"values\": [");
	for (size_t i = 0; i < COUNT(rows); i++)
		printf("    {\"name\": \"%s\", \"value\": %" PRIu64 ", \"unit\": \"%s\", "
		       "\"description\": \"%s\", \"source\": \"%s\", \"node\": \"%s\"}%s\n",
		       rows[i].name, rows[i].value, rows[i].unit, rows[i].description,
		       rows[i].source, rows[i].node, i + 1 < COUNT(rows) ? "," : "");
	puts("  ],\n  \"sources\": {");
	for (size_t i = 0; i < COUNT(sources); i++)
		printf("    \"%s\": {\"work\": \"%s\", \"where\": \"%s\"}%s\n", sources[i].key,
		       sources[i].work, sources[i].where, i + 1 < COUNT(sources) ? "," : "");
	puts("  }\n}");
	return 0;
}

int prof_model(int argc, char **argv)
{
	bool json = false;
	int status = prof_json_option(argc, argv, &json);

	if (status >= 0)
		return status;
	if (json)
		return print_json();
	for (size_t i = 0; i < COUNT(rows); i++)
		printf("%-18s %10" PRIu64 " %-11s %s [%s]\n", rows[i].name, rows[i].value,
		       rows[i].unit, rows[i].description, rows[i].source);
	return 0;
}
