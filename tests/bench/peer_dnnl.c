// SPDX-License-Identifier: MIT
/*
 * The peer of the int8 GEMM: oneDNN's matmul of u8 x s8 to s32, with the weights in the layout that
 * oneDNN likes best, packed ahead of time.
 *
 * usage: npu-peer-dnnl M N K	prints GOP/s; OMP_NUM_THREADS says how many threads
 */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

static void check(dnnl_status_t status, const char *what)
{
	if (status == dnnl_success)
		return;
	fprintf(stderr, "npu-peer-dnnl: %s failed with oneDNN status %d\n", what, (int)status);
	exit(1);
}

static dnnl_memory_t memory(const dnnl_memory_desc_t *desc, dnnl_engine_t engine)
{
	dnnl_memory_t mem;

	check(dnnl_memory_create(&mem, desc, engine, DNNL_MEMORY_ALLOCATE), "memory");
	return mem;
}

static void fill(dnnl_memory_t mem, size_t size)
{
	uint32_t state = 12345;
	void *data;

	check(dnnl_memory_get_data_handle(mem, &data), "data");
	for (size_t i = 0; i < size; i++)
		((uint8_t *)data)[i] = (uint8_t)peer_random(&state);
}

int main(int argc, char **argv)
{
	const long m = peer_number(argc, argv, 1, 1536), n = peer_number(argc, argv, 2, 1536),
		   k = peer_number(argc, argv, 3, 1536);
	const dnnl_dims_t a_dims = {m, k}, b_dims = {k, n}, c_dims = {m, n};
	dnnl_memory_desc_t a_desc, b_desc, b_plain, c_desc;
	const dnnl_memory_desc_t *packed;
	dnnl_primitive_desc_t desc, reorder_desc;
	dnnl_primitive_t matmul, reorder;
	dnnl_matmul_desc_t op;
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_memory_t a, b, from, c;
	double best = 0, start;

	check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
	check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
	check(dnnl_memory_desc_init_by_tag(&a_desc, 2, a_dims, dnnl_u8, dnnl_ab), "A");
	check(dnnl_memory_desc_init_by_tag(&b_desc, 2, b_dims, dnnl_s8, dnnl_format_tag_any), "B");
	check(dnnl_memory_desc_init_by_tag(&b_plain, 2, b_dims, dnnl_s8, dnnl_ab), "plain B");
	check(dnnl_memory_desc_init_by_tag(&c_desc, 2, c_dims, dnnl_s32, dnnl_ab), "C");
	check(dnnl_matmul_desc_init(&op, &a_desc, &b_desc, NULL, &c_desc), "matmul");
	check(dnnl_primitive_desc_create(&desc, &op, NULL, engine, NULL), "matmul's descriptor");
	check(dnnl_primitive_create(&matmul, desc), "matmul's primitive");
	packed = dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);

	a = memory(&a_desc, engine);
	from = memory(&b_plain, engine);
	b = memory(packed, engine);
	c = memory(&c_desc, engine);
	fill(a, (size_t)(m * k));
	fill(from, (size_t)(k * n));
	check(dnnl_reorder_primitive_desc_create(&reorder_desc, &b_plain, engine, packed, engine,
						 NULL),
	      "reorder");
	check(dnnl_primitive_create(&reorder, reorder_desc), "reorder's primitive");
	check(dnnl_primitive_execute(
		      reorder, stream, 2,
		      (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, b}}),
	      "packing");
	check(dnnl_stream_wait(stream), "wait");

	start = peer_now();
	do {
		const double before = peer_now();
		double rate;

		check(dnnl_primitive_execute(matmul, stream, 3,
					     (dnnl_exec_arg_t[]){{DNNL_ARG_SRC, a},
								 {DNNL_ARG_WEIGHTS, b},
								 {DNNL_ARG_DST, c}}),
		      "run");
		check(dnnl_stream_wait(stream), "wait");
		rate = 2e-9 * (double)m * (double)n * (double)k / (peer_now() - before);
		best = rate > best ? rate : best;
	} while (peer_now() - start < PEER_SECONDS);
	printf("%.1f\n", best);
	return 0;
}
