/* SPDX-License-Identifier: MIT */
/*
 * A hart with a small address space for tests: BOX_PAGES pages from BOX_BASE, each with
 * permissions and a place of its own. custom-0 ends a run; a0 holds the program's result.
 */
#ifndef RV_BOX_H
#define RV_BOX_H

#include "rv.h"

#define BOX_BASE  0x10000ull
#define BOX_PAGES 256
#define BOX_PAGE  4096ull
#define BOX_END	  (BOX_BASE + BOX_PAGES * BOX_PAGE)

enum { BOX_R = 1, BOX_W = 2, BOX_X = 4, BOX_REMOTE = 8, BOX_DEVICE = 16 };

struct box {
	struct rv_hart hart;
	struct rv_env env;
	uint8_t *memory;
	unsigned int flags[BOX_PAGES]; /* BOX_*; 0: not mapped */
	unsigned int frame[BOX_PAGES]; /* page of memory that is mapped there */
	unsigned int fills; /* calls of env->fill() */
	struct { /* last device access */
		unsigned int count;
		uint64_t va, value, answer;
		enum rv_access access;
		unsigned int size;
	} device;
	uint64_t custom_stall; /* cycles that custom-1 adds */
	uint64_t waited; /* the sum of these */
};

/* Everything is mapped R, W and X, local, one to one, and zero. Ends the test program on failure. */
struct box *box_new(enum rv_mode mode);
void box_free(struct box *box);
/* Copy bytes into memory at va of the one to one map, without the hart. */
void box_put(struct box *box, uint64_t va, const void *data, size_t size);
/* The same for one instruction or word, at *va, which moves on. */
void box_put32(struct box *box, uint64_t *va, uint32_t word);
void box_put16(struct box *box, uint64_t *va, uint16_t half);
/* Host address of va in the one to one map. */
void *box_at(struct box *box, uint64_t va);
/* Set the flags of count pages from va on, and forget translations. */
void box_map(struct box *box, uint64_t va, unsigned int count, unsigned int flags);
/* Reset to pc and run until something other than the budget ends it; at most 10^8 instructions. */
enum rv_stop box_run(struct box *box, uint64_t pc);
/* Go on running, budget instructions per call. */
enum rv_stop box_continue(struct box *box, uint64_t budget);

/* Programs of guest/, as bytes. */
#define BOX_GUEST(name) extern const uint8_t guest_##name[]; extern const uint64_t guest_##name##_size

#endif /* RV_BOX_H */
