/* The half of the EL1 test that runs at EL2 of another implementation (QEMU's virt machine with
 * virtualization=on; nothing else of the machine is used but PSCI): a batch of trials, then power
 * off. The host reads and writes the batch through the file that is this machine's RAM. */
#include "trial.h"

void runner_main(void);
void runner_failed(uint64_t esr, uint64_t elr) __attribute__((noreturn));
void runner_enter(struct el1_state *s);
void *memcpy(void *d, const void *s, unsigned long n);

#define BATCH ((volatile struct el1_batch *)EL1_BATCH)

void *memcpy(void *d, const void *s, unsigned long n)
{
    uint64_t *q = d;
    const uint64_t *r = s;
    for (unsigned long i = 0; i < n / 8; i++)
        q[i] = r[i];
    return d;
}

static void power_off(void)
{
    register uint64_t x0 __asm__("x0") = 0x84000008;
    __asm__ volatile("smc #0" : "+r"(x0)::"memory");
    for (;;)
        __asm__ volatile("wfi");
}

void runner_failed(uint64_t esr, uint64_t elr)
{
    BATCH->error = esr;
    BATCH->where = elr;
    power_off();
    for (;;)
        ;
}

static void put64(uint64_t at, uint64_t value)
{
    *(volatile uint64_t *)at = value;
}

static uint64_t get64(uint64_t at)
{
    return *(volatile uint64_t *)at;
}

/* What read_regs() read last. */
static uint64_t now[EL1_REGS];

/* Those that differ: each write makes an emulator leave its translated code, and that of SCTLR_EL1,
 * TCR_EL1 and others forget all translations. */
static void write_regs(const uint64_t *sys)
{
#define EL1REG(name, op0, op1, crn, crm, op2)                                                      \
    if (sys[EL1_##name] != now[EL1_##name])                                                        \
        __asm__ volatile("msr s" #op0 "_" #op1 "_c" #crn "_c" #crm "_" #op2                        \
                         ", %0" ::"r"(sys[EL1_##name]) : "memory");
#include "regs.def"
}

static void read_regs(uint64_t *sys)
{
#define EL1REG(name, op0, op1, crn, crm, op2)                                                      \
    __asm__ volatile("mrs %0, s" #op0 "_" #op1 "_c" #crn "_c" #crm "_" #op2                        \
                     : "=r"(sys[EL1_##name])::"memory");
#include "regs.def"
}

static void write_words(const struct el1_trial *t)
{
    volatile uint32_t *code = (volatile uint32_t *)EL1_CODE;
    for (unsigned i = 0; i <= EL1_WORDS; i++) {
        uint32_t word = i < t->count ? t->word[i] : EL1_HVC;
        if (code[i] != word)
            code[i] = word;
    }
}

static void run(const struct el1_trial *t, struct el1_result *r)
{
    write_words(t);
    for (unsigned i = 0; i < EL1_ENTRIES; i++)
        if (t->entry[i].pa)
            put64(t->entry[i].pa, t->entry[i].value);
    r->state = t->state;
    write_regs(r->state.sys);
    __asm__ volatile("msr oslar_el1, xzr" ::: "memory");
    if (t->kind >= 3) /* EL1_WALK_KIND, EL1_PAIR_KIND: the others run with the MMU off */
        __asm__ volatile("dsb sy\ntlbi alle1" ::: "memory");
    __asm__ volatile("ic iallu\ndsb sy\nisb" ::: "memory");
    runner_enter(&r->state);
    __asm__ volatile("mrs %0, esr_el2" : "=r"(r->ec));
    r->ec >>= 26;
    read_regs(now);
    memcpy(r->state.sys, now, sizeof(now));
    for (unsigned i = 0; i < EL1_ENTRIES; i++) {
        r->entry[i] = t->entry[i].pa ? get64(t->entry[i].pa) : 0;
        if (t->entry[i].pa)
            put64(t->entry[i].pa, 0);
    }
    for (unsigned i = 0; i < EL1_WINDOW; i++) {
        r->data[i] = get64(t->window + 8 * i);
        if (r->data[i] != ((uint64_t)EL1_HVC << 32 | EL1_HVC))
            put64(t->window + 8 * i, (uint64_t)EL1_HVC << 32 | EL1_HVC);
    }
}

/* Pages that never change. machine.c has the same. */
static void make_map(void)
{
    const uint64_t l2 = EL1_FIXED + 0x1000, l3 = EL1_FIXED + 0x2000;
    for (unsigned i = 0; i < 16; i++)
        *(volatile uint32_t *)(EL1_VECTORS + 0x80 * i) = EL1_HVC;
    for (uint64_t a = EL1_DATA; a < EL1_DATA + EL1_DATA_BYTES; a += 8)
        put64(a, (uint64_t)EL1_HVC << 32 | EL1_HVC);
    put64(EL1_FIXED + (EL1_CODE >> 30) * 8, l2 | 3);
    put64(l2 + (EL1_CODE >> 21 & 511) * 8, l3 | 3);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t desc = i == 2 ? EL1_CODE | 1ull << 53 | 1ull << 6
                               : (EL1_CODE + i * 0x1000) | 1ull << 54;
        put64(l3 + ((EL1_CODE >> 12 & 511) + i) * 8, desc | 1 << 10 | 3 << 8 | 1 << 7 | 7 << 2 | 3);
    }
}

void runner_main(void)
{
    __asm__ volatile("msr hcr_el2, %0\nmsr sctlr_el2, %1\nmsr mdcr_el2, xzr\n"
                     "msr cntvoff_el2, xzr\nmsr cnthctl_el2, %2\nisb"
                     ::"r"(1ull << 31), "r"(0x30c50830ull), "r"(3ull));
    make_map();
    read_regs(now);
    for (uint64_t i = 0; i < BATCH->count; i++) {
        run((const struct el1_trial *)&BATCH->trial[i], (struct el1_result *)&BATCH->result[i]);
        BATCH->done = i + 1;
    }
    power_off();
}
