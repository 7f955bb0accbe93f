/* A64 disassembler: interprets the asm templates of isa/a64.isa, whose head lists the placeholders.
 *
 * It is for traces, the debugger and error messages: it prints what the instruction is
 * (architected mnemonic, no aliases), so that its output can be compared with other
 * disassemblers line by line (tests/isa/objdump_check.sh). System instructions and registers that
 * the handler would find UNDEFINED are printed by their numbers.
 */
#include "a64/disasm.h"

#include "a64/bitmask.h"
#include "a64/sysreg_ids.h"
#include "a64_ops.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* The text so far and what it is made from. */
struct out {
    char *buf;
    size_t size, len;
    uint32_t word;
    uint64_t pc;
    const struct a64_op_info *info;
};

/* A placeholder's value: of one field, or of several joined. */
struct operand {
    uint64_t v;
    unsigned width;
    uint64_t scale; /* *N and <<field of the kind; 1 without */
    bool comma;     /* ",kind": with a comma before it and only if not zero */
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t room = o->len < o->size ? o->size - o->len : 0;
    int n = vsnprintf(room ? o->buf + o->len : NULL, room, fmt, ap);
    va_end(ap);
    o->len += n > 0 ? (size_t)n : 0;
}

/* ---- Fields ---- */

static const struct a64_op_field *find_field(const struct out *o, const char *name, size_t len)
{
    for (unsigned i = 0; i < o->info->field_count; i++) {
        const struct a64_op_field *f = &o->info->fields[i];
        if (strncmp(f->name, name, len) == 0 && f->name[len] == '\0')
            return f;
    }
    return NULL;
}

static uint64_t field_value(const struct out *o, const char *name, uint64_t absent)
{
    const struct a64_op_field *f = find_field(o, name, strlen(name));
    return f ? o->word >> f->lo & MASK(f->width) : absent;
}

/* The value of "a.b+1.c" up to ':'; isagen has checked the names. */
static struct operand parse_value(const struct out *o, const char **p)
{
    struct operand x = {0, 0, 1, false};
    for (;;) {
        size_t len = strcspn(*p, ".:+");
        const struct a64_op_field *f = find_field(o, *p, len);
        unsigned add = 0;
        *p += len;
        if (**p == '+')
            for (++*p; isdigit((unsigned char)**p); ++*p)
                add = add * 10 + (unsigned)(**p - '0');
        if (f) {
            x.v = x.v << f->width | (((o->word >> f->lo) + add) & MASK(f->width));
            x.width += f->width;
        }
        if (**p != '.')
            return x;
        ++*p;
    }
}

/* ---- Kinds: general registers and numbers ---- */

static void put_reg(struct out *o, bool is_x, bool sp, unsigned n)
{
    if (n != 31)
        put(o, "%c%u", is_x ? 'x' : 'w', n);
    else if (sp)
        put(o, "%s", is_x ? "sp" : "wsp");
    else
        put(o, "%czr", is_x ? 'x' : 'w');
}

static void kind_x(struct out *o, struct operand x)
{
    put_reg(o, field_value(o, "sf", 1), false, (unsigned)x.v);
}

static void kind_xsp(struct out *o, struct operand x)
{
    put_reg(o, field_value(o, "sf", 1), true, (unsigned)x.v);
}

static void kind_w(struct out *o, struct operand x)
{
    put_reg(o, false, false, (unsigned)x.v);
}

static void kind_wsp(struct out *o, struct operand x)
{
    put_reg(o, false, true, (unsigned)x.v);
}

static void kind_xx(struct out *o, struct operand x)
{
    put_reg(o, true, false, (unsigned)x.v);
}

static void kind_xxsp(struct out *o, struct operand x)
{
    put_reg(o, true, true, (unsigned)x.v);
}

static void kind_rx(struct out *o, struct operand x)
{
    put_reg(o, (field_value(o, "option", 0) & 3) == 3, false, (unsigned)x.v);
}

static void kind_rxw(struct out *o, struct operand x)
{
    bool is_x = (field_value(o, "option", 0) & 3) == 3 && field_value(o, "sf", 1);
    put_reg(o, is_x, false, (unsigned)x.v);
}

static void kind_gpr(struct out *o, struct operand x)
{
    if (x.v == 31)
        put(o, "zr");
    else
        put(o, "%u", (unsigned)x.v);
}

static void kind_optreg(struct out *o, struct operand x)
{
    if (x.v != 31)
        put(o, ", x%u", (unsigned)x.v);
}

static void kind_d(struct out *o, struct operand x)
{
    put(o, "%" PRIu64, x.v);
}

