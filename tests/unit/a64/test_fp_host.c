/*
 * Floating-point library against the host's SSE2, FMA and F16C instructions, on random edge-biased
 * operands in all four rounding modes without flushing.
 *
 * Compared: values bit by bit (NaN results only as NaN: payload rules differ), and the flags IOC,
 * DZC, OFC, IXC and UFC. The host detects tininess after rounding, so that UFC is not compared
 * where the result is the smallest normal number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "a64/fp.h"
#include "fp_operands.h"

enum { ROUNDS = 60000 };

/* ---- The host's instructions ---- */

// One scalar operation, MXCSR set before and read after: flags off, all masked, given rounding.
#define HOST_2(name, insn, type)                                                                   \
    static type name(uint32_t *mxcsr, type a, type b)                                              \
    {                                                                                              \
        uint32_t normal = 0x1f80;                                                                  \
                                                                                                   \
        __asm__ volatile("ldmxcsr %1\n\t" insn " %3, %0\n\tstmxcsr %1\n\tldmxcsr %2"               \
                         : "+x"(a), "+m"(*mxcsr)                                                   \
                         : "m"(normal), "x"(b));                                                   \
        return a;                                                                                  \
    }
HOST_2(host_add32, "addss", float)
HOST_2(host_add64, "addsd", double)
HOST_2(host_sub32, "subss", float)
HOST_2(host_sub64, "subsd", double)
HOST_2(host_mul32, "mulss", float)
HOST_2(host_mul64, "mulsd", double)
HOST_2(host_div32, "divss", float)
HOST_2(host_div64, "divsd", double)
HOST_2(host_sqrt32, "sqrtss", float)
HOST_2(host_sqrt64, "sqrtsd", double)

#define HOST_FMA(name, insn, type)                                                                 \
    static type name(uint32_t *mxcsr, type addend, type a, type b)                                 \
    {                                                                                              \
        uint32_t normal = 0x1f80;                                                                  \
                                                                                                   \
        __asm__ volatile("ldmxcsr %1\n\t" insn " %4, %3, %0\n\tstmxcsr %1\n\tldmxcsr %2"           \
                         : "+x"(addend), "+m"(*mxcsr)                                              \
                         : "m"(normal), "x"(a), "x"(b));                                           \
        return addend;                                                                             \
    }
HOST_FMA(host_fma32, "vfmadd231ss", float)
HOST_FMA(host_fma64, "vfmadd231sd", double)

#define HOST_CVT(name, insn, to, from, out, in)                                                    \
    static to name(uint32_t *mxcsr, from a)                                                        \
    {                                                                                              \
        uint32_t normal = 0x1f80;                                                                  \
        to r = 0;                                                                                  \
                                                                                                   \
        __asm__ volatile("ldmxcsr %1\n\t" insn " %3, %0\n\tstmxcsr %1\n\tldmxcsr %2"               \
                         : "+" out(r), "+m"(*mxcsr)                                                \
                         : "m"(normal), in(a));                                                    \
        return r;                                                                                  \
    }
HOST_CVT(host_narrow, "cvtsd2ss", float, double, "x", "x")
HOST_CVT(host_widen, "cvtss2sd", double, float, "x", "x")
HOST_CVT(host_toi32, "cvtsd2si", int32_t, double, "r", "x")
HOST_CVT(host_toi64, "cvtsd2si", int64_t, double, "r", "x")
HOST_CVT(host_ftoi32, "cvtss2si", int32_t, float, "r", "x")
HOST_CVT(host_ftoi64, "cvtss2si", int64_t, float, "r", "x")
HOST_CVT(host_i64tod, "cvtsi2sdq", double, int64_t, "x", "r")
HOST_CVT(host_i64tof, "cvtsi2ssq", float, int64_t, "x", "r")
HOST_CVT(host_i32tof, "cvtsi2ssl", float, int32_t, "x", "r")

// F16C rounds by its immediate 4 as MXCSR says.
static uint32_t host_tohalf(uint32_t *mxcsr, float a)
{
    uint32_t normal = 0x1f80, r;

    __asm__ volatile("ldmxcsr %1\n\tvcvtps2ph $4, %3, %%xmm0\n\tstmxcsr %1\n\tldmxcsr %2\n\t"
                     "vmovd %%xmm0, %0"
                     : "=r"(r), "+m"(*mxcsr)
                     : "m"(normal), "x"(a)
                     : "xmm0");
    return r & 0xffff;
}

