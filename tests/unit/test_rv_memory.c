// SPDX-License-Identifier: MIT
/*
 * Loads, stores and atomics at the edges: page crossings, permissions, devices, the modelled TLB,
 * precise traps, accesses by the owner, and two harts on one counter.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "rv_piece.h"
#include "tap.h"

#define DATA (BOX_BASE + 64 * BOX_PAGE) /* pages that tests map as they like */

static const struct access {
	const char *name;
	unsigned int size;
	bool store, atomic;
} accesses[] = {
	{ "lb", 1, false, false },   { "lh", 2, false, false },	 { "lw", 4, false, false },
	{ "ld", 8, false, false },   { "lbu", 1, false, false }, { "lhu", 2, false, false },
	{ "lwu", 4, false, false },  { "flw", 4, false, false }, { "fld", 8, false, false },
	{ "sb", 1, true, false },    { "sh", 2, true, false },	 { "sw", 4, true, false },
	{ "sd", 8, true, false },    { "fsw", 4, true, false },	 { "fsd", 8, true, false },
	{ "lr.w", 4, false, true },  { "lr.d", 8, false, true }, { "sc.w", 4, true, true },
	{ "sc.d", 8, true, true },   { "amoadd.w", 4, true, true },
	{ "amoadd.d", 8, true, true },
};
#define ACCESSES (sizeof(accesses) / sizeof(accesses[0]))

/* Run the piece's access at va. */
static enum rv_stop access_at(struct box *box, const struct access *a, uint64_t va, uint64_t value)
{
	box->hart.x[11] = va;
	box->hart.x[12] = value;
	return box_run(box, piece(a->name));
}

/* The access trapped with this cause and value, precisely, and counted for nothing. */
static bool trapped(struct box *box, enum rv_stop stop, const char *name, enum rv_cause cause,
		    uint64_t value, uint64_t instret)
{
	struct rv_hart *h = &box->hart;
	bool good = stop == RV_STOP_TRAP && h->trap_cause == cause && h->trap_value == value &&
		    h->pc == piece(name) + 8 && h->x[7] == 0 && h->instret == instret + 2;

	if (!good)
		tap_diag("%s: stop %d cause %u value %#llx pc %#llx (+%lld) instret %lld", name,
			 stop, h->trap_cause, (unsigned long long)h->trap_value,
			 (unsigned long long)h->pc, (long long)(h->pc - piece(name)),
			 (long long)(h->instret - instret));
	return good;
}

static void test_permissions(struct box *box)
{
	bool unmapped = true, read_only = true, write_only = true, counted = true;

	for (unsigned int i = 0; i < ACCESSES; i++) {
		const struct access *a = &accesses[i];
		enum rv_cause cause = a->store ? RV_STORE_PAGE_FAULT : RV_LOAD_PAGE_FAULT;
		struct rv_hart *h = &box->hart;
		uint64_t n = h->instret, loads = h->loads, stores = h->stores;
		enum rv_stop stop;

		box_map(box, DATA, 1, 0);
		unmapped &= trapped(box, access_at(box, a, DATA + 16, 1), a->name, cause, DATA + 16,
				    n);
		counted &= h->loads == loads && h->stores == stores;
		box_map(box, DATA, 1, BOX_R);
		n = h->instret;
		stop = access_at(box, a, DATA + 16, 1);
		read_only &= a->store ? trapped(box, stop, a->name, cause, DATA + 16, n) :
					stop == RV_STOP_ENV;
		box_map(box, DATA, 1, BOX_W | BOX_X);
		n = h->instret;
		stop = access_at(box, a, DATA + 16, 1);
		/* A store is fine with that; what reads the old value is not. */
		write_only &= a->store && !a->atomic ?
				      stop == RV_STOP_ENV :
				      trapped(box, stop, a->name, cause, DATA + 16, n);
		/* A line that was filled for reading must not let a store through, nor the reverse. */
		box_map(box, DATA, 1, BOX_R);
		access_at(box, &accesses[3], DATA, 0);
		n = h->instret;
		if (a->store)
			read_only &= trapped(box, access_at(box, a, DATA, 1), a->name, cause, DATA,
					     n);
	}
	tap_ok(unmapped, "page faults are precise");
	tap_ok(counted, "accesses that trapped are not counted");
	tap_ok(read_only, "read-only pages can be read only");
	tap_ok(write_only, "a read of a page that is not readable traps");
	box_map(box, DATA, 1, BOX_R | BOX_W);
}

