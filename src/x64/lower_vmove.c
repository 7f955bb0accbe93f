/* Lowering of moves between general and vector registers, of vector constants and of lanes.
 */
#include "x64/lower_vint.h"

static const uint16_t broadcast[4] = {X64_VPBROADCASTB, X64_VPBROADCASTW, X64_VPBROADCASTD,
                                      X64_VPBROADCASTQ};

static int is_wide(const struct lower *e, ir_val v)
{
    return e->ir->insn[v].type == IR_I64;
}

void lower_VFROM(struct lower *e, const struct ir_insn *i)
{
    const int r = lo_r(e, i->a);
    x64_vmov_xr(e->b, is_wide(e, i->a), lo_vdef(e, i), r);
}

void lower_VGET(struct lower *e, const struct ir_insn *i)
{
    const int size = 1 << i->sub, lane = (int)i->imm;
    const int a = lo_v(e, i->a), d = lo_rdef(e, i);
    if (lane == 0 && i->sub >= 2)
        x64_vmov_rx(e->b, i->sub == 3, d, a);
    else
        x64_vpextr(e->b, size, d, a, lane);
    if (i->sub2)
        x64_ext_rr(e->b, size, true, i->type == IR_I64, d, d);
}

void lower_VSET(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), r = lo_r(e, i->b);
    x64_vpinsr(e->b, 1 << i->sub, lo_vdef(e, i), a, r, (int)i->imm);
}

void lower_VDUP(struct lower *e, const struct ir_insn *i)
{
    const int r = lo_r(e, i->a), d = lo_vdef(e, i);
    if (e->host->avx512) {
        x64_vpbroadcast_r(e->b, 1 << i->sub, 0, 0, 0, d, r);
    } else {
        x64_vmov_xr(e->b, i->sub == 3, LO_XS0, r);
        x64_vrr(e->b, (enum x64_vop)broadcast[i->sub], 0, d, LO_XS0);
    }
}

/* Lanes of 16 and 8 bits: to the bottom first, since the host broadcasts only from there. */
void lower_VDUPL(struct lower *e, const struct ir_insn *i)
{
    const unsigned lane = (unsigned)i->imm;
    const int a = lo_v(e, i->a), d = lo_vdef(e, i);
    if (i->sub == 2) {
        v2i(e, X64_VPSHUFD, d, a, lane * 0x55);
    } else if (i->sub == 3) {
        v3(e, lane ? X64_VPUNPCKHQDQ : X64_VPUNPCKLQDQ, d, a, a);
    } else if (lane == 0) {
        x64_vrr(e->b, (enum x64_vop)broadcast[i->sub], 0, d, a);
    } else {
        v2i(e, X64_VPSRLDQ_I, LO_XS0, a, lane << i->sub);
        x64_vrr(e->b, (enum x64_vop)broadcast[i->sub], 0, d, LO_XS0);
    }
}

void lower_VSHUFS(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    v2i(e, X64_VPSHUFD, lo_vdef(e, i), a, (unsigned)i->imm);
}

void lower_VCONST(struct lower *e, const struct ir_insn *i)
{
    const uint64_t k = (uint64_t)i->imm;
    const int d = lo_vdef(e, i);
    if (k == 0) {
        vzero(e, d);
    } else if (k == UINT64_MAX && !i->sub) {
        if (d < 16)
            vones(e, d);
        else
            x64_vrrri(e->b, X64_VPTERNLOGD, 0, d, d, d, 0xff);
    } else if (i->sub) {
        x64_mov_ri(e->b, RAX, k);
        x64_vmov_xr(e->b, 1, d, RAX);
    } else {
        const unsigned size = k >> 32 == (uint32_t)k ? 2 : 3;
        x64_mov_ri(e->b, RAX, size == 2 ? (uint32_t)k : k);
        if (e->host->avx512) {
            x64_vpbroadcast_r(e->b, 1 << size, 0, 0, 0, d, RAX);
        } else {
            x64_vmov_xr(e->b, size == 3, LO_XS0, RAX);
            x64_vrr(e->b, (enum x64_vop)broadcast[size], 0, d, LO_XS0);
        }
    }
}

void lower_VLOW(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), d = lo_vdef(e, i);
    switch (i->sub) {
    case 0:
        v3k(e, X64_VPAND, d, a, X64_K_LOW_B);
        break;
    case 1:
        v3k(e, X64_VPAND, d, a, X64_K_LOW_H);
        break;
    case 2: /* keeps word 0, zeroes the others */
        x64_vrrri(e->b, X64_VINSERTPS, 0, d, a, a, 0xe);
        break;
    default:
        x64_vrr(e->b, X64_VMOVQ, 0, d, a);
        break;
    }
}
