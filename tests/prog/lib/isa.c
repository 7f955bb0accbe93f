/* Walks the table of an isa_*.S program and compares. With -DISA_DUMP it prints what came out
 * instead, one line per row, for writing tables. */
#include "isa.h"

static u8 buffer[ISA_BYTES] __attribute__((aligned(64)));

static void fill(void)
{
    for (unsigned i = 0; i < ISA_BYTES; i++)
        buffer[i] = (u8)(i * 7 + 3);
}

static u64 hash(const void *p, unsigned n)
{
    const u8 *b = p;
    u64 h = 0xcbf29ce484222325;
    for (unsigned i = 0; i < n; i++)
        h = (h ^ b[i]) * 0x100000001b3;
    return h;
}

/* The row's operands into a context; number of words that are operands. */
static unsigned operands(const struct isa_row *r, struct isa_context *c)
{
    const u64 *a = r->a;
    memset(c, 0, sizeof(*c));
    c->x[0] = ISA_X0;
    for (unsigned i = 0; i < 4; i++) {
        c->v[i][0] = 0x8090a0b0c0d0e0f0 + i;
        c->v[i][1] = 0x0123456789abcdef - i;
    }
    switch (r->kind) {
    case ISA_X:
        memcpy(&c->x[1], a, 24);
        c->nzcv = a[3];
        return 4;
    case ISA_V:
        c->v[0][1] = a[4];
        c->v[0][0] = a[5];
        c->fpcr = a[6];
        break;
    case ISA_M:
        c->x[1] = a[4];
        c->nzcv = a[5];
        c->fpcr = a[6];
        break;
    default:
        fill();
        c->x[0] = 0x1122334455667788;
        c->x[2] = 0x99aabbccddeeff00;
        c->x[3] = 0x0f1f2f3f4f5f6f7f;
        c->x10 = (u64)buffer + ISA_MIDDLE;
        c->x11 = a[0];
        return 1;
    }
    c->v[1][1] = a[0];
    c->v[1][0] = a[1];
    c->v[2][1] = a[2];
    c->v[2][0] = a[3];
    return 7;
}

/* What came out, in the order of the row's results; their number. */
static unsigned results(const struct isa_row *r, const struct isa_context *c, u64 *out)
{
    u64 *o = out, delta = c->x10 - ((u64)buffer + ISA_MIDDLE);
    switch (r->kind) {
    case ISA_X:
        *o++ = c->x[0];
        *o++ = c->nzcv;
        break;
    case ISA_M:
        *o++ = c->x[0];
        *o++ = c->nzcv;
        /* fall through */
    case ISA_V:
        *o++ = c->v[0][1];
        *o++ = c->v[0][0];
        *o++ = c->fpsr;
        break;
    case ISA_L:
        *o++ = c->x[0];
        *o++ = c->x[2];
        *o++ = delta;
        break;
    case ISA_F:
        *o++ = c->v[0][1];
        *o++ = c->v[0][0];
        *o++ = c->v[1][1];
        *o++ = c->v[1][0];
        *o++ = delta;
        *o++ = hash(c->v, sizeof(c->v));
        break;
    default: {
        const u8 *at = buffer + ISA_MIDDLE + (s64)r->a[3];
        *o++ = delta;
        *o++ = hash(buffer, sizeof(buffer));
        *o++ = r->a[3];
        for (unsigned h = 2; h-- > 0;) {
            u64 v = 0;
            for (unsigned i = 8; i-- > 0;)
                v = v << 8 | at[h * 8 + i];
            *o++ = v;
        }
    }
    }
    return (unsigned)(o - out);
}

static const char *const names[6][6] = {
    {"x0", "NZCV"},
    {"V0 high", "V0 low", "FPSR"},
    {"x0", "NZCV", "V0 high", "V0 low", "FPSR"},
    {"x0", "x2", "x10 moved"},
    {"V0 high", "V0 low", "V1 high", "V1 low", "x10 moved", "hash of V0-V3"},
    {"x10 moved", "hash of memory", "offset", "memory high", "memory low"},
};

int main(void)
{
    rt_mmu_on();
    for (const struct isa_row *r = isa_rows; r < isa_rows_end; r++) {
        struct isa_context c;
        u64 out[8];
        unsigned first = operands(r, &c);
        isa_call(r->fn, &c);
        unsigned n = results(r, &c, out);
#ifdef ISA_DUMP
        put("ROW %d", (int)r->line);
        for (unsigned i = 0; i < n; i++)
            put(" %x", out[i]);
        put("\n");
        (void)first;
        (void)names;
#else
        for (unsigned i = 0; i < n; i++)
            if (out[i] != r->a[first + i])
                rt_fail(isa_file, (int)r->line, names[r->kind][i], out[i], r->a[first + i]);
#endif
    }
    return 0;
}
