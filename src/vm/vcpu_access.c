/* See vcpu_access.h. Translates page by page, with the smallest granule's page size. */
#include "vm/vcpu_access.h"

#include "a64/mmu.h"
#include "vm/vm.h"

/* Host address of the guest-virtual address, for at most the rest of its page; null: fault. */
static void *locate(struct vcpu *v, gva_t va, size_t len, enum a64_access access, gpa_t *pa)
{
    struct a64_walk req = {
        .va = a64_untag(&v->cpu, va, false, v->cpu.el),
        .access = access,
        .el = v->cpu.el,
    };
    struct a64_translation t;
    struct a64_fault fault;
    if (!a64_translate(&v->cpu, &req, &t, &fault))
        return NULL;
    *pa = t.pa;
    return mem_ptr(&v->vm->mem, t.pa, len, access == A64_ACCESS_WRITE ? MEM_WRITE : MEM_READ);
}

static size_t rest_of_page(gva_t va, size_t len)
{
    size_t n = MEM_PAGE_SIZE - va % MEM_PAGE_SIZE;
    return n < len ? n : len;
}

size_t vcpu_copy_in(struct vcpu *v, gva_t va, void *dst, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t n = rest_of_page(va + done, len - done);
        gpa_t pa;
        const void *p = locate(v, va + done, n, A64_ACCESS_READ, &pa);
        if (!p)
            break;
        memcpy((char *)dst + done, p, n);
        done += n;
    }
    return done;
}

size_t vcpu_copy_out(struct vcpu *v, gva_t va, const void *src, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t n = rest_of_page(va + done, len - done);
        gpa_t pa;
        void *p = locate(v, va + done, n, A64_ACCESS_WRITE, &pa);
        if (!p)
            break;
        memcpy(p, (const char *)src + done, n);
        mem_wrote(&v->vm->mem, pa, n);
        done += n;
    }
    return done;
}
