// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "npu_fw.h"
#include "npu_packet.h"

_Static_assert(NPURT_GATHER_SCATTER == NPU_GATHER_SCATTER && NPURT_GATHER_PAD == NPU_GATHER_PAD,
	       "npurt_gather.flags");
_Static_assert(sizeof(struct npurt_timestamp) == sizeof(struct npu_timestamp), "timestamp");

/* Lists are mostly short, so the first chunk is a page; each next one is twice as large. */
#define FIRST_CHUNK    4096
#define ARGS_CHUNK_MAX (1u << 20)
#define ARGS_ALIGN     64

NPURT_EXPORT int npurt_cmdlist_create(struct npurt_vm *vm, struct npurt_cmdlist **ret_list)
{
	struct npurt_cmdlist *list = calloc(1, sizeof(*list));

	if (!list)
		return npurt_fail_nomem("a command list");
	refs_init(&list->refs);
	list->vm = npurt_vm_ref(vm);
	*ret_list = list;
	return 0;
}

NPURT_EXPORT struct npurt_cmdlist *npurt_cmdlist_ref(struct npurt_cmdlist *list)
{
	refs_get(&list->refs);
	return list;
}

static void free_chunks(struct npurt_cmdlist *list, struct npurt_chunk *chunk)
{
	while (chunk) {
		struct npurt_chunk *next = chunk->next;

		npurt_vm_unmap(list->vm, chunk->va);
		npurt_bo_unref(chunk->bo);
		free(chunk);
		chunk = next;
	}
}

static void drop_kernels(struct npurt_cmdlist *list)
{
	for (size_t i = 0; i < list->kernel_count; i++)
		npurt_kernel_unref(list->kernels[i]);
	list->kernel_count = 0;
}

NPURT_EXPORT struct npurt_cmdlist *npurt_cmdlist_unref(struct npurt_cmdlist *list)
{
	if (!list || !refs_put(&list->refs))
		return NULL;
	for (size_t i = 0; i < list->use_count; i++)
		npurt_timeline_unref(list->uses[i].timeline);
	drop_kernels(list);
	free_chunks(list, list->packets);
	free_chunks(list, list->args);
	npurt_vm_unref(list->vm);
	free(list->uses);
	free(list->kernels);
	free(list);
	return NULL;
}

/*
 * Room for size bytes in a chain of chunks, of which tail is being filled. Chunks behind the tail
 * are left from before a reset. max: largest chunk.
 */
static int take(struct npurt_cmdlist *list, struct npurt_chunk **first, struct npurt_chunk **tail,
		uint64_t size, uint64_t align, uint64_t max, void **ret_pointer, uint64_t *ret_va)
{
	struct npurt_chunk *chunk = *tail;
	void *pointer;
	uint64_t at, bytes;
	int err;

	if (chunk) {
		at = (chunk->used + align - 1) & ~(align - 1);
		if (at <= chunk->size && chunk->size - at >= size)
			goto found;
		if (chunk->next) { /* empty, and at least as large */
			chunk = chunk->next;
			at = 0;
			goto found;
		}
	}
	bytes = chunk ? 2 * chunk->size : FIRST_CHUNK;
	if (bytes > max)
		bytes = max;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return npurt_fail_nomem("a command list");
	err = npurt_vm_alloc(list->vm, bytes, NPURT_MAP_READONLY, &chunk->bo, &pointer, &chunk->va);
	if (err) {
		free(chunk);
		return err;
	}
	chunk->pointer = pointer;
	chunk->size = bytes;
	at = 0;
	if (*tail)
		(*tail)->next = chunk;
	else
		*first = chunk;
found:
	*tail = chunk;
	chunk->used = at + size;
	*ret_pointer = chunk->pointer + at;
	*ret_va = chunk->va + at;
	return 0;
}

