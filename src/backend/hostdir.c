/* See hostdir.h.
 *
 * Removing and renaming have no RESOLVE_ flags of their own, so the folder that holds the name is
 * opened beneath the root first, and the call gets its last component, which must be a plain name.
 * Files are opened without blocking and then looked at: a FIFO, device or socket that somebody put
 * into the folder is closed again.
 */
#include "backend/hostdir.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_beneath(int dir, const char *name, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? 0644 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do /* EAGAIN: something was renamed during the walk; the kernel asks to try again */
        fd = fault_point("hostdir_openat2") ? (errno = EIO, -1)
                                            : syscall(SYS_openat2, dir, name, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return fd < 0 ? -errno : (int)fd;
}

int hostdir_open(struct hostdir *d, const char *path, struct err *e)
{
    d->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0)
        return err_set(e, errno, "'%s': %s", path, strerror(errno));
    int probe = open_beneath(d->fd, ".", O_PATH | O_DIRECTORY);
    if (probe < 0) {
        hostdir_close(d);
        if (probe == -ENOSYS)
            return err_set(e, ENOSYS, "'%s': files need a Linux kernel with openat2 (5.6 or later)",
                           path);
        return err_set(e, -probe, "'%s': %s", path, strerror(-probe));
    }
    close(probe);
    return 0;
}

void hostdir_close(struct hostdir *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

int hostdir_open_file(const struct hostdir *d, const char *name, int flags)
{
    int fd = open_beneath(d->fd, name, flags | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd;
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EACCES;
    }
    return fd;
}

/* Opens the folder of `name` and returns its descriptor; *last is the plain name in it. */
static int open_parent(const struct hostdir *d, const char *name, const char **last)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(name, '/');
    *last = slash ? slash + 1 : name;
    if (!**last || !strcmp(*last, ".") || !strcmp(*last, ".."))
        return -EINVAL;
    if (!slash)
        return open_beneath(d->fd, ".", O_PATH | O_DIRECTORY);
    if (slash == name)
        return -EXDEV; /* an absolute name */
    size_t n = (size_t)(slash - name);
    if (n >= sizeof(parent))
        return -ENAMETOOLONG;
    memcpy(parent, name, n);
    parent[n] = 0;
    return open_beneath(d->fd, parent, O_PATH | O_DIRECTORY);
}

int hostdir_remove(const struct hostdir *d, const char *name)
{
    const char *last;
    int dir = open_parent(d, name, &last);
    if (dir < 0)
        return dir;
    int r = unlinkat(dir, last, 0) ? -errno : 0;
    close(dir);
    return r;
}

int hostdir_rename(const struct hostdir *d, const char *from, const char *to)
{
    const char *from_last, *to_last;
    int from_dir = open_parent(d, from, &from_last);
    if (from_dir < 0)
        return from_dir;
    int to_dir = open_parent(d, to, &to_last);
    int r = to_dir;
    struct stat st;
    if (to_dir >= 0 && fstatat(from_dir, from_last, &st, AT_SYMLINK_NOFOLLOW))
        r = -errno;
    else if (to_dir >= 0 && S_ISDIR(st.st_mode))
        r = -EISDIR;
    else if (to_dir >= 0)
        r = renameat(from_dir, from_last, to_dir, to_last) ? -errno : 0;
    if (to_dir >= 0)
        close(to_dir);
    close(from_dir);
    return r;
}

ssize_t hostfile_read(int fd, void *data, size_t len)
{
    ssize_t n;
    do
        n = fault_point("hostfile_read") ? (errno = EIO, -1) : read(fd, data, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t hostfile_write(int fd, const void *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = fault_point("hostfile_write")
                        ? (errno = ENOSPC, -1)
                        : write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return (ssize_t)len;
}

int hostfile_seek(int fd, uint64_t offset)
{
    if (offset > INT64_MAX)
        return -EINVAL;
    return lseek(fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

int64_t hostfile_length(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? -errno : (int64_t)st.st_size;
}

void hostfile_close(int fd)
{
    close(fd);
}
