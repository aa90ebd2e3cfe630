// SPDX-License-Identifier: MIT
/* The firmware's scheduling policy: classes, turns, patience, engines beside the front end. */
#include <stdint.h>
#include <string.h>

#include "../../firmware-stub/firmware/sched.c"
#include "tap.h"

#define FRONT (1u << SCHED_FRONT)
#define TILES (1u << SCHED_TILES)
#define COPY  (1u << SCHED_COPY)
#define ALL   (FRONT | TILES | COPY)

enum { LOW, NORMAL, HIGH, REALTIME };

static struct sched s;

static void reset(void)
{
	memset(&s, 0, sizeof(s));
}

/* Next choice as server * 100 + queue, or -1. */
static int next(uint32_t free)
{
	enum sched_server server;
	unsigned int queue;

	return sched_next(&s, free, &server, &queue) ? (int)(100 * server + queue) : -1;
}

static void test_basics(void)
{
	reset();
	tap_ok(next(ALL) == -1, "nobody waits: nothing to do");
	sched_add(&s, SCHED_TILES, 63, NORMAL);
	tap_ok(next(FRONT | COPY) == -1, "who waits for a busy server waits on");
	tap_ok(next(ALL) == 100 * SCHED_TILES + 63, "queue 63 gets the tiles");
	tap_ok(next(ALL) == -1, "once");
	sched_add(&s, SCHED_COPY, 3, HIGH);
	sched_remove(&s, 3, HIGH);
	tap_ok(next(ALL) == -1, "a removed queue is not chosen");
	sched_add(&s, SCHED_TILES, 1, NORMAL);
	sched_add(&s, SCHED_COPY, 2, NORMAL);
	tap_ok(next(FRONT | COPY) == 100 * SCHED_COPY + 2, "busy tiles do not hold up a copy");
}

static void test_turns(void)
{
	unsigned int served[64] = {0};
	bool even = true;
	int last = -1;

	reset();
	for (unsigned int i = 0; i < 64; i++)
		sched_add(&s, SCHED_TILES, i, NORMAL);
	for (unsigned int i = 0; i < 64 * 10; i++) {
		int queue = next(ALL) - 100 * SCHED_TILES;

		if (queue < 0 || queue > 63)
			break;
		if (last >= 0 && queue != (last + 1) % 64)
			even = false;
		last = queue;
		served[queue]++;
		sched_add(&s, SCHED_TILES, (unsigned int)queue, NORMAL);
	}
	for (unsigned int i = 0; i < 64; i++)
		even = even && served[i] == 10;
	tap_ok(even, "64 equals take turns");
}

static void test_classes(void)
{
	static const int order[] = {40, 30, 20, 10};
	bool good = true;

	reset();
	sched_add(&s, SCHED_TILES, 10, LOW);
	sched_add(&s, SCHED_TILES, 20, NORMAL);
	sched_add(&s, SCHED_TILES, 30, HIGH);
	sched_add(&s, SCHED_TILES, 40, REALTIME);
	for (unsigned int i = 0; i < 4; i++)
		good = good && next(ALL) == 100 * SCHED_TILES + order[i];
	tap_ok(good, "higher classes first");

	reset();
	sched_add(&s, SCHED_TILES, 1, LOW);
	sched_add(&s, SCHED_FRONT, 2, HIGH);
	tap_ok(next(ALL) == 100 * SCHED_FRONT + 2,
	       "a high queue's next packet is decoded before a low queue gets the tiles");
	sched_add(&s, SCHED_TILES, 2, HIGH);
	tap_ok(next(ALL) == 100 * SCHED_TILES + 2, "so that the high queue keeps them");

	reset();
	sched_add(&s, SCHED_TILES, 1, NORMAL);
	sched_add(&s, SCHED_FRONT, 2, NORMAL);
	tap_ok(next(ALL) == 100 * SCHED_TILES + 1, "among equals free tiles are used first");
}

/* Grants of others until the low queue is served, with busy ones that always want more. */
static unsigned int wait_of_low(enum sched_server busy_server, enum sched_server low_server,
				unsigned int busy_class)
{
	unsigned int n;

	reset();
	sched_add(&s, low_server, 9, LOW);
	for (n = 0; n < 10000; n++) {
		int choice;

		sched_add(&s, busy_server, 1, busy_class);
		choice = next(ALL);
		if (choice == (int)(100 * low_server + 9))
			break;
	}
	return n;
}

static void test_patience(void)
{
	tap_ok(wait_of_low(SCHED_TILES, SCHED_TILES, REALTIME) == SCHED_PATIENCE,
	       "a low queue gets the tiles after %d others", SCHED_PATIENCE);
	tap_ok(wait_of_low(SCHED_FRONT, SCHED_FRONT, HIGH) == SCHED_PATIENCE,
	       "and the front end");
	tap_ok(wait_of_low(SCHED_FRONT, SCHED_TILES, HIGH) == SCHED_PATIENCE,
	       "and the tiles though a high queue keeps the front end busy");
	tap_ok(wait_of_low(SCHED_FRONT, SCHED_TILES, LOW) == 0, "without any wait among equals");
}

