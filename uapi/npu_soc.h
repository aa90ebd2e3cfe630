/* SPDX-License-Identifier: MIT */
/*
 * The NPU seen from its management core: memory map and internal registers.
 * Shared by boot ROM, firmware and device core. The host never sees these.
 *
 * The management core is RV64GC, machine mode only, without address
 * translation. Reset starts it at NPU_SOC_ROM_BASE. Accesses outside of this map raise
 * access faults. Registers take aligned 32-bit accesses; where a register is
 * marked u64, aligned 64-bit ones too (its halves sit at offset and offset + 4).
 */
#ifndef NPU_SOC_H
#define NPU_SOC_H

#include "npu_types.h"

#define NPU_SOC_ROM_BASE   0x00001000ul
#define NPU_SOC_ROM_SIZE   0x0000f000ul
#define NPU_SOC_REGS_BASE  0x10000000ul
#define NPU_SOC_TILES_BASE 0x10010000ul
#define NPU_SOC_TILE_STRIDE 0x100ul
#define NPU_SOC_RAM_BASE   0x80000000ul
#define NPU_SOC_RAM_SIZE   0x00080000ul /* 512 KiB; the image is loaded into it, ROM uses the last 16 KiB */
#define NPU_SOC_ROM_SCRATCH_SIZE 0x4000ul

/* ---- interrupts -------------------------------------------------------------------------------- */
/*
 * IRQ_PENDING & IRQ_ENABLE != 0 sets mip.MEIP. mip.MTIP follows TIME >= TIMECMP.
 * Pending bits follow their sources: MBOX is cleared by reading nothing but by
 * writing one to it; DOORBELL while DOORBELLS != 0; TILE while TILE_EVENTS != 0;
 * COPY while the copy engine's STATUS is neither idle nor busy; PERF while PERF_EVENTS != 0.
 */
#define NPU_SOC_IRQ_PENDING 0x000
#define NPU_SOC_IRQ_ENABLE  0x004
#define NPU_SOC_IRQ_MBOX	(1u << 0) /* host wrote MBOX_DOORBELL; write 1 to clear */
#define NPU_SOC_IRQ_DOORBELL	(1u << 1)
#define NPU_SOC_IRQ_TILE	(1u << 2)
#define NPU_SOC_IRQ_COPY	(1u << 3)
#define NPU_SOC_IRQ_PERF	(1u << 4)
#define NPU_SOC_IRQ_POWER	(1u << 5) /* POWER_LIMIT has changed; write 1 to clear */
#define NPU_SOC_DOORBELLS   0x008 /* u64, bit per queue rung; write one to clear */
#define NPU_SOC_TILE_EVENTS 0x010 /* u64, bit per tile that went done, fault or stopped; write one to clear */
#define NPU_SOC_TIME	    0x018 /* u64, wall clock, ns */
#define NPU_SOC_TIMECMP	    0x020 /* u64, ns; all ones at reset */

/* ---- from and to the host ---------------------------------------------------------------------- */
#define NPU_SOC_FW_BASE	    0x030 /* u64, RO: NPU_REG_FW_BASE */
#define NPU_SOC_FW_SIZE	    0x038 /* RO */
#define NPU_SOC_TOPOLOGY    0x03c /* RO: tiles[7:0] queues[15:8] chiplets[23:16] */
#define NPU_SOC_MBOX_BASE   0x040 /* u64, RO */
#define NPU_SOC_QUEUE_TABLE 0x048 /* u64, RO */
#define NPU_SOC_BOOT_STATUS 0x050 /* as NPU_REG_BOOT_STATUS */
#define NPU_SOC_BOOT_DETAIL 0x054
#define NPU_SOC_HEARTBEAT   0x058
#define NPU_SOC_FW_STATUS   0x05c
#define NPU_SOC_HOST_VECTOR 0x060 /* write: raise this MSI-X vector (1..NPU_MSIX_VECTORS-1) */
#define NPU_SOC_HOST_EVENT  0x064 /* write: set these bits of NPU_REG_IRQ_STATUS */
#define NPU_SOC_CONSOLE	    0x068 /* write: one character to the device's log */
#define NPU_SOC_HALT	    0x06c /* write: stop the core for good, STATUS.FW_DEAD; value is ignored */
#define NPU_SOC_TAIL(q)	    (0x400 + 4 * (q)) /* RO: value last written to doorbell q */

/* ---- host memory port ------------------------------------------------------------------------- */
/*
 * Moves bytes between host memory and local RAM. Set HOST, LOCAL, LEN, then
 * write CMD: the transfer is complete when the write returns. Writes to host
 * memory go out in ascending, naturally aligned 8-byte units, each atomic where
 * both ends are 8-byte aligned. With XLATE the host address is virtual in
 * address space AS and permissions are checked.
 */
