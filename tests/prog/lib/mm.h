/* Small things the mmu_* programs share. */
#ifndef MM_H
#define MM_H

#include "rt.h"

/* Fault status codes (ESR_ELx.ISS.DFSC) */
#define FSC_SIZE(l) (0x00 + (l))
#define FSC_TRANS(l) (0x04 + (l))
#define FSC_AF(l) (0x08 + (l))
#define FSC_PERM(l) (0x0c + (l))
#define FSC_EXT 0x10
#define FSC_EXT_WALK(l) (0x14 + (l))
#define FSC_ALIGN 0x21
#define WNR 0x40
#define CM 0x100

#define PAR_FAULT(fsc) (BIT(11) | (u64)(fsc) << 1 | 1)
#define PAR_OK(pa, attr, sh) ((u64)(attr) << 56 | ((pa) & D_PA) | BIT(11) | BIT(9) | (u64)(sh) << 7)

#define AT(op, va)                                                                                 \
    ({                                                                                             \
        asm volatile("at " #op ", %0\nisb" ::"r"((u64)(va)) : "memory");                           \
        MRS(par_el1);                                                                              \
    })
#define TLBI(op, arg)                                                                              \
    asm volatile("dsb sy\ntlbi " #op ", %0\ndsb sy\nisb" ::"r"((u64)(arg)) : "memory")

/* [x0] -> x1, x1 -> [x0], as pieces of code for EL0 and EL1 */
#define MM_CODE                                                                                    \
    CODE(c_ldr, "ldr x1, [x0]");                                                                   \
    CODE(c_str, "str x1, [x0]");                                                                   \
    CODE(c_ldtr, "ldtr x1, [x0]");                                                                 \
    CODE(c_sttr, "sttr x1, [x0]");                                                                 \
    CODE(c_br, "br x0")

static inline void mm_mapped(u64 va_pattern, u64 value)
{
    w64(va_pattern, value);
}

/* TTBR1 on beside the identity map of rt_mmu_on(): its size, granule and more bits of TCR. */
static inline void mm_ttbr1(const struct pt *p, u64 asid, u64 more)
{
    MSR(tcr_el1, TCR_BASE | TCR_WALK1 | TCR_TG1(p->grain) | TCR_T1SZ(p->tsz) | more);
    MSR(ttbr1_el1, p->root | asid << 48);
    TLBI_ALL();
}
/* Lowest address of TTBR1's range. */
static inline u64 mm_upper(const struct pt *p)
{
    return ~0ul << (64 - p->tsz);
}
/* The frame shows a data abort from the same or the lower level with this ISS at this address. */
#define DABT(f, mode, iss, va)                                                                     \
    do {                                                                                           \
        EQ((f)->esr, ESR((mode) == EL0T ? EC_DABT_LOW : EC_DABT, iss));                            \
        EQ((f)->far, va);                                                                          \
    } while (0)
#define IABT(f, mode, iss, va)                                                                     \
    do {                                                                                           \
        EQ((f)->esr, ESR((mode) == EL0T ? EC_IABT_LOW : EC_IABT, iss));                            \
        EQ((f)->far, va);                                                                          \
        EQ((f)->elr, va);                                                                          \
    } while (0)

#endif
