/* SPDX-License-Identifier: MIT */
/*
 * Test Anything Protocol for test programs:
 *
 *	int main(void)
 *	{
 *		tap_ok(1 + 1 == 2, "addition");
 *		return tap_done();
 *	}
 *
 * One thread only. The plan comes last, so that a program that dies early has none and fails.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_count, tap_failed;

/* A line of explanation. */
__attribute__((format(printf, 1, 2), unused)) static void tap_diag(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("# ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

/* A test: its outcome and its name. Returns the outcome. */
__attribute__((format(printf, 2, 3), unused)) static bool
tap_ok(bool condition, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", condition ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	tap_failed += !condition;
	return condition;
}

/* A test of two integers, which are shown if they differ. */
__attribute__((unused)) static bool tap_is(unsigned long long got, unsigned long long want,
					   const char *name)
{
	if (!tap_ok(got == want, "%s", name)) {
		tap_diag("got  0x%llx (%llu)", got, got);
		tap_diag("want 0x%llx (%llu)", want, want);
		return false;
	}
	return true;
}

/* A test that cannot run here, and why. */
__attribute__((format(printf, 1, 2), unused)) static void tap_skip(const char *format, ...)
{
	va_list args;

	printf("ok %u # SKIP ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* Print the plan; the result is main()'s. */
__attribute__((unused)) static int tap_done(void)
{
	printf("1..%u\n", tap_count);
	fflush(stdout);
	return tap_failed ? 1 : 0;
}

#endif /* TAP_H */
