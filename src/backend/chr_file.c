/* A file as a console's output, and the console that is nowhere. See chr.h. */
#include "backend/chr_int.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- File ---- */

static void file_output_failed(struct chr_host *h, int code)
{
    if (code == EPIPE) /* the path names a FIFO */
        chr_host_failed(h, code, "closed by its reader");
    else
        chr_host_output_lost(h, code);
}

static void file_fini(struct chr_host *h)
{
    if (h->out_fd >= 0)
        close(h->out_fd);
}

static const struct chr_kind file_kind = {
    .output_failed = file_output_failed,
    .fini = file_fini,
};

int chr_file_create(const char *path, const struct chr_owner *owner, struct chr **out,
                    struct err *e)
{
    struct chr_host *h = chr_host_alloc(sizeof(*h), &file_kind, owner, e);
    if (!h)
        return -ENOMEM;
    snprintf(h->what, sizeof(h->what), "console file '%s'", path);
    h->out_fd = fault_point("chr_open") ? (errno = EMFILE, -1)
                                        : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK |
                                                         O_NOCTTY | O_CLOEXEC, 0666);
    int r = 0;
    if (h->out_fd < 0)
        r = err_set(e, errno, "%s: %s", h->what,
                    errno == ENXIO ? "nobody reads this FIFO" : strerror(errno));
    atomic_store(&h->connected, true);
    if (!r)
        r = chr_host_start(h, e);
    if (r) {
        chr_host_free(h);
        return r;
    }
    *out = &h->chr;
    return 0;
}

/* ---- Null ---- */

static size_t null_write(struct chr *c, const void *data, size_t len)
{
    (void)c;
    (void)data;
    return len;
}

static void null_nothing(struct chr *c)
{
    (void)c;
}

static int null_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    (void)c;
    (void)client;
    (void)e;
    return 0;
}

static bool null_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    (void)c;
    (void)cols;
    (void)rows;
    return false;
}

static void null_destroy(struct chr *c)
{
    free(c);
}

static const struct chr_ops null_ops = {
    .write = null_write,
    .rx_ready = null_nothing,
    .attach = null_attach,
    .detach = null_nothing,
    .size = null_size,
    .destroy = null_destroy,
};

int chr_null_create(struct chr **out, struct err *e)
{
    struct chr *c = fault_point("chr_alloc") ? NULL : calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ENOMEM, "console: out of memory");
    c->ops = &null_ops;
    *out = c;
    return 0;
}
