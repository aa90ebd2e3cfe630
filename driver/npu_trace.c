// SPDX-License-Identifier: GPL-2.0-only
/* The code behind the tracepoints. */
#include "npu_device.h"

#ifndef __CHECKER__
#define CREATE_TRACE_POINTS
#include "npu_trace.h"
#endif
