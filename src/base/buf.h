/* A growing byte buffer. Zero-initialise, append, buf_fini(). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* owned; null while empty */
    size_t len;
    size_t cap;
};

/* Appends n bytes; -ENOMEM leaves the buffer as it was. @any */
int MUST_CHECK buf_append(struct buf *b, const void *p, size_t n);

/* Frees the storage and empties the buffer. @any */
void buf_fini(struct buf *b);

/* Bytes somebody else made, taken from the front. */
struct buf_reader {
    const uint8_t *p;
    size_t left;
};

/* The next n bytes, or null when there are fewer (nothing is taken then). @any */
static inline const uint8_t *buf_take(struct buf_reader *r, size_t n)
{
    if (n > r->left)
        return NULL;
    const uint8_t *p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

/* Reads a whole file of at most `max` bytes; -E... names the file in e. @any */
int MUST_CHECK buf_read_file(struct buf *b, const char *path, size_t max, struct err *e);

#endif
