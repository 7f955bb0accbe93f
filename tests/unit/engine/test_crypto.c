/* The cryptographic instructions compute the functions of their standards: the examples of FIPS 197
 * (AES), FIPS 180-4 (SHA-1, SHA-256, SHA-512) and FIPS 202 (Keccak) are run through the handlers,
 * one encoded instruction at a time, the way compiled code strings them together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64_encode.h"
#include "engine/interp/interp_int.h"
#include "interp_table.h"

#include <stdlib.h>
#include <string.h>

/* Runs one instruction: RUN(cpu, AESE, fields from the most significant one). */
#define RUN(cpu, NAME, ...)                                                                        \
    assert_int_equal(interp_##NAME(cpu, a64_encode_##NAME(__VA_ARGS__)), XR_NEXT)

static struct a64_cpu *cpu_create(void)
{
    struct a64_cpu *cpu = calloc(1, sizeof(*cpu));
    assert_non_null(cpu);
    return cpu;
}

static union a64_vreg vreg(uint64_t lo, uint64_t hi)
{
    return (union a64_vreg){.d = {lo, hi}};
}

/* ---- AES ---- */

static const uint8_t aes_key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t aes_plain[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
static const uint8_t aes_cipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                       0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};

/* SubWord() by AESE with a zero key: a column repeated four times is not moved by ShiftRows. */
static uint32_t aes_sub_word(struct a64_cpu *cpu, uint32_t w)
{
    cpu->v[30] = vreg(w | (uint64_t)w << 32, w | (uint64_t)w << 32);
    cpu->v[31] = vreg(0, 0);
    RUN(cpu, AESE, 31, 30);
    return cpu->v[30].s[0];
}

/* Key expansion (FIPS 197, 5.2) into v[1]..v[11]. */
static void aes_expand(struct a64_cpu *cpu)
{
    uint32_t w[44], rcon = 1;
    memcpy(w, aes_key, 16);
    for (unsigned i = 4; i < 44; i++) {
        uint32_t t = w[i - 1];
        if (i % 4 == 0) {
            t = aes_sub_word(cpu, t >> 8 | t << 24) ^ rcon;
            rcon = rcon << 1 ^ (rcon & 0x80 ? 0x11b : 0);
        }
        w[i] = w[i - 4] ^ t;
    }
    memcpy(&cpu->v[1], w, sizeof(w));
}

static void test_aes_encrypts_fips197_example(void **state)
{
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    aes_expand(cpu);
    memcpy(&cpu->v[0], aes_plain, 16);
    for (unsigned round = 1; round < 10; round++) {
        RUN(cpu, AESE, round, 0);
        RUN(cpu, AESMC, 0, 0);
    }
    RUN(cpu, AESE, 10, 0);
    cpu->v[0].d[0] ^= cpu->v[11].d[0];
    cpu->v[0].d[1] ^= cpu->v[11].d[1];
    assert_memory_equal(&cpu->v[0], aes_cipher, 16);
    free(cpu);
}

static void test_aes_decrypts_fips197_example(void **state)
{
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    aes_expand(cpu);
    for (unsigned round = 2; round <= 10; round++)
        RUN(cpu, AESIMC, round, round); /* the equivalent inverse cipher, 5.3.5 */
    memcpy(&cpu->v[0], aes_cipher, 16);
    for (unsigned round = 11; round > 2; round--) {
        RUN(cpu, AESD, round, 0);
        RUN(cpu, AESIMC, 0, 0);
    }
    RUN(cpu, AESD, 2, 0);
    cpu->v[0].d[0] ^= cpu->v[1].d[0];
    cpu->v[0].d[1] ^= cpu->v[1].d[1];
    assert_memory_equal(&cpu->v[0], aes_plain, 16);
    free(cpu);
}

static void test_aes_every_byte_survives_sub_bytes_and_inverse(void **state)
{
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    for (unsigned first = 0; first < 256; first += 16) {
        for (unsigned i = 0; i < 16; i++)
            cpu->v[0].b[i] = (uint8_t)(first + i);
        const union a64_vreg before = cpu->v[0];
        RUN(cpu, AESE, 1, 0);
        assert_memory_not_equal(&cpu->v[0], &before, 16);
        RUN(cpu, AESD, 1, 0);
        assert_memory_equal(&cpu->v[0], &before, 16);
        RUN(cpu, AESMC, 0, 2);
        RUN(cpu, AESIMC, 2, 3);
        assert_memory_equal(&cpu->v[3], &before, 16);
    }
    free(cpu);
}

/* ---- SHA-1 and SHA-256 of "abc" ---- */

/* The padded block of "abc" as big-endian words in v[16]..v[19]. */
static void load_abc32(struct a64_cpu *cpu)
{
    memset(&cpu->v[16], 0, 4 * 16);
    cpu->v[16].s[0] = 0x61626380;
    cpu->v[19].s[3] = 24;
}

/* v[0] = a..d, v[1].s[0] = e. */
static void sha1_four_rounds(struct a64_cpu *cpu, unsigned group)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    unsigned w = 16 + group % 4;
    for (unsigned i = 0; i < 4; i++)
        cpu->v[4].s[i] = cpu->v[w].s[i] + k[group / 5];
    RUN(cpu, SHA1H, 0, 2); /* e of the next group */
    if (group < 5)
        RUN(cpu, SHA1C, 4, 1, 0);
    else if (group < 10 || group >= 15)
        RUN(cpu, SHA1P, 4, 1, 0);
    else
        RUN(cpu, SHA1M, 4, 1, 0);
    cpu->v[1] = cpu->v[2];
    RUN(cpu, SHA1SU0, 16 + (group + 2) % 4, 16 + (group + 1) % 4, w);
    RUN(cpu, SHA1SU1, 16 + (group + 3) % 4, w);
}

