/* SPDX-License-Identifier: MIT */
/*
 * Programs that use the device while a test resets it, takes it away or puts it to sleep. Each of
 * them may see its jobs lost and the device gone, and nothing else.
 */
#ifndef NPU_LOAD_H
#define NPU_LOAD_H

#include <signal.h>
#include <sys/wait.h>

#include "npu_inject.h"

#define NPU_LOAD_WORKERS 4

struct npu_load {
	pid_t worker[NPU_LOAD_WORKERS];
};

/* What may become of work on a device that is reset and taken away. */
static inline bool npu_load_excused(int ret)
{
	return !ret || ret == -ECANCELED || ret == -ENODEV;
}

/* One program's life: some jobs, until something ends them. False: it saw what it must not see. */
static inline bool npu_load_live(void)
{
	struct npu_ctx ctx;
	int i, ret = npu_ctx_init(&ctx, 60000);

	for (i = 0; !ret && i < 20; i++)
		ret = i % 2 ? run_fill(&ctx) : run_kernel(&ctx, NPU_INSN_EXIT);
	npu_ctx_exit(&ctx);
	if (!npu_load_excused(ret))
		fprintf(stderr, "# a program saw %s in its step %d\n", strerror(-ret), i);
	return npu_load_excused(ret);
}

static inline void npu_load_start(struct npu_load *load)
{
	int i;

	for (i = 0; i < NPU_LOAD_WORKERS; i++) {
		load->worker[i] = fork();
		if (load->worker[i])
			continue;
		while (npu_load_live())
			;
		_exit(1);
	}
}

/* True: none had ended by itself. */
static inline bool npu_load_stop(struct npu_load *load)
{
	bool good = true;
	int i, status;

	for (i = 0; i < NPU_LOAD_WORKERS; i++) {
		if (load->worker[i] <= 0)
			continue;
		kill(load->worker[i], SIGKILL);
		good &= waitpid(load->worker[i], &status, 0) == load->worker[i] &&
			WIFSIGNALED(status);
		load->worker[i] = 0;
	}
	return good;
}

/* The device works, within a time in which it may have to come back. */
static inline bool npu_load_back(void)
{
	const int64_t start = npu_deadline(0);
	struct npu_ctx ctx;
	int ret;

	do {
		ret = npu_ctx_init(&ctx, 0);
		if (!ret)
			ret = run_fill(&ctx);
		npu_ctx_exit(&ctx);
		if (ret)
			usleep(20000);
	} while (ret && npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS);
	return !ret;
}

#endif /* NPU_LOAD_H */
