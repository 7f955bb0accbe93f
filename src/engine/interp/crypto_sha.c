/* The SHA1, SHA256, SHA512 and SHA3 instructions (Arm ARM DDI 0487, C7.2; FIPS 180-4, FIPS 202).
 *
 * SHA1C/P/M and SHA256H/H2 do four rounds each on the working variables a..d (and e, or e..h) in
 * one or two registers, with element 0 holding the first variable; SHA512H and H2 are the two
 * halves of two rounds. The SU instructions advance the message schedule. The FEAT_SHA3 ones are
 * plain three-input logic that other code uses too.
 *
 * All source registers are read before the destination is written, since they may be the same.
 */
#include "engine/interp/interp_int.h"
#include "a64_ops.h"
#include "interp_table.h"

static uint32_t rol32(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

static uint32_t ror32(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static uint64_t ror64(uint64_t x, unsigned n)
{
    return ror_bits(x, 64, n);
}

/* The bitwise functions of FIPS 180-4, 4.1. */
static uint32_t sha_choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (~x & z);
}

static uint32_t sha_parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static uint32_t sha_majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

/* ---- SHA1 ---- */

/* Four rounds with the function of this part of the hash; `y` is the variable e. */
static void sha1_hash(struct a64_cpu *cpu, unsigned rd, unsigned rn, unsigned rm,
                      uint32_t (*fn)(uint32_t, uint32_t, uint32_t))
{
    union a64_vreg x = cpu->v[rd];
    const union a64_vreg w = cpu->v[rm];
    uint32_t y = cpu->v[rn].s[0];
    for (unsigned e = 0; e < 4; e++) {
        uint32_t t = y + rol32(x.s[0], 5) + fn(x.s[1], x.s[2], x.s[3]) + w.s[e];
        y = x.s[3];
        x.s[3] = x.s[2];
        x.s[2] = rol32(x.s[1], 30);
        x.s[1] = x.s[0];
        x.s[0] = t;
    }
    cpu->v[rd] = x;
}

enum xr interp_SHA1C(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA1C f = a64_get_SHA1C(word);
    sha1_hash(cpu, f.rd, f.rn, f.rm, sha_choose);
    return XR_NEXT;
}

enum xr interp_SHA1P(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA1P f = a64_get_SHA1P(word);
    sha1_hash(cpu, f.rd, f.rn, f.rm, sha_parity);
    return XR_NEXT;
}

enum xr interp_SHA1M(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA1M f = a64_get_SHA1M(word);
    sha1_hash(cpu, f.rd, f.rn, f.rm, sha_majority);
    return XR_NEXT;
}

enum xr interp_SHA1H(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA1H f = a64_get_SHA1H(word);
    union a64_vreg r = {.d = {0, 0}};
    r.s[0] = rol32(cpu->v[f.rn].s[0], 30);
    cpu->v[f.rd] = r;
    return XR_NEXT;
}

enum xr interp_SHA1SU0(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA1SU0 f = a64_get_SHA1SU0(word);
    const union a64_vreg d = cpu->v[f.rd], n = cpu->v[f.rn], m = cpu->v[f.rm];
    cpu->v[f.rd].d[0] = d.d[1] ^ d.d[0] ^ m.d[0];
    cpu->v[f.rd].d[1] = n.d[0] ^ d.d[1] ^ m.d[1];
    return XR_NEXT;
}

enum xr interp_SHA1SU1(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA1SU1 f = a64_get_SHA1SU1(word);
    const union a64_vreg d = cpu->v[f.rd], n = cpu->v[f.rn];
    union a64_vreg r;
    for (unsigned e = 0; e < 4; e++)
        r.s[e] = rol32(d.s[e] ^ (e < 3 ? n.s[e + 1] : 0), 1);
    r.s[3] ^= rol32(d.s[0] ^ n.s[1], 2);
    cpu->v[f.rd] = r;
    return XR_NEXT;
}

/* ---- SHA256 ---- */

/* Four rounds on a..d in x and e..h in y. */
static void sha256_hash(union a64_vreg *x, union a64_vreg *y, const union a64_vreg *w)
{
    for (unsigned e = 0; e < 4; e++) {
        uint32_t sigma1 = ror32(y->s[0], 6) ^ ror32(y->s[0], 11) ^ ror32(y->s[0], 25);
        uint32_t sigma0 = ror32(x->s[0], 2) ^ ror32(x->s[0], 13) ^ ror32(x->s[0], 22);
        uint32_t t = y->s[3] + sigma1 + sha_choose(y->s[0], y->s[1], y->s[2]) + w->s[e];
        uint32_t a = t + sigma0 + sha_majority(x->s[0], x->s[1], x->s[2]);
        uint32_t e_new = x->s[3] + t;
        for (unsigned i = 3; i > 0; i--) {
            x->s[i] = x->s[i - 1];
            y->s[i] = y->s[i - 1];
        }
        x->s[0] = a;
        y->s[0] = e_new;
    }
}

enum xr interp_SHA256H(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA256H f = a64_get_SHA256H(word);
    union a64_vreg x = cpu->v[f.rd], y = cpu->v[f.rn];
    const union a64_vreg w = cpu->v[f.rm];
    sha256_hash(&x, &y, &w);
    cpu->v[f.rd] = x;
    return XR_NEXT;
}

enum xr interp_SHA256H2(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA256H2 f = a64_get_SHA256H2(word);
    union a64_vreg x = cpu->v[f.rn], y = cpu->v[f.rd];
    const union a64_vreg w = cpu->v[f.rm];
    sha256_hash(&x, &y, &w);
    cpu->v[f.rd] = y;
    return XR_NEXT;
}

enum xr interp_SHA256SU0(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA256SU0 f = a64_get_SHA256SU0(word);
    const union a64_vreg d = cpu->v[f.rd], n = cpu->v[f.rn];
    for (unsigned e = 0; e < 4; e++) {
        uint32_t elt = e < 3 ? d.s[e + 1] : n.s[0];
        cpu->v[f.rd].s[e] = d.s[e] + (ror32(elt, 7) ^ ror32(elt, 18) ^ (elt >> 3));
    }
    return XR_NEXT;
}

enum xr interp_SHA256SU1(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA256SU1 f = a64_get_SHA256SU1(word);
    const union a64_vreg d = cpu->v[f.rd], n = cpu->v[f.rn], m = cpu->v[f.rm];
    union a64_vreg r;
    for (unsigned e = 0; e < 4; e++) {
        uint32_t elt = e < 2 ? m.s[e + 2] : r.s[e - 2];
        uint32_t t0 = e < 3 ? n.s[e + 1] : m.s[0];
        r.s[e] = d.s[e] + t0 + (ror32(elt, 17) ^ ror32(elt, 19) ^ (elt >> 10));
    }
    cpu->v[f.rd] = r;
    return XR_NEXT;
}

/* ---- SHA512 ---- */

static uint64_t sha512_sigma1(uint64_t x)
{
    return ror64(x, 14) ^ ror64(x, 18) ^ ror64(x, 41);
}

static uint64_t sha512_sigma0(uint64_t x)
{
    return ror64(x, 28) ^ ror64(x, 34) ^ ror64(x, 39);
}

static uint64_t sha512_schedule1(uint64_t x)
{
    return ror64(x, 19) ^ ror64(x, 61) ^ (x >> 6);
}

static uint64_t sha512_schedule0(uint64_t x)
{
    return ror64(x, 1) ^ ror64(x, 8) ^ (x >> 7);
}

enum xr interp_SHA512H(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA512H f = a64_get_SHA512H(word);
    const union a64_vreg x = cpu->v[f.rn], y = cpu->v[f.rm], w = cpu->v[f.rd];
    uint64_t hi = ((y.d[1] & x.d[0]) ^ (~y.d[1] & x.d[1])) + sha512_sigma1(y.d[1]) + w.d[1];
    uint64_t e = hi + y.d[0];
    uint64_t lo = ((e & y.d[1]) ^ (~e & x.d[0])) + sha512_sigma1(e) + w.d[0];
    cpu->v[f.rd].d[0] = lo;
    cpu->v[f.rd].d[1] = hi;
    return XR_NEXT;
}

enum xr interp_SHA512H2(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA512H2 f = a64_get_SHA512H2(word);
    const union a64_vreg x = cpu->v[f.rn], y = cpu->v[f.rm], w = cpu->v[f.rd];
    uint64_t hi = ((x.d[0] & y.d[1]) ^ (x.d[0] & y.d[0]) ^ (y.d[1] & y.d[0])) +
                  sha512_sigma0(y.d[0]) + w.d[1];
    uint64_t lo = ((hi & y.d[0]) ^ (hi & y.d[1]) ^ (y.d[1] & y.d[0])) + sha512_sigma0(hi) + w.d[0];
    cpu->v[f.rd].d[0] = lo;
    cpu->v[f.rd].d[1] = hi;
    return XR_NEXT;
}

enum xr interp_SHA512SU0(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA512SU0 f = a64_get_SHA512SU0(word);
    const union a64_vreg w = cpu->v[f.rd], x = cpu->v[f.rn];
    cpu->v[f.rd].d[0] = w.d[0] + sha512_schedule0(w.d[1]);
    cpu->v[f.rd].d[1] = w.d[1] + sha512_schedule0(x.d[0]);
    return XR_NEXT;
}

enum xr interp_SHA512SU1(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SHA512SU1 f = a64_get_SHA512SU1(word);
    const union a64_vreg x = cpu->v[f.rn], y = cpu->v[f.rm], w = cpu->v[f.rd];
    for (unsigned e = 0; e < 2; e++)
        cpu->v[f.rd].d[e] = w.d[e] + sha512_schedule1(x.d[e]) + y.d[e];
    return XR_NEXT;
}

/* ---- SHA3 ---- */

enum xr interp_EOR3(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_EOR3 f = a64_get_EOR3(word);
    for (unsigned e = 0; e < 2; e++)
        cpu->v[f.rd].d[e] = cpu->v[f.rn].d[e] ^ cpu->v[f.rm].d[e] ^ cpu->v[f.ra].d[e];
    return XR_NEXT;
}

enum xr interp_BCAX(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BCAX f = a64_get_BCAX(word);
    for (unsigned e = 0; e < 2; e++)
        cpu->v[f.rd].d[e] = cpu->v[f.rn].d[e] ^ (cpu->v[f.rm].d[e] & ~cpu->v[f.ra].d[e]);
    return XR_NEXT;
}

enum xr interp_RAX1(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_RAX1 f = a64_get_RAX1(word);
    for (unsigned e = 0; e < 2; e++)
        cpu->v[f.rd].d[e] = cpu->v[f.rn].d[e] ^ ror64(cpu->v[f.rm].d[e], 63);
    return XR_NEXT;
}

enum xr interp_XAR(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_XAR f = a64_get_XAR(word);
    for (unsigned e = 0; e < 2; e++)
        cpu->v[f.rd].d[e] = ror64(cpu->v[f.rn].d[e] ^ cpu->v[f.rm].d[e], f.imm6);
    return XR_NEXT;
}
