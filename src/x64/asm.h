/* Assembler for x86-64: a function for each form of an instruction, writing into a bounded buffer.
 *
 * Encodings are those of the Intel SDM, volume 2 (chapter 2: prefixes, VEX, EVEX; chapters 3 to 6:
 * opcodes). It knows nothing of guests, of an IR or of register allocation.
 *
 * Contracts:
 *  - Nothing is written at or beyond x64_buf.end. An instruction that finds less than
 *    X64_ROOM bytes sets `full` and writes nothing, and so does each one after it: p stays. Callers
 *    look at `full` once, at the end; forward branches of a full buffer are NULL and x64_patch
 *    ignores them.
 *  - The output is position independent: branches to another place of the same buffer are relative,
 *    and addresses are taken in the view (mapping) that p points to.
 *  - w is 0 for a 32-bit operation (the upper half of a destination register becomes 0), 1 for
 *    64 bits; `size` is in bytes: 1, 2, 4 or 8. Byte registers are the low ones (sil, not dh).
 *  - Destination first, as in Intel's syntax. A form the hardware does not have is a bug: CHECK.
 * All functions: @any (the buffer belongs to the caller), cannot fail otherwise.
 */
#ifndef X64_ASM_H
#define X64_ASM_H

#include <stdbool.h>
#include <stdint.h>

#define X64_ROOM 24 /* free bytes an instruction asks for: 15, and those of a prefix before it */

struct x64_buf {
    uint8_t *p;     /* where the next byte goes */
    uint8_t *end;   /* one past the last byte */
    uint8_t *start; /* for the caller; the assembler does not look at it */
    bool full;      /* something did not fit: the contents are useless */
};

enum x64_reg {
    RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI,
    R8, R9, R10, R11, R12, R13, R14, R15,
};

/* ---- Memory operands ---- */
#define X64_NONE (-1)
#define X64_RIP 16 /* as base: disp counts from the START of the instruction; see x64_m_at */

struct x64_mem {
    int8_t base;        /* X64_NONE: disp, plus the index if any, is the address */
    int8_t index;       /* X64_NONE or a register other than RSP */
    uint8_t scale_log2; /* 0..3 */
    int32_t disp;
};

static inline struct x64_mem x64_m(int base, int32_t disp)
{
    return (struct x64_mem){.base = (int8_t)base, .index = X64_NONE, .disp = disp};
}

static inline struct x64_mem x64_mi(int base, int index, int scale_log2, int32_t disp)
{
    return (struct x64_mem){.base = (int8_t)base, .index = (int8_t)index,
                            .scale_log2 = (uint8_t)scale_log2, .disp = disp};
}

/* The bytes at `at`, a place within 2 GiB, relative to rip. For the very next instruction only, so
 * it is taken after x64_lock(). */
static inline struct x64_mem x64_m_at(const struct x64_buf *b, const void *at)
{
    return (struct x64_mem){.base = X64_RIP, .index = X64_NONE,
                            .disp = (int32_t)((const uint8_t *)at - b->p)};
}

/* ---- Raw data ---- */
void x64_byte(struct x64_buf *b, uint8_t v);
void x64_data(struct x64_buf *b, const void *bytes, unsigned count); /* any count */
void x64_align(struct x64_buf *b, unsigned pow2); /* the address p, with nops */

/* ---- Integer arithmetic ---- */
enum x64_alu { X64_ADD, X64_OR, X64_ADC, X64_SBB, X64_AND, X64_SUB, X64_XOR, X64_CMP };

