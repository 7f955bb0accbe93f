/* The thread and the buffers behind every character backend. See chr.h and chr_int.h.
 *
 * One poll(2) loop per backend: it waits for input only while there is room for it, for output only
 * while there is some, and for a wake-up. poll and not epoll, because standard input may be a
 * regular file, which epoll refuses.
 *
 * Writing must never block the thread, or Ctrl-A x would not be read while the reader of a pipe
 * sleeps; but O_NONBLOCK belongs to the open file, which we share with the shell that started us.
 * The kinds therefore open their own file description where they can (host descriptors of pipes and
 * terminals through /proc/self/fd), use MSG_DONTWAIT for sockets, and otherwise write small pieces
 * after poll said that there is room (`out_may_block`).
 */
#include "backend/chr_int.h"

#include "base/check.h"
#include "base/evloop.h"
#include "base/fault.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_MS 3000 /* without progress at the end, the rest of the output is given up */
#define SMALL_WRITE 256u

static struct chr_host *to_host(struct chr *c)
{
    return (struct chr_host *)(void *)c;
}

void chr_host_wake(struct chr_host *h)
{
    if (atomic_exchange(&h->woken, true))
        return;
    uint64_t one = 1;
    ssize_t r = write(h->wake_fd, &one, sizeof(one));
    CHECK(r == sizeof(one));
}

void chr_host_failed(struct chr_host *h, int code, const char *text)
{
    atomic_store(&h->dead, true);
    if (h->failed_told)
        return;
    h->failed_told = true;
    struct err e = {0};
    err_set(&e, code, "%s: %s", h->what, text);
    if (h->owner.failed)
        h->owner.failed(h->owner.arg, &e);
    else
        log_error("%s", e.text);
}

void chr_host_output_lost(struct chr_host *h, int code)
{
    if (!h->full_told)
        log_error("%s: %s; console output is being lost", h->what, strerror(code));
    h->full_told = true;
    pthread_mutex_lock(&h->lock);
    h->head = h->count = 0;
    pthread_mutex_unlock(&h->lock);
}

/* ---- Output ---- */

static size_t host_write(struct chr *c, const void *data, size_t len)
{
    struct chr_host *h = to_host(c);
    if (atomic_load(&h->dead))
        return len;
    const uint8_t *p = data;
    size_t taken = 0;
    pthread_mutex_lock(&h->lock);
    bool drop = atomic_load(&h->drop_oldest_unconnected) && !atomic_load(&h->connected);
    while (taken < len) {
        if (h->count == CHR_BUFFER_BYTES) {
            if (!drop)
                break;
            h->head = (h->head + 1) % CHR_BUFFER_BYTES;
            h->count--;
        }
        h->out[(h->head + h->count++) % CHR_BUFFER_BYTES] = p[taken++];
    }
    h->want_ready |= taken < len;
    pthread_mutex_unlock(&h->lock);
    chr_host_wake(h);
    return taken;
}

