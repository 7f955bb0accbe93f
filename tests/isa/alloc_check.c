/* Which words are allocated: isa/a64.isa against GNU objdump, on millions of words.
 *
 *     alloc_check gen COUNT SEED > words
 *     objdump -D -b binary -m aarch64 -M no-aliases words | alloc_check compare words
 *
 * `gen` spreads the words over the top-level groups of Arm ARM C4.1 (bits 28..25). Half of them are
 * random within their group, half are words of a line with up to three bits changed, which is where
 * holes and lines that match too much are. `compare` fails when one side decodes a word, the other
 * does not, and no row of the tables below explains why. objdump knows every extension and no CPU
 * model, so most rows are features that CPU `default` does not offer.
 */
#include "a64/features.h"
#include "a64_ops.h"
#include "base/bits.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPORTS = 40 };

/* xorshift64*: the same words for the same seed. */
static uint32_t rnd(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return (uint32_t)((*s * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

/* ---- Words ---- */

/* A group of C4.1 is the words with (w & mask) == value; of 64 words it gets `share`. */
struct group {
    uint32_t mask, value;
    unsigned share;
    const char *name;
};

static const struct group groups[] = {
    {0x9e000000, 0x00000000, 1, "reserved"},
    {0x9e000000, 0x80000000, 1, "SME"},
    {0x1e000000, 0x04000000, 1, "SVE"},
    {0x1a000000, 0x02000000, 1, "unallocated"},
    {0x1c000000, 0x10000000, 8, "data processing, immediate"},
    {0x1c000000, 0x14000000, 4, "branches"},
    {0xfe000000, 0xd4000000, 4, "exceptions, system"},
    {0xffc00000, 0xd5000000, 4, "system"},
    {0x0a000000, 0x08000000, 14, "loads and stores"},
    {0x0e000000, 0x0a000000, 10, "data processing, register"},
    {0x0e000000, 0x0e000000, 16, "SIMD and floating-point"},
};

static uint32_t group_word(uint64_t *s)
{
    unsigned at = rnd(s) % 64;
    const struct group *g = groups;
    for (; at >= g->share; g++)
        at -= g->share;
    return (rnd(s) & ~g->mask) | g->value;
}

static uint32_t line_word(uint64_t *s)
{
    const struct a64_op_info *info = &a64_op_info[1 + rnd(s) % (A64_OP_COUNT - 1)];
    uint32_t word = (rnd(s) & ~info->mask) | info->value;
    for (unsigned flips = rnd(s) % 4; flips; flips--)
        word ^= UINT32_C(1) << rnd(s) % 32;
    return word;
}

static int generate(unsigned long count, uint64_t seed)
{
    uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (unsigned long i = 0; i < count; i++) {
        uint32_t word = i & 1 ? line_word(&s) : group_word(&s);
        if (fwrite(&word, sizeof(word), 1, stdout) != 1)
            return 1;
    }
    return fflush(stdout) ? 1 : 0;
}

/* ---- Differences that are right ---- */

/* Words with (w & mask) == value that objdump calls by a name that one of the blank-separated
 * patterns fits. */
struct excuse {
    uint32_t mask, value;
    const char *names;
    const char *why;
};

static const struct excuse only_objdump[] = {
    {0x1e000000, 0x04000000, "*", "FEAT_SVE"},
    {0x9e000000, 0x80000000, "*", "FEAT_SME"},
    {0xff000010, 0x54000010, "bc.*", "FEAT_HBC"},
    {0xffff0000, 0xdac10000, "pac* aut* xpac*", "FEAT_PAuth"},
    {0xffe0fc00, 0x9ac03000, "pacga", "FEAT_PAuth"},
    {0xfe1ff800, 0xd61f0800, "bra[ab]* blra[ab]* reta[ab] ereta[ab]", "FEAT_PAuth"},
    {0xff200400, 0xf8200400, "ldra[ab]", "FEAT_PAuth"},
    {0xbfc0c000, 0x91800000, "addg subg", "FEAT_MTE"},
    {0xdfe0fc00, 0x9ac00000, "subp subps", "FEAT_MTE"},
    {0xffe0f800, 0x9ac01000, "irg gmi", "FEAT_MTE"},
    {0xff200000, 0xd9200000, "ldg ldgm stg stgm st2g stzg stzgm stz2g", "FEAT_MTE"},
    {0xfe400000, 0x68000000, "stgp", "FEAT_MTE"},
    {0x7fff0000, 0x5ac00000, "abs cnt ctz", "FEAT_CSSC"},
    {0x7fe0f000, 0x1ac06000, "[su]max [su]min", "FEAT_CSSC"},
    {0x7fc00000, 0x11c00000, "[su]max [su]min", "FEAT_CSSC"},
    {0xfb200c00, 0x19000400, "cpy* set*", "FEAT_MOPS"},
    {0xffe08c00, 0xf8208000, "ld64b st64b st64bv st64bv0", "FEAT_LS64"},
    {0xffe08000, 0xce400000, "sm3ss1", "FEAT_SM3"},
    {0xffe0c000, 0xce408000, "sm3tt*", "FEAT_SM3"},
    {0xffe0f000, 0xce60c000, "sm3partw[12] sm4ekey", "FEAT_SM3, FEAT_SM4"},
    {0xfffffc00, 0xcec08400, "sm4e", "FEAT_SM4"},
    {0xffe0001f, 0xd4600000, "tcancel", "FEAT_TME"},
    {0xffffffff, 0xd503307f, "tcommit", "FEAT_TME"},
    {0xfffffee0, 0xd5233060, "tstart ttest", "FEAT_TME"},
    {0xffffffc0, 0xd5031000, "wfet wfit", "FEAT_WFxT"},
    {0xfffff3ff, 0xd503323f, "dsb", "FEAT_XS"},
    {0xffd80000, 0xd5000000, "msr mrs", "objdump takes op0 = 00 for a system register"},
    {0x9f60dc00, 0x0e60cc00, "fmlal fmlal2 fmlsl fmlsl2", "objdump ignores that sz is 0"},
};

static const struct excuse only_ours[] = {
    {0x3fe08000, 0x08c08000, "LDAR LDARB LDARH", "objdump wants ones in their (1) bits"},
    {0xfe400000, 0x68400000, "LDPSW_*", "objdump wants two different registers here"},
};

static const struct excuse *find_excuse(const struct excuse *e, size_t count, uint32_t word,
                                        const char *name)
{
    for (; count; count--, e++) {
        char names[512], *save = NULL;
        if ((word & e->mask) != e->value)
            continue;
        snprintf(names, sizeof(names), "%s", e->names);
        for (char *p = strtok_r(names, " ", &save); p; p = strtok_r(NULL, " ", &save))
            if (fnmatch(p, name, 0) == 0)
                return e;
    }
    return NULL;
}

/* ---- Comparison ---- */

struct tally {
    unsigned long both, neither, by_system, ours, theirs, bad;
};

static void compare_word(struct tally *t, const struct a64_features *cpu, uint32_t word,
                         const char *text)
{
    const struct a64_op_info *info = &a64_op_info[a64_decode(word)];
    const struct excuse *excuse;
    char name[32] = "";
    bool ours = a64_decode(word) != A64_UNDEFINED && a64_feature_has(cpu, info->feature) &&
                a64_feature_has(cpu, info->feature2);
    sscanf(text, "%31s", name);
    bool theirs = strcmp(name, ".inst") != 0;
    if (ours && (info->traits & A64_TRAIT_MAYBE_UNDEFINED)) {
        t->by_system++;
        return;
    }
    if (ours == theirs) {
        *(ours ? &t->both : &t->neither) += 1;
        return;
    }
    if (ours)
        excuse = find_excuse(only_ours, ARRAY_LEN(only_ours), word, info->name);
    else
        excuse = find_excuse(only_objdump, ARRAY_LEN(only_objdump), word, name);
    *(ours ? &t->ours : &t->theirs) += 1;
    if (!excuse && t->bad++ < MAX_REPORTS)
        printf("alloc_check: %08" PRIx32 ": ours %s, objdump %s\n", word, info->name, text);
}

/* One line of objdump: "   4:\td503201f \thint\t#0x0". Null if it is another line. */
static char *instruction_text(char *line, uint32_t *word)
{
    char *tab = strchr(line, '\t'), *text;
    if (!tab || line[strspn(line, " ")] == '\0' || strspn(line, " 0123456789abcdef") == 0)
        return NULL;
    *word = (uint32_t)strtoul(tab + 1, &text, 16);
    text += strspn(text, " \t");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static int compare(FILE *words)
{
    const struct a64_features cpu = a64_features_default();
    struct tally t = {0};
    unsigned long count = 0;
    char line[512];
    while (fgets(line, sizeof(line), stdin)) {
        uint32_t word, shown;
        char *text = instruction_text(line, &shown);
        if (!text)
            continue;
        if (fread(&word, sizeof(word), 1, words) != 1 || word != shown) {
            fprintf(stderr, "alloc_check: lost track of the words at %lu\n", count);
            return 2;
        }
        compare_word(&t, &cpu, word, text);
        count++;
    }
    uint32_t more;
    if (fread(&more, sizeof(more), 1, words) == 1 || !count) {
        fprintf(stderr, "alloc_check: objdump printed only %lu words\n", count);
        return 2;
    }
    printf("alloc_check: %lu words: %lu allocated, %lu not, %lu by system register, explained: %lu "
           "only objdump, %lu only ours; unexplained: %lu\n",
           count, t.both, t.neither, t.by_system, t.theirs, t.ours, t.bad);
    return t.bad ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "gen") == 0)
        return generate(strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
    FILE *words = argc == 3 && strcmp(argv[1], "compare") == 0 ? fopen(argv[2], "rb") : NULL;
    if (!words) {
        fprintf(stderr, "usage: alloc_check gen COUNT SEED | compare WORDS\n");
        return 2;
    }
    return compare(words);
}
