// SPDX-License-Identifier: MIT
/* npucc and npu-prof on the command line, as far as they need no device. */
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define FOLDER RUNTIME_OUT "/tools test" /* with a space, on purpose */

static char output[1 << 16];

/* Run a shell command; returns its exit status, what it prints is in output. */
static int run(const char *command)
{
	char line[2048];
	FILE *pipe;
	size_t used;

	snprintf(line, sizeof(line),
		 "export ASAN_OPTIONS=detect_leaks=0 LD_LIBRARY_PATH=%s/lib PATH=%s/bin:$PATH; "
		 "cd '%s' && { %s; } 2>&1",
		 RUNTIME_OUT, RUNTIME_OUT, FOLDER, command);
	pipe = popen(line, "r");
	if (!pipe)
		die("popen");
	used = fread(output, 1, sizeof(output) - 1, pipe);
	output[used] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

/* The command ends with status, and says words. */
static void check(const char *command, int status, const char *words, const char *name)
{
	int got = run(command);

	if (!tap_ok(got == status && strstr(output, words), "%s", name))
		tap_diag("%s\nstatus %d, output:\n%.2000s", command, got, output);
}

/* The folder's file is a module with a kernel k. */
static void loads(struct npurt_vm *vm, const char *file, const char *name)
{
	struct npurt_module *module;
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/%s", FOLDER, file);
	err = npurt_module_load_file(vm, path, &module);
	if (!tap_ok(!err && !strcmp(npurt_module_kernel_name(module, 0), "k"), "%s", name))
		tap_diag("%s", npurt_error_detail());
	if (!err)
		npurt_module_unref(module);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		die(path);
}

static void test_npucc(void)
{
	static const char source[] =
		"#include <npu.h>\n"
		"struct a { uint64_t p; };\n"
		"NPU_KERNEL(k, struct a) { *(uint32_t *)npu_pointer(args->p) = npu_wg_x(); }\n";
	struct npurt_device *device = null_device();
	struct npurt_vm *vm;

	NEED(npurt_vm_create(device, &vm));
	write_file(FOLDER "/a kernel.c", source);
	write_file(FOLDER "/k.cc", source);
	check("rm -f *.elf *.o; npucc -Wall -Wextra -Werror -o 'a kernel.elf' 'a kernel.c'", 0, "",
	      "C");
	loads(vm, "a kernel.elf", "which loads");
	check("npucc -Wall -Wextra -Werror -o cc.elf k.cc", 0, "", "C++");
	loads(vm, "cc.elf", "which loads");
	check("npucc -x c -o stdin.elf - <k.cc", 0, "", "C from standard input");
	loads(vm, "stdin.elf", "which loads");
	check("npucc -c -o k.o 'a kernel.c' && npucc -o two.elf k.o", 0, "", "in two steps");
	loads(vm, "two.elf", "which loads");
	check("npucc -O0 -g0 -o slow.elf k.cc", 0, "", "the user's options win");
	loads(vm, "slow.elf", "which loads");
	check("npucc", 2, "usage: npucc", "no arguments");
	check("npucc -o x.elf", 1, "no input file", "an output is no input");
	check("npucc --npucc-print -O1 'a kernel.c'", 0, "'-O1' 'a kernel.c'", "print the command");
	check("NPUCC_CLANG=/nonexistent/clang npucc k.cc", 1, "NPUCC_CLANG=/nonexistent/clang",
	      "no such compiler");
	check("echo 'int f(void); int g(void) { return f(); }' | npucc -x c -Wl,--undefined=g -o "
	      "u.elf -",
	      1, "undefined symbol: f", "a symbol that is nowhere");
	npurt_vm_unref(vm);
	npurt_device_unref(device);
}

static void test_prof(void)
{
	char text[32];

	check("npu-prof", 2, "usage: npu-prof", "no command");
	check("npu-prof frobnicate", 2, "no command 'frobnicate'", "unknown command");
	check("npu-prof --version", 0, "libnpurt 1.", "version");
	check("npu-prof list extra", 2, "'extra' is one argument too many", "list: extra argument");
	check("npu-prof info /dev/null extra", 2, "'extra' is one argument too many",
	      "info: extra argument");
	check("npu-prof info /dev/null", 1, "/dev/null is not an NPU", "info of another device");
	check("npu-prof list >/dev/full", 1, "cannot write the output", "list: output is lost");
	check("npu-prof --help >/dev/full", 1, "cannot write the output", "help: output is lost");
	check("npu-prof list | wc -l", 0, "", "list");
	snprintf(text, sizeof(text), "%u\n", npurt_counter_count());
	tap_ok(!strcmp(output, text), "a line for every counter");
}

/* The device core is in the library; programs see nothing of it. */
static void test_symbols(void)
{
	check("nm -D --defined-only " RUNTIME_OUT "/lib/libnpurt.so >symbols; "
	      "grep -c ' T npurt_' symbols >/dev/null && "
	      "! grep -v -e ' T npurt_' -e ' A NPURT_' symbols",
	      0, "", "the library exports npurt_* and nothing else");
}

int main(void)
{
	if (system("mkdir -p '" FOLDER "'"))
		die(FOLDER);
	test_npucc();
	test_prof();
	test_symbols();
	return tap_done();
}
