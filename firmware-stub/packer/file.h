/* SPDX-License-Identifier: MIT */
/* Whole files in and out. */
#ifndef NPU_PACKER_FILE_H
#define NPU_PACKER_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Read a file of at most max bytes. Returns malloc()ed bytes, or NULL after a message on stderr. */
uint8_t *file_read(const char *path, size_t max, size_t *ret_len);

/*
 * Make path hold exactly these bytes. A file that does already is left alone, so
 * that nothing which depends on it gets rebuilt; else it is replaced in one step.
 * Returns 0, or -1 after a message on stderr.
 */
int file_write_if_changed(const char *path, const void *bytes, size_t len);

#endif /* NPU_PACKER_FILE_H */
