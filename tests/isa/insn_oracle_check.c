/* Host half of the instruction oracle.
 *
 *     insn_oracle_check gen COUNT SEED [PREFIX] > records.in
 *     insn_oracle_check compare records.in records.out
 *
 * `gen` writes COUNT records for each line of the instruction set that only computes: nothing with
 * the traits r, w, b, s or x, nothing that reads PC or SP; and as many of its reserved values, which
 * must be UNDEFINED. `compare` runs the handlers on
 * records.in and compares the whole state with records.out, which the guest made; the exit status
 * is 1 if any instruction differs. The words are random, operands mostly near the edges of formats.
 */
#include "insn_oracle.h"

#include "a64_ops.h"
#include "engine/interp/interp_int.h"
#include "interp_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPORTS = 2 };

static uint64_t rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s * UINT64_C(0x2545f4914f6cdd1d);
}

/* ---- Operands ---- */

/* A number of a floating-point format with `e` exponent and `f` fraction bits. */
static uint64_t edge_float(uint64_t *s, unsigned e, unsigned f)
{
    uint64_t r = rnd(s), frac = rnd(s) & MASK(f), exp, sign = (r >> 8) & 1;
    switch (r & 15) {
    case 0: exp = 0; frac = 0; break;
    case 1: exp = MASK(e); frac = 0; break;
    case 2: exp = MASK(e); frac |= BIT(f - 1); break;
    case 3: exp = MASK(e); frac = (frac & ~BIT(f - 1)) | 1; break;
    case 4: exp = 0; break;
    case 5: exp = 0; frac = (r >> 16) & 3; break;
    case 6: exp = 1; frac &= 7; break;
    case 7: exp = MASK(e) - 1; frac |= MASK(f) & ~UINT64_C(7); break;
    case 8: exp = MASK(e - 1) + ((r >> 16) & 3) - 2; frac = r & BIT(20) ? BIT(f - 1) : 0; break;
    case 9: exp = MASK(e - 1) + ((r >> 16) & 63); frac &= ~MASK(f / 2); break;
    case 10: exp = MASK(e - 1) / 2 + ((r >> 16) & 7); break;
    case 11: exp = MASK(e - 1) + ((r >> 16) & 127); break;
    case 12: exp = rnd(s) & MASK(e); break;
    default: exp = MASK(e - 1) + ((r >> 16) & 15) - 8; break;
    }
    return sign << (e + f) | (exp & MASK(e)) << f | frac;
}

static uint64_t edge_int(uint64_t *s)
{
    uint64_t r = rnd(s), one = BIT((r >> 8) & 63);
    switch (r & 7) {
    case 0: return (r >> 16) & 3;
    case 1: return one;
    case 2: return one - 1;
    case 3: return ~one;
    case 4: return -one;
    case 5: return rnd(s) >> ((r >> 8) & 63);
    case 6: return one * 0x0001000100010001u;
    default: return rnd(s);
    }
}

static uint64_t edge_vector(uint64_t *s, unsigned kind)
{
    uint64_t v = 0;
    switch (kind) {
    case 0: return edge_float(s, 11, 52);
    case 1: return edge_float(s, 8, 23) << 32 | edge_float(s, 8, 23);
    case 2:
        for (unsigned i = 0; i < 4; i++)
            v = v << 16 | edge_float(s, 5, 10);
        return v;
    case 3:
        for (unsigned i = 0; i < 4; i++)
            v = v << 16 | edge_float(s, 8, 7);
        return v;
    default: return edge_int(s);
    }
}

static void make_state(uint64_t *s, struct oracle_record *r, unsigned kind)
{
    for (unsigned n = 0; n < 32; n++)
        for (unsigned i = 0; i < 2; i++)
            r->v[n][i] = edge_vector(s, kind);
    for (unsigned n = 0; n < ORACLE_GPRS; n++)
        r->x[n] = edge_int(s);
    r->nzcv = (rnd(s) & 15) << 28;
    r->fpcr = rnd(s) & FPCR_MASK & (rnd(s) | rnd(s));
    if (rnd(s) & 1)
        r->fpcr &= FPCR_RMODE;
}

