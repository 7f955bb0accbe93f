/* A machine that is saved, and loaded into another one built the same way, goes on as if nothing
 * had happened: the same instructions, the same interrupts at the same instructions, the same
 * output.
 *
 * The first guest uses timers, the interrupt controller, the UART, the real-time clock, the PMU,
 * exclusives and self-modifying code, and folds all that it sees, also time, into a checksum. With
 * counted time each of its runs is the same, so that a machine that was transplanted at many
 * points can be compared byte by byte with one that ran through. The second reads a disk. */
#include "machine_test.h"

#include "dev/gicv3.h"
#include "dev/psci.h"
#include "vm/vm_state.h"

#include <errno.h>
#include <time.h>

#define HANDLER_AT 0x200u /* word index of the vectors: 2 KiB */
#define CHECKSUM (MACHINE_DATA + 0x2000)
#define TABLE (MACHINE_DATA + 0x4000)
#define STACK (MACHINE_DATA + 0x8000)
#define PASSES 400u
#define POINTS 40u
#define SAVED_BYTES (UINT64_C(7) << 19) /* of RAM: nothing above changes but by a reset */

#define INTID_SGI 5u
#define INTID_PMU (16 + VIRT_PPI_PMU)
#define INTID_VIRT (16 + VIRT_PPI_TIMER_VIRT)
#define INTID_PHYS (16 + VIRT_PPI_TIMER_PHYS)
#define INTID_UART (32 + VIRT_SPI_UART)
#define INTID_RTC (32 + VIRT_SPI_RTC)

/* Registers that both the program and its handler know. */
enum { R_SUM = 20, R_PASS, R_MUL, R_UART, R_RTC, R_DATA, R_PATCH };

static void fold(struct code *c, unsigned rn) /* sum = sum * mul + Xn */
{
    I(c, MADD, 1, R_MUL, rn, R_SUM, R_SUM);
}

static void power_off(struct code *c)
{
    li(c, 0, PSCI_SYSTEM_OFF);
    I(c, HVC, 0);
}

/* ---- The first guest ---- */

/* If X0 = intid: the body that follows, up to case_end(). */
static unsigned case_of(struct code *c, unsigned intid)
{
    I(c, SUBS_i, 1, 0, intid, 0, XZR);
    return I(c, B_cond, 0, COND_NE);
}

static void rearm(struct code *c, enum a64_sysreg cval, uint64_t period)
{
    emit(c, word_mrs(cval, 3));
    li(c, 4, period);
    I(c, ADD_s, 1, 0, 4, 0, 3, 3);
    emit(c, word_msr(cval, 3));
}

static void handle_uart(struct code *c)
{
    I(c, LDR_i, 0, 0x40 / 4, R_UART, 3); /* MIS */
    fold(c, 3);
    I(c, STR_i, 0, 0x44 / 4, R_UART, 3); /* ICR */
    unsigned loop = here(c);
    I(c, LDR_i, 0, 0x18 / 4, R_UART, 3); /* FR */
    I(c, UBFM, 1, 1, 4, 4, 3, 3);        /* RXFE */
    unsigned empty = I(c, CBNZ, 1, 0, 3);
    I(c, LDR_i, 0, 0, R_UART, 3);
    fold(c, 3);
    I(c, STR_i, 0, 0, R_UART, 3); /* echo */
    b(c, loop);
    label(c, empty);
}

