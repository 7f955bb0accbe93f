/* The PL011 UART: registers and FIFOs of DDI 0183G chapter 3, without its modem lines' other end,
 * its IrDA part and its DMA interface.
 *
 * Output. A character goes to the transmit FIFO and from there at once to the backend, as far as
 * that has room; the rest stays in the FIFO, UARTFR shows it full or busy, and the backend calls
 * back when it has room again. So nothing is lost when the host's reader is slow: the guest waits,
 * as with a slow line. Baud rates take no time.
 *
 * Input. The backend asks first how much there is room for, so input waits in the host instead of
 * overrunning the FIFO, and also while the guest has not enabled the receiver.
 *
 * Interrupts are those of section 2.8: transmit and receive go by the FIFO passing its trigger
 * level. Where the line would need time the model does not wait for it:
 *  - the receive timeout (32 bit periods without a character) is due as soon as a batch of input
 *    has arrived;
 *  - characters leave the FIFO immediately, so "passing through the trigger level" includes a
 *    character that came and went: every transmission that ends at or below the level sets
 *    UARTTXINTR.
 *
 * Deviations, all in favour of guests: characters are transmitted while UARTEN is 0 if TXE is 1
 * (the reset state), as if firmware had enabled the port, since kernels' early consoles rely on
 * that; clearing LCR_H.FEN does not throw characters away. The attached terminal asserts CTS, DSR
 * and DCD.
 * NYI(pl011_test): the integration test registers (UARTITCR...) are RAZ/WI.
 * NYI(pl011_dma): UARTDMACR is storage; the board has no DMA controller.
 *
 * Invariant: p->ris holds what has happened, irq = (ris & imsc) != 0 at the end of every access.
 */
#include "dev/pl011.h"

#include "base/bits.h"
#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
    UARTDR = 0x000,
    UARTRSR = 0x004, /* UARTECR when written */
    UARTFR = 0x018,
    UARTILPR = 0x020,
    UARTIBRD = 0x024,
    UARTFBRD = 0x028,
    UARTLCR_H = 0x02c,
    UARTCR = 0x030,
    UARTIFLS = 0x034,
    UARTIMSC = 0x038,
    UARTRIS = 0x03c,
    UARTMIS = 0x040,
    UARTICR = 0x044,
    UARTDMACR = 0x048,
    UARTID = 0xfe0, /* UARTPeriphID0..3, UARTPCellID0..3 */
};

#define FR_CTS (1u << 0)
#define FR_DSR (1u << 1)
#define FR_DCD (1u << 2)
#define FR_BUSY (1u << 3)
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define FR_RXFF (1u << 6)
#define FR_TXFE (1u << 7)
#define FR_RI (1u << 8)
#define FR_MODEM (FR_CTS | FR_DSR | FR_DCD | FR_RI)

#define LCR_FEN (1u << 4)

#define CR_UARTEN (1u << 0)
#define CR_LBE (1u << 7)
#define CR_TXE (1u << 8)
#define CR_RXE (1u << 9)
#define CR_DTR (1u << 10)
#define CR_RTS (1u << 11)
#define CR_OUT1 (1u << 12)
#define CR_OUT2 (1u << 13)
#define CR_MASK 0xff87u
#define CR_RESET (CR_TXE | CR_RXE)

#define INT_RI (1u << 0)
#define INT_CTS (1u << 1)
#define INT_DCD (1u << 2)
#define INT_DSR (1u << 3)
#define INT_RX (1u << 4)
#define INT_TX (1u << 5)
#define INT_RT (1u << 6)
#define INT_OE (1u << 10)
#define INT_MASK 0x7ffu

#define RSR_OE (1u << 3)
#define RSR_MASK 0xfu
#define IFLS_MASK 0x3fu
#define IFLS_RESET 0x12u /* both FIFOs at one half */

#define FIFO_DEPTH 32

struct pl011 {
    struct device dev;
    struct irq irq;
    struct chr *chr; /* null: none; not owned */
    struct chr_client client;
    bool paused;      /* the machine is stopped: the backend changes nothing here */
    bool write_missed; /* it had room meanwhile */

    uint32_t cr, lcr_h, ibrd, fbrd, ilpr, ifls, imsc, ris, dmacr;
    uint8_t rsr;
    uint8_t rx_first, rx_count; /* rings */
    uint8_t tx_first, tx_count;
    uint8_t rx[FIFO_DEPTH], tx[FIFO_DEPTH];
};

static const uint8_t pl011_id[8] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static struct pl011 *pl011_of(struct device *d)
{
    return CONTAINER_OF(d, struct pl011, dev);
}

static void pl011_update(struct pl011 *p)
{
    irq_set(&p->irq, p->ris & p->imsc);
}

