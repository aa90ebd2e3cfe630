// SPDX-License-Identifier: MIT
/*
 * npu-rv-run: runs a bare-metal RISC-V program on one hart of the device core, the way the public
 * instruction set test suites expect of a simulator.
 *
 * The hart is the management core's (machine mode) with the tiles' vectors. Memory is flat RAM, and
 * nothing else: what lies outside of it is an access fault. The program ends by
 * writing to the symbol tohost, as HTIF has it: 1 is success, any other odd value a failure whose
 * number is the rest of it. Of HTIF's other commands there are the console's output and the proxied
 * system calls write and exit.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rv.h"

#define PAGE 4096ull

/* Exit codes. */
enum { PASSED = 0, FAILED = 1, UNUSABLE = 2, GAVE_UP = 3 };

/* What the program's symbols say; 0 if it has none of that name. */
struct symbols {
	uint64_t tohost, fromhost, begin_signature, end_signature;
};

struct machine {
	struct rv_hart hart;
	uint8_t *ram;
	uint64_t base, size; /* of the RAM, bytes, multiples of a page */
	struct symbols symbols;
};

struct options {
	unsigned int vlen, granularity;
	uint64_t max, base, size;
	const char *signature, *program;
	bool trace;
};

static __attribute__((noreturn, format(printf, 1, 2))) void give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("npu-rv-run: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(UNUSABLE);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Host address of [va, va + length), or NULL if not all of it is RAM. */
static void *at(const struct machine *m, uint64_t va, uint64_t length)
{
	if (va < m->base || va - m->base > m->size || length > m->size - (va - m->base))
		return NULL;
	return m->ram + (va - m->base);
}

static enum rv_result fill(struct rv_hart *hart, uint64_t va, enum rv_access access,
			   struct rv_page *page)
{
	const struct machine *m = hart->opaque;

	(void)access;
	page->host = at(m, va & ~(PAGE - 1), PAGE);
	if (!page->host)
		return RV_TRAP; /* the access fault that this stands for */
	page->readable = true;
	page->writable = true;
	page->executable = true;
	return RV_OK;
}

/* ---- the program ----------------------------------------------------------------------------- */

static void load_segments(struct machine *m, Elf *elf, const char *name)
{
	size_t count, size;
	const char *file = elf_rawfile(elf, &size);

	if (elf_getphdrnum(elf, &count) || !file)
		give_up("%s: %s", name, elf_errmsg(-1));
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr ph;
		void *to;

		if (!gelf_getphdr(elf, (int)i, &ph))
			give_up("%s: %s", name, elf_errmsg(-1));
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		to = at(m, ph.p_paddr, ph.p_memsz);
		if (!to)
			give_up("%s: the segment at 0x%" PRIx64 " is not in RAM, which is "
				"0x%" PRIx64 " bytes from 0x%" PRIx64 "; see --ram",
				name, (uint64_t)ph.p_paddr, m->size, m->base);
		if (ph.p_filesz > ph.p_memsz || ph.p_offset > size ||
		    ph.p_filesz > size - ph.p_offset)
			give_up("%s: a segment goes beyond the end of the file", name);
		memcpy(to, file + ph.p_offset, ph.p_filesz);
	}
}

static void find_symbols(struct symbols *symbols, Elf *elf)
{
	const struct {
		const char *name;
		uint64_t *value;
	} wanted[] = {
		{ "tohost", &symbols->tohost },
		{ "fromhost", &symbols->fromhost },
		{ "begin_signature", &symbols->begin_signature },
		{ "end_signature", &symbols->end_signature },
	};
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Shdr section;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &section) || section.sh_type != SHT_SYMTAB)
			continue;
		for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, section.sh_link, sym.st_name);

			for (size_t k = 0; name && k < sizeof(wanted) / sizeof(wanted[0]); k++)
				if (!strcmp(name, wanted[k].name))
					*wanted[k].value = sym.st_value;
		}
	}
}

/* Returns the entry point. */
static uint64_t load(struct machine *m, const char *name)
{
	int fd = open(name, O_RDONLY);
	GElf_Ehdr header;
	Elf *elf;

	if (fd < 0)
		give_up("%s: %s", name, strerror(errno));
	if (elf_version(EV_CURRENT) == EV_NONE)
		give_up("libelf: %s", elf_errmsg(-1));
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) ||
	    gelf_getclass(elf) != ELFCLASS64 || header.e_machine != EM_RISCV ||
	    header.e_type != ET_EXEC)
		give_up("%s: not a 64-bit RISC-V ELF file linked to run where it says", name);
	load_segments(m, elf, name);
	find_symbols(&m->symbols, elf);
	if (!at(m, m->symbols.tohost, 8))
		give_up("%s: has no symbol tohost in RAM, so could not say how it ends", name);
	elf_end(elf);
	close(fd);
	return header.e_entry;
}

