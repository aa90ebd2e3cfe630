// SPDX-License-Identifier: MIT
/*
 * The int8 matrix product by tiles that share A, beside the same by tiles that do not: both are
 * checked, and what they took in the model is printed.
 *
 *	npu-gang-gemm [-w WORKGROUPS] [-m MODULE] M N K
 */
#include <npurt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gang_gemm.h"

/* SRAM that kernels leave to the stack: NPU_STACK_SIZE of npu.h. */
#define STACK_SIZE 16384u

#define COUNTERS   64

struct problem {
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct gang_gemm_args args;
	uint32_t workgroups;
	uint8_t *a;
	int8_t *b; /* row major, not packed */
	int32_t *c;
};

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "npu-gang-gemm: %s: %s\n", what, npurt_error_detail());
	exit(1);
}

static void fail(const char *text)
{
	fprintf(stderr, "npu-gang-gemm: %s\n", text);
	exit(1);
}

/* The same numbers on every machine. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* As many columns as the tiles can share out, then as many rows as fit beside them. */
static void choose_blocks(struct problem *p, uint32_t sram)
{
	struct gang_gemm_args *args = &p->args;

	args->nb = ((args->n + p->workgroups - 1) / p->workgroups + 15) & ~15u;
	for (; args->nb; args->nb = args->nb / 2 & ~15u)
		for (args->mb = 128; args->mb >= 16; args->mb /= 2)
			if (gang_gemm_sram(args->mb, args->nb, args->k, p->workgroups) <= sram)
				return;
	fail("K is too large for the tiles' SRAM");
}

static void set_up(struct problem *p, const char *module)
{
	struct npurt_device_info info = NPURT_DEVICE_INFO_INIT;
	struct gang_gemm_args *args = &p->args;
	const size_t m = args->m, n = args->n, k = args->k;
	uint64_t state = 1;
	void *packed;

	check(npurt_device_open(NULL, &p->device), "open");
	check(npurt_device_get_info(p->device, &info), "device");
	if (!p->workgroups)
		p->workgroups = info.tiles;
	choose_blocks(p, info.sram_size - STACK_SIZE);
	check(npurt_vm_create(p->device, &p->vm), "address space");
	check(npurt_module_load_file(p->vm, module, &p->module), "load");
	check(npurt_module_get_kernel(p->module, "gang_gemm", &p->kernel), "kernel");
	check(npurt_vm_alloc(p->vm, m * k, NPURT_MAP_READONLY, NULL, (void **)&p->a, &args->a), "A");
	check(npurt_vm_alloc(p->vm, npurt_pack_b_size(args->k, args->n), NPURT_MAP_READONLY, NULL,
			     &packed, &args->b),
	      "B");
	check(npurt_vm_alloc(p->vm, m * n * sizeof(*p->c), 0, NULL, (void **)&p->c, &args->c), "C");
	p->b = malloc(k * n);
	if (!p->b)
		fail("out of memory");
	for (size_t i = 0; i < m * k; i++)
		p->a[i] = (uint8_t)next_random(&state);
	for (size_t i = 0; i < k * n; i++)
		p->b[i] = (int8_t)next_random(&state);
	npurt_pack_b_s8(args->k, args->n, p->b, args->n, packed);
}

/* Compare all of C with a plain loop. */
static void verify(const struct problem *p)
{
	const struct gang_gemm_args *args = &p->args;
	uint32_t *sums = malloc(args->n * sizeof(*sums));

	if (!sums)
		fail("out of memory");
	for (size_t m = 0; m < args->m; m++) {
		memset(sums, 0, args->n * sizeof(*sums));
		for (size_t k = 0; k < args->k; k++)
			for (size_t n = 0; n < args->n; n++)
				sums[n] += (uint32_t)(p->a[m * args->k + k] * p->b[k * args->n + n]);
		for (size_t n = 0; n < args->n; n++) {
			if (p->c[m * args->n + n] == (int32_t)sums[n])
				continue;
			fprintf(stderr, "npu-gang-gemm: C[%zu][%zu] is %d, should be %d\n", m, n,
				p->c[m * args->n + n], (int32_t)sums[n]);
			exit(1);
		}
	}
	free(sums);
}

static uint64_t counter(const uint64_t *values, const char *name)
{
	unsigned int index;

	check(npurt_counter_find(name, &index), name);
	return values[index];
}

static void run(struct problem *p, bool gang)
{
	uint64_t values[COUNTERS] = {0};
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	unsigned int count;

	p->args.gang = gang;
	memset(p->c, 0xff, (size_t)p->args.m * p->args.n * sizeof(*p->c));
	check(npurt_queue_create(p->vm, NULL, &queue), "queue");
	check(npurt_cmdlist_create(p->vm, &list), "list");
	if (gang)
		check(npurt_cmdlist_dispatch_gang(list, p->kernel, &p->args, sizeof(p->args),
						  p->workgroups, 1, 1),
		      "dispatch");
	else
		check(npurt_cmdlist_dispatch(list, p->kernel, &p->args, sizeof(p->args),
					     p->workgroups, 1, 1),
		      "dispatch");
	check(npurt_cmdlist_finish(list), "finish");
	check(npurt_queue_run(queue, list, NPURT_WAIT_FOREVER), "run");
	check(npurt_queue_get_counters(queue, values, COUNTERS, &count), "counters");
	verify(p);
	printf("%-8s %12llu cycles %12llu bytes of host memory read %12llu bytes over the link "
	       "%12llu uJ\n",
	       gang ? "gang" : "alone", (unsigned long long)counter(values, "cycles"),
	       (unsigned long long)counter(values, "dma.read"),
	       (unsigned long long)counter(values, "link.bytes"),
	       (unsigned long long)(counter(values, "energy") / 1000000000));
	npurt_cmdlist_unref(list);
	npurt_queue_unref(queue);
}

static _Noreturn void usage(void)
{
	fputs("usage: npu-gang-gemm [-w WORKGROUPS] [-m MODULE] M N K\n", stderr);
	exit(2);
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || text[0] == '-' || value < 1 || value > 16384) {
		fprintf(stderr, "npu-gang-gemm: '%s' is not a number from 1 to 16384\n", text);
		exit(2);
	}
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	const char *module = "/usr/share/npu/gang_gemm.elf";
	struct problem p = {0};
	int c;

	while ((c = getopt(argc, argv, "w:m:")) != -1) {
		if (c == 'w')
			p.workgroups = number(optarg);
		else if (c == 'm')
			module = optarg;
		else
			usage();
	}
	if (argc - optind != 3)
		usage();
	p.args.m = number(argv[optind]);
	p.args.n = number(argv[optind + 1]);
	p.args.k = number(argv[optind + 2]);
	set_up(&p, module);
	printf("%u x %u x %u on %u tiles, blocks of %u rows and %u columns\n", p.args.m, p.args.n,
	       p.args.k, p.workgroups, p.args.mb, p.args.nb);
	run(&p, false);
	run(&p, true);
	printf("checked: all elements identical, both ways\n");
	npurt_kernel_unref(p.kernel);
	npurt_module_unref(p.module);
	npurt_vm_unref(p.vm);
	npurt_device_unref(p.device);
	free(p.b);
	return 0;
}
