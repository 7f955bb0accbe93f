/* What Arm's floating point should give, computed from real numbers and not from a64/fp*.c.
 *
 * Two parts. ref_exact.c finds the exact result of finite operands, as an integer of 128 bits times
 * a power of two and "something more follows": with MPFR for all formats, and with plain integers
 * for half precision, whose sums and products fit 128 bits as fixed-point numbers; the two are
 * compared with each other. ref.c has what the manual (DDI 0487 J1, "shared/functions/float") says
 * around that: operands, NaNs, infinities and zeroes, rounding, flags. It shares no code and no
 * method with the library under test, only the names of the FPCR and FPSR bits, of the roundings
 * and of NZCV from a64/fp.h.
 *
 * Every function takes operands as fp.h does, ORs its flags into *fpsr, and cannot fail.
 */
#ifndef TESTS_FP_REF_H
#define TESTS_FP_REF_H

#include "a64/fp.h"

#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 u128;

/* A format: exponent and fraction bits. */
struct ref_fmt {
    int e, f;
};

#define REF_HALF ((struct ref_fmt){5, 10})
#define REF_SINGLE ((struct ref_fmt){8, 23})
#define REF_DOUBLE ((struct ref_fmt){11, 52})
#define REF_BF16 ((struct ref_fmt){8, 7})

enum ref_class { REF_ZERO, REF_FINITE, REF_INF, REF_QNAN, REF_SNAN };

/* An operand; if FINITE its magnitude is m * 2^e, m < 2^53. */
struct ref_num {
    enum ref_class kind;
    bool neg;
    uint64_t m;
    int e;
};

/* A real: magnitude in [mant, mant + 1) * 2^exp, exactly mant * 2^exp unless `more`; then mant has
 * more than 100 bits. mant 0 is zero. */
struct ref_real {
    bool neg, more;
    u128 mant;
    int exp;
};

/* ---- Exact results of finite operands, zeroes included (ref_exact.c) ---- */

/* addend + a * b */
struct ref_real ref_exact_muladd(struct ref_num addend, struct ref_num a, struct ref_num b);
struct ref_real ref_exact_div(struct ref_num a, struct ref_num b);
struct ref_real ref_exact_sqrt(struct ref_num a);

/* The same for numbers of half precision, with integers only. */
struct ref_real ref_half_muladd(struct ref_num addend, struct ref_num a, struct ref_num b);
struct ref_real ref_half_div(struct ref_num a, struct ref_num b);
struct ref_real ref_half_sqrt(struct ref_num a);

/* ---- The functions of the manual (ref.c), named after those of fp.h ---- */

struct ref_env {
    uint32_t fpcr, fpsr;
    bool use_mpfr; /* for half precision too */
};

uint64_t ref_add(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_sub(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_mul(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_mulx(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_div(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_sqrt(struct ref_env *env, unsigned esize, uint64_t a);
uint64_t ref_muladd(struct ref_env *env, unsigned esize, uint64_t addend, uint64_t a, uint64_t b);
uint64_t ref_muladd_h(struct ref_env *env, uint64_t addend, uint64_t a, uint64_t b);
uint64_t ref_recip_step(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_rsqrt_step(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);

uint64_t ref_max(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_min(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_maxnum(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_minnum(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_compare(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b, bool signal);
uint64_t ref_compare_eq(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_compare_ge(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);
uint64_t ref_compare_gt(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b);

uint64_t ref_convert(struct ref_env *env, unsigned to, unsigned from, uint64_t a,
                     enum fp_rounding rounding);
uint64_t ref_round_int(struct ref_env *env, unsigned esize, uint64_t a, enum fp_rounding rounding,
                       bool exact);
uint64_t ref_round_int_n(struct ref_env *env, unsigned esize, uint64_t a, enum fp_rounding rounding,
                         unsigned intsize);
uint64_t ref_to_fixed(struct ref_env *env, unsigned esize, uint64_t a, unsigned isize,
                      unsigned fbits, bool is_unsigned, enum fp_rounding rounding);
uint64_t ref_from_fixed(struct ref_env *env, unsigned esize, uint64_t a, unsigned isize,
                        unsigned fbits, bool is_unsigned, enum fp_rounding rounding);
/* The integer, and PSTATE.Z as bit 32. */
uint64_t ref_to_fixed_js(struct ref_env *env, uint64_t a);
uint64_t ref_expand_imm(unsigned esize, uint64_t imm8);

uint64_t ref_recip_estimate(struct ref_env *env, unsigned esize, uint64_t a);
uint64_t ref_rsqrt_estimate(struct ref_env *env, unsigned esize, uint64_t a);
uint64_t ref_recpx(struct ref_env *env, unsigned esize, uint64_t a);
uint64_t ref_unsigned_recip_estimate(uint64_t a);
uint64_t ref_unsigned_rsqrt_estimate(uint64_t a);

uint64_t ref_convert_bf(struct ref_env *env, uint64_t a, enum fp_rounding rounding);
uint64_t ref_bf_dotadd(uint64_t addend, uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1);

#endif
