/*
 * Floating-point library, half precision: every operand of one-operand functions, random operands
 * of the others, against values computed another way.
 *
 * Every half is a multiple of 2^-24, every product of two a multiple of 2^-48, so that sums and
 * fused sums are exact in a 128-bit integer counting units of 2^-48. Rounding is a binary search in
 * the (ordered) list of all halves, which shares nothing with the shifts of fp_int.h. Quotients and
 * roots go through the host's double: 53 bits are more than 2 * 11 + 2, rounding twice is harmless.
 * (<math.h> has an FP_ZERO of its own: its functions are reached as __builtin_.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "a64/fp.h"
#include "fp_operands.h"

typedef __int128 fixed48; // units of 2^-48

enum { HALF_INF = 0x7c00, HALF_MAX = 0x7bff, HALF_MIN_NORMAL = 0x0400 };

/* ---- Reference ---- */

static fixed48 magnitude48(unsigned h)
{
    unsigned exp = h >> 10 & 31, frac = h & 0x3ff;

    return exp == 0 ? (fixed48)frac << 24 : (fixed48)(frac | 0x400) << (24 + exp - 1);
}

static fixed48 value48(uint64_t h)
{
    fixed48 m = magnitude48(h & 0x7fff);

    return h & 0x8000 ? -m : m;
}

static double value(uint64_t h)
{
    return __builtin_ldexp((double)value48(h), -48);
}

static bool is_nan(uint64_t h)
{
    return (h & 0x7fff) > HALF_INF;
}

static bool is_finite(uint64_t h)
{
    return (h & 0x7fff) < HALF_INF;
}

static bool goes_up(enum fp_rounding rounding, bool sign, int vs_half, bool odd)
{
    switch (rounding) {
    case FP_TIEEVEN:
        return vs_half > 0 || (vs_half == 0 && odd);
    case FP_TIEAWAY:
        return vs_half >= 0;
    case FP_POSINF:
        return !sign;
    case FP_NEGINF:
        return sign;
    default:
        return false;
    }
}

// Rounds a non-zero magnitude; 0x7c00 stands for the next step of 2^16, which is infinity.
static uint64_t round48(bool sign, fixed48 m, enum fp_rounding rounding, uint32_t *fpsr)
{
    unsigned lo = 0, hi = HALF_INF; // magnitude48(lo) <= m
    fixed48 below, above;

    if (m >= magnitude48(HALF_INF)) {
        *fpsr |= FPSR_OFC | FPSR_IXC;
        return (sign ? 0x8000 : 0) | (goes_up(rounding, sign, 1, false) ? HALF_INF : HALF_MAX);
    }
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;

        if (magnitude48(mid) <= m)
            lo = mid;
        else
            hi = mid;
    }
    below = m - magnitude48(lo);
    above = magnitude48(hi) - m;
    if (below != 0) {
        *fpsr |= FPSR_IXC | (m < magnitude48(HALF_MIN_NORMAL) ? FPSR_UFC : 0);
        if (goes_up(rounding, sign, below > above ? 1 : below < above ? -1 : 0, lo & 1))
            lo = hi;
    }
    if (lo == HALF_INF)
        *fpsr |= FPSR_OFC;
    return (sign ? 0x8000 : 0) | lo;
}

static void expect(const char *what, uint64_t a, uint64_t b, uint64_t c, uint64_t ours,
                   uint32_t fpsr, uint64_t ref, uint32_t ref_fpsr)
{
    if (ours != ref || fpsr != ref_fpsr)
        fail_msg("%s %llx %llx %llx: %llx fpsr %x, expected %llx %x", what, (unsigned long long)a,
                 (unsigned long long)b, (unsigned long long)c, (unsigned long long)ours, fpsr,
                 (unsigned long long)ref, ref_fpsr);
}

static void expect_rounded(const char *what, uint64_t a, uint64_t b, uint64_t c, uint64_t ours,
                           uint32_t fpsr, fixed48 v, enum fp_rounding rounding)
{
    uint32_t flags = 0;
    uint64_t ref = round48(v < 0, v < 0 ? -v : v, rounding, &flags);

    expect(what, a, b, c, ours, fpsr, ref, flags);
}

/* ---- Two and three operands ---- */

