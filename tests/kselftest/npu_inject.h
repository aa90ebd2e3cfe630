/* SPDX-License-Identifier: MIT */
/*
 * Making the device fail, for tests of what the driver does then: its debug registers, QEMU's
 * monitor, files of the PCI bus in sysfs, and work to be disturbed.
 */
#ifndef NPU_INJECT_H
#define NPU_INJECT_H

#include <dirent.h>
#include <glob.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <npu_fault.h>

#include "npu_test.h"

#define DATA_VA (NPU_TEST_VA + NPU_TEST_DATA)
#define CODE_VA (NPU_TEST_VA + 0x20000)
#define BIND_VA (4 * NPU_TEST_VA)
#define ANY NPU_FAULT_ANY
#define SECONDS(n) ((n) * 1000000000ll)

/* ---- the way to the registers and to the monitor ---- */

static inline int find_pci(struct npu_ctx *ctx, char *name, size_t size)
{
	char link[64], path[PATH_MAX];
	struct stat st;

	if (fstat(ctx->fd, &st))
		return -errno;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!realpath(link, path))
		return -errno;
	snprintf(name, size, "%s", strrchr(path, '/') + 1);
	return 0;
}

static inline volatile uint32_t *map_regs(const char *pci)
{
	char path[128];
	void *regs;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	regs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return regs == MAP_FAILED ? NULL : regs;
}

static inline uint32_t reg_read(volatile uint32_t *regs, uint32_t reg)
{
	return regs[reg / 4];
}

static inline void reg_write(volatile uint32_t *regs, uint32_t reg, uint32_t value)
{
	regs[reg / 4] = value;
}

/* The registers of a device that has those for debugging too, or NULL and why not. */
static inline volatile uint32_t *map_debug_regs(const char *pci, const char **ret_why)
{
	volatile uint32_t *regs = map_regs(pci);

	*ret_why = "the kernel does not let BAR0 be mapped: needs iomem=relaxed";
	if (!regs || reg_read(regs, NPU_REG_FEATURES_LO) & NPU_FEATURE_DEBUG_FAULTS)
		return regs;
	*ret_why = "the device has no debug registers: needs debug-faults=on";
	munmap((void *)regs, 4096);
	return NULL;
}

/* Ends all faults that can be ended so. NULL: nothing. */
static inline void unmap_debug_regs(volatile uint32_t *regs)
{
	if (!regs)
		return;
	reg_write(regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_CLEAR_ALL);
	munmap((void *)regs, 4096);
}

/* What is written to the debug registers, in their order. */
struct npu_injection {
	enum npu_fault fault;
	uint32_t target, count, after, arg, size, flags;
};

/* Reads nothing. */
static inline void inject_write(volatile uint32_t *regs, const struct npu_injection *what)
{
	reg_write(regs, NPU_REG_FAULT_SELECT, what->fault);
	reg_write(regs, NPU_REG_FAULT_TARGET, what->target);
	reg_write(regs, NPU_REG_FAULT_COUNT, what->count);
	reg_write(regs, NPU_REG_FAULT_AFTER, what->after);
	reg_write(regs, NPU_REG_FAULT_ARG_LO, what->arg);
	reg_write(regs, NPU_REG_FAULT_ARG_HI, 0);
	reg_write(regs, NPU_REG_FAULT_SIZE_LO, what->size);
	reg_write(regs, NPU_REG_FAULT_SIZE_HI, 0);
	reg_write(regs, NPU_REG_FAULT_FLAGS, what->flags);
	reg_write(regs, NPU_REG_FAULT_CMD, NPU_FAULT_CMD_INJECT);
}

/* Returns the device's answer, or all ones if it does not give any. */
static inline uint32_t inject_as(volatile uint32_t *regs, const struct npu_injection *what)
{
	inject_write(regs, what);
	return reg_read(regs, NPU_REG_FAULT_STATUS);
}

static inline uint32_t inject_flags(volatile uint32_t *regs, enum npu_fault fault, uint32_t target,
				    uint32_t count, uint32_t arg, uint32_t flags)
{
	return inject_as(regs, &(struct npu_injection){ .fault = fault, .target = target, .count = count,
							.arg = arg, .flags = flags });
}

static inline uint32_t inject(volatile uint32_t *regs, enum npu_fault fault, uint32_t target,
			      uint32_t count, uint32_t arg)
{
	return inject_flags(regs, fault, target, count, arg, 0);
}

