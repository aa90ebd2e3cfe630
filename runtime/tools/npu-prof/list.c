// SPDX-License-Identifier: MIT
/* npu-prof list: what can be counted. Needs no device. */
#include <npurt.h>
#include <stdbool.h>
#include <stdio.h>

#include "prof.h"

int prof_list(int argc, char **argv)
{
	bool json = false;
	int status = prof_json_option(argc, argv, &json);

	if (status >= 0)
		return status;
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
