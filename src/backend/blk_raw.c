/* Raw image files and block devices. See blk.h.
 *
 * Sharing. A whole-file open-file-description lock (fcntl(2), F_OFD_SETLK) is held while the image
 * is open: exclusive for writers, shared otherwise. It conflicts with the byte locks other monitors
 * take on images, and goes away with the process however that ends. A file system without locks
 * gives a warning, not an error.
 *
 * Durability. Data goes through the host's page cache; flush is fdatasync(2), a durable write is
 * RWF_DSYNC. The first failure of each kind is told to the operator, since a guest reports it, if
 * at all, where nobody looks; every failure is told to the guest.
 *
 * Rejected: O_DIRECT. It needs alignment that guests' buffers do not promise, and gains little
 * where the image is in the page cache anyway.
 */
#include "backend/blk.h"

#include "base/bits.h"
#include "base/fault.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u
#define ZERO_CHUNK 65536u

struct blk_raw {
    struct blk blk;
    int fd;
    bool device; /* a block device, not a file */
    char *path;
    atomic_uint reported; /* one bit per errno value told to the operator; bit 0: above 30 */
    atomic_bool no_discard, no_zero_range;
};

static struct blk_raw *to_raw(struct blk *b)
{
    return CONTAINER_OF(b, struct blk_raw, blk);
}

/* ---- Transfers ---- */

/* Drops the first `done` bytes of an iovec array. */
static void iov_advance(struct iovec **iov, int *n, size_t done)
{
    while (*n && done >= (*iov)->iov_len) {
        done -= (*iov)->iov_len;
        (*iov)++;
        (*n)--;
    }
    if (*n) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + done;
        (*iov)->iov_len -= done;
    }
}

int blk_fd_read(int fd, struct iovec *iov, int n, uint64_t offset)
{
    iov_advance(&iov, &n, 0);
    while (n) {
        ssize_t r = fault_point("blk_preadv")
                        ? (errno = EIO, -1)
                        : preadv(fd, iov, n < IOV_MAX ? n : IOV_MAX, (off_t)offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -EIO;
        offset += (uint64_t)r;
        iov_advance(&iov, &n, (size_t)r);
    }
    return 0;
}

int blk_fd_write(int fd, struct iovec *iov, int n, uint64_t offset, bool durable)
{
    int flags = durable ? RWF_DSYNC : 0;
    iov_advance(&iov, &n, 0);
    while (n) {
        ssize_t r = fault_point("blk_pwritev")
                        ? (errno = ENOSPC, -1)
                        : pwritev2(fd, iov, n < IOV_MAX ? n : IOV_MAX, (off_t)offset, flags);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && errno == EOPNOTSUPP && flags) { /* a file system without the flag */
            flags = 0;
            continue;
        }
        if (r <= 0)
            return r < 0 ? -errno : -EIO;
        offset += (uint64_t)r;
        iov_advance(&iov, &n, (size_t)r);
    }
    return durable && !flags && fdatasync(fd) ? -errno : 0;
}

/* Tells the operator the first time; returns r. */
static int raw_report(struct blk_raw *b, int r, const char *what)
{
    if (r >= 0)
        return r;
    unsigned seen = 1u << (unsigned)(-r < 31 ? -r : 0);
    if (!(atomic_fetch_or(&b->reported, seen) & seen))
        log_error("disk '%s': %s failed: %s; the guest sees an I/O error", b->path, what,
                  strerror(-r));
    return r;
}

static int raw_read(struct blk *blk, struct iovec *iov, int n, uint64_t offset)
{
    struct blk_raw *b = to_raw(blk);
    return raw_report(b, blk_fd_read(b->fd, iov, n, offset), "reading");
}

static int raw_write(struct blk *blk, struct iovec *iov, int n, uint64_t offset, bool durable)
{
    struct blk_raw *b = to_raw(blk);
    return raw_report(b, blk_fd_write(b->fd, iov, n, offset, durable), "writing");
}

