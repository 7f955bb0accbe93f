/* Atomic memory operations, compare and swap, exclusives, ordered accesses; alignment with
 * FEAT_LSE2 (Arm ARM B2.5.2, B2.12, C6.2). */
#include "mm.h"

static u8 *buffer; /* 64 bytes of Normal memory, aligned to 64 */

/* ---- LSE: every operation, size and ordering ---- */

enum { ADD, CLR, EOR, SET, SMAX, SMIN, UMAX, UMIN, SWP, OPS };

/* x0: address, x1: operand -> x2: what was there; 4 sizes x 4 orderings, 8 bytes of code each */
#define ONE(op, s, r) #op "a" s " " r "1, " r "2, [x0]\nsvc #0xffff\n"
#define FOUR(op, size, r)                                                                          \
    #op size " " r "1, " r "2, [x0]\nsvc #0xffff\n" #op "a" size " " r "1, " r                     \
        "2, [x0]\nsvc #0xffff\n" #op "l" size " " r "1, " r "2, [x0]\nsvc #0xffff\n" #op "al" size \
        " " r "1, " r "2, [x0]\nsvc #0xffff\n"
#define ALL(op) FOUR(op, "b", "w") FOUR(op, "h", "w") FOUR(op, "", "w") FOUR(op, "", "x")
asm(".pushsection .utext, \"ax\"\n.balign 4\nlse:\n" ALL(ldadd) ALL(ldclr) ALL(ldeor) ALL(ldset)
    ALL(ldsmax) ALL(ldsmin) ALL(ldumax) ALL(ldumin) ALL(swp) ".popsection\n");
extern char lse[];
/* the same without a result: Rt = 31 */
CODE(c_stadd, "stadd x1, [x0]");
CODE(c_staddl, "staddlb w1, [x0]");
CODE(c_ldadd_same, "ldadd x1, x1, [x0]");

static u64 low(u64 v, unsigned size)
{
    return size == 8 ? v : v & ((1ul << 8 * size) - 1);
}

static s64 sign(u64 v, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    return (s64)(v << shift) >> shift;
}

static u64 model(unsigned op, u64 m, u64 s, unsigned size)
{
    switch (op) {
    case ADD: return low(m + s, size);
    case CLR: return m & ~s;
    case EOR: return m ^ s;
    case SET: return m | s;
    case SMAX: return sign(m, size) > sign(s, size) ? m : s;
    case SMIN: return sign(m, size) < sign(s, size) ? m : s;
    case UMAX: return m > s ? m : s;
    case UMIN: return m < s ? m : s;
    default: return s;
    }
}

static u64 get(const u8 *p, unsigned size)
{
    u64 v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (u64)p[i] << 8 * i;
    return v;
}

static void fill(void)
{
    for (unsigned i = 0; i < 64; i++)
        buffer[i] = (u8)(0xa0 + i * 5);
}

/* Every byte but [at, at + size) is as fill() left it. */
static void unchanged(int line, unsigned at, unsigned size)
{
    for (unsigned i = 0; i < 64; i++)
        if ((i < at || i >= at + size) && buffer[i] != (u8)(0xa0 + i * 5))
            rt_fail(__FILE_NAME__, line, "a byte beside", buffer[i], (u8)(0xa0 + i * 5));
}

static void operations(void)
{
    static const u64 values[] = {0, 1, 0x7f, 0x80, 0xff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
                                 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
                                 0x123456789abcdef0};
    for (unsigned op = 0; op < OPS; op++)
        for (unsigned s = 0; s < 4; s++)
            for (unsigned order = 0; order < 4; order++)
                for (unsigned v = 0; v < LEN(values); v++)
                    for (unsigned w = order; w < LEN(values); w += 4) {
                        unsigned size = 1u << s, at = 24;
                        u64 m = low(values[v], size), x = values[w];
                        rt_note("op, size, order", op << 8 | size << 4 | order);
                        fill();
                        for (unsigned i = 0; i < size; i++)
                            buffer[at + i] = (u8)(m >> 8 * i);
                        struct frame *f =
                            RUN3(EL0T, lse + ((op * 4 + s) * 4 + order) * 8, buffer + at, x, ~0ul);
                        RAN(f);
                        EQ(f->x[2], m);
                        EQ(f->x[1], x);
                        EQ(get(buffer + at, size), model(op, m, low(x, size), size));
                        unchanged(__LINE__, at, size);
                    }
    rt_note(NULL, 0);
    fill();
    w64((u64)buffer, 5);
    RUN2(EL0T, c_stadd, buffer, 7);
    EQ(r64((u64)buffer), 12);
    RUN2(EL0T, c_staddl, buffer, 0xff);
    EQ(r64((u64)buffer), 11);
    struct frame *f = RUN2(EL0T, c_ldadd_same, buffer, 1);
    EQ(f->x[1], 11);
    EQ(r64((u64)buffer), 12);
}

