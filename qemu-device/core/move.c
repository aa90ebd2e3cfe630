/* SPDX-License-Identifier: MIT */
#include "move.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Spans ahead whose start is fetched, and how much of it: short rows far apart are more than a host foresees. */
#define AHEAD	  4
#define AHEAD_MAX 512u

/* Repeat value over dst; phase: bytes of value that lie before dst, 0..3. */
static void fill(uint8_t *dst, uint32_t value, uint32_t length, unsigned int phase)
{
	uint8_t pattern[8];

	if (value == (value & 0xff) * 0x01010101u) {
		memset(dst, value & 0xff, length);
		return;
	}
	memcpy(pattern, &value, 4);
	memcpy(pattern + 4, &value, 4);
	for (; length >= 4; length -= 4, dst += 4)
		memcpy(dst, pattern + phase, 4);
	memcpy(dst, pattern + phase, length);
}

/* A fill, or a copy onto itself? */
static inline bool is_odd(const struct move_span *span)
{
	return !span->src || (uintptr_t)span->dst - (uintptr_t)span->src < span->length ||
	       (uintptr_t)span->src - (uintptr_t)span->dst < span->length;
}

static void move_odd(const struct move_span *span, uint32_t value)
{
	if (span->src)
		memmove(span->dst, span->src, span->length);
	else
		fill(span->dst, value, span->length, span->phase);
}

static void spans_c(const struct move_span *span, unsigned int count, uint32_t value)
{
	for (const struct move_span *end = span + count; span < end; span++)
		if (is_odd(span))
			move_odd(span, value);
		else
			memcpy(span->dst, span->src, span->length);
}

#ifdef __x86_64__

#define TARGET_AVX2   __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))
#define INLINE	      static inline __attribute__((always_inline))

/* Bytes of a line of the caches: what a store past them has to fill at once. */
#define LINE	      64

/* Copies up to here are done in line: calls cost as much as they do. */
#define SHORT_MAX     1024

static void fetch(const uint8_t *p, uint32_t length, bool write)
{
	if (length > AHEAD_MAX)
		length = AHEAD_MAX;
	for (uint32_t i = 0; i < length; i += LINE) {
		if (write)
			__builtin_prefetch(p + i, 1);
		else
			__builtin_prefetch(p + i);
	}
}

/* length is at least 1 and at most SHORT_MAX. */
TARGET_AVX512 static inline void short_avx512(uint8_t *dst, const uint8_t *src, uint32_t length)
{
	uint32_t i = 0;

	for (; i + 2 * LINE <= length; i += 2 * LINE) {
		const __m512i a = _mm512_loadu_si512(src + i);
		const __m512i b = _mm512_loadu_si512(src + i + LINE);

		_mm512_storeu_si512(dst + i, a);
		_mm512_storeu_si512(dst + i + LINE, b);
	}
	if (i + LINE <= length) {
		_mm512_storeu_si512(dst + i, _mm512_loadu_si512(src + i));
		i += LINE;
	}
	if (i < length) {
		const __mmask64 left = ~0ull >> (LINE - (length - i));

		_mm512_mask_storeu_epi8(dst + i, left, _mm512_maskz_loadu_epi8(left, src + i));
	}
}

TARGET_AVX2 static inline void short_avx2(uint8_t *dst, const uint8_t *src, uint32_t length)
{
	uint32_t i = 0;

	for (; i + 64 <= length; i += 64) {
		const __m256i a = _mm256_loadu_si256((const __m256i *)(src + i));
		const __m256i b = _mm256_loadu_si256((const __m256i *)(src + i + 32));

		_mm256_storeu_si256((__m256i *)(dst + i), a);
		_mm256_storeu_si256((__m256i *)(dst + i + 32), b);
	}
	if (i < length)
		memcpy(dst + i, src + i, length - i);
}

