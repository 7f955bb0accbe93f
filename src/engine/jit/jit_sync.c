/* Guest state in two forms. See jit_int.h; the form of translated code is that of x64/area.h.
 *
 * NZCV there is what LAHF and SETO leave: SF is bit 15, ZF bit 14, CF bit 8 and OF bit 0, with
 * CF = !C as after a subtraction. MXCSR (Intel SDM volume 1, 10.2.3) holds the guest's rounding
 * mode and, since the state was last made complete, the cumulative exceptions of FPSR (Arm ARM
 * C5.2.9): IE, ZE, OE, UE and PE are IOC, DZC, OFC, UFC and IXC. DE has no counterpart: FPSR.IDC is
 * of flushed operands, and code that has some goes to the interpreter (lift_vfp_flush.c).
 */
#include "engine/jit/jit_int.h"

#include "a64/fp.h"

#define NZCV_SF 0x8000u
#define NZCV_ZF 0x4000u
#define NZCV_CF 0x0100u
#define NZCV_OF 0x0001u

#define MXCSR_MASKED 0x1f80u
#define MXCSR_STICKY 0x3fu
#define MXCSR_RC_SHIFT 13
#define MXCSR_FTZ 0x8000u

uint32_t jit_nzcv_out(uint32_t w)
{
    return (w & (NZCV_SF | NZCV_ZF)) << 16 | (~w & NZCV_CF) << 21 | (w & NZCV_OF) << 28;
}

uint16_t jit_nzcv_in(uint32_t nzcv)
{
    return (uint16_t)((nzcv >> 16 & (NZCV_SF | NZCV_ZF)) | (~nzcv >> 21 & NZCV_CF) |
                      (nzcv >> 28 & NZCV_OF));
}
_Static_assert(PSTATE_N == NZCV_SF << 16 && PSTATE_Z == NZCV_ZF << 16 &&
                   PSTATE_C == NZCV_CF << 21 && PSTATE_V == NZCV_OF << 28,
               "places of the flags");

static uint32_t fpsr_of(uint32_t mxcsr)
{
    return (mxcsr & 1) | (mxcsr >> 1 & 0x1e);
}
_Static_assert(FPSR_IOC == 1 && FPSR_DZC == 2 && FPSR_OFC == 4 && FPSR_UFC == 8 && FPSR_IXC == 16,
               "places of the exceptions");

static uint32_t mxcsr_of(uint32_t fpcr)
{
    /* RN, RP, RM, RZ as nearest, up, down, to zero */
    static const uint8_t rc[] = {0, 2, 1, 3};
    return MXCSR_MASKED | (fpcr & FPCR_FZ ? MXCSR_FTZ : 0) |
           (uint32_t)rc[(fpcr & FPCR_RMODE) >> FPCR_RMODE_SHIFT] << MXCSR_RC_SHIFT;
}

void jit_sync_out_at(struct jit *j, uint64_t pc)
{
    struct a64_cpu *cpu = j->cpu;
    struct x64_area *area = j->area;
    cpu->pc = pc;
    sp_write(cpu, area->sp);
    cpu->nzcv = jit_nzcv_out(area->nzcv);
    cpu->fp.fpsr |= fpsr_of(area->mxcsr);
    area->mxcsr &= ~MXCSR_STICKY;
    if (j->count)
        cpu->instret = j->end - (uint64_t)area->budget;
}

void jit_sync_out(struct jit *j, uint32_t site)
{
    j->area->budget += x64_site_undone(site);
    jit_sync_out_at(j, j->area->page + (uint64_t)(int64_t)x64_site_off(site));
}

void jit_sync_in(struct jit *j)
{
    const struct a64_cpu *cpu = j->cpu;
    struct x64_area *area = j->area;
    area->sp = sp_read(cpu);
    area->nzcv = jit_nzcv_in(cpu->nzcv);
    area->mxcsr = mxcsr_of(cpu->fp.fpcr);
    area->budget = (int64_t)(j->end - cpu->instret);
}

unsigned jit_mode(const struct jit *j)
{
    return jit_mode_at(j, j->cpu->el, j->cpu->spsel);
}

/* How floating point is lifted. */
static unsigned fp_mode(const struct jit *j)
{
    const struct a64_cpu *cpu = j->cpu;
    uint32_t fpcr = cpu->fp.fpcr, fpsr = cpu->fp.fpsr | fpsr_of(j->area->mxcsr);
    return (fpcr & FPCR_FZ ? fpsr & FPSR_IXC ? LIFT_FPFLUSH : LIFT_FPSLOW : 0) |
           (fpcr & (FPCR_DN | FPCR_AHP | FPCR_FZ16) ? LIFT_FPODD : 0);
}

unsigned jit_mode_at(const struct jit *j, unsigned el, unsigned spsel)
{
    const struct a64_cpu *cpu = j->cpu;
    uint64_t sctlr = cpu->sys[A64_SCTLR_EL1];
    unsigned fpen = (unsigned)bits(cpu->sys[A64_CPACR_EL1], 21, 20);
    bool fp_on = fpen == 3 || (fpen == 1 && el == 1);
    return (el ? LIFT_EL1 : 0) | (fp_on ? 0 : LIFT_FPOFF) |
           fp_mode(j) |
           (bit(sctlr, 1) ? LIFT_ALIGN : 0) |
           (bit(sctlr, el ? 3 : 4) ? LIFT_SPCHECK : 0) | (j->count ? LIFT_COUNT : 0) |
           (el && !spsel ? LIFT_SPEL0 : 0) | (j->smp ? LIFT_SMP : 0);
}
