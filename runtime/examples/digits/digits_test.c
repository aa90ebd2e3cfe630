// SPDX-License-Identifier: MIT
/*
 * digits-test: tests of the readers, of the kept files and of the integer reference.
 *
 *   digits-test <weights file> <test set> <scratch file>
 *
 * Prints one TAP line per test; the exit status is 1 if any failed. The scratch file is rewritten
 * many times and removed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digits_data.h"
#include "digits_model.h"
#include "digits_plan.h"
#include "digits_ref.h"

static unsigned int tests, failures;

static void result(bool passed, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", passed ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	failures += !passed;
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		printf("Bail out! no memory for %zu bytes\n", size);
		exit(1);
	}
	return memory;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
		printf("Bail out! %s: cannot write: %s\n", path, strerror(errno));
		exit(1);
	}
}

static uint64_t random_word(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- Damaged files ---- */

/*
 * How a good file is damaged: @size to cut it (0: leave, -1: by one byte), @patch to overwrite the
 * word at @offset and, if @offset2 is not 0, the one there.
 */
struct damage {
	const char *name;
	int expected;
	long size;
	bool patch, mend_crc;
	uint32_t offset, value;
	uint32_t offset2, value2;
};

#define WORD(layer, word) (DIGITS_MODEL_HEADER + (layer)*DIGITS_MODEL_LAYER_BYTES + (word)*4)
/* A layer descriptor's word is changed under a valid CRC, so that the check behind it is reached. */
#define LAYER(text, layer, word, number, code)                                      \
	{                                                                           \
		.name = text, .expected = -(code), .patch = true, .mend_crc = true, \
		.offset = WORD(layer, word), .value = (uint32_t)(number)            \
	}
#define HEADER(text, at, number, code)                                          \
	{                                                                       \
		.name = text, .expected = -(code), .patch = true, .offset = at, \
		.value = (uint32_t)(number)                                     \
	}
#define RECORD(text, at, number)                                                                  \
	{                                                                                         \
		.name = text, .expected = -ERANGE, .patch = true, .mend_crc = true, .offset = at, \
		.value = number                                                                   \
	}
#define CUT(text, bytes)                                          \
	{                                                         \
		.name = text, .expected = -EBADMSG, .size = bytes \
	}

typedef int load_function(const char *path, bool *ret_untouched, struct digits_error *error);

static int load_data(const char *path, bool *ret_untouched, struct digits_error *error)
{
	struct digits_data data, before;
	int code;

	memset(&data, 0x5a, sizeof(data));
	before = data;
	code = digits_data_load(path, &data, error);
	*ret_untouched = !memcmp(&data, &before, sizeof(data));
	if (!code)
		digits_data_release(&data);
	return code;
}

static int load_model(const char *path, bool *ret_untouched, struct digits_error *error)
{
	struct digits_model model, before;
	int code;

	memset(&model, 0x5a, sizeof(model));
	before = model;
	code = digits_model_load(path, &model, error);
	*ret_untouched = !memcmp(&model, &before, sizeof(model));
	if (!code)
		digits_model_release(&model);
	return code;
}

static void expect_refusal(load_function *load, const char *path, int expected, const char *kind,
			   const char *name)
{
	struct digits_error error = {""};
	bool untouched = false;
	int code = load(path, &untouched, &error);
	bool named = !strncmp(error.text, path, strlen(path)) && strlen(error.text) > strlen(path);

	result(code == expected && untouched && named, "%s, %s: refused (%d)", kind, name, code);
	if (code != expected || !untouched || !named)
		printf("# expected %d; output %s; text: %s\n", expected,
		       untouched ? "untouched" : "changed", error.text);
}

