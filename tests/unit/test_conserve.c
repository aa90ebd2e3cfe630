/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost and nothing is counted twice: random work of several queues on tiles and copy
 * engine, some of which faults or is stopped, at changing operating points, with queues that come and
 * go. The sum of the queues is the device, the sum of tiles, copy engine and front end is the
 * device, and energy is counts times the table, for each core of each queue.
 */
#include <stdlib.h>
#include <string.h>

#include "conserve.h"
#include "dev.h"
#include "script.h"
#include "tap.h"

#define RW     (NPU_PTE_R | NPU_PTE_W)
#define QUEUES 4
#define TILES  4
#define CORES  (TILES + 2)
#define ROUNDS 400
#define PAGES  8 /* of scripts */
#define DATA   0x20000
#define TYPES  8 /* of matrix operands */

static struct tiles *t;
static uint64_t scripts_va, data_va, args_va, matrix_va;
static uint64_t retired[CORES][NPU_COUNTER_COUNT]; /* of queues before they were cleared */

static unsigned int rnd(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static void look(unsigned int queue, unsigned int core, uint64_t *values)
{
	struct npu_counter_block block;

	dev_lock(t->dev);
	if (queue == QUEUES)
		acct_device(&t->dev->acct, core, &block);
	else
		acct_snapshot(&t->dev->acct, queue, core, &block);
	dev_unlock(t->dev);
	memcpy(values, block.value, NPU_COUNTER_COUNT * sizeof(*values));
}

/* What a script of the work does: moves and products. The last one of them may fault. */
static void make_scripts(uint8_t *pages)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		struct script *s = (struct script *)(pages + i * 4096);

		script_begin(s, scripts_va + i * 4096);
		for (unsigned int n = 1 + rnd(6); n; n--) {
			const uint64_t host = data_va + rnd(DATA / 2);
			const uint64_t sram = NPU_VA_SRAM + 4096 * (1 + rnd(64));
			const unsigned int kind = rnd(3); /* in, out, inside */
			const struct npu_dma_desc d = {
				.dst = kind == 1 ? host : sram,
				.src = kind ? NPU_VA_SRAM + 0x80000 : host,
				.size = {1 + rnd(3000), 1 + rnd(4), 1},
				.dst_stride = {3000},
				.src_stride = {3000},
			};

			if (rnd(4))
				script_dma(s, &d);
			else
				script_add(s, S_MATRIX, matrix_va + 64 * rnd(TYPES));
			if (!rnd(3))
				script_add(s, rnd(2) ? S_WAIT : S_WAIT_LAST, 0);
		}
		script_end(s);
	}
}

static void wait_tiles(void)
{
	npu_dev_wait_idle(t->dev);
	for (unsigned int i = 0; i < TILES; i++)
		tiles_ack(t, i);
}

static bool copy_packet(unsigned int queue, unsigned int as)
{
	union npu_packet p = {.copy = {.hdr = {.op = NPU_PKT_COPY},
				       .dst = data_va + rnd(DATA / 4),
				       .src = data_va + DATA / 2 + rnd(DATA / 8),
				       .size = {1 + rnd(4000), 1 + rnd(4), 1},
				       .dst_stride = {4000},
				       .src_stride = {5000}}};

	if (!rnd(3))
		p = (union npu_packet){.fill = {.hdr = {.op = NPU_PKT_FILL},
						.dst = data_va,
						.value = (uint32_t)rand(),
						.size = {4 * (1 + rnd(1000)), 1, 1}}};
	else if (!rnd(3))
		p = (union npu_packet){.gather = {.hdr = {.op = NPU_PKT_GATHER},
						  .dst = data_va,
						  .src = data_va + DATA / 2,
						  .indices = args_va + 1024,
						  .bytes = 1 + rnd(500),
						  .rows = 1 + rnd(32),
						  .dst_stride = 500,
						  .src_stride = 600}};
	if (!rnd(8))
		p.copy.dst = 0x1000; /* not mapped */
	return tiles_copy(t, queue, as, &p) == NPU_SOC_DONE;
}

static unsigned int faults, stops, copies, dispatches;

