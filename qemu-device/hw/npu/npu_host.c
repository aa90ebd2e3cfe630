/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NPU: what the core asks of its host (npu_core.h). Nothing here waits for the BQL; see npu.h. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "hw/qdev-core.h"

#include "npu.h"
#include "trace/trace-hw_npu.h"

static void *npu_host_dma_map(void *opaque, uint64_t addr, size_t *len, bool write)
{
	return npu_dma_map(opaque, addr, len, write);
}

static void npu_host_irq(void *opaque, unsigned int vector)
{
	npu_irq_raise(opaque, vector);
}

static void npu_host_bus_event(void *opaque, uint32_t events)
{
	npu_bus_event(opaque, events);
}

/*
 * The guest's clock, which its driver's timeouts follow too: it stands still while the VM is
 * stopped, and keeps step with the guest if instructions make its time (-icount).
 */
static uint64_t npu_host_time_ns(void *opaque)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void npu_host_set_timer(void *opaque, uint64_t deadline_ns)
{
	NPUState *s = opaque;

	if (deadline_ns > INT64_MAX) {
		timer_del(s->timer);
	} else {
		timer_mod_ns(s->timer, (int64_t)deadline_ns);
	}
}

static void npu_timer(void *opaque)
{
	NPUState *s = opaque;

	trace_npu_timer();
	npu_irq_enter(s);
	npu_dev_timer(s->dev);
	npu_irq_leave(s);
	npu_irq_deliver(s);
}

static void npu_host_thread_enter(void *opaque)
{
	rcu_register_thread();
}

static void npu_host_thread_exit(void *opaque)
{
	rcu_unregister_thread();
}

static const char *npu_name(NPUState *s)
{
	return DEVICE(s)->id ? DEVICE(s)->id : TYPE_NPU;
}

/* Guests can cause any line, so none is shown unless the user asked for it. */
static void npu_host_log(void *opaque, enum npu_log_level level, const char *line)
{
	NPUState *s = opaque;

	trace_npu_log(npu_name(s), level, line);
	if (s->log) {
		info_report("%s: %s%s", npu_name(s),
			    level == NPU_LOG_FIRMWARE ? "firmware: " :
			    level == NPU_LOG_ERROR    ? "error: " :
							"",
			    line);
	} else if (level == NPU_LOG_ERROR) {
		qemu_log_mask(LOG_GUEST_ERROR, "%s: %s\n", npu_name(s), line);
	}
}

void npu_timer_init(NPUState *s)
{
	s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, npu_timer, s);
}

void npu_timer_exit(NPUState *s)
{
	timer_free(s->timer);
	s->timer = NULL;
}

const struct npu_host_ops npu_host_ops = {
	.dma_map = npu_host_dma_map,
	.irq = npu_host_irq,
	.bus_event = npu_host_bus_event,
	.time_ns = npu_host_time_ns,
	.set_timer = npu_host_set_timer,
	.thread_enter = npu_host_thread_enter,
	.thread_exit = npu_host_thread_exit,
	.log = npu_host_log,
};
