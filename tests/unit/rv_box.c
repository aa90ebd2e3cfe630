// SPDX-License-Identifier: MIT
#include "rv_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum rv_result fill(struct rv_hart *hart, uint64_t va, enum rv_access access,
			   struct rv_page *page)
{
	static const enum rv_cause cause[] = { RV_LOAD_PAGE_FAULT, RV_STORE_PAGE_FAULT,
					       RV_INSN_PAGE_FAULT };
	static const unsigned int need[] = { BOX_R, BOX_W, BOX_X };
	struct box *box = hart->opaque;
	uint64_t index = (va - BOX_BASE) / BOX_PAGE;

	box->fills++;
	if (va < BOX_BASE || index >= BOX_PAGES || !(box->flags[index] & need[access])) {
		rv_raise(hart, cause[access], va);
		return RV_TRAP;
	}
	if (!(box->flags[index] & BOX_DEVICE))
		page->host = box->memory + box->frame[index] * BOX_PAGE;
	page->readable = box->flags[index] & BOX_R;
	page->writable = box->flags[index] & BOX_W;
	page->executable = box->flags[index] & BOX_X;
	page->remote = box->flags[index] & BOX_REMOTE;
	return RV_OK;
}

static enum rv_result mmio(struct rv_hart *hart, uint64_t va, enum rv_access access,
			   unsigned int size, uint64_t *value)
{
	struct box *box = hart->opaque;

	/* The device's last word is a hole in it. */
	if ((va & (BOX_PAGE - 1)) >= BOX_PAGE - 8)
		return RV_TRAP;
	box->device.count++;
	box->device.va = va;
	box->device.access = access;
	box->device.size = size;
	if (access == RV_WRITE)
		box->device.value = *value;
	else
		*value = box->device.answer;
	return RV_OK;
}

/* 0xcc0: 42, 0xcc1: the cycle counter as the callback sees it. */
static enum rv_result csr_read(struct rv_hart *hart, unsigned int csr, uint64_t *value)
{
	if (csr == 0xcc0)
		*value = 42;
	else if (csr == 0xcc1)
		*value = hart->cycles;
	else
		return RV_TRAP;
	return RV_OK;
}

/* custom-0: stop. custom-1: rd = rs1 + 2 * rs2, stalls. custom-2: load fault. custom-3: illegal. */
static enum rv_result custom(struct rv_hart *hart, uint32_t insn, uint64_t rs1, uint64_t rs2,
			     uint64_t *result)
{
	struct box *box = hart->opaque;

	switch (insn & 0x7f) {
	case 0x0b:
		*result = rs1;
		return RV_STOP;
	case 0x2b:
		*result = rs1 + 2 * rs2;
		hart->cycles += box->custom_stall;
		box->waited += box->custom_stall;
		return RV_OK;
	case 0x5b:
		rv_raise(hart, RV_LOAD_ACCESS, rs1);
		return RV_TRAP;
	default:
		return RV_TRAP;
	}
}

struct box *box_new(enum rv_mode mode)
{
	struct box *box = calloc(1, sizeof(*box));

	if (box)
		box->memory = calloc(BOX_PAGES, BOX_PAGE);
	if (!box || !box->memory) {
		printf("Bail out! out of memory\n");
		exit(1);
	}
	for (unsigned int i = 0; i < BOX_PAGES; i++) {
		box->flags[i] = BOX_R | BOX_W | BOX_X;
		box->frame[i] = i;
	}
	box->env = (struct rv_env){ .fill = fill, .mmio = mmio, .csr_read = csr_read,
				    .custom = custom };
	if (rv_init(&box->hart, &box->env, box, mode)) {
		printf("Bail out! no hart\n");
		exit(1);
	}
	return box;
}

void box_free(struct box *box)
{
	rv_fini(&box->hart);
	free(box->memory);
	free(box);
}

void *box_at(struct box *box, uint64_t va)
{
	return box->memory + (va - BOX_BASE);
}

void box_put(struct box *box, uint64_t va, const void *data, size_t size)
{
	memcpy(box_at(box, va), data, size);
}

void box_put32(struct box *box, uint64_t *va, uint32_t word)
{
	box_put(box, *va, &word, 4);
	*va += 4;
}

void box_put16(struct box *box, uint64_t *va, uint16_t half)
{
	box_put(box, *va, &half, 2);
	*va += 2;
}

void box_map(struct box *box, uint64_t va, unsigned int count, unsigned int flags)
{
	for (unsigned int i = 0; i < count; i++)
		box->flags[(va - BOX_BASE) / BOX_PAGE + i] = flags;
	rv_reset_tlb(&box->hart);
}

enum rv_stop box_continue(struct box *box, uint64_t budget)
{
	enum rv_stop stop = RV_STOP_BUDGET;

	/* Traps use up the budget too, so this ends even if nothing ever retires. */
	for (uint64_t spent = 0; stop == RV_STOP_BUDGET && spent < 100000000; spent += budget)
		stop = rv_run(&box->hart, budget);
	return stop;
}

enum rv_stop box_run(struct box *box, uint64_t pc)
{
	uint64_t a0 = box->hart.x[10], a1 = box->hart.x[11], a2 = box->hart.x[12];

	rv_reset(&box->hart, pc);
	/* Arguments and stack survive. */
	box->hart.x[2] = BOX_END;
	box->hart.x[10] = a0;
	box->hart.x[11] = a1;
	box->hart.x[12] = a2;
	return box_continue(box, 1000000);
}
