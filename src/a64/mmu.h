/* Stage 1 address translation for the EL1&0 regime, with EL2 and EL3 as parameters: D8. */
#ifndef A64_MMU_H
#define A64_MMU_H

#include "a64/exception.h"

/* How memory of a page behaves, from MAIR_ELx. */
enum a64_memtype { A64_MEM_DEVICE, A64_MEM_NORMAL };

/* What one translation says, for the whole block or page (an engine caches it). Permissions are for
 * the access that was asked about and for the others of the same Exception level. */
struct a64_translation {
    gpa_t pa;             /* of the byte asked for */
    uint8_t log2_bytes;   /* size of the block or page the entry maps (12..48) */
    uint8_t log2_run;     /* size of the naturally aligned run of such entries that the Contiguous
                           * bit promises to map alike; log2_bytes without the bit */
    enum a64_memtype type;
    uint8_t attr;         /* MAIR_EL1 attribute byte, for PAR_EL1 */
    uint8_t sh;           /* shareability field */
    bool readable, writable, executable; /* for the EL of the request, PAN applied */
    bool dirty;           /* writable and no hardware dirty-state update is pending */
    bool global;          /* nG clear */
    bool guarded;         /* GP: BTI applies */
};

/* Request of one translation. */
struct a64_walk {
    gva_t va;
    enum a64_access access;
    uint8_t el;       /* whose permissions: 0 for unprivileged (LDTR) accesses */
    bool pan;         /* apply PSTATE.PAN */
    bool at;          /* an AT instruction: no hardware update of the access flag required */
};

/* Fault status codes, ESR_ELx.ISS.xFSC; those with a level have it in the low two bits. */
enum a64_fsc {
    A64_FSC_ADDRESS_SIZE = 0x00,
    A64_FSC_TRANSLATION = 0x04,
    A64_FSC_ACCESS_FLAG = 0x08,
    A64_FSC_PERMISSION = 0x0c,
    A64_FSC_EXTERNAL = 0x10,
    A64_FSC_EXTERNAL_WALK = 0x14,
    A64_FSC_ALIGNMENT = 0x21,
    A64_FSC_DEBUG = 0x22,
    A64_FSC_UNSUPPORTED_ATOMIC = 0x35,
};

/* Translates, with hardware update of AF and DBM as TCR_EL1 says. False: *fault says why. @vcpu */
bool a64_translate(struct a64_cpu *cpu, const struct a64_walk *req, struct a64_translation *out,
                   struct a64_fault *fault);

/* Removes a top byte that TBI says is ignored, for data (fetch = false) or instruction addresses,
 * sign-extending from bit 55. @vcpu */
gva_t a64_untag(const struct a64_cpu *cpu, gva_t va, bool fetch, unsigned el);

/* The ASID in use for EL1&0 (TCR_EL1.A1, TCR_EL1.AS). @vcpu */
uint16_t a64_current_asid(const struct a64_cpu *cpu);

#endif