/* ---- Compare and swap ---- */

CODE(c_casb, "casb w1, w2, [x0]");
CODE(c_cash, "casah w1, w2, [x0]");
CODE(c_casw, "casl w1, w2, [x0]");
CODE(c_casx, "casal x1, x2, [x0]");
CODE(c_caspw, "mov x4, x2\nmov x5, x3\nmov x2, x1\nlsr x3, x1, #32\nlsr x7, x4, #32\nmov x6, x4\n"
              "casp w2, w3, w6, w7, [x0]");
CODE(c_caspx, "ldp x2, x3, [x1]\nldp x4, x5, [x1, #16]\ncaspal x2, x3, x4, x5, [x0]");

static void compare_and_swap(void)
{
    static const void *const code[] = {c_casb, c_cash, c_casw, c_casx};
    for (unsigned s = 0; s < 4; s++) {
        unsigned size = 1u << s, at = 16 + size;
        rt_note("size", size);
        fill();
        u64 m = get(buffer + at, size), high = 0x5555555555555555ul << 1;
        u64 expected =
            low(m, size) | (size < 8 ? high << 8 * size : 0); /* bits above are ignored */
        struct frame *f = RUN3(EL0T, code[s], buffer + at, expected, 0x1122334455667788);
        RAN(f);
        EQ(f->x[1], m); /* zero-extended */
        EQ(get(buffer + at, size), low(0x1122334455667788, size));
        unchanged(__LINE__, at, size);
        fill();
        f = RUN3(EL0T, code[s], buffer + at, ~m, 0x1122334455667788);
        EQ(f->x[1], m);
        EQ(get(buffer + at, size), m);
        unchanged(__LINE__, 0, 0);
    }
    rt_note(NULL, 0);
    fill();
    u64 m = get(buffer + 8, 8);
    struct frame *f = RUN3(EL0T, c_caspw, buffer + 8, m, 0xaaaabbbbccccdddd);
    RAN(f);
    EQ(f->x[2], m & 0xffffffff);
    EQ(f->x[3], m >> 32);
    EQ(get(buffer + 8, 8), 0xaaaabbbbccccdddd);
    f = RUN3(EL0T, c_caspw, buffer + 8, m, 1);
    EQ(f->x[2], 0xccccdddd);
    EQ(f->x[3], 0xaaaabbbb);
    EQ(get(buffer + 8, 8), 0xaaaabbbbccccdddd);
    static UDATA u64 args[4];
    fill();
    args[0] = get(buffer + 16, 8);
    args[1] = get(buffer + 24, 8);
    args[2] = 0x1111;
    args[3] = 0x2222;
    f = RUN2(EL0T, c_caspx, buffer + 16, args);
    RAN(f);
    EQ(f->x[2], args[0]);
    EQ(f->x[3], args[1]);
    EQ(get(buffer + 16, 8), 0x1111);
    EQ(get(buffer + 24, 8), 0x2222);
    unchanged(__LINE__, 16, 16);
    args[0] = 0x1111; /* one half differs */
    args[1] = 0x2223;
    f = RUN2(EL0T, c_caspx, buffer + 16, args);
    EQ(f->x[2], 0x1111);
    EQ(f->x[3], 0x2222);
    EQ(get(buffer + 16, 8), 0x1111);
}

/* ---- Exclusives ---- */

CODE(c_pair1, "ldxrb w3, [x0]\nstxrb w4, w1, [x0]");
CODE(c_pair2, "ldaxrh w3, [x0]\nstlxrh w4, w1, [x0]");
CODE(c_pair4, "ldxr w3, [x0]\nstlxr w4, w1, [x0]");
CODE(c_pair8, "ldaxr x3, [x0]\nstxr w4, x1, [x0]");
CODE(c_stxr, "stxr w4, x1, [x0]");
CODE(c_twice, "ldxr x3, [x0]\nstxr w4, x1, [x0]\nstxr w5, x2, [x0]");
CODE(c_clrex, "ldxr x3, [x0]\nclrex\nstxr w4, x1, [x0]");
CODE(c_ldxr, "ldxr x3, [x0]");
CODE(c_ldxp, "ldxp x3, x5, [x0]\nstxp w4, x1, x2, [x0]");
CODE(c_ldxpw, "ldaxp w3, w5, [x0]\nstlxp w4, w1, w2, [x0]");
CODE(c_moved, "ldxr x3, [x0]\nadd x0, x0, #8\nldxr x5, [x0]\nstxr w4, x1, [x0]");
CODE(c_changed, "ldxr x3, [x0]\nadd x6, x3, #1\nldr x7, [x2]\nstr x6, [x2]\nstxr w4, x1, [x0]");

