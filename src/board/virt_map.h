/* Addresses and interrupts of the machine `virt`: those of QEMU's machine of that name, so that
 * firmware, boot loaders and kernels built for it run unmodified. */
#ifndef BOARD_VIRT_MAP_H
#define BOARD_VIRT_MAP_H

#define VIRT_GICD_BASE 0x08000000u
#define VIRT_GICD_BYTES 0x10000u
#define VIRT_GICR_BASE 0x080a0000u
#define VIRT_GICR_BYTES_PER_CPU 0x20000u
#define VIRT_UART_BASE 0x09000000u
#define VIRT_RTC_BASE 0x09010000u
#define VIRT_GPIO_BASE 0x09030000u
#define VIRT_VIRTIO_BASE 0x0a000000u
#define VIRT_VIRTIO_STRIDE 0x200u
#define VIRT_VIRTIO_SLOTS 32u
#define VIRT_RAM_BASE 0x40000000u
#define VIRT_RAM_MAX_BYTES (UINT64_C(255) << 30) /* below the high PCIe windows */

/* Shared peripheral interrupts (INTID - 32). */
#define VIRT_SPI_UART 1u
#define VIRT_SPI_RTC 2u
#define VIRT_SPI_GPIO 7u
#define VIRT_SPI_VIRTIO 16u /* + slot */

/* Private peripheral interrupts (INTID - 16). */
#define VIRT_PPI_PMU 7u
#define VIRT_PPI_MAINTENANCE 9u
#define VIRT_PPI_TIMER_HYP 10u
#define VIRT_PPI_TIMER_VIRT 11u
#define VIRT_PPI_TIMER_SEC 13u
#define VIRT_PPI_TIMER_PHYS 14u

#define VIRT_GPIO_POWER_KEY 3u

/* Where a flat binary without an Image header goes, from RAM's start. */
#define VIRT_FLAT_OFFSET 0x80000u
/* Guest memory kept free for the structures of stolen time: a page of the largest size. */
#define VIRT_STEAL_BYTES 0x10000u
/* The device tree lies at least this far above RAM's start where memory allows. */
#define VIRT_DTB_OFFSET (64u << 20)

#endif
