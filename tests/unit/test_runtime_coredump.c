// SPDX-License-Identifier: MIT
/*
 * npu-prof coredump on dumps that are made here: a good one with symbols, and ones that are cut, damaged or
 * made to hurt.
 */
#include <gelf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "npu_dump.h"
#include "npu_packet.h"

#define ELF  RUNTIME_OUT "/fault_kernels.elf"
#define FILE_PATH RUNTIME_OUT "/test.dump"
#define BASE 0x40000000ull /* where the module is said to be loaded */
#define WILD 0x123456789000ull

static char output[1 << 18];
static uint8_t dump[NPU_DUMP_MAX];
static size_t used;

/* Run npu-prof coredump; returns its exit status, 128 and more for a signal. */
static int run(const char *options, const char *path)
{
	char line[1024];
	FILE *pipe;
	size_t got;
	int status;

	snprintf(line, sizeof(line),
		 "ASAN_OPTIONS=detect_leaks=0 LD_LIBRARY_PATH=%s/lib %s/bin/npu-prof coredump %s %s 2>&1",
		 RUNTIME_OUT, RUNTIME_OUT, options, path);
	pipe = popen(line, "r");
	if (!pipe)
		die("popen");
	got = fread(output, 1, sizeof(output) - 1, pipe);
	output[got] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void write_dump(const uint8_t *data, size_t size)
{
	FILE *file = fopen(FILE_PATH, "wb");

	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		die(FILE_PATH);
}

static void put(uint32_t type, const void *entries, uint32_t entry_size, size_t count)
{
	struct npu_dump_section head = {.type = type, .entry_size = entry_size, .size = entry_size * count};

	memcpy(dump + used, &head, sizeof(head));
	used += sizeof(head);
	memcpy(dump + used, entries, head.size);
	used += (head.size + 7) / 8 * 8;
	((struct npu_dump_header *)dump)->sections++;
}

/* Where a function of the module is, as linked, with the lowest address of the file. */
static uint64_t function_at(const char *name, uint64_t *ret_start)
{
	int fd = open(ELF, O_RDONLY);
	Elf_Scn *scn = NULL;
	uint64_t found = 0;
	GElf_Phdr segment;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	*ret_start = UINT64_MAX;
	for (int i = 0; gelf_getphdr(elf, i, &segment); i++)
		if (segment.p_type == PT_LOAD && segment.p_vaddr < *ret_start)
			*ret_start = segment.p_vaddr & ~4095ull;
	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		GElf_Shdr section;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &section) || section.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; gelf_getsym(data, i, &sym); i++)
			if (GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
			    !strcmp(elf_strptr(elf, section.sh_link, sym.st_name), name))
				found = sym.st_value;
	}
	elf_end(elf);
	close(fd);
	if (!found)
		die(name);
	return found;
}