/* All widths at all offsets around a page boundary, against memory itself. */
static void test_crossing(struct box *box, bool swap)
{
	bool good = true, counted = true;

	/* The second page lies somewhere else than behind the first. */
	box_map(box, DATA, 4, BOX_R | BOX_W | BOX_REMOTE);
	if (swap) {
		box->frame[65] = 67;
		box->frame[67] = 65;
	}
	for (unsigned int i = 0; i < ACCESSES; i++) {
		const struct access *a = &accesses[i];

		for (unsigned int at = 0; at < 24 && !a->atomic; at++) {
			uint64_t va = DATA + BOX_PAGE - 12 + at, value = 0x8182838485868788ull;
			uint8_t *first = box_at(box, DATA);
			uint8_t *second = box->memory + box->frame[65] * BOX_PAGE;
			uint64_t want = 0, got, remote = box->hart.remote;
			bool is_signed = a->name[1] != 'l' && a->name[strlen(a->name) - 1] != 'u';

			for (unsigned int k = 0; k < 32; k++) {
				first[BOX_PAGE - 32 + k] = (uint8_t)(0x91 + 3 * k);
				second[k] = (uint8_t)(0xf1 - 5 * k);
			}
			if (access_at(box, a, va, value) != RV_STOP_ENV)
				good = false;
			for (unsigned int k = 0; k < a->size; k++) {
				uint64_t offset = va + k - DATA;
				uint64_t byte = offset < BOX_PAGE ? first[offset] :
								    second[offset - BOX_PAGE];

				want |= byte << 8 * k;
			}
			got = box->hart.x[10];
			if (a->store) {
				got = want;
				want = a->size == 8 ? value : value & ((1ull << 8 * a->size) - 1);
			} else if (a->name[0] == 'f' && a->size == 4) {
				want |= 0xffffffff00000000ull;
			} else if (is_signed && a->size < 8 && want >> (8 * a->size - 1)) {
				want |= ~0ull << 8 * a->size;
			}
			if (got != want) {
				tap_diag("%s at page end - 12 + %u: %#llx, not %#llx", a->name, at,
					 (unsigned long long)got, (unsigned long long)want);
				good = false;
			}
			counted &= box->hart.remote == remote + 1;
		}
	}
	tap_ok(good, "accesses at every offset around a page boundary%s",
	       swap ? ", the pages apart" : "");
	tap_ok(counted, "each is one remote access");
	box->frame[65] = 65;
	box->frame[67] = 67;
	rv_reset_tlb(&box->hart);
}

static void test_crossing_fault(struct box *box)
{
	uint64_t end = DATA + BOX_PAGE;
	uint8_t *bytes = box_at(box, end - 8), before[8];
	bool good = true, untouched = true;

	for (unsigned int i = 0; i < ACCESSES; i++) {
		const struct access *a = &accesses[i];
		enum rv_cause cause = a->store ? RV_STORE_PAGE_FAULT : RV_LOAD_PAGE_FAULT;
		uint64_t n;

		if (a->atomic || a->size < 2)
			continue;
		box_map(box, DATA, 1, BOX_R | BOX_W);
		box_map(box, end, 1, 0);
		memcpy(before, bytes, 8);
		n = box->hart.instret;
		good &= trapped(box, access_at(box, a, end - 1, 0x5555), a->name, cause, end, n);
		untouched &= !memcmp(before, bytes, 8);
		/* The first page is at fault. */
		box_map(box, DATA, 1, 0);
		box_map(box, end, 1, BOX_R | BOX_W);
		n = box->hart.instret;
		good &= trapped(box, access_at(box, a, end - 1, 0x5555), a->name, cause, end - 1, n);
		untouched &= *(uint8_t *)box_at(box, end) != 0x55;
	}
	tap_ok(good, "a crossing access reports the page that is at fault");
	tap_ok(untouched, "and has stored nothing in the other one");
	/* Into and out of the end of the address space. */
	box->hart.x[11] = UINT64_MAX - 2;
	tap_ok(box_run(box, piece("ld")) == RV_STOP_TRAP &&
		       box->hart.trap_value == UINT64_MAX - 2,
	       "an access that wraps around faults");
	box_map(box, DATA, 2, BOX_R | BOX_W);
}

