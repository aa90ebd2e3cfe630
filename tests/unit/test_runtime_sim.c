// SPDX-License-Identifier: MIT
/* The sim backend: programs and kernels run on the device core in this process. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../runtime/examples/vector_add/vector_add.h"
#include "fixture.h"
#include "npu_fw.h"

#define COUNT	   50000u
#define BLOCK	   4096u
#define WAIT_NS	   60000000000ll
#define GEMM	   "--module " RUNTIME_OUT "/share/npu/gemm.elf"
#define VECTOR_ADD RUNTIME_OUT "/share/npu/vector_add.elf"

static struct npurt_device *sim(const char *path)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_device *device;

	options.path = path;
	NEED(npurt_device_open(&options, &device));
	return device;
}

/* An address space with the kernel loaded and its operands in place. */
struct adder {
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct npurt_cmdlist *list;
	float *a, *b, *sum;
};

static void adder_init(struct adder *adder, struct npurt_device *device, float seed)
{
	struct vector_add_args args = {.count = COUNT, .block = BLOCK};

	NEED(npurt_vm_create(device, &adder->vm));
	NEED(npurt_module_load_file(adder->vm, VECTOR_ADD, &adder->module));
	NEED(npurt_module_get_kernel(adder->module, "vector_add", &adder->kernel));
	NEED(npurt_vm_alloc(adder->vm, COUNT * 4, NPURT_MAP_READONLY, NULL, (void **)&adder->a,
			    &args.a));
	NEED(npurt_vm_alloc(adder->vm, COUNT * 4, NPURT_MAP_READONLY, NULL, (void **)&adder->b,
			    &args.b));
	NEED(npurt_vm_alloc(adder->vm, COUNT * 4, 0, NULL, (void **)&adder->sum, &args.sum));
	for (unsigned int i = 0; i < COUNT; i++) {
		adder->a[i] = (float)i;
		adder->b[i] = seed;
	}
	NEED(npurt_cmdlist_create(adder->vm, &adder->list));
	NEED(npurt_cmdlist_dispatch(adder->list, adder->kernel, &args, sizeof(args),
				    (COUNT + BLOCK - 1) / BLOCK, 1, 1));
	NEED(npurt_cmdlist_finish(adder->list));
}

static void adder_exit(struct adder *adder)
{
	npurt_cmdlist_unref(adder->list);
	npurt_kernel_unref(adder->kernel);
	npurt_module_unref(adder->module);
	npurt_vm_unref(adder->vm);
}

static bool adder_right(const struct adder *adder, float seed)
{
	for (unsigned int i = 0; i < COUNT; i++)
		if (adder->sum[i] != (float)i + seed)
			return false;
	return true;
}

/* Counters of one run on a device with these properties. */
static void counters_of(const char *path, uint64_t *values)
{
	struct npurt_device *device = sim(path);
	struct npurt_queue *queue;
	struct adder adder;
	unsigned int count;

	adder_init(&adder, device, 3);
	NEED(npurt_queue_create(adder.vm, NULL, &queue));
	NEED(npurt_queue_run(queue, adder.list, WAIT_NS));
	NEED(npurt_queue_get_counters(queue, values, NPU_COUNTER_COUNT, &count));
	if (count != NPU_COUNTER_COUNT || !adder_right(&adder, 3))
		die("vector_add");
	npurt_queue_unref(queue);
	adder_exit(&adder);
	npurt_device_unref(device);
}

