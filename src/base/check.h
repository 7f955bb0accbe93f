/* Assertions about our own code; never about anything a guest, a file or a peer controls.
 *
 * CHECK is always compiled in and ends the process with the place that failed. DCHECK is for debug
 * builds (the makefile sets -DDEBUG_CHECKS=1 in dbg, asan, tsan and fuzz modes). Arguments must be
 * free of side effects.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

/* Prints the place and the condition to standard error and aborts. @any */
void check_failed(const char *file, int line, const char *cond) __attribute__((noreturn, cold));

#define CHECK(cond)                                                                                \
    (__builtin_expect(!!(cond), 1) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))

#if DEBUG_CHECKS
#define DCHECK(cond) CHECK(cond)
#else
#define DCHECK(cond) ((void)sizeof(!(cond)))
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
