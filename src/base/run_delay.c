/* See run_delay.h. */
#include "base/run_delay.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATS "/proc/thread-self/schedstat"

int run_delay_open(struct err *e)
{
    int fd = fault_point("run_delay_open") ? -EMFILE : open(STATS, O_RDONLY | O_CLOEXEC);
    int error = fd == -1 ? errno : -fd;
    if (fd < 0)
        return err_set(e, error, "cannot open " STATS ": %s", strerror(error));
    return fd;
}

/* "RUNNING DELAYED SLICES\n" */
bool run_delay_parse(const char *line, uint64_t *ns)
{
    char *end;
    (void)strtoull(line, &end, 10);
    if (end == line || *end != ' ' || end[1] < '0' || end[1] > '9')
        return false;
    const char *second = end + 1;
    uint64_t value = strtoull(second, &end, 10);
    if (*end != ' ')
        return false;
    *ns = value;
    return true;
}

bool run_delay_read(int fd, uint64_t *ns)
{
    char line[96];
    ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
    if (n <= 0)
        return false;
    line[n] = 0;
    return run_delay_parse(line, ns);
}
