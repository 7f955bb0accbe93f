/* Power State Coordination Interface 1.1 (DEN0022) over SMC Calling Convention 1.1 (DEN0028), and
 * stolen time (DEN0057A) by the same way. */
#ifndef DEV_PSCI_H
#define DEV_PSCI_H

#include "vm/vm.h"

/* Function identifiers for device trees and tests. */
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0x84000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0x84000003u
#define PSCI_AFFINITY_INFO 0x84000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_SYSTEM_RESET2 0x84000012u
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu
#define PV_TIME_FEATURES 0xc5000020u /* DEN0057: these two are SMC64 only */
#define PV_TIME_ST 0xc5000021u
#define SMCCC_64 0x40000000u /* bit 30: the SMC64 form of a function */

#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED (-3)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)
#define PSCI_INVALID_ADDRESS (-9)

/* Answers the guest's HVC or SMC: for vm->smccc; `arg` is not used. Reads and writes x0..x3. After
 * CPU_OFF, SYSTEM_OFF and SYSTEM_RESET v->powered is false and the vCPU must not go on. @vcpu */
void psci_smccc(struct vcpu *v, void *arg);

#endif
