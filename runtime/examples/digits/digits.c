// SPDX-License-Identifier: MIT
/*
 * digits: classifies handwritten digits on the NPU.
 *
 * The whole set is one dispatch: each workgroup takes a batch of digits through the network. Every
 * logit is then compared with the same integers computed in plain C on the CPU, and the device's
 * count of multiply-accumulates with the network's arithmetic.
 *
 * Exit status: 0 if all of that agrees and at least 97 % of the digits are right, 1 if not or if
 * something failed, 2 for a wrong command line.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "digits_data.h"
#include "digits_kernels.h"
#include "digits_model.h"
#include "digits_plan.h"
#include "digits_ref.h"
#include "npurt.h"

/* From the folder that this program is in to its files. */
#define FOLDER_FROM_BIN	  "../share/npu/digits"

#define BATCH_DEFAULT	  16u
#define ACCURACY_MIN	  97u /* per cent */
#define DIFFERENCES_SHOWN 5u

struct options {
	const char *folder;			/* NULL: found from where this program is */
	const char *weights, *digits, *kernels; /* NULL: in folder */
	const char *device;			/* NULL: the first one */
	uint32_t count;				/* 0: all */
	uint32_t batch;
};

/* What the NPU made of the set. */
struct result {
	int32_t *logits;  /* digit by digit; owned */
	uint64_t wall_ns; /* from submit to end */
	uint64_t macs, cycles, energy_fj;
	uint32_t batch;
	struct npurt_device_info info;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Say what a call of npurt could not do; the library knows why. */
static int failed(const char *what)
{
	fprintf(stderr, "digits: cannot %s: %s\n", what, npurt_error_detail());
	return -1;
}

/* Everything that is made on the way to a run, to be given back together. */
struct run {
	struct npurt_device *device;
	struct npurt_vm *vm;
	struct npurt_module *module;
	struct npurt_kernel *kernel;
	struct npurt_cmdlist *list;
	struct npurt_queue *queue;
	struct npurt_bo *resident_bo, *images_bo, *logits_bo;
	void *resident, *images, *logits; /* as this process sees them */
	struct digits_args args;	  /* with their device addresses */
};

static void run_release(struct run *run)
{
	npurt_queue_unref(run->queue);
	npurt_cmdlist_unref(run->list);
	npurt_kernel_unref(run->kernel);
	npurt_module_unref(run->module);
	npurt_bo_unref(run->resident_bo);
	npurt_bo_unref(run->images_bo);
	npurt_bo_unref(run->logits_bo);
	npurt_vm_unref(run->vm);
	npurt_device_unref(run->device);
}

/* Write the resident block: the plan, and weights in the order in which the matrix engine wants them. */
static void pack(const struct digits_model *model, const struct digits_plan *plan, void *block)
{
	uint8_t *bytes = block;
	uint32_t i;

	memset(block, 0, plan->size);
	memcpy(block, plan, sizeof(*plan));
	for (i = 0; i < plan->count; i++) {
		const struct digits_layer *layer = &model->layers[i];
		const struct digits_step *step = &plan->steps[i];

		npurt_pack_b_s8(layer->k, layer->n, layer->weights, layer->n, bytes + step->b);
		memcpy(bytes + step->channels, layer->channels,
		       layer->n * sizeof(*layer->channels));
	}
}

/* Memory that host and device share: the resident block and the pictures go in, the logits out. */
static int fill_memory(struct run *run, const struct digits_model *model,
		       const struct digits_data *data, uint32_t count, struct digits_plan *plan)
{
	const size_t image_bytes = (size_t)count * data->height * data->width;
	const size_t logit_bytes = (size_t)count * DIGITS_CLASSES * sizeof(int32_t);

	if (npurt_vm_alloc(run->vm, plan->size, NPURT_MAP_READONLY, &run->resident_bo,
			   &run->resident, &run->args.resident) ||
	    npurt_vm_alloc(run->vm, image_bytes, NPURT_MAP_READONLY, &run->images_bo, &run->images,
			   &run->args.images) ||
	    npurt_vm_alloc(run->vm, logit_bytes, 0, &run->logits_bo, &run->logits,
			   &run->args.logits))
		return failed("get memory that the device can reach");

	/* One network per queue here, so any number but 0 will do. */
	plan->generation = 1;
	pack(model, plan, run->resident);
	memcpy(run->images, data->pixels, image_bytes);
	run->args.resident_size = plan->size;
	run->args.generation = plan->generation;
	run->args.count = count;
	run->args.batch = plan->batch;
	return 0;
}

static int read_counter(struct npurt_queue *queue, const char *name, uint64_t *ret_value)
{
	uint64_t values[256] = {0};
	unsigned int index, count = npurt_counter_count();

	if (count > 256)
		count = 256;
	if (npurt_counter_find(name, &index) ||
	    npurt_queue_get_counters(queue, values, count, &count) || index >= count)
		return failed("read the queue's counters");
	*ret_value = values[index];
	return 0;
}

/* Classify the first count digits of the set. The pictures go in and the logits come out whole. */
static int classify(const struct options *options, const char *kernels,
		    const struct digits_model *model, const struct digits_data *data,
		    uint32_t count, struct result *result)
{
	struct npurt_device_options where = NPURT_DEVICE_OPTIONS_INIT;
	struct digits_error error;
	struct digits_plan plan;
	struct run run = {0};
	uint64_t start;
	int code = -1;

	where.path = options->device;
	if (npurt_device_open(&where, &run.device) ||
	    npurt_device_get_info(run.device, &result->info)) {
		failed("open the device");
		goto out;
	}
	if (digits_plan_lay_out(model, result->info.sram_size, options->batch, &plan, &error)) {
		fprintf(stderr, "digits: %s\n", error.text);
		goto out;
	}
	result->batch = plan.batch;

	if (npurt_vm_create(run.device, &run.vm)) {
		failed("make an address space");
		goto out;
	}
	if (fill_memory(&run, model, data, count, &plan))
		goto out;
	if (npurt_module_load_file(run.vm, kernels, &run.module) ||
	    npurt_module_get_kernel(run.module, DIGITS_KERNEL, &run.kernel)) {
		failed("load the kernels");
		goto out;
	}

	if (npurt_cmdlist_create(run.vm, &run.list) ||
	    npurt_cmdlist_dispatch(run.list, run.kernel, &run.args, sizeof(run.args),
				   (count + plan.batch - 1) / plan.batch, 1, 1) ||
	    npurt_cmdlist_finish(run.list) || npurt_queue_create(run.vm, NULL, &run.queue)) {
		failed("prepare the job");
		goto out;
	}
	start = now_ns();
	if (npurt_queue_run(run.queue, run.list, NPURT_WAIT_FOREVER)) {
		failed("run the job");
		goto out;
	}
	result->wall_ns = now_ns() - start;

	if (read_counter(run.queue, "matrix.macs", &result->macs) ||
	    read_counter(run.queue, "cycles", &result->cycles) ||
	    read_counter(run.queue, "energy", &result->energy_fj))
		goto out;
	memcpy(result->logits, run.logits, (size_t)count * DIGITS_CLASSES * sizeof(int32_t));
	code = 0;
out:
	run_release(&run);
	return code;
}

/* Compare with the reference. Returns the number of logits that differ; says where the first are. */
static uint64_t compare(const struct digits_model *model, const struct digits_data *data,
			uint32_t count, const int32_t *logits, void *scratch)
{
	int32_t expected[DIGITS_CLASSES];
	uint64_t differ = 0;
	uint32_t i, n;

	for (i = 0; i < count; i++, logits += DIGITS_CLASSES) {
		digits_ref_run(model, digits_data_image(data, i), scratch, expected);
		for (n = 0; n < DIGITS_CLASSES; n++) {
			if (logits[n] == expected[n])
				continue;
			if (differ++ < DIFFERENCES_SHOWN)
				fprintf(stderr,
					"digits: digit %u, logit %u: %d on the NPU, %d on the "
					"CPU\n",
					i, n, logits[n], expected[n]);
		}
	}
	return differ;
}

static uint32_t count_right(const struct digits_data *data, uint32_t count, const int32_t *logits)
{
	uint32_t i, right = 0;

	for (i = 0; i < count; i++)
		right += digits_argmax(logits + (size_t)i * DIGITS_CLASSES, DIGITS_CLASSES) ==
			 data->labels[i];
	return right;
}

static void print_run(const struct digits_model *model, const struct result *result, uint32_t count)
{
	const double seconds = (double)result->wall_ns / 1e9;

	printf("network: %u layers, %" PRIu64 " MACs per digit, %u digits in a batch\n",
	       model->layer_count, digits_model_macs(model), result->batch);
	printf("device: %u digits in %.3f ms, %.0f digits/s\n", count, seconds * 1e3,
	       count / seconds);
	/* The same on every host, whatever its load: two runs can be compared as text. */
	printf("model: %" PRIu64 " cycles, %.6f ms at %u MHz, %" PRIu64
	       " fJ, %.3f uJ per digit, %.0f digits/s\n",
	       result->cycles, (double)result->cycles / result->info.clock_khz,
	       result->info.clock_khz / 1000, result->energy_fj,
	       (double)result->energy_fj / 1e9 / count,
	       count / ((double)result->cycles / result->info.clock_khz / 1e3));
}

/* Run, compare, and say how it went. Returns the exit status. */
static int run_set(const struct options *options, const char *kernels,
		   const struct digits_model *model, const struct digits_data *data)
{
	const uint32_t count =
		options->count && options->count < data->count ? options->count : data->count;
	const uint64_t expected = digits_model_macs(model) * count;
	struct result result = {.info = NPURT_DEVICE_INFO_INIT};
	void *scratch = malloc(digits_ref_scratch_bytes(model));
	uint64_t differ, start, wall_ns;
	uint32_t right;
	char logits[64];
	int status = 1;

	result.logits = calloc(count, DIGITS_CLASSES * sizeof(int32_t));
	if (!scratch || !result.logits) {
		fprintf(stderr, "digits: no memory for the logits of %u digits\n", count);
		goto out;
	}
	if (classify(options, kernels, model, data, count, &result))
		goto out;
	print_run(model, &result, count);

	start = now_ns();
	differ = compare(model, data, count, result.logits, scratch);
	wall_ns = now_ns() - start;
	printf("reference: %u digits on the CPU in %.3f ms, %.0f digits/s\n", count, wall_ns / 1e6,
	       count / (wall_ns / 1e9));

	right = count_right(data, count, result.logits);
	if (differ)
		snprintf(logits, sizeof(logits), "%" PRIu64 " logits differ", differ);
	else
		strcpy(logits, "logits identical");
	if (!differ && result.macs == expected &&
	    (uint64_t)right * 100 >= (uint64_t)count * ACCURACY_MIN)
		status = 0;
	printf("digits: %.2f %% of %u correct, %s, %" PRIu64 " MACs counted, %" PRIu64
	       " expected\n",
	       100.0 * right / count, count, logits, result.macs, expected);
	if (fflush(stdout)) {
		fprintf(stderr, "digits: cannot write the result: %s\n", strerror(errno));
		status = 1;
	}
out:
	free(result.logits);
	free(scratch);
	return status;
}

/* The two files are made by different programs; a pair that does not fit is an easy mistake. */
static int check_pair(const struct digits_model *model, const struct digits_data *data)
{
	const struct digits_layer *first = &model->layers[0], *last = digits_model_last(model);

	if (first->in_h == data->height && first->in_w == data->width && first->in_c == 1 &&
	    last->m == 1 && last->n == DIGITS_CLASSES && data->count)
		return 0;
	fprintf(stderr,
		"digits: the network takes %ux%ux%u and gives %u logits, but the set has %u digits "
		"of %ux%u and %u classes: these two files do not belong together\n",
		first->in_h, first->in_w, first->in_c, last->m * last->n, data->count, data->height,
		data->width, DIGITS_CLASSES);
	return -1;
}

static const char usage[] =
	"usage: digits [OPTION]...\n"
	"Classify handwritten digits on the NPU and compare every logit with the CPU's.\n"
	"\n"
	"  -C, --folder=DIR     where the files below are [" FOLDER_FROM_BIN
	", seen from this program]\n"
	"  -w, --weights=FILE   network [digits-weights.bin]\n"
	"  -d, --digits=FILE    set of digits [digits-test.bin]\n"
	"  -k, --kernels=FILE   kernels, made by npucc [digits_kernels.elf]\n"
	"  -D, --device=NODE    device node [the first NPU]\n"
	"  -n, --count=N        only the first N digits\n"
	"  -b, --batch=N        digits in a workgroup, fewer if the SRAM is small [16]\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 if all logits and the count of MACs agree and at least 97 % of the digits\n"
	"are right, else 1; 2 for a wrong command line.\n";

static int parse_number(const char *name, const char *text, uint32_t *ret_value)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !value ||
	    value > DIGITS_DATA_MAX_COUNT) {
		fprintf(stderr, "digits: --%s=%s: allowed are 1..%u\n", name, text,
			DIGITS_DATA_MAX_COUNT);
		return -1;
	}
	*ret_value = (uint32_t)value;
	return 0;
}

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"folder", required_argument, NULL, 'C'},
		{"weights", required_argument, NULL, 'w'},
		{"digits", required_argument, NULL, 'd'},
		{"kernels", required_argument, NULL, 'k'},
		{"device", required_argument, NULL, 'D'},
		{"count", required_argument, NULL, 'n'},
		{"batch", required_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "C:w:d:k:D:n:b:h", names, NULL)) != -1) {
		switch (option) {
		case 'C':
			options->folder = optarg;
			break;
		case 'w':
			options->weights = optarg;
			break;
		case 'd':
			options->digits = optarg;
			break;
		case 'k':
			options->kernels = optarg;
			break;
		case 'D':
			options->device = optarg;
			break;
		case 'n':
			if (parse_number("count", optarg, &options->count))
				return 2;
			break;
		case 'b':
			if (parse_number("batch", optarg, &options->batch))
				return 2;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("digits: 'digits --help' lists the options\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "digits: '%s' is no option; 'digits --help' lists them\n",
			argv[optind]);
		return 2;
	}
	return -1;
}