/* A zeroed packet at the end of the list; its id is its place in the list. */
static int append(struct npurt_cmdlist *list, enum npu_packet_op op, union npu_packet **ret_packet)
{
	uint64_t max = (uint64_t)list->vm->device->info.max_packets * NPU_PACKET_SIZE, va;
	union npu_packet *packet;
	void *pointer;
	int err;

	if (list->finished)
		return npurt_fail(-EINVAL, "the command list is finished; reset it to record anew");
	err = take(list, &list->packets, &list->packets_tail, NPU_PACKET_SIZE, NPU_PACKET_SIZE,
		   max & ~4095ull, &pointer, &va);
	if (err)
		return err;
	packet = pointer;
	memset(packet, 0, sizeof(*packet));
	packet->hdr.op = (uint8_t)op;
	packet->hdr.id = list->length++;
	*ret_packet = packet;
	return 0;
}

/* Hold the kernel; most lists run few kernels many times. */
static int hold_kernel(struct npurt_cmdlist *list, struct npurt_kernel *kernel)
{
	for (size_t i = 0; i < list->kernel_count; i++)
		if (list->kernels[i] == kernel)
			return 0;
	if (list->kernel_count == list->kernel_room) {
		size_t room = list->kernel_room ? 2 * list->kernel_room : 8;
		struct npurt_kernel **grown = reallocarray(list->kernels, room, sizeof(*grown));

		if (!grown)
			return npurt_fail_nomem("a command list");
		list->kernels = grown;
		list->kernel_room = room;
	}
	list->kernels[list->kernel_count++] = npurt_kernel_ref(kernel);
	return 0;
}

static int check_grid(const char *kernel, uint32_t x, uint32_t y, uint32_t z)
{
	if (!x || !y || !z || x > NPU_GRID_MAX || y > NPU_GRID_MAX || z > NPU_GRID_MAX)
		return npurt_fail(
			-EINVAL,
			"grid %u x %u x %u of kernel '%s': every dimension must be 1 to %u", x, y,
			z, kernel, NPU_GRID_MAX);
	/* x * y is below 2^41, times z below 2^61 */
	if ((uint64_t)x * y * z > UINT32_MAX)
		return npurt_fail(-EINVAL,
				  "grid %u x %u x %u of kernel '%s' has more than %u workgroups", x,
				  y, z, kernel, UINT32_MAX);
	return 0;
}

static int dispatch(struct npurt_cmdlist *list, struct npurt_kernel *kernel, const void *args,
		    size_t args_size, uint32_t x, uint32_t y, uint32_t z, uint8_t flags)
{
	const char *name = npurt_kernel_name(kernel);
	union npu_packet *packet;
	uint64_t args_va = 0;
	void *pointer;
	int err = check_grid(name, x, y, z);

	if (err)
		return err;
	if (list->finished)
		return npurt_fail(-EINVAL, "the command list is finished; reset it to record anew");
	if (kernel->module->vm != list->vm)
		return npurt_fail(
			-EINVAL,
			"kernel '%s' was loaded into another address space than the command list's",
			name);
	if (args_size != npurt_kernel_args_size(kernel))
		return npurt_fail(-EINVAL,
				  "kernel '%s' takes %zu bytes of arguments, %zu were given; do "
				  "host and kernel "
				  "use the same struct?",
				  name, npurt_kernel_args_size(kernel), args_size);
	err = hold_kernel(list, kernel);
	if (err)
		return err;
	if (args_size) {
		err = take(list, &list->args, &list->args_tail, args_size, ARGS_ALIGN,
			   ARGS_CHUNK_MAX, &pointer, &args_va);
		if (err)
			return err;
		memcpy(pointer, args, args_size);
	}
	err = append(list, NPU_PKT_DISPATCH, &packet);
	if (err)
		return err;
	packet->hdr.flags = flags;
	packet->dispatch.entry = npurt_kernel_entry(kernel);
	packet->dispatch.args = args_va;
	packet->dispatch.grid[0] = x;
	packet->dispatch.grid[1] = y;
	packet->dispatch.grid[2] = z;
	return 0;
}

