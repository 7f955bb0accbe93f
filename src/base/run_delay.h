/* How long the host let a thread wait for a processor: Linux' scheduler statistics (Documentation/
 * scheduler/sched-stats.rst, /proc/<pid>/schedstat), of use where somebody must account for time
 * that was not his. A read costs a system call that prints three numbers, so it is for slow paths.
 */
#ifndef BASE_RUN_DELAY_H
#define BASE_RUN_DELAY_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens the calling thread's statistics; the descriptor is the caller's to close. -E... when the
 * host's kernel does not keep them. @any */
int MUST_CHECK run_delay_open(struct err *e);

/* Nanoseconds that the thread of run_delay_open() has been runnable without running, since it
 * began. False: they cannot be read; *ns is unchanged. @any */
bool run_delay_read(int fd, uint64_t *ns);

/* The second number of a line of schedstat. False: it is none. Exported for tests. @any */
bool run_delay_parse(const char *line, uint64_t *ns);

#endif
