/* Words that translated code addresses relative to RBP besides the guest's registers: its own
 * state, helper entries, spill slots and vector constants. One per vCPU, at a fixed offset from the
 * guest state, so that code is position independent and shared.
 *
 * Register conventions of translated code (lower_int.h has the allocation):
 *   RBP   guest state (struct x64_layout says where what is)
 *   R14   translation set of the current privilege and address space: the load array, the store
 *         array of X64_SET_ENTRIES entries of 16 bytes each, their second ways, and the jump cache
 *   RSP   return stack: pairs (host return address, guest return address)
 *   MXCSR the guest's rounding mode; its sticky flags are part of FPSR
 */
#ifndef X64_AREA_H
#define X64_AREA_H

#include <stdint.h>

/* ---- Translation sets (R14) ---- */
#define X64_SET_ENTRIES 16384u
#define X64_JUMP_ENTRIES 16384u /* calls and jumps to other pages all come here */
struct x64_tlb_entry {
    uint64_t tag;    /* page address, or X64_TLB_NONE */
    uint64_t addend; /* host address = guest address + addend */
};
struct x64_jump_entry {
    uint64_t pc;   /* guest address, or X64_TLB_NONE */
    uint64_t host; /* entry of its translation */
};
#define X64_TLB_NONE (UINT64_C(1) << 55 | 1) /* no page's and no instruction's address */
struct x64_set {
    struct x64_tlb_entry load[X64_SET_ENTRIES];
    struct x64_tlb_entry store[X64_SET_ENTRIES];
    /* The second way: what was in the same place of `load`, then `store`, before. The fixed code of
     * a miss looks here and exchanges the two. */
    struct x64_tlb_entry second[2 * X64_SET_ENTRIES];
    struct x64_jump_entry jump[X64_JUMP_ENTRIES]; /* by x64_jump_index() */
    /* Of what the address space executes: no two spaces have the same number, and a new one is
     * taken when a page of code may have moved. Direct branches to other pages hold for one of
     * them. */
    uint32_t generation;
    uint32_t pad[15];
};
#define X64_NO_GENERATION 0x7fffffff

/* Low bits of the address with higher ones mixed in: functions that call each other often lie at
 * equal offsets from multiples of 64 KiB. The entries of one page are 1024 in a row, aligned. An
 * address that is not there may be in the neighbour, index ^ 1. */
static inline unsigned x64_jump_index(uint64_t pc)
{
    return (unsigned)((pc >> 2 ^ pc >> 16) % X64_JUMP_ENTRIES);
}

/* ---- Constants that vector code uses as memory operands: consts.def ---- */
enum x64_const {
#define CONST(name, lo, hi) X64_K_##name,
#include "x64/consts.def"
#undef CONST
    X64_K_COUNT
};

#define X64_SPILLS 32u
#define X64_VSPILLS 32u

/* Entries that translated code calls or jumps to; filled by the engine. See lower_int.h for what
 * each is called with. */
enum x64_entry {
    X64_E_FILL_LOAD,   /* RAX = address, ECX = site: RAX = addend, or does not return */
    X64_E_FILL_STORE,
    X64_E_FILL_UNPRIV_LOAD,
    X64_E_FILL_UNPRIV_STORE,
    X64_E_INTERP,      /* RAX = word | operation << 32, ECX = site: returns if the block goes on */
    X64_E_EXCEPTION,   /* the same, of an instruction that ends the block and takes an exception or
                        * returns from one; does not return if that went the quick way */
    X64_E_LINK,        /* jumped to; RDX = address of the rel32's end, ECX = site of the target */
    X64_E_DISPATCH,    /* jumped to; ECX = site to go on at */
    X64_E_INTERP_ONE,  /* jumped to; ECX = site: the interpreter executes one instruction there */
    X64_E_POLL,        /* called; ECX = site to go on at: returns if nothing was wanted */
    X64_E_JUMP_SECOND, /* called or jumped to; RAX = guest address, ECX = 16 x64_jump_index() of it,
                        * EDX = PSTATE.BTYPE there: looks at the neighbour, then leaves */
    X64_E_RETURN_MISS, /* jumped to; RAX = guest address of a return: leaves */
    X64_E_JUMP_LEAVE,  /* jumped to; RAX = guest address, EDX = PSTATE.BTYPE there: leaves */
    X64_E_CROSS,       /* called or jumped to; RAX = guest address of a direct branch's target in
                        * another page, RDX = end of its rel32, ECX = bytes from the end of its
                        * generation to there: goes on at the target and may link it */
    X64_E_COUNT
};

