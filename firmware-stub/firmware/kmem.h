/* SPDX-License-Identifier: MIT */
/*
 * Kernel memory: mailbox, descriptors, rings and writebacks, at bus addresses
 * that the driver gave. If it does not answer there is nobody left to tell,
 * short of the registers: both functions panic with NPU_PANIC_BUS.
 */
#ifndef NPU_FW_KMEM_H
#define NPU_FW_KMEM_H

#include <stdint.h>

void kmem_read(uint64_t bus, void *local, uint32_t len);
void kmem_write(uint64_t bus, const void *local, uint32_t len);

#endif /* NPU_FW_KMEM_H */