static uint32_t mxcsr_for(enum fp_rounding rounding)
{
    static const uint32_t rc[] = {
        [FP_TIEEVEN] = 0, [FP_POSINF] = 2, [FP_NEGINF] = 1, [FP_ZERO] = 3
    };

    return 0x1f80 | rc[rounding] << 13;
}

static uint32_t fpsr_from(uint32_t mxcsr)
{
    return (mxcsr & 1 ? FPSR_IOC : 0) | (mxcsr & 4 ? FPSR_DZC : 0) | (mxcsr & 8 ? FPSR_OFC : 0) |
           (mxcsr & 16 ? FPSR_UFC : 0) | (mxcsr & 32 ? FPSR_IXC : 0);
}

static float f32(uint64_t v)
{
    uint32_t w = (uint32_t)v;
    float f;

    memcpy(&f, &w, sizeof(f));
    return f;
}

static double f64(uint64_t v)
{
    double d;

    memcpy(&d, &v, sizeof(d));
    return d;
}

static uint64_t bits32(float f)
{
    uint32_t w;

    memcpy(&w, &f, sizeof(w));
    return w;
}

static uint64_t bits64(double d)
{
    uint64_t v;

    memcpy(&v, &d, sizeof(v));
    return v;
}

/* ---- Comparison ---- */

static bool is_nan(unsigned esize, uint64_t v)
{
    uint64_t inf = esize == 64 ? 0x7ff0000000000000 : esize == 32 ? 0x7f800000 : 0x7c00;

    return fp_abs(esize, v) > inf;
}

static bool is_min_normal(unsigned esize, uint64_t v)
{
    return fp_abs(esize, v) == (uint64_t)1 << (esize == 64 ? 52 : esize == 32 ? 23 : 10);
}

struct outcome {
    const char *what;
    unsigned esize;
    enum fp_rounding rounding;
    uint64_t a, b, c;
};

static void compare(const struct outcome *o, uint64_t ours, const struct fp_env *env, uint64_t host,
                    uint32_t mxcsr)
{
    uint32_t fpsr = env->fpsr;
    uint32_t host_fpsr = fpsr_from(mxcsr), mask = FPSR_MASK;
    bool same = ours == host || (is_nan(o->esize, ours) && is_nan(o->esize, host));

    if (is_min_normal(o->esize, ours))
        mask &= ~FPSR_UFC;
    if (same && ((fpsr ^ host_fpsr) & mask) == 0)
        return;
    fail_msg("%s%u rounding %d a %llx b %llx c %llx: %llx fpsr %x, host %llx %x", o->what, o->esize,
             o->rounding, (unsigned long long)o->a, (unsigned long long)o->b,
             (unsigned long long)o->c, (unsigned long long)ours, fpsr, (unsigned long long)host,
             host_fpsr);
}

typedef uint64_t (*fp_fn2)(struct fp_env *, unsigned, uint64_t, uint64_t);
typedef float (*host_fn32)(uint32_t *, float, float);
typedef double (*host_fn64)(uint32_t *, double, double);

static void compare_binary(const char *what, fp_fn2 fn, host_fn32 h32, host_fn64 h64)
{
    uint64_t seed = 20240229;

    for (int i = 0; i < ROUNDS; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct fp_env env = { .fpcr = (uint32_t)rounding << FPCR_RMODE_SHIFT };
        uint32_t mxcsr = mxcsr_for(rounding);
        struct outcome o = { what, i & 4 ? 64 : 32, rounding, 0, 0, 0 };
        uint64_t host;

        o.a = fp_operand(&seed, o.esize);
        o.b = fp_operand(&seed, o.esize);
        if (o.esize == 32)
            host = bits32(h32(&mxcsr, f32(o.a), f32(o.b)));
        else
            host = bits64(h64(&mxcsr, f64(o.a), f64(o.b)));
        compare(&o, fn(&env, o.esize, o.a, o.b), &env, host, mxcsr);
    }
}

