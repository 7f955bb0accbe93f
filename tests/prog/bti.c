/* Branch target identification (Arm ARM D8.4.5): which branches may land on what in guarded pages,
 * the exception, SCTLR_EL1.BT0 and BT1. */
#include "mm.h"

enum pad { P_NONE, P_BTI, P_C, P_J, P_JC, P_PACIASP, P_PACIBSP, P_BRK, P_HLT, PADS };
enum how { BR_X1, BR_X16, BR_X17, BLR, RET_X1, HOWS };

static const u32 pads[PADS] = {
    0xd503201f, 0xd503241f, 0xd503245f, 0xd503249f, 0xd50324df,
    0xd503233f, 0xd503237f, 0xd4200020, 0xd4400000,
};

/* x1, x16, x17: the target */
static const u32 branches[HOWS] = {0xd61f0020, 0xd61f0200, 0xd61f0220, 0xd63f0020, 0xd65f0020};

/* BTYPE that a branch leaves; `guarded`: the branch itself is on a guarded page. */
static unsigned btype_of(enum how how, bool guarded)
{
    switch (how) {
    case BR_X1: return guarded ? 3 : 1;
    case BR_X16:
    case BR_X17: return 1;
    case BLR: return 2;
    default: return 0;
    }
}

static bool lands(unsigned btype, enum pad pad, bool strict_pac)
{
    if (btype == 0)
        return true;
    switch (pad) {
    case P_C: return btype != 3;
    case P_J: return btype != 2;
    case P_JC:
    case P_BRK:
    case P_HLT: return true;
    case P_PACIASP:
    case P_PACIBSP: return btype != 3 || !strict_pac;
    default: return false; /* NOP, BTI without operand */
    }
}

static void landing(void)
{
    struct pt p;
    pt_init(&p, 12, 25);
    /* from: a page with the branches; to: a page with the pads, each followed by SVC */
    u64 base = mm_upper(&p), pa_from = SCRATCH, pa_to = SCRATCH + 4096;
    for (unsigned how = 0; how < HOWS; how++)
        w32(pa_from + how * 4, branches[how]);
    for (unsigned pad = 0; pad < PADS; pad++) {
        w32(pa_to + pad * 16, pads[pad]);
        w32(pa_to + pad * 16 + 4, 0xd41fffe1);
    }
    sync_code((void *)pa_from, 64);
    sync_code((void *)pa_to, 256);
    u64 sctlr = MRS(sctlr_el1);
    for (unsigned n = 0; n < 16; n++) {
        bool user = n & 1, from_guarded = n & 2, to_guarded = n & 4, strict = n & 8;
        u64 from = base + n * 0x10000, to = from + 0x1000;
        u64 attrs = D_MEM | D_RO | (user ? D_EL0 : 0);
        pt_map(&p, from, pa_from, 3, attrs | (from_guarded ? D_GP : 0));
        pt_map(&p, to, pa_to, 3, attrs | (to_guarded ? D_GP : 0));
        mm_ttbr1(&p, 0, 0);
        MSR(sctlr_el1, strict ? sctlr | (user ? SCTLR_BT0 : SCTLR_BT1) : sctlr);
        for (unsigned how = 0; how < HOWS; how++)
            for (unsigned pad = 0; pad < PADS; pad++) {
                struct frame f;
                u64 target = to + pad * 16;
                unsigned btype = btype_of(how, from_guarded), mode = user ? EL0T : EL1H;
                bool ok = !to_guarded || lands(btype, pad, strict);
                rt_note("setting, branch, pad", n << 8 | how << 4 | pad);
                rt_frame(&f, mode, (void *)(from + how * 4), 0, 0, 0, 0);
                f.x[1] = f.x[16] = f.x[17] = target;
                rt_enter(&f);
                if (!ok) {
                    EQ(f.esr, ESR(EC_BTI, btype));
                    EQ(f.elr, target);
                    EQ(f.spsr, mode | SPSR_DAIF | btype << 10);
                } else if (pad == P_BRK) {
                    EQ(f.esr, ESR(EC_BRK, 1));
                    EQ(f.spsr, mode | SPSR_DAIF | btype << 10);
                } else if (pad == P_HLT) {
                    EQ(f.esr, ESR_UNDEFINED);
                } else {
                    RAN(&f);
                    EQ(f.spsr, mode | SPSR_DAIF);
                }
            }
    }
    MSR(sctlr_el1, sctlr);
    rt_note(NULL, 0);
    /* BTYPE comes back with an exception return, and is checked then */
    struct frame f;
    u64 to = base + 7 * 0x10000 + 0x1000; /* user, guarded */
    for (unsigned btype = 0; btype < 4; btype++) {
        rt_frame(&f, EL0T, (void *)(to + P_NONE * 16), 0, 0, 0, 0);
        f.spsr |= btype << 10;
        rt_enter(&f);
        EQ(f.esr, btype ? ESR(EC_BTI, btype) : ESR_DONE);
        rt_frame(&f, EL0T, (void *)(to + P_C * 16), 0, 0, 0, 0);
        f.spsr |= btype << 10;
        rt_enter(&f);
        EQ(f.esr, btype == 3 ? ESR(EC_BTI, 3) : ESR_DONE);
    }
    /* an instruction abort goes before the branch target exception */
    rt_frame(&f, EL0T, (void *)(base + 7 * 0x10000), 0, 0, 0, 0);
    f.x[1] = base + 0xf00000;
    rt_enter(&f);
    EQ(f.esr, ESR(EC_IABT_LOW, FSC_TRANS(2)));
    EQ(f.spsr, EL0T | SPSR_DAIF | 3 << 10);
}

int main(void)
{
    rt_mmu_on();
    EQ(MRS(id_aa64pfr1_el1) & 15, 1);
    landing();
    return 0;
}
