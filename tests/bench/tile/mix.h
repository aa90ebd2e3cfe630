/* SPDX-License-Identifier: MIT */
/*
 * A mix of integer work as CoreMark has it: a linked list that is searched and sorted, products of
 * small matrices, a state machine over text, and a CRC over all results. The same source for the tile
 * and for a Linux program.
 */
#ifndef NPU_BENCH_MIX_H
#define NPU_BENCH_MIX_H

#include <stdint.h>

#define MIX_NODES 40
#define MIX_N	  10 /* rows and columns of the matrices */
#define MIX_TEXT  256

struct mix_node {
	struct mix_node *next;
	int16_t key, value;
};

struct mix_state {
	struct mix_node node[MIX_NODES], *list;
	int16_t a[MIX_N][MIX_N], b[MIX_N][MIX_N];
	int32_t c[MIX_N][MIX_N];
	char text[MIX_TEXT];
	uint32_t counts[6];
};

static inline uint16_t mix_crc(uint32_t data, unsigned int bits, uint16_t crc)
{
	for (unsigned int i = 0; i < bits; i++, data >>= 1) {
		const unsigned int odd = (data ^ crc) & 1;

		crc >>= 1;
		if (odd)
			crc ^= 0xa001;
	}
	return crc;
}

static inline void mix_setup(struct mix_state *m)
{
	static const char numbers[] = "5012,+12.5,-1e3,3.25e-2,x7,1234,0.5,-.9,";

	for (int i = 0; i < MIX_NODES; i++) {
		m->node[i].key = (int16_t)(i * 7919 % 257);
		m->node[i].value = (int16_t)i;
		m->node[i].next = i + 1 < MIX_NODES ? &m->node[i + 1] : 0;
	}
	m->list = m->node;
	for (int i = 0; i < MIX_N; i++)
		for (int j = 0; j < MIX_N; j++) {
			m->a[i][j] = (int16_t)(i * 31 - j * 17);
			m->b[i][j] = (int16_t)(i * 13 + j * 7 - 60);
		}
	for (unsigned int i = 0; i < MIX_TEXT; i++)
		m->text[i] = numbers[i % (sizeof(numbers) - 1)];
}

/* Merge sort, by key or by value. */
static inline struct mix_node *mix_sort(struct mix_node *list, int by_value)
{
	for (int width = 1;; width *= 2) {
		struct mix_node *p = list, *tail = 0;
		int merges = 0;

		list = 0;
		while (p) {
			struct mix_node *q = p;
			int np = 0, nq = width;

			merges++;
			while (q && np < width) {
				np++;
				q = q->next;
			}
			while (np || (nq && q)) {
				struct mix_node *e;
				int first = np && (!nq || !q);

				if (np && nq && q)
					first = by_value ? p->value <= q->value : p->key <= q->key;
				if (first) {
					e = p;
					p = p->next;
					np--;
				} else {
					e = q;
					q = q->next;
					nq--;
				}
				if (tail)
					tail->next = e;
				else
					list = e;
				tail = e;
			}
			p = q;
		}
		if (tail)
			tail->next = 0;
		if (merges <= 1)
			return list;
	}
}

static inline uint16_t mix_list(struct mix_state *m, int16_t seed, uint16_t crc)
{
	struct mix_node *n, *turned = 0;

	for (int16_t want = 0; want < 8; want++) {
		for (n = m->list; n && n->key % 32 != (want + seed) % 32; n = n->next)
			;
		crc = mix_crc(n ? (uint16_t)n->value : 0xffff, 16, crc);
	}
	while ((n = m->list)) {
		m->list = n->next;
		n->next = turned;
		turned = n;
	}
	m->list = mix_sort(turned, 0);
	crc = mix_crc((uint16_t)m->list->key, 16, crc);
	m->list = mix_sort(m->list, 1);
	return crc;
}

static inline uint16_t mix_matrix(struct mix_state *m, int16_t seed, uint16_t crc)
{
	int32_t sum = 0;

	for (int i = 0; i < MIX_N; i++)
		for (int j = 0; j < MIX_N; j++) {
			int32_t dot = 0;

			for (int k = 0; k < MIX_N; k++)
				dot += (m->a[i][k] + seed) * m->b[k][j];
			m->c[i][j] = dot;
		}
	for (int i = 0; i < MIX_N; i++)
		for (int j = 0; j < MIX_N; j++)
			sum += m->c[i][j] > 1000 ? 10 : (m->c[i][j] >> 2 & 15) * (m->c[i][j] >> 5 & 127);
	return mix_crc((uint32_t)sum, 32, crc);
}

/* What kinds of numbers are there, separated by commas? */
static inline uint16_t mix_states(struct mix_state *m, uint16_t crc)
{
	enum { START, INT, FLOAT, EXPONENT, BAD, END } state = START;

	for (int i = 0; i < 6; i++)
		m->counts[i] = 0;
	for (int i = 0; i < MIX_TEXT; i++) {
		const char c = m->text[i];

		if (c == ',') {
			m->counts[state]++;
			state = START;
			continue;
		}
		switch (state) {
		case START:
			state = c >= '0' && c <= '9' ? INT :
				c == '+' || c == '-' ? INT :
				c == '.'	     ? FLOAT :
						       BAD;
			break;
		case INT:
			if (c == '.')
				state = FLOAT;
			else if (c == 'e')
				state = EXPONENT;
			else if (c < '0' || c > '9')
				state = BAD;
			break;
		case FLOAT:
			if (c == 'e')
				state = EXPONENT;
			else if (c < '0' || c > '9')
				state = BAD;
			break;
		case EXPONENT:
			if ((c < '0' || c > '9') && c != '-' && c != '+')
				state = BAD;
			break;
		default:
			break;
		}
	}
	for (int i = 0; i < 6; i++)
		crc = mix_crc(m->counts[i], 16, crc);
	return crc;
}

static inline uint64_t mix_program(struct mix_state *m, uint64_t rounds)
{
	uint16_t crc = 0xffff;

	mix_setup(m);
	for (uint64_t round = 0; round < rounds; round++) {
		crc = mix_list(m, (int16_t)(round & 31), crc);
		crc = mix_matrix(m, (int16_t)(round & 7), crc);
		crc = mix_states(m, crc);
		m->text[round % MIX_TEXT] ^= (char)(crc & 1);
	}
	return crc;
}

#endif /* NPU_BENCH_MIX_H */
