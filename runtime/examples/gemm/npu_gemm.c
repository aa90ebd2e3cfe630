// SPDX-License-Identifier: MIT
/*
 * Matrix product through the whole stack, timed and checked.
 *
 *	npu-gemm M N K			u8[M][K] x s8[K][N] -> s32[M][N], B packed beforehand
 *	npu-gemm --type fp32 M N K	fp32[M][K] x fp32[K][N] -> fp32[M][N]
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <npurt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blocking.h"

/* SRAM that kernels leave to the stack: NPU_STACK_SIZE of npu.h. */
#define STACK_SIZE 16384u

static const char *const type_names[GEMM_TYPES] = {
	[GEMM_S8] = "s8",
	[GEMM_S4] = "s4",
	[GEMM_S2] = "s2",
	[GEMM_SPARSE_S8] = "sparse-s8",
	[GEMM_SPARSE_S4] = "sparse-s4",
	[GEMM_BF16] = "bf16",
	[GEMM_FP16] = "fp16",
	[GEMM_FP32] = "fp32",
};

/* As the device reads it; the same layout as struct npu_channel of the device's contract. */
struct channel {
	int32_t bias;
	int32_t mult;
	uint32_t shift;
	int32_t zero_point;
};

struct options {
	uint32_t m, n, k;
	uint32_t flags; /* GEMM_* */
	uint32_t type;	/* enum gemm_type */
	uint32_t repeat;
	uint32_t check_rows;	       /* 0: no check */
	uint32_t naive_rows;	       /* 0: no naive loop */
	struct gemm_blocking blocking; /* mb is 0: to be chosen */
	bool json;
	const char *module;
};

struct problem {
	const struct options *options;
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct npurt_queue *queue;
	struct npurt_cmdlist *list;
	struct gemm_args args;
	struct gemm_blocking blocking;
	void *a;
	void *b; /* row major, not packed */
	void *c;
	struct channel *channels;
};

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "npu-gemm: %s: %s\n", what, npurt_error_detail());
	exit(1);
}

