/* The part that all virtio devices share: negotiation, status, queues' life, interrupts, threads.
 * Virtio 1.2, chapters 2 and 3. See virtio.h and doc/virtio.md for the locks.
 *
 * Stopping a queue. Whoever stops one sets `stop`, which makes vq_pop() and vq_kicks_on() say "no
 * more", and takes the service lock: it gets it when the request in flight is finished. A service
 * thread never waits for the transport's lock (interrupts are under vd->lock, a leaf), so a vCPU
 * that holds the transport's lock may wait for it.
 */
#include "virtio/virtio.h"

#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRIVER_STATUS_BITS                                                                         \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK |                  \
     VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)

/* ---- Interrupts and failure ---- */

void virtio_queue_interrupt(struct virtio_dev *vd, unsigned queue)
{
    (void)journal_value(&vd->dev.vm->journal, JOURNAL_DMA, queue);
    pthread_mutex_lock(&vd->lock);
    if (vd->transport && (vd->status & VIRTIO_STATUS_DRIVER_OK))
        vd->transport->queue_interrupt(vd->transport, queue);
    pthread_mutex_unlock(&vd->lock);
}

void virtio_config_changed(struct virtio_dev *vd)
{
    if (vd->cls->config_update)
        vd->cls->config_update(vd);
    vd->config_generation++;
    if (vd->transport && (vd->status & VIRTIO_STATUS_DRIVER_OK))
        vd->transport->config_interrupt(vd->transport);
}

void virtio_fail(struct virtio_dev *vd, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    guest_err(&vd->dev.err, vd->dev.name, "%s: device needs reset", text);
    pthread_mutex_lock(&vd->lock);
    atomic_store(&vd->failed, true);
    vd->status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    if (vd->transport && (vd->status & VIRTIO_STATUS_DRIVER_OK))
        vd->transport->config_interrupt(vd->transport);
    pthread_mutex_unlock(&vd->lock);
}

static void driver_misuse(struct virtio_dev *vd, const char *what)
{
    guest_err(&vd->dev.err, vd->dev.name, "%s", what);
}

/* ---- Serving ---- */

void virtio_serve(struct virtio_dev *vd, unsigned queue)
{
    struct virtqueue *vq = &vd->q[queue];
    pthread_mutex_lock(&vq->wiring.service);
    if (vq->derived.running && !vq->derived.paused && !atomic_load(&vd->failed))
        vd->cls->serve(vd, vq);
    pthread_mutex_unlock(&vq->wiring.service);
}

static void queue_kicked(void *arg)
{
    struct virtqueue *vq = arg;
    virtio_serve(vq->wiring.vd, vq->wiring.index);
}

void virtio_kick(struct virtio_dev *vd, unsigned queue)
{
    if (queue >= vd->queue_count) {
        driver_misuse(vd, "notification of a queue that does not exist");
        return;
    }
    ev_notify(&vd->q[queue].wiring.kick);
}

/* With the counted clock there is no moment at which a thread could finish that would be the same
 * in each run: the queue is served here and now. */
void virtio_notified(struct virtio_dev *vd, unsigned queue)
{
    if (vd->dev.vm->clock.source == CLOCK_COUNTED && queue < vd->queue_count)
        virtio_serve(vd, queue);
    else
        virtio_kick(vd, queue);
}

/* Gets the service lock, ahead of a service run that would go on for long. */
static void queue_lock_stopping(struct virtqueue *vq)
{
    atomic_store(&vq->derived.stop, true);
    pthread_mutex_lock(&vq->wiring.service);
    atomic_store(&vq->derived.stop, false);
}

static void queue_unlock(struct virtqueue *vq)
{
    pthread_mutex_unlock(&vq->wiring.service);
}

void virtio_dev_pause(struct device *d, bool paused)
{
    struct virtio_dev *vd = (struct virtio_dev *)(void *)d;
    for (unsigned i = 0; i < vd->queue_count; i++) {
        struct virtqueue *vq = &vd->q[i];
        queue_lock_stopping(vq);
        bool wake = vq->derived.paused && !paused && vq->derived.running;
        vq->derived.paused = paused;
        queue_unlock(vq);
        if (wake)
            virtio_notified(vd, i);
    }
}

/* ---- Negotiation and status ---- */

uint8_t virtio_get_status(struct virtio_dev *vd)
{
    pthread_mutex_lock(&vd->lock);
    uint8_t status = vd->status;
    pthread_mutex_unlock(&vd->lock);
    return status;
}

