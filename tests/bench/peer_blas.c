// SPDX-License-Identifier: MIT
/*
 * The peer of the fp32 GEMM: sgemm of the BLAS that is linked, OpenBLAS.
 *
 * usage: npu-peer-blas M N K	prints GFLOP/s; OPENBLAS_NUM_THREADS says how many threads
 */
#include <cblas.h>
#include <stdio.h>

#include "peer.h"

static float *matrix(long count)
{
	float *data = malloc((size_t)count * sizeof(*data));
	uint32_t state = 12345;

	if (!data)
		exit(1);
	for (long i = 0; i < count; i++)
		data[i] = (float)(int32_t)peer_random(&state) * 0x1p-31f;
	return data;
}

int main(int argc, char **argv)
{
	const long m = peer_number(argc, argv, 1, 1024), n = peer_number(argc, argv, 2, 1024),
		   k = peer_number(argc, argv, 3, 1024);
	float *a = matrix(m * k), *b = matrix(k * n), *c = matrix(m * n);
	const double start = peer_now();
	double best = 0;

	do {
		const double before = peer_now();
		double rate;

		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a,
			    (int)k, b, (int)n, 0, c, (int)n);
		rate = 2e-9 * (double)m * (double)n * (double)k / (peer_now() - before);
		best = rate > best ? rate : best;
	} while (peer_now() - start < PEER_SECONDS);
	printf("%.1f\n", best);
	free(a);
	free(b);
	free(c);
	return 0;
}
