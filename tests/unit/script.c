/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(bool room)
{
	if (room)
		return;
	printf("Bail out! the script of the test is too long\n");
	exit(1);
}

void script_begin(struct script *script, uint64_t va)
{
	script->va = va;
	script->steps = 0;
	script->descs = 0;
}

void script_add(struct script *script, enum script_op op, uint64_t operand)
{
	check(script->steps + 1 < COUNT(script->step));
	script->step[script->steps++] = (struct script_step){op, operand};
}

void script_dma(struct script *script, const struct npu_dma_desc *desc)
{
	check(script->descs < COUNT(script->desc));
	script->desc[script->descs] = *desc;
	script_add(script, S_DMA,
		   script->va + offsetof(struct script, desc) + script->descs++ * sizeof(*desc));
}

const volatile uint64_t *script_end(struct script *script)
{
	script_add(script, S_END, 0);
	script->step[script->steps].op = 0;
	return &script->step[script->steps].op;
}

uint64_t script_run(struct tiles *t, struct script *script)
{
	const volatile uint64_t *cycles = script_end(script);

	return tiles_run(t, K_SCRIPT, script->va) == NPU_SOC_DONE ? *cycles : 0;
}
