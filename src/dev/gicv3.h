/* Arm Generic Interrupt Controller, architecture version 3 (IHI 0069H), for the board `virt`.
 *
 * One distributor and one redistributor per PE (each is a device with its own window and field
 * table), and the CPU interfaces, which guests reach by system registers (ICC_*_EL1).
 *
 * What it is: a single Security state (GICD_CTLR.DS = 1), affinity routing always on (ARE = 1, so
 * there are no memory-mapped CPU interfaces, GICD_ITARGETSRn or GICD_SGIR), 256 SPIs (INTID 32 to
 * 287), 32 priorities, message-based SPIs by GICD_SETSPI_NSR, 1-of-N distribution, affinity levels
 * 0 to 2. Group 0 is signalled as FIQ, Group 1 as IRQ. There are no LPIs. NYI(gic_lpi): LPIs and
 * the ITS come with PCIe; GICD_TYPER.LPIS is 0 and their registers are RAZ/WI. NYI(gic_virt): the
 * virtual CPU interface (ICH_*, ICV_*) comes with EL2.
 *
 * Locks: the distributor's, `gicv3.lock` (SPIs and their routing), above one per redistributor and
 * CPU interface; nobody holds two of the latter. Private interrupts, SGIs and whatever a PE does to
 * its CPU interface need only the locks of the PEs concerned. Both ranks are below every device's,
 * so devices drive wires with their own lock held, and above the vCPU's sleep lock. Nothing outside
 * this module may rely on which they are.
 */
#ifndef DEV_GICV3_H
#define DEV_GICV3_H

#include "vm/intc.h"
#include "vm/vm.h"

#define GICV3_DIST_BASE 0x08000000u
#define GICV3_DIST_BYTES 0x10000u
#define GICV3_REDIST_BASE 0x080a0000u
#define GICV3_REDIST_BYTES 0x20000u /* per CPU: RD_base and SGI_base frames */
#define GICV3_SPI_COUNT 256
#define GICV3_MAX_CPUS 123 /* as many redistributors as fit below the UART */

struct gicv3;

/* Creates the controller for all vCPUs of the machine, puts it on the bus and sets vm->intc; the VM
 * owns it. -ENOMEM, or -EINVAL when a window is taken; what was attached until then stays with the
 * VM. @stopped */
int MUST_CHECK gicv3_create(struct vm *vm, struct gicv3 **out, struct err *e);

/* The wire to SPI `spi` (INTID 32 + spi), spi < GICV3_SPI_COUNT. @stopped */
struct irq gicv3_spi(struct gicv3 *g, unsigned spi);

extern const struct dev_class gicv3_dist_class;
extern const struct dev_class gicv3_redist_class;

#endif
