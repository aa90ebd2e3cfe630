/* SPDX-License-Identifier: GPL-2.0-only */
/* Binds that wait: a queue per VM. */
#ifndef NPU_BINDQ_H
#define NPU_BINDQ_H

struct drm_file;
struct npu_bind;
struct npu_bindq;
struct npu_syncs;
struct npu_vm;

int npu_bindq_reserve(struct npu_vm *vm);
void npu_bindq_unreserve(struct npu_vm *vm);
int npu_bindq_push(struct npu_bind *bind, struct npu_syncs *syncs, struct drm_file *file);
void npu_bindq_wake(struct npu_bindq *bindq);
void npu_bindq_wait(struct npu_bindq *bindq, unsigned long deadline);
void npu_bindq_put(struct npu_bindq *bindq);

#endif /* NPU_BINDQ_H */
