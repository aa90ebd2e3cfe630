// SPDX-License-Identifier: MIT
/* npu-prof info: what is there, and if nothing is, what is missing. */
#include <getopt.h>
#include <npurt.h>
#include <stdio.h>
#include <string.h>

#include "prof.h"

static void print_build_id(const uint8_t *id, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", id[i]);
	putchar('\n');
}

static void print_device(const struct npurt_device_info *info)
{
	printf("%s%s%s\n", info->path[0] ? info->path : info->driver_name,
	       info->bus[0] ? " at " : "", info->bus);
	printf("  hardware   contract %u.%u, %u chiplet%s x %u tiles, %u KiB SRAM per tile, %u MHz "
	       "(modelled)\n",
	       info->hw_version >> 16, info->hw_version & 0xffff, info->chiplets,
	       info->chiplets == 1 ? "" : "s", info->tiles_per_chiplet, info->sram_size / 1024,
	       info->clock_khz / 1000);
	printf("             %u queues, %u counters, addresses 0x%llx to 0x%llx, pages of %u KiB\n",
	       info->max_queues, info->counter_count, (unsigned long long)info->va_start,
	       (unsigned long long)info->va_end, info->page_size / 1024);
	printf("  firmware   %s, ABI %u.%u, features 0x%llx\n", info->fw_version,
	       info->fw_abi_major, info->fw_abi_minor, (unsigned long long)info->fw_features);
	printf("             build id ");
	print_build_id(info->fw_build_id, sizeof(info->fw_build_id));
	printf("  driver     %s, uAPI %u.%u.%u, job timeout %u ms (at most %u ms)\n",
	       info->driver_name, info->driver_major, info->driver_minor, info->driver_patch,
	       info->default_timeout_ms, info->max_timeout_ms);
}

/* Returns 0, or 1 after saying what is wrong. */
static int show(const struct npurt_device_options *options, const char *name)
{
	struct npurt_device_info info = NPURT_DEVICE_INFO_INIT;
	struct npurt_device *device;

	if (npurt_device_open(options, &device)) {
		if (name)
			printf("%s\n", name);
		fflush(stdout);
		fprintf(stderr, "npu-prof: %s\n", npurt_error_detail());
		return 1;
	}
	npurt_device_get_info(device, &info);
	print_device(&info);
	npurt_device_unref(device);
	return 0;
}

int prof_info(int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_device_list *list;
	uint32_t version = npurt_version();
	int c, status = 0;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		fputs("usage: npu-prof info [NODE]\n", c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc - 1) {
		fprintf(stderr,
			"npu-prof: '%s' is one argument too many\nusage: npu-prof info [NODE]\n",
			argv[optind + 1]);
		return 2;
	}
	printf("libnpurt %u.%u.%u\n", version >> 16, version >> 8 & 255, version & 255);
	if (optind < argc) {
		options.path = argv[optind];
		return show(&options, NULL);
	}
	if (npurt_device_list_create(&list)) {
		fprintf(stderr, "npu-prof: %s\n", npurt_error_detail());
		return 1;
	}
	/* Without one, opening says what is missing. */
	if (!npurt_device_list_count(list))
		status = show(&options, NULL);
	for (unsigned int i = 0; i < npurt_device_list_count(list); i++) {
		options.path = npurt_device_list_path(list, i);
		status |= show(&options, options.path);
	}
	npurt_device_list_unref(list);
	return status;
}