#define NPU_SOC_PORT_HOST   0x100 /* u64 */
#define NPU_SOC_PORT_LOCAL  0x108 /* u64, management core address in RAM (or ROM, as source) */
#define NPU_SOC_PORT_LEN    0x110 /* bytes, 1..65536 */
#define NPU_SOC_PORT_CMD    0x114
#define NPU_SOC_PORT_READ   (1u << 0) /* host to local */
#define NPU_SOC_PORT_WRITE  (1u << 1) /* local to host */
#define NPU_SOC_PORT_XLATE  (1u << 2)
#define NPU_SOC_PORT_AS(as) ((__u32)(as) << 16)
#define NPU_SOC_PORT_STATUS 0x118 /* enum npu_job_error: OK, PAGE_FAULT, BUS_ERROR, BAD_DESCRIPTOR (bad LOCAL or LEN) */
#define NPU_SOC_PORT_FAULT  0x120 /* u64, first host address that failed */

/* ---- copy engine --------------------------------------------------------------------------------- */
/* Executes one COPY, FILL or GATHER packet (npu_packet.h), asynchronously. */
#define NPU_SOC_COPY_PACKET 0x140 /* u64, management core address of the packet, read at GO */
#define NPU_SOC_COPY_QUEUE  0x148 /* queue[7:0], charged */
#define NPU_SOC_COPY_AS	    0x14c
#define NPU_SOC_COPY_CMD    0x150 /* enum npu_soc_cmd */
#define NPU_SOC_COPY_STATUS 0x154 /* enum npu_soc_status; write: acknowledge, back to idle */
#define NPU_SOC_COPY_ERROR  0x158 /* enum npu_job_error */
#define NPU_SOC_COPY_ACCESS 0x15c /* enum npu_access */
#define NPU_SOC_COPY_FAULT  0x160 /* u64, address that failed */

/* ---- accounting ---------------------------------------------------------------------------------- */
/*
 * Every queue has a modelled clock and counters, kept by hardware. BEGIN starts
 * a packet: PACKETS counts it and the front end's time advances by its cost,
 * which gives the start time of all tile shares and copies up to the next BEGIN.
 * Between barriers the DISPATCH packets of a queue follow one another, its
 * COPY, FILL and GATHER packets follow one another, and the two kinds overlap. A dispatch takes
 * as long as its longest share. BEGIN of a BARRIER, TIMESTAMP or COUNTERS packet, and
 * the command BARRIER, move the front end to the end of all that, and no earlier than the way to host memory can
 * have moved the bytes of all of it; write
 * them after the earlier shares and copies of the queue have ended. The clock is the
 * latest moment that the queue's work has reached. It does not depend on the
 * order in which shares happen to end, nor on other queues. The first BEGIN after BARRIER or
 * CLEAR latches the operating point for all work of the queue up to the next BARRIER.
 */
#define NPU_SOC_ACCT_QUEUE  0x180 /* queue spoken of */
#define NPU_SOC_ACCT_CMD    0x184
#define NPU_SOC_ACCT_BEGIN	1u /* one packet begins; ACCT_ARG: enum npu_packet_op */
#define NPU_SOC_ACCT_SNAPSHOT	2u /* write the counter block to ACCT_ADDR in local RAM */
#define NPU_SOC_ACCT_CLEAR	3u /* a new queue of that number: clock and counters to zero */
#define NPU_SOC_ACCT_BARRIER	4u /* end of a command buffer; not a packet */
#define NPU_SOC_ACCT_SNAPSHOT_CORE 5u /* as SNAPSHOT, of the core in ACCT_ARG: a tile or NPU_CORE_* */
/*
 * Counters of the device, all queues that ever were since reset, to ACCT_ADDR; ACCT_ARG: a tile or
 * NPU_CORE_* (npu_ring.h). ACCT_QUEUE must be one that exists, but does not matter.
 */
#define NPU_SOC_ACCT_DEVICE	6u
#define NPU_SOC_ACCT_ARG    0x188
#define NPU_SOC_ACCT_ADDR   0x190 /* u64, management core address, room for a struct npu_counter_block */
#define NPU_SOC_ACCT_CLOCK  0x198 /* u64, RO: clock of ACCT_QUEUE, cycles */
#define NPU_SOC_ACCT_TIME   0x1a0 /* u64, RO: the same as time, ps */

/* ---- clock and power -------------------------------------------------------------------------------- */
/*
 * Operating points are numbered from 0, the slowest. Command buffers that begin run at POWER_OPP, or at
 * POWER_LIMIT if that is lower: heat is not left to the firmware alone.
 */
