/* SPDX-License-Identifier: MIT */
/*
 * Programs that use the device while a test resets it, takes it away or puts it to sleep. Each of
 * them may see its work lost and the device gone, and nothing else. They count what they do, so that the
 * test knows that there was work to be lost, and that it goes on.
 */
#ifndef NPU_LOAD_H
#define NPU_LOAD_H

#include <signal.h>
#include <sys/wait.h>

#include "npu_inject.h"

#define NPU_LOAD_DEPTH 8 /* jobs in flight of the one that has many */

struct npu_load_count {
	uint64_t done, lost; /* jobs, or other rounds */
};

/* What may become of work on a device that is reset and taken away. */
static inline bool npu_load_excused(int ret)
{
	return !ret || ret == -ECANCELED || ret == -ENODEV;
}

static inline int npu_load_note(struct npu_load_count *count, int ret)
{
	if (npu_load_excused(ret))
		__atomic_add_fetch(ret ? &count->lost : &count->done, 1, __ATOMIC_RELAXED);
	return ret;
}

/* One job after the other. */
static inline int npu_load_short(struct npu_ctx *ctx, struct npu_load_count *count)
{
	int ret = 0;

	for (int i = 0; !ret; i++)
		ret = npu_load_note(count, i % 2 ? run_fill(ctx) : run_kernel(ctx, NPU_INSN_EXIT));
	return ret;
}

/* Jobs that take so long that one runs nearly always, even where the guest is slow, and more behind it. */
static inline int npu_load_deep(struct npu_ctx *ctx, struct npu_load_count *count)
{
	/* lui a1, 0x4000; addi a1, a1, -1; bnez a1, . - 4 */
	static const uint32_t code[] = { 0x040005b7, 0xfff58593, 0xfe059ee3, NPU_INSN_EXIT };
	uint32_t jobs[NPU_LOAD_DEPTH], first = 0, next = 0;
	int ret = 0, error;

	memcpy(ctx->mem + (CODE_VA - NPU_TEST_VA), code, sizeof(code));
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 1);
	for (;;) {
		while (!ret && next - first < NPU_LOAD_DEPTH) {
			ret = npu_submit_binary(ctx->fd, ctx->queue, NPU_TEST_VA, 1,
						&jobs[next % NPU_LOAD_DEPTH]);
			next += !ret;
		}
		if (first == next)
			return ret;
		error = npu_load_note(count, npu_wait_binary(ctx->fd, jobs[first % NPU_LOAD_DEPTH]));
		drmSyncobjDestroy(ctx->fd, jobs[first++ % NPU_LOAD_DEPTH]);
		if (!ret || !npu_load_excused(error))
			ret = error;
	}
}

static inline int npu_load_bind(struct npu_ctx *ctx, struct npu_load_count *count)
{
	int ret;

	do
		ret = npu_load_note(count, bind_round(ctx));
	while (!ret);
	return ret;
}

/* Reads what is recorded of its jobs. A reset in between may have taken a record. */
static inline int npu_load_stream(struct npu_ctx *ctx, struct npu_load_count *count)
{
	struct pollfd wait = { .events = POLLIN };
	uint8_t records[1024];
	ssize_t got;
	int ret = 0;

	wait.fd = npu_stream_open(ctx->fd, npu_stream_of(ctx->queue));
	if (wait.fd < 0)
		return wait.fd;
	while (!ret) {
		ret = run_fill(ctx);
		if (!ret && poll(&wait, 1, 1000) < 0)
			ret = -errno;
		if (ret) {
			npu_load_note(count, ret);
			break;
		}
		got = read(wait.fd, records, sizeof(records));
		if (got > 0)
			npu_load_note(count, 0);
		else if (got < 0 && errno != EAGAIN)
			ret = npu_load_note(count, -errno);
	}
	close(wait.fd);
	return ret;
}

/* They work until something ends them. Return: what. */
static const struct {
	const char *name;
	int (*work)(struct npu_ctx *ctx, struct npu_load_count *count);
} npu_load_workers[] = {
	{ "jobs", npu_load_short },
	{ "queued jobs", npu_load_deep },
	{ "bindings", npu_load_bind },
	{ "records", npu_load_stream },
};

#define NPU_LOAD_DEEP	 1
#define NPU_LOAD_WORKERS (sizeof(npu_load_workers) / sizeof(npu_load_workers[0]))

struct npu_load {
	pid_t worker[NPU_LOAD_WORKERS];
	struct npu_load_count *counts; /* shared with them */
};

/* One program's life. False: it saw what it must not see. */
static inline bool npu_load_live(int which, struct npu_load_count *count)
{
	struct npu_ctx ctx;
	int ret = npu_ctx_init(&ctx, 60000);

	if (!ret)
		ret = npu_load_workers[which].work(&ctx, count);
	npu_ctx_exit(&ctx);
	if (!npu_load_excused(ret))
		fprintf(stderr, "# a program's %s: %s\n", npu_load_workers[which].name, strerror(-ret));
	/* nobody says when there is a device again */
	if (ret == -ENODEV)
		usleep(20000);
	return npu_load_excused(ret);
}

/* False: there is no memory for that. */
static inline bool npu_load_start(struct npu_load *load)
{
	size_t size = NPU_LOAD_WORKERS * sizeof(*load->counts);
	int i;

	load->counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load->counts == MAP_FAILED)
		return false;
	for (i = 0; i < NPU_LOAD_WORKERS; i++) {
		load->worker[i] = fork();
		if (load->worker[i])
			continue;
		while (npu_load_live(i, &load->counts[i]))
			;
		_exit(1);
	}
	return true;
}

static inline uint64_t npu_load_done(struct npu_load *load, int which)
{
	return __atomic_load_n(&load->counts[which].done, __ATOMIC_RELAXED);
}

static inline uint64_t npu_load_lost(struct npu_load *load, int which)
{
	return __atomic_load_n(&load->counts[which].lost, __ATOMIC_RELAXED);
}

/* It has seen what it must not see. Its end is left for npu_load_stop(). */
static inline bool npu_load_ended(struct npu_load *load, int which)
{
	siginfo_t info = {};

	return waitid(P_PID, load->worker[which], &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* All of them get something done from now on, within the time that they may have to find the device again. */
static inline bool npu_load_goes_on(struct npu_load *load)
{
	const int64_t start = npu_deadline(0);
	uint64_t before[NPU_LOAD_WORKERS];
	int i;

	for (i = 0; i < NPU_LOAD_WORKERS; i++)
		before[i] = npu_load_done(load, i);
	for (i = 0; i < NPU_LOAD_WORKERS; i++) {
		while (npu_load_done(load, i) == before[i] && !npu_load_ended(load, i) &&
		       npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS)
			usleep(1000);
		if (npu_load_done(load, i) == before[i]) {
			fprintf(stderr, "# a program's %s do not go on\n", npu_load_workers[i].name);
			return false;
		}
	}
	return true;
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