NPURT_EXPORT int npurt_cmdlist_dispatch(struct npurt_cmdlist *list, struct npurt_kernel *kernel,
					const void *args, size_t args_size, uint32_t x, uint32_t y,
					uint32_t z)
{
	return dispatch(list, kernel, args, args_size, x, y, z, 0);
}

NPURT_EXPORT int npurt_cmdlist_dispatch_gang(struct npurt_cmdlist *list,
					     struct npurt_kernel *kernel, const void *args,
					     size_t args_size, uint32_t x, uint32_t y, uint32_t z)
{
	const char *name = npurt_kernel_name(kernel);
	const uint32_t tiles = list->vm->device->info.tiles;
	int err = check_grid(name, x, y, z);

	if (err)
		return err;
	if ((uint64_t)x * y * z > tiles)
		return npurt_fail(-EINVAL,
				  "gang of %llu workgroups of kernel '%s': they run at the same "
				  "time, one on each tile, and the device has %u tiles",
				  (unsigned long long)((uint64_t)x * y * z), name, tiles);
	return dispatch(list, kernel, args, args_size, x, y, z, NPU_DISPATCH_GANG);
}

/* Take the caller's block, of whatever release it is, and look at what copies and fills share. */
static int take_block(struct npurt_block *block, const struct npurt_block *from)
{
	int err = npurt_struct_in(block, sizeof(*block), from, "npurt_block");

	if (!err && (!block->bytes || !block->rows || !block->planes))
		err = npurt_fail(-EINVAL, "a block of %u bytes x %u rows x %u planes is empty",
				 block->bytes, block->rows, block->planes);
	return err;
}

NPURT_EXPORT int npurt_cmdlist_copy_block(struct npurt_cmdlist *list,
					  const struct npurt_block *block)
{
	struct npurt_block b;
	union npu_packet *packet;
	int err = take_block(&b, block);

	if (!err)
		err = append(list, NPU_PKT_COPY, &packet);
	if (err)
		return err;
	packet->copy.dst = b.dst;
	packet->copy.src = b.src;
	packet->copy.size[0] = b.bytes;
	packet->copy.size[1] = b.rows;
	packet->copy.size[2] = b.planes;
	packet->copy.dst_stride[0] = b.dst_row;
	packet->copy.dst_stride[1] = b.dst_plane;
	packet->copy.src_stride[0] = b.src_row;
	packet->copy.src_stride[1] = b.src_plane;
	return 0;
}

NPURT_EXPORT int npurt_cmdlist_fill_block(struct npurt_cmdlist *list,
					  const struct npurt_block *block)
{
	struct npurt_block b;
	union npu_packet *packet;
	int err = take_block(&b, block);

	if (!err && (b.dst | b.bytes) & 3)
		err = npurt_fail(
			-EINVAL,
			"fill of %u bytes at 0x%llx: address and bytes must be multiples of 4",
			b.bytes, (unsigned long long)b.dst);
	if (!err)
		err = append(list, NPU_PKT_FILL, &packet);
	if (err)
		return err;
	packet->fill.dst = b.dst;
	packet->fill.value = b.value;
	packet->fill.size[0] = b.bytes;
	packet->fill.size[1] = b.rows;
	packet->fill.size[2] = b.planes;
	packet->fill.dst_stride[0] = b.dst_row;
	packet->fill.dst_stride[1] = b.dst_plane;
	return 0;
}

/* Largest row of one packet that keeps addresses aligned. */
#define LINEAR_MAX 0x80000000u

NPURT_EXPORT int npurt_cmdlist_copy(struct npurt_cmdlist *list, uint64_t dst, uint64_t src,
				    uint64_t size)
{
	struct npurt_block block = NPURT_BLOCK_INIT;
	int err = 0;

	if (!size)
		return npurt_fail(-EINVAL, "a copy of 0 bytes is empty");
	for (uint64_t at = 0; at < size && !err; at += block.bytes) {
		block.dst = dst + at;
		block.src = src + at;
		block.bytes = size - at < LINEAR_MAX ? (uint32_t)(size - at) : LINEAR_MAX;
		err = npurt_cmdlist_copy_block(list, &block);
	}
	return err;
}

