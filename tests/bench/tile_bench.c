// SPDX-License-Identifier: MIT
/*
 * npu-tile-bench: how fast this host runs what is programmed for a tile, on a simulated device with one
 * tile, against the same work done by the host itself: vector loops against what the compiler makes
 * of them for this machine, a scalar mix against qemu-riscv64.
 *
 * Times are CPU time, of all threads of whoever does the work, and medians of repeated runs; the
 * two sides of a row take turns. A row is printed as
 *
 *	name|value|unit|against|value of the peer|lowest ratio that is good enough
 */
#include <npurt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tile/args.h"
#include "tile_native.h"

#define COUNT	    (1u << 20) /* floats */
#define FACTOR	    1.0001f
#define REPEATS_MAX 1000
/* Rounds of the mix: some tenths of a second on a tile. */
#define MIX_ROUNDS  20000

static struct npurt_vm *vm;
static struct npurt_queue *queue;
static unsigned int repeats = 31;
static const char *only; /* kernel to run; NULL: all */

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "npu-tile-bench: %s: %s\n", what, npurt_error_detail());
	exit(1);
}

static double cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *times)
{
	qsort(times, repeats, sizeof(*times), compare);
	return times[repeats / 2];
}

static struct npurt_cmdlist *prepare(struct npurt_module *module, const char *name,
				     const void *args, size_t size)
{
	struct npurt_cmdlist *list;
	struct npurt_kernel *kernel;

	check(npurt_module_get_kernel(module, name, &kernel), name);
	check(npurt_cmdlist_create(vm, &list), "list");
	check(npurt_cmdlist_dispatch(list, kernel, args, size, 1, 1, 1), "dispatch");
	check(npurt_cmdlist_finish(list), "finish");
	npurt_kernel_unref(kernel);
	return list;
}

/* ---- vectors --------------------------------------------------------------------------------- */

struct peer {
	const char *text;
	void (*run)(float *restrict y, const float *restrict x, size_t n);
};

static void axpy(float *restrict y, const float *restrict x, size_t n)
{
	native_axpy(y, x, FACTOR, n);
}

static void fill(float *y)
{
	for (size_t i = 0; i < COUNT; i++)
		y[i] = (float)(i % 1000) * 1e-3f;
}

/* tolerance: of the results, relative; sums have their own order on either side. */
static void bench_vector(struct npurt_module *module, const char *kernel, const char *name,
			 const struct peer *peer, double tolerance, const char *target)
{
	struct vector_args args = {.n = COUNT, .a = FACTOR};
	struct npurt_cmdlist *list;
	double tile[REPEATS_MAX], native[REPEATS_MAX];
	float *x, *y, *z = aligned_alloc(4096, COUNT * sizeof(*z));
	void *px, *py;

	if (only && strcmp(only, kernel)) {
		free(z);
		return;
	}
	check(npurt_vm_alloc(vm, COUNT * sizeof(float), 0, NULL, &px, &args.x), "x");
	check(npurt_vm_alloc(vm, COUNT * sizeof(float), 0, NULL, &py, &args.y), "y");
	x = px;
	y = py;
	for (size_t i = 0; i < COUNT; i++)
		x[i] = (float)((i * 2654435761u) >> 7 & 16383) * 1e-3f - 8;
	list = prepare(module, kernel, &args, sizeof(args));
	/* Once without taking the time: memory appears, caches and predictors learn. */
	for (unsigned int i = 0; i <= repeats; i++) {
		double start;

		fill(y);
		start = cpu_time();
		check(npurt_queue_run(queue, list, NPURT_WAIT_FOREVER), name);
		tile[i ? i - 1 : 0] = cpu_time() - start;
		fill(z);
		start = cpu_time();
		peer->run(z, x, COUNT);
		native[i ? i - 1 : 0] = cpu_time() - start;
		for (size_t k = 0; i == 0 && k < COUNT; k++) {
			const double off = (double)y[k] - (double)z[k];

			if (off <= tolerance * (double)z[k] && -off <= tolerance * (double)z[k])
				continue;
			fprintf(stderr, "npu-tile-bench: %s: [%zu] is %g, not %g\n", name, k,
				(double)y[k], (double)z[k]);
			exit(1);
		}
	}
	printf("%s|%.1f|Mfloat/s|%s|%.1f|%s\n", name, COUNT * 1e-6 / median(tile), peer->text,
	       COUNT * 1e-6 / median(native), target);
	fflush(stdout);
	npurt_cmdlist_unref(list);
	free(z);
}

/* ---- scalars --------------------------------------------------------------------------------- */

