/* Synchronous exceptions: syndrome, return address, vector, FAR (Arm ARM D1.3, D17.2.37). */
#include "rt.h"

CODE(c_svc, "svc #0x1234");
CODE(c_brk, "brk #0xabcd");
CODE(c_hvc, "hvc #0");
CODE(c_smc, "smc #0");
CODE(c_br, "br x0");
CODE(c_blr, "blr x0");
CODE(c_sp_load, "mov x1, sp\nmov sp, x0\nldr x2, [sp]\nmov sp, x1");
CODE(c_sp_add, "mov x1, sp\nmov sp, x0\nadd sp, sp, #16\nmov x2, sp\nmov sp, x1");
CODE(c_sp_pair, "mov x1, sp\nmov sp, x0\nstp x2, x3, [sp, #-16]!\nmov sp, x1");
CODE(c_fmov, "fmov d0, x0");
CODE(c_fload, "ldr q0, [x0]");
CODE(c_mrs_fpsr, "mrs x0, fpsr");
CODE(c_dup, "dup v0.4s, w0");
CODE(c_wfi, "wfi");
CODE(c_wfe, "wfe");
CODE(c_wfe_event, "sevl\nwfe\nmov x0, #5");
CODE(c_eret, "eret");

static void generated(void)
{
    struct frame *f;
    static const struct {
        unsigned mode, vector;
    } from[] = {{EL0T, V_SYNC_LOW}, {EL1T, V_SYNC_SP0}, {EL1H, V_SYNC_SPX}};

    for (unsigned i = 0; i < LEN(from); i++) {
        rt_note("mode", from[i].mode);
        f = RUN0(from[i].mode, c_svc);
        EQ(f->esr, ESR(EC_SVC, 0x1234));
        EQ(f->elr, (u64)c_svc + 4);
        EQ(f->vector, from[i].vector);
        EQ(f->spsr, from[i].mode | SPSR_DAIF);
        EQ(f->ps.daif, 0x3c0);
        EQ(f->ps.spsel, 1);
        EQ(f->ps.currentel, 4);
        f = RUN0(from[i].mode, c_brk);
        EQ(f->esr, ESR(EC_BRK, 0xabcd));
        EQ(f->elr, (u64)c_brk);
        EQ(f->vector, from[i].vector);
        f = RUN0(from[i].mode, c_smc); /* no EL3 */
        EQ(f->esr, ESR_UNDEFINED);
        EQ(f->elr, (u64)c_smc);
    }
    rt_note("mode", 0);
    f = RUN0(EL0T, c_hvc);
    EQ(f->esr, ESR_UNDEFINED);
    EQ(f->elr, (u64)c_hvc);
    f = RUN0(EL0T, c_eret);
    EQ(f->esr, ESR_UNDEFINED);
    f = RUN1(EL1H, c_hvc, 0x84000000); /* PSCI_VERSION: 1.0 or 1.1 */
    RAN(f);
    TRUE(f->x[0] == 0x10000 || f->x[0] == 0x10001);
}

static void pc_alignment(void)
{
    static const unsigned modes[] = {EL0T, EL1H};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned low = 1; low < 4; low++) {
            struct frame *f = RUN1(modes[i], c_br, (u64)c_svc + low);
            rt_note("mode * 16 + low", modes[i] * 16 + low);
            EQ(f->esr, ESR(EC_PC_ALIGN, 0));
            EQ(f->far, (u64)c_svc + low);
            EQ(f->elr, (u64)c_svc + low);
            f = RUN1(modes[i], c_blr, (u64)c_svc + low);
            EQ(f->esr, ESR(EC_PC_ALIGN, 0));
            EQ(f->x[30], (u64)c_blr + 4);
            /* by exception return */
            f = RUN0(modes[i], (void *)((u64)c_svc + low));
            EQ(f->esr, ESR(EC_PC_ALIGN, 0));
            EQ(f->far, (u64)c_svc + low);
        }
    rt_note(NULL, 0);
}

