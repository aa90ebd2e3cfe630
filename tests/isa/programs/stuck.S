/* SPDX-License-Identifier: MIT */
/* Never ends: its handler traps too. */
#include "program.h"
	csrw mtvec, zero
	unimp
