/* The process's terminal in raw mode, and back on every way out. */
#ifndef BACKEND_TERM_H
#define BACKEND_TERM_H

#include "base/err.h"

/* Puts terminal `fd` into raw mode (output processing stays on, so that our own messages look
 * right), remembers how it was, and arranges for term_restore() at exit and when a fault (SIGSEGV,
 * SIGABRT and the like, where still at their default action) ends the process. -EBUSY when a
 * terminal is raw already; -errno. Main thread */
int MUST_CHECK term_raw(int fd, struct err *e);

/* Puts it back, if it is raw. Async-signal-safe, for the handlers of SIGTERM and others. @any */
void term_restore(void);

#endif