/* Past the caches. dst and length are multiples of a line. */
TARGET_AVX512 static inline void stream_avx512(uint8_t *dst, const uint8_t *src, uint32_t length)
{
	uint32_t i = 0;

	for (; i + 4 * LINE <= length; i += 4 * LINE) {
		const __m512i a = _mm512_loadu_si512(src + i);
		const __m512i b = _mm512_loadu_si512(src + i + LINE);
		const __m512i c = _mm512_loadu_si512(src + i + 2 * LINE);
		const __m512i d = _mm512_loadu_si512(src + i + 3 * LINE);

		_mm512_stream_si512((__m512i *)(dst + i), a);
		_mm512_stream_si512((__m512i *)(dst + i + LINE), b);
		_mm512_stream_si512((__m512i *)(dst + i + 2 * LINE), c);
		_mm512_stream_si512((__m512i *)(dst + i + 3 * LINE), d);
	}
	for (; i < length; i += LINE)
		_mm512_stream_si512((__m512i *)(dst + i), _mm512_loadu_si512(src + i));
}

TARGET_AVX2 static inline void stream_avx2(uint8_t *dst, const uint8_t *src, uint32_t length)
{
	for (uint32_t i = 0; i < length; i += LINE) {
		const __m256i a = _mm256_loadu_si256((const __m256i *)(src + i));
		const __m256i b = _mm256_loadu_si256((const __m256i *)(src + i + 32));

		_mm256_stream_si256((__m256i *)(dst + i), a);
		_mm256_stream_si256((__m256i *)(dst + i + 32), b);
	}
}

typedef void copy_fn(uint8_t *dst, const uint8_t *src, uint32_t length);

/* Past the caches, but for what does not fill a line. */
INLINE void stream_span(const struct move_span *span, copy_fn *brief, copy_fn *stream)
{
	const uint32_t head = -(uintptr_t)span->dst & (LINE - 1);
	const uint32_t body = (span->length - head) & ~(LINE - 1u);
	const uint32_t tail = span->length - head - body;

	if (head)
		brief(span->dst, span->src, head);
	stream(span->dst + head, span->src + head, body);
	if (tail)
		brief(span->dst + head + body, span->src + head + body, tail);
}

/* The loop over spans, to be made once for each kind of vectors. */
INLINE void loop(const struct move_span *span, unsigned int count, uint32_t value,
		 unsigned int hints, copy_fn *brief, copy_fn *stream)
{
	for (const struct move_span *end = span + count; span < end; span++) {
		const struct move_span *next = span + AHEAD;

		/* What goes on where the one before it ends comes by itself. */
		if (hints & MOVE_SRC_FAR && next < end && next->src &&
		    next->src != next[-1].src + next[-1].length)
			fetch(next->src, next->length, false);
		if (hints & MOVE_DST_FAR && next < end && next->dst != next[-1].dst + next[-1].length)
			fetch(next->dst, next->length, true);
		if (is_odd(span))
			move_odd(span, value);
		else if (hints & MOVE_PAST && span->length >= 4 * LINE)
			stream_span(span, brief, stream);
		else if (span->length <= SHORT_MAX)
			brief(span->dst, span->src, span->length);
		else
			memcpy(span->dst, span->src, span->length);
	}
}

TARGET_AVX512 static void spans_avx512(const struct move_span *span, unsigned int count,
				       uint32_t value, unsigned int hints)
{
	loop(span, count, value, hints, short_avx512, stream_avx512);
}

TARGET_AVX2 static void spans_avx2(const struct move_span *span, unsigned int count, uint32_t value,
				   unsigned int hints)
{
	loop(span, count, value, hints, short_avx2, stream_avx2);
}

#endif /* __x86_64__ */

void move_spans(enum npu_matrix_path path, const struct move_span *span, unsigned int count,
		uint32_t value, unsigned int hints)
{
	if (hints & MOVE_PAST)
		hints &= ~MOVE_DST_FAR;
	switch (path) {
#ifdef __x86_64__
	case NPU_MATRIX_PATH_AMX:
	case NPU_MATRIX_PATH_AVX512:
		spans_avx512(span, count, value, hints);
		break;
	case NPU_MATRIX_PATH_AVXVNNI:
	case NPU_MATRIX_PATH_AVX2:
		spans_avx2(span, count, value, hints);
		break;
#endif
	default:
		spans_c(span, count, value);
		return;
	}
#ifdef __x86_64__
	/* Such stores are in no order with others but by this. */
	if (hints & MOVE_PAST)
		_mm_sfence();
#endif
}
