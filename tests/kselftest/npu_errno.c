// SPDX-License-Identifier: MIT
/*
 * The tables of errors in docs/uapi.md, which is installed beside this: for every reason that they give for
 * an error there is a case here that makes the request and gets that error, or the name of the test that
 * does. A reason that is new, gone or worded anew fails until its case is.
 */
#include "npu_errno.h"

#define MORE_THAN_ALL 4096 /* queues or address spaces of any device */

/* ---- DEV_QUERY, VMs -------------------------------------------------------------------------------- */

ONE(query_type, REQUEST(DEV_QUERY, dev_query, .type = 99))
ONE(query_pointer, REQUEST(DEV_QUERY, dev_query, .size = 8, .pointer = 8))

TWO(vm_flags, REQUEST(VM_CREATE, vm_create, .flags = 1),
    REQUEST(VM_DESTROY, vm_destroy, .id = env->other_vm, .pad = 1))

/* Closing the file gives them all back. */
static int take_all_spaces(void)
{
	int fd = npu_test_open(), ret = fd < 0 ? fd : 0;
	uint32_t id;

	for (int n = 0; !ret; n++)
		ret = n < MORE_THAN_ALL ? npu_vm_create(fd, &id) : -EPROTO;
	close(fd);
	return ret;
}

ONE(vm_spaces, take_all_spaces())

TWO(vm_unknown, npu_vm_destroy(env->fd, NOBODYS),
    REQUEST(VM_GET_STATE, vm_get_state, .vm_id = NOBODYS))

/* ---- BOs ------------------------------------------------------------------------------------------- */

static int bo_create(struct env *env, int i)
{
	switch (i) {
	case 0:
		return REQUEST(BO_CREATE, bo_create, .size = 0);
	case 1:
		return REQUEST(BO_CREATE, bo_create, .size = (256ull << 30) + 1);
	case 2:
		return REQUEST(BO_CREATE, bo_create, .size = PAGE, .flags = 1u << 31);
	case 3:
		return REQUEST(BO_CREATE, bo_create, .size = PAGE, .pad = 1);
	default:
		return END;
	}
}

ONE(bo_of_nobody, REQUEST(BO_CREATE, bo_create, .size = PAGE, .vm_id = NOBODYS))
ONE(bo_huge, REQUEST(BO_CREATE, bo_create, .size = 256ull << 30))
ONE(mmap_pad, REQUEST(BO_MMAP_OFFSET, bo_mmap_offset, .handle = env->bo, .pad = 1))
ONE(mmap_own, REQUEST(BO_MMAP_OFFSET, bo_mmap_offset, .handle = env->own))
ONE(mmap_unknown, REQUEST(BO_MMAP_OFFSET, bo_mmap_offset, .handle = NOBODYS))
ONE(mmap_taken, REQUEST(BO_MMAP_OFFSET, bo_mmap_offset, .handle = env->taken))

static int export_bo(struct env *env, uint32_t handle)
{
	struct drm_prime_handle req = {.handle = handle, .flags = DRM_CLOEXEC};

	return npu_ioctl(env->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &req);
}

static int import_fd(struct env *env, int fd)
{
	struct drm_prime_handle req = {.fd = fd};

	return npu_ioctl(env->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &req);
}

ONE(export_private, export_bo(env, env->private_bo))
ONE(export_own, export_bo(env, env->own))
ONE(export_taken, export_bo(env, env->taken))
ONE(import_other_file, import_fd(env, env->fd))
ONE(import_no_file, import_fd(env, 1000))

static int own_bo(struct env *env, uint64_t offset, uint64_t size, uint32_t flags)
{
	return REQUEST(BO_USERPTR, bo_userptr, .addr = (uintptr_t)env->pages + offset, .size = size,
		       .flags = flags);
}

ONE(own_flags, own_bo(env, 0, PAGE, 1u << 31))

TWO(own_alignment, own_bo(env, 1, PAGE, 0), own_bo(env, 0, PAGE + 1, 0))

TWO(own_size, own_bo(env, 0, 0, 0), own_bo(env, 0, (16ull << 30) + PAGE, 0))

ONE(own_wraps, REQUEST(BO_USERPTR, bo_userptr, .addr = -PAGE, .size = 2 * PAGE))

static int own_too_much_as_user(struct env *env, int i)
{
	const struct rlimit nothing = {};

	return setrlimit(RLIMIT_MEMLOCK, &nothing) ? -EPROTO : own_bo(env, PAGE, PAGE, 0);
}

ONE(own_too_much, as_user(own_too_much_as_user, i))

static int own_not_there(struct env *env, int i)
{
	switch (i) {
	case 0:
		return own_bo(env, 3 * PAGE, PAGE, 0);
	case 1:
		return own_bo(env, 2 * PAGE, PAGE, 0);
	case 2:
		return REQUEST(BO_USERPTR, bo_userptr, .addr = (uintptr_t)env->ctx.mem,
			       .size = PAGE);
	default:
		return END;
	}
}

ONE(advice_pad, REQUEST(BO_MADVISE, bo_madvise, .handle = env->bo, .pad = 1))
ONE(advice_unknown, REQUEST(BO_MADVISE, bo_madvise, .handle = env->bo, .advice = 99))

/* An imported one: npu_share. */
ONE(advice_own, REQUEST(BO_MADVISE, bo_madvise, .handle = env->own))
ONE(advice_no_handle, REQUEST(BO_MADVISE, bo_madvise, .handle = NOBODYS))

TWO(label_pad, REQUEST(BO_QUERY_INFO, bo_query_info, .handle = env->bo, .pad = 1),
    REQUEST(BO_SET_LABEL, bo_set_label, .handle = env->bo, .pad = 1))

TWO(label_no_handle, REQUEST(BO_QUERY_INFO, bo_query_info, .handle = NOBODYS),
    REQUEST(BO_SET_LABEL, bo_set_label, .handle = NOBODYS))