void virtio_set_driver_features(struct virtio_dev *vd, unsigned word, uint32_t value)
{
    if (virtio_get_status(vd) & VIRTIO_STATUS_FEATURES_OK) {
        driver_misuse(vd, "features written after FEATURES_OK");
        return;
    }
    if (word < 2)
        vd->driver_features = bits_set(vd->driver_features, 32 * word + 31, 32 * word, value);
    else if (value)
        driver_misuse(vd, "features above bit 63 accepted");
}

static bool features_acceptable(struct virtio_dev *vd)
{
    uint64_t f = vd->driver_features;
    if (f & ~vd->device_features)
        driver_misuse(vd, "features accepted that were not offered");
    else if (!(f & BIT(VIRTIO_F_VERSION_1)))
        driver_misuse(vd, "VIRTIO_F_VERSION_1 not accepted");
    else if (vd->cls->features_ok && !vd->cls->features_ok(vd, f))
        driver_misuse(vd, "combination of features is not possible");
    else
        return true;
    return false;
}

/* Starts a ready queue once the driver is up. */
static void queue_run(struct virtqueue *vq)
{
    queue_lock_stopping(vq);
    const char *wrong = vq_start(vq);
    vq->derived.running = !wrong;
    queue_unlock(vq);
    if (wrong)
        virtio_fail(vq->wiring.vd, "queue %u: %s", vq->wiring.index, wrong);
    else
        /* Buffers made available before DRIVER_OK. */
        virtio_notified(vq->wiring.vd, vq->wiring.index);
}

