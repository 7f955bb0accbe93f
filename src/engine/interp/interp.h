/* The interpreter as an engine; see vm/engine.h. */
#ifndef ENGINE_INTERP_INTERP_H
#define ENGINE_INTERP_INTERP_H

#include "vm/engine.h"

extern const struct engine_ops interp_engine;

#endif