static int label_pointer(struct env *env, int i)
{
	int ret;

	switch (i) {
	case 0:
		return REQUEST(BO_SET_LABEL, bo_set_label, .handle = env->bo, .label = 8);
	case 1:
		ret = REQUEST(BO_SET_LABEL, bo_set_label, .handle = env->bo,
			      .label = (uintptr_t) "text");
		if (ret)
			return -EPROTO;
		return REQUEST(BO_QUERY_INFO, bo_query_info, .handle = env->bo, .label = 8,
			       .label_size = 5);
	default:
		return END;
	}
}

static int label_long(struct env *env, int i)
{
	char text[DRM_NPU_BO_LABEL_MAX + 1] = "";

	memset(text, 'x', DRM_NPU_BO_LABEL_MAX);
	return i ? END
		 : REQUEST(BO_SET_LABEL, bo_set_label, .handle = env->bo, .label = (uintptr_t)text);
}

/* ---- VM_BIND --------------------------------------------------------------------------------------- */

static int bind(struct env *env, struct drm_npu_vm_bind_op op)
{
	return npu_vm_bind(env->fd, env->vm, &op, 1);
}

static int bind_synced(struct env *env, uint32_t flags, struct drm_npu_sync_op sync)
{
	return REQUEST(VM_BIND, vm_bind, .vm_id = env->vm, .flags = flags,
		       .syncs = DRM_NPU_OBJ_ARRAY(1, &sync));
}

/* A good one, to be spoilt. */
static struct drm_npu_vm_bind_op map(struct env *env)
{
	return (struct drm_npu_vm_bind_op){.bo_handle = env->bo, .va = FREE_VA, .size = PAGE};
}

static int bind_bo(struct env *env, uint32_t handle)
{
	struct drm_npu_vm_bind_op op = map(env);

	op.bo_handle = handle;
	return bind(env, op);
}

static int bind_flags(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	return i ? END
		 : REQUEST(VM_BIND, vm_bind, .vm_id = env->vm, .flags = 1u << 31,
			   .ops = DRM_NPU_OBJ_ARRAY(1, &op));
}

static int bind_count(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	switch (i) {
	case 0:
		return npu_vm_bind(env->fd, env->vm, &op, 0);
	case 1:
		return npu_vm_bind(env->fd, env->vm, &op, env->info.max_bind_ops + 1);
	default:
		return END;
	}
}

static int bind_unknown(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	op.flags = i ? 1u << 27 : DRM_NPU_VM_BIND_TYPE_MASK;
	return i > 1 ? END : bind(env, op);
}

static int bind_alignment(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	op.va += i == 0;
	op.size += i == 1;
	op.bo_offset += i == 2;
	return i > 2 ? END : bind(env, op);
}

static int bind_nothing(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	op.size = 0;
	return i ? END : bind(env, op);
}

static int bind_range(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	switch (i) {
	case 0:
		op.va = env->info.va_start - PAGE;
		break;
	case 1:
		op.va = env->info.va_end;
		break;
	case 2:
		op.va = env->info.va_end - PAGE;
		op.size = 2 * PAGE;
		break;
	case 3:
		op.bo_offset = NPU_TEST_SIZE;
		break;
	case 4:
		op.size = NPU_TEST_SIZE + PAGE;
		break;
	case 5:
		op.flags = DRM_NPU_VM_BIND_UNMAP;
		op.bo_handle = 0;
		op.size = -PAGE;
		break;
	case 6:
		op.bo_offset = -PAGE;
		op.size = 2 * PAGE;
		break;
	default:
		return END;
	}
	return bind(env, op);
}

static int bind_unmap(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = {.va = FREE_VA, .size = PAGE};

	op.flags = DRM_NPU_VM_BIND_UNMAP | (i ? 0 : DRM_NPU_VM_BIND_READONLY);
	op.bo_handle = i == 1 ? env->bo : 0;
	op.bo_offset = i == 2 ? PAGE : 0;
	return i > 2 ? END : bind(env, op);
}

static int bind_sparse(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = {
		.flags = DRM_NPU_VM_BIND_SPARSE, .va = FREE_VA, .size = PAGE};

	op.bo_handle = i == 0 ? env->bo : 0;
	op.bo_offset = i == 1 ? PAGE : 0;
	return i > 1 ? END : bind(env, op);
}

static int bind_syncs(struct env *env, int i)
{
	const struct drm_npu_sync_op signal = {.flags = DRM_NPU_SYNC_OP_SIGNAL,
					       .handle = env->binary};
	struct drm_npu_vm_bind_op op = map(env);

	switch (i) {
	case 0:
		return REQUEST(VM_BIND, vm_bind, .vm_id = env->vm, .ops = DRM_NPU_OBJ_ARRAY(1, &op),
			       .syncs = DRM_NPU_OBJ_ARRAY(1, &signal));
	case 1:
		return bind_synced(env, DRM_NPU_VM_BIND_ASYNC,
				   (struct drm_npu_sync_op){.flags = DRM_NPU_SYNC_OP_SIGNAL,
							    .handle = env->binary,
							    .point = 1});
	case 2:
		return bind_synced(env, DRM_NPU_VM_BIND_ASYNC,
				   (struct drm_npu_sync_op){.handle = env->binary});
	default:
		return END;
	}
}

static int bind_too_large(struct env *env, int i)
{
	struct {
		struct drm_npu_vm_bind_op op;
		uint64_t more;
	} op = {map(env), 1};
	struct {
		struct drm_npu_sync_op sync;
		uint64_t more;
	} sync = {{.flags = DRM_NPU_SYNC_OP_SIGNAL, .handle = env->binary}, 1};
	struct drm_npu_vm_bind req = {.vm_id = env->vm};

	switch (i) {
	case 0:
		req.ops = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &op);
		break;
	case 1:
		req.flags = DRM_NPU_VM_BIND_ASYNC;
		req.syncs = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &sync);
		break;
	case 2:
		req.ops = (struct drm_npu_obj_array)DRM_NPU_OBJ_ARRAY(1, &op.op);
		req.ops.stride = 4096 + 8;
		break;
	default:
		return END;
	}
	return npu_ioctl(env->fd, DRM_IOCTL_NPU_VM_BIND, &req);
}

