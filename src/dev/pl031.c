/* The PL031 real-time clock: a 32-bit counter of seconds with one alarm (DDI 0224C chapter 3).
 *
 * The counter is the number last loaded plus the seconds of virtual time since then. At power-on it
 * is loaded with the host's wall-clock time, which is read once, through the journal; afterwards
 * only virtual time counts, so a machine that is stopped, saved and loaded goes on at the second
 * where it was. RTCCR reads as 1: the counter is battery backed and already runs, and as on the
 * chip software cannot stop it.
 *
 * The alarm is a timer of the virtual clock, set when RTCMR or RTCLR is written to the moment when
 * the counter will be equal to RTCMR. A match that is 136 years away because it has just passed is
 * not set again after it fired.
 */
#include "dev/pl031.h"

#include "base/bits.h"
#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
    RTCDR = 0x000,
    RTCMR = 0x004,
    RTCLR = 0x008,
    RTCCR = 0x00c,
    RTCIMSC = 0x010,
    RTCRIS = 0x014,
    RTCMIS = 0x018,
    RTCICR = 0x01c,
    RTCID = 0xfe0, /* RTCPeriphID0..3, RTCPCellID0..3 */
};

#define SECOND UINT64_C(1000000000)

struct pl031 {
    struct device dev;
    struct irq irq;
    struct clock_timer alarm;

    uint32_t mr, lr;
    uint32_t loaded_value; /* the counter at virtual time loaded_at */
    bool imsc, ris;
    vtime_t loaded_at;
    vtime_t alarm_at; /* VTIME_NEVER: none */
};

static const uint8_t pl031_id[8] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static struct pl031 *pl031_of(struct device *d)
{
    return CONTAINER_OF(d, struct pl031, dev);
}

static void pl031_update(struct pl031 *p)
{
    irq_set(&p->irq, p->ris && p->imsc);
}

/* Whole seconds of virtual time since the counter was loaded. */
static uint64_t pl031_elapsed(const struct pl031 *p, vtime_t now)
{
    return now > p->loaded_at ? (now - p->loaded_at) / SECOND : 0;
}

static uint32_t pl031_counter(struct pl031 *p)
{
    return p->loaded_value + (uint32_t)pl031_elapsed(p, clock_now(&p->dev.vm->clock));
}

/* Sets the alarm to when the counter is equal to RTCMR: now, or later. */
static void pl031_arm(struct pl031 *p)
{
    struct clock *c = &p->dev.vm->clock;
    vtime_t now = clock_now(c);
    uint64_t elapsed = pl031_elapsed(p, now);
    uint32_t wait = p->mr - (p->loaded_value + (uint32_t)elapsed);
    p->alarm_at = wait ? p->loaded_at + (elapsed + wait) * SECOND : VTIME_NEVER;
    clock_timer_set(c, &p->alarm, p->alarm_at);
    if (!wait)
        p->ris = true;
}

/* The virtual clock's call, without locks. It may come late, for an alarm that was moved since. */
static void pl031_alarm(void *arg)
{
    struct pl031 *p = arg;
    pthread_mutex_lock(&p->dev.lock);
    if (p->alarm_at <= clock_now(&p->dev.vm->clock)) {
        p->alarm_at = VTIME_NEVER;
        p->ris = true;
        pl031_update(p);
    }
    pthread_mutex_unlock(&p->dev.lock);
}

static void pl031_load(struct pl031 *p, uint32_t value)
{
    p->loaded_value = value;
    p->loaded_at = clock_now(&p->dev.vm->clock);
    pl031_arm(p);
}

/* ---- Registers ---- */

static uint64_t pl031_read(struct device *d, uint64_t offset, unsigned size)
{
    struct pl031 *p = pl031_of(d);
    (void)size;
    if (offset >= RTCID && offset % 4 == 0)
        return pl031_id[(offset - RTCID) / 4];
    switch (offset) {
    case RTCDR:
        return pl031_counter(p);
    case RTCMR:
        return p->mr;
    case RTCLR:
        return p->lr;
    case RTCCR:
        return 1;
    case RTCIMSC:
        return p->imsc;
    case RTCRIS:
        return p->ris;
    case RTCMIS:
        return p->ris && p->imsc;
    default:
        guest_err(&d->err, d->name, "read at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return 0;
    }
}

static void pl031_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct pl031 *p = pl031_of(d);
    (void)size;
    switch (offset) {
    case RTCMR:
        p->mr = (uint32_t)value;
        pl031_arm(p);
        break;
    case RTCLR:
        p->lr = (uint32_t)value;
        pl031_load(p, p->lr);
        break;
    case RTCCR: /* it runs already */
        break;
    case RTCIMSC:
        p->imsc = value & 1;
        break;
    case RTCICR:
        if (value & 1)
            p->ris = false;
        break;
    default:
        guest_err(&d->err, d->name, "write at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return;
    }
    pl031_update(p);
}

/* ---- Life ---- */

static void pl031_reset(struct device *d)
{
    struct pl031 *p = pl031_of(d);
    pthread_mutex_lock(&d->lock);
    p->mr = p->lr = 0;
    p->imsc = false;
    pl031_load(p, (uint32_t)clock_wall_seconds(&d->vm->clock));
    p->ris = false;
    pl031_update(p);
    pthread_mutex_unlock(&d->lock);
}

static int pl031_loaded(struct device *d, struct err *e)
{
    struct pl031 *p = pl031_of(d);
    (void)e; /* an alarm in the past fires at once; everything else is in range */
    pthread_mutex_lock(&d->lock);
    clock_timer_set(&d->vm->clock, &p->alarm, p->alarm_at);
    irq_refresh(&p->irq, p->ris && p->imsc);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

static void pl031_destroy(struct device *d)
{
    struct pl031 *p = pl031_of(d);
    clock_timer_set(&d->vm->clock, &p->alarm, VTIME_NEVER);
    pthread_mutex_destroy(&d->lock);
    free(p);
}

/* ---- Class ---- */

#define S struct pl031
static const struct state_field pl031_fields[] = {
    F_DEVICE(S),
    F_DERIVED(S, irq, "pl031_loaded drives it"),
    F_DERIVED(S, alarm, "pl031_loaded sets it to alarm_at"),
    F_UINT_MAX(S, mr, UINT32_MAX),
    F_UINT_MAX(S, lr, UINT32_MAX),
    F_UINT_MAX(S, loaded_value, UINT32_MAX),
    F_BOOL(S, imsc),
    F_BOOL(S, ris),
    F_UINT(S, loaded_at),
    F_UINT(S, alarm_at),
    F_END,
};

const struct dev_class pl031_class = {
    .name = "pl031",
    .window_bytes = 0x1000,
    .min_access = 1,
    .max_access = 4,
    .fields = pl031_fields,
    .object_bytes = sizeof(S),
    .read = pl031_read,
    .write = pl031_write,
    .reset = pl031_reset,
    .loaded = pl031_loaded,
    .destroy = pl031_destroy,
};

int pl031_create(struct vm *vm, const char *name, uint64_t base, struct irq irq, struct err *e)
{
    struct pl031 *p = fault_point("pl031_alloc") ? NULL : calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, ENOMEM, "out of memory for %s", name);
    int rc = device_attach(&p->dev, &pl031_class, vm, name, base, e);
    if (rc) {
        free(p);
        return rc;
    }
    p->irq = irq;
    clock_timer_init(&p->alarm, pl031_alarm, p);
    pl031_reset(&p->dev);
    return 0;
}