static void sp_alignment(void)
{
    if (rt_qemu) /* does not check */
        return;
    static UDATA u8 stack[256];
    u64 bad = (u64)stack + 128 + 8, sctlr = MRS(sctlr_el1);
    struct frame *f;
    static const struct {
        unsigned mode;
        u64 bit;
    } modes[] = {{EL0T, SCTLR_SA0}, {EL1T, SCTLR_SA}, {EL1H, SCTLR_SA}};

    for (unsigned i = 0; i < LEN(modes); i++) {
        rt_note("mode", modes[i].mode);
        MSR(sctlr_el1, (sctlr & ~(SCTLR_SA | SCTLR_SA0)) | modes[i].bit);
        f = RUN1(modes[i].mode, c_sp_load, bad);
        EQ(f->esr, ESR(EC_SP_ALIGN, 0));
        EQ(f->elr, (u64)c_sp_load + 8);
        f = RUN1(modes[i].mode, c_sp_pair, bad);
        EQ(f->esr, ESR(EC_SP_ALIGN, 0));
        EQ(modes[i].mode == EL1H ? f->sp_el1 : f->sp_el0, bad); /* no write-back */
        f = RUN1(modes[i].mode, c_sp_load, bad - 8);
        RAN(f);
        f = RUN1(modes[i].mode, c_sp_add, bad); /* arithmetic does not check */
        RAN(f);
        EQ(f->x[2], bad + 16);
        MSR(sctlr_el1, (sctlr | SCTLR_SA | SCTLR_SA0) & ~modes[i].bit);
        f = RUN1(modes[i].mode, c_sp_load, bad);
        RAN(f);
    }
    MSR(sctlr_el1, sctlr);
    rt_note(NULL, 0);
}

static void fp_trap(void)
{
    static const struct {
        unsigned fpen;
        bool el0, el1;
    } rows[] = {{0, true, true}, {1, true, false}, {2, true, true}, {3, false, false}};
    static UDATA u8 buffer[16];
    const void *insns[] = {c_fmov, c_fload, c_mrs_fpsr, c_dup};
    u64 cpacr = MRS(cpacr_el1);

    for (unsigned i = 0; i < LEN(rows); i++)
        for (unsigned k = 0; k < LEN(insns); k++) {
            rt_note("fpen * 16 + insn", rows[i].fpen * 16 + k);
            MSR(cpacr_el1, (cpacr & ~(3ul << 20)) | (u64)rows[i].fpen << 20);
            struct frame *f = RUN1(EL0T, insns[k], buffer);
            EQ(f->esr, rows[i].el0 ? ESR(EC_FP, 0x1e00000) : ESR_DONE);
            if (rows[i].el0)
                EQ(f->elr, (u64)insns[k]);
            f = RUN1(EL1H, insns[k], buffer);
            EQ(f->esr, rows[i].el1 ? ESR(EC_FP, 0x1e00000) : ESR_DONE);
        }
    /* An FP load from a bad address traps before it faults. */
    MSR(cpacr_el1, cpacr & ~(3ul << 20));
    EQ(RUN1(EL1H, c_fload, HOLE)->esr, ESR(EC_FP, 0x1e00000));
    MSR(cpacr_el1, cpacr);
    rt_note(NULL, 0);
}

static void wait_trap(void)
{
    u64 sctlr = MRS(sctlr_el1);
    struct frame *f;

    MSR(sctlr_el1, sctlr & ~(SCTLR_NTWI | SCTLR_NTWE));
    f = RUN0(EL0T, c_wfi);
    EQ(f->esr, ESR(EC_WFX, 0x1e00000));
    EQ(f->elr, (u64)c_wfi);
    /* Each exception return sets the event register: the first WFE takes it, the second waits. */
    RUN0(EL0T, c_wfe_event);
    CODE(c_wfe2, "wfe\nwfe");
    f = RUN0(EL0T, c_wfe2);
    if (!rt_qemu) { /* has no event register */
        EQ(f->esr, ESR(EC_WFX, 0x1e00001));
        EQ(f->elr, (u64)c_wfe2 + 4);
    }
    f = RUN0(EL0T, c_wfe_event);
    RAN(f);
    EQ(f->x[0], 5);
    MSR(sctlr_el1, sctlr);
}

