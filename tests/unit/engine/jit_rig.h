/* The machine of rig.h with the translator, for tests that look at the translator's data. */
#ifndef TESTS_UNIT_ENGINE_JIT_RIG_H
#define TESTS_UNIT_ENGINE_JIT_RIG_H

#include "engine/jit/jit.h"
#include "engine/jit/jit_int.h"
#include "rig.h"

static inline struct rig *jit_rig_create(const struct engine_config *config)
{
    return rig_create_engine(&jit_engine, config, CLOCK_COUNTED, 64 << 20);
}

static inline int jit_rig_tear_down(void **state)
{
    rig_destroy(*state);
    return 0;
}

static inline const struct jit *jit(const struct rig *r)
{
    return r->cpu->engine;
}

#endif