#define NPU_SOC_POWER_OPPS  0x1c0 /* RO: number of operating points, at most 8 */
#define NPU_SOC_POWER_LIMIT 0x1c4 /* RO: highest one that the heat permits */
#define NPU_SOC_POWER_OPP   0x1c8 /* the one selected; others than 0..OPPS-1 are ignored. After reset the highest */
#define NPU_SOC_POWER_CAP   0x1cc /* mW, for the host to read; 0: none */
#define NPU_SOC_POWER_PEAK(opp) (0x1d0 + 4 * (opp)) /* RO: most that the device can take there, mW */

/* ---- performance streams -------------------------------------------------------------------------- */
/*
 * A stream (npu_perf.h) watches a queue, or all, and writes records into its ring in host memory.
 * START takes the registers for the stream in PERF_STREAM and PERF_RESULT says what came of it; shares that run
 * are watched from then on. STOP ends it: what has been gathered is written, and when the stream will not touch memory any
 * more its bit in PERF_EVENTS is set. NOTE, and BEGIN in ACCT_CMD, take PERF_PACKET and PERF_SEQNO for
 * the packet that is under way, or begins, on ACCT_QUEUE.
 */
#define NPU_SOC_PERF_STREAM    0x300 /* stream spoken of, below NPU_PERF_STREAMS */
#define NPU_SOC_PERF_CMD       0x304
#define NPU_SOC_PERF_START	 1u
#define NPU_SOC_PERF_STOP	 2u /* nothing if it is not on */
#define NPU_SOC_PERF_NOTE	 3u
#define NPU_SOC_PERF_RESULT    0x308 /* RO, of START: enum npu_soc_perf_result */
#define NPU_SOC_PERF_EVENTS    0x30c /* bit per stream that has ended; write one to clear */
#define NPU_SOC_PERF_RING      0x310 /* u64, bus address of the ring, 4 KiB aligned, not 0 */
#define NPU_SOC_PERF_TILES     0x318 /* u64, bit per tile watched, at least one that there is */
#define NPU_SOC_PERF_QUEUE     0x320 /* queue, or NPU_PERF_ALL_QUEUES */
#define NPU_SOC_PERF_MODES     0x324 /* NPU_PERF_MODE_*, something to record among them */
#define NPU_SOC_PERF_PERIOD    0x328 /* cycles, with SAMPLES: NPU_PERF_PERIOD_MIN..NPU_PERF_PERIOD_MAX */
#define NPU_SOC_PERF_RING_LOG2 0x32c /* slots */
#define NPU_SOC_PERF_VECTOR    0x330 /* MSI-X vector 1..NPU_MSIX_VECTORS-1, or 0: none */
#define NPU_SOC_PERF_THRESHOLD 0x334 /* slots unread, at reaching which the vector is raised */
#define NPU_SOC_PERF_LOST      0x338 /* u64, RO: records dropped by PERF_STREAM since its start */
#define NPU_SOC_PERF_SEQNO     0x340 /* u64, of the job */
#define NPU_SOC_PERF_PACKET    0x348 /* id of the packet */
#define NPU_SOC_PERF_END       0x34c

enum npu_soc_perf_result {
	NPU_SOC_PERF_OK = 0,
	NPU_SOC_PERF_BAD = 1, /* a register breaks a rule */
	NPU_SOC_PERF_BUSY = 2, /* the stream is on, or another one watches the queue */
	NPU_SOC_PERF_BUS = 3, /* the ring does not answer */
};

/* ---- gangs --------------------------------------------------------------------------------------- */
/*
 * A gang: shares that start in the same modelled cycle and may reach each other's SRAM. Set the registers
 * of each tile, then GANG_TILES, then write GO to GANG_CMD instead of each tile's: all or none of them
 * start. They must exist, be idle, have one workgroup each, and name the same queue and
 * address space; else the idle ones among them end as fault, NPU_JOB_HW_ERROR. STOP ends shares one by one. A
 * tile whose share has ended takes no GO before its whole gang has.
 */
#define NPU_SOC_GANG_TILES  0x280 /* u64, bit per tile */
#define NPU_SOC_GANG_CMD    0x288 /* enum npu_soc_cmd: GO */

/* ---- tiles ------------------------------------------------------------------------------------------ */
/*
 * A tile runs a share of a grid: workgroups FIRST, FIRST + STRIDE, ... COUNT of
 * them. Set the registers, write GO. When the share ends, STATUS goes to done,
 * fault or stopped and the tile's bit in TILE_EVENTS is set. STOP ends a running share
 * within a bounded number of instructions; it has no effect on an idle tile. RESET is for
 * a tile that does not heed STOP: a running share ends as stopped, and the tile's SRAM is zero.
 * SRAM is scrubbed by hardware whenever GO changes the tile's address space or queue, and by the
 * first GO for a queue after its ACCT_CLEAR.
 *
 * A share makes room for another between two workgroups: from a write of SLICE on it yields at the first end of a
 * workgroup at which it has run for that many cycles since GO or RESUME, but for its last workgroup. It has run one at
 * least by then. The tile keeps the share, one of each queue, and is free for others once STATUS was
 * written; RESUME goes on with it, and it ends as if it had never yielded: same clock, same counters.
 * Its SRAM is lost if another queue was there meanwhile. DROP ends it, with what it has counted; so do GO and
 * ACCT_CLEAR for its queue. RESUME of what is not kept ends as fault, NPU_JOB_HW_ERROR. GO, RESUME and DROP of a
 * queue may come in any order on different tiles.
 */
