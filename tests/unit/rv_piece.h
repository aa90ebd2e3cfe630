/* SPDX-License-Identifier: MIT */
/* The pieces of code in guest/rv_trap.S, by name. */
#ifndef RV_PIECE_H
#define RV_PIECE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rv_box.h"

BOX_GUEST(rv_trap);

/* Load all pieces into the box. */
static inline void piece_load(struct box *box)
{
	box_put(box, BOX_BASE, guest_rv_trap, guest_rv_trap_size);
}

/* Address of a piece. Ends the test program if there is none. */
static inline uint64_t piece(const char *name)
{
	const uint8_t *entry = guest_rv_trap;
	uint64_t address;

	for (; entry[0]; entry += 32)
		if (!strcmp((const char *)entry, name)) {
			memcpy(&address, entry + 24, 8);
			return address;
		}
	printf("Bail out! no piece '%s'\n", name);
	exit(1);
}

#endif /* RV_PIECE_H */
