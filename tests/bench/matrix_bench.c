// SPDX-License-Identifier: MIT
/*
 * npu-native-gemm: how fast this host multiplies matrices with the matrix engine's own inner
 * loops, without the device around them. The yardstick for the same product through the stack.
 *
 * Weights are packed ahead of time and not part of what is timed; output is s32 or fp32, or u8 with -u.
 * Each thread takes an equal share of the rows. What is printed is the best of several runs, over
 * several row blockings as the caches of hosts differ.
 */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "matrix.h"

#define MAX_THREADS 256

struct share {
	pthread_t thread;
	pthread_barrier_t *barrier;
	enum npu_matrix_path path;
	const struct npu_matrix_desc *desc;
	uint8_t *memory;
	uint32_t m0, m1;
	uint32_t *block; /* rows at a time, of all shares; 0: end */
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + 1e-9 * time.tv_nsec;
}

static void run_share(const struct share *share)
{
	for (uint32_t m = share->m0; m < share->m1; m += *share->block) {
		uint32_t end = share->m1 - m > *share->block ? m + *share->block : share->m1;

		npu_matrix_run_rows(share->path, share->desc, share->memory, m, end);
	}
}

static void *thread_main(void *opaque)
{
	struct share *share = opaque;

	for (;;) {
		pthread_barrier_wait(share->barrier);
		if (!*share->block)
			return NULL;
		run_share(share);
		pthread_barrier_wait(share->barrier);
	}
}

static const struct {
	const char *name;
	uint32_t flags;
} types[] = {
	{"s8", NPU_MATRIX_B_S8},
	{"s4", NPU_MATRIX_B_S4},
	{"s2", NPU_MATRIX_B_S2},
	{"sparse-s8", NPU_MATRIX_B_SPARSE_S8},
	{"sparse-s4", NPU_MATRIX_B_SPARSE_S4},
	{"bf16", NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16},
	{"fp16", NPU_MATRIX_A_FP16 | NPU_MATRIX_B_FP16},
	{"fp32", NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static _Noreturn void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: npu-native-gemm [-p PATH] [-s SECONDS] [-t TYPE] [-u] [-q] M N K "
		"[THREADS]\n"
		"  -p PATH     auto (default), amx, avx512, avxvnni, avx2 or c\n"
		"  -s SECONDS  time to spend (default 2)\n"
		"  -t TYPE     weights: s8 (default), s4, s2, sparse-s8 or sparse-s4, times u8; "
		"bf16,\n"
		"              fp16 or fp32, times the same\n"
		"  -u          requantise to u8 on the way out\n"
		"  -q          print the figure only, GOP/s\n"
		"  THREADS     default: one per online CPU\n");
	exit(status);
}