static void handle_interrupt(struct code *c)
{
    I(c, SUB_i, 1, 0, 64, SP, SP);
    I(c, STP_off, 1, 0, 1, SP, 0);
    I(c, STP_off, 1, 2, 3, SP, 2);
    I(c, STP_off, 1, 4, 5, SP, 4);
    emit(c, word_mrs(A64_ICC_IAR1_EL1, 0));
    emit(c, word_mrs(A64_CNTVCT_EL0, 1));
    emit(c, word_mrs(A64_ELR_EL1, 2));
    fold(c, 0);
    fold(c, 1);
    fold(c, 2);
    unsigned next = case_of(c, INTID_VIRT);
    rearm(c, A64_CNTV_CVAL_EL0, 3001);
    label(c, next);
    next = case_of(c, INTID_PHYS);
    rearm(c, A64_CNTP_CVAL_EL0, 177000003);
    label(c, next);
    next = case_of(c, INTID_UART);
    handle_uart(c);
    label(c, next);
    next = case_of(c, INTID_RTC);
    li(c, 3, 1);
    I(c, STR_i, 0, 0x1c / 4, R_RTC, 3); /* ICR */
    I(c, LDR_i, 0, 0, R_RTC, 4);
    I(c, ADD_i, 0, 0, 1, 4, 4);
    I(c, STR_i, 0, 4 / 4, R_RTC, 4); /* MR: the next second */
    label(c, next);
    next = case_of(c, INTID_PMU);
    emit(c, word_mrs(A64_PMCCNTR_EL0, 3));
    fold(c, 3);
    set_sysreg(c, A64_PMEVCNTR0_EL0, 3, (uint32_t)-5003);
    set_sysreg(c, A64_PMOVSCLR_EL0, 3, 1);
    label(c, next);
    emit(c, word_msr(A64_ICC_EOIR1_EL1, 0));
    I(c, LDP_off, 1, 4, 5, SP, 4);
    I(c, LDP_off, 1, 2, 3, SP, 2);
    I(c, LDP_off, 1, 0, 1, SP, 0);
    I(c, ADD_i, 1, 0, 64, SP, SP);
    I(c, ERET);
}

static void set_up_gic(struct code *c)
{
    const uint64_t dist = VIRT_GICD_BASE, redist = VIRT_GICR_BASE, sgi = redist + 0x10000;
    poke(c, 0, dist, 0x12);            /* CTLR: ARE, EnableGrp1 */
    poke(c, 0, redist + 0x14, 0);      /* WAKER: awake */
    poke(c, 0, sgi + 0x80, UINT32_MAX); /* IGROUPR0 */
    poke(c, 0, sgi + 0x100,
         1u << INTID_SGI | 1u << INTID_PMU | 1u << INTID_VIRT | 1u << INTID_PHYS);
    poke(c, 0, dist + 0x84, UINT32_MAX); /* IGROUPR1: SPIs 0 to 31 */
    poke(c, 0, dist + 0x104, 1u << VIRT_SPI_UART | 1u << VIRT_SPI_RTC);
    set_sysreg(c, A64_ICC_PMR_EL1, 0, 0xf0);
    set_sysreg(c, A64_ICC_IGRPEN1_EL1, 0, 1);
}

/* 1 GiB blocks: devices below, RAM above. */
static void set_up_mmu(struct code *c)
{
    li(c, 0, TABLE);
    li(c, 1, 0x705);
    I(c, STR_i, 1, 0, 0, 1);
    li(c, 1, VIRT_RAM_BASE | 0x701);
    I(c, STR_i, 1, 1, 0, 1);
    set_sysreg(c, A64_MAIR_EL1, 1, 0x00ff);
    set_sysreg(c, A64_TCR_EL1, 1, 25 | 3 << 12 | BIT(23) | UINT64_C(5) << 32);
    emit(c, word_msr(A64_TTBR0_EL1, 0));
    emit(c, word_mrs(A64_SCTLR_EL1, 1));
    li(c, 2, 0x1005);
    I(c, ORR_s, 1, 0, 2, 0, 1, 1);
    emit(c, word_msr(A64_SCTLR_EL1, 1));
    I(c, ISB, 15);
}

static void set_up_devices(struct code *c)
{
    poke(c, 0, VIRT_UART_BASE + 0x2c, 0x70);  /* LCR_H: 8 bits, FIFOs */
    poke(c, 0, VIRT_UART_BASE + 0x30, 0x301); /* CR */
    poke(c, 0, VIRT_UART_BASE + 0x38, 0x70);  /* IMSC: receive, transmit, timeout */
    poke(c, 0, VIRT_RTC_BASE + 0x10, 1);
    I(c, LDR_i, 0, 0, R_RTC, 1);
    I(c, ADD_i, 0, 0, 1, 1, 1);
    I(c, STR_i, 0, 1, R_RTC, 1);
    set_sysreg(c, A64_PMEVTYPER0_EL0, 0, 8);
    set_sysreg(c, A64_PMEVCNTR0_EL0, 0, (uint32_t)-5003);
    set_sysreg(c, A64_PMINTENSET_EL1, 0, 1);
    set_sysreg(c, A64_PMCNTENSET_EL0, 0, 1 | UINT64_C(1) << 31);
    set_sysreg(c, A64_PMCR_EL0, 0, 1);
    set_sysreg(c, A64_CNTP_TVAL_EL0, 0, 177000003);
    set_sysreg(c, A64_CNTP_CTL_EL0, 0, 1);
    set_sysreg(c, A64_CNTV_TVAL_EL0, 0, 3001);
}

