/* SPDX-License-Identifier: MIT */
/* Programs for the kernels K_SCRIPT and K_SCRIPTS: a list of steps in guest memory. */
#ifndef NPU_TEST_SCRIPT_H
#define NPU_TEST_SCRIPT_H

#include "npu_isa.h"
#include "tiles.h"

/* One workgroup's; a page, with its descriptors behind the steps. */
struct script {
	struct script_step step[96];
	struct npu_dma_desc desc[32];
	uint64_t va;
	unsigned int steps, descs;
};
_Static_assert(sizeof(struct script) <= 4096, "K_SCRIPTS finds a script in each page");

/* Empty a script that lies at va. */
void script_begin(struct script *script, uint64_t va);
void script_add(struct script *script, enum script_op op, uint64_t operand);
/* A copy of the descriptor, and the step that starts it. */
void script_dma(struct script *script, const struct npu_dma_desc *desc);
/* The end. Cycles that the run took will be at the result. */
const volatile uint64_t *script_end(struct script *script);
/* End the script and run it on tile 0; its cycles are returned if it ends well, else 0. */
uint64_t script_run(struct tiles *t, struct script *script);

#endif /* NPU_TEST_SCRIPT_H */
