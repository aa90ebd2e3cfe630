// SPDX-License-Identifier: MIT
/*
 * Loops that compilers vectorise and, where the compiler has them, the vector intrinsics: the result
 * is the same without vectors.
 */
#include <stdint.h>
#ifdef __riscv_vector
#include <riscv_vector.h>
#endif

#define N 700

static int8_t bytes[N];
static uint16_t halves[N];
static int32_t words[N], more[N];
static uint64_t longs[N];
static float x[N], y[N];
static double z[N];
static uint8_t perm[N];

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ull + (h >> 29);
}

static uint64_t bits_of(double v)
{
	union {
		double d;
		uint64_t u;
	} u = {.d = v};

	return u.u;
}

static void axpy(float a, unsigned int n)
{
#ifdef __riscv_vector
	for (unsigned int i = 0; i < n;) {
		const size_t vl = __riscv_vsetvl_e32m8(n - i);
		vfloat32m8_t vx = __riscv_vle32_v_f32m8(x + i, vl),
			     vy = __riscv_vle32_v_f32m8(y + i, vl);

		/* Rounded twice, as the plain loop is. */
		vy = __riscv_vfadd_vv_f32m8(vy, __riscv_vfmul_vf_f32m8(vx, a, vl), vl);
		__riscv_vse32_v_f32m8(y + i, vy, vl);
		i += (unsigned int)vl;
	}
#else
	for (unsigned int i = 0; i < n; i++)
		y[i] += a * x[i];
#endif
}

/* Sum in order, of elements that are above a limit; strided loads, masks and ordered sums. */
static float pick_sum(float limit, unsigned int n)
{
	float sum = 0;
#ifdef __riscv_vector
	vfloat32m1_t acc = __riscv_vfmv_s_f_f32m1(0, 1);

	for (unsigned int i = 0; i < n;) {
		const size_t vl = __riscv_vsetvl_e32m2(n - i);
		vfloat32m2_t v = __riscv_vlse32_v_f32m2(x + 2 * i, 8, vl);
		vbool16_t m = __riscv_vmfgt_vf_f32m2_b16(v, limit, vl);

		acc = __riscv_vfredosum_vs_f32m2_f32m1_m(m, v, acc, vl);
		i += (unsigned int)vl;
	}
	sum = __riscv_vfmv_f_s_f32m1_f32(acc);
#else
	for (unsigned int i = 0; i < n; i++)
		if (x[2 * i] > limit)
			sum += x[2 * i];
#endif
	return sum;
}

/* Pairs swapped, by segment loads and stores; and a table look-up. */
static void swap_pairs(unsigned int n)
{
#ifdef __riscv_vector
	for (unsigned int i = 0; i < n;) {
		const size_t vl = __riscv_vsetvl_e32m1(n - i);
		vint32m1x2_t p = __riscv_vlseg2e32_v_i32m1x2(words + 2 * i, vl);

		p = __riscv_vcreate_v_i32m1x2(__riscv_vget_v_i32m1x2_i32m1(p, 1),
					      __riscv_vget_v_i32m1x2_i32m1(p, 0));
		__riscv_vsseg2e32_v_i32m1x2(words + 2 * i, p, vl);
		i += (unsigned int)vl;
	}
#else
	for (unsigned int i = 0; i < n; i++) {
		int32_t t = words[2 * i];

		words[2 * i] = words[2 * i + 1];
		words[2 * i + 1] = t;
	}
#endif
}

static void look_up(unsigned int n)
{
#ifdef __riscv_vector
	for (unsigned int i = 0; i < n;) {
		const size_t vl = __riscv_vsetvl_e8m1(n - i);
		vuint8m1_t index = __riscv_vle8_v_u8m1(perm + i, vl);

		__riscv_vse8_v_i8m1(bytes + i, __riscv_vluxei8_v_i8m1(bytes + 300, index, vl), vl);
		i += (unsigned int)vl;
	}
#else
	for (unsigned int i = 0; i < n; i++)
		bytes[i] = bytes[300 + perm[i]];
#endif
}

uint64_t program(uint64_t seed)
{
	const unsigned int n = N / 2 - (unsigned int)(seed % 50);
	uint64_t r = seed + 1, h = seed;
	uint64_t sum = 0; /* wraps */
	int32_t least = INT32_MAX;

	for (unsigned int i = 0; i < N; i++) {
		r = r * 6364136223846793005ull + 1442695040888963407ull;
		bytes[i] = (int8_t)(r >> 56);
		halves[i] = (uint16_t)(r >> 40);
		words[i] = (int32_t)(r >> 32);
		more[i] = (int32_t)(r >> 17);
		longs[i] = r;
		perm[i] = (uint8_t)(r >> 48);
		x[i] = (float)(int32_t)(r >> 32) * 0x1p-20f;
		y[i] = (float)(int32_t)(r >> 20) * 0x1p-24f;
		z[i] = (double)(int64_t)r * 0x1p-40;
	}
	axpy(1.7f, n);
	swap_pairs(n);
	h = mix(h, bits_of(pick_sum(100.0f, n)));
	look_up(n < 300 ? n : 300);
	for (unsigned int i = 0; i < n; i++) {
		sum += (uint64_t)((int64_t)words[i] * more[i]);
		words[i] = words[i] / (more[i] | 1) + (bytes[i] > 3 ? halves[i] : -halves[i]);
		if (words[i] < least)
			least = words[i];
	}
	for (unsigned int i = 0; i < n; i++) {
		longs[i] = longs[i] * longs[i + 1] >> (halves[i] & 31);
		halves[i] = (uint16_t)((uint32_t)halves[i] * halves[i] >> 16);
		bytes[i] = (int8_t)(bytes[i] * 3 - perm[i]);
		z[i] = z[i] / ((double)x[i] + 0.1) - (double)words[i];
		more[i] = (int32_t)(x[i] * 0.01f);
		x[i] = x[i] > y[i] ? x[i] - y[i] : (float)more[i];
	}
	for (unsigned int i = 0; i < N; i++) {
		h = mix(h, (uint8_t)bytes[i] | (uint64_t)halves[i] << 8 |
				   (uint64_t)(uint32_t)words[i] << 32);
		h = mix(h, longs[i] ^ bits_of(z[i]));
		h = mix(h, bits_of((double)x[i]) ^ bits_of((double)y[i]) ^ (uint32_t)more[i]);
	}
	return mix(mix(h, sum), (uint32_t)least);
}
