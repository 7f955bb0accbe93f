/* What the stress knobs (vm/engine.h) ask of every engine alike, and their names on the command
 * line.
 *
 * A knob makes a path that is rarely taken the usual one: its guest must not notice. So a program
 * that passes without and fails with one has found a bug of an engine, and two machines that differ
 * in knobs only can be compared in lock-step (tools/lockstep). Knobs cost nothing when off: an
 * engine looks at `on` once for each run(), and at single knobs on paths that are slow anyway.
 */
#ifndef ENGINE_STRESS_H
#define ENGINE_STRESS_H

#include "base/err.h"
#include "vm/engine.h"

struct stress {
    struct engine_stress knob;
    bool on;         /* one that the run loop must know of: poll, preempt, flush */
    uint64_t random; /* generator of preempt */
};

/* Takes over the knobs. @stopped */
void stress_init(struct stress *s, const struct engine_stress *knob);

/* How many of `budget` instructions to run before run() returns: with preempt a random number of
 * them, at least 1. @vcpu */
uint64_t stress_budget(struct stress *s, uint64_t budget);

/* Reads "KNOB[+KNOB...]" into *knob. -EINVAL lists the knobs. @any */
int MUST_CHECK stress_parse(const char *text, struct engine_stress *knob, struct err *e);

#endif