static void test_damages(load_function *load, const char *kind, const char *good,
			 const char *scratch, uint32_t crc_offset, const struct damage *damages,
			 size_t count)
{
	struct digits_error error;
	uint8_t *bytes, *copy;
	size_t size, i;
	bool untouched;

	if (digits_file_read(good, DIGITS_DATA_MAX_BYTES, &bytes, &size, &error)) {
		result(false, "%s: %s", kind, error.text);
		return;
	}
	copy = allocate(size + 1);
	for (i = 0; i < count; i++) {
		const struct damage *damage = &damages[i];
		size_t end = size;

		memcpy(copy, bytes, size);
		if (damage->size)
			end = damage->size > 0 ? (size_t)damage->size : size - 1;
		if (damage->patch)
			digits_put_le32(copy + damage->offset, damage->value);
		if (damage->offset2)
			digits_put_le32(copy + damage->offset2, damage->value2);
		if (damage->mend_crc)
			digits_put_le32(copy + crc_offset, digits_crc32(copy + 32, size - 32));
		write_file(scratch, copy, end);
		expect_refusal(load, scratch, damage->expected, kind, damage->name);
	}

	memcpy(copy, bytes, size);
	copy[size - 100] ^= 0x10;
	write_file(scratch, copy, size);
	expect_refusal(load, scratch, -EBADMSG, kind, "one bit flipped");
	copy[size] = 0;
	write_file(scratch, copy, size + 1);
	expect_refusal(load, scratch, -EBADMSG, kind, "one byte too long");

	unlink(scratch);
	expect_refusal(load, scratch, -ENOENT, kind, "missing file");
	expect_refusal(load, "/", -EINVAL, kind, "a directory");

	write_file(scratch, bytes, size);
	result(!load(scratch, &untouched, &error), "%s, undamaged copy: accepted", kind);
	unlink(scratch);
	free(copy);
	free(bytes);
}

static void test_data_damages(const char *good, const char *scratch)
{
	static const struct damage damages[] = {
		CUT("cut within the header", 31),
		CUT("cut after the header", 32),
		CUT("cut by one byte", -1),
		HEADER("wrong magic", 0, 0x20202020, EBADMSG),
		HEADER("unknown version", 8, 2, EPROTONOSUPPORT),
		HEADER("count 0", 12, 0, ERANGE),
		HEADER("count beyond the limit", 12, DIGITS_DATA_MAX_COUNT + 1, ERANGE),
		HEADER("count that overflows", 12, 0xffffffff, ERANGE),
		HEADER("count too large for the file", 12, 2001, EBADMSG),
		HEADER("height 0", 16, 0, ERANGE),
		HEADER("width beyond the limit", 20, DIGITS_DATA_MAX_SIDE + 1, ERANGE),
		HEADER("wrong CRC", 24, 0, EBADMSG),
		HEADER("reserved word", 28, 1, EBADMSG),
		RECORD("label 10", 32, 10),
	};

	test_damages(load_data, "set of digits", good, scratch, 24, damages,
		     sizeof(damages) / sizeof(damages[0]));
}

