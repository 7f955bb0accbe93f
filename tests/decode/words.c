/* a64_decode() on words of all 2^32, against isa/a64.isa read again by a parser of this file's own
 * and applied in the plainest way: of all lines that match, the one with the most fixed bits.
 *
 *     words ISA-FILE COUNT|full SEED [JOBS]
 *
 * COUNT: so many words with each of the 65536 values of the upper half; "full": all of them. Lines
 * that cannot match an upper half are left out once for all of its words, which is what makes all
 * words feasible (minutes). The generated table (mask, value, reserved values, fields) is compared
 * with the parser's as well.
 */
#include "a64_ops.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_LINES = 2048, MAX_NOTS = 32, MAX_FIELDS = 16 };

struct pattern {
    uint32_t mask, value;
};

struct line {
    char name[48];
    struct pattern fixed, nots[MAX_NOTS];
    unsigned not_count, field_count;
    struct {
        char name[24];
        unsigned lo, width;
    } field[MAX_FIELDS];
    enum a64_op op;
};

struct isa {
    struct line line[MAX_LINES];
    unsigned count;
    bool wrong;
};

static void wrong(struct isa *isa, const char *name, const char *what)
{
    printf("# %s: %s\n", name, what);
    isa->wrong = true;
}

/* ---- Reading the encoding column ---- */

/* Adds one reserved value of the fields, e.g. "sf.n" and "x1". */
static void add_not(struct isa *isa, struct line *l, const char *fields, const char *value)
{
    struct pattern *p = &l->nots[l->not_count++];
    const char *digit = value;
    for (const char *name = fields; *name;) {
        size_t length = strcspn(name, ".");
        unsigned i = 0;
        while (i < l->field_count &&
               (strlen(l->field[i].name) != length || strncmp(l->field[i].name, name, length) != 0))
            i++;
        if (i == l->field_count)
            return wrong(isa, l->name, "a constraint names no field");
        for (unsigned bit = l->field[i].lo + l->field[i].width; bit-- > l->field[i].lo && *digit;
             digit++)
            if (*digit != 'x') {
                p->mask |= UINT32_C(1) << bit;
                p->value |= (uint32_t)(*digit == '1') << bit;
            }
        name += length + (name[length] == '.');
    }
    if (*digit || strlen(value) == 0)
        wrong(isa, l->name, "a constraint of the wrong length");
}

static void add_nots(struct isa *isa, struct line *l, char *fields, char *values)
{
    for (char *save = NULL, *v = strtok_r(values, ",", &save); v; v = strtok_r(NULL, ",", &save))
        if (l->not_count < MAX_NOTS)
            add_not(isa, l, fields, v);
        else
            wrong(isa, l->name, "too many constraints");
}

static void read_encoding(struct isa *isa, struct line *l, char *text)
{
    unsigned at = 32; /* bits that are still to come */
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        char *values = strstr(word, "!=");
        if (values) {
            *values = '\0';
            values += 2;
        }
        char *colon = strchr(word, ':');
        if (colon) {
            unsigned width = (unsigned)strtoul(colon + 1, NULL, 10), n = l->field_count++;
            *colon = '\0';
            snprintf(l->field[n].name, sizeof(l->field[n].name), "%s", word);
            at -= width;
            l->field[n].lo = at;
            l->field[n].width = width;
        } else if (!values) {
            for (const char *bit = word; *bit; bit++) {
                at--;
                if (*bit == 'x')
                    continue;
                l->fixed.mask |= UINT32_C(1) << at;
                l->fixed.value |= (uint32_t)(*bit == '1') << at;
            }
        }
        if (values)
            add_nots(isa, l, word, values);
    }
    if (at != 0)
        wrong(isa, l->name, "is not 32 bits");
}

