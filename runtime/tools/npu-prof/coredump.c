// SPDX-License-Identifier: MIT
/* npu-prof coredump: a core dump of the device, readable. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <npurt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump.h"
#include "npu_packet.h"
#include "npu_pgtable.h"
#include "npu_regs.h"
#include "prof.h"
#include "symbols.h"

#define USAGE "usage: npu-prof coredump [-e|--elf FILE[@ADDRESS]] DUMP\n"

/* What came with text in it may have anything in it. */
static void print_text(const char *text, size_t room)
{
	for (size_t i = 0; i < room && text[i]; i++)
		putchar(isprint((unsigned char)text[i]) ? text[i] : '?');
}

static void print_symbol(struct symbols *symbols, uint64_t address)
{
	struct npurt_symbol symbol = NPURT_SYMBOL_INIT;

	if (!symbols_find(symbols, address, &symbol))
		return;
	if (symbol.function[0])
		printf(" %s()", symbol.function);
	if (symbol.file[0])
		printf(" at %s:%u", symbol.file, symbol.line);
}

static void print_header(const struct dump *dump)
{
	static const char *const reasons[] = {
		[NPU_DUMP_FAULT] = "a job failed",
		[NPU_DUMP_TIMEOUT] = "a job was stopped",
		[NPU_DUMP_RESET] = "the device was reset",
	};
	const struct npu_dump_header *header = &dump->header;
	time_t seconds = (time_t)(header->date / 1000000000);
	char date[64] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (header->reason < sizeof(reasons) / sizeof(reasons[0]) && reasons[header->reason])
		printf("%s: ", reasons[header->reason]);
	else
		printf("reason %u: ", header->reason);
	print_text(header->why, sizeof(header->why));
	printf("\n  %s, %" PRIu64 ".%06u s after boot, format %u.%u\n", date,
	       (uint64_t)header->time / 1000000000, (unsigned int)(header->time % 1000000000 / 1000),
	       header->major, header->minor);
	if (header->flags & NPU_DUMP_CUT)
		puts("  there was more than fits in a dump");
}

static void print_device(const struct dump *dump)
{
	struct npu_dump_device device;
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_DEVICE, &section))
		return;
	dump_entry(&section, 0, &device, sizeof(device));
	printf("  device ");
	print_text(device.address, sizeof(device.address));
	printf(", hardware %u.%u, %u x %u tiles, %u KiB SRAM per tile, %u MHz, features 0x%" PRIx64
	       "\n  firmware ",
	       device.hw_version >> 16, device.hw_version & 0xffff, device.chiplets,
	       device.tiles_per_chiplet, device.sram_size / 1024, device.clock_khz / 1000,
	       (uint64_t)device.hw_features);
	print_text(device.fw_version, sizeof(device.fw_version));
	printf(", ABI %u.%u, build id ", device.fw_abi >> 16, device.fw_abi & 0xffff);
	for (size_t i = 0; i < sizeof(device.fw_build_id); i++)
		printf("%02x", device.fw_build_id[i]);
	printf("\n  kernel ");
	print_text(device.kernel, sizeof(device.kernel));
	putchar('\n');
}

static void print_queue(const struct dump *dump)
{
	struct dump_section section;
	struct npu_dump_queue queue;

	if (!dump_find(dump, NPU_DUMP_QUEUE, &section))
		return;
	dump_entry(&section, 0, &queue, sizeof(queue));
	printf("\nqueue %u of ", queue.slot);
	print_text(queue.owner, sizeof(queue.owner));
	printf(": context %u, priority %u, timeout %u ms, fences %" PRIu64 "\n", queue.asid,
	       queue.priority, queue.timeout_ms, (uint64_t)queue.context);
	printf("  jobs: %" PRIu64 " ended, %" PRIu64 " given to the device", (uint64_t)queue.completed,
	       (uint64_t)queue.emitted);
	if (queue.oldest)
		printf(", stands at %" PRIu64, (uint64_t)queue.oldest);
	printf("\n  writeback: head %u of %u, state %u, started %" PRIu64 ", completed %" PRIu64
	       ", progress %" PRIu64 ", error %u of job %" PRIu64 ", %" PRIu64 " cycles\n",
	       queue.wb.head, queue.tail, queue.wb.state, (uint64_t)queue.wb.started,
	       (uint64_t)queue.wb.completed, (uint64_t)queue.wb.progress, queue.wb.error,
	       (uint64_t)queue.wb.error_seqno, (uint64_t)queue.wb.clock);
}

