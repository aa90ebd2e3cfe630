// SPDX-License-Identifier: MIT
#include "report.h"

#include <inttypes.h>
#include <npurt.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/stat.h"

static double value(const struct report *r, enum npu_counter counter)
{
	return (double)r->stat->counters[counter];
}

/* Thousands separated, whatever the locale. text has room for 27 characters. */
static const char *grouped(uint64_t number, char *text)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	char *out = text;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return text;
}

/* A number with an SI prefix. */
static void print_scaled(FILE *out, double number, const char *unit)
{
	static const char *const prefixes[] = {"f", "p", "n", "u", "m", "", "k", "M", "G", "T"};
	int step = 5;

	while (number && number < 1 && step > 0) {
		number *= 1000;
		step--;
	}
	while (number >= 1000 && step < 9) {
		number /= 1000;
		step++;
	}
	fprintf(out, "%.3f %s%s", number, prefixes[step], unit);
}

/* "12.34 things": a rate, if its base counted anything. */
static void print_rate(FILE *out, double part, double base, double scale, const char *text)
{
	if (base > 0)
		fprintf(out, "# %8.2f %s", scale * part / base, text);
}

/* What a counter means beside another one; nothing for most. */
static void print_derived(const struct report *r, FILE *out, unsigned int counter)
{
	double cycles = value(r, NPU_COUNTER_CYCLES);
	double tile_cycles = value(r, NPU_COUNTER_TILE_CYCLES);
	double seconds = 1e-12 * value(r, NPU_COUNTER_TIME);

	switch (counter) {
	case NPU_COUNTER_CYCLES:
		if (seconds > 0) {
			fputs("# ", out);
			print_scaled(out, seconds, "s");
			fprintf(out, " at %.0f MHz", 1e-6 * cycles / seconds);
		}
		break;
	case NPU_COUNTER_TILE_CYCLES:
		print_rate(out, tile_cycles, cycles * (double)r->stat->tiles, 100,
			   "% of all tiles' time");
		break;
	case NPU_COUNTER_TILE_INSTRUCTIONS:
		print_rate(out, value(r, counter), tile_cycles, 1, "per tile cycle");
		break;
	case NPU_COUNTER_STALL_MEMORY:
	case NPU_COUNTER_STALL_DMA:
	case NPU_COUNTER_STALL_MATRIX:
	case NPU_COUNTER_STALL_EXEC:
	case NPU_COUNTER_STALL_VECTOR:
	case NPU_COUNTER_STALL_START:
	case NPU_COUNTER_TLB_CYCLES:
	case NPU_COUNTER_MATRIX_CYCLES:
	case NPU_COUNTER_DMA_CYCLES:
		print_rate(out, value(r, counter), tile_cycles, 100, "% of tile cycles");
		break;
	case NPU_COUNTER_FRONT_CYCLES:
	case NPU_COUNTER_WAIT_TILES:
	case NPU_COUNTER_WAIT_COPY:
		print_rate(out, value(r, counter), cycles, 100, "% of cycles");
		break;
	case NPU_COUNTER_COPY_WAIT:
		print_rate(out, value(r, counter), value(r, NPU_COUNTER_COPY_CYCLES), 100,
			   "% of copy cycles");
		break;
	case NPU_COUNTER_LEAKAGE:
		print_rate(out, value(r, counter), value(r, NPU_COUNTER_ENERGY), 100, "% of energy");
		break;
	case NPU_COUNTER_MATRIX_MACS:
		print_rate(out, value(r, counter), value(r, NPU_COUNTER_MATRIX_CYCLES), 1,
			   "per matrix cycle");
		break;
	case NPU_COUNTER_DMA_READ:
	case NPU_COUNTER_DMA_WRITE:
		print_rate(out, value(r, counter), cycles, 1, "bytes/cycle");
		break;
	case NPU_COUNTER_COPY_BYTES:
		print_rate(out, value(r, counter), value(r, NPU_COUNTER_COPY_CYCLES), 1,
			   "bytes/copy cycle");
		break;
	case NPU_COUNTER_ENERGY:
		fputs("# ", out);
		print_scaled(out, 1e-15 * value(r, counter), "J");
		if (seconds > 0) {
			fputs(", ", out);
			print_scaled(out, 1e-15 * value(r, counter) / seconds, "W");
		}
		break;
	}
}

static void print_counter(const struct report *r, FILE *out, unsigned int counter,
			  const struct npurt_counter_info *info)
{
	char number[32], *derived = NULL;
	size_t size;
	FILE *memory = open_memstream(&derived, &size);

	if (memory) {
		print_derived(r, memory, counter);
		fclose(memory);
	}
	grouped(r->stat->counters[counter], number);
	if (derived && derived[0])
		fprintf(out, " %26s %-12s %-18s  %s\n", number, info->unit, info->name, derived);
	else
		fprintf(out, " %26s %-12s %s\n", number, info->unit, info->name);
	free(derived);
}

/* "1 queue", "2 queues" */
static const char *plural(uint64_t number, const char *one, const char *more)
{
	return number == 1 ? one : more;
}