static int raw_sync(struct blk_raw *b)
{
    if (b->blk.readonly)
        return 0;
    int r = fault_point("blk_fdatasync") ? (errno = EIO, -1) : fdatasync(b->fd);
    return raw_report(b, r ? -errno : 0, "flushing");
}

static int raw_flush(struct blk *blk)
{
    return raw_sync(to_raw(blk));
}

/* ---- Ranges ---- */

static bool unsupported(int code)
{
    return code == EOPNOTSUPP || code == ENOSYS || code == ENOTTY || code == EINVAL;
}

static int range_ioctl(int fd, unsigned long request, uint64_t offset, uint64_t len)
{
    uint64_t range[2] = {offset, len};
    return ioctl(fd, request, range) ? -errno : 0;
}

static int range_fallocate(int fd, int mode, uint64_t offset, uint64_t len)
{
    int r;
    do {
        r = fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) ? -errno : 0;
    } while (r == -EINTR);
    return r;
}

static int raw_discard(struct blk *blk, uint64_t offset, uint64_t len)
{
    struct blk_raw *b = to_raw(blk);
    if (len == 0 || atomic_load(&b->no_discard))
        return 0;
    int r = b->device ? range_ioctl(b->fd, BLKDISCARD, offset, len)
                      : range_fallocate(b->fd, FALLOC_FL_PUNCH_HOLE, offset, len);
    if (r && unsupported(-r)) { /* a hint that the host cannot follow */
        atomic_store(&b->no_discard, true);
        return 0;
    }
    return raw_report(b, r, "discarding");
}

