/* isagen: turns isa/a64.isa, one line per A64 encoding, into the decoder, the encoders for tests,
 * the instruction table and the interpreter's dispatch table. The head of that file describes the
 * format.
 *
 *     isagen OUTDIR [features.def] FILE.isa...
 *     isagen --stats [features.def] FILE.isa...
 *
 * Output goes to OUTDIR: a64_ops.h a64_ops.c a64_encode.h interp_table.h interp_table.c. --stats
 * prints instead how many encodings and words each section and each feature has.
 *
 * What holds of a file that was accepted:
 * - a word that two lines match belongs to the one whose fixed bits are a strict superset of the
 *   other's (WFI < HINT); a line whose constraints leave it no word does not exist;
 * - a line with trait f has no reserved values left (no trait u), so that the CPACR check, which
 *   the dispatch table makes before the handler, never hides that a word is UNDEFINED;
 * - fields that an asm template names exist, features are rows of features.def (not checked when no
 *   .def file is given).
 * Everything wrong is reported as FILE:LINE: message, all of it, and the exit status is then 1.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 16, MAX_NOT = 32, MAX_FEATURES = 512, MAX_SECTIONS = 128, MAX_LINE = 1024 };

struct field {
    char name[24];
    unsigned lo, width;
};

/* The words w with (w & mask) == value. */
struct pattern {
    uint32_t mask, value;
};

struct insn {
    const char *file;
    int line;
    char name[48];
    char traits[16];
    char feature[32], feature2[32]; /* both must be present; feature2 is BASE if there is one */
    char *asm_text;
    struct pattern fixed;
    unsigned field_count;
    struct field field[MAX_FIELDS];
    unsigned not_count;
    struct pattern not[MAX_NOT]; /* words that do not match though `fixed` does */
    unsigned section;
    unsigned format; /* index of the first line with the same field names */
};

struct isa {
    struct insn *insn;
    unsigned count, capacity;
    char feature[MAX_FEATURES][32];
    unsigned feature_count;
    char section[MAX_SECTIONS][96];
    unsigned section_count;
    const char *out_dir;
    int errors;
};

/* ---- Errors and memory ---- */

static void fail_at(struct isa *isa, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void fail_at(struct isa *isa, const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    isa->errors++;
}

static void die(const char *what, const char *name)
{
    fprintf(stderr, "isagen: %s '%s': %s\n", what, name, strerror(errno));
    exit(1);
}

static void *xrealloc(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p)
        die("memory for", "tables");
    return p;
}

static unsigned popcount(uint32_t x)
{
    return (unsigned)__builtin_popcount(x);
}

static uint32_t low_ones(unsigned n)
{
    return n >= 32 ? UINT32_MAX : (UINT32_C(1) << n) - 1;
}

/* ---- Reading ---- */

static bool all_of(const char *s, const char *set)
{
    return *s && s[strspn(s, set)] == '\0';
}

static const struct field *find_field(const struct insn *in, const char *name, size_t len)
{
    for (unsigned i = 0; i < in->field_count; i++)
        if (strlen(in->field[i].name) == len && memcmp(in->field[i].name, name, len) == 0)
            return &in->field[i];
    return NULL;
}

/* The constraint FIELD[.FIELD...]!=VALUE[,VALUE...]: binary with 'x' for any, as many digits as the
 * fields have bits. */
static bool parse_not(struct insn *in, const char *fields, char *values)
{
    unsigned at[32], count = 0; /* bit numbers, most significant first */
    for (const char *p = fields; *p; p += *p == '.') {
        size_t len = strcspn(p, ".");
        const struct field *f = find_field(in, p, len);
        if (!f || count + f->width > 32)
            return false;
        for (unsigned i = f->width; i--;)
            at[count++] = f->lo + i;
        p += len;
    }
    unsigned before = in->not_count;
    for (char *save = NULL, *v = strtok_r(values, ",", &save); v; v = strtok_r(NULL, ",", &save)) {
        if (!all_of(v, "01x") || strlen(v) != count || in->not_count == MAX_NOT)
            return false;
        struct pattern *n = &in->not[in->not_count++];
        for (unsigned i = 0; i < count; i++) {
            n->mask |= (uint32_t)(v[i] != 'x') << at[i];
            n->value |= (uint32_t)(v[i] == '1') << at[i];
        }
    }
    return in->not_count > before;
}

