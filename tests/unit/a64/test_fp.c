// Floating-point library: the rules of the manual, one vector each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64/fp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RM(x) ((uint32_t)(x) << FPCR_RMODE_SHIFT)

#define IOC FPSR_IOC
#define DZC FPSR_DZC
#define OFC FPSR_OFC
#define UFC FPSR_UFC
#define IXC FPSR_IXC
#define IDC FPSR_IDC

#define S_QNAN 0x7fc00001u
#define S_SNAN 0x7f800001u
#define S_DNAN 0x7fc00000u
#define S_INF 0x7f800000u
#define S_NEG 0x80000000u

/* ---- Drivers ---- */

struct binary {
    uint64_t (*fn)(struct fp_env *, unsigned, uint64_t, uint64_t);
    unsigned esize;
    uint32_t fpcr;
    uint64_t a, b, result;
    uint32_t fpsr;
};

static void check_binary(const struct binary *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        uint64_t r = v[i].fn(&env, v[i].esize, v[i].a, v[i].b);

        if (r != v[i].result || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: result %llx fpsr %x, expected %llx %x", i, (unsigned long long)r,
                     env.fpsr, (unsigned long long)v[i].result, v[i].fpsr);
    }
}

struct unary {
    uint64_t (*fn)(struct fp_env *, unsigned, uint64_t);
    unsigned esize;
    uint32_t fpcr;
    uint64_t a, result;
    uint32_t fpsr;
};

static void check_unary(const struct unary *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        uint64_t r = v[i].fn(&env, v[i].esize, v[i].a);

        if (r != v[i].result || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: result %llx fpsr %x, expected %llx %x", i, (unsigned long long)r,
                     env.fpsr, (unsigned long long)v[i].result, v[i].fpsr);
    }
}

/* ---- Arithmetic ---- */

static void test_fp_processes_nans_signalling_first_then_in_order(void **state)
{
    static const struct binary v[] = {
        { fp_add, 32, 0, 0x3f800000, S_QNAN, S_QNAN, 0 },
        { fp_add, 32, 0, S_QNAN, 0x7fc00002, S_QNAN, 0 },
        { fp_add, 32, 0, S_QNAN, S_SNAN, 0x7fc00001, IOC },
        { fp_add, 32, 0, S_QNAN, 0xff800005, 0xffc00005, IOC },
        { fp_add, 32, 0, 0x7f800003, 0xff800005, 0x7fc00003, IOC },
        { fp_add, 32, FPCR_DN, S_QNAN, 0, S_DNAN, 0 },
        { fp_add, 32, FPCR_DN, 0, 0xff800005, S_DNAN, IOC },
        { fp_sub, 32, 0, 0, 0xffc00007, 0xffc00007, 0 }, // the sign of a NaN is not subtracted
        { fp_mul, 16, 0, 0x7c01, 0x7e55, 0x7e01, IOC },
        { fp_mul, 16, 0, 0xfc01, 0, 0xfe01, IOC },
        { fp_div, 64, 0, 0x7ff0000000000001, 0, 0x7ff8000000000001, IOC },
        { fp_recip_step, 32, 0, S_QNAN, 0, 0xffc00001, 0 }, // op1 is negated before
        { fp_recip_step, 32, 0, 0, S_QNAN, S_QNAN, 0 },
        { fp_rsqrt_step, 32, 0, 0xff800001, 0, 0x7fc00001, IOC },
        { fp_mulx, 32, 0, S_INF, S_SNAN, S_QNAN, IOC },
        // an input is flushed, and says so, even if the other one is a NaN
        { fp_add, 32, FPCR_FZ, S_QNAN, 1, S_QNAN, IDC },
        // bits above the element are ignored
        { fp_add, 16, 0, 0xabcd3c00, 0x12343c00, 0x4000, 0 },
        { fp_add, 32, 0, 0x1234567800000000 | S_SNAN, 0, S_QNAN, IOC },
    };
    (void)state;
    check_binary(v, COUNT(v));
}

static void test_fp_arithmetic_on_infinities_and_zeroes(void **state)
{
    static const struct binary v[] = {
        { fp_add, 32, 0, S_INF, S_INF | S_NEG, S_DNAN, IOC },
        { fp_add, 32, 0, S_INF, 0x3f800000, S_INF, 0 },
        { fp_sub, 32, 0, S_INF, S_INF, S_DNAN, IOC },
        { fp_sub, 32, 0, 0, S_INF, S_INF | S_NEG, 0 },
        { fp_add, 32, 0, S_NEG, S_NEG, S_NEG, 0 },
        { fp_add, 32, RM(FP_NEGINF), 0, S_NEG, S_NEG, 0 },
        { fp_add, 32, RM(FP_POSINF), 0, S_NEG, 0, 0 },
        { fp_add, 32, RM(FP_NEGINF), 0, 0, 0, 0 },
        { fp_sub, 64, RM(FP_NEGINF), 0x3ff0000000000000, 0x3ff0000000000000, 1ull << 63, 0 },
        { fp_sub, 64, 0, 0x3ff0000000000000, 0x3ff0000000000000, 0, 0 },
        { fp_mul, 32, 0, S_INF, 0, S_DNAN, IOC },
        { fp_mulx, 32, 0, S_INF, 0, 0x40000000, 0 },
        { fp_mulx, 32, 0, S_INF, S_NEG, 0xc0000000, 0 },
        { fp_mulx, 64, 0, 1ull << 63, 0xfff0000000000000, 0x4000000000000000, 0 },
        { fp_mulx, 16, 0, 0xfc00, 0, 0xc000, 0 },
        { fp_div, 32, 0, 0x3f800000, S_NEG, S_INF | S_NEG, DZC },
        { fp_div, 32, 0, S_INF, 0, S_INF, 0 }, // infinity by zero is exact
        { fp_div, 32, 0, 0, 0, S_DNAN, IOC },
        { fp_div, 32, 0, S_INF, S_INF, S_DNAN, IOC },
        { fp_div, 32, 0, 0x3f800000, S_INF | S_NEG, S_NEG, 0 },
        { fp_div, 32, FPCR_FZ, 0x3f800000, 1, S_INF, DZC | IDC },
        { fp_recip_step, 32, 0, S_INF, 0, 0x40000000, 0 },
        { fp_recip_step, 32, 0, S_INF, S_INF, S_INF | S_NEG, 0 },
        { fp_recip_step, 32, 0, 0x3f800000, 0x3f800000, 0x3f800000, 0 },
        { fp_recip_step, 32, RM(FP_NEGINF), 0x40000000, 0x3f800000, S_NEG, 0 },
        { fp_rsqrt_step, 32, 0, 0, S_INF, 0x3fc00000, 0 },
        { fp_rsqrt_step, 32, 0, 0x3f800000, 0x3f800000, 0x3f800000, 0 },
        { fp_rsqrt_step, 16, 0, 0, 0, 0x3e00, 0 },
        { fp_rsqrt_step, 64, 0, 0xfff0000000000000, 0, 0x3ff8000000000000, 0 },
    };
    (void)state;
    check_binary(v, COUNT(v));
}

