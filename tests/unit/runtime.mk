# SPDX-License-Identifier: MIT
# Tests of libnpurt: test_runtime_*.c, linked to the library's insides. Kernels that they load are
# compiled by npucc from runtime/.
runtime := $(abspath ../../runtime)
runtime_out := $(O)/runtime
runtime_libs := $(shell pkg-config --libs libdrm libudev libelf libdw)
runtime_kernels := $(patsubst runtime/%.npu.c,$(runtime_out)/%.elf,$(wildcard runtime/*.npu.c))

$(runtime_out)/obj/libnpurt.a: FORCE
	@$(MAKE) --no-print-directory -s -C $(runtime) O=$(runtime_out) CFLAGS='$(CFLAGS) $(sanitize)' \
		LDFLAGS='$(sanitize)' $@ tools device

$(runtime_out)/%.elf: runtime/%.npu.c $(runtime_out)/obj/libnpurt.a
	$(runtime_out)/bin/npucc -std=c11 -Wall -Wextra -ffile-prefix-map=$(here)=. -o $@ $<

$(O)/test_runtime_%.o: ALL_CFLAGS += -D_GNU_SOURCE -I$(runtime)/include -I$(runtime)/lib \
	-Iruntime -DRUNTIME_OUT='"$(runtime_out)"' $(shell pkg-config --cflags libdrm)

$(O)/test_runtime_%: $(O)/test_runtime_%.o $(runtime_out)/obj/libnpurt.a $(runtime_kernels)
	$(CC) $(sanitize) $(CFLAGS) $< $(runtime_out)/obj/libnpurt.a -o $@ $(runtime_libs) -lpthread