/* One line per granularity bytes, as one number, most significant digit first. */
static void write_signature(const struct machine *m, const char *name, unsigned int granularity)
{
	const struct symbols *s = &m->symbols;
	const uint64_t length = s->end_signature - s->begin_signature;
	const uint8_t *p = at(m, s->begin_signature, length);
	FILE *file;

	if (!s->begin_signature || s->end_signature < s->begin_signature || !p)
		give_up("the program has no begin_signature and end_signature in RAM");
	file = fopen(name, "w");
	if (!file)
		give_up("%s: %s", name, strerror(errno));
	for (uint64_t i = 0; i < length; i += granularity) {
		for (unsigned int k = granularity; k-- > 0;)
			fprintf(file, "%02x", i + k < length ? p[i + k] : 0);
		fputc('\n', file);
	}
	if (fclose(file))
		give_up("%s: %s", name, strerror(errno));
}

/* ---- host-target interface ------------------------------------------------------------------- */

/* A system call that the program describes in eight words of memory. True: it was exit. */
static bool system_call(struct machine *m, uint64_t va, int *code)
{
	enum { SYS_WRITE = 64, SYS_EXIT = 93 };
	uint64_t call[4], result = (uint64_t)-ENOSYS;
	void *words = at(m, va, 64), *text;

	if (!words)
		give_up("system call at 0x%" PRIx64 ", which is not RAM", va);
	memcpy(call, words, sizeof(call));
	if (call[0] == SYS_EXIT) {
		*code = call[1] ? FAILED : PASSED;
		return true;
	}
	if (call[0] == SYS_WRITE) {
		text = at(m, call[2], call[3]);
		result = text && (call[1] == 1 || call[1] == 2) ?
				 fwrite(text, 1, call[3], call[1] == 1 ? stdout : stderr) :
				 (uint64_t)-EINVAL;
	}
	memcpy(words, &result, sizeof(result));
	return false;
}

/* Look whether the program has said something. True: it ended, with *code. */
static bool look_at_tohost(struct machine *m, int *code)
{
	void *tohost = at(m, m->symbols.tohost, 8), *fromhost = at(m, m->symbols.fromhost, 8);
	const uint64_t answer = 1, none = 0;
	uint64_t said;

	memcpy(&said, tohost, sizeof(said));
	if (!said)
		return false;
	if (said >> 48 == 0 && (said & 1)) {
		*code = said == 1 ? PASSED : FAILED;
		if (*code)
			fprintf(stderr, "npu-rv-run: test %" PRIu64 " failed\n", said >> 1);
		return true;
	}
	memcpy(tohost, &none, sizeof(none));
	if (said >> 48 == 0) {
		if (system_call(m, said, code))
			return true;
		if (fromhost)
			memcpy(fromhost, &answer, sizeof(answer));
	} else if (said >> 48 == 0x101) {
		putchar((int)(said & 0xff));
	}
	return false;
}

/* ---- running --------------------------------------------------------------------------------- */

static void trace(const struct rv_hart *hart, uint64_t pc, struct rv_hart *before)
{
	printf("%12" PRIu64 " %016" PRIx64, hart->instret, pc);
	for (unsigned int i = 1; i < 32; i++)
		if (hart->x[i] != before->x[i])
			printf(" x%u=%" PRIx64, i, hart->x[i]);
	for (unsigned int i = 0; i < 32; i++)
		if (hart->f[i] != before->f[i])
			printf(" f%u=%" PRIx64, i, hart->f[i]);
	putchar('\n');
	memcpy(before->x, hart->x, sizeof(before->x));
	memcpy(before->f, hart->f, sizeof(before->f));
}

