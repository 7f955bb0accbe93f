/* Lifter: cryptography (Arm ARM DDI 0487, C4.1.96: cryptographic AES, three-register SHA,
 * two-register SHA, three-register SHA 512, two-register SHA 512, three-register imm2,
 * four-register; of AdvSIMD three different PMULL, of three same PMUL).
 *
 * A64 has a round of AES in two instructions, AESE and AESMC, and programs put them next to each
 * other; then they become one operation. Later instructions are not joined with earlier ones:
 * values that live on for the sake of it cost more registers than it saves.
 */
#include "engine/lift/lift_vperm_int.h"

/* ---- AES ---- */

static bool aes_round(struct lift *l, unsigned direction, unsigned rd, unsigned rn)
{
    const ir_val x = ir_vec(l->b, IR_VXOR, 0, ir_getv(l->b, rd), ir_getv(l->b, rn), 0, 0);
    return lift_putv(l, LIVE_Q, rd, lift_vec(l, IR_VAESL, 0, direction, x, 0, 0, 0));
}

/* The last round's operation with MixColumns is a round that is not the last. */
static bool aes_mix(struct lift *l, unsigned direction, unsigned rd, unsigned rn)
{
    enum { NEAR = 4 };
    const ir_val n = ir_getv(l->b, rn);
    const struct ir_insn *from = &l->b->insn[n];
    const bool join = from->op == IR_VAESL && from->sub2 == direction && l->b->count - n <= NEAR;
    return lift_putv(l, LIVE_Q, rd,
                     lift_vec(l, join ? IR_VAESR : IR_VAESMC, 0, direction, join ? from->a : n, 0,
                              0, 0));
}

VLIFTER(AESE, aes_round(l, IR_VAES_ENCRYPT, f.rd, f.rn))
VLIFTER(AESD, aes_round(l, IR_VAES_DECRYPT, f.rd, f.rn))
VLIFTER(AESMC, aes_mix(l, IR_VAES_ENCRYPT, f.rd, f.rn))
VLIFTER(AESIMC, aes_mix(l, IR_VAES_DECRYPT, f.rd, f.rn))

/* ---- Polynomials ---- */

/* Products of the bytes of one half, 16 bits each. */
static ir_val polynomials(struct lift *l, unsigned high, ir_val n, ir_val m)
{
    const unsigned how = high ? IR_VW_HIGH : 0;
    return ir_vec(l->b, IR_VPMUL, 0, lift_vec(l, IR_VWIDEN, 0, how, n, 0, 0, 0),
                  lift_vec(l, IR_VWIDEN, 0, how, m, 0, 0, 0), 0, 0);
}

/* The low bytes of the products: of those at even and at odd places. */
static bool polynomials_low(struct lift *l, bool q, unsigned rd, unsigned rn, unsigned rm)
{
    const ir_val n = ir_getv(l->b, rn), m = ir_getv(l->b, rm);
    const ir_val even = ir_vec(l->b, IR_VPMUL, 0, n, m, 0, 0);
    const ir_val odd = ir_vec(l->b, IR_VPMUL, 0,
                              lift_vec(l, IR_VSHI, 1, IR_VSHI_SHR, n, 0, 0, 8),
                              lift_vec(l, IR_VSHI, 1, IR_VSHI_SHR, m, 0, 0, 8), 0, 0);
    return lift_putv(l, lift_live(q), rd, ir_vec(l->b, IR_VSLI, 1, even, odd, 0, 8));
}

VLIFTER(PMUL_v, polynomials_low(l, f.q, f.rd, f.rn, f.rm))
VLIFTER(PMULL_v, lift_putv(l, LIVE_Q, f.rd,
                           polynomials(l, f.q, ir_getv(l->b, f.rn), ir_getv(l->b, f.rm))))
VLIFTER(PMULL_q, lift_putv(l, LIVE_Q, f.rd,
                           lift_vec(l, IR_VPMULL, 0, f.q, ir_getv(l->b, f.rn),
                                    ir_getv(l->b, f.rm), 0, 0)))

/* ---- SHA1, SHA256: rounds ---- */

struct operands {
    unsigned a, b, c; /* registers; c NONE */
};
enum { NONE = 32 };

static bool hash(struct lift *l, enum ir_op op, unsigned sub2, enum a64_op again, uint32_t word,
                 struct operands r)
{
    const int64_t imm = (int64_t)((uint64_t)again << 32 | word);
    const ir_val a = ir_getv(l->b, r.a), b = ir_getv(l->b, r.b);
    const ir_val c = r.c == NONE ? 0 : ir_getv(l->b, r.c);
    return lift_putv(l, LIVE_Q, word & 31, lift_vec(l, op, 0, sub2, a, b, c, imm));
}