static void kind_u(struct out *o, struct operand x)
{
    if (!x.comma || x.v)
        put(o, "%s#%" PRIu64, x.comma ? ", " : "", x.v * x.scale);
}

static void kind_s(struct out *o, struct operand x)
{
    if (!x.comma || x.v)
        put(o, "%s#%" PRId64, x.comma ? ", " : "",
            sign_extend(x.v, x.width) * (int64_t)x.scale);
}

static void kind_h(struct out *o, struct operand x)
{
    put(o, "#0x%" PRIx64, x.v);
}

static void kind_opth(struct out *o, struct operand x)
{
    if (x.v)
        put(o, " #0x%" PRIx64, x.v);
}

static void kind_crm(struct out *o, struct operand x)
{
    if (x.v != 15)
        put(o, " #0x%" PRIx64, x.v);
}

/* ---- Kinds: addresses, shifts, conditions, names ---- */

static void kind_pc(struct out *o, struct operand x)
{
    put(o, "0x%" PRIx64, o->pc + (uint64_t)sign_extend(x.v, x.width) * x.scale);
}

static void kind_page(struct out *o, struct operand x)
{
    put(o, "0x%" PRIx64, (o->pc & ~MASK(12)) + ((uint64_t)sign_extend(x.v, x.width) << 12));
}

static void kind_cond(struct out *o, struct operand x)
{
    static const char names[16][3] = {"eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc",
                                      "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};
    put(o, "%s", names[x.v & 15]);
}

static void kind_lsl12(struct out *o, struct operand x)
{
    if (x.v)
        put(o, ", lsl #12");
}

static void kind_shift(struct out *o, struct operand x)
{
    static const char names[4][4] = {"lsl", "lsr", "asr", "ror"};
    if (x.v)
        put(o, ", %s #%u", names[x.v >> 6 & 3], (unsigned)(x.v & 63));
}

static const char *extend_name(unsigned option)
{
    static const char names[8][5] = {"uxtb", "uxth", "uxtw", "uxtx",
                                     "sxtb", "sxth", "sxtw", "sxtx"};
    return names[option & 7];
}

static void kind_ext(struct out *o, struct operand x)
{
    put(o, ", %s", extend_name((unsigned)x.v >> 3));
    if (x.v & 7)
        put(o, " #%u", (unsigned)(x.v & 7));
}

/* The shift amount is the access size: bits 31:30, or 4 for a Q register (V, size 00, opc<1>). */
static void kind_memext(struct out *o, struct operand x)
{
    unsigned option = (unsigned)x.v >> 1, amount = o->word >> 30;
    if (!amount && bit(o->word, 26) && bit(o->word, 23))
        amount = 4;
    if (option != 3)
        put(o, ", %s", extend_name(option));
    else if (x.v & 1)
        put(o, ", lsl");
    if (x.v & 1)
        put(o, " #%u", amount);
}

static void kind_bitmask(struct out *o, struct operand x)
{
    uint64_t wmask = 0, tmask = 0;
    a64_decode_bit_masks((unsigned)x.v >> 12, x.v & 63, x.v >> 6 & 63, true, &wmask, &tmask);
    put(o, "#0x%" PRIx64, field_value(o, "sf", 1) ? wmask : (uint32_t)wmask);
}

static void put_lower(struct out *o, const char *name)
{
    for (; *name; name++)
        put(o, "%c", tolower((unsigned char)*name));
}

static const char *sysreg_name(unsigned key)
{
    switch (key) {
#define SYSREG(name, op0, op1, crn, crm, op2, rd, wr, reset, writable, read, write, feat, trap,    \
               flags)                                                                              \
    case A64_SYS_KEY(op0, op1, crn, crm, op2):                                                     \
        return #name;
#include "sysregs.def"
    default:
        return NULL;
    }
}

/* op0 is 1:o0, so the value's top bit belongs above it. */
static void kind_sysreg(struct out *o, struct operand x)
{
    unsigned key = (unsigned)x.v | 1u << 15;
    const char *name = sysreg_name(key);
    if (name)
        put_lower(o, name);
    else
        put(o, "s%u_%u_c%u_c%u_%u", key >> 14, key >> 11 & 7, key >> 7 & 15, key >> 3 & 15,
            key & 7);
}

static void kind_pstate(struct out *o, struct operand x)
{
    switch (x.v) {
    case 003: put(o, "uao"); break;
    case 004: put(o, "pan"); break;
    case 005: put(o, "spsel"); break;
    case 031: put(o, "ssbs"); break;
    case 032: put(o, "dit"); break;
    case 034: put(o, "tco"); break;
    case 036: put(o, "daifset"); break;
    case 037: put(o, "daifclr"); break;
    default: put(o, "s0_%u_c4_c0_%u", (unsigned)x.v >> 3, (unsigned)x.v & 7); break;
    }
}