static void fail(const char *text)
{
	fprintf(stderr, "npu-gemm: %s\n", text);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The same numbers on every machine. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

static bool is_float(const struct problem *p)
{
	return p->args.type >= GEMM_BF16;
}

/* count random elements: weights of the type, or what they are multiplied with. */
static void make_elements(uint32_t type, void *to, size_t count, bool weights, uint64_t *state)
{
	const int bits = !weights || type == GEMM_S8 || type == GEMM_SPARSE_S8 ? 8
			 : type == GEMM_S2				       ? 2
									       : 4;

	for (size_t i = 0; i < count; i++) {
		const uint32_t random = next_random(state);
		/* -1..1 */
		const float number = (float)(int32_t)(random << 1) * 0x1p-31f;

		switch (type) {
		case GEMM_BF16:
			((uint16_t *)to)[i] = npurt_to_bf16(number);
			break;
		case GEMM_FP16:
			((uint16_t *)to)[i] = npurt_to_fp16(number);
			break;
		case GEMM_FP32:
			((float *)to)[i] = number;
			break;
		default:
			((int8_t *)to)[i] = (int8_t)((int8_t)random >> (8 - bits));
		}
	}
}

static void make_operands(struct problem *p)
{
	const struct options *o = p->options;
	const enum npurt_weights type = (enum npurt_weights)o->type;
	const size_t a_size = gemm_a_size(o->type),
		     index_size = npurt_weights_index_size(type, o->k, o->n);
	uint64_t state = 1;
	void *packed, *index = NULL;

	p->args.m = o->m;
	p->args.n = o->n;
	p->args.k = o->k;
	p->args.flags = o->flags;
	p->args.type = o->type;
	p->args.lda = (uint32_t)(o->k * a_size);
	p->args.ldc = o->n * gemm_c_size(o->flags);

	check(npurt_vm_alloc(p->vm, (uint64_t)o->m * p->args.lda, NPURT_MAP_READONLY, NULL, &p->a,
			     &p->args.a),
	      "A");
	check(npurt_vm_alloc(p->vm, npurt_weights_size(type, o->k, o->n), NPURT_MAP_READONLY, NULL,
			     &packed, &p->args.b),
	      "B");
	if (index_size)
		check(npurt_vm_alloc(p->vm, index_size, NPURT_MAP_READONLY, NULL, &index,
				     &p->args.index),
		      "index of B");
	check(npurt_vm_alloc(p->vm, (uint64_t)o->m * p->args.ldc, 0, NULL, &p->c, &p->args.c), "C");
	p->b = malloc((size_t)o->k * o->n * a_size);
	if (!p->b)
		fail("out of memory");
	make_elements(o->type, p->a, (size_t)o->m * o->k, false, &state);
	make_elements(o->type, p->b, (size_t)o->k * o->n, true, &state);
	if (index_size)
		npurt_weights_prune(o->k, o->n, p->b, o->n);
	check(npurt_weights_pack(type, o->k, o->n, p->b, o->n, packed, index), "pack");

	if (!(o->flags & GEMM_C_S8))
		return;
	check(npurt_vm_alloc(p->vm, (uint64_t)o->n * sizeof(*p->channels), NPURT_MAP_READONLY, NULL,
			     (void **)&p->channels, &p->args.channels),
	      "channels");
	for (uint32_t n = 0; n < o->n; n++)
		p->channels[n] = (struct channel){
			.bias = (int32_t)(next_random(&state) % 20001) - 10000,
			.mult = 1 << 20,
			.shift = 32,
		};
}

/* Blocks that the user chose. */
static void check_blocks(struct problem *p, uint32_t sram)
{
	struct gemm_blocking *b = &p->blocking;
	uint64_t need = gemm_sram(&p->args, b->mb, b->nb, b->kb);

	b->grid_x = (p->args.m + b->mb - 1) / b->mb;
	if (need > sram) {
		fprintf(stderr, "npu-gemm: --blocks need %llu bytes of SRAM, a tile has %u\n",
			(unsigned long long)need, sram);
		exit(2);
	}
	if (b->kb < p->args.k && b->kb % 16)
		fail("--blocks with KB less than K: KB must be a multiple of 16");
	if (b->kb < p->args.k && p->args.flags & GEMM_C_S8)
		fail("--blocks with KB less than K does not go with --s8");
}

static void set_up(struct problem *p)
{
	struct npurt_device_info info = NPURT_DEVICE_INFO_INIT;

	check(npurt_device_open(NULL, &p->device), "open");
	check(npurt_device_get_info(p->device, &info), "device");
	check(npurt_vm_create(p->device, &p->vm), "address space");
	check(npurt_module_load_file(p->vm, p->options->module, &p->module), "load");
	check(npurt_module_get_kernel(p->module, "gemm", &p->kernel), "kernel");
	make_operands(p);
	p->blocking = p->options->blocking;
	if (p->blocking.mb)
		check_blocks(p, info.sram_size - STACK_SIZE);
	else if (!gemm_choose(&p->args, info.tiles, info.sram_size - STACK_SIZE, &p->blocking))
		fail(p->options->flags & GEMM_C_S8 ? "K is too large for the tiles' SRAM with "
						     "8-bit results; leave out --s8"
						   : "the tiles' SRAM is too small");
	p->args.mb = p->blocking.mb;
	p->args.nb = p->blocking.nb;
	p->args.kb = p->blocking.kb;
	check(npurt_queue_create(p->vm, NULL, &p->queue), "queue");
	check(npurt_cmdlist_create(p->vm, &p->list), "list");
	check(npurt_cmdlist_dispatch(p->list, p->kernel, &p->args, sizeof(p->args),
				     p->blocking.grid_x, p->blocking.grid_y, 1),
	      "dispatch");
	check(npurt_cmdlist_finish(p->list), "finish");
}

static void tear_down(struct problem *p)
{
	npurt_cmdlist_unref(p->list);
	npurt_queue_unref(p->queue);
	npurt_kernel_unref(p->kernel);
	npurt_module_unref(p->module);
	npurt_vm_unref(p->vm);
	npurt_device_unref(p->device);
	free(p->b);
}

static float element(uint32_t type, const void *from, size_t at)
{
	switch (type) {
	case GEMM_BF16:
		return npurt_from_bf16(((const uint16_t *)from)[at]);
	case GEMM_FP16:
		return npurt_from_fp16(((const uint16_t *)from)[at]);
	default:
		return ((const float *)from)[at];
	}
}

/* As the device has to do it: one fused multiply-add after the other, in order of k. */
static void naive_float_row(const struct problem *p, uint32_t row, float *out)
{
	for (uint32_t n = 0; n < p->args.n; n++) {
		float sum = 0;

		for (uint32_t k = 0; k < p->args.k; k++)
			sum = fmaf(element(p->args.type, p->a, (size_t)row * p->args.k + k),
				   element(p->args.type, p->b, (size_t)k * p->args.n + n), sum);
		out[n] = sum;
	}
}

/* Row row of A x B, the plain way: int32_t, or float. */
static void naive_row(const struct problem *p, uint32_t row, void *out)
{
	const uint8_t *a = (const uint8_t *)p->a + (size_t)row * p->args.k;
	const int8_t *b = p->b;
	bool is_signed = p->args.flags & GEMM_A_S8;

	if (is_float(p)) {
		naive_float_row(p, row, out);
		return;
	}
	for (uint32_t n = 0; n < p->args.n; n++) {
		uint32_t sum = 0; /* unsigned: wraps as the device's does */

		for (uint32_t k = 0; k < p->args.k; k++) {
			int32_t x = is_signed ? (int8_t)a[k] : a[k];

			sum += (uint32_t)(x * b[(size_t)k * p->args.n + n]);
		}
		((int32_t *)out)[n] = (int32_t)sum;
	}
}

static int8_t requantise(int32_t sum, const struct channel *channel)
{
	int64_t p = (int64_t)(int32_t)((uint32_t)sum + (uint32_t)channel->bias) * channel->mult;

	p = (p + (1ll << (channel->shift - 1))) >> channel->shift;
	return (int8_t)(p < -128 ? -128 : p > 127 ? 127 : p);
}

/* Compare rows, spread evenly, with the plain loop. */
static void verify(const struct problem *p, int32_t *row_of_c)
{
	uint32_t rows = p->options->check_rows < p->args.m ? p->options->check_rows : p->args.m;

	for (uint32_t i = 0; i < rows; i++) {
		uint32_t row = (uint32_t)((uint64_t)i * p->args.m / rows);
		const char *got = (const char *)p->c + (size_t)row * p->args.ldc;

		naive_row(p, row, row_of_c);
		for (uint32_t n = 0; n < p->args.n; n++) {
			int32_t want = row_of_c[n], have;

			if (p->args.flags & GEMM_C_S8) {
				want = requantise(want, &p->channels[n]);
				have = ((const int8_t *)got)[n];
			} else {
				have = ((const int32_t *)got)[n];
			}
			if (want == have)
				continue;
			fprintf(stderr, "npu-gemm: C[%u][%u] is %#x, should be %#x\n", row, n,
				(unsigned int)have, (unsigned int)want);
			exit(1);
		}
	}
	if (!p->options->json)
		printf("checked: %u of %u rows, all elements identical\n", rows, p->args.m);
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

/* Seconds of every run, sorted. The first run, which touches the memory, is not among them. */
static void measure(struct problem *p, double *seconds)
{
	check(npurt_queue_run(p->queue, p->list, NPURT_WAIT_FOREVER), "run");
	for (uint32_t i = 0; i < p->options->repeat; i++) {
		double start = now();

		check(npurt_queue_run(p->queue, p->list, NPURT_WAIT_FOREVER), "run");
		seconds[i] = now() - start;
	}
	qsort(seconds, p->options->repeat, sizeof(*seconds), by_value);
}

/* Rate of the plain loop on this CPU, in operations per second. */
static double measure_naive(const struct problem *p, int32_t *row_of_c)
{
	uint32_t rows = p->options->naive_rows < p->args.m ? p->options->naive_rows : p->args.m;
	double start = now();

	for (uint32_t row = 0; row < rows; row++) {
		naive_row(p, row, row_of_c);
		__asm__ volatile("" : : "r"(row_of_c) : "memory"); /* the result is wanted */
	}
	return 2.0 * rows * p->args.n * p->args.k / (now() - start);
}

static void usage(FILE *out)
{
	fputs("usage: npu-gemm [option...] M N K\n"
	      "\n"
	      "Multiplies A[M][K] by packed B[K][N] on the NPU and prints the rate, which\n"
	      "includes submit and wait.\n"
	      "\n"
	      "  --type TYPE       of B: s8 (default), s4, s2, sparse-s8 or sparse-s4, and A is\n"
	      "                    u8; bf16, fp16 or fp32, and A is the same\n"
	      "  --repeat N        timed runs; default 10\n"
	      "  --check[=ROWS]    compare all, or so many, rows with a plain loop on the CPU\n"
	      "  --naive[=ROWS]    time that loop too, on so many rows; default 16\n"
	      "  --signed          8-bit A is s8\n"
	      "  --s8              C of 8-bit A is requantised to s8\n"
	      "  --blocks MB,NB,KB,Y  rows, columns and depth at a time, and workgroups that\n"
	      "                    share the columns, instead of what seems best\n"
	      "  --json            print one JSON object\n"
	      "  --module FILE     default /usr/share/npu/gemm.elf\n",
	      out);
}

static uint32_t number(const char *text, const char *what, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || text[0] == '-' || value < min || value > max) {
		fprintf(stderr, "npu-gemm: %s is '%s', should be %u to %u\n", what, text, min, max);
		exit(2);
	}
	return (uint32_t)value;
}

/* The kernel's rules; check_blocks() sees whether it all fits. */
static void parse_blocks(const char *text, struct gemm_blocking *b)
{
	int used = 0;

	if (sscanf(text, "%u,%u,%u,%u%n", &b->mb, &b->nb, &b->kb, &b->grid_y, &used) != 4 ||
	    text[used] || !b->mb || !b->nb || b->nb % 16 || !b->kb || !b->grid_y || b->mb > 65535 ||
	    b->nb > 65535 || b->kb > 65536 || b->grid_y > 65535) {
		fprintf(stderr,
			"npu-gemm: --blocks is '%s', should be MB,NB,KB,Y: NB a multiple of 16\n",
			text);
		exit(2);
	}
}

static uint32_t type_number(const char *name)
{
	for (uint32_t type = 0; type < GEMM_TYPES; type++)
		if (!strcmp(name, type_names[type]))
			return type;
	fprintf(stderr, "npu-gemm: there is no --type %s; see --help\n", name);
	exit(2);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"repeat", required_argument, NULL, 'r'},
		{"check", optional_argument, NULL, 'c'},
		{"naive", optional_argument, NULL, 'n'},
		{"signed", no_argument, NULL, 's'},
		{"s8", no_argument, NULL, '8'},
		{"blocks", required_argument, NULL, 'b'},
		{"type", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"module", required_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->repeat = number(optarg, "--repeat", 1, 1000000);
			break;
		case 'c':
			o->check_rows =
				optarg ? number(optarg, "--check", 1, UINT32_MAX) : UINT32_MAX;
			break;
		case 'n':
			o->naive_rows = optarg ? number(optarg, "--naive", 1, UINT32_MAX) : 16;
			break;
		case 's':
			o->flags |= GEMM_A_S8;
			break;
		case '8':
			o->flags |= GEMM_C_S8;
			break;
		case 'b':
			parse_blocks(optarg, &o->blocking);
			break;
		case 't':
			o->type = type_number(optarg);
			break;
		case 'j':
			o->json = true;
			break;
		case 'm':
			o->module = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (argc - optind != 3) {
		usage(stderr);
		exit(2);
	}
	if (o->type >= GEMM_BF16 && o->flags) {
		fprintf(stderr, "npu-gemm: --signed and --s8 do not go with floating point\n");
		exit(2);
	}
	/* Sizes that keep every offset within the kernel's 32 bits. */
	o->m = number(argv[optind], "M", 1, 65535);
	o->n = number(argv[optind + 1], "N", 1, 65535);
	o->k = number(argv[optind + 2], "K", 1, 65535);
}

int main(int argc, char **argv)
{
	struct options options = {.repeat = 10, .module = "/usr/share/npu/gemm.elf"};
	struct problem p = {.options = &options};
	double *seconds, naive = 0, ops, best, median;
	int32_t *row_of_c;

	parse(argc, argv, &options);
	seconds = malloc(options.repeat * sizeof(*seconds));
	row_of_c = malloc(options.n * sizeof(*row_of_c));
	if (!seconds || !row_of_c)
		fail("out of memory");
	set_up(&p);
	measure(&p, seconds);
	if (options.check_rows)
		verify(&p, row_of_c);
	if (options.naive_rows)
		naive = measure_naive(&p, row_of_c);

	ops = 2.0 * options.m * options.n * options.k;
	best = seconds[0];
	median = seconds[options.repeat / 2];
	if (options.json) {
		printf("{\"type\": \"%s\", \"m\": %u, \"n\": %u, \"k\": %u, \"repeat\": %u, "
		       "\"checked_rows\": %u, "
		       "\"best_s\": %.9f, \"median_s\": %.9f, \"best_gops\": %.3f, "
		       "\"median_gops\": %.3f, \"naive_gops\": %.6f}\n",
		       type_names[options.type], options.m, options.n, options.k, options.repeat,
		       options.check_rows < options.m ? options.check_rows : options.m, best,
		       median, 1e-9 * ops / best, 1e-9 * ops / median, 1e-9 * naive);
	} else {
		printf("%u x %u x %u %s x %s -> %s, blocks of %u x %u x %u, grid %u x %u\n",
		       options.m, options.n, options.k,
		       is_float(&p)		   ? type_names[options.type]
		       : options.flags & GEMM_A_S8 ? "s8"
						   : "u8",
		       type_names[options.type],
		       is_float(&p)		   ? "fp32"
		       : options.flags & GEMM_C_S8 ? "s8"
						   : "s32",
		       p.args.mb, p.args.nb, p.args.kb, p.blocking.grid_x, p.blocking.grid_y);
		printf("NPU:   %10.3f GOP/s median of %u, %.3f best (%.3f ms)\n",
		       1e-9 * ops / median, options.repeat, 1e-9 * ops / best, 1e3 * best);
		if (naive)
			printf("naive: %10.3f GOP/s on the CPU; the NPU is %.0f times as fast\n",
			       1e-9 * naive, ops / median / naive);
	}
	tear_down(&p);
	free(seconds);
	free(row_of_c);
	return 0;
}
