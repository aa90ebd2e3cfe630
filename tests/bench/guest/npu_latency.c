// SPDX-License-Identifier: MIT
/*
 * Round trips as a program in the guest sees them, for `make bench`:
 *
 *	npu-latency [--disk /dev/nvme0n1] [--rounds N] noop.elf
 *
 *   dispatch   submit a dispatch of one empty workgroup, sleep until it has ended
 *   read       read 512 bytes of the disk with O_DIRECT: the peer
 *   copy       one COPY packet of 64 MiB
 *
 * Prints one JSON object: medians and minima in ns. The two round trips are measured in turns, a
 * block of each, so that what disturbs the machine disturbs both.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <npurt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECTOR	   512
#define BLOCK	   100 /* round trips of a kind before it is the other's turn */
#define COPY_SIZE  (64u << 20)
#define COPY_TIMES 15

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "npu-latency: %s: %s\n", what, npurt_error_detail());
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, uint64_t *times, unsigned int count, const char *end)
{
	qsort(times, count, sizeof(*times), compare);
	printf("\"%s_ns\": %llu, \"%s_min_ns\": %llu%s", name, (unsigned long long)times[count / 2],
	       name, (unsigned long long)times[0], end);
}

/* The 512 bytes change their place, as a cache of one block would flatter the disk. */
static void read_sectors(int fd, void *buffer, uint64_t *times, unsigned int first)
{
	for (unsigned int i = first; i < first + BLOCK; i++) {
		const uint64_t start = now_ns();

		if (pread(fd, buffer, SECTOR, (off_t)(i % 1024) * SECTOR) != SECTOR) {
			fprintf(stderr, "npu-latency: read of the disk: %s\n", strerror(errno));
			exit(1);
		}
		times[i] = now_ns() - start;
	}
}

static void dispatch(struct npurt_queue *queue, struct npurt_cmdlist *list, uint64_t *times,
		     unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++) {
		const uint64_t start = now_ns();

		check(npurt_queue_run(queue, list, NPURT_WAIT_FOREVER), "run");
		times[i] = now_ns() - start;
	}
}

static void copy(struct npurt_vm *vm, struct npurt_queue *queue)
{
	uint64_t times[COPY_TIMES], src, dst;
	struct npurt_cmdlist *list;
	void *from, *to;

	check(npurt_vm_alloc(vm, COPY_SIZE, 0, NULL, &from, &src), "source");
	check(npurt_vm_alloc(vm, COPY_SIZE, 0, NULL, &to, &dst), "destination");
	memset(from, 0x5a, COPY_SIZE);
	memset(to, 0, COPY_SIZE);
	check(npurt_cmdlist_create(vm, &list), "list");
	check(npurt_cmdlist_copy(list, dst, src, COPY_SIZE), "copy");
	check(npurt_cmdlist_finish(list), "finish");
	dispatch(queue, list, times, 0, COPY_TIMES);
	if (memcmp(from, to, COPY_SIZE)) {
		fprintf(stderr, "npu-latency: the copy differs\n");
		exit(1);
	}
	print("copy", times, COPY_TIMES, "");
	npurt_cmdlist_unref(list);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"disk", required_argument, NULL, 'd'},
		{"rounds", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	const char *disk = NULL;
	unsigned int rounds = 2000;
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	uint64_t *runs, *reads;
	uint32_t args = 0;
	void *buffer = NULL;
	int fd = -1, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			disk = optarg;
		else if (option == 'r')
			rounds = (unsigned int)strtoul(optarg, NULL, 0) / BLOCK * BLOCK;
		else
			return 2;
	}
	if (optind + 1 != argc || !rounds) {
		fprintf(stderr, "usage: npu-latency [--disk DEVICE] [--rounds N] noop.elf\n");
		return 2;
	}
	if (disk) {
		fd = open(disk, O_RDONLY | O_DIRECT);
		if (fd < 0 || posix_memalign(&buffer, 4096, 4096)) {
			fprintf(stderr, "npu-latency: %s: %s\n", disk, strerror(errno));
			return 1;
		}
	}
	runs = calloc(rounds, sizeof(*runs));
	reads = calloc(rounds, sizeof(*reads));
	if (!runs || !reads)
		return 1;

	check(npurt_device_open(NULL, &device), "open");
	check(npurt_vm_create(device, &vm), "address space");
	check(npurt_module_load_file(vm, argv[optind], &module), "load");
	check(npurt_module_get_kernel(module, "noop", &kernel), "kernel");
	check(npurt_cmdlist_create(vm, &list), "list");
	check(npurt_cmdlist_dispatch(list, kernel, &args, sizeof(args), 1, 1, 1), "dispatch");
	check(npurt_cmdlist_finish(list), "finish");
	check(npurt_queue_create(vm, NULL, &queue), "queue");

	for (unsigned int i = 0; i < rounds; i += BLOCK) {
		dispatch(queue, list, runs, i, BLOCK);
		if (disk)
			read_sectors(fd, buffer, reads, i);
	}
	printf("{");
	print("dispatch", runs, rounds, ", ");
	if (disk)
		print("read", reads, rounds, ", ");
	copy(vm, queue);
	printf("}\n");

	npurt_queue_unref(queue);
	npurt_cmdlist_unref(list);
	npurt_kernel_unref(kernel);
	npurt_module_unref(module);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
	return 0;
}
