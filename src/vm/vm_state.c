/* Saving and loading a machine. See vm_state.h for the format and the order.
 *
 * Loading walks the stream twice: the first pass compares it with the machine and changes nothing,
 * the second loads. So the common mistakes (a file cut short, another machine's file) leave the
 * machine untouched, and only a stream made on purpose fails half-way.
 */
#include "vm/vm_state.h"

#include "base/bits.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "SJRNVM"
#define MAGIC_BYTES 6u
#define VERSION 1u
#define VCPU_CLASS "vcpu"
#define TIME_MAX (UINT64_MAX / 2) /* deadlines in its future must not wrap */

/* The machine's own object: what it must be like, its time, and where the random numbers of a fixed
 * journal and of the vCPUs' turns are. */
struct head {
    uint64_t ram_base, ram_bytes, now, random, turn_random;
    uint32_t cpus, devices;
    bool counted;
};

#define S struct head
static const struct state_field head_fields[] = {
    F_UINT(S, ram_base), F_UINT(S, ram_bytes), F_UINT_MAX(S, now, TIME_MAX), F_UINT(S, random),
    F_UINT(S, turn_random),
    F_UINT(S, cpus),     F_UINT(S, devices),   F_BOOL(S, counted),           F_END,
};

/* One vCPU or device of the machine. */
struct object {
    char name[32];
    const char *class_name;
    const struct state_field *fields[2]; /* null: no second table */
    void *data[2];
};

static struct object vcpu_object(struct vcpu *v)
{
    struct object o = {
        .class_name = VCPU_CLASS,
        .fields = {vcpu_fields, vcpu_run_fields},
        .data = {&v->cpu, v},
    };
    snprintf(o.name, sizeof(o.name), "vcpu%u", v->index);
    return o;
}

static struct object device_object(struct device *d)
{
    struct object o = {.class_name = d->cls->name, .fields = {d->cls->fields}, .data = {d}};
    snprintf(o.name, sizeof(o.name), "%s", d->name);
    return o;
}

static uint32_t device_count(const struct vm *vm)
{
    uint32_t n = 0;
    for (const struct device *d = vm->devices; d; d = d->next)
        n++;
    return n;
}

static struct head head_of(struct vm *vm)
{
    return (struct head){
        .ram_base = vm->mem.ram_base,
        .ram_bytes = vm->mem.ram_bytes,
        .now = clock_now(&vm->clock),
        .random = vm->journal.random,
        .turn_random = vm->turns.random,
        .cpus = vm->cpu_count,
        .devices = device_count(vm),
        .counted = vm->clock.source == CLOCK_COUNTED,
    };
}

/* ---- Save ---- */

static int put_text(struct buf *out, const char *text)
{
    uint8_t n = (uint8_t)strlen(text);
    int r = buf_append(out, &n, 1);
    return r ? r : buf_append(out, text, n);
}

static int put_object(struct buf *out, const struct object *o)
{
    uint32_t bytes = 0;
    int r = put_text(out, o->name);
    if (!r)
        r = put_text(out, o->class_name);
    size_t at = out->len;
    if (!r)
        r = buf_append(out, &bytes, sizeof(bytes));
    for (unsigned i = 0; i < ARRAY_LEN(o->fields) && o->fields[i] && !r; i++)
        r = state_save(o->fields[i], o->data[i], out);
    if (!r)
        le_store(out->data + at, 4, out->len - at - 4);
    return r;
}

static int put_machine(struct vm *vm, struct buf *out)
{
    struct head head = head_of(vm);
    uint8_t magic[MAGIC_BYTES + 2] = MAGIC;
    le_store(magic + MAGIC_BYTES, 2, VERSION);
    int r = buf_append(out, magic, sizeof(magic));
    if (!r)
        r = state_save(head_fields, &head, out);
    for (unsigned i = 0; i < vm->cpu_count && !r; i++) {
        struct object o = vcpu_object(vm->vcpus[i]);
        r = put_object(out, &o);
    }
    for (struct device *d = vm->devices; d && !r; d = d->next) {
        struct object o = device_object(d);
        r = put_object(out, &o);
    }
    return r;
}

int vm_save(struct vm *vm, struct buf *out, struct err *e)
{
    if (vm->event != VM_EVENT_NONE)
        return err_set(e, EBUSY, "the machine has ended or was asked to");
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_settle(vm->vcpus[i]);
    size_t before = out->len;
    if (put_machine(vm, out)) {
        out->len = before;
        return err_set(e, ENOMEM, "out of memory for the machine's state");
    }
    return 0;
}

/* ---- Load ---- */

/* A text of the stream, cut and made fit to print; false: the stream ends. */
static bool take_text(struct buf_reader *r, char text[static 256])
{
    const uint8_t *n = buf_take(r, 1), *p = n ? buf_take(r, *n) : NULL;
    if (!p)
        return false;
    for (unsigned i = 0; i < *n; i++)
        text[i] = p[i] >= ' ' && p[i] <= '~' ? (char)p[i] : '?';
    text[*n] = 0;
    return true;
}