static ssize_t host_write_fd(struct chr_host *h, const void *p, size_t len)
{
    if (fault_point("chr_write"))
        return errno = ENOSPC, -1;
    if (h->out_is_socket)
        return send(h->out_fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return write(h->out_fd, p, h->out_may_block && len > SMALL_WRITE ? SMALL_WRITE : len);
}

/* Writes one piece. The bytes stay in the ring, at their place, while they are written: only this
 * thread takes bytes out, apart from the dropping of old ones, which needs that nobody reads. */
static void host_flush_piece(struct chr_host *h)
{
    uint8_t piece[4096];
    pthread_mutex_lock(&h->lock);
    size_t n = h->count < sizeof(piece) ? h->count : sizeof(piece);
    size_t first = CHR_BUFFER_BYTES - h->head < n ? CHR_BUFFER_BYTES - h->head : n;
    memcpy(piece, h->out + h->head, first);
    memcpy(piece + first, h->out, n - first);
    pthread_mutex_unlock(&h->lock);
    if (!n)
        return;
    ssize_t r = host_write_fd(h, piece, n);
    if (r < 0) {
        int code = errno;
        if (code == EAGAIN || code == EINTR)
            return;
        if (h->kind->output_failed)
            h->kind->output_failed(h, code);
        else
            chr_host_output_lost(h, code);
        return;
    }
    pthread_mutex_lock(&h->lock);
    size_t done = (size_t)r < h->count ? (size_t)r : h->count;
    h->head = (h->head + done) % CHR_BUFFER_BYTES;
    h->count -= done;
    pthread_mutex_unlock(&h->lock);
}

static size_t host_pending(struct chr_host *h)
{
    pthread_mutex_lock(&h->lock);
    if (atomic_load(&h->dead))
        h->count = 0;
    size_t n = h->count;
    pthread_mutex_unlock(&h->lock);
    return n;
}

/* Tells a client that was refused room, once half of the buffer is free. */
static void host_tell_ready(struct chr_host *h)
{
    pthread_mutex_lock(&h->lock);
    bool tell = h->want_ready && h->count <= CHR_BUFFER_BYTES / 2;
    if (tell)
        h->want_ready = false;
    pthread_mutex_unlock(&h->lock);
    if (!tell)
        return;
    pthread_mutex_lock(&h->client_lock);
    if (h->client.write_ready)
        h->client.write_ready(h->client.arg);
    pthread_mutex_unlock(&h->client_lock);
}

/* ---- Input ---- */

static void host_deliver(struct chr_host *h)
{
    size_t n;
    do {
        pthread_mutex_lock(&h->client_lock);
        size_t room =
            h->input_len && h->client.can_receive ? h->client.can_receive(h->client.arg) : 0;
        n = room < h->input_len ? room : h->input_len;
        if (n)
            h->client.receive(h->client.arg, h->input, n);
        pthread_mutex_unlock(&h->client_lock);
        memmove(h->input, h->input + n, h->input_len - n);
        h->input_len -= n;
    } while (n);
}

static void host_read(struct chr_host *h)
{
    uint8_t data[CHR_INPUT_BYTES];
    size_t room = h->in_drops ? sizeof(data) : sizeof(data) - h->input_len;
    ssize_t n = fault_point("chr_read") ? (errno = EIO, -1) : read(h->in_fd, data, room);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        int code = n < 0 ? errno : 0;
        if (h->kind->input_ended)
            h->kind->input_ended(h, code);
        else
            h->in_fd = -1;
        return;
    }
    size_t len = (size_t)n;
    if (h->kind->filter)
        len = h->kind->filter(h, data, len);
    if (len > CHR_INPUT_BYTES - h->input_len)
        len = CHR_INPUT_BYTES - h->input_len; /* in_drops: like a keyboard's full buffer */
    memcpy(h->input + h->input_len, data, len);
    h->input_len += len;
}

static bool host_wants_input(const struct chr_host *h)
{
    return h->in_fd >= 0 && (h->in_drops || h->input_len < CHR_INPUT_BYTES / 2);
}