void x64_alu_rr(struct x64_buf *b, enum x64_alu op, int w, int dst, int src);
void x64_alu_ri(struct x64_buf *b, enum x64_alu op, int w, int dst, int32_t imm);
void x64_alu_rm(struct x64_buf *b, enum x64_alu op, int w, int dst, struct x64_mem m);
void x64_alu_mr(struct x64_buf *b, enum x64_alu op, int w, struct x64_mem m, int src);
void x64_alu_mi(struct x64_buf *b, enum x64_alu op, int w, struct x64_mem m, int32_t imm);
void x64_alu_mi8(struct x64_buf *b, enum x64_alu op, struct x64_mem m, int8_t imm); /* byte [m] */
/* The same at any size; the immediate of size 1 and 2 is that of the low bits. */
void x64_alu_sz_rr(struct x64_buf *b, enum x64_alu op, int size, int dst, int src);
void x64_alu_sz_ri(struct x64_buf *b, enum x64_alu op, int size, int dst, int32_t imm);
void x64_alu_sz_rm(struct x64_buf *b, enum x64_alu op, int size, int dst, struct x64_mem m);
void x64_alu_sz_mr(struct x64_buf *b, enum x64_alu op, int size, struct x64_mem m, int src);
void x64_alu_sz_mi(struct x64_buf *b, enum x64_alu op, int size, struct x64_mem m, int32_t imm);

void x64_test_rr(struct x64_buf *b, int w, int a, int c);
void x64_test_ri(struct x64_buf *b, int w, int r, int32_t imm);
void x64_test_mi(struct x64_buf *b, int w, struct x64_mem m, int32_t imm);
void x64_test_mr(struct x64_buf *b, int w, struct x64_mem m, int r);
void x64_test_mi8(struct x64_buf *b, struct x64_mem m, int8_t imm);
void x64_test_sz_rr(struct x64_buf *b, int size, int a, int c);
void x64_test_sz_ri(struct x64_buf *b, int size, int r, int32_t imm);

void x64_not(struct x64_buf *b, int w, int r);
void x64_neg(struct x64_buf *b, int w, int r);
void x64_mul(struct x64_buf *b, int w, int r);   /* rdx:rax = rax * r, unsigned */
void x64_imul1(struct x64_buf *b, int w, int r); /* rdx:rax = rax * r, signed */
void x64_div(struct x64_buf *b, int w, int r);
void x64_idiv(struct x64_buf *b, int w, int r);
void x64_imul_rr(struct x64_buf *b, int w, int dst, int src);
void x64_imul_rri(struct x64_buf *b, int w, int dst, int src, int32_t imm);
void x64_imul_rm(struct x64_buf *b, int w, int dst, struct x64_mem m);
void x64_cdq(struct x64_buf *b);
void x64_cqo(struct x64_buf *b);

/* ---- Moves ---- */
void x64_mov_rr(struct x64_buf *b, int w, int dst, int src); /* dst == src, w: nothing */
/* The shortest that leaves the flags alone: mov r32, imm32; mov r64, simm32; movabs. */
void x64_mov_ri(struct x64_buf *b, int dst, uint64_t imm);
void x64_movabs(struct x64_buf *b, int dst, uint64_t imm); /* always 10 bytes; imm is the last 8 */
/* w says how wide a sign extension is; zero extensions are to 64 bits either way. */
void x64_load(struct x64_buf *b, int size, bool sext, int w, int dst, struct x64_mem m);
void x64_store(struct x64_buf *b, int size, struct x64_mem m, int src);
void x64_store_i(struct x64_buf *b, int size, struct x64_mem m, int32_t imm); /* 8: sign extended */
void x64_ext_rr(struct x64_buf *b, int size, bool sext, int w, int dst, int src);
void x64_lea(struct x64_buf *b, int w, int dst, struct x64_mem m);
/* size 2, 4 or 8; a load of size 2 leaves the bits above 15 as they are */
void x64_movbe_load(struct x64_buf *b, int size, int dst, struct x64_mem m);
void x64_movbe_store(struct x64_buf *b, int size, struct x64_mem m, int src);
void x64_bswap(struct x64_buf *b, int w, int r);
void x64_push(struct x64_buf *b, int r);
void x64_pop(struct x64_buf *b, int r);
void x64_push_m(struct x64_buf *b, struct x64_mem m);
void x64_pop_m(struct x64_buf *b, struct x64_mem m);
void x64_push_i(struct x64_buf *b, int32_t imm);
void x64_pushfq(struct x64_buf *b);
void x64_popfq(struct x64_buf *b);
void x64_xchg_rr(struct x64_buf *b, int w, int a, int c);

