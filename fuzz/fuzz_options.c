/* The command line of `sojourn run`. Input: arguments, one per line. A refusal has a text of one
 * line; what is accepted keeps the limits that the rest of the program relies on. */
#include "base/check.h"
#include "board/virt_map.h"
#include "cmd/options.h"
#include "input.h"

#include <stdlib.h>

#define MAX_ARGS 48

static void check_accepted(const struct run_options *o)
{
    CHECK(o->kernel && o->engine && o->cpus == 1);
    CHECK(o->memory_bytes >= 4u << 20 && o->memory_bytes <= VIRT_RAM_MAX_BYTES);
    CHECK(o->memory_bytes % 4096 == 0);
    CHECK(o->disk_count <= OPT_MAX_DISKS && o->net_count <= OPT_MAX_NETS);
    for (unsigned i = 0; i < o->disk_count; i++) {
        CHECK(o->disks[i].path[0] && strlen(o->disks[i].path) < OPT_PATH_MAX);
        CHECK(strlen(o->disks[i].serial) <= 20 && !(o->disks[i].readonly && o->disks[i].ephemeral));
    }
    for (unsigned i = 0; i < o->net_count; i++) {
        CHECK(o->nets[i].forward_count <= OPT_MAX_FORWARDS && !(o->nets[i].mac[0] & 1));
        for (unsigned f = 0; f < o->nets[i].forward_count; f++)
            CHECK(o->nets[i].forwards[f].host_port && o->nets[i].forwards[f].guest_port);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[MAX_ARGS + 1], *text = malloc(size + 1);
    int argc = 0;
    CHECK(text);
    memcpy(text, data, size);
    text[size] = 0;
    for (char *p = text; argc < MAX_ARGS;) {
        argv[argc++] = p;
        p += strcspn(p, "\n");
        if (!*p)
            break;
        *p++ = 0;
    }
    argv[argc] = NULL;
    struct run_options o;
    struct err e = {0};
    int r = run_options_parse(&o, argc, argv, &e);
    CHECK(r ? r == -e.code && e.text[0] && strlen(e.text) < ERR_TEXT_MAX : true);
    if (!r)
        check_accepted(&o);
    run_options_fini(&o);
    free(text);
    return 0;
}