static int bind_no_such(struct env *env, int i)
{
	struct drm_npu_vm_bind_op op = map(env);

	switch (i) {
	case 0:
		return npu_vm_bind(env->fd, NOBODYS, &op, 1);
	case 1:
		return bind_bo(env, NOBODYS);
	case 2:
		return bind_synced(env, DRM_NPU_VM_BIND_ASYNC,
				   (struct drm_npu_sync_op){.flags = DRM_NPU_SYNC_OP_SIGNAL,
							    .handle = NOBODYS});
	default:
		return END;
	}
}

ONE(bind_private, bind_bo(env, env->private_bo))
ONE(bind_own_readonly, bind_bo(env, env->own_readonly))
ONE(bind_taken, bind_bo(env, env->taken))

/* ---- queues and jobs ------------------------------------------------------------------------------- */

static int queue_create(struct env *env, int i)
{
	switch (i) {
	case 0:
		return REQUEST(QUEUE_CREATE, queue_create, .vm_id = env->vm, .flags = 1);
	case 1:
		return REQUEST(QUEUE_CREATE, queue_create, .vm_id = env->vm, .pad = 1);
	case 2:
		return REQUEST(QUEUE_CREATE, queue_create, .vm_id = env->vm, .priority = 99);
	default:
		return END;
	}
}

ONE(queue_timeout, REQUEST(QUEUE_CREATE, queue_create, .vm_id = env->vm,
			   .timeout_ms = env->info.max_timeout_ms + 1))

static int queue_priority_as_user(struct env *env, int i)
{
	return REQUEST(QUEUE_CREATE, queue_create, .vm_id = env->vm,
		       .priority =
			       i ? DRM_NPU_QUEUE_PRIORITY_REALTIME : DRM_NPU_QUEUE_PRIORITY_HIGH);
}

TWO(queue_priority, as_user(queue_priority_as_user, 0), as_user(queue_priority_as_user, 1))

ONE(queue_no_vm, REQUEST(QUEUE_CREATE, queue_create, .vm_id = NOBODYS))

static int take_all_queues(void)
{
	int fd = npu_test_open(), ret;
	uint32_t vm, id;

	ret = fd < 0 ? fd : npu_vm_create(fd, &vm);
	for (int n = 0; !ret; n++)
		ret = n < MORE_THAN_ALL ? npu_queue_create(fd, vm, 0, &id) : -EPROTO;
	close(fd);
	return ret;
}

ONE(queue_all, take_all_queues())
ONE(queue_destroy_pad, REQUEST(QUEUE_DESTROY, queue_destroy, .id = env->queue, .pad = 1))
ONE(queue_destroy_unknown, npu_queue_destroy(env->fd, NOBODYS))

static int state_stride(struct env *env, int i)
{
	uint64_t values[2];

	return i ? END
		 : REQUEST(QUEUE_GET_STATE, queue_get_state, .id = env->queue,
			   .counters = {.stride = 16, .count = 1, .array = (uintptr_t)values});
}

ONE(state_unknown, REQUEST(QUEUE_GET_STATE, queue_get_state, .id = NOBODYS))

static int submit_cmdbuf(struct env *env, struct drm_npu_cmdbuf cmdbuf)
{
	return REQUEST(SUBMIT, submit, .queue_id = env->queue,
		       .cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf));
}

static int submit_sync(struct env *env, struct drm_npu_sync_op sync)
{
	return REQUEST(SUBMIT, submit, .queue_id = env->queue,
		       .syncs = DRM_NPU_OBJ_ARRAY(1, &sync));
}

static int submit_access(struct env *env, uint32_t handle)
{
	const struct drm_npu_bo_access access = {.handle = handle};

	return REQUEST(SUBMIT, submit, .queue_id = env->queue,
		       .accesses = DRM_NPU_OBJ_ARRAY(1, &access));
}

static int submit_flags(struct env *env, int i)
{
	switch (i) {
	case 0:
		return REQUEST(SUBMIT, submit, .queue_id = env->queue, .flags = 1);
	case 1:
		return submit_cmdbuf(
			env, (struct drm_npu_cmdbuf){.va = NPU_TEST_VA, .packets = 1, .flags = 1});
	case 2:
		return submit_sync(
			env, (struct drm_npu_sync_op){.flags = 1u << 31, .handle = env->binary});
	default:
		return END;
	}
}

static int submit_too_many(struct env *env, int i)
{
	struct drm_npu_obj_array array = {.stride = 64, .array = (uintptr_t)env->pages};

	switch (i) {
	case 0:
		array.count = env->info.max_cmdbufs + 1;
		return REQUEST(SUBMIT, submit, .queue_id = env->queue, .cmdbufs = array);
	case 1:
		array.count = env->info.max_syncs + 1;
		return REQUEST(SUBMIT, submit, .queue_id = env->queue, .syncs = array);
	case 2:
		array.count = env->info.max_syncs + 1;
		return REQUEST(SUBMIT, submit, .queue_id = env->queue, .accesses = array);
	default:
		return END;
	}
}

ONE(submit_alignment,
    submit_cmdbuf(env, (struct drm_npu_cmdbuf){.va = NPU_TEST_VA + 8, .packets = 1}))

static int submit_packets(struct env *env, int i)
{
	struct drm_npu_cmdbuf cmdbuf = {.va = NPU_TEST_VA};

	cmdbuf.packets = i ? env->info.max_packets + 1 : 0;
	return i > 1 ? END : submit_cmdbuf(env, cmdbuf);
}