/* ---- Shifts ---- */
enum x64_shift { X64_ROL, X64_ROR, X64_RCL, X64_RCR, X64_SHL, X64_SHR, X64_SAR = 7 };

void x64_shift_ri(struct x64_buf *b, enum x64_shift op, int w, int dst, int imm);
void x64_shift_cl(struct x64_buf *b, enum x64_shift op, int w, int dst);
void x64_shift_mi(struct x64_buf *b, enum x64_shift op, int w, struct x64_mem m, int imm);
void x64_shift_sz_ri(struct x64_buf *b, enum x64_shift op, int size, int dst, int imm);
void x64_shld_rri(struct x64_buf *b, int w, int dst, int src, int imm);
void x64_shrd_rri(struct x64_buf *b, int w, int dst, int src, int imm);
void x64_rorx(struct x64_buf *b, int w, int dst, int src, int imm);
void x64_rorx_m(struct x64_buf *b, int w, int dst, struct x64_mem m, int imm);
void x64_shlx(struct x64_buf *b, int w, int dst, int src, int count);
void x64_shrx(struct x64_buf *b, int w, int dst, int src, int count);
void x64_sarx(struct x64_buf *b, int w, int dst, int src, int count);
void x64_shlx_m(struct x64_buf *b, int w, int dst, struct x64_mem m, int count);
void x64_shrx_m(struct x64_buf *b, int w, int dst, struct x64_mem m, int count);
void x64_sarx_m(struct x64_buf *b, int w, int dst, struct x64_mem m, int count);

/* ---- Bits: BMI1, BMI2, LZCNT, POPCNT, BT ---- */
void x64_andn(struct x64_buf *b, int w, int dst, int inverted, int src); /* dst = ~inverted & src */
void x64_andn_m(struct x64_buf *b, int w, int dst, int inverted, struct x64_mem m);
void x64_bextr(struct x64_buf *b, int w, int dst, int src, int control);
void x64_bzhi(struct x64_buf *b, int w, int dst, int src, int count);
void x64_pext(struct x64_buf *b, int w, int dst, int src, int mask);
void x64_pdep(struct x64_buf *b, int w, int dst, int src, int mask);
void x64_blsr(struct x64_buf *b, int w, int dst, int src);
void x64_blsi(struct x64_buf *b, int w, int dst, int src);
void x64_blsmsk(struct x64_buf *b, int w, int dst, int src);
/* hi:lo = rdx * src */
void x64_mulx(struct x64_buf *b, int w, int hi, int lo, int src);
void x64_mulx_m(struct x64_buf *b, int w, int hi, int lo, struct x64_mem m);
void x64_lzcnt(struct x64_buf *b, int w, int dst, int src);
void x64_tzcnt(struct x64_buf *b, int w, int dst, int src);
void x64_popcnt(struct x64_buf *b, int w, int dst, int src);
void x64_bt_ri(struct x64_buf *b, int w, int r, int bit);
void x64_bt_rr(struct x64_buf *b, int w, int r, int bit_reg);
void x64_bt_mi(struct x64_buf *b, int w, struct x64_mem m, int bit);
void x64_bts_ri(struct x64_buf *b, int w, int r, int bit);
void x64_bts_mi(struct x64_buf *b, int w, struct x64_mem m, int bit);
void x64_btr_ri(struct x64_buf *b, int w, int r, int bit);
void x64_btc_ri(struct x64_buf *b, int w, int r, int bit);
void x64_crc32(struct x64_buf *b, int size, int crc, int src); /* polynomial 0x11edc6f41 */

/* ---- Conditions and flags ---- */
enum x64_cc {
    X64_O, X64_NO, X64_B, X64_AE, X64_E, X64_NE, X64_BE, X64_A,
    X64_S, X64_NS, X64_P, X64_NP, X64_L, X64_GE, X64_LE, X64_G,
};

