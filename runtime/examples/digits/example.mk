# SPDX-License-Identifier: MIT
# Part of the runtime's Makefile: the program and its kernels, and its data in a folder beside
# them. Trainer and reference have a Makefile of their own here.
digits_source := $(patsubst %,examples/digits/%.c,digits digits_plan digits_ref digits_model \
	digits_data digits_file)
digits_objects := $(digits_source:%.c=$(O)/obj/%.o)
digits_data := $(patsubst %,$(O)/share/npu/digits/%,digits_kernels.elf digits-weights.bin \
	digits-test.bin LICENSE.mnist)

PROGRAMS += $(O)/bin/digits

examples: $(digits_data)

$(O)/bin/digits: $(digits_objects) $(O)/lib/libnpurt.so
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(digits_objects) $(LINK_LIB)

$(O)/obj/examples/digits/%.o: examples/digits/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/share/npu/digits/digits_kernels.elf: examples/digits/digits_kernels.c \
		examples/digits/digits_kernels.h $(DEVICE)
	@mkdir -p $(@D)
	$(NPUCC) -std=c11 -Wall -Wextra -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=. -o $@ $<

$(O)/share/npu/digits/%: examples/digits/data/%
	@mkdir -p $(@D)
	install -m 644 $< $@

.PHONY: install-digits
install: install-digits
install-digits: $(digits_data)
	install -d $(DESTDIR)$(PREFIX)/share/npu/digits
	install -m 644 $(digits_data) $(DESTDIR)$(PREFIX)/share/npu/digits/

-include $(digits_objects:.o=.d)
