# SPDX-License-Identifier: MIT
# Tests of the digits example's readers, kept files and integer reference: a program of its own in
# runtime/examples/digits, which is told where those files are.
digits := $(abspath ../../runtime/examples/digits)

all: $(O)/test_digits

$(O)/digits/digits-test: FORCE
	@$(MAKE) --no-print-directory -s -C $(digits) O=$(O) $@

$(O)/test_digits: $(O)/digits/digits-test digits.mk
	printf '#!/bin/sh\nexec %s %s %s %s\n' '$<' '$(digits)/data/digits-weights.bin' \
		'$(digits)/data/digits-test.bin' '$(O)/digits/test.scratch' >$@
	chmod +x $@