static void exclusives(void)
{
    static const void *const code[] = {c_pair1, c_pair2, c_pair4, c_pair8};
    struct frame *f;
    for (unsigned s = 0; s < 4; s++) {
        unsigned size = 1u << s, at = 32 + size;
        rt_note("size", size);
        fill();
        u64 m = get(buffer + at, size);
        f = RUN2(EL0T, code[s], buffer + at, 0x8877665544332211);
        RAN(f);
        EQ(f->x[3], m);
        EQ(f->x[4], 0);
        EQ(get(buffer + at, size), low(0x8877665544332211, size));
        unchanged(__LINE__, at, size);
    }
    rt_note(NULL, 0);
    fill();
    f = RUN2(EL0T, c_stxr, buffer, 1); /* no monitor */
    RAN(f);
    EQ(f->x[4], 1);
    unchanged(__LINE__, 0, 0);
    f = RUN3(EL0T, c_twice, buffer, 1, 2); /* the first store ends it */
    EQ(f->x[4], 0);
    EQ(f->x[5], 1);
    EQ(get(buffer, 8), 1);
    fill();
    f = RUN2(EL0T, c_clrex, buffer, 1);
    EQ(f->x[4], 1);
    unchanged(__LINE__, 0, 0);
    /* an exception return in between */
    RUN1(EL0T, c_ldxr, buffer);
    f = RUN2(EL0T, c_stxr, buffer, 1);
    EQ(f->x[4], 1);
    unchanged(__LINE__, 0, 0);
    f = RUN2(EL0T, c_moved, buffer, 9); /* the last load counts */
    EQ(f->x[4], 0);
    EQ(get(buffer + 8, 8), 9);
    unchanged(__LINE__, 8, 8);
    /* pairs */
    fill();
    f = RUN3(EL0T, c_ldxp, buffer + 16, 0x1111, 0x2222);
    RAN(f);
    EQ(f->x[4], 0);
    EQ(get(buffer + 16, 8), 0x1111);
    EQ(get(buffer + 24, 8), 0x2222);
    unchanged(__LINE__, 16, 16);
    fill();
    u64 m = get(buffer + 8, 8);
    f = RUN3(EL0T, c_ldxpw, buffer + 8, 0x33333333, 0x44444444);
    EQ(f->x[4], 0);
    EQ(f->x[3], m & 0xffffffff);
    EQ(f->x[5], m >> 32);
    EQ(get(buffer + 8, 8), 0x4444444433333333);
    unchanged(__LINE__, 8, 8);
    /* another location written in between does not matter */
    fill();
    f = RUN3(EL0T, c_changed, buffer, 5, buffer + 48);
    EQ(f->x[4], 0);
    EQ(get(buffer, 8), 5);
}

/* ---- Ordered loads and stores ---- */

CODE(c_ldarb, "ldarb w1, [x0]");
CODE(c_ldarh, "ldarh w1, [x0]");
CODE(c_ldarw, "ldar w1, [x0]");
CODE(c_ldarx, "ldar x1, [x0]");
CODE(c_ldaprx, "ldapr x1, [x0]");
CODE(c_ldapur, "ldapur x1, [x0, #-8]");
CODE(c_ldapursw, "ldapursw x1, [x0, #8]");
CODE(c_stlrx, "stlr x1, [x0]");
CODE(c_stlrb, "stlrb w1, [x0]");
CODE(c_stlur, "stlur x1, [x0, #16]");
CODE(c_ldlar, "ldlar x1, [x0]");
CODE(c_stllr, "stllr x1, [x0]");

static void ordered(void)
{
    static const struct {
        const void *fn;
        int offset;
        u8 size;
    } loads[] = {{c_ldarb, 0, 1},  {c_ldarh, 0, 2},   {c_ldarw, 0, 4}, {c_ldarx, 0, 8},
                 {c_ldaprx, 0, 8}, {c_ldapur, -8, 8}, {c_ldlar, 0, 8}};
    fill();
    for (unsigned i = 0; i < LEN(loads); i++) {
        struct frame *f = RUN2(EL0T, loads[i].fn, buffer + 16, ~0ul);
        RAN(f);
        EQ(f->x[1], get(buffer + 16 + loads[i].offset, loads[i].size));
    }
    EQ(RUN1(EL0T, c_ldapursw, buffer + 16)->x[1], (u64)(s64)(s32)get(buffer + 24, 4));
    RUN2(EL0T, c_stlrx, buffer + 8, 0x1234);
    EQ(get(buffer + 8, 8), 0x1234);
    unchanged(__LINE__, 8, 8);
    fill();
    RUN2(EL0T, c_stlrb, buffer + 3, 0x5678);
    EQ(buffer[3], 0x78);
    unchanged(__LINE__, 3, 1);
    fill();
    RUN2(EL0T, c_stlur, buffer + 8, 0x1234);
    EQ(get(buffer + 24, 8), 0x1234);
    unchanged(__LINE__, 24, 8);
    fill();
    RUN2(EL0T, c_stllr, buffer + 8, 0x4321);
    EQ(get(buffer + 8, 8), 0x4321);
}

