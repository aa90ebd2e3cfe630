/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NPU: its QMP commands in a QEMU without it. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-npu.h"

void qmp_npu_inject_fault(const char *id, NpuFaultKind fault, bool has_target, uint32_t target,
			  bool has_count, uint32_t count, bool has_after, uint32_t after,
			  bool has_arg, uint64_t arg, bool has_size, uint64_t size,
			  bool has_persist, bool persist, Error **errp)
{
	error_setg(errp, "this QEMU was built without the NPU (CONFIG_NPU)");
}

void qmp_npu_clear_fault(const char *id, bool has_fault, NpuFaultKind fault, Error **errp)
{
	error_setg(errp, "this QEMU was built without the NPU (CONFIG_NPU)");
}

NpuFaultInfoList *qmp_npu_query_faults(const char *id, Error **errp)
{
	error_setg(errp, "this QEMU was built without the NPU (CONFIG_NPU)");
	return NULL;
}
