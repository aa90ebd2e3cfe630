// SPDX-License-Identifier: MIT
/*
 * Compressed instructions: what each expands to against the assembler (guest/compressed.S), and the
 * encodings that must be illegal against the tables of the C extension.
 */
#include <stdint.h>
#include <string.h>

#include "rv_box.h"
#include "rv_internal.h"
#include "tap.h"

BOX_GUEST(compressed);

/* True if the RV64 tables of the C extension, with D, reserve the encoding; read off them. */
static bool reserved(unsigned int c)
{
	unsigned int quadrant = c & 3, funct3 = c >> 13, rd = c >> 7 & 31, low = c >> 2 & 31;
	bool bit12 = c >> 12 & 1;

	if (quadrant == 0)
		/* zero (c.addi4spn of nothing, all zeros), and the row that later extensions took */
		return funct3 == 4 || (funct3 == 0 && (c & 0x1fe0) == 0);
	if (quadrant == 1) {
		if (funct3 == 1)
			return rd == 0;
		if (funct3 == 3)
			return !bit12 && low == 0;
		/* c.subw and c.addw have two neighbours that do not exist */
		return funct3 == 4 && (c & 0x1c00) == 0x1c00 && (c & 0x40);
	}
	if (funct3 == 2 || funct3 == 3)
		return rd == 0;
	return funct3 == 4 && !bit12 && rd == 0 && low == 0;
}

int main(void)
{
	const uint8_t *p = guest_compressed;
	unsigned int pairs = 0, wrong = 0, seen = 0, illegal = 0;
	static bool known[65536];
	bool good = true;

	for (;; p += 8, pairs++) {
		uint16_t c;
		uint32_t full, got;

		memcpy(&c, p, 2);
		memcpy(&full, p + 4, 4);
		if (c == 0 && full == 0)
			break;
		known[c] = true;
		got = rv_expand(c);
		if (got != full && wrong++ < 5)
			tap_diag("%04x expands to %08x, not %08x", c, got, full);
	}
	tap_ok(wrong == 0, "%u pairs expand to what the assembler says", pairs);
	for (unsigned int c = 0; c < 65536; c++) {
		if ((c & 3) == 3)
			continue;
		seen += known[c];
		illegal += rv_expand((uint16_t)c) == 0;
		if ((rv_expand((uint16_t)c) == 0) != reserved(c)) {
			tap_diag("%04x should%s be illegal", c, reserved(c) ? "" : " not");
			good = false;
		}
		if (known[c] && reserved(c))
			good = false;
	}
	tap_ok(good, "the %u reserved encodings are illegal, no other", illegal);
	tap_ok(seen > 3500, "a good part of all encodings was seen (%u)", seen);
	return tap_done();
}
