/* A saved machine (vm/vm_state.h) as a list of named values. The stream names its objects and
 * fields, so this knows no device; only the array of system registers gets the registers' names. */
#include "lockstep.h"

#include "a64/sysreg.h"
#include "base/bits.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const uint8_t *p;
    size_t left;
};

static const uint8_t *take(struct reader *r, size_t n)
{
    if (n > r->left)
        return NULL;
    const uint8_t *p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

static bool take_number(struct reader *r, unsigned bytes, uint64_t *to)
{
    const uint8_t *p = take(r, bytes);
    *to = p ? le_load(p, bytes) : 0;
    return p != NULL;
}

static bool take_text(struct reader *r, char text[static 256])
{
    uint64_t n;
    const uint8_t *p = take_number(r, 1, &n) ? take(r, n) : NULL;
    if (!p)
        return false;
    memcpy(text, p, n);
    text[n] = 0;
    return true;
}

static bool add(struct ls_values *to, const char *name, uint64_t value)
{
    if (to->count == to->cap) {
        size_t cap = to->cap ? 2 * to->cap : 1024;
        struct ls_value *v = realloc(to->v, cap * sizeof(*v));
        if (!v)
            return false;
        to->v = v;
        to->cap = cap;
    }
    struct ls_value *v = &to->v[to->count++];
    snprintf(v->name, sizeof(v->name), "%s", name);
    v->value = value;
    return true;
}

/* Bytes are shown as words of 8, so that a vector register is two values. */
static bool add_field(struct ls_values *to, const char *object, const char *field, unsigned size,
                      uint64_t count, const uint8_t *data)
{
    bool vectors = !strcmp(object, "vcpu0") && !strcmp(field, "v");
    bool sysregs = !strcmp(object, "vcpu0") && !strcmp(field, "sys");
    size_t bytes = (size_t)size * count;
    if (size == 1 && count > 8)
        size = 8;
    for (size_t at = 0; at < bytes; at += size) {
        char name[80];
        unsigned n = (unsigned)(at / size), width = size;
        if (at + width > bytes)
            width = 1, size = 1;
        if (vectors)
            snprintf(name, sizeof(name), "V%u.D[%u]", n / 2, n % 2);
        else if (sysregs && n < A64_SYSREG_COUNT)
            snprintf(name, sizeof(name), "%s", a64_sysreg_info((enum a64_sysreg)n)->name);
        else if (count == 1)
            snprintf(name, sizeof(name), "%.32s.%.40s", object, field);
        else
            snprintf(name, sizeof(name), "%.32s.%.32s[%u]", object, field, n);
        if (!add(to, name, le_load(data + at, width)))
            return false;
    }
    return true;
}

/* One table's worth of fields. */
static bool read_table(struct ls_values *to, const char *object, struct reader *r)
{
    uint64_t fields;
    if (!take_number(r, 4, &fields))
        return false;
    for (uint64_t i = 0; i < fields; i++) {
        char field[256];
        uint64_t size, count;
        if (!take_text(r, field) || !take_number(r, 1, &size) || !take_number(r, 4, &count))
            return false;
        const uint8_t *data = take(r, size * count);
        if (!data || (size != 1 && size != 2 && size != 4 && size != 8) ||
            !add_field(to, object, field, (unsigned)size, count, data))
            return false;
    }
    return true;
}

bool values_read(struct ls_values *to, const uint8_t *data, size_t len)
{
    struct reader r = {data, len};
    if (!take(&r, 6 + 2) || !read_table(to, "machine", &r)) /* magic, version */
        return false;
    while (r.left) {
        char object[256], class_name[256];
        uint64_t bytes;
        if (!take_text(&r, object) || !take_text(&r, class_name) || !take_number(&r, 4, &bytes))
            return false;
        struct reader inside = {take(&r, bytes), bytes};
        if (!inside.p)
            return false;
        while (inside.left) {
            if (!read_table(to, object, &inside))
                return false;
        }
    }
    return true;
}

void values_fini(struct ls_values *v)
{
    free(v->v);
    *v = (struct ls_values){0};
}
