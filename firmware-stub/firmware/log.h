/* SPDX-License-Identifier: MIT */
/*
 * Log and trace, for people: lines and events to a ring in host memory (npu_log.h), and of the lines those
 * that must be found without a driver to the console, which is the device's own log.
 *
 * What comes before NPU_MSG_LOG_SET is kept, as far as there is room, and written then. Host memory
 * that does not answer ends the log until the next NPU_MSG_LOG_SET, and nothing else.
 */
#ifndef NPU_FW_LOG_H
#define NPU_FW_LOG_H

#include <stdint.h>

#include "npu_fw.h"
#include "npu_log.h"

/* ---- lines ----------------------------------------------------------------------------------- */

/* Append to the line. What is longer than NPU_LOG_AHEAD records is cut. */
void log_puts(const char *text);
void log_hex(uint64_t value); /* 0x and no leading zeros */
void log_dec(uint64_t value);
/* The line is complete: to the log, if its level is wanted. queue as in struct npu_log_record. */
void log_end(enum npu_log_severity level, uint32_t queue);
/* The same, and to the console in any case. Slow, one register write per character: for boot and panic. */
void log_end_aloud(enum npu_log_severity level);

/* ---- trace ------------------------------------------------------------------------------------- */

extern uint32_t log_groups; /* NPU_LOG_GROUP_* whose events are written */

enum {
#define LOG_GROUP(symbol, number, group, name, arguments) LOG_GROUP_OF_##symbol = NPU_LOG_GROUP_##group,
	NPU_LOG_EVENT_TABLE(LOG_GROUP)
#undef LOG_GROUP
};

/* Write an event. Not to be called but by trace(). */
void log_event(enum npu_log_event event, uint32_t queue, const uint64_t args[NPU_LOG_ARGS]);

/*
 * An event with its arguments, as NPU_LOG_EVENT_TABLE has them. Costs a load and a branch while
 * nobody wants it; the arguments are not evaluated then.
 */
#define trace(event, queue, ...)                                                                \
	do {                                                                                    \
		if (__builtin_expect(log_groups & LOG_GROUP_OF_##event, 0))                     \
			log_event(NPU_LOG_##event, queue,                                       \
				  (const uint64_t[NPU_LOG_ARGS]){__VA_ARGS__});                 \
	} while (0)

/* ---- from the host ------------------------------------------------------------------------------- */

/* NPU_MSG_LOG_SET. */
enum npu_msg_status log_set(const struct npu_msg *msg);

#endif /* NPU_FW_LOG_H */
