// SPDX-License-Identifier: GPL-2.0-only
/* Arrays that programs pass in: fetched once, whatever size their elements have. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "npu_uobj.h"

/**
 * npu_uobj_get() - copy an array of objects from user space
 * @in: where it is, as the program says
 * @min_size: size of the object in its first release
 * @size: size of the object as the kernel knows it
 * @max_count: objects at most
 *
 * Members that the program does not know are 0 in the copy. To be freed with kvfree().
 *
 * Return: the copy, NULL if @in is empty, or an ERR_PTR(): -EINVAL: too many, or stride below
 * @min_size; -E2BIG: bytes set that the kernel does not know; -EFAULT; -ENOMEM.
 */
void *npu_uobj_get(const struct drm_npu_obj_array *in, size_t min_size, size_t size, u32 max_count)
{
	u64 user = in->array;
	void *objs;
	u32 i;
	int ret;

	if (in->count > max_count)
		return ERR_PTR(-EINVAL);
	if (!in->count)
		return NULL;
	if (in->stride < min_size)
		return ERR_PTR(-EINVAL);
	/* No object will ever be that large, and the tail has to be read. */
	if (in->stride > PAGE_SIZE)
		return ERR_PTR(-E2BIG);

	objs = kvmalloc_array(in->count, size, GFP_KERNEL_ACCOUNT);
	if (!objs)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < in->count; i++, user += in->stride) {
		ret = copy_struct_from_user(objs + i * size, size, u64_to_user_ptr(user),
					    in->stride);
		if (ret) {
			kvfree(objs);
			return ERR_PTR(ret);
		}
	}
	return objs;
}
