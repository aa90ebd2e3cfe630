// SPDX-License-Identifier: MIT
/*
 * The peer of the COPY packet: memcpy of 64 MiB on one thread.
 *
 * usage: npu-peer-memcpy	prints GB/s
 */
#include <stdio.h>
#include <string.h>

#include "peer.h"

#define SIZE (64u << 20)

int main(void)
{
	char *from = malloc(SIZE), *to = malloc(SIZE);
	const double start = peer_now();
	double best = 0;

	if (!from || !to)
		return 1;
	memset(from, 0x5a, SIZE);
	memset(to, 0, SIZE);
	do {
		const double before = peer_now();
		double rate;

		memcpy(to, from, SIZE);
		/* The compiler must believe that somebody reads it. */
		__asm__ volatile("" : : "r"(to) : "memory");
		rate = 1e-9 * SIZE / (peer_now() - before);
		best = rate > best ? rate : best;
	} while (peer_now() - start < PEER_SECONDS);
	printf("%.2f\n", best);
	free(from);
	free(to);
	return 0;
}