/* Opens the port to QEMU's monitor; -1: there is none. */
static inline int monitor_open(void)
{
	struct dirent *entry;
	int fd = -1;
	DIR *dir = opendir("/sys/class/virtio-ports");

	while (dir && fd < 0 && (entry = readdir(dir))) {
		char path[300], name[16] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strcmp(name, "qmp\n")) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* Sends a command and reads until its id comes back. False: it failed. */
static inline bool monitor_command(int fd, const char *command)
{
	static int id;
	char line[512], good[64];
	size_t length = 0;

	snprintf(line, sizeof(line), "{%s, 'id': %d}\n", command, ++id);
	snprintf(good, sizeof(good), "\"id\": %d", id);
	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		return false;
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, 10000) != 1 || length == sizeof(line) - 1)
			return false;
		if (read(fd, &line[length], 1) != 1)
			return false;
		if (line[length] != '\n') {
			length += length < sizeof(line) - 2;
			continue;
		}
		line[length] = 0;
		length = 0;
		if (strstr(line, good))
			return strstr(line, "\"return\"");
	}
}

static inline bool monitor_do(const char *command)
{
	int fd = monitor_open();
	bool good;

	if (fd < 0)
		return false;
	/* The second time it complains, and is right. */
	monitor_command(fd, "'execute': 'qmp_capabilities'");
	good = monitor_command(fd, command);
	close(fd);
	return good;
}

static inline bool monitor_clear(void)
{
	return monitor_do("'execute': 'npu-clear-fault', 'arguments': {'id': 'npu0'}");
}

/* Makes the device fail; more: JSON of what is not as unless told, each after a comma. */
static inline bool monitor_inject(const char *fault, const char *more)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "'execute': 'npu-inject-fault', 'arguments': {'id': 'npu0', 'fault': '%s'%s}", fault, more);
	return monitor_do(command);
}

static inline bool have_monitor(void)
{
	int fd = monitor_open();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Writes text to a file below /sys/bus/pci. */
static inline int bus_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/%s", file);
	return npu_write_file(path, text);
}

/* ---- configuration space ---- */

/* Where a function has this capability; 0: nowhere. */
static inline uint8_t pci_capability(const char *pci, uint8_t id, uint8_t config[256])
{
	char path[128];
	ssize_t got;
	uint8_t cap;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", pci);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = pread(fd, config, 256, 0);
	close(fd);
	if (got != 256)
		return 0;
	cap = config[PCI_CAPABILITY_LIST];
	for (int i = 0; cap && config[cap] != id && i < 64; i++)
		cap = config[cap + 1];
	return cap && config[cap] == id ? cap : 0;
}

/*
 * Has the kernel done all that it does when a card leaves slot 1? QEMU takes a card for unplugged
 * that is in the slot when power and power light are off, and Linux turns the light off a
 * second after the power: one that is put in again in between is gone for good.
 */
