/* The first instruction after which two machines differ, by halving.
 *
 * Each try goes back to the checkpoint and runs, without other stops than those of the first time,
 * to the number of instructions in question. So it takes the same way as the first run up to its
 * last instruction, whatever the bug depends on: running one instruction at a time would have
 * engines look for interrupts, and leave their run loops, at other places.
 */
#include "lockstep.h"

#include "a64/disasm.h"
#include "a64_ops.h"
#include "base/bits.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_VALUES 40u
#define SHOWN_PAGES 8u
#define SHOWN_WORDS 4u

struct search {
    struct side *side;
    uint64_t mark, chunk;
};

/* Takes both from the checkpoint to `n` instructions, or to their ends. */
static void go_to(struct search *s, uint64_t n)
{
    both_rewind(s->side);
    for (uint64_t at = s->mark; at < n;) {
        uint64_t next = at - at % s->chunk + s->chunk;
        at = next < n ? next : n;
        both_do(s->side, LS_RUN, at);
    }
    both_do(s->side, LS_RAM, 0);
}

static bool equal_at(struct search *s, uint64_t n)
{
    go_to(s, n);
    return both_equal(s->side);
}

/* ---- Printing ---- */

/* The number of the line of isa/a64.isa that begins with `name`; 0: not found. */
static unsigned isa_line(const char *name)
{
    char text[512];
    size_t len = strlen(name);
    unsigned line = 0, found = 0;
    FILE *f = fopen("isa/a64.isa", "re");
    while (f && !found && fgets(text, sizeof(text), f)) {
        line++;
        if (!strncmp(text, name, len) && (text[len] == ' ' || text[len] == '\t'))
            found = line;
    }
    if (f)
        fclose(f);
    return found;
}

static const char *end_text(uint64_t end)
{
    switch ((enum ls_end)end) {
    case LS_GOES_ON: return "runs";
    case LS_OFF: return "has been switched off";
    case LS_RESET: return "asks for a reset";
    case LS_EXIT: return "has ended by semihosting";
    case LS_FAILED: return "has failed";
    case LS_IDLE: return "waits for ever";
    case LS_CRASHED: return "CRASHED, or did not finish in time";
    }
    return "?";
}

static void print_insn(const struct ls_insn *i)
{
    char text[128];
    if (!i->fetched) {
        printf("instruction: pc 0x%016" PRIx64 " EL%u: cannot be fetched\n", i->pc, i->el);
        return;
    }
    const char *name = a64_op_info[a64_decode(i->word)].name;
    unsigned line = isa_line(name);
    (void)a64_disasm(i->word, i->pc, text, sizeof(text));
    printf("instruction: pc 0x%016" PRIx64 " EL%u: %08" PRIx32 "  %s\n", i->pc, i->el, i->word,
           text);
    if (line)
        printf("row: %s (isa/a64.isa:%u)\n", name, line);
    else
        printf("row: %s\n", name);
    if (i->interrupt)
        printf("an interrupt is pending and not masked: it is taken before\n");
}

static void print_values(const struct ls_values v[2])
{
    unsigned shown = 0;
    for (size_t i = 0; i < v[0].count && i < v[1].count; i++) {
        if (v[0].v[i].value == v[1].v[i].value)
            continue;
        if (shown++ < SHOWN_VALUES)
            printf("  %-28s A 0x%016" PRIx64 "  B 0x%016" PRIx64 "\n", v[0].v[i].name,
                   v[0].v[i].value, v[1].v[i].value);
    }
    if (shown > SHOWN_VALUES)
        printf("  and %u values more\n", shown - SHOWN_VALUES);
}

static void print_page(struct side side[2], uint64_t page)
{
    struct buf b[2] = {{0}, {0}};
    unsigned shown = 0;
    for (unsigned i = 0; i < 2; i++) {
        side_send(&side[i], LS_PAGE, page);
        side_wait(&side[i], &b[i]);
    }
    for (size_t at = 0; at + 8 <= b[0].len && at + 8 <= b[1].len && shown < SHOWN_WORDS; at += 8) {
        uint64_t w0 = le_load(b[0].data + at, 8), w1 = le_load(b[1].data + at, 8);
        if (w0 == w1)
            continue;
        shown++;
        printf("  RAM + 0x%08" PRIx64 "             A 0x%016" PRIx64 "  B 0x%016" PRIx64 "\n",
               page * 4096 + at, w0, w1);
    }
    buf_fini(&b[0]);
    buf_fini(&b[1]);
}