static int run(struct machine *m, const struct options *options)
{
	struct rv_hart *hart = &m->hart, before;
	int code = FAILED;

	memcpy(&before, hart, sizeof(before));
	/* Traps cost budget too, so this ends. */
	for (uint64_t spent = 0; spent < options->max; spent += options->trace ? 1 : RV_SLICE) {
		const uint64_t pc = hart->pc;
		const enum rv_stop stop = rv_run(hart, options->trace ? 1 : RV_SLICE);

		if (options->trace)
			trace(hart, pc, &before);
		if (look_at_tohost(m, &code))
			return code;
		if (stop == RV_STOP_WFI) {
			fprintf(stderr, "npu-rv-run: waits at 0x%" PRIx64 " for an interrupt; there are none\n",
				hart->pc);
			return FAILED;
		}
	}
	fprintf(stderr,
		"npu-rv-run: still running at 0x%" PRIx64 " after %" PRIu64 " instructions; last trap: "
		"mcause %" PRIu64 ", mepc 0x%" PRIx64 ", mtval 0x%" PRIx64 "\n",
		hart->pc, options->max, hart->mcause, hart->mepc, hart->mtval);
	return GAVE_UP;
}

/* ---- command line ---------------------------------------------------------------------------- */

static const char usage[] =
	"usage: npu-rv-run [options] PROGRAM\n"
	"Run a bare-metal RISC-V ELF program on a hart of the NPU until it writes to tohost.\n"
	"  --vlen N          bits of a vector register, 128 to 16384; 0: no vectors (2048)\n"
	"  --signature FILE  write begin_signature to end_signature, in hexadecimal\n"
	"  --granularity N   bytes per line of it: 1, 2, 4, 8 or 16 (4)\n"
	"  --max N           give up after N instructions (100000000)\n"
	"  --ram BASE,SIZE   where memory is, bytes (0x80000000,0x10000000)\n"
	"  --trace           print a line per basic block: instructions so far, address,\n"
	"                    registers changed\n"
	"Exit status: 0 passed, 1 failed, 2 cannot be run, 3 gave up.\n";

static uint64_t number(const char *text, char **end)
{
	char *stop;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &stop, 0);
	if (errno || stop == text || (*stop && !end))
		give_up("not a number: %s", text);
	if (end)
		*end = stop;
	return value;
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "vlen", required_argument, NULL, 'v' }, { "signature", required_argument, NULL, 's' },
		{ "granularity", required_argument, NULL, 'g' }, { "max", required_argument, NULL, 'm' },
		{ "ram", required_argument, NULL, 'r' }, { "trace", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (c) {
		case 'v':
			o->vlen = (unsigned int)number(optarg, NULL);
			break;
		case 's':
			o->signature = optarg;
			break;
		case 'g':
			o->granularity = (unsigned int)number(optarg, NULL);
			if (!o->granularity || o->granularity > 16 ||
			    (o->granularity & (o->granularity - 1)))
				give_up("--granularity is 1, 2, 4, 8 or 16");
			break;
		case 'm':
			o->max = number(optarg, NULL);
			break;
		case 'r':
			o->base = number(optarg, &end);
			if (*end != ',')
				give_up("--ram takes BASE,SIZE");
			o->size = number(end + 1, NULL);
			if (!o->size || (o->base | o->size) % PAGE || o->base + (o->size - 1) < o->base)
				give_up("--ram takes multiples of 4096");
			break;
		case 't':
			o->trace = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(UNUSABLE);
		}
	}
	if (argc - optind != 1)
		give_up("takes one program; try --help");
	o->program = argv[optind];
}

int main(int argc, char **argv)
{
	static const struct rv_env env = { .fill = fill };
	struct options options = { .vlen = 2048, .granularity = 4, .max = 100000000,
				   .base = 0x80000000, .size = 0x10000000 };
	static struct machine m;
	uint64_t entry;
	int err, code;

	parse(&options, argc, argv);
	m.base = options.base;
	m.size = options.size;
	m.ram = mmap(NULL, m.size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m.ram == MAP_FAILED)
		give_up("0x%" PRIx64 " bytes of memory: %s", m.size, strerror(errno));
	entry = load(&m, options.program);
	err = rv_init(&m.hart, &env, &m, RV_MODE_MACHINE);
	if (!err && options.vlen)
		err = rv_set_vlen(&m.hart, options.vlen);
	if (err)
		give_up("--vlen %u: %s", options.vlen, strerror(-err));
	rv_reset(&m.hart, entry);
	code = run(&m, &options);
	if (options.signature)
		write_signature(&m, options.signature, options.granularity);
	rv_fini(&m.hart);
	munmap(m.ram, m.size);
	return code;
}
