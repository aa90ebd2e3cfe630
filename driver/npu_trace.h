/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints; docs/tracing.md says what they tell. A point that is off costs a jump not taken. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM npu

#if !defined(NPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NPU_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

#include "npu_device.h"
#include "npu_fw.h"
#include "npu_job.h"
#include "npu_queue.h"

DECLARE_EVENT_CLASS(npu_job,
	TP_PROTO(const struct npu_queue *queue, const struct npu_job *job),
	TP_ARGS(queue, job),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->npu->drm.dev))
		__field(u32, queue)
		__field(u32, asid)
		__field(u64, context)
		__field(u64, seqno)
		__field(u32, cmdbufs)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->queue = queue->slot;
		__entry->asid = queue->asid;
		__entry->context = queue->fence_context;
		__entry->seqno = job->seqno;
		__entry->cmdbufs = job->cmdbuf_count;
	),
	TP_printk("dev=%s queue=%u asid=%u context=%llu seqno=%llu cmdbufs=%u",
		  __get_str(dev), __entry->queue, __entry->asid, __entry->context,
		  __entry->seqno, __entry->cmdbufs)
);

/* A job has its number and is handed over, to the hardware or the scheduler. */
DEFINE_EVENT(npu_job, npu_submit,
	TP_PROTO(const struct npu_queue *queue, const struct npu_job *job),
	TP_ARGS(queue, job)
);

/* It is written to the ring. */
DEFINE_EVENT(npu_job, npu_run,
	TP_PROTO(const struct npu_queue *queue, const struct npu_job *job),
	TP_ARGS(queue, job)
);

/* It has ended, and its fence signals. */
TRACE_EVENT(npu_done,
	TP_PROTO(const struct npu_queue *queue, u64 seqno, int error),
	TP_ARGS(queue, seqno, error),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->npu->drm.dev))
		__field(u32, queue)
		__field(u64, context)
		__field(u64, seqno)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->queue = queue->slot;
		__entry->context = queue->fence_context;
		__entry->seqno = seqno;
		__entry->error = error;
	),
	TP_printk("dev=%s queue=%u context=%llu seqno=%llu error=%d",
		  __get_str(dev), __entry->queue, __entry->context, __entry->seqno,
		  __entry->error)
);

/* An address space has been changed, or could not be. */
TRACE_EVENT(npu_bind,
	TP_PROTO(struct device *dev, u32 asid, const struct drm_npu_vm_bind_op *op, int ret),
	TP_ARGS(dev, asid, op, ret),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, asid)
		__field(u32, flags)
		__field(u64, va)
		__field(u64, size)
		__field(u32, bo)
		__field(u64, offset)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->asid = asid;
		__entry->flags = op->flags;
		__entry->va = op->va;
		__entry->size = op->size;
		__entry->bo = op->bo_handle;
		__entry->offset = op->bo_offset;
		__entry->ret = ret;
	),
	TP_printk("dev=%s asid=%u flags=%#x va=%#llx size=%#llx bo=%u offset=%#llx ret=%d",
		  __get_str(dev), __entry->asid, __entry->flags, __entry->va, __entry->size,
		  __entry->bo, __entry->offset, __entry->ret)
);

/* A job has failed, and this is why. */
TRACE_EVENT(npu_fault,
	TP_PROTO(const struct npu_queue *queue, const struct drm_npu_fault *fault),
	TP_ARGS(queue, fault),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->npu->drm.dev))
		__field(u32, queue)
		__field(u64, context)
		__field(u64, seqno)
		__field(u32, error)
		__field(u32, access)
		__field(u32, core)
		__field(u32, asid)
		__field(u64, addr)
		__field(u64, pc)
		__field(u64, packet)
		__field(u64, workgroup)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->queue = queue->slot;
		__entry->context = queue->fence_context;
		__entry->seqno = fault->seqno;
		__entry->error = fault->error;
		__entry->access = fault->access;
		__entry->core = fault->core;
		__entry->asid = fault->as_id;
		__entry->addr = fault->addr;
		__entry->pc = fault->pc;
		__entry->packet = fault->packet;
		__entry->workgroup = fault->workgroup;
	),
	TP_printk("dev=%s queue=%u context=%llu seqno=%llu error=%u access=%u core=%#x asid=%u addr=%#llx pc=%#llx packet=%#llx workgroup=%llu",
		  __get_str(dev), __entry->queue, __entry->context, __entry->seqno,
		  __entry->error, __entry->access, __entry->core, __entry->asid, __entry->addr,
		  __entry->pc, __entry->packet, __entry->workgroup)
);

/* The device is reset. */
TRACE_EVENT(npu_reset,
	TP_PROTO(struct device *dev, const char *reason),
	TP_ARGS(dev, reason),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__string(reason, reason)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(reason);
	),
	TP_printk("dev=%s reason=\"%s\"", __get_str(dev), __get_str(reason))
);

/* It works again, or does not. */
TRACE_EVENT(npu_reset_done,
	TP_PROTO(struct device *dev, int ret),
	TP_ARGS(dev, ret),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->ret = ret;
	),
	TP_printk("dev=%s ret=%d", __get_str(dev), __entry->ret)
);

/* A message to the firmware, or from it as it was found. */
TRACE_EVENT(npu_mbox,
	TP_PROTO(struct device *dev, bool to_host, const struct npu_msg *msg),
	TP_ARGS(dev, to_host, msg),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(bool, to_host)
		__field(u16, type)
		__field(u16, status)
		__field(u32, seq)
		__field(u32, cookie)
		__field(u32, queue)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->to_host = to_host;
		__entry->type = msg->type;
		__entry->status = msg->status;
		__entry->seq = msg->seq;
		__entry->cookie = msg->cookie;
		__entry->queue = msg->queue;
	),
	TP_printk("dev=%s %s type=%#x status=%u seq=%u cookie=%u queue=%u", __get_str(dev),
		  __entry->to_host ? "f2h" : "h2f", __entry->type, __entry->status,
		  __entry->seq, __entry->cookie, __entry->queue)
);

#endif /* NPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE npu_trace
#include <trace/define_trace.h>
