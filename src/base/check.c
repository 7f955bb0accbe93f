/* See check.h. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "sojourn: internal error: %s:%d: %s\n", file, line, cond);
    abort();
}