/* Words that are UNDEFINED at EL1 and EL0, each checked against C4.1; SVC after each. */
asm(".pushsection .utext, \"ax\"\n.balign 4\n.global words\nwords:\n"
    ".inst 0x00000000\nsvc #0xffff\n" /* UDF #0 */
    ".inst 0x0000ffff\nsvc #0xffff\n" /* UDF #0xffff */
    ".inst 0x00010000\nsvc #0xffff\n" /* reserved, op1 != 0 */
    ".inst 0x02000000\nsvc #0xffff\n" /* unallocated op0 = 0001 */
    ".inst 0x06000000\nsvc #0xffff\n" /* unallocated op0 = 0011 */
    ".inst 0x9ac00000\nsvc #0xffff\n" /* 2 source, opcode 0: SUBP needs MTE */
    ".inst 0x9ac00400\nsvc #0xffff\n" /* 2 source, opcode 1 */
    ".inst 0x5ac00c00\nsvc #0xffff\n" /* REV (64) with sf = 0 */
    ".inst 0x1200fc00\nsvc #0xffff\n" /* AND w: N = 0, imms = 111111 */
    ".inst 0x12400000\nsvc #0xffff\n" /* AND w: N = 1 */
    ".inst 0x9240fc00\nsvc #0xffff\n" /* AND x: all ones */
    ".inst 0x52c00000\nsvc #0xffff\n" /* MOVZ w, lsl #32 */
    ".inst 0x13400000\nsvc #0xffff\n" /* SBFM w with N = 1 */
    ".inst 0x93000000\nsvc #0xffff\n" /* SBFM x with N = 0 */
    ".inst 0x13200000\nsvc #0xffff\n" /* SBFM w, immr = 32 */
    ".inst 0x13808000\nsvc #0xffff\n" /* EXTR w, lsb 32 */
    ".inst 0x1ac04c00\nsvc #0xffff\n" /* CRC32X with sf = 0 */
    ".inst 0x0b008000\nsvc #0xffff\n" /* ADD w, lsl #32 */
    ".inst 0x8bc00000\nsvc #0xffff\n" /* ADD, shift type 3 */
    ".inst 0x8b201400\nsvc #0xffff\n" /* ADD extended, amount 5 */
    ".inst 0x1b200000\nsvc #0xffff\n" /* SMADDL with sf = 0 */
    ".inst 0x7a400810\nsvc #0xffff\n" /* CCMP, o3 = 1 */
    ".inst 0x1a800800\nsvc #0xffff\n" /* CSEL, op2 = 10 */
    ".inst 0xd65f0001\nsvc #0xffff\n" /* RET, op4 = 1 */
    ".inst 0xd6bf03e0\nsvc #0xffff\n" /* DRPS in Non-debug state */
    ".inst 0xd4400000\nsvc #0xffff\n" /* HLT, halting debug off */
    ".inst 0xd4a00001\nsvc #0xffff\n" /* DCPS1 in Non-debug state */
    ".inst 0xd4000000\nsvc #0xffff\n" /* exception generation, LL = 00 */
    ".inst 0xd4200001\nsvc #0xffff\n" /* BRK with LL = 01 */
    ".inst 0xd508001f\nsvc #0xffff\n" /* SYS #0, C0, C0, #0 */
    ".inst 0xd50f7f1f\nsvc #0xffff\n" /* SYS #7, C7, C15, #0 */
    ".inst 0xd5280000\nsvc #0xffff\n" /* SYSL #0, C0, C0, #0 */
    ".inst 0xd5180000\nsvc #0xffff\n" /* MSR MIDR_EL1 */
    ".inst 0xd51b0020\nsvc #0xffff\n" /* MSR CTR_EL0 */
    ".inst 0xd53cd040\nsvc #0xffff\n" /* MRS TPIDR_EL2 */
    ".inst 0xd51cd040\nsvc #0xffff\n" /* MSR TPIDR_EL2 */
    ".inst 0xd53e1100\nsvc #0xffff\n" /* MRS SCR_EL3 */
    ".inst 0xd538cc20\nsvc #0xffff\n" /* MRS ICC_EOIR1_EL1: write only */
    ".inst 0xd518cc00\nsvc #0xffff\n" /* MSR ICC_IAR1_EL1: read only */
    ".inst 0xf8c00000\nsvc #0xffff\n" /* unscaled, size 11, opc 11 */
    ".inst 0x38200800\nsvc #0xffff\n" /* STRB register offset, option 000 */
    ".inst 0x0c001000\nsvc #0xffff\n" /* ST multiple structures, opcode 0001 */
    ".inst 0x0e000c00\nsvc #0xffff\n" /* DUP (general), imm5 = 0 */
    ".inst 0x1ea04000\nsvc #0xffff\n" /* FMOV with type 10 */
    "words_end:\n.popsection\n");
extern char words[], words_end[];

static void undefined(void)
{
    for (char *w = words; w < words_end; w += 8) {
        u32 insn = r32((u64)w);
        rt_note("word", insn);
        struct frame *f = RUN1(EL0T, w, rt_user_page);
        EQ(f->esr, ESR_UNDEFINED);
        EQ(f->elr, (u64)w);
        f = RUN1(EL1H, w, rt_user_page);
        EQ(f->esr, ESR_UNDEFINED);
        EQ(f->elr, (u64)w);
    }
    rt_note(NULL, 0);
}

int main(void)
{
    generated();
    pc_alignment();
    sp_alignment();
    fp_trap();
    wait_trap();
    undefined();
    rt_mmu_on();
    generated();
    pc_alignment();
    sp_alignment();
    return 0;
}
