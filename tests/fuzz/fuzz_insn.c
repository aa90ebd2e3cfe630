// SPDX-License-Identifier: MIT
/*
 * Instructions: a tile's hart with vectors runs whatever the input holds, among pages with all kinds
 * of permissions. It may trap, but only with a cause that there is, and must keep its own rules.
 *
 * Input: vector set-up, registers, then code.
 */
#include "fuzz.h"
#include "rv_box.h"

#define CODE_SIZE 2048
#define BUDGET	  4000

static struct box *box;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	box = box_new(RV_MODE_USER);
	if (rv_set_vlen(&box->hart, 256))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* vsetvl x0, x6, x7 puts the vector unit to work; what follows is the input's. */
	static const uint32_t start[] = {0x80737057};
	static const unsigned int kinds[] = {BOX_R | BOX_W, BOX_R | BOX_W | BOX_REMOTE, BOX_R,
					     BOX_R | BOX_W | BOX_DEVICE};
	struct fuzz_input in = {data, size};
	struct rv_hart *hart = &box->hart;
	uint8_t code[CODE_SIZE];
	enum rv_stop stop;
	uint64_t before;

	/* A page of code, then pages of every kind with holes between them. */
	box_map(box, BOX_BASE, BOX_PAGES, 0);
	box_map(box, BOX_BASE, 1, BOX_R | BOX_X | (fuzz_u8(&in) & 1 ? BOX_W : 0));
	for (unsigned int i = 2; i + 1 < BOX_PAGES; i += 3)
		box_map(box, BOX_BASE + i * BOX_PAGE, 2, kinds[i / 3 % 4]);
	rv_reset(hart, BOX_BASE);
	hart->x[6] = fuzz_u8(&in);
	hart->x[7] = fuzz_u8(&in);
	for (unsigned int i = 8; i < 24; i++) {
		const uint16_t value = fuzz_u16(&in);

		/* Addresses near the pages' edges, or any number. */
		hart->x[i] = value & 1 ? BOX_BASE + (value >> 4) * (BOX_PAGE / 256)
				       : (uint64_t)(int16_t)value * 0x100000001ull;
		hart->f[i] = hart->x[i] << (value & 63);
	}
	for (size_t i = 0; i < 32 * (size_t)hart->vlenb; i++)
		hart->v[i] = (uint8_t)(i * 37 + hart->x[8]);
	fuzz_take(&in, code, sizeof(code));
	memset(box->memory, 0, BOX_PAGE);
	box_put(box, BOX_BASE, start, sizeof(start));
	box_put(box, BOX_BASE + sizeof(start), code, sizeof(code));

	before = hart->instret;
	stop = rv_run(hart, BUDGET);
	fuzz_check(hart->x[0] == 0);
	fuzz_check(hart->instret - before < BUDGET + RV_BLOCK_MAX);
	fuzz_check(hart->vl <= hart->vlenb * 8u);
	fuzz_check(stop != RV_STOP_WFI);
	if (stop == RV_STOP_TRAP)
		fuzz_check(hart->trap_cause <= RV_STORE_PAGE_FAULT &&
			   hart->trap_cause != RV_ECALL_M);
	return 0;
}