static void print_ram(struct side side[2])
{
    struct buf b[2] = {{0}, {0}};
    unsigned shown = 0;
    for (unsigned i = 0; i < 2; i++) {
        side_send(&side[i], LS_PAGES, 0);
        side_wait(&side[i], &b[i]);
    }
    for (size_t at = 0; at + 8 <= b[0].len && at + 8 <= b[1].len; at += 8) {
        if (le_load(b[0].data + at, 8) != le_load(b[1].data + at, 8) && shown++ < SHOWN_PAGES)
            print_page(side, at / 8);
    }
    if (shown > SHOWN_PAGES)
        printf("  and %u pages of RAM more\n", shown - SHOWN_PAGES);
    buf_fini(&b[0]);
    buf_fini(&b[1]);
}

static void print_where(const struct side side[2])
{
    for (unsigned i = 0; i < 2; i++) {
        const struct ls_where *w = &side[i].at;
        printf("%s: %s: %" PRIu64 " instructions, virtual time %" PRIu64
               " ns, console %" PRIu64 " bytes; %s\n",
               side[i].name, side[i].spec, w->instret, w->now, w->console_bytes, end_text(w->end));
    }
}

/* ---- Both states in files ---- */

static void dump_values(const struct ls_values *v, const char *prefix, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s.%s", prefix, suffix);
    FILE *f = fopen(path, "we");
    if (!f) {
        fprintf(stderr, "lockstep: cannot write '%s'\n", path);
        return;
    }
    for (size_t i = 0; i < v->count; i++)
        fprintf(f, "%s 0x%" PRIx64 "\n", v->v[i].name, v->v[i].value);
    fclose(f);
}

/* The state of one side, which has not crashed. */
static void read_state(struct side *s, struct ls_values *to)
{
    struct buf b = {0};
    side_send(s, LS_SAVE, 0);
    side_wait(s, &b);
    if (!values_read(to, b.data, b.len))
        fprintf(stderr, "lockstep: %s: cannot read its state\n", s->name);
    buf_fini(&b);
}

/* ---- The search ---- */

/* Halves until hi = lo + 1: equal after lo instructions, different after hi. */
static uint64_t search_first(struct search *s, uint64_t lo, uint64_t hi)
{
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (equal_at(s, mid))
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

static void print_before(struct search *s, uint64_t n, const char *dump)
{
    struct buf b = {0};
    struct ls_insn insn = {0};
    go_to(s, n);
    if (dump) {
        struct ls_values v = {0};
        read_state(&s->side[0], &v);
        dump_values(&v, dump, "before");
        values_fini(&v);
    }
    side_send(&s->side[0], LS_INSN, 0);
    side_wait(&s->side[0], &b);
    if (b.len == sizeof(insn)) {
        memcpy(&insn, b.data, sizeof(insn));
        print_insn(&insn);
    }
    buf_fini(&b);
}

static void print_after(struct search *s, uint64_t n, const char *dump)
{
    struct side *side = s->side;
    struct ls_values v[2] = {{0}, {0}};
    go_to(s, n);
    print_where(side);
    if (side[0].at.end == LS_CRASHED || side[1].at.end == LS_CRASHED)
        return;
    for (unsigned i = 0; i < 2; i++) {
        read_state(&side[i], &v[i]);
        if (dump)
            dump_values(&v[i], dump, i ? "b" : "a");
    }
    printf("state after it:\n");
    print_values(v);
    if (side[0].at.ram != side[1].at.ram)
        print_ram(side);
    values_fini(&v[0]);
    values_fini(&v[1]);
}

int bisect(struct side side[2], uint64_t lo, uint64_t hi, uint64_t chunk, const char *dump)
{
    struct search s = {.side = side, .mark = lo, .chunk = chunk};
    printf("different after %" PRIu64 " instructions, equal after %" PRIu64 "\n", hi, lo);
    print_where(side);
    fflush(stdout);
    for (unsigned i = 0; i < 2; i++) { /* a try is no longer than what was already run */
        double enough = 2 + 10 * (side[0].slowest_s + side[1].slowest_s);
        if (enough < side[i].timeout_s)
            side[i].timeout_s = enough;
    }
    if (hi == lo) {
        printf("not ok: they differ before the first instruction\n");
        return 1;
    }
    if (equal_at(&s, hi)) {
        printf("not ok: run again from the checkpoint they are equal: one of them is not "
               "deterministic\n");
        return 3;
    }
    uint64_t first = search_first(&s, lo, hi);
    printf("the first difference is after instruction %" PRIu64 "\n", first);
    print_before(&s, first - 1, dump);
    print_after(&s, first, dump);
    return 1;
}