#define HASH(name, op, sub2, ra, rb, rc)                                                           \
    VLIFTER(name, hash(l, IR_##op, sub2, A64_##name, word, (struct operands){ra, rb, rc}))

HASH(SHA1C, VSHA1, IR_VSHA1_CHOOSE, f.rd, f.rn, f.rm)
HASH(SHA1P, VSHA1, IR_VSHA1_PARITY, f.rd, f.rn, f.rm)
HASH(SHA1M, VSHA1, IR_VSHA1_MAJORITY, f.rd, f.rn, f.rm)
HASH(SHA256H, VSHA256, IR_VSHA256_ABCD, f.rd, f.rn, f.rm)
HASH(SHA256H2, VSHA256, IR_VSHA256_EFGH, f.rn, f.rd, f.rm)
HASH(SHA256SU0, VSHA256U, 0, f.rd, f.rn, NONE)
HASH(SHA256SU1, VSHA256U, 0, f.rd, f.rn, f.rm)

/* ---- Vectors, rotated and combined ---- */

static ir_val xor(struct lift *l, ir_val a, ir_val b)
{
    return ir_vec(l->b, IR_VXOR, 0, a, b, 0, 0);
}

static ir_val add(struct lift *l, ir_val a, ir_val b)
{
    return ir_vec(l->b, IR_VADD, 3, a, b, 0, 0);
}

static ir_val rol(struct lift *l, unsigned size, ir_val a, unsigned n)
{
    return n ? ir_vec(l->b, IR_VROL, size, a, 0, 0, n) : a;
}

/* Bytes `from` on of b:a. */
static ir_val bytes(struct lift *l, ir_val a, ir_val b, unsigned from)
{
    return ir_vec(l->b, IR_VEXT, 0, a, b, 0, from);
}

/* The schedule's sigma functions of FIPS 180-4: two rotations right and a shift. */
static ir_val sigma(struct lift *l, ir_val x, unsigned r1, unsigned r2, unsigned shift)
{
    const ir_val shifted = lift_vec(l, IR_VSHI, 3, IR_VSHI_SHR, x, 0, 0, shift);
    return xor(l, xor(l, rol(l, 3, x, 64 - r1), rol(l, 3, x, 64 - r2)), shifted);
}

static bool sha1_su0(struct lift *l, unsigned rd, unsigned rn, unsigned rm)
{
    const ir_val d = ir_getv(l->b, rd), n = ir_getv(l->b, rn), m = ir_getv(l->b, rm);
    return lift_putv(l, LIVE_Q, rd, xor(l, xor(l, d, bytes(l, d, n, 8)), m));
}

/* The last word takes the first one of the result, too. */
static bool sha1_su1(struct lift *l, unsigned rd, unsigned rn)
{
    const ir_val zero = lift_vconst(l, LIVE_Q, 0);
    const ir_val t = xor(l, ir_getv(l->b, rd), bytes(l, ir_getv(l->b, rn), zero, 4));
    const ir_val first = rol(l, 2, bytes(l, zero, t, 4), 2);
    return lift_putv(l, LIVE_Q, rd, xor(l, rol(l, 2, t, 1), first));
}

static bool sha512_su0(struct lift *l, unsigned rd, unsigned rn)
{
    const ir_val d = ir_getv(l->b, rd), x = bytes(l, d, ir_getv(l->b, rn), 8);
    return lift_putv(l, LIVE_Q, rd, add(l, d, sigma(l, x, 1, 8, 7)));
}

static bool sha512_su1(struct lift *l, unsigned rd, unsigned rn, unsigned rm)
{
    const ir_val sum = add(l, ir_getv(l->b, rd), ir_getv(l->b, rm));
    return lift_putv(l, LIVE_Q, rd, add(l, sum, sigma(l, ir_getv(l->b, rn), 19, 61, 6)));
}

VLIFTER(SHA1H, lift_putv(l, 2, f.rd, rol(l, 2, ir_getv(l->b, f.rn), 30)))
VLIFTER(SHA1SU0, sha1_su0(l, f.rd, f.rn, f.rm))
VLIFTER(SHA1SU1, sha1_su1(l, f.rd, f.rn))
VLIFTER(SHA512SU0, sha512_su0(l, f.rd, f.rn))
VLIFTER(SHA512SU1, sha512_su1(l, f.rd, f.rn, f.rm))
VLIFTER(EOR3, lift_putv(l, LIVE_Q, f.rd,
                        xor(l, xor(l, ir_getv(l->b, f.rn), ir_getv(l->b, f.rm)),
                            ir_getv(l->b, f.ra))))
VLIFTER(BCAX, lift_putv(l, LIVE_Q, f.rd,
                        xor(l, ir_getv(l->b, f.rn),
                            ir_vec(l->b, IR_VANDN, 0, ir_getv(l->b, f.rm), ir_getv(l->b, f.ra), 0,
                                   0))))
VLIFTER(RAX1, lift_putv(l, LIVE_Q, f.rd,
                        xor(l, ir_getv(l->b, f.rn), rol(l, 3, ir_getv(l->b, f.rm), 1))))
VLIFTER(XAR, lift_putv(l, LIVE_Q, f.rd,
                       rol(l, 3, xor(l, ir_getv(l->b, f.rn), ir_getv(l->b, f.rm)),
                           (64 - f.imm6) & 63)))

/* ---- SHA512: rounds, in general registers, since each half needs the other's result ---- */

static ir_val lane(struct lift *l, unsigned n, unsigned which)
{
    return ir_emit(l->b, IR_VGET, IR_I64, 3, ir_getv(l->b, n), 0, 0, which);
}

static ir_val op64(struct lift *l, enum ir_op op, ir_val a, ir_val b)
{
    return ir_bin(l->b, op, IR_I64, a, b);
}

/* Sum of three rotations. */
static ir_val sigma64(struct lift *l, ir_val x, const unsigned r[3])
{
    ir_val v[3];
    for (unsigned i = 0; i < 3; i++)
        v[i] = ir_bini(l->b, IR_ROR, IR_I64, x, r[i]);
    return op64(l, IR_XOR, op64(l, IR_XOR, v[0], v[1]), v[2]);
}

static ir_val choose(struct lift *l, ir_val x, ir_val y, ir_val z)
{
    return op64(l, IR_XOR, op64(l, IR_AND, x, y), op64(l, IR_ANDN, z, x));
}

/* (x & y) ^ (x & z) ^ (y & z) */
static ir_val majority(struct lift *l, ir_val x, ir_val y, ir_val z)
{
    const ir_val either = op64(l, IR_AND, x, op64(l, IR_XOR, y, z));
    return op64(l, IR_XOR, either, op64(l, IR_AND, y, z));
}

static bool put_pair(struct lift *l, unsigned rd, ir_val low, ir_val high)
{
    const ir_val v = ir_vec(l->b, IR_VFROM, 0, low, 0, 0, 0);
    return lift_putv(l, LIVE_Q, rd, ir_vec(l->b, IR_VSET, 3, v, high, 0, 1));
}

static bool sha512_h(struct lift *l, unsigned rd, unsigned rn, unsigned rm)
{
    static const unsigned r[3] = {14, 18, 41};
    const ir_val y1 = lane(l, rm, 1), x0 = lane(l, rn, 0);
    ir_val high = op64(l, IR_ADD, choose(l, y1, x0, lane(l, rn, 1)), sigma64(l, y1, r));
    high = op64(l, IR_ADD, high, lane(l, rd, 1));
    const ir_val e = op64(l, IR_ADD, high, lane(l, rm, 0));
    ir_val low = op64(l, IR_ADD, choose(l, e, y1, x0), sigma64(l, e, r));
    low = op64(l, IR_ADD, low, lane(l, rd, 0));
    return put_pair(l, rd, low, high);
}

static bool sha512_h2(struct lift *l, unsigned rd, unsigned rn, unsigned rm)
{
    static const unsigned r[3] = {28, 34, 39};
    const ir_val y0 = lane(l, rm, 0), y1 = lane(l, rm, 1);
    ir_val high = op64(l, IR_ADD, majority(l, lane(l, rn, 0), y1, y0), sigma64(l, y0, r));
    high = op64(l, IR_ADD, high, lane(l, rd, 1));
    ir_val low = op64(l, IR_ADD, majority(l, high, y0, y1), sigma64(l, high, r));
    low = op64(l, IR_ADD, low, lane(l, rd, 0));
    return put_pair(l, rd, low, high);
}

VLIFTER(SHA512H, sha512_h(l, f.rd, f.rn, f.rm))
VLIFTER(SHA512H2, sha512_h2(l, f.rd, f.rn, f.rm))