/* One pass: time, seconds, memory, an exclusive, floating point, code that changes, output. Returns
 * the index of the instruction that is rewritten. */
static unsigned one_pass(struct code *c)
{
    emit(c, word_mrs(A64_CNTVCT_EL0, 1));
    fold(c, 1);
    I(c, LDR_i, 0, 0, R_RTC, 1);
    fold(c, 1);
    I(c, UBFM, 1, 1, 0, 8, R_SUM, 1); /* one of 512 words */
    I(c, ADD_s, 1, 0, 1, 3, R_DATA, 1);
    I(c, LDR_i, 1, 0, 1, 2);
    fold(c, 2);
    I(c, STR_i, 1, 0, 1, R_SUM);
    I(c, ADD_i, 1, 1, 1, R_DATA, 1); /* + 4096 */
    unsigned retry = I(c, LDXR, 1, 1, 2);
    I(c, ADD_i, 1, 0, 1, 2, 2);
    I(c, STXR, 1, 3, 1, 2);
    cbnz(c, 3, retry);
    I(c, SCVTF_f, 1, 1, 2, 1);     /* D1 = the counter */
    I(c, FMUL_f, 1, 1, 0, 1);      /* D1 *= D0 */
    I(c, FADD_f, 1, 2, 1, 2);      /* D2 += D1 */
    I(c, FMOV_xd, 2, 3);
    fold(c, 3);
    I(c, ADD_v, 1, 2, 2, 3, 3);    /* V3.4S += V2.4S */
    emit(c, word_mrs(A64_FPSR, 3));
    fold(c, 3);
    I(c, LDR_i, 0, 0, R_PATCH, 3);
    I(c, ADD_i, 0, 0, 1 << 10, 3, 3); /* imm12 += 1 */
    I(c, STR_i, 0, 0, R_PATCH, 3);
    I(c, ISB, 15);
    unsigned patched = I(c, ADD_i, 1, 0, 0, XZR, 4);
    c->w[patched] = a64_encode_ADD_i(1, 0, 0, R_PASS, 4);
    fold(c, 4);
    I(c, UBFM, 1, 1, 60, 63, R_SUM, 3);
    I(c, ADD_i, 0, 0, 'A', 3, 3);
    I(c, STR_i, 0, 0, R_UART, 3);
    return patched;
}

/* Every 8th pass an SGI to itself, every 16th a WFI; the virtual timer is on in half of the passes,
 * so that WFI waits for the far physical timer in the others and seconds pass. */
static void now_and_then(struct code *c)
{
    I(c, UBFM, 1, 1, 5, 5, R_PASS, 1);
    emit(c, word_mrs(A64_CNTV_CTL_EL0, 2));
    I(c, UBFM, 1, 1, 0, 0, 2, 2);
    I(c, SUBS_s, 1, 0, 1, 0, 2, XZR);
    unsigned same = I(c, B_cond, 0, COND_EQ);
    set_sysreg(c, A64_CNTV_TVAL_EL0, 2, 3001);
    emit(c, word_msr(A64_CNTV_CTL_EL0, 1));
    label(c, same);
    I(c, UBFM, 1, 1, 0, 2, R_PASS, 1);
    unsigned skip = I(c, CBNZ, 1, 0, 1);
    set_sysreg(c, A64_ICC_SGI1R_EL1, 1, (uint64_t)INTID_SGI << 24 | 1);
    label(c, skip);
    I(c, UBFM, 1, 1, 0, 3, R_PASS, 1);
    skip = I(c, CBNZ, 1, 0, 1);
    I(c, WFI);
    label(c, skip);
}

static struct code busy_program(void)
{
    struct code c = {0};
    unsigned to_main = I(&c, B, 0);
    unsigned handler = here(&c);
    handle_interrupt(&c);
    label(&c, to_main);
    unsigned to_rest = I(&c, B, 0);
    CHECK(c.n <= HANDLER_AT);
    while (c.n < HANDLER_AT + 0x200)
        I(&c, HVC, 0xbad); /* any other exception: PSCI does not answer, and the test times out */
    c.w[HANDLER_AT + 0x280 / 4] = a64_encode_B(handler - (HANDLER_AT + 0x280 / 4));
    label(&c, to_rest);

