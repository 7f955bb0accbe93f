/* Messages to the operator on standard error. The only mutable global of the program lives here:
 * the level, set once by the command line before any thread starts.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Sets the most verbose level that is printed (default LOG_WARN). Before threads start. */
void log_set_level(enum log_level level);

/* Prints "sojourn: text\n" in one write when `level` is enabled. @any */
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

/* What a guest does wrong is counted and logged (at LOG_INFO), a bounded number of times per
 * source, so that a hostile guest cannot flood the operator's terminal or disk. */
struct guest_err {
    uint64_t count;
};

#define GUEST_ERR_MAX_LINES 16

/* Counts one misuse by the guest of the device `who` and logs the first few. Relaxed atomic. @any
 */
void guest_err(struct guest_err *g, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
