/* Raw mode of the process's terminal. See term.h.
 *
 * A terminal belongs to the process, and a signal handler can reach nothing but globals: this file
 * and base/log.c hold the only mutable ones. `raw` is the flag that whoever restores must win, so
 * the exit path, a signal and a fault may all try.
 */
#include "backend/term.h"

#include "base/bits.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct {
    atomic_bool raw, registered;
    int fd;
    struct termios saved;
} term;

/* A background process that sets a terminal is stopped by SIGTTOU, unless that is blocked. */
static int set_attributes(int fd, const struct termios *t)
{
    sigset_t ttou, old;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &ttou, &old);
    int r = tcsetattr(fd, TCSANOW, t) ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

void term_restore(void)
{
    int saved_errno = errno;
    if (atomic_exchange(&term.raw, false))
        (void)set_attributes(term.fd, &term.saved); /* nothing can be done when it is gone */
    errno = saved_errno;
}

static void fault_handler(int sig)
{
    term_restore();
    raise(sig); /* the action was reset to the default (SA_RESETHAND) */
}

static void restore_on_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    for (unsigned i = 0; i < ARRAY_LEN(faults); i++) {
        struct sigaction old, now = {.sa_handler = fault_handler,
                                     .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
        if (!sigaction(faults[i], NULL, &old) && !(old.sa_flags & SA_SIGINFO) &&
            old.sa_handler == SIG_DFL)
            sigaction(faults[i], &now, NULL);
    }
}

int term_raw(int fd, struct err *e)
{
    if (atomic_load(&term.raw))
        return err_set(e, EBUSY, "the terminal is already in use as a console");
    if (tcgetattr(fd, &term.saved))
        return err_set(e, errno, "terminal: %s", strerror(errno));
    term.fd = fd;
    struct termios t = term.saved;
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (!atomic_exchange(&term.registered, true)) {
        atexit(term_restore);
        restore_on_faults();
    }
    atomic_store(&term.raw, true);
    int code = set_attributes(fd, &t);
    if (code) {
        term_restore();
        return err_set(e, code, "terminal: %s", strerror(code));
    }
    return 0;
}
