/* Exact results of finite operands: with MPFR, and for half precision with integers. See ref.h.
 *
 * MPFR computes to 128 bits towards zero; its return value says whether something was cut off. Its
 * exponents are wide enough for every product and quotient of doubles.
 */
#include "ref.h"

#include <mpfr.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(mp_limb_t) == 8, "128 bits are two limbs");

/* ---- MPFR ---- */

struct work {
    mpfr_t a, b, c, result;
};

static struct work *work(void)
{
    static struct work w;
    static bool is_ready;
    if (!is_ready) {
        mpfr_inits2(128, w.a, w.b, w.c, w.result, (mpfr_ptr)NULL);
        is_ready = true;
    }
    return &w;
}

static void set(mpfr_t to, struct ref_num n)
{
    mpfr_set_ui_2exp(to, n.kind == REF_FINITE ? n.m : 0, n.e, MPFR_RNDZ);
    mpfr_setsign(to, to, n.neg, MPFR_RNDZ);
}

static struct ref_real get(mpfr_t x, int cut_off)
{
    struct ref_real r = {.neg = mpfr_signbit(x) != 0, .more = cut_off != 0};
    if (mpfr_zero_p(x))
        return r;
    const mp_limb_t *limbs = (const mp_limb_t *)mpfr_custom_get_significand(x);
    r.mant = (u128)limbs[1] << 64 | limbs[0];
    r.exp = (int)mpfr_get_exp(x) - 128;
    return r;
}

struct ref_real ref_exact_muladd(struct ref_num addend, struct ref_num a, struct ref_num b)
{
    struct work *w = work();
    set(w->a, a);
    set(w->b, b);
    set(w->c, addend);
    int cut_off = mpfr_fma(w->result, w->a, w->b, w->c, MPFR_RNDZ);
    return get(w->result, cut_off);
}

struct ref_real ref_exact_div(struct ref_num a, struct ref_num b)
{
    struct work *w = work();
    set(w->a, a);
    set(w->b, b);
    int cut_off = mpfr_div(w->result, w->a, w->b, MPFR_RNDZ);
    return get(w->result, cut_off);
}

struct ref_real ref_exact_sqrt(struct ref_num a)
{
    struct work *w = work();
    set(w->a, a);
    int cut_off = mpfr_sqrt(w->result, w->a, MPFR_RNDZ);
    return get(w->result, cut_off);
}

/* ---- Half precision ----
 *
 * Every number is a multiple of 2^-24 below 2^16, so sums of products are multiples of 2^-48 below
 * 2^33: 81 bits. */

static __int128 half_fixed(struct ref_num n, int unit)
{
    __int128 v = n.kind == REF_FINITE ? (__int128)n.m << (n.e - unit) : 0;
    return n.neg ? -v : v;
}

struct ref_real ref_half_muladd(struct ref_num addend, struct ref_num a, struct ref_num b)
{
    __int128 sum = half_fixed(addend, -48) + half_fixed(a, -24) * half_fixed(b, -24);
    return (struct ref_real){.neg = sum < 0, .mant = (u128)(sum < 0 ? -sum : sum), .exp = -48};
}

struct ref_real ref_half_div(struct ref_num a, struct ref_num b)
{
    u128 dividend = (u128)a.m << 112;
    struct ref_real r = {.neg = a.neg != b.neg, .mant = dividend / b.m};
    r.more = dividend % b.m != 0;
    r.exp = a.e - b.e - 112;
    return r;
}

struct ref_real ref_half_sqrt(struct ref_num a)
{
    uint64_t root = 0;
    bool odd = a.e & 1;
    u128 square = (u128)a.m << (odd ? 107 : 106); /* below 2^118, the root below 2^59 */
    for (int bit = 59; bit >= 0; bit--) {
        uint64_t next = root | UINT64_C(1) << bit;
        if ((u128)next * next <= square)
            root = next;
    }
    return (struct ref_real){
        .mant = root, .more = (u128)root * root != square, .exp = (a.e - odd - 106) / 2};
}
