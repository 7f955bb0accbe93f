/* Hostile saved state. Each step takes the saved state of one object, changes bytes of it as the
 * input says (or takes the input's bytes as they are), loads it, and goes on with the machine: a
 * few register accesses, queues served, instructions executed. A state that is refused must leave a
 * machine that a reset makes whole. Input: steps of a selector byte, patches, and machine_step().
 */
#include "base/check.h"
#include "machine.h"

#include <stdlib.h>

#define MAX_ROUNDS 16u

/* Changes up to 7 places of the saved state. */
static void patch(struct buf *b, struct input *in)
{
    unsigned n = take(in, 1) & 7;
    for (unsigned i = 0; i < n; i++) {
        size_t at = take(in, 2);
        uint64_t len = take(in, 1), value = take_value(in, VIRT_RAM_BASE);
        for (unsigned k = 0; k < (len & 7) + 1 && at + k < b->len; k++)
            b->data[at + k] = (uint8_t)(value >> (8 * k));
    }
}

/* True when the state was accepted. */
static bool load(struct machine *m, struct input *in)
{
    unsigned which = (unsigned)take(in, 1), raw = which & 0x80;
    struct vcpu *v = m->board.vm.vcpus[0];
    struct device *d = m->devices[(which & 0x7f) % m->device_count];
    bool is_vcpu = (which & 0x7f) == 0x7f;
    const struct state_field *fields = is_vcpu ? vcpu_fields : d->cls->fields;
    void *object = is_vcpu ? (void *)&v->cpu : (void *)d;
    struct buf b = {0};
    struct err e = {0};
    size_t used = 0;
    int r;
    if (raw) {
        size_t n = take(in, 2);
        const uint8_t *p = take_bytes(in, &n);
        r = buf_append(&b, p, n);
    } else {
        r = state_save(fields, object, &b);
        patch(&b, in);
    }
    CHECK(!r);
    r = state_load(fields, object, b.data, b.len, &used, &e);
    CHECK(r ? r == -e.code && e.text[0] : used <= b.len);
    if (!r && is_vcpu)
        r = vcpu_loaded(v, &e);
    else if (!r && d->cls->loaded)
        r = d->cls->loaded(d, &e);
    buf_fini(&b);
    return !r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct machine *m = machine_get();
    for (unsigned i = 0; i < MAX_ROUNDS && in.left; i++) {
        bool good = load(m, &in);
        for (unsigned d = 0; good && d < m->device_count; d++) {
            if (m->devices[d]->cls->pause)
                m->devices[d]->cls->pause(m->devices[d], false);
        }
        if (!good)
            vm_reset(&m->board.vm);
        for (unsigned n = take(&in, 1) & 15; n; n--)
            machine_step(m, &in);
        machine_serve(m);
        machine_run(m, 50);
    }
    return 0;
}
