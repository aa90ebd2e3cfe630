// SPDX-License-Identifier: MIT
#include "augment.h"

#include <math.h>

#define CELLS	  4			 /* the bending field has CELLS x CELLS cells ... */
#define CELL	  (AUGMENT_SIDE / CELLS) /* ... of CELL x CELL pixels */
#define KNOTS	  (CELLS + 3)		 /* a cubic spline looks one back and two ahead */

/* How far it goes, either way. */
#define MAX_SHIFT 2.0f	/* pixels */
#define MAX_TURN  0.12f /* tangent of half the angle: 14 degrees */
#define MAX_SCALE 0.15f
#define MAX_SHEAR 0.18f
#define MAX_BEND  3.0f /* pixels at the spline's knots; the curve between them stays well below */

/* Weights of the four knots around position @t in 0..1 of a cell (uniform cubic B-spline). */
static void spline(float t, float weights[4])
{
	float u = 1.0f - t;

	weights[0] = u * u * u / 6.0f;
	weights[1] = (3.0f * t * t * t - 6.0f * t * t + 4.0f) / 6.0f;
	weights[2] = (3.0f * u * u * u - 6.0f * u * u + 4.0f) / 6.0f;
	weights[3] = t * t * t / 6.0f;
}

static float pixel(const uint8_t *image, int y, int x)
{
	if (y < 0 || y >= AUGMENT_SIDE || x < 0 || x >= AUGMENT_SIDE)
		return 0.0f;
	return image[y * AUGMENT_SIDE + x];
}

static float sample(const uint8_t *image, float y, float x)
{
	float top = floorf(y), left = floorf(x);
	float down = y - top, right = x - left;
	int row = (int)top, column = (int)left;

	return (1.0f - down) * ((1.0f - right) * pixel(image, row, column) +
				right * pixel(image, row, column + 1)) +
	       down * ((1.0f - right) * pixel(image, row + 1, column) +
		       right * pixel(image, row + 1, column + 1));
}

void augment(struct random_state *random, const uint8_t *image, float *ret_image)
{
	const float middle = (AUGMENT_SIDE - 1) / 2.0f;
	float bend[2][KNOTS][KNOTS], weights[CELL][4];
	float turn = random_spread(random, MAX_TURN);
	/* Sine and cosine from the half angle's tangent: no library function, the same anywhere. */
	float cosine = (1.0f - turn * turn) / (1.0f + turn * turn);
	float sine = 2.0f * turn / (1.0f + turn * turn);
	float scale_y = 1.0f + random_spread(random, MAX_SCALE);
	float scale_x = 1.0f + random_spread(random, MAX_SCALE);
	float shear = random_spread(random, MAX_SHEAR);
	float shift_y = random_spread(random, MAX_SHIFT);
	float shift_x = random_spread(random, MAX_SHIFT);
	int y, x, i, j, axis;

	for (axis = 0; axis < 2; axis++) {
		for (i = 0; i < KNOTS; i++) {
			for (j = 0; j < KNOTS; j++)
				bend[axis][i][j] = random_spread(random, MAX_BEND);
		}
	}
	for (i = 0; i < CELL; i++)
		spline((i + 0.5f) / CELL, weights[i]);

	for (y = 0; y < AUGMENT_SIDE; y++) {
		for (x = 0; x < AUGMENT_SIDE; x++) {
			const float *wy = weights[y % CELL], *wx = weights[x % CELL];
			float dy = (y - middle) * scale_y, dx = (x - middle) * scale_x;
			float from_y = sine * dx + cosine * dy + middle + shift_y;
			float from_x = cosine * dx - sine * dy + shear * dy + middle + shift_x;

			for (i = 0; i < 4; i++) {
				for (j = 0; j < 4; j++) {
					float weight = wy[i] * wx[j];

					from_y += weight * bend[0][y / CELL + i][x / CELL + j];
					from_x += weight * bend[1][y / CELL + i][x / CELL + j];
				}
			}
			ret_image[y * AUGMENT_SIDE + x] =
				sample(image, from_y, from_x) * (1.0f / 255.0f);
		}
	}
}

void augment_none(const uint8_t *image, float *ret_image)
{
	int i;

	for (i = 0; i < AUGMENT_SIDE * AUGMENT_SIDE; i++)
		ret_image[i] = image[i] * (1.0f / 255.0f);
}
