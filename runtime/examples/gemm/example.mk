# SPDX-License-Identifier: MIT
PROGRAMS += $(O)/bin/npu-gemm
DATA += $(O)/share/npu/gemm.elf

$(O)/bin/npu-gemm: $(addprefix examples/gemm/,npu_gemm.c blocking.c blocking.h gemm.h) \
		include/npurt.h $(O)/lib/libnpurt.so
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(LINK_LIB) -lm

$(O)/share/npu/gemm.elf: examples/gemm/gemm.npu.c examples/gemm/gemm.h $(DEVICE)
	@mkdir -p $(@D)
	$(NPUCC) -std=c11 -Wall -Wextra -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=. -o $@ $<
