/* SPDX-License-Identifier: MIT */
/* A core dump as its file has it (npu_dump.h). The file is not trusted: any bytes may be in it. */
#ifndef NPU_PROF_DUMP_H
#define NPU_PROF_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_dump.h"

struct dump {
	struct npu_dump_header header;
	uint8_t *data; /* the whole file */
	size_t size;
	bool truncated; /* it ends before its header says */
};

/* Entries of one section, wherever in the file; an entry that is larger than known is cut. */
struct dump_section {
	const uint8_t *data;
	uint32_t entry_size;
	size_t count;
};

/* Read a dump. false: it is none, and why is in error. dump_free() in both cases. */
bool dump_read(struct dump *dump, const char *path, char *error, size_t room);
void dump_free(struct dump *dump);
/* The first section of a type; false: there is none that is whole. */
bool dump_find(const struct dump *dump, enum npu_dump_type type, struct dump_section *section);
/* Copy an entry, index below the count, to size bytes; what the file does not have of it is 0. */
void dump_entry(const struct dump_section *section, size_t index, void *entry, size_t size);

#endif /* NPU_PROF_DUMP_H */
