/* The PL061 GPIO port: eight pins with interrupts (DDI 0190B chapter 3).
 *
 * GPIODATA is addressed with a mask: bits 9..2 of the address say which pins an access touches. A
 * pin that is an output reads as what was written to it, an input as its wire. Interrupts are
 * detected on inputs: an edge is remembered until GPIOIC clears it, a level interrupt follows the
 * wire.
 *
 * Outputs lead nowhere on this board. Hardware control (GPIOAFSEL) has nobody on its side either:
 * the register is storage.
 */
#include "dev/pl061.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
    GPIODATA_END = 0x400,
    GPIODIR = 0x400,
    GPIOIS = 0x404,
    GPIOIBE = 0x408,
    GPIOIEV = 0x40c,
    GPIOIE = 0x410,
    GPIORIS = 0x414,
    GPIOMIS = 0x418,
    GPIOIC = 0x41c,
    GPIOAFSEL = 0x420,
    GPIOID = 0xfe0, /* GPIOPeriphID0..3, GPIOPCellID0..3 */
};

struct pl061 {
    struct device dev;
    struct irq irq;

    uint8_t data;   /* what was written to the pins */
    uint8_t dir;    /* 1: output */
    uint8_t is;     /* 1: level */
    uint8_t ibe;    /* 1: both edges */
    uint8_t iev;    /* 1: rising edge or high level */
    uint8_t ie;     /* 1: not masked */
    uint8_t edges;  /* edges detected and not yet cleared */
    uint8_t afsel;
    uint8_t inputs; /* levels of the wires */
};

static const uint8_t pl061_id[8] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static struct pl061 *pl061_of(struct device *d)
{
    return CONTAINER_OF(d, struct pl061, dev);
}

/* GPIORIS. A level interrupt is there while the input has the level that GPIOIEV selects. */
static uint8_t pl061_ris(const struct pl061 *p)
{
    uint8_t levels = (uint8_t)~(p->inputs ^ p->iev) & p->is & (uint8_t)~p->dir;
    return levels | (p->edges & (uint8_t)~p->is);
}

static void pl061_update(struct pl061 *p)
{
    irq_set(&p->irq, pl061_ris(p) & p->ie);
}

void pl061_set_input(struct pl061 *p, unsigned pin, bool level)
{
    CHECK(pin < PL061_PINS);
    pthread_mutex_lock(&p->dev.lock);
    uint8_t m = (uint8_t)(1u << pin);
    if (!(p->inputs & m) == level) {
        p->inputs ^= m;
        bool selected = p->ibe & m || !(p->iev & m) == !level;
        if (selected && !(p->dir & m) && !(p->is & m))
            p->edges |= m;
        pl061_update(p);
    }
    pthread_mutex_unlock(&p->dev.lock);
}

/* ---- Registers ---- */

static uint64_t pl061_read(struct device *d, uint64_t offset, unsigned size)
{
    struct pl061 *p = pl061_of(d);
    (void)size;
    if (offset >= GPIOID && offset % 4 == 0)
        return pl061_id[(offset - GPIOID) / 4];
    if (offset < GPIODATA_END && offset % 4 == 0)
        return ((p->data & p->dir) | (p->inputs & (uint8_t)~p->dir)) & offset >> 2;
    switch (offset) {
    case GPIODIR:
        return p->dir;
    case GPIOIS:
        return p->is;
    case GPIOIBE:
        return p->ibe;
    case GPIOIEV:
        return p->iev;
    case GPIOIE:
        return p->ie;
    case GPIORIS:
        return pl061_ris(p);
    case GPIOMIS:
        return pl061_ris(p) & p->ie;
    case GPIOAFSEL:
        return p->afsel;
    default:
        guest_err(&d->err, d->name, "read at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return 0;
    }
}

static void pl061_write(struct device *d, uint64_t offset, unsigned size, uint64_t v)
{
    struct pl061 *p = pl061_of(d);
    uint8_t value = (uint8_t)v;
    (void)size;
    if (offset < GPIODATA_END && offset % 4 == 0) {
        uint8_t m = (uint8_t)(offset >> 2) & p->dir; /* only outputs can be written */
        p->data = (uint8_t)((p->data & ~m) | (value & m));
        return;
    }
    switch (offset) {
    case GPIODIR:
        p->dir = value;
        break;
    case GPIOIS:
        p->is = value;
        break;
    case GPIOIBE:
        p->ibe = value;
        break;
    case GPIOIEV:
        p->iev = value;
        break;
    case GPIOIE:
        p->ie = value;
        break;
    case GPIOIC:
        p->edges &= (uint8_t)~value;
        break;
    case GPIOAFSEL:
        p->afsel = value;
        break;
    default:
        guest_err(&d->err, d->name, "write at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return;
    }
    pl061_update(p);
}

/* ---- Life ---- */

static void pl061_reset(struct device *d)
{
    struct pl061 *p = pl061_of(d);
    pthread_mutex_lock(&d->lock);
    p->data = p->dir = p->is = p->ibe = p->iev = p->ie = p->edges = p->afsel = p->inputs = 0;
    pl061_update(p);
    pthread_mutex_unlock(&d->lock);
}

static int pl061_loaded(struct device *d, struct err *e)
{
    struct pl061 *p = pl061_of(d);
    (void)e; /* every combination of values is reachable */
    pthread_mutex_lock(&d->lock);
    irq_refresh(&p->irq, pl061_ris(p) & p->ie);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

static void pl061_destroy(struct device *d)
{
    struct pl061 *p = pl061_of(d);
    pthread_mutex_destroy(&d->lock);
    free(p);
}

/* ---- Class ---- */

#define S struct pl061
static const struct state_field pl061_fields[] = {
    F_DEVICE(S),
    F_DERIVED(S, irq, "pl061_loaded drives it"),
    F_UINT(S, data),
    F_UINT(S, dir),
    F_UINT(S, is),
    F_UINT(S, ibe),
    F_UINT(S, iev),
    F_UINT(S, ie),
    F_UINT(S, edges),
    F_UINT(S, afsel),
    F_UINT(S, inputs),
    F_END,
};

const struct dev_class pl061_class = {
    .name = "pl061",
    .window_bytes = 0x1000,
    .min_access = 1,
    .max_access = 4,
    .fields = pl061_fields,
    .object_bytes = sizeof(S),
    .read = pl061_read,
    .write = pl061_write,
    .reset = pl061_reset,
    .loaded = pl061_loaded,
    .destroy = pl061_destroy,
};

int pl061_create(struct vm *vm, const char *name, uint64_t base, struct irq irq, struct pl061 **out,
                 struct err *e)
{
    struct pl061 *p = fault_point("pl061_alloc") ? NULL : calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, ENOMEM, "out of memory for %s", name);
    int rc = device_attach(&p->dev, &pl061_class, vm, name, base, e);
    if (rc) {
        free(p);
        return rc;
    }
    p->irq = irq;
    pl061_reset(&p->dev);
    *out = p;
    return 0;
}