static bool get_record(const struct dump *dump, struct npu_dump_record *record)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_RECORD, &section))
		return false;
	dump_entry(&section, 0, record, sizeof(*record));
	return true;
}

static void print_fault(const struct npu_dump_record *record, struct symbols *symbols)
{
	struct npurt_fault fault = {
		.size = sizeof(fault),
		.error = record->error,
		.access = record->access,
		.core = record->core,
		.context = record->asid,
		.job = record->seqno,
		.addr = record->addr,
		.pc = record->pc,
		.packet = record->packet,
		.workgroup = record->workgroup,
		.symbol = NPURT_SYMBOL_INIT,
	};
	char text[1024];

	symbols_find(symbols, record->pc, &fault.symbol);
	npurt_fault_text(&fault, text, sizeof(text));
	printf("\nfault: %s\n", text);
}

/* vtype as the assembler has it, of one that is set. */
static void print_vtype(uint64_t vtype)
{
	static const char *const lmul[] = {"m1", "m2", "m4", "m8", "m?", "mf8", "mf4", "mf2"};

	if (vtype >> 63) {
		printf("no type set");
		return;
	}
	printf("e%u, %s, %s, %s", 8u << (vtype >> 3 & 7), lmul[vtype & 7], vtype & 1 << 6 ? "ta" : "tu",
	       vtype & 1 << 7 ? "ma" : "mu");
}

static void print_core(const struct dump *dump, struct symbols *symbols)
{
	static const char *const x[32] = {
		"zero", "ra", "sp", "gp", "tp",	 "t0",	"t1", "t2", "s0", "s1", "a0",
		"a1",	"a2", "a3", "a4", "a5",	 "a6",	"a7", "s2", "s3", "s4", "s5",
		"s6",	"s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};
	static const char *const f[32] = {
		"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6",  "ft7",  "fs0", "fs1", "fa0",
		"fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7",  "fs2",  "fs3", "fs4", "fs5",
		"fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
	};
	struct npu_core_state core;
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_CORE, &section))
		return;
	dump_entry(&section, 0, &core, sizeof(core));
	printf("\nregisters of tile %u in workgroup %" PRIu64 ", cycle %" PRIu64 " of its share, %" PRIu64
	       " instructions\n  pc   0x%016" PRIx64,
	       core.core, (uint64_t)core.workgroup, (uint64_t)core.cycle, (uint64_t)core.instret,
	       (uint64_t)core.pc);
	print_symbol(symbols, core.pc);
	printf("\n  ra   0x%016" PRIx64, (uint64_t)core.x[1]);
	print_symbol(symbols, core.x[1]);
	putchar('\n');
	for (unsigned int i = 2; i < 32; i++)
		printf("  %-4s 0x%016" PRIx64 "%s", x[i], (uint64_t)core.x[i], i % 3 == 1 ? "\n" : "");
	for (unsigned int i = 0; i < 32; i++)
		printf("  %-4s 0x%016" PRIx64 "%s", f[i], (uint64_t)core.f[i],
		       i % 3 == 2 || i == 31 ? "\n" : "");
	printf("  fcsr 0x%x\n", core.fcsr);
	if (!core.vlenb)
		return;
	printf("  vectors of %u bits: ", 8 * core.vlenb);
	print_vtype(core.vtype);
	printf(", vl %u, vstart %u, vcsr 0x%x\n", core.vl, core.vstart, core.vcsr);
}

static void print_walk(const struct dump *dump)
{
	struct dump_section section;
	struct npu_dump_walk walk;

	if (!dump_find(dump, NPU_DUMP_WALK, &section))
		return;
	dump_entry(&section, 0, &walk, sizeof(walk));
	printf("\npage-table walk of 0x%" PRIx64 "\n", (uint64_t)walk.va);
	for (size_t i = 0; i < section.count; i++) {
		dump_entry(&section, i, &walk, sizeof(walk));
		printf("  level %u, table 0x%" PRIx64 ", entry %u: 0x%016" PRIx64, walk.level,
		       (uint64_t)walk.table, walk.index, (uint64_t)walk.entry);
		if (!(walk.entry & NPU_PTE_V))
			puts(" not mapped");
		else if (walk.entry & (NPU_PTE_R | NPU_PTE_W | NPU_PTE_X))
			printf(" page at 0x%" PRIx64 " %c%c%c\n",
			       (uint64_t)(walk.entry & NPU_PTE_PPN_MASK) >> NPU_PTE_PPN_SHIFT
									<< NPU_PAGE_SHIFT,
			       walk.entry & NPU_PTE_R ? 'r' : '-',
			       walk.entry & NPU_PTE_W ? 'w' : '-',
			       walk.entry & NPU_PTE_X ? 'x' : '-');
		else
			puts("");
	}
}

