// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Log and trace of the firmware
 *
 * The firmware writes lines of text and trace events into a ring of records in memory of the
 * driver's, which is told to each firmware that boots. The ring is zeroed once, and the next
 * firmware goes on where the one before has ended: so it holds the last words of one that died,
 * until they are overwritten, over resets and sleep. People read it in debugfs, and core dumps
 * have it.
 *
 * Nothing depends on it. A device without memory for it, and firmware that knows nothing of logs
 * or does not take the ring, works on without.
 *
 * What is in the ring may be nonsense, and may change while it is read: records are copied before
 * they are looked at, and those that may have been overwritten meanwhile are dropped.
 *
 * Rejected: handing what the firmware says to the kernel's log. It is as much as somebody has
 * asked for, and nobody is to fill the kernel's log with it; what the kernel has to say of the
 * firmware's failures it says itself.
 */
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>
#include <linux/uaccess.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_managed.h>

#include "npu_fwlog.h"
#include "npu_hw.h"

/* Of a line that is written to a control file. */
#define NPU_FWLOG_LINE 256

static const char * const npu_fwlog_levels[] = {
	[NPU_LOG_LEVEL_NONE] = "none",
	[NPU_LOG_LEVEL_ERROR] = "error",
	[NPU_LOG_LEVEL_WARNING] = "warning",
	[NPU_LOG_LEVEL_INFO] = "info",
	[NPU_LOG_LEVEL_DEBUG] = "debug",
};

static_assert(ARRAY_SIZE(npu_fwlog_levels) == NPU_LOG_LEVELS);
static_assert(NPU_FWLOG_RECORDS == 1 << NPU_FWLOG_LOG2);

static const struct {
	const char *name;
	u32 group;
} npu_fwlog_groups[] = {
#define NPU_FWLOG_GROUP(symbol, bit, name, description) { name, NPU_LOG_GROUP_##symbol },
	NPU_LOG_GROUP_TABLE(NPU_FWLOG_GROUP)
#undef NPU_FWLOG_GROUP
};

