// SPDX-License-Identifier: MIT
/*
 * Floating point as programs use it: text to number and back, a small matrix solver, series,
 * conversions between all types. Everything is summed up bit by bit.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static u64 state, sum;

static u64 next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void mix(u64 bits)
{
	sum = (sum << 5 | sum >> 59) * 0x9e3779b97f4a7c15ul + bits;
}

static void mix_d(double d)
{
	union {
		double d;
		u64 u;
	} v = { d };

	/* NaNs of different hosts differ. */
	mix(d != d ? 1 : v.u);
}

static void mix_s(float f)
{
	union {
		float f;
		u32 u;
	} v = { f };

	mix(f != f ? 2 : v.u);
}

static double parse(const char *s)
{
	double v = 0, scale = 1;
	int exponent = 0, sign = 1, esign = 1;

	if (*s == '-') {
		sign = -1;
		s++;
	}
	for (; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++) {
			scale /= 10;
			v += (*s - '0') * scale;
		}
	if (*s == 'e') {
		s++;
		if (*s == '-') {
			esign = -1;
			s++;
		}
		for (; *s >= '0' && *s <= '9'; s++)
			exponent = exponent * 10 + (*s - '0');
	}
	while (exponent--)
		v = esign > 0 ? v * 10 : v / 10;
	return sign * v;
}

static void print(double v, char *out)
{
	long whole;

	if (v < 0) {
		*out++ = '-';
		v = -v;
	}
	whole = (long)v;
	for (int i = 0; i < 12; i++) {
		*out++ = (char)('0' + whole % 10);
		whole /= 10;
	}
	v -= (double)(long)v;
	*out++ = '.';
	for (int i = 0; i < 15; i++) {
		v *= 10;
		*out++ = (char)('0' + (int)v);
		v -= (int)v;
	}
	*out = 0;
}

static double uniform(void)
{
	return (double)(next() >> 11) * 0x1p-53;
}

static void text(void)
{
	static const char *const numbers[] = { "3.14159265358979", "-0.000123e-5", "6.02214076e23",
					       "1e308", "1e309", "2.2250738585072011e-308", "-17",
					       "123456789.987654321e-300" };
	char buffer[40];

	for (int i = 0; i < 8; i++)
		mix_d(parse(numbers[i]));
	for (int i = 0; i < 50; i++) {
		print((uniform() - 0.5) * 1e9, buffer);
		for (char *p = buffer; *p; p++)
			mix((u64)*p);
		mix_d(parse(buffer));
	}
}

#define N 12

static void solve(void)
{
	static double a[N][N + 1];
	static float b[N][N];

	for (int i = 0; i < N; i++)
		for (int j = 0; j <= N; j++)
			a[i][j] = uniform() - 0.5;
	for (int c = 0; c < N; c++) {
		int best = c;

		for (int r = c + 1; r < N; r++)
			if (__builtin_fabs(a[r][c]) > __builtin_fabs(a[best][c]))
				best = r;
		for (int j = 0; j <= N; j++) {
			double t = a[c][j];

			a[c][j] = a[best][j];
			a[best][j] = t;
		}
		for (int r = 0; r < N; r++) {
			double f = a[r][c] / a[c][c];

			if (r == c)
				continue;
			for (int j = c; j <= N; j++)
				a[r][j] -= f * a[c][j];
		}
	}
	for (int i = 0; i < N; i++)
		mix_d(a[i][N] / a[i][i]);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			b[i][j] = (float)a[j][i] * 1.5f - (float)i / (float)(j + 1);
			mix_s(b[i][j]);
		}
}

static void convert(void)
{
	for (int i = 0; i < 300; i++) {
		u64 shift = next() % 60, r = next() >> shift;
		double d = (double)(long)r;
		float f = (float)r;

		mix_d(d);
		mix_s(f);
		mix_s((float)d);
		mix_d((double)(u32)r - (double)(int)r);
		mix_s((float)(u32)r - (float)(int)r);
		mix((u64)(int)(uniform() * 1e9));
		mix((u64)(u32)(uniform() * 4e9));
		mix((u64)(long)(uniform() * -1e18));
		mix((u64)(uniform() * 1.8e19));
		mix((u64)(int)((float)uniform() * -2e9f));
		mix(d < f ? 1 : d == f ? 2 : 3);
		mix_d(d > 1e10 ? -d : d);
	}
}

static void series(void)
{
	double e = 1, term = 1, root = 2;
	float h = 0;

	for (int i = 1; i < 25; i++) {
		term /= i;
		e += term;
	}
	for (int i = 0; i < 6; i++)
		root = 0.5 * (root + 2 / root);
	for (int i = 1; i < 2000; i++)
		h += 1.0f / (float)i;
	mix_d(e);
	mix_d(root);
	mix_s(h);
	/* Down through the subnormals and up to infinity. */
	for (double d = 1e-300; d != 0; d /= 7)
		mix_d(d);
	for (float f = 1e30f; f < 1e38f * 10; f *= 3.7f)
		mix_s(f);
#ifdef __riscv
	{
		double square, fused, x = uniform(), y = uniform(), z = uniform();

		__asm__("fsqrt.d %0, %1" : "=f"(square) : "f"(x));
		__asm__("fmadd.d %0, %1, %2, %3" : "=f"(fused) : "f"(x), "f"(y), "f"(z));
		mix_d(square);
		mix_d(fused);
	}
#else
	{
		double x = uniform(), y = uniform(), z = uniform();

		mix_d(__builtin_sqrt(x));
		mix_d(__builtin_fma(x, y, z));
	}
#endif
}

u64 program(u64 seed);
u64 program(u64 seed)
{
	state = seed | 1;
	sum = 0;
	text();
	solve();
	convert();
	series();
	return sum;
}
