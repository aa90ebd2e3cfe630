// SPDX-License-Identifier: MIT
/*
 * Many tenants at once: 64 contexts in 16 processes. NPU_TENANTS says in the environment how many
 * seconds the load lasts at least, up to 600, instead of a few rounds.
 */
#include <sys/wait.h>

#include "npu_test.h"

#define PROCESSES	16
#define CONTEXTS	4 /* of each process, in one file */
#define ROUNDS		24 /* of each context, at least */
#define SECONDS_MAX	600 /* the test has a time limit */
#define GROUPS		16
#define WORDS		1024

/* What a context's memory holds behind the command buffer. */
#define CODE_AT	 0x10000ull
#define COUNT_AT 0x11000ull
#define FILL_AT	 0x20000ull
#define COPY_AT	 0x30000ull
#define SIZE	 0x40000ull

/* Contexts of one process: each has an address space and a queue of its own. */
struct tenant {
	uint32_t vm, queue, bo, timeline;
	uint64_t rounds;
	uint8_t *mem;
};

/* Each workgroup adds one to what a0 points at: amoadd.d zero, a1, (a0) with a1 = 1. */
static const uint32_t count_kernel[] = { 0x00100593, 0x00b5302f, NPU_INSN_EXIT };

/* A tenant with a BO that the file has got. */
static int tenant_init_with(struct tenant *t, int fd, uint32_t bo)
{
	int ret;

	*t = (struct tenant){ .bo = bo };
	ret = npu_vm_create(fd, &t->vm);
	if (!ret)
		ret = npu_map(fd, t->vm, t->bo, 0, NPU_TEST_VA, SIZE, 0);
	if (!ret)
		ret = npu_queue_create(fd, t->vm, 0, &t->queue);
	if (!ret)
		ret = drmSyncobjCreate(fd, 0, &t->timeline);
	if (ret)
		return ret;
	t->mem = npu_bo_mmap(fd, t->bo, SIZE);
	return t->mem == MAP_FAILED ? -errno : 0;
}

static int tenant_init(struct tenant *t, int fd)
{
	uint32_t bo;
	int ret = npu_bo_create(fd, SIZE, &bo);

	if (!ret)
		ret = tenant_init_with(t, fd, bo);
	if (!ret)
		memcpy(t->mem + CODE_AT, count_kernel, sizeof(count_kernel));
	return ret;
}

/* Fill with what only this tenant and round have, copy that, and count workgroups beside. */
static int tenant_submit(struct tenant *t, int fd, uint32_t value)
{
	union npu_packet *pkt = (union npu_packet *)t->mem;

	pkt[0] = npu_pkt_fill(NPU_TEST_VA + FILL_AT, value, WORDS * 4);
	pkt[1] = npu_pkt_dispatch(NPU_TEST_VA + CODE_AT, NPU_TEST_VA + COUNT_AT, GROUPS);
	pkt[2] = npu_pkt_barrier();
	pkt[3] = npu_pkt_copy(NPU_TEST_VA + COPY_AT, NPU_TEST_VA + FILL_AT, WORDS * 4);
	return npu_submit(fd, t->queue, NPU_TEST_VA, 4, t->timeline, ++t->rounds);
}

static int tenant_check(const struct tenant *t, uint32_t value)
{
	const uint32_t *copy = (const uint32_t *)(t->mem + COPY_AT);
	uint32_t i;

	if (*(uint64_t *)(t->mem + COUNT_AT) != t->rounds * GROUPS)
		return -EBADMSG;
	for (i = 0; i < WORDS; i++)
		if (copy[i] != value)
			return -EILSEQ;
	return 0;
}