/* The formats a line is likely to use: 0 double, 1 single, 2 half, 3 BFloat16, 4 integer. */
static unsigned make_kind(uint64_t *s, const struct a64_op_info *op, uint32_t word)
{
    unsigned r = (unsigned)(rnd(s) >> 32) & 15;
    if (r < 2)
        return r < 1 ? 4 : (unsigned)(rnd(s) % 5);
    if (op->feature == A64_FEAT_BF16)
        return r < 12 ? 3 : 1;
    if (op->feature == A64_FEAT_FP16 || op->feature == A64_FEAT_FHM)
        return 2;
    for (unsigned i = 0; i < op->field_count; i++)
        if (strcmp(op->fields[i].name, "sz") == 0)
            return bit(word, op->fields[i].lo) ? 0 : 1;
    return (unsigned)(rnd(s) % 5);
}

/* ---- Words ---- */

/* Not wanted besides: what reads PC, and pointer authentication in the hint space, which the oracle
 * has and CPU `default` has not. */
static bool is_wanted(const struct a64_op_info *op, const char *prefix)
{
    static const char *const not_wanted[] = {"ADR", "PAC", "AUT", "XPAC"};
    const uint32_t other = A64_TRAIT_READS_MEM | A64_TRAIT_WRITES_MEM | A64_TRAIT_BRANCH |
                           A64_TRAIT_SYSTEM | A64_TRAIT_EXCLUSIVE;
    for (unsigned i = 0; i < ARRAY_LEN(not_wanted); i++)
        if (strncmp(op->name, not_wanted[i], strlen(not_wanted[i])) == 0)
            return false;
    return !(op->traits & other) && strncmp(op->name, prefix, strlen(prefix)) == 0;
}

/* False if the word uses X29 or X30, or register 31 (which may be SP) in an integer instruction. */
static bool is_runnable(const struct a64_op_info *op, uint32_t word)
{
    for (unsigned i = 0; i < op->field_count; i++) {
        const struct a64_op_field *f = &op->fields[i];
        uint64_t n = bits(word, f->lo + f->width - 1u, f->lo);
        if (f->name[0] != 'r' || f->width != 5)
            continue;
        if (n == 29 || n == 30 || (n == 31 && !(op->traits & A64_TRAIT_FP)))
            return false;
    }
    return true;
}

static int put_record(uint64_t *s, const struct a64_op_info *info, uint32_t word)
{
    struct oracle_record r = {.word = word};
    make_state(s, &r, make_kind(s, info, word));
    return fwrite(&r, sizeof(r), 1, stdout) == 1 ? 0 : -1;
}

/* COUNT words that are `op`, or with `reserved` such that only its constraints say that they are
 * not, and nothing else is either. */
static int generate_op(uint64_t *s, enum a64_op op, bool reserved, unsigned count)
{
    const struct a64_op_info *info = &a64_op_info[op];
    const enum a64_op want = reserved ? A64_UNDEFINED : op;
    for (unsigned i = 0, tries = 0; i < count && tries < 1000 * count; tries++) {
        uint32_t word = info->value | ((uint32_t)(rnd(s) >> 32) & ~info->mask);
        if (reserved) {
            const struct a64_op_pattern *not = &info->nots[tries % info->not_count];
            word = (word & ~not->mask) | not->value;
        }
        if (a64_decode(word) != want || !is_runnable(info, word))
            continue;
        if (put_record(s, info, word))
            return -1;
        i++;
    }
    return 0;
}

