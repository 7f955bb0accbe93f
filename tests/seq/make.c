/* A sequence is built a word at a time: each candidate is executed from the state that the words
 * before it left, and taken if it does not fault and leaves the reserved registers alone:
 *
 *     X20, X21     small indices      X22  target of BR      X23  counter of loops
 *     X24..X27, SP addresses in the window; write-back may move them a little
 *
 * Branches go forward by a few words, or back in loops of a few turns. Where a branch skips words
 * the state of the construction is not that of the run; so the whole is executed once more and kept
 * only if it came to its end.
 *
 * Left out, because tests/isa/random compares each alone and knows of a difference: atomics and
 * ordered accesses, system registers, FJCVTZS, FCVTZS to 16-bit fixed point, LDP of one register.
 */
#include "make.h"

#include "generate.h"
#include "known.h"

#include <string.h>

enum { MAX_STEPS = 3000, CANDIDATES = 200, NEAR = 96 };

struct maker {
    struct machine *m;
    uint64_t *seed;
    struct random_trial *t;
    struct random_state now;
    uint64_t base[32]; /* first values of the reserved registers; 31: SP */
};

static uint64_t rnd(struct maker *k)
{
    uint64_t *s = k->seed;
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return (*s * UINT64_C(0x2545f4914f6cdd1d)) >> 8;
}

static void emit(struct maker *k, uint32_t word)
{
    k->t->word[k->t->count++] = word;
}

/* ---- Words that do not branch ---- */

static bool begins(enum a64_op op, const char *prefix)
{
    return strncmp(a64_op_info[op].name, prefix, strlen(prefix)) == 0;
}

static bool is_excluded(enum a64_op op)
{
    const struct a64_op_info *info = &a64_op_info[op];
    return op == A64_UNDEFINED || (info->traits & (A64_TRAIT_BRANCH | A64_TRAIT_EXCLUSIVE)) ||
           info->feature == A64_FEAT_LSE || info->feature == A64_FEAT_LRCPC ||
           info->feature == A64_FEAT_LRCPC2 || info->feature == A64_FEAT_LOR ||
           begins(op, "LDAR") || begins(op, "STLR") || op == A64_MRS || op == A64_MSR_r ||
           op == A64_MSR_i || op == A64_SYS || op == A64_FJCVTZS || op == A64_FCVTZS_sshx ||
           op == A64_SVC || op == A64_WFI || op == A64_WFE || op == A64_HLT || op == A64_BRK;
}

static const char *const groups[] = {"ADD", "SUB", "ADC", "SBC", "AND", "BIC", "CCM", "CSEL",
                                     "CSIN",
                                     "EOR", "ORR", "LDR", "STR", "LDP", "STP", "LD1", "ST1", "MADD",
                                     "BFM", "UBFM", "EXTR", "FCMP", "FCSEL", "FCCMP",
                                     "RMIF", "CFINV"};

static enum a64_op choose(struct maker *k)
{
    const char *group = rnd(k) & 1 ? groups[rnd(k) % ARRAY_LEN(groups)] : "";
    for (;;) {
        enum a64_op op = (enum a64_op)(1 + rnd(k) % (A64_OP_COUNT - 1));
        if (!is_excluded(op) && begins(op, group))
            return op;
    }
}

static uint32_t set_register(enum a64_op op, uint32_t word, const char *name, unsigned n)
{
    const struct a64_op_info *info = &a64_op_info[op];
    for (unsigned i = 0; i < info->field_count; i++) {
        unsigned lo = info->fields[i].lo;
        if (strcmp(info->fields[i].name, name) == 0)
            return (uint32_t)bits_set(word, lo + 4, lo, n);
    }
    return word;
}

static bool is_memory(enum a64_op op)
{
    return a64_op_info[op].traits & (A64_TRAIT_READS_MEM | A64_TRAIT_WRITES_MEM);
}

static uint32_t make_candidate(struct maker *k, enum a64_op op)
{
    uint32_t word = generate_word(k->seed, op);
    if (is_memory(op)) {
        unsigned base = 24 + (unsigned)(rnd(k) % 5);
        word = set_register(op, word, "rn", base == 28 ? 31 : base);
        word = set_register(op, word, "rm", 20 + (unsigned)(rnd(k) & 1));
    }
    return word;
}

static bool is_near(uint64_t a, uint64_t b)
{
    return a - b + NEAR <= 2 * NEAR;
}

static bool keeps_reserved(const struct maker *k, enum a64_op op, const struct random_state *st)
{
    for (unsigned n = 20; n < 24; n++)
        if (st->x[n] != k->now.x[n])
            return false;
    for (unsigned n = 24; n < 28; n++)
        if (st->x[n] != k->now.x[n] && !(is_memory(op) && is_near(st->x[n], k->base[n])))
            return false;
    return st->sp == k->now.sp ||
           (is_memory(op) && is_near(st->sp, k->base[31]) && (st->sp & 15) == 0);
}

static bool same_targets(enum a64_op op, uint32_t word)
{
    return (begins(op, "LDP") || begins(op, "LDNP")) && (word & 31) == bits(word, 14, 10);
}