static void test_model_damages(const char *good, const char *scratch)
{
	struct digits_error error;
	uint8_t *bytes;
	uint32_t channels;
	size_t size;

	if (digits_file_read(good, DIGITS_MODEL_MAX_BYTES, &bytes, &size, &error) ||
	    size < WORD(4, 0)) {
		result(false, "weights file: cannot be read for the tests");
		return;
	}
	channels = digits_le32(bytes + WORD(0, DIGITS_WORD_CHANNELS_OFFSET));
	free(bytes);

	const struct damage damages[] = {
		CUT("cut within the header", 31),
		CUT("cut within the descriptors", 100),
		CUT("cut by one byte", -1),
		HEADER("wrong magic", 4, 0x20202020, EBADMSG),
		HEADER("unknown version", 8, 2, EPROTONOSUPPORT),
		HEADER("0 layers", 12, 0, ERANGE),
		HEADER("too many layers", 12, DIGITS_MAX_LAYERS + 1, ERANGE),
		HEADER("more layers than described", 12, 5, EBADMSG),
		HEADER("fewer layers than described", 12, 3, EBADMSG),
		HEADER("wrong file size", 16, 1, EBADMSG),
		HEADER("wrong CRC", 20, 0, EBADMSG),
		HEADER("reserved header word", 24, 1, EBADMSG),
		LAYER("height 0", 0, DIGITS_WORD_IN_H, 0, ERANGE),
		LAYER("width that overflows", 0, DIGITS_WORD_IN_W, -1, ERANGE),
		LAYER("stride 0", 0, DIGITS_WORD_STRIDE, 0, ERANGE),
		LAYER("padding that overflows", 0, DIGITS_WORD_PAD, 0x80000000, ERANGE),
		LAYER("kernel larger than its input", 2, DIGITS_WORD_KERNEL_H, 8, EBADMSG),
		LAYER("output that does not follow", 0, DIGITS_WORD_OUT_H, 15, EBADMSG),
		LAYER("K that does not follow", 1, DIGITS_WORD_K, 252, EBADMSG),
		LAYER("N that does not follow", 1, DIGITS_WORD_N, 16, EBADMSG),
		LAYER("too many channels", 3, DIGITS_WORD_OUT_C, DIGITS_MAX_N + 1, ERANGE),
		/* Two rows taken in steps of two are a good layer, but not one for a single row. */
		{"shapes that do not chain", -EBADMSG, 0, true, true, WORD(3, DIGITS_WORD_IN_H), 2,
		 WORD(3, DIGITS_WORD_STRIDE), 2},
		LAYER("unknown flag", 0, DIGITS_WORD_FLAGS, 2, EBADMSG),
		LAYER("raw layer in the middle", 1, DIGITS_WORD_FLAGS, 1, EBADMSG),
		LAYER("last layer not raw", 3, DIGITS_WORD_FLAGS, 0, EBADMSG),
		LAYER("zero point", 0, DIGITS_WORD_ZP, 1, ERANGE),
		LAYER("lo below 0", 0, DIGITS_WORD_LO, -1, ERANGE),
		LAYER("hi above 255", 0, DIGITS_WORD_HI, 256, ERANGE),
		LAYER("hi below lo", 0, DIGITS_WORD_HI, -1, ERANGE),
		LAYER("hi of a raw layer", 3, DIGITS_WORD_HI, 255, EBADMSG),
		LAYER("weights in the header", 0, DIGITS_WORD_WEIGHTS_OFFSET, 0, EBADMSG),
		LAYER("weights beyond the end", 0, DIGITS_WORD_WEIGHTS_OFFSET, 0xffffffc0, EBADMSG),
		LAYER("weights not aligned", 0, DIGITS_WORD_WEIGHTS_OFFSET, 449, EBADMSG),
		LAYER("weights of another size", 0, DIGITS_WORD_WEIGHTS_BYTES, 575, EBADMSG),
		LAYER("records beyond the end", 0, DIGITS_WORD_CHANNELS_OFFSET, size, EBADMSG),
		LAYER("records of another size", 0, DIGITS_WORD_CHANNELS_BYTES, 0, EBADMSG),
		LAYER("reserved layer word", 0, DIGITS_WORDS - 1, 1, EBADMSG),
		RECORD("mult below 0", channels + 4, 0x80000000),
		RECORD("shift 0", channels + 8, 0),
		RECORD("shift 63", channels + 8, 63),
		RECORD("reserved word of a record", channels + 12, 1),
	};

	test_damages(load_model, "weights file", good, scratch, 20, damages,
		     sizeof(damages) / sizeof(damages[0]));
}

/*
 * Random descriptors under a valid CRC: the reader refuses them, or what it accepts can be run.
 * Meant to be run under the address and undefined-behaviour sanitisers.
 */