static void kind_barrier(struct out *o, struct operand x)
{
    static const char names[16][6] = {"",      "oshld", "oshst", "osh", "", "nshld", "nshst", "nsh",
                                      "",      "ishld", "ishst", "ish", "", "ld",    "st",    "sy"};
    if (names[x.v & 15][0])
        put(o, "%s", names[x.v & 15]);
    else
        put(o, "#0x%02x", (unsigned)x.v);
}

static void kind_prfop(struct out *o, struct operand x)
{
    static const char type[4][4] = {"pld", "pli", "pst", ""};
    if (x.v < 24 && (x.v & 6) != 6)
        put(o, "%sl%u%s", type[x.v >> 3], (unsigned)(x.v >> 1 & 3) + 1, x.v & 1 ? "strm" : "keep");
    else
        put(o, "#0x%02x", (unsigned)x.v);
}

/* ---- Kinds: SIMD&FP ---- */

/* `log2_q` is log2 of the element's bytes, then Q. */
static void put_arrangement(struct out *o, unsigned log2_q)
{
    static const char names[8][4] = {"8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"};
    put(o, "%s", names[log2_q & 7]);
}

static unsigned highest_one(uint64_t x)
{
    return x ? 63 - (unsigned)__builtin_clzll(x) : 0;
}

static unsigned lowest_one(uint64_t x)
{
    return x ? (unsigned)__builtin_ctzll(x) : 0;
}

static void kind_t(struct out *o, struct operand x)
{
    put_arrangement(o, (unsigned)x.v);
}

static void kind_bhsd(struct out *o, struct operand x)
{
    put(o, "%c", "bhsd"[x.v & 3]);
}

static void kind_fp(struct out *o, struct operand x)
{
    put(o, "%c", "sd?h"[x.v & 3]);
}

static void kind_ti(struct out *o, struct operand x)
{
    put_arrangement(o, highest_one(x.v >> 1) << 1 | (x.v & 1));
}

static void kind_vi(struct out *o, struct operand x)
{
    put(o, "%c", "bhsd"[highest_one(x.v) & 3]);
}

static void kind_shr(struct out *o, struct operand x)
{
    put(o, "#%u", (16u << highest_one(x.v >> 3)) - (unsigned)x.v);
}

static void kind_shl(struct out *o, struct operand x)
{
    put(o, "#%u", (unsigned)x.v - (8u << highest_one(x.v >> 3)));
}

static void kind_t5(struct out *o, struct operand x)
{
    put_arrangement(o, lowest_one(x.v >> 1) << 1 | (x.v & 1));
}

static void kind_v5(struct out *o, struct operand x)
{
    put(o, "%c", "bhsd"[lowest_one(x.v) & 3]);
}

static void kind_i5(struct out *o, struct operand x)
{
    put(o, "%u", (unsigned)x.v >> (lowest_one(x.v) + 1));
}

static void kind_i4(struct out *o, struct operand x)
{
    put(o, "%u", (unsigned)(x.v & 15) >> lowest_one(x.v >> 4));
}

static void kind_r5(struct out *o, struct operand x)
{
    put_reg(o, (x.v >> 5 & 15) == 8, false, x.v & 31);
}

/* size.h.l.m.rm: the indexed element of a by-element operand. */
static void kind_elem(struct out *o, struct operand x)
{
    unsigned rm = x.v & 15, m = x.v >> 4 & 1, hl = x.v >> 5 & 3;
    if (x.v >> 7 == 1)
        put(o, "v%u.h[%u]", rm, hl << 1 | m);
    else
        put(o, "v%u.s[%u]", m << 4 | rm, hl);
}

static void kind_vlist(struct out *o, struct operand x)
{
    for (unsigned i = 0; i <= x.v >> 5; i++)
        put(o, "%sv%u.16b", i ? ", " : "", (unsigned)(x.v + i) & 31);
}

static void kind_post(struct out *o, struct operand x)
{
    if (x.v == 31)
        put(o, "#%" PRIu64, x.scale);
    else
        put(o, "x%u", (unsigned)x.v);
}

static void kind_fbits(struct out *o, struct operand x)
{
    put(o, "#%u", (1u << x.width) - (unsigned)x.v);
}