/* ---- Thread ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum { FD_WAKE, FD_IN, FD_OUT, FD_LISTEN, FD_COUNT };

static void host_wait(struct chr_host *h, bool quitting)
{
    int timeout = h->kind->prepare ? h->kind->prepare(h) : -1;
    if (quitting && (timeout < 0 || timeout > 100))
        timeout = 100;
    bool out = atomic_load(&h->connected) && host_pending(h);
    struct pollfd p[FD_COUNT] = {
        [FD_WAKE] = {h->wake_fd, POLLIN, 0},
        [FD_IN] = {host_wants_input(h) && !quitting ? h->in_fd : -1, POLLIN, 0},
        [FD_OUT] = {out ? h->out_fd : -1, POLLOUT, 0},
        [FD_LISTEN] = {quitting ? -1 : h->listen_fd, POLLIN, 0},
    };
    if (poll(p, FD_COUNT, timeout) <= 0)
        return;
    if (p[FD_WAKE].revents) {
        uint64_t count;
        ssize_t r = read(h->wake_fd, &count, sizeof(count));
        CHECK(r == sizeof(count) || errno == EAGAIN);
        atomic_store(&h->woken, false);
    }
    if (p[FD_OUT].revents)
        host_flush_piece(h);
    if (p[FD_IN].revents && h->in_fd == p[FD_IN].fd)
        host_read(h);
    if (p[FD_LISTEN].revents)
        h->kind->accept(h);
}

static void *host_main(void *arg)
{
    struct chr_host *h = arg;
    while (!atomic_load(&h->quit)) {
        host_deliver(h);
        host_tell_ready(h);
        host_wait(h, false);
    }
    size_t left = host_pending(h);
    int64_t deadline = now_ms() + FLUSH_MS;
    while (left && atomic_load(&h->connected) && now_ms() < deadline) {
        host_wait(h, true);
        size_t now = host_pending(h);
        if (now != left)
            deadline = now_ms() + FLUSH_MS;
        left = now;
    }
    if (left && atomic_load(&h->connected))
        log_warn("%s: %zu bytes of output were not taken and are lost", h->what, left);
    return NULL;
}

/* ---- Interface ---- */

static void host_rx_ready(struct chr *c)
{
    chr_host_wake(to_host(c));
}

static void host_set_client(struct chr_host *h, const struct chr_client *client)
{
    pthread_mutex_lock(&h->client_lock);
    h->client = client ? *client : (struct chr_client){0};
    pthread_mutex_unlock(&h->client_lock);
    chr_host_wake(h);
}

static int host_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    (void)e;
    host_set_client(to_host(c), client);
    return 0;
}

static void host_detach(struct chr *c)
{
    host_set_client(to_host(c), NULL);
}

static bool host_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    struct chr_host *h = to_host(c);
    struct winsize w;
    /* The thread closes in_fd; out_fd is constant but for a socket's. */
    if (h->out_is_socket || h->out_fd < 0 || ioctl(h->out_fd, TIOCGWINSZ, &w) || !w.ws_col ||
        !w.ws_row)
        return false;
    *cols = w.ws_col;
    *rows = w.ws_row;
    return true;
}

void chr_host_free(struct chr_host *h)
{
    if (h->kind->fini)
        h->kind->fini(h);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    pthread_mutex_destroy(&h->lock);
    pthread_mutex_destroy(&h->client_lock);
    free(h->out);
    free(h);
}

static void host_destroy(struct chr *c)
{
    struct chr_host *h = to_host(c);
    atomic_store(&h->quit, true);
    chr_host_wake(h);
    pthread_join(h->thread, NULL);
    chr_host_free(h);
}

static const struct chr_ops host_ops = {
    .write = host_write,
    .rx_ready = host_rx_ready,
    .attach = host_attach,
    .detach = host_detach,
    .size = host_size,
    .destroy = host_destroy,
};

struct chr_host *chr_host_alloc(size_t bytes, const struct chr_kind *kind,
                                const struct chr_owner *owner, struct err *e)
{
    struct chr_host *h = fault_point("chr_alloc") ? NULL : calloc(1, bytes);
    if (h)
        h->out = fault_point("chr_buffer") ? NULL : malloc(CHR_BUFFER_BYTES);
    if (!h || !h->out) {
        free(h);
        err_set(e, ENOMEM, "console: out of memory");
        return NULL;
    }
    h->chr.ops = &host_ops;
    h->kind = kind;
    if (owner)
        h->owner = *owner;
    h->in_fd = h->out_fd = h->listen_fd = h->wake_fd = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_init(&h->client_lock, NULL);
    return h;
}

int chr_host_start(struct chr_host *h, struct err *e)
{
    h->wake_fd = fault_point("chr_eventfd") ? (errno = EMFILE, -1)
                                            : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake_fd < 0)
        return err_set(e, errno, "%s: %s", h->what, strerror(errno));
    return thread_start(&h->thread, "chr", host_main, h, e);
}
