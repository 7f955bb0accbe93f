/* Character backends: where the bytes of a serial port or console go in the host.
 *
 * A backend owns one thread and a bounded output buffer. Writing never blocks: it takes what fits,
 * and tells later through write_ready() that there is room again, so a device shows its guest the
 * back-pressure that its hardware has (a full transmit FIFO, a queue that is not consumed). Input
 * is read only when the device says it has room, so nothing typed or piped in is lost.
 *
 * Life: the owner (the board) creates a backend, a device attaches itself, the device detaches when
 * it is destroyed, the owner destroys the backend. Bytes written before attachment are kept.
 */
#ifndef BACKEND_CHR_H
#define BACKEND_CHR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct chr;

/* What a device gives to a backend. All run on the backend's thread, which holds no lock then;
 * they take the device's lock. A device may call chr_write() and chr_rx_ready() with its lock held:
 * neither calls back. */
struct chr_client {
    /* How many bytes the device can take now; 0 stops the reading of input until chr_rx_ready(). */
    size_t (*can_receive)(void *arg);
    /* Hands over input, at most what can_receive() said. */
    void (*receive)(void *arg, const uint8_t *data, size_t len);
    /* After chr_write() took less than it was given: there is room again. May be null. */
    void (*write_ready)(void *arg);
    void *arg;
};

/* What the owner of a backend gives to it; every member may be null. */
struct chr_owner {
    /* The backend cannot go on (reader of a pipe gone, terminal hung up): one line of text. Called
     * once, on the backend's thread. Output is discarded from then on. */
    void (*failed)(void *arg, const struct err *e);
    /* The operator typed Ctrl-A and this key (stdio only; not called for Ctrl-A Ctrl-A). */
    void (*command)(void *arg, char key);
    void *arg;
};

struct chr_ops {
    /* Queues up to len bytes; returns how many were taken. Never blocks, never calls back. @any */
    size_t (*write)(struct chr *c, const void *data, size_t len);
    /* can_receive() may have become nonzero. Never calls back. @any */
    void (*rx_ready)(struct chr *c);
    /* Connects a client and starts the thread. @any */
    int (*attach)(struct chr *c, const struct chr_client *client, struct err *e);
    /* Disconnects it: afterwards no callback of the client runs or will run. Without the client's
     * lock held. @any but the backend's thread */
    void (*detach)(struct chr *c);
    /* Columns and rows of the terminal behind it; false when unknown. @any */
    bool (*size)(struct chr *c, uint16_t *cols, uint16_t *rows);
    /* Flushes output (bounded wait), stops the thread, frees everything. @stopped */
    void (*destroy)(struct chr *c);
};

struct chr {
    const struct chr_ops *ops;
};

/* Bytes that chr_write() can hold before it takes less than it is given. */
#define CHR_BUFFER_BYTES 65536

static inline size_t chr_write(struct chr *c, const void *data, size_t len)
{
    return c->ops->write(c, data, len);
}

static inline void chr_rx_ready(struct chr *c)
{
    c->ops->rx_ready(c);
}

static inline int MUST_CHECK chr_attach(struct chr *c, const struct chr_client *client,
                                        struct err *e)
{
    return c->ops->attach(c, client, e);
}

static inline void chr_detach(struct chr *c)
{
    c->ops->detach(c);
}

static inline bool chr_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    return c->ops->size(c, cols, rows);
}

static inline void chr_destroy(struct chr *c)
{
    c->ops->destroy(c);
}

/* The five kinds. Each returns 0 and the backend, or -E... with a text that names the path. @any */

/* Standard input and output. A terminal is put into raw mode (term_raw) and Ctrl-A is the escape
 * key; when standard input is not a terminal, bytes pass as they are, unless `escape_always`. */
int MUST_CHECK chr_stdio_create(bool escape_always, const struct chr_owner *owner,
                                struct chr **out, struct err *e);
/* A new pseudo-terminal, whose slave's path is printed to `announce` (null: not printed). */
int MUST_CHECK chr_pty_create(FILE *announce, const struct chr_owner *owner, struct chr **out,
                              struct err *e);
/* A listening Unix socket; one client at a time. A socket file that nobody listens on is replaced;
 * one in use is an error. The file is removed at the end. Output before a client connects waits in
 * the buffer (the oldest bytes give way). */
int MUST_CHECK chr_unix_create(const char *path, const struct chr_owner *owner, struct chr **out,
                               struct err *e);
/* Output to a file, truncated first. A full disk is reported once and the bytes are dropped. */
int MUST_CHECK chr_file_create(const char *path, const struct chr_owner *owner, struct chr **out,
                               struct err *e);
/* Output is dropped, input never comes. */
int MUST_CHECK chr_null_create(struct chr **out, struct err *e);

/* Same as chr_stdio_create with given descriptors (which stay the caller's); for tests. */
int MUST_CHECK chr_stdio_create_fds(int in_fd, int out_fd, bool escape_always,
                                    const struct chr_owner *owner, struct chr **out,
                                    struct err *e);

#endif
