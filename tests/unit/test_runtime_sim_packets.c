// SPDX-License-Identifier: MIT
/*
 * The same packets, at the same addresses, given to the same firmware twice: by fw_driver.c, which is
 * the tests' own driver with a clock that a test advances, and by the sim backend. Memory, modelled
 * clock and every counter have to agree.
 */
#include "fixture.h"
#include "fw_code.h"
#include "fw_driver.h"
#include "npu_packet.h"

#define DATA_SIZE (1u << 20)
#define TILES	  3
#define PACKETS	  64

/* Adds its workgroup's number to the word of that number at a0; twice the number if that is odd. */
static const uint32_t kernel[] = {
	CSRR(5, NPU_CSR_WG_X), SLLI(6, 5, 2), ADD(6, 6, 10), LW(7, 6, 0),
	ADD(7, 7, 5),	       SW(7, 6, 0),   EXIT,
};

/* What both have: code, packets, data, results, at the addresses that map_new() gives. */
struct space {
	void *code, *cb, *data, *out;
	uint64_t code_va, cb_va, data_va, out_va;
	uint32_t packets;
	uint64_t counters[NPU_COUNTER_COUNT]; /* of the queue, in the end */
};

static union npu_packet *next(struct space *s, uint8_t op)
{
	union npu_packet *packet = (union npu_packet *)s->cb + s->packets++;

	memset(packet, 0, sizeof(*packet));
	packet->hdr.op = op;
	return packet;
}

static void fill(struct space *s)
{
	uint32_t *data = s->data;
	union npu_packet *p;

	for (uint32_t i = 0; i < DATA_SIZE / 4; i++)
		data[i] = i * 2654435761u;
	memcpy(s->code, kernel, sizeof(kernel));

	p = next(s, NPU_PKT_FILL);
	p->fill.dst = s->data_va + 8192;
	p->fill.value = 0x12345678;
	p->fill.size[0] = 36;
	p->fill.size[1] = 17;
	p->fill.size[2] = 3;
	p->fill.dst_stride[0] = 100;
	p->fill.dst_stride[1] = 5000;
	next(s, NPU_PKT_BARRIER);
	p = next(s, NPU_PKT_COPY);
	p->copy.dst = s->data_va + 300001;
	p->copy.src = s->data_va + 8191;
	p->copy.size[0] = 999;
	p->copy.size[1] = 77;
	p->copy.size[2] = 2;
	p->copy.dst_stride[0] = 1001;
	p->copy.dst_stride[1] = 100000;
	p->copy.src_stride[0] = 1013;
	p->copy.src_stride[1] = 3;
	for (uint32_t grid = 1; grid < 2000; grid = grid * 3 + 1) {
		p = next(s, NPU_PKT_DISPATCH);
		p->dispatch.entry = s->code_va;
		p->dispatch.args = s->data_va;
		p->dispatch.grid[0] = grid;
		p->dispatch.grid[1] = p->dispatch.grid[2] = 1;
		next(s, NPU_PKT_BARRIER);
	}
	p = next(s, NPU_PKT_TIMESTAMP);
	p->timestamp.addr = s->out_va;
	p = next(s, NPU_PKT_COUNTERS);
	p->counters.addr = s->out_va + 64;
	p->counters.size = sizeof(struct npu_counter_block);
	next(s, NPU_PKT_NOP);
}