static int submit_leaves(struct env *env, int i)
{
	struct drm_npu_cmdbuf cmdbuf = {.packets = 2};

	switch (i) {
	case 0:
		cmdbuf.va = env->info.va_start - NPU_PACKET_SIZE;
		break;
	case 1:
		cmdbuf.va = env->info.va_end - NPU_PACKET_SIZE;
		break;
	case 2:
		cmdbuf.va = -(uint64_t)NPU_PACKET_SIZE;
		break;
	default:
		return END;
	}
	return submit_cmdbuf(env, cmdbuf);
}

ONE(submit_binary_point,
    submit_sync(env, (struct drm_npu_sync_op){
			     .flags = DRM_NPU_SYNC_OP_SIGNAL, .handle = env->binary, .point = 1}))

ONE(submit_point_0, submit_sync(env, (struct drm_npu_sync_op){.flags = DRM_NPU_SYNC_OP_SIGNAL |
								       DRM_NPU_SYNC_OP_TIMELINE,
							      .handle = env->timeline}))

TWO(submit_wait_nothing, submit_sync(env, (struct drm_npu_sync_op){.handle = env->binary}),
    submit_sync(env, (struct drm_npu_sync_op){.flags = DRM_NPU_SYNC_OP_TIMELINE,
					      .handle = env->timeline,
					      .point = 7}))

TWO(submit_bad_access, submit_access(env, env->private_bo), submit_access(env, env->own))

static int submit_too_large(struct env *env, int i)
{
	struct {
		struct drm_npu_cmdbuf cmdbuf;
		uint64_t more;
	} cmdbuf = {{.va = NPU_TEST_VA, .packets = 1}, 1};
	struct drm_npu_submit req = {.queue_id = env->queue,
				     .cmdbufs = DRM_NPU_OBJ_ARRAY(1, &cmdbuf)};

	if (i == 1)
		req.cmdbufs.stride = 4096 + 8;
	return i > 1 ? END : npu_ioctl(env->fd, DRM_IOCTL_NPU_SUBMIT, &req);
}

static int submit_no_such(struct env *env, int i)
{
	switch (i) {
	case 0:
		return REQUEST(SUBMIT, submit, .queue_id = NOBODYS);
	case 1:
		return submit_sync(env, (struct drm_npu_sync_op){.flags = DRM_NPU_SYNC_OP_SIGNAL,
								 .handle = NOBODYS});
	case 2:
		return submit_access(env, NOBODYS);
	default:
		return END;
	}
}

ONE(submit_over, REQUEST(SUBMIT, submit, .queue_id = env->over))

/* ---- counters and records -------------------------------------------------------------------------- */

ONE(perfmon_flags, REQUEST(PERFMON_CREATE, perfmon_create,
			   .counter_version = env->info.counter_version, .counters = 1, .flags = 1))

ONE(perfmon_version, REQUEST(PERFMON_CREATE, perfmon_create,
			     .counter_version = env->info.counter_version + 1, .counters = 1))

static int perfmon_counters(struct env *env, int i)
{
	return i > 1 ? END
		     : REQUEST(PERFMON_CREATE, perfmon_create,
			       .counter_version = env->info.counter_version,
			       .counters = i ? 1ull << env->info.counter_count : 0);
}

ONE(perfmon_no_queue,
    REQUEST(PERFMON_CREATE, perfmon_create, .counter_version = env->info.counter_version,
	    .counters = 1, .queue_id = NOBODYS))

static int take_all_perfmons(struct env *env)
{
	struct drm_npu_perfmon_create req = {.counter_version = env->info.counter_version,
					     .counters = 1};
	int fd = npu_test_open(), ret = fd < 0 ? fd : 0, n;

	for (n = 0; !ret && n < 65; n++)
		ret = npu_ioctl(fd, DRM_IOCTL_NPU_PERFMON_CREATE, &req);
	close(fd);
	return n == 65 ? ret : -EPROTO;
}

ONE(perfmon_all, take_all_perfmons(env))

ONE(perfmon_read_flag, REQUEST(PERFMON_READ, perfmon_read, .id = env->perfmon, .flags = 1u << 31))

static int perfmon_read_stride(struct env *env, int i)
{
	uint64_t values[2];

	return i ? END
		 : REQUEST(PERFMON_READ, perfmon_read, .id = env->perfmon,
			   .values = {.stride = 16, .count = 1, .array = (uintptr_t)values});
}

ONE(perfmon_read_pointer, REQUEST(PERFMON_READ, perfmon_read, .id = env->perfmon,
				  .values = {.stride = 8, .count = 1, .array = 8}))

ONE(perfmon_pad, REQUEST(PERFMON_DESTROY, perfmon_destroy, .id = env->perfmon, .pad = 1))

TWO(perfmon_unknown, REQUEST(PERFMON_READ, perfmon_read, .id = NOBODYS),
    REQUEST(PERFMON_DESTROY, perfmon_destroy, .id = NOBODYS))

static struct drm_npu_perf_stream_open perf_device(const struct env *env)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.scope = DRM_NPU_PERF_SCOPE_DEVICE;
	req.queue_id = 0;
	return req;
}

/* Each is a good request with one thing that is not. */
static int perf_unknown(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	if (i == 0)
		req.scope = 99;
	else if (i == 1)
		req.flags = 1u << 31;
	else
		req.modes |= 1u << 31;
	return i > 2 ? END : perf_open(env, req);
}

static int perf_pad(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.pad = 1;
	return i ? END : perf_open(env, req);
}

static int perf_no_mode(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.modes = i ? NPU_PERF_MODE_KEEP : 0;
	return i > 1 ? END : perf_open(env, req);
}

static int perf_period(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	switch (i) {
	case 0:
		req.modes = NPU_PERF_MODE_SAMPLES;
		req.period = NPU_PERF_PERIOD_MIN - 1;
		break;
	case 1:
		req.modes = NPU_PERF_MODE_SAMPLES;
		req.period = NPU_PERF_PERIOD_MAX + 1;
		break;
	case 2:
		req.period = 1000;
		break;
	default:
		return END;
	}
	return perf_open(env, req);
}

