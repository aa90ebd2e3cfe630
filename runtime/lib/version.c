// SPDX-License-Identifier: MIT
#include "internal.h"

NPURT_EXPORT uint32_t npurt_version(void)
{
	return NPURT_VERSION_MAJOR << 16 | NPURT_VERSION_MINOR << 8 | NPURT_VERSION_PATCH;
}
