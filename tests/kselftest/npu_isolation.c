// SPDX-License-Identifier: MIT
/*
 * Two processes cannot reach each other's memory: not with kernels, not with
 * copies, not through stale translations, leftovers in SRAM or permissions.
 */
#include <sys/wait.h>

#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
#define CODE_VA (NPU_TEST_VA + 0x20000)

/* Puts a little kernel at CODE_VA. */
static void put_code(struct npu_ctx *ctx, const uint32_t *insns, size_t count)
{
	memcpy(ctx->mem + (CODE_VA - NPU_TEST_VA), insns, count * 4);
}

FIXTURE(isolation)
{
	struct npu_ctx ctx;
};

FIXTURE_SETUP(isolation)
{
	ASSERT_EQ(0, npu_ctx_init(&self->ctx, 0));
}

FIXTURE_TEARDOWN(isolation)
{
	npu_ctx_exit(&self->ctx);
}

/*
 * The neighbour maps a secret at an address that this process has not mapped,
 * keeps its queue busy, and this process copies and loads from there.
 */
TEST_F(isolation, two_processes)
{
	const uint64_t secret_va = 0x40000000;
	struct npu_ctx *ctx = &self->ctx;
	static const uint32_t load[] = { NPU_INSN_LD_A1_A0, NPU_INSN_EXIT };
	struct drm_npu_queue_get_state state;
	int to_child[2], to_parent[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct npu_ctx other;
		uint32_t *words;
		int ok, i;

		close(to_child[1]);
		ok = !npu_ctx_init(&other, 0) &&
		     !npu_map(other.fd, other.vm, other.bo, 0, secret_va, NPU_TEST_SIZE, 0);
		if (ok) {
			words = (uint32_t *)(other.mem + NPU_TEST_DATA);
			npu_ctx_packets(&other)[0] = npu_pkt_fill(DATA_VA, 0x5ec4e7, 0x10000);
			ok = !npu_ctx_run(&other, 1);
		}
		if (write(to_parent[1], ok ? "y" : "n", 1) != 1)
			_exit(2);
		/* until the parent is through: work on, and see that all of it stays right */
		while (ok && read(to_child[0], &byte, 1) == 1) {
			ok = !npu_ctx_run(&other, 1);
			for (i = 0; i < 0x10000 / 4; i++)
				ok &= words[i] == 0x5ec4e7;
			if (write(to_parent[1], ok ? "y" : "n", 1) != 1)
				_exit(3);
		}
		_exit(!ok);
	}
	close(to_child[0]);
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	ASSERT_EQ('y', byte);

	/* a copy from the neighbour's address */
	npu_ctx_packets(ctx)[0] = npu_pkt_copy(DATA_VA, secret_va + NPU_TEST_DATA, 0x1000);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(DRM_NPU_QUEUE_FAULTED, state.state);
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, state.fault.error);
	EXPECT_EQ(NPU_ACCESS_READ, state.fault.access);
	EXPECT_EQ(NPU_CORE_COPY, state.fault.core);
	EXPECT_EQ(secret_va + NPU_TEST_DATA, state.fault.addr);
	EXPECT_EQ(0, *(uint32_t *)(ctx->mem + NPU_TEST_DATA));
	ASSERT_EQ(1, write(to_child[1], "x", 1));
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	EXPECT_EQ('y', byte);

	/* a fill into it */
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(secret_va + NPU_TEST_DATA, 0xbad, 0x1000);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(NPU_ACCESS_WRITE, state.fault.access);
	ASSERT_EQ(1, write(to_child[1], "x", 1));
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	EXPECT_EQ('y', byte);

	/* a kernel that loads from it */
	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	put_code(ctx, load, 2);
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, secret_va + NPU_TEST_DATA, 4);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(NPU_JOB_PAGE_FAULT, state.fault.error);
	EXPECT_EQ(NPU_ACCESS_READ, state.fault.access);
	EXPECT_EQ(secret_va + NPU_TEST_DATA, state.fault.addr);
	EXPECT_EQ(CODE_VA, state.fault.pc);
	EXPECT_LT(state.fault.core, NPU_MAX_TILES);
	EXPECT_LT(state.fault.workgroup, 4);
	ASSERT_EQ(1, write(to_child[1], "x", 1));
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	EXPECT_EQ('y', byte);

	close(to_child[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* Two VMs of one process are as apart as two processes, at the same addresses. */
TEST_F(isolation, same_address_other_memory)
{
	struct npu_ctx other;

	ASSERT_EQ(0, npu_ctx_init(&other, 0));
	npu_ctx_packets(&self->ctx)[0] = npu_pkt_fill(DATA_VA, 1, 4096);
	npu_ctx_packets(&other)[0] = npu_pkt_fill(DATA_VA, 2, 4096);
	ASSERT_EQ(0, npu_ctx_run(&self->ctx, 1));
	ASSERT_EQ(0, npu_ctx_run(&other, 1));
	EXPECT_EQ(1, *(uint32_t *)(self->ctx.mem + NPU_TEST_DATA));
	EXPECT_EQ(2, *(uint32_t *)(other.mem + NPU_TEST_DATA));
	npu_ctx_exit(&other);
}

/* Once UNMAP has returned the device cannot reach the memory, warm TLB or not. */
TEST_F(isolation, unmapped_is_gone)
{
	const uint64_t va = 0x50000000;
	struct npu_ctx *ctx = &self->ctx;
	static const uint32_t store[] = { NPU_INSN_SD_A1_A0, NPU_INSN_EXIT };

	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, NPU_TEST_DATA, va, 0x1000, 0));
	put_code(ctx, store, 2);
	*(uint64_t *)(ctx->mem + NPU_TEST_DATA) = 0x1122334455667788;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, va, 16);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	EXPECT_EQ(0, *(uint64_t *)(ctx->mem + NPU_TEST_DATA));

	ASSERT_EQ(0, npu_unmap(ctx->fd, ctx->vm, va, 0x1000));
	*(uint64_t *)(ctx->mem + NPU_TEST_DATA) = 0x1122334455667788;
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	EXPECT_EQ(0x1122334455667788, *(uint64_t *)(ctx->mem + NPU_TEST_DATA));
}

