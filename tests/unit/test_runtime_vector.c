// SPDX-License-Identifier: MIT
/*
 * A kernel of riscv_vector.h intrinsics, compiled by npucc, gives what plain C gives here, whatever the
 * length of the vectors.
 */
#include "fixture.h"
#include "vectors.h"

#define COUNT	1237u /* no multiple of any vector's length */
#define WAIT_NS 60000000000ll

struct operands {
	float *x, *table, *y;
	int16_t *pairs;
	uint32_t *index;
	struct vectors_result *result;
};

static void *take(struct npurt_vm *vm, size_t bytes, uint64_t *address)
{
	void *data;

	NEED(npurt_vm_alloc(vm, bytes, 0, NULL, &data, address));
	return data;
}

static void make(struct npurt_vm *vm, struct operands *o, struct vectors_args *args)
{
	uint32_t seed = 1;

	o->x = take(vm, COUNT * 4, &args->x);
	o->table = take(vm, COUNT * 4, &args->table);
	o->y = take(vm, COUNT * 4, &args->y);
	o->pairs = take(vm, COUNT * 4, &args->pairs);
	o->index = take(vm, COUNT * 4, &args->index);
	o->result = take(vm, sizeof(*o->result), &args->result);
	args->count = COUNT;
	for (unsigned int i = 0; i < COUNT; i++) {
		seed = seed * 1664525u + 1013904223u;
		o->x[i] = (float)((int)(seed >> 8) % 10007 - 5003) / 16;
		o->table[i] = (float)(i % 97) - 31.5f;
		o->pairs[2 * i] = (int16_t)(seed >> 16);
		o->pairs[2 * i + 1] = i % 5 ? (int16_t)(seed >> 3) : INT16_MIN;
		o->index[i] = seed % COUNT;
	}
	o->pairs[0] = INT16_MIN; /* times itself: saturates */
}

/* Half a unit in the last place rounds to the even neighbour. */
static int32_t q15_product(int16_t p, int16_t q)
{
	const int32_t product = p * q, rest = product & 0x7fff, down = product >> 15;

	if (p == INT16_MIN && q == INT16_MIN)
		return INT16_MAX;
	return down + (rest > 0x4000 || (rest == 0x4000 && (down & 1)));
}

static bool right(const struct operands *o)
{
	struct vectors_result want = { 0 };

	for (unsigned int i = 0; i < COUNT; i++) {
		const float y = o->x[i] > 0 ? o->x[i] * o->table[o->index[i]] : o->x[i];

		want.positive += o->x[i] > 0;
		want.sum += o->x[i];
		want.dot += q15_product(o->pairs[2 * i], o->pairs[2 * i + 1]);
		if (o->y[i] != y) {
			tap_diag("y[%u] is %g, not %g", i, (double)o->y[i], (double)y);
			return false;
		}
	}
	if (o->result->positive != want.positive || o->result->dot != want.dot ||
	    o->result->sum != want.sum) {
		tap_diag("%u %d %g, not %u %d %g", o->result->positive, o->result->dot,
			 (double)o->result->sum, want.positive, want.dot, (double)want.sum);
		return false;
	}
	return true;
}

static void run(const char *path)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	struct vectors_args args;
	struct operands o;
	int err;

	options.path = path;
	NEED(npurt_device_open(&options, &device));
	NEED(npurt_vm_create(device, &vm));
	NEED(npurt_module_load_file(vm, RUNTIME_OUT "/vectors.elf", &module));
	NEED(npurt_module_get_kernel(module, "vectors", &kernel));
	make(vm, &o, &args);
	NEED(npurt_cmdlist_create(vm, &list));
	NEED(npurt_cmdlist_dispatch(list, kernel, &args, sizeof(args), 1, 1, 1));
	NEED(npurt_cmdlist_finish(list));
	NEED(npurt_queue_create(vm, NULL, &queue));
	err = npurt_queue_run(queue, list, WAIT_NS);
	if (!tap_ok(!err && right(&o), "vector intrinsics on %s", path))
		tap_diag("%d: %s", err, npurt_error_detail());
	npurt_queue_unref(queue);
	npurt_cmdlist_unref(list);
	npurt_kernel_unref(kernel);
	npurt_module_unref(module);
	npurt_vm_unref(vm);
	npurt_device_unref(device);
}

int main(void)
{
	run("sim");
	run("sim:vlen=128");
	run("sim:vlen=256");
	run("sim:vlen=16384");
	return tap_done();
}
