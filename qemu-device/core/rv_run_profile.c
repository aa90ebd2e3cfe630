/* SPDX-License-Identifier: MIT */
/* The interpreter again, for harts that have a profile: one source, so that the two cannot differ. */
#define RV_PROFILE
#include "rv_run.c"
