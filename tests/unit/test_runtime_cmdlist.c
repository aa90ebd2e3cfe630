// SPDX-License-Identifier: MIT
/* Command lists: the packets byte for byte, growth, and what may not be recorded. */
#include <errno.h>

#include "fixture.h"
#include "npu_packet.h"

static struct npurt_vm *vm;
static struct npurt_module *module;
static struct npurt_kernel *one;

/* Packet index of a list, following its chunks. */
static const union npu_packet *packet(const struct npurt_cmdlist *list, unsigned int index)
{
	for (const struct npurt_chunk *chunk = list->packets; chunk; chunk = chunk->next) {
		unsigned int count = (unsigned int)(chunk->used / NPU_PACKET_SIZE);

		if (index < count)
			return (const union npu_packet *)chunk->pointer + index;
		index -= count;
	}
	die("no such packet");
}

static bool same(const union npu_packet *got, const union npu_packet *want, const char *name)
{
	if (tap_ok(!memcmp(got, want, sizeof(*got)), "%s", name))
		return true;
	for (int i = 0; i < 8; i++)
		tap_diag("%d: got %016llx want %016llx", i, (unsigned long long)got->raw[i],
			 (unsigned long long)want->raw[i]);
	return false;
}

static void test_encoding(void)
{
	uint8_t args[16] = "0123456789abcde";
	struct npurt_block block = NPURT_BLOCK_INIT;
	struct npurt_gather gather = NPURT_GATHER_INIT;
	struct npurt_cmdlist *list;
	union npu_packet want;
	struct drm_npu_cmdbuf cmdbuf;

	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_cmdlist_dispatch(list, one, args, sizeof(args), 3, 5, 7));
	NEED(npurt_cmdlist_barrier(list));
	NEED(npurt_cmdlist_copy(list, 0x1000, 0x2001, 77));
	NEED(npurt_cmdlist_fill(list, 0x3000, 0xdeadbeef, 400));
	block.dst = 0x10000;
	block.src = 0x20000;
	block.bytes = 10;
	block.rows = 20;
	block.planes = 30;
	block.dst_row = 100;
	block.dst_plane = 200;
	block.src_row = 300;
	block.src_plane = 400;
	NEED(npurt_cmdlist_copy_block(list, &block));
	block.bytes = 12;
	block.value = 9;
	NEED(npurt_cmdlist_fill_block(list, &block));
	NEED(npurt_cmdlist_timestamp(list, 0x4020));
	NEED(npurt_cmdlist_counters(list, 0x4040));
	gather.dst = 0x5000;
	gather.src = 0x6000;
	gather.indices = 0x7004;
	gather.bytes = 11;
	gather.rows = 12;
	gather.dst_row = 13;
	gather.src_row = 14;
	gather.bound = 15;
	gather.flags = NPURT_GATHER_PAD;
	NEED(npurt_cmdlist_gather(list, &gather));
	NEED(npurt_cmdlist_dispatch_gang(list, one, args, sizeof(args), 2, 1, 1));
	tap_is(npurt_cmdlist_length(list), 10, "length");
	NEED(npurt_cmdlist_finish(list));

	memset(&want, 0, sizeof(want));
	want.dispatch.hdr.op = NPU_PKT_DISPATCH;
	want.dispatch.entry = npurt_kernel_entry(one);
	want.dispatch.args = list->args->va;
	want.dispatch.grid[0] = 3;
	want.dispatch.grid[1] = 5;
	want.dispatch.grid[2] = 7;
	same(packet(list, 0), &want, "DISPATCH");
	tap_ok(!memcmp(list->args->pointer, args, sizeof(args)), "its arguments");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_BARRIER;
	want.hdr.id = 1;
	same(packet(list, 1), &want, "BARRIER");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_COPY;
	want.hdr.id = 2;
	want.copy.dst = 0x1000;
	want.copy.src = 0x2001;
	want.copy.size[0] = 77;
	want.copy.size[1] = want.copy.size[2] = 1;
	same(packet(list, 2), &want, "COPY");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_FILL;
	want.hdr.id = 3;
	want.fill.dst = 0x3000;
	want.fill.value = 0xdeadbeef;
	want.fill.size[0] = 400;
	want.fill.size[1] = want.fill.size[2] = 1;
	same(packet(list, 3), &want, "FILL");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_COPY;
	want.hdr.id = 4;
	want.copy.dst = 0x10000;
	want.copy.src = 0x20000;
	want.copy.size[0] = 10;
	want.copy.size[1] = 20;
	want.copy.size[2] = 30;
	want.copy.dst_stride[0] = 100;
	want.copy.dst_stride[1] = 200;
	want.copy.src_stride[0] = 300;
	want.copy.src_stride[1] = 400;
	same(packet(list, 4), &want, "COPY of a block");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_FILL;
	want.hdr.id = 5;
	want.fill.dst = 0x10000;
	want.fill.value = 9;
	want.fill.size[0] = 12;
	want.fill.size[1] = 20;
	want.fill.size[2] = 30;
	want.fill.dst_stride[0] = 100;
	want.fill.dst_stride[1] = 200;
	same(packet(list, 5), &want, "FILL of a block");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_TIMESTAMP;
	want.hdr.id = 6;
	want.timestamp.addr = 0x4020;
	same(packet(list, 6), &want, "TIMESTAMP");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_COUNTERS;
	want.hdr.id = 7;
	want.counters.addr = 0x4040;
	want.counters.size = NPURT_COUNTER_BLOCK_SIZE;
	same(packet(list, 7), &want, "COUNTERS");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_GATHER;
	want.hdr.flags = NPU_GATHER_PAD;
	want.hdr.id = 8;
	want.gather.dst = 0x5000;
	want.gather.src = 0x6000;
	want.gather.indices = 0x7004;
	want.gather.bytes = 11;
	want.gather.rows = 12;
	want.gather.dst_stride = 13;
	want.gather.src_stride = 14;
	want.gather.bound = 15;
	same(packet(list, 8), &want, "GATHER");

	memset(&want, 0, sizeof(want));
	want.hdr.op = NPU_PKT_DISPATCH;
	want.hdr.flags = NPU_DISPATCH_GANG;
	want.hdr.id = 9;
	want.dispatch.entry = npurt_kernel_entry(one);
	want.dispatch.args = list->args->va + 64;
	want.dispatch.grid[0] = 2;
	want.dispatch.grid[1] = want.dispatch.grid[2] = 1;
	same(packet(list, 9), &want, "DISPATCH of a gang");

	tap_is(npurt_cmdlist_buffers(list), 1, "one command buffer");
	npurt_cmdlist_emit(list, &cmdbuf);
	tap_ok(cmdbuf.va == list->packets->va && cmdbuf.packets == 10 && !cmdbuf.flags &&
		       !(cmdbuf.va & 63),
	       "of ten packets");
	npurt_cmdlist_unref(list);
}

