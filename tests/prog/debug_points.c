/* Breakpoints and watchpoints (Arm ARM D2.8, D2.10, D2.11): matching by address, Exception level,
 * context; byte address select, masks; syndrome and FAR; what switches them off. */
#include "rt.h"

#define MDSCR_KDE BIT(13)
#define MDSCR_MDE BIT(15)
#define BCR(pmc, bt, lbn) (1ul | (pmc) << 1 | 0xful << 5 | (lbn) << 16 | (bt) << 20)
#define WCR(pac, lsc, bas) (1ul | (pac) << 1 | (lsc) << 3 | (u64)(bas) << 5)
#define LOAD 1ul
#define STORE 2ul
#define ATEL1 1ul
#define ATEL0 2ul

CODE(c_line, "mov x0, #1\nmov x0, #2\nmov x0, #3\nmov x0, #4");
CODE(c_btype, "br x0");
CODE(c_ldrb, "ldrb w1, [x0]");
CODE(c_ldrh, "ldrh w1, [x0]");
CODE(c_ldr, "ldr w1, [x0]");
CODE(c_ldrx, "ldr x1, [x0]");
CODE(c_ldp, "ldp x1, x2, [x0]");
CODE(c_ldrq, "ldr q1, [x0]");
CODE(c_strb, "strb w1, [x0]");
CODE(c_str, "str w1, [x0]");
CODE(c_strx, "str x1, [x0]");
CODE(c_stp, "stp x1, x2, [x0]");
CODE(c_strq, "str q1, [x0]");
CODE(c_swp, "swp x1, x2, [x0]");
CODE(c_ldtr, "ldtr x1, [x0]");
CODE(c_sttr, "sttr x1, [x0]");
CODE(c_zva, "dc zva, x0");
CODE(c_prfm, "prfm pldl1keep, [x0]");
CODE(c_ldxr, "ldxr x1, [x0]");
CODE(c_stxr, "ldxr x1, [x2]\nstxr w3, x1, [x0]");

static struct frame f;
static UDATA u8 data[256] __attribute__((aligned(64)));
static u64 mdscr;

static void go(unsigned mode, const void *fn, u64 arg)
{
    rt_frame(&f, mode, fn, arg, 0, (u64)data + 128, 0);
    f.spsr = mode | (SPSR_DAIF & ~SPSR_D);
    rt_enter(&f);
}

static u64 esr_bp(unsigned mode)
{
    return ESR(mode == EL0T ? EC_BRKPT_LOW : EC_BRKPT, 0x22);
}

static u64 esr_wp(unsigned mode, bool write)
{
    return ESR(mode == EL0T ? EC_WATCH_LOW : EC_WATCH, 0x22 | (write ? 0x40 : 0));
}

/* ---- Breakpoints ---- */

