/* What --trace and --perf-map write: each translation as it is made.
 *
 * A block of the trace, of which parts can be left out:
 *
 *     block 17: pc 0xffff800008011040, page 0x211 of RAM, EL1 spcheck; 2 instructions, 61 bytes
 *     guest:
 *       0xffff800008011040  8b010000  add x0, x0, x1, lsl #0
 *     ir:
 *        1: i64 get x0 ; guest 0, 1 uses, last 3
 *     host: at 0x7f2a54001035
 *       +0010  4d 01 c8
 *
 * Host code is bytes with their offset from the block's start, a new line for each guest
 * instruction; tools/trace-dis replaces them by what objdump makes of them. It begins with the path
 * of a stale entry; the entry itself is the address after "at". A guest address is the one by which
 * the code was reached when it was translated; other mappings of the page use the same translation.
 *
 * perf(1) takes names of code that is in no file from /tmp/perf-PID.map: start, length, name. A
 * cache that was reset uses its addresses again; perf then knows the last names only.
 */
#include "engine/jit/jit_int.h"

#include "a64/disasm.h"

#include <inttypes.h>

#define BYTES_A_LINE 16u

/* ---- perf's map ---- */

static void name_code(const struct jit *j, const void *start, uint64_t bytes, const char *name)
{
    fprintf(j->trace->perf_map, "%" PRIxPTR " %" PRIx64 " %s\n", (uintptr_t)start, bytes, name);
}

/* Entries of the fixed code, as enum x64_entry. */
static const char *const entry_name[X64_E_COUNT] = {
    [X64_E_FILL_LOAD] = "sojourn_fill_load",
    [X64_E_FILL_STORE] = "sojourn_fill_store",
    [X64_E_FILL_UNPRIV_LOAD] = "sojourn_fill_unpriv_load",
    [X64_E_FILL_UNPRIV_STORE] = "sojourn_fill_unpriv_store",
    [X64_E_INTERP] = "sojourn_interp",
    [X64_E_LINK] = "sojourn_link",
    [X64_E_DISPATCH] = "sojourn_dispatch",
    [X64_E_INTERP_ONE] = "sojourn_interp_one",
    [X64_E_POLL] = "sojourn_poll",
    [X64_E_JUMP_MISS] = "sojourn_jump_miss",
    [X64_E_CRC32] = "sojourn_crc32",
};

/* Where the piece of fixed code that begins at `at` ends: at the next one's start. */
static uint64_t entry_end(const struct jit *j, uint64_t at)
{
    uint64_t end = (uint64_t)(uintptr_t)j->code.exec + (uint64_t)(j->code.first - j->code.write);
    uint64_t enter = (uint64_t)(uintptr_t)j->glue.enter;
    for (unsigned n = 0; n < X64_E_COUNT; n++) {
        if (j->glue.entry[n] > at && j->glue.entry[n] < end)
            end = j->glue.entry[n];
    }
    return enter > at && enter < end ? enter : end;
}

static void name_entry(const struct jit *j, uint64_t at, const char *name)
{
    name_code(j, (const void *)(uintptr_t)at, entry_end(j, at) - at, name);
}

void jit_trace_glue(struct jit *j)
{
    if (!j->trace->perf_map)
        return;
    name_entry(j, (uint64_t)(uintptr_t)j->code.exec, "sojourn_leave");
    name_entry(j, (uint64_t)(uintptr_t)j->glue.enter, "sojourn_enter");
    for (unsigned n = 0; n < X64_E_COUNT; n++)
        name_entry(j, j->glue.entry[n], entry_name[n] ? entry_name[n] : "sojourn_entry");
}

static void name_block(const struct jit *j, const uint8_t *start, uint64_t pc, unsigned el,
                       uint32_t bytes)
{
    char name[40];
    snprintf(name, sizeof(name), "guest_el%u_%016" PRIx64, el, pc);
    name_code(j, start, bytes, name);
}

/* ---- The trace ---- */

static void show_head(const struct jit *j, unsigned mode, uint32_t page, uint64_t pc,
                      uint32_t bytes)
{
    static const struct {
        unsigned bit;
        const char *name;
    } modes[] = {
        {LIFT_FPOFF, "fpoff"},     {LIFT_FPSLOW, "fpslow"}, {LIFT_ALIGN, "align"},
        {LIFT_SPCHECK, "spcheck"}, {LIFT_COUNT, "count"},   {LIFT_GUARDED, "guarded"},
        {LIFT_SPEL0, "spel0"},
    };
    FILE *to = j->trace->to;
    fprintf(to, "block %" PRIu64 ": pc 0x%" PRIx64 ", page 0x%" PRIx32 " of RAM, EL%d", j->stat.blocks,
            pc, page, mode & LIFT_EL1 ? 1 : 0);
    for (unsigned n = 0; n < ARRAY_LEN(modes); n++) {
        if (mode & modes[n].bit)
            fprintf(to, " %s", modes[n].name);
    }
    fprintf(to, "; %u instructions, %" PRIu32 " bytes\n", j->ir.guest_count, bytes);
}

static void show_guest(const struct jit *j, uint32_t page, uint64_t pc)
{
    const uint8_t *p = j->it.mem->ram + ((uint64_t)page << MEM_PAGE_SHIFT) + pc % MEM_PAGE_SIZE;
    fputs("guest:\n", j->trace->to);
    for (unsigned n = 0; n < j->ir.guest_count; n++, pc += 4) {
        char text[80];
        uint32_t word = (uint32_t)le_load(p + 4 * n, 4);
        a64_disasm(word, pc, text, sizeof(text));
        fprintf(j->trace->to, "  0x%016" PRIx64 "  %08" PRIx32 "  %s\n", pc, word, text);
    }
}

static void show_bytes(FILE *to, const uint8_t *code, uint32_t from, uint32_t end)
{
    for (uint32_t at = from; at < end; at++) {
        bool first = (at - from) % BYTES_A_LINE == 0;
        if (first)
            fprintf(to, "%s  +%04" PRIx32 " ", at == from ? "" : "\n", at);
        fprintf(to, " %02x", code[at]);
    }
    if (from < end)
        fputc('\n', to);
}

static void show_host(const struct jit *j, const uint8_t *code, const uint8_t *entry,
                      uint32_t bytes, const uint32_t *marks)
{
    FILE *to = j->trace->to;
    fprintf(to, "host: at 0x%" PRIxPTR "\n", (uintptr_t)entry);
    show_bytes(to, code, 0, marks[0]);
    for (unsigned n = 0; n < j->ir.guest_count; n++) {
        fprintf(to, "  ; guest %u\n", n);
        show_bytes(to, code, marks[n], marks[n + 1]);
    }
    fputs("  ; out of line\n", to);
    show_bytes(to, code, marks[j->ir.guest_count], bytes);
}

void jit_trace_block(struct jit *j, const struct jit_block *b, uint32_t page, uint64_t pc,
                     const struct x64_result *result, const uint32_t *marks)
{
    const struct engine_trace *t = j->trace;
    const uint8_t *entry = jit_code_exec(j, b), *start = entry - result->entry;
    if (t->perf_map)
        name_block(j, start, pc, b->mode & LIFT_EL1 ? 1 : 0, result->bytes);
    if (!t->to || pc > t->last || pc + b->bytes - 4 < t->first)
        return;
    show_head(j, b->mode, page, pc, result->bytes);
    if (t->guest)
        show_guest(j, page, pc);
    if (t->ir) {
        fputs("ir:\n", t->to);
        ir_print(&j->ir, t->to);
    }
    if (t->host)
        show_host(j, j->code.p, entry, result->bytes, marks);
}
