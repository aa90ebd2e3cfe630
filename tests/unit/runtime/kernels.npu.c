// SPDX-License-Identifier: MIT
/* Kernels for the tests of the loader and of the fault report; they are not run here. */
#include <npu.h>

struct one_args {
	uint64_t address;
	uint32_t value;
	uint32_t more;
};

struct two_args {
	uint64_t address;
};

/* A global with a pointer, so that there is writable data to relocate. */
static uint32_t table[3] = {1, 2, 3};
uint32_t *volatile table_pointer = table;

NPU_KERNEL(one, struct one_args)
{
	*(volatile uint32_t *)npu_pointer(args->address) = args->value + table_pointer[args->more];
}

static __attribute__((noinline)) uint32_t wild_read(uint64_t address)
{
	return *(volatile uint32_t *)npu_pointer(address); /* line of the load */
}

NPU_KERNEL(two, struct two_args)
{
	table_pointer[0] = wild_read(args->address);
}