static void test_refusals(void)
{
	uint8_t args[16] = {0};
	struct npurt_block block = NPURT_BLOCK_INIT;
	struct npurt_gather gather = NPURT_GATHER_INIT;
	struct npurt_cmdlist *list;
	struct npurt_vm *other;
	struct npurt_cmdlist *other_list;

	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_vm_create(vm->device, &other));
	NEED(npurt_cmdlist_create(other, &other_list));
	fails(npurt_cmdlist_finish(list), -EINVAL, "empty", "finish an empty list");
	fails(npurt_cmdlist_dispatch(list, one, args, 15, 1, 1, 1), -EINVAL, "takes 16 bytes",
	      "wrong size of arguments");
	fails(npurt_cmdlist_dispatch(list, one, args, 16, 0, 1, 1), -EINVAL, "grid 0 x 1 x 1",
	      "empty grid");
	fails(npurt_cmdlist_dispatch(list, one, args, 16, 1, (1 << 20) + 1, 1), -EINVAL, "grid",
	      "grid too wide");
	fails(npurt_cmdlist_dispatch(list, one, args, 16, 1 << 16, 1 << 16, 1), -EINVAL,
	      "more than 4294967295 workgroups", "grid of 2^32");
	fails(npurt_cmdlist_dispatch(list, one, args, 16, 1 << 20, 1 << 20, 1 << 20), -EINVAL,
	      "workgroups", "grid of 2^60");
	fails(npurt_cmdlist_dispatch_gang(list, one, args, 16, vm->device->info.tiles + 1, 1, 1),
	      -EINVAL, "tiles", "gang of more workgroups than tiles");
	fails(npurt_cmdlist_dispatch_gang(list, one, args, 16, 1, 0, 1), -EINVAL, "grid 1 x 0 x 1",
	      "gang of nobody");
	fails(npurt_cmdlist_dispatch(other_list, one, args, 16, 1, 1, 1), -EINVAL,
	      "another address space", "kernel of another vm");
	fails(npurt_cmdlist_copy(list, 0, 0, 0), -EINVAL, "0 bytes", "copy of nothing");
	fails(npurt_cmdlist_fill(list, 2, 0, 4), -EINVAL, "multiples of 4", "misaligned fill");
	fails(npurt_cmdlist_fill(list, 4, 0, 6), -EINVAL, "multiples of 4", "fill of odd size");
	block.rows = 0;
	fails(npurt_cmdlist_copy_block(list, &block), -EINVAL, "empty", "block without rows");
	block.rows = 1;
	block.bytes = 6;
	fails(npurt_cmdlist_fill_block(list, &block), -EINVAL, "multiples of 4", "odd block");
	gather.rows = 0;
	fails(npurt_cmdlist_gather(list, &gather), -EINVAL, "empty", "gather of no rows");
	gather.rows = 1;
	gather.indices = 0x1002;
	fails(npurt_cmdlist_gather(list, &gather), -EINVAL, "multiple of 4", "misaligned indices");
	gather.indices = 0x1000;
	gather.flags = NPURT_GATHER_PAD;
	fails(npurt_cmdlist_gather(list, &gather), -EINVAL, "bound", "padding without a bound");
	gather.flags = 4;
	fails(npurt_cmdlist_gather(list, &gather), -EINVAL, "unknown flags 0x4", "unknown flag");
	fails(npurt_cmdlist_timestamp(list, 16), -EINVAL, "32", "misaligned timestamp");
	fails(npurt_cmdlist_counters(list, 32), -EINVAL, "64", "misaligned counters");
	fails(npurt_cmdlist_counters_by_core(list, 0x1000, 2 * NPURT_COUNTER_BLOCK_SIZE), -EINVAL,
	      "bytes on this device", "no room for the counters of all cores");
	block.size = 3;
	fails(npurt_cmdlist_copy_block(list, &block), -EINVAL, "_INIT", "size was never set");
	{
		struct {
			struct npurt_block block;
			uint64_t new_member;
		} newer = {.block = NPURT_BLOCK_INIT};

		newer.block.size = sizeof(newer);
		tap_ok(!npurt_cmdlist_copy_block(list, &newer.block), "newer struct, new member 0");
		newer.new_member = 1;
		fails(npurt_cmdlist_copy_block(list, &newer.block), -E2BIG, "does not know",
		      "newer struct, new member set");
	}
	tap_is(npurt_cmdlist_length(list), 1, "nothing but that one was recorded");
	NEED(npurt_cmdlist_finish(list));
	fails(npurt_cmdlist_barrier(list), -EINVAL, "finished", "append to a finished list");
	npurt_cmdlist_unref(list);
	npurt_cmdlist_unref(other_list);
	npurt_vm_unref(other);
}