static int write_zero_bytes(struct blk_raw *b, uint64_t offset, uint64_t len)
{
    static const uint8_t zeroes[ZERO_CHUNK];
    while (len) {
        size_t n = len < sizeof(zeroes) ? (size_t)len : sizeof(zeroes);
        ssize_t r = pwrite(b->fd, zeroes, n, (off_t)offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -EIO;
        offset += (uint64_t)r;
        len -= (uint64_t)r;
    }
    return 0;
}

static int raw_zero_range(struct blk_raw *b, uint64_t offset, uint64_t len, bool unmap)
{
    if (len == 0)
        return 0;
    if (!atomic_load(&b->no_zero_range)) {
        int r;
        if (b->device)
            r = range_ioctl(b->fd, BLKZEROOUT, offset, len);
        else if (unmap && !range_fallocate(b->fd, FALLOC_FL_PUNCH_HOLE, offset, len))
            return 0;
        else
            r = range_fallocate(b->fd, FALLOC_FL_ZERO_RANGE, offset, len);
        if (!r || !unsupported(-r))
            return r;
        atomic_store(&b->no_zero_range, true);
    }
    return write_zero_bytes(b, offset, len);
}

static int raw_write_zeroes(struct blk *blk, uint64_t offset, uint64_t len, bool unmap,
                            bool durable)
{
    struct blk_raw *b = to_raw(blk);
    int r = raw_report(b, raw_zero_range(b, offset, len, unmap), "writing zeroes");
    return r || !durable ? r : raw_sync(b);
}

static void raw_destroy(struct blk *blk)
{
    struct blk_raw *b = to_raw(blk);
    if (!blk->readonly && fdatasync(b->fd))
        raw_report(b, -errno, "flushing at the end");
    if (close(b->fd))
        raw_report(b, -errno, "closing");
    free(b->path);
    free(b);
}

/* ---- Opening ---- */

static int raw_lock(struct blk_raw *b, struct err *e)
{
    struct flock lock = {.l_type = b->blk.readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
    if (!fcntl(b->fd, F_OFD_SETLK, &lock))
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return err_set(
            e, EBUSY,
            b->blk.readonly
                ? "disk '%s' is in use: another process is writing to it; stop that first"
                : "disk '%s' is in use by another process; stop that first, or use "
                  "'readonly' or 'ephemeral' in all of them",
            b->path);
    log_warn("disk '%s': cannot be locked (%s): make sure nobody else uses it", b->path,
             strerror(errno));
    return 0;
}

static int raw_size(struct blk_raw *b, const struct stat *st, struct err *e)
{
    b->blk.physical_block = SECTOR;
    b->blk.bytes = (uint64_t)st->st_size;
    if (S_ISBLK(st->st_mode)) {
        unsigned physical = SECTOR;
        b->device = true;
        if (ioctl(b->fd, BLKGETSIZE64, &b->blk.bytes))
            return err_set(e, errno, "disk '%s': cannot find its size: %s", b->path,
                           strerror(errno));
        if (!ioctl(b->fd, BLKPBSZGET, &physical) && physical >= SECTOR)
            b->blk.physical_block = physical;
    } else if (st->st_blksize >= SECTOR && (st->st_blksize & (st->st_blksize - 1)) == 0 &&
               st->st_blksize <= 65536) {
        b->blk.physical_block = (uint32_t)st->st_blksize;
    }
    if (b->blk.bytes == 0)
        return err_set(e, EINVAL, "disk '%s' is empty; give it a size with 'truncate -s 4G %s'",
                       b->path, b->path);
    if (b->blk.bytes % SECTOR)
        return err_set(e, EINVAL,
                       "disk '%s': its size, %llu bytes, is not a multiple of 512: not a complete "
                       "raw image",
                       b->path, (unsigned long long)b->blk.bytes);
    return 0;
}

static int raw_check_format(struct blk_raw *b, struct err *e)
{
    uint8_t head[4] = {0};
    ssize_t n = pread(b->fd, head, sizeof(head), 0);
    if (n < 0)
        return err_set(e, errno, "disk '%s': cannot read: %s", b->path, strerror(errno));
    if (!memcmp(head, "QFI\xfb", 4))
        return err_set(e, EINVAL,
                       "disk '%s' is a qcow2 image; convert it with 'qemu-img convert -O raw'",
                       b->path);
    return 0;
}

static int raw_open_fd(struct blk_raw *b, bool readonly, struct err *e)
{
    int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK; /* a FIFO would block */
    b->fd = fault_point("blk_open") ? (errno = EMFILE, -1) : open(b->path, flags);
    if (b->fd < 0) {
        const char *hint = !readonly && (errno == EACCES || errno == EROFS)
                               ? "; add ',readonly' or ',ephemeral' if it shall not be written"
                               : "";
        return err_set(e, errno, "disk '%s': %s%s", b->path, strerror(errno), hint);
    }
    struct stat st;
    int r;
    if (fstat(b->fd, &st))
        r = err_set(e, errno, "disk '%s': %s", b->path, strerror(errno));
    else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        r = err_set(e, EINVAL, "disk '%s' is neither a file nor a block device", b->path);
    else
        r = raw_size(b, &st, e);
    if (!r)
        r = raw_check_format(b, e);
    if (!r)
        r = raw_lock(b, e);
    if (r)
        close(b->fd);
    return r;
}

static const struct blk_ops raw_ops = {
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .destroy = raw_destroy,
};

int blk_open(const struct blk_config *config, struct blk **out, struct err *e)
{
    struct blk_raw *b = fault_point("blk_alloc") ? NULL : calloc(1, sizeof(*b));
    char *path = b ? strdup(config->path) : NULL;
    if (!path) {
        free(b);
        return err_set(e, ENOMEM, "disk '%s': out of memory", config->path);
    }
    b->path = path;
    b->blk.ops = &raw_ops;
    b->blk.readonly = config->readonly || config->ephemeral;
    int r = raw_open_fd(b, b->blk.readonly, e);
    if (r) {
        free(path);
        free(b);
        return r;
    }
    if (config->ephemeral && !config->readonly)
        return blk_overlay_create(&b->blk, config->temp_folder, out, e);
    *out = &b->blk;
    return 0;
}