/* A process: sets up, says so, waits for the others, and works until it has been long enough. */
static int tenants_run(unsigned int number, int ready, int go, int64_t ns)
{
	struct tenant tenant[CONTEXTS];
	int fd = npu_test_open(), ret = fd < 0 ? fd : 0;
	unsigned int i, round;
	int64_t end;
	char byte;

	for (i = 0; !ret && i < CONTEXTS; i++)
		ret = tenant_init(&tenant[i], fd);
	if (ret)
		return ret;
	if (write(ready, "", 1) != 1 || read(go, &byte, 1))
		return -EPIPE;
	end = npu_deadline(ns);
	for (round = 0; !ret && (round < ROUNDS || npu_deadline(0) < end); round++) {
		for (i = 0; !ret && i < CONTEXTS; i++)
			ret = tenant_submit(&tenant[i], fd, number << 24 | i << 20 | (round & 0xfffff));
		for (i = 0; !ret && i < CONTEXTS; i++) {
			ret = npu_wait(fd, tenant[i].timeline, tenant[i].rounds, NPU_TEST_WAIT_NS);
			if (!ret)
				ret = npu_point_status(fd, tenant[i].timeline, tenant[i].rounds);
			if (!ret)
				ret = tenant_check(&tenant[i],
						   number << 24 | i << 20 | (round & 0xfffff));
		}
	}
	if (!ret)
		printf("# process %u: %u rounds of %u contexts\n", number, round, CONTEXTS);
	fflush(stdout);
	close(fd);
	return ret;
}

FIXTURE(tenants)
{
	int64_t ns;
};

FIXTURE_SETUP(tenants)
{
	const char *seconds = getenv("NPU_TENANTS");

	self->ns = seconds ? atoi(seconds) * 1000000000ll : 0;
	ASSERT_GE(self->ns, 0);
	ASSERT_LE(self->ns, SECONDS_MAX * 1000000000ll);
}

FIXTURE_TEARDOWN(tenants)
{
}

/* All 64 exist at the same time before the first job, and every one of them gets on. */
TEST_F_TIMEOUT(tenants, sixty_four_contexts, 900)
{
	int ready[2], go[2], status, i;
	pid_t child[PROCESSES];
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < PROCESSES; i++) {
		child[i] = fork();
		ASSERT_GE(child[i], 0);
		if (!child[i]) {
			close(go[1]);
			close(ready[0]);
			_exit(-tenants_run(i + 1, ready[1], go[0], self->ns));
		}
	}
	close(ready[1]);
	close(go[0]);
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EQ(1, read(ready[0], &byte, 1))
		TH_LOG("only %d of %d processes are ready", i, PROCESSES);
	/* All hardware queues are in use: one more is too many, and nobody else is hurt by that. */
	if (!__test_passed(_metadata)) {
		close(go[1]);
	} else {
		uint32_t vm, queue;
		int fd = npu_test_open();

		EXPECT_EQ(0, npu_vm_create(fd, &vm));
		EXPECT_EQ(-EBUSY, npu_queue_create(fd, vm, 0, &queue));
		close(fd);
		close(go[1]);
	}
	for (i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status)
		TH_LOG("process %d: %s", i + 1,
		       WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "died");
	}
}

/* ---- time slices ---------------------------------------------------------------------------- */

#define GRID	   2000 /* workgroups between two looks */
#define ROUND	   2000 /* of the work kernel's loop, in each of them */
#define POINTS	   5 /* at which a share is taken */
#define SOME	   200 /* workgroups: more than equals do in a turn, fewer than a lower class waits for */
#define OTHERS	   32 /* number of the first packet of another queue */
#define PROBES	   15
#define LATENCY	   5000000ull /* modelled cycles at 1 GHz in 5 ms */
#define ARGS(slot) (NPU_TEST_VA + COUNT_AT + 64 * (slot))
#define COUNTER(n) (0x800 / 8 + (n)) /* index of a word at COUNT_AT */
#define COUNTER_VA(n) (ARGS(0) + 8 * COUNTER(n))

/* Loops rounds times, then adds one to what count points at. */
static const uint32_t work_kernel[] = { 0x00053283, 0xfff28293, 0xfe029ee3, 0x00853303,
					0x00100393, 0x0073302f, NPU_INSN_EXIT };
/* Copies what count points at to seen. */
static const uint32_t probe_kernel[] = { 0x00853303, 0x00033383, 0x00753c23, NPU_INSN_EXIT };
/* Keeps the tiles until rounds is 0. */
static const uint32_t gate_kernel[] = { 0x00053283, 0xfe029ee3, NPU_INSN_EXIT };

