/* All vCPUs of a machine on one thread, in turns: with the counted clock and several vCPUs.
 *
 * A turn is a pseudo-random number of instructions of a pseudo-randomly chosen vCPU that has
 * something to do; both come from a seed, so that runs without input are alike to the last bit and
 * another seed is another interleaving. Virtual time is the sum of what all have executed; when all
 * wait it jumps to the next timer. */
#ifndef VM_TURNS_H
#define VM_TURNS_H

#include "vm/clock.h"

struct vm;

struct turns {
    bool on;
    uint64_t random; /* state of the generator */
};

/* Seeds the generator. @stopped */
void turns_seed(struct turns *t, uint64_t seed);

/* Runs the machine until it is to stop; the thread of vCPU 0. */
void turns_run(struct vm *vm);

/* In place of that thread, for tools that compare machines: until `instructions` were executed by
 * all vCPUs together (a turn may end there), an event was posted, or nobody has power. A timer is
 * set, or it may sleep for ever. @stopped */
void turns_run_until(struct vm *vm, uint64_t instructions);

/* Instructions that all vCPUs have executed. @stopped */
uint64_t turns_executed(const struct vm *vm);

#endif
