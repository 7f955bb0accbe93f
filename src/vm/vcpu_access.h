/* Guest-virtual memory as a vCPU's current Exception level sees it, for what acts in the guest's
 * place: semihosting, later the debugger.
 */
#ifndef VM_VCPU_ACCESS_H
#define VM_VCPU_ACCESS_H

#include "vm/vcpu.h"

/* Copies len bytes from or to guest-virtual memory with the current translation regime (PAN not
 * applied). Returns how many bytes were copied before the first one that faults or is not RAM; no
 * exception is taken. @vcpu */
size_t vcpu_copy_in(struct vcpu *v, gva_t va, void *dst, size_t len);
size_t vcpu_copy_out(struct vcpu *v, gva_t va, const void *src, size_t len);

#endif