/* ---- FIFOs ---- */

static unsigned pl011_depth(const struct pl011 *p)
{
    return p->lcr_h & LCR_FEN ? FIFO_DEPTH : 1;
}

/* Fill of a FIFO that UARTIFLS's field `select` stands for. */
static unsigned ifls_level(unsigned select)
{
    static const uint8_t level[8] = {4, 8, 16, 24, 28, 28, 28, 28}; /* 101..111 are reserved */
    return level[select & 7];
}

static unsigned rx_trigger(const struct pl011 *p)
{
    return p->lcr_h & LCR_FEN ? ifls_level(p->ifls >> 3) : 1;
}

static unsigned tx_trigger(const struct pl011 *p)
{
    return p->lcr_h & LCR_FEN ? ifls_level(p->ifls) : 0;
}

/* Characters that the receiver can take from the line now. */
static unsigned rx_room(const struct pl011 *p)
{
    const uint32_t on = CR_UARTEN | CR_RXE;
    if ((p->cr & on) != on || p->cr & CR_LBE || p->rx_count >= pl011_depth(p))
        return 0;
    return pl011_depth(p) - p->rx_count;
}

static void rx_push(struct pl011 *p, uint8_t ch)
{
    if (p->rx_count >= pl011_depth(p)) {
        p->rsr |= RSR_OE;
        p->ris |= INT_OE;
        return;
    }
    p->rx[(p->rx_first + p->rx_count) % FIFO_DEPTH] = ch;
    p->rx_count++;
    if (p->rx_count >= rx_trigger(p))
        p->ris |= INT_RX;
    if (p->lcr_h & LCR_FEN)
        p->ris |= INT_RT;
}

/* UARTDR. An empty FIFO reads as zero. */
static uint8_t rx_pop(struct pl011 *p)
{
    if (!p->rx_count)
        return 0;
    uint8_t ch = p->rx[p->rx_first];
    p->rx_first = (p->rx_first + 1) % FIFO_DEPTH;
    p->rx_count--;
    if (p->rx_count < rx_trigger(p))
        p->ris &= ~INT_RX;
    if (p->rx_count == 0)
        p->ris &= ~INT_RT;
    if (p->chr && rx_room(p))
        chr_rx_ready(p->chr);
    return ch;
}

/* Hands `n` characters at the head of the FIFO to the backend; returns how many it took. What the
 * host takes is not the guest's doing, so the number passes the journal. */
static unsigned tx_hand_over(struct pl011 *p, unsigned n)
{
    if (!p->chr)
        return n;
    uint64_t taken = chr_write(p->chr, &p->tx[p->tx_first], n);
    taken = journal_value(&p->dev.vm->journal, JOURNAL_DMA, taken);
    return taken < n ? (unsigned)taken : n;
}

/* Sends what the backend has room for. */
static void tx_drain(struct pl011 *p)
{
    if (!(p->cr & CR_TXE))
        return;
    while (p->tx_count) {
        unsigned n = FIFO_DEPTH - p->tx_first; /* up to where the ring wraps */
        if (n > p->tx_count)
            n = p->tx_count;
        unsigned taken = tx_hand_over(p, n);
        if (!taken)
            return;
        p->tx_first = (uint8_t)((p->tx_first + taken) % FIFO_DEPTH);
        p->tx_count -= (uint8_t)taken;
        if (p->tx_count <= tx_trigger(p))
            p->ris |= INT_TX;
    }
}

static void tx_push(struct pl011 *p, uint8_t ch)
{
    if (p->cr & CR_LBE) { /* UARTTXD is looped to UARTRXD */
        rx_push(p, ch);
        return;
    }
    if (p->tx_count == FIFO_DEPTH) {
        guest_err(&p->dev.err, p->dev.name, "character written to a full transmit FIFO is lost");
        return;
    }
    p->tx[(p->tx_first + p->tx_count) % FIFO_DEPTH] = ch;
    p->tx_count++;
    if (p->tx_count > tx_trigger(p))
        p->ris &= ~INT_TX;
    tx_drain(p);
}

/* ---- Registers ---- */

/* The modem status inputs; in loopback mode they are the outputs (section 2.4.5). */
static uint32_t pl011_modem(const struct pl011 *p)
{
    if (!(p->cr & CR_LBE))
        return FR_CTS | FR_DSR | FR_DCD;
    return (p->cr & CR_RTS ? FR_CTS : 0) | (p->cr & CR_DTR ? FR_DSR : 0) |
           (p->cr & CR_OUT1 ? FR_DCD : 0) | (p->cr & CR_OUT2 ? FR_RI : 0);
}

