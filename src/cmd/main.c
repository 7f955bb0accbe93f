/* Entry point: `sojourn VERB ...`. */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
#define VERB(name, summary) {#name, cmd_##name},
#include "cmd/verbs.def"
#undef VERB
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "sojourn: which verb? See 'sojourn help'\n");
        return STATUS_USAGE;
    }
    const char *verb = argv[1];
    if (!strcmp(verb, "--help") || !strcmp(verb, "-h"))
        verb = "help";
    if (!strcmp(verb, "--version") || !strcmp(verb, "-V"))
        verb = "version";
    for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!strcmp(verb, verbs[i].name))
            return verbs[i].run(argc - 2, argv + 2);
    }
    fprintf(stderr, "sojourn: '%s' is not a verb; see 'sojourn help'\n", argv[1]);
    return STATUS_USAGE;
}