#define WORK  (NPU_TEST_VA + CODE_AT)
#define PROBE (WORK + 0x200)
#define GATE  (WORK + 0x300)

struct args {
	uint64_t rounds, count, unused, seen;
};

/* Arguments in slot, of a kernel that looks at counter number n. */
static volatile struct args *args_set(struct tenant *t, unsigned int slot, uint64_t rounds,
				      unsigned int n)
{
	volatile struct args *args = (void *)(t->mem + COUNT_AT + 64 * slot);

	args->rounds = rounds;
	args->count = COUNTER_VA(n);
	return args;
}

static int slices_init(struct tenant *t, int fd)
{
	int ret = tenant_init(t, fd);

	if (ret)
		return ret;
	memcpy(t->mem + CODE_AT, work_kernel, sizeof(work_kernel));
	memcpy(t->mem + CODE_AT + 0x200, probe_kernel, sizeof(probe_kernel));
	memcpy(t->mem + CODE_AT + 0x300, gate_kernel, sizeof(gate_kernel));
	return 0;
}

/* Waits until a packet has told that its queue is served. False: it is not. */
static bool wait_for(const volatile uint64_t *there)
{
	const int64_t start = npu_deadline(0);

	while (!*there && npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(1000);
	return *there;
}

/* The other program has all its own but the memory. It tells that its queue is served, then has a long grid. */
static int neighbour_run(int dmabuf)
{
	int fd = npu_test_open(), ret = fd < 0 ? fd : 0;
	struct tenant t;
	uint32_t bo;

	if (!ret && drmPrimeFDToHandle(fd, dmabuf, &bo))
		ret = -errno;
	if (!ret)
		ret = tenant_init_with(&t, fd, bo);
	if (!ret)
		ret = npu_submit(fd, t.queue, NPU_TEST_VA + OTHERS * 64, 2, t.timeline, 1);
	if (!ret)
		ret = npu_wait(fd, t.timeline, 1, NPU_TEST_WAIT_NS);
	return ret ? ret : npu_point_status(fd, t.timeline, 1);
}

/*
 * Two programs with long grids, of which one looks now and then how far the other is. Both wait behind a gate.
 * What is before the first look does not count, as who begins is a turn ahead.
 */
TEST_F_TIMEOUT(tenants, equals_share_the_tiles, 300)
{
	struct tenant t;
	volatile struct args *look[POINTS + 1], *gate;
	const volatile uint64_t *count, *there;
	double share, least = 100, most = 0;
	union npu_packet *pkt;
	uint32_t gate_queue;
	int fd = npu_test_open(), dmabuf, status, i;
	pid_t other;

	ASSERT_EQ(0, slices_init(&t, fd));
	ASSERT_EQ(0, npu_queue_create(fd, t.vm, 60000, &gate_queue));
	ASSERT_EQ(0, drmPrimeHandleToFD(fd, t.bo, DRM_CLOEXEC, &dmabuf));
	pkt = (union npu_packet *)t.mem;
	count = (uint64_t *)(t.mem + COUNT_AT) + COUNTER(0);
	there = count + 2;
	args_set(&t, 0, ROUND, 0);
	args_set(&t, 1, ROUND, 1);
	gate = args_set(&t, 2, 1, 0);
	for (i = 0; i <= POINTS; i++) {
		look[i] = args_set(&t, 3 + i, 0, 1);
		pkt[2 * i] = npu_pkt_dispatch(WORK, ARGS(0), GRID);
		pkt[2 * i + 1] = npu_pkt_dispatch(PROBE, ARGS(3 + i), 1);
	}
	pkt[OTHERS] = npu_pkt_fill(COUNTER_VA(2), 1, 8);
	pkt[OTHERS + 1] = npu_pkt_dispatch(WORK, ARGS(1), (POINTS + 2) * GRID);
	pkt[OTHERS + 2] = npu_pkt_dispatch(GATE, ARGS(2), 1);
	ASSERT_EQ(0, npu_submit(fd, gate_queue, NPU_TEST_VA + (OTHERS + 2) * 64, 1, t.timeline, 1));
	ASSERT_EQ(0, npu_submit(fd, t.queue, NPU_TEST_VA, 2 * POINTS + 2, t.timeline, 2));
	other = fork();
	ASSERT_GE(other, 0);
	if (!other)
		_exit(-neighbour_run(dmabuf));
	ASSERT_TRUE(wait_for(there));
	gate->rounds = 0;
	ASSERT_EQ(other, waitpid(other, &status, 0));
	EXPECT_EQ(0, status)
	TH_LOG("the other program: %s", WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "died");
	ASSERT_EQ(0, npu_wait(fd, t.timeline, 2, NPU_TEST_WAIT_NS));
	EXPECT_GT(look[0]->seen, 0);
	EXPECT_LT(look[POINTS]->seen, (POINTS + 2) * GRID);
	for (i = 1; i <= POINTS; i++) {
		share = 100.0 * GRID / (GRID + look[i]->seen - look[i - 1]->seen);
		EXPECT_GT(share, 45);
		EXPECT_LT(share, 55);
		least = share < least ? share : least;
		most = share > most ? share : most;
	}
	TH_LOG("of two equal programs one got %.1f to %.1f %% of the tiles, looked at %d times", least,
	       most, POINTS);
	EXPECT_EQ((POINTS + 1) * GRID, count[0]);
	EXPECT_EQ((POINTS + 2) * GRID, count[1]);
	close(dmabuf);
	close(fd);
}

/*
 * A queue of each priority, the lowest first, with the same work behind a gate. When it has done its own each
 * looks how much the next lower one has: of an equal that is a turn or more, of one that goes first all.
 */
TEST_F_TIMEOUT(tenants, priorities_go_first, 300)
{
	static const uint32_t upwards[] = {
		DRM_NPU_QUEUE_PRIORITY_LOW,
		DRM_NPU_QUEUE_PRIORITY_NORMAL,
		DRM_NPU_QUEUE_PRIORITY_HIGH,
		DRM_NPU_QUEUE_PRIORITY_REALTIME,
	};
	enum { COUNT = sizeof(upwards) / sizeof(upwards[0]) };
	struct drm_npu_queue_create req[COUNT + 1] = {};
	volatile struct args *look[COUNT], *gate;
	const volatile uint64_t *count, *there;
	union npu_packet *pkt;
	struct tenant t;
	int fd = npu_test_open(), i;

	if (geteuid())
		SKIP(return, "only root may have all priorities");
	ASSERT_EQ(0, slices_init(&t, fd));
	pkt = (union npu_packet *)t.mem;
	count = (uint64_t *)(t.mem + COUNT_AT) + COUNTER(0);
	there = count + COUNT;
	for (i = 0; i < COUNT; i++) {
		args_set(&t, 2 * i, ROUND, i);
		look[i] = args_set(&t, 2 * i + 1, 0, i ? i - 1 : i);
		pkt[4 * i] = npu_pkt_fill(COUNTER_VA(COUNT + i), 1, 8);
		pkt[4 * i + 1] = npu_pkt_dispatch(WORK, ARGS(2 * i), SOME);
		pkt[4 * i + 2] = npu_pkt_dispatch(PROBE, ARGS(2 * i + 1), 1);
		req[i] = (struct drm_npu_queue_create){ .vm_id = t.vm, .priority = upwards[i] };
		ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req[i]));
	}
	/* the gate is at the tiles before all others: of the highest class, and submitted first */
	req[COUNT] = req[COUNT - 1];
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req[COUNT]));
	gate = args_set(&t, 2 * COUNT, 1, 0);
	pkt[4 * COUNT] = npu_pkt_dispatch(GATE, ARGS(2 * COUNT), 1);
	ASSERT_EQ(0, npu_submit(fd, req[COUNT].id, NPU_TEST_VA + 4 * COUNT * 64, 1, t.timeline, 1));
	for (i = 0; i < COUNT; i++) {
		ASSERT_EQ(0, npu_submit(fd, req[i].id, NPU_TEST_VA + 4 * i * 64, 3, t.timeline, 2 + i));
		ASSERT_TRUE(wait_for(&there[i]));
	}
	gate->rounds = 0;
	ASSERT_EQ(0, npu_wait(fd, t.timeline, 1 + COUNT, NPU_TEST_WAIT_NS));
	for (i = 0; i < COUNT; i++)
		EXPECT_EQ(SOME, count[i]);
	/* the gate kept all waiting for so long that each was due a workgroup on each tile first */
	for (i = 1; i < COUNT; i++) {
		TH_LOG("priority %u was done after %llu of %d workgroups of %u", upwards[i],
		       (unsigned long long)look[i]->seen, SOME, upwards[i - 1]);
		EXPECT_LT(look[i]->seen, SOME / 10);
	}
	close(fd);
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * How long do the tiles work for a tenant that saturates them while a real-time job waits? Counted from before the
 * job was submitted: where the test loses its processor before the doorbell is rung that says nothing of the device,
 * and is seen by what the tiles did until SUBMIT returned. Such a try does not count.
 */
