/* The translator as an engine; see vm/engine.h. It needs x86-64-v3 and has the interpreter inside
 * for all that is not translated. */
#ifndef ENGINE_JIT_JIT_H
#define ENGINE_JIT_JIT_H

#include "vm/engine.h"

extern const struct engine_ops jit_engine;

#endif
