/* Virtio over MMIO, register layout version 2: virtio 1.2, section 4.2.2.
 *
 * The transport holds only what the registers add to the device: selectors and the interrupt
 * status. Its device.lock (taken by the bus) serialises the driver's accesses; InterruptStatus and
 * the wire also change from service threads and are therefore under the device's own leaf lock.
 *
 * Registers below the configuration space are 32 bits wide and are accessed as such; other sizes
 * read as zero. Reads of write-only registers give zero. An empty slot has the identity registers
 * with DeviceID 0 and nothing else.
 */
#include "virtio/mmio.h"

#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC 0x74726976u  /* "virt" */
#define VERSION 2u
#define VENDOR 0x4e524a53u /* "SJRN" */

enum {
    MagicValue = 0x000,
    Version = 0x004,
    DeviceID = 0x008,
    VendorID = 0x00c,
    DeviceFeatures = 0x010,
    DeviceFeaturesSel = 0x014,
    DriverFeatures = 0x020,
    DriverFeaturesSel = 0x024,
    QueueSel = 0x030,
    QueueNumMax = 0x034,
    QueueNum = 0x038,
    QueueReady = 0x044,
    QueueNotify = 0x050,
    InterruptStatus = 0x060,
    InterruptACK = 0x064,
    Status = 0x070,
    QueueDescLow = 0x080,
    QueueDescHigh = 0x084,
    QueueDriverLow = 0x090,
    QueueDriverHigh = 0x094,
    QueueDeviceLow = 0x0a0,
    QueueDeviceHigh = 0x0a4,
    SHMSel = 0x0ac,
    SHMLenLow = 0x0b0,
    SHMLenHigh = 0x0b4,
    SHMBaseLow = 0x0b8,
    SHMBaseHigh = 0x0bc,
    QueueReset = 0x0c0,
    ConfigGeneration = 0x0fc,
    Config = 0x100,
};

#define ISR_USED_BUFFER 1u
#define ISR_CONFIG 2u

struct virtio_mmio {
    struct device dev;
    uint32_t device_features_sel, driver_features_sel, queue_sel;
    uint32_t isr; /* vd->lock */
    struct irq irq; /* vd->lock */
    struct virtio_dev *vd;
    struct virtio_transport transport;
};

static const struct state_field virtio_mmio_fields[] = {
    F_DEVICE(struct virtio_mmio),
    F_UINT(struct virtio_mmio, device_features_sel),
    F_UINT(struct virtio_mmio, driver_features_sel),
    F_UINT(struct virtio_mmio, queue_sel),
    F_UINT_MAX(struct virtio_mmio, isr, ISR_USED_BUFFER | ISR_CONFIG),
    F_WIRING(struct virtio_mmio, irq),
    F_WIRING(struct virtio_mmio, vd),
    F_WIRING(struct virtio_mmio, transport),
    F_END,
};

static struct virtio_mmio *to_mmio(struct device *d)
{
    return (struct virtio_mmio *)(void *)d;
}

/* ---- Interrupts ---- */

static void mmio_interrupt(struct virtio_transport *t, uint32_t cause)
{
    struct virtio_mmio *m = CONTAINER_OF(t, struct virtio_mmio, transport);
    m->isr |= cause;
    irq_set(&m->irq, true);
}

static void mmio_queue_interrupt(struct virtio_transport *t, unsigned queue)
{
    (void)queue;
    mmio_interrupt(t, ISR_USED_BUFFER);
}

static void mmio_config_interrupt(struct virtio_transport *t)
{
    mmio_interrupt(t, ISR_CONFIG);
}

/* A cause that came after the driver read InterruptStatus is still there: the wire goes down and up
 * again, so that it is seen also where the input is edge-triggered, as the device tree may say. */
static void mmio_ack(struct virtio_mmio *m, uint32_t causes)
{
    pthread_mutex_lock(&m->vd->lock);
    m->isr &= ~causes;
    irq_set(&m->irq, false);
    irq_set(&m->irq, m->isr != 0);
    pthread_mutex_unlock(&m->vd->lock);
}

static uint32_t mmio_isr(struct virtio_mmio *m)
{
    pthread_mutex_lock(&m->vd->lock);
    uint32_t isr = m->isr;
    pthread_mutex_unlock(&m->vd->lock);
    return isr;
}

/* ---- Registers ---- */

static uint32_t mmio_read_queue(struct virtio_mmio *m, uint64_t offset)
{
    if (m->queue_sel >= m->vd->queue_count)
        return 0; /* QueueNumMax 0: no such queue */
    const struct virtqueue *vq = &m->vd->q[m->queue_sel];
    if (offset == QueueNumMax)
        return vq->wiring.max_size;
    return offset == QueueReady && vq->ready; /* QueueReset: a reset is over when its write is */
}

static uint32_t mmio_read_register(struct virtio_mmio *m, uint64_t offset)
{
    struct virtio_dev *vd = m->vd;
    switch (offset) {
    case DeviceFeatures:
        return m->device_features_sel < 2
                   ? (uint32_t)(vd->device_features >> (32 * m->device_features_sel)) : 0;
    case QueueNumMax:
    case QueueReady:
    case QueueReset:
        return mmio_read_queue(m, offset);
    case InterruptStatus:
        return mmio_isr(m);
    case Status:
        return virtio_get_status(vd);
    case SHMLenLow:
    case SHMLenHigh:
    case SHMBaseLow:
    case SHMBaseHigh:
        return UINT32_MAX; /* no shared memory region has any id */
    case ConfigGeneration:
        return virtio_config_generation(vd);
    default:
        guest_err(&m->dev.err, m->dev.name, "read of register 0x%llx", (unsigned long long)offset);
        return 0;
    }
}