static void test_half_muladd_mul_and_add_equal_exact_integers(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 300000; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct fp_env env = { .fpcr = (uint32_t)rounding << FPCR_RMODE_SHIFT };
        uint64_t a = fp_operand(&seed, 16), b = fp_operand(&seed, 16), c = fp_operand(&seed, 16);
        uint64_t ours;
        fixed48 v;

        if (!is_finite(a) || !is_finite(b) || !is_finite(c))
            continue;
        v = (value48(a) >> 24) * (value48(b) >> 24); // 2^-24 * 2^-24
        ours = fp_mul(&env, 16, a, b);
        if (v == 0)
            expect("mul", a, b, 0, ours, env.fpsr, (a ^ b) & 0x8000, 0);
        else
            expect_rounded("mul", a, b, 0, ours, env.fpsr, v, rounding);

        v += value48(c);
        env.fpsr = 0;
        ours = fp_muladd(&env, 16, c, a, b);
        if (v != 0)
            expect_rounded("muladd", a, b, c, ours, env.fpsr, v, rounding);

        v = value48(a) + value48(c);
        env.fpsr = 0;
        ours = fp_add(&env, 16, a, c);
        if (v != 0)
            expect_rounded("add", a, c, 0, ours, env.fpsr, v, rounding);

        v = ((fixed48)2 << 48) - (value48(a) >> 24) * (value48(b) >> 24);
        env.fpsr = 0;
        ours = fp_recip_step(&env, 16, a, b);
        if (v != 0)
            expect_rounded("recip_step", a, b, 0, ours, env.fpsr, v, rounding);
    }
}

// Rounds |d| (not zero).
static uint64_t round_double(bool sign, double d, enum fp_rounding rounding, uint32_t *fpsr)
{
    double scaled = __builtin_ldexp(d, 48), whole;
    double frac = __builtin_modf(scaled, &whole);
    fixed48 m = (fixed48)whole;

    if (frac == 0)
        return round48(sign, m, rounding, fpsr);
    // Not a multiple of 2^-48: no half and no middle of two, so that an odd unit stands for it.
    return round48(sign, m | 1, rounding, fpsr);
}

static void test_half_div_equals_double_division(void **state)
{
    uint64_t seed = 5;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct fp_env env = { .fpcr = (uint32_t)rounding << FPCR_RMODE_SHIFT };
        uint64_t a = fp_operand(&seed, 16), b = fp_operand(&seed, 16), ours, ref;
        uint32_t flags = 0;

        if (!is_finite(a) || !is_finite(b) || (a & 0x7fff) == 0 || (b & 0x7fff) == 0)
            continue;
        ours = fp_div(&env, 16, a, b);
        ref = round_double((a ^ b) >> 15 & 1, __builtin_fabs(value(a) / value(b)), rounding,
                           &flags);
        expect("div", a, b, 0, ours, env.fpsr, ref, flags);
    }
}

/* ---- All operands of one-operand functions ---- */

static void test_half_sqrt_of_every_operand(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4 * 0x7c00; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct fp_env env = { .fpcr = (uint32_t)rounding << FPCR_RMODE_SHIFT };
        uint64_t h = i >> 2, ours = fp_sqrt(&env, 16, h);
        uint32_t flags = 0;

        if (h == 0) {
            assert_int_equal(ours, 0);
            continue;
        }

        uint64_t ref = round_double(false, __builtin_sqrt(value(h)), rounding, &flags);

        expect("sqrt", h, 0, 0, ours, env.fpsr, ref, flags);
    }
}

static double round_real(double d, enum fp_rounding rounding)
{
    double down = __builtin_floor(d), diff = d - down;

    switch (rounding) {
    case FP_TIEEVEN:
        return diff > 0.5 || (diff == 0.5 && __builtin_fmod(down, 2) != 0) ? down + 1 : down;
    case FP_TIEAWAY:
        return diff > 0.5 || (diff == 0.5 && down >= 0) ? down + 1 : down;
    case FP_POSINF:
        return __builtin_ceil(d);
    case FP_NEGINF:
        return down;
    default:
        return __builtin_trunc(d);
    }
}

static void test_half_round_int_of_every_operand(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5 * 0x10000; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i >> 16);
        struct fp_env env = { 0 };
        uint64_t h = i & 0xffff, ours = fp_round_int(&env, 16, h, rounding, true);
        double r;

        if (is_nan(h)) {
            assert_int_equal(ours, h | 0x200);
            assert_int_equal(env.fpsr, h & 0x200 ? 0 : FPSR_IOC);
            continue;
        }
        if (!is_finite(h)) {
            assert_int_equal(ours, h);
            continue;
        }
        r = round_real(value(h), rounding);
        assert_true(value(ours) == r);
        assert_int_equal(ours >> 15, h >> 15);
        assert_int_equal(env.fpsr, r == value(h) ? 0 : FPSR_IXC);
    }
}

static void check_to_fixed(uint64_t h, enum fp_rounding rounding, unsigned isize, unsigned fbits,
                           bool is_unsigned)
{
    struct fp_env env = { 0 };
    uint64_t ours = fp_to_fixed(&env, 16, h, isize, fbits, is_unsigned, rounding), ref;
    double limit = __builtin_ldexp(1, (int)isize - !is_unsigned), low = is_unsigned ? 0 : -limit;
    double exact = is_nan(h) ? 0 : is_finite(h) ? __builtin_ldexp(value(h), (int)fbits)
                                                : (h & 0x8000 ? -1e30 : 1e30);
    double r = round_real(exact, rounding);
    uint64_t ones = isize == 64 ? UINT64_MAX : ((uint64_t)1 << isize) - 1;
    uint32_t flags = r != exact ? FPSR_IXC : 0;

    if (r >= limit)
        ref = is_unsigned ? ones : ones >> 1, flags = FPSR_IOC;
    else if (r < low)
        ref = is_unsigned ? 0 : (ones >> 1) + 1, flags = FPSR_IOC;
    else
        ref = (r < 0 ? -(uint64_t)-r : (uint64_t)r) & ones;
    if (is_nan(h))
        flags = FPSR_IOC;
    expect("to_fixed", h, isize, fbits, ours, env.fpsr, ref, flags);
}