/* ---- Alignment: within 16 bytes it works, across it faults; nAA for the ordered ones ---- */

CODE(c_ldar_h, "ldarh w1, [x0]");
CODE(c_ldaddx, "ldadd x1, x2, [x0]");
CODE(c_ldaddh, "ldaddh w1, w2, [x0]");
CODE(c_casp16, "mov x2, #0\nmov x3, #0\ncasp x2, x3, x2, x3, [x0]");
CODE(c_ldxp16, "ldxp x1, x2, [x0]");
CODE(c_ldxrw, "ldxr w1, [x0]\nstxr w4, w1, [x0]");
CODE(c_plain, "ldr x1, [x0]");
CODE(c_pairld, "ldp x1, x2, [x0]");

static void alignment(void)
{
    static const struct {
        const void *fn;
        u8 size;
        bool atomic, ordered, write;
    } rows[] = {
        {c_ldaddx, 8, true, false, true},  {c_ldaddh, 2, true, false, true},
        {c_casx, 8, true, false, true},    {c_casp16, 16, true, false, true},
        {c_ldxrw, 4, true, false, false},  {c_ldxp16, 16, true, false, false},
        {c_ldarx, 8, false, true, false},  {c_ldar_h, 2, false, true, false},
        {c_stlrx, 8, false, true, true},   {c_ldaprx, 8, false, true, false},
        {c_ldlar, 8, false, true, false},  {c_plain, 8, false, false, false},
        {c_pairld, 16, false, false, false},
    };
    u64 sctlr = MRS(sctlr_el1);
    for (unsigned mode = 0; mode < 3; mode++) { /* 0: as it is, 1: nAA, 2: SCTLR.A */
        MSR(sctlr_el1, sctlr | (mode == 1 ? SCTLR_NAA : 0) | (mode == 2 ? SCTLR_A : 0));
        for (unsigned i = 0; i < LEN(rows); i++)
            for (unsigned off = 0; off < 32; off++) {
                bool aligned = off % rows[i].size == 0 || (rows[i].fn == c_pairld && off % 8 == 0);
                bool inside = off % 16 + rows[i].size <= 16;
                bool faults;
                if (rt_qemu && rows[i].fn == c_ldaprx) /* never faults */
                    continue;
                if (rt_qemu && (rows[i].ordered || rows[i].atomic)) /* without LSE2 */
                    inside = false;
                if (mode == 2)
                    faults = !aligned;
                else if (rows[i].atomic)
                    faults = !aligned && !inside;
                else if (rows[i].ordered)
                    faults = !aligned && !inside && !(mode == 1 && !rt_qemu);
                else
                    faults = false;
                rt_note("mode, row, offset", mode << 16 | i << 8 | off);
                struct frame *f = RUN2(EL0T, rows[i].fn, buffer + off, 0);
                if (!faults) {
                    RAN(f);
                    continue;
                }
                /* WnR of an atomic is not what this is about: a read would fault alike */
                EQ(f->esr & ~(u64)(rows[i].atomic ? WNR : 0),
                   ESR(EC_DABT_LOW, FSC_ALIGN | (rows[i].write && !rows[i].atomic ? WNR : 0)));
                EQ(f->far, (u64)buffer + off);
            }
    }
    MSR(sctlr_el1, sctlr);
    rt_note(NULL, 0);
    /* an unaligned atomic changes the right bytes */
    if (rt_qemu)
        return;
    fill();
    u64 m = get(buffer + 19, 8);
    struct frame *f = RUN3(EL0T, c_ldaddx, buffer + 19, 0x0101010101010101, 0);
    RAN(f);
    EQ(f->x[2], m);
    EQ(get(buffer + 19, 8), m + 0x0101010101010101);
    unchanged(__LINE__, 19, 8);
}

int main(void)
{
    buffer = rt_user_page[0] + 0x800;
    rt_mmu_on();
    operations();
    compare_and_swap();
    exclusives();
    ordered();
    alignment();
    return 0;
}
