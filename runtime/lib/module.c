// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* Segments as parts of the mapping; what is read-only after relocation gets a part of its own. */
static unsigned int make_parts(const struct npurt_elf *elf, struct npurt_vm_part *parts)
{
	uint64_t relro_end = elf->relro_vaddr + elf->relro_size;
	unsigned int count = 0;

	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct npurt_elf_segment *segment = &elf->segments[i];
		uint64_t start = segment->vaddr, end = segment->vaddr + segment->size;

		if (!(segment->flags & NPURT_MAP_READONLY) && elf->relro_size &&
		    elf->relro_vaddr >= start && relro_end <= end) {
			if (elf->relro_vaddr > start)
				parts[count++] = (struct npurt_vm_part){start - elf->base,
									elf->relro_vaddr - start,
									segment->flags};
			parts[count++] = (struct npurt_vm_part){
				elf->relro_vaddr - elf->base, elf->relro_size, NPURT_MAP_READONLY};
			start = relro_end;
		}
		if (end > start)
			parts[count++] = (struct npurt_vm_part){start - elf->base, end - start,
								segment->flags};
	}
	return count;
}

/* Put the segments into the device's address space. */
static int place(struct npurt_module *module, const struct npurt_elf *elf)
{
	struct npurt_vm_part parts[NPURT_MODULE_MAX_SEGMENTS + 2];
	struct npurt_vm *vm = module->vm;
	struct npurt_bo *bo;
	void *memory;
	uint64_t va;
	int err = npurt_bo_create(vm->device, elf->size, &bo);

	if (err)
		return err;
	err = npurt_bo_map(bo, &memory);
	if (!err)
		err = npurt_vm_reserve(vm, elf->size, &va);
	if (!err) {
		npurt_elf_place(elf, memory, va);
		err = npurt_vm_map_parts(vm, bo, va, elf->size, parts, make_parts(elf, parts));
		if (err)
			npurt_vm_release(vm, va, elf->size);
	}
	npurt_bo_unref(bo); /* the mapping holds it */
	if (!err) {
		module->link_base = elf->base;
		module->va = va;
		module->size = elf->size;
	}
	return err;
}

static void module_free(struct npurt_module *module)
{
	npurt_symbols_free(module->symbols);
	pthread_mutex_destroy(&module->lock);
	npurt_vm_unref(module->vm);
	free(module->kernels);
	free(module->image);
	free(module->name);
	free(module);
}

/* Takes image over, also when it fails. */
static int load(struct npurt_vm *vm, void *image, size_t size, const char *name,
		struct npurt_module **ret_module)
{
	struct npurt_module *module = calloc(1, sizeof(*module));
	struct npurt_elf elf;
	int err;

	if (!module) {
		free(image);
		return npurt_fail_nomem("a module");
	}
	refs_init(&module->refs);
	pthread_mutex_init(&module->lock, NULL);
	module->vm = npurt_vm_ref(vm);
	module->image = image;
	module->image_size = size;
	module->name = strdup(name);
	if (module->name)
		err = npurt_elf_parse(module->name, image, size, vm->device->info.page_size, &elf);
	else
		err = npurt_fail_nomem("a module");
	if (!err) {
		module->kernels = elf.kernels;
		module->kernel_count = elf.kernel_count;
		elf.kernels = NULL;
		err = place(module, &elf);
		npurt_elf_release(&elf);
	}
	if (err) {
		module_free(module);
		return err;
	}
	pthread_mutex_lock(&vm->lock);
	module->next = vm->modules;
	vm->modules = module;
	pthread_mutex_unlock(&vm->lock);
	*ret_module = module;
	return 0;
}

NPURT_EXPORT int npurt_module_load(struct npurt_vm *vm, const void *image, size_t size,
				   const char *name, struct npurt_module **ret_module)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		return npurt_fail_nomem("a module");
	memcpy(copy, image, size);
	return load(vm, copy, size, name, ret_module);
}

/* The whole file; it may be a pipe, and it may change while it is read. */
static int read_file(int fd, const char *path, void **ret_image, size_t *ret_size)
{
	size_t size = 0, room = 0;
	char *image = NULL;

	for (;;) {
		ssize_t got;

		if (size == room) {
			char *grown = room < NPURT_MODULE_MAX_SIZE
					      ? realloc(image, room ? 2 * room : 65536)
					      : NULL;

			if (!grown) {
				free(image);
				return npurt_fail(-EFBIG,
						  "%s: too large for a module, or out of memory",
						  path);
			}
			image = grown;
			room = room ? 2 * room : 65536;
		}
		got = read(fd, image + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = errno;

			free(image);
			return npurt_fail(-err, "cannot read %s: %s", path, npurt_errno_text(err));
		}
		if (!got)
			break;
		size += (size_t)got;
	}
	*ret_image = image;
	*ret_size = size;
	return 0;
}

NPURT_EXPORT int npurt_module_load_file(struct npurt_vm *vm, const char *path,
					struct npurt_module **ret_module)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	void *image = NULL;
	size_t size = 0;

	if (fd < 0) {
		err = errno;
		return npurt_fail(-err, "cannot open module %s: %s", path, npurt_errno_text(err));
	}
	err = read_file(fd, path, &image, &size);
	close(fd);
	return err ? err : load(vm, image, size, path, ret_module);
}

NPURT_EXPORT struct npurt_module *npurt_module_ref(struct npurt_module *module)
{
	refs_get(&module->refs);
	return module;
}

NPURT_EXPORT struct npurt_module *npurt_module_unref(struct npurt_module *module)
{
	struct npurt_module **link;
	struct npurt_vm *vm;

	if (!module || !refs_put(&module->refs))
		return NULL;
	/* Whoever symbolises holds the lock: once out of the list nobody looks at the module. */
	vm = module->vm;
	pthread_mutex_lock(&vm->lock);
	for (link = &vm->modules; *link != module; link = &(*link)->next)
		;
	*link = module->next;
	pthread_mutex_unlock(&vm->lock);
	npurt_vm_unmap(vm, module->va);
	module_free(module);
	return NULL;
}

NPURT_EXPORT unsigned int npurt_module_kernel_count(const struct npurt_module *module)
{
	return module->kernel_count;
}

NPURT_EXPORT const char *npurt_module_kernel_name(const struct npurt_module *module,
						  unsigned int index)
{
	return index < module->kernel_count ? module->kernels[index].name : NULL;
}

NPURT_EXPORT int npurt_vm_symbolise(struct npurt_vm *vm, uint64_t pc, struct npurt_symbol *symbol)
{
	struct npurt_symbol found = NPURT_SYMBOL_INIT;
	struct npurt_module *module;

	pthread_mutex_lock(&vm->lock);
	for (module = vm->modules; module; module = module->next)
		if (pc >= module->va && pc - module->va < module->size)
			break;
	if (module) {
		snprintf(found.module, sizeof(found.module), "%s", module->name);
		npurt_symbols_find(module, pc - module->va + module->link_base, &found);
	}
	pthread_mutex_unlock(&vm->lock);
	if (!module)
		return npurt_fail(-ENOENT, "0x%llx lies in no module of this address space",
				  (unsigned long long)pc);
	return npurt_struct_out(symbol, &found, sizeof(found), "npurt_symbol");
}