static void test_model_fuzz(const char *good, const char *scratch)
{
	static const uint32_t edges[] = {0,   1,    2,	   7,	       28,	   255,
					 256, 4096, 65536, 0x7fffffff, 0x80000000, 0xffffffff};
	uint64_t state = 0x243f6a8885a308d3u;
	unsigned int round, accepted = 0, rounds = 3000;
	struct digits_error error;
	uint8_t *bytes, *copy;
	size_t size;

	if (digits_file_read(good, DIGITS_MODEL_MAX_BYTES, &bytes, &size, &error)) {
		result(false, "weights file: %s", error.text);
		return;
	}
	copy = allocate(size);
	for (round = 0; round < rounds; round++) {
		unsigned int changes = 1 + random_word(&state) % 3;
		struct digits_model model;

		memcpy(copy, bytes, size);
		while (changes--) {
			uint32_t layer = random_word(&state) % 4;
			uint32_t at = WORD(layer, random_word(&state) % DIGITS_WORDS);
			uint32_t pick = random_word(&state) % 16;
			uint32_t value = digits_le32(copy + at);

			if (pick < sizeof(edges) / sizeof(edges[0]))
				value = edges[pick];
			else
				value += (uint32_t)(random_word(&state) % 5) - 2;
			digits_put_le32(copy + at, value);
		}
		digits_put_le32(copy + 20, digits_crc32(copy + 32, size - 32));
		write_file(scratch, copy, size);
		if (digits_model_load(scratch, &model, &error))
			continue;
		accepted++;
		/* Run it on noise; the sanitisers watch. */
		const struct digits_layer *first = &model.layers[0];
		const struct digits_layer *last = digits_model_last(&model);
		size_t pixels = (size_t)first->in_h * first->in_w * first->in_c, i;
		uint8_t *image = allocate(pixels);
		int32_t *logits = allocate((size_t)last->m * last->n * sizeof(*logits));
		void *memory = allocate(digits_ref_scratch_bytes(&model));

		for (i = 0; i < pixels; i++)
			image[i] = (uint8_t)random_word(&state);
		digits_ref_run(&model, image, memory, logits);
		free(memory);
		free(logits);
		free(image);
		digits_model_release(&model);
	}
	unlink(scratch);
	free(copy);
	free(bytes);
	result(accepted > 0 && accepted < rounds,
	       "weights file, %u random descriptors: %u accepted and run, the others refused",
	       rounds, accepted);
}

/* ---- Arithmetic ---- */

static void test_crc(void)
{
	result(digits_crc32((const uint8_t *)"123456789", 9) == 0xcbf43926u &&
		       digits_crc32(NULL, 0) == 0,
	       "CRC-32 of the customary check string");
}

static void test_requantise(void)
{
	static const struct {
		int32_t acc, bias, mult;
		uint32_t shift;
		int32_t zp, lo, hi, expected;
	} cases[] = {
		/* Halves round up, towards plus infinity. */
		{3, 0, 1, 1, 0, -128, 127, 2},
		{-3, 0, 1, 1, 0, -128, 127, -1},
		{5, 0, 1, 2, 0, -128, 127, 1},
		{6, 0, 1, 2, 0, -128, 127, 2},
		{-6, 0, 1, 2, 0, -128, 127, -1},
		{-7, 0, 1, 2, 0, -128, 127, -2},
		/* The bias comes before the factor, the zero point after the shift. */
		{100, -60, 3, 2, 7, 0, 255, 37},
		{-100, 0, 3, 2, 7, 0, 255, 0},
		{1000, 0, 3, 2, 0, 0, 255, 255},
		{1000, 0, 0, 1, 9, 0, 255, 9},
		/* The sum wraps. */
		{INT32_MAX, 1, 1, 31, 0, -128, 127, -1},
		{INT32_MIN, -1, 1, 24, 0, -128, 127, 127},
		/* Largest products, longest shifts. */
		{INT32_MIN, 0, INT32_MAX, 62, 0, -128, 127, -1},
		{INT32_MAX, 0, INT32_MAX, 62, 0, -128, 127, 1},
		{INT32_MAX, 0, INT32_MAX, 1, 0, -128, 127, 127},
		{INT32_MIN, 0, INT32_MAX, 1, INT32_MIN, -128, 127, -128},
	};
	uint64_t state = 0x13198a2e03707344u;
	bool passed = true;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct npu_channel channel = {cases[i].bias, cases[i].mult, cases[i].shift, 0};
		int32_t value = digits_requantise(cases[i].acc, &channel, cases[i].zp, cases[i].lo,
						  cases[i].hi);

		if (value == cases[i].expected)
			continue;
		passed = false;
		printf("# case %zu gives %d, expected %d\n", i, value, cases[i].expected);
	}
	result(passed, "requantise: %zu cases worked out by hand",
	       sizeof(cases) / sizeof(cases[0]));

	/* Against exact division, floor((2 * acc * mult + 2^shift) / 2^(shift + 1)), in 128 bits. */
	for (i = 0, passed = true; i < 200000 && passed; i++) {
		int32_t acc = (int32_t)random_word(&state) >> random_word(&state) % 31;
		int32_t mult = (int32_t)(random_word(&state) >> 33) >> random_word(&state) % 31;
		uint32_t shift = 1 + random_word(&state) % 62;
		struct npu_channel channel = {0, mult, shift, 0};
		__int128 numerator = (__int128)acc * mult * 2 + ((__int128)1 << shift);
		__int128 divisor = (__int128)1 << (shift + 1);
		__int128 exact = numerator / divisor - (numerator % divisor < 0);

		exact = exact < -1000000 ? -1000000 : exact > 1000000 ? 1000000 : exact;
		passed = digits_requantise(acc, &channel, 0, -1000000, 1000000) == (int32_t)exact;
		if (!passed)
			printf("# acc %d, mult %d, shift %u\n", acc, mult, shift);
	}
	result(passed, "requantise: random values against exact division");
}

