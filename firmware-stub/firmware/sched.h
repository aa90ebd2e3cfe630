/* SPDX-License-Identifier: MIT */
/*
 * Who is next, and for how long. Knows queues only by number and class (enum npu_queue_priority),
 * and no hardware: the same code runs in unit tests.
 *
 * Three servers exist: the front end (this core: it decodes ring entries and
 * packets), the set of tiles, and the copy engine. A queue is in at most one
 * list at a time: it waits for one server, or for none.
 *
 * Policy. Among the queues that wait for the same server the highest class goes first.
 * A lower class that waits is passed over at most SCHED_PATIENCE times in a row;
 * then it is its turn, so nobody starves. The front end goes before the engines where its
 * queue is of a higher class: else a queue of high class would lose the tiles
 * to a lower one between any two of its packets, while the second gets decoded.
 *
 * Equals take turns, at the tiles by modelled time: who has used least of it goes first, and has to make room between
 * two workgroups when it has used SCHED_QUANTUM more than the one that is next. What counts is how long
 * it kept the tiles, however many it put to use. Who had nothing to do meanwhile saves nothing up: it starts where
 * the one served last started. A queue of a lower class makes room at the next workgroup, and one of a higher
 * class for lower ones after as much time as SCHED_PATIENCE turns are. At the other servers what
 * is handed out is a whole packet.
 *
 * Rejected: turns by wall time. They would be fair to the host's speed at emulating the kernels, and depend on its load.
 */
#ifndef NPU_FW_SCHED_H
#define NPU_FW_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#define SCHED_CLASSES  4
#define SCHED_PATIENCE 64
#define SCHED_QUEUES   64
/* Modelled cycles of the tiles that equals may be apart: 131 us at 1 GHz. */
#define SCHED_QUANTUM  (1u << 17)
/* From sched_slice(): nobody waits, there is no limit. */
#define SCHED_FOREVER  UINT64_MAX

enum sched_server {
	SCHED_FRONT,
	SCHED_TILES,
	SCHED_COPY,
	SCHED_SERVERS,
	SCHED_NONE = SCHED_SERVERS, /* waits for no server */
};

/* Those who wait for one server. */
struct sched_list {
	uint64_t waiting[SCHED_CLASSES]; /* bit per queue */
	uint8_t classes; /* bit per class with somebody waiting */
	uint8_t last[SCHED_CLASSES]; /* queue served last */
	uint32_t passed[SCHED_CLASSES]; /* times passed over while waiting */
};

/* All zeros to begin with. */
struct sched {
	struct sched_list list[SCHED_SERVERS];
	uint64_t used[SCHED_QUEUES]; /* cycles of the tiles, from where it started */
	uint64_t floor[SCHED_CLASSES]; /* of .used where the queue served last began */
};

/* The queue waits for the server from now on, behind its equals. */
void sched_add(struct sched *sched, enum sched_server server, unsigned int queue, unsigned int class);
/* It does not wait any more, if it did, for any server. */
void sched_remove(struct sched *sched, unsigned int queue, unsigned int class);

/* A new queue of that number. */
void sched_forget(struct sched *sched, unsigned int queue);
/* The queue has kept the tiles for so many cycles while somebody waited for them. */
void sched_charge(struct sched *sched, unsigned int queue, unsigned int class, uint64_t cycles);
/*
 * How many cycles, from when it was given the tiles, the queue may keep them with those who wait for them now;
 * SCHED_FOREVER: nobody does.
 */
uint64_t sched_slice(const struct sched *sched, unsigned int queue, unsigned int class);

/* Nobody waits for any server. */
static inline bool sched_idle(const struct sched *sched)
{
	return !(sched->list[SCHED_FRONT].classes | sched->list[SCHED_TILES].classes |
		 sched->list[SCHED_COPY].classes);
}

/*
 * Choose what to do next. free: bit (1 << server) for each server that can take
 * work. Returns false if nobody waits for one of them; else the chosen queue has
 * been taken from the list of the chosen server.
 */
bool sched_next(struct sched *sched, uint32_t free, enum sched_server *ret_server,
		unsigned int *ret_queue);

#endif /* NPU_FW_SCHED_H */
