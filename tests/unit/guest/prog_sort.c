// SPDX-License-Identifier: MIT
/*
 * Sorting through function pointers, a binary tree, string handling, a state machine with a jump
 * table, 128-bit arithmetic, structures of odd sizes: what compilers make of everyday C.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

struct __attribute__((packed)) record {
	u8 tag;
	u32 key;
	u16 extra;
	u64 value;
};

#define RECORDS 400

static struct record records[RECORDS];

struct node {
	struct node *child[2];
	u64 key;
	int count;
};

static struct node nodes[RECORDS];
static u64 state;

/* memcpy and memset may be called by what the compiler makes of the code below. */
#ifdef __riscv
void *memcpy(void *to, const void *from, u64 size);
void *memcpy(void *to, const void *from, u64 size)
{
	volatile u8 *t = to;
	const u8 *f = from;

	while (size--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, u64 size);
void *memset(void *to, int byte, u64 size)
{
	volatile u8 *t = to;

	while (size--)
		*t++ = (u8)byte;
	return to;
}
#endif

static u64 next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

typedef int (*comparison)(const struct record *, const struct record *);

static int by_key(const struct record *a, const struct record *b)
{
	return a->key < b->key ? -1 : a->key > b->key;
}

static int by_extra(const struct record *a, const struct record *b)
{
	int d = (int)(short)a->extra - (int)(short)b->extra;

	return d ? d : by_key(a, b);
}

static int by_value(const struct record *a, const struct record *b)
{
	long x = (long)a->value, y = (long)b->value;

	return x < y ? 1 : x > y ? -1 : (int)a->tag - (int)b->tag;
}

static const comparison comparisons[] = { by_key, by_extra, by_value };

static void quick_sort(struct record *base, int n, comparison compare)
{
	while (n > 1) {
		struct record pivot = base[n / 2], t;
		int i = 0, j = n - 1;

		while (i <= j) {
			while (compare(&base[i], &pivot) < 0)
				i++;
			while (compare(&base[j], &pivot) > 0)
				j--;
			if (i <= j) {
				t = base[i];
				base[i++] = base[j];
				base[j--] = t;
			}
		}
		if (j + 1 < n - i) {
			quick_sort(base, j + 1, compare);
			base += i;
			n -= i;
		} else {
			quick_sort(base + i, n - i, compare);
			n = j + 1;
		}
	}
}

static u64 walk(const struct node *n, u64 depth)
{
	if (!n)
		return depth;
	return walk(n->child[0], depth + 1) * 31 + n->key * (u64)n->count +
	       walk(n->child[1], depth + 1);
}

static u64 tree(void)
{
	struct node *root = 0;

	for (int i = 0; i < RECORDS; i++) {
		struct node **link = &root;
		u64 key = next() % 100;

		nodes[i].child[0] = nodes[i].child[1] = 0;
		nodes[i].key = key;
		nodes[i].count = 1;
		while (*link && (*link)->key != key)
			link = &(*link)->child[key > (*link)->key];
		if (*link)
			(*link)->count++;
		else
			*link = &nodes[i];
	}
	return walk(root, 0);
}

static u64 machine(void)
{
	u64 a = next(), b = next(), sum = 0;

	for (int i = 0; i < 500; i++) {
		switch (next() % 11) {
		case 0: sum += a / ((b & 0xff) + 1); break;
		case 1: sum ^= (u64)((long)a % (long)((b & 0xffff) + 3)); break;
		case 2: a = a << (b & 63) | a >> (-b & 63); break;
		case 3: b = (u64)((unsigned __int128)a * b >> 64) + 1; break;
		case 4: sum -= (u64)((__int128)(long)a * (long)b >> 61); break;
		case 5: a += (u64)(int)b; break;
		case 6: b ^= (u64)(short)a << 3; break;
		case 7: sum += (u64)((int)a / ((int)(b & 0x7f) + 1)); break;
		case 8: sum += (u32)a % ((u32)b | 1); break;
		case 9: a = (u64)((long)a >> (b & 31)) + sum; break;
		default: b = ~b - (a < sum) + (u64)((signed char)a); break;
		}
	}
	return sum ^ a ^ b;
}

u64 program(u64 seed);
u64 program(u64 seed)
{
	u64 sum = 0;

	state = seed | 1;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < RECORDS; i++) {
			records[i].tag = (u8)next();
			records[i].key = (u32)next() % 1000;
			records[i].extra = (u16)next();
			records[i].value = next();
		}
		quick_sort(records, RECORDS, comparisons[round]);
		for (int i = 0; i < RECORDS; i++)
			sum = sum * 1000003 + records[i].key + records[i].tag +
			      (records[i].value ^ records[i].extra);
	}
	return sum ^ tree() ^ machine();
}