static bool add_plain(struct maker *k)
{
    struct random_trial one = {.count = 1};
    struct random_result r;
    uint64_t esr;
    for (unsigned tries = 0; tries < CANDIDATES; tries++) {
        enum a64_op op = choose(k);
        one.word[0] = make_candidate(k, op);
        if (a64_decode(one.word[0]) != op || !known_comparable(op, one.word[0]) ||
            same_targets(op, one.word[0]))
            continue;
        one.state = k->now;
        machine_run(k->m, &one, &r, &esr);
        if (machine_clean(k->m) && !r.signal && keeps_reserved(k, op, &r.state)) {
            k->now = r.state;
            emit(k, one.word[0]);
            return true;
        }
    }
    return false;
}

/* ---- Branches ---- */

/* To `words` further on. X16..X19 and the flags as conditions. */
static void add_forward(struct maker *k, unsigned words)
{
    uint32_t r = (uint32_t)rnd(k), rt = r >> 8 & 15, op = r >> 12 & 1, off = words;
    switch (r & 7) {
    case 0:
        emit(k, 0x34000000 | (r >> 13 & 1) << 31 | op << 24 | off << 5 | rt); /* CBZ, CBNZ */
        break;
    case 1:
        emit(k, 0x36000000 | (r >> 13 & 1) << 31 | op << 24 | (r >> 14 & 31) << 19 | off << 5 | rt);
        break;
    case 2:
        emit(k, (op ? 0x94000000 : 0x14000000) | off); /* BL, B */
        break;
    case 3: /* ADR X22; BR, BLR, RET X22 */
        emit(k, 0x10000000 | (off + 1) << 5 | 22);
        emit(k, (op ? 0xd63f0000 : r & 0x4000 ? 0xd65f0000 : 0xd61f0000) | 22 << 5);
        break;
    default:
        emit(k, 0x54000000 | off << 5 | (r >> 16 & 15)); /* B.cond */
    }
}

static bool add_loop(struct maker *k)
{
    unsigned body = 1 + (unsigned)(rnd(k) & 3);
    emit(k, 0xd2800000 | (uint32_t)(1 + (rnd(k) & 7)) << 5 | 23); /* MOVZ X23 */
    uint32_t first = k->t->count;
    for (unsigned i = 0; i < body; i++)
        if (!add_plain(k))
            return false;
    emit(k, 0xd10006f7); /* SUB X23, X23, #1 */
    emit(k, 0xb5000000 | ((first - k->t->count) & 0x7ffff) << 5 | 23);
    return true;
}

/* ---- The whole ---- */

static void make_start(struct maker *k)
{
    static const uint64_t edges[] = {RANDOM_WINDOW + 64, RANDOM_WINDOW + RANDOM_PAGE,
                                     RANDOM_WINDOW + 2 * RANDOM_PAGE - 64, RANDOM_READ_ONLY + 256};
    struct random_state *st = &k->t->state;
    generate_state(k->seed, st, (unsigned)(rnd(k) % 5));
    st->x[20] = rnd(k) & 15;
    st->x[21] = (rnd(k) & 15) - 8;
    for (unsigned n = 24; n < 28; n++)
        st->x[n] = edges[rnd(k) & 3] + (rnd(k) & 15) * (rnd(k) & 1 ? 8 : 1);
    st->sp = RANDOM_WINDOW + RANDOM_PAGE;
    memcpy(k->base, st->x, sizeof(st->x));
    k->base[31] = st->sp;
    k->now = *st;
}

static bool run_to_end(struct machine *m, const struct random_trial *t, struct random_result *r)
{
    uint64_t esr;
    machine_run(m, t, r, &esr);
    return machine_clean(m) && machine_kept_words(m, t) && !r->signal &&
           r->state.pc == RANDOM_SLOT + 4 * t->count;
}

bool make_sequence(struct machine *m, uint64_t *seed, struct random_trial *t,
                   struct random_result *r)
{
    struct maker k = {.m = m, .seed = seed, .t = t};
    memset(t, 0, sizeof(*t));
    make_start(&k);
    unsigned length = 8 + (unsigned)(rnd(&k) % (RANDOM_WORDS - 16));
    while (t->count < length) {
        uint64_t what = rnd(&k) % 16;
        if (what == 0 && t->count + 8 < length) {
            if (!add_loop(&k))
                return false;
        } else if (what < 4 && t->count + 8 < length) {
            add_forward(&k, 1 + (unsigned)(rnd(&k) % 5));
        } else if (!add_plain(&k)) {
            return false;
        }
    }
    t->steps = MAX_STEPS;
    return run_to_end(m, t, r);
}

bool make_variant(struct machine *m, uint64_t *seed, const struct random_trial *last,
                  struct random_trial *t, struct random_result *r)
{
    struct maker k = {.m = m, .seed = seed, .t = t};
    for (unsigned tries = 0; tries < 4; tries++) {
        *t = *last;
        generate_state(seed, &t->state, (unsigned)(rnd(&k) % 5));
        memcpy(&t->state.x[20], &last->state.x[20], 8 * sizeof(t->state.x[0]));
        t->state.sp = last->state.sp;
        t->repeat = 1;
        if (run_to_end(m, t, r))
            return true;
    }
    return false;
}
