/* The runtime of the bare-metal programs in tests/prog.
 *
 * A program is one `main()` at EL1 on RAM at 0x40080000. It runs pieces of code at a chosen
 * Exception level with rt_enter(), which returns at the next exception with everything the
 * exception left behind, and compares with EQ(). Nothing here depends on the monitor: QEMU runs the
 * same programs.
 *
 * Memory: the image from 0x40080000; 0x42000000 to 0x43ffffff is for the programs (PT_POOL,
 * SCRATCH); a device tree may lie above that.
 */
#ifndef RT_H
#define RT_H

/* struct frame, for the assembler */
#define F_X 0
#define F_SP0 248
#define F_SP1 256
#define F_ELR 264
#define F_SPSR 272
#define F_ESR 280
#define F_FAR 288
#define F_VECTOR 296
#define F_PS 304
#define F_RTSP 368
#define F_ARMED 376

#define RT_STACK_BYTES 0x10000

#define DONE_IMM 0xffff /* SVC #DONE_IMM: the piece of code came to its end */

#define UART 0x09000000
#define RTC 0x09010000
#define GPIO 0x09030000
#define VIRTIO 0x0a000000
#define GICD 0x08000000
#define GICR 0x080a0000
#define PT_POOL 0x42000000
#define PT_POOL_BYTES 0x800000
#define SCRATCH 0x43000000
#define HOLE 0x60000000000 /* no memory and no device there */

#ifndef __ASSEMBLER__

typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;
typedef long s64;
typedef int s32;
#define bool _Bool
#define true 1
#define false 0
#define NULL ((void *)0)
#define BIT(n) (1ul << (n))
#define LEN(a) (sizeof(a) / sizeof(*(a)))

/* PSTATE as it was right after the exception was taken. */
struct entry_pstate {
    u64 nzcv, daif, pan, uao, dit, ssbs, spsel, currentel;
};

/* Everything about a context: what rt_enter() starts with and what the exception found. */
struct frame {
    u64 x[31];
    u64 sp_el0, sp_el1;
    u64 elr, spsr;
    u64 esr, far;
    u64 vector; /* 0..15: offset / 0x80 */
    struct entry_pstate ps;
    u64 rt_sp, armed; /* private */
};

_Static_assert(__builtin_offsetof(struct frame, ps) == F_PS, "rt.h: F_PS");
_Static_assert(__builtin_offsetof(struct frame, armed) == F_ARMED, "rt.h: F_ARMED");

enum {
    V_SYNC_SP0 = 0,
    V_IRQ_SP0,
    V_FIQ_SP0,
    V_SERR_SP0,
    V_SYNC_SPX,
    V_IRQ_SPX,
    V_FIQ_SPX,
    V_SERR_SPX,
    V_SYNC_LOW,
    V_IRQ_LOW,
    V_FIQ_LOW,
    V_SERR_LOW
};
enum { EL0T = 0, EL1T = 4, EL1H = 5 };
#define SPSR_DAIF 0x3c0u
#define SPSR_I 0x80u
#define SPSR_F 0x40u
#define SPSR_D 0x200u
#define SPSR_SS BIT(21)
#define SPSR_IL BIT(20)
#define SPSR_PAN BIT(22)
#define SPSR_UAO BIT(23)
#define SPSR_DIT BIT(24)
#define SPSR_SSBS BIT(12)

/* Exception classes (ESR_ELx.EC) */
enum {
    EC_UNKNOWN = 0,
    EC_WFX = 1,
    EC_FP = 7,
    EC_BTI = 0xd,
    EC_ILLEGAL = 0xe,
    EC_SVC = 0x15,
    EC_SYS = 0x18,
    EC_IABT_LOW = 0x20,
    EC_IABT = 0x21,
    EC_PC_ALIGN = 0x22,
    EC_DABT_LOW = 0x24,
    EC_DABT = 0x25,
    EC_SP_ALIGN = 0x26,
    EC_BRKPT_LOW = 0x30,
    EC_BRKPT = 0x31,
    EC_STEP_LOW = 0x32,
    EC_STEP = 0x33,
    EC_WATCH_LOW = 0x34,
    EC_WATCH = 0x35,
    EC_BRK = 0x3c
};
#define ESR(ec, iss) ((u64)(ec) << 26 | BIT(25) | (u64)(iss))
#define ESR_DONE ESR(EC_SVC, DONE_IMM)
#define ESR_UNDEFINED ESR(EC_UNKNOWN, 0)
#define EC_OF(f) ((f)->esr >> 26)
#define ISS_OF(f) ((f)->esr & 0x1ffffff)

/* ---- start.S ---- */
/* Runs the context in *f until it takes an exception that rt_irq does not handle; *f is then what
 * the exception found. */
void rt_enter(struct frame *f);
extern char rt_done[];   /* svc #DONE_IMM, executable at EL0 and EL1 */
extern char rt_vectors[];

