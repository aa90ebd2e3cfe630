/* SPDX-License-Identifier: MIT */
/*
 * Fixed-width types for the contracts in this directory.
 *
 * The kernel and Linux user space take them from <linux/types.h>; freestanding
 * users (firmware, tile kernels) get the same names from the compiler.
 * Everything in memory is little endian.
 */
#ifndef NPU_TYPES_H
#define NPU_TYPES_H

#if defined(__KERNEL__) || defined(__linux__)
#include <linux/types.h>
#else
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int8_t __s8;
typedef int16_t __s16;
typedef int32_t __s32;
typedef int64_t __s64;
#endif

/* Layout checks that hold in C11, gnu11 (kernel) and C++. */
#ifdef __cplusplus
#define NPU_STATIC_ASSERT(cond, msg) static_assert(cond, msg)
#else
#define NPU_STATIC_ASSERT(cond, msg) _Static_assert(cond, msg)
#endif

#define NPU_ASSERT_SIZE(type, size) \
	NPU_STATIC_ASSERT(sizeof(type) == (size), "size of " #type)
#define NPU_ASSERT_OFFSET(type, member, offset)                         \
	NPU_STATIC_ASSERT(__builtin_offsetof(type, member) == (offset), \
			  "offset of " #member " in " #type)

#endif /* NPU_TYPES_H */