/* Element (k, n) of a matrix packed for the matrix engine, as npu_isa.h puts it. */
static size_t packed_index(uint32_t rows, uint32_t k, uint32_t n)
{
	return ((size_t)(n / 16) * ((rows + 3) / 4) + k / 4) * 64 + n % 16 * 4 + k % 4;
}

/*
 * One layer the way the NPU does it: im2col rows from a padded input, times packed weights. It
 * shares nothing with digits_ref.c but the definition.
 */
static void run_packed(const struct digits_layer *layer, const uint8_t *input, uint8_t *output,
		       int32_t *logits)
{
	uint32_t rows = layer->in_h + 2 * layer->pad, columns = layer->in_w + 2 * layer->pad;
	size_t run = (size_t)layer->kernel_w * layer->in_c;
	uint8_t *padded = allocate((size_t)rows * columns * layer->in_c);
	uint8_t *a = allocate((size_t)layer->m * layer->k);
	int8_t *b = allocate(NPU_PACKED_B_SIZE(layer->k, layer->n));
	uint32_t y, m, k, n;

	for (y = 0; y < layer->in_h; y++)
		memcpy(padded + ((size_t)(y + layer->pad) * columns + layer->pad) * layer->in_c,
		       input + (size_t)y * layer->in_w * layer->in_c,
		       (size_t)layer->in_w * layer->in_c);
	for (m = 0; m < layer->m; m++) {
		uint32_t top = m / layer->out_w * layer->stride;
		uint32_t left = m % layer->out_w * layer->stride;

		for (y = 0; y < layer->kernel_h; y++)
			memcpy(a + (size_t)m * layer->k + y * run,
			       padded + ((size_t)(top + y) * columns + left) * layer->in_c, run);
	}
	for (k = 0; k < layer->k; k++) {
		for (n = 0; n < layer->n; n++)
			b[packed_index(layer->k, k, n)] = layer->weights[(size_t)k * layer->n + n];
	}
	for (m = 0; m < layer->m; m++) {
		for (n = 0; n < layer->n; n++) {
			const struct npu_channel *channel = &layer->channels[n];
			int64_t sum = 0;
			size_t at = (size_t)m * layer->n + n;

			for (k = 0; k < layer->k; k++)
				sum += a[(size_t)m * layer->k + k] *
				       b[packed_index(layer->k, k, n)];
			if (layer->raw)
				logits[at] = (int32_t)(uint32_t)(sum + channel->bias);
			else
				output[at] =
					(uint8_t)digits_requantise((int32_t)(uint32_t)sum, channel,
								   layer->zp, layer->lo, layer->hi);
		}
	}
	free(b);
	free(a);
	free(padded);
}

static void test_packed(const struct digits_model *model, const struct digits_data *data)
{
	void *scratch = allocate(digits_ref_scratch_bytes(model));
	uint8_t *planes[2] = {allocate(DIGITS_MAX_PLANE), allocate(DIGITS_MAX_PLANE)};
	uint32_t count = 20, digit, i;
	bool passed = true;

	for (digit = 0; digit < count && passed; digit++) {
		const uint8_t *input = digits_data_image(data, digit);
		int32_t expected[DIGITS_CLASSES], logits[DIGITS_CLASSES];

		for (i = 0; i < model->layer_count; i++) {
			run_packed(&model->layers[i], input, planes[i & 1], logits);
			input = planes[i & 1];
		}
		digits_ref_run(model, digits_data_image(data, digit), scratch, expected);
		passed = !memcmp(logits, expected, sizeof(logits));
	}
	result(passed, "reference equals im2col times packed weights on %u digits", count);
	free(planes[0]);
	free(planes[1]);
	free(scratch);
}