static inline bool slot_is_off(void)
{
	FILE *file = fopen("/sys/bus/pci/slots/1/address", "r");
	uint8_t config[256], cap;
	unsigned int bus = 0;
	bool off = false;
	glob_t ports;

	if (!file)
		return false;
	if (fscanf(file, "%*x:%x", &bus) != 1)
		bus = 0;
	fclose(file);
	if (!bus || glob("/sys/bus/pci/devices/*", 0, NULL, &ports))
		return false;
	for (size_t i = 0; i < ports.gl_pathc; i++) {
		cap = pci_capability(strrchr(ports.gl_pathv[i], '/') + 1, PCI_CAP_ID_EXP, config);
		if (cap && (config[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_TYPE_BRIDGE &&
		    config[PCI_SECONDARY_BUS] == bus) {
			const uint16_t want = PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF;
			uint16_t control;

			memcpy(&control, config + cap + PCI_EXP_SLTCTL, sizeof(control));
			off = (control & want) == want;
		}
	}
	globfree(&ports);
	return off;
}

/* The number that a file of the kernel's says, or a negative errno. */
static inline long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long value;

	if (!file)
		return -errno;
	errno = EIO;
	if (fscanf(file, "%ld", &value) != 1)
		value = -errno;
	fclose(file);
	return value;
}

/* A file of the device in sysfs, until the next call. */
static inline const char *device_path(const char *pci, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", pci, name);
	return path;
}

/* Whether such a file says just this. */
static inline bool device_says(const char *pci, const char *name, const char *text)
{
	FILE *file = fopen(device_path(pci, name), "r");
	char line[64] = "";

	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = 0;
	fclose(file);
	return !strcmp(line, text);
}

/* How often a step of recovery was taken, by its name in sysfs; a negative errno if it cannot be read. */
static inline int recovery_count(const char *pci, const char *step)
{
	char name[64];

	snprintf(name, sizeof(name), "recovery/%s", step);
	return read_number(device_path(pci, name));
}

/* Waits until the count has reached this; false: it has not in time. */
static inline bool counted(const char *pci, const char *step, int count)
{
	const int64_t start = npu_deadline(0);

	while (recovery_count(pci, step) < count && npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(10000);
	return recovery_count(pci, step) >= count;
}

/* The slot does what it has to when a card was pulled out, and gets it back. */
static inline bool put_back(const char *pci)
{
	const char *path = device_path(pci, "");
	const int64_t start = npu_deadline(0);

	while ((!access(path, F_OK) || !slot_is_off()) && npu_deadline(0) - start < NPU_TEST_WAIT_NS)
		usleep(20000);
	if (!access(path, F_OK) || !monitor_clear())
		return false;
	while (access(path, F_OK) && npu_deadline(0) - start < 2 * NPU_TEST_WAIT_NS)
		usleep(20000);
	return !access(path, F_OK);
}

/* ---- runtime PM ---- */

static inline int set_device(const char *pci, const char *name, const char *text)
{
	return npu_write_file(device_path(pci, name), text);
}

static inline bool sleeps(const char *pci)
{
	return device_says(pci, "power/runtime_status", "suspended") &&
	       device_says(pci, "npu/state", "asleep");
}

/* Whoever has something to do with the device keeps it awake, but not for ever. */
static inline bool falls_asleep(const char *pci)
{
	const int64_t start = npu_deadline(0);

	while (!sleeps(pci)) {
		if (npu_deadline(0) - start > NPU_TEST_WAIT_NS)
			return false;
		usleep(1000);
	}
	return true;
}

/* From now on it sleeps when nobody holds it. */
static inline int allow_sleep(const char *pci)
{
	int ret = set_device(pci, "power/autosuspend_delay_ms", "0");

	return ret ? ret : set_device(pci, "power/control", "auto");
}

static inline int forbid_sleep(const char *pci)
{
	const int ret = set_device(pci, "power/control", "on");

	return ret ? ret : set_device(pci, "power/autosuspend_delay_ms", "2000");
}

/* ---- work ---- */

static inline int run_kernel(struct npu_ctx *ctx, uint32_t insn)
{
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = insn;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
	return npu_ctx_run(ctx, 1);
}

static inline int run_fill(struct npu_ctx *ctx)
{
	npu_ctx_packets(ctx)[0] = npu_pkt_fill(DATA_VA, 7, 4096);
	return npu_ctx_run(ctx, 1);
}

static inline int start_forever(struct npu_ctx *ctx)
{
	*(uint32_t *)(ctx->mem + (CODE_VA - NPU_TEST_VA)) = NPU_INSN_SELF;
	npu_ctx_packets(ctx)[0] = npu_pkt_dispatch(CODE_VA, 0, 64);
	return npu_ctx_submit(ctx, 1);
}

/* The last job's error, within this time; -ETIME: it has not ended. */
static inline int wait_job(struct npu_ctx *ctx, int64_t ns)
{
	int ret = npu_wait(ctx->fd, ctx->timeline, ctx->point, ns);

	return ret ? ret : npu_point_status(ctx->fd, ctx->timeline, ctx->point);
}

/* A queue in place of the one that is over, with another timeout. */
static inline int new_queue(struct npu_ctx *ctx, uint32_t timeout_ms)
{
	int ret = npu_queue_destroy(ctx->fd, ctx->queue);

	return ret ? ret : npu_queue_create(ctx->fd, ctx->vm, timeout_ms, &ctx->queue);
}

/* New mappings, some replaced, all gone again: page tables and translations of a VM. */
static inline int bind_round(struct npu_ctx *ctx)
{
	int ret = npu_map(ctx->fd, ctx->vm, ctx->bo, 0, BIND_VA, NPU_TEST_SIZE, 0);

	for (int i = 0; !ret && i < 8; i++)
		ret = npu_map(ctx->fd, ctx->vm, ctx->bo, 0, BIND_VA + i * 0x11000, 0x1000,
			      DRM_NPU_VM_BIND_READONLY);
	return ret ? ret : npu_unmap(ctx->fd, ctx->vm, BIND_VA, NPU_TEST_SIZE);
}

static inline bool works(struct npu_ctx *ctx)
{
	return !new_queue(ctx, 0) && !run_kernel(ctx, NPU_INSN_EXIT) && !run_fill(ctx);
}

#endif /* NPU_INJECT_H */