static int perf_ring(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.ring_log2 = i ? 16 : 5;
	return i > 1 ? END : perf_open(env, req);
}

static int perf_threshold(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.threshold = i ? 65 : 0;
	return i > 1 ? END : perf_open(env, req);
}

static int perf_lanes(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	switch (i) {
	case 0:
		req.lanes = 2;
		break;
	case 1:
	case 2:
		req.scope = DRM_NPU_PERF_SCOPE_ALL;
		req.queue_id = 0;
		req.lanes = i == 1 ? 0 : 9;
		break;
	default:
		return END;
	}
	return perf_open(env, req);
}

static int perf_queue_id(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	if (i)
		req.scope = DRM_NPU_PERF_SCOPE_ALL;
	else
		req.queue_id = 0;
	return i > 1 ? END : perf_open(env, req);
}

static int perf_device_pid(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf_device(env);

	req.pid = getpid();
	return i ? END : perf_open(env, req);
}

static int perf_not_allowed_as_user(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = i ? perf_device(env) : perf(env);

	if (!i)
		req.pid = getpid();
	return perf_open(env, req);
}

TWO(perf_not_allowed, as_user(perf_not_allowed_as_user, 0), as_user(perf_not_allowed_as_user, 1))

static int perf_no_process(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.pid = 0x3fffff;
	return i ? END : perf_open(env, req);
}

static int perf_no_queue(struct env *env, int i)
{
	struct drm_npu_perf_stream_open req = perf(env);

	req.queue_id = NOBODYS;
	return i ? END : perf_open(env, req);
}

/* The ids of a file begin with the same. */
static int open_not_unique(struct env *env)
{
	struct drm_npu_perf_stream_open req = perf(env);
	struct npu_ctx other, third;
	int ret = -EPROTO;

	if (!npu_ctx_init(&other, 0)) {
		if (!npu_ctx_init(&third, 0)) {
			req.queue_id = other.queue;
			req.pid = getpid();
			ret = other.queue == third.queue ? perf_open(env, req) : -EPROTO;
		}
		npu_ctx_exit(&third);
	}
	npu_ctx_exit(&other);
	return ret;
}

ONE(perf_not_unique, open_not_unique(env))

static int open_without_tiles(struct env *env)
{
	struct drm_npu_perf_stream_open req = perf(env);
	int ret = npu_queue_create(env->fd, env->vm, 0, &req.queue_id);

	if (ret)
		return -EPROTO;
	req.tiles = 1ull << 63;
	ret = perf_open(env, req);
	return npu_queue_destroy(env->fd, req.queue_id) ? -EPROTO : ret;
}

ONE(perf_no_tile, open_without_tiles(env))

TWO(perf_watched, perf_open(env, perf(env)), perf_open(env, perf_device(env)))

static int open_without_files(struct env *env)
{
	struct rlimit limit, none;
	int fd, ret;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -EPROTO;
	fd = dup(env->fd);
	close(fd);
	none = limit;
	none.rlim_cur = fd;
	if (close(env->stream) || setrlimit(RLIMIT_NOFILE, &none))
		return -EPROTO;
	/* the number that the stream had is free now, and to be taken */
	fd = dup(env->fd);
	ret = perf_open(env, perf(env));
	close(fd);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return -EPROTO;
	env->stream = perf_open(env, perf(env));
	return env->stream < 0 ? -EPROTO : ret;
}

ONE(perf_files, open_without_files(env))

TWO(stream_lane,
    npu_ioctl(env->stream, DRM_NPU_PERF_IOC_STATUS, &(struct drm_npu_perf_status){.lane = 1}),
    npu_ioctl(env->stream, DRM_NPU_PERF_IOC_CONSUME, &(struct drm_npu_perf_consume){.lane = 1}))
ONE(stream_pad,
    npu_ioctl(env->stream, DRM_NPU_PERF_IOC_CONSUME, &(struct drm_npu_perf_consume){.pad = 1}))

ONE(stream_tail,
    npu_ioctl(env->stream, DRM_NPU_PERF_IOC_CONSUME, &(struct drm_npu_perf_consume){.tail = 1}))

static int stream_mmap(struct env *env, size_t size, int prot, int flags)
{
	void *ring = mmap(NULL, size, prot, flags, env->stream, 0);

	if (ring == MAP_FAILED)
		return -errno;
	munmap(ring, size);
	return 0;
}

ONE(stream_map_write, stream_mmap(env, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED))

TWO(stream_map_beyond, stream_mmap(env, 3 * PAGE, PROT_READ, MAP_SHARED),
    stream_mmap(env, PAGE, PROT_READ, MAP_PRIVATE))

/* ---- the tables ------------------------------------------------------------------------------------ */

/* A reason for an error: the column "of" is empty where the section has one ioctl. */
struct reason {
	const char *section, *error, *of, *when;
	requests *make;
	const char *elsewhere; /* test that sees it, as FILE:TEST (tests/unit/test_docs.c looks), or why none can */
	bool found;
};

#define NO_BAD_DMA_BUF "no exporter of the kernel makes one"
/* Of a device that does not come up itself see npu_idle. */
#define NO_DEAD_BUS "no port of the VM sleeps"
#define NO_IOMMU    "the VM has none"
#define ALL_REACHED "the device has all 64 bits of an address"

static struct reason reasons[] = {
	{"DEV_QUERY", "EINVAL", "", "unknown `type`", query_type},
	{"DEV_QUERY", "EFAULT", "", "`pointer`", query_pointer},

	{"VM_CREATE", "EINVAL", "CREATE, DESTROY", "`flags`, `pad`", vm_flags},
	{"VM_CREATE", "ENOSPC", "CREATE", "the hardware has no free address space", vm_spaces},
	{"VM_CREATE", "EDQUOT", "CREATE", "the user has as many as `user_vms` allows", NULL,
	 "npu_reclaim:vms_and_queues"},
	{"VM_CREATE", "ENOENT", "DESTROY, GET_STATE", "no such VM", vm_unknown},

