/* SPDX-License-Identifier: MIT */
#include "link.h"

#include "dev.h"
#include "model.h"

/* Chiplets that lie between the two, going upwards round the ring. */
static unsigned int upwards(const struct npu_dev *dev, unsigned int from, unsigned int to)
{
	const unsigned int count = dev->config.chiplets, tiles = dev->config.tiles_per_chiplet;

	return (to / tiles + count - from / tiles) % count;
}

unsigned int link_hops(const struct npu_dev *dev, unsigned int from, unsigned int to)
{
	const unsigned int up = upwards(dev, from, to), down = dev->config.chiplets - up;

	return up < down ? up : down;
}

uint64_t link_latency(const struct npu_dev *dev, unsigned int from, unsigned int to)
{
	return NPU_MODEL_TILE_PORT_LATENCY +
	       (uint64_t)link_hops(dev, from, to) * NPU_MODEL_CHIPLET_LATENCY;
}

unsigned int link_tree(const struct npu_dev *dev, unsigned int from, uint64_t to)
{
	unsigned int most_up = 0, most_down = 0;

	for (unsigned int tile = 0; tile < dev->tiles; tile++) {
		const unsigned int up = upwards(dev, from, tile), down = dev->config.chiplets - up;

		if (!(to >> tile & 1))
			continue;
		if (up <= down && up > most_up)
			most_up = up;
		else if (up > down && down > most_down)
			most_down = down;
	}
	return most_up + most_down;
}

uint64_t link_transfer(const struct npu_dev *dev, uint64_t bytes, uint64_t far)
{
	const unsigned int others = dev->config.chiplets - 1;
	const uint64_t port = npu_model_transfer(bytes, NPU_MODEL_TILE_PORT_BYTES);
	const uint64_t ring = npu_model_transfer(far * dev->config.tiles_per_chiplet * others,
						 NPU_MODEL_CHIPLET_BYTES);

	return port > ring ? port : ring;
}