/* The file that was asked for, or the one of that name in the folder. To be freed. */
static char *locate(const struct options *options, const char *given, const char *name)
{
	char self[4096], *path = NULL;
	ssize_t length;
	int written;

	if (given)
		return strdup(given);
	if (options->folder) {
		written = asprintf(&path, "%s/%s", options->folder, name);
	} else {
		length = readlink("/proc/self/exe", self, sizeof(self) - 1);
		self[length > 0 ? length : 0] = '\0';
		written = asprintf(&path, "%s/" FOLDER_FROM_BIN "/%s", dirname(self), name);
	}
	return written < 0 ? NULL : path;
}

int main(int argc, char **argv)
{
	struct options options = {.batch = BATCH_DEFAULT};
	struct digits_model model = {0};
	struct digits_data data = {0};
	struct digits_error error;
	char *weights, *digits, *kernels;
	int status = parse(argc, argv, &options);

	if (status >= 0)
		return status;
	status = 1;
	weights = locate(&options, options.weights, "digits-weights.bin");
	digits = locate(&options, options.digits, "digits-test.bin");
	kernels = locate(&options, options.kernels, "digits_kernels.elf");
	if (!weights || !digits || !kernels)
		fputs("digits: no memory for file names\n", stderr);
	else if (digits_model_load(weights, &model, &error) ||
		 digits_data_load(digits, &data, &error))
		fprintf(stderr, "digits: %s\n", error.text);
	else if (!check_pair(&model, &data))
		status = run_set(&options, kernels, &model, &data);
	digits_data_release(&data);
	digits_model_release(&model);
	free(kernels);
	free(digits);
	free(weights);
	return status;
}
