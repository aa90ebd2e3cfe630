/* SPDX-License-Identifier: MIT */
/* The host memory port: the only way from the management core to host memory. */
#ifndef NPU_FW_PORT_H
#define NPU_FW_PORT_H

#include <stdint.h>

#include "npu_ring.h"
#include "npu_soc.h"

#define PORT_MAX_LEN 65536u /* of one transfer */

/*
 * Move len (1..PORT_MAX_LEN) bytes between host address and local memory. cmd:
 * NPU_SOC_PORT_*, one of READ and WRITE. Done when it returns. On an error part
 * of the bytes may have been moved, and port_fault() says where it stopped.
 */
enum npu_job_error port_transfer(uint64_t host, const void *local, uint32_t len, uint32_t cmd);

/* Host address at which the last failed transfer failed. */
uint64_t port_fault(void);

#endif /* NPU_FW_PORT_H */