static void test_fp_rounds_in_the_mode_of_fpcr(void **state)
{
    static const struct binary v[] = {
        { fp_add, 32, RM(FP_TIEEVEN), 0x3f800000, 0x33800000, 0x3f800000, IXC },
        { fp_add, 32, RM(FP_TIEEVEN), 0x3f800001, 0x33800000, 0x3f800002, IXC },
        { fp_add, 32, RM(FP_POSINF), 0x3f800000, 1, 0x3f800001, IXC },
        { fp_add, 32, RM(FP_NEGINF), 0x3f800000, 1, 0x3f800000, IXC },
        { fp_add, 32, RM(FP_NEGINF), 0xbf800000, S_NEG | 1, 0xbf800001, IXC },
        { fp_add, 32, RM(FP_ZERO), 0xbf800000, S_NEG | 1, 0xbf800000, IXC },
        { fp_sub, 32, RM(FP_ZERO), 0x3f800000, 1, 0x3f7fffff, IXC },
        { fp_mul, 32, RM(FP_TIEEVEN), 0x7f7fffff, 0x40000000, S_INF, OFC | IXC },
        { fp_mul, 32, RM(FP_ZERO), 0x7f7fffff, 0x40000000, 0x7f7fffff, OFC | IXC },
        { fp_mul, 32, RM(FP_NEGINF), 0x7f7fffff, 0x40000000, 0x7f7fffff, OFC | IXC },
        { fp_mul, 32, RM(FP_NEGINF), 0xff7fffff, 0x40000000, S_INF | S_NEG, OFC | IXC },
        { fp_mul, 32, RM(FP_POSINF), 0xff7fffff, 0x40000000, 0xff7fffff, OFC | IXC },
        { fp_mul, 16, 0, 0x7bff, 0x4000, 0x7c00, OFC | IXC },
        { fp_add, 16, 0, 0x7bff, 0x4bff, 0x7bff, IXC },       // just below the tie
        { fp_add, 16, 0, 0x7bff, 0x4c00, 0x7c00, OFC | IXC }, // the tie goes to infinity
        { fp_mul, 16, FPCR_AHP, 0x7bff, 0x4000, 0x7c00, OFC | IXC }, // AHP is not for arithmetic
    };
    (void)state;
    check_binary(v, COUNT(v));
}

static void test_fp_detects_tininess_before_rounding(void **state)
{
    static const struct binary v[] = {
        // (1 - 2^-24) * 2^-126 rounds up to the smallest normal, and is tiny nevertheless
        { fp_mul, 32, 0, 0x3f7fffff, 0x00800000, 0x00800000, UFC | IXC },
        { fp_mul, 32, RM(FP_POSINF), 0x3f7fffff, 0x00800000, 0x00800000, UFC | IXC },
        { fp_mul, 32, RM(FP_ZERO), 0x3f7fffff, 0x00800000, 0x007fffff, UFC | IXC },
        { fp_mul, 32, 0, 0x3f000000, 0x00800000, 0x00400000, 0 }, // exact: no underflow
        { fp_mul, 32, 0, 0x00800000, 0x00800000, 0, UFC | IXC },
        { fp_mul, 32, RM(FP_POSINF), 0x00800000, 0x00800000, 1, UFC | IXC },
        { fp_mul, 32, 0, 0x3f000000, 1, 0, UFC | IXC }, // half of the smallest: tie to even
        { fp_mul, 32, 0, 0x3f000000, 3, 2, UFC | IXC },
        { fp_add, 32, 0, 1, 1, 2, 0 },
        { fp_mul, 64, 0, 0x3fefffffffffffff, 0x0010000000000000, 0x0010000000000000, UFC | IXC },
        { fp_mul, 16, 0, 0x3bff, 0x0400, 0x0400, UFC | IXC },
    };
    (void)state;
    check_binary(v, COUNT(v));
}

static void test_fp_flushes_denormals(void **state)
{
    static const struct binary v[] = {
        { fp_add, 32, FPCR_FZ, 1, 0x3f800000, 0x3f800000, IDC },
        { fp_add, 32, FPCR_FZ, S_NEG | 1, S_NEG | 1, S_NEG, IDC },
        { fp_mul, 32, FPCR_FZ, 0x3f000000, 0x00800000, 0, UFC }, // no IXC; exact or not
        { fp_mul, 32, FPCR_FZ, 0xbf7fffff, 0x00800000, S_NEG, UFC },
        { fp_mul, 32, FPCR_FZ | RM(FP_POSINF), 0x3f000000, 0x00800000, 0, UFC },
        { fp_mul, 64, FPCR_FZ, 0x3fe0000000000000, 0x0010000000000000, 0, UFC },
        { fp_add, 16, FPCR_FZ, 1, 1, 2, 0 }, // FZ does not touch half precision
        { fp_add, 16, FPCR_FZ16, 1, 0x3c00, 0x3c00, 0 }, // and FZ16 raises no IDC
        { fp_add, 16, FPCR_FZ16, 1, 0, 0, 0 },
        { fp_mul, 16, FPCR_FZ16, 0x3800, 0x0400, 0, UFC },
        { fp_add, 32, FPCR_FZ16, 1, 1, 2, 0 },
        { fp_max, 32, FPCR_FZ, 1, S_NEG | 1, 0, IDC },
        { fp_min, 32, FPCR_FZ, 1, S_NEG | 1, S_NEG, IDC },
        { fp_max, 16, FPCR_FZ16, 2, 1, 0, 0 },
    };
    (void)state;
    check_binary(v, COUNT(v));
}