static void test_vector_add(void)
{
	struct npurt_device *device = sim("sim");
	struct npurt_queue *queue;
	struct adder adder;
	uint64_t values[NPU_COUNTER_COUNT];
	unsigned int count;
	int err;

	adder_init(&adder, device, 0.5f);
	NEED(npurt_queue_create(adder.vm, NULL, &queue));
	err = npurt_queue_run(queue, adder.list, WAIT_NS);
	if (!tap_ok(!err && adder_right(&adder, 0.5f), "vector_add: every sum is right"))
		tap_diag("%d: %s", err, npurt_error_detail());
	NEED(npurt_queue_get_counters(queue, values, NPU_COUNTER_COUNT, &count));
	tap_is(values[NPU_COUNTER_WORKGROUPS], (COUNT + BLOCK - 1) / BLOCK, "workgroups counted");
	tap_is(values[NPU_COUNTER_DMA_READ], 2 * COUNT * 4, "bytes read");
	tap_is(values[NPU_COUNTER_DMA_WRITE], COUNT * 4, "bytes written");
	tap_is(values[NPU_COUNTER_DISPATCHES], 1, "dispatches");

	/* again and again, without a wait in between: more than a ring holds */
	for (int i = 0; i < 600; i++) {
		struct npurt_submit submit = NPURT_SUBMIT_INIT;

		if (i == 0 || i == 599) {
			submit.cmdlists = &adder.list;
			submit.cmdlist_count = 1;
		}
		NEED(npurt_queue_submit(queue, &submit));
	}
	NEED(npurt_queue_wait(queue, WAIT_NS));
	NEED(npurt_queue_get_counters(queue, values, NPU_COUNTER_COUNT, &count));
	tap_is(values[NPU_COUNTER_DISPATCHES], 3, "602 jobs, three of them with work");
	npurt_queue_unref(queue);
	adder_exit(&adder);
	npurt_device_unref(device);
}

/* What a program counts does not depend on how the host does it. */
static void test_same_figures(void)
{
	static const char *const paths[] = {
		"sim:threads=4",
		"sim:threads=1,inline-budget=0",
		"sim:inline-budget=1000000000",
		"sim:matrix=c",
		"sim:memory=32M",
	};
	uint64_t first[NPU_COUNTER_COUNT], other[NPU_COUNTER_COUNT];

	counters_of("sim:threads=1", first);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		counters_of(paths[i], other);
		tap_ok(!memcmp(first, other, sizeof(first)), "%s: the same counters", paths[i]);
	}
	counters_of("sim:chiplets=1,tiles=1", other);
	tap_ok(other[NPU_COUNTER_CYCLES] > 2 * first[NPU_COUNTER_CYCLES] &&
		       other[NPU_COUNTER_WORKGROUPS] == first[NPU_COUNTER_WORKGROUPS],
	       "one tile takes longer for the same work");
}

static void test_info(void)
{
	struct npurt_device_info info = NPURT_DEVICE_INFO_INIT;
	struct npurt_device *device = sim("sim:chiplets=3,tiles=2,sram=128K,queues=5,vlen=256");
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_device_list *list;
	struct npurt_queue *queues[5], *none;
	struct npurt_vm *vm;

	NEED(npurt_device_get_info(device, &info));
	tap_ok(info.chiplets == 3 && info.tiles == 6 && info.sram_size == 128 << 10 &&
		       info.max_queues == 5,
	       "properties shape the device");
	tap_ok(!strcmp(info.driver_name, "sim") && !strncmp(info.path, "sim:", 4) && !info.bus[0],
	       "what it is called");
	tap_ok(info.fw_abi_major == NPU_FW_ABI_MAJOR && info.fw_version[0] && info.fw_features,
	       "its firmware runs");
	NEED(npurt_vm_create(device, &vm));
	for (int i = 0; i < 5; i++)
		NEED(npurt_queue_create(vm, NULL, &queues[i]));
	fails(npurt_queue_create(vm, NULL, &none), -EBUSY, "all 5 hardware queues", "one too many");
	npurt_queue_unref(queues[3]);
	tap_ok(!npurt_queue_create(vm, NULL, &queues[3]), "one was given back, one is free");
	for (int i = 0; i < 5; i++)
		npurt_queue_unref(queues[i]);
	npurt_vm_unref(vm);
	npurt_device_unref(device);

	setenv("NPURT_BACKEND", "sim", 1);
	setenv("NPURT_SIM", "tiles=4", 1);
	NEED(npurt_device_list_create(&list));
	tap_ok(npurt_device_list_count(list) == 1 &&
		       !strcmp(npurt_device_list_path(list, 0), "sim"),
	       "the list has it");
	npurt_device_list_unref(list);
	NEED(npurt_device_open(NULL, &device));
	NEED(npurt_device_get_info(device, &info));
	tap_is(info.tiles, 8, "chosen and shaped by the environment");
	npurt_device_unref(device);
	options.index = 1;
	fails(npurt_device_open(&options, &device), -ENODEV, "no NPU number 1", "there is one");
	options.index = 0;
	options.path = "/dev/accel/accel0";
	fails(npurt_device_open(&options, &device), -EINVAL, "unset NPURT_BACKEND", "a node");
	options.path = "sim:tiles=1";
	NEED(npurt_device_open(&options, &device));
	NEED(npurt_device_get_info(device, &info));
	tap_is(info.tiles, 2, "the path's properties go first");
	npurt_device_unref(device);
	unsetenv("NPURT_BACKEND");
	unsetenv("NPURT_SIM");
}