static void test_growth(void)
{
	struct npurt_cmdlist *list;
	struct drm_npu_cmdbuf cmdbufs[64];
	unsigned int count = 200000, wrong = 0, buffers, packets = 0;

	NEED(npurt_cmdlist_create(vm, &list));
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < count; i++) {
			uint32_t args[4] = {i, ~i, i * 3, round};

			NEED(npurt_cmdlist_dispatch(list, one, args, sizeof(args), 1, 1, 1));
		}
		NEED(npurt_cmdlist_finish(list));
		buffers = npurt_cmdlist_emit(list, cmdbufs);
		tap_is(buffers, npurt_cmdlist_buffers(list), "as many buffers as announced");
		packets = wrong = 0;
		for (unsigned int i = 0; i < buffers; i++) {
			packets += cmdbufs[i].packets;
			wrong += !cmdbufs[i].packets || cmdbufs[i].packets > 65536;
		}
		tap_is(packets, count, "all packets");
		tap_is(wrong, 0, "no buffer has more than the driver takes");
		wrong = 0;
		{
			const struct npurt_chunk *chunk = list->packets, *args = list->args;
			unsigned int at = 0, args_at = 0;

			for (unsigned int i = 0; i < count; i++, at++) {
				const union npu_packet *p;
				const uint32_t *a;

				if (at == chunk->used / 64) {
					chunk = chunk->next;
					at = 0;
				}
				p = (const union npu_packet *)chunk->pointer + at;
				if (args_at == args->size) {
					args = args->next;
					args_at = 0;
				}
				wrong += p->dispatch.args != args->va + args_at;
				a = (const uint32_t *)(args->pointer + args_at);
				wrong += a[0] != i || a[1] != ~i || a[2] != i * 3 || a[3] != round;
				wrong += p->hdr.id != i || p->dispatch.args % 64;
				args_at += 64;
			}
		}
		tap_is(wrong, 0, round ? "all right again after a reset" : "all right");
		NEED(npurt_cmdlist_reset(list));
		tap_is(npurt_cmdlist_length(list), 0, "reset empties");
	}
	npurt_cmdlist_unref(list);

	/* Copies beyond what one packet can hold. */
	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_cmdlist_copy(list, 0, 1ull << 40, (1ull << 32) + 5));
	tap_is(npurt_cmdlist_length(list), 3, "a copy of 4 GiB and 5 bytes takes three packets");
	tap_ok(packet(list, 2)->copy.size[0] == 5 && packet(list, 2)->copy.dst == 1ull << 32 &&
		       packet(list, 2)->copy.src == (1ull << 40) + (1ull << 32),
	       "the last one has the rest");
	npurt_cmdlist_unref(list);
}

int main(void)
{
	struct npurt_device *device = null_device();
	size_t taken;

	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_module_load_file(vm, KERNELS, &module));
	NEED(npurt_module_get_kernel(module, "one", &one));
	taken = vm->va.taken;
	test_encoding();
	test_refusals();
	test_growth();
	tap_is(vm->va.taken, taken, "lists gave all their address space back");
	npurt_kernel_unref(one);
	npurt_module_unref(module);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
	return tap_done();
}