static inline enum x64_cc x64_cc_not(enum x64_cc cc) { return (enum x64_cc)(cc ^ 1); }

void x64_setcc(struct x64_buf *b, enum x64_cc cc, int r); /* the low byte of r only */
void x64_setcc_m(struct x64_buf *b, enum x64_cc cc, struct x64_mem m);
void x64_cmov(struct x64_buf *b, enum x64_cc cc, int w, int dst, int src);
void x64_cmov_m(struct x64_buf *b, enum x64_cc cc, int w, int dst, struct x64_mem m);
void x64_cmc(struct x64_buf *b);
void x64_stc(struct x64_buf *b);
void x64_clc(struct x64_buf *b);
void x64_lahf(struct x64_buf *b);
void x64_sahf(struct x64_buf *b);

/* ---- Atomics, fences, other ---- */
void x64_lock(struct x64_buf *b); /* the prefix of the next instruction */
void x64_xchg_mr(struct x64_buf *b, int size, struct x64_mem m, int r);
void x64_cmpxchg_mr(struct x64_buf *b, int size, struct x64_mem m, int src);
void x64_xadd_mr(struct x64_buf *b, int size, struct x64_mem m, int r);
void x64_cmpxchg16b(struct x64_buf *b, struct x64_mem m);
void x64_mfence(struct x64_buf *b);
void x64_lfence(struct x64_buf *b);
void x64_sfence(struct x64_buf *b);
void x64_rdtsc(struct x64_buf *b);
void x64_rdtscp(struct x64_buf *b);
void x64_pause(struct x64_buf *b);
void x64_ud2(struct x64_buf *b);
void x64_int3(struct x64_buf *b);
void x64_nop(struct x64_buf *b, unsigned bytes); /* as few instructions as possible */
void x64_ret(struct x64_buf *b);
/* How near: 0 nta, 1 to 3: t0 to t2. */
void x64_prefetch(struct x64_buf *b, unsigned hint, struct x64_mem m);
void x64_stmxcsr(struct x64_buf *b, struct x64_mem m);
void x64_ldmxcsr(struct x64_buf *b, struct x64_mem m);
void x64_prefetcht0(struct x64_buf *b, struct x64_mem m);
void x64_prefetchw(struct x64_buf *b, struct x64_mem m);

/* ---- Branches ---- */
/* To a known place: always rel32, the last 4 bytes of the instruction, so that it can be changed
 * later (x64_patch_to(b->p, elsewhere)). x64_jcc_near, x64_jmp_near: rel8 where it reaches. */
void x64_jcc(struct x64_buf *b, enum x64_cc cc, const uint8_t *target);
void x64_jmp(struct x64_buf *b, const uint8_t *target);
void x64_call(struct x64_buf *b, const uint8_t *target);
void x64_jcc_near(struct x64_buf *b, enum x64_cc cc, const uint8_t *target);
void x64_jmp_near(struct x64_buf *b, const uint8_t *target);
void x64_jmp_r(struct x64_buf *b, int r);
void x64_jmp_m(struct x64_buf *b, struct x64_mem m);
void x64_call_r(struct x64_buf *b, int r);
void x64_call_m(struct x64_buf *b, struct x64_mem m);
/* Forward: the point is the end of the branch; NULL when the buffer is full. The form with 8 has a
 * reach of 127 bytes, which x64_patch checks. */
uint8_t *x64_jcc_fwd(struct x64_buf *b, enum x64_cc cc);
uint8_t *x64_jmp_fwd(struct x64_buf *b);
uint8_t *x64_call_fwd(struct x64_buf *b);
uint8_t *x64_jcc_fwd8(struct x64_buf *b, enum x64_cc cc);
uint8_t *x64_jmp_fwd8(struct x64_buf *b);
/* Lets the forward branch go to b->p. Once for each point. */
void x64_patch(struct x64_buf *b, uint8_t *point);
/* Lets the branch with the rel32 that ends at point, bound or not, go to target: one aligned or
 * unaligned 4-byte store. */
