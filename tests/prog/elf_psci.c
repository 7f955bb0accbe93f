/* PSCI and SMCCC by HVC (DEN0022, DEN0028). Run as an ELF file. */
#include "gic.h"

#define NOT_SUPPORTED 0xffffffffffffffff
#define INVALID 0xfffffffffffffffe
#define ALREADY_ON 0xfffffffffffffffc

CODE(c_hvc, "hvc #0");
CODE(c_hvc1, "hvc #1");

static u64 call(u64 function, u64 a, u64 b, u64 c)
{
    return hvc(function, a, b, c);
}

/* SMC32 functions return 32 bits, those of SMC64 and errors alike are compared in the low half. */
#define EQ32(got, want) EQ((u32)(got), (u32)(want))

int main(void)
{
    u64 version = call(0x84000000, 0, 0, 0);
    EQ(version, 0x10001);
    EQ32(call(0x8400000a, 0x84000000, 0, 0), 0);             /* PSCI_FEATURES(PSCI_VERSION) */
    EQ32(call(0x8400000a, 0x84000002, 0, 0), 0);             /* CPU_OFF */
    EQ32(call(0x8400000a, 0xc4000003, 0, 0), 0);             /* CPU_ON */
    EQ32(call(0x8400000a, 0x84000008, 0, 0), 0);             /* SYSTEM_OFF */
    EQ32(call(0x8400000a, 0x84000014, 0, 0), NOT_SUPPORTED); /* nothing of that number */
    EQ32(call(0x84000006, 0, 0, 0), 2);                      /* MIGRATE_INFO_TYPE */
    EQ32(call(0x84000004, 0, 0, 0), 0);                      /* AFFINITY_INFO: this one is on */
    EQ32(call(0xc4000004, 0, 0, 0), 0);
    EQ32(call(0xc4000004, 0x77, 0, 0), INVALID);
    EQ32(call(0xc4000003, 0, 0x40080000, 0), ALREADY_ON);    /* CPU_ON */
    EQ32(call(0xc4000003, 0x55, 0x40080000, 0), INVALID);
    EQ32(call(0x84001234, 0, 0, 0), NOT_SUPPORTED);
    EQ32(call(0xc2000000, 0, 0, 0), NOT_SUPPORTED);
    if (!rt_qemu) {
        EQ32(call(0x84000004, 0, 9, 0), INVALID);
        EQ32(call(0x8400000a, 0x80000000, 0, 0), 0);         /* SMCCC_VERSION is there */
        EQ32(call(0x80000000, 0, 0, 0), 0x10001);
        EQ32(call(0x84000012, 1, 0, 0), INVALID);            /* SYSTEM_RESET2 of no known type */
    }
    /* only x0 to x3 may change, and x1 to x3 do not for these */
    struct frame f;
    rt_frame(&f, EL1H, c_hvc, 0x84000000, 0x11, 0x22, 0x33);
    for (unsigned i = 4; i < 30; i++)
        f.x[i] = i * 0x1111;
    f.spsr |= 0xa0000000;
    rt_enter(&f);
    RAN(&f);
    EQ(f.x[0], version);
    for (unsigned i = 4; i < 30; i++)
        EQ(f.x[i], i * 0x1111);
    EQ(f.spsr & 0xf0000000, 0xa0000000);
    EQ(f.elr, (u64)c_hvc + 8);
    if (!rt_qemu) /* an immediate that is not 0 is nobody's call */
        EQ32(RUN1(EL1H, c_hvc1, 0x84000000)->x[0], NOT_SUPPORTED);
    /* CPU_SUSPEND to standby: returns on an interrupt, 0 */
    gic_init();
    gic_enable(100, 0x80);
    gic_edge(100, true);
    gic_set(100, GIC_ISPENDR);
    EQ32(call(0xc4000001, 0, 0, 0), 0);
    EQ(MRS(isr_el1), 0x80);
    gic_disable(100);
    return 0; /* SYSTEM_OFF follows */
}