void virtio_set_status(struct virtio_dev *vd, uint8_t value)
{
    if (value == 0) {
        virtio_reset(vd);
        return;
    }
    uint8_t old = virtio_get_status(vd);
    if (old & ~value & ~VIRTIO_STATUS_DEVICE_NEEDS_RESET)
        driver_misuse(vd, "status bits cleared without a reset");
    unsigned added = value & ~old & DRIVER_STATUS_BITS;
    if ((added & VIRTIO_STATUS_FEATURES_OK) && !features_acceptable(vd))
        added &= ~(VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
    if ((added & VIRTIO_STATUS_DRIVER_OK) && !((old | added) & VIRTIO_STATUS_FEATURES_OK)) {
        driver_misuse(vd, "DRIVER_OK without FEATURES_OK");
        added &= ~VIRTIO_STATUS_DRIVER_OK;
    }
    pthread_mutex_lock(&vd->lock);
    vd->status |= (uint8_t)added;
    pthread_mutex_unlock(&vd->lock);
    if (!(added & VIRTIO_STATUS_DRIVER_OK))
        return;
    for (unsigned i = 0; i < vd->queue_count; i++) {
        if (vd->q[i].ready)
            queue_run(&vd->q[i]);
    }
}

void virtio_reset(struct virtio_dev *vd)
{
    for (unsigned i = 0; i < vd->queue_count; i++) {
        struct virtqueue *vq = &vd->q[i];
        queue_lock_stopping(vq);
        vq_reset(vq);
        queue_unlock(vq);
    }
    pthread_mutex_lock(&vd->lock);
    vd->status = 0;
    vd->driver_features = 0;
    atomic_store(&vd->failed, false);
    pthread_mutex_unlock(&vd->lock);
    if (vd->cls->reset)
        vd->cls->reset(vd);
    pthread_mutex_lock(&vd->lock);
    if (vd->cls->config_update)
        vd->cls->config_update(vd);
    vd->config_generation = 0;
    pthread_mutex_unlock(&vd->lock);
}

/* ---- Queue configuration ---- */

/* The queue, when its configuration may be written now. */
static struct virtqueue *queue_to_configure(struct virtio_dev *vd, unsigned queue)
{
    if (queue >= vd->queue_count) {
        driver_misuse(vd, "configuration of a queue that does not exist");
        return NULL;
    }
    if (vd->q[queue].ready) {
        driver_misuse(vd, "configuration of a queue that is ready");
        return NULL;
    }
    return &vd->q[queue];
}

void virtio_queue_set_size(struct virtio_dev *vd, unsigned queue, uint32_t size)
{
    struct virtqueue *vq = queue_to_configure(vd, queue);
    if (!vq)
        return;
    if (size == 0 || size > vq->wiring.max_size)
        driver_misuse(vd, "queue size is out of range");
    else
        vq->size = (uint16_t)size;
}

void virtio_queue_set_area(struct virtio_dev *vd, unsigned queue, enum virtio_area area,
                           bool high_word, uint32_t value)
{
    struct virtqueue *vq = queue_to_configure(vd, queue);
    if (!vq)
        return;
    uint64_t *p = area == VIRTIO_AREA_DESC ? &vq->desc
                  : area == VIRTIO_AREA_DRIVER ? &vq->driver : &vq->device;
    *p = high_word ? bits_set(*p, 63, 32, value) : bits_set(*p, 31, 0, value);
}

void virtio_queue_set_ready(struct virtio_dev *vd, unsigned queue, bool ready)
{
    if (queue >= vd->queue_count) {
        driver_misuse(vd, "configuration of a queue that does not exist");
        return;
    }
    struct virtqueue *vq = &vd->q[queue];
    uint8_t status = virtio_get_status(vd);
    if (!ready) {
        queue_lock_stopping(vq);
        vq->ready = vq->derived.running = false;
        queue_unlock(vq);
        return;
    }
    if (!(status & VIRTIO_STATUS_FEATURES_OK)) {
        driver_misuse(vd, "queue made ready before FEATURES_OK");
        return;
    }
    if (vq->ready)
        return;
    vq_rewind(vq);
    vq->ready = true;
    if (status & VIRTIO_STATUS_DRIVER_OK)
        queue_run(vq);
}

void virtio_queue_reset(struct virtio_dev *vd, unsigned queue)
{
    if (queue >= vd->queue_count || !virtio_has(vd, VIRTIO_F_RING_RESET)) {
        driver_misuse(vd, "queue reset that is not possible");
        return;
    }
    struct virtqueue *vq = &vd->q[queue];
    queue_lock_stopping(vq);
    vq_reset(vq);
    queue_unlock(vq);
}

/* ---- Configuration space ---- */

uint32_t virtio_config_read(struct virtio_dev *vd, unsigned offset, unsigned size)
{
    uint32_t value = 0;
    pthread_mutex_lock(&vd->lock);
    if (offset < vd->config_bytes && size <= vd->config_bytes - offset)
        value = (uint32_t)le_load(vd->config + offset, size);
    pthread_mutex_unlock(&vd->lock);
    return value;
}

void virtio_config_write(struct virtio_dev *vd, unsigned offset, unsigned size, uint32_t value)
{
    pthread_mutex_lock(&vd->lock);
    bool inside = offset < vd->config_bytes && size <= vd->config_bytes - offset;
    if (inside && vd->cls->config_write) {
        vd->cls->config_write(vd, offset, size, value);
        if (vd->cls->config_update)
            vd->cls->config_update(vd);
    } else {
        driver_misuse(vd, "write to read-only configuration space");
    }
    pthread_mutex_unlock(&vd->lock);
}

uint32_t virtio_config_generation(struct virtio_dev *vd)
{
    pthread_mutex_lock(&vd->lock);
    uint32_t g = vd->config_generation;
    pthread_mutex_unlock(&vd->lock);
    return g;
}

void virtio_connect(struct virtio_dev *vd, struct virtio_transport *t)
{
    pthread_mutex_lock(&vd->lock);
    vd->transport = t;
    pthread_mutex_unlock(&vd->lock);
}

/* ---- Rows of struct dev_class ---- */

static struct virtio_dev *to_virtio(struct device *d)
{
    return (struct virtio_dev *)(void *)d;
}

uint64_t virtio_dev_no_read(struct device *d, uint64_t offset, unsigned size)
{
    (void)d;
    (void)offset;
    (void)size;
    return 0;
}

void virtio_dev_no_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    (void)d;
    (void)offset;
    (void)size;
    (void)value;
}

void virtio_dev_reset(struct device *d)
{
    virtio_reset(to_virtio(d));
}

static int loaded_queue(struct virtio_dev *vd, unsigned i, struct err *e)
{
    struct virtqueue *vq = &vd->q[i];
    bool driver_ok = vd->status & VIRTIO_STATUS_DRIVER_OK;
    queue_lock_stopping(vq);
    const char *wrong = NULL;
    vq->derived.running = false;
    if (i >= vd->queue_count ? vq->ready : vq->size == 0 || vq->size > vq->wiring.max_size)
        wrong = "size or number is out of range";
    else if (vq->ready && !(vd->status & VIRTIO_STATUS_FEATURES_OK))
        wrong = "ready before FEATURES_OK";
    else if (vq->ready && driver_ok && !atomic_load(&vd->failed))
        wrong = vq_start(vq);
    vq->derived.running = vq->ready && driver_ok && !wrong && !atomic_load(&vd->failed);
    vq->derived.paused = true; /* until vm_start() */
    queue_unlock(vq);
    return wrong ? err_set(e, EINVAL, "%s: queue %u: %s", vd->dev.name, i, wrong) : 0;
}

