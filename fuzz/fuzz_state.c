/* Hostile saved state. Each step takes the saved state of one object or of the whole machine,
 * changes bytes of it as the input says (or takes the input's bytes as they are), loads it, and
 * goes on with the machine: a few register accesses, queues served, instructions executed. A state
 * that is refused must leave a machine that a reset makes whole. Input: steps of a selector byte,
 * patches, and machine_step(). */
#include "base/check.h"
#include "machine.h"
#include "vm/vm_state.h"

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

/* What to load instead of `saved`. */
static void change(struct buf *saved, struct input *in, bool raw)
{
    if (!raw) {
        patch(saved, in);
        return;
    }
    size_t n = take(in, 2);
    const uint8_t *p = take_bytes(in, &n);
    saved->len = 0;
    CHECK(!buf_append(saved, p, n));
}

static int load_object(const struct state_field *fields, void *object, struct input *in, bool raw,
                       struct err *e)
{
    struct buf b = {0};
    size_t used = 0;
    CHECK(!state_save(fields, object, &b));
    change(&b, in, raw);
    int r = state_load(fields, object, b.data, b.len, &used, e);
    CHECK(r || used <= b.len);
    buf_fini(&b);
    return r;
}

static int load_all(struct vm *vm, struct input *in, bool raw, struct err *e)
{
    struct buf b = {0};
    CHECK(!vm_save(vm, &b, e));
    change(&b, in, raw);
    int r = vm_load(vm, b.data, b.len, e);
    buf_fini(&b);
    return r;
}

/* True when the state was accepted. */
static bool load(struct machine *m, struct input *in)
{
    unsigned which = (unsigned)take(in, 1);
    bool raw = which & 0x80;
    struct vm *vm = &m->board.vm;
    struct vcpu *v = vm->vcpus[0];
    struct device *d = m->devices[(which & 0x7f) % m->device_count];
    struct err e = {0};
    int r;
    vm->event = VM_EVENT_NONE;
    switch (which & 0x7f) {
    case 0x7e:
    case 0x7d:
        r = load_all(vm, in, raw, &e);
        break;
    case 0x7f:
        r = load_object(vcpu_fields, &v->cpu, in, raw, &e);
        if (!r)
            r = vcpu_loaded(v, &e);
        break;
    default:
        r = load_object(d->cls->fields, d, in, raw, &e);
        if (!r && d->cls->loaded)
            r = d->cls->loaded(d, &e);
        break;
    }
    CHECK(r ? r == -e.code && e.text[0] : true);
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