static const struct {
	const char *name;
	const char *arguments;
} npu_fwlog_events[NPU_LOG_EVENTS] = {
#define NPU_FWLOG_EVENT(symbol, number, group, name, arguments) \
	[NPU_LOG_##symbol] = { name, arguments },
	NPU_LOG_EVENT_TABLE(NPU_FWLOG_EVENT)
#undef NPU_FWLOG_EVENT
};

/**
 * npu_fwlog_init() - allocate the ring
 * @npu: device
 *
 * Return: 0, also if there is no memory for it, or a negative errno.
 */
int npu_fwlog_init(struct npu_device *npu)
{
	struct npu_fwlog *log = &npu->fwlog;
	int ret;

	ret = drmm_mutex_init(&npu->drm, &log->lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(&npu->drm, &log->set_lock);
	if (ret)
		return ret;
	log->level = NPU_LOG_LEVEL_INFO;
	log->ring = dmam_alloc_coherent(npu->drm.dev, NPU_LOG_RING_SIZE(NPU_FWLOG_LOG2), &log->dma,
					GFP_KERNEL | __GFP_NOWARN);
	if (!log->ring)
		dev_warn(npu->drm.dev, "no memory for the firmware's log\n");
	return 0;
}

static bool npu_fwlog_usable(struct npu_device *npu)
{
	return npu->fwlog.ring && npu->fw.info.features & NPU_FW_FEATURE_LOG;
}

static int npu_fwlog_send(struct npu_device *npu, u32 level, u32 groups)
{
	const struct npu_msg request = {
		.type = NPU_MSG_LOG_SET,
		.log_set = {
			.ring = npu->fwlog.dma,
			.trace = groups,
			.ring_log2 = NPU_FWLOG_LOG2,
			.level = level,
		},
	};

	lockdep_assert_held(&npu->fwlog.set_lock);
	return npu_mbox_call(npu, &request, NULL);
}

/**
 * npu_fwlog_start() - tell firmware that has just booted where to write its log
 * @npu: device, &npu_device.hw_sem held for writing or nobody else around yet
 *
 * Allocates nothing. That it did not work is said, and is no reason to do without the device.
 */
void npu_fwlog_start(struct npu_device *npu)
{
	struct npu_fwlog *log = &npu->fwlog;
	int ret;

	if (!npu_fwlog_usable(npu))
		return;
	guard(mutex)(&log->set_lock);
	ret = npu_fwlog_send(npu, log->level, log->groups);
	if (ret)
		dev_warn(npu->drm.dev, "the firmware keeps no log (%pe)\n", ERR_PTR(ret));
}

/**
 * npu_fwlog_fini() - let nobody read the ring any more
 * @npu: device that reaches no memory any more, whose driver lets go of it
 */
void npu_fwlog_fini(struct npu_device *npu)
{
	guard(mutex)(&npu->fwlog.lock);
	npu->fwlog.ring = NULL;
}

/*
 * Of count records up to number end, how many of the oldest may have been overwritten when number
 * now was due: by those that are counted, and by some that were not counted yet.
 */
static u32 npu_fwlog_gone(u32 count, u64 end, u64 now)
{
	u32 written = min_t(u64, now - end, NPU_FWLOG_RECORDS) + NPU_LOG_AHEAD;

	if (count + written <= NPU_FWLOG_RECORDS)
		return 0;
	return min(count + written - NPU_FWLOG_RECORDS, count);
}

/* Copies what can be relied upon to be whole, whatever the count is. */
static void npu_fwlog_copy(const struct npu_log_ring *ring, struct npu_fwlog_view *view)
{
	const struct npu_log_record *records = (const void *)ring + NPU_LOG_RING_HEADER;
	u64 end = READ_ONCE(ring->count);
	u32 count, gone, i;

	/* The count tells that the records before it are written. */
	dma_rmb();
	count = min_t(u64, end, NPU_FWLOG_RECORDS);
	view->first = end - count;
	for (i = 0; i < count; i++)
		view->records[i] = records[(view->first + i) % NPU_FWLOG_RECORDS];
	/* They are copied before it is asked what has been written meanwhile. */
	dma_rmb();
	gone = npu_fwlog_gone(count, end, READ_ONCE(ring->count));
	view->first += gone;
	view->count = count - gone;
	memmove(view->records, view->records + gone, view->count * sizeof(*view->records));
	view->lost = READ_ONCE(ring->lost);
}

/**
 * npu_fwlog_view() - copy what is in the ring
 * @npu: device, whether it works or not
 * @view: result, to be freed by npu_fwlog_view_free()
 *
 * Return: 0 or -ENOMEM.
 */
int npu_fwlog_view(struct npu_device *npu, struct npu_fwlog_view *view)
{
	*view = (struct npu_fwlog_view) {};
	view->records = kvmalloc_array(NPU_FWLOG_RECORDS, sizeof(*view->records), GFP_KERNEL);
	if (!view->records)
		return -ENOMEM;
	guard(mutex)(&npu->fwlog.lock);
	if (npu->fwlog.ring)
		npu_fwlog_copy(npu->fwlog.ring, view);
	return 0;
}

/**
 * npu_fwlog_view_free() - free what npu_fwlog_view() has allocated
 * @view: view
 */
void npu_fwlog_view_free(struct npu_fwlog_view *view)
{
	kvfree(view->records);
}

/* ---- debugfs; docs/sysfs.md is its documentation ---- */

static void npu_fwlog_print_missing(struct seq_file *m, const struct npu_fwlog_view *view)
{
	if (view->first || view->lost)
		seq_printf(m, "# %llu older records were overwritten, %llu had no room\n",
			   view->first, view->lost);
}

static void npu_fwlog_print_time(struct seq_file *m, const struct npu_log_record *record)
{
	seq_printf(m, "%llu.%06u ", record->time / NSEC_PER_SEC,
		   (u32)(record->time % NSEC_PER_SEC) / 1000);
}

static void npu_fwlog_print_lines(struct seq_file *m, const struct npu_fwlog_view *view)
{
	bool open = false;
	u32 i;

	for (i = 0; i < view->count; i++) {
		const struct npu_log_record *record = &view->records[i];

		if (record->event != NPU_LOG_TEXT)
			continue;
		if (!open || !(record->flags & NPU_LOG_CONTINUED)) {
			if (open)
				seq_putc(m, '\n');
			npu_fwlog_print_time(m, record);
			if (record->level < NPU_LOG_LEVELS)
				seq_printf(m, "%s: ", npu_fwlog_levels[record->level]);
			else
				seq_printf(m, "level %u: ", record->level);
			if (record->queue != NPU_LOG_NO_QUEUE)
				seq_printf(m, "queue %u: ", record->queue);
			open = true;
		}
		seq_escape_mem(m, record->text, strnlen(record->text, sizeof(record->text)),
			       ESCAPE_NAP | ESCAPE_OCTAL, NULL);
	}
	if (open)
		seq_putc(m, '\n');
}

static void npu_fwlog_print_event(struct seq_file *m, const struct npu_log_record *record)
{
	const char *at = "#0 #1 #2 #3 #4 #5";
	const u64 *arg = record->arg;

	npu_fwlog_print_time(m, record);
	if (record->event < NPU_LOG_EVENTS) {
		seq_puts(m, npu_fwlog_events[record->event].name);
		at = npu_fwlog_events[record->event].arguments;
	} else {
		seq_printf(m, "event %u", record->event);
	}
	if (record->queue != NPU_LOG_NO_QUEUE)
		seq_printf(m, " queue=%u", record->queue);
	while (*at) {
		bool hex = *at == '#';
		int length = strcspn(at + hex, " ");

		seq_printf(m, hex ? " %.*s=%#llx" : " %.*s=%llu", length, at + hex, *arg++);
		at += hex + length;
		at += *at == ' ';
	}
	seq_putc(m, '\n');
}

static void npu_fwlog_print_events(struct seq_file *m, const struct npu_fwlog_view *view)
{
	u32 i;

	for (i = 0; i < view->count; i++)
		if (view->records[i].event != NPU_LOG_TEXT)
			npu_fwlog_print_event(m, &view->records[i]);
}

static int npu_fwlog_show(struct seq_file *m,
			  void (*print)(struct seq_file *m, const struct npu_fwlog_view *view))
{
	struct drm_debugfs_entry *entry = m->private;
	struct npu_fwlog_view view;
	int ret;

	ret = npu_fwlog_view(to_npu(entry->dev), &view);
	if (ret)
		return ret;
	npu_fwlog_print_missing(m, &view);
	print(m, &view);
	npu_fwlog_view_free(&view);
	return 0;
}

static int npu_fwlog_show_lines(struct seq_file *m, void *unused)
{
	return npu_fwlog_show(m, npu_fwlog_print_lines);
}

static int npu_fwlog_show_events(struct seq_file *m, void *unused)
{
	return npu_fwlog_show(m, npu_fwlog_print_events);
}

/* Tells the firmware; one that sleeps is told when it is woken. NULL: as it was. */
static int npu_fwlog_set(struct npu_device *npu, const u32 *level, const u32 *groups)
{
	struct npu_fwlog *log = &npu->fwlog;
	bool awake;
	int ret;

	ret = npu_hw_enter_asleep(npu, &awake);
	if (ret)
		return ret;
	scoped_guard(mutex, &log->set_lock) {
		const u32 new_level = level ? *level : log->level;
		const u32 new_groups = groups ? *groups : log->groups;

		if (awake)
			ret = npu_fwlog_send(npu, new_level, new_groups);
		if (!ret) {
			WRITE_ONCE(log->level, new_level);
			WRITE_ONCE(log->groups, new_groups);
		}
	}
	if (ret == -ETIMEDOUT)
		npu_recovery_request(npu, "no answer about the log");
	npu_hw_exit(npu);
	return ret == -ETIMEDOUT ? -EIO : ret;
}

/* The text as one line, without its end. */
static int npu_fwlog_read_line(const char __user *user, size_t size, char line[NPU_FWLOG_LINE])
{
	if (size >= NPU_FWLOG_LINE)
		return -EINVAL;
	if (copy_from_user(line, user, size))
		return -EFAULT;
	line[size] = '\0';
	/* Half of what was written is not what was meant. */
	return strlen(line) == size ? 0 : -EINVAL;
}

static int npu_fwlog_level_show(struct seq_file *m, void *unused)
{
	struct npu_device *npu = m->private;

	seq_printf(m, "%s\n", npu_fwlog_levels[READ_ONCE(npu->fwlog.level)]);
	return 0;
}

static ssize_t npu_fwlog_level_write(struct file *file, const char __user *user, size_t size,
				     loff_t *pos)
{
	struct seq_file *m = file->private_data;
	char line[NPU_FWLOG_LINE];
	u32 level;
	int ret;

	ret = npu_fwlog_read_line(user, size, line);
	if (ret)
		return ret;
	ret = sysfs_match_string(npu_fwlog_levels, line);
	if (ret < 0)
		return ret;
	level = ret;
	ret = npu_fwlog_set(m->private, &level, NULL);
	return ret ? ret : size;
}
DEFINE_SHOW_STORE_ATTRIBUTE(npu_fwlog_level);

static int npu_fwlog_mask_show(struct seq_file *m, void *unused)
{
	struct npu_device *npu = m->private;
	u32 groups = READ_ONCE(npu->fwlog.groups), i;

	seq_printf(m, "0x%x", groups);
	for (i = 0; i < ARRAY_SIZE(npu_fwlog_groups); i++)
		if (groups & npu_fwlog_groups[i].group)
			seq_printf(m, " %s", npu_fwlog_groups[i].name);
	seq_putc(m, '\n');
	return 0;
}

/* A name, or a number that is a mask. */
static int npu_fwlog_parse_group(const char *word, u32 *groups)
{
	u32 mask, i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(npu_fwlog_groups); i++) {
		if (!strcmp(word, npu_fwlog_groups[i].name)) {
			*groups |= npu_fwlog_groups[i].group;
			return 0;
		}
	}
	if (!strcmp(word, "all")) {
		*groups |= NPU_LOG_GROUPS;
		return 0;
	}
	ret = kstrtou32(word, 0, &mask);
	if (ret)
		return ret;
	if (mask & ~(u32)NPU_LOG_GROUPS)
		return -EINVAL;
	*groups |= mask;
	return 0;
}

/* Words between blanks, commas and ends of line; one at least. */
static int npu_fwlog_parse_mask(char *line, u32 *groups)
{
	bool empty = true;
	char *word;
	int ret;

	*groups = 0;
	while ((word = strsep(&line, " ,\t\n"))) {
		if (!*word)
			continue;
		empty = false;
		ret = npu_fwlog_parse_group(word, groups);
		if (ret)
			return ret;
	}
	return empty ? -EINVAL : 0;
}

static ssize_t npu_fwlog_mask_write(struct file *file, const char __user *user, size_t size,
				    loff_t *pos)
{
	struct seq_file *m = file->private_data;
	char line[NPU_FWLOG_LINE];
	u32 groups;
	int ret;

	ret = npu_fwlog_read_line(user, size, line);
	if (!ret)
		ret = npu_fwlog_parse_mask(line, &groups);
	if (!ret)
		ret = npu_fwlog_set(m->private, NULL, &groups);
	return ret ? ret : size;
}
DEFINE_SHOW_STORE_ATTRIBUTE(npu_fwlog_mask);

static const struct drm_debugfs_info npu_fwlog_files[] = {
	{ "fw_log", npu_fwlog_show_lines, 0, NULL },
	{ "fw_trace", npu_fwlog_show_events, 0, NULL },
};

/**
 * npu_fwlog_debugfs_init() - add the files, if the firmware keeps a log
 * @npu: device that is about to be registered
 */
void npu_fwlog_debugfs_init(struct npu_device *npu)
{
	if (!npu_fwlog_usable(npu))
		return;
	drm_debugfs_add_files(&npu->drm, npu_fwlog_files, ARRAY_SIZE(npu_fwlog_files));
	debugfs_create_file("fw_log_level", 0600, npu->drm.debugfs_root, npu,
			    &npu_fwlog_level_fops);
	debugfs_create_file("fw_trace_mask", 0600, npu->drm.debugfs_root, npu,
			    &npu_fwlog_mask_fops);
}
