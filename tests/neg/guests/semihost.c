/* Semihosting reaches the shared folder, and memory only as far as it is the guest's. run.sh shares
 * a folder with `inside`, a link `link` to a file outside and a link `up` to the folder above; it
 * is the only one there with `secret`. */
#include "guest.h"

#define FAILED UINT64_MAX

static uint64_t length(const char *s)
{
    uint64_t n = 0;
    while (s[n])
        n++;
    return n;
}

static uint64_t open(const char *name, uint64_t mode)
{
    const uint64_t block[3] = {(uint64_t)name, mode, length(name)};
    return semihost(1, block);
}

static uint64_t call3(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
    const volatile uint64_t block[4] = {a, b, c, 0};
    return semihost(op, (const void *)block);
}

static void names(void)
{
    static const char *const outside[] = {
        "../secret", "/etc/passwd", "up/secret", "link", "inside/../../secret", "./../secret", "..",
        "/proc/self/mem", "up/../secret", "",
    };
    int good = 1;
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        for (uint64_t mode = 0; mode < 13; mode += 4)
            good &= open(outside[i], mode) == FAILED;
    }
    expect("names_outside_the_folder_are_refused", good);
    expect("removing_outside_is_refused", call3(14, (uint64_t)"../secret", 9, 0) != 0);
    const uint64_t names[4] = {(uint64_t)"inside", 6, (uint64_t)"../moved", 8};
    expect("renaming_to_the_outside_is_refused", semihost(15, names) != 0);
    expect("programs_are_not_run", call3(18, (uint64_t)"touch secret2", 13, 0) == FAILED);
}

static void lengths(uint64_t file)
{
    static char buffer[64];
    expect("huge_name_is_refused", call3(1, (uint64_t)buffer, 0, FAILED) == FAILED);
    expect("name_outside_ram_is_refused", call3(1, RAM_END - 2, 0, 8) == FAILED);
    expect("block_outside_ram_is_refused", semihost(1, (void *)(RAM_END - 8)) == FAILED);
    expect("block_that_wraps_is_refused", semihost(5, (void *)(UINT64_MAX - 3)) == FAILED);
    expect("writing_from_the_end_of_ram_stops_there",
           call3(5, file, RAM_END - 16, 1ul << 63) == (1ul << 63) - 16);
    expect("writing_from_registers_writes_nothing", call3(5, file, UART, 4096) == 4096);
    expect("reading_to_registers_reads_nothing", call3(6, file, UART, 4096) == 4096);
    expect("huge_length_of_read_is_bounded", call3(6, file, RAM_END - 8, FAILED) >= FAILED - 16);
    expect("seek_that_is_negative_is_refused", call3(10, file, FAILED, 0) == FAILED);
    expect("handles_that_do_not_exist_are_refused",
           call3(5, 0, (uint64_t)buffer, 1) == FAILED &&
               call3(5, 65, (uint64_t)buffer, 1) == FAILED &&
               call3(5, FAILED, (uint64_t)buffer, 1) == FAILED);
    unsigned n = 0;
    while (n < 1000 && open("inside", 0) != FAILED)
        n++;
    expect("open_files_are_bounded", n < 64);
}

void guest_main(void)
{
    names();
    uint64_t file = open("inside", 2);
    expect("name_inside_the_folder_is_opened", file != FAILED);
    lengths(file);
}
