// SPDX-License-Identifier: MIT
/* Which NPUs this machine has, and why there may be none. */
#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"
#include "npu_regs.h"

struct listed {
	char path[64];
	char bus[32];
	dev_t number;
};

struct npurt_device_list {
	npurt_refs refs;
	struct listed *devices;
	unsigned int count;
};

static int by_number(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* Take an accel node into the list if its PCI device is bound to our driver. */
static int consider(struct npurt_device_list *list, struct udev_device *node)
{
	struct udev_device *parent = udev_device_get_parent(node); /* borrowed */
	const char *path = udev_device_get_devnode(node);
	const char *driver = parent ? udev_device_get_driver(parent) : NULL;
	struct listed *grown, *entry;

	if (!path || !driver || strcmp(driver, DRM_NPU_DRIVER_NAME))
		return 0;
	grown = reallocarray(list->devices, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->devices = grown;
	entry = &grown[list->count++];
	snprintf(entry->path, sizeof(entry->path), "%s", path);
	snprintf(entry->bus, sizeof(entry->bus), "%s", udev_device_get_sysname(parent));
	entry->number = udev_device_get_devnum(node);
	return 0;
}

/* The simulated device, if it is what programs get. */
static int list_sim(struct npurt_device_list **ret_list)
{
	struct npurt_device_list *list = calloc(1, sizeof(*list));
	struct listed *device = calloc(1, sizeof(*device));

	if (!list || !device) {
		free(list);
		free(device);
		return npurt_fail_nomem("the list of devices");
	}
	refs_init(&list->refs);
	snprintf(device->path, sizeof(device->path), "sim");
	list->devices = device;
	list->count = 1;
	*ret_list = list;
	return 0;
}

NPURT_EXPORT int npurt_device_list_create(struct npurt_device_list **ret_list)
{
	const char *backend = secure_getenv("NPURT_BACKEND");
	struct npurt_device_list *list;
	struct udev *udev;
	struct udev_enumerate *found;
	struct udev_list_entry *entry;
	int err = 0;

	if (backend && !strcmp(backend, "sim"))
		return list_sim(ret_list);
	list = calloc(1, sizeof(*list));
	udev = udev_new();
	found = udev ? udev_enumerate_new(udev) : NULL;
	if (!list || !found)
		err = -ENOMEM;
	/* Without udevd (initramfs, container) nothing is ever "initialized": do not ask for it. */
	if (!err)
		udev_enumerate_add_match_subsystem(found, "accel");
	if (!err)
		udev_enumerate_scan_devices(found); /* no class accel yet: an empty list */
	if (!err) {
		refs_init(&list->refs);
		udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(found))
		{
			struct udev_device *node =
				udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));

			if (node && !err)
				err = consider(list, node);
			udev_device_unref(node);
		}
	}
	udev_enumerate_unref(found);
	udev_unref(udev);
	if (err) {
		if (list)
			free(list->devices);
		free(list);
		return npurt_fail_nomem("the list of devices");
	}
	if (list->count)
		qsort(list->devices, list->count, sizeof(*list->devices), by_number);
	*ret_list = list;
	return 0;
}

NPURT_EXPORT struct npurt_device_list *npurt_device_list_ref(struct npurt_device_list *list)
{
	refs_get(&list->refs);
	return list;
}

NPURT_EXPORT struct npurt_device_list *npurt_device_list_unref(struct npurt_device_list *list)
{
	if (list && refs_put(&list->refs)) {
		free(list->devices);
		free(list);
	}
	return NULL;
}

NPURT_EXPORT unsigned int npurt_device_list_count(const struct npurt_device_list *list)
{
	return list->count;
}

NPURT_EXPORT const char *npurt_device_list_path(const struct npurt_device_list *list,
						unsigned int index)
{
	return index < list->count ? list->devices[index].path : NULL;
}