struct ternary {
    unsigned esize;
    uint32_t fpcr;
    uint64_t addend, a, b, result;
    uint32_t fpsr;
};

static void test_fp_muladd_is_fused_and_orders_nans_addend_first(void **state)
{
    static const struct ternary v[] = {
        { 32, 0, 0x3f800000, 0x40000000, 0x40400000, 0x40e00000, 0 },
        // (1 + 2^-23)^2 - (1 + 2^-22) = 2^-46: lost if the product were rounded
        { 32, 0, 0xbf800002, 0x3f800001, 0x3f800001, 0x28800000, 0 },
        { 64, 0, 0xbff0000000000002, 0x3ff0000000000001, 0x3ff0000000000001, 0x3970000000000000,
          0 },
        // an infinity times zero with a quiet addend is invalid and gives the default NaN
        { 32, 0, 0x7fc12345, S_INF, 0, S_DNAN, IOC },
        { 32, 0, 0xffc12345, 0, S_INF, S_DNAN, IOC },
        { 32, 0, 0x7f812345, S_INF, 0, 0x7fc12345, IOC },
        { 32, 0, 0, S_INF, 0, S_DNAN, IOC },
        { 32, 0, 0x7fc00003, 0x7fc00004, 0x7fc00005, 0x7fc00003, 0 },
        { 32, 0, 0, 0x7fc00004, 0x7fc00005, 0x7fc00004, 0 },
        { 32, 0, 0x7fc00003, 0x7fc00004, 0x7f800005, 0x7fc00005, IOC },
        { 32, 0, 0x7fc00003, 0x7f800004, 0x7f800005, 0x7fc00004, IOC },
        { 32, 0, S_INF, S_INF | S_NEG, 0x3f800000, S_DNAN, IOC },
        { 32, 0, S_INF, 0x7f7fffff, 0xff7fffff, S_INF, 0 },
        { 32, 0, S_NEG, S_NEG, 0x3f800000, S_NEG, 0 },
        { 32, 0, 0, S_NEG, 0x3f800000, 0, 0 },
        { 32, RM(FP_NEGINF), 0, S_NEG, 0x3f800000, S_NEG, 0 },
        { 32, 0, 0xbf800000, 0x3f800000, 0x3f800000, 0, 0 },
        { 32, 0, 0x3f800000, 1, 1, 0x3f800000, IXC },
        { 32, RM(FP_NEGINF), 0x3f800000, 1, S_NEG | 1, 0x3f7fffff, IXC },
        { 32, FPCR_FZ, 1, 0x3f800000, 1, 0, IDC },
        { 16, 0, 0x3c00, 0x4000, 0x4200, 0x4700, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };

        assert_int_equal(fp_muladd(&env, v[i].esize, v[i].addend, v[i].a, v[i].b), v[i].result);
        assert_int_equal(env.fpsr, v[i].fpsr);
    }
}

