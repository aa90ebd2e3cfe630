// SPDX-License-Identifier: MIT
/* A kernel that does nothing: what is left is the way there and back. */
#include <npu.h>

struct noop_args {
	uint32_t unused;
};

NPU_KERNEL(noop, struct noop_args)
{
	(void)args;
}