static void test_sha1_of_abc(void **state)
{
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    static const uint32_t digest[5] = {0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c, 0x9cd0d89d};
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    load_abc32(cpu);
    memcpy(&cpu->v[0], start, 16);
    cpu->v[1] = vreg(start[4], 0);
    for (unsigned group = 0; group < 20; group++)
        sha1_four_rounds(cpu, group);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(cpu->v[0].s[i] + start[i], digest[i]);
    assert_int_equal(cpu->v[1].s[0] + start[4], digest[4]);
    free(cpu);
}

static void test_sha1h_zeroes_the_rest_of_the_register(void **state)
{
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    cpu->v[3] = vreg(~UINT64_C(0), ~UINT64_C(0));
    cpu->v[4] = vreg(0x1234567880000001, ~UINT64_C(0));
    RUN(cpu, SHA1H, 4, 3);
    assert_int_equal(cpu->v[3].d[0], 0x60000000);
    assert_int_equal(cpu->v[3].d[1], 0);
    free(cpu);
}

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void test_sha256_of_abc(void **state)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static const uint32_t digest[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                       0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    load_abc32(cpu);
    memcpy(&cpu->v[0], start, 32); /* v[0] = a..d, v[1] = e..h */
    for (unsigned group = 0; group < 16; group++) {
        unsigned w = 16 + group % 4;
        for (unsigned i = 0; i < 4; i++)
            cpu->v[4].s[i] = cpu->v[w].s[i] + sha256_k[4 * group + i];
        cpu->v[2] = cpu->v[0];
        RUN(cpu, SHA256H, 4, 1, 0);
        RUN(cpu, SHA256H2, 4, 2, 1);
        RUN(cpu, SHA256SU0, 16 + (group + 1) % 4, w);
        RUN(cpu, SHA256SU1, 16 + (group + 3) % 4, 16 + (group + 2) % 4, w);
    }
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(cpu->v[i / 4].s[i % 4] + start[i], digest[i]);
    free(cpu);
}

/* ---- SHA-512 of "abc" ---- */

