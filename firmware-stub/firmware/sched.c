// SPDX-License-Identifier: MIT
#include "sched.h"

#include "bits.h"

void sched_add(struct sched *sched, enum sched_server server, unsigned int queue, unsigned int class)
{
	struct sched_list *list = &sched->list[server];

	list->waiting[class] |= 1ull << queue;
	list->classes |= (uint8_t)(1u << class);
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

/* Take the queue in turn from a class: the first after the one served last, going round. */
static unsigned int take(struct sched_list *list, unsigned int class)
{
	uint64_t waiting = list->waiting[class];
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

bool sched_next(struct sched *sched, uint32_t free, enum sched_server *ret_server,
		unsigned int *ret_queue)
{
	struct sched_list *front = &sched->list[SCHED_FRONT];
	int front_class = free & 1u << SCHED_FRONT ? class_in_turn(front) : -1;

	for (unsigned int server = SCHED_TILES; server < SCHED_SERVERS; server++) {
		struct sched_list *list = &sched->list[server];
		int class;

		if (!list->classes || !(free & 1u << server))
			continue;
		class = class_in_turn(list);
		if (class < front_class && list->passed[class] < SCHED_PATIENCE) {
			/* Passed over by the front end; that counts too. */
			list->passed[class]++;
			continue;
		}
		*ret_server = server;
		*ret_queue = take(list, (unsigned int)class);
		return true;
	}
	if (front_class < 0)
		return false;
	*ret_server = SCHED_FRONT;
	*ret_queue = take(front, (unsigned int)front_class);
	return true;
}
