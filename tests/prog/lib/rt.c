/* Output, results, exception dispatch. See rt.h. */
#include "rt.h"

#include <stdarg.h>

#define MAX_PRINTED 16

void rt_start(u64 dtb);
u64 rt_exception(struct frame *f);

extern char rt_test_stack_end[];
struct frame rt_root;
void (*rt_irq)(struct frame *f);
u64 rt_dtb;
bool rt_qemu;
u8 rt_user_page[2][4096] __attribute__((section(".udata"), aligned(4096)));
static UDATA u8 user_stack[4096];
static u32 failures;
static const char *note_text;
static u64 note_value;

void *memset(void *p, int c, unsigned long n)
{
    u8 *q = p;
    while (n--)
        *q++ = (u8)c;
    return p;
}

void *memcpy(void *d, const void *s, unsigned long n)
{
    u8 *q = d;
    const u8 *r = s;
    while (n--)
        *q++ = *r++;
    return d;
}

/* ---- Output ---- */

static void put_char(char c)
{
    while (r32(UART + 0x18) & 0x20)
        ;
    w32(UART, (u8)c);
}

static void put_hex(u64 v)
{
    put_char('0');
    put_char('x');
    int shift = 60;
    while (shift && !(v >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put_char("0123456789abcdef"[v >> shift & 15]);
}

static void put_dec(s64 v)
{
    char buf[24];
    int n = 0;
    u64 u = v < 0 ? -(u64)v : (u64)v;
    if (v < 0)
        put_char('-');
    do
        buf[n++] = (char)('0' + u % 10);
    while (u /= 10);
    while (n)
        put_char(buf[--n]);
}

void put(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put_char(*fmt);
            continue;
        }
        switch (*++fmt) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put_char(*s);
            break;
        case 'd':
            put_dec(va_arg(ap, int));
            break;
        default:
            put_hex(va_arg(ap, u64));
        }
    }
    va_end(ap);
}

/* ---- Results ---- */

void rt_note(const char *what, u64 value)
{
    note_text = what;
    note_value = value;
}

void rt_fail(const char *file, int line, const char *what, u64 got, u64 want)
{
    if (failures++ >= MAX_PRINTED)
        return;
    put("FAIL %s:%d: %s: got %x, want %x", file, line, what, got, want);
    if (note_text)
        put(" (%s %x)", note_text, note_value);
    put("\n");
}

void rt_off(void)
{
    if (failures)
        put("FAILED: %d checks\n", (int)failures);
    else
        put("SUCCESS\n");
    hvc(0x84000008, 0, 0, 0);
    for (;;)
        asm volatile("wfi");
}

static void dump(const struct frame *f)
{
    put("FAIL unexpected exception: vector %d ESR %x ELR %x FAR %x SPSR %x SP_EL0 %x SP_EL1 %x\n",
        (int)f->vector, f->esr, f->elr, f->far, f->spsr, f->sp_el0, f->sp_el1);
    for (int i = 0; i < 31; i++)
        put("x%d=%x%s", i, f->x[i], i % 4 == 3 ? "\n" : " ");
    put("\n");
    failures++;
}

/* ---- Exceptions ---- */

/* 0: go on with the interrupted context; 1: leave rt_enter(). */
u64 rt_exception(struct frame *f)
{
    if (f->vector % 4 != 0 && rt_irq) {
        struct frame nested = {.rt_sp = rt_root.rt_sp};
        asm volatile("msr tpidr_el1, %0" ::"r"(&nested) : "memory");
        rt_irq(f);
        asm volatile("msr daifset, #15\nmsr tpidr_el1, %0" ::"r"(f) : "memory");
        return 0;
    }
    if (f->armed) {
        f->armed = 0;
        return 1;
    }
    dump(f);
    rt_off();
}

void rt_frame(struct frame *f, unsigned mode, const void *fn, u64 a0, u64 a1, u64 a2, u64 a3)
{
    memset(f, 0, sizeof(*f));
    f->x[0] = a0;
    f->x[1] = a1;
    f->x[2] = a2;
    f->x[3] = a3;
    f->x[30] = (u64)rt_done;
    f->sp_el0 = (u64)user_stack + sizeof(user_stack);
    f->sp_el1 = (u64)rt_test_stack_end;
    f->elr = (u64)fn;
    f->spsr = mode | SPSR_DAIF;
}

struct frame *rt_run(unsigned mode, const void *fn, u64 a0, u64 a1, u64 a2, u64 a3)
{
    static struct frame f;
    rt_frame(&f, mode, fn, a0, a1, a2, a3);
    rt_enter(&f);
    return &f;
}

void rt_start(u64 dtb)
{
    rt_dtb = dtb;
    rt_qemu = (MRS(midr_el1) & 0xfff0) == 0x0510;
    w32(UART + 0x30, 0x301); /* CR: UARTEN, TXE, RXE */
    main();
    rt_off();
}
