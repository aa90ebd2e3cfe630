# SPDX-License-Identifier: MIT
# Tests of libnpurt: test_runtime_*.c, linked to the library's insides. Kernels that they load are
# compiled by npucc from runtime/.
runtime := $(abspath ../../runtime)
runtime_out := $(O)/runtime
runtime_libs := $(shell pkg-config --libs libdrm libudev libelf libdw)
runtime_kernels := $(patsubst runtime/%.npu.c,$(runtime_out)/%.elf,$(wildcard runtime/*.npu.c))

# The core is built once, for its own tests and for the sim backend.
$(runtime_out)/obj/libnpurt.a: FORCE | $(O)/core/libnpucore.a
	@$(MAKE) --no-print-directory -s -C $(runtime) O=$(runtime_out) CFLAGS='$(CFLAGS) $(sanitize)' \
		LDFLAGS='$(sanitize)' FIRMWARE=$(firmware) CORE_O=$(O)/core \
		CORE_FLAGS='$(sanitize)' $@ tools device examples

$(runtime_kernels): $(runtime_out)/%.elf: runtime/%.npu.c $(runtime_out)/obj/libnpurt.a
	$(runtime_out)/bin/npucc -std=c11 -Wall -Wextra -ffile-prefix-map=$(here)=. -o $@ $<

# Those of the kselftests fail in every way there is.
$(runtime_out)/fault_kernels.elf: ../kselftest/kernels/fault_kernels.c \
		../kselftest/kernels/fault_kernels.h $(runtime_out)/obj/libnpurt.a
	$(runtime_out)/bin/npucc -std=gnu11 -Wall -Wextra -o $@ $<

$(O)/test_runtime_%.o: ALL_CFLAGS += -D_GNU_SOURCE -I$(runtime)/include -I$(runtime)/lib \
	-Iruntime -I$(abspath ../kselftest/kernels) -DRUNTIME_OUT='"$(runtime_out)"' \
	-DFIRMWARE='"$(firmware)"' $(shell pkg-config --cflags libdrm)

$(O)/test_runtime_%: $(O)/test_runtime_%.o $(runtime_out)/obj/libnpurt.a $(runtime_kernels) \
		$(runtime_out)/fault_kernels.elf $(O)/libsupport.a
	$(CC) $(sanitize) $(CFLAGS) $< $(runtime_out)/obj/libnpurt.a $(O)/libsupport.a \
		$(O)/core/libnpucore.a -o $@ \
		$(runtime_libs) -lm -lpthread