struct worker {
	struct npurt_device *device;
	float seed;
	bool right;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct npurt_queue *queue;
	struct adder adder;

	adder_init(&adder, worker->device, worker->seed);
	NEED(npurt_queue_create(adder.vm, NULL, &queue));
	worker->right = true;
	for (int i = 0; i < 10; i++) {
		memset(adder.sum, 0, COUNT * 4);
		NEED(npurt_queue_run(queue, adder.list, WAIT_NS));
		worker->right &= adder_right(&adder, worker->seed);
	}
	npurt_queue_unref(queue);
	adder_exit(&adder);
	return NULL;
}

/* Threads with a context each, on two devices. */
static void test_together(void)
{
	struct npurt_device *devices[2] = {sim("sim:threads=2"), sim("sim:threads=1,tiles=1")};
	struct worker workers[6];
	pthread_t threads[6];
	bool right = true;

	for (int i = 0; i < 6; i++) {
		workers[i] = (struct worker){devices[i % 2], (float)(i + 1), false};
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			die("pthread_create");
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		right &= workers[i].right;
	}
	tap_ok(right, "six threads, six contexts, two devices");
	npurt_device_unref(devices[0]);
	npurt_device_unref(devices[1]);
}

static void test_memory(void)
{
	struct npurt_device *device = sim("sim:memory=64M");
	struct npurt_bo *bo, *many[64];
	struct npurt_vm *vm, *vms[64];
	unsigned int count = 0;
	uint64_t va;
	void *pointer;
	int err;

	fails(npurt_bo_create(device, 65 << 20, &bo), -ENOMEM, "cannot make a buffer",
	      "a buffer larger than the memory");
	while (count < 64 && !(err = npurt_bo_create(device, 4 << 20, &many[count])))
		count++;
	tap_ok(err == -ENOMEM && count >= 12 && count < 16, "memory runs out (%u buffers)", count);
	while (count)
		npurt_bo_unref(many[--count]);
	NEED(npurt_bo_create(device, 40 << 20, &bo));
	NEED(npurt_bo_map(bo, &pointer));
	tap_ok(!((char *)pointer)[0] && !((char *)pointer)[(40 << 20) - 1],
	       "and comes back, and is zero");
	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_vm_map(vm, bo, 0, 0, 0, &va));
	npurt_bo_unref(bo);
	((char *)pointer)[123] = 1; /* its mapping holds it */
	NEED(npurt_vm_unmap(vm, va));
	npurt_vm_unref(vm);
	for (count = 0; count < 64; count++)
		NEED(npurt_vm_create(device, &vms[count]));
	fails(npurt_vm_create(device, &vm), -ENOSPC, "no free address space",
	      "address spaces run out");
	while (count)
		npurt_vm_unref(vms[--count]);
	npurt_device_unref(device);
}