NPURT_EXPORT const char *npurt_device_list_bus(const struct npurt_device_list *list,
					       unsigned int index)
{
	return index < list->count ? list->devices[index].bus : NULL;
}

void npurt_node_bus(const char *path, char *bus, size_t size)
{
	struct udev *udev = udev_new();
	struct udev_device *node = NULL, *parent = NULL;
	struct stat st;

	bus[0] = '\0';
	if (udev && !stat(path, &st))
		node = udev_device_new_from_devnum(udev, 'c', st.st_rdev);
	if (node)
		parent = udev_device_get_parent(node);
	if (parent)
		snprintf(bus, size, "%s", udev_device_get_sysname(parent));
	udev_device_unref(node);
	udev_unref(udev);
}

/* Is the PCI function there, and which driver has it? false: not there. */
static bool find_function(char *bus, size_t bus_size, char *driver, size_t driver_size)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *found = udev ? udev_enumerate_new(udev) : NULL;
	struct udev_list_entry *entry;
	char vendor[16], device[16];
	bool there = false;

	snprintf(vendor, sizeof(vendor), "0x%04x", NPU_PCI_VENDOR_ID);
	snprintf(device, sizeof(device), "0x%04x", NPU_PCI_DEVICE_ID);
	if (found) {
		udev_enumerate_add_match_subsystem(found, "pci");
		udev_enumerate_add_match_sysattr(found, "vendor", vendor);
		udev_enumerate_add_match_sysattr(found, "device", device);
		udev_enumerate_scan_devices(found);
		udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(found))
		{
			struct udev_device *function =
				udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
			const char *name = function ? udev_device_get_driver(function) : NULL;

			if (function && !there) {
				there = true;
				snprintf(bus, bus_size, "%s", udev_device_get_sysname(function));
				snprintf(driver, driver_size, "%s", name ? name : "");
			}
			udev_device_unref(function);
		}
	}
	udev_enumerate_unref(found);
	udev_unref(udev);
	return there;
}

int npurt_fail_no_device(unsigned int index, unsigned int found)
{
	char bus[32] = "", driver[32] = "";
	bool loaded = !access("/sys/module/npu", F_OK);

	if (found)
		return npurt_fail(-ENODEV,
				  "there is no NPU number %u: this machine has %u, counted from 0",
				  index, found);
	if (!find_function(bus, sizeof(bus), driver, sizeof(driver)))
		return npurt_fail(
			-ENODEV,
			"no NPU found: there is no PCI device %04x:%04x ('lspci -d %04x:%04x')%s\n"
			"In a VM, start QEMU with '-device npu'. Without one, set NPURT_BACKEND=sim to run on "
			"a simulated NPU in the program itself.",
			NPU_PCI_VENDOR_ID, NPU_PCI_DEVICE_ID, NPU_PCI_VENDOR_ID, NPU_PCI_DEVICE_ID,
			loaded ? "; npu.ko is loaded" : "");
	if (driver[0] && strcmp(driver, DRM_NPU_DRIVER_NAME))
		return npurt_fail(
			-ENODEV,
			"no NPU found: PCI device %s is one, but driver '%s' has it\n"
			"Give it back with 'echo %s > /sys/bus/pci/drivers/%s/unbind', then "
			"'echo %s > /sys/bus/pci/drivers/npu/bind'.",
			bus, driver, bus, driver, bus);
	if (!loaded)
		return npurt_fail(
			-ENODEV,
			"no NPU found: PCI device %s is one, but the driver npu.ko is not loaded\n"
			"Load it with 'modprobe npu'.",
			bus);
	return npurt_fail(
		-ENODEV,
		"no NPU found: PCI device %s is one and npu.ko is loaded, but %s\n"
		"'dmesg | grep npu' says why; a missing or damaged firmware file "
		"/lib/firmware/npu/npu_fw.bin is the usual reason.",
		bus, driver[0] ? "it has no node in /dev/accel" : "it did not take the device");
}
