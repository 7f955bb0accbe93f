/* What the character backends share: a thread around poll(2), the output buffer, the client. */
#ifndef BACKEND_CHR_INT_H
#define BACKEND_CHR_INT_H

#include "backend/chr.h"

#include <pthread.h>
#include <stdatomic.h>

#define CHR_INPUT_BYTES 4096

struct chr_host;

/* Where the kinds differ. All run on the backend's thread; any may be null. */
struct chr_kind {
    /* Called before each wait; returns how long to wait at most, in ms (-1: no limit). */
    int (*prepare)(struct chr_host *h);
    /* The listening descriptor has a connection. */
    void (*accept)(struct chr_host *h);
    /* End of input (code 0) or an error. Default: no more input. */
    void (*input_ended)(struct chr_host *h, int code);
    /* Writing failed, not for want of room. Default: host_output_lost(). */
    void (*output_failed)(struct chr_host *h, int code);
    /* Looks at input before it is handed on; returns the new length (in place). */
    size_t (*filter)(struct chr_host *h, uint8_t *data, size_t len);
    /* Closes what the kind opened, the in and out descriptors included; frees `h`'s memory. */
    void (*fini)(struct chr_host *h);
};

struct chr_host {
    struct chr chr;
    const struct chr_kind *kind;
    struct chr_owner owner;
    char what[160]; /* "standard output": for messages */
    /* The thread's own. */
    int in_fd, out_fd, listen_fd; /* -1: none */
    bool out_is_socket, out_may_block; /* how to write without blocking */
    bool in_drops;                     /* a terminal: read on for escapes when nobody takes input */
    bool failed_told, full_told;
    uint8_t input[CHR_INPUT_BYTES]; /* read but not yet taken by the client */
    size_t input_len;
    int wake_fd;
    pthread_t thread;
    atomic_bool quit, woken;
    atomic_bool connected; /* somebody reads the output (else the oldest bytes give way) */
    atomic_bool dead;      /* output is discarded */
    atomic_bool drop_oldest_unconnected;
    /* Output ring. */
    pthread_mutex_t lock;
    uint8_t *out;       /* CHR_BUFFER_BYTES; lock */
    size_t head, count; /* lock */
    bool want_ready;    /* lock; chr_write() took less than it was given */
    /* Held while a callback of the client runs, so that detach can wait. */
    pthread_mutex_t client_lock;
    struct chr_client client; /* client_lock */
};

/* Allocates `bytes` (a structure that begins with struct chr_host) with everything unset. */
struct chr_host *chr_host_alloc(size_t bytes, const struct chr_kind *kind,
                                const struct chr_owner *owner, struct err *e);
/* Starts the thread. On failure the caller calls chr_host_free(). */
int MUST_CHECK chr_host_start(struct chr_host *h, struct err *e);
/* Frees a host whose thread does not run; calls kind->fini. */
void chr_host_free(struct chr_host *h);
/* Tells the owner once that the backend cannot go on; output is discarded from then on. */
void chr_host_failed(struct chr_host *h, int code, const char *text);
/* A full disk and the like: told once, the bytes that could not be written are dropped. */
void chr_host_output_lost(struct chr_host *h, int code);
void chr_host_wake(struct chr_host *h);

#endif