/* ---- rt.c ---- */
extern void (*rt_irq)(struct frame *f); /* IRQ, FIQ, SError; null: they end rt_enter() */
extern u64 rt_dtb;
extern bool rt_qemu; /* this is the oracle, for checks that it is known to fail: see README */

/* A frame to run fn at `mode` with up to four arguments; D, A, I, F masked; fresh stacks. */
void rt_frame(struct frame *f, unsigned mode, const void *fn, u64 a0, u64 a1, u64 a2, u64 a3);
/* rt_frame + rt_enter in one static frame. */
struct frame *rt_run(unsigned mode, const void *fn, u64 a0, u64 a1, u64 a2, u64 a3);
#define RUN0(mode, fn) rt_run(mode, fn, 0, 0, 0, 0)
#define RUN1(mode, fn, a) rt_run(mode, fn, (u64)(a), 0, 0, 0)
#define RUN2(mode, fn, a, b) rt_run(mode, fn, (u64)(a), (u64)(b), 0, 0)
#define RUN3(mode, fn, a, b, c) rt_run(mode, fn, (u64)(a), (u64)(b), (u64)(c), 0)

void put(const char *fmt, ...); /* %s, %x (u64), %d (int) */
void rt_fail(const char *file, int line, const char *what, u64 got, u64 want);
void rt_off(void) __attribute__((noreturn)); /* prints the result and powers off */
void rt_note(const char *what, u64 value);   /* printed with the next failures, until changed */

