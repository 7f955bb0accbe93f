/* The feature table of isa/features.def in C, and the reader of --cpu.
 *
 * Features are independent switches with dependencies, not a ladder of architecture versions: a
 * guest is tested as easily without LSE as with it. Dependencies are checked after the whole option
 * was read, so the order of ",+a,-b" does not matter. */
#include "a64/features.h"

#include "base/check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct feature_row {
    const char *name;
    const char *text;
    bool offered;
    enum a64_feature needs[2]; /* A64_FEAT_BASE: nothing */
};

#define NEEDS0 { A64_FEAT_BASE, A64_FEAT_BASE }
#define NEEDS1(f) { A64_FEAT_##f, A64_FEAT_BASE }
#define NEEDS2(f, g) { A64_FEAT_##f, A64_FEAT_##g }

static const struct feature_row rows[A64_FEATURE_COUNT] = {
    [A64_FEAT_BASE] = { "BASE", "Armv8.0-A with FP and Advanced SIMD", true, NEEDS0 },
#define FEATURE(name, offered, reg, lsb, value, deps, text) \
    [A64_FEAT_##name] = { #name, text, offered, deps },
#include "features.def"
};

_Static_assert(A64_FEATURE_COUNT <= 128, "struct a64_features has 128 bits");

/* Features meant for CPU `max` that do not exist yet: a better message than
 * "unknown". NYI(cpu-max): pointer authentication, 52-bit VA, MTE, SVE2. */
static const char *const planned[] = { "PAUTH", "LVA", "LPA2", "MTE", "SVE", "SVE2" };

void a64_feature_set(struct a64_features *f, enum a64_feature feat, bool on)
{
    uint64_t b = UINT64_C(1) << ((unsigned)feat % 64);
    if (on)
        f->bits[(unsigned)feat / 64] |= b;
    else if (feat != A64_FEAT_BASE)
        f->bits[(unsigned)feat / 64] &= ~b;
}

struct a64_features a64_features_default(void)
{
    struct a64_features f = { { 0 } };
    for (unsigned i = 0; i < A64_FEATURE_COUNT; i++)
        a64_feature_set(&f, (enum a64_feature)i, rows[i].offered);
    return f;
}

const char *a64_feature_name(enum a64_feature feat)
{
    CHECK(feat < A64_FEATURE_COUNT);
    return rows[feat].name;
}

const char *a64_feature_text(enum a64_feature feat)
{
    CHECK(feat < A64_FEATURE_COUNT);
    return rows[feat].text;
}

static bool name_is(const char *name, const char *s, size_t n)
{
    return strlen(name) == n && strncasecmp(name, s, n) == 0;
}

/* One "+feature" or "-feature" of length n. */
static int apply_one(struct a64_features *f, const char *s, size_t n, struct err *e)
{
    if (n < 2 || (s[0] != '+' && s[0] != '-'))
        return err_set(e, EINVAL, "'%.*s': expected +feature or -feature after the comma", (int)n,
                       s);
    for (unsigned i = A64_FEAT_BASE + 1; i < A64_FEATURE_COUNT; i++)
        if (name_is(rows[i].name, s + 1, n - 1)) {
            a64_feature_set(f, (enum a64_feature)i, s[0] == '+');
            return 0;
        }
    for (size_t i = 0; i < sizeof(planned) / sizeof(planned[0]); i++)
        if (name_is(planned[i], s + 1, n - 1))
            return s[0] == '-' ? 0
                               : err_set(e, EINVAL, "feature '%.*s' is not implemented yet",
                                         (int)n - 1, s + 1);
    return err_set(e, EINVAL, "unknown feature '%.*s'; see 'sojourn help cpu' for the names",
                   (int)n - 1, s + 1);
}

static int check_needs(const struct a64_features *f, struct err *e)
{
    for (unsigned i = 0; i < A64_FEATURE_COUNT; i++)
        for (unsigned k = 0; a64_feature_has(f, (enum a64_feature)i) && k < 2; k++)
            if (!a64_feature_has(f, rows[i].needs[k]))
                return err_set(e, EINVAL, "feature '%s' needs '%s': give both, or remove both",
                               rows[i].name, rows[rows[i].needs[k]].name);
    return 0;
}

int a64_features_parse(struct a64_features *out, const char *text, struct err *e)
{
    struct a64_features f = a64_features_default();
    size_t n = strcspn(text, ",");

    /* NYI(cpu-max): `max` is `default` until there is a feature that only it has. */
    if (!name_is("default", text, n) && !name_is("max", text, n))
        return err_set(e, EINVAL,
                       "unknown CPU '%.*s': use default or max, then ,+feature or ,-feature",
                       (int)n, text);
    for (const char *p = text + n; *p == ',';) {
        p++;
        n = strcspn(p, ",");
        int r = apply_one(&f, p, n, e);
        if (r)
            return r;
        p += n;
    }
    int r = check_needs(&f, e);
    if (r == 0)
        *out = f;
    return r;
}
