// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "npu_ring.h"

_Static_assert(NPURT_FAULT_PAGE == (int)NPU_JOB_PAGE_FAULT &&
		       NPURT_FAULT_BUS == (int)NPU_JOB_BUS_ERROR &&
		       NPURT_FAULT_ILLEGAL == (int)NPU_JOB_ILLEGAL &&
		       NPURT_FAULT_BREAKPOINT == (int)NPU_JOB_BREAKPOINT &&
		       NPURT_FAULT_MISALIGNED == (int)NPU_JOB_MISALIGNED &&
		       NPURT_FAULT_DESCRIPTOR == (int)NPU_JOB_BAD_DESCRIPTOR &&
		       NPURT_FAULT_PACKET == (int)NPU_JOB_BAD_PACKET &&
		       NPURT_FAULT_RING == (int)NPU_JOB_BAD_RING &&
		       NPURT_FAULT_STOPPED == (int)NPU_JOB_STOPPED &&
		       NPURT_FAULT_HARDWARE == (int)NPU_JOB_HW_ERROR &&
		       NPURT_FAULT_INDEX == (int)NPU_JOB_BAD_INDEX &&
		       NPURT_FAULT_ECC == (int)NPU_JOB_ECC,
	       "npurt_fault_error follows npu_job_error");
_Static_assert(NPURT_ACCESS_READ == (int)NPU_ACCESS_READ &&
		       NPURT_ACCESS_WRITE == (int)NPU_ACCESS_WRITE &&
		       NPURT_ACCESS_EXEC == (int)NPU_ACCESS_EXEC &&
		       NPURT_ACCESS_NONE == (int)NPU_ACCESS_NONE,
	       "npurt_fault_access follows npu_access");
_Static_assert(NPURT_CORE_COPY == NPU_CORE_COPY && NPURT_CORE_FRONT == NPU_CORE_FRONT, "cores");

static const char *const error_names[] = {
	[NPURT_FAULT_NONE] = "no fault",
	[NPURT_FAULT_PAGE] = "page fault",
	[NPURT_FAULT_BUS] = "bus error",
	[NPURT_FAULT_ILLEGAL] = "illegal instruction",
	[NPURT_FAULT_BREAKPOINT] = "npu_abort() or ebreak",
	[NPURT_FAULT_MISALIGNED] = "misaligned access",
	[NPURT_FAULT_DESCRIPTOR] = "bad DMA or matrix descriptor",
	[NPURT_FAULT_PACKET] = "bad command packet",
	[NPURT_FAULT_RING] = "bad ring entry (driver and firmware disagree)",
	[NPURT_FAULT_STOPPED] = "stopped while running",
	[NPURT_FAULT_HARDWARE] = "hardware error",
	[NPURT_FAULT_INDEX] = "index out of bounds",
	[NPURT_FAULT_ECC] = "uncorrectable memory error",
};

void npurt_fault_fill(struct npurt_vm *vm, const struct drm_npu_fault *raw,
		      struct npurt_fault *fault)
{
	*fault = (struct npurt_fault){
		.size = sizeof(*fault),
		.error = raw->error,
		.access = raw->access,
		.core = raw->core,
		.context = raw->as_id,
		.job = raw->seqno,
		.addr = raw->addr,
		.pc = raw->pc,
		.packet = raw->packet,
		.workgroup = raw->workgroup,
		.symbol = NPURT_SYMBOL_INIT,
	};
	if (vm && raw->pc)
		npurt_vm_symbolise(vm, raw->pc, &fault->symbol);
}

int npurt_fault_out(struct npurt_fault *dst, const struct npurt_fault *src)
{
	size_t whole = dst->size, head = offsetof(struct npurt_fault, symbol);
	int err;

	if (whole < head)
		return npurt_struct_out(dst, src, head, "npurt_fault");
	/* The symbol has a size of its own and must keep it. */
	dst->size = head;
	err = npurt_struct_out(dst, src, head, "npurt_fault");
	dst->size = whole;
	if (err || whole < head + sizeof(size_t))
		return err;
	return npurt_struct_out(&dst->symbol, &src->symbol, sizeof(src->symbol), "npurt_symbol");
}

int npurt_fault_errno(uint32_t error)
{
	switch (error) {
	case NPURT_FAULT_NONE:
		return 0;
	case NPURT_FAULT_PAGE:
	case NPURT_FAULT_MISALIGNED:
		return -EFAULT;
	case NPURT_FAULT_ILLEGAL:
		return -ENOEXEC;
	case NPURT_FAULT_BREAKPOINT:
		return -ECONNABORTED;
	case NPURT_FAULT_DESCRIPTOR:
	case NPURT_FAULT_PACKET:
	case NPURT_FAULT_INDEX:
		return -EBADMSG;
	case NPURT_FAULT_STOPPED:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

struct writer {
	char *text;
	size_t size;
	size_t used; /* as if there were room */
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
	size_t left = w->used < w->size ? w->size - w->used : 0;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(left ? w->text + w->used : NULL, left, format, args);
	va_end(args);
	if (length > 0)
		w->used += (size_t)length;
}

static void put_core(struct writer *w, uint32_t core)
{
	if (core == NPURT_CORE_COPY)
		put(w, "the copy engine");
	else if (core == NPURT_CORE_FRONT)
		put(w, "the command front end");
	else
		put(w, "tile %u", core);
}

NPURT_EXPORT int npurt_fault_text(const struct npurt_fault *fault, char *text, size_t size)
{
	static const char *const accesses[] = {"read from", "write to", "execution of"};
	const struct npurt_symbol *symbol = &fault->symbol;
	bool has_symbol = fault->size >= sizeof(*fault) && symbol->size >= sizeof(*symbol);
	struct writer w = {.text = text, .size = size};

	if (size)
		text[0] = '\0';
	if (fault->error < sizeof(error_names) / sizeof(error_names[0]))
		put(&w, "%s", error_names[fault->error]);
	else
		put(&w, "error %u", fault->error);
	if (fault->error == NPURT_FAULT_NONE)
		return (int)w.used;
	if (fault->access < NPURT_ACCESS_NONE)
		put(&w, ": %s 0x%llx", accesses[fault->access], (unsigned long long)fault->addr);
	else if (fault->error == NPURT_FAULT_ILLEGAL)
		put(&w, " 0x%08llx", (unsigned long long)fault->addr);
	put(&w, " by ");
	put_core(&w, fault->core);
	put(&w, " in context %u", fault->context);
	if (fault->pc) {
		put(&w, "\n    pc 0x%llx", (unsigned long long)fault->pc);
		if (has_symbol && symbol->file[0])
			put(&w, " at %s:%u", symbol->file, symbol->line);
		if (has_symbol && symbol->function[0])
			put(&w, " in %s()", symbol->function);
		if (has_symbol && symbol->module[0])
			put(&w, " of %s", symbol->module);
		else if (has_symbol)
			put(&w, " in no loaded module");
	}
	put(&w, "\n    job %llu", (unsigned long long)fault->job);
	if (fault->packet)
		put(&w, ", packet at 0x%llx", (unsigned long long)fault->packet);
	if (fault->core < NPURT_CORE_COPY)
		put(&w, ", workgroup %llu", (unsigned long long)fault->workgroup);
	return (int)w.used;
}
