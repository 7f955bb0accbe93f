/* The stress knobs. See stress.h. */
#include "engine/stress.h"

#include "base/bits.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PREEMPT_MAX_LOG2 13 /* longest run that preempt leaves */
#define FLUSH_DEFAULT 100   /* instructions */

/* ---- Running ---- */

void stress_init(struct stress *s, const struct engine_stress *knob)
{
    *s = (struct stress){
        .knob = *knob,
        .on = knob->poll || knob->preempt || knob->flush,
        .random = knob->preempt_seed,
    };
}

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t stress_random(struct stress *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Short runs are as likely as long ones on a logarithmic scale. */
uint64_t stress_budget(struct stress *s, uint64_t budget)
{
    if (!s->knob.preempt)
        return budget;
    uint64_t r = stress_random(s);
    uint64_t n = 1 + ((r >> 8) & MASK(r % (PREEMPT_MAX_LOG2 + 1)));
    return n < budget ? n : budget;
}

/* ---- Names ---- */

/* How a knob is written: NAME, or with a number NAME[:N]. */
struct knob {
    const char *name;
    size_t flag;           /* offset of its bool, or NO_MEMBER */
    size_t number;         /* offset of its uint64_t, or NO_MEMBER */
    uint64_t number_unset; /* value without :N */
};

#define NO_MEMBER SIZE_MAX
#define FLAG(name) {#name, offsetof(struct engine_stress, name), NO_MEMBER, 0}

static const struct knob knobs[] = {
    FLAG(tlb1),
    FLAG(code1),
    FLAG(nofast),
    FLAG(poll),
    {"preempt", offsetof(struct engine_stress, preempt),
     offsetof(struct engine_stress, preempt_seed), 1},
    {"flush", NO_MEMBER, offsetof(struct engine_stress, flush), FLUSH_DEFAULT},
    FLAG(nochain),
    FLAG(avx2),
    FLAG(evict),
    FLAG(nogroups),
    FLAG(noflags),
    FLAG(noputs),
    FLAG(nodead),
};

static int parse_knob(const char *text, size_t len, struct engine_stress *to, struct err *e)
{
    size_t name_len = len;
    const char *colon = memchr(text, ':', len);
    if (colon)
        name_len = (size_t)(colon - text);
    for (unsigned i = 0; i < ARRAY_LEN(knobs); i++) {
        const struct knob *k = &knobs[i];
        if (strlen(k->name) != name_len || memcmp(k->name, text, name_len))
            continue;
        uint64_t n = k->number_unset;
        if (colon) {
            char *end = NULL;
            bool digit = colon[1] >= '0' && colon[1] <= '9';
            errno = 0;
            n = strtoull(colon + 1, &end, 0);
            if (k->number == NO_MEMBER || !digit || errno || end != text + len ||
                (!n && k->flag == NO_MEMBER))
                break;
        }
        if (k->flag != NO_MEMBER)
            *(bool *)((char *)to + k->flag) = true;
        if (k->number != NO_MEMBER)
            *(uint64_t *)(void *)((char *)to + k->number) = n;
        return 0;
    }
    return err_set(e, EINVAL,
                   "stress '%.*s' is not one of tlb1, code1, nofast, poll, preempt[:SEED], "
                   "flush[:N], nochain, avx2, evict",
                   (int)len, text);
}

int stress_parse(const char *text, struct engine_stress *knob, struct err *e)
{
    for (;;) {
        size_t len = strcspn(text, "+");
        int r = parse_knob(text, len, knob, e);
        if (r || !text[len])
            return r;
        text += len + 1;
    }
}