	{"BO_CREATE", "EINVAL", "CREATE", "`size` 0 or above 256 GiB, `flags`, `pad`", bo_create},
	{"BO_CREATE", "ENOENT", "CREATE", "no such VM", bo_of_nobody},
	{"BO_CREATE", "ENOMEM", "CREATE", "more than the machine's memory", bo_huge},
	{"BO_CREATE", "EDQUOT", "CREATE", "more than `user_memory_mib` allows", NULL,
	 "npu_reclaim:memory"},
	{"BO_CREATE", "EINVAL", "MMAP_OFFSET", "`pad`", mmap_pad},
	{"BO_CREATE", "EINVAL", "MMAP_OFFSET", "memory of a process", mmap_own},
	{"BO_CREATE", "ENOENT", "MMAP_OFFSET", "no such handle", mmap_unknown},
	{"BO_CREATE", "ENODATA", "MMAP_OFFSET", "its memory was taken", mmap_taken},

	{"dma-bufs", "EACCES", "HANDLE_TO_FD", "a BO that belongs to one VM", export_private},
	{"dma-bufs", "EACCES", "HANDLE_TO_FD", "memory of a process", export_own},
	{"dma-bufs", "ENODATA", "HANDLE_TO_FD", "its memory was taken", export_taken},
	{"dma-bufs", "EINVAL", "FD_TO_HANDLE", "no dma-buf", import_other_file},
	{"dma-bufs", "EINVAL", "FD_TO_HANDLE", "one that is not made of whole pages", NULL,
	 NO_BAD_DMA_BUF},
	{"dma-bufs", "EBADF", "FD_TO_HANDLE", "no file", import_no_file},

	{"BO_USERPTR", "EINVAL", "", "`flags`", own_flags},
	{"BO_USERPTR", "EINVAL", "", "alignment", own_alignment},
	{"BO_USERPTR", "EINVAL", "", "`size` 0 or above 16 GiB", own_size},
	{"BO_USERPTR", "EINVAL", "", "a range that wraps", own_wraps},
	{"BO_USERPTR", "EINVAL", "", "an IOMMU does not map it for the device", NULL, NO_IOMMU},
	{"BO_USERPTR", "EPERM", "", "more than `RLIMIT_MEMLOCK` allows, without `CAP_IPC_LOCK`",
	 own_too_much},
	{"BO_USERPTR", "EDQUOT", "", "more than `user_memory_mib` allows", NULL,
	 "npu_reclaim:memory"},
	{"BO_USERPTR", "EFAULT", "",
	 "memory that is not there, that may not be written (without `READONLY`), or of a kind "
	 "that cannot be "
	 "pinned, as mappings of BOs",
	 own_not_there},
	{"BO_USERPTR", "EIO", "",
	 "without an IOMMU: the device does not reach it, and it cannot be bounced", NULL,
	 ALL_REACHED},
	{"BO_USERPTR", "EINTR", "", "a deadly signal", NULL, "who gets it does not live to see it"},

	{"BO_MADVISE", "EINVAL", "", "`pad`", advice_pad},
	{"BO_MADVISE", "EINVAL", "", "unknown advice", advice_unknown},
	{"BO_MADVISE", "EINVAL", "", "an imported BO, or memory of a process", advice_own},
	{"BO_MADVISE", "ENOENT", "", "no such handle", advice_no_handle},

	{"BO_QUERY_INFO", "EINVAL", "both", "`pad`", label_pad},
	{"BO_QUERY_INFO", "ENOENT", "both", "no such handle", label_no_handle},
	{"BO_QUERY_INFO", "EFAULT", "both", "`label`", label_pointer},
	{"BO_QUERY_INFO", "E2BIG", "SET_LABEL", "longer than `DRM_NPU_BO_LABEL_MAX`, NUL and all",
	 label_long},

	{"VM_BIND", "EINVAL", "", "`flags`", bind_flags},
	{"VM_BIND", "EINVAL", "", "no operation, but with `ASYNC`, or too many", bind_count},
	{"VM_BIND", "EINVAL", "", "unknown operation or modifier", bind_unknown},
	{"VM_BIND", "EINVAL", "", "alignment", bind_alignment},
	{"VM_BIND", "EINVAL", "", "`size` 0", bind_nothing},
	{"VM_BIND", "EINVAL", "", "a range that leaves the address space or the BO, or wraps",
	 bind_range},
	{"VM_BIND", "EINVAL", "", "a modifier, handle or offset with `UNMAP`", bind_unmap},
	{"VM_BIND", "EINVAL", "", "handle or offset with `SPARSE`", bind_sparse},
	{"VM_BIND", "EINVAL", "",
	 "`syncs` without `ASYNC`, or one that is wrong as told at `SUBMIT`", bind_syncs},
	{"VM_BIND", "EINVAL", "", "the VM is unusable", NULL,
	 "npu_pci_error:bind_when_it_is_lost"},
	{"VM_BIND", "EINVAL", "", "an IOMMU does not map the BO's pages for the device", NULL,
	 NO_IOMMU},
	{"VM_BIND", "E2BIG", "", "unknown bytes in an operation or a sync, or a stride above 4096",
	 bind_too_large},
	{"VM_BIND", "ENOENT", "", "no such VM, handle or syncobj", bind_no_such},
	{"VM_BIND", "ENOENT", "", "the VM was destroyed meanwhile", NULL,
	 "npu_bind:async_full_and_vm_destroy"},
	{"VM_BIND", "EACCES", "", "a BO that belongs to another VM", bind_private},
	{"VM_BIND", "EACCES", "", "memory of a process that may only be read, without `READONLY`",
	 bind_own_readonly},
	{"VM_BIND", "ENODATA", "", "a BO whose memory was taken", bind_taken},
	{"VM_BIND", "EIO", "",
	 "without an IOMMU: the device does not reach the BO's pages, and they cannot be bounced",
	 NULL, ALL_REACHED},
	{"VM_BIND", "EOPNOTSUPP", "", "`SPARSE` on a device without `NPU_FEATURE_SPARSE`", NULL,
	 "all devices that there are have it"},