static void test_half_to_fixed_of_every_operand(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5 * 0x10000; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i >> 16);
        uint64_t h = i & 0xffff;

        check_to_fixed(h, rounding, 16, 0, false);
        check_to_fixed(h, rounding, 16, 0, true);
        check_to_fixed(h, rounding, 32, 13, false);
        check_to_fixed(h, rounding, 64, 50, i & 1);
    }
}

static void test_half_widens_and_narrows_back_for_every_operand(void **state)
{
    (void)state;
    for (uint64_t h = 0; h < 0x10000; h++) {
        struct fp_env env = { 0 };
        uint64_t s = fp_convert(&env, 32, 16, h, FP_TIEEVEN);
        uint64_t d = fp_convert(&env, 64, 16, h, FP_TIEEVEN);
        uint64_t quiet = is_nan(h) ? h | 0x200 : h;

        assert_int_equal(env.fpsr, is_nan(h) && !(h & 0x200) ? FPSR_IOC : 0);
        env.fpsr = 0;
        assert_int_equal(fp_convert(&env, 64, 32, s, FP_TIEEVEN), d);
        for (int mode = 0; mode < 6; mode++) {
            if (mode == FP_TIEAWAY)
                continue;
            assert_int_equal(fp_convert(&env, 16, 32, s, (enum fp_rounding)mode), quiet);
            assert_int_equal(fp_convert(&env, 16, 64, d, (enum fp_rounding)mode), quiet);
        }
        assert_int_equal(env.fpsr, 0);
        if (is_finite(h)) {
            double v = value(h);
            union {
                double d;
                uint64_t u;
            } u = { .d = v };

            assert_int_equal(d, v == 0 ? h << 48 : u.u);
        }
        // and through the alternative format, which has no special values
        env.fpcr = FPCR_AHP;
        s = fp_convert(&env, 32, 16, h, FP_TIEEVEN);
        assert_int_equal(fp_convert(&env, 16, 32, s, FP_TIEEVEN), h);
        assert_int_equal(env.fpsr, 0);
    }
}

// RecipEstimate() and RecipSqrtEstimate() are within 1/256 of the truth, exactly determined by it:
// the estimate of the middle of the operand's interval, rounded to nearest.
static void test_half_estimates_of_every_operand(void **state)
{
    (void)state;
    for (uint64_t h = 1; h < HALF_INF; h++) {
        struct fp_env env = { 0 };
        uint64_t r = fp_recip_estimate(&env, 16, h), q;
        double v = value(h), tolerance = 1.0 / 256;

        if (h <= 0xff) { // below 2^-16
            assert_int_equal(r, HALF_INF);
            assert_int_equal(env.fpsr, FPSR_OFC | FPSR_IXC);
        } else {
            if ((r & 0x7c00) == 0)
                tolerance += 1.0 / 1024; // a denormal has fewer bits
            assert_true(__builtin_fabs(value(r) * v - 1) <= tolerance);
            assert_int_equal(env.fpsr, 0);
        }
        env.fpsr = 0;
        q = fp_rsqrt_estimate(&env, 16, h);
        assert_true(__builtin_fabs(value(q) * __builtin_sqrt(v) - 1) <= 1.0 / 256);
        assert_int_equal(q & 3, 0);
        assert_int_equal(env.fpsr, 0);
    }
}

static void test_half_recpx_of_every_operand(void **state)
{
    (void)state;
    for (uint64_t h = 0; h < 0x10000; h++) {
        struct fp_env env = { 0 };
        uint64_t exp = h >> 10 & 31, r = fp_recpx(&env, 16, h);

        if (is_nan(h))
            assert_int_equal(r, h | 0x200);
        else
            assert_int_equal(r, (h & 0x8000) | (exp == 0 ? 30 : 31 - exp) << 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_muladd_mul_and_add_equal_exact_integers),
        cmocka_unit_test(test_half_div_equals_double_division),
        cmocka_unit_test(test_half_sqrt_of_every_operand),
        cmocka_unit_test(test_half_round_int_of_every_operand),
        cmocka_unit_test(test_half_to_fixed_of_every_operand),
        cmocka_unit_test(test_half_widens_and_narrows_back_for_every_operand),
        cmocka_unit_test(test_half_estimates_of_every_operand),
        cmocka_unit_test(test_half_recpx_of_every_operand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
