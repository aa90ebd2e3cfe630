// SPDX-License-Identifier: MIT
/* npu-prof list: what can be counted. Needs no device. */
#include <getopt.h>
#include <npurt.h>
#include <stdbool.h>
#include <stdio.h>

#include "prof.h"

int prof_list(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "jh", longs, NULL)) != -1) {
		if (c == 'j') {
			json = true;
			continue;
		}
		fputs("usage: npu-prof list [-j|--json]\n", c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc) {
		fprintf(stderr,
			"npu-prof: '%s' is one argument too many\nusage: npu-prof list "
			"[-j|--json]\n",
			argv[optind]);
		return 2;
	}
	if (json)
		puts("[");
	for (unsigned int i = 0; i < npurt_counter_count(); i++) {
		struct npurt_counter_info info = NPURT_COUNTER_INFO_INIT;

		if (npurt_counter_get_info(i, &info))
			break;
		if (json)
			printf("  {\"name\": \"%s\", \"unit\": \"%s\", \"description\": "
			       "\"%s\"}%s\n",
			       info.name, info.unit, info.description,
			       i + 1 < npurt_counter_count() ? "," : "");
		else
			printf("%-18s %-13s %s\n", info.name, info.unit, info.description);
	}
	if (json)
		puts("]");
	return 0;
}
