/* SMCCC and semihosting calls with random arguments: no folder is shared. Input: steps; each is a
 * call with its registers, or bytes for guest memory, where the parameter blocks are. */
#include "machine.h"

#define MAX_STEPS 64u
#define SMCCC_BITS 0xc400ffffu

static void call(struct machine *m, struct input *in, unsigned kind)
{
    struct vcpu *v = m->board.vm.vcpus[0];
    struct vm *vm = v->vm;
    for (unsigned i = 0; i < 4; i++)
        v->cpu.x[i] = take_value(in, VIRT_RAM_BASE);
    atomic_store(&v->cpu.request, VCPU_REQ_STOP); /* CPU_SUSPEND does not sleep */
    if (kind == 0) {
        v->cpu.exit_imm = (uint16_t)(take(in, 1) >> 7);
        vm->smccc(v, vm->smccc_arg);
    } else if (kind == 1) {
        v->cpu.x[0] = 0x80000000 | (v->cpu.x[0] & SMCCC_BITS);
        v->cpu.exit_imm = 0;
        vm->smccc(v, vm->smccc_arg);
    } else {
        if (v->cpu.x[0] != 0x18) /* else SYS_EXIT with what is there */
            v->cpu.x[0] &= 0x3f;
        (void)vm->semihost(v, vm->semihost_arg);
    }
    v->powered = true;
    vm->event = VM_EVENT_NONE;
}

/* Fields of a parameter block at the start of RAM. */
static void fields(struct machine *m, struct input *in)
{
    uint64_t at = VIRT_RAM_BASE + 8 * (take(in, 1) & 31), n = take(in, 1) & 3;
    for (uint64_t i = 0; i <= n; i++) {
        uint64_t value = take_value(in, VIRT_RAM_BASE);
        (void)mem_write(&m->board.vm.mem, at + 8 * i, &value, 8);
    }
}

static void text(struct machine *m, struct input *in)
{
    static const char *const names[] = {":tt", ":semihosting-features", "../etc/passwd", "/"};
    uint64_t which = take(in, 1), at = VIRT_RAM_BASE + 0x100 + (which & 0xf0);
    size_t n = which & 8 ? take(in, 1) : strlen(names[which & 3]) + 1;
    const void *p = which & 8 ? (const void *)take_bytes(in, &n) : names[which & 3];
    (void)mem_write(&m->board.vm.mem, at, p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct machine *m = machine_get();
    m->console.answers = true;
    for (unsigned i = 0; i < MAX_STEPS && in.left; i++) {
        unsigned kind = take(&in, 1) & 7;
        if (kind < 5)
            call(m, &in, kind);
        else if (kind < 7)
            fields(m, &in);
        else
            text(m, &in);
    }
    return 0;
}
