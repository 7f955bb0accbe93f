/* The bus: windows do not overlap, sizes that a device does not take are RAZ/WI. */
#include "vm/bus.h"
#include "base/bits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct probe {
    struct device dev;
    uint64_t offset, value;
    unsigned size, writes;
};

static uint64_t probe_read(struct device *d, uint64_t offset, unsigned size)
{
    struct probe *p = CONTAINER_OF(d, struct probe, dev);
    p->offset = offset;
    p->size = size;
    return UINT64_C(0x1122334455667788);
}

static void probe_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct probe *p = CONTAINER_OF(d, struct probe, dev);
    p->offset = offset;
    p->size = size;
    p->value = value;
    p->writes++;
}

static const struct dev_class probe_class = {
    .name = "probe", .window_bytes = 0x1000, .min_access = 2, .max_access = 4,
    .read = probe_read, .write = probe_write,
};

static void test_bus_rejects_overlap(void **state)
{
    (void)state;
    static struct bus b;
    struct probe p;
    struct err e = {0};
    device_init(&p.dev, &probe_class, "probe");
    assert_int_equal(bus_add(&b, 0x2000, 0x1000, &p.dev, 0, &e), 0);
    assert_int_equal(bus_add(&b, 0x2fff, 1, &p.dev, 0, &e), -EINVAL);
    assert_int_equal(bus_add(&b, 0x1fff, 2, &p.dev, 0, &e), -EINVAL);
    assert_int_equal(bus_add(&b, 0x1000, 0x1000, &p.dev, 0, &e), 0);
    assert_int_equal(bus_add(&b, 0x3000, 0x1000, &p.dev, 0, &e), 0);
    uint64_t v;
    assert_false(bus_read(&b, 0xfff, 1, &v));
    assert_false(bus_read(&b, 0x4000, 4, &v));
    assert_true(bus_read(&b, 0x3ffc, 4, &v));
    assert_int_equal(p.offset, 0xffc);
}

static void test_bus_holds_up_to_its_limit(void **state)
{
    (void)state;
    static struct bus b;
    struct probe p;
    struct err e = {0};
    device_init(&p.dev, &probe_class, "probe");
    for (unsigned i = 0; i < BUS_MAX_WINDOWS; i++)
        assert_int_equal(bus_add(&b, (BUS_MAX_WINDOWS - i) * 0x1000u, 0x1000, &p.dev, i * 16, &e),
                         0);
    assert_int_equal(bus_add(&b, 0x10000000, 0x1000, &p.dev, 0, &e), -ENOSPC);
    uint64_t v;
    for (unsigned i = 0; i < BUS_MAX_WINDOWS; i++) {
        assert_true(bus_read(&b, (BUS_MAX_WINDOWS - i) * 0x1000u, 4, &v));
        assert_int_equal(p.offset, i * 16);
    }
}

static void test_bus_sizes_not_taken_are_razwi(void **state)
{
    (void)state;
    static struct bus b;
    struct probe p = {0};
    device_init(&p.dev, &probe_class, "probe");
    assert_int_equal(bus_add(&b, 0, 0x1000, &p.dev, 0, NULL), 0);
    uint64_t v = 1;
    assert_true(bus_read(&b, 0x10, 8, &v));
    assert_int_equal(v, 0);
    v = 1;
    assert_true(bus_read(&b, 0x10, 1, &v));
    assert_int_equal(v, 0);
    assert_true(bus_write(&b, 0x10, 8, 5));
    assert_int_equal(p.writes, 0);
    assert_int_equal(p.dev.err.count, 3);
    assert_true(bus_read(&b, 0x10, 2, &v));
    assert_int_equal(v, 0x7788);
    assert_true(bus_write(&b, 0x14, 4, UINT64_C(0xaabbccdd11223344)));
    assert_int_equal(p.value, 0x11223344);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bus_rejects_overlap),
        cmocka_unit_test(test_bus_holds_up_to_its_limit),
        cmocka_unit_test(test_bus_sizes_not_taken_are_razwi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
