// SPDX-License-Identifier: MIT
/* Loading modules: a good one in detail, and every way in which one can be bad. */
#include <elf.h>
#include <errno.h>
#include <sys/stat.h>

#include "fixture.h"
#include "npu_isa.h"

/* Where wild_read() in runtime/kernels.npu.c loads. */
#define LOAD_LINE 26

static unsigned char *good;
static size_t good_size;
static struct npurt_vm *vm;

static unsigned char *copy(void)
{
	unsigned char *image = malloc(good_size);

	if (!image)
		die("memory");
	memcpy(image, good, good_size);
	return image;
}

static Elf64_Ehdr *header(unsigned char *image)
{
	return (Elf64_Ehdr *)image;
}

static Elf64_Phdr *segment(unsigned char *image, uint32_t type, uint32_t flags)
{
	Elf64_Phdr *ph = (Elf64_Phdr *)(image + header(image)->e_phoff);

	for (unsigned int i = 0; i < header(image)->e_phnum; i++)
		if (ph[i].p_type == type && (ph[i].p_flags & flags) == flags)
			return &ph[i];
	die("no such segment");
}

static Elf64_Shdr *section(unsigned char *image, const char *name)
{
	Elf64_Shdr *sh = (Elf64_Shdr *)(image + header(image)->e_shoff);
	const char *names = (const char *)image + sh[header(image)->e_shstrndx].sh_offset;

	for (unsigned int i = 0; i < header(image)->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return &sh[i];
	die(name);
}

static struct npu_kernel_desc *kernel(unsigned char *image, unsigned int index)
{
	return (struct npu_kernel_desc *)(image + section(image, ".npu.kernels")->sh_offset) +
	       index;
}

static Elf64_Rela *relocs(unsigned char *image, size_t *count)
{
	Elf64_Shdr *sh = section(image, ".rela.dyn");

	*count = sh->sh_size / sizeof(Elf64_Rela);
	return (Elf64_Rela *)(image + sh->sh_offset);
}

/* The relocation that fills the word at address. */
static Elf64_Rela *reloc_of(unsigned char *image, uint64_t address)
{
	size_t count;
	Elf64_Rela *rela = relocs(image, &count);

	for (size_t i = 0; i < count; i++)
		if (rela[i].r_offset == address)
			return &rela[i];
	die("no such relocation");
}

/* Loading image fails with words in the message; frees it. */
static void rejected(unsigned char *image, size_t size, const char *words, const char *name)
{
	struct npurt_module *module = (void *)1;
	int err = npurt_module_load(vm, image, size, "bad.elf", &module);

	fails(err, -ENOEXEC, words, name);
	if (module != (void *)1)
		tap_ok(false, "%s: ret_module was touched", name);
	free(image);
}

#define BAD(change, words, name)                         \
	do {                                             \
		unsigned char *image = copy();           \
		change;                                  \
		rejected(image, good_size, words, name); \
	} while (0)

static void test_good(void)
{
	struct npurt_module *module;
	struct npurt_kernel *one, *two, *none = NULL;
	struct npurt_symbol symbol = NPURT_SYMBOL_INIT;
	struct npurt_elf elf;
	unsigned char *image = copy();
	uint64_t base;

	NEED(npurt_module_load_file(vm, KERNELS, &module));
	tap_is(npurt_module_kernel_count(module), 2, "two kernels");
	tap_ok(!strcmp(npurt_module_kernel_name(module, 0), "one"), "first is 'one'");
	tap_ok(!strcmp(npurt_module_kernel_name(module, 1), "two"), "second is 'two'");
	tap_ok(!npurt_module_kernel_name(module, 2), "no third");
	NEED(npurt_module_get_kernel(module, "one", &one));
	NEED(npurt_module_get_kernel(module, "two", &two));
	tap_is(npurt_kernel_args_size(one), 16, "size of its arguments");
	tap_is(npurt_kernel_args_size(two), 8, "size of the other's");
	fails(npurt_module_get_kernel(module, "three", &none), -ENOENT, "one, two",
	      "unknown kernel; the message lists the others");
	tap_ok(!none, "ret_kernel untouched");

	/* Where it was put. */
	NEED(npurt_elf_parse("good", image, good_size, 4096, &elf));
	base = module->va - elf.base;
	tap_is(npurt_kernel_entry(one) - base,
	       (uint64_t)reloc_of(image, section(image, ".npu.kernels")->sh_addr + 16)->r_addend,
	       "entry follows the load address");
	{
		/* Every relocated word holds its target at the load address. */
		unsigned char *placed = calloc(1, elf.size);
		size_t count, wrong = 0;
		Elf64_Rela *rela = relocs(image, &count);

		npurt_elf_place(&elf, placed, 0x123456000);
		for (size_t i = 0; i < count; i++) {
			uint64_t word;

			memcpy(&word, placed + (rela[i].r_offset - elf.base), 8);
			wrong += word != (uint64_t)rela[i].r_addend - elf.base + 0x123456000;
		}
		tap_ok(count >= 5 && !wrong, "%zu words relocated", count);
		tap_ok(!memcmp(placed + (section(image, ".text")->sh_addr - elf.base),
			       image + section(image, ".text")->sh_offset,
			       section(image, ".text")->sh_size),
		       "text is in place");
		free(placed);
	}
	{
		bool text = false, data = false, both = false;

		for (unsigned int i = 0; i < elf.segment_count; i++) {
			unsigned int flags = elf.segments[i].flags;

			text |= flags == (NPURT_MAP_READONLY | NPURT_MAP_EXEC);
			data |= flags == 0;
			both |= (flags & NPURT_MAP_EXEC) && !(flags & NPURT_MAP_READONLY);
		}
		tap_ok(text && data && !both,
		       "text read-only and executable, data writable, none both");
	}
	npurt_elf_release(&elf);

	/* Symbols. */
	NEED(npurt_vm_symbolise(vm, npurt_kernel_entry(two), &symbol));
	tap_ok(strstr(symbol.module, "kernels.elf") && symbol.function[0], "entry is in %s()",
	       symbol.function);
	{
		Elf64_Shdr *symtab = section(image, ".symtab"), *strtab = section(image, ".strtab");
		Elf64_Sym *sym = (Elf64_Sym *)(image + symtab->sh_offset);
		uint64_t wild = 0, size = 0;
		bool line = false;

		for (size_t i = 0; i < symtab->sh_size / sizeof(*sym); i++)
			if (!strcmp((char *)image + strtab->sh_offset + sym[i].st_name,
				    "wild_read")) {
				wild = sym[i].st_value;
				size = sym[i].st_size;
			}
		for (uint64_t at = 0; at < size; at += 2) {
			struct npurt_symbol s = NPURT_SYMBOL_INIT;

			NEED(npurt_vm_symbolise(vm, base + wild + at, &s));
			line |= s.line == LOAD_LINE && strstr(s.file, "runtime/kernels.npu.c") &&
				!strcmp(s.function, "wild_read");
		}
		tap_ok(line, "the load in wild_read() is at its line of runtime/kernels.npu.c");
	}
	fails(npurt_vm_symbolise(vm, module->va + module->size, &symbol), -ENOENT, "no module",
	      "address past the module");
	npurt_kernel_unref(one);
	npurt_kernel_unref(two);
	npurt_module_unref(module);
	fails(npurt_vm_symbolise(vm, base, &symbol), -ENOENT, "no module", "unloaded");
	free(image);
}

static void test_not_elf(void)
{
	struct npurt_module *module;
	unsigned char *image = copy();

	fails(npurt_module_load_file(vm, "/nonexistent/x.elf", &module), -ENOENT,
	      "/nonexistent/x.elf", "missing file");
	fails(npurt_module_load_file(vm, "/dev/null", &module), -ENOEXEC, "empty", "empty file");
	fails(npurt_module_load_file(vm, "/proc/self/exe", &module), -ENOEXEC,
	      "ELF is for x86-64, the NPU needs RISC-V; compile with npucc", "ELF of this machine");
	rejected((unsigned char *)strdup("#!/bin/sh"), 9, "not an ELF", "script");
	rejected(image, 20, "truncated", "cut in the ELF header");
	BAD(header(image)->e_ident[EI_CLASS] = ELFCLASS32, "32-bit", "32-bit");
	BAD(header(image)->e_ident[EI_DATA] = ELFDATA2MSB, "big-endian", "big-endian");
	BAD(header(image)->e_machine = EM_AARCH64, "AArch64", "other machine");
	BAD(header(image)->e_machine = 0x7777, "machine 30583", "unknown machine");
	BAD(header(image)->e_type = ET_REL, "not linked yet", "object file");
	BAD(header(image)->e_type = ET_EXEC, "fixed address", "fixed address");
	BAD(header(image)->e_version = 9, "version", "ELF version");
	BAD(header(image)->e_phnum = 0, "no program headers", "no program headers");
	BAD(header(image)->e_phentsize = 32, "program headers of 32", "odd program headers");
	BAD(header(image)->e_phoff = UINT64_MAX - 8, "truncated", "program headers far away");
}

static void test_segments(void)
{
	BAD(segment(image, PT_LOAD, PF_X)->p_flags = PF_R | PF_W | PF_X, "writable and executable",
	    "writable text");
	BAD(segment(image, PT_LOAD, PF_W)->p_vaddr = segment(image, PT_LOAD, PF_X)->p_vaddr + 64,
	    "share a page", "segments share a page");
	BAD(segment(image, PT_LOAD, PF_X)->p_filesz = good_size, "truncated",
	    "segment past the end");
	BAD(segment(image, PT_LOAD, PF_X)->p_offset = UINT64_MAX - 4, "truncated", "segment wraps");
	BAD(segment(image, PT_LOAD, PF_W)->p_memsz = 8, "damaged", "more in file than in memory");
	BAD(segment(image, PT_LOAD, PF_X)->p_memsz = 1ull << 40, "too large", "huge segment");
	BAD(segment(image, PT_LOAD, PF_W)->p_vaddr = UINT64_MAX - 100, "too large", "wild address");
	BAD(segment(image, PT_GNU_STACK, 0)->p_type = PT_INTERP, "dynamic linker", "interpreter");
	BAD(
		{
			Elf64_Phdr *ph = segment(image, PT_GNU_STACK, 0);

			ph->p_type = PT_TLS;
			ph->p_memsz = 8;
		},
		"thread-local", "thread-local variables");
}

static void test_relocs(void)
{
	size_t count;
	uint32_t n = 0;

	BAD(
		{
			Elf64_Rela *rela = relocs(image, &count);

			rela[0].r_info = ELF64_R_INFO(0, R_RISCV_JUMP_SLOT);
		},
		"R_RISCV_JUMP_SLOT (5)", "unsupported relocation is named");
	BAD(relocs(image, &count)[0].r_info = ELF64_R_INFO(0, 0x99), "unknown kind (153)",
	    "unknown relocation");
	BAD(relocs(image, &count)[0].r_offset = 0, "not writable data", "relocation of text");
	BAD(relocs(image, &count)[0].r_offset = UINT64_MAX, "not writable data",
	    "relocation nowhere");
	for (const uint64_t *tag = (uint64_t[]){DT_RELA, DT_RELASZ, DT_RELAENT, 0}; *tag; tag++) {
		unsigned char *image = copy();
		Elf64_Phdr *ph = segment(image, PT_DYNAMIC, 0);
		Elf64_Dyn *dyn = (Elf64_Dyn *)(image + ph->p_offset);

		while (dyn->d_tag != (int64_t)*tag)
			dyn++;
		dyn->d_un.d_val = *tag == DT_RELA ? 0x7fffffff : 7;
		rejected(image, good_size, *tag == DT_RELA ? "outside" : "instead of 24",
			 "damaged dynamic section");
		n++;
	}
	tap_is(n, 3, "three damages");
	BAD(((Elf64_Dyn *)(image + segment(image, PT_DYNAMIC, 0)->p_offset))->d_tag = DT_NEEDED,
	    "shared library", "needs a library");
	BAD(((Elf64_Dyn *)(image + segment(image, PT_DYNAMIC, 0)->p_offset))->d_tag = DT_JMPREL,
	    "DT_JMPREL", "calls through a table");
}

static void test_kernels(void)
{
	BAD(header(image)->e_shoff = 0, "no section headers", "stripped of sections");
	BAD(header(image)->e_shoff = good_size - 8, "truncated", "section headers cut off");
	BAD(header(image)->e_shstrndx = 999, "no section names", "no section names");
	BAD(section(image, ".npu.kernels")->sh_name = 0, "NPU_KERNEL()", "without .npu.kernels");
	BAD(section(image, ".npu.kernels")->sh_flags = 0, "not part of what is loaded",
	    "table is not loaded");
	BAD(section(image, ".npu.kernels")->sh_size = 0, "is empty", "empty table");
	BAD(section(image, ".npu.kernels")->sh_size = 100, "entry 1 of .npu.kernels is damaged",
	    "cut table");
	BAD(section(image, ".npu.kernels")->sh_addr = 0x7000000, "not part of what is loaded",
	    "table elsewhere");
	BAD(kernel(image, 0)->size = 8, "damaged", "entry too small");
	BAD(kernel(image, 1)->size = 0x7fffffff, "damaged", "entry too large");
	BAD(kernel(image, 0)->abi = 7, "kernel ABI 7", "other kernel ABI");
	BAD(kernel(image, 1)->args_size = 5000, "5000 bytes of arguments", "too many arguments");
	BAD(kernel(image, 1)->flags = 1, "does not know", "unknown flag");
	BAD(kernel(image, 1)->reserved[3] = 1, "does not know", "reserved field");
	BAD(reloc_of(image, section(image, ".npu.kernels")->sh_addr + 8)->r_addend = 0x7000000,
	    "no usable name", "name elsewhere");
	BAD(reloc_of(image, section(image, ".npu.kernels")->sh_addr + 16)->r_addend = 0,
	    "not executable", "entry is not code");
	BAD(reloc_of(image, section(image, ".npu.kernels")->sh_addr + 16)->r_addend++,
	    "not executable", "odd entry");
	BAD(reloc_of(image, section(image, ".npu.kernels")->sh_addr + 64 + 8)->r_addend =
		    reloc_of(image, section(image, ".npu.kernels")->sh_addr + 8)->r_addend,
	    "two kernels are called 'one'", "same name twice");
}

/* Cut anywhere, or with any byte changed, a module loads or is refused; it does no harm. */
static void test_damage(void)
{
	size_t loaded = 0, refused = 0, odd = 0, shortest = good_size;

	for (size_t size = 0; size < good_size; size += size < 4096 ? 1 : 61) {
		struct npurt_elf elf;
		unsigned char *cut = malloc(size ? size : 1); /* exact, for the sanitizer */
		int err;

		memcpy(cut, good, size);
		err = npurt_elf_parse("cut", cut, size, 4096, &elf);
		if (!err) {
			npurt_elf_release(&elf);
			loaded++;
			if (size < shortest)
				shortest = size;
		}
		refused += err == -ENOEXEC;
		odd += err && err != -ENOEXEC;
		free(cut);
	}
	tap_ok(refused > 1000 && !loaded && !odd, "cut short: %zu refused, %zu loaded", refused,
	       loaded);

	refused = loaded = odd = 0;
	for (size_t at = 0; at < good_size; at += at < 8192 ? 1 : 37) {
		for (int bit = 0; bit < 8; bit += 7) {
			unsigned char *image = copy();
			struct npurt_elf elf;
			int err;

			image[at] ^= (unsigned char)(1 << bit);
			err = npurt_elf_parse("flipped", image, good_size, 4096, &elf);
			if (!err) {
				unsigned char *memory = calloc(1, elf.size);

				npurt_elf_place(&elf, memory, 0x200000);
				free(memory);
				npurt_elf_release(&elf);
				loaded++;
			}
			refused += err == -ENOEXEC;
			odd += err && err != -ENOEXEC;
			free(image);
		}
	}
	tap_ok(refused > 100 && loaded > 100 && !odd, "bits flipped: %zu refused, %zu loaded",
	       refused, loaded);
}

int main(void)
{
	struct npurt_device *device = null_device();

	NEED(npurt_vm_create(device, &vm));
	good = slurp(KERNELS, &good_size);
	test_good();
	test_not_elf();
	test_segments();
	test_relocs();
	test_kernels();
	test_damage();
	tap_ok(vm->va.count == 1 && vm->va.taken == 0, "no address space was lost");
	npurt_vm_unref(vm);
	npurt_device_unref(device);
	free(good);
	return tap_done();
}
