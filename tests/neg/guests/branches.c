/* Guests that never end by themselves: loops made of every kind of branch, and code that changes
 * what an engine that translates has to keep. An engine must notice a request wherever a guest
 * goes round, and nothing that the guest makes it keep may grow without bound. run.sh ends them
 * with a signal; LOOP says which. They run at EL1 with the MMU off; trap handlers of their own
 * stand in for start.S's where they are the loop. */
#include "guest.h"

#define CODE_AT (RAM + 0x1000000) /* 32 MiB that a guest fills with instructions */
#define CODE_BYTES 0x2000000ul

#define B(words) (0x14000000u | ((uint32_t)(words) & 0x3ffffff))
#define ADD_X0_X0(imm) (0x91000000u | (imm) << 10)
#define MOVZ_X1(imm) (0xd2800001u | (imm) << 5)
#define BR_X0 0xd61f0000u
#define RET 0xd65f03c0u

static volatile uint32_t *const code = (volatile uint32_t *)CODE_AT;

static void code_is_written(void)
{
    __asm__ volatile("dsb ish\n ic iallu\n dsb ish\n isb" ::: "memory");
}

static void line_is_written(volatile uint32_t *at)
{
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(at) : "memory");
}

static void jump(uint64_t to, uint64_t x0)
{
    register uint64_t arg __asm__("x0") = x0;
    __asm__ volatile("blr %1" : "+r"(arg) : "r"(to) : "x1", "x30", "memory");
}

/* Half a million basic blocks, each left by an indirect branch. */
static void code_everywhere(void)
{
    for (uint64_t i = 0; i < CODE_BYTES / 4; i += 16) {
        code[i] = ADD_X0_X0(64);
        code[i + 1] = BR_X0;
    }
    code[CODE_BYTES / 4 - 16] = RET;
    line_is_written(code);
    for (;;)
        jump(CODE_AT, CODE_AT);
}

/* Each turn runs code that has never been there: as if memory were full of programs. */
static void code_growing(void)
{
    for (uint64_t n = 0;; n++) {
        volatile uint32_t *at = code + n * 64 % (CODE_BYTES / 4);
        at[0] = MOVZ_X1((uint32_t)n & 0xffff);
        at[1] = B(2);
        at[3] = RET;
        line_is_written(at);
        jump((uint64_t)at, 0);
    }
}

/* Two pages of it, replaced before each call, by stores alone. */
static void code_overwritten(void)
{
    for (uint64_t n = 0;; n++) {
        for (unsigned i = 0; i < 1023; i++)
            code[i] = i % 8 == 7 ? B(1) : MOVZ_X1((uint32_t)(n + i) & 0xffff);
        code[1023] = B(1);
        code[1024] = RET;
        code_is_written();
        jump(CODE_AT, 0);
    }
}

__attribute__((noinline)) static uint64_t deep(uint64_t n)
{
    uint64_t below = n ? deep(n - 1) : 0;
    __asm__ volatile("" : "+r"(below)); /* not a tail call */
    return below + 1;
}

/* Vectors of 16 times 32 words; `entry` at each of them. */
static void vectors_of(uint32_t first, uint32_t second)
{
    for (unsigned i = 0; i < 16; i++) {
        code[32 * i] = first;
        code[32 * i + 1] = second;
    }
    code_is_written();
    __asm__ volatile("msr vbar_el1, %0\n isb" ::"r"(CODE_AT));
}

/* One page of tables maps the first gigabyte of devices and the second of RAM by blocks. */
static void mmu_on(void)
{
    static uint64_t table[512] __attribute__((aligned(4096)));
    table[0] = 0x401;                  /* AF, Attr 0 */
    table[1] = 0x40000000 | 0xf05;     /* nG, AF, inner shareable, Attr 1 */
    __asm__ volatile("msr mair_el1, %0\n msr tcr_el1, %1\n msr ttbr0_el1, %2\n isb\n"
                     "mrs x9, sctlr_el1\n orr x9, x9, #1\n msr sctlr_el1, x9\n isb" ::"r"(0xff00ul),
                     "r"(25ul | 25ul << 16 | 1ul << 23), "r"(table)
                     : "x9");
}

