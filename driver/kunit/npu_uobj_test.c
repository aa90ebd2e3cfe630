// SPDX-License-Identifier: GPL-2.0-only
/* Arrays that programs pass in, whatever they say of them. */
#include <kunit/test.h>
#include <linux/mman.h>

#include "../npu_uobj.c"

/** struct npu_uobj_test_object - an object that has grown by one member since its first release */
struct npu_uobj_test_object {
	/** @first: what it had from the beginning */
	u64 first;
	/** @later: what programs of that time do not know */
	u64 later;
};

#define FIRST_SIZE offsetofend(struct npu_uobj_test_object, first)
#define MAX_COUNT 64

static int npu_uobj_test_init(struct kunit *test)
{
	unsigned long user = kunit_vm_mmap(test, NULL, 0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_FALSE(test, !user || IS_ERR_VALUE(user));
	test->priv = (void *)user;
	return 0;
}

static struct drm_npu_obj_array npu_uobj_test_array(struct kunit *test, const void *from,
						    u32 stride, u32 count)
{
	struct drm_npu_obj_array array = {
		.stride = stride,
		.count = count,
		.array = (uintptr_t)test->priv,
	};

	if (from)
		KUNIT_ASSERT_EQ(test, copy_to_user(u64_to_user_ptr(array.array), from,
						   (size_t)stride * count), 0);
	return array;
}

static struct npu_uobj_test_object *npu_uobj_test_get(const struct drm_npu_obj_array *in)
{
	return NPU_UOBJ_GET(in, struct npu_uobj_test_object, first, MAX_COUNT);
}

static void npu_uobj_test_strides(struct kunit *test)
{
	const u64 words[] = { 1, 2, 0, 3, 4, 0 };
	struct npu_uobj_test_object *objs;
	struct drm_npu_obj_array in;

	/* A program of old: what it does not know is 0. */
	in = npu_uobj_test_array(test, words, FIRST_SIZE, 2);
	objs = npu_uobj_test_get(&in);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, objs);
	KUNIT_EXPECT_EQ(test, objs[0].first, 1);
	KUNIT_EXPECT_EQ(test, objs[0].later, 0);
	KUNIT_EXPECT_EQ(test, objs[1].first, 2);
	kvfree(objs);

	/* One to come, that does not use what is new. */
	in = npu_uobj_test_array(test, words, 3 * sizeof(u64), 2);
	objs = npu_uobj_test_get(&in);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, objs);
	KUNIT_EXPECT_EQ(test, objs[1].first, 3);
	KUNIT_EXPECT_EQ(test, objs[1].later, 4);
	kvfree(objs);
}

static void npu_uobj_test_refused(struct kunit *test)
{
	const u64 words[] = { 1, 2, 3 };
	struct drm_npu_obj_array in;

	in = npu_uobj_test_array(test, words, sizeof(words), 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -E2BIG);
	in = npu_uobj_test_array(test, NULL, PAGE_SIZE + 8, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -E2BIG);
	in = npu_uobj_test_array(test, NULL, U32_MAX, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -E2BIG);
	in = npu_uobj_test_array(test, NULL, FIRST_SIZE - 1, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EINVAL);
	in = npu_uobj_test_array(test, NULL, 0, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EINVAL);
	in = npu_uobj_test_array(test, NULL, FIRST_SIZE, MAX_COUNT + 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EINVAL);
	in = npu_uobj_test_array(test, NULL, FIRST_SIZE, U32_MAX);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EINVAL);

	/* Memory that ends in the middle, that is not there, and that is the kernel's. */
	in = npu_uobj_test_array(test, NULL, sizeof(struct npu_uobj_test_object), 2);
	in.array += 2 * PAGE_SIZE - sizeof(struct npu_uobj_test_object);
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EFAULT);
	in.array = 0;
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EFAULT);
	in.array = (uintptr_t)words;
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EFAULT);
	in.array = U64_MAX;
	KUNIT_EXPECT_EQ(test, PTR_ERR(npu_uobj_test_get(&in)), -EFAULT);

	in.count = 0;
	KUNIT_EXPECT_NULL(test, npu_uobj_test_get(&in));
}

static struct kunit_case npu_uobj_cases[] = {
	KUNIT_CASE(npu_uobj_test_strides),
	KUNIT_CASE(npu_uobj_test_refused),
	{}
};

static struct kunit_suite npu_uobj_suite = {
	.name = "npu_uobj",
	.init = npu_uobj_test_init,
	.test_cases = npu_uobj_cases,
};

kunit_test_suite(npu_uobj_suite);
