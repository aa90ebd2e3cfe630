/* SPDX-License-Identifier: MIT */
/*
 * The state of a paused device as a stream of bytes: npu_dev_save() and npu_dev_load().
 *
 * For each noun there is one function that visits its fields in order. It serves saving and loading,
 * so that the two cannot differ. What a stream brings in may be anything: each function checks what
 * others rely on, and after the first failure all that is read is 0.
 *
 * Fields are little endian and without padding, as wide as in memory. Never saved are host pointers and
 * what is made from guest memory again: translations, decoded code, plans.
 */
#ifndef NPU_STATE_H
#define NPU_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state {
	bool load;
	bool failed;
	uint8_t *data; /* saving: grows; loading: only read */
	size_t at, end; /* loading: end of the section */
	size_t room;
	const char *section; /* for error texts */
	char *error; /* NPU_STATE_ERROR bytes; text of the first failure */
};

/* Plain bytes; arrays of integers too. */
void state_raw(struct state *s, void *field, size_t size);
/* A bool: a byte that is 0 or 1. size is sizeof(bool). */
void state_bool(struct state *s, void *field, size_t size);
/* An integer or enum of 1, 2, 4 or 8 bytes that is at most max, or 0 after a failure. */
void state_max(struct state *s, void *field, size_t size, uint64_t max, const char *name);
/* count units of so many bytes, of which those that are all zero take a byte each. */
void state_sparse(struct state *s, void *units, size_t size, size_t count);
/* When loading: fail unless good. True if nothing has failed so far. */
bool state_check(struct state *s, bool good, const char *what);
/* Saving or loading cannot go on. */
void state_fail(struct state *s, const char *what);

/* A field of any type but struct, and one with an upper bound. */
#define STATE(s, field) \
	_Generic((field), bool: state_bool, default: state_raw)((s), &(field), sizeof(field))
#define STATE_MAX(s, field, max) state_max((s), &(field), sizeof(field), (max), #field)

#endif /* NPU_STATE_H */
