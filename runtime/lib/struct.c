// SPDX-License-Identifier: MIT
/* Structs whose first member is their size, so that either side may be the newer one. */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* No struct is that large; such a size was never set. */
#define SIZE_NONSENSE 65536

static int check_size(size_t size, const char *name)
{
	if (size < sizeof(size_t) || size > SIZE_NONSENSE)
		return npurt_fail(-EINVAL,
				  "struct %s: .size is %zu; start the struct from its _INIT macro",
				  name, size);
	return 0;
}

int npurt_struct_in(void *dst, size_t dst_size, const void *src, const char *name)
{
	const uint8_t *bytes = src;
	size_t src_size;
	int err;

	memset(dst, 0, dst_size);
	if (!src)
		return 0;
	memcpy(&src_size, src, sizeof(src_size));
	err = check_size(src_size, name);
	if (err)
		return err;
	for (size_t i = dst_size; i < src_size; i++)
		if (bytes[i])
			return npurt_fail(-E2BIG,
					  "struct %s: the program sets a member at offset %zu that "
					  "this libnpurt (%d.%d) does not know; update libnpurt",
					  name, i, NPURT_VERSION_MAJOR, NPURT_VERSION_MINOR);
	memcpy(dst, src, src_size < dst_size ? src_size : dst_size);
	return 0;
}

int npurt_struct_out(void *dst, const void *src, size_t src_size, const char *name)
{
	size_t dst_size;
	int err;

	memcpy(&dst_size, dst, sizeof(dst_size));
	err = check_size(dst_size, name);
	if (err)
		return err;
	if (dst_size > src_size) {
		memset((uint8_t *)dst + src_size, 0, dst_size - src_size);
		dst_size = src_size;
	}
	memcpy((uint8_t *)dst + sizeof(size_t), (const uint8_t *)src + sizeof(size_t),
	       dst_size - sizeof(size_t));
	return 0;
}
