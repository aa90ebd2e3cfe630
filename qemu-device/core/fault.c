/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <string.h>

#include "dev.h"

#define BIT(which) (1ull << (which))
#define LINK_FAULTS (BIT(NPU_FAULT_LINK_DOWN) | BIT(NPU_FAULT_SURPRISE_REMOVAL))

static const struct {
	const char *name, *description;
	enum npu_fault_target target;
} kinds[NPU_FAULT_COUNT] = {
#define KIND(symbol, number, name, target, description) \
	[number] = {name, description, NPU_FAULT_TARGET_##target},
	NPU_FAULT_TABLE(KIND)
#undef KIND
};

/* Faults that are a state from the moment on when they are injected. */
#define STATES                                                            \
	(LINK_FAULTS | BIT(NPU_FAULT_SLOW_LINK) | BIT(NPU_FAULT_HUNG_FIRMWARE) | \
	 BIT(NPU_FAULT_THERMAL_THROTTLE))
/* Faults that strike on occasions; those left strike when they are injected. */
#define OCCASIONAL                                                                        \
	(BIT(NPU_FAULT_HUNG_TILE) | BIT(NPU_FAULT_LOST_INTERRUPT) |                       \
	 BIT(NPU_FAULT_INTERRUPT_STORM) | BIT(NPU_FAULT_DMA_ERROR) |                      \
	 BIT(NPU_FAULT_MMU_ERROR) | BIT(NPU_FAULT_ECC_UNCORRECTABLE) |                    \
	 BIT(NPU_FAULT_MAILBOX_CORRUPT) | BIT(NPU_FAULT_MAILBOX_REPLAY) |                 \
	 BIT(NPU_FAULT_RING_INDEX) | BIT(NPU_FAULT_REGISTER_READ))

const char *npu_fault_name(enum npu_fault which)
{
	return which > NPU_FAULT_NONE && which < NPU_FAULT_COUNT ? kinds[which].name : NULL;
}

uint32_t npu_fault_default_count(enum npu_fault which)
{
	/* A storm of one is none. */
	return which != NPU_FAULT_INTERRUPT_STORM && which < NPU_FAULT_COUNT &&
	       ((OCCASIONAL | BIT(NPU_FAULT_ECC_CORRECTABLE) | BIT(NPU_FAULT_SPURIOUS_INTERRUPT)) &
		BIT(which));
}

/* ---- slots -------------------------------------------------------------------------------- */

void fault_init(struct fault *fault)
{
	pthread_mutex_init(&fault->lock, NULL);
	fault->storm_due = UINT64_MAX;
	fault->regs.target = NPU_FAULT_ANY;
}

void fault_fini(struct fault *fault)
{
	pthread_mutex_destroy(&fault->lock);
}

/* Both need fault->lock. */
static void arm(struct fault *fault, enum npu_fault which)
{
	__atomic_fetch_or(&fault->armed, BIT(which), __ATOMIC_RELEASE);
}

static void disarm(struct fault *fault, enum npu_fault which)
{
	__atomic_fetch_and(&fault->armed, ~BIT(which), __ATOMIC_RELEASE);
}

bool fault_take(struct npu_dev *dev, enum npu_fault which, uint32_t target, uint64_t arg,
		const uint64_t range[2], struct npu_fault_spec *ret_spec)
{
	struct fault *fault = &dev->fault;
	struct fault_slot *slot = &fault->slot[which];
	struct npu_fault_spec *spec = &slot->spec;
	bool struck = false;

	pthread_mutex_lock(&fault->lock);
	if (!fault_armed(fault, which))
		goto out; /* someone else was quicker */
	if (spec->target != target && spec->target != NPU_FAULT_ANY && target != NPU_FAULT_ANY &&
	    kinds[which].target != NPU_FAULT_TARGET_NONE)
		goto out;
	if (arg != UINT64_MAX && spec->arg != arg)
		goto out;
	if (range && spec->size && (range[0] >= spec->arg ? range[0] - spec->arg >= spec->size
							  : spec->arg - range[0] >= range[1]))
		goto out;
	if (spec->after) {
		spec->after--;
		goto out;
	}
	struck = true;
	slot->hits++;
	if (ret_spec)
		*ret_spec = *spec;
	if (spec->count && !--spec->count)
		disarm(fault, which);
out:
	pthread_mutex_unlock(&fault->lock);
	return struck;
}

bool fault_strikes(struct npu_dev *dev, enum npu_fault which, uint32_t target)
{
	return fault_armed(&dev->fault, which) &&
	       fault_take(dev, which, target, UINT64_MAX, NULL, NULL);
}

bool fault_strikes_arg(struct npu_dev *dev, enum npu_fault which, uint32_t target, uint64_t arg)
{
	return fault_armed(&dev->fault, which) && fault_take(dev, which, target, arg, NULL, NULL);
}

bool fault_strikes_bus(struct npu_dev *dev, uint32_t core, uint64_t bus, uint64_t length)
{
	const uint64_t range[2] = {bus, length};

	return fault_armed(&dev->fault, NPU_FAULT_DMA_ERROR) &&
	       fault_take(dev, NPU_FAULT_DMA_ERROR, core, UINT64_MAX, range, NULL);
}

unsigned int fault_hang(struct npu_dev *dev, unsigned int tile)
{
	struct npu_fault_spec spec;

	if (!fault_armed(&dev->fault, NPU_FAULT_HUNG_TILE) ||
	    !fault_take(dev, NPU_FAULT_HUNG_TILE, tile, UINT64_MAX, NULL, &spec))
		return 0;
	return 1 + spec.arg;
}

uint32_t fault_register(struct npu_dev *dev, uint64_t offset, uint32_t value)
{
	struct npu_fault_spec spec;

	if (!fault_armed(&dev->fault, NPU_FAULT_REGISTER_READ) ||
	    !fault_take(dev, NPU_FAULT_REGISTER_READ, NPU_FAULT_ANY, offset, NULL, &spec))
		return value;
	return spec.size;
}

/* ---- memory errors, interrupts, link --------------------------------------------------------- */

void fault_ecc(struct npu_dev *dev, uint32_t core, bool corrected)
{
	uint32_t *counter = corrected ? &dev->regs.ecc_corrected : &dev->regs.ecc_uncorrected;

	if (*counter != UINT32_MAX)
		++*counter;
	dev->regs.ecc_last = NPU_ECC_LAST_VALID | (corrected ? 0 : NPU_ECC_LAST_UNCORRECTED) |
			     (core & NPU_ECC_LAST_CORE);
	dev_event(dev, NPU_IRQ_ECC);
	/* What one job lost is that job's; what the management core lost is the whole device. */
	if (corrected)
		dev_bus_event(dev, NPU_BUS_CORRECTABLE);
	else if (core == NPU_CORE_FRONT)
		dev_bus_event(dev, NPU_BUS_UNCORRECTABLE);
}

uint32_t fault_slow_link(struct npu_dev *dev)
{
	uint32_t factor = 1;

	if (!fault_armed(&dev->fault, NPU_FAULT_SLOW_LINK))
		return 1;
	pthread_mutex_lock(&dev->fault.lock);
	if (fault_armed(&dev->fault, NPU_FAULT_SLOW_LINK))
		factor = dev->fault.slot[NPU_FAULT_SLOW_LINK].spec.arg;
	pthread_mutex_unlock(&dev->fault.lock);
	return factor;
}

/* An interrupt without a cause. As all others, events go out only while some are enabled. */
static void raise_spurious(struct npu_dev *dev, uint32_t vector)
{
	if (vector != NPU_VECTOR_EVENTS || dev->regs.irq_enable)
		dev->vectors |= 1u << vector;
}

void fault_timer(struct npu_dev *dev)
{
	struct fault *fault = &dev->fault;
	struct npu_fault_spec spec;
	const uint64_t now = dev->ops->time_ns(dev->opaque);

	if (now < fault->storm_due)
		return;
	fault->storm_due = UINT64_MAX;
	if (!fault_armed(fault, NPU_FAULT_INTERRUPT_STORM) ||
	    !fault_take(dev, NPU_FAULT_INTERRUPT_STORM, NPU_FAULT_ANY, UINT64_MAX, NULL, &spec))
		return;
	raise_spurious(dev, spec.target);
	if (fault_armed(fault, NPU_FAULT_INTERRUPT_STORM))
		fault->storm_due = now + spec.arg;
}

/* ---- what the management core writes and reads ------------------------------------------------ */

/* A message lost on its way: in its place is what the slot before holds. */
static void replay(struct npu_dev *dev, uint64_t ring, uint64_t offset, uint8_t *room)
{
	const uint64_t size = NPU_MBOX_ENTRIES * sizeof(struct npu_msg);
	size_t length = sizeof(struct npu_msg);
	const uint8_t *before =
		dev_map(dev, ring + (offset + size - length) % size, &length, false);

	memset(room, 0, sizeof(struct npu_msg));
	if (before)
		memcpy(room, before,
		       length < sizeof(struct npu_msg) ? length : sizeof(struct npu_msg));
}

static bool message_fault(struct npu_dev *dev, uint64_t bus, uint64_t length, uint8_t *room)
{
	const uint64_t base = dev->regs.mbox_base;
	const uint64_t ring = base + offsetof(struct npu_mbox, f2h);
	const uint64_t index = base + offsetof(struct npu_mbox, f2h_write);
	struct npu_msg *msg = (struct npu_msg *)room;

	if (bus == index && length == 8) {
		if (!fault_strikes_arg(dev, NPU_FAULT_MAILBOX_CORRUPT, 0, NPU_FAULT_MSG_INDEX))
			return false;
		*(uint32_t *)room += 16 * NPU_MBOX_ENTRIES;
		return true;
	}
	if (bus - ring >= NPU_MBOX_ENTRIES * sizeof(*msg) || length != sizeof(*msg))
		return false;
	if (fault_strikes(dev, NPU_FAULT_MAILBOX_REPLAY, 0))
		replay(dev, ring, bus - ring, room);
	else if (fault_strikes_arg(dev, NPU_FAULT_MAILBOX_CORRUPT, 0, NPU_FAULT_MSG_TYPE))
		msg->type = 0xbad;
	else if (fault_strikes_arg(dev, NPU_FAULT_MAILBOX_CORRUPT, 0, NPU_FAULT_MSG_NOISE))
		for (unsigned int i = 0; i < sizeof(*msg); i++)
			room[i] ^= 0xff;
	else
		return false;
	return true;
}

/* The queue whose writeback is at bus; queues if there is none. */
static unsigned int queue_of(struct npu_dev *dev, uint64_t bus)
{
	unsigned int queue;

	for (queue = 0; queue < dev->queues; queue++) {
		struct npu_queue_desc desc;
		size_t length = sizeof(desc);
		const void *host = dev_map(dev, dev->regs.queue_table + queue * sizeof(desc),
					   &length, false);

		if (!host || length < sizeof(desc))
			continue;
		memcpy(&desc, host, sizeof(desc));
		if (desc.writeback == bus)
			break;
	}
	return queue;
}

static bool writeback_fault(struct npu_dev *dev, uint64_t bus, uint64_t length, uint8_t *room)
{
	struct npu_queue_wb *wb = (struct npu_queue_wb *)room;
	unsigned int queue;

	if (!fault_armed(&dev->fault, NPU_FAULT_RING_INDEX) || length != sizeof(*wb))
		return false;
	queue = queue_of(dev, bus);
	if (queue == dev->queues)
		return false;
	if (fault_strikes_arg(dev, NPU_FAULT_RING_INDEX, queue, NPU_FAULT_RING_HEAD))
		wb->head += 1u << 20;
	else if (fault_strikes_arg(dev, NPU_FAULT_RING_INDEX, queue, NPU_FAULT_RING_COMPLETED))
		wb->completed += 1ull << 40;
	else
		return false;
	return true;
}

const uint8_t *fault_outgoing(struct npu_dev *dev, uint64_t bus, const uint8_t *local,
			      uint64_t length, uint8_t *room)
{
	const uint64_t some = BIT(NPU_FAULT_MAILBOX_CORRUPT) | BIT(NPU_FAULT_MAILBOX_REPLAY) |
			      BIT(NPU_FAULT_RING_INDEX);

	if (!(__atomic_load_n(&dev->fault.armed, __ATOMIC_RELAXED) & some) || length > 64)
		return local;
	memcpy(room, local, length);
	return message_fault(dev, bus, length, room) || writeback_fault(dev, bus, length, room)
		       ? room
		       : local;
}

uint32_t fault_tail(struct npu_dev *dev, unsigned int queue, uint32_t tail)
{
	return fault_strikes_arg(dev, NPU_FAULT_RING_INDEX, queue, NPU_FAULT_RING_TAIL)
		       ? tail + (1u << 20)
		       : tail;
}

/* ---- arming and clearing ------------------------------------------------------------------------ */

static bool good_target(const struct npu_dev *dev, const struct npu_fault_spec *spec)
{
	const uint32_t target = spec->target;

	if (target == NPU_FAULT_ANY)
		return true;
	switch (kinds[spec->fault].target) {
	case NPU_FAULT_TARGET_TILE:
		return target < dev->tiles;
	case NPU_FAULT_TARGET_CORE:
		return target < dev->tiles || target == NPU_CORE_COPY || target == NPU_CORE_FRONT;
	case NPU_FAULT_TARGET_VECTOR:
		return target < NPU_MSIX_VECTORS;
	case NPU_FAULT_TARGET_QUEUE:
		return target < dev->queues;
	default:
		return true;
	}
}

/* Checks the argument and puts the default in place of 0. */
static bool good_arg(struct npu_fault_spec *spec)
{
	uint64_t max = 0;

	switch (spec->fault) {
	case NPU_FAULT_HUNG_TILE:
	case NPU_FAULT_MMU_ERROR:
		max = 1;
		break;
	case NPU_FAULT_MAILBOX_CORRUPT:
		max = NPU_FAULT_MSG_INDEX;
		break;
	case NPU_FAULT_RING_INDEX:
		max = NPU_FAULT_RING_RECORD;
		break;
	case NPU_FAULT_DMA_ERROR:
		return spec->size || !spec->arg;
	case NPU_FAULT_REGISTER_READ:
		/* Who broke those for debugging could not mend them. */
		return !(spec->arg % 4) && spec->arg < NPU_REGS_SIZE &&
		       (spec->arg < NPU_REG_FAULT_SELECT || spec->arg > NPU_REG_FAULT_ARMED_HI) &&
		       spec->size <= UINT32_MAX;
	case NPU_FAULT_INTERRUPT_STORM:
		if (!spec->arg)
			spec->arg = NPU_FAULT_STORM_NS;
		/* More often than that nobody but the storm would get to run. */
		return spec->arg >= NPU_FAULT_STORM_MIN_NS && spec->arg <= 1000000000 && !spec->size;
	case NPU_FAULT_SLOW_LINK:
		if (!spec->arg)
			spec->arg = 16;
		return spec->arg >= 2 && spec->arg <= NPU_FAULT_SLOW_MAX && !spec->size;
	case NPU_FAULT_SPURIOUS_INTERRUPT:
		if (spec->count > 1) /* interrupts that wait melt into one: that is a storm */
			return false;
		break;
	case NPU_FAULT_ECC_CORRECTABLE:
		if (spec->count > NPU_FAULT_ECC_MAX) /* one after the other, with the device's lock */
			return false;
		break;
	default:
		break;
	}
	return spec->arg <= max && !spec->size;
}

/* Translations and host pointers from before must not hide the fault. */
static void forget_maps(struct npu_dev *dev)
{
	dev->map_generation++;
	dev_sync_engines(dev);
}

/*
 * The fault is armed: what happens at once, without an occasion. Whatever waits comes before what is raised:
 * while this thread waits, another one would take that and tell of it in its own time, whereas the embedder is to
 * have heard of it when the injection returns.
 */
static void begin(struct npu_dev *dev, const struct npu_fault_spec *spec)
{
	const uint32_t vector = spec->target == NPU_FAULT_ANY ? NPU_VECTOR_EVENTS : spec->target;
	const uint32_t core = spec->target == NPU_FAULT_ANY ? 0 : spec->target;

	switch (spec->fault) {
	case NPU_FAULT_DEAD_FIRMWARE:
		if (dev->soc.state == SOC_ON && fault_strikes(dev, spec->fault, 0))
			soc_die(&dev->soc, "fault injected");
		break;
	case NPU_FAULT_SPURIOUS_INTERRUPT:
		if (fault_strikes(dev, spec->fault, vector))
			raise_spurious(dev, vector);
		break;
	case NPU_FAULT_INTERRUPT_STORM:
		dev->fault.slot[spec->fault].spec.target = vector;
		dev->fault.storm_due = dev->ops->time_ns(dev->opaque);
		fault_timer(dev);
		break;
	case NPU_FAULT_ECC_CORRECTABLE:
		for (uint32_t n = spec->count ? spec->count : 1;
		     n && fault_strikes(dev, spec->fault, core); n--)
			fault_ecc(dev, core, true);
		break;
	case NPU_FAULT_ECC_UNCORRECTABLE:
		dev_sync_engines(dev);
		if (spec->target == NPU_CORE_FRONT && dev->soc.state == SOC_ON &&
		    fault_strikes(dev, spec->fault, NPU_CORE_FRONT)) {
			fault_ecc(dev, NPU_CORE_FRONT, false);
			soc_die(&dev->soc, "uncorrectable error in its memory");
		}
		break;
	case NPU_FAULT_DMA_ERROR:
	case NPU_FAULT_MMU_ERROR:
		forget_maps(dev);
		break;
	case NPU_FAULT_LINK_DOWN:
		if (spec->count)
			break;
		/* fallthrough */
	case NPU_FAULT_SURPRISE_REMOVAL:
		__atomic_store_n(&dev->fault.link_dead, true, __ATOMIC_RELEASE);
		forget_maps(dev);
		/* Interrupts that were on their way are through; none comes after. */
		dev_wait_told(dev);
		dev_bus_event(dev, NPU_BUS_LINK);
		break;
	case NPU_FAULT_SLOW_LINK:
		dev_bus_event(dev, NPU_BUS_LINK);
		power_update(dev);
		break;
	case NPU_FAULT_THERMAL_THROTTLE:
		dev_event(dev, NPU_IRQ_THERMAL);
		power_update(dev);
		break;
	default:
		break;
	}
}

/* Needs the device's lock, which it may drop and take again. */
static enum npu_fault_status inject(struct npu_dev *dev, const struct npu_fault_spec *wanted)
{
	struct npu_fault_spec spec = *wanted;
	struct fault *fault = &dev->fault;

	if (!npu_fault_name(spec.fault))
		return NPU_FAULT_STATUS_BAD_FAULT;
	if (!good_target(dev, &spec))
		return NPU_FAULT_STATUS_BAD_TARGET;
	if (!good_arg(&spec) || (spec.flags & ~NPU_FAULT_PERSIST))
		return NPU_FAULT_STATUS_BAD_ARG;
	if (spec.fault == NPU_FAULT_SURPRISE_REMOVAL && !dev->ops->bus_event)
		return NPU_FAULT_STATUS_UNSUPPORTED;

	pthread_mutex_lock(&fault->lock);
	fault->slot[spec.fault].spec = spec;
	/* States have no occasions that could count them. */
	if (STATES & BIT(spec.fault))
		fault->slot[spec.fault].hits++;
	arm(fault, spec.fault);
	pthread_mutex_unlock(&fault->lock);
	dev_log(dev, NPU_LOG_INFO, "fault injected: %s (%s)", kinds[spec.fault].name,
		kinds[spec.fault].description);
	begin(dev, &spec);
	return NPU_FAULT_STATUS_OK;
}

/* Ends the faults of a set. True: the link comes up again, and the device must be reset. */
static bool clear(struct npu_dev *dev, uint64_t set)
{
	struct fault *fault = &dev->fault;
	uint64_t was, now;

	pthread_mutex_lock(&fault->lock);
	was = fault->armed;
	for (unsigned int i = 1; i < NPU_FAULT_COUNT; i++)
		if (set >> i & 1)
			disarm(fault, i);
	now = fault->armed;
	pthread_mutex_unlock(&fault->lock);

	if (!(now & BIT(NPU_FAULT_INTERRUPT_STORM)))
		fault->storm_due = UINT64_MAX;
	if ((was ^ now) & (LINK_FAULTS | BIT(NPU_FAULT_SLOW_LINK)))
		dev_bus_event(dev, NPU_BUS_LINK);
	if ((was ^ now) & BIT(NPU_FAULT_THERMAL_THROTTLE))
		dev_event(dev, NPU_IRQ_THERMAL);
	power_update(dev);
	if (fault->link_dead && !(now & LINK_FAULTS)) {
		__atomic_store_n(&fault->link_dead, false, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

void fault_reset(struct npu_dev *dev)
{
	struct fault *fault = &dev->fault;
	uint64_t set = 0;

	pthread_mutex_lock(&fault->lock);
	/* No reset reaches a card that is not there. */
	for (unsigned int i = 1; i < NPU_FAULT_COUNT; i++)
		if (i != NPU_FAULT_SURPRISE_REMOVAL && !(fault->slot[i].spec.flags & NPU_FAULT_PERSIST))
			set |= BIT(i);
	pthread_mutex_unlock(&fault->lock);
	clear(dev, set);
	memset(&fault->regs, 0, sizeof(fault->regs));
	fault->regs.target = NPU_FAULT_ANY;
	fault->status = NPU_FAULT_STATUS_OK;
	/* A die that is hot stays hot; who enables the event hears of it. */
	if (fault_armed(fault, NPU_FAULT_THERMAL_THROTTLE))
		dev_event(dev, NPU_IRQ_THERMAL);
}

/* ---- debug registers ----------------------------------------------------------------------------- */

static const struct fault_slot *selected(const struct fault *fault)
{
	return &fault->slot[npu_fault_name(fault->regs.fault) ? fault->regs.fault : NPU_FAULT_NONE];
}

uint32_t fault_reg_read(struct npu_dev *dev, uint64_t offset)
{
	struct fault *fault = &dev->fault;
	const struct npu_fault_spec *regs = &fault->regs;
	struct fault_slot slot;
	bool armed;

	pthread_mutex_lock(&fault->lock);
	slot = *selected(fault);
	armed = fault_armed(fault, regs->fault & 63);
	pthread_mutex_unlock(&fault->lock);

	switch (offset) {
	case NPU_REG_FAULT_SELECT:
		return regs->fault;
	case NPU_REG_FAULT_TARGET:
		return regs->target;
	case NPU_REG_FAULT_COUNT:
		return armed ? slot.spec.count : regs->count;
	case NPU_REG_FAULT_AFTER:
		return armed ? slot.spec.after : regs->after;
	case NPU_REG_FAULT_ARG_LO:
		return regs->arg;
	case NPU_REG_FAULT_ARG_HI:
		return regs->arg >> 32;
	case NPU_REG_FAULT_SIZE_LO:
		return regs->size;
	case NPU_REG_FAULT_SIZE_HI:
		return regs->size >> 32;
	case NPU_REG_FAULT_FLAGS:
		return regs->flags;
	case NPU_REG_FAULT_STATUS:
		return fault->status;
	case NPU_REG_FAULT_HITS:
		return slot.hits > UINT32_MAX ? UINT32_MAX : slot.hits;
	case NPU_REG_FAULT_ARMED_LO:
		return __atomic_load_n(&fault->armed, __ATOMIC_RELAXED);
	case NPU_REG_FAULT_ARMED_HI:
		return __atomic_load_n(&fault->armed, __ATOMIC_RELAXED) >> 32;
	default:
		return 0;
	}
}

void fault_reg_write(struct npu_dev *dev, uint64_t offset, uint32_t value)
{
	struct npu_fault_spec *regs = &dev->fault.regs;

	switch (offset) {
	case NPU_REG_FAULT_SELECT:
		regs->fault = value;
		break;
	case NPU_REG_FAULT_TARGET:
		regs->target = value;
		break;
	case NPU_REG_FAULT_COUNT:
		regs->count = value;
		break;
	case NPU_REG_FAULT_AFTER:
		regs->after = value;
		break;
	case NPU_REG_FAULT_ARG_LO:
		regs->arg = (regs->arg & ~0xffffffffull) | value;
		break;
	case NPU_REG_FAULT_ARG_HI:
		regs->arg = (regs->arg & 0xffffffffull) | (uint64_t)value << 32;
		break;
	case NPU_REG_FAULT_SIZE_LO:
		regs->size = (regs->size & ~0xffffffffull) | value;
		break;
	case NPU_REG_FAULT_SIZE_HI:
		regs->size = (regs->size & 0xffffffffull) | (uint64_t)value << 32;
		break;
	case NPU_REG_FAULT_FLAGS:
		regs->flags = value;
		break;
	}
}

void fault_command(struct npu_dev *dev, uint32_t cmd)
{
	struct fault *fault = &dev->fault;
	enum npu_fault_status status = NPU_FAULT_STATUS_BAD_FAULT;

	/* Who gets here has a link, so none comes up again. */
	if (cmd == NPU_FAULT_CMD_INJECT) {
		status = inject(dev, &fault->regs);
	} else if (cmd == NPU_FAULT_CMD_CLEAR_ALL) {
		clear(dev, UINT64_MAX);
		status = NPU_FAULT_STATUS_OK;
	} else if (cmd == NPU_FAULT_CMD_CLEAR && npu_fault_name(fault->regs.fault)) {
		clear(dev, BIT(fault->regs.fault));
		status = NPU_FAULT_STATUS_OK;
	}
	fault->status = status;
}

/* ---- for the embedder ----------------------------------------------------------------------------- */

enum npu_fault_status npu_dev_fault_inject(struct npu_dev *dev, const struct npu_fault_spec *spec)
{
	enum npu_fault_status status;

	dev_lock(dev);
	dev_wait_reset(dev);
	status = inject(dev, spec);
	pool_work(dev, dev->config.inline_budget);
	dev_unlock(dev);
	return status;
}

enum npu_fault_status npu_dev_fault_clear(struct npu_dev *dev, uint32_t which)
{
	bool up;

	if (which && !npu_fault_name(which))
		return NPU_FAULT_STATUS_BAD_FAULT;
	dev_lock(dev);
	dev_wait_reset(dev);
	up = clear(dev, which ? BIT(which) : UINT64_MAX);
	pool_work(dev, dev->config.inline_budget);
	dev_unlock(dev);
	/* A function that was cut off from its port starts anew. */
	if (up)
		npu_dev_reset(dev);
	return NPU_FAULT_STATUS_OK;
}

bool npu_dev_fault_get(struct npu_dev *dev, uint32_t which, struct npu_fault_spec *ret_spec,
		       uint64_t *ret_hits)
{
	struct fault *fault = &dev->fault;
	bool armed;

	memset(ret_spec, 0, sizeof(*ret_spec));
	*ret_hits = 0;
	if (!npu_fault_name(which))
		return false;
	pthread_mutex_lock(&fault->lock);
	armed = fault_armed(fault, which);
	*ret_spec = fault->slot[which].spec;
	ret_spec->fault = which;
	*ret_hits = fault->slot[which].hits;
	pthread_mutex_unlock(&fault->lock);
	return armed;
}

bool npu_dev_link_dead(const struct npu_dev *dev)
{
	return __atomic_load_n(&dev->fault.link_dead, __ATOMIC_ACQUIRE);
}

/* ---- saving and loading ------------------------------------------------------------------------ */

static void spec_state(struct npu_fault_spec *spec, struct state *s)
{
	STATE(s, spec->fault);
	STATE(s, spec->target);
	STATE(s, spec->count);
	STATE(s, spec->after);
	STATE(s, spec->arg);
	STATE(s, spec->size);
	STATE(s, spec->flags);
}

/* Could inject() have armed this? */
static bool good_armed(const struct npu_dev *dev, enum npu_fault which,
		       const struct npu_fault_spec *spec)
{
	struct npu_fault_spec copy = *spec;

	if (spec->fault != which || !npu_fault_name(which) || !good_target(dev, spec) ||
	    !good_arg(&copy) || copy.arg != spec->arg || (spec->flags & ~NPU_FAULT_PERSIST))
		return false;
	if (which == NPU_FAULT_SURPRISE_REMOVAL && !dev->ops->bus_event)
		return false;
	return which != NPU_FAULT_INTERRUPT_STORM || spec->target != NPU_FAULT_ANY;
}

void fault_state(struct npu_dev *dev, struct state *s)
{
	struct fault *fault = &dev->fault;
	uint64_t armed;
	bool good = true;

	pthread_mutex_lock(&fault->lock);
	armed = fault->armed;
	STATE(s, armed);
	STATE(s, fault->link_dead);
	for (unsigned int i = 1; i < NPU_FAULT_COUNT; i++) {
		struct fault_slot *slot = &fault->slot[i];

		spec_state(&slot->spec, s);
		STATE(s, slot->hits);
		good &= !(armed >> i & 1) || good_armed(dev, i, &slot->spec);
	}
	spec_state(&fault->regs, s);
	STATE_MAX(s, fault->status, NPU_FAULT_STATUS_UNSUPPORTED);
	STATE(s, fault->storm_due);
	state_check(s, good && !(armed & ~(BIT(NPU_FAULT_COUNT) - 2)), "a fault that cannot be armed");
	state_check(s, !fault->link_dead || (armed & LINK_FAULTS), "a dead link without a cause");
	if (s->load) {
		__atomic_store_n(&fault->armed, s->failed ? 0 : armed, __ATOMIC_RELEASE);
		if (!(fault->armed & BIT(NPU_FAULT_INTERRUPT_STORM)))
			fault->storm_due = UINT64_MAX;
	}
	pthread_mutex_unlock(&fault->lock);
}

void fault_forget(struct npu_dev *dev)
{
	struct fault *fault = &dev->fault;

	pthread_mutex_lock(&fault->lock);
	__atomic_store_n(&fault->armed, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&fault->link_dead, false, __ATOMIC_RELEASE);
	memset(fault->slot, 0, sizeof(fault->slot));
	fault->storm_due = UINT64_MAX;
	pthread_mutex_unlock(&fault->lock);
}
