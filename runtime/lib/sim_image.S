/* SPDX-License-Identifier: MIT */
/* The firmware image of the simulated device, as firmware-stub leaves it. */
	.section .note.GNU-stack,"",%progbits
	.section .rodata
	.balign 16
	.globl sim_image
	.hidden sim_image
	.type sim_image, %object
sim_image:
	.incbin "npu/npu_fw.bin"
0:
	.size sim_image, 0b - sim_image
	.balign 8
	.globl sim_image_size
	.hidden sim_image_size
	.type sim_image_size, %object
sim_image_size:
	.quad 0b - sim_image
	.size sim_image_size, 8