/* A packet; false: the queue's job has failed. */
static bool packet(unsigned int queue, unsigned int as)
{
	static const enum tile_kernel bad[] = {K_ILLEGAL, K_EBREAK, K_RETURN, K_BAD_FUNCT3, K_LOAD};
	const unsigned int kind = rnd(20);
	unsigned int before = faults;

	if (kind < 5) {
		copies++;
		if (copy_packet(queue, as))
			return true;
		faults++;
		return false;
	}
	if (kind < 7) {
		static const uint32_t ops[] = {NPU_PKT_BARRIER, NPU_PKT_TIMESTAMP, NPU_PKT_COUNTERS,
					       NPU_PKT_NOP};

		tiles_acct(t, queue, NPU_SOC_ACCT_BEGIN, ops[rnd(4)]);
		return true;
	}
	dispatches++;
	if (kind < 12) {
		tiles_dispatch(t, queue, as, K_SCRIPTS, scripts_va, 1 + rnd(PAGES));
	} else if (kind < 15) {
		tiles_dispatch(t, queue, as, K_WORK, args_va, 1 + rnd(12));
	} else if (kind < 17) {
		tiles_dispatch(t, queue, as, K_VECTOR, args_va, 1 + rnd(6));
	} else if (kind < 18) {
		tiles_dispatch(t, queue, as, K_EXIT, 0, 1 + rnd(100));
	} else if (kind < 19) {
		tiles_dispatch(t, queue, as, bad[rnd(5)], args_va + 2048, 1 + rnd(6));
		faults++;
	} else {
		tiles_dispatch(t, queue, as, K_FOREVER, 0, 1 + rnd(6));
		for (unsigned int i = 0; i < TILES; i++)
			tiles_set(t, TREG(i, NPU_TILE_CMD), NPU_SOC_CMD_STOP, 4);
		stops++;
		wait_tiles();
		return false;
	}
	if (rnd(2)) /* another queue's copy meanwhile */
		copy_packet((queue + 1) % QUEUES, as);
	wait_tiles();
	return faults == before;
}

/* The driver destroys a queue, and another one gets its number. */
static void renew(unsigned int queue)
{
	for (unsigned int c = 0; c < CORES; c++) {
		uint64_t v[NPU_COUNTER_COUNT];

		look(queue, c, v);
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
			retired[c][i] += v[i];
	}
	tiles_acct(t, queue, NPU_SOC_ACCT_CLEAR, 0);
}

static unsigned int core_number(unsigned int i)
{
	struct acct *acct = &t->dev->acct;

	return i < TILES ? i : i == TILES ? ACCT_CORE_COPY(acct) : ACCT_CORE_FRONT(acct);
}

static bool energy_ok(const uint64_t *before, const uint64_t *after, unsigned int opp)
{
	uint64_t delta[NPU_COUNTER_COUNT], leakage, energy;

	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
		delta[i] = after[i] - before[i];
	energy = conserve_energy(delta, opp, &leakage);
	return energy == delta[NPU_COUNTER_ENERGY] && leakage == delta[NPU_COUNTER_LEAKAGE];
}

/* A command buffer on a queue. True: its energy is that of its counts, on each core. */
static bool command_buffer(unsigned int queue, unsigned int opp)
{
	static uint64_t before[QUEUES][CORES][NPU_COUNTER_COUNT], after[NPU_COUNTER_COUNT];
	const unsigned int as = 1 + rnd(2);
	bool good = true, ok = true;
	uint64_t all[NPU_COUNTER_COUNT];

	dev_lock(t->dev);
	t->dev->acct.point.opp = opp;
	dev_unlock(t->dev);
	for (unsigned int q = 0; q < QUEUES; q++)
		for (unsigned int c = 0; c < CORES; c++)
			look(q, core_number(c), before[q][c]);
	for (unsigned int n = 1 + rnd(5); n && good; n--)
		good = packet(queue, as);
	if (good)
		tiles_acct(t, queue, NPU_SOC_ACCT_BARRIER, 0);
	for (unsigned int q = 0; q < QUEUES; q++) { /* others had copies */
		if (q != queue)
			tiles_acct(t, q, NPU_SOC_ACCT_BARRIER, 0);
		for (unsigned int c = 0; c < CORES; c++) {
			look(q, core_number(c), after);
			ok &= energy_ok(before[q][c], after, opp);
		}
	}
	look(queue, ACCT_ALL, all);
	ok &= conserve_cycles(all, TILES);
	if (!good || !rnd(10))
		renew(queue);
	return ok;
}

/* Both ways to sum up the device. */
static void test_sums(void)
{
	uint64_t all[NPU_COUNTER_COUNT], sum[NPU_COUNTER_COUNT] = {0};
	bool contexts = true, cores = true;

	for (unsigned int c = 0; c < CORES; c++) {
		uint64_t device[NPU_COUNTER_COUNT], want[NPU_COUNTER_COUNT];

		memcpy(want, retired[c], sizeof(want));
		for (unsigned int q = 0; q < QUEUES; q++) {
			uint64_t v[NPU_COUNTER_COUNT];

			look(q, core_number(c), v);
			for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++)
				want[i] += v[i];
		}
		look(QUEUES, core_number(c), device);
		for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++) {
			contexts &= device[i] == want[i];
			if (device[i] != want[i])
				tap_diag("core %u counter %u: device %llu, queues %llu", c, i,
					 (unsigned long long)device[i],
					 (unsigned long long)want[i]);
			sum[i] += device[i];
		}
	}
	look(QUEUES, ACCT_ALL, all);
	for (unsigned int i = 0; i < NPU_COUNTER_COUNT; i++) {
		cores &= all[i] == sum[i];
		if (!all[i])
			tap_diag("counter %u is 0", i);
	}
	tap_ok(contexts, "on each core, the sum of all queues that ever were is the device");
	tap_ok(cores, "the sum of tiles, copy engine and front end is the device");
	tap_ok(conserve_cycles(all, TILES), "every cycle of the device has one cause");
	tap_ok(all[NPU_COUNTER_LEAKAGE] && all[NPU_COUNTER_LEAKAGE] < all[NPU_COUNTER_ENERGY],
	       "leakage is a part of the energy");
}

