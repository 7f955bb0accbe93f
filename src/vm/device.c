/* The common part of devices. See device.h. */
#include "vm/device.h"

#include "vm/vm.h"

#include <stdio.h>

void device_init(struct device *d, const struct dev_class *cls, const char *name)
{
    *d = (struct device){.cls = cls};
    snprintf(d->name, sizeof(d->name), "%s", name);
    pthread_mutex_init(&d->lock, NULL);
}

int device_attach(struct device *d, const struct dev_class *cls, struct vm *vm, const char *name,
                  uint64_t base, struct err *e)
{
    device_init(d, cls, name);
    d->vm = vm;
    d->base = base;
    int r = cls->window_bytes ? bus_add(&vm->bus, base, cls->window_bytes, d, 0, e) : 0;
    if (r) {
        pthread_mutex_destroy(&d->lock);
        return r;
    }
    struct device **tail = &vm->devices;
    while (*tail)
        tail = &(*tail)->next;
    *tail = d;
    return 0;
}
