/* SPDX-License-Identifier: MIT */
/*
 * Link between tiles: where tiles lie, and what the way between them costs in the model.
 *
 * Tiles of a chiplet meet in its network. Chiplets form a ring, in the order of their numbers; a
 * transfer goes the shorter way round, upwards if both are as long. Multicast goes through a tree:
 * upwards as far as a chiplet needs it, downwards as far, so that each link is crossed at most once.
 *
 * A link between chiplets is divided among all that ever send over it, whether they do or not. With n
 * chiplets, what goes from one up to the next is written by tiles of n / 2 chiplets, that one and those below, and read by
 * tiles of (n - 1) / 2, the next one and those above: in all the tiles of n - 1. Downwards it is the other way round.
 */
#ifndef NPU_LINK_H
#define NPU_LINK_H

#include <stdint.h>

struct npu_dev;

/* Links between chiplets on the way from tile to tile. */
unsigned int link_hops(const struct npu_dev *dev, unsigned int from, unsigned int to);
/* Cycles for the first byte on that way. */
uint64_t link_latency(const struct npu_dev *dev, unsigned int from, unsigned int to);
/* Links between chiplets in the tree from a tile to others, bit per tile; not 0. */
unsigned int link_tree(const struct npu_dev *dev, unsigned int from, uint64_t to);
/*
 * Cycles that a tile's port is taken by bytes in one direction, far of which come from or go to other
 * chiplets.
 */
uint64_t link_transfer(const struct npu_dev *dev, uint64_t bytes, uint64_t far);

#endif /* NPU_LINK_H */
