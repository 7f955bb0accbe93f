/* See engines.h; the rows are in engines.def. */
#include "engine/engines.h"

#include "engine/interp/interp.h"

#include <errno.h>
#include <string.h>

static const struct engine_ops *const engines[] = {
#define ENGINE(name, ops) &ops,
#include "engine/engines.def"
#undef ENGINE
};

#define ENGINE(name, ops) " " name
static const char engine_names[] =
#include "engine/engines.def"
    ;
#undef ENGINE

int engine_find(const char *name, const struct engine_ops **out, struct err *e)
{
    if (!strcmp(name, "auto")) {
        *out = engines[0];
        return 0;
    }
    for (unsigned i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (!strcmp(engines[i]->name, name)) {
            *out = engines[i];
            return 0;
        }
    }
    return err_set(e, EINVAL, "engine '%s' is not in this version; there are: auto%s", name,
                   engine_names);
}
