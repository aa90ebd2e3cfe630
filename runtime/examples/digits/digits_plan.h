/* SPDX-License-Identifier: MIT */
/*
 * From a network to what the kernel runs: the layout of the tile's SRAM.
 */
#ifndef DIGITS_PLAN_H
#define DIGITS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "digits_file.h"
#include "digits_kernels.h"
#include "digits_model.h"

/** SRAM that the plan leaves to the kernel's stack, bytes: NPU_STACK_SIZE of <npu.h>. */
#define DIGITS_PLAN_STACK 16384u

/**
 * digits_plan_lay_out() - lay out the SRAM for a network
 * @model: a loaded model
 * @sram_size: bytes of SRAM in a tile
 * @batch: digits that a workgroup should take, at least 1; fewer if the SRAM is too small for them
 * @ret_plan: receives the plan, with generation 0; untouched on failure
 * @error: receives the reason on failure; may be NULL
 *
 * Return: 0; -ENOTSUP if the kernel cannot run such a network; -ENOSPC if the SRAM is too small for
 * even one digit.
 */
int digits_plan_lay_out(const struct digits_model *model, uint32_t sram_size, uint32_t batch,
			struct digits_plan *ret_plan, struct digits_error *error);

#endif