    set_sysreg(&c, A64_VBAR_EL1, 0, MACHINE_ENTRY + 4 * HANDLER_AT);
    set_sysreg(&c, A64_CPACR_EL1, 0, 3 << 20);
    li(&c, 0, STACK);
    I(&c, ADD_i, 1, 0, 0, 0, SP);
    li(&c, R_MUL, UINT64_C(6364136223846793005));
    li(&c, R_UART, VIRT_UART_BASE);
    li(&c, R_RTC, VIRT_RTC_BASE);
    li(&c, R_DATA, MACHINE_DATA);
    li(&c, 0, UINT64_C(0x3ff199999999999a)); /* 1.1 */
    I(&c, FMOV_dx, 0, 0);
    set_up_mmu(&c);
    set_up_gic(&c);
    set_up_devices(&c);
    unsigned adr = I(&c, MOVZ, 1, 0, 0, R_PATCH), adr_top = I(&c, MOVK, 1, 1, 0, R_PATCH);
    irq_on(&c);
    unsigned loop = here(&c);
    I(&c, ADD_i, 1, 0, 1, R_PASS, R_PASS);
    unsigned patched = one_pass(&c);
    now_and_then(&c);
    I(&c, SUBS_i, 1, 0, PASSES, R_PASS, XZR);
    b_cond(&c, COND_NE, loop);
    irq_off(&c);
    li(&c, 0, CHECKSUM);
    I(&c, STR_i, 1, 0, 0, R_SUM);
    power_off(&c);
    uint64_t at = MACHINE_ENTRY + 4 * (uint64_t)patched;
    c.w[adr] = a64_encode_MOVZ(1, 0, at & 0xffff, R_PATCH);
    c.w[adr_top] = a64_encode_MOVK(1, 1, (uint32_t)(at >> 16), R_PATCH);
    return c;
}

/* ---- Saved machines ---- */

struct saved {
    struct buf state;
    uint8_t *ram;
};

static struct saved save(struct board *m)
{
    struct saved s = {.ram = malloc(SAVED_BYTES)};
    struct err e = {0};
    assert_non_null(s.ram);
    if (vm_save(&m->virt.vm, &s.state, &e))
        fail_msg("%s", e.text);
    memcpy(s.ram, m->virt.vm.mem.ram, SAVED_BYTES);
    return s;
}

static void load(struct board *m, const struct saved *s)
{
    struct err e = {0};
    memcpy(m->virt.vm.mem.ram, s->ram, SAVED_BYTES); /* nobody is told, as with a mapped file */
    if (vm_load(&m->virt.vm, s->state.data, s->state.len, &e))
        fail_msg("%s", e.text);
}

static void discard(struct saved *s)
{
    buf_fini(&s->state);
    free(s->ram);
}

/* Where two saves differ, by name. */
static void assert_same(struct board *a, struct board *b2, const struct saved *x,
                        const struct saved *y, const char *when, unsigned i)
{
    const char *field =
        state_diff(vcpu_fields, &a->virt.vm.vcpus[0]->cpu, &b2->virt.vm.vcpus[0]->cpu);
    if (field)
        fail_msg("%s point %u: vCPU field '%s' differs", when, i, field);
    struct device *d = a->virt.vm.devices, *e = b2->virt.vm.devices;
    for (; d; d = d->next, e = e->next) {
        field = state_diff(d->cls->fields, d, e);
        if (field)
            fail_msg("%s point %u: '%s' of '%s' differs", when, i, field, d->name);
    }
    if (x->state.len != y->state.len || memcmp(x->state.data, y->state.data, x->state.len))
        fail_msg("%s point %u: the machines differ", when, i);
    if (memcmp(x->ram, y->ram, SAVED_BYTES))
        fail_msg("%s point %u: RAM differs", when, i);
}

static uint64_t total_instructions(const struct code *c)
{
    struct board *m = board_create(c, CLOCK_COUNTED);
    assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
    uint64_t n = m->virt.vm.vcpus[0]->cpu.instret;
    board_destroy(m);
    return n;
}

/* What the operator does at the stop with this number. */
static void operate(struct board *m, unsigned i)
{
    if (i % 5 == 2)
        board_type(m, "hello, machine");
    if (i % 7 == 3)
        virt_power_key(&m->virt);
}

/* The stop with this number, spread over the run at odd distances. */
static uint64_t point(unsigned i, uint64_t total)
{
    return total * i / (POINTS + 1) + i * 37 % 101;
}

