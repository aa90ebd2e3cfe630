// SPDX-License-Identifier: MIT
/*
 * Counters on their way from queues to npu-prof, through npu-prof itself: this program is what it
 * runs. Its role is in the first argument.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define PROF RUNTIME_OUT "/bin/npu-prof"

/* ---- the program under npu-prof ---- */

/* The null backend, with counters and, if so asked, with trouble. */
static bool queue_failed, queue_gone;

static int counting_state(void *priv, struct drm_npu_queue_get_state *state)
{
	uint64_t *counters = (uint64_t *)(uintptr_t)state->counters.array;
	int err = npurt_backend_null.queue_get_state(priv, state);

	if (queue_gone)
		return -ENODEV;
	for (uint32_t i = 0; i < state->counters.count; i++)
		counters[i] = 1000 * state->submitted + i;
	if (queue_failed)
		state->state = DRM_NPU_QUEUE_FAULTED;
	return err;
}

/* Run jobs on a queue of its own; the queue is given back, or left to the end of the process. */
static void use_queue(struct npurt_vm *vm, unsigned int jobs, bool give_back)
{
	struct npurt_submit s = NPURT_SUBMIT_INIT;
	struct npurt_queue *queue;

	NEED(npurt_queue_create(vm, NULL, &queue));
	while (jobs--)
		NEED(npurt_queue_submit(queue, &s));
	if (give_back)
		npurt_queue_unref(queue);
}

static int program(const char *role)
{
	struct npurt_backend backend = npurt_backend_null;
	struct npurt_device *device;
	struct npurt_vm *vm;

	backend.queue_get_state = counting_state;
	NEED(npurt_device_open_backend(&backend, NULL, &device));
	NEED(npurt_vm_create(device, &vm));
	if (!strcmp(role, "two")) { /* 3 jobs given back, 2 left to the end */
		use_queue(vm, 3, true);
		use_queue(vm, 2, false);
		exit(0); /* backend is on this stack frame, which exit() keeps */
	}
	if (!strcmp(role, "killed")) {
		use_queue(vm, 1, true);
		use_queue(vm, 1, false);
		raise(SIGKILL);
	}
	if (!strcmp(role, "quits")) {
		use_queue(vm, 1, false);
		_exit(7);
	}
	if (!strcmp(role, "fork")) {
		pid_t pid;

		use_queue(vm, 2, false);
		pid = fork();
		if (!pid)
			use_queue(vm, 4, true); /* and must not count its parent's */
		else
			waitpid(pid, NULL, 0);
		exit(0);
	}
	if (!strcmp(role, "gone")) {
		use_queue(vm, 1, false);
		queue_gone = true;
		exit(0);
	}
	if (!strcmp(role, "failed")) {
		queue_failed = true;
		use_queue(vm, 1, true);
		exit(3);
	}
	return 99;
}

/* ---- the test ---- */

static char output[1 << 16];
static int status;

/* Run npu-prof with options on this program in a role; everything it prints is in output. */
static void prof(const char *self, const char *options, const char *role)
{
	char command[1024];
	FILE *pipe;
	size_t used;

	/* Queues that are left behind on purpose are leaks to the sanitizer. */
	snprintf(command, sizeof(command),
		 "ASAN_OPTIONS=detect_leaks=0 LD_LIBRARY_PATH=%s/lib %s stat %s -- %s %s 2>&1",
		 RUNTIME_OUT, PROF, options, self, role);
	pipe = popen(command, "r");
	if (!pipe)
		die("popen");
	used = fread(output, 1, sizeof(output) - 1, pipe);
	output[used] = '\0';
	status = WEXITSTATUS(pclose(pipe));
}

static bool has(const char *words)
{
	return strstr(output, words) != NULL;
}

static void check(bool good, const char *name)
{
	if (!tap_ok(good, "%s", name))
		tap_diag("status %d, output:\n%s", status, output);
}

int main(int argc, char **argv)
{
	const char *file = RUNTIME_OUT "/stat.json";
	FILE *json;

	if (argc > 1)
		return program(argv[1]);
	prof(argv[0], "-j", "two");
	/* 1000 x (3 + 2) jobs, and twice the counter's index */
	check(!status && has("\"cycles\": {\"value\": 5000") &&
		      has("\"tile.cycles\": {\"value\": 5002,") &&
		      has("\"energy\": {\"value\": 5054, \"unit\": \"fJ\"}"),
	      "counters of two queues add up, one given back and one not");
	check(has("\"queues_created\": 2") && has("\"queues_counted\": 2") &&
		      has("\"jobs_submitted\": 5") && has("\"processes\": 1"),
	      "two queues, five jobs");
	prof(argv[0], "", "two");
	check(has("5,000 cycles") && has("per tile cycle") && has("pJ per MAC") &&
		      has("5 of 5 jobs finished, on 2 queues of 1 process") && !has("not in these"),
	      "table");
	prof(argv[0], "-j", "fork");
	check(!status && has("\"cycles\": {\"value\": 6000") && has("\"processes\": 2") &&
		      has("\"queues_counted\": 2"),
	      "a child adds its own queue only");
	prof(argv[0], "", "quits");
	check(status == 7 && has("1 of 1 queues are not in these figures"),
	      "_exit(): status passed on, loss told");
	prof(argv[0], "", "killed");
	check(status == 128 + SIGKILL && has("killed by signal 9") &&
		      has("1 of 2 queues are not in these figures") && has("1,000 cycles"),
	      "killed: status, loss, and what there was");
	prof(argv[0], "", "gone");
	check(!status && has("1 could not be read"), "device gone");
	prof(argv[0], "", "failed");
	check(status == 3 && has("jobs failed on 1 queue;"), "failed job");
	prof("/bin/true", "", "");
	check(!status && has("nothing was counted"), "program without queues");
	prof("/nonexistent/program", "", "");
	check(status == 127 && has("cannot run '/nonexistent/program'"), "no such program");
	prof("/etc/passwd", "", "");
	check(status == 126 && has("Permission denied"), "no program");
	prof(argv[0], "-o /nonexistent/file", "two");
	check(status == 1 && has("cannot write /nonexistent/file"), "output cannot be written");

	remove(file);
	prof(argv[0], "-j -o " RUNTIME_OUT "/stat.json", "two");
	json = fopen(file, "r");
	check(!status && json && !output[0], "output to a file, nothing elsewhere");
	if (json)
		fclose(json);
	return tap_done();
}
