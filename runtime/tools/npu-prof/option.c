// SPDX-License-Identifier: MIT
#include <getopt.h>
#include <stdio.h>

#include "prof.h"

int prof_json_option(int argc, char **argv, bool *json)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *name = argv[0];
	int c;

	while ((c = getopt_long(argc, argv, "jh", longs, NULL)) != -1) {
		if (c == 'j') {
			*json = true;
			continue;
		}
		fprintf(c == 'h' ? stdout : stderr, "usage: npu-prof %s [-j|--json]\n", name);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc) {
		fprintf(stderr,
			"npu-prof: '%s' is one argument too many\nusage: npu-prof %s "
			"[-j|--json]\n",
			argv[optind], name);
		return 2;
	}
	return -1;
}