static void print_packet(const union npu_packet *packet, struct symbols *symbols)
{
	switch (packet->hdr.op) {
	case NPU_PKT_NOP:
		printf("NOP");
		break;
	case NPU_PKT_DISPATCH:
		printf("DISPATCH%s 0x%" PRIx64, packet->hdr.flags & NPU_DISPATCH_GANG ? " GANG" : "",
		       (uint64_t)packet->dispatch.entry);
		print_symbol(symbols, packet->dispatch.entry);
		printf(", args 0x%" PRIx64 ", grid %u x %u x %u", (uint64_t)packet->dispatch.args,
		       packet->dispatch.grid[0], packet->dispatch.grid[1],
		       packet->dispatch.grid[2]);
		break;
	case NPU_PKT_COPY:
		printf("COPY 0x%" PRIx64 " to 0x%" PRIx64 ", %u x %u x %u", (uint64_t)packet->copy.src,
		       (uint64_t)packet->copy.dst, packet->copy.size[0], packet->copy.size[1],
		       packet->copy.size[2]);
		break;
	case NPU_PKT_FILL:
		printf("FILL 0x%" PRIx64 " with 0x%x, %u x %u x %u", (uint64_t)packet->fill.dst,
		       packet->fill.value, packet->fill.size[0], packet->fill.size[1],
		       packet->fill.size[2]);
		break;
	case NPU_PKT_BARRIER:
		printf("BARRIER");
		break;
	case NPU_PKT_TIMESTAMP:
		printf("TIMESTAMP to 0x%" PRIx64, (uint64_t)packet->timestamp.addr);
		break;
	case NPU_PKT_COUNTERS:
		printf("COUNTERS to 0x%" PRIx64 ", %u bytes", (uint64_t)packet->counters.addr,
		       packet->counters.size);
		break;
	case NPU_PKT_GATHER:
		printf("GATHER%s 0x%" PRIx64 " to 0x%" PRIx64 " by 0x%" PRIx64 ", %u x %u bytes",
		       packet->hdr.flags & NPU_GATHER_SCATTER ? " SCATTER" : "",
		       (uint64_t)packet->gather.src, (uint64_t)packet->gather.dst,
		       (uint64_t)packet->gather.indices, packet->gather.rows, packet->gather.bytes);
		break;
	default:
		printf("packet %u", packet->hdr.op);
		for (int i = 0; i < 8; i++)
			printf(" %016" PRIx64, (uint64_t)packet->raw[i]);
	}
	if (packet->hdr.id)
		printf(", id %u", packet->hdr.id);
}

static void print_packets(const struct dump *dump, uint64_t failed, struct symbols *symbols)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_PACKETS, &section))
		return;
	puts("\npackets, as they were in memory when the dump was written");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_packet entry;
		union npu_packet packet;

		dump_entry(&section, i, &entry, sizeof(entry));
		memcpy(&packet, entry.bytes, sizeof(packet));
		printf("%s 0x%" PRIx64 " ", failed && entry.va == failed ? " >" : "  ",
		       (uint64_t)entry.va);
		print_packet(&packet, symbols);
		putchar('\n');
	}
}

static void print_code(const struct dump *dump, uint64_t pc, struct symbols *symbols)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_CODE, &section))
		return;
	puts("\ncode around the program counter");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_code code;

		dump_entry(&section, i, &code, sizeof(code));
		printf("%s 0x%" PRIx64, pc >= code.va && pc - code.va < sizeof(code.bytes) ? " >" : "  ",
		       (uint64_t)code.va);
		for (size_t k = 0; k < sizeof(code.bytes); k += 2)
			printf(" %02x%02x", code.bytes[k + 1], code.bytes[k]);
		print_symbol(symbols, code.va);
		putchar('\n');
	}
}