/* Finds the next section, which must be the object's: its bytes. Null: *e says what is wrong. */
static const uint8_t *take_section(struct buf_reader *r, const struct object *o, uint32_t *bytes,
                                   struct err *e)
{
    char name[256], class_name[256];
    const uint8_t *head = NULL, *p = NULL;
    if (take_text(r, name) && take_text(r, class_name))
        head = buf_take(r, 4);
    if (head && (strcmp(name, o->name) || strcmp(class_name, o->class_name))) {
        err_set(e, EINVAL, "saved machine has '%s' (%s) where this one has '%s' (%s)", name,
                class_name, o->name, o->class_name);
        return NULL;
    }
    if (head) {
        *bytes = (uint32_t)le_load(head, 4);
        p = buf_take(r, *bytes);
    }
    if (!p)
        err_set(e, EINVAL, "the saved machine ends before or inside '%s'", o->name);
    return p;
}

static int load_object(const struct object *o, const uint8_t *data, size_t bytes, struct err *e)
{
    for (unsigned i = 0; i < ARRAY_LEN(o->fields) && o->fields[i]; i++) {
        size_t used;
        int r = state_load(o->fields[i], o->data[i], data, bytes, &used, e);
        if (r)
            return err_add(e, "saved state of '%s'", o->name);
        data += used;
        bytes -= used;
    }
    if (bytes)
        return err_set(e, EINVAL, "saved state of '%s' has %zu bytes too many", o->name, bytes);
    return 0;
}

/* One section, in the pass that looks or in the pass that loads. */
static int next_object(struct buf_reader *r, const struct object *o, bool load, struct err *e)
{
    uint32_t bytes;
    const uint8_t *data = take_section(r, o, &bytes, e);
    if (!data)
        return -EINVAL;
    return load ? load_object(o, data, bytes, e) : 0;
}

static int walk_objects(struct vm *vm, struct buf_reader r, bool load, struct err *e)
{
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        struct object o = vcpu_object(vm->vcpus[i]);
        int rc = next_object(&r, &o, load, e);
        if (rc)
            return rc;
    }
    for (struct device *d = vm->devices; d; d = d->next) {
        struct object o = device_object(d);
        int rc = next_object(&r, &o, load, e);
        if (rc)
            return rc;
    }
    if (r.left)
        return err_set(e, EINVAL, "%zu bytes follow the saved machine", r.left);
    return 0;
}

static int load_head(struct vm *vm, struct buf_reader *r, struct head *out, struct err *e)
{
    const uint8_t *magic = buf_take(r, MAGIC_BYTES + 2);
    if (!magic || memcmp(magic, MAGIC, MAGIC_BYTES))
        return err_set(e, EINVAL, "this is not a saved machine");
    unsigned version = (unsigned)le_load(magic + MAGIC_BYTES, 2);
    if (version != VERSION)
        return err_set(e, EINVAL,
                       "the saved machine is of version %u; this program reads version %u", version,
                       VERSION);
    size_t used;
    int rc = state_load(head_fields, out, r->p, r->left, &used, e);
    if (rc)
        return err_add(e, "saved machine");
    (void)buf_take(r, used);
    struct head here = head_of(vm);
    here.now = out->now;
    here.random = out->random;
    here.turn_random = out->turn_random;
    const char *differs = state_diff(head_fields, out, &here);
    if (differs)
        return err_set(e, EINVAL, "the saved machine is not like this one: '%s' differs", differs);
    return 0;
}

/* What every object derives from its fields, in order of creation. */
static int derive(struct vm *vm, struct err *e)
{
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        /* Until the interrupt controller drives them. */
        atomic_store(&vm->vcpus[i]->cpu.irq_lines, 0);
        int r = vcpu_loaded(vm->vcpus[i], e);
        if (r)
            return r;
    }
    for (struct device *d = vm->devices; d; d = d->next) {
        int r = d->cls->loaded ? d->cls->loaded(d, e) : 0;
        if (r)
            return err_add(e, "saved state of '%s'", d->name);
    }
    return 0;
}

int vm_load(struct vm *vm, const void *data, size_t len, struct err *e)
{
    struct buf_reader r = {data, len};
    struct head head = {0};
    int rc = load_head(vm, &r, &head, e);
    if (!rc)
        rc = walk_objects(vm, r, false, e);
    if (rc)
        return rc;
    clock_set(&vm->clock, head.now);
    vm->journal.random = head.random;
    vm->turns.random = head.turn_random ? head.turn_random : 1;
    rc = walk_objects(vm, r, true, e);
    return rc ? rc : derive(vm, e);
}
