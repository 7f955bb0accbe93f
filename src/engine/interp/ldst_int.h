/* What the load and store handlers share: moving one register to or from memory. */
#ifndef ENGINE_INTERP_LDST_INT_H
#define ENGINE_INTERP_LDST_INT_H

#include "engine/interp/interp_int.h"

/* What happens to register Rt. */
enum ls_kind {
    LS_STORE,
    LS_LOAD,    /* zero-extended: W and X forms are the same */
    LS_LOAD_SW, /* sign-extended to 32 bits */
    LS_LOAD_SX, /* sign-extended to 64 bits */
    LS_STORE_V, /* Vt, 1..16 bytes */
    LS_LOAD_V,  /* Vt, the rest of it zeroed */
};

/* Moves 1 << log2 bytes between `va` and Rt or Vt. False: exception taken, registers unchanged.
 * @vcpu */
bool ldst_transfer(struct a64_cpu *cpu, gva_t va, enum ls_kind kind, unsigned log2, unsigned rt,
                   enum interp_acc acc);

#endif
