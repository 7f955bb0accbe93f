/* Choosing an engine by name. */
#ifndef ENGINE_ENGINES_H
#define ENGINE_ENGINES_H

#include "vm/engine.h"

/* Finds the engine called `name`, or the fastest one that works here for "auto". -EINVAL lists the
 * names. @any */
int MUST_CHECK engine_find(const char *name, const struct engine_ops **out, struct err *e);

/* Reads "NAME[,stress=KNOB[+KNOB...]]", as --engine has it: the engine and its stress knobs; the
 * rest of *config stays. -EINVAL says what would be right. @any */
int MUST_CHECK engine_parse(const char *text, const struct engine_ops **out,
                            struct engine_config *config, struct err *e);

#endif
