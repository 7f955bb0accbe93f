/* The enumerators of isa/sysregs.def: indices into a64_cpu.sys[], and the system instructions. */
#ifndef A64_SYSREG_IDS_H
#define A64_SYSREG_IDS_H

enum a64_sysreg {
#define SYSREG(name, op0, op1, crn, crm, op2, rd, wr, reset, mask, read, write, feat, trap, flags) \
    A64_##name,
#include "sysregs.def"
    A64_SYSREG_COUNT
};

enum a64_sysop {
#define SYSOP(name, op1, crn, crm, op2, el, action, feat, trap) A64_##name,
#include "sysregs.def"
    A64_SYSOP_COUNT
};

/* The 16-bit key of an encoding: bits<20:5> of MRS, MSR and SYS. */
#define A64_SYS_KEY(op0, op1, crn, crm, op2) \
    ((unsigned)(((op0) << 14) | ((op1) << 11) | ((crn) << 7) | ((crm) << 3) | (op2)))

#endif
