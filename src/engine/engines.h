/* Choosing an engine by name. */
#ifndef ENGINE_ENGINES_H
#define ENGINE_ENGINES_H

#include "vm/engine.h"

/* Finds the engine called `name`, or the fastest one that works here for "auto". -EINVAL lists the
 * names. @any */
int MUST_CHECK engine_find(const char *name, const struct engine_ops **out, struct err *e);

#endif