static void test_fp_muladd_h_widens_half_products(void **state)
{
    static const struct ternary v[] = {
        { 0, 0, 0x3f800000, 0x4000, 0x4200, 0x40e00000, 0 },
        { 0, 0, 0, 0x0001, 0x0001, 0x27800000, 0 }, // 2^-48
        { 0, FPCR_FZ16, 0x3f800000, 0x0001, 0x3c00, 0x3f800000, 0 },
        { 0, FPCR_FZ, 0x3f800000, 0x0001, 0x0001, 0x3f800000, IXC },
        { 0, FPCR_AHP, 0, 0x7c00, 0x3c00, S_INF, 0 },
        { 0, 0, 0x7fc00001, 0x7c00, 0, S_DNAN, IOC },
        { 0, 0, 0, 0x7e01, 0, 0x7fc02000, 0 },
        { 0, 0, 0x7fc00001, 0, 0xfc01, 0xffc02000, IOC },
        { 0, FPCR_DN, 0, 0, 0xfe01, S_DNAN, 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        uint32_t r = fp_muladd_h(&env, (uint32_t)v[i].addend, (uint16_t)v[i].a, (uint16_t)v[i].b);

        assert_int_equal(r, v[i].result);
        assert_int_equal(env.fpsr, v[i].fpsr);
    }
}

static void test_fp_sqrt_and_estimates_on_special_values(void **state)
{
    static const struct unary v[] = {
        { fp_sqrt, 32, 0, 0x40800000, 0x40000000, 0 },
        { fp_sqrt, 32, 0, 0x40000000, 0x3fb504f3, IXC },
        { fp_sqrt, 64, 0, 0x4000000000000000, 0x3ff6a09e667f3bcd, IXC },
        { fp_sqrt, 64, 0, 1, 0x1e60000000000000, 0 }, // sqrt(2^-1074)
        { fp_sqrt, 32, 0, S_NEG, S_NEG, 0 },
        { fp_sqrt, 32, 0, 0xbf800000, S_DNAN, IOC },
        { fp_sqrt, 32, 0, S_INF | S_NEG, S_DNAN, IOC },
        { fp_sqrt, 32, 0, S_INF, S_INF, 0 },
        { fp_sqrt, 32, 0, S_SNAN, S_QNAN, IOC },
        { fp_sqrt, 32, FPCR_FZ, S_NEG | 1, S_NEG, IDC },
        { fp_recip_estimate, 32, 0, 0x3f800000, 0x3f7f8000, 0 },
        { fp_recip_estimate, 64, 0, 0x4000000000000000, 0x3fdff00000000000, 0 },
        { fp_recip_estimate, 16, 0, 0x3c00, 0x3bfc, 0 },
        { fp_recip_estimate, 32, 0, S_NEG, S_INF | S_NEG, DZC },
        { fp_recip_estimate, 32, 0, S_INF | S_NEG, S_NEG, 0 },
        { fp_recip_estimate, 32, 0, 1, S_INF, OFC | IXC },
        { fp_recip_estimate, 32, RM(FP_ZERO), S_NEG | 1, 0xff7fffff, OFC | IXC },
        { fp_recip_estimate, 32, FPCR_FZ, 1, S_INF, DZC | IDC },
        { fp_recip_estimate, 32, 0, 0x00200000, 0x7f7f8000, 0 }, // 2^-128: the first that fits
        { fp_recip_estimate, 32, 0, 0x7e800000, 0x007fc000, 0 },
        { fp_recip_estimate, 32, FPCR_FZ, 0x7e800000, 0, UFC }, // would be denormal
        { fp_recip_estimate, 16, FPCR_FZ16, 0xf400, 0x8000, UFC },
        { fp_recip_estimate, 16, FPCR_FZ, 0xf400, 0x83fe, 0 },
        { fp_rsqrt_estimate, 32, 0, 0x3f800000, 0x3f7f8000, 0 },
        { fp_rsqrt_estimate, 32, 0, 0x40800000, 0x3eff8000, 0 },
        { fp_rsqrt_estimate, 32, 0, S_NEG, S_INF | S_NEG, DZC },
        { fp_rsqrt_estimate, 32, 0, 0xbf800000, S_DNAN, IOC },
        { fp_rsqrt_estimate, 32, 0, S_INF, 0, 0 },
        { fp_rsqrt_estimate, 32, FPCR_FZ, S_NEG | 1, S_INF | S_NEG, DZC | IDC },
        { fp_recpx, 32, 0, 0x3f800000, 0x40000000, 0 },
        { fp_recpx, 32, 0, 0xc0123456, 0xbf800000, 0 },
        { fp_recpx, 32, 0, 0, 0x7f000000, 0 },
        { fp_recpx, 32, 0, S_NEG | 1, 0xff000000, 0 },
        { fp_recpx, 32, FPCR_FZ, S_NEG | 1, 0xff000000, IDC },
        { fp_recpx, 32, 0, S_INF, 0, 0 },
        { fp_recpx, 16, 0, 0x7c01, 0x7e01, IOC },
    };
    (void)state;
    check_unary(v, COUNT(v));
    assert_int_equal(fp_unsigned_recip_estimate(0x7fffffff), 0xffffffff);
    assert_int_equal(fp_unsigned_recip_estimate(0x80000000), 0xff800000);
    assert_int_equal(fp_unsigned_recip_estimate(0xffffffff), 0x80000000);
    assert_int_equal(fp_unsigned_rsqrt_estimate(0x3fffffff), 0xffffffff);
    assert_int_equal(fp_unsigned_rsqrt_estimate(0x40000000), 0xff800000);
    assert_int_equal(fp_unsigned_rsqrt_estimate(0xffffffff), 0x80000000);
}

/* ---- Comparison ---- */

static void test_fp_max_min_order_zeroes_and_ignore_quiet_nans_only_as_num(void **state)
{
    static const struct binary v[] = {
        { fp_max, 32, 0, 0, S_NEG, 0, 0 },
        { fp_max, 32, 0, S_NEG, 0, 0, 0 },
        { fp_min, 32, 0, 0, S_NEG, S_NEG, 0 },
        { fp_min, 32, 0, S_NEG, 0, S_NEG, 0 },
        { fp_max, 64, 0, 1ull << 63, 0xbff0000000000000, 1ull << 63, 0 },
        { fp_max, 32, 0, 0xbf800000, 0xc0000000, 0xbf800000, 0 },
        { fp_min, 32, 0, 0xbf800000, 0xc0000000, 0xc0000000, 0 },
        { fp_min, 32, 0, S_INF, 0x7f7fffff, 0x7f7fffff, 0 },
        { fp_max, 32, 0, S_QNAN, 0x3f800000, S_QNAN, 0 },
        { fp_max, 32, 0, 0x3f800000, S_SNAN, S_QNAN, IOC },
        { fp_maxnum, 32, 0, S_QNAN, 0x3f800000, 0x3f800000, 0 },
        { fp_maxnum, 32, 0, 0xbf800000, S_QNAN, 0xbf800000, 0 },
        { fp_minnum, 32, 0, S_QNAN, S_INF, S_INF, 0 },
        { fp_maxnum, 32, 0, S_QNAN, S_INF | S_NEG, S_INF | S_NEG, 0 },
        { fp_maxnum, 32, 0, S_QNAN, S_NEG, S_NEG, 0 },
        { fp_maxnum, 32, 0, S_SNAN, 0x3f800000, S_QNAN, IOC },
        { fp_maxnum, 32, 0, 0x7fc00009, S_SNAN, S_QNAN, IOC },
        { fp_maxnum, 32, 0, 0x7fc00009, 0x7fc00008, 0x7fc00009, 0 },
        { fp_minnum, 32, FPCR_DN, 0x7fc00009, 0x7fc00008, S_DNAN, 0 },
        { fp_minnum, 32, FPCR_FZ, S_QNAN, S_NEG | 1, S_NEG, IDC },
    };
    (void)state;
    check_binary(v, COUNT(v));
}

static void test_fp_compare_gives_nzcv_and_signals_as_asked(void **state)
{
    static const struct {
        unsigned esize;
        uint32_t fpcr;
        uint64_t a, b;
        bool signal;
        unsigned nzcv;
        uint32_t fpsr;
    } v[] = {
        { 32, 0, 0, S_NEG, false, 6, 0 },
        { 32, 0, 0x3f800000, 0x40000000, false, 8, 0 },
        { 32, 0, 0xbf800000, 0xc0000000, false, 2, 0 },
        { 64, 0, 0xfff0000000000000, 0x7ff0000000000000, true, 8, 0 },
        { 32, 0, S_QNAN, 0, false, 3, 0 },
        { 32, 0, S_QNAN, 0, true, 3, IOC },
        { 32, 0, 0, S_SNAN, false, 3, IOC },
        { 32, FPCR_FZ, 1, S_NEG, false, 6, IDC },
        { 16, FPCR_FZ16, 1, 0x8002, false, 6, 0 },
        { 16, FPCR_AHP, 0x7c01, 0, false, 3, IOC }, // AHP does not act here
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };

        assert_int_equal(fp_compare(&env, v[i].esize, v[i].a, v[i].b, v[i].signal), v[i].nzcv);
        assert_int_equal(env.fpsr, v[i].fpsr);
    }
}