static void test_misaligned_atomics(struct box *box)
{
	bool good = true;

	for (unsigned int i = 0; i < ACCESSES; i++) {
		const struct access *a = &accesses[i];
		uint64_t n;

		for (unsigned int at = 1; at < a->size && a->atomic; at++) {
			n = box->hart.instret;
			good &= trapped(box, access_at(box, a, DATA + at, 1), a->name,
					a->store ? RV_STORE_MISALIGNED : RV_LOAD_MISALIGNED,
					DATA + at, n);
		}
	}
	tap_ok(good, "misaligned atomics trap");
}

static void test_device(struct box *box)
{
	bool good = true, misaligned = true, hole = true;

	box_map(box, DATA, 1, BOX_R | BOX_W | BOX_DEVICE);
	box->device.answer = 0xf1f2f3f4f5f6f7f8ull;
	for (unsigned int i = 0; i < ACCESSES; i++) {
		const struct access *a = &accesses[i];
		enum rv_cause cause = a->store ? RV_STORE_ACCESS : RV_LOAD_ACCESS;
		unsigned int count = box->device.count;
		uint64_t n = box->hart.instret, mask = a->size == 8 ? ~0ull :
								      (1ull << 8 * a->size) - 1;
		enum rv_stop stop = access_at(box, a, DATA + 8, 0x0102030405060708ull);
		bool one = box->device.count == count + 1 && box->device.va == DATA + 8 &&
			   box->device.size == a->size && stop == RV_STOP_ENV;

		if (a->atomic)
			good &= trapped(box, stop, a->name, cause, DATA + 8, n);
		else if (a->store)
			good &= one && box->device.access == RV_WRITE &&
				box->device.value == (0x0102030405060708ull & mask);
		else
			good &= one && box->device.access == RV_READ &&
				(box->hart.x[10] & mask) == (box->device.answer & mask);
		if (a->size > 1 && !a->atomic) {
			n = box->hart.instret;
			misaligned &= trapped(box, access_at(box, a, DATA + 1, 0), a->name, cause,
					      DATA + 1, n);
			/* From the device into memory and back. */
			n = box->hart.instret;
			misaligned &= trapped(box, access_at(box, a, DATA + BOX_PAGE - 1, 0),
					      a->name, cause, DATA + BOX_PAGE - 1, n);
			n = box->hart.instret;
			misaligned &= trapped(box, access_at(box, a, DATA - 1, 0), a->name, cause,
					      DATA, n);
		}
		n = box->hart.instret;
		hole &= trapped(box, access_at(box, a, DATA + BOX_PAGE - 8, 0), a->name, cause,
				DATA + BOX_PAGE - 8, n);
	}
	tap_ok(good, "device registers are read and written in their width");
	tap_ok(misaligned, "misaligned accesses to devices are access faults");
	tap_ok(hole, "so are accesses that the device refuses");
	box_map(box, DATA, 1, BOX_R | BOX_W);
}

/* count loads, stride apart. */
static uint64_t walk(struct box *box, uint64_t stride, uint64_t count)
{
	uint64_t misses = box->hart.tlb_misses;

	rv_reset(&box->hart, piece("walk"));
	box->hart.x[11] = DATA;
	box->hart.x[12] = stride;
	box->hart.x[13] = count;
	if (box_continue(box, 5) != RV_STOP_ENV)
		return ~0ull;
	return box->hart.tlb_misses - misses;
}