int virtio_dev_loaded(struct device *d, struct err *e)
{
    struct virtio_dev *vd = to_virtio(d);
    atomic_store(&vd->failed, !!(vd->status & VIRTIO_STATUS_DEVICE_NEEDS_RESET));
    if ((vd->status & VIRTIO_STATUS_FEATURES_OK) && !features_acceptable(vd))
        return err_set(e, EINVAL, "%s: saved features are not offered here", d->name);
    if ((vd->status & VIRTIO_STATUS_DRIVER_OK) && !(vd->status & VIRTIO_STATUS_FEATURES_OK))
        return err_set(e, EINVAL, "%s: saved status is impossible", d->name);
    int r = vd->cls->loaded ? vd->cls->loaded(vd, e) : 0;
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES && !r; i++)
        r = loaded_queue(vd, i, e);
    pthread_mutex_lock(&vd->lock);
    if (vd->cls->config_update)
        vd->cls->config_update(vd);
    pthread_mutex_unlock(&vd->lock);
    return r;
}

/* ---- Creation ---- */

static void dev_fini(struct virtio_dev *vd, unsigned queues, unsigned threads)
{
    for (unsigned i = 0; i < threads; i++)
        iothread_stop(&vd->threads[i]);
    for (unsigned i = 0; i < queues; i++) {
        struct virtqueue *vq = &vd->q[i];
        ev_notifier_fini(&vq->wiring.kick, &vd->threads[i % vd->thread_count].loop);
        free(vq->wiring.chain);
    }
    for (unsigned i = 0; i < threads; i++)
        iothread_fini(&vd->threads[i]);
}

void virtio_dev_destroy(struct device *d)
{
    struct virtio_dev *vd = to_virtio(d);
    for (unsigned i = 0; i < vd->thread_count; i++)
        iothread_stop(&vd->threads[i]);
    if (vd->cls->destroy)
        vd->cls->destroy(vd);
    dev_fini(vd, vd->queue_count, vd->thread_count);
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++)
        pthread_mutex_destroy(&vd->q[i].wiring.service);
    pthread_mutex_destroy(&vd->lock);
    pthread_mutex_destroy(&d->lock);
    free(vd);
}

static int queue_create(struct virtio_dev *vd, unsigned i, struct err *e)
{
    struct virtqueue *vq = &vd->q[i];
    vq->wiring.chain = fault_point("virtio_chain") ? NULL : malloc(sizeof(*vq->wiring.chain));
    if (!vq->wiring.chain)
        return err_set(e, ENOMEM, "out of memory");
    struct evloop *loop = &vd->threads[i % vd->thread_count].loop;
    int r = ev_notifier_init(&vq->wiring.kick, loop, queue_kicked, vq, e);
    if (r)
        free(vq->wiring.chain);
    return r;
}

static void dev_name(struct vm *vm, const char *class_name, char *out, size_t bytes)
{
    unsigned n = 0;
    size_t len = strlen(class_name);
    for (const struct device *d = vm->devices; d; d = d->next)
        n += !strncmp(d->name, class_name, len) && d->name[len] == '.';
    snprintf(out, bytes, "%s.%u", class_name, n);
}

int virtio_dev_create(struct virtio_dev *vd, const struct virtio_class *cls,
                      const struct dev_class *dev_cls, struct vm *vm, unsigned queues,
                      uint16_t queue_size, unsigned threads, uint64_t features, struct err *e)
{
    vd->cls = cls;
    vd->device_features = features | VIRTIO_F_COMMON;
    vd->queue_count = queues;
    vd->thread_count = threads < queues ? threads : queues;
    char name[sizeof(vd->dev.name)];
    dev_name(vm, cls->name, name, sizeof(name));
    unsigned loops = 0, made = 0;
    int r = 0;
    for (; loops < vd->thread_count && !r; loops += !r)
        r = iothread_init(&vd->threads[loops], name, e);
    for (; made < queues && !r; made += !r)
        r = queue_create(vd, made, e);
    for (unsigned i = 0; i < vd->thread_count && !r; i++)
        r = iothread_start(&vd->threads[i], e);
    if (!r)
        r = device_attach(&vd->dev, dev_cls, vm, name, 0, e);
    if (r) {
        dev_fini(vd, made, loops);
        return err_add(e, "%s", name);
    }
    pthread_mutex_init(&vd->lock, NULL);
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        struct virtqueue *vq = &vd->q[i];
        vq->wiring.vd = vd;
        vq->wiring.index = (uint16_t)i;
        vq->wiring.max_size = i < queues ? queue_size : 0;
        pthread_mutex_init(&vq->wiring.service, NULL);
        vq_reset(vq);
    }
    if (cls->config_update)
        cls->config_update(vd);
    return 0;
}