#define NPU_SOC_TILE(t)	      (NPU_SOC_TILES_BASE + (t) * NPU_SOC_TILE_STRIDE)
#define NPU_TILE_CMD	      0x00 /* enum npu_soc_cmd */
#define NPU_TILE_STATUS	      0x04 /* enum npu_soc_status; write: acknowledge, back to idle */
#define NPU_TILE_QUEUE	      0x08 /* queue[7:0], charged */
#define NPU_TILE_AS	      0x0c
#define NPU_TILE_ENTRY	      0x10 /* u64 */
#define NPU_TILE_ARGS	      0x18 /* u64 */
#define NPU_TILE_GRID_X	      0x20
#define NPU_TILE_GRID_Y	      0x24
#define NPU_TILE_GRID_Z	      0x28
#define NPU_TILE_WG_FIRST     0x2c
#define NPU_TILE_WG_STRIDE    0x30
#define NPU_TILE_WG_COUNT     0x34
#define NPU_TILE_WG_DONE      0x38 /* RO, workgroups of this share retired so far */
#define NPU_TILE_SHARERS      0x3c /* tiles that the dispatch uses, 1..tiles: they share the way to host memory */
#define NPU_TILE_FAULT_ERROR  0x40 /* RO, enum npu_job_error */
#define NPU_TILE_FAULT_ACCESS 0x44 /* RO, enum npu_access */
#define NPU_TILE_FAULT_ADDR   0x48 /* RO, u64 */
#define NPU_TILE_FAULT_PC     0x50 /* RO, u64; after STOP: where the core stood */
#define NPU_TILE_FAULT_WG     0x58 /* RO, linear workgroup index */
#define NPU_TILE_SLICE	      0x5c /* WO, modelled cycles since GO or RESUME after which the share yields; see above */
#define NPU_TILE_RAN	      0x60 /* RO, u64, modelled cycles from GO or RESUME to the last end of a workgroup */
#define NPU_TILE_REGNO	      0x68 /* register of the core that REG shows: NPU_REGNO_* */
#define NPU_TILE_REG	      0x70 /* RO, u64; 0: none of that number, or it is not a share's that has ended */
#define NPU_TILE_CYCLES	      0x78 /* RO, u64, cycles as of RAN, but from GO, from before RESUMEs too: what TILE_CYCLES will have at least */

/*
 * Registers of a tile's core, by the numbers of the RISC-V debug specification's abstract commands: CSRs by their
 * own. They are as the last share left them, until another begins; 0 while one runs, and of one that ended before
 * its first workgroup began. Not in it are the vector registers, whose numbers that specification does not give.
 */
#define NPU_REGNO_FCSR	  0x003
#define NPU_REGNO_VSTART  0x008 /* element that a vector load or store trapped at */
#define NPU_REGNO_VCSR	  0x00f
#define NPU_REGNO_DPC	  0x7b1 /* the program counter */
#define NPU_REGNO_CYCLE	  0xc00 /* of the share */
#define NPU_REGNO_INSTRET 0xc02
#define NPU_REGNO_VL	  0xc20
#define NPU_REGNO_VTYPE	  0xc21
#define NPU_REGNO_VLENB	  0xc22
#define NPU_REGNO_X(n)	  (0x1000 + (n)) /* n: 0..31 */
#define NPU_REGNO_F(n)	  (0x1020 + (n))

enum npu_soc_cmd {
	NPU_SOC_CMD_GO = 1,
	NPU_SOC_CMD_STOP = 2,
	NPU_SOC_CMD_RESET = 3, /* tiles only: ends what STOP does not, and zeroes the SRAM */
	NPU_SOC_CMD_RESUME = 4, /* tiles only: go on with the share that has yielded, of the queue in QUEUE */
	NPU_SOC_CMD_DROP = 5, /* tiles only: that share is over */
};

enum npu_soc_status {
	NPU_SOC_IDLE = 0,
	NPU_SOC_BUSY = 1,
	NPU_SOC_DONE = 2,
	NPU_SOC_FAULT = 3,
	NPU_SOC_STOPPED = 4,
	NPU_SOC_YIELDED = 5, /* tiles only: the share is kept for RESUME */
};

#endif /* NPU_SOC_H */