static uint64_t mmio_read(struct device *d, uint64_t offset, unsigned size)
{
    struct virtio_mmio *m = to_mmio(d);
    if (offset >= Config)
        return m->vd ? virtio_config_read(m->vd, (unsigned)offset - Config, size) : 0;
    if (size != 4) {
        guest_err(&d->err, d->name, "read of %u bytes from a 32-bit register", size);
        return 0;
    }
    switch (offset) {
    case MagicValue:
        return MAGIC;
    case Version:
        return VERSION;
    case DeviceID:
        return m->vd ? m->vd->cls->device_id : 0;
    case VendorID:
        return VENDOR;
    default:
        return m->vd ? mmio_read_register(m, offset) : 0;
    }
}

static void mmio_set_status(struct virtio_mmio *m, uint8_t status)
{
    virtio_set_status(m->vd, status);
    if (status == 0)
        mmio_ack(m, UINT32_MAX);
}

static void mmio_write_area(struct virtio_mmio *m, uint64_t offset, uint32_t value)
{
    enum virtio_area area = offset < QueueDriverLow  ? VIRTIO_AREA_DESC
                            : offset < QueueDeviceLow ? VIRTIO_AREA_DRIVER : VIRTIO_AREA_DEVICE;
    virtio_queue_set_area(m->vd, m->queue_sel, area, offset & 4, value);
}

static void mmio_write_register(struct virtio_mmio *m, uint64_t offset, uint32_t value)
{
    struct virtio_dev *vd = m->vd;
    switch (offset) {
    case DeviceFeaturesSel:
        m->device_features_sel = value;
        return;
    case DriverFeatures:
        virtio_set_driver_features(vd, m->driver_features_sel, value);
        return;
    case DriverFeaturesSel:
        m->driver_features_sel = value;
        return;
    case QueueSel:
        m->queue_sel = value;
        return;
    case QueueNum:
        virtio_queue_set_size(vd, m->queue_sel, value);
        return;
    case QueueReady:
        virtio_queue_set_ready(vd, m->queue_sel, value & 1);
        return;
    case QueueNotify:
        virtio_notified(vd, value);
        return;
    case InterruptACK:
        mmio_ack(m, value);
        return;
    case Status:
        mmio_set_status(m, (uint8_t)value);
        return;
    case QueueDescLow:
    case QueueDescHigh:
    case QueueDriverLow:
    case QueueDriverHigh:
    case QueueDeviceLow:
    case QueueDeviceHigh:
        mmio_write_area(m, offset, value);
        return;
    case SHMSel:
        return; /* whatever is selected does not exist */
    case QueueReset:
        if (value & 1)
            virtio_queue_reset(vd, m->queue_sel);
        return;
    default:
        guest_err(&m->dev.err, m->dev.name, "write of register 0x%llx", (unsigned long long)offset);
    }
}

static void mmio_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_mmio *m = to_mmio(d);
    if (!m->vd)
        guest_err(&d->err, d->name, "write to an empty slot");
    else if (offset >= Config)
        virtio_config_write(m->vd, (unsigned)offset - Config, size, (uint32_t)value);
    else if (size != 4)
        guest_err(&d->err, d->name, "write of %u bytes to a 32-bit register", size);
    else
        mmio_write_register(m, offset, (uint32_t)value);
}

/* ---- Class ---- */

static void mmio_reset(struct device *d)
{
    struct virtio_mmio *m = to_mmio(d);
    m->device_features_sel = m->driver_features_sel = m->queue_sel = 0;
    if (m->vd)
        mmio_set_status(m, 0);
}

static int mmio_loaded(struct device *d, struct err *e)
{
    struct virtio_mmio *m = to_mmio(d);
    if (!m->vd)
        return m->isr ? err_set(e, EINVAL, "%s: empty slot with an interrupt", d->name) : 0;
    pthread_mutex_lock(&m->vd->lock);
    irq_refresh(&m->irq, m->isr != 0);
    pthread_mutex_unlock(&m->vd->lock);
    return 0;
}

static void mmio_destroy(struct device *d)
{
    struct virtio_mmio *m = to_mmio(d);
    if (m->vd)
        virtio_connect(m->vd, NULL);
    pthread_mutex_destroy(&d->lock);
    free(m);
}

int virtio_mmio_create(struct vm *vm, unsigned slot, uint64_t base, struct irq irq,
                       struct virtio_dev *vd, struct err *e)
{
    struct virtio_mmio *m = fault_point("virtio_mmio") ? NULL : calloc(1, sizeof(*m));
    if (!m)
        return err_set(e, ENOMEM, "out of memory");
    char name[32];
    snprintf(name, sizeof(name), "virtio-mmio.%u", slot);
    m->irq = irq;
    m->vd = vd;
    m->transport = (struct virtio_transport){mmio_queue_interrupt, mmio_config_interrupt};
    int r = device_attach(&m->dev, &virtio_mmio_class, vm, name, base, e);
    if (r) {
        free(m);
        return r;
    }
    if (vd)
        virtio_connect(vd, &m->transport);
    return 0;
}

const struct dev_class virtio_mmio_class = {
    .name = "virtio-mmio",
    .window_bytes = VIRTIO_MMIO_WINDOW,
    .min_access = 1,
    .max_access = 4,
    .fields = virtio_mmio_fields,
    .object_bytes = sizeof(struct virtio_mmio),
    .read = mmio_read,
    .write = mmio_write,
    .reset = mmio_reset,
    .loaded = mmio_loaded,
    .destroy = mmio_destroy,
};