TEST_F_TIMEOUT(tenants, realtime_beside_a_saturating_tenant, 300)
{
	uint64_t passed[PROBES], value[NPU_COUNTER_COUNT] = {};
	struct drm_npu_queue_create req = { .priority = DRM_NPU_QUEUE_PRIORITY_REALTIME };
	struct drm_npu_queue_get_state state = {};
	volatile struct args *probe;
	volatile uint64_t *count;
	union npu_packet *pkt;
	struct tenant t;
	int fd = npu_test_open();
	uint32_t timeline, i = 0, tries = 0; /* one of its own: the other tenant's next point is far away */
	uint64_t cycles;

	ASSERT_EQ(0, slices_init(&t, fd));
	req.vm_id = t.vm;
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_CREATE, &req));
	ASSERT_EQ(0, drmSyncobjCreate(fd, 0, &timeline));
	pkt = (union npu_packet *)t.mem;
	count = (uint64_t *)(t.mem + COUNT_AT) + COUNTER(0);
	args_set(&t, 0, 20000, 0);
	probe = args_set(&t, 1, 0, 0);
	/* what a workgroup takes, then far more of them than the rest lasts */
	pkt[0] = npu_pkt_dispatch(WORK, ARGS(0), 4);
	ASSERT_EQ(0, npu_submit(fd, t.queue, NPU_TEST_VA, 1, t.timeline, 1));
	ASSERT_EQ(0, npu_wait(fd, t.timeline, 1, NPU_TEST_WAIT_NS));
	state.id = t.queue;
	state.counters = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(NPU_COUNTER_COUNT, value);
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_GET_STATE, &state));
	cycles = value[NPU_COUNTER_TILE_CYCLES] / value[NPU_COUNTER_WORKGROUPS];
	pkt[1] = npu_pkt_dispatch(WORK, ARGS(0), 1000000);
	pkt[2] = npu_pkt_dispatch(PROBE, ARGS(1), 1);
	ASSERT_EQ(0, npu_submit(fd, t.queue, NPU_TEST_VA + 64, 1, t.timeline, 2));
	while (*count < 8)
		usleep(1000);
	while (i < PROBES && tries < 20 * PROBES) {
		const uint64_t before = *count;
		uint64_t submitted;

		ASSERT_EQ(0, npu_submit(fd, req.id, NPU_TEST_VA + 128, 1, timeline, ++tries));
		submitted = *count;
		ASSERT_EQ(0, npu_wait(fd, timeline, tries, NPU_TEST_WAIT_NS));
		passed[i] = (probe->seen - before) * cycles / 4;
		i += (submitted - before) * cycles / 4 < LATENCY / 2;
	}
	ASSERT_EQ(PROBES, i)
		TH_LOG("SUBMIT takes as long as the device may");
	qsort(passed, PROBES, sizeof(*passed), compare);
	TH_LOG("modelled us until a real-time job ran: least %llu, median %llu, most %llu of %u tries",
	       (unsigned long long)passed[0] / 1000, (unsigned long long)passed[PROBES / 2] / 1000,
	       (unsigned long long)passed[PROBES - 1] / 1000, tries);
	EXPECT_LT(passed[PROBES - 1], LATENCY);
	EXPECT_EQ(0, npu_queue_destroy(fd, t.queue));
	close(fd);
}

TEST_HARNESS_MAIN
