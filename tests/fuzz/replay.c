// SPDX-License-Identifier: MIT
/* Runs a target over each input of its kept corpus once; a broken promise ends the program. */
#include <dirent.h>

#include "fuzz.h"
#include "tap.h"

static void run_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *file = fopen(path, "rb");
	size_t size;
	uint8_t *exact;

	if (!file) {
		tap_ok(false, "%s can be read", path);
		return;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* Of its own size, so that a read past its end is seen. */
	exact = malloc(size ? size : 1);
	if (!exact)
		abort();
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	/* test-fuzz-NAME */
	const char *name = strrchr(argv[0], '-') + 1;
	struct dirent **entries;
	char path[4096];
	int count, inputs = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	count = scandir(path, &entries, NULL, alphasort);
	run_file("/dev/null");
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s/%s", CORPUS, name, entries[i]->d_name);
			/* Who looks for the culprit finds it in the last line. */
			fprintf(stderr, "# %s\n", entries[i]->d_name);
			run_file(path);
			inputs++;
		}
		free(entries[i]);
	}
	tap_ok(inputs > 0, "%s: %d kept inputs", name, inputs);
	if (count >= 0)
		free(entries);
	return tap_done();
}
