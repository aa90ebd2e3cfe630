/* SPDX-License-Identifier: MIT */
/* Numbers of npu_isa.h for assembler, which cannot include it; tiles.c checks that they agree. */
#define TEST_CSR_WG_X 0xcc0
#define TEST_CSR_WG_Y 0xcc1
#define TEST_CSR_WG_Z 0xcc2
#define TEST_CSR_GRID_X 0xcc3
#define TEST_CSR_GRID_Y 0xcc4
#define TEST_CSR_GRID_Z 0xcc5
#define TEST_CSR_TILE 0xcc6
#define TEST_CSR_TILES 0xcc7
#define TEST_CSR_SRAM_SIZE 0xcc8
#define TEST_OPCODE_CUSTOM0 0xb
#define TEST_F3_EXIT 0
#define TEST_F3_DMA 1
#define TEST_F3_MATRIX 2
#define TEST_F3_WAIT 3
#define TEST_F3_POLL 4
#define TEST_F3_SEM_WAIT 5
