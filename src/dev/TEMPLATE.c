/* A device to copy: a countdown timer with one interrupt. It is built and tested with the real
 * ones, so it always shows how a device is written today. To add one:
 *
 *   1. Copy this file to dev/NAME.c, rename `template` and `TMPL`. Name data sheet and revision
 *      here, then what the model does, why this way, and in which points it differs from the chip.
 *   2. Move the declarations marked "header" to dev/NAME.h.
 *   3. Give every member of the structure a row in the field table. Saved: F_UINT and relatives,
 *      with the largest legal value. Recomputed after a load: F_DERIVED with the reason. Constant
 *      after creation: F_WIRING. The test fails when a member has no row.
 *   4. Add a row to dev/classes.def; wire the device up in board/virt.c (address, interrupt, node
 *      of the device tree); add a row to doc/devices.md.
 *   5. Write tests/unit/dev/test_NAME.c: reset values, read-only and reserved bits, access sizes,
 *      interrupts, and the four checks of dev_test.h (reset, save and load, hostile load, fields).
 *
 * What a device may use: offsets, its own state, wires (vm/irq.h), virtual time (vm/clock.h),
 * checked DMA (mem_read, mem_write). Never host time, threads, files or another device. A guest's
 * mistake reads as zero or is ignored, and is counted by guest_err(); it never fails, asserts or
 * logs freely.
 *
 * Invariant: irq = STATUS.EXPIRED && CTRL.IE at the end of every access.
 */
#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Header: dev/NAME.h has these two, with the contract ---- */

/* Creates the timer at `base`, driving `irq`. The VM owns it. -E... when there is no memory or the
 * window is taken. @stopped */
int MUST_CHECK template_create(struct vm *vm, const char *name, uint64_t base, struct irq irq,
                               struct err *e);

extern const struct dev_class template_class;

/* ---- Registers, by their names in the data sheet ---- */

enum {
    TMPL_CTRL = 0x00,
    TMPL_LOAD = 0x04,   /* period in microseconds; writing starts the countdown */
    TMPL_VALUE = 0x08,  /* read only: what is left of it */
    TMPL_STATUS = 0x0c, /* write 1 to clear */
    TMPL_ID = 0xfc,     /* read only */
};

#define CTRL_IE (1u << 0)
#define CTRL_MASK CTRL_IE
#define STATUS_EXPIRED (1u << 0)
#define ID_VALUE 0x54504d31u

/* ---- State ---- */

struct template {
    struct device dev; /* first */
    struct irq irq;
    struct clock_timer timer;

    uint32_t ctrl, load, status;
    vtime_t expires_at; /* VTIME_NEVER: not running */
};

static struct template *template_of(struct device *d)
{
    return CONTAINER_OF(d, struct template, dev);
}

/* One function computes outputs from state; everything that changes state ends with it. */
static void template_update(struct template *t)
{
    irq_set(&t->irq, t->status & STATUS_EXPIRED && t->ctrl & CTRL_IE);
}

/* A timer's callback comes without locks, and may come late: look again under the lock. */
static void template_expired(void *arg)
{
    struct template *t = arg;
    pthread_mutex_lock(&t->dev.lock);
    if (t->expires_at <= clock_now(&t->dev.vm->clock)) {
        t->expires_at = VTIME_NEVER;
        t->status |= STATUS_EXPIRED;
        template_update(t);
    }
    pthread_mutex_unlock(&t->dev.lock);
}

static void template_start(struct template *t)
{
    struct clock *c = &t->dev.vm->clock;
    t->expires_at = t->load ? clock_now(c) + (uint64_t)t->load * 1000 : VTIME_NEVER;
    clock_timer_set(c, &t->timer, t->expires_at);
}

static uint32_t template_value(struct template *t)
{
    vtime_t now = clock_now(&t->dev.vm->clock);
    if (t->expires_at == VTIME_NEVER || t->expires_at <= now)
        return 0;
    return (uint32_t)((t->expires_at - now) / 1000);
}

/* ---- Accesses: the bus holds the lock and has checked size and alignment ---- */

static uint64_t template_read(struct device *d, uint64_t offset, unsigned size)
{
    struct template *t = template_of(d);
    (void)size;
    switch (offset) {
    case TMPL_CTRL:
        return t->ctrl;
    case TMPL_LOAD:
        return t->load;
    case TMPL_VALUE:
        return template_value(t);
    case TMPL_STATUS:
        return t->status;
    case TMPL_ID:
        return ID_VALUE;
    default:
        guest_err(&d->err, d->name, "read at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return 0;
    }
}

static void template_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct template *t = template_of(d);
    (void)size;
    switch (offset) {
    case TMPL_CTRL:
        t->ctrl = (uint32_t)value & CTRL_MASK;
        break;
    case TMPL_LOAD:
        t->load = (uint32_t)value;
        template_start(t);
        break;
    case TMPL_STATUS:
        t->status &= ~(uint32_t)value;
        break;
    default:
        guest_err(&d->err, d->name, "write at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return;
    }
    template_update(t);
}

/* ---- Life ---- */

/* Sets every saved member; leaves the device as it was just after creation. */
static void template_reset(struct device *d)
{
    struct template *t = template_of(d);
    pthread_mutex_lock(&d->lock);
    t->ctrl = t->load = t->status = 0;
    template_start(t);
    template_update(t);
    pthread_mutex_unlock(&d->lock);
}

/* The rows have checked each value's range; what they cannot see is checked here. Then everything
 * F_DERIVED is made again from what was loaded. */
static int template_loaded(struct device *d, struct err *e)
{
    struct template *t = template_of(d);
    if (t->expires_at != VTIME_NEVER && t->load == 0)
        return err_set(e, EINVAL, "the timer runs without a period");
    pthread_mutex_lock(&d->lock);
    clock_timer_set(&d->vm->clock, &t->timer, t->expires_at);
    irq_refresh(&t->irq, t->status & STATUS_EXPIRED && t->ctrl & CTRL_IE);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

static void template_destroy(struct device *d)
{
    struct template *t = template_of(d);
    clock_timer_set(&d->vm->clock, &t->timer, VTIME_NEVER);
    pthread_mutex_destroy(&d->lock);
    free(t);
}

/* ---- Class ---- */

#define S struct template
static const struct state_field template_fields[] = {
    F_DEVICE(S),
    F_DERIVED(S, irq, "template_loaded drives it"),
    F_DERIVED(S, timer, "template_loaded sets it to expires_at"),
    F_UINT_MAX(S, ctrl, CTRL_MASK),
    F_UINT_MAX(S, load, UINT32_MAX),
    F_UINT_MAX(S, status, STATUS_EXPIRED),
    F_UINT(S, expires_at),
    F_END,
};

const struct dev_class template_class = {
    .name = "template",
    .window_bytes = 0x1000,
    .min_access = 4,
    .max_access = 4,
    .fields = template_fields,
    .object_bytes = sizeof(S),
    .read = template_read,
    .write = template_write,
    .reset = template_reset,
    .loaded = template_loaded,
    .destroy = template_destroy,
};

int template_create(struct vm *vm, const char *name, uint64_t base, struct irq irq, struct err *e)
{
    struct template *t = fault_point("template_alloc") ? NULL : calloc(1, sizeof(*t));
    if (!t)
        return err_set(e, ENOMEM, "out of memory for %s", name);
    int rc = device_attach(&t->dev, &template_class, vm, name, base, e);
    if (rc) {
        free(t);
        return rc;
    }
    t->irq = irq;
    clock_timer_init(&t->timer, template_expired, t);
    template_reset(&t->dev);
    return 0;
}
