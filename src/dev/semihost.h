/* Arm semihosting: calls of the guest to its "debug agent", here the monitor. */
#ifndef DEV_SEMIHOST_H
#define DEV_SEMIHOST_H

#include "backend/chr_tap.h"
#include "vm/vm.h"

/* Most files a guest can have open at once. */
#define SEMIHOST_MAX_FILES 64u

extern const struct dev_class semihost_class;

/* Creates the agent and makes it vm->semihost. `console` is where ":tt" goes; it stays the caller's
 * and outlives the VM. Files are those below the folder `dir`; null: none. `cmdline` is what
 * SYS_GET_CMDLINE says (null: an empty text), the caller's too. The VM owns the agent and a reset
 * of the VM closes its files. -E... when the folder cannot be used. @stopped */
int MUST_CHECK semihost_create(struct vm *vm, struct chr_tap *console, const char *dir,
                               const char *cmdline, struct err *e);

/* Serves the call that the vCPU's PC is at: operation W0, parameter X1, result X0. False: do not
 * step over the instruction; the guest ended (VM_EVENT_EXIT is posted) or the VM is being stopped
 * while the call waits, which executes the call again later. @vcpu */
bool semihost_call(struct vcpu *v, void *arg);

#endif