static void test_fp_add_and_sub_equal_the_host(void **state)
{
    (void)state;
    compare_binary("add", fp_add, host_add32, host_add64);
    compare_binary("sub", fp_sub, host_sub32, host_sub64);
}

static void test_fp_mul_and_div_equal_the_host(void **state)
{
    (void)state;
    compare_binary("mul", fp_mul, host_mul32, host_mul64);
    compare_binary("div", fp_div, host_div32, host_div64);
}

static uint64_t sqrt_of_second(struct fp_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    (void)a;
    return fp_sqrt(env, esize, b);
}

static void test_fp_sqrt_equals_the_host(void **state)
{
    (void)state;
    compare_binary("sqrt", sqrt_of_second, host_sqrt32, host_sqrt64);
}

static void test_fp_muladd_equals_the_host(void **state)
{
    uint64_t seed = 4711;

    (void)state;
    if (!__builtin_cpu_supports("fma")) {
        print_message("SKIP: this host has no FMA instructions\n");
        skip();
    }
    for (int i = 0; i < 4 * ROUNDS; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct fp_env env = { .fpcr = (uint32_t)rounding << FPCR_RMODE_SHIFT };
        uint32_t mxcsr = mxcsr_for(rounding);
        struct outcome o = { "muladd", i & 4 ? 64 : 32, rounding, 0, 0, 0 };
        uint64_t host, ours;

        o.a = fp_operand(&seed, o.esize);
        o.b = fp_operand(&seed, o.esize);
        o.c = fp_operand(&seed, o.esize);
        if (i & 8) { // an addend close to the product, so that bits cancel
            struct fp_env scratch = { 0 };

            o.c = fp_neg(o.esize, fp_mul(&scratch, o.esize, o.a, o.b)) ^ (fp_rand(&seed) & 3);
        }
        if (is_nan(o.esize, o.c))
            continue; // infinity times zero plus a NaN raises IOC here and not on the host
        ours = fp_muladd(&env, o.esize, o.c, o.a, o.b);
        if (o.esize == 32)
            host = bits32(host_fma32(&mxcsr, f32(o.c), f32(o.a), f32(o.b)));
        else
            host = bits64(host_fma64(&mxcsr, f64(o.c), f64(o.a), f64(o.b)));
        compare(&o, ours, &env, host, mxcsr);
    }
}

/* ---- Conversions ---- */

static void test_fp_convert_equals_the_host(void **state)
{
    bool has_f16c = __builtin_cpu_supports("avx2"); // every host with AVX2 has F16C
    uint64_t seed = 99;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct outcome o = { "convert", 32, rounding, fp_operand(&seed, 64), 0, 0 };
        struct fp_env env = { 0 };
        uint32_t mxcsr = mxcsr_for(rounding);
        uint64_t host = bits32(host_narrow(&mxcsr, f64(o.a)));

        compare(&o, fp_convert(&env, 32, 64, o.a, rounding), &env, host, mxcsr);

        env.fpsr = 0;
        mxcsr = mxcsr_for(rounding);
        o.a = fp_operand(&seed, 32);
        o.esize = 64;
        host = bits64(host_widen(&mxcsr, f32(o.a)));
        compare(&o, fp_convert(&env, 64, 32, o.a, rounding), &env, host, mxcsr);

        if (has_f16c) {
            env.fpsr = 0;
            mxcsr = mxcsr_for(rounding);
            o.esize = 16;
            host = host_tohalf(&mxcsr, f32(o.a));
            compare(&o, fp_convert(&env, 16, 32, o.a, rounding), &env, host, mxcsr);
        }
    }
    if (!has_f16c)
        print_message("half precision not compared: this host has no F16C instructions\n");
}

// The host gives the most negative integer for everything out of range; Arm saturates.
static uint64_t saturate(int64_t host, uint32_t mxcsr, unsigned isize, unsigned esize, uint64_t op)
{
    uint64_t min = (uint64_t)1 << (isize - 1), ones = min | (min - 1);

    if (!(mxcsr & 1))
        return (uint64_t)host & ones;
    if (is_nan(esize, op))
        return 0;
    return op >> (esize - 1) & 1 ? min : min - 1;
}

