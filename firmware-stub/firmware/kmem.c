// SPDX-License-Identifier: MIT
#include "kmem.h"

#include "panic.h"
#include "port.h"

void kmem_read(uint64_t bus, void *local, uint32_t len)
{
	if (port_transfer(bus, local, len, NPU_SOC_PORT_READ) != NPU_JOB_OK)
		panic_bus(port_fault());
}

void kmem_write(uint64_t bus, const void *local, uint32_t len)
{
	if (port_transfer(bus, local, len, NPU_SOC_PORT_WRITE) != NPU_JOB_OK)
		panic_bus(port_fault());
}
