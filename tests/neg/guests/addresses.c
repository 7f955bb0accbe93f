/* Loads, stores and fetches outside RAM and across its end are exceptions of the guest, not the
 * monitor's. */
#include "guest.h"

static int load_traps(uint64_t at)
{
    uint64_t before = trap_count, v;
    __asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(at) : "memory");
    return trap_count == before + 1 && trap_esr >> 26 == 0x25;
}

static int store_traps(uint64_t at)
{
    uint64_t before = trap_count;
    __asm__ volatile("str xzr, [%0]" ::"r"(at) : "memory");
    return trap_count == before + 1 && trap_esr >> 26 == 0x25;
}

static int atomic_traps(uint64_t at)
{
    uint64_t before = trap_count, v;
    __asm__ volatile(".arch armv8.1-a\n ldadd xzr, %0, [%1]" : "=r"(v) : "r"(at) : "memory");
    return trap_count == before + 1;
}

static int zero_traps(uint64_t at)
{
    uint64_t before = trap_count;
    __asm__ volatile("dc zva, %0" ::"r"(at) : "memory");
    return trap_count == before + 1;
}

/* The fetch aborts; the vectors go on at the label. */
static int fetch_traps(uint64_t at)
{
    uint64_t before = trap_count;
    __asm__ volatile("adr x9, 1f\n str x9, [%0]\n br %1\n1:" ::"r"(&trap_resume), "r"(at)
                     : "x9", "memory");
    uint64_t class = trap_esr >> 26;
    return trap_count == before + 1 && (class == 0x21 || class == 0x22) && trap_far == at;
}

static void outside(void)
{
    static const struct {
        const char *name;
        uint64_t at;
    } place[] = {
        {"nothing_is_at_16_mib", 0x1000000},
        {"nothing_is_below_ram", RAM - 8},
        {"nothing_is_above_ram", RAM_END},
        {"nothing_is_below_4_gib", 0xfffffff8},
        {"nothing_crosses_4_gib", 0xfffffffc},
        {"nothing_is_at_4_gib", 1ul << 32},
        {"ram_has_no_alias_above_4_gib", (1ul << 32) + RAM},
        {"nothing_is_at_the_end_of_48_bits", (1ul << 48) - 8},
        {"nothing_crosses_48_bits", (1ul << 48) - 4},
        {"nothing_is_at_2_to_the_63", 1ul << 63},
        {"nothing_is_at_the_end", UINT64_MAX - 7},
        {"nothing_crosses_the_end", UINT64_MAX - 3},
    };
    for (unsigned i = 0; i < sizeof(place) / sizeof(place[0]); i++)
        expect(place[i].name, load_traps(place[i].at) & store_traps(place[i].at));
    expect("last_word_of_ram_is_there", !load_traps(RAM_END - 8));
    expect("access_across_the_end_of_ram_traps",
           load_traps(RAM_END - 4) & store_traps(RAM_END - 4));
    expect("atomics_outside_ram_trap", atomic_traps(UART) & atomic_traps(RAM_END));
    expect("zeroing_outside_ram_traps", zero_traps(RAM_END) & zero_traps(UART));
}

static void fetches(void)
{
    expect("fetch_from_the_serial_port_aborts", fetch_traps(UART));
    expect("fetch_from_virtio_aborts", fetch_traps(VIRTIO));
    expect("fetch_from_the_gic_aborts", fetch_traps(GICD));
    expect("fetch_above_ram_aborts", fetch_traps(RAM_END));
    expect("fetch_below_4_gib_aborts", fetch_traps(0xfffffffc));
    expect("fetch_at_the_end_of_addresses_aborts", fetch_traps(UINT64_MAX - 3));
    expect("misaligned_fetch_traps", fetch_traps(RAM + 2));
    /* Falls off the end of RAM. */
    uint64_t before = trap_count;
    *(volatile uint32_t *)(RAM_END - 4) = 0xd503201f; /* nop */
    __asm__ volatile(
        "dsb sy\n ic iallu\n dsb sy\n isb\n adr x9, 1f\n str x9, [%0]\n br %1\n1:" ::"r"(
            &trap_resume),
        "r"(RAM_END - 4)
        : "x9", "memory");
    expect("running_off_the_end_of_ram_aborts", trap_count == before + 1 && trap_far == RAM_END);
}

void guest_main(void)
{
    outside();
    fetches();
    uint64_t before = trap_count;
    semihost(0x18, 0);
    expect("semihosting_that_is_off_is_undefined", trap_count == before + 1 && trap_esr >> 26 == 0);
}