static void set_bp(unsigned n, u64 bvr, u64 bcr)
{
#define ONE(i)                                                                                     \
    case i:                                                                                        \
        MSR(dbgbvr##i##_el1, bvr);                                                                 \
        MSR(dbgbcr##i##_el1, bcr);                                                                 \
        break
    switch (n) {
        ONE(0);
        ONE(1);
        ONE(2);
        ONE(3);
        ONE(4);
        ONE(5);
    }
#undef ONE
}

static void breakpoints(void)
{
    unsigned count = (MRS(id_aa64dfr0_el1) >> 12 & 15) + 1;
    unsigned contexts = (MRS(id_aa64dfr0_el1) >> 28 & 15) + 1;
    static const unsigned modes[] = {EL0T, EL1H};
    EQ(count, 6);
    EQ(contexts, 2);
    for (unsigned n = 0; n < count; n++)
        for (unsigned m = 0; m < 2; m++)
            for (u64 pmc = 0; pmc < 4; pmc++) {
                bool hit = pmc & (modes[m] == EL0T ? ATEL0 : ATEL1);
                rt_note("n * 256 + mode * 16 + PMC", n * 256 + m * 16 + pmc);
                set_bp(n, (u64)c_line + 8, BCR(pmc, 0, 0));
                go(modes[m], c_line, 0);
                EQ(f.esr, hit ? esr_bp(modes[m]) : ESR_DONE);
                if (hit) {
                    EQ(f.elr, (u64)c_line + 8);
                    EQ(f.x[0], 2);
                    EQ(f.spsr & 0x3ff, modes[m] | (SPSR_DAIF & ~SPSR_D));
                }
                set_bp(n, 0, 0);
            }
    rt_note(NULL, 0);
    /* E = 0 */
    set_bp(0, (u64)c_line, BCR(ATEL0, 0, 0) & ~1ul);
    go(EL0T, c_line, 0);
    RAN(&f);
    /* on the branch target, which keeps BTYPE */
    set_bp(0, (u64)c_line, BCR(ATEL0, 0, 0));
    go(EL0T, c_btype, (u64)c_line);
    EQ(f.esr, esr_bp(EL0T));
    EQ(f.elr, (u64)c_line);
    EQ(f.spsr & 0xc00, 0x400); /* BR from a page that is not guarded: 01 */
    /* two breakpoints, each in turn */
    set_bp(1, (u64)c_line + 12, BCR(ATEL0, 0, 0));
    go(EL0T, c_line, 0);
    EQ(f.elr, (u64)c_line);
    set_bp(0, 0, 0);
    rt_enter(&f);
    EQ(f.elr, (u64)c_line + 12);
    EQ(f.x[0], 3);
    set_bp(1, 0, 0);
    /* the switches */
    set_bp(0, (u64)c_line, BCR(3, 0, 0));
    MSR(mdscr_el1, MDSCR_KDE);
    go(EL0T, c_line, 0);
    RAN(&f);
    MSR(mdscr_el1, MDSCR_MDE);
    go(EL1H, c_line, 0);
    RAN(&f);
    go(EL0T, c_line, 0);
    EQ(f.esr, esr_bp(EL0T));
    MSR(mdscr_el1, mdscr);
    rt_frame(&f, EL1H, c_line, 0, 0, 0, 0); /* D = 1 */
    rt_enter(&f);
    RAN(&f);
    if (!rt_qemu) { /* ignores the OS Lock */
        MSR(oslar_el1, 1);
        go(EL0T, c_line, 0);
        RAN(&f);
        MSR(oslar_el1, 0);
    }
    go(EL0T, c_line, 0);
    EQ(f.esr, esr_bp(EL0T));
    set_bp(0, 0, 0);
}

static void context_breakpoints(void)
{
    /* 4: CONTEXTIDR = 77, linked to; 0: address, linked with 4 */
    set_bp(4, 77, BCR(0, 3, 0));
    set_bp(0, (u64)c_line + 4, BCR(ATEL0, 1, 4));
    MSR(contextidr_el1, 77);
    go(EL0T, c_line, 0);
    EQ(f.esr, esr_bp(EL0T));
    EQ(f.elr, (u64)c_line + 4);
    MSR(contextidr_el1, 78);
    go(EL0T, c_line, 0);
    RAN(&f);
    set_bp(0, 0, 0);
    /* 5: CONTEXTIDR unlinked: every instruction */
    set_bp(5, 78, BCR(ATEL0, 2, 0));
    go(EL0T, c_line, 0);
    if (!rt_qemu) { /* not implemented */
        EQ(f.esr, esr_bp(EL0T));
        EQ(f.elr, (u64)c_line);
    }
    MSR(contextidr_el1, 77);
    go(EL0T, c_line, 0);
    RAN(&f);
    set_bp(5, 0, 0);
    set_bp(4, 0, 0);
    MSR(contextidr_el1, 0);
}

/* ---- Watchpoints ---- */

static void set_wp(unsigned n, u64 wvr, u64 wcr)
{
#define ONE(i)                                                                                     \
    case i:                                                                                        \
        MSR(dbgwvr##i##_el1, wvr);                                                                 \
        MSR(dbgwcr##i##_el1, wcr);                                                                 \
        break
    switch (n) {
        ONE(0);
        ONE(1);
        ONE(2);
        ONE(3);
    }
#undef ONE
}

struct insn {
    const void *fn;
    u8 size;
    bool load, store;
};

static const struct insn insns[] = {
    {c_ldrb, 1, true, false},  {c_ldrh, 2, true, false}, {c_ldr, 4, true, false},
    {c_ldrx, 8, true, false},  {c_ldp, 16, true, false}, {c_ldrq, 16, true, false},
    {c_strb, 1, false, true},  {c_str, 4, false, true},  {c_strx, 8, false, true},
    {c_stp, 16, false, true},  {c_strq, 16, false, true}, {c_ldxr, 8, true, false},
    {c_ldtr, 8, true, false}, {c_sttr, 8, false, true},
};

/* Whether an access of size bytes at offset `off` touches a byte of [data + at] that bas selects.
 */
static bool touches(unsigned off, unsigned size, unsigned at, unsigned bas)
{
    for (unsigned i = 0; i < 8; i++)
        if ((bas >> i & 1) && at + i >= off && at + i < off + size)
            return true;
    return false;
}

static void watch_bytes(void)
{
    static const u8 selects[] = {0xff, 0x0f, 0xf0, 0x01, 0x80, 0x18, 0x3c};
    for (unsigned s = 0; s < LEN(selects); s++) {
        set_wp(1, (u64)data + 16, WCR(ATEL0, LOAD | STORE, selects[s]));
        for (unsigned k = 0; k < LEN(insns); k++)
            for (unsigned off = 0; off < 32; off += insns[k].fn == c_ldxr ? 8 : 1) {
                bool hit = touches(off, insns[k].size, 16, selects[s]);
                unsigned natural = insns[k].size;
                if (rt_qemu && off % natural) /* checks other bytes when unaligned */
                    continue;
                rt_note("BAS * 65536 + insn * 256 + offset", selects[s] * 65536ul + k * 256 + off);
                go(EL0T, insns[k].fn, (u64)data + off);
                EQ(f.esr, hit ? esr_wp(EL0T, insns[k].store) : ESR_DONE);
                if (hit) {
                    EQ(f.elr, (u64)insns[k].fn);
                    /* between the lowest address of the access and the highest that is watched */
                    TRUE(f.far >= (u64)data + off && f.far < (u64)data + 24);
                }
            }
    }
    set_wp(1, 0, 0);
    /* WVR<2> = 1: four bytes, BAS<3:0> */
    set_wp(2, (u64)data + 20, WCR(ATEL0, LOAD, 0xf));
    go(EL0T, c_ldr, (u64)data + 16);
    RAN(&f);
    go(EL0T, c_ldr, (u64)data + 20);
    EQ(f.esr, esr_wp(EL0T, false));
    go(EL0T, c_ldr, (u64)data + 24);
    RAN(&f);
    set_wp(2, 0, 0);
    rt_note(NULL, 0);
}

static void watch_kinds(void)
{
    static const unsigned modes[] = {EL0T, EL1H};
    for (unsigned n = 0; n < 4; n++)
        for (unsigned m = 0; m < 2; m++)
            for (u64 pac = 0; pac < 4; pac++)
                for (u64 lsc = 1; lsc < 4; lsc++) {
                    rt_note("n, mode, PAC, LSC", n * 4096 + m * 256 + pac * 16 + lsc);
                    set_wp(n, (u64)data + 8, WCR(pac, lsc, 0xff));
                    bool el = pac & (modes[m] == EL0T ? ATEL0 : ATEL1);
                    data[8] = 0x55;
                    go(modes[m], c_ldrx, (u64)data + 8);
                    EQ(f.esr, el && (lsc & LOAD) ? esr_wp(modes[m], false) : ESR_DONE);
                    if (el && (lsc & LOAD))
                        EQ(f.x[1], 0); /* the register is not written */
                    go(modes[m], c_strx, (u64)data + 8);
                    EQ(f.esr, el && (lsc & STORE) ? esr_wp(modes[m], true) : ESR_DONE);
                    if (el && (lsc & STORE))
                        EQ(data[8], 0x55); /* nor memory */
                    /* LDTR and STTR at EL1 have EL0's privilege */
                    go(modes[m], c_ldtr, (u64)data + 8);
                    EQ(f.esr, (pac & ATEL0) && (lsc & LOAD) ? esr_wp(modes[m], false) : ESR_DONE);
                    go(modes[m], c_sttr, (u64)data + 8);
                    EQ(f.esr, (pac & ATEL0) && (lsc & STORE) ? esr_wp(modes[m], true) : ESR_DONE);
                    /* an atomic is a load and a store; WnR says which condition matched */
                    go(modes[m], c_swp, (u64)data + 8);
                    if (!el)
                        RAN(&f);
                    else if (rt_qemu) /* WnR is always 1 */
                        EQ(f.esr & ~0x40ul, esr_wp(modes[m], false));
                    else
                        EQ(f.esr, esr_wp(modes[m], !(lsc & LOAD)));
                    go(modes[m], c_prfm, (u64)data + 8);
                    RAN(&f);
                    set_wp(n, 0, 0);
                }
    rt_note(NULL, 0);
}

static void watch_masks(void)
{
    extern u8 rt_user_page[2][4096];
    u64 base = (u64)rt_user_page;
    for (unsigned mask = 3; mask <= 12; mask++) {
        u64 size = 1ul << mask, at = (base + size) & ~(size - 1);
        if (at + size > base + 8192)
            at = base;
        rt_note("MASK", mask);
        set_wp(0, at, WCR(ATEL0, LOAD | STORE, 0xff) | (u64)mask << 24);
        go(EL0T, c_ldrb, at);
        EQ(f.esr, esr_wp(EL0T, false));
        EQ(f.far, at);
        go(EL0T, c_ldrb, at + size - 1);
        EQ(f.esr, esr_wp(EL0T, false));
        EQ(f.far, at + size - 1);
        go(EL0T, c_strx, at + size / 2);
        EQ(f.esr, esr_wp(EL0T, true));
        if (at > base) {
            go(EL0T, c_ldrb, at - 1);
            RAN(&f);
            go(EL0T, c_ldrx, at - 4); /* straddles the start */
            if (!rt_qemu)
                EQ(f.esr, esr_wp(EL0T, false));
        }
        if (at + size < base + 8192) {
            go(EL0T, c_ldrb, at + size);
            RAN(&f);
        }
    }
    rt_note(NULL, 0);
    set_wp(0, 0, 0);
    /* over the end of a page */
    set_wp(3, base + 4096, WCR(ATEL0, LOAD, 0xff));
    go(EL0T, c_ldrx, base + 4096 - 7);
    EQ(f.esr, esr_wp(EL0T, false));
    go(EL0T, c_ldrx, base + 4096 - 8);
    RAN(&f);
    set_wp(3, 0, 0);
}

static void watch_others(void)
{
    /* DC ZVA is a store of its block */
    set_wp(0, (u64)data + 32, WCR(ATEL0 | ATEL1, STORE, 0xff));
    data[40] = 9;
    go(EL0T, c_zva, (u64)data + 3);
    EQ(f.esr & ~0x100ul, esr_wp(EL0T, true));
    EQ(data[40], 9);
    go(EL0T, c_zva, (u64)data + 64);
    RAN(&f);
    /* a store exclusive that fails does not write, and may not match; one that succeeds does */
    go(EL0T, c_stxr, (u64)data + 32);
    TRUE(f.esr == esr_wp(EL0T, true) || f.x[3] == 1);
    set_wp(0, (u64)data + 128, WCR(ATEL0, STORE, 0xff));
    go(EL0T, c_stxr, (u64)data + 128);
    EQ(f.esr, esr_wp(EL0T, true));
    /* a translation fault goes first */
    set_wp(0, HOLE & ~7ul, WCR(ATEL0, LOAD, 0xff));
    go(EL0T, c_ldrx, HOLE);
    EQ(EC_OF(&f), EC_DABT_LOW);
    /* linked with a context breakpoint */
    set_bp(5, 5, BCR(0, 3, 0));
    set_wp(0, (u64)data, WCR(ATEL0, LOAD, 0xff) | BIT(20) | 5ul << 16);
    MSR(contextidr_el1, 5);
    go(EL0T, c_ldrx, (u64)data);
    EQ(f.esr, esr_wp(EL0T, false));
    MSR(contextidr_el1, 6);
    go(EL0T, c_ldrx, (u64)data);
    RAN(&f);
    MSR(contextidr_el1, 0);
    set_bp(5, 0, 0);
    /* the switches */
    set_wp(0, (u64)data, WCR(3, LOAD, 0xff));
    MSR(mdscr_el1, MDSCR_KDE);
    go(EL0T, c_ldrx, (u64)data);
    RAN(&f);
    MSR(mdscr_el1, MDSCR_MDE);
    go(EL1H, c_ldrx, (u64)data);
    RAN(&f);
    MSR(mdscr_el1, mdscr);
    if (!rt_qemu) {
        MSR(oslar_el1, 1);
        go(EL0T, c_ldrx, (u64)data);
        RAN(&f);
        MSR(oslar_el1, 0);
    }
    rt_frame(&f, EL1H, c_ldrx, (u64)data, 0, 0, 0); /* D = 1 */
    rt_enter(&f);
    RAN(&f);
    set_wp(0, 0, 0);
}

/* The registers keep what exists of them. */
static void registers(void)
{
    MSR(dbgbvr2_el1, 0x0000ffff12345678 | 3);
    EQ(MRS(dbgbvr2_el1) & ~3ul, 0x0000ffff12345678);
    MSR(dbgwvr2_el1, 0x0000ffff1234567c | 3);
    EQ(MRS(dbgwvr2_el1), 0x0000ffff1234567c);
    MSR(dbgwcr2_el1, 0x1f1ffffe);
    EQ(MRS(dbgwcr2_el1), 0x1f1ffffe);
    MSR(dbgwcr2_el1, 0);
    if (rt_qemu) /* has no claim tags */
        return;
    MSR(dbgclaimset_el1, 0x81);
    EQ(MRS(dbgclaimset_el1), 0xff);
    EQ(MRS(dbgclaimclr_el1), 0x81);
    MSR(dbgclaimclr_el1, 0x80);
    EQ(MRS(dbgclaimclr_el1), 1);
    MSR(dbgclaimclr_el1, 1);
}

int main(void)
{
    rt_mmu_on();
    MSR(sctlr_el1, MRS(sctlr_el1) | SCTLR_DZE);
    MSR(oslar_el1, 0);
    mdscr = MDSCR_KDE | MDSCR_MDE;
    MSR(mdscr_el1, mdscr);
    registers();
    breakpoints();
    context_breakpoints();
    watch_bytes();
    watch_kinds();
    watch_masks();
    watch_others();
    MSR(mdscr_el1, 0);
    return 0;
}