/* ---- The plan of the SRAM ---- */

/* A piece of SRAM that the plan gives to one purpose. */
struct piece {
	uint64_t start, size;
};

/* All pieces of a plan, as digits_kernels.h describes what lies in them. Returns how many. */
static unsigned int pieces(const struct digits_plan *plan, struct piece *piece)
{
	unsigned int count = 0;
	uint32_t i;

	piece[count++] = (struct piece){0, sizeof(*plan)};
	for (i = 0; i < plan->count; i++) {
		const struct digits_step *step = &plan->steps[i];
		const uint64_t rows = (uint64_t)plan->batch * step->m;

		piece[count++] = (struct piece){step->b, NPU_PACKED_B_SIZE(step->k, step->n)};
		piece[count++] = (struct piece){step->channels, 16ull * step->n};
		piece[count++] = (struct piece){step->c, rows * step->n * (step->raw ? 4 : 1)};
		if (step->plane)
			piece[count++] = (struct piece){step->plane,
							(uint64_t)plan->batch * step->plane_size};
		if (!step->columns)
			continue;
		piece[count++] =
			(struct piece){step->columns, (uint64_t)plan->batch * step->out_w *
							      step->plane_rows * step->window};
		piece[count++] = (struct piece){step->a, rows * step->k};
	}
	return count;
}

/* Nothing lies on anything else, in the stack's way, or where the engines would not take it. */
static bool plan_sound(const struct digits_plan *plan, uint32_t sram_size)
{
	struct piece piece[1 + 6 * DIGITS_PLAN_STEPS];
	unsigned int count = pieces(plan, piece), a, b;
	uint32_t i;

	for (a = 0; a < count; a++) {
		if (!piece[a].size || piece[a].start % 64 ||
		    piece[a].start + piece[a].size > sram_size - DIGITS_PLAN_STACK)
			return false;
		for (b = 0; b < a; b++) {
			if (piece[a].start < piece[b].start + piece[b].size &&
			    piece[b].start < piece[a].start + piece[a].size)
				return false;
		}
	}
	for (i = 0; i < plan->count; i++) {
		const struct digits_step *step = &plan->steps[i];

		/* what the resident block holds, and what is cleared, in whole */
		if (step->b + NPU_PACKED_B_SIZE(step->k, step->n) > plan->size ||
		    step->channels + 16 * step->n > plan->size || step->c < plan->size)
			return false;
		if (step->plane && (step->plane < plan->cleared ||
				    step->plane + (uint64_t)plan->batch * step->plane_size >
					    plan->cleared + (uint64_t)plan->cleared_size))
			return false;
		/* a layer without a gathered input takes the output before it, or its plane */
		if (!step->columns && step->a != (i ? plan->steps[i - 1].c : step->plane))
			return false;
		if ((uint64_t)plan->batch * step->m > 65535)
			return false;
	}
	return plan->cleared >= plan->size && plan->cleared_size % 4 == 0;
}

/* First byte behind everything. */
static uint64_t plan_end(const struct digits_plan *plan)
{
	struct piece piece[1 + 6 * DIGITS_PLAN_STEPS];
	unsigned int count = pieces(plan, piece);
	uint64_t end = 0;

	while (count--) {
		if (piece[count].start + piece[count].size > end)
			end = piece[count].start + piece[count].size;
	}
	return end;
}