/* CPU seconds of a program with one argument; its exit code through *code. */
static double run_program(const char *program, const char *file, const char *argument, int *code)
{
	struct rusage used;
	int status;
	const pid_t pid = fork();

	if (pid == 0) {
		execlp(program, program, file, argument, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 127) {
		fprintf(stderr, "npu-tile-bench: cannot run %s; it is in Debian's qemu-user\n",
			program);
		exit(1);
	}
	*code = WEXITSTATUS(status);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void bench_mix(struct npurt_module *module, const char *linux_file)
{
	struct mix_args args = {.rounds = MIX_ROUNDS};
	struct npurt_cmdlist *list;
	double tile[REPEATS_MAX], qemu[REPEATS_MAX], mips, peer;
	uint64_t *result;
	void *p;
	char once[32], rounds[32];

	if (only && strcmp(only, "mix"))
		return;
	check(npurt_vm_alloc(vm, 4096, 0, NULL, &p, &args.result), "result");
	result = p;
	list = prepare(module, "mix", &args, sizeof(args));
	snprintf(once, sizeof(once), "%u", MIX_ROUNDS);
	snprintf(rounds, sizeof(rounds), "%u", 5 * MIX_ROUNDS);
	for (unsigned int i = 0; i < repeats; i++) {
		const double start = cpu_time();
		double idle;
		int code;

		check(npurt_queue_run(queue, list, NPURT_WAIT_FOREVER), "mix");
		tile[i] = cpu_time() - start;
		/* What starting it costs is not what is asked. Five times the rounds, for the same reason. */
		idle = run_program("qemu-riscv64", linux_file, "0", &code);
		qemu[i] = (run_program("qemu-riscv64", linux_file, rounds, &code) - idle) / 5;
		if (i == 0) {
			run_program("qemu-riscv64", linux_file, once, &code);
			if (code != (int)(result[0] & 63)) {
				fprintf(stderr, "npu-tile-bench: mix: %d here, %d in qemu-riscv64\n",
					(int)(result[0] & 63), code);
				exit(1);
			}
		}
	}
	mips = (double)result[1] * 1e-6 / median(tile);
	peer = (double)result[1] * 1e-6 / median(qemu);
	printf("scalar mix, one tile|%.1f|MIPS|qemu-riscv64, same instructions|%.1f|0.2\n", mips, peer);
	printf("scalar mix, one tile|%.1f|MIPS|fixed figure, for an idle machine|700|1\n", mips);
	npurt_cmdlist_unref(list);
}

int main(int argc, char **argv)
{
	static const struct peer loop = {"gcc -O3 -march=native", axpy},
				 softmax = {"gcc -O3 -march=native", native_softmax},
				 plain = {"the same, one sum, one maximum", native_softmax_plain};
	struct npurt_device *device;
	struct npurt_module *vectors, *scalars;
	char path[4096];

	if (argc > 2)
		repeats = (unsigned int)atoi(argv[2]);
	if (argc > 3)
		only = argv[3];
	if (argc < 2 || !repeats || repeats > REPEATS_MAX) {
		fprintf(stderr, "usage: npu-tile-bench FOLDER-OF-MODULES [REPEATS [KERNEL]]\n");
		return 2;
	}
	setenv("NPURT_BACKEND", "sim", 1);
	setenv("NPURT_SIM", "chiplets=1,tiles=1,threads=1", 1);
	check(npurt_device_open(NULL, &device), "open");
	check(npurt_vm_create(device, &vm), "address space");
	check(npurt_queue_create(vm, NULL, &queue), "queue");
	snprintf(path, sizeof(path), "%s/vector.elf", argv[1]);
	check(npurt_module_load_file(vm, path, &vectors), path);
	snprintf(path, sizeof(path), "%s/mix.elf", argv[1]);
	check(npurt_module_load_file(vm, path, &scalars), path);

	bench_vector(vectors, "axpy", "axpy 1 M, one tile", &loop, 0, "0.5");
	bench_vector(vectors, "softmax", "softmax 1 M, one tile", &softmax, 1e-4, "0.5");
	bench_vector(vectors, "softmax", "softmax 1 M, one tile", &plain, 1e-3, "");
	bench_vector(vectors, "axpy_dma", "axpy 1 M by DMA, one tile", &loop, 0, "");
	bench_vector(vectors, "axpy_auto", "axpy 1 M, plain C, one tile", &loop, 0, "");
	snprintf(path, sizeof(path), "%s/mix_linux", argv[1]);
	bench_mix(scalars, path);

	npurt_module_unref(vectors);
	npurt_module_unref(scalars);
	npurt_queue_unref(queue);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
	return 0;
}
