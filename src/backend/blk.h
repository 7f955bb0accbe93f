/* Block backends: where the sectors of a disk are in the host.
 *
 * Every operation is synchronous, complete (all bytes or an error) and may be called from several
 * threads at once. A backend never extends past `bytes`; callers check ranges first.
 */
#ifndef BACKEND_BLK_H
#define BACKEND_BLK_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct blk;

struct blk_ops {
    /* Move all bytes of iov (which may be modified) from or to `offset`. `durable`: on stable
     * storage when it returns. 0 or -errno. @io */
    int (*read)(struct blk *b, struct iovec *iov, int n, uint64_t offset);
    int (*write)(struct blk *b, struct iovec *iov, int n, uint64_t offset, bool durable);
    /* All completed writes are on stable storage when it returns 0. @io */
    int (*flush)(struct blk *b);
    /* The range's contents are no longer needed. Doing nothing is allowed. @io */
    int (*discard)(struct blk *b, uint64_t offset, uint64_t len);
    /* The range reads as zeroes; its space is given back when `unmap`. @io */
    int (*write_zeroes)(struct blk *b, uint64_t offset, uint64_t len, bool unmap, bool durable);
    /* Frees everything. @stopped */
    void (*destroy)(struct blk *b);
};

struct blk {
    const struct blk_ops *ops;
    uint64_t bytes; /* a multiple of 512 */
    bool readonly;
    uint32_t physical_block; /* bytes, a power of two >= 512 */
};

struct blk_config {
    const char *path;
    bool readonly;
    bool ephemeral; /* writes go to an unlinked temporary file; the image is never changed */
    const char *temp_folder; /* for ephemeral; null: $TMPDIR, or /var/tmp */
};

/* Opens a raw image file or block device. Writers exclude all others, readers and ephemeral users
 * exclude writers, between processes (also QEMU). -E... names file and remedy. @any */
int MUST_CHECK blk_open(const struct blk_config *config, struct blk **out, struct err *e);

static inline void blk_destroy(struct blk *b)
{
    b->ops->destroy(b);
}

/* Reads or writes all of iov at offset of fd, across interruptions and partial transfers. Zero
 * bytes read before the end is -EIO (the file was truncated). iov is modified. For backends. @io */
int blk_fd_read(int fd, struct iovec *iov, int n, uint64_t offset);
int blk_fd_write(int fd, struct iovec *iov, int n, uint64_t offset, bool durable);

/* Puts a copy-on-write layer over `base` (owned afterwards, also on failure). @any */
int MUST_CHECK blk_overlay_create(struct blk *base, const char *temp_folder, struct blk **out,
                                  struct err *e);

#endif