/* A mapping that is replaced under a running queue leads to the new memory. */
TEST_F(isolation, remap_takes_effect)
{
	const uint64_t va = 0x50000000;
	struct npu_ctx *ctx = &self->ctx;
	int i;

	npu_ctx_packets(ctx)[0] = npu_pkt_fill(va, 0x77, 4096);
	for (i = 0; i < 16; i++) {
		uint64_t offset = NPU_TEST_DATA + 0x40000 + i * 0x1000;

		ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, offset, va, 0x1000, 0));
		ASSERT_EQ(0, npu_ctx_run(ctx, 1));
		EXPECT_EQ(0x77, *(uint32_t *)(ctx->mem + offset));
		EXPECT_EQ(0, *(uint32_t *)(ctx->mem + offset + 0x1000));
	}
}

TEST_F(isolation, readonly_and_noexec)
{
	const uint64_t va = 0x50000000;
	struct npu_ctx *ctx = &self->ctx;
	static const uint32_t store[] = { NPU_INSN_SD_A1_A0, NPU_INSN_EXIT };
	struct drm_npu_queue_get_state state;

	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, CODE_VA - NPU_TEST_VA, va, 0x1000,
			     DRM_NPU_VM_BIND_READONLY));
	put_code(ctx, store, 2);
	/* reading and executing is fine */
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(va, DATA_VA, 1);
	ASSERT_EQ(0, npu_ctx_run(ctx, 1));
	/* writing is not */
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(va, va, 1);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(NPU_ACCESS_WRITE, state.fault.access);
	EXPECT_EQ(va, state.fault.addr);
	EXPECT_EQ(va, state.fault.pc);
	EXPECT_EQ(NPU_INSN_SD_A1_A0, *(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)));

	ASSERT_EQ(0, npu_queue_destroy(ctx->fd, ctx->queue));
	ASSERT_EQ(0, npu_queue_create(ctx->fd, ctx->vm, 0, &ctx->queue));
	ASSERT_EQ(0, npu_map(ctx->fd, ctx->vm, ctx->bo, CODE_VA - NPU_TEST_VA, va, 0x1000,
			     DRM_NPU_VM_BIND_NOEXEC));
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(va, DATA_VA, 1);
	EXPECT_EQ(-EFAULT, npu_ctx_run(ctx, 1));
	ASSERT_EQ(0, npu_queue_state(ctx->fd, ctx->queue, &state));
	EXPECT_EQ(NPU_ACCESS_EXEC, state.fault.access);
	EXPECT_EQ(va, state.fault.addr);
}