	{"QUEUE_CREATE", "EINVAL", "CREATE", "`flags`, `pad`, unknown priority", queue_create},
	{"QUEUE_CREATE", "ERANGE", "CREATE", "`timeout_ms` above `max_timeout_ms`", queue_timeout},
	{"QUEUE_CREATE", "EACCES", "CREATE", "priority without `CAP_SYS_NICE`", queue_priority},
	{"QUEUE_CREATE", "ENOENT", "CREATE", "no such VM", queue_no_vm},
	{"QUEUE_CREATE", "EBUSY", "CREATE", "all hardware queues are taken", queue_all},
	{"QUEUE_CREATE", "EDQUOT", "CREATE", "the user has as many as `user_queues` allows", NULL,
	 "npu_reclaim:vms_and_queues"},
	{"QUEUE_CREATE", "EIO", "CREATE",
	 "the firmware does not start the queue, not even after a reset", NULL,
	 "npu_inject:queue_not_started"},
	{"QUEUE_CREATE", "EIO", "CREATE", "the device sleeps behind a bus that cannot be woken",
	 NULL, NO_DEAD_BUS},
	{"QUEUE_CREATE", "EINVAL", "DESTROY", "`pad`", queue_destroy_pad},
	{"QUEUE_CREATE", "ENOENT", "DESTROY", "no such queue", queue_destroy_unknown},

	{"SUBMIT", "EINVAL", "", "`flags`", submit_flags},
	{"SUBMIT", "EINVAL", "", "too many", submit_too_many},
	{"SUBMIT", "EINVAL", "", "`va` not a multiple of 64", submit_alignment},
	{"SUBMIT", "EINVAL", "", "`packets` 0 or above `max_packets`", submit_packets},
	{"SUBMIT", "EINVAL", "", "a command buffer that leaves the address space", submit_leaves},
	{"SUBMIT", "EINVAL", "", "a binary syncobj with a point", submit_binary_point},
	{"SUBMIT", "EINVAL", "", "signalling point 0", submit_point_0},
	{"SUBMIT", "EINVAL", "", "a wait for something that nobody has submitted",
	 submit_wait_nothing},
	{"SUBMIT", "EINVAL", "", "in `accesses` a BO of one VM, or memory of a process",
	 submit_bad_access},
	{"SUBMIT", "E2BIG", "", "unknown bytes in an element, or a stride above 4096",
	 submit_too_large},
	{"SUBMIT", "ENOENT", "", "no such queue, syncobj or BO", submit_no_such},
	{"SUBMIT", "ECANCELED", "", "the queue is not usable any more", submit_over},
	{"SUBMIT", "EIO", "", "the device sleeps behind a bus that cannot be woken", NULL,
	 NO_DEAD_BUS},

	{"QUEUE_GET_STATE", "EINVAL", "", "`counters.stride` is not 8", state_stride},
	{"QUEUE_GET_STATE", "ENOENT", "", "no such queue", state_unknown},

	{"PERFMON_CREATE", "EINVAL", "CREATE", "`flags`", perfmon_flags},
	{"PERFMON_CREATE", "EINVAL", "CREATE", "`counter_version` is not the driver's",
	 perfmon_version},
	{"PERFMON_CREATE", "EINVAL", "CREATE", "no counter chosen, or one that does not exist",
	 perfmon_counters},
	{"PERFMON_CREATE", "ENOENT", "CREATE", "no such queue", perfmon_no_queue},
	{"PERFMON_CREATE", "ENOSPC", "CREATE", "the file has 64 already", perfmon_all},
	{"PERFMON_CREATE", "EINVAL", "READ", "unknown flag", perfmon_read_flag},
	{"PERFMON_CREATE", "EINVAL", "READ", "`values.stride` is not 8", perfmon_read_stride},
	{"PERFMON_CREATE", "EFAULT", "READ", "`values`", perfmon_read_pointer},
	{"PERFMON_CREATE", "EINVAL", "DESTROY", "`pad`", perfmon_pad},
	{"PERFMON_CREATE", "ENOENT", "READ, DESTROY", "no such perfmon", perfmon_unknown},

	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "unknown `scope`, flag or mode", perf_unknown},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`pad`", perf_pad},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "no mode that records something", perf_no_mode},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`period` out of range, or without `SAMPLES`",
	 perf_period},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`ring_log2` not 6 to 15", perf_ring},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`threshold` 0 or more than the ring",
	 perf_threshold},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "no tile of `tiles` exists", perf_no_tile},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`lanes` not 1, or of `ALL` not 1 to 8", perf_lanes},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`queue_id` missing, or where none is meant",
	 perf_queue_id},
	{"PERF_STREAM_OPEN", "EINVAL", "OPEN", "`pid` with `DEVICE`", perf_device_pid},
	{"PERF_STREAM_OPEN", "EACCES", "OPEN", "`pid` or `DEVICE` without `CAP_PERFMON`",
	 perf_not_allowed},
	{"PERF_STREAM_OPEN", "ESRCH", "OPEN", "no such process", perf_no_process},
	{"PERF_STREAM_OPEN", "ENOENT", "OPEN", "no such queue", perf_no_queue},
	{"PERF_STREAM_OPEN", "ENOTUNIQ", "OPEN",
	 "files of the process have more than one queue of that id: open on the file",
	 perf_not_unique},
	{"PERF_STREAM_OPEN", "EBUSY", "OPEN",
	 "the queue, or of `DEVICE` any, is watched by another stream", perf_watched},
	{"PERF_STREAM_OPEN", "EBUSY", "OPEN", "all streams of the hardware are taken", NULL,
	 "npu_perf:limits"},
	{"PERF_STREAM_OPEN", "EBUSY", "OPEN", "the firmware refuses for another reason", NULL,
	 "the driver asks for nothing else that it would refuse"},
	{"PERF_STREAM_OPEN", "EDQUOT", "OPEN", "the user's limit of memory", NULL,
	 "npu_reclaim:rings"},
	{"PERF_STREAM_OPEN", "ENOMEM", "OPEN", "no memory for the ring, which has to be contiguous",
	 NULL, "npu_failnth:perf_stream_open"},
	{"PERF_STREAM_OPEN", "EMFILE", "OPEN", "too many open files", perf_files},
	{"PERF_STREAM_OPEN", "EIO", "OPEN", "the device is being reset, and did not come back yet",
	 NULL, "npu_pci_error:injected_fatal_for_long"},
	{"PERF_STREAM_OPEN", "EIO", "OPEN", "it sleeps behind a bus that cannot be woken", NULL,
	 NO_DEAD_BUS},
	{"PERF_STREAM_OPEN", "EINVAL", "STATUS, CONSUME", "no such lane", stream_lane},
	{"PERF_STREAM_OPEN", "EINVAL", "STATUS, CONSUME", "`pad`", stream_pad},
	{"PERF_STREAM_OPEN", "EINVAL", "STATUS, CONSUME",
	 "`tail` is not the end of an unread record", stream_tail},
	{"PERF_STREAM_OPEN", "ENODEV", "CONSUME, `mmap()`", "the device is gone", NULL,
	 "npu_perf:unbind"},
	{"PERF_STREAM_OPEN", "EACCES", "`mmap()`", "to write", stream_map_write},
	{"PERF_STREAM_OPEN", "EINVAL", "`mmap()`", "beyond the ring of a lane, or private",
	 stream_map_beyond},
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

