/* The power key. A key that is let go at once would be taken for a glitch (Linux' gpio-keys waits
 * 5 ms for the level to settle), so it stays down for a moment of virtual time, which is state: a
 * machine saved meanwhile lets the key go after it was loaded.
 *
 * It is a device without a register window. Its lock is not held while it moves the wire, since
 * that takes the lock of another device.
 */
#include "board/power_key.h"

#include "base/bits.h"
#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>

#define DOWN_NS 100000000u

struct power_key {
    struct device dev;
    struct pl061 *gpio;
    unsigned pin;
    struct clock_timer release;
    vtime_t release_at; /* VTIME_NEVER: up */
};

static struct power_key *key_of(struct device *d)
{
    return CONTAINER_OF(d, struct power_key, dev);
}

static void key_set(struct power_key *k, vtime_t release_at)
{
    pthread_mutex_lock(&k->dev.lock);
    k->release_at = release_at;
    clock_timer_set(&k->dev.vm->clock, &k->release, release_at);
    pthread_mutex_unlock(&k->dev.lock);
}

/* The clock's call, which may come late, for a key that was pressed again since. */
static void key_release(void *arg)
{
    struct power_key *k = arg;
    pthread_mutex_lock(&k->dev.lock);
    bool up = k->release_at <= clock_now(&k->dev.vm->clock);
    if (up)
        k->release_at = VTIME_NEVER;
    pthread_mutex_unlock(&k->dev.lock);
    if (up)
        pl061_set_input(k->gpio, k->pin, false);
}

void power_key_press(struct power_key *k)
{
    pl061_set_input(k->gpio, k->pin, true);
    key_set(k, clock_now(&k->dev.vm->clock) + DOWN_NS);
}

/* ---- Life ---- */

static uint64_t key_read(struct device *d, uint64_t offset, unsigned size)
{
    (void)d;
    (void)offset;
    (void)size;
    return 0; /* no window: not called */
}

static void key_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    (void)d;
    (void)offset;
    (void)size;
    (void)value;
}

static void key_reset(struct device *d)
{
    struct power_key *k = key_of(d);
    key_set(k, VTIME_NEVER);
    pl061_set_input(k->gpio, k->pin, false);
}

static int key_loaded(struct device *d, struct err *e)
{
    struct power_key *k = key_of(d);
    (void)e; /* any time is possible: one in the past lets go at once */
    key_set(k, k->release_at);
    pl061_set_input(k->gpio, k->pin, k->release_at != VTIME_NEVER);
    return 0;
}

static void key_destroy(struct device *d)
{
    struct power_key *k = key_of(d);
    clock_timer_set(&d->vm->clock, &k->release, VTIME_NEVER);
    pthread_mutex_destroy(&d->lock);
    free(k);
}

#define S struct power_key
static const struct state_field key_fields[] = {
    F_DEVICE(S),
    F_WIRING(S, gpio),
    F_WIRING(S, pin),
    F_DERIVED(S, release, "key_loaded sets it to release_at"),
    F_UINT(S, release_at),
    F_END,
};

const struct dev_class power_key_class = {
    .name = "power-key",
    .window_bytes = 0,
    .min_access = 1,
    .max_access = 4,
    .fields = key_fields,
    .object_bytes = sizeof(S),
    .read = key_read,
    .write = key_write,
    .reset = key_reset,
    .loaded = key_loaded,
    .destroy = key_destroy,
};

int power_key_create(struct vm *vm, struct pl061 *gpio, unsigned pin, struct power_key **out,
                     struct err *e)
{
    struct power_key *k = fault_point("power_key_alloc") ? NULL : calloc(1, sizeof(*k));
    if (!k)
        return err_set(e, ENOMEM, "out of memory for the power key");
    int r = device_attach(&k->dev, &power_key_class, vm, "power-key", 0, e);
    if (r) {
        free(k);
        return r;
    }
    k->gpio = gpio;
    k->pin = pin;
    k->release_at = VTIME_NEVER;
    clock_timer_init(&k->release, key_release, k);
    *out = k;
    return 0;
}
