/* The ephemeral disk: a copy-on-write layer over a read-only backend. See blk.h.
 *
 * Clusters of 64 KiB that the guest wrote live at their own offset in a sparse temporary file which
 * has no name (O_TMPFILE), so it vanishes with the process; a bitmap says which. The first write to
 * part of a cluster copies the rest from the base. Where the temporary folder cannot hold unnamed
 * files, one is created and unlinked at once.
 *
 * One lock covers look-up, copy and transfer: two queues that write into one cluster must not both
 * fill it. Flush has nothing to do, since nothing of this disk outlives the process.
 */
#include "backend/blk.h"
#include "base/bits.h"
#include "base/fault.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLUSTER 65536u
#define MAX_SEGS 1024

struct blk_overlay {
    struct blk blk;
    struct blk *base; /* owned */
    int fd;
    char folder[256];
    pthread_mutex_t lock;
    uint8_t *present; /* one bit per cluster; lock */
    bool reported;    /* lock */
    uint8_t copy[CLUSTER];
    struct iovec part[MAX_SEGS + 1];
};

static struct blk_overlay *to_overlay(struct blk *b)
{
    return CONTAINER_OF(b, struct blk_overlay, blk);
}

static bool present(const struct blk_overlay *o, uint64_t cluster)
{
    return bit(o->present[cluster / 8], cluster % 8);
}

/* The end of the run of clusters from `offset` on that are all present or all absent. */
static uint64_t run_end(const struct blk_overlay *o, uint64_t offset, uint64_t end)
{
    bool first = present(o, offset / CLUSTER);
    uint64_t at = align_down(offset, CLUSTER) + CLUSTER;
    while (at < end && present(o, at / CLUSTER) == first)
        at += CLUSTER;
    return at < end ? at : end;
}

static uint64_t iov_bytes(const struct iovec *iov, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

/* Moves the first `len` bytes of (*iov, *n) to o->part and advances; returns its element count. */
static int take(struct blk_overlay *o, struct iovec **iov, int *n, uint64_t len)
{
    int parts = 0;
    while (len && *n && parts <= MAX_SEGS) {
        struct iovec *v = *iov;
        size_t some = v->iov_len < len ? v->iov_len : (size_t)len;
        o->part[parts++] = (struct iovec){v->iov_base, some};
        v->iov_base = (uint8_t *)v->iov_base + some;
        v->iov_len -= some;
        len -= some;
        if (v->iov_len == 0) {
            (*iov)++;
            (*n)--;
        }
    }
    return parts;
}

static int overlay_read(struct blk *blk, struct iovec *iov, int n, uint64_t offset)
{
    struct blk_overlay *o = to_overlay(blk);
    uint64_t end = offset + iov_bytes(iov, n);
    int r = 0;
    pthread_mutex_lock(&o->lock);
    while (offset < end && !r) {
        uint64_t stop = run_end(o, offset, end);
        int parts = take(o, &iov, &n, stop - offset);
        r = present(o, offset / CLUSTER) ? blk_fd_read(o->fd, o->part, parts, offset)
                                         : o->base->ops->read(o->base, o->part, parts, offset);
        offset = stop;
    }
    pthread_mutex_unlock(&o->lock);
    return r;
}

/* Copies an absent cluster from the base. */
static int fill_cluster(struct blk_overlay *o, uint64_t cluster)
{
    uint64_t at = cluster * CLUSTER;
    size_t len = o->blk.bytes - at < CLUSTER ? (size_t)(o->blk.bytes - at) : CLUSTER;
    struct iovec v = {o->copy, len};
    int r = o->base->ops->read(o->base, &v, 1, at);
    if (r)
        return r;
    v = (struct iovec){o->copy, len};
    return blk_fd_write(o->fd, &v, 1, at, false);
}

/* Makes the clusters of [offset, end) ours; those that will be overwritten entirely need no copy,
 * but become ours only after the write, since until then the temporary file has a hole there. */
static int fill_edges(struct blk_overlay *o, uint64_t offset, uint64_t end)
{
    uint64_t edges[2] = {offset / CLUSTER, (end - 1) / CLUSTER};
    for (int i = 0; i < 2; i++) {
        uint64_t from = edges[i] * CLUSTER, to = from + CLUSTER;
        if (to > o->blk.bytes)
            to = o->blk.bytes;
        if (present(o, edges[i]) || (offset <= from && end >= to))
            continue;
        int r = fill_cluster(o, edges[i]);
        if (r)
            return r;
        o->present[edges[i] / 8] |= (uint8_t)BIT(edges[i] % 8);
    }
    return 0;
}

static int overlay_finish(struct blk_overlay *o, uint64_t offset, uint64_t end, int r)
{
    if (!r) {
        for (uint64_t c = offset / CLUSTER; c <= (end - 1) / CLUSTER; c++)
            o->present[c / 8] |= (uint8_t)BIT(c % 8);
    } else if (!o->reported) {
        o->reported = true;
        log_error("ephemeral disk: a write failed (temporary file in '%s'): %s; the guest sees an "
                  "I/O error",
                  o->folder, strerror(-r));
    }
    return r;
}

static int overlay_write(struct blk *blk, struct iovec *iov, int n, uint64_t offset, bool durable)
{
    struct blk_overlay *o = to_overlay(blk);
    (void)durable;
    uint64_t end = offset + iov_bytes(iov, n);
    if (end == offset)
        return 0;
    pthread_mutex_lock(&o->lock);
    int r = fill_edges(o, offset, end);
    if (!r)
        r = blk_fd_write(o->fd, iov, n, offset, false);
    r = overlay_finish(o, offset, end, r);
    pthread_mutex_unlock(&o->lock);
    return r;
}

static int overlay_flush(struct blk *blk)
{
    (void)blk;
    return 0;
}

static int overlay_discard(struct blk *blk, uint64_t offset, uint64_t len)
{
    (void)blk;
    (void)offset;
    (void)len;
    return 0;
}

static int overlay_write_zeroes(struct blk *blk, uint64_t offset, uint64_t len, bool unmap,
                                bool durable)
{
    struct blk_overlay *o = to_overlay(blk);
    (void)unmap;
    (void)durable;
    if (len == 0)
        return 0;
    uint64_t end = offset + len;
    pthread_mutex_lock(&o->lock);
    int r = fill_edges(o, offset, end);
    /* Holes read as zeroes, and the file is as long as the disk from the start. */
    if (!r &&
        fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len))
        r = -errno;
    r = overlay_finish(o, offset, end, r);
    pthread_mutex_unlock(&o->lock);
    return r;
}