/* `name:width`; f->lo is set by the caller. */
static bool parse_field(struct field *f, const char *tok)
{
    memset(f, 0, sizeof(*f));
    const char *colon = strchr(tok, ':');
    if (!colon || colon == tok || (size_t)(colon - tok) >= sizeof(f->name))
        return false;
    memcpy(f->name, tok, (size_t)(colon - tok));
    for (const char *c = f->name; *c; c++)
        if (!islower((unsigned char)*c) && *c != '_' &&
            (c == f->name || !isdigit((unsigned char)*c)))
            return false;
    char *end;
    f->width = (unsigned)strtoul(colon + 1, &end, 10);
    return end != colon + 1 && *end == '\0' && f->width >= 1 && f->width <= 31;
}

static void add_field(struct isa *isa, struct insn *in, const struct field *f)
{
    if (find_field(in, f->name, strlen(f->name)))
        fail_at(isa, in->file, in->line, "%s: field '%s' twice", in->name, f->name);
    else if (in->field_count == MAX_FIELDS)
        fail_at(isa, in->file, in->line, "%s: more than %d fields", in->name, MAX_FIELDS);
    else
        in->field[in->field_count++] = *f;
}

/* One word of the encoding with `at` bits still to come: fixed bits, a field, or neither (width 0).
 * Returns false if it is none of them. */
static bool parse_token(struct isa *isa, struct insn *in, const char *t, unsigned at,
                        unsigned *width)
{
    struct field f;
    *width = 0;
    if (all_of(t, "01x")) {
        *width = (unsigned)strlen(t);
        for (unsigned i = 0; *width <= at && i < *width; i++) {
            uint32_t b = UINT32_C(1) << (at - 1 - i);
            in->fixed.mask |= t[i] != 'x' ? b : 0;
            in->fixed.value |= t[i] == '1' ? b : 0;
        }
        return true;
    }
    if (!parse_field(&f, t))
        return false;
    *width = f.width;
    f.lo = at - f.width;
    if (f.width <= at)
        add_field(isa, in, &f);
    return true;
}

