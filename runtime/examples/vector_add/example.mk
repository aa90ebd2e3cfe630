# SPDX-License-Identifier: MIT
PROGRAMS += $(O)/bin/vector_add
DATA += $(O)/share/npu/vector_add.elf

$(O)/bin/vector_add: examples/vector_add/vector_add.c examples/vector_add/vector_add.h \
		include/npurt.h $(O)/lib/libnpurt.so
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(LINK_LIB)

$(O)/share/npu/vector_add.elf: examples/vector_add/vector_add.npu.c \
		examples/vector_add/vector_add.h $(DEVICE)
	@mkdir -p $(@D)
	$(NPUCC) -std=c11 -Wall -Wextra -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=. -o $@ $<
