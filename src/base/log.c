/* See log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level log_max = LOG_WARN;

void log_set_level(enum log_level level)
{
    log_max = level;
}

/* One write(2) per line keeps lines of several threads whole; a closed standard error is nothing
 * we could report anywhere, so the result is deliberately not used. */
static void log_line(const char *who, const char *fmt, va_list ap)
{
    char line[1200];
    int n = snprintf(line, sizeof(line), "sojourn: %s%s", who, *who ? ": " : "");
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
    size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len++] = '\n';
    ssize_t done = write(STDERR_FILENO, line, len);
    (void)done;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
    if (level > log_max)
        return;
    va_list ap;
    va_start(ap, fmt);
    log_line("", fmt, ap);
    va_end(ap);
}

void guest_err(struct guest_err *g, const char *who, const char *fmt, ...)
{
    uint64_t n = __atomic_fetch_add(&g->count, 1, __ATOMIC_RELAXED);
    if (n >= GUEST_ERR_MAX_LINES || log_max < LOG_INFO)
        return;
    va_list ap;
    va_start(ap, fmt);
    log_line(who, fmt, ap);
    va_end(ap);
}
