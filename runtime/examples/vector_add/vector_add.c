// SPDX-License-Identifier: MIT
/* The smallest whole program: load a kernel, run it over a grid, look at the result. */
#include <npurt.h>
#include <stdio.h>
#include <stdlib.h>

#include "vector_add.h"

#define COUNT 1000000u
#define BLOCK 16384u

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "vector_add: %s: %s\n", what, npurt_error_detail());
	exit(1);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "/usr/share/npu/vector_add.elf";
	struct vector_add_args args = {.count = COUNT, .block = BLOCK};
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	void *a, *b, *sum;
	unsigned int wrong = 0;

	check(npurt_device_open(NULL, &device), "open");
	check(npurt_vm_create(device, &vm), "address space");
	check(npurt_module_load_file(vm, file, &module), "load");
	check(npurt_module_get_kernel(module, "vector_add", &kernel), "kernel");

	/* Memory that both sides see: a pointer for us, an address for the kernel. */
	check(npurt_vm_alloc(vm, COUNT * sizeof(float), NPURT_MAP_READONLY, NULL, &a, &args.a),
	      "a");
	check(npurt_vm_alloc(vm, COUNT * sizeof(float), NPURT_MAP_READONLY, NULL, &b, &args.b),
	      "b");
	check(npurt_vm_alloc(vm, COUNT * sizeof(float), 0, NULL, &sum, &args.sum), "sum");
	for (unsigned int i = 0; i < COUNT; i++) {
		((float *)a)[i] = (float)i;
		((float *)b)[i] = 0.5f;
	}

	check(npurt_cmdlist_create(vm, &list), "list");
	check(npurt_cmdlist_dispatch(list, kernel, &args, sizeof(args), (COUNT + BLOCK - 1) / BLOCK,
				     1, 1),
	      "dispatch");
	check(npurt_cmdlist_finish(list), "finish");
	check(npurt_queue_create(vm, NULL, &queue), "queue");
	check(npurt_queue_run(queue, list, NPURT_WAIT_FOREVER), "run");

	for (unsigned int i = 0; i < COUNT; i++)
		wrong += ((float *)sum)[i] != (float)i + 0.5f;
	printf("vector_add: %u of %u sums are right\n", COUNT - wrong, COUNT);

	npurt_queue_unref(queue);
	npurt_cmdlist_unref(list);
	npurt_kernel_unref(kernel);
	npurt_module_unref(module);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
	return wrong != 0;
}