void x64_patch_to(uint8_t *point, const uint8_t *target);
/* lea dst, [rip + forward]: the address of the place that x64_patch binds. */
uint8_t *x64_lea_fwd(struct x64_buf *b, int dst);

/* ---- Vectors ----
 * Registers are 0..31. VEX is emitted where it exists, all registers are below 16 and L < 2, else
 * EVEX (whose presence, with AVX512VL, the caller knows). L: 0 = 128, 1 = 256, 2 = 512 bits: the
 * length of the WIDEST operand (vpmovzxbw ymm, xmm and vpmovwb xmm, ymm: 1); ignored by scalar
 * operations and those that exist for 128 bits only. The rows, and what each has: vec_ops.def.
 * Shifts by an immediate are rows of their own: X64_VPSLLW_I (x64_vrri).
 */
enum x64_vop {
#define X(name, enc, map, pp, opcode, w, form, tuple, lengths, flags, aux, evex_name) X64_##name,
#include "x64/vec_ops.def"
#undef X
    X64_VOP_COUNT
};

enum x64_rc { X64_RN, X64_RD, X64_RU, X64_RZ }; /* nearest, down, up, toward zero; exceptions off */

/* 3 operands; with memory; with an immediate */
void x64_vrrr(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, int src2);
void x64_vrrm(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m);
void x64_vrrri(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, int src2, int imm);
void x64_vrrmi(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m,
                int imm);
/* 2 operands */
void x64_vrr(struct x64_buf *b, enum x64_vop op, int L, int dst, int src);
void x64_vrm(struct x64_buf *b, enum x64_vop op, int L, int dst, struct x64_mem m);
void x64_vrri(struct x64_buf *b, enum x64_vop op, int L, int dst, int src, int imm);
void x64_vrmi(struct x64_buf *b, enum x64_vop op, int L, int dst, struct x64_mem m, int imm);
/* stores: moves, vpmovXX (narrowing), vextract*, vcvtps2ph */
void x64_vmr(struct x64_buf *b, enum x64_vop op, int L, struct x64_mem m, int src);
void x64_vmri(struct x64_buf *b, enum x64_vop op, int L, struct x64_mem m, int src, int imm);

/* The same under mask k1..k7 (0: none); zeroing 0: unselected elements stay, 1: become 0. EVEX. */
void x64_k_vrrr(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int a, int src2);
void x64_k_vrrm(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int a,
                struct x64_mem m);
void x64_k_vrrri(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int a, int src2,
                 int imm);
void x64_k_vrr(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int src);
void x64_k_vrm(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, struct x64_mem m);
void x64_k_vrri(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int src, int imm);
void x64_k_vmr(struct x64_buf *b, enum x64_vop op, int L, int k, struct x64_mem m, int src);

/* With the memory operand's element (4 or 8 bytes: EVEX.W of the row) broadcast: {1toN}. EVEX. */
void x64_vrrm_bcst(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m);

/* With a rounding mode in the instruction and all FP exceptions suppressed: rows with ER (SAE rows
 * ignore rc), scalar or 512 bits. */
void x64_vrrr_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int dst, int a, int src2);
void x64_vrr_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int dst, int src);
void x64_vrrri_sae(struct x64_buf *b, enum x64_vop op, int dst, int a, int src2, int imm);
void x64_vrri_sae(struct x64_buf *b, enum x64_vop op, int dst, int src, int imm);

/* Compares and tests with a mask as destination (EVEX; under mask k if k != 0): X64_VCMPPS.. and
 * X64_VPCMPB.. take imm; X64_VPCMPEQB.., X64_VPCMPGTB.., X64_VPTESTMB.. ignore it. */
void x64_vcmp_k(struct x64_buf *b, enum x64_vop op, int L, int kdst, int a, int src2, int imm);
void x64_vcmp_km(struct x64_buf *b, enum x64_vop op, int L, int kdst, int a, struct x64_mem m,
                 int imm);
void x64_k_vcmp_k(struct x64_buf *b, enum x64_vop op, int L, int k, int kdst, int a, int src2,
                  int imm);
