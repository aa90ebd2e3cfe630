// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int fail_unknown(const struct npurt_module *module, const char *name)
{
	char names[512] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < module->kernel_count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 module->kernels[i].name);
	return npurt_fail(-ENOENT, "%s has no kernel '%s'; it has: %s", module->name, name, names);
}

NPURT_EXPORT int npurt_module_get_kernel(struct npurt_module *module, const char *name,
					 struct npurt_kernel **ret_kernel)
{
	struct npurt_kernel *kernel;

	for (unsigned int i = 0; i < module->kernel_count; i++) {
		if (strcmp(module->kernels[i].name, name))
			continue;
		kernel = calloc(1, sizeof(*kernel));
		if (!kernel)
			return npurt_fail_nomem("a kernel");
		refs_init(&kernel->refs);
		kernel->module = npurt_module_ref(module);
		kernel->entry = &module->kernels[i];
		*ret_kernel = kernel;
		return 0;
	}
	return fail_unknown(module, name);
}

NPURT_EXPORT struct npurt_kernel *npurt_kernel_ref(struct npurt_kernel *kernel)
{
	refs_get(&kernel->refs);
	return kernel;
}

NPURT_EXPORT struct npurt_kernel *npurt_kernel_unref(struct npurt_kernel *kernel)
{
	if (kernel && refs_put(&kernel->refs)) {
		npurt_module_unref(kernel->module);
		free(kernel);
	}
	return NULL;
}

NPURT_EXPORT const char *npurt_kernel_name(const struct npurt_kernel *kernel)
{
	return kernel->entry->name;
}

NPURT_EXPORT size_t npurt_kernel_args_size(const struct npurt_kernel *kernel)
{
	return kernel->entry->args_size;
}

NPURT_EXPORT uint64_t npurt_kernel_entry(const struct npurt_kernel *kernel)
{
	return kernel->entry->entry - kernel->module->link_base + kernel->module->va;
}
