/* See buf.h. */
#include "base/buf.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int buf_reserve(struct buf *b, size_t n)
{
    if (n <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < n)
        cap *= 2;
    uint8_t *p = fault_point("buf_reserve") ? NULL : realloc(b->data, cap);
    if (!p)
        return -ENOMEM;
    b->data = p;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *p, size_t n)
{
    int r = buf_reserve(b, b->len + n);
    if (r)
        return r;
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    return 0;
}

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

static int buf_read_fd(struct buf *b, int fd, const char *path, size_t max, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_set(e, errno, "'%s': %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, EISDIR, "'%s' is a directory", path);
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max)
        return err_set(e, EFBIG, "'%s' is larger than %zu bytes", path, max);
    for (;;) {
        if (buf_reserve(b, b->len + 65536))
            return err_set(e, ENOMEM, "'%s': out of memory", path);
        ssize_t n = fault_point("buf_read") ? (errno = EIO, -1) : read(fd, b->data + b->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, errno, "'%s': %s", path, strerror(errno));
        if (n == 0)
            return 0;
        b->len += (size_t)n;
        if (b->len > max)
            return err_set(e, EFBIG, "'%s' is larger than %zu bytes", path, max);
    }
}

int buf_read_file(struct buf *b, const char *path, size_t max, struct err *e)
{
    int fd = fault_point("buf_open") ? (errno = EIO, -1) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, errno, "'%s': %s", path, strerror(errno));
    int r = buf_read_fd(b, fd, path, max, e);
    close(fd);
    if (r)
        buf_fini(b);
    return r;
}