void report_text(const struct report *r, FILE *out)
{
	const struct npurt_stat *stat = r->stat;
	double macs = value(r, NPU_COUNTER_MATRIX_MACS), cycles = value(r, NPU_COUNTER_CYCLES);
	char text[32];

	fputs("\n Counters of '", out);
	for (char **arg = r->argv; *arg; arg++)
		fprintf(out, "%s%s", arg == r->argv ? "" : " ", *arg);
	fputs("':\n\n", out);
	for (unsigned int i = 0; i < npurt_counter_count(); i++) {
		struct npurt_counter_info info = NPURT_COUNTER_INFO_INIT;

		if (npurt_counter_get_info(i, &info))
			break;
		print_counter(r, out, i, &info);
	}
	fputc('\n', out);
	if (macs > 0 && cycles > 0) {
		fprintf(out, " %26.2f MACs per cycle of modelled time\n", macs / cycles);
		fprintf(out, " %26.2f pJ per MAC\n", 1e-3 * value(r, NPU_COUNTER_ENERGY) / macs);
	}
	fprintf(out, " %26s of %" PRIu64 " jobs finished, on %" PRIu64 " %s of %" PRIu64 " %s\n",
		grouped(stat->jobs_completed, text), stat->jobs_submitted, stat->queues_counted,
		plural(stat->queues_counted, "queue", "queues"), stat->processes,
		plural(stat->processes, "process", "processes"));
	fprintf(out, " %26.6f seconds elapsed (%.6f user, %.6f sys)\n", r->wall, r->user, r->sys);
	fprintf(out, " %26.6f seconds of these spent on counting\n\n",
		1e-9 * (double)stat->overhead_ns);
}

static void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 32)
			fprintf(out, "\\u%04x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

void report_json(const struct report *r, FILE *out)
{
	const struct npurt_stat *stat = r->stat;

	fputs("{\n  \"command\": [", out);
	for (char **arg = r->argv; *arg; arg++) {
		fputs(arg == r->argv ? "" : ", ", out);
		json_string(out, *arg);
	}
	fprintf(out,
		"],\n  \"status\": %d,\n  \"signal\": %d,\n  \"processes\": %" PRIu64
		",\n  \"queues_created\": %" PRIu64 ",\n  \"queues_counted\": %" PRIu64
		",\n  \"queues_failed\": %" PRIu64 ",\n  \"jobs_submitted\": %" PRIu64
		",\n  \"jobs_completed\": %" PRIu64 ",\n  \"clock_khz\": %" PRIu64
		",\n  \"tiles\": %" PRIu64
		",\n  \"wall_s\": %.6f,\n  \"user_s\": %.6f,\n  \"sys_s\": %.6f"
		",\n  \"overhead_s\": %.9f,\n  \"counters\": {\n",
		r->status, r->signal, stat->processes, stat->queues_created, stat->queues_counted,
		stat->queues_failed, stat->jobs_submitted, stat->jobs_completed, stat->clock_khz,
		stat->tiles, r->wall, r->user, r->sys, 1e-9 * (double)stat->overhead_ns);
	for (unsigned int i = 0; i < npurt_counter_count(); i++) {
		struct npurt_counter_info info = NPURT_COUNTER_INFO_INIT;

		if (npurt_counter_get_info(i, &info))
			break;
		fprintf(out, "    \"%s\": {\"value\": %" PRIu64 ", \"unit\": \"%s\"}%s\n",
			info.name, stat->counters[i], info.unit,
			i + 1 < npurt_counter_count() ? "," : "");
	}
	fputs("  }\n}\n", out);
}

bool report_losses(const struct report *r, FILE *out)
{
	const struct npurt_stat *stat = r->stat;
	uint64_t missing = stat->queues_created - stat->queues_counted;
	bool lost = false;

	if (r->signal) {
		fprintf(out, "npu-prof: the program was killed by signal %d (%s)\n", r->signal,
			strsignal(r->signal));
		lost = true;
	}
	if (!stat->queues_created) {
		fputs("npu-prof: nothing was counted: the program made no queue. It does not use "
		      "the NPU, "
		      "or not through this libnpurt, or it runs with raised privileges (setuid).\n",
		      out);
		return true;
	}
	if (missing) {
		fprintf(out,
			"npu-prof: %" PRIu64 " of %" PRIu64
			" queues are not in these figures: %" PRIu64
			" could not be read (device gone?), the rest was left by processes that "
			"did not "
			"exit in order\n",
			missing, stat->queues_created, stat->queues_unreadable);
		lost = true;
	}
	if (stat->jobs_completed < stat->jobs_submitted) {
		fprintf(out,
			"npu-prof: %" PRIu64
			" jobs had not finished when their queue was destroyed; what "
			"they did is not in these figures\n",
			stat->jobs_submitted - stat->jobs_completed);
		lost = true;
	}
	if (stat->queues_failed) {
		fprintf(out, "npu-prof: jobs failed on %" PRIu64 " %s; the figures end there\n",
			stat->queues_failed, plural(stat->queues_failed, "queue", "queues"));
		lost = true;
	}
	return lost;
}
