/* Field tables: the one list of what an object's state is.
 *
 * Every device, and the vCPU, has a table that names each member of its structure. Reset checks,
 * save, load, diff and dump walk that table; a member that is neither a field nor declared derived
 * fails the coverage test. Loaded state is hostile input: names, kinds, counts and ranges are
 * checked and nothing of the object changes unless everything is right.
 *
 * Encoding of one object (little-endian): u32 field count, then per field: u8 name length, name,
 * u8 element size, u32 element count, data. Order is that of the table, but loading goes by name.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum state_kind {
    STATE_UINT,    /* unsigned integers of elem_size 1, 2, 4 or 8, each at most `max` */
    STATE_BOOL,    /* bytes that are 0 or 1 */
    STATE_BYTES,   /* raw bytes */
    STATE_DERIVED, /* recomputed after load by the class; why says by what */
    STATE_WIRING,  /* constant after creation (pointers, configuration, locks) */
};

struct state_field {
    const char *name;
    enum state_kind kind;
    uint32_t offset;
    uint32_t elem_size;
    uint32_t count;
    uint64_t max;    /* largest legal value of an element (STATE_UINT) */
    const char *why; /* for STATE_DERIVED */
};

/* Rows. The owner defines `#define S struct pl011` before its table, or passes the type. Arrays
 * are recognised by sizeof; F_ELEM gives the element type of an array member. */
#define STATE_SIZEOF(type, member) ((uint32_t)sizeof(((type *)0)->member))
#define F_UINT(type, member)                                                                       \
    {#member, STATE_UINT, offsetof(type, member), STATE_SIZEOF(type, member), 1, UINT64_MAX, NULL}
#define F_UINT_MAX(type, member, maximum)                                                          \
    {#member, STATE_UINT, offsetof(type, member), STATE_SIZEOF(type, member), 1, (maximum), NULL}
#define F_ARRAY(type, member, elem)                                                                \
    {#member, STATE_UINT, offsetof(type, member), sizeof(elem),                                    \
     STATE_SIZEOF(type, member) / (uint32_t)sizeof(elem), UINT64_MAX, NULL}
#define F_ARRAY_MAX(type, member, elem, maximum)                                                   \
    {#member, STATE_UINT, offsetof(type, member), sizeof(elem),                                    \
     STATE_SIZEOF(type, member) / (uint32_t)sizeof(elem), (maximum), NULL}
#define F_BOOL(type, member)                                                                       \
    {#member, STATE_BOOL, offsetof(type, member), 1, STATE_SIZEOF(type, member), 1, NULL}
#define F_BYTES(type, member)                                                                      \
    {#member, STATE_BYTES, offsetof(type, member), 1, STATE_SIZEOF(type, member), 0, NULL}
#define F_DERIVED(type, member, reason)                                                            \
    {#member, STATE_DERIVED, offsetof(type, member), STATE_SIZEOF(type, member), 1, 0, (reason)}
#define F_WIRING(type, member)                                                                     \
    {#member, STATE_WIRING, offsetof(type, member), STATE_SIZEOF(type, member), 1, 0, NULL}
#define F_END {NULL, STATE_WIRING, 0, 0, 0, 0, NULL}

/* Appends the object's state to `out`. -ENOMEM. @stopped */
int MUST_CHECK state_save(const struct state_field *fields, const void *obj, struct buf *out);

/* Replaces the object's state by what `data` says; consumes exactly one object and stores its
 * length in *used. -EINVAL with a text names the field; the object is then unchanged. @stopped */
int MUST_CHECK state_load(const struct state_field *fields, void *obj, const uint8_t *data,
                          size_t len, size_t *used, struct err *e);

/* Name of the first field that differs between two objects, or null. DERIVED and WIRING rows are
 * not compared. @stopped */
const char *state_diff(const struct state_field *fields, const void *a, const void *b);

/* Prints "prefix.name = value" lines. @stopped */
void state_dump(const struct state_field *fields, const void *obj, const char *prefix, FILE *to);

/* Null when every byte of a structure of `size` bytes is covered by a row, apart from padding of
 * at most 7 bytes before an aligned member or the end; else the name of the row before the hole.
 * Also finds overlapping rows. For the coverage tests. */
const char *state_uncovered(const struct state_field *fields, size_t size);

#endif