/* A dump as the driver makes it, of wild_write(). */
static void make_dump(void)
{
	struct npu_dump_header *header = (void *)dump;
	struct npu_dump_device device = {.hw_version = 1 << 16 | 7, .chiplets = 2, .tiles_per_chiplet = 2,
					 .address = "0000:01:00.0", .fw_version = "a\x1b[31mfirmware"};
	struct npu_dump_queue queue = {.slot = 3, .owner = "program[42]", .oldest = 7};
	struct npu_dump_record record = {.error = NPU_JOB_PAGE_FAULT, .access = NPU_ACCESS_WRITE,
					 .core = 2, .asid = 5, .seqno = 7, .addr = WILD,
					 .packet = 0x20040};
	struct npu_dump_binding maps[2] = {{.va = 0x20000, .size = 0x1000, .label = "commands"}};
	struct npu_dump_walk walk[2] = {{.va = WILD, .level = 3, .entry = 1}, {.va = WILD, .level = 2}};
	struct npu_dump_packet packets[2] = {{.va = 0x20000}, {.va = 0x20040}};
	struct npu_dump_message message = {.to_host = 1, .msg = {.type = NPU_MSG_FAULT}};
	struct npu_dump_register reg = {.offset = 0x24, .value = 2};
	struct npu_core_state core = {.flags = NPU_CORE_STATE_VALID, .core = 2, .seqno = 7,
				      .workgroup = 11, .cycle = 4711, .instret = 1234, .fcsr = 0x21,
				      .vlenb = 256, .vl = 17, .vstart = 5, .vtype = 0xd1};
	uint64_t start, function = function_at("wild_write", &start), counters[2] = {0, 123};
	struct npu_log_record log[] = {
		{.time = 1500000000, .level = NPU_LOG_LEVEL_ERROR, .queue = NPU_LOG_NO_QUEUE,
		 .text = "a line that is longer than what a record can hol"},
		{.time = 1500000000, .level = NPU_LOG_LEVEL_ERROR, .flags = NPU_LOG_CONTINUED,
		 .queue = NPU_LOG_NO_QUEUE, .text = "d \x1b[31m"},
		{.time = 2000001000, .event = NPU_LOG_JOB_BEGIN, .queue = 3, .arg = {7, 5, 2, 0x20000}},
		{.event = 60000, .queue = NPU_LOG_NO_QUEUE, .arg = {0, 0, 0, 0, 0, 0xabc}},
		{.level = 99, .flags = NPU_LOG_CONTINUED, .queue = 9, .text = "tail"},
	};
	union npu_packet packet = {.dispatch = {.hdr.op = NPU_PKT_DISPATCH, .grid = {64, 1, 1}}};

	memset(dump, 0, sizeof(dump));
	used = sizeof(*header);
	*header = (struct npu_dump_header){.magic = NPU_DUMP_MAGIC, .major = NPU_DUMP_MAJOR,
					   .header_size = sizeof(*header), .reason = NPU_DUMP_FAULT,
					   .queue = 3, .why = "page fault"};
	/* in the second half of a mapping that starts a page into the module */
	maps[1] = (struct npu_dump_binding){.va = BASE + 4096, .size = 1 << 20, .offset = 4096};
	record.pc = BASE + function - start;
	packet.dispatch.entry = record.pc;
	core.pc = record.pc;
	for (unsigned int i = 1; i < 32; i++)
		core.x[i] = 0xab0000 + i;
	core.x[1] = BASE + function_at("wild_read", &start) - start;
	core.f[31] = 0xfedc;
	memcpy(packets[1].bytes, &packet, sizeof(packet));
	put(NPU_DUMP_DEVICE, &device, sizeof(device), 1);
	put(NPU_DUMP_REGISTERS, &reg, sizeof(reg), 1);
	put(999, "not known yet", 13, 1);
	put(NPU_DUMP_QUEUE, &queue, sizeof(queue), 1);
	put(NPU_DUMP_RECORD, &record, sizeof(record), 1);
	put(NPU_DUMP_CORE, &core, sizeof(core), 1);
	put(NPU_DUMP_COUNTERS, counters, 8, 2);
	put(NPU_DUMP_WALK, walk, sizeof(walk[0]), 2);
	put(NPU_DUMP_PACKETS, packets, sizeof(packets[0]), 2);
	put(NPU_DUMP_BINDINGS, maps, sizeof(maps[0]), 2);
	put(NPU_DUMP_MAILBOX, &message, sizeof(message), 1);
	put(NPU_DUMP_FW_LOG, log, sizeof(log[0]), sizeof(log) / sizeof(log[0]));
	header->size = (uint32_t)used;
}

static void says(const char *words, const char *name)
{
	if (!tap_ok(strstr(output, words), "%s", name))
		tap_diag("no '%s' in\n%.3000s", words, output);
}