static void test_fp_to_fixed_equals_the_host(void **state)
{
    uint64_t seed = 31337;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        unsigned esize = i & 4 ? 64 : 32, isize = i & 8 ? 64 : 32;
        struct fp_env env = { 0 };
        uint32_t mxcsr = mxcsr_for(rounding);
        uint64_t op = fp_operand(&seed, esize), ours, host;
        int64_t h;

        if (esize == 64)
            h = isize == 64 ? host_toi64(&mxcsr, f64(op)) : host_toi32(&mxcsr, f64(op));
        else
            h = isize == 64 ? host_ftoi64(&mxcsr, f32(op)) : host_ftoi32(&mxcsr, f32(op));
        host = saturate(h, mxcsr, isize, esize, op);
        ours = fp_to_fixed(&env, esize, op, isize, 0, false, rounding);
        if (ours != host || env.fpsr != fpsr_from(mxcsr))
            fail_msg("to_fixed %u->%u rounding %d %llx: %llx fpsr %x, host %llx %x", esize, isize,
                     rounding, (unsigned long long)op, (unsigned long long)ours, env.fpsr,
                     (unsigned long long)host, fpsr_from(mxcsr));
    }
}

static void test_fp_from_fixed_equals_the_host(void **state)
{
    uint64_t seed = 271828;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        enum fp_rounding rounding = (enum fp_rounding)(i & 3);
        struct fp_env env = { 0 };
        uint64_t v = fp_operand(&seed, 64) >> (fp_rand(&seed) & 63);
        struct outcome o = { "from_fixed", 64, rounding, v, 0, 0 };
        uint32_t mxcsr = mxcsr_for(rounding);
        uint64_t host = bits64(host_i64tod(&mxcsr, (int64_t)v));

        compare(&o, fp_from_fixed(&env, 64, v, 64, 0, false, rounding), &env, host, mxcsr);

        o.esize = 32;
        env.fpsr = 0;
        mxcsr = mxcsr_for(rounding);
        host = bits32(host_i64tof(&mxcsr, (int64_t)v));
        compare(&o, fp_from_fixed(&env, 32, v, 64, 0, false, rounding), &env, host, mxcsr);

        env.fpsr = 0;
        mxcsr = mxcsr_for(rounding);
        host = bits32(host_i32tof(&mxcsr, (int32_t)v));
        compare(&o, fp_from_fixed(&env, 32, v, 32, 0, false, rounding), &env, host, mxcsr);
    }
}

/* ---- Ordering ---- */

static void test_fp_compare_equals_the_host(void **state)
{
    uint64_t seed = 8;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct fp_env env = { 0 };
        uint64_t a = fp_operand(&seed, 64), b = i & 1 ? fp_operand(&seed, 64) : a ^ (i >> 1 & 1);
        double x, y;
        unsigned expected;

        if (i & 4)
            b ^= (uint64_t)1 << 63;
        x = f64(a);
        y = f64(b);
        expected = x == y ? FP_NZCV_Z | FP_NZCV_C
                   : x < y ? FP_NZCV_N
                   : x > y ? FP_NZCV_C
                           : FP_NZCV_C | FP_NZCV_V;
        assert_int_equal(fp_compare(&env, 64, a, b, false), expected);
        assert_int_equal(fp_compare_ge(&env, 64, a, b), x >= y);
        assert_int_equal(fp_compare_gt(&env, 64, a, b), x > y);
        assert_int_equal(fp_compare_eq(&env, 64, a, b), x == y);
        if (expected == FP_NZCV_N) {
            assert_int_equal(fp_max(&env, 64, a, b), b);
            assert_int_equal(fp_min(&env, 64, a, b), a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fp_add_and_sub_equal_the_host),
        cmocka_unit_test(test_fp_mul_and_div_equal_the_host),
        cmocka_unit_test(test_fp_sqrt_equals_the_host),
        cmocka_unit_test(test_fp_muladd_equals_the_host),
        cmocka_unit_test(test_fp_convert_equals_the_host),
        cmocka_unit_test(test_fp_to_fixed_equals_the_host),
        cmocka_unit_test(test_fp_from_fixed_equals_the_host),
        cmocka_unit_test(test_fp_compare_equals_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