static struct board *transplant(struct board *old, const struct code *c, struct board *reference,
                                unsigned i)
{
    struct saved s = save(old), again;
    struct board *m = board_create(c, CLOCK_COUNTED);
    load(m, &s);
    again = save(m);
    assert_same(old, m, &s, &again, "after load,", i);
    struct saved r = save(reference);
    assert_same(reference, m, &r, &again, "compared with the uninterrupted run,", i);
    memcpy(m->console.text, old->console.text, old->console.len); /* output goes on */
    m->console.len = old->console.len;
    board_destroy(old);
    discard(&s);
    discard(&again);
    discard(&r);
    return m;
}

static void test_transplanted_machine_runs_as_the_uninterrupted_one(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    uint64_t total = total_instructions(&c);
    assert_true(total > 30000);
    struct board *reference = board_create(&c, CLOCK_COUNTED), *m = board_create(&c, CLOCK_COUNTED);
    for (unsigned i = 1; i <= POINTS; i++) {
        assert_int_equal(board_run(reference, point(i, total)), VM_EVENT_QUIT);
        assert_int_equal(board_run(m, point(i, total)), VM_EVENT_QUIT);
        assert_int_equal(m->virt.vm.vcpus[0]->cpu.instret, point(i, total));
        m = transplant(m, &c, reference, i);
        operate(reference, i);
        operate(m, i);
    }
    assert_int_equal(board_run(reference, UINT64_MAX), VM_EVENT_POWEROFF);
    assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
    struct saved a = save(reference), b2 = save(m);
    assert_same(reference, m, &a, &b2, "end", 0);
    assert_int_equal(reference->console.len, m->console.len);
    assert_memory_equal(reference->console.text, m->console.text, m->console.len);
    assert_true(m->console.len > PASSES);
    assert_true(board_peek(m, CHECKSUM, 8) != 0);
    assert_true(clock_now(&m->virt.vm.clock) > UINT64_C(1000000000)); /* the alarm had its turn */
    discard(&a);
    discard(&b2);
    board_destroy(reference);
    board_destroy(m);
}

/* A machine that was used before forgets all of it. */
static void test_load_replaces_the_state_of_a_used_machine(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    uint64_t total = total_instructions(&c);
    struct board *reference = board_create(&c, CLOCK_COUNTED);
    struct board *used = board_create(&c, CLOCK_COUNTED);
    assert_int_equal(board_run(reference, total / 3), VM_EVENT_QUIT);
    assert_int_equal(board_run(used, total / 2), VM_EVENT_QUIT);
    virt_power_key(&used->virt);
    struct saved s = save(reference);
    load(used, &s);
    assert_int_equal(board_run(reference, UINT64_MAX), VM_EVENT_POWEROFF);
    assert_int_equal(board_run(used, UINT64_MAX), VM_EVENT_POWEROFF);
    struct saved a = save(reference), b2 = save(used);
    assert_same(reference, used, &a, &b2, "end", 0);
    discard(&s);
    discard(&a);
    discard(&b2);
    board_destroy(reference);
    board_destroy(used);
}

/* To an earlier state of itself, whatever it has armed or decoded meanwhile: a timer may have fired
 * that is to fire at the same time again. The steps leave no instruction out, so some are in the
 * middle of each kind of interrupt. */
static void test_machine_goes_back_to_where_it_was(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *reference = board_create(&c, CLOCK_COUNTED), *m = board_create(&c, CLOCK_COUNTED);
    const uint64_t from = total_instructions(&c) / 2, step = 17;
    uint64_t at = from;
    assert_int_equal(board_run(m, at), VM_EVENT_QUIT);
    for (; at < from + 3200; at += step) {
        struct saved s = save(m);
        assert_int_equal(board_run(m, at + step + 11), VM_EVENT_QUIT);
        load(m, &s);
        discard(&s);
        assert_int_equal(board_run(m, at + step), VM_EVENT_QUIT);
    }
    assert_int_equal(board_run(reference, at), VM_EVENT_QUIT);
    struct saved a = save(reference), b2 = save(m);
    assert_same(reference, m, &a, &b2, "after many returns,", 0);
    discard(&a);
    discard(&b2);
    board_destroy(reference);
    board_destroy(m);
}

/* ---- A damaged or foreign save ---- */

