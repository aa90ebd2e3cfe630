# SPDX-License-Identifier: MIT
PROGRAMS += $(O)/bin/npu-gang-gemm
DATA += $(O)/share/npu/gang_gemm.elf

$(O)/bin/npu-gang-gemm: $(addprefix examples/gang_gemm/,npu_gang_gemm.c gang_gemm.h) \
		include/npurt.h $(O)/lib/libnpurt.so
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(LINK_LIB)

$(O)/share/npu/gang_gemm.elf: $(addprefix examples/gang_gemm/,gang_gemm.npu.c gang_gemm.h) $(DEVICE)
	@mkdir -p $(@D)
	$(NPUCC) -std=c11 -Wall -Wextra -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=. -o $@ $<