/* At the tiles equals are told apart by the cycles that they kept them. */
static void test_time(void)
{
	uint64_t used[2] = {0};
	bool good = true;

	reset();
	tap_ok(sched_slice(&s, 1, NORMAL) == SCHED_FOREVER, "who is alone keeps the tiles");
	sched_add(&s, SCHED_FRONT, 2, NORMAL);
	tap_ok(sched_slice(&s, 1, NORMAL) == SCHED_FOREVER, "and who has a neighbour without a dispatch");
	sched_add(&s, SCHED_TILES, 3, NORMAL);
	tap_ok(sched_slice(&s, 1, NORMAL) == SCHED_QUANTUM, "an equal waits for a quantum");
	sched_add(&s, SCHED_TILES, 4, HIGH);
	tap_ok(sched_slice(&s, 1, NORMAL) == 0, "a higher class for the end of a workgroup");
	tap_ok(sched_slice(&s, 1, REALTIME) == (uint64_t)SCHED_PATIENCE * SCHED_QUANTUM,
	       "a lower one for as long as its patience lasts");
	sched_charge(&s, 1, REALTIME, (uint64_t)SCHED_PATIENCE * SCHED_QUANTUM);
	sched_add(&s, SCHED_TILES, 1, REALTIME);
	good = next(ALL) == 100 * SCHED_TILES + 3 && next(ALL) == 100 * SCHED_TILES + 4;
	tap_ok(good, "and no longer");

	/* One takes ten times as long each time: it gets a tenth of the turns. */
	reset();
	for (unsigned int i = 0; i < 2; i++)
		sched_add(&s, SCHED_TILES, i, NORMAL);
	for (unsigned int i = 0; i < 1100; i++) {
		unsigned int queue = (unsigned int)next(ALL) - 100 * SCHED_TILES;
		uint64_t cycles = queue ? 100 : 1000;

		if (queue > 1)
			break;
		sched_charge(&s, queue, NORMAL, cycles);
		used[queue] += cycles;
		sched_add(&s, SCHED_TILES, queue, NORMAL);
	}
	tap_ok(used[0] >= 99000 && used[1] >= 99000, "equals get the same time, not as many turns");

	/* Queue 1 has been away for all of that, and gets no more than its half. */
	reset();
	sched_add(&s, SCHED_TILES, 0, NORMAL);
	for (unsigned int i = 0; i < 100; i++) {
		next(ALL);
		sched_charge(&s, 0, NORMAL, 1000);
		sched_add(&s, SCHED_TILES, 0, NORMAL);
	}
	sched_add(&s, SCHED_TILES, 1, NORMAL);
	used[0] = used[1] = 0;
	for (unsigned int i = 0; i < 100; i++) {
		unsigned int queue = (unsigned int)next(ALL) - 100 * SCHED_TILES;

		if (queue > 1)
			break;
		sched_charge(&s, queue, NORMAL, 1000);
		used[queue] += 1000;
		sched_add(&s, SCHED_TILES, queue, NORMAL);
	}
	tap_ok(used[0] >= 49000 && used[1] >= 49000, "who comes late has saved nothing up");

	/* Who is owed time is decoded before the tiles go to who owes it; not more often than patience lasts. */
	reset();
	sched_add(&s, SCHED_TILES, 0, NORMAL);
	next(ALL);
	sched_charge(&s, 0, NORMAL, 1000);
	sched_add(&s, SCHED_TILES, 0, NORMAL);
	sched_add(&s, SCHED_FRONT, 1, NORMAL);
	tap_ok(next(ALL) == 100 * SCHED_FRONT + 1, "who is owed time is decoded first");
	good = false;
	for (unsigned int i = 0; i < SCHED_PATIENCE && !good; i++) {
		sched_add(&s, SCHED_FRONT, 1, NORMAL);
		good = next(ALL) == 100 * SCHED_TILES;
	}
	tap_ok(good, "but cannot keep the tiles idle");
}

/* Whatever happens, a queue that waits for a free server gets it in bounded time, and no other. */
static void test_random(void)
{
	uint32_t random = 12345;
	uint64_t waiting[SCHED_SERVERS][SCHED_CLASSES] = {0};
	unsigned int age[64] = {0}, oldest = 0, wrong = 0;

	reset();
	for (unsigned int step = 0; step < 200000; step++) {
		enum sched_server server;
		unsigned int queue, class;

		random = random * 1664525 + 1013904223;
		queue = random >> 8 & 63;
		class = queue / 16;
		server = (random >> 16) % SCHED_SERVERS;
		if (!((waiting[0][class] | waiting[1][class] | waiting[2][class]) >> queue & 1)) {
			sched_add(&s, server, queue, class);
			waiting[server][class] |= 1ull << queue;
			age[queue] = step;
		}
		if (!sched_next(&s, ALL, &server, &queue)) {
			wrong++;
			continue;
		}
		class = queue / 16;
		wrong += !(waiting[server][class] >> queue & 1);
		waiting[server][class] &= ~(1ull << queue);
		if (step - age[queue] > oldest)
			oldest = step - age[queue];
	}
	tap_ok(!wrong, "only queues that wait are chosen, and always one if there is any");
	/* 16 equals that each may see 3 higher classes be patient, on 3 servers. */
	if (!tap_ok(oldest <= 16 * SCHED_PATIENCE * SCHED_SERVERS, "nobody starves"))
		tap_diag("longest wait: %u turns", oldest);
}

int main(void)
{
	test_basics();
	test_turns();
	test_classes();
	test_patience();
	test_time();
	test_random();
	return tap_done();
}
