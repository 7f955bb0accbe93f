/* The state of a machine as two numbers, for comparing runs: equal machines have equal ones. */
#ifndef VM_VM_HASH_H
#define VM_VM_HASH_H

#include "base/err.h"

#include <stdint.h>

struct vm;

/* Of everything but RAM: what vm_save() saves, with counters that are brought up to date when they
 * are looked at brought up to date first, and the interrupt lines. @stopped */
int MUST_CHECK vm_hash_state(struct vm *vm, uint64_t *hash, struct err *e);

/* Of RAM: the sum of the hashes of its pages. @stopped */
uint64_t vm_hash_ram(const struct vm *vm);

/* What one page contributes to that sum; 0 for a page of zeros, so that what was never touched
 * needs no look. @any */
uint64_t vm_hash_page(uint64_t page, const void *bytes);

#endif
