/* See vm_hash.h. */
#include "vm/vm_hash.h"

#include "a64/pmu.h"
#include "base/hash.h"
#include "vm/vm.h"
#include "vm/vm_state.h"

#include <string.h>
#include <unistd.h>

int vm_hash_state(struct vm *vm, uint64_t *hash, struct err *e)
{
    struct buf state = {0};
    for (unsigned i = 0; i < vm->cpu_count; i++)
        a64_pmu_sync(&vm->vcpus[i]->cpu);
    int r = vm_save(vm, &state, e);
    *hash = r ? 0 : hash_bytes(state.data, state.len, 0);
    for (unsigned i = 0; i < vm->cpu_count && !r; i++) {
        unsigned lines = atomic_load(&vm->vcpus[i]->cpu.irq_lines);
        *hash = hash_bytes(&lines, sizeof(lines), *hash);
    }
    buf_fini(&state);
    return r;
}

uint64_t vm_hash_page(uint64_t page, const void *bytes)
{
    const uint8_t *p = bytes;
    if (!p[0] && !memcmp(p, p + 1, MEM_PAGE_SIZE - 1))
        return 0;
    return hash_bytes(p, MEM_PAGE_SIZE, page + 1);
}

/* Holes of the file behind RAM are pages that nobody has touched. */
uint64_t vm_hash_ram(const struct vm *vm)
{
    const struct mem *m = &vm->mem;
    uint64_t sum = 0;
    off_t at = lseek(m->fd, 0, SEEK_DATA), end;
    while (at >= 0 && (uint64_t)at < m->ram_bytes && (end = lseek(m->fd, at, SEEK_HOLE)) > at) {
        for (; at < end; at += MEM_PAGE_SIZE)
            sum += vm_hash_page((uint64_t)at >> MEM_PAGE_SHIFT, m->ram + at);
        at = lseek(m->fd, at, SEEK_DATA);
    }
    return sum;
}