static void test_fp_compare_ge_gt_signal_quiet_nans_and_eq_does_not(void **state)
{
    struct fp_env env = { 0 };

    (void)state;
    assert_false(fp_compare_eq(&env, 32, S_QNAN, S_QNAN));
    assert_int_equal(env.fpsr, 0);
    assert_false(fp_compare_ge(&env, 32, S_QNAN, 0));
    assert_int_equal(env.fpsr, IOC);
    env.fpsr = 0;
    assert_false(fp_compare_gt(&env, 32, 0, S_QNAN));
    assert_int_equal(env.fpsr, IOC);
    env.fpsr = 0;
    assert_true(fp_compare_eq(&env, 64, 0, 1ull << 63));
    assert_true(fp_compare_ge(&env, 64, 0, 1ull << 63));
    assert_false(fp_compare_gt(&env, 64, 0, 1ull << 63));
    assert_true(fp_compare_gt(&env, 16, 0x3c00, 0xbc00));
    assert_false(fp_compare_ge(&env, 16, 0xbc00, 0x3c00));
    assert_int_equal(env.fpsr, 0);
    assert_false(fp_compare_eq(&env, 32, S_SNAN, 0));
    assert_int_equal(env.fpsr, IOC);
}

static void test_fp_flags_accumulate_and_fpcr_stays(void **state)
{
    struct fp_env env = { .fpcr = FPCR_DN, .fpsr = FPSR_QC | IDC };

    (void)state;
    fp_div(&env, 32, 0x3f800000, 0);
    fp_div(&env, 32, 0x3f800000, 0x40400000);
    fp_add(&env, 32, 0, 0);
    assert_int_equal(env.fpsr, FPSR_QC | IDC | DZC | IXC);
    assert_int_equal(env.fpcr, FPCR_DN);
}

/* ---- Conversion ---- */

