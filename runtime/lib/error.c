// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* The one thing that is not in an object: it belongs to the thread. */
static _Thread_local char detail[2048];

NPURT_EXPORT const char *npurt_error_detail(void)
{
	return detail;
}

int npurt_fail(int err, const char *format, ...)
{
	char text[sizeof(detail)];
	va_list args;

	/* The arguments may point into the old text. */
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(detail, text, sizeof(detail));
	return err;
}

int npurt_fail_nomem(const char *what)
{
	return npurt_fail(-ENOMEM, "out of memory for %s", what);
}

const char *npurt_errno_text(int err)
{
	const char *text = strerrordesc_np(err < 0 ? -err : err);

	return text ? text : "unknown error";
}