#define EQ(got, want)                                                                              \
    do {                                                                                           \
        u64 got_ = (u64)(got), want_ = (u64)(want);                                                \
        if (got_ != want_)                                                                         \
            rt_fail(__FILE_NAME__, __LINE__, #got, got_, want_);                                   \
    } while (0)
#define TRUE(what) EQ(!!(what), 1)
/* The piece of code ran to its end. */
#define RAN(f) EQ((f)->esr, ESR_DONE)

void *memset(void *p, int c, unsigned long n);
void *memcpy(void *d, const void *s, unsigned long n);

int main(void);

/* A piece of code for rt_run(), executable at EL0 and EL1; falls into SVC #DONE_IMM. */
#define CODE(name, text)                                                                           \
    asm(".pushsection .utext, \"ax\"\n.balign 4\n.global " #name "\n" #name ":\n" text             \
        "\nsvc #0xffff\n.popsection\n");                                                           \
    extern char name[]

#define MRS(reg)                                                                                   \
    ({                                                                                             \
        u64 v_;                                                                                    \
        asm volatile("mrs %0, " #reg : "=r"(v_)::"memory");                                        \
        v_;                                                                                        \
    })
#define MSR(reg, val)                                                                              \
    do {                                                                                           \
        u64 v_ = (u64)(val);                                                                       \
        asm volatile("msr " #reg ", %0\nisb" ::"r"(v_) : "memory");                                \
    } while (0)
#define ISB() asm volatile("isb" ::: "memory")
#define DSB() asm volatile("dsb sy" ::: "memory")
#define TLBI_ALL() asm volatile("dsb sy\ntlbi vmalle1\ndsb sy\nisb" ::: "memory")

static inline u32 r32(u64 a)
{
    u32 v;
    asm volatile("ldr %w0, [%1]" : "=r"(v) : "r"(a) : "memory");
    return v;
}
static inline void w32(u64 a, u32 v)
{
    asm volatile("str %w0, [%1]" ::"r"(v), "r"(a) : "memory");
}
static inline u64 r64(u64 a)
{
    u64 v;
    asm volatile("ldr %0, [%1]" : "=r"(v) : "r"(a) : "memory");
    return v;
}
static inline void w64(u64 a, u64 v)
{
    asm volatile("str %0, [%1]" ::"r"(v), "r"(a) : "memory");
}
static inline u32 r8(u64 a)
{
    u32 v;
    asm volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(a) : "memory");
    return v;
}
static inline void w8(u64 a, u32 v)
{
    asm volatile("strb %w0, [%1]" ::"r"(v), "r"(a) : "memory");
}
static inline u64 hvc(u64 x0, u64 x1, u64 x2, u64 x3)
{
    register u64 r0 asm("x0") = x0, r1 asm("x1") = x1, r2 asm("x2") = x2, r3 asm("x3") = x3;
    asm volatile("hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::"memory");
    return r0;
}
/* Makes [p, p + bytes) that was just written executable. */
static inline void sync_code(void *p, u64 bytes)
{
    for (u64 a = (u64)p & ~63ul; a < (u64)p + bytes; a += 64)
        asm volatile("dc cvau, %0\ndsb ish\nic ivau, %0" ::"r"(a) : "memory");
    asm volatile("dsb ish\nisb" ::: "memory");
}

/* ---- pt.c: translation tables ---- */

/* Descriptor bits */
#define D_VALID BIT(0)
#define D_TABLE BIT(1) /* table, or page at level 3 */
#define D_ATTR(i) ((u64)(i) << 2)
#define D_EL0 BIT(6) /* AP[1] */
#define D_RO BIT(7)  /* AP[2] */
#define D_SH BIT(8) * 3
#define D_AF BIT(10)
#define D_NG BIT(11)
#define D_GP BIT(50)
#define D_DBM BIT(51)
#define D_CONT BIT(52)
#define D_PXN BIT(53)
#define D_UXN BIT(54)
#define D_PXN_TABLE BIT(59)
#define D_UXN_TABLE BIT(60)
#define D_AP0_TABLE BIT(61)
#define D_AP1_TABLE BIT(62)
#define D_PA 0x0000fffffffff000ul
/* MAIR_EL1 as rt_mmu_on() sets it */
#define ATTR_DEVICE 0 /* nGnRnE */
#define ATTR_NORMAL 1
#define ATTR_NC 2
#define ATTR_GRE 3
#define ATTR_WT 4
#define MAIR_VALUE 0xbb0c44ff00ul
#define D_MEM (D_ATTR(ATTR_NORMAL) | 3u << 8 | D_AF)
#define D_DEV (D_ATTR(ATTR_DEVICE) | D_AF | D_PXN | D_UXN)

struct pt {
    unsigned grain; /* log2 of the page size: 12, 14, 16 */
    unsigned tsz;
    unsigned level; /* of the first table */
    u64 root;       /* for TTBR, aligned to its size */
};

/* An empty map. Tables come from PT_POOL and are never given back. */
void pt_init(struct pt *p, unsigned grain, unsigned tsz);
/* The entry for va at `level`; makes the tables above. */
u64 *pt_entry(struct pt *p, u64 va, unsigned level);
/* Maps one block or page at `level`. */
void pt_map(struct pt *p, u64 va, u64 pa, unsigned level, u64 attrs);
/* log2 of the size that an entry of `level` maps. */
static inline unsigned pt_shift(const struct pt *p, unsigned level)
{
    return (3 - level) * (p->grain - 3) + p->grain;
}
/* Identity map of devices and the programs' memory: image by its sections (code read-only), the
 * rest of 0x40000000 to
 * 0x4fffffff EL1 read, write, execute. */
void pt_identity(struct pt *p);
void pt_reset(void); /* frees the whole pool */
/* MMU on with an identity map by 4 KiB granule, T0SZ = 25, TTBR1 disabled, caches on. */
void rt_mmu_on(void);
extern struct pt rt_map; /* that map */
/* TCR_EL1 fields */
#define TCR_T0SZ(n) ((u64)(n))
#define TCR_T1SZ(n) ((u64)(n) << 16)
#define TCR_TG0(grain) ((grain) == 12 ? 0ul : (grain) == 14 ? 2ul << 14 : 1ul << 14)
#define TCR_TG1(grain) ((grain) == 12 ? 2ul << 30 : (grain) == 14 ? 1ul << 30 : 3ul << 30)
#define TCR_WALK0 (3ul << 12 | 1ul << 10 | 1ul << 8)
#define TCR_WALK1 (3ul << 28 | 1ul << 26 | 1ul << 24)
#define TCR_IPS48 (5ul << 32)
#define TCR_A1 BIT(22)
#define TCR_EPD0 BIT(7)
#define TCR_EPD1 BIT(23)
#define TCR_AS BIT(36)
#define TCR_TBI0 BIT(37)
#define TCR_TBI1 BIT(38)
#define TCR_HA BIT(39)
#define TCR_HD BIT(40)
#define TCR_HPD0 BIT(41)
#define TCR_HPD1 BIT(42)
#define TCR_E0PD0 BIT(55)
#define TCR_E0PD1 BIT(56)
#define TCR_BASE (TCR_T0SZ(25) | TCR_WALK0 | TCR_IPS48)
#define SCTLR_M BIT(0)
#define SCTLR_A BIT(1)
#define SCTLR_C BIT(2)
#define SCTLR_SA BIT(3)
#define SCTLR_SA0 BIT(4)
#define SCTLR_NAA BIT(6)
#define SCTLR_UMA BIT(9)
#define SCTLR_I BIT(12)
#define SCTLR_DZE BIT(14)
#define SCTLR_UCT BIT(15)
#define SCTLR_NTWI BIT(16)
#define SCTLR_NTWE BIT(18)
#define SCTLR_WXN BIT(19)
#define SCTLR_SPAN BIT(23)
#define SCTLR_UCI BIT(26)
#define SCTLR_DSSBS BIT(44)
#define SCTLR_BT0 BIT(35)
#define SCTLR_BT1 BIT(36)
#define SCTLR_RES1 (BIT(29) | BIT(28) | BIT(22) | BIT(20) | BIT(11) | BIT(8) | BIT(7))

/* ---- Memory of the program that EL0 may use (.udata), page aligned ---- */
#define UDATA __attribute__((section(".udata"), aligned(16)))
extern u8 rt_user_page[2][4096]; /* EL0 read-write with rt_mmu_on() */

#endif
#endif
