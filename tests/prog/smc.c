/* Self-modifying code: what the architecture promises after DC CVAU, IC IVAU, DSB, ISB (Arm ARM
 * B2.4.4), with every kind of store, through other mappings, and beside data in one page. */
#include "mm.h"

#define MOV(n) (0xd2800000u | (u32)((n) & 0xffff) << 5) /* mov x0, #n */
#define RET 0xd65f03c0u
#define NOP 0xd503201fu

static u64 call(u64 at)
{
    u64 (*f)(void) = (u64(*)(void))at;
    return f();
}

static void put_function(u64 at, unsigned n)
{
    w32(at, MOV(n));
    w32(at + 4, RET);
}

/* ---- One location, again and again ---- */

static void again(void)
{
    u64 at = SCRATCH;
    put_function(at, 0);
    sync_code((void *)at, 8);
    for (unsigned i = 1; i <= 1000; i++) {
        w32(at, MOV(i));
        sync_code((void *)at, 4);
        EQ(call(at), i);
    }
    for (unsigned i = 1; i <= 1000; i++) { /* IC IALLU instead */
        w32(at, MOV(i));
        asm volatile("dc cvau, %0\ndsb ish\nic iallu\ndsb ish\nisb" ::"r"(at) : "memory");
        EQ(call(at), i);
    }
    for (unsigned i = 1; i <= 300; i++) { /* a fresh place each time: the whole page fills */
        put_function(at + i * 8, i);
        sync_code((void *)(at + i * 8), 8);
        EQ(call(at + i * 8), i);
    }
}

/* ---- Kinds of stores ---- */

static void stores(void)
{
    u64 at = SCRATCH + 0x1000;
    u32 a = MOV(0x1111), b = MOV(0x2222);
    for (unsigned kind = 0; kind < 14; kind++) {
        rt_note("kind of store", kind);
        w32(at, a);
        w32(at + 4, NOP);
        w32(at + 8, NOP);
        w32(at + 12, RET);
        sync_code((void *)at, 16);
        EQ(call(at), 0x1111);
        u64 pair = b | (u64)NOP << 32, pair2 = NOP | (u64)RET << 32, status, old;
        switch (kind) {
        case 0:
            for (unsigned i = 0; i < 4; i++)
                w8(at + i, b >> 8 * i & 0xff);
            break;
        case 1:
            asm volatile("strh %w0, [%1]\nstrh %w2, [%1, #2]" ::"r"(b), "r"(at), "r"(b >> 16)
                         : "memory");
            break;
        case 2:
            w64(at, pair);
            break;
        case 3:
            asm volatile("stp %0, %1, [%2]" ::"r"(pair), "r"(pair2), "r"(at) : "memory");
            break;
        case 4:
            asm volatile("fmov d0, %0\nmov v0.d[1], %1\nstr q0, [%2]" ::"r"(pair), "r"(pair2),
                         "r"(at)
                         : "memory");
            break;
        case 5:
            asm volatile("swp %w0, %w1, [%2]" ::"r"(b), "r"(old = 0), "r"(at) : "memory");
            break;
        case 6:
            asm volatile("1: ldxr %w0, [%2]\nstxr %w0, %w1, [%2]\ncbnz %w0, 1b"
                         : "=&r"(status)
                         : "r"(b), "r"(at)
                         : "memory");
            break;
        case 7:
            asm volatile("cas %w0, %w1, [%2]" : : "r"(a), "r"(b), "r"(at) : "memory");
            break;
        case 8:
            asm volatile("stlr %w0, [%1]" ::"r"(b), "r"(at) : "memory");
            break;
        case 9: /* over the middle of two instructions */
            asm volatile("stur %0, [%1, #-2]" ::"r"((u64)b << 16 | r32(at - 2) % 65536 |
                                                    (u64)(NOP & 0xffff) << 48),
                         "r"(at)
                         : "memory");
            break;
        case 10:
            asm volatile("fmov s0, %w0\nst1 {v0.s}[0], [%1]" ::"r"(b), "r"(at) : "memory");
            break;
        case 11:
            asm volatile("ldeor %w0, %w0, [%1]" ::"r"(a ^ b), "r"(at) : "memory");
            break;
        case 12:
            asm volatile("stnp %w0, %w1, [%2]" ::"r"(b), "r"(NOP), "r"(at) : "memory");
            break;
        default:
            asm volatile("str %w0, [%1], #4" : "+r"(b), "+r"(at)::"memory");
            at -= 4;
        }
        sync_code((void *)(at - 64), 128);
        EQ(call(at), 0x2222);
    }
    rt_note(NULL, 0);
    /* DC ZVA makes UDF #0 of it */
    RUN1(EL1H, (void *)at, 0);
    asm volatile("dc zva, %0" ::"r"(at) : "memory");
    sync_code((void *)at, 64);
    struct frame *f = RUN0(EL1H, (void *)at);
    EQ(f->esr, ESR_UNDEFINED);
    EQ(f->elr, at);
}

/* ---- Patching what runs ---- */

CODE(c_patch, "mov x9, #0\n"
              "1: mov x0, #1\n" /* becomes mov x0, #2, in its own loop */
              "add x9, x9, x0\n"
              "adr x10, 1b\n"
              "str w1, [x10]\n"
              "dc cvau, x10\ndsb ish\nic ivau, x10\ndsb ish\nisb\n"
              "subs x2, x2, #1\n"
              "b.ne 1b\n"
              "mov x0, x9");
CODE(c_ahead, "adr x10, 1f\nstr w1, [x10]\ndc cvau, x10\ndsb ish\nic ivau, x10\ndsb ish\nisb\n"
              "1: mov x0, #1\nmov x3, #1\nadr x10, 1b\nstr w2, [x10]\ndc cvau, x10\ndsb ish\n"
              "ic ivau, x10\ndsb ish\nisb");
