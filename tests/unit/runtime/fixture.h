/* SPDX-License-Identifier: MIT */
/* What the runtime's tests share. */
#ifndef RUNTIME_FIXTURE_H
#define RUNTIME_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "tap.h"

#define KERNELS RUNTIME_OUT "/kernels.elf"

/* Stop the test program: what comes after makes no sense. */
__attribute__((noreturn, unused)) static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, npurt_error_detail());
	exit(1);
}

#define NEED(call)                  \
	do {                        \
		if (call)           \
			die(#call); \
	} while (0)

/* A file in memory, with its size. */
__attribute__((unused)) static unsigned char *slurp(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data = malloc(1 << 20);

	if (!file || !data)
		die(path);
	*ret_size = fread(data, 1, 1 << 20, file);
	fclose(file);
	return data;
}

/* The call failed with err and its detail text holds words. */
__attribute__((unused)) static bool fails(int got, int err, const char *words, const char *name)
{
	bool text = strstr(npurt_error_detail(), words) != NULL;

	if (tap_ok(got == err && text, "%s", name))
		return true;
	tap_diag("returned %d, should be %d; detail: %s", got, err, npurt_error_detail());
	return false;
}

__attribute__((unused)) static struct npurt_device *null_device(void)
{
	struct npurt_device *device;

	NEED(npurt_device_open_backend(&npurt_backend_null, NULL, &device));
	return device;
}

#endif /* RUNTIME_FIXTURE_H */
