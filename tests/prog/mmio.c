/* Accesses to device windows and to nothing: sizes, pairs, alignment, atomics, fetches; with the
 * MMU off and on. */
#include "mm.h"

CODE(c_ldrb, "ldrb w1, [x0]");
CODE(c_ldrh, "ldrh w1, [x0]");
CODE(c_ldr, "ldr w1, [x0]");
CODE(c_ldrx, "ldr x1, [x0]");
CODE(c_ldp, "ldp w1, w2, [x0]");
CODE(c_ldpx, "ldp x1, x2, [x0]");
CODE(c_ldrq, "ldr q0, [x0]");
CODE(c_str, "str w1, [x0]");
CODE(c_strx, "str x1, [x0]");
CODE(c_post, "ldr w1, [x0], #4");
CODE(c_pre, "str w1, [x0, #4]!");
CODE(c_swp, "swp w1, w2, [x0]");
CODE(c_ldxr, "ldxr w1, [x0]");
CODE(c_zva, "dc zva, x0");
CODE(c_br, "br x0");

static void devices(void)
{
    struct frame *f;
    u64 id = UART + 0xfe0; /* 0x11, 0x10, 0x34, 0x00 */
    EQ(RUN1(EL1H, c_ldrb, id)->x[1], 0x11);
    EQ(RUN1(EL1H, c_ldrh, id)->x[1], 0x11);
    EQ(RUN1(EL1H, c_ldr, id + 4)->x[1] & 0xff, 0x10);
    f = RUN1(EL1H, c_ldp, id);
    RAN(f);
    EQ(f->x[1], 0x11);
    EQ(f->x[2], 0x10);
    /* 64-bit registers of the interrupt controller, in one access and in halves */
    u64 typer = RUN1(EL1H, c_ldrx, GICR + 8)->x[1];
    EQ(RUN1(EL1H, c_ldr, GICR + 8)->x[1], (u32)typer);
    EQ(RUN1(EL1H, c_ldr, GICR + 12)->x[1], typer >> 32);
    f = RUN1(EL1H, c_ldpx, VIRTIO);
    RAN(f);
    /* device memory is never accessed unaligned */
    if (!rt_qemu) {
        DABT(RUN1(EL1H, c_ldr, id + 1), EL1H, FSC_ALIGN, id + 1);
        DABT(RUN1(EL1H, c_ldrh, id + 1), EL1H, FSC_ALIGN, id + 1);
        DABT(RUN1(EL1H, c_str, UART + 2), EL1H, FSC_ALIGN | WNR, UART + 2);
        DABT(RUN1(EL1H, c_strx, UART + 0x24), EL1H, FSC_ALIGN | WNR, UART + 0x24);
        f = RUN1(EL1H, c_zva, UART);
        DABT(f, EL1H, FSC_ALIGN | WNR, UART);
        /* atomics need memory */
        f = RUN1(EL1H, c_swp, UART + 0x24);
        EQ(f->esr & ~(u64)WNR, ESR(EC_DABT, 0x35));
        f = RUN1(EL1H, c_ldxr, UART + 0x24);
        EQ(f->esr & ~(u64)WNR, ESR(EC_DABT, 0x35));
    }
    if (!rt_qemu) /* fetches from devices */
        EQ(RUN1(EL1H, c_br, UART)->esr, ESR(EC_IABT, FSC_EXT));
}

static void nothing(void)
{
    static const u64 holes[] = {0x09020000, 0x0bff0000, 0x20000000, 0x3eff0000, HOLE};
    for (unsigned i = 0; i < LEN(holes); i++) {
        rt_note("address", holes[i]);
        if (rt_qemu)
            break;
        struct frame *f = RUN1(EL1H, c_ldr, holes[i]);
        EQ(f->esr, ESR(EC_DABT, FSC_EXT));
        EQ(f->far, holes[i]);
        f = RUN2(EL1H, c_str, holes[i] + 8, 1);
        EQ(f->esr, ESR(EC_DABT, FSC_EXT | WNR));
        EQ(f->far, holes[i] + 8);
        /* no write-back with a fault */
        f = RUN2(EL1H, c_post, holes[i], 77);
        EQ(f->esr, ESR(EC_DABT, FSC_EXT));
        EQ(f->x[0], holes[i]);
        EQ(f->x[1], 77);
        f = RUN1(EL1H, c_pre, holes[i]);
        EQ(f->x[0], holes[i]);
        f = RUN2(EL1H, c_ldp, holes[i], 5);
        EQ(f->esr, ESR(EC_DABT, FSC_EXT));
        EQ(f->x[1], 5);
        f = RUN1(EL1H, c_ldrq, holes[i]);
        EQ(f->esr, ESR(EC_DABT, FSC_EXT));
        f = RUN1(EL1H, c_br, holes[i]);
        EQ(f->esr, ESR(EC_IABT, FSC_EXT));
        EQ(f->far, holes[i]);
    }
    rt_note(NULL, 0);
}

/* The ends of memory: 1 GiB from 0x40000000. */
static void edges(void)
{
    u64 end = 0x80000000;
    if (rt_qemu)
        return;
    RAN(RUN2(EL1H, c_strx, end - 8, 0x1234));
    EQ(RUN1(EL1H, c_ldrx, end - 8)->x[1], 0x1234);
    EQ(RUN1(EL1H, c_ldr, end)->esr, ESR(EC_DABT, FSC_EXT));
    EQ(RUN1(EL1H, c_ldr, 0x40000000 - 4)->esr, ESR(EC_DABT, FSC_EXT));
    RAN(RUN1(EL1H, c_ldr, 0x40000000));
}

int main(void)
{
    devices();
    nothing();
    edges();
    /* the same through a map */
    rt_mmu_on();
    for (u64 a = 0; a < 0x100000000; a += 0x40000000)
        pt_map(&rt_map, a, a, 1,
               a == 0x40000000 ? D_MEM | D_UXN : D_ATTR(ATTR_DEVICE) | D_AF | D_UXN);
    TLBI_ALL();
    devices();
    struct frame *f = RUN1(EL1H, c_ldr, 0x20000000);
    if (!rt_qemu)
        EQ(f->esr, ESR(EC_DABT, FSC_EXT));
    return 0;
}
