/* See err.h. The text is truncated, never overflown: an error about a very long path is still an
 * error line. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts quote names that anybody chose: keeps them one line and free of terminal commands. */
static void err_clean(struct err *e)
{
    for (char *p = e->text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e)
        return -code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    err_clean(e);
    e->code = code;
    return -code;
}

int err_add(struct err *e, const char *fmt, ...)
{
    if (!e)
        return -EIO;
    char prefix[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);

    /* prefix + ": " + old text, cut at the end of the buffer */
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used > sizeof(prefix) - 3)
        used = sizeof(prefix) - 3;
    prefix[used++] = ':';
    prefix[used++] = ' ';
    size_t room = sizeof(e->text) - used - 1, old = strlen(e->text);
    memmove(e->text + used, e->text, old < room ? old : room);
    memcpy(e->text, prefix, used);
    e->text[used + (old < room ? old : room)] = 0;
    err_clean(e);
    return -e->code;
}