/* A range without memory: zeros, whatever is written; and nothing of it where a buffer is mapped. */
static void test_sparse(void)
{
	const uint64_t mib = 1 << 20;
	struct npurt_bo_options options = NPURT_BO_OPTIONS_INIT;
	struct npurt_device *device = sim("sim");
	struct npurt_vm *vm, *other;
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	struct npurt_bo *bo;
	bool zero = true;
	uint64_t va, hole;
	uint32_t *p;

	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_vm_create(device, &other));
	options.vm = vm;
	NEED(npurt_bo_create_with(device, 8 * mib, &options, &bo));
	NEED(npurt_bo_map(bo, (void **)&p));
	memset(p, 0xff, 8 * mib);
	fails(npurt_vm_map(other, bo, 0, 0, 0, &va), -EACCES, "cannot map",
	      "a buffer of one address space in another");
	NEED(npurt_vm_map(vm, bo, 0, 0, 0, &va));
	NEED(npurt_vm_map_sparse(vm, 1024 * mib + 8192, 0, &hole));
	NEED(npurt_queue_create(vm, NULL, &queue));
	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_cmdlist_fill(list, hole, 0x5a5a5a5a, 5 * mib));
	NEED(npurt_cmdlist_barrier(list));
	NEED(npurt_cmdlist_copy(list, va, hole + 1024 * mib, 8192));
	NEED(npurt_cmdlist_copy(list, va + 8192, hole, 5 * mib));
	NEED(npurt_cmdlist_finish(list));
	NEED(npurt_queue_run(queue, list, WAIT_NS));
	for (uint64_t i = 0; i < (5 * mib + 8192) / 4; i++)
		zero &= !p[i];
	tap_ok(zero && p[(5 * mib + 8192) / 4] == ~0u, "a range without memory reads as zeros");
	NEED(npurt_vm_unmap(vm, hole));
	fails(npurt_queue_run(queue, list, WAIT_NS), -EFAULT, "page fault", "until it is unmapped");
	npurt_queue_unref(queue);
	npurt_cmdlist_unref(list);
	npurt_bo_unref(bo);
	npurt_vm_unref(other);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
}

/* Large pages, cut and mended, as the copy engine sees them. */
static void test_pages(void)
{
	const uint64_t mib = 1 << 20, page = 4096;
	struct npurt_device *device = sim("sim");
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	struct npurt_bo *one, *two;
	struct npurt_vm *vm;
	uint8_t *p, *q;
	uint64_t a = 64 * mib;
	bool right = true;

	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_bo_create(device, 8 * mib, &one));
	NEED(npurt_bo_create(device, 8 * mib, &two));
	NEED(npurt_bo_map(one, (void **)&p));
	NEED(npurt_bo_map(two, (void **)&q));
	for (uint64_t i = 0; i < 8 * mib; i += page)
		p[i] = (uint8_t)(i / page);
	/* whole, then in pieces that cut large pages, at another alignment */
	NEED(npurt_vm_map_at(vm, one, 0, 8 * mib, NPURT_MAP_READONLY, a));
	NEED(npurt_vm_map_at(vm, two, page, 8 * mib - page, 0, a + 16 * mib));
	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_cmdlist_copy(list, a + 16 * mib, a + page, 8 * mib - page));
	NEED(npurt_cmdlist_finish(list));
	NEED(npurt_queue_create(vm, NULL, &queue));
	NEED(npurt_queue_run(queue, list, WAIT_NS));
	for (uint64_t i = page; i < 8 * mib; i += page)
		right &= q[i] == (uint8_t)(i / page);
	tap_ok(right && !q[0], "a copy between large pages and small ones");
	npurt_queue_unref(queue);
	npurt_cmdlist_unref(list);
	npurt_bo_unref(one);
	npurt_bo_unref(two);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
}

/* The device stays with the process that opened it. */
static void test_fork(void)
{
	struct npurt_device *device = sim("sim");
	struct npurt_queue *queue;
	struct adder adder;
	pid_t pid;
	int status;

	adder_init(&adder, device, 7);
	NEED(npurt_queue_create(adder.vm, NULL, &queue));
	NEED(npurt_queue_run(queue, adder.list, WAIT_NS));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct npurt_vm *vm;
		bool good = npurt_queue_run(queue, adder.list, WAIT_NS) == -ENODEV &&
			    npurt_vm_create(device, &vm) == -ENODEV && adder_right(&adder, 7);

		alarm(20); /* giving back must not wait for threads that are not here */
		npurt_queue_unref(queue);
		adder_exit(&adder);
		npurt_device_unref(device);
		device = sim("sim:threads=1");
		adder_init(&adder, device, 9);
		if (npurt_queue_create(adder.vm, NULL, &queue) ||
		    npurt_queue_run(queue, adder.list, WAIT_NS))
			good = false;
		_exit(good && adder_right(&adder, 9) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status),
	       "a fork's child is told that the device is gone, and may open its own");
	NEED(npurt_queue_run(queue, adder.list, WAIT_NS));
	tap_ok(adder_right(&adder, 7), "the parent goes on");
	npurt_queue_unref(queue);
	adder_exit(&adder);
	npurt_device_unref(device);
}