static void overlay_destroy(struct blk *blk)
{
    struct blk_overlay *o = to_overlay(blk);
    o->base->ops->destroy(o->base);
    close(o->fd);
    pthread_mutex_destroy(&o->lock);
    free(o->present);
    free(o);
}

static const struct blk_ops overlay_ops = {
    .read = overlay_read,
    .write = overlay_write,
    .flush = overlay_flush,
    .discard = overlay_discard,
    .write_zeroes = overlay_write_zeroes,
    .destroy = overlay_destroy,
};

static int temp_file(const char *folder, struct err *e)
{
    int fd = fault_point("blk_tmpfile") ? (errno = ENOSPC, -1)
                                        : open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        char name[512];
        snprintf(name, sizeof(name), "%s/sojourn-XXXXXX", folder);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0)
        return err_set(e, errno, "ephemeral disk: cannot create a temporary file in '%s': %s; set "
                       "TMPDIR to a folder with space", folder, strerror(errno));
    return fd;
}

int blk_overlay_create(struct blk *base, const char *temp_folder, struct blk **out, struct err *e)
{
    const char *folder = temp_folder ? temp_folder : getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/var/tmp";
    struct blk_overlay *o = fault_point("blk_overlay") ? NULL : calloc(1, sizeof(*o));
    uint64_t clusters = (base->bytes + CLUSTER - 1) / CLUSTER;
    uint8_t *bitmap = o ? calloc(1, clusters / 8 + 1) : NULL;
    int r = bitmap ? temp_file(folder, e) : err_set(e, ENOMEM, "ephemeral disk: out of memory");
    int fd = r;
    if (r >= 0) {
        r = ftruncate(fd, (off_t)base->bytes)
                ? err_set(e, errno,
                          "ephemeral disk: temporary file in '%s' cannot have %llu bytes: %s",
                          folder, (unsigned long long)base->bytes, strerror(errno))
                : 0;
        if (r)
            close(fd);
    }
    if (r < 0) {
        free(bitmap);
        free(o);
        base->ops->destroy(base);
        return r;
    }
    snprintf(o->folder, sizeof(o->folder), "%s", folder);
    o->base = base;
    o->fd = fd;
    o->present = bitmap;
    o->blk = (struct blk){&overlay_ops, base->bytes, false, base->physical_block};
    pthread_mutex_init(&o->lock, NULL);
    *out = &o->blk;
    return 0;
}
