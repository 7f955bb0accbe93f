/* Our decoder and disassembler beside Capstone's, on random words: what capstone.sh judges.
 *
 *     capstone COUNT SEED
 *
 * COUNT words of each line of isa/ (a quarter of them with one bit flipped), and as many random
 * ones. Both texts are brought to one spelling. Words on which both say the same are only counted;
 * for every other one a line goes to standard output, columns separated by tabs:
 *
 *     KIND  WORD  LINE  FEATURES  OUR-TEXT  CAPSTONE-TEXT
 *
 * KIND is differ, ours (Capstone does not know the word) or capstone (we do not). The last line is
 * "total", then the number of words, of those with equal texts, and of those that neither knows.
 */
#include "a64/disasm.h"
#include "a64/features.h"
#include "a64_ops.h"

#include <capstone/capstone.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t random_word(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return (uint32_t)((*s * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

/* A number at p, "#1" or an address or lane without '#'? */
static bool is_number(const char *p, const char *text)
{
    if (p[0] == '#')
        return isdigit((unsigned char)p[1]) || (p[1] == '-' && isdigit((unsigned char)p[2]));
    return p[0] == '0' && p[1] == 'x' && p > text && !isalnum((unsigned char)p[-1]);
}

/* The older names of two conditions, when it is the last operand. */
static void spell_condition(char *text, size_t n)
{
    if (n > 3 && text[n - 3] == ',' && strcmp(text + n - 2, "lo") == 0)
        memcpy(text + n - 2, "cc", 2);
    if (n > 3 && text[n - 3] == ',' && strcmp(text + n - 2, "hs") == 0)
        memcpy(text + n - 2, "cs", 2);
}

/* One spelling: small letters, a blank only after the mnemonic, numbers as signed decimal, with '#'
 * except for lanes. */
static void spell(char *out, size_t size, const char *text)
{
    size_t n = 0;
    bool in_operands = false;
    for (const char *p = text; *p && n + 24 < size;) {
        if (*p == ' ' || *p == '\t') {
            p++;
            if (!in_operands && n)
                out[n++] = ' ';
            in_operands = true;
        } else if (is_number(p, text)) {
            char *end;
            const char *digits = p + (*p == '#');
            bool negative = *digits == '-', is_lane = p[-1] == '[' && *p != '#';
            uint64_t value = strtoull(digits + negative, &end, 0);
            if (*end == '.') { /* a floating-point number */
                double number = strtod(digits, &end);
                n += (size_t)snprintf(out + n, size - n, "#%.8f", number);
            } else {
                n += (size_t)snprintf(out + n, size - n, "%s%" PRId64, is_lane ? "" : "#",
                                      (int64_t)(negative ? -value : value));
            }
            p = end;
        } else {
            out[n++] = (char)tolower((unsigned char)*p++);
        }
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    spell_condition(out, n);
}

static const char *feature_name(unsigned feature)
{
    static const char *const names[] = {
#define FEATURE(name, ...) [A64_FEAT_##name] = #name,
#include "features.def"
#undef FEATURE
    };
    return feature < sizeof(names) / sizeof(names[0]) && names[feature] ? names[feature] : "BASE";
}

struct total {
    unsigned long words, equal, neither;
};

static void compare(csh handle, cs_insn *insn, struct total *total, uint32_t word)
{
    char raw[256], ours[256], theirs[256] = "";
    const struct a64_op_info *info = &a64_op_info[a64_decode(word)];
    const uint8_t *bytes = (const uint8_t *)&word;
    size_t left = 4;
    uint64_t pc = 0;
    bool known = cs_disasm_iter(handle, &bytes, &left, &pc, insn);
    total->words++;
    if (known) {
        snprintf(raw, sizeof(raw), "%s %s", insn->mnemonic, insn->op_str);
        spell(theirs, sizeof(theirs), raw);
    }
    a64_disasm(word, 0, raw, sizeof(raw));
    spell(ours, sizeof(ours), raw);
    bool allocated = info != &a64_op_info[A64_UNDEFINED];
    if (!known && !allocated) {
        total->neither++;
        return;
    }
    if (known && allocated && strcmp(ours, theirs) == 0) {
        total->equal++;
        return;
    }
    const char *kind = known && allocated ? "differ" : allocated ? "ours" : "capstone";
    const char *f1 = feature_name(info->feature), *f2 = feature_name(info->feature2);
    printf("%s\t%08" PRIx32 "\t%s\t%s%s%s\t%s\t%s\n", kind, word, info->name, f1,
           strcmp(f2, "BASE") ? "+" : "", strcmp(f2, "BASE") ? f2 : "", allocated ? ours : "-",
           known ? theirs : "-");
}

int main(int argc, char **argv)
{
    csh handle;
    if (argc != 3 || cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle) != CS_ERR_OK) {
        fprintf(stderr, "usage: capstone COUNT SEED\n");
        return 2;
    }
    cs_insn *insn = cs_malloc(handle);
    unsigned long count = strtoul(argv[1], NULL, 0);
    uint64_t seed = strtoull(argv[2], NULL, 0) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct total total = {0};
    for (unsigned op = 1; op < A64_OP_COUNT; op++)
        for (unsigned long i = 0; i < count; i++) {
            const struct a64_op_info *info = &a64_op_info[op];
            uint32_t word = (random_word(&seed) & ~info->mask) | info->value;
            if (i % 16 == 15) /* where aliases and reserved values are */
                word = i & 16 ? info->value : info->value | ~info->mask;
            if (i % 4 == 3)
                word ^= UINT32_C(1) << random_word(&seed) % 32;
            compare(handle, insn, &total, word);
            compare(handle, insn, &total, random_word(&seed));
        }
    printf("total\t%lu\t%lu\t%lu\n", total.words, total.equal, total.neither);
    cs_free(insn, 1);
    cs_close(&handle);
    return 0;
}