static uint32_t pl011_flags(const struct pl011 *p)
{
    uint32_t fr = pl011_modem(p);
    fr |= p->tx_count == 0 ? FR_TXFE : FR_BUSY;
    fr |= p->tx_count >= pl011_depth(p) ? FR_TXFF : 0;
    fr |= p->rx_count == 0 ? FR_RXFE : 0;
    fr |= p->rx_count >= pl011_depth(p) ? FR_RXFF : 0;
    return fr;
}

static void pl011_write_cr(struct pl011 *p, uint32_t value)
{
    uint32_t before = pl011_modem(p);
    p->cr = value & CR_MASK;
    uint32_t changed = before ^ pl011_modem(p);
    p->ris |= (changed & FR_RI ? INT_RI : 0) | (changed & FR_CTS ? INT_CTS : 0) |
              (changed & FR_DCD ? INT_DCD : 0) | (changed & FR_DSR ? INT_DSR : 0);
    tx_drain(p);
    if (p->chr && rx_room(p))
        chr_rx_ready(p->chr);
}

static void pl011_write_lcr_h(struct pl011 *p, uint32_t value)
{
    p->lcr_h = value & 0xff;
    if (p->chr && rx_room(p))
        chr_rx_ready(p->chr);
}

static uint64_t pl011_read(struct device *d, uint64_t offset, unsigned size)
{
    struct pl011 *p = pl011_of(d);
    (void)size;
    if (offset >= UARTID && offset % 4 == 0)
        return pl011_id[(offset - UARTID) / 4];
    switch (offset) {
    case UARTDR: {
        uint8_t ch = rx_pop(p);
        pl011_update(p);
        return ch;
    }
    case UARTRSR:
        return p->rsr;
    case UARTFR:
        return pl011_flags(p);
    case UARTILPR:
        return p->ilpr;
    case UARTIBRD:
        return p->ibrd;
    case UARTFBRD:
        return p->fbrd;
    case UARTLCR_H:
        return p->lcr_h;
    case UARTCR:
        return p->cr;
    case UARTIFLS:
        return p->ifls;
    case UARTIMSC:
        return p->imsc;
    case UARTRIS:
        return p->ris;
    case UARTMIS:
        return p->ris & p->imsc;
    case UARTDMACR:
        return p->dmacr;
    default:
        guest_err(&d->err, d->name, "read at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return 0;
    }
}

static void pl011_write(struct device *d, uint64_t offset, unsigned size, uint64_t v)
{
    struct pl011 *p = pl011_of(d);
    uint32_t value = (uint32_t)v;
    (void)size;
    switch (offset) {
    case UARTDR:
        tx_push(p, (uint8_t)value);
        break;
    case UARTRSR: /* UARTECR: any write clears */
        p->rsr = 0;
        break;
    case UARTILPR:
        p->ilpr = value & 0xff;
        break;
    case UARTIBRD:
        p->ibrd = value & 0xffff;
        break;
    case UARTFBRD:
        p->fbrd = value & 0x3f;
        break;
    case UARTLCR_H:
        pl011_write_lcr_h(p, value);
        break;
    case UARTCR:
        pl011_write_cr(p, value);
        break;
    case UARTIFLS:
        p->ifls = value & IFLS_MASK;
        break;
    case UARTIMSC:
        p->imsc = value & INT_MASK;
        break;
    case UARTICR:
        p->ris &= ~value;
        break;
    case UARTDMACR:
        p->dmacr = value & 7;
        break;
    default:
        guest_err(&d->err, d->name, "write at offset 0x%llx: no such register",
                  (unsigned long long)offset);
        return;
    }
    pl011_update(p);
}

/* ---- The backend's calls, on its thread ---- */

static size_t pl011_can_receive(void *arg)
{
    struct pl011 *p = arg;
    pthread_mutex_lock(&p->dev.lock);
    size_t n = p->paused ? 0 : rx_room(p);
    pthread_mutex_unlock(&p->dev.lock);
    return n;
}

static void pl011_receive(void *arg, const uint8_t *data, size_t len)
{
    struct pl011 *p = arg;
    uint8_t input[FIFO_DEPTH];
    size_t n = len < sizeof(input) ? len : sizeof(input);
    memcpy(input, data, n);
    n = journal_bytes(&p->dev.vm->journal, JOURNAL_INPUT, input, n, sizeof(input));

    pthread_mutex_lock(&p->dev.lock);
    for (size_t i = 0; i < n; i++)
        rx_push(p, input[i]);
    pl011_update(p);
    pthread_mutex_unlock(&p->dev.lock);
}

static void pl011_write_ready(void *arg)
{
    struct pl011 *p = arg;
    pthread_mutex_lock(&p->dev.lock);
    p->write_missed = p->paused;
    if (!p->paused) {
        tx_drain(p);
        pl011_update(p);
    }
    pthread_mutex_unlock(&p->dev.lock);
}

/* ---- Life ---- */

/* What the backend could not give or take meanwhile happens when the machine goes on. Input whose
 * delivery had begun when the machine stopped may still come in. */
static void pl011_pause(struct device *d, bool paused)
{
    struct pl011 *p = pl011_of(d);
    pthread_mutex_lock(&d->lock);
    p->paused = paused;
    if (!paused && p->write_missed) {
        p->write_missed = false;
        tx_drain(p);
        pl011_update(p);
    }
    pthread_mutex_unlock(&d->lock);
    if (!paused && p->chr)
        chr_rx_ready(p->chr);
}

static void pl011_reset(struct device *d)
{
    struct pl011 *p = pl011_of(d);
    pthread_mutex_lock(&d->lock);
    p->cr = CR_RESET;
    tx_drain(p); /* the last words before the reset */
    p->lcr_h = p->ibrd = p->fbrd = p->ilpr = p->imsc = p->ris = p->dmacr = 0;
    p->ifls = IFLS_RESET;
    p->rsr = 0;
    p->rx_first = p->rx_count = p->tx_first = p->tx_count = 0;
    memset(p->rx, 0, sizeof(p->rx));
    memset(p->tx, 0, sizeof(p->tx));
    pl011_update(p);
    pthread_mutex_unlock(&d->lock);
}

static int pl011_loaded(struct device *d, struct err *e)
{
    struct pl011 *p = pl011_of(d);
    if (p->cr & ~CR_MASK)
        return err_set(e, EINVAL, "UARTCR is 0x%x: reserved bits are set", p->cr);
    pthread_mutex_lock(&d->lock);
    tx_drain(p);
    irq_refresh(&p->irq, p->ris & p->imsc);
    if (p->chr && rx_room(p))
        chr_rx_ready(p->chr);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

static void pl011_destroy(struct device *d)
{
    struct pl011 *p = pl011_of(d);
    if (p->chr) {
        pthread_mutex_lock(&d->lock);
        tx_drain(p);
        pthread_mutex_unlock(&d->lock);
        chr_detach(p->chr);
    }
    pthread_mutex_destroy(&d->lock);
    free(p);
}

/* ---- Class ---- */

#define S struct pl011
static const struct state_field pl011_fields[] = {
    F_DEVICE(S),
    F_DERIVED(S, irq, "pl011_loaded drives it"),
    F_WIRING(S, chr),
    F_WIRING(S, client),
    F_WIRING(S, paused),
    F_WIRING(S, write_missed),
    F_UINT_MAX(S, cr, CR_MASK),
    F_UINT_MAX(S, lcr_h, 0xff),
    F_UINT_MAX(S, ibrd, 0xffff),
    F_UINT_MAX(S, fbrd, 0x3f),
    F_UINT_MAX(S, ilpr, 0xff),
    F_UINT_MAX(S, ifls, IFLS_MASK),
    F_UINT_MAX(S, imsc, INT_MASK),
    F_UINT_MAX(S, ris, INT_MASK),
    F_UINT_MAX(S, dmacr, 7),
    F_UINT_MAX(S, rsr, RSR_MASK),
    F_UINT_MAX(S, rx_first, FIFO_DEPTH - 1),
    F_UINT_MAX(S, rx_count, FIFO_DEPTH),
    F_UINT_MAX(S, tx_first, FIFO_DEPTH - 1),
    F_UINT_MAX(S, tx_count, FIFO_DEPTH),
    F_BYTES(S, rx),
    F_BYTES(S, tx),
    F_END,
};

const struct dev_class pl011_class = {
    .name = "pl011",
    .window_bytes = 0x1000,
    .min_access = 1,
    .max_access = 4,
    .fields = pl011_fields,
    .object_bytes = sizeof(S),
    .read = pl011_read,
    .write = pl011_write,
    .reset = pl011_reset,
    .loaded = pl011_loaded,
    .destroy = pl011_destroy,
    .pause = pl011_pause,
};

int pl011_create(struct vm *vm, const char *name, uint64_t base, struct irq irq, struct chr *chr,
                 struct err *e)
{
    struct pl011 *p = fault_point("pl011_alloc") ? NULL : calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, ENOMEM, "out of memory for %s", name);
    int rc = device_attach(&p->dev, &pl011_class, vm, name, base, e);
    if (rc) {
        free(p);
        return rc;
    }
    p->irq = irq;
    p->chr = chr;
    p->client = (struct chr_client){pl011_can_receive, pl011_receive, pl011_write_ready, p};
    pl011_reset(&p->dev);
    rc = chr ? chr_attach(chr, &p->client, e) : 0;
    if (rc)
        p->chr = NULL; /* the device is the VM's already, which destroys it */
    return rc;
}
