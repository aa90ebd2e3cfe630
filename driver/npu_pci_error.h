/* SPDX-License-Identifier: GPL-2.0-only */
/* What the PCI core does about errors and resets. */
#ifndef NPU_PCI_ERROR_H
#define NPU_PCI_ERROR_H

#include <linux/pci.h>

struct npu_device;

extern const struct pci_error_handlers npu_pci_error_handlers;

int npu_pci_save_config(struct npu_device *npu);
void npu_pci_restore_config(struct npu_device *npu);
bool npu_pci_may_return(struct pci_dev *pdev);

#endif /* NPU_PCI_ERROR_H */
