/* SPDX-License-Identifier: MIT */
/* The rules of npu_packet.h. No hardware in here: the same code runs in unit tests. */
#ifndef NPU_FW_PACKET_H
#define NPU_FW_PACKET_H

#include "npu_packet.h"

#define PACKET_OK (-1)

/*
 * Check one packet for a device with so many tiles. Returns PACKET_OK, or the byte offset of a field that
 * breaks a rule. Packets come from user memory: everything after this call may rely on
 * what it checked, and on nothing else.
 */
int packet_check(const union npu_packet *packet, unsigned int tiles);

#endif /* NPU_FW_PACKET_H */
