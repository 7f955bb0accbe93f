/* Walks field tables: save, load, compare, print, and the check that a table is complete.
 *
 * A load makes two passes over the data. The first changes nothing: it finds every name in the
 * table, checks kind, element size, count and every value's range, and notes which rows it has
 * seen. Only when each row was there exactly once does the second pass copy. So a damaged or
 * hostile stream leaves the object as it was, and no row keeps an old value by being left out.
 *
 * The host is little-endian, so elements are in the object as they are in the stream.
 */
#include "state/state.h"

#include "base/bits.h"
#include "base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_ROWS 1024
#define MAX_PADDING 7

static bool field_is_saved(const struct state_field *f)
{
    return f->kind == STATE_UINT || f->kind == STATE_BOOL || f->kind == STATE_BYTES;
}

static uint64_t field_bytes(const struct state_field *f)
{
    return (uint64_t)f->elem_size * f->count;
}

/* ---- Save ---- */

static int save_field(const struct state_field *f, const void *obj, struct buf *out)
{
    size_t name_len = strlen(f->name);
    CHECK(name_len > 0 && name_len <= 255 && f->elem_size <= 255);
    uint8_t head[1 + 255 + 1 + 4];
    head[0] = (uint8_t)name_len;
    memcpy(head + 1, f->name, name_len);
    head[1 + name_len] = (uint8_t)f->elem_size;
    le_store(head + 2 + name_len, 4, f->count);
    int r = buf_append(out, head, name_len + 6);
    return r ? r : buf_append(out, (const uint8_t *)obj + f->offset, field_bytes(f));
}

int state_save(const struct state_field *fields, const void *obj, struct buf *out)
{
    uint32_t count = 0;
    for (const struct state_field *f = fields; f->name; f++)
        count += field_is_saved(f);

    size_t before = out->len;
    int r = buf_append(out, &count, sizeof(count));
    for (const struct state_field *f = fields; f->name && !r; f++) {
        if (field_is_saved(f))
            r = save_field(f, obj, out);
    }
    if (r)
        out->len = before;
    return r;
}

/* ---- Load ---- */

/* One field as it stands in the stream: pointers into the input, lengths already checked. */
struct raw_field {
    const char *name;
    unsigned name_len;
    unsigned elem_size;
    uint32_t count;
    const uint8_t *data;
    size_t bytes; /* of data */
};

/* False: the data ends before the field does. */
static bool reader_field(struct buf_reader *r, struct raw_field *out)
{
    const uint8_t *p = buf_take(r, 1);
    if (!p)
        return false;
    out->name_len = *p;
    p = buf_take(r, out->name_len + 5u);
    if (!p)
        return false;
    out->name = (const char *)p;
    out->elem_size = p[out->name_len];
    out->count = (uint32_t)le_load(p + out->name_len + 1, 4);
    uint64_t bytes = (uint64_t)out->elem_size * out->count;
    out->data = buf_take(r, bytes);
    out->bytes = out->data ? bytes : 0;
    return out->data != NULL;
}

/* The row with this name, or -1. Rows that are not saved have no name in a stream. */
static int find_row(const struct state_field *fields, const struct raw_field *raw)
{
    for (int i = 0; fields[i].name; i++) {
        if (field_is_saved(&fields[i]) && strlen(fields[i].name) == raw->name_len &&
            memcmp(fields[i].name, raw->name, raw->name_len) == 0)
            return i;
    }
    return -1;
}

/* A name from a stream, made fit to print. */
static const char *printable(const struct raw_field *raw, char text[static 256])
{
    for (unsigned i = 0; i < raw->name_len; i++)
        text[i] = raw->name[i] >= ' ' && raw->name[i] <= '~' ? raw->name[i] : '?';
    text[raw->name_len] = 0;
    return text;
}

static int check_values(const struct state_field *f, const struct raw_field *raw, struct err *e)
{
    if (raw->elem_size != f->elem_size || raw->count != f->count)
        return err_set(e, EINVAL, "field '%s' has %" PRIu32 " elements of %u bytes, not %" PRIu32
                       " of %" PRIu32, f->name, raw->count, raw->elem_size, f->count, f->elem_size);
    if (f->kind == STATE_BYTES)
        return 0;
    for (uint32_t i = 0; i < f->count; i++) {
        uint64_t v = le_load(raw->data + (size_t)i * f->elem_size, f->elem_size);
        if (v > f->max)
            return err_set(e, EINVAL, "field '%s' is %" PRIu64 " at index %" PRIu32
                           "; the largest legal value is %" PRIu64, f->name, v, i, f->max);
    }
    return 0;
}