static void test_good(void)
{
	write_dump(dump, used);
	tap_ok(run("--elf " ELF, FILE_PATH) == 0, "a good dump");
	says("a job failed: page fault\n", "says why");
	says("page fault: write to 0x123456789000 by tile 2 in context 5", "the fault");
	says("fault_kernels.c:", "the file");
	says("in wild_write() of fault_kernels.elf", "the function");
	says("registers of tile 2 in workgroup 11, cycle 4711 of its share, 1234 instructions", "the core");
	says("ra   0x0000000040", "a register with an address");
	says(" wild_read() at ", "and what lies there");
	says("a0   0x0000000000ab000a", "a register");
	says("ft11 0x000000000000fedc\n  fcsr 0x21\n", "the floating-point ones");
	says("vectors of 2048 bits: e32, m2, ta, ma, vl 17, vstart 5", "the state of vectors");
	says("level 2, table 0x0, entry 0: 0x0000000000000000 not mapped", "where the walk ends");
	says(" > 0x20040 DISPATCH 0x", "the packet that failed");
	says("grid 64 x 1 x 1", "decoded");
	says("queue 3 of program[42]", "the queue");
	says("commands", "a label");
	says("a?[31mfirmware", "nothing that a terminal obeys");
	says("\n  1.500000 error: a line that is longer than what a record can hold ?[31m\n", "the firmware's log");
	says("\n  2.000001 job_begin queue=3 seqno=7 context=5 packets=2 addr=0x20000\n", "and its trace");
	says("\n  0.000000 event 60000 0=0x0 1=0x0 2=0x0 3=0x0 4=0x0 5=0xabc\n", "an event that is not known");
	says("\n  0.000000 level 99: queue 9: tail\n", "the rest of a line, of no known level");
	tap_ok(!strchr(output, '\x1b'), "no escape at all");
	tap_ok(run("", FILE_PATH) == 0 && !strstr(output, "wild_write"), "without symbols");
	says("in no loaded module", "says that there are none");
	tap_ok(run("--elf " ELF "@0x40000000", FILE_PATH) == 0 && strstr(output, "wild_write()"),
	       "placed by hand");
	tap_ok(run("--elf " ELF "@0x70000000", FILE_PATH) == 0 && !strstr(output, "wild_write()"),
	       "placed elsewhere");
}

static void test_usage(void)
{
	tap_ok(run("", "") == 2 && strstr(output, "/sys/class/devcoredump"), "no file is named");
	tap_ok(run("", "a b") == 2 && strstr(output, "one dump at a time"), "two files");
	tap_ok(run("", "/nonexistent") == 1 && strstr(output, "cannot open /nonexistent"), "no such file");
	tap_ok(run("", "/dev/null") == 1 && strstr(output, "no core dump"), "an empty file");
	tap_ok(run("", ELF) == 1 && strstr(output, "no core dump"), "another file");
	tap_ok(run("--elf /bin/sh", FILE_PATH) == 1 && strstr(output, "no RISC-V program"),
	       "symbols of another machine");
	tap_ok(run("--elf /nonexistent", FILE_PATH) == 1 && strstr(output, "cannot open"),
	       "symbols that are not there");
}

/* Whatever the file is, it ends with 0 or 1. */
static void test_hostile(void)
{
	static uint8_t bad[NPU_DUMP_MAX];
	struct npu_dump_header *header = (void *)bad;
	unsigned int failures = 0, seed = 1;

	for (size_t size = 0; size < used; size += 1 + size / 24) {
		write_dump(dump, size);
		failures += run("--elf " ELF, FILE_PATH) != 1 || !strstr(output, size < 8 ? "no core dump" : "truncated");
	}
	tap_ok(!failures, "%u cut files are not told to be so", failures);

	failures = 0;
	for (int round = 0; round < 60; round++) {
		memcpy(bad, dump, used);
		for (int i = 0; i < 1 + round; i++) {
			seed = seed * 1103515245 + 12345;
			bad[8 + (seed >> 8) % (used - 8)] = (uint8_t)(seed >> 24 & 1 ? 0xff : seed >> 16);
		}
		write_dump(bad, used);
		failures += run("--elf " ELF, FILE_PATH) > 1;
	}
	tap_ok(!failures, "%u damaged files did harm", failures);

	memcpy(bad, dump, used);
	header->header_size = 0xfffffff8;
	write_dump(bad, used);
	tap_ok(run("", FILE_PATH) == 1 && strstr(output, "damaged"), "a header that is larger than the file");
	memcpy(bad, dump, used);
	header->sections = 0xffffffff;
	write_dump(bad, used);
	tap_ok(run("", FILE_PATH) == 0, "sections without end");
	memcpy(bad, dump, used);
	((struct npu_dump_section *)(bad + sizeof(*header)))->size = UINT64_MAX - 3;
	write_dump(bad, used);
	tap_ok(run("", FILE_PATH) == 0, "a section that wraps around");
	memcpy(bad, dump, used);
	((struct npu_dump_section *)(bad + sizeof(*header)))->entry_size = 0;
	write_dump(bad, used);
	tap_ok(run("", FILE_PATH) == 0, "entries of no size");
	memcpy(bad, dump, used);
	header->major = 2;
	write_dump(bad, used);
	tap_ok(run("", FILE_PATH) == 1 && strstr(output, "format 2.0"), "another major version");
}

int main(void)
{
	make_dump();
	test_good();
	test_usage();
	test_hostile();
	return tap_done();
}
