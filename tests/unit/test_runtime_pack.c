// SPDX-License-Identifier: MIT
/* Packed weights: against the formula of the device's contract, and nothing written beside. */
#include "fixture.h"
#include "npu_isa.h"

static bool right(size_t k, size_t n, size_t ld)
{
	size_t size = npurt_pack_b_size(k, n), kp = (k + 3) & ~(size_t)3, wrong = 0;
	int8_t *src = malloc(k * ld), *got = malloc(size + 1), *want = calloc(1, size);

	if (!src || !got || !want)
		die("memory");
	for (size_t i = 0; i < k * ld; i++)
		src[i] = (int8_t)(i * 37 + 11);
	memset(got, 0x55, size + 1);
	for (size_t r = 0; r < k; r++)
		for (size_t c = 0; c < n; c++)
			want[((c / 16) * (kp / 4) + r / 4) * 64 + c % 16 * 4 + r % 4] =
				src[r * ld + c];
	npurt_pack_b_s8(k, n, src, ld, got);
	wrong = memcmp(got, want, size) != 0 || got[size] != 0x55;
	free(src);
	free(got);
	free(want);
	return !wrong;
}

int main(void)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 15, 16, 17, 31, 64, 100};
	unsigned int wrong = 0, count = 0;

	for (size_t i = 0; i < 11; i++) {
		for (size_t j = 0; j < 11; j++) {
			wrong += !right(sizes[i], sizes[j], sizes[j]);
			wrong += !right(sizes[i], sizes[j], sizes[j] + 5);
			wrong += npurt_pack_b_size(sizes[i], sizes[j]) !=
				 NPU_PACKED_B_SIZE(sizes[i], sizes[j]);
			count++;
		}
	}
	tap_is(wrong, 0, "all shapes");
	tap_is(count, 121, "shapes tried");
	tap_is(npurt_pack_b_size(SIZE_MAX, 1), 0, "rows overflow");
	tap_is(npurt_pack_b_size(1, SIZE_MAX), 0, "columns overflow");
	tap_is(npurt_pack_b_size((size_t)1 << 33, (size_t)1 << 33), 0, "product overflows");
	return tap_done();
}
