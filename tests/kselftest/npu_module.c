// SPDX-License-Identifier: MIT
/*
 * Files that are no kernels: each is refused, and the message says what is wrong with this one and
 * what to do about it.
 */
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "npu_runtime.h"

FIXTURE(module)
{
	struct rt_ctx ctx;
	uint8_t *good; /* image of a module that loads */
	uint8_t *image; /* copy of it, to be spoilt */
	size_t size;
};

FIXTURE_SETUP(module)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	ASSERT_EQ(0, rt_init(&self->ctx, 0));
	fd = open(rt_beside("fault_kernels.elf", path, sizeof(path)), O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fstat(fd, &st));
	self->size = st.st_size;
	self->good = mmap(NULL, self->size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->good);
	close(fd);
	self->image = malloc(self->size);
	ASSERT_NE(NULL, self->image);
	memcpy(self->image, self->good, self->size);
}

FIXTURE_TEARDOWN(module)
{
	free(self->image);
	munmap(self->good, self->size);
	rt_exit(&self->ctx);
}

/* Loads an image that has to be refused; the message has to hold all of these words. */
static void expect_refused(struct __test_metadata *_metadata, FIXTURE_DATA(module) *self,
			   const void *image, size_t size, const char *const *words)
{
	struct npurt_module *module = (void *)-1l;
	const char *detail;

	ASSERT_EQ(-ENOEXEC, npurt_module_load(self->ctx.vm, image, size, "spoilt.elf", &module));
	EXPECT_EQ((void *)-1l, (void *)module);
	detail = npurt_error_detail();
	EXPECT_EQ(detail, strstr(detail, "spoilt.elf: "));
	for (; *words; words++)
		EXPECT_NE(NULL, strstr(detail, *words))
		TH_LOG("no \"%s\" in \"%s\"", *words, detail);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST_F(module, good)
{
	struct npurt_module *module;
	struct npurt_kernel *kernel;

	ASSERT_EQ(0, npurt_module_load(self->ctx.vm, self->image, self->size, "good.elf", &module));
	EXPECT_EQ(0, npurt_module_get_kernel(module, "work", &kernel));
	EXPECT_EQ(sizeof(struct work_args), npurt_kernel_args_size(kernel));
	npurt_kernel_unref(kernel);
	EXPECT_EQ(-ENOENT, npurt_module_get_kernel(module, "wrok", &kernel));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "wrok"));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "wild_read"));
	npurt_module_unref(module);
}

TEST_F(module, no_such_file)
{
	struct npurt_module *module;

	EXPECT_EQ(-ENOENT, npurt_module_load_file(self->ctx.vm, "/nowhere/k.elf", &module));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "/nowhere/k.elf"));
	EXPECT_NE(0, npurt_module_load_file(self->ctx.vm, "/tmp", &module));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "/tmp"));
}

/* A program of this very machine. */
TEST_F(module, other_machine)
{
	struct npurt_module *module;

	ASSERT_EQ(-ENOEXEC, npurt_module_load_file(self->ctx.vm, "/proc/self/exe", &module));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "/proc/self/exe"));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "RISC-V"));
	EXPECT_NE(NULL, strstr(npurt_error_detail(), "npucc"));
}

TEST_F(module, not_an_elf)
{
	expect_refused(_metadata, self, "#!/bin/sh\nexit 0\n", 17, WORDS("not an ELF", "npucc"));
	expect_refused(_metadata, self, "", 0, WORDS("empty", "npucc"));
}

TEST_F(module, other_kinds_of_elf)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)self->image;
	const Elf64_Ehdr good = *header;

	header->e_ident[EI_CLASS] = ELFCLASS32;
	expect_refused(_metadata, self, self->image, self->size, WORDS("32-bit"));
	*header = good;
	header->e_ident[EI_DATA] = ELFDATA2MSB;
	expect_refused(_metadata, self, self->image, self->size, WORDS("big-endian"));
	*header = good;
	header->e_machine = EM_AARCH64;
	expect_refused(_metadata, self, self->image, self->size, WORDS("AArch64", "RISC-V"));
	*header = good;
	header->e_type = ET_REL;
	expect_refused(_metadata, self, self->image, self->size, WORDS("not linked"));
	*header = good;
	header->e_type = ET_EXEC;
	expect_refused(_metadata, self, self->image, self->size, WORDS("position-independent"));
}

/* The section with the table of kernels, by another name. */
TEST_F(module, without_kernels)
{
	uint8_t *name = memmem(self->image, self->size, NPU_KERNEL_SECTION,
			       sizeof(NPU_KERNEL_SECTION));

	ASSERT_NE(NULL, name);
	name[1] = 'x';
	expect_refused(_metadata, self, self->image, self->size,
		       WORDS("no section " NPU_KERNEL_SECTION, "NPU_KERNEL()"));
}

