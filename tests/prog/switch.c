/* A small preemptive scheduler: four EL0 tasks with maps of their own, switched by the timer at any
 * instruction; each checks its registers, its flags, its memory and shared counters for ever. */
#include "gic.h"
#include "mm.h"

#define TASKS 4
#define VIRT 27
#define SWITCHES 1000

/* x0: seed, x1: the task's page (the same address in all tasks), x2: shared counters */
CODE(c_task, "mov x29, #0\n"
             "1:\n"
             "add x3, x0, #3\nadd x4, x0, #4\nadd x5, x0, #5\nadd x6, x0, #6\nadd x7, x0, #7\n"
             "add x8, x0, #8\nadd x9, x0, #9\nadd x10, x0, #10\nadd x11, x0, #11\n"
             "add x12, x0, #12\nfmov d8, x3\nfmov d31, x12\ndup v9.4s, w5\n"
             "str x5, [x1]\nstp x6, x7, [x1, #8]\nstr q9, [x1, #32]\n"
             /* a flag that must survive some instructions */
             "cmp xzr, xzr\nnop\nnop\nmul x13, x3, x4\nb.ne 9f\n"
             /* a loop of loads and stores */
             "mov x14, #50\nmov x15, #0\n2: ldr x16, [x1]\nadd x15, x15, x16\n"
             "subs x14, x14, #1\nb.ne 2b\n"
             "mov x16, #50\nmul x16, x16, x5\ncmp x15, x16\nb.ne 9f\n"
             /* the shared counters, by exclusives and by an atomic */
             "3: ldxr x17, [x2]\nadd x17, x17, #1\nstxr w18, x17, [x2]\ncbnz w18, 3b\n"
             "add x19, x2, #8\nmov x20, #1\nstadd x20, [x19]\n"
             /* everything as it was? */
             "fmov x21, d8\ncmp x21, x3\nb.ne 9f\nfmov x21, d31\ncmp x21, x12\nb.ne 9f\n"
             "umov w21, v9.s[3]\ncmp w21, w5\nb.ne 9f\n"
             "ldp x21, x22, [x1, #8]\ncmp x21, x6\nb.ne 9f\n"
             "cmp x22, x7\nb.ne 9f\nldr q10, [x1, #32]\numov w21, v10.s[2]\ncmp w21, w5\nb.ne 9f\n"
             "sub x21, x11, #11\ncmp x21, x0\nb.ne 9f\nmul x22, x3, x4\ncmp x22, x13\nb.ne 9f\n"
             "add x29, x29, #1\nstr x29, [x1, #64]\nadr x23, 1b\nbr x23\n"
             "9: brk #9");

struct task {
    struct frame f;
    u64 v[32][2];
    u64 ttbr;
};

static struct task tasks[TASKS];
static unsigned current, switches;
static u64 period;

static void save_vectors(u64 (*v)[2])
{
    asm volatile("stp q0, q1, [%0]\nstp q8, q9, [%0, #128]\nstp q10, q11, [%0, #160]\n"
                 "stp q30, q31, [%0, #480]" ::"r"(v)
                 : "memory");
}

static void load_vectors(u64 (*v)[2])
{
    asm volatile("ldp q0, q1, [%0]\nldp q8, q9, [%0, #128]\nldp q10, q11, [%0, #160]\n"
                 "ldp q30, q31, [%0, #480]" ::"r"(v)
                 : "memory");
}

static void context(struct frame *to, const struct frame *from)
{
    memcpy(to->x, from->x, sizeof(to->x));
    to->sp_el0 = from->sp_el0;
    to->elr = from->elr;
    to->spsr = from->spsr;
}

static void tick(struct frame *f)
{
    u32 intid = (u32)ICC_READ(ICC_IAR1);
    if (intid != VIRT)
        return;
    MSR(cntv_tval_el0, period + switches % 97 * 64);
    ICC_WRITE(ICC_EOIR1, intid);
    if (++switches == SWITCHES) {
        f->elr = (u64)rt_done; /* ends rt_enter() */
        MSR(cntv_ctl_el0, 0);
        context(&tasks[current].f, f);
        return;
    }
    context(&tasks[current].f, f);
    save_vectors(tasks[current].v);
    current = (current + 1 + switches % 3) % TASKS;
    context(f, &tasks[current].f);
    load_vectors(tasks[current].v);
    MSR(ttbr1_el1, tasks[current].ttbr);
}

int main(void)
{
    struct pt p[TASKS];
    u64 va = 0;
    rt_mmu_on();
    u64 *shared = (u64 *)rt_user_page[0];
    for (unsigned i = 0; i < TASKS; i++) {
        pt_init(&p[i], 12, 25);
        va = mm_upper(&p[i]) + 0x5000;
        pt_map(&p[i], va, SCRATCH + i * 0x1000, 3, D_MEM | D_EL0 | D_NG | D_PXN | D_UXN);
        rt_frame(&tasks[i].f, EL0T, c_task, (i + 1) * 0x1234567890, va, (u64)shared, 0);
        tasks[i].f.spsr = EL0T;
        tasks[i].ttbr = p[i].root | (u64)(i + 1) << 48;
        w64(SCRATCH + i * 0x1000 + 64, 0);
    }
    mm_ttbr1(&p[0], 1, TCR_A1);
    shared[0] = shared[1] = 0;
    gic_init();
    gic_enable(VIRT, 0x80);
    period = MRS(cntfrq_el0) / 8000; /* 0.125 ms: long enough for the slowest engine to get on */
    rt_irq = tick;
    struct frame f = tasks[0].f;
    MSR(cntv_tval_el0, period);
    MSR(cntv_ctl_el0, 1);
    rt_enter(&f);
    RAN(&f);
    EQ(switches, SWITCHES);
    u64 rounds = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        u64 n = r64(SCRATCH + i * 0x1000 + 64);
        TRUE(n > 10);
        rounds += n;
    }
    /* each round counts once in both counters; tasks may stand between the two */
    TRUE(shared[0] - rounds <= TASKS);
    TRUE(shared[1] - rounds <= TASKS);
    return 0;
}
