/* A new pseudo-terminal as a console. See chr.h.
 *
 * The master reports POLLHUP while nobody has the slave open; that state cannot be waited for, so
 * it is looked at five times a second until somebody comes. The slave is opened and closed once at
 * the start, because Linux reports the hang-up only after a first open.
 */
#include "backend/chr_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_MS 200

struct chr_pty {
    struct chr_host host;
    int master;
};

static struct chr_pty *to_pty(struct chr_host *h)
{
    return (struct chr_pty *)(void *)h;
}

static int pty_prepare(struct chr_host *h)
{
    struct chr_pty *p = to_pty(h);
    struct pollfd look = {p->master, 0, 0};
    bool open = poll(&look, 1, 0) >= 0 && !(look.revents & POLLHUP);
    atomic_store(&h->connected, open);
    h->in_fd = open ? p->master : -1;
    return open ? -1 : LOOK_MS;
}

static void pty_input_ended(struct chr_host *h, int code)
{
    (void)code; /* EIO: the slave was closed; pty_prepare() sees it */
    h->in_fd = -1;
    atomic_store(&h->connected, false);
}

static void pty_output_failed(struct chr_host *h, int code)
{
    if (code == EIO)
        atomic_store(&h->connected, false);
    else
        chr_host_output_lost(h, code);
}

static void pty_fini(struct chr_host *h)
{
    if (to_pty(h)->master >= 0)
        close(to_pty(h)->master);
}

static const struct chr_kind pty_kind = {
    .prepare = pty_prepare,
    .input_ended = pty_input_ended,
    .output_failed = pty_output_failed,
    .fini = pty_fini,
};

/* Raw mode, so that the guest's terminal layer is the only one. */
static int pty_open(struct chr_pty *p, char *path, size_t bytes, struct err *e)
{
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) || unlockpt(p->master) ||
        ptsname_r(p->master, path, bytes))
        return err_set(e, errno, "console pty: %s", strerror(errno));
    int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return err_set(e, errno, "console pty '%s': %s", path, strerror(errno));
    struct termios t;
    if (!tcgetattr(slave, &t)) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    close(slave);
    return 0;
}

int chr_pty_create(FILE *announce, const struct chr_owner *owner, struct chr **out, struct err *e)
{
    struct chr_host *h = chr_host_alloc(sizeof(struct chr_pty), &pty_kind, owner, e);
    if (!h)
        return -ENOMEM;
    struct chr_pty *p = to_pty(h);
    p->master = -1;
    char path[128];
    int r = pty_open(p, path, sizeof(path), e);
    if (!r) {
        snprintf(h->what, sizeof(h->what), "console pty '%s'", path);
        h->out_fd = p->master;
        atomic_store(&h->drop_oldest_unconnected, true);
        r = chr_host_start(h, e);
    }
    if (r) {
        chr_host_free(h);
        return r;
    }
    if (announce) {
        fprintf(announce, "sojourn: console is %s\n", path);
        fflush(announce);
    }
    *out = &h->chr;
    return 0;
}
