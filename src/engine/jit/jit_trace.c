/* What --trace and --perf-map write: each translation as it is made.
 *
 * A block of the trace, of which parts can be left out:
 *
 *     block 17: pc 0xffff800008011040, page 0x211 of RAM, EL1 spcheck; 2 instructions, 61 bytes
 *     guest:
 *       0xffff800008011040  8b010000  add x0, x0, x1, lsl #0
 *     ir:
 *        1: i64 get x0 ; guest 0, 1 uses, last 3
 *     host: entry +0001040 at 0x7f2a54001040
 *       ; guest 0
 *       +0001040  4d 01 c8
 *
 * Host code is bytes with their offset in the code cache, a new line for each guest instruction;
 * tools/trace-dis replaces them by what objdump makes of them. It begins with the path of a stale
 * entry, and ends with what is out of line, elsewhere in the cache. A guest address is the one by
 * which the code was reached when it was translated; other mappings of the page use the same
 * translation.
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

static const uint8_t *exec_of(const struct jit *j, const uint8_t *written)
{
    return j->code.exec + (written - j->code.write);
}

/* Entries of the fixed code, as enum x64_entry. */
static const char *const entry_name[X64_E_COUNT] = {
    [X64_E_FILL_LOAD] = "sojourn_fill_load",
    [X64_E_FILL_STORE] = "sojourn_fill_store",
    [X64_E_FILL_UNPRIV_LOAD] = "sojourn_fill_unpriv_load",
    [X64_E_FILL_UNPRIV_STORE] = "sojourn_fill_unpriv_store",
    [X64_E_INTERP] = "sojourn_interp",
    [X64_E_EXCEPTION] = "sojourn_exception",
    [X64_E_LINK] = "sojourn_link",
    [X64_E_DISPATCH] = "sojourn_dispatch",
    [X64_E_INTERP_ONE] = "sojourn_interp_one",
    [X64_E_POLL] = "sojourn_poll",
    [X64_E_JUMP_SECOND] = "sojourn_jump_second",
    [X64_E_RETURN_MISS] = "sojourn_return_miss",
    [X64_E_JUMP_LEAVE] = "sojourn_jump_leave",
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

static void name_block(const struct jit *j, const struct jit_traced *t, unsigned el)
{
    char name[48];
    snprintf(name, sizeof(name), "guest_el%u_%016" PRIx64, el, t->pc);
    name_code(j, exec_of(j, j->code.p), t->result->bytes, name);
    snprintf(name, sizeof(name), "guest_el%u_%016" PRIx64 "_rare", el, t->pc);
    if (t->cold_bytes)
        name_code(j, exec_of(j, t->cold), t->cold_bytes, name);
}

/* ---- The trace ---- */

static void show_head(const struct jit *j, const struct jit_traced *t, unsigned mode)
{
    static const struct {
        unsigned bit;
        const char *name;
    } modes[] = {
        {LIFT_FPOFF, "fpoff"},     {LIFT_FPSLOW, "fpslow"}, {LIFT_FPFLUSH, "fpflush"},
        {LIFT_FPODD, "fpodd"},      {LIFT_ALIGN, "align"},
        {LIFT_SPCHECK, "spcheck"}, {LIFT_COUNT, "count"},   {LIFT_GUARDED, "guarded"},
        {LIFT_SPEL0, "spel0"}, {LIFT_SMP, "smp"},
    };
    FILE *to = j->trace->to;
    fprintf(to, "block %" PRIu64 ": pc 0x%" PRIx64 ", page 0x%" PRIx32 " of RAM, EL%d",
            j->stat.blocks, t->pc, t->page, mode & LIFT_EL1 ? 1 : 0);
    for (unsigned n = 0; n < ARRAY_LEN(modes); n++) {
        if (mode & modes[n].bit)
            fprintf(to, " %s", modes[n].name);
    }
    fprintf(to, "; %u instructions, %" PRIu32 " bytes and %" PRIu32 "\n", j->ir.guest_count,
            t->result->bytes, t->cold_bytes);
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

static void show_bytes(const struct jit *j, const uint8_t *code, uint32_t bytes)
{
    FILE *to = j->trace->to;
    for (uint32_t n = 0; n < bytes; n++) {
        if (n % BYTES_A_LINE == 0)
            fprintf(to, "%s  +%07tx ", n ? "\n" : "", code + n - j->code.write);
        fprintf(to, " %02x", code[n]);
    }
    if (bytes)
        fputc('\n', to);
}

static void show_host(const struct jit *j, const struct jit_block *b, const struct jit_traced *t)
{
    const uint8_t *code = j->code.p;
    unsigned count = j->ir.guest_count;
    FILE *to = j->trace->to;
    fprintf(to, "host: entry +%07" PRIx32 " at 0x%" PRIxPTR "\n", b->entry,
            (uintptr_t)jit_code_exec(j, b));
    show_bytes(j, code, t->marks[0]);
    for (unsigned n = 0; n < count; n++) {
        fprintf(to, "  ; guest %u\n", n);
        show_bytes(j, code + t->marks[n], t->marks[n + 1] - t->marks[n]);
    }
    fputs("  ; out of line\n", to);
    show_bytes(j, code + t->marks[count], t->result->bytes - t->marks[count]);
    show_bytes(j, t->cold, t->cold_bytes);
}

void jit_trace_block(struct jit *j, const struct jit_block *b, const struct jit_traced *t)
{
    const struct engine_trace *trace = j->trace;
    if (trace->perf_map)
        name_block(j, t, b->mode & LIFT_EL1 ? 1 : 0);
    if (!trace->to || t->pc > trace->last || t->pc + b->bytes - 4 < trace->first)
        return;
    flockfile(trace->to); /* other vCPUs write, too */
    show_head(j, t, b->mode);
    if (trace->guest)
        show_guest(j, t->page, t->pc);
    if (trace->ir) {
        fputs("ir:\n", trace->to);
        ir_print(&j->ir, trace->to);
    }
    if (trace->host)
        show_host(j, b, t);
    funlockfile(trace->to);
}