static void read_isa(struct isa *isa, const char *path)
{
    FILE *in = fopen(path, "r");
    char text[2048];
    if (!in) {
        perror(path);
        exit(2);
    }
    while (fgets(text, sizeof(text), in)) {
        if (!isupper((unsigned char)text[0]))
            continue;
        struct line *l = &isa->line[isa->count++];
        size_t name = strcspn(text, " ");
        char *encoding = text + name + strspn(text + name, " "), *end = strstr(encoding, "  ");
        snprintf(l->name, sizeof(l->name), "%.*s", (int)name, text);
        if (end) {
            *end = '\0';
            read_encoding(isa, l, encoding);
        } else {
            wrong(isa, l->name, "has no second column");
        }
    }
    fclose(in);
}

/* ---- The generated table ---- */

static bool has_not(const struct a64_op_info *info, struct pattern p)
{
    for (unsigned i = 0; i < info->not_count; i++)
        if (info->nots[i].mask == p.mask && info->nots[i].value == p.value)
            return true;
    return false;
}

/* A reserved value that contradicts the fixed bits excludes nothing; the table may leave it out. */
static void compare_table(struct isa *isa, struct line *l)
{
    unsigned op = 1;
    while (op < A64_OP_COUNT && strcmp(a64_op_info[op].name, l->name) != 0)
        op++;
    if (op == A64_OP_COUNT)
        return wrong(isa, l->name, "is not in the table");
    const struct a64_op_info *info = &a64_op_info[op];
    l->op = (enum a64_op)op;
    if (info->mask != l->fixed.mask || info->value != l->fixed.value)
        wrong(isa, l->name, "other fixed bits in the table");
    for (unsigned i = 0; i < l->not_count; i++)
        if (!has_not(info, l->nots[i]))
            wrong(isa, l->name, "a reserved value is not in the table");
    if (info->not_count != l->not_count)
        wrong(isa, l->name, "another number of reserved values in the table");
    if (info->field_count != l->field_count)
        return wrong(isa, l->name, "another number of fields in the table");
    for (unsigned i = 0; i < l->field_count; i++)
        if (strcmp(info->fields[i].name, l->field[i].name) != 0 ||
            info->fields[i].lo != l->field[i].lo || info->fields[i].width != l->field[i].width)
            wrong(isa, l->name, "another field in the table");
}

static int by_fixed_bits(const void *a, const void *b)
{
    const struct line *l = a, *m = b;
    return __builtin_popcount(m->fixed.mask) - __builtin_popcount(l->fixed.mask);
}

/* ---- Words ---- */

struct tally {
    uint64_t words, allocated, bad;
};

static bool matches(const struct line *l, uint32_t word)
{
    if ((word & l->fixed.mask) != l->fixed.value)
        return false;
    for (unsigned i = 0; i < l->not_count; i++)
        if ((word & l->nots[i].mask) == l->nots[i].value)
            return false;
    return true;
}

/* `candidates` are in order of falling numbers of fixed bits. */
static void check_word(struct tally *t, const struct line **candidates, unsigned count,
                       uint32_t word)
{
    const struct line *best = NULL;
    for (unsigned i = 0; i < count; i++) {
        const struct line *l = candidates[i];
        if (!matches(l, word))
            continue;
        if (!best)
            best = l;
        else if ((best->fixed.mask & l->fixed.mask) != l->fixed.mask ||
                 best->fixed.mask == l->fixed.mask) {
            if (t->bad++ < 10)
                printf("# %08" PRIx32 ": %s and %s both match\n", word, best->name, l->name);
        }
    }
    enum a64_op expected = best ? best->op : A64_UNDEFINED, got = a64_decode(word);
    t->words++;
    t->allocated += best != NULL;
    if (got != expected && t->bad++ < 10)
        printf("# %08" PRIx32 ": decoded as %s, the table of lines says %s\n", word,
               a64_op_info[got].name, a64_op_info[expected].name);
}

