/* SPDX-License-Identifier: MIT */
/* Fails as number 5. */
#include "program.h"
	END 11