/* SRAM of a tile is zero for every newcomer, whoever ran there before. */
TEST_F(isolation, sram_is_scrubbed)
{
	/* a0: destination. Copies the first 8 bytes of SRAM there, then leaves a mark in SRAM. */
	static const uint32_t code[] = {
		0x07f00293, /* li   t0, 0x7f */
		0x02829293, /* slli t0, t0, 40 */
		0x0002b583, /* ld   a1, 0(t0) */
		0x00b53023, /* sd   a1, 0(a0) */
		0xfff00593, /* li   a1, -1 */
		0x00b2b023, /* sd   a1, 0(t0) */
		NPU_INSN_EXIT,
	};
	int round;

	ASSERT_EQ(NPU_VA_SRAM, 0x7full << 40);
	for (round = 0; round < 4; round++) {
		struct npu_ctx ctx;
		uint64_t *data;

		ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
		put_code(&ctx, code, sizeof(code) / 4);
		data = (uint64_t *)(ctx.mem + NPU_TEST_DATA);
		*data = 1;
		npu_ctx_packets(&ctx)[0] = npu_pkt_dispatch(CODE_VA, DATA_VA, 1);
		ASSERT_EQ(0, npu_ctx_run(&ctx, 1));
		EXPECT_EQ(0, *data);
		/* but stays between workgroups and jobs of one queue */
		ASSERT_EQ(0, npu_ctx_run(&ctx, 1));
		EXPECT_EQ(UINT64_MAX, *data);
		npu_ctx_exit(&ctx);
	}
}

/* Above what may be bound and below it nothing answers but the tile's own SRAM. */
TEST_F(isolation, wild_addresses)
{
	static const uint32_t load[] = { NPU_INSN_LD_A1_A0, NPU_INSN_EXIT };
	static const uint64_t addr[] = {
		0, 8, 0xfff8, 0x1000, NPU_VA_MAX - 8, NPU_VA_SRAM + (1ull << 32),
		0x00007ffffffffff8, 0x0000800000000000, 0xffff7ffffffffff8, 0xffff800000000000,
		0xfffffffffffffff8, 0xfffffffffffffffc, 0x10000000,
	};
	size_t i;

	for (i = 0; i < sizeof(addr) / sizeof(addr[0]); i++) {
		struct drm_npu_queue_get_state state;
		struct npu_ctx ctx;
		int mapped = addr[i] == NPU_TEST_VA;

		ASSERT_EQ(0, npu_ctx_init(&ctx, 0));
		put_code(&ctx, load, 2);
		npu_ctx_packets(&ctx)[0] = npu_pkt_dispatch(CODE_VA, addr[i], 1);
		EXPECT_EQ(mapped ? 0 : -EFAULT, npu_ctx_run(&ctx, 1))
		TH_LOG("address 0x%llx", (unsigned long long)addr[i]);
		ASSERT_EQ(0, npu_queue_state(ctx.fd, ctx.queue, &state));
		EXPECT_EQ(mapped ? NPU_JOB_OK : NPU_JOB_PAGE_FAULT, state.fault.error);
		if (!mapped) {
			EXPECT_EQ(addr[i], state.fault.addr);
			EXPECT_EQ(CODE_VA, state.fault.pc);
		}
		npu_ctx_exit(&ctx);
	}
}

TEST_HARNESS_MAIN
