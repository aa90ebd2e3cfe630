// SPDX-License-Identifier: MIT
/* Opening a simulated device: properties and firmware that cannot be, and what is said about them. */
#include <errno.h>
#include <unistd.h>

#include "fixture.h"
#include "npu_fw.h"

#define IMAGE RUNTIME_OUT "/test_fw.bin"

static void refused(const char *properties, const char *words)
{
	struct npurt_device *device = (void *)1;
	char name[128];

	setenv("NPURT_SIM", properties, 1);
	snprintf(name, sizeof(name), "NPURT_SIM='%s'", properties);
	fails(npurt_device_open(NULL, &device), -EINVAL, words, name);
	if (device != (void *)1)
		tap_ok(false, "%s: ret_device was touched", name);
	unsetenv("NPURT_SIM");
}

static void accepted(const char *properties)
{
	struct npurt_device *device;
	int err;

	setenv("NPURT_SIM", properties, 1);
	err = npurt_device_open(NULL, &device);
	if (!tap_ok(!err, "NPURT_SIM='%s'", properties))
		tap_diag("%s", npurt_error_detail());
	else
		npurt_device_unref(device);
	unsetenv("NPURT_SIM");
}

static void test_properties(void)
{
	struct npurt_device_options options = NPURT_DEVICE_OPTIONS_INIT;
	struct npurt_device *device;

	accepted("");
	accepted("chiplets=8,tiles=8,threads=3,sram=64K");
	accepted("vlen=16384,sram=131072,memory=1G,log=off,matrix=c,queues=1,inline-budget=0");
	accepted("sync=on,debug-faults=on");
	accepted("sync=off,debug-faults=off");
	refused("tile=4",
		"'tile' is no property of the simulated device; there are: chiplets, tiles");
	refused("tiles", "'tiles' needs a value");
	refused("tiles=", "tiles=: must be 1 to 8");
	refused("tiles= 4", "must be 1 to 8");
	refused("tiles=+4", "must be 1 to 8");
	refused("tiles=-1", "must be 1 to 8");
	refused("tiles=4x", "must be 1 to 8");
	refused("tiles=4K", "must be 1 to 8");
	refused("tiles=0x4", "must be 1 to 8");
	refused("tiles=4,", "'' is no property");
	refused(",", "'' is no property");
	refused("tiles=4,,threads=1", "'' is no property");
	refused("tiles=2,tiles=2", "'tiles' is given twice");
	refused("tiles=0", "tiles per chiplet must be 1 to 8");
	refused("tiles=9", "tiles per chiplet must be 1 to 8");
	refused("tiles=4294967297", "must be 1 to 8");
	refused("tiles=99999999999999999999", "must be 1 to 8");
	refused("sram=1000", "sram=1000: must be 64K to 16M");
	refused("sram=65K", "sram must be 64 to 16384 KiB");
	refused("sram=1T", "must be 64K to 16M");
	refused("sram=18446744073709551615G", "must be 64K to 16M");
	refused("vlen=100", "vlen must be a power of two");
	refused("queues=65", "queues must be 1 to 64");
	refused("threads=65", "threads must be 0");
	refused("matrix=", "must be auto");
	refused("matrix=sse", "matrix path must be");
	refused("matrix=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "must be auto");
	refused("memory=1M", "must be 16M to 1024G");
	refused("memory=1000000G", "must be 16M to 1024G");
	refused("log=yes", "must be on or off");
	refused("sync=1", "must be on or off");
	refused("debug-faults=", "must be on or off");
	refused("sync=on,inline-budget=0", "inline budget must not be 0");
	refused("TILES=4", "is no property");
	options.path = "sim:tiles=0";
	fails(npurt_device_open(&options, &device), -EINVAL,
	      "sim:tiles=0: the device cannot be made", "in the path");
	options.path = "sim:tile=1";
	fails(npurt_device_open(&options, &device), -EINVAL, "sim:tile=1: 'tile' is no",
	      "in the path");
	options.path = "simulator";
	options.backend = "drm";
	fails(npurt_device_open(&options, &device), -ENODEV, "cannot open simulator",
	      "another name");
}

static unsigned char *image;
static size_t image_size;

/* Open with this as firmware. */
static void boots(const void *data, size_t size, int want, const char *words, const char *name)
{
	struct npurt_device *device;
	FILE *file = fopen(IMAGE, "wb");
	int err;

	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		die(IMAGE);
	setenv("NPURT_FIRMWARE", IMAGE, 1);
	err = npurt_device_open(NULL, &device);
	if (!tap_ok(err == want && (!err || (strstr(npurt_error_detail(), words) &&
					     strstr(npurt_error_detail(), IMAGE))),
		    "firmware: %s", name))
		tap_diag("%d: %s", err, npurt_error_detail());
	if (!err)
		npurt_device_unref(device);
	unsetenv("NPURT_FIRMWARE");
}

static void test_firmware(const char *path)
{
	struct npurt_device *device;
	unsigned char *bad = malloc(NPU_FW_MAX_SIZE + 4096);
	struct npu_fw_header header;

	image = slurp(path, &image_size);
	setenv("NPURT_FIRMWARE", "/nonexistent.bin", 1);
	fails(npurt_device_open(NULL, &device), -ENOENT, "which NPURT_FIRMWARE names",
	      "firmware that is not there");
	unsetenv("NPURT_FIRMWARE");
	boots(image, image_size, 0, "", "as it was built");
	boots(image, 0, -EINVAL, "is no firmware: it has 0 bytes", "empty");
	boots(image, 100, -EINVAL, "is no firmware: it has 100 bytes", "less than a header");
	boots(image, image_size - 16, -EINVAL, "truncated or damaged", "truncated");
	memset(bad, 0, NPU_FW_MAX_SIZE + 4096);
	memcpy(bad, image, image_size);
	boots(bad, NPU_FW_MAX_SIZE + 1, -EINVAL, "is no firmware", "too large");
	bad[image_size / 2] ^= 1;
	boots(bad, image_size, -EINVAL, "wrong hash", "a bit flipped");
	memcpy(bad, image, image_size);
	bad[0] ^= 1;
	boots(bad, image_size, -EINVAL, "wrong magic", "something else");
	memcpy(&header, image, sizeof(header));
	header.abi_major++;
	memcpy(bad, image, image_size);
	memcpy(bad, &header, sizeof(header));
	boots(bad, image_size, -EINVAL, "ABI version", "another ABI");
	memcpy(&header, image, sizeof(header));
	header.load_addr = 0;
	memcpy(bad, &header, sizeof(header));
	boots(bad, image_size, -EINVAL, "does not fit", "for other memory");
	free(bad);
	free(image);
	unlink(IMAGE);
}

int main(int argc, char **argv)
{
	setenv("NPURT_BACKEND", "sim", 1);
	test_properties();
	test_firmware(argc > 1 ? argv[1] : FIRMWARE "/npu/npu_fw.bin");
	return tap_done();
}