TEST_F(module, stripped_of_sections)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)self->image;

	header->e_shoff = 0;
	header->e_shnum = 0;
	expect_refused(_metadata, self, self->image, self->size,
		       WORDS(NPU_KERNEL_SECTION, "strip"));
}

/* Finds the bytes of the first entry of the table of kernels. */
static struct npu_kernel_desc *first_kernel(FIXTURE_DATA(module) *self)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)self->image;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(self->image + header->e_shoff);
	const char *names = (const char *)self->image + sections[header->e_shstrndx].sh_offset;
	unsigned int i;

	for (i = 0; i < header->e_shnum; i++)
		if (!strcmp(names + sections[i].sh_name, NPU_KERNEL_SECTION))
			return (struct npu_kernel_desc *)(self->image + sections[i].sh_offset);
	return NULL;
}

TEST_F(module, bad_table_of_kernels)
{
	struct npu_kernel_desc *desc = first_kernel(self), good;

	ASSERT_NE(NULL, desc);
	good = *desc;
	desc->abi = NPU_KERNEL_ABI + 1;
	expect_refused(_metadata, self, self->image, self->size, WORDS("ABI 2", "npucc"));
	*desc = good;
	desc->size = 8;
	expect_refused(_metadata, self, self->image, self->size, WORDS("damaged"));
	*desc = good;
	desc->size = 0x7ffffff8;
	expect_refused(_metadata, self, self->image, self->size, WORDS("damaged"));
	*desc = good;
	desc->args_size = 0x10000000;
	expect_refused(_metadata, self, self->image, self->size, WORDS("arguments"));
	*desc = good;
	desc->flags = 1;
	expect_refused(_metadata, self, self->image, self->size, WORDS("update libnpurt"));
}

/* However short it is cut, it is refused with a reason, and never read past its end. */
TEST_F(module, truncated)
{
	const long page = sysconf(_SC_PAGESIZE);
	const size_t room = (self->size + page - 1) / page * page;
	uint8_t *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t size;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, mprotect(map + room, page, PROT_NONE));
	for (size = 0; size < self->size; size = size < 4096 ? size + 1 : size + 61) {
		struct npurt_module *module;
		uint8_t *cut = map + room - size;

		memcpy(cut, self->good, size);
		ASSERT_EQ(-ENOEXEC, npurt_module_load(self->ctx.vm, cut, size, "cut.elf", &module))
		TH_LOG("%zu of %zu bytes", size, self->size);
		ASSERT_NE(NULL, strstr(npurt_error_detail(), "cut.elf: "));
		if (size >= sizeof(Elf64_Ehdr))
			ASSERT_NE(NULL, strstr(npurt_error_detail(), "truncated"))
			TH_LOG("%zu bytes: %s", size, npurt_error_detail());
	}
	munmap(map, room + page);
}

/*
 * A bit that is flipped anywhere in the headers or tables does no harm: the module is refused with
 * a reason, or it loads, because not every bit matters.
 */
TEST_F_TIMEOUT(module, flipped_bits, 300)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)self->good;
	const struct {
		size_t start, end;
	} parts[] = {
		{ 0, header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr) },
		{ header->e_shoff, header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr) },
	};
	unsigned int refused = 0;
	size_t i, at;

	for (i = 0; i < 2; i++) {
		ASSERT_LE(parts[i].end, self->size);
		for (at = parts[i].start; at < parts[i].end; at++) {
			struct npurt_module *module;
			int ret;

			self->image[at] ^= 1u << (at % 8);
			ret = npurt_module_load(self->ctx.vm, self->image, self->size, "bits.elf",
						&module);
			self->image[at] ^= 1u << (at % 8);
			if (!ret) {
				npurt_module_unref(module);
				continue;
			}
			ASSERT_NE('\0', npurt_error_detail()[0]);
			refused++;
		}
	}
	EXPECT_GT(refused, 50);
	EXPECT_EQ(0, rt_work(&self->ctx, 1));
}

/* A failed load leaves nothing behind: as many can fail as may come. */
TEST_F(module, failures_cost_nothing)
{
	static const char *const words[] = { NULL };
	unsigned int i;

	self->image[self->size - 1] ^= 1;
	((Elf64_Ehdr *)self->image)->e_machine = EM_386;
	for (i = 0; i < 20000; i++)
		expect_refused(_metadata, self, self->image, self->size, words);
	EXPECT_EQ(0, rt_work(&self->ctx, 2));
}

TEST_HARNESS_MAIN
