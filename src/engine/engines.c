/* See engines.h; the rows are in engines.def. */
#include "engine/engines.h"

#include "engine/interp/interp.h"
#include "engine/jit/jit.h"
#include "engine/stress.h"

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
    for (unsigned i = 0; i < sizeof(engines) / sizeof(engines[0]) && !strcmp(name, "auto"); i++) {
        *out = engines[i];
        if (!engines[i]->missing || !engines[i]->missing())
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

int engine_parse(const char *text, const struct engine_ops **out, struct engine_config *config,
                 struct err *e)
{
    char name[32];
    size_t len = strcspn(text, ",");
    if (len >= sizeof(name))
        return err_set(e, EINVAL, "engine '%.40s' is not in this version; there are: auto%s", text,
                       engine_names);
    memcpy(name, text, len);
    name[len] = 0;
    config->stress = (struct engine_stress){0};
    int r = engine_find(name, out, e);
    while (!r && text[len]) {
        static const char stress[] = "stress=";
        text += len + 1;
        len = strcspn(text, ",");
        if (strncmp(text, stress, sizeof(stress) - 1))
            return err_set(e, EINVAL, "'%.*s' is not stress=KNOB[+KNOB...]", (int)len, text);
        char knobs[200];
        size_t n = len - (sizeof(stress) - 1);
        if (n >= sizeof(knobs))
            return err_set(e, EINVAL, "'%.40s...' is too long", text);
        memcpy(knobs, text + sizeof(stress) - 1, n);
        knobs[n] = 0;
        r = stress_parse(knobs, &config->stress, e);
    }
    return r;
}