#define X64_FCMP_ENTRIES 0x48u

/* Version words of atomic writes, for machines with several vCPUs: the word of a host address is
 * number (address >> 4) % X64_VERSIONS. Even, or odd while it is locked; a write counts it up by
 * two. */
#define X64_VERSIONS 4096u

struct x64_area {
    uint64_t entry[X64_E_COUNT];
    uint64_t sp;         /* the guest's current stack pointer */
    uint64_t page;       /* guest-virtual address of the page of code being executed */
    uint16_t nzcv;       /* flags as LAHF and SETO AL leave them after a subtraction: CF = !C */
    uint16_t nzcv_pad[3];
    /* nzcv by AH after LAHF after VUCOMIS; [1]: with the operands exchanged */
    uint16_t fcmp[2][X64_FCMP_ENTRIES];
    int32_t relink;      /* misses of X64_E_CROSS until one of them asks for a link */
    int32_t relink_pad;
    int64_t budget;      /* counted mode: instructions left */
    uint64_t stack_base; /* RSP of the empty return stack */
    uint64_t stack_limit; /* a call below starts again at stack_base */
    uint64_t c_rsp;      /* RSP of the C caller */
    uint64_t saved_rsp;  /* RSP of translated code while C runs */
    uint64_t unpriv_set; /* struct x64_set of EL0, for LDTR and STTR */
    uint64_t ram_delta;  /* physical address of guest RAM = host address + this */
    uint64_t set;        /* what R14 is to be when translated code goes on */
    uint64_t clock;      /* struct x64_clock */
    uint32_t mxcsr;      /* the guest's while C runs */
    uint32_t c_mxcsr;
    uint64_t save[8];    /* scratch registers while C runs */
    uint64_t spill[X64_SPILLS];
    uint64_t lo_hi[2] __attribute__((aligned(16))); /* scratch */
    uint64_t vsave[8][2] __attribute__((aligned(16)));
    uint64_t vspill[X64_VSPILLS][2] __attribute__((aligned(16)));
    uint64_t constant[X64_K_COUNT][2] __attribute__((aligned(16)));
    uint64_t bounce[8]; /* what a load from two pages finds */
    uint64_t versions;   /* X64_VERSIONS words of 8 bytes, hashed by host address */
};

/* The guest's time as a line over the host's time stamp counter: now + ((TSC - ticks) * mult >> 32)
 * while TSC - ticks < limit. Written by other threads: who finds in `begun`, last, what `whole`
 * was, first, has read one line. */
struct x64_clock {
    uint64_t limit, begun, whole, ticks, mult, now;
};

/* Fills area->constant. @stopped */
void x64_area_init(struct x64_area *area);

/* Offsets from RBP. */
struct x64_layout {
    int32_t state;     /* what GETS, PUTS and LEAVES count from */
    int32_t x;         /* X0; 31 of 8 bytes */
    int32_t v;         /* V0; 32 of 16 bytes */
    int32_t fpsr;      /* FPSR, 4 bytes */
    int32_t attention; /* 4 bytes: nonzero: leave at the next poll */
    /* Of exclusives: valid and size in bytes, a byte each; +8 physical address; +16 value; +32
     * version. */
    int32_t monitor;
    int32_t btype;     /* PSTATE.BTYPE, 1 byte: kept exact in counted mode only */
    int32_t area;      /* struct x64_area */
};

#endif
