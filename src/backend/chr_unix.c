/* A listening Unix socket as a console, one client at a time. See chr.h.
 *
 * A second client waits in the listen queue until the first has gone. The socket file is ours from
 * bind to the end; one left over by a process that died is recognised by nobody listening on it.
 */
#include "backend/chr_int.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct chr_unix {
    struct chr_host host;
    int server;
    bool bound;
    struct sockaddr_un addr;
};

static struct chr_unix *to_unix(struct chr_host *h)
{
    return (struct chr_unix *)(void *)h;
}

static void unix_accept(struct chr_host *h)
{
    int fd = accept4(to_unix(h)->server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return; /* the client left again, or descriptors are short: it stays in the queue */
    h->in_fd = h->out_fd = fd;
    h->listen_fd = -1;
    atomic_store(&h->connected, true);
}

static void unix_disconnect(struct chr_host *h, int code)
{
    (void)code; /* however the client went, the next one may come */
    close(h->in_fd);
    h->in_fd = h->out_fd = -1;
    h->listen_fd = to_unix(h)->server;
    atomic_store(&h->connected, false);
}

static void unix_fini(struct chr_host *h)
{
    struct chr_unix *u = to_unix(h);
    if (h->in_fd >= 0)
        close(h->in_fd);
    if (u->bound)
        unlink(u->addr.sun_path);
    if (u->server >= 0)
        close(u->server);
}

static const struct chr_kind unix_kind = {
    .accept = unix_accept,
    .input_ended = unix_disconnect,
    .output_failed = unix_disconnect,
    .fini = unix_fini,
};

/* Removes a socket file that nobody listens on. */
static int remove_stale(const struct chr_unix *u, struct err *e)
{
    struct stat st;
    const char *path = u->addr.sun_path;
    if (lstat(path, &st))
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, EEXIST, "console socket '%s': the file exists and is not a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(e, errno, "console socket '%s': %s", path, strerror(errno));
    bool refused = connect(fd, (const struct sockaddr *)&u->addr, sizeof(u->addr)) &&
                   errno == ECONNREFUSED;
    close(fd);
    if (!refused)
        return err_set(e, EADDRINUSE, "console socket '%s' is in use by another process", path);
    if (unlink(path))
        return err_set(e, errno, "console socket '%s': %s", path, strerror(errno));
    return 0;
}

static int unix_listen(struct chr_unix *u, const char *path, struct err *e)
{
    if (strlen(path) >= sizeof(u->addr.sun_path))
        return err_set(e, ENAMETOOLONG, "console socket '%s': the path is longer than %zu bytes",
                       path, sizeof(u->addr.sun_path) - 1);
    u->addr.sun_family = AF_UNIX;
    memcpy(u->addr.sun_path, path, strlen(path) + 1);
    int r = remove_stale(u, e);
    if (r)
        return r;
    u->server = fault_point("chr_socket")
                    ? (errno = EMFILE, -1)
                    : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (u->server >= 0)
        u->bound = !bind(u->server, (const struct sockaddr *)&u->addr, sizeof(u->addr));
    if (!u->bound || listen(u->server, 8))
        return err_set(e, errno, "console socket '%s': %s", path, strerror(errno));
    return 0;
}

int chr_unix_create(const char *path, const struct chr_owner *owner, struct chr **out,
                    struct err *e)
{
    struct chr_host *h = chr_host_alloc(sizeof(struct chr_unix), &unix_kind, owner, e);
    if (!h)
        return -ENOMEM;
    struct chr_unix *u = to_unix(h);
    u->server = -1;
    snprintf(h->what, sizeof(h->what), "console socket '%s'", path);
    int r = unix_listen(u, path, e);
    if (!r) {
        h->listen_fd = u->server;
        h->out_is_socket = true;
        atomic_store(&h->drop_oldest_unconnected, true);
        r = chr_host_start(h, e);
    }
    if (r) {
        chr_host_free(h);
        return r;
    }
    *out = &h->chr;
    return 0;
}