/* A program of the runtime says words, with status 0. */
static void program(const char *command, const char *words)
{
	static char output[1 << 16];
	char line[1024];
	FILE *pipe;
	size_t used;
	int status;

	/* leaks are looked for in this program; theirs would need them to free all before exit() */
	snprintf(line, sizeof(line),
		 "export ASAN_OPTIONS=detect_leaks=0 NPURT_BACKEND=sim PATH=%s/bin:$PATH; { %s; } "
		 "2>&1",
		 RUNTIME_OUT, command);
	pipe = popen(line, "r");
	if (!pipe)
		die("popen");
	used = fread(output, 1, sizeof(output) - 1, pipe);
	output[used] = '\0';
	status = pclose(pipe);
	if (!tap_ok(!status && strstr(output, words), "%s", command))
		tap_diag("status %d: %.2000s", status, output);
}

/* A snapshot by core, and one of the queue right after it, through the library. */
static void test_by_core(void)
{
	struct npurt_device *device = sim("sim:tiles=2");
	struct npurt_device_info info = NPURT_DEVICE_INFO_INIT;
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	struct adder adder;
	uint64_t va, size;
	uint8_t *blocks;
	bool ok = true;

	NEED(npurt_device_get_info(device, &info));
	size = (uint64_t)(info.tiles + 2) * NPURT_COUNTER_BLOCK_SIZE;
	adder_init(&adder, device, 4);
	NEED(npurt_queue_create(adder.vm, NULL, &queue));
	NEED(npurt_vm_alloc(adder.vm, size + NPURT_COUNTER_BLOCK_SIZE, 0, NULL, (void **)&blocks, &va));
	NEED(npurt_cmdlist_create(adder.vm, &list));
	NEED(npurt_cmdlist_counters_by_core(list, va, size));
	NEED(npurt_cmdlist_counters(list, va + size));
	NEED(npurt_cmdlist_finish(list));
	NEED(npurt_queue_run(queue, adder.list, WAIT_NS));
	NEED(npurt_queue_run(queue, list, WAIT_NS));
	for (unsigned int v = 0; v < NPU_COUNTER_COUNT; v++) {
		const uint8_t *value = blocks + NPURT_COUNTER_BLOCK_VALUES + 8 * v;
		uint64_t sum = 0, all;

		/* What the second packet itself takes: it, its time and its energy. */
		if (v == NPU_COUNTER_CYCLES || v == NPU_COUNTER_PACKETS || v == NPU_COUNTER_ENERGY ||
		    v == NPU_COUNTER_TIME || v == NPU_COUNTER_TILE_IDLE ||
		    v == NPU_COUNTER_FRONT_CYCLES || v == NPU_COUNTER_LEAKAGE)
			continue;
		for (unsigned int i = 0; i < info.tiles + 2; i++) {
			memcpy(&all, value + i * NPURT_COUNTER_BLOCK_SIZE, 8);
			sum += all;
		}
		memcpy(&all, value + size, 8);
		if (sum != all)
			tap_diag("counter %u: %llu, %llu", v, (unsigned long long)sum,
				 (unsigned long long)all);
		ok &= sum == all;
	}
	tap_ok(ok, "counters by core add up to the queue's");
	npurt_cmdlist_unref(list);
	npurt_queue_unref(queue);
	adder_exit(&adder);
	npurt_device_unref(device);
}

int main(void)
{
	test_vector_add();
	test_same_figures();
	test_info();
	test_together();
	test_by_core();
	test_memory();
	test_sparse();
	test_pages();
	test_fork();
	program("digits", "2000 correct, logits identical, 1432576000 MACs counted");
	program("npu-gemm " GEMM " --check --repeat 1 130 131 257", "all elements identical");
	program("npu-gemm " GEMM " --check --repeat 1 --s8 --signed 100 70 130",
		"all elements identical");
	program("npu-prof stat -- digits --count=100",
		"1 of 1 jobs finished, on 1 queue of 1 process");
	program("npu-prof info", "driver     sim");
	program("NPURT_SIM=tiles=1 npu-prof info", "2 chiplets x 1 tiles");
	return tap_done();
}
