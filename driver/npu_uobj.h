/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that programs pass in. */
#ifndef NPU_UOBJ_H
#define NPU_UOBJ_H

#include <linux/types.h>

#include <drm/npu_accel.h>

void *npu_uobj_get(const struct drm_npu_obj_array *in, size_t min_size, size_t size, u32 max_count);

/**
 * NPU_UOBJ_GET() - copy an array of objects from user space
 * @in: struct drm_npu_obj_array *
 * @type: kernel's type of the object
 * @last: last member that the first release of the type had
 * @max_count: objects at most
 *
 * Return: see npu_uobj_get().
 */
#define NPU_UOBJ_GET(in, type, last, max_count) \
	((type *)npu_uobj_get(in, offsetofend(type, last), sizeof(type), max_count))

#endif /* NPU_UOBJ_H */
