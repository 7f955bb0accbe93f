/* dev/classes.def: what must hold for every device class. */
#include "dev_test.h"

#define DEV_CLASS(x) extern const struct dev_class x##_class;
#include "dev/classes.def"
#undef DEV_CLASS

static const struct dev_class *const classes[] = {
#define DEV_CLASS(x) &x##_class,
#include "dev/classes.def"
#undef DEV_CLASS
};

static void test_every_member_of_every_device_has_a_row(void **s)
{
    (void)s;
    for (unsigned i = 0; i < ARRAY_LEN(classes); i++)
        check_fields_complete(classes[i]);
}

static void test_every_class_is_complete(void **s)
{
    (void)s;
    for (unsigned i = 0; i < ARRAY_LEN(classes); i++) {
        const struct dev_class *c = classes[i];
        assert_true(c->name && c->reset && c->destroy);
        assert_string_equal(c->fields[0].name, "dev");
        if (!c->window_bytes) /* reached otherwise */
            continue;
        assert_true(c->read && c->write);
        assert_true(c->window_bytes >= 0x1000 && c->window_bytes % 0x1000 == 0);
        assert_true(c->min_access >= 1 && c->min_access <= c->max_access && c->max_access <= 8);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(c->name, classes[j]->name);
        for (const struct state_field *f = c->fields; f->name; f++) {
            if (f->kind == STATE_DERIVED)
                assert_true(f->why && f->why[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member_of_every_device_has_a_row),
        cmocka_unit_test(test_every_class_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