static void test_model(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint64_t local, cycles;

	box_map(box, DATA, 128, BOX_R | BOX_W | BOX_REMOTE);
	tap_is(walk(box, 8, 512 * 10), 10, "a modelled miss per page");
	tap_is(walk(box, 8, 512 * 10), 0, "none when they are all there");
	rv_flush_tlb(h);
	tap_is(walk(box, 8, 512 * 10), 0, "none after host pointers were forgotten");
	rv_reset_tlb(h);
	tap_is(walk(box, 8, 512 * 10), 10, "all after a reset of the TLB");
	tap_is(walk(box, BOX_PAGE, 64), 54, "64 pages fit");
	tap_is(walk(box, BOX_PAGE, 64), 0, "and stay");
	tap_is(walk(box, BOX_PAGE, 65), 1, "the 65th takes the place of the first");
	tap_is(walk(box, BOX_PAGE, 65), 2, "which the host's larger TLB does not hide");
	rv_invalidate_tlb(h, DATA + 3 * BOX_PAGE + 5, BOX_PAGE);
	/* Pages 3 and 4, and again the pair that shares an entry. */
	tap_is(walk(box, BOX_PAGE, 65), 4, "invalidation of a range takes the pages it touches");
	rv_invalidate_tlb(h, 0, UINT64_MAX);
	tap_is(walk(box, BOX_PAGE, 64), 64, "a range can be everything");

	box_map(box, DATA, 128, BOX_R | BOX_W);
	cycles = h->cycles;
	tap_is(walk(box, BOX_PAGE, 100), 0, "local memory is not looked up in the modelled TLB");
	local = h->cycles - cycles;
	box_map(box, DATA, 128, BOX_R | BOX_W | BOX_REMOTE);
	walk(box, BOX_PAGE, 100);
	cycles = h->cycles;
	walk(box, BOX_PAGE, 36);
	tap_is(walk(box, BOX_PAGE, 36), 0, "36 pages are there");
	cycles = h->cycles;
	walk(box, 0, 100);
	tap_is(h->cycles - cycles - local, 100 * (rv_costs_default.load_remote -
						  rv_costs_default.load_sram),
	       "a remote load takes its time");
	/* What displaces local pages in the host's TLB is not seen either. */
	box_map(box, DATA, 128, BOX_R | BOX_W);
	box->flags[64] |= BOX_REMOTE;
	rv_reset_tlb(h);
	walk(box, BOX_PAGE, 1);
	tap_is(walk(box, BOX_PAGE, 128), 0, "local pages displace no remote ones in the model");
}

static void test_costs(struct box *box)
{
	struct rv_hart *h = &box->hart;
	struct rv_costs costs = rv_costs_default;
	uint64_t cycles;

	costs.custom = 5;
	costs.csr = 7;
	rv_set_costs(h, &costs);
	box->custom_stall = 1000;
	h->x[11] = 3;
	h->x[12] = 4;
	cycles = h->cycles;
	tap_ok(box_run(box, piece("stall")) == RV_STOP_ENV && h->x[5] == 11,
	       "a custom instruction has a result");
	tap_is(h->x[10], 7 + 5 + 1000, "and stalls for as long as it says");
	tap_is(h->cycles - cycles, 7 + 5 + 1000 + 7 + 1 + 5, "costs are the table's");
	h->cycles = 5000;
	h->instret = 700;
	box_run(box, piece("rdcycle"));
	tap_ok(h->x[10] == 5000 && h->x[14] == 5007 && h->x[15] == 702 && h->x[16] == 5021,
	       "cycle, time and instret are those before the instruction");
	costs.load_remote = 1;
	costs.load_sram = 10;
	costs.alu = 0;
	costs.branch_taken = 4000000000u;
	rv_set_costs(h, &costs);
	box_map(box, DATA, 1, BOX_R | BOX_W | BOX_REMOTE);
	walk(box, 0, 1);
	cycles = h->cycles;
	walk(box, 0, 2);
	/* 2 loads of 10, 2 x 2 and 1 of 1 each, a taken branch clamped, custom. */
	tap_is(h->cycles - cycles, 20 + 4 + 65535 + 1 + 5, "costs out of range are clamped");
	rv_set_costs(h, &rv_costs_default);
	box_map(box, DATA, 1, BOX_R | BOX_W);
}