NPURT_EXPORT int npurt_cmdlist_fill(struct npurt_cmdlist *list, uint64_t dst, uint32_t value,
				    uint64_t size)
{
	struct npurt_block block = NPURT_BLOCK_INIT;
	int err = 0;

	if (!size || (dst | size) & 3)
		return npurt_fail(
			-EINVAL,
			"fill of %llu bytes at 0x%llx: address and size must be multiples of 4, "
			"and size not 0",
			(unsigned long long)size, (unsigned long long)dst);
	block.value = value;
	for (uint64_t at = 0; at < size && !err; at += block.bytes) {
		block.dst = dst + at;
		block.bytes = size - at < LINEAR_MAX ? (uint32_t)(size - at) : LINEAR_MAX;
		err = npurt_cmdlist_fill_block(list, &block);
	}
	return err;
}

NPURT_EXPORT int npurt_cmdlist_gather(struct npurt_cmdlist *list, const struct npurt_gather *gather)
{
	struct npurt_gather g;
	union npu_packet *packet;
	int err = npurt_struct_in(&g, sizeof(g), gather, "npurt_gather");

	if (err)
		return err;
	if (!g.bytes || !g.rows)
		return npurt_fail(-EINVAL, "a gather of %u rows of %u bytes is empty", g.rows,
				  g.bytes);
	if (g.indices & 3)
		return npurt_fail(-EINVAL,
				  "gather with indices at 0x%llx: address must be a multiple of 4",
				  (unsigned long long)g.indices);
	if (g.flags & ~NPU_GATHER_FLAGS)
		return npurt_fail(-EINVAL, "gather with unknown flags 0x%x", g.flags);
	if (g.flags & NPURT_GATHER_PAD && !g.bound)
		return npurt_fail(-EINVAL, "gather with NPURT_GATHER_PAD needs a bound");
	err = append(list, NPU_PKT_GATHER, &packet);
	if (err)
		return err;
	packet->hdr.flags = (uint8_t)g.flags;
	packet->gather.dst = g.dst;
	packet->gather.src = g.src;
	packet->gather.indices = g.indices;
	packet->gather.bytes = g.bytes;
	packet->gather.rows = g.rows;
	packet->gather.dst_stride = g.dst_row;
	packet->gather.src_stride = g.src_row;
	packet->gather.bound = g.bound;
	return 0;
}

NPURT_EXPORT int npurt_cmdlist_barrier(struct npurt_cmdlist *list)
{
	union npu_packet *packet;

	return append(list, NPU_PKT_BARRIER, &packet);
}

NPURT_EXPORT int npurt_cmdlist_timestamp(struct npurt_cmdlist *list, uint64_t va)
{
	union npu_packet *packet;
	int err;

	if (va & 31)
		return npurt_fail(-EINVAL, "timestamp at 0x%llx: address must be a multiple of 32",
				  (unsigned long long)va);
	err = append(list, NPU_PKT_TIMESTAMP, &packet);
	if (!err)
		packet->timestamp.addr = va;
	return err;
}

static int counters(struct npurt_cmdlist *list, uint64_t va, uint32_t size,
		    enum npu_counters_scope scope)
{
	union npu_packet *packet;
	int err;

	if (va & 63)
		return npurt_fail(-EINVAL, "counters at 0x%llx: address must be a multiple of 64",
				  (unsigned long long)va);
	err = append(list, NPU_PKT_COUNTERS, &packet);
	if (err)
		return err;
	packet->counters.addr = va;
	packet->counters.size = size;
	packet->counters.scope = scope;
	return 0;
}

NPURT_EXPORT int npurt_cmdlist_counters(struct npurt_cmdlist *list, uint64_t va)
{
	return counters(list, va, NPURT_COUNTER_BLOCK_SIZE, NPU_COUNTERS_QUEUE);
}

