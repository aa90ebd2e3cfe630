// SPDX-License-Identifier: MIT
#include "panic.h"

#include "copy.h"
#include "log.h"
#include "mailbox.h"
#include "soc.h"
#include "tiles.h"

/* start.S writes this register without this header's help. */
NPU_STATIC_ASSERT(NPU_SOC_REGS_BASE + NPU_SOC_HALT == 0x1000006c, "start.S is out of date");

_Noreturn void panic(enum npu_fw_panic code, uint64_t mcause, uint64_t mepc, uint64_t mtval)
{
	static bool again;

	/* The report itself may fail in the way that brought us here: then it ends early. */
	if (!again) {
		again = true;
		soc_write32(NPU_SOC_FW_STATUS, code);
		tiles_halt();
		copy_halt();
		/* What was about to be said. */
		log_end(NPU_LOG_LEVEL_ERROR, NPU_LOG_NO_QUEUE);
		log_puts("panic ");
		log_hex(code);
		log_puts(" mcause ");
		log_hex(mcause);
		log_puts(" mepc ");
		log_hex(mepc);
		log_puts(" mtval ");
		log_hex(mtval);
		log_end_aloud(NPU_LOG_LEVEL_ERROR);
		trace(PANIC, NPU_LOG_NO_QUEUE, code, mcause, mepc, mtval);
		mailbox_panic(code, mcause, mepc, mtval);
	}
	soc_write32(NPU_SOC_HALT, 0);
	for (;;)
		wait_for_interrupt();
}

/* Called by start.S. */
_Noreturn void trap_panic(uint64_t mcause, uint64_t mepc, uint64_t mtval);
_Noreturn void trap_panic(uint64_t mcause, uint64_t mepc, uint64_t mtval)
{
	panic(NPU_PANIC_TRAP, mcause, mepc, mtval);
}
