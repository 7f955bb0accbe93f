/*
 * Arm floating-point arithmetic as pure functions on integers.
 *
 * What: the shared floating-point functions of the Arm Architecture Reference Manual (DDI 0487,
 * J1 "shared/functions/float"): FPAdd, FPMulAdd, FPConvert, FPToFixed, ... for half, single and
 * double precision, and the BFloat16 functions. Every result bit and every cumulative flag is
 * computed with integer instructions; the host's floating-point unit is never asked, so the result
 * cannot depend on its state or its make.
 *
 * Conventions
 *  - `esize` is the operand size in bits: 16, 32 or 64 (any other value is treated as 64).
 *  - Operands are the low `esize` bits of a uint64_t, whatever is above is ignored; results are
 *    zero-extended.
 *  - `env` is the architected state: fpcr is read only, flags are ORed into fpsr. Every function is
 *    @vcpu on that environment (two environments are independent: there is no other state), none
 *    can fail, none allocates.
 *  - FPCR bits honoured: RMode, FZ, FZ16, AHP, DN. FEAT_AFP and FEAT_RPRES are not implemented (AH,
 *    FIZ and NEP are RES0), the trap enables are RAZ: exceptions only accumulate.
 *  - Where an instruction names its own rounding (FCVTNS, FRINTA, FCVTXN) the function takes it as
 *    an argument; all others use fp_rounding_mode(env->fpcr).
 *
 * Callers negate operands themselves (FNMADD, FMLS, FCADD, FCMLA, FMLSL: fp_neg on the operand the
 * manual names), and take FABD as fp_abs(fp_sub()): these are bit operations also on NaNs.
 */
#ifndef A64_FP_H
#define A64_FP_H

#include <stdbool.h>
#include <stdint.h>

#define FPCR_FZ16 (1u << 19)
#define FPCR_RMODE_SHIFT 22
#define FPCR_RMODE (3u << FPCR_RMODE_SHIFT)
#define FPCR_FZ (1u << 24)
#define FPCR_DN (1u << 25)
#define FPCR_AHP (1u << 26)
#define FPCR_MASK (FPCR_FZ16 | FPCR_RMODE | FPCR_FZ | FPCR_DN | FPCR_AHP) // writable bits

#define FPSR_IOC (1u << 0)
#define FPSR_DZC (1u << 1)
#define FPSR_OFC (1u << 2)
#define FPSR_UFC (1u << 3)
#define FPSR_IXC (1u << 4)
#define FPSR_IDC (1u << 7)
#define FPSR_QC (1u << 27) // set by saturating SIMD integer instructions, never here
#define FPSR_MASK (FPSR_IOC | FPSR_DZC | FPSR_OFC | FPSR_UFC | FPSR_IXC | FPSR_IDC | FPSR_QC)

// The registers the functions act on; struct a64_cpu embeds exactly this.
struct fp_env {
    uint32_t fpcr;
    uint32_t fpsr;
};

// FPRounding. The first four have the encodings of FPCR.RMode. (<math.h> has a macro FP_ZERO of its
// own: nothing that computes for the guest needs that header, and it does not go with this one.)
enum fp_rounding {
    FP_TIEEVEN = 0,
    FP_POSINF = 1,
    FP_NEGINF = 2,
    FP_ZERO = 3,
    FP_TIEAWAY = 4, // only to integers: fp_to_fixed, fp_round_int, fp_round_int_n
    FP_ODD = 5,     // only fp_convert (FCVTXN)
};

// NZCV as fp_compare returns it.
#define FP_NZCV_N 8u
#define FP_NZCV_Z 4u
#define FP_NZCV_C 2u
#define FP_NZCV_V 1u

// FPRoundingMode(): the rounding that FPCR selects. @any
static inline enum fp_rounding fp_rounding_mode(uint32_t fpcr)
{
    return (enum fp_rounding)((fpcr & FPCR_RMODE) >> FPCR_RMODE_SHIFT);
}

// FPAbs(): clears the sign bit, NaNs included; no flags. @any
static inline uint64_t fp_abs(unsigned esize, uint64_t op)
{
    return op & (((uint64_t)1 << (esize - 1)) - 1);
}

// FPNeg(): inverts the sign bit, NaNs included; no flags. Bits above esize stay as they are. @any
static inline uint64_t fp_neg(unsigned esize, uint64_t op)
{
    return op ^ ((uint64_t)1 << (esize - 1));
}

/* ---- Arithmetic (fp_arith.c) ---- */