static int generate(unsigned count, uint64_t seed, const char *prefix)
{
    /* (0) bits that are ones; the manual leaves it open whether those are UNDEFINED. */
    static const uint32_t should_be_zero[] = {
        0xd500411f, 0xd500481f, /* CFINV */
        0xd500413f, 0xd5004f3f, /* XAFLAG */
        0xd500425f, 0xd500445f, /* AXFLAG */
        0xd50331ff, 0xd5033fff, /* SB */
    };
    uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        if (!is_wanted(&a64_op_info[op], prefix))
            continue;
        if (generate_op(&s, op, false, count) ||
            (a64_op_info[op].not_count && generate_op(&s, op, true, count)))
            return 1;
    }
    for (unsigned i = 0; !*prefix && i < ARRAY_LEN(should_be_zero); i++)
        if (put_record(&s, &a64_op_info[A64_UNDEFINED], should_be_zero[i]))
            return 1;
    return fflush(stdout) ? 1 : 0;
}

/* ---- Comparison ---- */

/* Surroundings of a PE that only takes UNDEFINED exceptions. */
static void nothing_changes(struct a64_cpu *cpu)
{
    (void)cpu;
}

static uint64_t no_time(struct a64_cpu *cpu)
{
    (void)cpu;
    return 0;
}

static const struct a64_env oracle_env = {
    .context_changed = nothing_changes,
    .pmu_changed = nothing_changes,
    .timer_changed = nothing_changes,
    .cycles = no_time,
    .counter = no_time,
};

static void load_state(struct a64_cpu *cpu, const struct oracle_record *r)
{
    memset(cpu, 0, sizeof(*cpu));
    cpu->features = a64_features_default();
    cpu->sys[A64_CPACR_EL1] = 3u << 20; /* FPEN */
    cpu->sys[A64_VBAR_EL1] = 0x1000;
    cpu->max_el = 1;
    cpu->env = &oracle_env;
    memcpy(cpu->v, r->v, sizeof(r->v));
    memcpy(cpu->x, r->x, sizeof(uint64_t) * ORACLE_GPRS);
    cpu->nzcv = (uint32_t)r->nzcv;
    cpu->fp.fpcr = (uint32_t)r->fpcr;
    cpu->fp.fpsr = (uint32_t)r->fpsr;
}

static void store_state(const struct a64_cpu *cpu, struct oracle_record *r)
{
    memcpy(r->v, cpu->v, sizeof(r->v));
    memcpy(r->x, cpu->x, sizeof(uint64_t) * ORACLE_GPRS);
    r->nzcv = cpu->nzcv;
    r->fpsr = cpu->fp.fpsr;
}

static void print_vector(const char *what, unsigned n, const uint64_t v[2])
{
    printf("    %s v%-2u %016" PRIx64 "%016" PRIx64 "\n", what, n, v[1], v[0]);
}

static void report(const struct oracle_record *in, const struct oracle_record *out,
                   const struct oracle_record *mine)
{
    printf("%s: word %08x fpcr %08" PRIx64 " nzcv %" PRIx64 "\n",
           a64_op_info[a64_decode(in->word)].name, in->word, in->fpcr, in->nzcv >> 28);
    if (out->undefined != mine->undefined)
        printf("    UNDEFINED: expected %" PRIu64 ", got %" PRIu64 "\n", out->undefined,
               mine->undefined);
    for (unsigned i = 0; i < 4; i++) {
        static const unsigned lo[4] = {0, 5, 16, 10}; /* Rd, Rn, Rm, Ra */
        unsigned n = (unsigned)bits(in->word, lo[i] + 4, lo[i]);
        print_vector("operand ", n, in->v[n]);
    }
    for (unsigned n = 0; n < 32; n++) {
        if (memcmp(out->v[n], mine->v[n], sizeof(out->v[n])) == 0)
            continue;
        print_vector("expected", n, out->v[n]);
        print_vector("got     ", n, mine->v[n]);
    }
    for (unsigned n = 0; n < ORACLE_GPRS; n++)
        if (out->x[n] != mine->x[n])
            printf("    x%u: expected %016" PRIx64 " got %016" PRIx64 "\n", n, out->x[n],
                   mine->x[n]);
    if (out->nzcv != mine->nzcv || out->fpsr != mine->fpsr)
        printf("    nzcv expected %" PRIx64 " got %" PRIx64 ", fpsr expected %08" PRIx64
               " got %08" PRIx64 "\n", out->nzcv >> 28, mine->nzcv >> 28, out->fpsr, mine->fpsr);
}

