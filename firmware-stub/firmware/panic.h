/* SPDX-License-Identifier: MIT */
/* The end: say why, stop all engines, halt the core. */
#ifndef NPU_FW_PANIC_H
#define NPU_FW_PANIC_H

#include <stdint.h>

#include "npu_fw.h"

/*
 * Report the code on the console and in the log, in FW_STATUS and, if the mailbox still works,
 * as NPU_MSG_PANIC; then halt the core. The driver sees STATUS.FW_DEAD.
 */
_Noreturn void panic(enum npu_fw_panic code, uint64_t mcause, uint64_t mepc, uint64_t mtval);

/* Kernel memory at this bus address did not answer. */
#define panic_bus(addr) \
	panic(NPU_PANIC_BUS, 0, (uintptr_t)__builtin_return_address(0), (addr))

/* An invariant of the firmware itself; mtval of the panic is the source line. */
#define fw_assert(cond)                                                                         \
	do {                                                                                    \
		if (__builtin_expect(!(cond), 0))                                               \
			panic(NPU_PANIC_ASSERT, 0, (uintptr_t)__builtin_return_address(0), __LINE__); \
	} while (0)

#endif /* NPU_FW_PANIC_H */
