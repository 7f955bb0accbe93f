/* The live journal: every value is the host's. See journal.h. */
#include "vm/journal.h"

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
