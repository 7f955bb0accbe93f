/* The live journal, where every value is the host's, and the fixed one. See journal.h. */
#include "vm/journal.h"

#include <string.h>

/* ---- Live ---- */

static uint64_t live_value(struct journal *j, enum journal_kind kind, uint64_t live)
{
    (void)j;
    (void)kind;
    return live;
}

static size_t live_bytes(struct journal *j, enum journal_kind kind, void *data, size_t len,
                         size_t cap)
{
    (void)j;
    (void)kind;
    (void)data;
    (void)cap;
    return len;
}

const struct journal_ops journal_live_ops = {live_value, live_bytes};

bool journal_is_live(const struct journal *j)
{
    return j->ops->value == live_value;
}

/* ---- Fixed ---- */

#define FIXED_WALL 1735689600u /* 2025-01-01 00:00:00 UTC */
#define SPLITMIX_STEP UINT64_C(0x9e3779b97f4a7c15)

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). Its
 * state only counts, so that threads can share it. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = __atomic_add_fetch(state, SPLITMIX_STEP, __ATOMIC_RELAXED);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void random_bytes(uint64_t *state, uint8_t *to, size_t len)
{
    while (len) {
        uint64_t r = next_random(state);
        size_t n = len < sizeof(r) ? len : sizeof(r);
        memcpy(to, &r, n);
        to += n;
        len -= n;
    }
}

static uint64_t fixed_value(struct journal *j, enum journal_kind kind, uint64_t live)
{
    switch (kind) {
    case JOURNAL_RANDOM:
        return next_random(&j->random);
    case JOURNAL_WALL:
        return FIXED_WALL;
    case JOURNAL_STEAL:
        return 0;
    case JOURNAL_TIME:
    case JOURNAL_INPUT:
    case JOURNAL_INTERRUPT:
    case JOURNAL_DMA:
        break;
    }
    return live;
}

static size_t fixed_bytes(struct journal *j, enum journal_kind kind, void *data, size_t len,
                          size_t cap)
{
    (void)cap;
    if (kind == JOURNAL_RANDOM)
        random_bytes(&j->random, data, len);
    return len;
}

static const struct journal_ops journal_fixed_ops = {fixed_value, fixed_bytes};

void journal_fix(struct journal *j, uint64_t seed)
{
    j->ops = &journal_fixed_ops;
    j->random = seed;
}

void journal_seed_bytes(uint64_t seed, void *data, size_t len)
{
    uint64_t state = ~seed; /* another sequence than that of journal_fix() */
    random_bytes(&state, data, len);
}
