// SPDX-License-Identifier: MIT
/* Properties of a simulated device, as "tiles=4,threads=2": those of QEMU's device, and its memory. */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define MEMORY_MIN (16ull << 20)
#define MEMORY_MAX (1ull << 40)

enum kind {
	NUMBER,
	SIZE,
	TEXT,
	SWITCH
};

static const struct property {
	const char *name;
	enum kind kind;
	const char *range; /* for messages */
} properties[] = {
	{"chiplets", NUMBER, "1 to 8"},
	{"tiles", NUMBER, "1 to 8, per chiplet"},
	{"sram", SIZE, "64K to 16M, a multiple of 64K"},
	{"vlen", NUMBER, "a power of two from 128 to 16384"},
	{"queues", NUMBER, "1 to 64"},
	{"threads", NUMBER, "1 to 64, or 0: one per CPU"},
	{"matrix", TEXT, "auto, amx, avx512, avxvnni, avx2 or c"},
	{"inline-budget", NUMBER, "a number of units of work"},
	{"sync", SWITCH, "on or off"},
	{"debug-faults", SWITCH, "on or off"},
	{"memory", SIZE, "16M to 1024G"},
	{"log", SWITCH, "on or off"},
};

#define PROPERTIES (sizeof(properties) / sizeof(properties[0]))

static const struct property *find(const char *name)
{
	for (size_t i = 0; i < PROPERTIES; i++)
		if (!strcmp(properties[i].name, name))
			return &properties[i];
	return NULL;
}

/* Decimal digits, and for a size maybe K, M or G; nothing else. */
static bool parse_number(const char *text, bool size, uint64_t *ret_value)
{
	static const char suffixes[] = "KMG";
	uint64_t value;
	const char *suffix;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return false;
	suffix = size && *end ? strchr(suffixes, *end) : NULL;
	if (suffix) {
		unsigned int shift = 10 * (unsigned int)(suffix - suffixes + 1);

		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
		end++;
	}
	*ret_value = value;
	return !*end;
}

/* What the core does not check, because it cannot see it: values that its members have no room for. */
static bool apply(struct sim_config *config, const char *name, const char *value)
{
	struct npu_config *core = &config->core;
	const struct property *property = find(name);
	uint64_t n = 0;

	if (property->kind == TEXT) {
		snprintf(config->matrix, sizeof(config->matrix), "%s", value);
		return value[0] && strlen(value) < sizeof(config->matrix);
	}
	if (property->kind == SWITCH) {
		const bool on = !strcmp(value, "on");

		if (!strcmp(name, "sync"))
			core->sync = on;
		else if (!strcmp(name, "debug-faults"))
			core->debug_faults = on;
		else
			config->log = on;
		return on || !strcmp(value, "off");
	}
	if (!parse_number(value, property->kind == SIZE, &n))
		return false;
	if (!strcmp(name, "memory")) {
		config->memory = n & ~(NPU_PAGE_SIZE - 1);
		return n >= MEMORY_MIN && n <= MEMORY_MAX;
	}
	if (!strcmp(name, "inline-budget")) {
		core->inline_budget = n;
		return true;
	}
	if (n > UINT32_MAX || (property->kind == SIZE && n % 1024))
		return false;
	if (!strcmp(name, "chiplets"))
		core->chiplets = (unsigned int)n;
	else if (!strcmp(name, "tiles"))
		core->tiles_per_chiplet = (unsigned int)n;
	else if (!strcmp(name, "sram"))
		core->sram_kib = (unsigned int)(n / 1024);
	else if (!strcmp(name, "vlen"))
		core->vlen = (unsigned int)n;
	else if (!strcmp(name, "queues"))
		core->queues = (unsigned int)n;
	else
		core->threads = (unsigned int)n;
	return true;
}

static int fail_name(const char *where, const char *name)
{
	char names[256] = "";

	for (size_t i = 0; i < PROPERTIES; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", properties[i].name);
	return npurt_fail(-EINVAL,
			  "%s: '%s' is no property of the simulated device; there are: %s\n"
			  "They are given as in 'tiles=4,threads=2'.",
			  where, name, names);
}

/* One "name=value"; text may be changed. */
static int parse_one(struct sim_config *config, char *text, const char *where, uint64_t *seen)
{
	char *value = strchr(text, '=');
	const struct property *property;

	if (value)
		*value++ = '\0';
	property = find(text);
	if (!property)
		return fail_name(where, text);
	if (!value)
		return npurt_fail(-EINVAL, "%s: '%s' needs a value: %s=...: %s", where, text, text,
				  property->range);
	if (*seen >> (property - properties) & 1)
		return npurt_fail(-EINVAL, "%s: '%s' is given twice", where, text);
	*seen |= 1ull << (property - properties);
	if (!apply(config, text, value))
		return npurt_fail(-EINVAL, "%s: %s=%s: must be %s", where, text, value,
				  property->range);
	return 0;
}

int sim_config_parse(struct sim_config *config, const char *text, const char *where)
{
	const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	char *copy, *next, *one;
	uint64_t seen = 0;
	int err = 0;

	memset(config, 0, sizeof(*config));
	npu_config_init(&config->core);
	snprintf(config->matrix, sizeof(config->matrix), "%s", config->core.matrix_path);
	/* As much as the machine has, as it would be for a device on its bus. */
	config->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 1ull << 30;
	config->memory = (config->memory + NPU_LARGE_PAGE_SIZE - 1) & ~(NPU_LARGE_PAGE_SIZE - 1);
	if (text && text[0]) {
		copy = strdup(text);
		if (!copy)
			return npurt_fail_nomem("the device");
		next = copy;
		while (!err && (one = strsep(&next, ",")))
			err = parse_one(config, one, where, &seen);
		free(copy);
	}
	config->core.matrix_path = config->matrix;
	return err;
}
