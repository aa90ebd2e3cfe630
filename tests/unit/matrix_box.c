// SPDX-License-Identifier: MIT
#include "matrix_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"
#include "xorshift.h"

static uint64_t random_state = 0x9e3779b97f4a7c15;

uint32_t box_random(void)
{
	return (uint32_t)(xorshift64(&random_state) >> 16);
}

uint32_t box_random_in(uint32_t first, uint32_t last)
{
	return first + (uint32_t)(box_random() % ((uint64_t)last - first + 1));
}

bool box_chance(unsigned int one_in)
{
	return box_random() % one_in == 0;
}

uint32_t box_random_size(uint32_t most)
{
	switch (box_random() % 8) {
	case 0:
		return 1;
	case 1:
		return box_random_in(1, 4);
	case 2:
		return box_random_in(1, most / 16) * 16;
	case 3:
		return most;
	default:
		return box_random_in(1, most);
	}
}

uint32_t box_random_stride(uint32_t least, uint32_t align)
{
	uint32_t stride = box_chance(3) ? least : least + box_random_in(0, 150);

	return (stride + align - 1) / align * align;
}

int32_t box_random_s32(void)
{
	static const int32_t extreme[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT32_MIN + 1, 255, -128};

	return box_chance(4) ? extreme[box_random() % 8]
			     : (int32_t)box_random() >> box_random_in(0, 31);
}

void box_init(struct box *box)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *whole =
		mmap(NULL, BOX_SRAM_MAX + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	box->before = malloc(BOX_SRAM_MAX);
	box->wanted = malloc(BOX_SRAM_MAX);
	if (whole == MAP_FAILED || mprotect(whole + page, BOX_SRAM_MAX, PROT_READ | PROT_WRITE) ||
	    !box->before || !box->wanted) {
		perror("memory for the test");
		exit(1);
	}
	box->end = whole + page + BOX_SRAM_MAX;
}

uint32_t box_a_bytes(const struct npu_matrix_desc *d)
{
	return (d->m - 1) * d->a_stride + d->k * npu_matrix_a_size(d);
}

uint32_t box_c_bytes(const struct npu_matrix_desc *d)
{
	return (d->m - 1) * d->c_stride + d->n * npu_matrix_c_size(d);
}

struct operand {
	uint32_t *offset;
	uint32_t size, align;
};

#define OPERANDS 6

static void list(struct npu_matrix_desc *d, struct operand operands[OPERANDS])
{
	const uint32_t type = d->flags & NPU_MATRIX_B;
	const bool sparse = type == NPU_MATRIX_B_SPARSE_S8 || type == NPU_MATRIX_B_SPARSE_S4;
	const struct operand all[OPERANDS] = {
		{&d->a, box_a_bytes(d), npu_matrix_a_size(d)},
		{&d->b, (uint32_t)NPU_PACKED_SIZE(type, d->k, d->n), 64},
		{&d->c, box_c_bytes(d), npu_matrix_c_size(d)},
		{&d->channels, npu_matrix_has_channels(d) ? d->n * npu_matrix_channel_size(d) : 0,
		 npu_matrix_channel_size(d)},
		{&d->table, d->flags & NPU_MATRIX_ACT_TABLE ? npu_matrix_table_size(d) : 0, 64},
		{&d->index, sparse ? (uint32_t)NPU_PACKED_INDEX_SIZE(type, d->k, d->n) : 0, 16},
	};

	memcpy(operands, all, sizeof(all));
}

uint32_t box_place(struct npu_matrix_desc *d)
{
	struct operand operands[OPERANDS];
	uint32_t end = 0;

	list(d, operands);
	for (int i = OPERANDS - 1; i > 0; i--) {
		int j = box_random() % (i + 1);
		struct operand swap = operands[i];

		operands[i] = operands[j];
		operands[j] = swap;
	}
	for (int i = 0; i < OPERANDS; i++) {
		if (!operands[i].size)
			continue;
		end += box_chance(2) ? 0 : box_random_in(0, 200);
		end = (end + operands[i].align - 1) / operands[i].align * operands[i].align;
		*operands[i].offset = end;
		end += operands[i].size;
	}
	return end;
}

void box_overlap(struct npu_matrix_desc *d, uint32_t size)
{
	struct operand operands[OPERANDS];

	list(d, operands);
	for (int i = 0; i < OPERANDS; i++)
		if (operands[i].size)
			*operands[i].offset =
				box_random_in(0, (size - operands[i].size) / operands[i].align) *
				operands[i].align;
}

static void describe(const struct npu_matrix_desc *d, uint32_t size)
{
	tap_diag("m %u n %u k %u flags %#x strides %u %u a %#x b %#x c %#x channels %#x table %#x "
		 "index %#x zero point %d clamp %d..%d, SRAM %u",
		 d->m, d->n, d->k, d->flags, d->a_stride, d->c_stride, d->a, d->b, d->c,
		 d->channels, d->table, d->index, d->zero_point, d->lo, d->hi, size);
}

/* In random order when there are two ranges. */
static void run_split(enum npu_matrix_path path, const struct npu_matrix_desc *d, uint8_t *sram)
{
	uint32_t middle = box_random_in(0, d->m);

	if (middle == 0 || middle == d->m) {
		npu_matrix_run(path, d, sram);
	} else {
		npu_matrix_run_rows(path, d, sram, middle, d->m);
		npu_matrix_run_rows(path, d, sram, 0, middle);
	}
}

/* Put box->before into the SRAM; NULL: the descriptor is refused. */
static uint8_t *prepare(struct box *box, const struct npu_matrix_desc *d, uint32_t *size)
{
	uint8_t *sram;

	*size = (*size + 63) / 64 * 64;
	sram = box->end - *size;
	if (npu_matrix_check(d, *size) != NPU_MATRIX_OK) {
		tap_diag("check refuses a good operation: %d", npu_matrix_check(d, *size));
		describe(d, *size);
		return NULL;
	}
	memcpy(sram, box->before, *size);
	return sram;
}

bool box_agrees(struct box *box, enum npu_matrix_path path, const struct npu_matrix_desc *d,
		uint32_t size)
{
	uint8_t *sram = prepare(box, d, &size);

	if (!sram)
		return false;
	memcpy(box->wanted, box->before, size);
	box_naive(d, box->wanted);
	run_split(path, d, sram);
	for (uint32_t i = 0; i < size; i++) {
		if (sram[i] != box->wanted[i]) {
			tap_diag("byte %#x is %02x, wanted %02x", i, sram[i], box->wanted[i]);
			describe(d, size);
			return false;
		}
	}
	return true;
}

bool box_confined(struct box *box, enum npu_matrix_path path, const struct npu_matrix_desc *d,
		  uint32_t size)
{
	const uint32_t row = d->n * npu_matrix_c_size(d);
	uint8_t *sram = prepare(box, d, &size);

	if (!sram)
		return false;
	run_split(path, d, sram);
	/* Make C's own elements equal, then nothing may differ. */
	for (uint32_t m = 0; m < d->m; m++)
		memcpy(box->before + d->c + (size_t)m * d->c_stride,
		       sram + d->c + (size_t)m * d->c_stride, row);
	if (!memcmp(sram, box->before, size))
		return true;
	describe(d, size);
	return false;
}
