# SPDX-License-Identifier: MIT
# npu-rv-run, which runs RISC-V test suites, and the programs that test it.
isa := $(abspath ../isa)
isa_programs := $(patsubst $(isa)/programs/%.S,$(O)/isa/%.elf,$(wildcard $(isa)/programs/*.S))

$(O)/isa/npu-rv-run: $(isa)/npu_rv_run.c $(O)/core/libnpucore.a $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $< $(O)/core/libnpucore.a -o $@ -lelf -lm -lpthread

isa_cc := $(RISCV_CC) --target=riscv64-unknown-elf -march=rv64gcv -mcmodel=medany -mno-relax -nostdlib \
	-static -fuse-ld=lld -Wl,--build-id=none

$(O)/isa/%.elf: $(isa)/programs/%.S $(isa)/programs/program.h $(isa)/programs/program.ld $(O)/flags
	@mkdir -p $(@D)
	$(isa_cc) -Wl,-T,$(isa)/programs/program.ld $< -o $@

$(O)/test_isa.o: ALL_CFLAGS += -DISA='"$(isa)"' -DISA_OUT='"$(O)/isa"' -DISA_CC='"$(isa_cc)"'

$(O)/test_isa: $(O)/test_isa.o $(isa)/run-suite $(isa)/random-program $(O)/isa/npu-rv-run $(isa_programs)
	$(CC) $(sanitize) $(CFLAGS) $< -o $@
