/* Standard input and output as a console. See chr.h.
 *
 * On a terminal, Ctrl-A is the escape key: Ctrl-A Ctrl-A (or Ctrl-A a) sends one Ctrl-A to the
 * guest, any other key goes to the owner as a command. End of a piped input is not an error: the
 * guest just gets no more. A terminal that hangs up, and a pipe that nobody reads any more, end the
 * backend.
 */
#include "backend/chr_int.h"
#include "backend/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CTRL_A 0x01

struct chr_stdio {
    struct chr_host host;
    bool raw;      /* we put the terminal into raw mode */
    bool escapes;  /* Ctrl-A is special */
    bool escaped;  /* the last byte was Ctrl-A */
    bool in_tty;
};

static struct chr_stdio *to_stdio(struct chr_host *h)
{
    return (struct chr_stdio *)(void *)h;
}

static size_t stdio_filter(struct chr_host *h, uint8_t *data, size_t len)
{
    struct chr_stdio *s = to_stdio(h);
    if (!s->escapes)
        return len;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (!s->escaped) {
            s->escaped = data[i] == CTRL_A;
            if (!s->escaped)
                data[n++] = data[i];
            continue;
        }
        s->escaped = false;
        if (data[i] == CTRL_A || data[i] == 'a')
            data[n++] = CTRL_A;
        else if (h->owner.command)
            h->owner.command(h->owner.arg, (char)data[i]);
    }
    return n;
}

static void stdio_input_ended(struct chr_host *h, int code)
{
    struct chr_stdio *s = to_stdio(h);
    close(h->in_fd);
    h->in_fd = -1;
    h->in_drops = false;
    if (s->in_tty)
        chr_host_failed(h, code ? code : EIO, "the terminal was closed");
}

static void stdio_output_failed(struct chr_host *h, int code)
{
    if (code == EPIPE)
        chr_host_failed(h, code, "closed by its reader");
    else if (code == EIO || code == ENXIO)
        chr_host_failed(h, code, "the terminal was closed");
    else
        chr_host_output_lost(h, code);
}

static void stdio_fini(struct chr_host *h)
{
    if (to_stdio(h)->raw)
        term_restore();
    if (h->in_fd >= 0)
        close(h->in_fd);
    if (h->out_fd >= 0)
        close(h->out_fd);
}

static const struct chr_kind stdio_kind = {
    .filter = stdio_filter,
    .input_ended = stdio_input_ended,
    .output_failed = stdio_output_failed,
    .fini = stdio_fini,
};

/* An own file description of a pipe or terminal, so that O_NONBLOCK is ours alone. */
static int own_output(struct chr_host *h, int fd, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_set(e, errno, "%s: %s", h->what, strerror(errno));
    h->out_is_socket = S_ISSOCK(st.st_mode);
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
        char path[40];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        h->out_fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        h->out_may_block = h->out_fd < 0;
    }
    if (h->out_fd < 0)
        h->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return h->out_fd < 0 ? err_set(e, errno, "%s: %s", h->what, strerror(errno)) : 0;
}

int chr_stdio_create_fds(int in_fd, int out_fd, bool escape_always, const struct chr_owner *owner,
                         struct chr **out, struct err *e)
{
    struct chr_host *h = chr_host_alloc(sizeof(struct chr_stdio), &stdio_kind, owner, e);
    if (!h)
        return -ENOMEM;
    struct chr_stdio *s = to_stdio(h);
    snprintf(h->what, sizeof(h->what), "standard output");
    int r = own_output(h, out_fd, e);
    if (!r) {
        h->in_fd = fcntl(in_fd, F_DUPFD_CLOEXEC, 3); /* a closed standard input is an empty one */
        s->in_tty = h->in_fd >= 0 && isatty(h->in_fd);
        s->escapes = s->in_tty || escape_always;
        h->in_drops = s->in_tty;
        atomic_store(&h->connected, true);
        if (s->in_tty) {
            r = term_raw(h->in_fd, e);
            s->raw = r == 0;
        }
    }
    if (!r)
        r = chr_host_start(h, e);
    if (r) {
        chr_host_free(h);
        return r;
    }
    *out = &h->chr;
    return 0;
}

int chr_stdio_create(bool escape_always, const struct chr_owner *owner, struct chr **out,
                     struct err *e)
{
    return chr_stdio_create_fds(STDIN_FILENO, STDOUT_FILENO, escape_always, owner, out, e);
}
