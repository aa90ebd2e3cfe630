// SPDX-License-Identifier: MIT
/* Host memory port. */
#include "port.h"

#include "soc.h"

enum npu_job_error port_transfer(uint64_t host, const void *local, uint32_t len, uint32_t cmd)
{
	soc_write64(NPU_SOC_PORT_HOST, host);
	soc_write64(NPU_SOC_PORT_LOCAL, (uintptr_t)local);
	soc_write32(NPU_SOC_PORT_LEN, len);
	/* The port reads or writes local memory behind the compiler's back. */
	ram_fence();
	soc_write32(NPU_SOC_PORT_CMD, cmd);
	ram_fence();
	return soc_read32(NPU_SOC_PORT_STATUS);
}

uint64_t port_fault(void)
{
	return soc_read64(NPU_SOC_PORT_FAULT);
}
