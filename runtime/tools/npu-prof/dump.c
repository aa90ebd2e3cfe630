// SPDX-License-Identifier: MIT
#include "dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any dump of any version to come; the driver's are NPU_DUMP_MAX at most. */
#define DUMP_ROOM (16u << 20)

static bool read_all(struct dump *dump, FILE *file)
{
	size_t room = 0;

	for (;;) {
		if (dump->size == room) {
			uint8_t *grown;

			room = room ? 2 * room : 65536;
			grown = room <= DUMP_ROOM ? realloc(dump->data, room) : NULL;
			if (!grown) {
				errno = EFBIG;
				return false;
			}
			dump->data = grown;
		}
		dump->size += fread(dump->data + dump->size, 1, room - dump->size, file);
		if (ferror(file))
			return false;
		if (feof(file))
			return true;
	}
}

static bool check_header(struct dump *dump, const char *path, char *error, size_t room)
{
	struct npu_dump_header *header = &dump->header;
	size_t copied = dump->size < sizeof(*header) ? dump->size : sizeof(*header);

	memcpy(header, dump->data, copied);
	if (copied < sizeof(header->magic) || header->magic != NPU_DUMP_MAGIC) {
		snprintf(error, room, "%s is no core dump of an NPU", path);
		return false;
	}
	if (copied < sizeof(*header)) {
		snprintf(error, room, "%s is truncated: it ends in its header", path);
		return false;
	}
	if (header->major != NPU_DUMP_MAJOR) {
		snprintf(error, room, "%s has format %u.%u, this npu-prof reads %d.x", path,
			 header->major, header->minor, NPU_DUMP_MAJOR);
		return false;
	}
	if (header->header_size < sizeof(*header) || header->header_size % 8 ||
	    header->header_size > header->size) {
		snprintf(error, room, "%s is damaged: a header of %u bytes in a dump of %u", path,
			 header->header_size, header->size);
		return false;
	}
	header->why[sizeof(header->why) - 1] = '\0';
	if (dump->size < header->size)
		dump->truncated = true;
	else
		dump->size = header->size;
	return true;
}

bool dump_read(struct dump *dump, const char *path, char *error, size_t room)
{
	FILE *file = fopen(path, "rb");
	bool good;

	memset(dump, 0, sizeof(*dump));
	if (!file) {
		snprintf(error, room, "cannot open %s: %s", path, strerror(errno));
		return false;
	}
	good = read_all(dump, file);
	if (!good)
		snprintf(error, room, "cannot read %s: %s", path, strerror(errno));
	fclose(file);
	return good && check_header(dump, path, error, room);
}

void dump_free(struct dump *dump)
{
	free(dump->data);
	dump->data = NULL;
}

bool dump_find(const struct dump *dump, enum npu_dump_type type, struct dump_section *section)
{
	size_t at = dump->header.header_size;

	for (uint32_t i = 0; i < dump->header.sections; i++) {
		struct npu_dump_section head;

		if (at > dump->size || dump->size - at < sizeof(head))
			return false;
		memcpy(&head, dump->data + at, sizeof(head));
		at += sizeof(head);
		if (head.size > dump->size - at)
			return false;
		if (head.type == (uint32_t)type && head.entry_size) {
			section->data = dump->data + at;
			section->entry_size = head.entry_size;
			section->count = head.size / head.entry_size;
			return section->count != 0;
		}
		at += (head.size + 7) / 8 * 8;
	}
	return false;
}

void dump_entry(const struct dump_section *section, size_t index, void *entry, size_t size)
{
	size_t has = section->entry_size < size ? section->entry_size : size;

	memset(entry, 0, size);
	memcpy(entry, section->data + index * section->entry_size, has);
}