static void test_plan(const struct digits_model *model)
{
	static const uint32_t kib[] = {320, 512, 1024, 4096, 16384};
	static const uint32_t batches[] = {1, 2, 7, 16, 1000, 1000000};
	const uint32_t engine_limit = 65535 / model->layers[0].m;
	struct digits_error error = {""};
	struct digits_plan plan, more, untouched;
	uint32_t s, b, size, last;
	bool passed;

	for (s = 0; s < sizeof(kib) / sizeof(kib[0]); s++) {
		size = kib[s] << 10;
		last = 0;
		passed = true;
		for (b = 0; b < sizeof(batches) / sizeof(batches[0]); b++) {
			passed = passed &&
				 !digits_plan_lay_out(model, size, batches[b], &plan, NULL) &&
				 plan.batch >= 1 && plan.batch <= batches[b] &&
				 plan.batch >= last && plan_sound(&plan, size);
			last = plan.batch;
		}
		/* What was given for a million digits: one more would not do. */
		if (last < engine_limit)
			passed = passed &&
				 !digits_plan_lay_out(model, 1u << 30, last + 1, &more, NULL) &&
				 more.batch == last + 1 &&
				 plan_end(&more) + DIGITS_PLAN_STACK > size;
		result(passed, "plan for %u KiB of SRAM: up to %u digits in a batch", kib[s], last);
	}

	memset(&plan, 0xa5, sizeof(plan));
	untouched = plan;
	result(digits_plan_lay_out(model, 256 << 10, 16, &plan, &error) == -ENOSPC &&
		       !memcmp(&plan, &untouched, sizeof(plan)) && strstr(error.text, "SRAM"),
	       "plan for 256 KiB of SRAM: refused: %s", error.text);
}

/* ---- The files that are kept ---- */

static int by_pixels(const void *left, const void *right)
{
	return memcmp(*(const uint8_t *const *)left, *(const uint8_t *const *)right, 28 * 28);
}

static void test_set(const struct digits_data *data)
{
	const uint8_t **images = allocate(data->count * sizeof(*images));
	bool rounds = true, unique = true, ink = true;
	uint32_t i, k;

	for (i = 0; i < data->count; i++) {
		uint32_t sum = 0;

		rounds = rounds && data->labels[i] == i % DIGITS_CLASSES;
		images[i] = digits_data_image(data, i);
		for (k = 0; k < 28 * 28; k++)
			sum += images[i][k];
		ink = ink && sum > 255 * 10;
	}
	qsort(images, data->count, sizeof(*images), by_pixels);
	for (i = 1; i < data->count; i++)
		unique = unique && memcmp(images[i - 1], images[i], 28 * 28);
	result(rounds, "test set: every 10 digits hold each class once");
	result(unique, "test set: no two pictures are equal");
	result(ink, "test set: no picture is empty");
	free(images);
}

static void test_accuracy(const struct digits_model *model, const struct digits_data *data)
{
	void *scratch = allocate(digits_ref_scratch_bytes(model));
	uint32_t right = 0, i;

	for (i = 0; i < data->count; i++) {
		int32_t logits[DIGITS_CLASSES];

		digits_ref_run(model, digits_data_image(data, i), scratch, logits);
		right += digits_argmax(logits, DIGITS_CLASSES) == data->labels[i];
	}
	result(right * 100 >= data->count * 97, "at least 97 %% correct: %u of %u", right,
	       data->count);
	free(scratch);
}

int main(int argc, char **argv)
{
	struct digits_model model = {0};
	struct digits_data data = {0};
	struct digits_error error;

	if (argc != 4) {
		fprintf(stderr, "usage: %s <weights file> <test set> <scratch file>\n", argv[0]);
		return 2;
	}
	test_crc();
	test_requantise();

	if (digits_model_load(argv[1], &model, &error) ||
	    digits_data_load(argv[2], &data, &error)) {
		result(false, "%s", error.text);
	} else if (data.count != 2000 || data.height != 28 || data.width != 28 ||
		   model.layers[0].in_h != 28 || model.layers[0].in_w != 28 ||
		   model.layers[0].in_c != 1 || digits_model_last(&model)->m != 1 ||
		   digits_model_last(&model)->n != DIGITS_CLASSES) {
		result(false, "2000 digits of 28x28 and a network that fits them");
	} else {
		test_set(&data);
		/* 14*14 * 36*16 + 7*7 * 256*32 + 1568*128 + 128*10 */
		result(digits_model_macs(&model) == 716288u, "716288 MACs per digit");
		test_packed(&model, &data);
		test_plan(&model);
		test_accuracy(&model, &data);
		test_data_damages(argv[2], argv[3]);
		test_model_damages(argv[1], argv[3]);
		test_model_fuzz(argv[1], argv[3]);
	}
	digits_data_release(&data);
	digits_model_release(&model);
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