/* As sha256_k, with 64 bits and 80 primes. */
static const uint64_t sha512_k[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

/* Two rounds: v[0] = ab, v[1] = cd, v[2] = ef, v[3] = gh, each with its first variable in d[0]; the
 * instructions work on (x, y) pairs of neighbours. */
static void sha512_two_rounds(struct a64_cpu *cpu, unsigned pair)
{
    union a64_vreg *v = cpu->v;
    unsigned w = 16 + pair % 8;
    /* h + K + W, with the round's words crosswise: the first round uses the upper half. */
    v[4] = vreg(v[3].d[0] + v[w].d[1] + sha512_k[2 * pair + 1],
                v[3].d[1] + v[w].d[0] + sha512_k[2 * pair]);
    v[5] = vreg(v[2].d[1], v[3].d[0]); /* f, g */
    v[6] = vreg(v[1].d[1], v[2].d[0]); /* d, e */
    RUN(cpu, SHA512H, 6, 5, 4);        /* T1 of both rounds */
    v[7] = vreg(v[1].d[0] + v[4].d[0], v[1].d[1] + v[4].d[1]); /* e of both rounds */
    RUN(cpu, SHA512H2, 0, 1, 4);                               /* a of both rounds */
    v[3] = v[2];
    v[2] = v[7];
    v[1] = v[0];
    v[0] = v[4];
    /* Schedule: this pair's words 16 rounds on. */
    v[8] = vreg(v[16 + (pair + 4) % 8].d[1], v[16 + (pair + 5) % 8].d[0]);
    RUN(cpu, SHA512SU0, 16 + (pair + 1) % 8, w);
    RUN(cpu, SHA512SU1, 8, 16 + (pair + 7) % 8, w);
}

static void test_sha512_of_abc(void **state)
{
    static const uint64_t start[8] = {
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    static const uint64_t digest[8] = {
        0xddaf35a193617aba, 0xcc417349ae204131, 0x12e6fa4e89a97ea2, 0x0a9eeee64b55d39a,
        0x2192992a274fc1a8, 0x36ba3c23a3feebbd, 0x454d4423643ce80e, 0x2a9ac94fa54ca49f};
    struct a64_cpu *cpu = cpu_create();
    (void)state;
    cpu->v[16].d[0] = 0x6162638000000000;
    cpu->v[23].d[1] = 24;
    memcpy(&cpu->v[0], start, 64);
    for (unsigned pair = 0; pair < 40; pair++)
        sha512_two_rounds(cpu, pair);
    for (unsigned i = 0; i < 8; i++)
        assert_true(cpu->v[i / 2].d[i % 2] + start[i] == digest[i]);
    free(cpu);
}

/* ---- Keccak-f[1600] of zeroes (FIPS 202), two lanes equal ---- */

/* a[x + 5y] is v[x + 5y]; v[25..29] is the row C of theta, v[31] scratch. */
static void keccak_theta(struct a64_cpu *cpu)
{
    for (unsigned x = 0; x < 5; x++) {
        RUN(cpu, EOR3, x, x + 10, x + 5, 25 + x);
        RUN(cpu, EOR3, 25 + x, x + 20, x + 15, 25 + x);
    }
    for (unsigned x = 0; x < 5; x++) {
        RUN(cpu, RAX1, 25 + (x + 1) % 5, 25 + (x + 4) % 5, 31);
        cpu->v[30] = vreg(0, 0);
        for (unsigned y = 0; y < 25; y += 5)
            RUN(cpu, EOR3, 31, 30, x + y, x + y);
    }
}

static void keccak_rho_pi(struct a64_cpu *cpu)
{
    static const unsigned rotate[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                        25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
    union a64_vreg b[25];
    cpu->v[30] = vreg(0, 0);
    for (unsigned y = 0; y < 5; y++) {
        for (unsigned x = 0; x < 5; x++) {
            RUN(cpu, XAR, 30, (64 - rotate[x + 5 * y]) & 63, x + 5 * y, 31);
            b[y + 5 * ((2 * x + 3 * y) % 5)] = cpu->v[31];
        }
    }
    memcpy(cpu->v, b, sizeof(b));
}

static void keccak_chi(struct a64_cpu *cpu)
{
    for (unsigned y = 0; y < 25; y += 5) {
        for (unsigned x = 0; x < 5; x++)
            RUN(cpu, BCAX, y + (x + 2) % 5, y + (x + 1) % 5, y + x, 25 + x);
        memcpy(&cpu->v[y], &cpu->v[25], 5 * 16);
    }
}

static void test_keccak_permutation_of_zero_state(void **state)
{
    static const uint64_t first[5] = {0xf1258f7940e1dde7, 0x84d5ccf933c0478a, 0xd598261ea65aa9ee,
                                      0xbd1547306f80494d, 0x8b284e056253d057};
    struct a64_cpu *cpu = cpu_create();
    uint8_t lfsr = 1;
    (void)state;
    for (unsigned round = 0; round < 24; round++) {
        uint64_t rc = 0; /* FIPS 202, 3.2.5 */
        for (unsigned j = 0; j < 7; j++) {
            rc |= (uint64_t)(lfsr & 1) << ((1u << j) - 1);
            lfsr = (uint8_t)(lfsr << 1 ^ (lfsr & 0x80 ? 0x71 : 0));
        }
        keccak_theta(cpu);
        keccak_rho_pi(cpu);
        keccak_chi(cpu);
        cpu->v[0].d[0] ^= rc;
        cpu->v[0].d[1] ^= rc;
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_true(cpu->v[i].d[0] == first[i]);
        assert_true(cpu->v[i].d[1] == first[i]);
    }
    free(cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aes_encrypts_fips197_example),
        cmocka_unit_test(test_aes_decrypts_fips197_example),
        cmocka_unit_test(test_aes_every_byte_survives_sub_bytes_and_inverse),
        cmocka_unit_test(test_sha1_of_abc),
        cmocka_unit_test(test_sha1h_zeroes_the_rest_of_the_register),
        cmocka_unit_test(test_sha256_of_abc),
        cmocka_unit_test(test_sha512_of_abc),
        cmocka_unit_test(test_keccak_permutation_of_zero_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