static void test_fp_convert_between_formats(void **state)
{
    static const struct {
        unsigned to, from;
        uint32_t fpcr;
        uint64_t op;
        enum fp_rounding rounding;
        uint64_t result;
        uint32_t fpsr;
    } v[] = {
        { 32, 64, 0, 0x3ff0000000000001, FP_TIEEVEN, 0x3f800000, IXC },
        { 32, 64, 0, 0x3ff0000000000001, FP_ODD, 0x3f800001, IXC },
        { 32, 64, 0, 0x7fe0000000000000, FP_ODD, 0x7f7fffff, OFC | IXC },
        { 32, 64, 0, 0x0000000000000001, FP_ODD, 1, UFC | IXC },
        { 32, 64, FPCR_FZ, 0x3800000000000000, FP_TIEEVEN, 0, UFC }, // 2^-127
        { 32, 64, FPCR_FZ, 0x8000000000000001, FP_TIEEVEN, S_NEG, IDC },
        { 32, 64, 0, 0x7ff0000000000001, FP_TIEEVEN, S_DNAN, IOC },
        { 32, 64, 0, 0xfff8000020000000, FP_TIEEVEN, 0xffc00001, 0 },
        { 64, 32, 0, 0xff800001, FP_TIEEVEN, 0xfff8000020000000, IOC },
        { 64, 32, FPCR_DN, 0xff800001, FP_TIEEVEN, 0x7ff8000000000000, IOC },
        { 64, 32, 0, 1, FP_TIEEVEN, 0x36a0000000000000, 0 },
        { 64, 32, FPCR_FZ, 1, FP_TIEEVEN, 0, IDC },
        { 32, 16, FPCR_FZ | FPCR_FZ16, 1, FP_TIEEVEN, 0x33800000, 0 }, // FZ16 does not act
        { 16, 32, FPCR_FZ | FPCR_FZ16, 0x33800000, FP_TIEEVEN, 1, 0 },
        { 16, 32, 0, 0x33000000, FP_TIEEVEN, 0, UFC | IXC },
        { 16, 32, 0, 0x477ff000, FP_TIEEVEN, 0x7c00, OFC | IXC }, // 65520
        { 16, 32, 0, 0x477fefff, FP_TIEEVEN, 0x7bff, IXC },
        { 16, 32, 0, S_INF, FP_TIEEVEN, 0x7c00, 0 },
        { 16, 32, 0, 0x7f802000, FP_TIEEVEN, 0x7e01, IOC },
        // alternative half precision: no infinities, no NaNs, twice the range
        { 16, 32, FPCR_AHP, S_INF | S_NEG, FP_TIEEVEN, 0xffff, IOC },
        { 16, 32, FPCR_AHP, 0xffc00001, FP_TIEEVEN, 0x8000, IOC },
        { 16, 32, FPCR_AHP, 0x477ff000, FP_TIEEVEN, 0x7c00, IXC },
        { 16, 32, FPCR_AHP, 0x47ffe000, FP_TIEEVEN, 0x7fff, 0 },
        { 16, 32, FPCR_AHP, 0x47ffefff, FP_TIEEVEN, 0x7fff, IXC },
        { 16, 32, FPCR_AHP, 0x47fff000, FP_TIEEVEN, 0x7fff, IOC },
        { 16, 64, FPCR_AHP, 0xc7e0000000000000, FP_ZERO, 0xffff, IOC },
        { 32, 16, FPCR_AHP, 0x7c00, FP_TIEEVEN, 0x47800000, 0 },
        { 64, 16, FPCR_AHP, 0xffff, FP_TIEEVEN, 0xc0fffc0000000000, 0 },
        { 64, 16, 0, 0x7c01, FP_TIEEVEN, 0x7ff8040000000000, IOC },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        uint64_t r = fp_convert(&env, v[i].to, v[i].from, v[i].op, v[i].rounding);

        if (r != v[i].result || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: %llx fpsr %x", i, (unsigned long long)r, env.fpsr);
    }
}

static void test_fp_round_int_keeps_sign_and_raises_inexact_only_if_exact(void **state)
{
    static const struct {
        unsigned esize;
        uint64_t op;
        enum fp_rounding rounding;
        bool exact;
        uint64_t result;
        uint32_t fpsr;
    } v[] = {
        { 32, 0xbf000000, FP_TIEEVEN, true, S_NEG, IXC },
        { 32, 0xbf000000, FP_TIEAWAY, false, 0xbf800000, 0 },
        { 32, 0x40200000, FP_TIEEVEN, false, 0x40000000, 0 },
        { 32, 0x40200000, FP_TIEAWAY, false, 0x40400000, 0 },
        { 32, 1, FP_POSINF, true, 0x3f800000, IXC },
        { 32, 0x80000001, FP_NEGINF, false, 0xbf800000, 0 },
        { 32, 0x4b000001, FP_NEGINF, true, 0x4b000001, 0 },
        { 32, S_SNAN, FP_ZERO, false, S_QNAN, IOC },
        { 32, 0xff800000, FP_ZERO, true, 0xff800000, 0 },
        { 16, 0x63ff, FP_TIEEVEN, true, 0x6400, IXC }, // 1023.5
        { 64, 0x43dfffffffffffff, FP_TIEEVEN, true, 0x43dfffffffffffff, 0 },
        { 64, 0x432fffffffffffff, FP_TIEEVEN, true, 0x4330000000000000, IXC },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { 0 };

        assert_int_equal(fp_round_int(&env, v[i].esize, v[i].op, v[i].rounding, v[i].exact),
                         v[i].result);
        assert_int_equal(env.fpsr, v[i].fpsr);
    }
}

static void test_fp_round_int_n_saturates_to_the_most_negative(void **state)
{
    static const struct {
        unsigned esize, intsize;
        uint64_t op;
        uint64_t result;
        uint32_t fpsr;
    } v[] = {
        { 32, 32, 0x4f000000, 0xcf000000, IOC }, // 2^31
        { 32, 32, 0xcf000000, 0xcf000000, 0 },
        { 32, 32, 0x4effffff, 0x4effffff, 0 },
        { 32, 64, 0x5f000000, 0xdf000000, IOC },
        { 64, 32, 0x41dfffffffe00000, 0xc1e0000000000000, IOC }, // 2^31 - 0.5: no IXC
        { 64, 32, 0xc1e0000000100000, 0xc1e0000000000000, IXC },
        { 64, 64, 0x43e0000000000000, 0xc3e0000000000000, IOC },
        { 64, 64, 0x7ff8000000000001, 0xc3e0000000000000, IOC },
        { 32, 32, S_INF, 0xcf000000, IOC },
        { 32, 32, 0x80000000, 0x80000000, 0 },
        { 32, 32, 0xbe800000, 0x80000000, IXC },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { 0 };

        assert_int_equal(fp_round_int_n(&env, v[i].esize, v[i].op, FP_TIEEVEN, v[i].intsize),
                         v[i].result);
        assert_int_equal(env.fpsr, v[i].fpsr);
    }
}

static void test_fp_to_fixed_saturates_without_inexact(void **state)
{
    static const struct {
        unsigned esize;
        uint64_t op;
        unsigned isize, fbits;
        bool is_unsigned;
        enum fp_rounding rounding;
        uint64_t result;
        uint32_t fpsr;
    } v[] = {
        { 32, 0xbf000000, 32, 0, true, FP_ZERO, 0, IXC },
        { 32, 0xbf000000, 32, 0, true, FP_NEGINF, 0, IOC },
        { 32, 0xbf800000, 32, 0, false, FP_ZERO, 0xffffffff, 0 },
        { 32, 0x4f000000, 32, 0, false, FP_ZERO, 0x7fffffff, IOC },
        { 32, 0xcf000000, 32, 0, false, FP_ZERO, 0x80000000, 0 },
        { 32, 0x4f7fffff, 32, 0, true, FP_ZERO, 0xffffff00, 0 },
        { 32, S_QNAN, 32, 0, false, FP_ZERO, 0, IOC },
        { 32, S_INF, 64, 0, true, FP_ZERO, UINT64_MAX, IOC },
        { 32, S_INF | S_NEG, 64, 0, false, FP_ZERO, 1ull << 63, IOC },
        { 64, 0x43f0000000000000, 64, 0, true, FP_ZERO, UINT64_MAX, IOC },
        { 64, 0xc3e0000000000000, 64, 0, false, FP_ZERO, 1ull << 63, 0 },
        { 64, 0x4004000000000000, 64, 0, false, FP_TIEAWAY, 3, IXC }, // 2.5
        { 64, 0xc004000000000000, 64, 0, false, FP_TIEAWAY, (uint64_t)-3, IXC },
        { 64, 0x4004000000000000, 64, 0, false, FP_TIEEVEN, 2, IXC },
        { 64, 0x41dfffffffe00000, 32, 0, false, FP_TIEEVEN, 0x7fffffff, IOC },
        { 64, 0x3ff0000000000000, 64, 64, true, FP_ZERO, UINT64_MAX, IOC },
        { 64, 0x3fe0000000000000, 64, 64, true, FP_ZERO, 1ull << 63, 0 },
        { 16, 0x3e00, 16, 8, false, FP_ZERO, 0x180, 0 },
        { 16, 0x7bff, 16, 0, false, FP_ZERO, 0x7fff, IOC },
        { 16, 0xf800, 16, 0, false, FP_ZERO, 0x8000, 0 },
        { 16, 0x7bff, 16, 0, true, FP_ZERO, 65504, 0 },
        { 16, 0x7bff, 64, 0, false, FP_ZERO, 65504, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { 0 };
        uint64_t r = fp_to_fixed(&env, v[i].esize, v[i].op, v[i].isize, v[i].fbits,
                                 v[i].is_unsigned, v[i].rounding);

        if (r != v[i].result || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: %llx fpsr %x", i, (unsigned long long)r, env.fpsr);
    }
}

static void test_fp_from_fixed_scales_and_rounds(void **state)
{
    static const struct {
        unsigned esize;
        uint64_t op;
        unsigned isize, fbits;
        bool is_unsigned;
        uint32_t fpcr;
        uint64_t result;
        uint32_t fpsr;
    } v[] = {
        { 32, 0xffffffff, 32, 0, false, 0, 0xbf800000, 0 },
        { 32, 0xffffffff, 32, 0, true, 0, 0x4f800000, IXC },
        { 32, 0xffffffff, 32, 0, true, RM(FP_ZERO), 0x4f7fffff, IXC },
        { 32, 0x80000000, 32, 0, false, 0, 0xcf000000, 0 },
        { 64, 1ull << 63, 64, 0, false, 0, 0xc3e0000000000000, 0 },
        { 64, 1, 64, 64, true, 0, 0x3bf0000000000000, 0 },
        { 64, 0, 64, 3, false, RM(FP_NEGINF), 0, 0 },
        { 16, 65520, 32, 0, false, 0, 0x7c00, OFC | IXC },
        { 16, 65520, 32, 0, false, RM(FP_ZERO), 0x7bff, IXC },
        { 16, 65520, 32, 0, false, FPCR_AHP, 0x7c00, OFC | IXC },
        { 16, 1, 16, 16, false, 0, 0x0100, 0 }, // 2^-16: denormal
        { 16, 1, 16, 16, false, FPCR_FZ16, 0, UFC },
        { 16, 0xffff, 16, 0, false, 0, 0xbc00, 0 },
        { 16, 0xabcdffff, 16, 0, false, 0, 0xbc00, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        uint64_t r = fp_from_fixed(&env, v[i].esize, v[i].op, v[i].isize, v[i].fbits,
                                   v[i].is_unsigned, fp_rounding_mode(v[i].fpcr));

        if (r != v[i].result || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: %llx fpsr %x", i, (unsigned long long)r, env.fpsr);
    }
}

static void test_fp_to_fixed_js_wraps_and_reports_exactness(void **state)
{
    static const struct {
        uint32_t fpcr;
        uint64_t op;
        uint32_t result;
        bool z;
        uint32_t fpsr;
    } v[] = {
        { 0, 0, 0, true, 0 },
        { 0, 1ull << 63, 0, false, 0 }, // -0 is not an int32
        { 0, 0x3ff0000000000000, 1, true, 0 },
        { 0, 0xbff8000000000000, (uint32_t)-1, false, IXC },
        { 0, 0xc1e0000000000000, 0x80000000, true, 0 },
        { 0, 0x41e0000000000000, 0x80000000, false, IOC },
        { 0, 0x41f0000000100000, 1, false, IOC }, // 2^32 + 1
        { 0, 0xc1f0000000100000, (uint32_t)-1, false, IOC },
        { 0, 0x4330000000000001, 1, false, IOC },
        { 0, 0x4340000000000001, 2, false, IOC },
        { 0, 0x43e0000000000001, 2048, false, IOC },
        { 0, 0x43f0000000000001, 4096, false, IOC },
        { 0, 0x45d0000000000001, 0, false, IOC },
        { 0, 0x7fefffffffffffff, 0, false, IOC },
        { 0, 0x41e0000000100000, 0x80000000, false, IOC }, // 2^31 + 0.5: no IXC
        { 0, 0x7ff0000000000000, 0, false, IOC },
        { 0, 0x7ff8000000000000, 0, false, IOC },
        { 0, 1, 0, false, IXC },
        { FPCR_FZ, 1, 0, false, IDC },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        bool z = !v[i].z;
        uint32_t r = fp_to_fixed_js(&env, v[i].op, &z);

        if (r != v[i].result || z != v[i].z || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: %x z %d fpsr %x", i, r, z, env.fpsr);
    }
}

static void test_fp_expand_imm_covers_both_exponent_halves(void **state)
{
    (void)state;
    assert_int_equal(fp_expand_imm(32, 0x70), 0x3f800000);
    assert_int_equal(fp_expand_imm(64, 0x70), 0x3ff0000000000000);
    assert_int_equal(fp_expand_imm(16, 0x70), 0x3c00);
    assert_int_equal(fp_expand_imm(32, 0x00), 0x40000000);
    assert_int_equal(fp_expand_imm(64, 0x80), 0xc000000000000000);
    assert_int_equal(fp_expand_imm(16, 0x3f), 0x4fc0);
    assert_int_equal(fp_expand_imm(64, 0x3f), 0x403f000000000000); // 31.0
    assert_int_equal(fp_expand_imm(32, 0x40), 0x3e000000);         // 0.125
    assert_int_equal(fp_expand_imm(16, 0xff), 0xbfc0);             // -1.9375
}

/* ---- BFloat16 ---- */

static void test_fp_convert_bf_rounds_like_fpcr_says(void **state)
{
    static const struct {
        uint32_t fpcr, op, result, fpsr;
    } v[] = {
        { 0, 0x3f800000, 0x3f80, 0 },
        { 0, 0x3f808000, 0x3f80, IXC },
        { 0, 0x3f818000, 0x3f82, IXC },
        { 0, 0x3f808001, 0x3f81, IXC },
        { RM(FP_POSINF), 0x3f800001, 0x3f81, IXC },
        { 0, 0x7f7fffff, 0x7f80, OFC | IXC },
        { RM(FP_ZERO), 0x7f7fffff, 0x7f7f, IXC },
        { 0, 0x00400001, 0x0040, UFC | IXC },
        { 0, 0x00400000, 0x0040, 0 },
        { FPCR_FZ, 0x80400000, 0x8000, IDC },
        { FPCR_FZ16, 0x00400000, 0x0040, 0 },
        { FPCR_AHP, S_INF, 0x7f80, 0 },
        { 0, 0x7f800001, 0x7fc0, IOC },
        { 0, 0xffc12345, 0xffc1, 0 },
        { FPCR_DN, 0xffc12345, 0x7fc0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(v); i++) {
        struct fp_env env = { .fpcr = v[i].fpcr };
        uint32_t r = fp_convert_bf(&env, v[i].op, fp_rounding_mode(v[i].fpcr));

        if (r != v[i].result || env.fpsr != v[i].fpsr)
            fail_msg("row %zu: %x fpsr %x", i, r, env.fpsr);
    }
}

static void test_fp_bf_dotadd_rounds_to_odd_and_flushes(void **state)
{
    (void)state;
    // 1*2 + 3*1 + 1
    assert_int_equal(fp_bf_dotadd(0x3f800000, 0x3f80, 0x4040, 0x4000, 0x3f80), 0x40c00000);
    // 1*1 + 2^-40: to odd
    assert_int_equal(fp_bf_dotadd(0, 0x3f80, 0x2b80, 0x3f80, 0x3f80), 0x3f800001);
    assert_int_equal(fp_bf_dotadd(0, 0xbf80, 0x2b80, 0x3f80, 0x3f80), 0xbf7fffff);
    // an exact zero is positive, two negative zeroes are not
    assert_int_equal(fp_bf_dotadd(0, 0x3f80, 0x3f80, 0x3f80, 0xbf80), 0);
    assert_int_equal(fp_bf_dotadd(S_NEG, 0x8000, 0x8000, 0x3f80, 0x3f80), S_NEG);
    // denormal inputs, addends and results are zero
    assert_int_equal(fp_bf_dotadd(0x3f800000, 0x0001, 0, 0x7f00, 0), 0x3f800000);
    assert_int_equal(fp_bf_dotadd(0x00000001, 0, 0, 0, 0), 0);
    assert_int_equal(fp_bf_dotadd(0, 0x0080, 0, 0x3f00, 0), 0);
    // overflow is infinity, NaNs are the default NaN
    assert_int_equal(fp_bf_dotadd(0, 0x7f7f, 0, 0x7f7f, 0), S_INF);
    assert_int_equal(fp_bf_dotadd(0xff800000, 0x7f7f, 0, 0x7f7f, 0), S_DNAN);
    assert_int_equal(fp_bf_dotadd(0, 0x7f80, 0, 0, 0), S_DNAN);
    assert_int_equal(fp_bf_dotadd(0xffc12345, 0, 0, 0, 0), S_DNAN);
}

static void test_fp_bf_matmuladd_multiplies_rows_by_rows(void **state)
{
    // op1 rows 1 2 3 4 and 5 6 7 8, op2 rows 1 1 1 1 and 2 0 0 1
    static const uint16_t op1[8] = { 0x3f80, 0x4000, 0x4040, 0x4080,
                                     0x40a0, 0x40c0, 0x40e0, 0x4100 };
    static const uint16_t op2[8] = { 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x4000, 0, 0, 0x3f80 };
    uint32_t acc[4] = { 0x3f800000, 0, 0, 0x3f800000 };

    (void)state;
    fp_bf_matmuladd(acc, op1, op2);
    assert_int_equal(acc[0], 0x41300000); // 1 + 10
    assert_int_equal(acc[1], 0x40c00000); // 6
    assert_int_equal(acc[2], 0x41d00000); // 26
    assert_int_equal(acc[3], 0x41980000); // 1 + 18
}

static void test_fp_bf_muladd_behaves_like_single_precision(void **state)
{
    struct fp_env env = { .fpcr = FPCR_FZ };

    (void)state;
    assert_int_equal(fp_bf_muladd(&env, 0x3f800000, 0x4000, 0x4040), 0x40e00000);
    assert_int_equal(env.fpsr, 0);
    assert_int_equal(fp_bf_muladd(&env, 0x3f800000, 0x0001, 0x4040), 0x3f800000);
    assert_int_equal(env.fpsr, IDC);
    assert_int_equal(fp_bf_muladd(&env, S_QNAN, 0x7f80, 0), S_DNAN);
    assert_int_equal(env.fpsr, IDC | IOC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fp_processes_nans_signalling_first_then_in_order),
        cmocka_unit_test(test_fp_arithmetic_on_infinities_and_zeroes),
        cmocka_unit_test(test_fp_rounds_in_the_mode_of_fpcr),
        cmocka_unit_test(test_fp_detects_tininess_before_rounding),
        cmocka_unit_test(test_fp_flushes_denormals),
        cmocka_unit_test(test_fp_muladd_is_fused_and_orders_nans_addend_first),
        cmocka_unit_test(test_fp_muladd_h_widens_half_products),
        cmocka_unit_test(test_fp_sqrt_and_estimates_on_special_values),
        cmocka_unit_test(test_fp_max_min_order_zeroes_and_ignore_quiet_nans_only_as_num),
        cmocka_unit_test(test_fp_compare_gives_nzcv_and_signals_as_asked),
        cmocka_unit_test(test_fp_compare_ge_gt_signal_quiet_nans_and_eq_does_not),
        cmocka_unit_test(test_fp_flags_accumulate_and_fpcr_stays),
        cmocka_unit_test(test_fp_convert_between_formats),
        cmocka_unit_test(test_fp_round_int_keeps_sign_and_raises_inexact_only_if_exact),
        cmocka_unit_test(test_fp_round_int_n_saturates_to_the_most_negative),
        cmocka_unit_test(test_fp_to_fixed_saturates_without_inexact),
        cmocka_unit_test(test_fp_from_fixed_scales_and_rounds),
        cmocka_unit_test(test_fp_to_fixed_js_wraps_and_reports_exactness),
        cmocka_unit_test(test_fp_expand_imm_covers_both_exponent_halves),
        cmocka_unit_test(test_fp_convert_bf_rounds_like_fpcr_says),
        cmocka_unit_test(test_fp_bf_dotadd_rounds_to_odd_and_flushes),
        cmocka_unit_test(test_fp_bf_matmuladd_multiplies_rows_by_rows),
        cmocka_unit_test(test_fp_bf_muladd_behaves_like_single_precision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