/* The same through the management core's register. */
static void test_register(void)
{
	static const unsigned int cores[] = {0, TILES - 1, NPU_CORE_COPY, NPU_CORE_FRONT,
					     NPU_CORE_ALL};
	struct npu_counter_block block;
	struct acct *acct = &t->dev->acct;
	bool ok = true;

	for (unsigned int i = 0; i < 5; i++) {
		const unsigned int core = cores[i] == NPU_CORE_ALL   ? ACCT_ALL :
					  cores[i] == NPU_CORE_COPY  ? ACCT_CORE_COPY(acct) :
					  cores[i] == NPU_CORE_FRONT ? ACCT_CORE_FRONT(acct) :
								       cores[i];
		uint64_t want[NPU_COUNTER_COUNT];

		look(QUEUES, core, want);
		tiles_set(t, NPU_SOC_ACCT_ADDR, NPU_SOC_RAM_BASE + 4096, 8);
		tiles_acct(t, 0, NPU_SOC_ACCT_DEVICE, cores[i]);
		dev_lock(t->dev);
		memcpy(&block, t->dev->soc.ram + 4096, sizeof(block));
		dev_unlock(t->dev);
		ok &= block.count == NPU_COUNTER_COUNT && !memcmp(block.value, want, sizeof(want));
	}
	tap_ok(ok, "the management core can read them");
	tiles_acct(t, 0, NPU_SOC_ACCT_DEVICE, TILES);
	dev_lock(t->dev);
	memcpy(&block, t->dev->soc.ram + 4096, sizeof(block));
	dev_unlock(t->dev);
	for (unsigned int i = 0; i < NPU_COUNTER_MAX; i++)
		ok &= !block.value[i];
	tap_ok(ok, "a core that does not exist has counted nothing");
}

int main(void)
{
	uint8_t *scripts, *data;
	uint64_t *args;
	static const uint32_t types[TYPES] = {
		NPU_MATRIX_B_S8,
		NPU_MATRIX_B_S4,
		NPU_MATRIX_B_S2,
		NPU_MATRIX_B_SPARSE_S8,
		NPU_MATRIX_B_SPARSE_S4,
		NPU_MATRIX_A_BF16 | NPU_MATRIX_B_BF16,
		NPU_MATRIX_A_FP16 | NPU_MATRIX_B_FP16,
		NPU_MATRIX_A_FP32 | NPU_MATRIX_B_FP32,
	};
	struct npu_matrix_desc *matrix;
	struct npu_config config;
	bool energy = true;

	srand(20211);
	npu_config_init(&config);
	config.threads = 2;
	config.queues = QUEUES;
	t = tiles_new(&config);
	scripts_va = tiles_map(t, PAGES * 4096, RW, &scripts);
	data_va = tiles_map(t, DATA, RW, &data);
	args_va = tiles_map(t, 4096, RW, &args);
	matrix_va = tiles_map(t, 4096, RW, &matrix);
	args[0] = 300;
	args[1] = data_va;
	args[256] = 0x5000; /* K_LOAD's: not mapped */
	for (unsigned int i = 0; i < 32; i++)
		((uint32_t *)args)[256 + i] = rnd(50);
	for (unsigned int i = 0; i < TYPES; i++)
		matrix[i] = (struct npu_matrix_desc){.a = 4096,
						     .b = 0x20000,
						     .c = 0x40000,
						     .m = 300,
						     .n = 36,
						     .k = 64,
						     .a_stride = 256,
						     .c_stride = 256,
						     .flags = types[i]};
	for (unsigned int round = 0; round < ROUNDS; round++) {
		const unsigned int opp = round < ROUNDS / 2 ? NPU_MODEL_OPPS - 1 :
							      rnd(NPU_MODEL_OPPS);

		make_scripts(scripts);
		energy &= command_buffer(rnd(QUEUES), opp);
	}
	tap_ok(energy, "energy is counts times the table, cycles have causes, in %u command buffers",
	       ROUNDS);
	tap_ok(faults > 10 && stops > 10 && copies > 50 && dispatches > 100,
	       "%u dispatches, %u copies, %u faults, %u stops", dispatches, copies, faults, stops);
	test_sums();
	test_register();
	tiles_free(t);
	return tap_done();
}