static void test_owner_access(struct box *box)
{
	struct rv_hart *h = &box->hart;
	uint8_t in[3 * BOX_PAGE], out[3 * BOX_PAGE];
	uint64_t loads = h->loads, stores = h->stores;

	for (unsigned int i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + i / 256);
	box_map(box, DATA, 4, BOX_R | BOX_W);
	box->frame[65] = 67;
	box->frame[67] = 65;
	tap_ok(rv_write(h, DATA + 100, in, sizeof(in)) == RV_OK &&
		       rv_read(h, DATA + 100, out, sizeof(out)) == RV_OK &&
		       !memcmp(in, out, sizeof(in)),
	       "rv_write() and rv_read() over pages that lie apart");
	tap_ok(!memcmp(box->memory + 67 * BOX_PAGE, in + BOX_PAGE - 100, BOX_PAGE),
	       "the bytes are where they belong");
	tap_ok(h->loads == loads && h->stores == stores, "they are no loads or stores");
	tap_ok(rv_read(h, DATA, out, 0) == RV_OK && rv_read(h, 0, out, 0) == RV_OK,
	       "nothing can be read from anywhere");
	box_map(box, DATA + 2 * BOX_PAGE, 1, BOX_R);
	memset(in, 0xee, sizeof(in));
	tap_ok(rv_write(h, DATA + 100, in, sizeof(in)) == RV_TRAP &&
		       h->trap_cause == RV_STORE_PAGE_FAULT &&
		       h->trap_value == DATA + 2 * BOX_PAGE,
	       "a write that hits a read-only page reports it");
	tap_ok(rv_read(h, DATA + 100, in, sizeof(in)) == RV_OK && !memcmp(in, out, sizeof(in)),
	       "and has written nothing");
	box_map(box, DATA, 1, BOX_R | BOX_W | BOX_DEVICE);
	tap_ok(rv_read(h, DATA, out, 4) == RV_TRAP && h->trap_cause == RV_LOAD_ACCESS,
	       "devices are not for it");
	/* The trap it raised is not the next run's. */
	tap_ok(box_run(box, piece("rdcycle")) == RV_STOP_ENV, "a run after a failed transfer");
	for (unsigned int i = 0; i < BOX_PAGES; i++)
		box->frame[i] = i;
	box_map(box, DATA, 4, BOX_R | BOX_W);
}

#define ROUNDS 200000

struct racer {
	struct box *box;
	const char *piece;
	enum rv_stop stop;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	r->box->hart.x[11] = DATA;
	r->box->hart.x[12] = ROUNDS;
	r->stop = box_run(r->box, piece(r->piece));
	return NULL;
}

/* Two harts, two threads, one memory. */
static void test_race(struct box *box, const char *name)
{
	struct box *other = box_new(RV_MODE_USER);
	uint8_t *own = other->memory;
	struct racer racers[2] = { { box, name, 0 }, { other, name, 0 } };
	pthread_t thread;
	uint64_t total;

	other->memory = box->memory;
	memset(box_at(box, DATA), 0, 8);
	if (pthread_create(&thread, NULL, race, &racers[1])) {
		tap_ok(false, "%s: no thread", name);
	} else {
		race(&racers[0]);
		pthread_join(thread, NULL);
		memcpy(&total, box_at(box, DATA), 8);
		tap_ok(racers[0].stop == RV_STOP_ENV && racers[1].stop == RV_STOP_ENV,
		       "%s: both harts finish", name);
		tap_is(total, 2 * ROUNDS, "none of their increments is lost");
	}
	other->memory = own;
	box_free(other);
}

int main(void)
{
	struct box *box = box_new(RV_MODE_USER);

	piece_load(box);
	test_permissions(box);
	test_crossing(box, false);
	test_crossing(box, true);
	test_crossing_fault(box);
	test_misaligned_atomics(box);
	test_device(box);
	test_model(box);
	test_costs(box);
	test_owner_access(box);
	test_race(box, "amo loop");
	test_race(box, "lrsc loop");
	box_free(box);
	return tap_done();
}