/* First pass: everything is checked, nothing is changed. */
static int check_stream(const struct state_field *fields, struct buf_reader *r, uint32_t count,
                        struct err *e)
{
    uint64_t seen[MAX_ROWS / 64] = {0};
    for (uint32_t n = 0; n < count; n++) {
        struct raw_field raw;
        char text[256];
        if (!reader_field(r, &raw))
            return err_set(e, EINVAL, "the data ends inside field %" PRIu32 " of %" PRIu32, n + 1,
                           count);
        int row = find_row(fields, &raw);
        if (row < 0)
            return err_set(e, EINVAL, "unknown field '%s'", printable(&raw, text));
        CHECK(row < MAX_ROWS);
        if (bit(seen[row / 64], row % 64))
            return err_set(e, EINVAL, "field '%s' is there twice", fields[row].name);
        seen[row / 64] |= BIT(row % 64);
        int rc = check_values(&fields[row], &raw, e);
        if (rc)
            return rc;
    }
    for (int i = 0; fields[i].name; i++) {
        CHECK(i < MAX_ROWS);
        if (field_is_saved(&fields[i]) && !bit(seen[i / 64], i % 64))
            return err_set(e, EINVAL, "field '%s' is missing", fields[i].name);
    }
    return 0;
}

int state_load(const struct state_field *fields, void *obj, const uint8_t *data, size_t len,
               size_t *used, struct err *e)
{
    struct buf_reader r = {data, len};
    const uint8_t *head = buf_take(&r, 4);
    if (!head)
        return err_set(e, EINVAL, "the data ends before the number of fields");
    uint32_t count = (uint32_t)le_load(head, 4);
    struct buf_reader again = r;
    int rc = check_stream(fields, &r, count, e);
    if (rc)
        return rc;

    for (uint32_t n = 0; n < count; n++) {
        struct raw_field raw;
        bool whole = reader_field(&again, &raw);
        CHECK(whole);
        memcpy((uint8_t *)obj + fields[find_row(fields, &raw)].offset, raw.data, raw.bytes);
    }
    *used = len - r.left;
    return 0;
}

/* ---- Compare and print ---- */

const char *state_diff(const struct state_field *fields, const void *a, const void *b)
{
    for (const struct state_field *f = fields; f->name; f++) {
        if (field_is_saved(f) && memcmp((const uint8_t *)a + f->offset,
                                        (const uint8_t *)b + f->offset, field_bytes(f)) != 0)
            return f->name;
    }
    return NULL;
}

/* An array is one line; a run of equal elements is printed as "value*length". */
static void dump_elements(const struct state_field *f, const uint8_t *p, FILE *to)
{
    for (uint32_t i = 0; i < f->count;) {
        uint64_t v = le_load(p + (size_t)i * f->elem_size, f->elem_size);
        uint32_t run = 1;
        while (i + run < f->count &&
               le_load(p + (size_t)(i + run) * f->elem_size, f->elem_size) == v)
            run++;
        fprintf(to, " 0x%" PRIx64, v);
        if (run > 1)
            fprintf(to, "*%" PRIu32, run);
        i += run;
    }
}

void state_dump(const struct state_field *fields, const void *obj, const char *prefix, FILE *to)
{
    for (const struct state_field *f = fields; f->name; f++) {
        if (!field_is_saved(f))
            continue;
        fprintf(to, "%s.%s =", prefix, f->name);
        dump_elements(f, (const uint8_t *)obj + f->offset, to);
        fputc('\n', to);
    }
}

/* ---- Is the table complete? ---- */

/* Largest padding that alignment can explain before a member of this row at its offset. */
static uint64_t padding_before(const struct state_field *f)
{
    uint64_t align = f->offset & -(uint64_t)f->offset; /* no member is aligned better than this */
    if ((f->kind == STATE_UINT || f->kind == STATE_BOOL) && f->elem_size < align)
        align = f->elem_size;
    return align > MAX_PADDING ? MAX_PADDING : align ? align - 1 : 0;
}

/* The row that begins first at or after `pos`, or null. */
static const struct state_field *next_row(const struct state_field *fields, uint64_t pos)
{
    const struct state_field *best = NULL;
    for (const struct state_field *f = fields; f->name; f++) {
        if (f->offset >= pos && (!best || f->offset < best->offset))
            best = f;
    }
    return best;
}

const char *state_uncovered(const struct state_field *fields, size_t size)
{
    for (const struct state_field *a = fields; a->name; a++) {
        for (const struct state_field *b = a + 1; b->name; b++) {
            if (a->offset < b->offset + field_bytes(b) && b->offset < a->offset + field_bytes(a))
                return b->name;
        }
    }
    uint64_t pos = 0;
    const char *before = "(the beginning)";
    const struct state_field *f;
    while ((f = next_row(fields, pos))) {
        if (f->offset - pos > padding_before(f))
            return before;
        pos = f->offset + field_bytes(f);
        before = f->name;
    }
    return pos <= size && size - pos <= MAX_PADDING ? NULL : before;
}
