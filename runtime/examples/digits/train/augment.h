/* SPDX-License-Identifier: MIT */
/* Random distortions that a person's hand could have made. */
#ifndef DIGITS_AUGMENT_H
#define DIGITS_AUGMENT_H

#include <stdint.h>

#include "random.h"

#define AUGMENT_SIDE 28 /**< pictures are AUGMENT_SIDE x AUGMENT_SIDE */

/**
 * augment() - shift, turn, scale, shear and bend a digit at random
 * @random: source of the numbers; moved on
 * @image: u8 pixels
 * @ret_image: receives pixels in 0..1
 */
void augment(struct random_state *random, const uint8_t *image, float *ret_image);

/** augment_none() - the same conversion to 0..1 without any distortion. */
void augment_none(const uint8_t *image, float *ret_image);

#endif