NPURT_EXPORT int npurt_cmdlist_counters_by_core(struct npurt_cmdlist *list, uint64_t va, uint64_t size)
{
	const struct npurt_device_info *info = &list->vm->device->info;
	const uint64_t need = (uint64_t)NPU_COUNTERS_BLOCKS(info->tiles) * NPURT_COUNTER_BLOCK_SIZE;

	if (size < need)
		return npurt_fail(-EINVAL,
				  "counters by core take %llu bytes on this device of %u tiles, not %llu",
				  (unsigned long long)need, info->tiles, (unsigned long long)size);
	if (!(info->fw_features & NPU_FW_FEATURE_PERF))
		return npurt_fail(-EOPNOTSUPP, "this device's firmware does not tell cores apart");
	return counters(list, va, (uint32_t)need, NPU_COUNTERS_CORES);
}

NPURT_EXPORT unsigned int npurt_cmdlist_length(const struct npurt_cmdlist *list)
{
	return list->length;
}

NPURT_EXPORT int npurt_cmdlist_finish(struct npurt_cmdlist *list)
{
	if (!list->length)
		return npurt_fail(-EINVAL, "the command list is empty; append a command first");
	list->finished = true;
	return 0;
}

/* Forget the uses that have ended; true if one has not. */
static bool in_flight(struct npurt_cmdlist *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->use_count; i++) {
		uint64_t reached = 0;

		/* If the device is gone nothing runs any more. */
		if (npurt_timeline_query(list->uses[i].timeline, &reached) ||
		    reached >= list->uses[i].point)
			npurt_timeline_unref(list->uses[i].timeline);
		else
			list->uses[kept++] = list->uses[i];
	}
	list->use_count = kept;
	return kept;
}

NPURT_EXPORT int npurt_cmdlist_reset(struct npurt_cmdlist *list)
{
	if (in_flight(list))
		return npurt_fail(-EBUSY,
				  "a job still runs the command list; wait for its point first");
	drop_kernels(list);
	for (struct npurt_chunk *chunk = list->packets; chunk; chunk = chunk->next)
		chunk->used = 0;
	for (struct npurt_chunk *chunk = list->args; chunk; chunk = chunk->next)
		chunk->used = 0;
	list->packets_tail = list->packets;
	list->args_tail = list->args;
	list->length = 0;
	list->finished = false;
	return 0;
}

unsigned int npurt_cmdlist_buffers(const struct npurt_cmdlist *list)
{
	unsigned int count = 0;

	for (const struct npurt_chunk *chunk = list->packets; chunk && chunk->used;
	     chunk = chunk->next)
		count++;
	return count;
}

unsigned int npurt_cmdlist_emit(const struct npurt_cmdlist *list, struct drm_npu_cmdbuf *cmdbufs)
{
	unsigned int count = 0;

	for (const struct npurt_chunk *chunk = list->packets; chunk && chunk->used;
	     chunk = chunk->next)
		cmdbufs[count++] = (struct drm_npu_cmdbuf){
			.va = chunk->va,
			.packets = (uint32_t)(chunk->used / NPU_PACKET_SIZE),
		};
	return count;
}

int npurt_cmdlist_prepare_use(struct npurt_cmdlist *list)
{
	size_t room = list->use_room ? 2 * list->use_room : 4;
	struct npurt_use *grown;

	if (list->use_count == list->use_room)
		in_flight(list);
	if (list->use_count < list->use_room)
		return 0;
	grown = reallocarray(list->uses, room, sizeof(*grown));
	if (!grown)
		return npurt_fail_nomem("a submit");
	list->uses = grown;
	list->use_room = room;
	return 0;
}

void npurt_cmdlist_add_use(struct npurt_cmdlist *list, struct npurt_timeline *timeline,
			   uint64_t point)
{
	/* Usually the same queue again: the later point tells more. */
	for (size_t i = 0; i < list->use_count; i++) {
		if (list->uses[i].timeline == timeline) {
			list->uses[i].point = point;
			return;
		}
	}
	list->uses[list->use_count++] = (struct npurt_use){
		.timeline = npurt_timeline_ref(timeline),
		.point = point,
	};
}