// FPAdd(): op1 + op2. @vcpu
uint64_t fp_add(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPSub(): op1 - op2 (a NaN op2 keeps its sign). @vcpu
uint64_t fp_sub(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPMul(): op1 * op2. @vcpu
uint64_t fp_mul(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPMulX(): FPMul, but zero times infinity is 2.0 with the product's sign. @vcpu
uint64_t fp_mulx(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPDiv(): op1 / op2. @vcpu
uint64_t fp_div(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPMulAdd(): addend + op1 * op2 with one rounding. @vcpu
uint64_t fp_muladd(struct fp_env *env, unsigned esize, uint64_t addend, uint64_t op1, uint64_t op2);
// FPMulAddH(): single-precision addend + op1 * op2 of half-precision op1, op2 (FMLAL). @vcpu
uint32_t fp_muladd_h(struct fp_env *env, uint32_t addend, uint16_t op1, uint16_t op2);
// FPSqrt(): square root. @vcpu
uint64_t fp_sqrt(struct fp_env *env, unsigned esize, uint64_t op);
// FPRecipStepFused(): 2.0 - op1 * op2 with one rounding (FRECPS). @vcpu
uint64_t fp_recip_step(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPRSqrtStepFused(): (3.0 - op1 * op2) / 2.0 with one rounding (FRSQRTS). @vcpu
uint64_t fp_rsqrt_step(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);

/* ---- Comparison (fp_compare.c) ---- */

// FPMax(): the larger; any NaN gives a NaN; +0 is larger than -0. @vcpu
uint64_t fp_max(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPMin(): the smaller; any NaN gives a NaN; -0 is smaller than +0. @vcpu
uint64_t fp_min(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPMaxNum(): the larger; a single quiet NaN loses against a number. @vcpu
uint64_t fp_maxnum(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPMinNum(): the smaller; a single quiet NaN loses against a number. @vcpu
uint64_t fp_minnum(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPCompare(): NZCV in bits 3..0; signal_nans raises IOC for quiet NaNs too (FCMPE). @vcpu
unsigned fp_compare(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2,
                    bool signal_nans);
// FPCompareEQ(): op1 == op2; IOC only for signalling NaNs. @vcpu
bool fp_compare_eq(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPCompareGE(): op1 >= op2; IOC for every NaN. @vcpu
bool fp_compare_ge(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);
// FPCompareGT(): op1 > op2; IOC for every NaN. @vcpu
bool fp_compare_gt(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);

/* ---- Conversion (fp_convert.c) ---- */

// FPConvert(): from one of the three formats to another; half honours AHP, never FZ16. @vcpu
uint64_t fp_convert(struct fp_env *env, unsigned to_esize, unsigned from_esize, uint64_t op,
                    enum fp_rounding rounding);
// FPRoundInt(): to an integral value in the same format; `exact` raises IXC (FRINTX). @vcpu
uint64_t fp_round_int(struct fp_env *env, unsigned esize, uint64_t op, enum fp_rounding rounding,
                      bool exact);
// FPRoundIntN(): as fp_round_int to a value that fits intsize (32, 64) signed bits, else the most
// negative such integer and IOC (FRINT32X, ...). esize is 32 or 64. @vcpu
uint64_t fp_round_int_n(struct fp_env *env, unsigned esize, uint64_t op, enum fp_rounding rounding,
                        unsigned intsize);
// FPToFixed(): to an isize-bit (16, 32, 64) integer with fbits fraction bits, saturating; the
// result is zero-extended from isize. fbits 0..64. @vcpu
uint64_t fp_to_fixed(struct fp_env *env, unsigned esize, uint64_t op, unsigned isize,
                     unsigned fbits, bool is_unsigned, enum fp_rounding rounding);
// FixedToFP(): from an isize-bit (16, 32, 64) integer with fbits fraction bits. @vcpu
uint64_t fp_from_fixed(struct fp_env *env, unsigned esize, uint64_t op, unsigned isize,
                       unsigned fbits, bool is_unsigned, enum fp_rounding rounding);
// FPToFixedJS(): double to int32 modulo 2^32 (FJCVTZS); *z gets PSTATE.Z, true if exact. @vcpu
uint32_t fp_to_fixed_js(struct fp_env *env, uint64_t op, bool *z);
// VFPExpandImm(): the esize-bit value of an 8-bit FMOV immediate. @any
uint64_t fp_expand_imm(unsigned esize, uint8_t imm8);

/* ---- Estimates (fp_estimate.c) ---- */

// FPRecipEstimate(): 1 / op to 8 bits (FRECPE). @vcpu
uint64_t fp_recip_estimate(struct fp_env *env, unsigned esize, uint64_t op);
// FPRSqrtEstimate(): 1 / sqrt(op) to 8 bits (FRSQRTE). @vcpu
uint64_t fp_rsqrt_estimate(struct fp_env *env, unsigned esize, uint64_t op);
// FPRecpX(): the reciprocal exponent (FRECPX). @vcpu
uint64_t fp_recpx(struct fp_env *env, unsigned esize, uint64_t op);
// UnsignedRecipEstimate() (URECPE). @any
uint32_t fp_unsigned_recip_estimate(uint32_t op);
// UnsignedRSqrtEstimate() (URSQRTE). @any
uint32_t fp_unsigned_rsqrt_estimate(uint32_t op);

/* ---- BFloat16 (fp_bf16.c), FEAT_BF16 without FEAT_EBF16 ---- */

// FPConvertBF(): single to BFloat16 with the given rounding (BFCVT). @vcpu
uint16_t fp_convert_bf(struct fp_env *env, uint32_t op, enum fp_rounding rounding);
// BFMulAddH(): single addend + op1 * op2 with one rounding, as FPMulAdd (BFMLALB, BFMLALT). @vcpu
uint32_t fp_bf_muladd(struct fp_env *env, uint32_t addend, uint16_t op1, uint16_t op2);
// BFDotAdd(): addend + (op1_a * op2_a + op1_b * op2_b), each step rounded to odd, denormals
// flushed, default NaN; reads no FPCR, raises no flags (BFDOT). @any
uint32_t fp_bf_dotadd(uint32_t addend, uint16_t op1_a, uint16_t op1_b, uint16_t op2_a,
                      uint16_t op2_b);
// BFMatMulAdd(): acc (2x2 of single, row major) += op1 (2x4) * op2 (2x4) transposed (BFMMLA). @any
void fp_bf_matmuladd(uint32_t acc[4], const uint16_t op1[8], const uint16_t op2[8]);

#endif