/* VFPExpandImm: sign a, exponent NOT(b):c:d - 3, fraction efgh. */
static void kind_fpimm(struct out *o, struct operand x)
{
    int exponent = (int)((x.v >> 4 & 7) ^ 4) - 3;
    double v = (16 + (int)(x.v & 15)) / 16.0;
    v = exponent < 0 ? v / (1 << -exponent) : v * (1 << exponent);
    put(o, "#%.18e", x.v >> 7 ? -v : v);
}

static void kind_bytemask(struct out *o, struct operand x)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= bit(x.v, i) ? UINT64_C(0xff) << (8 * i) : 0;
    put(o, "#0x%" PRIx64, v);
}

/* ---- Templates ---- */

static const struct kind {
    const char *name;
    void (*print)(struct out *o, struct operand x);
} kinds[] = {
    {"x", kind_x},           {"xsp", kind_xsp},         {"w", kind_w},
    {"wsp", kind_wsp},       {"X", kind_xx},            {"XSP", kind_xxsp},
    {"rx", kind_rx},         {"gpr", kind_gpr},         {"optreg", kind_optreg},
    {"d", kind_d},           {"u", kind_u},             {"s", kind_s},
    {"h", kind_h},           {"crm", kind_crm},         {"pc", kind_pc},
    {"page", kind_page},     {"cond", kind_cond},       {"lsl12", kind_lsl12},
    {"shift", kind_shift},   {"ext", kind_ext},         {"memext", kind_memext},
    {"sysreg", kind_sysreg}, {"bitmask", kind_bitmask}, {"pstate", kind_pstate},
    {"prfop", kind_prfop},   {"barrier", kind_barrier}, {"T", kind_t},
    {"bhsd", kind_bhsd},     {"fp", kind_fp},           {"Ti", kind_ti},
    {"Vi", kind_vi},         {"shr", kind_shr},         {"shl", kind_shl},
    {"T5", kind_t5},         {"V5", kind_v5},           {"i5", kind_i5},
    {"i4", kind_i4},         {"R5", kind_r5},           {"elem", kind_elem},
    {"vlist", kind_vlist},   {"post", kind_post},       {"fbits", kind_fbits},
    {"fpimm", kind_fpimm},   {"rxw", kind_rxw},         {"opth", kind_opth},
    {"bytemask", kind_bytemask},
};

/* "[,]KIND[*N][<<field]}" at p. An unknown kind shows as "{?}", which a unit test looks for. */
static void put_kind(struct out *o, const char *p, struct operand x)
{
    x.comma = *p == ',';
    p += x.comma;
    size_t len = strcspn(p, "*<}");
    const char *name = p;
    p += len;
    if (*p == '*')
        for (x.scale = 0, p++; isdigit((unsigned char)*p); p++)
            x.scale = x.scale * 10 + (unsigned)(*p - '0');
    if (*p == '<') {
        size_t field_len = strcspn(p + 2, "}");
        const struct a64_op_field *f = find_field(o, p + 2, field_len);
        x.scale <<= f ? o->word >> f->lo & MASK(f->width) : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strncmp(kinds[i].name, name, len) == 0 && kinds[i].name[len] == '\0') {
            kinds[i].print(o, x);
            return;
        }
    }
    put(o, "{?}");
}

/* "A|B|...}" at p: alternative number v. */
static void put_choice(struct out *o, const char *p, uint64_t v)
{
    for (; v && *p != '}'; v--) {
        p += strcspn(p, "|}");
        p += *p == '|';
    }
    put(o, "%.*s", (int)strcspn(p, "|}"), p);
}

size_t a64_disasm(uint32_t word, uint64_t pc, char *buf, size_t size)
{
    enum a64_op op = a64_decode(word);
    struct out o = {buf, size, 0, word, pc, &a64_op_info[op]};
    if (size)
        buf[0] = '\0';
    if (op == A64_UNDEFINED) {
        put(&o, ".inst 0x%08" PRIx32, word);
        return o.len;
    }
    for (const char *p = o.info->template; *p;) {
        if (*p != '{' && *p != '}') {
            size_t len = strcspn(p, "{}");
            put(&o, "%.*s", (int)len, p);
            p += len;
        } else if (p[1] == p[0] || *p == '}') { /* a literal brace */
            put(&o, "%c", *p);
            p += p[1] == p[0] ? 2 : 1;
        } else {
            bool choice = *++p == '?';
            p += choice;
            struct operand x = parse_value(&o, &p);
            p += *p == ':';
            if (choice)
                put_choice(&o, p, x.v);
            else
                put_kind(&o, p, x);
            p += strcspn(p, "}");
            p += *p == '}';
        }
    }
    return o.len;
}