CODE(c_counter, "adr x1, 2f\nmov x2, #10000\n1: ldr x0, [x1]\nadd x0, x0, #1\nstr x0, [x1]\n"
                "subs x2, x2, #1\nb.ne 1b\nb 3f\n.balign 8\n2: .quad 0\n3: ldr x0, [x1]");

/* Runs a copy of the code at `at`, which is writable. */
static struct frame *copy_run(const char *code, u64 at, u64 x1, u64 x2)
{
    for (unsigned i = 0; i < 64; i++)
        w32(at + 4 * i, r32((u64)code + 4 * i));
    sync_code((void *)at, 256);
    static struct frame f;
    rt_frame(&f, EL1H, (void *)at, 0, x1, x2, 0);
    rt_enter(&f);
    return &f;
}

static void running(void)
{
    for (unsigned i = 0; i < 100; i++) {
        u64 at = SCRATCH + 0x2000 + i * 8; /* some copies cross pages */
        if (i >= 50)
            at = SCRATCH + 0x4000 - 128 + (i - 50) * 4;
        struct frame *f = copy_run(c_patch, at, MOV(2), 10);
        RAN(f);
        EQ(f->x[0], 1 + 9 * 2);
        f = copy_run(c_ahead, at, MOV(i), MOV(1));
        RAN(f);
        EQ(f->x[0], i);
    }
    /* data beside code, without maintenance */
    struct frame *f = copy_run(c_counter, SCRATCH + 0x5000, 0, 0);
    RAN(f);
    EQ(f->x[0], 10000);
    f = copy_run(c_counter, SCRATCH + 0x5000, 0, 0);
    EQ(f->x[0], 10000);
}

/* ---- Other mappings of the same memory ---- */

static void aliases(void)
{
    struct pt p;
    pt_init(&p, 12, 25);
    u64 exec = mm_upper(&p) + 0x1000000, write = exec + 0x5000000, pa = SCRATCH + 0x6000;
    pt_map(&p, exec, pa, 3, D_MEM | D_RO);
    pt_map(&p, exec + 4096, pa + 4096, 3, D_MEM | D_RO);
    pt_map(&p, write, pa, 3, D_MEM | D_PXN);
    pt_map(&p, write + 4096, pa + 4096, 3, D_MEM | D_PXN);
    mm_ttbr1(&p, 0, 0);
    put_function(pa, 0);
    for (unsigned i = 1; i <= 1000; i++) {
        w32(write, MOV(i));
        sync_code((void *)write, 4); /* by the address it was written through */
        EQ(call(exec), i);
    }
    for (unsigned i = 1; i <= 200; i++) {
        w32(pa, MOV(i)); /* by the identity map, maintenance by the executed address */
        sync_code((void *)exec, 4);
        EQ(call(exec), i);
    }
    /* a function over the end of a page, its second half patched */
    w32(pa + 4092, NOP);
    w32(pa + 4096, MOV(1));
    w32(pa + 4100, RET);
    sync_code((void *)(pa + 4092), 12);
    EQ(call(exec + 4092), 1);
    for (unsigned i = 2; i < 200; i++) {
        w32(write + 4096, MOV(i));
        sync_code((void *)(write + 4096), 4);
        EQ(call(exec + 4092), i);
    }
    /* two pages exchange their places */
    u64 *a = pt_entry(&p, exec, 3), *b = pt_entry(&p, exec + 4096, 3);
    put_function(pa, 111);
    put_function(pa + 4096, 222);
    sync_code((void *)pa, 8);
    sync_code((void *)(pa + 4096), 8);
    for (unsigned i = 0; i < 100; i++) {
        EQ(call(exec), i & 1 ? 222 : 111);
        EQ(call(exec + 4096), i & 1 ? 111 : 222);
        u64 x = *a, y = *b;
        *a = *b = 0;
        TLBI(vaae1, exec >> 12 & 0xfffffffffff);
        TLBI(vaae1, (exec + 4096) >> 12 & 0xfffffffffff);
        *a = y;
        *b = x;
        DSB();
        ISB();
    }
}

/* Many pages of code, each written, run, rewritten: as a program loader does. */
static void pages(void)
{
    u64 base = SCRATCH + 0x100000;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 256; i++) {
            u64 at = base + i * 4096 + (i & 15) * 256;
            put_function(at, i * 3 + round);
            sync_code((void *)at, 8);
            if (i >= 10) {
                unsigned k = i - 10;
                EQ(call(base + k * 4096 + (k & 15) * 256), k * 3 + round);
            }
        }
}

/* EL0 with UCI = 1 does its own maintenance. */
CODE(c_user, "str w1, [x0]\nstr w2, [x0, #4]\ndc cvau, x0\ndsb ish\nic ivau, x0\ndsb ish\nisb\n"
             "mov x9, x30\nblr x0\nmov x30, x9");

static void user(void)
{
    struct pt p;
    pt_init(&p, 12, 25);
    u64 va = mm_upper(&p);
    pt_map(&p, va, SCRATCH + 0x9000, 3, D_MEM | D_EL0 | D_PXN);
    mm_ttbr1(&p, 0, 0);
    MSR(sctlr_el1, MRS(sctlr_el1) | SCTLR_UCI);
    for (unsigned i = 0; i < 500; i++) {
        struct frame *f = RUN3(EL0T, c_user, va + (i % 7) * 16, MOV(i), RET);
        RAN(f);
        EQ(f->x[0], i);
    }
}

int main(void)
{
    again();
    rt_mmu_on();
    again();
    stores();
    running();
    aliases();
    pages();
    user();
    return 0;
}