static void check_upper_half(struct tally *t, const struct isa *isa, uint32_t high, uint64_t n,
                             uint64_t *seed)
{
    const struct line *candidates[MAX_LINES];
    unsigned count = 0;
    for (unsigned i = 0; i < isa->count; i++) {
        const struct pattern *p = &isa->line[i].fixed;
        if (((p->value >> 16) ^ high) & (p->mask >> 16))
            continue;
        candidates[count++] = &isa->line[i];
    }
    if (n == 0)
        for (uint32_t low = 0; low <= UINT16_MAX; low++)
            check_word(t, candidates, count, high << 16 | low);
    for (uint64_t i = 0; i < n; i++) { /* xorshift64* */
        *seed ^= *seed >> 12;
        *seed ^= *seed << 25;
        *seed ^= *seed >> 27;
        uint32_t low = (uint32_t)(*seed * UINT64_C(0x2545f4914f6cdd1d) >> 48);
        if (count && i & 1) { /* a word of one of the lines, or next to one */
            const struct pattern *p = &candidates[i / 2 % count]->fixed;
            low = (low & ~p->mask) | p->value;
            low ^= i & 2 ? 0 : UINT32_C(1) << (*seed >> 20 & 15);
        }
        check_word(t, candidates, count, high << 16 | (low & UINT16_MAX));
    }
}

static int run(const struct isa *isa, uint64_t n, uint64_t seed, uint32_t first, uint32_t jobs,
               FILE *result)
{
    struct tally t = {0};
    seed = (seed + first) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (uint32_t high = first; high <= UINT16_MAX; high += jobs)
        check_upper_half(&t, isa, high, n, &seed);
    fprintf(result, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", t.words, t.allocated, t.bad);
    return fclose(result) == 0 && !t.bad ? 0 : 1;
}

static int run_jobs(const struct isa *isa, uint64_t n, uint64_t seed, uint32_t jobs)
{
    struct tally sum = {0};
    FILE *results[64];
    int status, failed = 0;
    for (uint32_t i = 0; i < jobs; i++) {
        results[i] = tmpfile();
        pid_t pid = results[i] ? fork() : -1;
        if (pid < 0) {
            perror("words");
            return 2;
        }
        if (pid == 0)
            exit(run(isa, n, seed, i, jobs, results[i]));
    }
    while (wait(&status) > 0)
        failed |= !WIFEXITED(status) || WEXITSTATUS(status);
    for (uint32_t i = 0; i < jobs; i++) {
        struct tally t;
        rewind(results[i]);
        if (fscanf(results[i], "%" SCNu64 "%" SCNu64 "%" SCNu64, &t.words, &t.allocated, &t.bad) !=
            3)
            return 2;
        sum.words += t.words;
        sum.allocated += t.allocated;
        sum.bad += t.bad;
    }
    printf("# %" PRIu64 " words, %" PRIu64 " of them allocated, %" PRIu64 " differ\n", sum.words,
           sum.allocated, sum.bad);
    return failed;
}

int main(int argc, char **argv)
{
    static struct isa isa;
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: words ISA-FILE COUNT|full SEED [JOBS]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    uint64_t n = strcmp(argv[2], "full") == 0 ? 0 : strtoull(argv[2], NULL, 0);
    uint32_t jobs = argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 0) : 1;
    read_isa(&isa, argv[1]);
    for (unsigned i = 0; i < isa.count; i++)
        compare_table(&isa, &isa.line[i]);
    if (isa.count != A64_OP_COUNT - 1)
        wrong(&isa, argv[1], "another number of lines in the table");
    qsort(isa.line, isa.count, sizeof(isa.line[0]), by_fixed_bits);
    printf("%sok table %u lines\n", isa.wrong ? "not " : "", isa.count);
    if (isa.wrong || !jobs || jobs > 64)
        return 1;
    int failed = run_jobs(&isa, n, strtoull(argv[3], NULL, 0), jobs);
    printf("%sok words\n", failed ? "not " : "");
    return failed;
}
