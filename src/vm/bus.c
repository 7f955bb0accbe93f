/* The sorted table of device windows, searched by halving. See bus.h. */
#include "vm/bus.h"

#include "base/bits.h"

#include <errno.h>
#include <string.h>

int bus_add(struct bus *b, uint64_t base, uint64_t bytes, struct device *dev, uint64_t offset,
            struct err *e)
{
    unsigned at = 0;
    while (at < b->count && b->windows[at].base < base)
        at++;
    if (at > 0 && base - b->windows[at - 1].base < b->windows[at - 1].bytes)
        return err_set(e, EINVAL, "device %s at 0x%llx overlaps %s", dev->name,
                       (unsigned long long)base, b->windows[at - 1].dev->name);
    if (at < b->count && b->windows[at].base - base < bytes)
        return err_set(e, EINVAL, "device %s at 0x%llx overlaps %s", dev->name,
                       (unsigned long long)base, b->windows[at].dev->name);
    if (b->count == BUS_MAX_WINDOWS)
        return err_set(e, ENOSPC, "no room for device %s: %d windows are in use", dev->name,
                       BUS_MAX_WINDOWS);
    memmove(&b->windows[at + 1], &b->windows[at], (b->count - at) * sizeof(b->windows[0]));
    b->windows[at] = (struct bus_window){base, bytes, dev, offset};
    b->count++;
    return 0;
}

static const struct bus_window *bus_find(const struct bus *b, uint64_t pa)
{
    unsigned lo = 0, hi = b->count;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const struct bus_window *w = &b->windows[mid];
        if (pa < w->base)
            hi = mid;
        else if (pa - w->base >= w->bytes)
            lo = mid + 1;
        else
            return w;
    }
    return NULL;
}

/* Sizes that a device does not take, and accesses that are not aligned to their size (only a
 * page-crossing Device access could be), read as zero and are ignored when written. */
static bool bus_accepts(struct device *d, uint64_t offset, unsigned size, bool write)
{
    if (size >= d->cls->min_access && size <= d->cls->max_access && offset % size == 0)
        return true;
    guest_err(&d->err, d->name, "%s of %u bytes at offset 0x%llx is not supported",
              write ? "write" : "read", size, (unsigned long long)offset);
    return false;
}

bool bus_read(struct bus *b, uint64_t pa, unsigned size, uint64_t *value)
{
    const struct bus_window *w = bus_find(b, pa);
    if (!w)
        return false;
    struct device *d = w->dev;
    uint64_t offset = pa - w->base + w->offset;
    *value = 0;
    if (bus_accepts(d, offset, size, false)) {
        pthread_mutex_lock(&d->lock);
        *value = d->cls->read(d, offset, size) & MASK(size * 8);
        pthread_mutex_unlock(&d->lock);
    }
    return true;
}

bool bus_write(struct bus *b, uint64_t pa, unsigned size, uint64_t value)
{
    const struct bus_window *w = bus_find(b, pa);
    if (!w)
        return false;
    struct device *d = w->dev;
    uint64_t offset = pa - w->base + w->offset;
    if (bus_accepts(d, offset, size, true)) {
        pthread_mutex_lock(&d->lock);
        d->cls->write(d, offset, size, value & MASK(size * 8));
        pthread_mutex_unlock(&d->lock);
    }
    return true;
}
