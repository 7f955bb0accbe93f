/* See chr_tap.h.
 *
 * The tap is the inner backend's only client while a device is attached. Its callbacks run on that
 * backend's thread; they take the tap's lock for its own fields only and never hold it while they
 * call the device, so a device may call the tap with its own lock held. Whom a piece of input
 * belongs to is decided when room is asked for (can_receive), so that it does not change between
 * that and its arrival.
 */
#include "backend/chr_tap.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define TAP_INPUT_BYTES 256u

struct chr_tap {
    struct chr chr; /* what the device sees */
    struct chr *inner;

    pthread_mutex_t lock; /* innermost but for the inner backend's own */
    pthread_cond_t changed;
    struct chr_client client; /* the device; set before the inner backend's thread runs */
    bool room;                /* write_ready came since the blocking writer looked */

    size_t wanted;          /* bytes the blocking reader waits for, 0: it does not wait */
    bool granted_to_reader; /* whose the next input is */
    uint8_t input[TAP_INPUT_BYTES];
    size_t input_start, input_len;
};

static struct chr_tap *tap_of(struct chr *c)
{
    return CONTAINER_OF(c, struct chr_tap, chr);
}

/* ---- Callbacks of the inner backend ---- */

static size_t tap_can_receive(void *arg)
{
    struct chr_tap *t = arg;
    pthread_mutex_lock(&t->lock);
    bool reader = t->granted_to_reader = t->wanted && !t->input_len;
    size_t n = t->wanted < TAP_INPUT_BYTES ? t->wanted : TAP_INPUT_BYTES;
    pthread_mutex_unlock(&t->lock);
    return reader ? n : t->client.can_receive(t->client.arg);
}

static void tap_receive(void *arg, const uint8_t *data, size_t len)
{
    struct chr_tap *t = arg;
    pthread_mutex_lock(&t->lock);
    bool reader = t->granted_to_reader;
    if (reader) {
        CHECK(!t->input_len && len <= TAP_INPUT_BYTES);
        memcpy(t->input, data, len);
        t->input_start = 0;
        t->input_len = len;
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->lock);
    if (!reader)
        t->client.receive(t->client.arg, data, len);
}

static void tap_write_ready(void *arg)
{
    struct chr_tap *t = arg;
    pthread_mutex_lock(&t->lock);
    t->room = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    if (t->client.write_ready)
        t->client.write_ready(t->client.arg);
}

/* ---- The device's side ---- */

static size_t tap_write(struct chr *c, const void *data, size_t len)
{
    return chr_write(tap_of(c)->inner, data, len);
}

static void tap_rx_ready(struct chr *c)
{
    chr_rx_ready(tap_of(c)->inner);
}

static int tap_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    struct chr_tap *t = tap_of(c);
    const struct chr_client own = {
        .can_receive = tap_can_receive,
        .receive = tap_receive,
        .write_ready = tap_write_ready,
        .arg = t,
    };
    t->client = *client;
    return chr_attach(t->inner, &own, e);
}

static void tap_detach(struct chr *c)
{
    chr_detach(tap_of(c)->inner);
}

static bool tap_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    return chr_size(tap_of(c)->inner, cols, rows);
}

static void tap_destroy(struct chr *c)
{
    struct chr_tap *t = tap_of(c);
    chr_destroy(t->inner);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static const struct chr_ops tap_ops = {
    .write = tap_write,
    .rx_ready = tap_rx_ready,
    .attach = tap_attach,
    .detach = tap_detach,
    .size = tap_size,
    .destroy = tap_destroy,
};

/* ---- The blocking side ---- */

static struct timespec deadline(unsigned wait_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    t.tv_sec += wait_ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

size_t chr_tap_write(struct chr_tap *t, const void *data, size_t len, unsigned wait_ms)
{
    pthread_mutex_lock(&t->lock);
    t->room = false;
    pthread_mutex_unlock(&t->lock);
    size_t n = chr_write(t->inner, data, len);
    if (n || !len)
        return n;
    struct timespec until = deadline(wait_ms);
    pthread_mutex_lock(&t->lock);
    while (!t->room && !pthread_cond_timedwait(&t->changed, &t->lock, &until))
        ;
    pthread_mutex_unlock(&t->lock);
    return chr_write(t->inner, data, len);
}

size_t chr_tap_read(struct chr_tap *t, void *data, size_t len, unsigned wait_ms)
{
    struct timespec until = deadline(wait_ms);
    pthread_mutex_lock(&t->lock);
    if (!t->input_len) {
        t->wanted = len;
        pthread_mutex_unlock(&t->lock);
        chr_rx_ready(t->inner);
        pthread_mutex_lock(&t->lock);
        while (!t->input_len && !pthread_cond_timedwait(&t->changed, &t->lock, &until))
            ;
        t->wanted = 0;
    }
    size_t n = t->input_len < len ? t->input_len : len;
    memcpy(data, t->input + t->input_start, n);
    t->input_start += n;
    t->input_len -= n;
    pthread_mutex_unlock(&t->lock);
    return n;
}

struct chr *chr_tap_chr(struct chr_tap *t)
{
    return &t->chr;
}

int chr_tap_create(struct chr *inner, struct chr_tap **out, struct err *e)
{
    struct chr_tap *t = fault_point("chr_tap_create") ? NULL : calloc(1, sizeof(*t));
    if (!t)
        return err_set(e, ENOMEM, "console: out of memory");
    t->chr.ops = &tap_ops;
    t->inner = inner;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return 0;
}
