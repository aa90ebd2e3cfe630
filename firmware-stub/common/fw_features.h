/* SPDX-License-Identifier: MIT */
/* What this firmware can do; the image header and NPU_MSG_READY say the same. */
#ifndef NPU_FW_FW_FEATURES_H
#define NPU_FW_FW_FEATURES_H

#include "npu_fw.h"

#define NPU_FW_FEATURES                                                                       \
	(NPU_FW_FEATURE_QUEUE_STOP | NPU_FW_FEATURE_COUNTERS | NPU_FW_FEATURE_PERF |           \
	 NPU_FW_FEATURE_POWER | NPU_FW_FEATURE_RECOVERY | NPU_FW_FEATURE_CORE_STATE |         \
	 NPU_FW_FEATURE_LOG)

#endif /* NPU_FW_FW_FEATURES_H */
