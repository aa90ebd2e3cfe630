// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each user has of a device, and may have. A user is who opened the file,
 * by its effective uid: what it has of a device is counted over all of its files
 * and processes. Memory is counted as it is asked for, not as it gets pages, so
 * that the error comes where the program can do something about it.
 *
 * Limits are module parameters, for all devices alike, each device counting on
 * its own; a changed one holds for what is asked for from then on. Who has
 * CAP_SYS_RESOURCE is counted but not limited, as with disk quotas, and as there the
 * error is EDQUOT: it cannot be mistaken for a device or a machine that has no
 * more to give. DEV_QUERY tells limits and use, so that a program can name what it
 * ran into.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "npu_account.h"
#include "npu_compat.h"
#include "npu_device.h"

static unsigned int npu_user_memory_mib;
module_param_named(user_memory_mib, npu_user_memory_mib, uint, 0644);
MODULE_PARM_DESC(user_memory_mib,
		 "Memory in MiB that the BOs of a user may have on a device (default 0: no limit)");

static unsigned int npu_user_vms = 128;
module_param_named(user_vms, npu_user_vms, uint, 0644);
MODULE_PARM_DESC(user_vms,
		 "Address spaces that a user may have on a device (default 128, 0: no limit)");

static unsigned int npu_user_queues;
module_param_named(user_queues, npu_user_queues, uint, 0644);
MODULE_PARM_DESC(user_queues, "Queues that a user may have on a device (default 0: no limit)");

static const char *const npu_resource_param[NPU_RESOURCE_COUNT] = {
	[NPU_RESOURCE_MEMORY] = "user_memory_mib",
	[NPU_RESOURCE_VMS] = "user_vms",
	[NPU_RESOURCE_QUEUES] = "user_queues",
};

/** struct npu_user - a user of a device, as long as it has something of it */
struct npu_user {
	/** @node: in &npu_device.users */
	struct list_head node;
	/** @npu: device; whoever refers to the user holds it */
	struct npu_device *npu;
	/** @uid: who it is */
	kuid_t uid;
	/** @refs: files, and what they made; protected by &npu_device.users_lock */
	unsigned int refs;
	/** @used: what it has; protected by &npu_device.users_lock */
	u64 used[NPU_RESOURCE_COUNT];
};

static u64 npu_resource_limit(enum npu_resource resource)
{
	switch (resource) {
	case NPU_RESOURCE_MEMORY:
		return (u64)READ_ONCE(npu_user_memory_mib) << 20;
	case NPU_RESOURCE_VMS:
		return READ_ONCE(npu_user_vms);
	default:
		return READ_ONCE(npu_user_queues);
	}
}

/**
 * npu_account_init() - set up the accounts of a device
 * @npu: device
 */
void npu_account_init(struct npu_device *npu)
{
	INIT_LIST_HEAD(&npu->users);
	spin_lock_init(&npu->users_lock);
}

static struct npu_user *npu_user_find(struct npu_device *npu, kuid_t uid)
{
	struct npu_user *user;

	lockdep_assert_held(&npu->users_lock);
	list_for_each_entry(user, &npu->users, node)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * npu_user_open() - find the account of who is asking
 * @npu: device
 *
 * Return: the account, to be let go with npu_user_put(), or NULL: no memory.
 */
struct npu_user *npu_user_open(struct npu_device *npu)
{
	struct npu_user *user, *fresh = kzalloc_obj(*fresh, GFP_KERNEL_ACCOUNT);

	if (!fresh)
		return NULL;
	fresh->npu = npu;
	fresh->uid = current_euid();
	spin_lock(&npu->users_lock);
	user = npu_user_find(npu, fresh->uid);
	if (!user) {
		user = no_free_ptr(fresh);
		list_add(&user->node, &npu->users);
	}
	user->refs++;
	spin_unlock(&npu->users_lock);
	kfree(fresh);
	return user;
}

/**
 * npu_user_get() - keep an account
 * @user: account that the caller holds
 *
 * Return: @user.
 */
struct npu_user *npu_user_get(struct npu_user *user)
{
	guard(spinlock)(&user->npu->users_lock);
	user->refs++;
	return user;
}

/**
 * npu_user_put() - let go of an account
 * @user: account
 */
void npu_user_put(struct npu_user *user)
{
	struct npu_device *npu = user->npu;
	bool last;

	spin_lock(&npu->users_lock);
	last = !--user->refs;
	if (last)
		list_del(&user->node);
	spin_unlock(&npu->users_lock);
	if (last)
		kfree(user);
}

/**
 * npu_user_charge() - put something on an account
 * @user: account
 * @resource: what it is
 * @amount: how much
 *
 * Return: 0; -EDQUOT: it would be more than the user may have.
 */
int npu_user_charge(struct npu_user *user, enum npu_resource resource, u64 amount)
{
	struct npu_device *npu = user->npu;
	const u64 limit = npu_resource_limit(resource);
	const bool limited = limit && !capable(CAP_SYS_RESOURCE);
	u64 used;

	spin_lock(&npu->users_lock);
	used = user->used[resource];
	if (!limited || (used <= limit && amount <= limit - used)) {
		user->used[resource] += amount;
		spin_unlock(&npu->users_lock);
		return 0;
	}
	spin_unlock(&npu->users_lock);
	drm_dbg(&npu->drm, "uid %u has %llu and wants %llu more: limit %llu of npu.%s\n",
		from_kuid(&init_user_ns, user->uid), used, amount, limit,
		npu_resource_param[resource]);
	return -EDQUOT;
}

/**
 * npu_user_uncharge() - take something off an account
 * @user: account
 * @resource: what it is
 * @amount: as much as was charged
 */
void npu_user_uncharge(struct npu_user *user, enum npu_resource resource, u64 amount)
{
	guard(spinlock)(&user->npu->users_lock);
	user->used[resource] -= amount;
}

/**
 * npu_user_limits() - tell what a user has, and may have
 * @user: account
 * @limits: where to
 */
void npu_user_limits(struct npu_user *user, struct drm_npu_limits *limits)
{
	guard(spinlock)(&user->npu->users_lock);
	*limits = (struct drm_npu_limits) {
		.memory_limit = npu_resource_limit(NPU_RESOURCE_MEMORY),
		.memory_used = user->used[NPU_RESOURCE_MEMORY],
		.vms_limit = npu_resource_limit(NPU_RESOURCE_VMS),
		.vms_used = user->used[NPU_RESOURCE_VMS],
		.queues_limit = npu_resource_limit(NPU_RESOURCE_QUEUES),
		.queues_used = user->used[NPU_RESOURCE_QUEUES],
	};
}
