// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "internal.h"

static const struct npurt_counter_info infos[] = {
#define INFO(symbol, text, what, line) {sizeof(struct npurt_counter_info), text, what, line},
	NPU_COUNTER_TABLE(INFO)
#undef INFO
};

_Static_assert(NPURT_COUNTER_BLOCK_SIZE == sizeof(struct npu_counter_block), "counter block");
_Static_assert(NPURT_COUNTER_BLOCK_VALUES == offsetof(struct npu_counter_block, value),
	       "counter block");

NPURT_EXPORT unsigned int npurt_counter_count(void)
{
	return NPU_COUNTER_COUNT;
}

NPURT_EXPORT int npurt_counter_get_info(unsigned int index, struct npurt_counter_info *info)
{
	if (index >= NPU_COUNTER_COUNT)
		return npurt_fail(-EINVAL, "there is no counter %u; the last one is %u", index,
				  NPU_COUNTER_COUNT - 1);
	return npurt_struct_out(info, &infos[index], sizeof(infos[index]), "npurt_counter_info");
}

NPURT_EXPORT int npurt_counter_find(const char *name, unsigned int *ret_index)
{
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++) {
		if (!strcmp(infos[i].name, name)) {
			*ret_index = i;
			return 0;
		}
	}
	return npurt_fail(-ENOENT,
			  "there is no counter '%s'; 'npu-prof list' shows those there are", name);
}

NPURT_EXPORT int npurt_queue_get_counters(struct npurt_queue *queue, uint64_t *values,
					  unsigned int count, unsigned int *ret_count)
{
	struct npurt_device *device = queue->vm->device;
	uint64_t read[NPU_COUNTER_MAX];
	struct drm_npu_queue_get_state state = {
		.id = queue->id,
		.counters = DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, read),
	};
	int err = device->backend->queue_get_state(device->priv, &state);

	if (err)
		return npurt_fail(err, "cannot read the counters of queue %u: %s", queue->id,
				  err == -ENODEV ? "the device is gone" : npurt_errno_text(err));
	if (state.counters.count > NPU_COUNTER_COUNT)
		state.counters.count = NPU_COUNTER_COUNT;
	if (count > state.counters.count)
		count = state.counters.count;
	memcpy(values, read, count * sizeof(*values));
	*ret_count = count;
	return 0;
}