static void assert_refused(struct board *m, const struct saved *before, const void *data,
                           size_t len)
{
    struct err e = {0};
    assert_int_equal(vm_load(&m->virt.vm, data, len, &e), -EINVAL);
    assert_true(e.text[0]);
    struct saved now = save(m);
    assert_int_equal(now.state.len, before->state.len);
    assert_memory_equal(now.state.data, before->state.data, now.state.len);
    discard(&now);
}

static void test_truncated_machine_is_refused_unchanged(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *m = board_create(&c, CLOCK_COUNTED);
    assert_int_equal(board_run(m, 20000), VM_EVENT_QUIT);
    struct saved s = save(m);
    for (size_t n = 0; n < s.state.len; n += n < 200 ? 1 : 331) {
        uint8_t *exact = malloc(n ? n : 1); /* so that the sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, s.state.data, n);
        assert_refused(m, &s, exact, n);
        free(exact);
    }
    discard(&s);
    board_destroy(m);
}

static void test_machine_with_other_devices_is_refused_unchanged(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *with = board_create(&c, CLOCK_COUNTED), *without = board_new(&c, CLOCK_COUNTED);
    without->cfg.rng = false;
    board_build(without);
    struct saved a = save(with), b2 = save(without);
    assert_refused(without, &b2, a.state.data, a.state.len);
    assert_refused(with, &a, b2.state.data, b2.state.len);
    discard(&a);
    discard(&b2);
    board_destroy(with);
    board_destroy(without);
}

static void test_machine_with_another_clock_is_refused(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *counted = board_create(&c, CLOCK_COUNTED), *host = board_create(&c, CLOCK_HOST);
    struct saved a = save(counted), b2 = save(host);
    assert_refused(host, &b2, a.state.data, a.state.len);
    discard(&a);
    discard(&b2);
    board_destroy(counted);
    board_destroy(host);
}

/* A feature that this machine's processor lacks is in its identification registers. */
static void test_machine_with_another_processor_is_refused(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *a = board_create(&c, CLOCK_COUNTED), *b2 = board_new(&c, CLOCK_COUNTED);
    a64_feature_set(&b2->cfg.features, A64_FEAT_LSE, false);
    board_build(b2);
    struct saved s = save(a);
    struct err e = {0};
    assert_int_equal(vm_load(&b2->virt.vm, s.state.data, s.state.len, &e), -EINVAL);
    assert_non_null(strstr(e.text, "ID_AA64ISAR0_EL1"));
    discard(&s);
    board_destroy(a);
    board_destroy(b2);
}

/* Any byte of it may be anything: loaded or refused, never worse; and the machine can be reset. */
static void test_damaged_machine_never_breaks_the_monitor(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *m = board_create(&c, CLOCK_COUNTED);
    assert_int_equal(board_run(m, 30000), VM_EVENT_QUIT);
    struct saved s = save(m);
    uint64_t seed = 12345;
    unsigned refused = 0;
    for (unsigned i = 0; i < 400; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t at = (size_t)((seed >> 20) % s.state.len);
        uint8_t old = s.state.data[at];
        s.state.data[at] ^= (uint8_t)(1u << (seed >> 60 & 7));
        struct err e = {0};
        int r = vm_load(&m->virt.vm, s.state.data, s.state.len, &e);
        refused += r != 0;
        assert_true(!r || (r == -EINVAL && e.text[0]));
        s.state.data[at] = old;
    }
    assert_true(refused > 0);
    struct err e = {0};
    assert_int_equal(virt_reset(&m->virt, &e), 0);
    assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
    discard(&s);
    board_destroy(m);
}

static void test_ended_machine_is_not_saved_before_the_event_is_taken(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *m = board_create(&c, CLOCK_COUNTED);
    struct buf b2 = {0};
    struct err e = {0};
    vm_post(&m->virt.vm, VM_EVENT_RESET, 0);
    assert_int_equal(vm_save(&m->virt.vm, &b2, &e), -EBUSY);
    assert_int_equal(b2.len, 0);
    assert_int_equal(vm_wait(&m->virt.vm), VM_EVENT_RESET);
    assert_int_equal(vm_save(&m->virt.vm, &b2, &e), 0);
    buf_fini(&b2);
    board_destroy(m);
}

/* ---- The second guest: virtio-blk ---- */

#define DISK_SECTORS 150u
#define RING (MACHINE_DATA + 0x10000) /* descriptors, then the two rings, the request, its data */
#define RING_DRIVER (RING + 0x400)
#define RING_DEVICE (RING + 0x800)
#define REQUEST (RING + 0xc00)
#define STATUS (RING + 0xc20)
#define SECTOR (RING + 0x1000)

static void descriptor(struct code *c, unsigned i, uint64_t at, uint32_t len, uint32_t flags)
{
    const uint32_t next = flags & 1 ? (i + 1) << 16 : 0;
    poke(c, 0, RING + 16 * i, (uint32_t)at);
    poke(c, 0, RING + 16 * i + 8, len);
    poke(c, 0, RING + 16 * i + 12, flags | next);
}

static void set_up_disk(struct code *c)
{
    const uint64_t v = VIRT_VIRTIO_BASE;
    poke(c, 0, v + 0x70, 1);
    poke(c, 0, v + 0x70, 3);
    poke(c, 0, v + 0x24, 1); /* feature bits 32 to 63: VERSION_1 */
    poke(c, 0, v + 0x20, 1);
    poke(c, 0, v + 0x70, 0xb);
    poke(c, 0, v + 0x38, 8);
    poke(c, 0, v + 0x80, (uint32_t)RING);
    poke(c, 0, v + 0x90, (uint32_t)RING_DRIVER);
    poke(c, 0, v + 0xa0, (uint32_t)RING_DEVICE);
    poke(c, 0, v + 0x44, 1);
    poke(c, 0, v + 0x70, 0xf);
    descriptor(c, 0, REQUEST, 16, 1);
    descriptor(c, 1, SECTOR, 512, 3);
    descriptor(c, 2, STATUS, 1, 2);
}

/* Reads every sector and folds what it holds. */
static struct code disk_program(void)
{
    struct code c = {0};
    li(&c, R_MUL, UINT64_C(6364136223846793005));
    li(&c, 10, VIRT_VIRTIO_BASE);
    li(&c, 11, RING_DRIVER);
    li(&c, 12, RING_DEVICE);
    li(&c, 13, REQUEST);
    li(&c, 14, STATUS);
    set_up_disk(&c);
    unsigned loop = here(&c);
    I(&c, STR_i, 1, 1, 13, R_PASS); /* the sector */
    I(&c, ADD_i, 1, 0, 1, R_PASS, R_PASS);
    I(&c, DMB, 15);
    I(&c, STRH_i, 1, 11, R_PASS); /* avail.idx; all ring entries are 0 */
    I(&c, DMB, 15);
    I(&c, STR_i, 0, 0x50 / 4, 10, XZR); /* QueueNotify */
    unsigned wait = I(&c, LDRH_i, 1, 12, 1);
    I(&c, SUBS_s, 1, 0, R_PASS, 0, 1, XZR);
    b_cond(&c, COND_NE, wait);
    I(&c, DMB, 15);
    I(&c, LDR_i, 0, 0x60 / 4, 10, 1);
    I(&c, STR_i, 0, 0x64 / 4, 10, 1); /* acknowledge */
    I(&c, LDRB_i, 0, 14, 1);
    fold(&c, 1);
    li(&c, 2, SECTOR);
    li(&c, 3, 64);
    unsigned each = I(&c, LDR_post, 1, 8, 2, 1);
    fold(&c, 1);
    I(&c, SUB_i, 1, 0, 1, 3, 3);
    cbnz(&c, 3, each);
    I(&c, SUBS_i, 1, 0, DISK_SECTORS, R_PASS, XZR);
    b_cond(&c, COND_NE, loop);
    li(&c, 0, CHECKSUM);
    I(&c, STR_i, 1, 0, 0, R_SUM);
    power_off(&c);
    return c;
}

static uint64_t make_disk(char *path)
{
    uint64_t sum = 0, x = 1;
    strcpy(path, "/tmp/sojourn-disk-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (unsigned i = 0; i < DISK_SECTORS; i++) {
        uint64_t words[64];
        sum = sum * UINT64_C(6364136223846793005); /* the status byte: OK */
        for (unsigned k = 0; k < 64; k++) {
            x = x * UINT64_C(2862933555777941757) + 3037000493u;
            words[k] = x;
            sum = sum * UINT64_C(6364136223846793005) + x;
        }
        assert_int_equal(write(fd, words, sizeof(words)), sizeof(words));
    }
    close(fd);
    return sum;
}

static struct board *disk_board(const struct code *c, const char *path)
{
    struct board *m = board_new(c, CLOCK_HOST);
    struct err e = {0};
    const struct blk_config disk = {.path = path, .readonly = true};
    m->cfg.rng = false;
    m->cfg.disk_count = 1;
    if (blk_open(&disk, &m->cfg.disks[0].backend, &e))
        fail_msg("%s", e.text);
    board_build(m);
    return m;
}

static void test_machine_with_requests_in_flight_is_transplanted(void **state)
{
    (void)state;
    static struct code c;
    c = disk_program();
    char path[40];
    uint64_t expected = make_disk(path);
    struct board *m = disk_board(&c, path);
    struct err e = {0};
    stop_at = UINT64_MAX;
    unsigned moves = 0;
    for (;; moves++) {
        assert_int_equal(vm_start(&m->virt.vm, &e), 0);
        if (moves < 25)
            nanosleep(&(struct timespec){0, 20000 + 17000 * (long)(moves % 5)}, NULL);
        else
            assert_int_equal(vm_wait(&m->virt.vm), VM_EVENT_POWEROFF);
        vm_stop(&m->virt.vm);
        if (moves == 25 || m->virt.vm.event != VM_EVENT_NONE)
            break;
        struct saved s = save(m);
        board_destroy(m);
        m = disk_board(&c, path);
        load(m, &s);
        discard(&s);
    }
    assert_true(board_peek(m, CHECKSUM, 8) == expected);
    assert_true(moves > 0);
    board_destroy(m);
    unlink(path);
}

/* ---- Tables ---- */

static void test_every_device_of_the_board_has_a_complete_table(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *m = board_create(&c, CLOCK_COUNTED);
    for (const struct device *d = m->virt.vm.devices; d; d = d->next) {
        const char *hole = state_uncovered(d->cls->fields, d->cls->object_bytes);
        if (hole)
            fail_msg("%s: a member after '%s' has no row", d->cls->name, hole);
        for (const struct device *o = d->next; o; o = o->next)
            assert_string_not_equal(d->name, o->name);
    }
    /* To the last member: 16-byte aligned registers may leave more than 7 bytes behind it. */
    const size_t bytes = offsetof(struct vcpu, exits) + sizeof(((struct vcpu *)0)->exits);
    const char *hole = state_uncovered(vcpu_run_fields, bytes);
    if (hole)
        fail_msg("vCPU: a member after '%s' has no row", hole);
    board_destroy(m);
}

/* Power-on state is the same after any use. */
static void test_reset_machine_is_a_fresh_one(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program();
    struct board *used = board_create(&c, CLOCK_COUNTED), *fresh = board_create(&c, CLOCK_COUNTED);
    struct err e = {0};
    assert_int_equal(board_run(used, 25000), VM_EVENT_QUIT);
    operate(used, 17); /* input and the power key */
    assert_int_equal(virt_reset(&used->virt, &e), 0);
    for (struct device *d = used->virt.vm.devices, *o = fresh->virt.vm.devices; d;
         d = d->next, o = o->next) {
        const char *field = state_diff(d->cls->fields, d, o);
        if (field && strcmp(field, "loaded_at")) /* the PL031's base is the time of the reset */
            fail_msg("'%s' of '%s' is not reset", field, d->name);
    }
    assert_memory_equal(used->virt.vm.mem.ram, fresh->virt.vm.mem.ram, MACHINE_RAM_BYTES);
    board_destroy(used);
    board_destroy(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transplanted_machine_runs_as_the_uninterrupted_one),
        cmocka_unit_test(test_load_replaces_the_state_of_a_used_machine),
        cmocka_unit_test(test_machine_goes_back_to_where_it_was),
        cmocka_unit_test(test_truncated_machine_is_refused_unchanged),
        cmocka_unit_test(test_machine_with_other_devices_is_refused_unchanged),
        cmocka_unit_test(test_machine_with_another_clock_is_refused),
        cmocka_unit_test(test_machine_with_another_processor_is_refused),
        cmocka_unit_test(test_damaged_machine_never_breaks_the_monitor),
        cmocka_unit_test(test_ended_machine_is_not_saved_before_the_event_is_taken),
        cmocka_unit_test(test_machine_with_requests_in_flight_is_transplanted),
        cmocka_unit_test(test_every_device_of_the_board_has_a_complete_table),
        cmocka_unit_test(test_reset_machine_is_a_fresh_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