static void print_ring(const struct dump *dump)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_RING, &section))
		return;
	puts("\nring, the newest last");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_ring ring;

		dump_entry(&section, i, &ring, sizeof(ring));
		printf("  %u: ", ring.index);
		if (ring.entry.op == NPU_RING_RUN)
			printf("RUN 0x%" PRIx64 ", %u packets, context %u, job %" PRIu64 "\n",
			       (uint64_t)ring.entry.addr, ring.entry.packets, ring.entry.as_id,
			       (uint64_t)ring.entry.seqno);
		else if (ring.entry.op == NPU_RING_FENCE)
			printf("FENCE %" PRIu64 "\n", (uint64_t)ring.entry.seqno);
		else
			printf("op %u\n", ring.entry.op);
	}
}

static void print_bindings(const struct dump *dump)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_BINDINGS, &section))
		return;
	puts("\nwhat was mapped");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_binding map;

		dump_entry(&section, i, &map, sizeof(map));
		printf("  0x%" PRIx64 "..0x%" PRIx64 ", offset 0x%" PRIx64 " ", (uint64_t)map.va,
		       (uint64_t)(map.va + map.size - 1), (uint64_t)map.offset);
		print_text(map.label, sizeof(map.label));
		putchar('\n');
	}
}

static void print_counters(const struct dump *dump)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_COUNTERS, &section))
		return;
	puts("\ncounters of the queue that are not 0, up to the last job that ended");
	for (size_t i = 0; i < section.count && i < npurt_counter_count(); i++) {
		struct npurt_counter_info info = NPURT_COUNTER_INFO_INIT;
		uint64_t value;

		dump_entry(&section, i, &value, sizeof(value));
		if (value && !npurt_counter_get_info((uint32_t)i, &info))
			printf("  %20" PRIu64 " %s %s\n", value, info.name, info.unit);
	}
}

static void print_mailbox(const struct dump *dump)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_MAILBOX, &section))
		return;
	puts("\nmailbox, the newest last");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_message message;

		dump_entry(&section, i, &message, sizeof(message));
		printf("  %" PRIu64 ".%06u %s 0x%x, status %u, number %u, cookie %u, queue %u\n",
		       (uint64_t)message.time / 1000000000,
		       (unsigned int)(message.time % 1000000000 / 1000),
		       message.to_host ? "from the firmware" : "to the firmware  ",
		       message.msg.type, message.msg.status, message.msg.seq, message.msg.cookie,
		       message.msg.queue);
	}
}

/* An event's arguments with their names, or what an event has that this program does not know. */
static void print_event(const struct npu_log_record *record)
{
	static const struct {
		const char *name, *arguments;
	} events[NPU_LOG_EVENTS] = {
#define EVENT(symbol, number, group, name, arguments) [number] = {name, arguments},
		NPU_LOG_EVENT_TABLE(EVENT)
#undef EVENT
	};
	const char *at = "#0 #1 #2 #3 #4 #5";

	if (record->event < NPU_LOG_EVENTS) {
		fputs(events[record->event].name, stdout);
		at = events[record->event].arguments;
	} else {
		printf("event %u", record->event);
	}
	if (record->queue != NPU_LOG_NO_QUEUE)
		printf(" queue=%u", record->queue);
	for (unsigned int i = 0; *at; i++) {
		const bool hex = *at == '#';
		const size_t length = strcspn(at + hex, " ");

		printf(hex ? " %.*s=0x%" PRIx64 : " %.*s=%" PRIu64, (int)length, at + hex,
		       (uint64_t)record->arg[i]);
		at += hex + length;
		at += *at == ' ';
	}
}

static void print_fw_log(const struct dump *dump)
{
	static const char *const levels[NPU_LOG_LEVELS] = {"none", "error", "warning", "info", "debug"};
	struct dump_section section;
	bool text = false;

	if (!dump_find(dump, NPU_DUMP_FW_LOG, &section))
		return;
	printf("\nlog and trace of the firmware, the newest last");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_log_record record;

		dump_entry(&section, i, &record, sizeof(record));
		if (record.event == NPU_LOG_TEXT && text && record.flags & NPU_LOG_CONTINUED) {
			print_text(record.text, sizeof(record.text));
			continue;
		}
		printf("\n  %" PRIu64 ".%06u ", (uint64_t)record.time / 1000000000,
		       (unsigned int)(record.time % 1000000000 / 1000));
		text = record.event == NPU_LOG_TEXT;
		if (!text) {
			print_event(&record);
			continue;
		}
		if (record.level < NPU_LOG_LEVELS)
			printf("%s: ", levels[record.level]);
		else
			printf("level %u: ", record.level);
		if (record.queue != NPU_LOG_NO_QUEUE)
			printf("queue %u: ", record.queue);
		print_text(record.text, sizeof(record.text));
	}
	putchar('\n');
}