void guest_main(void)
{
#if defined(LOOP_bl_to_self)
    __asm__ volatile("1: bl 1b");
#elif defined(LOOP_blr_to_self)
    __asm__ volatile("adr x0, 1f\n 1: blr x0" ::: "x0");
#elif defined(LOOP_br_to_self)
    __asm__ volatile("adr x0, 1f\n 1: br x0" ::: "x0");
#elif defined(LOOP_ret_to_self)
    __asm__ volatile("adr x30, 1f\n 1: ret" ::: "x30");
#elif defined(LOOP_cbz_back)
    __asm__ volatile("1: cbz xzr, 1b");
#elif defined(LOOP_tbz_back)
    __asm__ volatile("1: nop\n tbz xzr, #40, 1b");
#elif defined(LOOP_bcond_back)
    __asm__ volatile("cmp xzr, xzr\n 1: b.eq 2f\n nop\n 2: b.ne 1b\n b.eq 1b");
#elif defined(LOOP_cross_pages)
    __asm__ volatile("1: b 2f\n .balign 4096\n nop\n 2: b 3f\n .balign 4096\n 3: b 1b");
#elif defined(LOOP_cross_pages_bl)
    __asm__ volatile("1: bl 2f\n .balign 4096\n nop\n 2: bl 3f\n .balign 4096\n 3: bl 1b");
#elif defined(LOOP_exclusive_load)
    __asm__ volatile("1: ldaxr x1, [x0]\n cbz xzr, 1b" ::"r"(RAM));
#elif defined(LOOP_deep_recursion)
    __asm__ volatile("mov sp, %0" ::"r"(RAM_END - 4096));
    for (;;)
        deep(100000);
#elif defined(LOOP_swapped_returns)
    /* each return goes to another place than its call came from */
    __asm__ volatile("1: bl 2f\n b 1b\n 2: add x0, x0, #1\n bl 3f\n b 1b\n 3: adr x30, 1b\n ret");
#elif defined(LOOP_eret_svc)
    vectors_of(0xd69f03e0, 0); /* eret */
    __asm__ volatile("msr spsr_el1, xzr\n adr x0, 1f\n msr elr_el1, x0\n eret\n 1: svc #0\n b 1b" ::
                         : "x0");
#elif defined(LOOP_svc_in_vector)
    vectors_of(0xd4000001, 0); /* svc #0 */
    __asm__ volatile("svc #0");
#elif defined(LOOP_tlbi_storm)
    mmu_on();
    for (uint64_t n = 0;; n++)
        __asm__ volatile("str %0, [%1]\n tlbi vmalle1\n tlbi vaae1, %0\n dsb ish\n isb\n"
                         "ldr x9, [%1]" ::"r"(n),
                         "r"(RAM + 0x800000 + n * 4096 % 0x1000000)
                         : "x9", "memory");
#elif defined(LOOP_address_spaces)
    mmu_on();
    for (uint64_t n = 0;; n++)
        __asm__ volatile("mrs x9, ttbr0_el1\n bfi x9, %0, #48, #8\n msr ttbr0_el1, x9\n isb\n"
                         "str x9, [%1]" ::"r"(n),
                         "r"(RAM + 0x800000 + n * 4096 % 0x1000000)
                         : "x9", "memory");
#elif defined(LOOP_fp_modes)
    for (uint64_t n = 0;; n++)
        __asm__ volatile("msr fpcr, %0\n .arch armv8-a\n fadd v0.4s, v0.4s, v1.4s\n"
                         "fadd d2, d3, d4\n"
                         "msr cpacr_el1, %1\n isb" ::"r"((n & 31) << 22),
                         "r"(3ul << 20));
#elif defined(LOOP_code_everywhere)
    code_everywhere();
#elif defined(LOOP_code_growing)
    code_growing();
#elif defined(LOOP_code_overwritten)
    code_overwritten();
#else
#error "LOOP_name"
#endif
    (void)deep;
    (void)line_is_written;
    (void)vectors_of;
    (void)mmu_on;
    (void)code_everywhere;
    (void)code_growing;
    (void)code_overwritten;
    for (;;)
        ;
}