void x64_vfpclass_k(struct x64_buf *b, enum x64_vop op, int L, int kdst, int src, int imm);

/* dst = mask's sign bits ? src2 : a. X64_VPBLENDVB, X64_VBLENDVPS, X64_VBLENDVPD; registers < 16 */
void x64_vblendv(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, int src2, int mask);
void x64_vblendv_m(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m,
                   int mask);

/* Between general and vector registers. w: vmovd or vmovq. */
void x64_vmov_xr(struct x64_buf *b, int w, int x, int r);
void x64_vmov_rx(struct x64_buf *b, int w, int r, int x);
void x64_vpextr(struct x64_buf *b, int size, int r, int x, int lane);
void x64_vpextr_m(struct x64_buf *b, int size, struct x64_mem m, int x, int lane);
void x64_vpinsr(struct x64_buf *b, int size, int dst, int a, int r, int lane);
void x64_vpinsr_m(struct x64_buf *b, int size, int dst, int a, struct x64_mem m, int lane);
/* X64_VMOVMSKPS, X64_VMOVMSKPD, X64_VPMOVMSKB; x < 16 */
void x64_vmovmsk(struct x64_buf *b, enum x64_vop op, int L, int r, int x);
/* X64_VCVTSI2SD/SS, X64_VCVTUSI2SD/SS; the upper part of dst from a */
void x64_vcvt_xr(struct x64_buf *b, enum x64_vop op, int w, int dst, int a, int r);
void x64_vcvt_xr_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int w, int dst, int a,
                    int r);
/* X64_VCVTSD2SI, X64_VCVTTSD2SI, X64_VCVTSS2SI, .., and to unsigned: X64_VCVTSD2USI, .. */
void x64_vcvt_rx(struct x64_buf *b, enum x64_vop op, int w, int r, int x);
void x64_vcvt_rx_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int w, int r, int x);
void x64_vpbroadcast_r(struct x64_buf *b, int size, int L, int k, int z, int dst, int r); /* EVEX */
void x64_vpmovm2(struct x64_buf *b, int size, int L, int dst, int k); /* each element: mask bit */
void x64_vpmov2m(struct x64_buf *b, int size, int L, int k, int src); /* each mask bit: sign */
void x64_vzeroupper(struct x64_buf *b);

/* Mask registers k0..k7; `size` bytes of them. */
enum x64_kop { X64_KAND, X64_KANDN, X64_KOR, X64_KXNOR, X64_KXOR, X64_KADD };

void x64_kop(struct x64_buf *b, enum x64_kop op, int size, int dst, int a, int c);
void x64_knot(struct x64_buf *b, int size, int dst, int src);
void x64_kortest(struct x64_buf *b, int size, int a, int c);
void x64_ktest(struct x64_buf *b, int size, int a, int c);
void x64_kshiftl(struct x64_buf *b, int size, int dst, int src, int imm);
void x64_kshiftr(struct x64_buf *b, int size, int dst, int src, int imm);
void x64_kmov_kr(struct x64_buf *b, int size, int k, int r);
void x64_kmov_rk(struct x64_buf *b, int size, int r, int k);
void x64_kmov_kk(struct x64_buf *b, int size, int dst, int src);
void x64_kmov_km(struct x64_buf *b, int size, int k, struct x64_mem m);
void x64_kmov_mk(struct x64_buf *b, int size, struct x64_mem m, int k);

/* SHA extensions: legacy encoding, registers < 16; sha256rnds2 reads xmm0 too; imm: sha1rnds4. */
enum x64_sha {
    X64_SHA1NEXTE, X64_SHA1MSG1, X64_SHA1MSG2, X64_SHA256RNDS2, X64_SHA256MSG1, X64_SHA256MSG2,
};

void x64_sha_rr(struct x64_buf *b, enum x64_sha op, int dst, int src);
void x64_sha_rm(struct x64_buf *b, enum x64_sha op, int dst, struct x64_mem m);
void x64_sha1rnds4(struct x64_buf *b, int dst, int src, int imm);

#endif