static void print_registers(const struct dump *dump)
{
	struct dump_section section;

	if (!dump_find(dump, NPU_DUMP_REGISTERS, &section))
		return;
	puts("\nregisters");
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_register reg;

		dump_entry(&section, i, &reg, sizeof(reg));
		printf("  0x%03x 0x%08x%s", reg.offset, reg.value, i % 4 == 3 ? "\n" : "");
	}
	if (section.count % 4)
		putchar('\n');
}

/* Where the code was: the runtime maps a module as one buffer, from its start. */
static void place(const struct dump *dump, struct symbols *symbols, uint64_t pc)
{
	struct dump_section section;

	if (!symbols || !dump_find(dump, NPU_DUMP_BINDINGS, &section))
		return;
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_binding map;

		dump_entry(&section, i, &map, sizeof(map));
		if (pc >= map.va && pc - map.va < map.size)
			symbols_place(symbols, map.va - map.offset);
	}
}

/* An address of the kernel's code: where it stood, or where it was to start. */
static uint64_t code_address(const struct dump *dump, const struct npu_dump_record *record)
{
	struct dump_section section;

	if (record->pc)
		return record->pc;
	if (!dump_find(dump, NPU_DUMP_PACKETS, &section))
		return 0;
	for (size_t i = 0; i < section.count; i++) {
		struct npu_dump_packet entry;
		union npu_packet packet;

		dump_entry(&section, i, &entry, sizeof(entry));
		memcpy(&packet, entry.bytes, sizeof(packet));
		if (packet.hdr.op == NPU_PKT_DISPATCH)
			return packet.dispatch.entry;
	}
	return 0;
}

static void print(const struct dump *dump, struct symbols *symbols, bool placed)
{
	struct npu_dump_record record = {};
	bool fault = get_record(dump, &record);

	if (!placed)
		place(dump, symbols, code_address(dump, &record));
	print_header(dump);
	print_device(dump);
	print_queue(dump);
	if (fault)
		print_fault(&record, symbols);
	print_core(dump, symbols);
	print_walk(dump);
	print_packets(dump, record.packet, symbols);
	print_code(dump, record.pc, symbols);
	print_bindings(dump);
	print_ring(dump);
	print_counters(dump);
	print_mailbox(dump);
	print_fw_log(dump);
	print_registers(dump);
}

/* FILE or FILE@ADDRESS; NULL after a message. */
static struct symbols *open_elf(char *argument, bool *placed)
{
	char *at = strrchr(argument, '@'), *end, error[512];
	uint64_t address = 0;
	struct symbols *symbols;

	if (at && at[1]) {
		address = strtoull(at + 1, &end, 0);
		if (!*end) {
			*at = '\0';
			*placed = true;
		}
	}
	symbols = symbols_open(argument, error, sizeof(error));
	if (!symbols)
		fprintf(stderr, "npu-prof: %s\n", error);
	else if (*placed)
		symbols_place(symbols, address);
	return symbols;
}

int prof_coredump(int argc, char **argv)
{
	static const struct option longs[] = {
		{"elf", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct symbols *symbols = NULL;
	bool placed = false;
	char error[512];
	struct dump dump;
	int c, status = 0;

	while ((c = getopt_long(argc, argv, "e:h", longs, NULL)) != -1) {
		if (c == 'e' && !symbols) {
			symbols = open_elf(optarg, &placed);
			if (!symbols)
				return 1;
			continue;
		}
		symbols_close(symbols);
		fputs(USAGE, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind != argc - 1) {
		fprintf(stderr, "npu-prof: %s\n" USAGE,
			optind == argc ? "no dump is named; they are "
					 "/sys/class/devcoredump/devcd*/data" :
					 "one dump at a time");
		symbols_close(symbols);
		return 2;
	}
	if (dump_read(&dump, argv[optind], error, sizeof(error))) {
		print(&dump, symbols, placed);
		if (dump.truncated) {
			fflush(stdout);
			fprintf(stderr, "npu-prof: %s is truncated: %zu bytes of %u\n", argv[optind],
				dump.size, dump.header.size);
			status = 1;
		}
	} else {
		fprintf(stderr, "npu-prof: %s\n", error);
		status = 1;
	}
	dump_free(&dump);
	symbols_close(symbols);
	return status;
}
