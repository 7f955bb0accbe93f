/* Branches: to known places, and forward ones that are bound later.
 *
 * A forward branch is known by its end: the displacement lies just before it and counts from it.
 * That is all x64_patch needs, except which of the two sizes it is: a rel32 that is not bound is
 * zero, so the byte before its last is zero, where a rel8 has its opcode (70..7F or EB).
 */
#include "x64/asm_int.h"

static inline int32_t distance(const uint8_t *from, const uint8_t *to)
{
    ptrdiff_t d = to - from;
    DCHECK(d == (int32_t)d);
    return (int32_t)d;
}

/* ---- To a known place ---- */
void x64_jcc(struct x64_buf *b, enum x64_cc cc, const uint8_t *target)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    p[0] = 0x0f;
    p[1] = (uint8_t)(0x80 | cc);
    b->p = x64_put_u32(p + 2, (uint32_t)distance(p + 6, target));
}

/* One-byte opcode, then rel32. */
static void branch(struct x64_buf *b, uint8_t op, const uint8_t *target)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    p[0] = op;
    b->p = x64_put_u32(p + 1, (uint32_t)distance(p + 5, target));
}

void x64_jmp(struct x64_buf *b, const uint8_t *target)
{
    branch(b, 0xe9, target);
}

void x64_call(struct x64_buf *b, const uint8_t *target)
{
    branch(b, 0xe8, target);
}

/* Emits op rel8 and returns true if target is in reach. */
static bool branch_short(struct x64_buf *b, unsigned op, const uint8_t *target)
{
    uint8_t *p = b->p;
    ptrdiff_t d = target - (p + 2);
    if (d != (int8_t)d)
        return false;
    if (x64_begin(b)) {
        p[0] = (uint8_t)op;
        p[1] = (uint8_t)d;
        b->p = p + 2;
    }
    return true;
}

void x64_jcc_near(struct x64_buf *b, enum x64_cc cc, const uint8_t *target)
{
    if (!branch_short(b, 0x70u | cc, target))
        x64_jcc(b, cc, target);
}

void x64_jmp_near(struct x64_buf *b, const uint8_t *target)
{
    if (!branch_short(b, 0xeb, target))
        x64_jmp(b, target);
}

/* ---- Indirect ---- */
void x64_jmp_r(struct x64_buf *b, int r)
{
    x64_ins_rr(b, 0xff, 0, 4, r, 0, 0);
}

void x64_jmp_m(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, 0xff, 0, 4, m, 0, 0);
}

void x64_call_r(struct x64_buf *b, int r)
{
    x64_ins_rr(b, 0xff, 0, 2, r, 0, 0);
}

void x64_call_m(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, 0xff, 0, 2, m, 0, 0);
}

/* ---- Forward ---- */
/* `count` bytes of the instruction, whose displacement is 0. */
static uint8_t *forward(struct x64_buf *b, unsigned count, uint64_t bytes)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return NULL;
    memcpy(p, &bytes, 8);
    b->p = p + count;
    return b->p;
}

uint8_t *x64_jcc_fwd(struct x64_buf *b, enum x64_cc cc)
{
    return forward(b, 6, 0x800f | (unsigned)cc << 8);
}

uint8_t *x64_jmp_fwd(struct x64_buf *b)
{
    return forward(b, 5, 0xe9);
}

uint8_t *x64_call_fwd(struct x64_buf *b)
{
    return forward(b, 5, 0xe8);
}

uint8_t *x64_jcc_fwd8(struct x64_buf *b, enum x64_cc cc)
{
    return forward(b, 2, 0x70 | (unsigned)cc);
}

uint8_t *x64_jmp_fwd8(struct x64_buf *b)
{
    return forward(b, 2, 0xeb);
}

uint8_t *x64_lea_fwd(struct x64_buf *b, int dst)
{
    unsigned r = (unsigned)dst;
    return forward(b, 7, 0x058d48 | (r & 8) >> 1 | (r & 7) << 19);
}

void x64_patch(struct x64_buf *b, uint8_t *point)
{
    if (!point)
        return;
    if (point[-2] != 0xeb && (point[-2] & 0xf0) != 0x70) {
        x64_patch_to(point, b->p);
        return;
    }
    ptrdiff_t d = b->p - point;
    CHECK(d >= 0 && d <= INT8_MAX);
    point[-1] = (uint8_t)d;
}

void x64_patch_to(uint8_t *point, const uint8_t *target)
{
    int32_t d = distance(point, target);
    memcpy(point - 4, &d, 4);
}