static void parse_encoding(struct isa *isa, struct insn *in, char *text)
{
    unsigned at = 32, width; /* bits still to come */
    for (char *save = NULL, *t = strtok_r(text, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        char whole[MAX_LINE];
        snprintf(whole, sizeof(whole), "%s", t);
        char *values = strstr(t, "!="), *colon = strchr(t, ':');
        if (values)
            *values = '\0';
        bool good = values && !colon ? (width = 0, true) : parse_token(isa, in, t, at, &width);
        if (good && width > at) {
            fail_at(isa, in->file, in->line, "%s: encoding is longer than 32 bits", in->name);
            return;
        }
        if (good && colon)
            *colon = '\0';
        if (!good || (values && !parse_not(in, t, values + 2))) {
            fail_at(isa, in->file, in->line, "%s: cannot read '%s' in the encoding", in->name,
                    whole);
            return;
        }
        at -= width;
    }
    if (at)
        fail_at(isa, in->file, in->line, "%s: encoding has %u bits, not 32", in->name, 32 - at);
}

/* Cuts the next column off *s: up to a tab or two spaces, or one for columns that are one word.
 * Null at the end of the line. */
static char *next_column(char **s, bool one_word)
{
    char *p = *s + strspn(*s, " \t");
    if (!*p)
        return NULL;
    char *e = p;
    while (*e && *e != '\t' && !(*e == ' ' && (one_word || e[1] == ' ' || e[1] == '\t')))
        e++;
    *s = *e ? e + 1 : e;
    *e = '\0';
    return p;
}

/* Placeholders must be closed and name fields of this line; their kinds are disasm.c's. */
static void check_asm(struct isa *isa, const struct insn *in)
{
    for (const char *p = in->asm_text; *p;) {
        if ((p[0] == '{' && p[1] == '{') || (p[0] == '}' && p[1] == '}')) {
            p += 2;
            continue;
        }
        if (*p++ != '{')
            continue;
        const char *end = strchr(p, '}'), *colon = strchr(p, ':');
        if (!end || !colon || colon > end) {
            fail_at(isa, in->file, in->line, "%s: bad placeholder in '%s'", in->name, in->asm_text);
            return;
        }
        p += *p == '?';
        while (p < colon) {
            size_t len = strcspn(p, ".:+");
            if (!find_field(in, p, len))
                fail_at(isa, in->file, in->line, "%s: no field '%.*s' for the asm template",
                        in->name, (int)len, p);
            p += len;
            if (*p == '+')
                p += 1 + strspn(p + 1, "0123456789");
            if (*p == '.')
                p++;
            else
                break;
        }
        p = end + 1;
    }
}

static bool known_feature(const struct isa *isa, const char *name)
{
    if (!isa->feature_count)
        return true;
    for (unsigned i = 0; i < isa->feature_count; i++)
        if (strcmp(isa->feature[i], name) == 0)
            return true;
    return strcmp(name, "BASE") == 0;
}

static void copy_word(struct isa *isa, const struct insn *in, char *to, size_t size,
                      const char *from)
{
    if (strlen(from) >= size)
        fail_at(isa, in->file, in->line, "'%s' is too long", from);
    else
        memcpy(to, from, strlen(from) + 1);
}

/* NAME or NAME+NAME. */
static void parse_feature(struct isa *isa, struct insn *in, char *s)
{
    char *plus = strchr(s, '+');
    if (plus)
        *plus = '\0';
    copy_word(isa, in, in->feature, sizeof(in->feature), s);
    copy_word(isa, in, in->feature2, sizeof(in->feature2), plus ? plus + 1 : "BASE");
    const char *both[] = {in->feature, in->feature2};
    for (unsigned i = 0; i < 2; i++)
        if (!known_feature(isa, both[i]))
            fail_at(isa, in->file, in->line, "%s: unknown feature '%s'", in->name, both[i]);
}

static void parse_line(struct isa *isa, const char *file, int line, char *s)
{
    char *column[4];
    for (unsigned i = 0; i < 4; i++) {
        column[i] = next_column(&s, i != 1);
        if (!column[i]) {
            fail_at(isa, file, line, "%u columns, need name, encoding, traits, feature, asm", i);
            return;
        }
    }
    s += strspn(s, " \t");
    if (isa->count == isa->capacity) {
        isa->capacity = isa->capacity ? isa->capacity * 2 : 256;
        isa->insn = xrealloc(isa->insn, isa->capacity * sizeof(*isa->insn));
    }
    struct insn *in = &isa->insn[isa->count++];
    memset(in, 0, sizeof(*in));
    in->file = file;
    in->line = line;
    in->section = isa->section_count ? isa->section_count - 1 : 0;
    in->asm_text = strdup(s);
    if (!in->asm_text)
        die("memory for", file);
    copy_word(isa, in, in->name, sizeof(in->name), column[0]);
    for (const char *c = in->name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            fail_at(isa, file, line, "'%s' is not a name", in->name);
    parse_encoding(isa, in, column[1]);
    if (strcmp(column[2], "-") != 0) {
        if (!all_of(column[2], "ncrwbsufxL"))
            fail_at(isa, file, line, "%s: unknown trait in '%s'", in->name, column[2]);
        copy_word(isa, in, in->traits, sizeof(in->traits), column[2]);
    }
    if (strchr(in->traits, 'f') && strchr(in->traits, 'u'))
        fail_at(isa, file, line, "%s: traits f and u: the CPACR check would come before the "
                "handler's; write reserved values as constraints", in->name);
    parse_feature(isa, in, column[3]);
    if (!*s)
        fail_at(isa, file, line, "%s: no asm template", in->name);
    check_asm(isa, in);
}

/* A comment "# ---- TITLE ----" begins a section. */
static void begin_section(struct isa *isa, const char *file, int line, const char *s)
{
    if (strncmp(s, "# ---- ", 7) != 0)
        return;
    const char *end = strstr(s + 7, " ----");
    if (!end || isa->section_count == MAX_SECTIONS)
        fail_at(isa, file, line, "bad head of a section, or more than %d", MAX_SECTIONS);
    else
        snprintf(isa->section[isa->section_count++], sizeof(isa->section[0]), "%.*s",
                 (int)(end - s - 7), s + 7);
}

static void read_isa(struct isa *isa, const char *file)
{
    FILE *f = fopen(file, "r");
    if (!f)
        die("cannot open", file);
    char buf[MAX_LINE];
    for (int line = 1; fgets(buf, sizeof(buf), f); line++) {
        size_t len = strlen(buf);
        if (len == sizeof(buf) - 1)
            fail_at(isa, file, line, "line is too long");
        while (len && isspace((unsigned char)buf[len - 1]))
            buf[--len] = '\0';
        if (buf[0] == '#')
            begin_section(isa, file, line, buf);
        else if (len)
            parse_line(isa, file, line, buf);
    }
    if (ferror(f))
        die("cannot read", file);
    fclose(f);
}

static void read_features(struct isa *isa, const char *file)
{
    FILE *f = fopen(file, "r");
    if (!f)
        die("cannot open", file);
    char buf[MAX_LINE], name[32];
    while (fgets(buf, sizeof(buf), f))
        if (sscanf(buf, " FEATURE( %31[A-Za-z0-9_]", name) == 1 &&
            isa->feature_count < MAX_FEATURES)
            memcpy(isa->feature[isa->feature_count++], name, sizeof(name));
    fclose(f);
}

/* ---- Checks over all lines ---- */

/* How many words of `in` match none of `n` other patterns; *example becomes one of them. Cuts `in`
 * in two by one bit of a pattern that it meets, until it is inside or outside of each. */
static uint64_t words_left(struct pattern in, const struct pattern *other, unsigned n,
                           uint32_t *example)
{
    for (unsigned i = 0; i < n; i++) {
        if ((other[i].value ^ in.value) & other[i].mask & in.mask)
            continue;
        uint32_t bit = other[i].mask & ~in.mask;
        if (!bit)
            return 0;
        bit &= -bit;
        struct pattern zero = {in.mask | bit, in.value}, one = {in.mask | bit, in.value | bit};
        return words_left(zero, other + i, n - i, example) +
               words_left(one, other + i, n - i, example);
    }
    *example = in.value;
    return UINT64_C(1) << (32 - popcount(in.mask));
}

static bool may_both_match(const struct insn *a, const struct insn *b, uint32_t *example)
{
    if ((a->fixed.value ^ b->fixed.value) & a->fixed.mask & b->fixed.mask)
        return false;
    struct pattern both = {a->fixed.mask | b->fixed.mask, a->fixed.value | b->fixed.value};
    struct pattern not[2 * MAX_NOT];
    memcpy(not, a->not, a->not_count * sizeof(not[0]));
    memcpy(not + a->not_count, b->not, b->not_count * sizeof(not[0]));
    return words_left(both, not, a->not_count + b->not_count, example) != 0;
}

static void check_pairs(struct isa *isa)
{
    uint32_t example;
    for (unsigned i = 0; i < isa->count; i++) {
        struct insn *a = &isa->insn[i];
        if (!words_left(a->fixed, a->not, a->not_count, &example))
            fail_at(isa, a->file, a->line, "%s: its constraints leave no word", a->name);
        for (unsigned k = 0; k < i; k++) {
            const struct insn *b = &isa->insn[k];
            if (strcmp(a->name, b->name) == 0)
                fail_at(isa, a->file, a->line, "%s: already defined at %s:%d", a->name, b->file,
                        b->line);
            if (!may_both_match(a, b, &example))
                continue;
            uint32_t common = a->fixed.mask & b->fixed.mask;
            if (a->fixed.mask == b->fixed.mask ||
                (common != a->fixed.mask && common != b->fixed.mask))
                fail_at(isa, a->file, a->line, "%s: overlaps %s (%s:%d), e.g. 0x%08x", a->name,
                        b->name, b->file, b->line, example);
            else if ((common == a->fixed.mask ? b : a)->not_count)
                fail_at(isa, a->file, a->line, "%s, %s (%s:%d): the line inside the other one has "
                        "constraints, the words of which would be the other one's", a->name,
                        b->name, b->file, b->line);
        }
    }
}

static bool same_format(const struct insn *a, const struct insn *b)
{
    if (a->field_count != b->field_count)
        return false;
    for (unsigned i = 0; i < a->field_count; i++)
        if (strcmp(a->field[i].name, b->field[i].name) != 0)
            return false;
    return true;
}

static void find_formats(struct isa *isa)
{
    for (unsigned i = 0; i < isa->count; i++) {
        unsigned k = 0;
        while (!same_format(&isa->insn[k], &isa->insn[i]))
            k++;
        isa->insn[i].format = k;
    }
}

/* ---- Writing ---- */

static FILE *create(const struct isa *isa, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", isa->out_dir, name);
    FILE *f = fopen(path, "w");
    if (!f)
        die("cannot create", path);
    fprintf(f, "/* Made by tools/isagen.c from isa/; do not edit. */\n");
    return f;
}

static void finish(FILE *f, const char *name)
{
    if (ferror(f) | fclose(f))
        die("cannot write", name);
}

static void write_getter(FILE *f, const struct insn *in)
{
    fprintf(f, "static inline struct a64_f_%s a64_get_%s(uint32_t w)\n{\n", in->name, in->name);
    if (!in->field_count)
        fprintf(f, "    (void)w;\n");
    fprintf(f, "    return (struct a64_f_%s){", in->name);
    for (unsigned i = 0; i < in->field_count; i++)
        fprintf(f, "%s(w >> %u) & 0x%xu", i ? ", " : "", in->field[i].lo,
                low_ones(in->field[i].width));
    fprintf(f, "};\n}\n");
}

static void write_ops_h(const struct isa *isa)
{
    FILE *f = create(isa, "a64_ops.h");
    fprintf(f, "#ifndef A64_OPS_H\n#define A64_OPS_H\n\n#include <stdint.h>\n\n"
               "/* One per line of isa/a64.isa. */\nenum a64_op {\n    A64_UNDEFINED = 0,\n");
    for (unsigned i = 0; i < isa->count; i++)
        fprintf(f, "    A64_%s,\n", isa->insn[i].name);
    fprintf(f, "    A64_OP_COUNT\n};\n\n#define A64_INSNS(X)");
    for (unsigned i = 0; i < isa->count; i++)
        fprintf(f, " \\\n    X(%s)", isa->insn[i].name);
    fprintf(f, "\n\n/* The line that matches `word`, present on this CPU or not. @any */\n"
               "enum a64_op a64_decode(uint32_t word);\n\n");
    const char *trait[] = {"WRITES_NZCV", "READS_NZCV", "READS_MEM", "WRITES_MEM", "BRANCH",
                           "SYSTEM", "MAYBE_UNDEFINED", "FP", "EXCLUSIVE", "LIFTER"};
    fprintf(f, "/* Bits of a64_op_info.traits. */\n");
    for (unsigned i = 0; i < 10; i++)
        fprintf(f, "#define A64_TRAIT_%s 0x%xu\n", trait[i], 1u << i);
    fprintf(f, "\nstruct a64_op_field {\n    const char *name;\n    uint8_t lo, width;\n};\n\n"
               "/* The words w with (w & mask) == value. */\n"
               "struct a64_op_pattern {\n    uint32_t mask, value;\n};\n\n"
               "struct a64_op_info {\n    const char *name;\n    const char *template; /* see "
               "isa/a64.isa */\n    uint32_t mask, value;\n    uint16_t traits;\n"
               "    uint16_t feature, feature2; /* enum a64_feature; both are needed */\n"
               "    uint8_t field_count, not_count;\n    const struct a64_op_field *fields;\n"
               "    const struct a64_op_pattern *nots; /* do not match, though mask does */\n"
               "};\n\n"
               "extern const struct a64_op_info a64_op_info[A64_OP_COUNT];\n\n"
               "/* ---- Fields; lines with the same field names share one type ---- */\n\n");
    for (unsigned i = 0; i < isa->count; i++) {
        const struct insn *in = &isa->insn[i];
        if (in->format != i) {
            fprintf(f, "#define a64_f_%s a64_f_%s\n", in->name, isa->insn[in->format].name);
        } else {
            fprintf(f, "struct a64_f_%s {\n    uint32_t ", in->name);
            for (unsigned k = 0; k < in->field_count; k++)
                fprintf(f, "%s%s", k ? ", " : "", in->field[k].name);
            fprintf(f, "%s;\n};\n", in->field_count ? "" : "none");
        }
        write_getter(f, in);
    }
    fprintf(f, "\n#endif\n");
    finish(f, "a64_ops.h");
}

static void write_encode_h(const struct isa *isa)
{
    FILE *f = create(isa, "a64_encode.h");
    fprintf(f, "#ifndef A64_ENCODE_H\n#define A64_ENCODE_H\n\n#include \"a64_ops.h\"\n\n"
               "/* a64_encode_X makes a word from fields, a64_recode_X from those of a word. */\n");
    for (unsigned i = 0; i < isa->count; i++) {
        const struct insn *in = &isa->insn[i];
        fprintf(f, "static inline uint32_t a64_encode_%s(", in->name);
        for (unsigned k = 0; k < in->field_count; k++)
            fprintf(f, "%suint32_t %s", k ? ", " : "", in->field[k].name);
        fprintf(f, "%s)\n{\n    return 0x%08xu", in->field_count ? "" : "void", in->fixed.value);
        for (unsigned k = 0; k < in->field_count; k++)
            fprintf(f, " | (%s & 0x%xu) << %u", in->field[k].name, low_ones(in->field[k].width),
                    in->field[k].lo);
        fprintf(f, ";\n}\nstatic inline uint32_t a64_recode_%s(uint32_t w)\n{\n"
                   "    const struct a64_f_%s f = a64_get_%s(w);\n%s    return a64_encode_%s(",
                in->name, in->name, in->name, in->field_count ? "" : "    (void)f;\n", in->name);
        for (unsigned k = 0; k < in->field_count; k++)
            fprintf(f, "%sf.%s", k ? ", " : "", in->field[k].name);
        fprintf(f, ");\n}\n");
    }
    fprintf(f, "\n#endif\n");
    finish(f, "a64_encode.h");
}

static void write_string(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        if (*s == '?') /* no trigraphs */
            fputc('\\', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

/* ---- The decision tree ---- */

struct set {
    unsigned count;
    unsigned *index; /* most specific first */
};

/* The lines of s that can match a word whose bits lo.. are v. */
static unsigned filter(const struct isa *isa, const struct set *s, unsigned lo, unsigned width,
                       uint32_t v, unsigned *out)
{
    unsigned n = 0;
    uint32_t window = low_ones(width) << lo;
    for (unsigned i = 0; i < s->count; i++) {
        const struct insn *in = &isa->insn[s->index[i]];
        if ((((v << lo) ^ in->fixed.value) & in->fixed.mask & window) == 0) {
            if (out)
                out[n] = s->index[i];
            n++;
        }
    }
    return n;
}

/* Chooses the bits that split s best: the smallest largest part, lines that would be in several
 * parts counted against it. False if nothing helps. */
static bool choose_split(const struct isa *isa, const struct set *s, uint32_t known, unsigned *lo,
                         unsigned *width)
{
    double best = s->count;
    bool found = false;
    for (unsigned w = 1; w <= 6; w++) {
        for (unsigned l = 0; l + w <= 32; l++) {
            if (known & (low_ones(w) << l))
                continue;
            unsigned total = 0, largest = 0;
            for (uint32_t v = 0; v <= low_ones(w); v++) {
                unsigned n = filter(isa, s, l, w, v, NULL);
                total += n;
                largest = n > largest ? n : largest;
            }
            double cost = largest + (double)total / s->count + w * 0.1;
            if (largest < s->count && total <= 3 * s->count + 8 && cost < best) {
                best = cost;
                *lo = l;
                *width = w;
                found = true;
            }
        }
    }
    return found;
}

static void write_leaf(FILE *f, const struct isa *isa, const struct set *s, int indent)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct insn *in = &isa->insn[s->index[i]];
        fprintf(f, "%*sif ((w & 0x%08xu) == 0x%08xu", indent, "", in->fixed.mask, in->fixed.value);
        for (unsigned n = 0; n < in->not_count; n++)
            fprintf(f, " && (w & 0x%08xu) != 0x%08xu", in->not[n].mask, in->not[n].value);
        fprintf(f, ")\n%*sreturn A64_%s;\n", indent + 4, "", in->name);
    }
    fprintf(f, "%*sreturn A64_UNDEFINED;\n", indent, "");
}

static void write_tree(FILE *f, const struct isa *isa, const struct set *s, uint32_t known,
                       int indent)
{
    unsigned lo = 0, width = 0;
    if (s->count <= 3 || !choose_split(isa, s, known, &lo, &width)) {
        write_leaf(f, isa, s, indent);
        return;
    }
    struct set part = {0, xrealloc(NULL, s->count * sizeof(unsigned))};
    fprintf(f, "%*sswitch ((w >> %u) & 0x%xu) {\n", indent, "", lo, low_ones(width));
    for (uint32_t v = 0; v <= low_ones(width); v++) {
        part.count = filter(isa, s, lo, width, v, part.index);
        if (!part.count)
            continue;
        fprintf(f, "%*scase 0x%x:\n", indent, "", v);
        write_tree(f, isa, &part, known | low_ones(width) << lo, indent + 4);
    }
    fprintf(f, "%*sdefault:\n%*sreturn A64_UNDEFINED;\n%*s}\n", indent, "", indent + 4, "", indent,
            "");
    free(part.index);
}

static void write_decoder(FILE *f, const struct isa *isa)
{
    struct set all = {isa->count, xrealloc(NULL, (isa->count + 1) * sizeof(unsigned))};
    for (unsigned i = 0; i < isa->count; i++) { /* insertion sort, most fixed bits first */
        unsigned k = i;
        for (; k && popcount(isa->insn[all.index[k - 1]].fixed.mask) <
                    popcount(isa->insn[i].fixed.mask); k--)
            all.index[k] = all.index[k - 1];
        all.index[k] = i;
    }
    fprintf(f, "enum a64_op a64_decode(uint32_t w)\n{\n");
    write_tree(f, isa, &all, 0, 4);
    fprintf(f, "}\n\n");
    free(all.index);
}

static void write_fields(FILE *f, const struct insn *in)
{
    if (in->not_count) {
        fprintf(f, "static const struct a64_op_pattern nots_%s[] = {\n   ", in->name);
        for (unsigned n = 0; n < in->not_count; n++)
            fprintf(f, " {0x%08x, 0x%08x},", in->not[n].mask, in->not[n].value);
        fprintf(f, "\n};\n");
    }
    if (!in->field_count)
        return;
    fprintf(f, "static const struct a64_op_field fields_%s[] = {\n   ", in->name);
    for (unsigned k = 0; k < in->field_count; k++)
        fprintf(f, " {\"%s\", %u, %u},", in->field[k].name, in->field[k].lo, in->field[k].width);
    fprintf(f, "\n};\n");
}

static void write_ops_c(const struct isa *isa)
{
    FILE *f = create(isa, "a64_ops.c");
    fprintf(f, "#include \"a64_ops.h\"\n#include \"a64/features.h\"\n\n");
    write_decoder(f, isa);
    for (unsigned i = 0; i < isa->count; i++)
        write_fields(f, &isa->insn[i]);
    fprintf(f, "\nconst struct a64_op_info a64_op_info[A64_OP_COUNT] = {\n"
               "    {\"UNDEFINED\", \"undefined\", 0, 0, 0, A64_FEAT_BASE, A64_FEAT_BASE, 0, 0, 0, "
               "0},\n");
    for (unsigned i = 0; i < isa->count; i++) {
        const struct insn *in = &isa->insn[i];
        const char *letters = "ncrwbsufxL";
        unsigned traits = 0;
        for (const char *t = in->traits; *t; t++)
            traits |= 1u << (strchr(letters, *t) - letters);
        fprintf(f, "    {\"%s\", ", in->name);
        write_string(f, in->asm_text);
        fprintf(f, ",\n     0x%08xu, 0x%08xu, 0x%x, ", in->fixed.mask, in->fixed.value, traits);
        fprintf(f, "A64_FEAT_%s, A64_FEAT_%s, %u, %u, %s%s, %s%s},\n", in->feature, in->feature2,
                in->field_count, in->not_count, in->field_count ? "fields_" : "0",
                in->field_count ? in->name : "", in->not_count ? "nots_" : "0",
                in->not_count ? in->name : "");
    }
    fprintf(f, "};\n");
    finish(f, "a64_ops.c");
}

static void write_interp(const struct isa *isa)
{
    FILE *f = create(isa, "interp_table.h");
    fprintf(f, "#ifndef INTERP_TABLE_H\n#define INTERP_TABLE_H\n\n"
               "#include \"a64_ops.h\"\n#include \"engine/interp/interp_int.h\"\n\n"
               "/* One handler per line of isa/a64.isa, called with the word matched. */\n");
    for (unsigned i = 0; i < isa->count; i++)
        fprintf(f, "enum xr interp_%s(struct a64_cpu *cpu, uint32_t word);\n", isa->insn[i].name);
    fprintf(f, "\n/* By enum a64_op; SIMD&FP ones check CPACR first. */\n"
               "extern interp_fn *const interp_handlers[A64_OP_COUNT];\n\n#endif\n");
    finish(f, "interp_table.h");

    f = create(isa, "interp_table.c");
    fprintf(f, "#include \"interp_table.h\"\n\n"
               "static enum xr undefined(struct a64_cpu *cpu, uint32_t word)\n{\n"
               "    (void)word;\n    return interp_undefined(cpu);\n}\n\n");
    for (unsigned i = 0; i < isa->count; i++)
        if (strchr(isa->insn[i].traits, 'f'))
            fprintf(f, "static enum xr fp_%s(struct a64_cpu *cpu, uint32_t word)\n{\n"
                       "    return a64_fp_check(cpu) ? interp_%s(cpu, word) : XR_EXC;\n}\n\n",
                    isa->insn[i].name, isa->insn[i].name);
    fprintf(f, "interp_fn *const interp_handlers[A64_OP_COUNT] = {\n"
               "    [A64_UNDEFINED] = undefined,\n");
    for (unsigned i = 0; i < isa->count; i++)
        fprintf(f, "    [A64_%s] = %s_%s,\n", isa->insn[i].name,
                strchr(isa->insn[i].traits, 'f') ? "fp" : "interp", isa->insn[i].name);
    fprintf(f, "};\n");
    finish(f, "interp_table.c");
}

/* ---- Statistics ---- */

/* Words that decode to line i: without those of more specific lines. */
static uint64_t words_of(const struct isa *isa, unsigned i)
{
    const struct insn *in = &isa->insn[i];
    struct pattern *other = xrealloc(NULL, (isa->count + MAX_NOT) * sizeof(*other));
    unsigned n = in->not_count;
    uint32_t example;
    memcpy(other, in->not, n * sizeof(*other));
    for (unsigned k = 0; k < isa->count; k++) {
        const struct insn *o = &isa->insn[k];
        if (k != i && may_both_match(in, o, &example) &&
            (o->fixed.mask & in->fixed.mask) == in->fixed.mask)
            other[n++] = o->fixed; /* which has no constraints */
    }
    uint64_t words = words_left(in->fixed, other, n, &example);
    free(other);
    return words;
}

static void print_row(const char *name, unsigned lines, uint64_t words)
{
    printf("%8u %12llu  %s\n", lines, (unsigned long long)words, name);
}

static void print_stats(const struct isa *isa)
{
    uint64_t *words = xrealloc(NULL, (isa->count + 1) * sizeof(*words)), total = 0;
    for (unsigned i = 0; i < isa->count; i++)
        total += words[i] = words_of(isa, i);
    printf("   lines        words  section\n");
    for (unsigned s = 0; s < isa->section_count; s++) {
        unsigned lines = 0;
        uint64_t sum = 0;
        for (unsigned i = 0; i < isa->count; i++) {
            lines += isa->insn[i].section == s;
            sum += isa->insn[i].section == s ? words[i] : 0;
        }
        if (lines)
            print_row(isa->section[s], lines, sum);
    }
    printf("\n   lines        words  feature\n");
    for (unsigned f = 0; f <= isa->feature_count; f++) {
        const char *name = f ? isa->feature[f - 1] : "BASE";
        unsigned lines = 0;
        uint64_t sum = 0;
        for (unsigned i = 0; i < isa->count; i++) {
            const struct insn *in = &isa->insn[i];
            bool here = strcmp(in->feature, name) == 0;
            lines += here;
            sum += here ? words[i] : 0;
        }
        if (lines)
            print_row(name, lines, sum);
    }
    printf("\n");
    print_row("in all", isa->count, total);
    printf("%20.1f %% of all words\n", (double)total * 100 / 4294967296.0);
    free(words);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: isagen OUTDIR|--stats [features.def] FILE.isa...\n");
        return 2;
    }
    struct isa *isa = calloc(1, sizeof(*isa));
    if (!isa)
        die("memory for", "tables");
    isa->out_dir = argv[1];
    for (int i = 2; i < argc; i++)
        if (ends_with(argv[i], ".def"))
            read_features(isa, argv[i]);
    for (int i = 2; i < argc; i++)
        if (!ends_with(argv[i], ".def"))
            read_isa(isa, argv[i]);
    check_pairs(isa);
    if (isa->errors)
        return 1;
    if (strcmp(argv[1], "--stats") == 0) {
        print_stats(isa);
    } else {
        find_formats(isa);
        write_ops_h(isa);
        write_ops_c(isa);
        write_encode_h(isa);
        write_interp(isa);
    }
    for (unsigned i = 0; i < isa->count; i++)
        free(isa->insn[i].asm_text);
    free(isa->insn);
    free(isa);
    return 0;
}