/* True if equal; `mine` gets the state after the handler. */
static bool run_one(struct a64_cpu *cpu, const struct oracle_record *in,
                    const struct oracle_record *out, struct oracle_record *mine)
{
    load_state(cpu, in);
    *mine = *in;
    if (interp_handlers[a64_decode(in->word)](cpu, in->word) == XR_EXC) {
        mine->undefined = 1;
        return out->undefined;
    }
    store_state(cpu, mine);
    return memcmp(out, mine, sizeof(*out)) == 0;
}

/* What QEMU 7.2 is known to get wrong is put right:
 * - scalar half-precision FCVTZS to fixed-point leaves its sign extension in bits 31..16 of Vd,
 *   which a scalar write zeroes;
 * - modified immediate with op = 1, cmode = 1111 and o2 = 1, which is unallocated, is FMOV of doubles;
 * - FJCVTZS of a positive denormal under FPCR.FZ sets Z, which FPToFixedJS() clears. */
static void correct_oracle(enum a64_op op, const struct oracle_record *in,
                           struct oracle_record *out)
{
    unsigned rd = in->word & 31;
    uint64_t operand = in->v[bits(in->word, 9, 5)][0];
    if ((in->word & 0xbff8fc00) == 0x2f00fc00)
        out->undefined = 1;
    if (op == A64_FCVTZS_sshx && out->v[rd][0] >> 16 == 0xffff)
        out->v[rd][0] &= 0xffff;
    if (op == A64_FJCVTZS && (in->fpcr & FPCR_FZ) && operand && operand >> 52 == 0)
        out->nzcv = 0;
}

static int compare(FILE *in_file, FILE *out_file)
{
    static unsigned wrong[A64_OP_COUNT], total[A64_OP_COUNT];
    struct a64_cpu *cpu = calloc(1, sizeof(*cpu));
    struct oracle_record in, out, mine;
    unsigned bad = 0, ops = 0, records = 0;
    if (!cpu)
        return 2;
    while (fread(&in, sizeof(in), 1, in_file) == 1) {
        enum a64_op op = a64_decode(in.word);
        if (fread(&out, sizeof(out), 1, out_file) != 1) {
            fprintf(stderr, "insn_oracle_check: the results end early\n");
            return 2;
        }
        correct_oracle(op, &in, &out);
        records++;
        ops += total[op]++ == 0;
        if (!run_one(cpu, &in, &out, &mine) && wrong[op]++ < MAX_REPORTS)
            report(&in, &out, &mine);
    }
    for (unsigned op = 0; op < A64_OP_COUNT; op++) {
        if (wrong[op])
            printf("%s: %u of %u differ\n", a64_op_info[op].name, wrong[op], total[op]);
        bad += wrong[op] != 0;
    }
    printf("insn_oracle: %u instructions, %u records, %u instructions differ\n", ops, records, bad);
    free(cpu);
    return bad || !records;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "gen") == 0)
        return generate((unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 0),
                        argc > 4 ? argv[4] : "");
    if (argc == 4 && strcmp(argv[1], "compare") == 0) {
        FILE *in = fopen(argv[2], "rb"), *out = fopen(argv[3], "rb");
        if (in && out)
            return compare(in, out);
        perror("insn_oracle_check");
        return 2;
    }
    fprintf(stderr, "usage: insn_oracle_check gen COUNT SEED [PREFIX] | compare IN OUT\n");
    return 2;
}