static uint32_t number(const char *text, const char *what, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || !value || value > max) {
		fprintf(stderr, "npu-native-gemm: %s is '%s', must be 1..%lu\n", what, text, max);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	static struct share shares[MAX_THREADS];
	struct npu_matrix_desc desc = {0};
	enum npu_matrix_path path = npu_matrix_select("auto");
	double seconds = 2, best = 1e9, deadline;
	uint64_t a_size, b_size, c_size, channels_size, index_size, size;
	unsigned int type = 0;
	uint32_t block = 0, best_block = 0, threads, state = 1;
	pthread_barrier_t barrier;
	bool quiet = false, c_u8 = false, is_float;
	uint8_t *memory;
	int option;

	while ((option = getopt(argc, argv, "hp:qs:t:u")) != -1) {
		switch (option) {
		case 'p':
			path = npu_matrix_select(optarg);
			if (path < 0) {
				fprintf(stderr, "npu-native-gemm: path '%s' %s\n", optarg,
					path == NPU_MATRIX_PATH_UNKNOWN
						? "does not exist; see -h"
						: "needs instructions that this CPU lacks; try "
						  "auto");
				return 2;
			}
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			seconds = atof(optarg);
			break;
		case 't':
			for (type = 0; type < TYPES && strcmp(types[type].name, optarg); type++)
				;
			if (type == TYPES) {
				fprintf(stderr,
					"npu-native-gemm: type '%s' does not exist; see -h\n",
					optarg);
				return 2;
			}
			break;
		case 'u':
			c_u8 = true;
			break;
		default:
			usage(option == 'h' ? 0 : 2);
		}
	}
	if (argc - optind != 3 && argc - optind != 4)
		usage(2);
	desc.m = number(argv[optind], "M", 65535);
	desc.n = number(argv[optind + 1], "N", 65535);
	desc.k = number(argv[optind + 2], "K", 65535);
	threads = optind + 3 < argc ? number(argv[optind + 3], "THREADS", MAX_THREADS)
				    : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (threads > MAX_THREADS)
		threads = MAX_THREADS;
	if (threads > desc.m)
		threads = desc.m;

	/* One arena stands in for the SRAM; offsets are 32 bits. */
	desc.flags = types[type].flags | (c_u8 ? NPU_MATRIX_C_U8 | NPU_MATRIX_BIAS : 0);
	is_float = npu_matrix_is_float(&desc);
	desc.a_stride = desc.k * npu_matrix_a_size(&desc);
	desc.c_stride = desc.n * (c_u8 ? 1 : 4);
	desc.hi = c_u8 ? 255 : 0;
	a_size = ((uint64_t)desc.m * desc.a_stride + 63) & ~63ull;
	b_size = NPU_PACKED_SIZE(desc.flags & NPU_MATRIX_B, desc.k, desc.n);
	c_size = ((uint64_t)desc.m * desc.c_stride + 63) & ~63ull;
	channels_size = ((uint64_t)desc.n * sizeof(struct npu_channel) + 63) & ~63ull;
	index_size = NPU_PACKED_INDEX_SIZE(desc.flags & NPU_MATRIX_B, desc.k, desc.n);
	size = a_size + b_size + c_size + channels_size + (index_size + 63) / 64 * 64;
	if (size > UINT32_MAX) {
		fprintf(stderr,
			"npu-native-gemm: operands take %llu bytes, must stay below 4 GiB\n",
			(unsigned long long)size);
		return 2;
	}
	desc.b = a_size;
	desc.c = desc.b + b_size;
	desc.channels = desc.c + c_size;
	if ((desc.flags & NPU_MATRIX_B) == NPU_MATRIX_B_SPARSE_S8 ||
	    (desc.flags & NPU_MATRIX_B) == NPU_MATRIX_B_SPARSE_S4)
		desc.index = desc.channels + channels_size;
	memory = aligned_alloc(64, size);
	if (!memory) {
		fprintf(stderr, "npu-native-gemm: no memory for %llu bytes\n",
			(unsigned long long)size);
		return 1;
	}
	for (uint64_t i = 0; i < a_size + b_size; i++) {
		state = state * 1664525 + 1013904223;
		memory[i] = state >> 24;
		/* Numbers around 1: 0x3c.. is one in all three. */
		if (is_float && i % npu_matrix_a_size(&desc) == npu_matrix_a_size(&desc) - 1u)
			memory[i] = 0x3c | (state >> 31) << 7;
	}
	for (uint64_t i = 0; i < index_size; i++) { /* two different places of four */
		static const uint8_t places[] = {4, 8, 12, 9, 13, 14};

		state = state * 1664525 + 1013904223;
		memory[desc.channels + channels_size + i] =
			places[state >> 24 & 3] | places[state >> 28 & 3] << 4;
	}
	memset(memory + desc.c, 0, c_size);
	for (uint32_t n = 0; n < desc.n; n++) {
		struct npu_channel channel = {.bias = (int32_t)n, .mult = 1 << 30, .shift = 44};

		memcpy(memory + desc.channels + n * sizeof(channel), &channel, sizeof(channel));
	}
	if (npu_matrix_check(&desc, size) != NPU_MATRIX_OK) {
		fprintf(stderr, "npu-native-gemm: own descriptor is bad\n");
		return 1;
	}

	pthread_barrier_init(&barrier, NULL, threads);
	for (uint32_t i = 0; i < threads; i++) {
		shares[i] = (struct share){
			.barrier = &barrier,
			.path = path,
			.desc = &desc,
			.memory = memory,
			.m0 = (uint64_t)desc.m * i / threads,
			.m1 = (uint64_t)desc.m * (i + 1) / threads,
			.block = &block,
		};
		if (i && pthread_create(&shares[i].thread, NULL, thread_main, &shares[i])) {
			fprintf(stderr, "npu-native-gemm: cannot start thread %u\n", i);
			return 1;
		}
	}

	deadline = now() + seconds;
	do {
		static const uint32_t blocks[] = {65535, 768, 384, 192, 96};

		for (unsigned int i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
			double start;

			block = blocks[i];
			pthread_barrier_wait(&barrier);
			start = now();
			run_share(&shares[0]);
			pthread_barrier_wait(&barrier);
			start = now() - start;
			if (start < best) {
				best = start;
				best_block = block;
			}
		}
	} while (now() < deadline);
	block = 0;
	pthread_barrier_wait(&barrier);
	for (uint32_t i = 1; i < threads; i++)
		pthread_join(shares[i].thread, NULL);

	best = 2.0 * desc.m * desc.n * desc.k / best / 1e9;
	if (quiet)
		printf("%.1f\n", best);
	else
		printf("%s %u x %u x %u to %s, %s, %u thread%s, %u rows at a time: %.1f GOP/s\n",
		       types[type].name, desc.m, desc.n, desc.k,
		       c_u8	  ? "u8"
		       : is_float ? "fp32"
				  : "s32",
		       npu_matrix_path_name(path), threads, threads > 1 ? "s" : "",
		       best_block < desc.m ? best_block : desc.m, best);
	free(memory);
	return 0;
}