/* glibc has the names of numbers, not the numbers of names. */
static int errno_of(const char *name)
{
	for (int number = 1; number < 134; number++) {
		const char *known = strerrorname_np(number);

		if (known && !strcmp(known, name))
			return number;
	}
	return 0;
}

static struct reason *find_reason(const char *section, const char *error, const char *of,
				  const char *when)
{
	for (size_t i = 0; i < REASONS; i++) {
		struct reason *reason = &reasons[i];

		if (!strcmp(reason->section, section) && !strcmp(reason->error, error) &&
		    !strcmp(reason->of, of) && !strcmp(reason->when, when))
			return reason;
	}
	return NULL;
}

/* Splits a row in its columns, in place. Return: how many, up to 3. */
static int columns(char *line, char *column[3])
{
	char *next = strstr(line, "| ");
	int count = 0;

	line[strcspn(line, "\n")] = 0;
	while (next && count < 3) {
		char *end;

		column[count] = next + 2;
		end = strstr(next + 2, " |");
		if (!end)
			break;
		*end = 0;
		count++;
		next = end[2] ? end + 1 : NULL;
	}
	return count;
}

/* Every reason of the page has its case, and every case its reason. */
TEST(documented)
{
	char line[4096], section[64] = "", *column[3];
	FILE *page = fopen("uapi.md", "r");
	bool errors = false;

	ASSERT_NE(NULL, page)
	{
		TH_LOG("uapi.md: %s; run it where it is installed", strerror(errno));
	}
	while (fgets(line, sizeof(line), page)) {
		char *when, *next, *error;
		int count;

		if (!strncmp(line, "## ", 3)) {
			snprintf(section, sizeof(section), "%.*s", (int)strcspn(line + 3, ",\n"),
				 line + 3);
		}
		if (line[0] != '|' || !strncmp(line, "| error |", 9)) {
			errors = line[0] == '|';
			continue;
		}
		if (!errors || strncmp(line, "| `E", 4))
			continue;
		count = columns(line, column);
		ASSERT_GE(count, 2);
		error = column[0] + 1;
		error[strcspn(error, "`")] = 0;
		next = column[count - 1];
		while ((when = next)) {
			struct reason *reason;

			next = strstr(when, "; ");
			if (next) {
				*next = 0;
				next += 2;
			}
			reason = find_reason(section, error, count == 3 ? column[1] : "", when);
			EXPECT_NE(NULL, reason)
			{
				TH_LOG("%s: %s of \"%s\": no case for \"%s\"", section, error,
				       count == 3 ? column[1] : "", when);
			}
			if (reason)
				reason->found = true;
		}
	}
	fclose(page);
	for (struct reason *reason = reasons; reason < reasons + REASONS; reason++) {
		EXPECT_TRUE(reason->found)
		{
			TH_LOG("%s: %s: \"%s\" is not in docs/uapi.md", reason->section,
			       reason->error, reason->when);
		}
	}
}

/* Each request is refused for its reason, and for nothing else. */
TEST(refused)
{
	struct env env = {};

	if (geteuid())
		SKIP(return, "only root can have memory taken, and be others");
	ASSERT_EQ(0, env_init(&env));
	ASSERT_EQ(0, env_init_rest(&env));
	for (size_t i = 0; i < REASONS; i++) {
		const struct reason *reason = &reasons[i];
		const int error = errno_of(reason->error);
		int n, ret = END;

		ASSERT_NE(0, error);
		ASSERT_TRUE(!reason->make == !!reason->elsewhere);
		for (n = 0; reason->make && (ret = reason->make(&env, n)) != END; n++) {
			EXPECT_EQ(-error, ret)
			{
				TH_LOG("%s %s, request %d: \"%s\"", reason->section, reason->of, n,
				       reason->when);
			}
		}
		EXPECT_TRUE(n > 0 || reason->elsewhere);
	}
	/* none of them has done any harm */
	npu_ctx_packets(&env.ctx)[0] = npu_pkt_fill(NPU_TEST_VA + NPU_TEST_DATA, 42, 4);
	EXPECT_EQ(0, npu_ctx_run(&env.ctx, 1));
	EXPECT_EQ(42, *(uint32_t *)(env.ctx.mem + NPU_TEST_DATA));
	env_exit(&env);
}

TEST_HARNESS_MAIN
