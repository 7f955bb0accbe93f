/* System registers that are more than words of the guest's state.
 *
 * FPSR: its cumulative exceptions are what is in there, and what has come up in MXCSR since.
 *
 * The guest's clock: see struct x64_clock in area.h, and vm/clock_tsc.h for what it means and why
 * it is exact. RDTSC may be executed long before or after what surrounds it. That other vCPUs see
 * time go on rests on the load before it (a flag that one of them has set, having read the time)
 * being done: LFENCE. What comes later may come early: a count is not later than when it is used.
 */
#include "x64/lower_int.h"

#define clock_word(reg, field) x64_m(reg, (int32_t)offsetof(struct x64_clock, field))

/* IE, ZE, OE, UE, PE are IOC, DZC, OFC, UFC, IXC; there is no DE in FPSR. */
void lower_GETFPSR(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int dst = lo_rdef(e, i);
    lo_clobber(e);
    x64_stmxcsr(b, lo_area(e, mxcsr));
    x64_load(b, 4, false, 0, RAX, lo_area(e, mxcsr));
    x64_mov_rr(b, 0, RCX, RAX);
    x64_shift_ri(b, X64_SHR, 0, RCX, 1);
    x64_alu_ri(b, X64_AND, 0, RCX, 0x1e);
    x64_alu_ri(b, X64_AND, 0, RAX, 1);
    x64_alu_rr(b, X64_OR, 0, RAX, RCX);
    x64_alu_rm(b, X64_OR, 0, RAX, lo_fpsr(e));
    x64_mov_rr(b, 0, dst, RAX);
}

void lower_PUTFPSR(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int a = lo_r(e, i->a);
    lo_clobber(e);
    x64_stmxcsr(b, lo_area(e, mxcsr));
    x64_alu_mi(b, X64_AND, 0, lo_area(e, mxcsr), ~0x3f);
    x64_ldmxcsr(b, lo_area(e, mxcsr));
    x64_store(b, 4, lo_fpsr(e), a);
}

void lower_COUNTER(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int minus = lo_r(e, i->a), line = lo_temp(e), dst = lo_rdef(e, i);
    lo_clobber(e);
    x64_load(b, 8, false, 1, line, lo_area(e, clock));
    x64_load(b, 8, false, 1, line, clock_word(line, whole));
    x64_lfence(b);
    x64_mov_rr(b, 1, RCX, RDX); /* a value register */
    x64_rdtsc(b);
    x64_shift_ri(b, X64_SHL, 1, RDX, 32);
    x64_alu_rr(b, X64_OR, 1, RAX, RDX);
    x64_mov_rr(b, 1, RDX, RCX);
    x64_load(b, 8, false, 1, RCX, lo_area(e, clock));
    x64_alu_rm(b, X64_SUB, 1, RAX, clock_word(RCX, ticks));
    x64_alu_rm(b, X64_CMP, 1, RAX, clock_word(RCX, limit));
    uint8_t *over = x64_jcc_fwd(b, X64_AE);
    x64_imul_rm(b, 1, RAX, clock_word(RCX, mult));
    x64_shift_ri(b, X64_SHR, 1, RAX, 32);
    x64_alu_rm(b, X64_ADD, 1, RAX, clock_word(RCX, now));
    x64_alu_rm(b, X64_CMP, 1, line, clock_word(RCX, begun));
    uint8_t *another = x64_jcc_fwd(b, X64_NE);
    x64_alu_rr(b, X64_SUB, 1, RAX, minus);
    x64_mov_rr(b, 1, dst, RAX);
    lo_cold_interp(e, over, i, dst, false);
    lo_cold_interp(e, another, i, dst, false);
}
