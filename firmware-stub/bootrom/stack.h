/* SPDX-License-Identifier: MIT */
/* The stack of the boot ROM, for C and assembler; rom.c checks it against npu_soc.h. */
#ifndef NPU_ROM_STACK_H
#define NPU_ROM_STACK_H

#define ROM_STACK_TOP 0x80080000

#endif /* NPU_ROM_STACK_H */
