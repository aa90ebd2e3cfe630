// SPDX-License-Identifier: MIT
#include "sched.h"

#include "bits.h"

void sched_add(struct sched *sched, enum sched_server server, unsigned int queue, unsigned int class)
{
	struct sched_list *list = &sched->list[server];

	list->waiting[class] |= 1ull << queue;
	list->classes |= (uint8_t)(1u << class);
	if (server == SCHED_TILES && sched->used[queue] < sched->floor[class])
		sched->used[queue] = sched->floor[class];
}

void sched_forget(struct sched *sched, unsigned int queue)
{
	sched->used[queue] = 0;
}

/* What the queue that has used least of those has used. */
static uint64_t least_used(const struct sched *sched, uint64_t queues)
{
	uint64_t least = UINT64_MAX;
	unsigned int queue;

	for_each_bit (queue, queues) {
		if (sched->used[queue] < least)
			least = sched->used[queue];
	}
	return least;
}

void sched_charge(struct sched *sched, unsigned int queue, unsigned int class, uint64_t cycles)
{
	struct sched_list *list = &sched->list[SCHED_TILES];
	unsigned int lower = list->classes & ((1u << class) - 1);

	sched->used[queue] += cycles;
	for (; lower; lower &= lower - 1) {
		uint64_t passed = list->passed[first_bit(lower)] + cycles / SCHED_QUANTUM;

		list->passed[first_bit(lower)] =
			passed < SCHED_PATIENCE ? (uint32_t)passed : SCHED_PATIENCE;
	}
}

uint64_t sched_slice(const struct sched *sched, unsigned int queue, unsigned int class)
{
	const struct sched_list *list = &sched->list[SCHED_TILES];
	uint64_t slice = SCHED_FOREVER;

	if (list->classes >> class > 1)
		return 0;
	if (list->classes & ((1u << class) - 1))
		slice = (uint64_t)SCHED_PATIENCE * SCHED_QUANTUM;
	if (list->waiting[class]) {
		uint64_t end = least_used(sched, list->waiting[class]) + SCHED_QUANTUM;
		uint64_t own = sched->used[queue];

		if (end <= own)
			return 0;
		if (end - own < slice)
			slice = end - own;
	}
	return slice;
}

static void list_remove(struct sched_list *list, unsigned int queue, unsigned int class)
{
	list->waiting[class] &= ~(1ull << queue);
	if (!list->waiting[class])
		list->classes &= (uint8_t)~(1u << class);
}

void sched_remove(struct sched *sched, unsigned int queue, unsigned int class)
{
	for (unsigned int i = 0; i < SCHED_SERVERS; i++)
		list_remove(&sched->list[i], queue, class);
}

/*
 * Class whose turn it is: the highest, but for a lower one that was passed over
 * too often. -1: nobody waits. This and take() run for every entry and every
 * packet, and mostly with one queue that waits: that case is short.
 */
static int class_in_turn(const struct sched_list *list)
{
	unsigned int classes = list->classes, lower;
	int top;

	if (!classes)
		return -1;
	top = (int)(classes & 0xc ? 2 + (classes >> 3) : classes >> 1);
	for (lower = classes & ~(1u << top); lower; lower &= lower - 1) {
		unsigned int class = first_bit(lower);

		if (list->passed[class] >= SCHED_PATIENCE)
			return (int)class;
	}
	return top;
}

/* Those of some queues that have used least. */
static uint64_t least_of(const struct sched *sched, uint64_t queues)
{
	uint64_t least = least_used(sched, queues), result = 0;
	unsigned int queue;

	for_each_bit (queue, queues) {
		if (sched->used[queue] == least)
			result |= 1ull << queue;
	}
	return result;
}

/* Take one of these from a class: the first after the one served last, going round. */
static unsigned int take(struct sched_list *list, unsigned int class, uint64_t waiting)
{
	/* Queues above the last one; shifted in two steps, as a shift by 64 is undefined. */
	uint64_t above = waiting & (~0ull << list->last[class] << 1);
	unsigned int queue = first_bit(above ? above : waiting);

	for (unsigned int lower = list->classes & ((1u << class) - 1); lower; lower &= lower - 1)
		list->passed[first_bit(lower)]++;
	list->passed[class] = 0;
	list->last[class] = (uint8_t)queue;
	list_remove(list, queue, class);
	return queue;
}

/* Somebody at the front end, of this class, has had less of the tiles than all who wait for them. */
static bool owed(const struct sched *sched, unsigned int class)
{
	uint64_t waiting = sched->list[SCHED_FRONT].waiting[class];
	uint64_t least = least_used(sched, sched->list[SCHED_TILES].waiting[class]);

	return least > sched->floor[class] && least_used(sched, waiting) < least;
}

bool sched_next(struct sched *sched, uint32_t free, enum sched_server *ret_server,
		unsigned int *ret_queue)
{
	struct sched_list *front = &sched->list[SCHED_FRONT];
	int front_class = free & 1u << SCHED_FRONT ? class_in_turn(front) : -1;

	for (unsigned int server = SCHED_TILES; server < SCHED_SERVERS; server++) {
		struct sched_list *list = &sched->list[server];
		uint64_t waiting;
		int class;

		if (!list->classes || !(free & 1u << server))
			continue;
		class = class_in_turn(list);
		if ((class < front_class ||
		     (class == front_class && server == SCHED_TILES &&
		      owed(sched, (unsigned int)class))) &&
		    list->passed[class] < SCHED_PATIENCE) {
			/* Passed over by the front end; that counts too. */
			list->passed[class]++;
			continue;
		}
		waiting = list->waiting[class];
		if (server == SCHED_TILES && waiting & (waiting - 1))
			waiting = least_of(sched, waiting);
		*ret_server = server;
		*ret_queue = take(list, (unsigned int)class, waiting);
		if (server == SCHED_TILES)
			sched->floor[class] = sched->used[*ret_queue];
		return true;
	}
	if (front_class < 0)
		return false;
	*ret_server = SCHED_FRONT;
	*ret_queue = take(front, (unsigned int)front_class, front->waiting[front_class]);
	return true;
}
