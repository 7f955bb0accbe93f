/* What the tests of devices share: a machine with a counted clock, a fixed wall clock and no vCPU,
 * one wire that records its level, accesses through the bus, and the checks that every device must
 * pass. */
#ifndef TESTS_UNIT_DEV_DEV_TEST_H
#define TESTS_UNIT_DEV_DEV_TEST_H

#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEV_BASE UINT64_C(0x09000000)
#define WALL_SECONDS 1700000000u
#define SECOND_NS UINT64_C(1000000000)

struct machine {
    struct vm vm;
    struct journal_ops journal;
    bool line;             /* the device's interrupt */
    unsigned line_changes;
};

static inline uint64_t fixed_wall(struct journal *j, enum journal_kind kind, uint64_t live)
{
    (void)j;
    return kind == JOURNAL_WALL ? WALL_SECONDS : live;
}

static inline void record_line(void *arg, unsigned n, bool level)
{
    struct machine *m = arg;
    assert_int_equal(n, 5);
    m->line = level;
    m->line_changes++;
}

static inline struct machine *machine_create(void)
{
    struct machine *m = calloc(1, sizeof(*m));
    struct err e = {0};
    assert_non_null(m);
    assert_int_equal(vm_create(&m->vm, 0x40000000, 0x10000, CLOCK_COUNTED, &e), 0);
    m->journal = journal_live_ops;
    m->journal.value = fixed_wall;
    m->vm.journal.ops = &m->journal;
    clock_start(&m->vm.clock);
    return m;
}

static inline void machine_destroy(struct machine *m)
{
    vm_destroy(&m->vm);
    free(m);
}

static inline struct irq machine_irq(struct machine *m)
{
    return (struct irq){.sink = record_line, .arg = m, .n = 5};
}

static inline uint64_t rd_size(struct machine *m, uint64_t offset, unsigned size)
{
    uint64_t v = 0xdeaddeaddeaddead;
    assert_true(bus_read(&m->vm.bus, DEV_BASE + offset, size, &v));
    return v;
}

static inline uint32_t rd(struct machine *m, uint64_t offset)
{
    return (uint32_t)rd_size(m, offset, 4);
}

static inline void wr_size(struct machine *m, uint64_t offset, unsigned size, uint64_t v)
{
    assert_true(bus_write(&m->vm.bus, DEV_BASE + offset, size, v));
}

static inline void wr(struct machine *m, uint64_t offset, uint32_t v)
{
    wr_size(m, offset, 4, v);
}

static inline uint64_t guest_errors(const struct device *d)
{
    return d->err.count;
}

/* ---- Checks of state ---- */

static inline struct buf save_device(const struct device *d)
{
    struct buf b = {0};
    assert_int_equal(state_save(d->cls->fields, d, &b), 0);
    return b;
}

/* state_load and the class's own validation, as a snapshot does it. */
static inline int load_device(struct device *d, const struct buf *b)
{
    struct err e = {0};
    size_t used;
    int r = state_load(d->cls->fields, d, b->data, b->len, &used, &e);
    if (!r && d->cls->loaded)
        r = d->cls->loaded(d, &e);
    if (r)
        assert_true(e.text[0]);
    return r;
}

/* The state of `d` now, loaded into `other` and saved again, is the same bytes. */
static inline void check_save_load(const struct device *d, struct device *other)
{
    struct buf b = save_device(d);
    assert_int_equal(load_device(other, &b), 0);
    struct buf c = save_device(other);
    assert_int_equal(b.len, c.len);
    assert_memory_equal(b.data, c.data, b.len);
    assert_null(state_diff(d->cls->fields, d, other));
    buf_fini(&b);
    buf_fini(&c);
}

/* After a reset nothing is left of what happened to `used`. */
static inline void check_reset_is_fresh(struct device *used, const struct device *fresh)
{
    used->cls->reset(used);
    const char *differs = state_diff(used->cls->fields, used, fresh);
    if (differs)
        fail_msg("field %s is not reset", differs);
}

/* Finds a saved field's data in a stream; null when there is none of this name. */
static inline uint8_t *field_data(struct buf *b, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 4; i + n + 6 < b->len;) {
        unsigned name_len = b->data[i];
        const uint8_t *after = b->data + i + 1 + name_len;
        if (name_len == n && memcmp(b->data + i + 1, name, n) == 0)
            return b->data + i + n + 6;
        i += name_len + 6u + *after * (size_t)le_load(after + 1, 4);
    }
    fail_msg("no field %s", name);
    return NULL;
}

/* Loads the state of `d` with one value replaced; it must be refused. */
static inline void check_load_refuses(struct device *d, const char *field, unsigned size,
                                      uint64_t v)
{
    struct buf b = save_device(d);
    le_store(field_data(&b, field), size, v);
    assert_int_equal(load_device(d, &b), -EINVAL);
    buf_fini(&b);
}

/* Every truncation, and every value one above its row's maximum, is refused and changes nothing. */
static inline void check_hostile_loads(struct device *d)
{
    struct buf b = save_device(d);
    size_t len = b.len;
    for (size_t n = 0; n < len; n++) {
        b.len = n;
        assert_int_equal(load_device(d, &b), -EINVAL);
    }
    b.len = len;
    for (const struct state_field *f = d->cls->fields; f->name; f++) {
        bool limited = f->kind == STATE_BOOL ||
                       (f->kind == STATE_UINT && f->max < MASK(8 * f->elem_size));
        if (limited)
            check_load_refuses(d, f->name, f->elem_size, f->max + 1);
    }
    struct buf c = save_device(d);
    assert_memory_equal(b.data, c.data, b.len);
    buf_fini(&b);
    buf_fini(&c);
}

static inline void check_fields_complete(const struct dev_class *c)
{
    const char *before = state_uncovered(c->fields, c->object_bytes);
    if (before)
        fail_msg("%s: a member after %s has no row", c->name, before);
}

#endif