static void by_driver(struct space *s, const char *image)
{
	struct drv *d = drv_new(image, TILES, -1);
	struct queue_mem *queue;
	struct npu_timestamp *stamp;

	drv_prepare(d);
	drv_start(d);
	as_create(d, 1);
	s->code_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_X, &s->code);
	s->cb_va = map_new(d, 1, 4096, NPU_PTE_R, &s->cb);
	s->data_va = map_new(d, 1, DATA_SIZE, NPU_PTE_R | NPU_PTE_W, &s->data);
	s->out_va = map_new(d, 1, 4096, NPU_PTE_R | NPU_PTE_W, &s->out);
	fill(s);
	{
		struct npu_msg ready;

		if (!mbox_get(d, &ready) || ready.type != NPU_MSG_READY)
			die("the firmware is not ready");
	}
	queue = queue_start(d, 2, NPU_PRIO_NORMAL);
	for (int i = 0; i < 3; i++)
		if (!wait_done(d, 2, submit(d, 2, 1, s->cb_va, s->packets)))
			die("the driver's job does not end");
	tap_is(queue->wb->error, NPU_JOB_OK, "fw_driver: three jobs");
	memcpy(s->counters, queue->counters->value, sizeof(s->counters));
	/* Keep what outlives the driver. */
	stamp = s->out;
	stamp->wall_ns = 0;
	s->data = memcpy(malloc(DATA_SIZE), s->data, DATA_SIZE);
	s->out = memcpy(malloc(4096), s->out, 4096);
	drv_free(d);
}

static void *map(struct npurt_device *device, struct npurt_vm *vm, uint64_t size,
		 unsigned int flags, uint64_t va)
{
	struct npurt_bo *bo;
	void *pointer;

	NEED(npurt_bo_create(device, size, &bo));
	NEED(npurt_bo_map(bo, &pointer));
	NEED(npurt_vm_map_at(vm, bo, 0, size, flags, va));
	npurt_bo_unref(bo);
	return pointer;
}

static void by_sim(const struct space *driver, struct space *s)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	char path[64];
	struct npurt_device *device;
	struct npurt_queue *queue;
	struct npurt_vm *vm;
	unsigned int count;

	snprintf(path, sizeof(path), "sim:chiplets=1,tiles=%d,sram=64K,threads=2", TILES);
	options.path = path;
	NEED(npurt_device_open(&options, &device));
	NEED(npurt_vm_create(device, &vm));
	*s = *driver;
	s->packets = 0;
	s->code = map(device, vm, 4096, NPURT_MAP_READONLY | NPURT_MAP_EXEC, s->code_va);
	s->cb = map(device, vm, 4096, NPURT_MAP_READONLY, s->cb_va);
	s->data = map(device, vm, DATA_SIZE, 0, s->data_va);
	s->out = map(device, vm, 4096, 0, s->out_va);
	fill(s);
	NEED(npurt_queue_create(vm, NULL, &queue));
	for (int i = 0; i < 3; i++) {
		const struct drm_npu_cmdbuf cmdbuf = {.va = s->cb_va, .packets = s->packets};
		const struct drm_npu_sync_op sync = {
			.flags = DRM_NPU_SYNC_OP_SIGNAL | DRM_NPU_SYNC_OP_TIMELINE,
			.handle = queue->timeline->handle,
			.point = (uint64_t)i + 1,
		};
		const struct drm_npu_submit submit = {
			.queue_id = queue->id,
			.cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf),
			.syncs = DRM_NPU_OBJ_ARRAY(1, &sync),
		};

		NEED(device->backend->submit(device->priv, &submit));
		NEED(npurt_timeline_wait_point(queue->timeline, sync.point, 60000000000ll));
	}
	NEED(npurt_queue_get_counters(queue, s->counters, NPU_COUNTER_COUNT, &count));
	((struct npu_timestamp *)s->out)->wall_ns = 0;
	tap_ok(!memcmp(s->data, driver->data, DATA_SIZE), "memory is the same");
	tap_ok(!memcmp(s->out, driver->out, 4096) && ((struct npu_timestamp *)s->out)->cycles,
	       "timestamp and snapshot are the same");
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++) {
		struct npurt_counter_info info = NPURT_COUNTER_INFO_INIT;

		NEED(npurt_counter_get_info(i, &info));
		tap_is(s->counters[i], driver->counters[i], info.name);
	}
	tap_ok(s->counters[NPU_COUNTER_WORKGROUPS] > 3000, "that was some work");
	npurt_queue_unref(queue);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
}

int main(int argc, char **argv)
{
	struct space driver = {0}, sim;

	by_driver(&driver, fw_image_path(argc, argv));
	by_sim(&driver, &sim);
	free(driver.data);
	free(driver.out);
	return tap_done();
}
