/* Parsing of `sojourn run` options. See options.h and run_options.def.
 *
 * Long options take --name VALUE or --name=VALUE, short ones -x VALUE or -xVALUE. Every message
 * says which option, what was wrong and what would be right.
 */
#include "cmd/options.h"

#include "base/bits.h"
#include "board/virt.h"
#include "board/virt_map.h"
#include "engine/engines.h"
#include "virtio/blk.h"

#include <arpa/inet.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define MEMORY_MIN (UINT64_C(4) << 20)

/* ---- Values ---- */

int parse_size(const char *text, uint64_t *bytes, struct err *e)
{
    static const char units[] = "KMGT";
    char *rest;
    errno = 0;
    unsigned long long n = strtoull(text, &rest, 10);
    unsigned shift = 20;
    const char *unit = isalpha((unsigned char)*rest) ? strchr(units, *rest & ~0x20) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        rest++;
        if (!strcmp(rest, "iB") || !strcmp(rest, "B"))
            rest += strlen(rest);
    }
    if (*text < '0' || *text > '9' || errno || *rest)
        return err_set(e, EINVAL, "'%s' is not a size; write for example 512M or 2G", text);
    if (n > UINT64_MAX >> shift)
        return err_set(e, ERANGE, "'%s' is too large", text);
    *bytes = (uint64_t)n << shift;
    return 0;
}

static int parse_number(const char *text, unsigned min, unsigned max, unsigned *value,
                        struct err *e)
{
    char *rest;
    errno = 0;
    unsigned long n = strtoul(text, &rest, 10);
    if (*text < '0' || *text > '9' || errno || *rest || n < min || n > max)
        return err_set(e, EINVAL, "'%s' is not a number from %u to %u", text, min, max);
    *value = (unsigned)n;
    return 0;
}

/* Splits "a,key=value,flag" at single commas; ",," is a comma inside a part. Returns false at the
 * end. The part is copied to `part`. */
static int next_part(const char **text, char *part, size_t size, struct err *e)
{
    size_t n = 0;
    const char *p = *text;
    while (*p && !(p[0] == ',' && p[1] != ',')) {
        if (n + 1 >= size)
            return err_set(e, EINVAL, "'%.40s...' is too long", *text);
        if (*p == ',')
            p++;
        part[n++] = *p++;
    }
    part[n] = 0;
    *text = *p ? p + 1 : NULL;
    return 0;
}

/* "key=value" -> value when part begins with the key, else null. */
static const char *value_of(const char *part, const char *key)
{
    size_t n = strlen(key);
    return !strncmp(part, key, n) && part[n] == '=' ? part + n + 1 : NULL;
}

/* ---- Setters, one per row ---- */

static int set_text(const char **to, const char *value, struct err *e)
{
    if (!*value)
        return err_set(e, EINVAL, "needs a file name");
    *to = value;
    return 0;
}

static int set_kernel(struct run_options *o, const char *value, struct err *e)
{
    return set_text(&o->kernel, value, e);
}

static int set_initrd(struct run_options *o, const char *value, struct err *e)
{
    return set_text(&o->initrd, value, e);
}

static int set_dtb(struct run_options *o, const char *value, struct err *e)
{
    return set_text(&o->dtb, value, e);
}

static int set_append(struct run_options *o, const char *value, struct err *e)
{
    (void)e;
    o->append = value;
    return 0;
}

static int set_memory(struct run_options *o, const char *value, struct err *e)
{
    int r = parse_size(value, &o->memory_bytes, e);
    if (r)
        return r;
    if (o->memory_bytes < MEMORY_MIN || o->memory_bytes > VIRT_RAM_MAX_BYTES)
        return err_set(e, EINVAL, "'%s' is out of range; from 4M to %lluG is possible", value,
                       (unsigned long long)(VIRT_RAM_MAX_BYTES >> 30));
    if (o->memory_bytes % MEM_PAGE_SIZE)
        return err_set(e, EINVAL, "'%s' is not a multiple of 4 KiB", value);
    return 0;
}

static int set_cpus(struct run_options *o, const char *value, struct err *e)
{
    int r = parse_number(value, 1, INT_MAX, &o->cpus, e);
    if (r || o->cpus <= VM_MAX_CPUS)
        return r ? err_set(e, EINVAL, "'%s' is not a number from 1 to %u", value, VM_MAX_CPUS) : 0;
    return err_set(e, EINVAL,
                   "%s virtual CPUs are too many: at most %u are possible, since the interrupt "
                   "controller needs %u KiB of the memory map for each",
                   value, VM_MAX_CPUS, VIRT_GICR_BYTES_PER_CPU >> 10);
}

static int set_cpu(struct run_options *o, const char *value, struct err *e)
{
    return a64_features_parse(&o->features, value, e);
}

static int set_engine(struct run_options *o, const char *value, struct err *e)
{
    return engine_parse(value, &o->engine, &o->engine_config, e);
}

static int set_code_cache(struct run_options *o, const char *value, struct err *e)
{
    uint64_t bytes;
    int r = parse_size(value, &bytes, e);
    if (r)
        return r;
    if (bytes < ENGINE_CODE_MIN || bytes > ENGINE_CODE_MAX)
        return err_set(e, EINVAL, "'%s' is out of range; from %lluM to %lluM is possible", value,
                       (unsigned long long)(ENGINE_CODE_MIN >> 20),
                       (unsigned long long)(ENGINE_CODE_MAX >> 20));
    o->engine_config.code_cache = bytes;
    return 0;
}

/* "FIRST[-LAST]", numbers as in C. */
static int parse_range(const char *text, uint64_t *first, uint64_t *last, struct err *e)
{
    char *rest = NULL;
    bool good = *text >= '0' && *text <= '9';
    errno = 0;
    *first = *last = strtoull(text, &rest, 0);
    if (good && *rest == '-' && rest[1] >= '0' && rest[1] <= '9')
        *last = strtoull(rest + 1, &rest, 0);
    if (!good || errno || *rest || *first > *last)
        return err_set(e, EINVAL, "'%s' is not an address or a range such as 0x1000-0x1fff", text);
    return 0;
}

static int trace_part(struct engine_trace *t, const char *part, struct err *e)
{
    const char *v = value_of(part, "pc");
    if (v)
        return parse_range(v, &t->first, &t->last, e);
    if (!strcmp(part, "guest"))
        return t->guest = true, 0;
    if (!strcmp(part, "ir"))
        return t->ir = true, 0;
    if (!strcmp(part, "host"))
        return t->host = true, 0;
    return err_set(e, EINVAL, "'%s' is not one of guest, ir, host, pc=FIRST[-LAST]", part);
}

static int set_trace(struct run_options *o, const char *value, struct err *e)
{
    struct engine_trace *t = &o->engine_config.trace;
    *t = (struct engine_trace){.last = UINT64_MAX};
    int r = next_part(&value, o->trace, sizeof(o->trace), e);
    if (!r && !*o->trace)
        return err_set(e, EINVAL, "needs a file name");
    while (!r && value) {
        char part[100];
        r = next_part(&value, part, sizeof(part), e);
        if (!r)
            r = trace_part(t, part, e);
    }
    if (!t->guest && !t->ir && !t->host)
        t->guest = t->ir = t->host = true;
    return r;
}

static int set_perf_map(struct run_options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->perf_map = true;
    return 0;
}

static int set_clock(struct run_options *o, const char *value, struct err *e)
{
    static const char counted[] = "counted:";
    char *rest;
    o->clock = strcmp(value, "host") ? CLOCK_COUNTED : CLOCK_HOST;
    o->clock_seed = 0;
    if (!strcmp(value, "host") || !strcmp(value, "counted"))
        return 0;
    const char *seed = value + sizeof(counted) - 1;
    if (strncmp(value, counted, sizeof(counted) - 1) || *seed < '0' || *seed > '9')
        return err_set(e, EINVAL, "'%s' is not one of host, counted, counted:SEED", value);
    errno = 0;
    o->clock_seed = strtoull(seed, &rest, 0);
    if (errno || *rest)
        return err_set(e, EINVAL, "'%s' is not a seed: a number of at most 64 bits", seed);
    return 0;
}

static int disk_part(struct disk_options *d, const char *part, struct err *e)
{
    const char *v;
    if ((v = value_of(part, "format"))) {
        if (strcmp(v, "raw"))
            return err_set(e, EINVAL, "format '%s' is not supported; convert the image to raw", v);
        return 0;
    }
    if ((v = value_of(part, "serial"))) {
        if (strlen(v) > 20)
            return err_set(e, EINVAL, "serial '%s' is longer than 20 characters", v);
        snprintf(d->serial, sizeof(d->serial), "%s", v);
        return 0;
    }
    if ((v = value_of(part, "queues"))) {
        int r = parse_number(v, 1, VIRTIO_BLK_MAX_QUEUES, &d->queues, e);
        return r ? err_add(e, "queues") : 0;
    }
    if (!strcmp(part, "readonly"))
        return d->readonly = true, 0;
    if (!strcmp(part, "ephemeral"))
        return d->ephemeral = true, 0;
    return err_set(e, EINVAL,
                   "'%s' is not one of format=raw, readonly, ephemeral, serial=TEXT, queues=N",
                   part);
}

static int add_disk(struct run_options *o, const char *value, struct err *e)
{
    if (o->disk_count == OPT_MAX_DISKS)
        return err_set(e, EINVAL, "at most %u disks are possible", OPT_MAX_DISKS);
    struct disk_options *d = &o->disks[o->disk_count];
    *d = (struct disk_options){0};
    int r = next_part(&value, d->path, sizeof(d->path), e);
    if (r)
        return r;
    if (!*d->path)
        return err_set(e, EINVAL, "needs a file name");
    if (strstr(d->path, "://"))
        return err_set(e, EINVAL,
                       "'%s': disk URIs are not supported in this version; use a raw file",
                       d->path);
    while (value) {
        char part[256];
        r = next_part(&value, part, sizeof(part), e);
        if (!r)
            r = disk_part(d, part, e);
        if (r)
            return r;
    }
    if (d->readonly && d->ephemeral)
        return err_set(e, EINVAL, "readonly and ephemeral exclude each other");
    o->disk_count++;
    return 0;
}

static int parse_mac(const char *text, uint8_t mac[6], struct err *e)
{
    bool good = strlen(text) == 17;
    for (unsigned i = 0; good && i < 17; i++)
        good = i % 3 == 2 ? text[i] == ':' : isxdigit((unsigned char)text[i]);
    if (!good)
        return err_set(e, EINVAL, "'%s' is not a MAC address such as 52:54:00:12:34:56", text);
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
    if (mac[0] & 1)
        return err_set(e, EINVAL, "'%s' is a multicast MAC address", text);
    return 0;
}

/* "tcp:2222:22", "udp:127.0.0.1:5353:53". */
static int parse_forward(struct net_forward *f, const char *text, struct err *e)
{
    char host[64];
    unsigned host_port, guest_port;
    const char *guest = strrchr(text, ':'), *rest = text + 4;
    *f = (struct net_forward){.udp = !strncmp(text, "udp:", 4)};
    if (strncmp(text, "tcp:", 4) && !f->udp)
        goto bad;
    if (guest < rest || (size_t)(guest - rest) >= sizeof(host))
        goto bad;
    memcpy(host, rest, (size_t)(guest - rest));
    host[guest - rest] = 0;
    char *address_end = strrchr(host, ':');
    const char *port = address_end ? address_end + 1 : host;
    if (parse_number(port, 1, 65535, &host_port, e) ||
        parse_number(guest + 1, 1, 65535, &guest_port, e))
        goto bad;
    if (address_end) {
        struct in_addr a;
        *address_end = 0;
        if (inet_pton(AF_INET, host, &a) != 1)
            return err_set(e, EINVAL, "forward '%s': '%s' is not an IPv4 address", text, host);
        snprintf(f->host_address, sizeof(f->host_address), "%s", host);
    }
    f->host_port = (uint16_t)host_port;
    f->guest_port = (uint16_t)guest_port;
    return 0;
bad:
    return err_set(e, EINVAL, "'%s' is not a forward such as tcp:2222:22 or udp:127.0.0.1:5353:53",
                   text);
}

static int net_part(struct net_options *n, const char *part, struct err *e)
{
    const char *v;
    if ((v = value_of(part, "forward"))) {
        if (n->forward_count == OPT_MAX_FORWARDS)
            return err_set(e, EINVAL, "at most %u forwards are possible", OPT_MAX_FORWARDS);
        int r = parse_forward(&n->forwards[n->forward_count], v, e);
        if (!r)
            n->forward_count++;
        return r;
    }
    if ((v = value_of(part, "mac"))) {
        n->have_mac = true;
        return parse_mac(v, n->mac, e);
    }
    return err_set(e, EINVAL, "'%s' is not one of forward=tcp|udp:[ADDR:]HOST:GUEST, mac=MAC",
                   part);
}

static int add_net(struct run_options *o, const char *value, struct err *e)
{
    char part[256];
    int r = next_part(&value, part, sizeof(part), e);
    if (r)
        return r;
    if (!strcmp(part, "none")) {
        o->net_none = true;
        return value ? err_set(e, EINVAL, "none takes no further settings") : 0;
    }
    if (!strcmp(part, "tap"))
        return err_set(e, EINVAL, "tap is not supported in this version; use --net user");
    if (strcmp(part, "user"))
        return err_set(e, EINVAL, "'%s' is not one of user, none", part);
    if (o->net_count == OPT_MAX_NETS)
        return err_set(e, EINVAL, "at most %u network devices are possible", OPT_MAX_NETS);
    struct net_options *n = &o->nets[o->net_count];
    *n = (struct net_options){0};
    while (value) {
        r = next_part(&value, part, sizeof(part), e);
        if (!r)
            r = net_part(n, part, e);
        if (r)
            return r;
    }
    o->net_count++;
    return 0;
}

static int parse_console(struct console_options *c, const char *value, struct err *e)
{
    *c = (struct console_options){0};
    if (!strcmp(value, "stdio"))
        c->kind = CONSOLE_STDIO;
    else if (!strcmp(value, "pty"))
        c->kind = CONSOLE_PTY;
    else if (!strcmp(value, "null"))
        c->kind = CONSOLE_NULL;
    else if (!strncmp(value, "unix:", 5))
        c->kind = CONSOLE_UNIX, c->path = value + 5;
    else if (!strncmp(value, "file:", 5))
        c->kind = CONSOLE_FILE, c->path = value + 5;
    else
        return err_set(e, EINVAL, "'%s' is not one of stdio, pty, unix:PATH, file:PATH, null",
                       value);
    if (c->path && !*c->path)
        return err_set(e, EINVAL, "'%s' needs a path", value);
    return 0;
}

static int set_console(struct run_options *o, const char *value, struct err *e)
{
    return parse_console(&o->console, value, e);
}

static int set_hvc(struct run_options *o, const char *value, struct err *e)
{
    return parse_console(&o->hvc, value, e);
}

static int set_rng(struct run_options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->rng = true;
    return 0;
}

static int clear_rng(struct run_options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->rng = false;
    return 0;
}

static int set_semihosting(struct run_options *o, const char *value, struct err *e)
{
    o->semihosting = true;
    return value ? set_text(&o->semihosting_dir, value, e) : 0;
}

static int set_stats(struct run_options *o, const char *value, struct err *e)
{
    return set_text(&o->stats, value, e);
}

static int set_no_reboot(struct run_options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->no_reboot = true;
    return 0;
}

static int set_quiet(struct run_options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->log_level = LOG_ERROR;
    return 0;
}

static int set_verbose(struct run_options *o, const char *value, struct err *e)
{
    (void)value;
    (void)e;
    o->log_level = LOG_INFO;
    return 0;
}

const struct option_row run_option_rows[] = {
#define OPT(name, short_name, argument, set, help) {name, short_name, argument, set, help},
#include "cmd/run_options.def"
#undef OPT
};
const unsigned run_option_count = ARRAY_LEN(run_option_rows);

/* ---- The command line ---- */

static const struct option_row *find_long(const char *name, size_t len)
{
    for (unsigned i = 0; i < run_option_count; i++) {
        if (strlen(run_option_rows[i].name) == len && !memcmp(run_option_rows[i].name, name, len))
            return &run_option_rows[i];
    }
    return NULL;
}

static const struct option_row *find_short(char c)
{
    for (unsigned i = 0; i < run_option_count; i++) {
        if (run_option_rows[i].short_name == c)
            return &run_option_rows[i];
    }
    return NULL;
}

/* Finds the row of argv[*i] and its value (null for a switch); moves *i past both. */
static int take_option(int argc, char **argv, int *i, const struct option_row **row,
                       const char **value, struct err *e)
{
    const char *arg = argv[(*i)++], *attached = NULL;
    if (arg[0] != '-' || !arg[1])
        return err_set(e, EINVAL, "'%s' is not an option; see 'sojourn help run'", arg);
    if (arg[1] == '-') {
        size_t len = strcspn(arg + 2, "=");
        *row = find_long(arg + 2, len);
        attached = arg[2 + len] ? arg + 3 + len : NULL;
    } else {
        *row = find_short(arg[1]);
        attached = arg[2] ? arg + 2 + (arg[2] == '=') : NULL;
    }
    if (!*row)
        return err_set(e, EINVAL, "unknown option '%s'; see 'sojourn help run'", arg);
    *value = attached;
    if (!(*row)->argument)
        return attached ? err_set(e, EINVAL, "--%s takes no value", (*row)->name) : 0;
    if (attached || (*row)->argument[0] == '[')
        return 0;
    if (*i == argc)
        return err_set(e, EINVAL, "--%s needs a value: %s", (*row)->name, (*row)->argument);
    *value = argv[(*i)++];
    return 0;
}

/* Rules between options. */
static int check_together(const struct run_options *o, struct err *e)
{
    if (!o->kernel)
        return err_set(e, EINVAL, "nothing to run: give --kernel FILE");
    if ((*o->trace || o->perf_map) && !o->engine->translates)
        return err_set(e, EINVAL, "--%s is about translations, and engine %s makes none; use "
                                  "--engine jit",
                       *o->trace ? "trace" : "perf-map", o->engine->name);
    if (o->net_none && o->net_count)
        return err_set(e, EINVAL, "--net none excludes other --net options");
    if (o->console.kind == CONSOLE_STDIO && o->hvc.kind == CONSOLE_STDIO)
        return err_set(e, EINVAL,
                       "--console and --hvc cannot both be stdio; give one of them another kind");
    if (o->console.path && o->hvc.path && !strcmp(o->console.path, o->hvc.path))
        return err_set(e, EINVAL, "--console and --hvc name the same file '%s'", o->hvc.path);
    return 0;
}

int run_options_parse(struct run_options *o, int argc, char **argv, struct err *e)
{
    *o = (struct run_options){
        .memory_bytes = MEMORY_DEFAULT,
        .cpus = 1,
        .console = {.kind = CONSOLE_STDIO},
        .rng = true,
        .log_level = LOG_WARN,
    };
    o->disks = calloc(OPT_MAX_DISKS, sizeof(*o->disks));
    o->nets = calloc(OPT_MAX_NETS, sizeof(*o->nets));
    if (!o->disks || !o->nets)
        return err_set(e, ENOMEM, "out of memory");
    int r = a64_features_parse(&o->features, "default", e);
    if (!r)
        r = engine_find("auto", &o->engine, e);
    for (int i = 0; !r && i < argc;) {
        const struct option_row *row = NULL;
        const char *value = NULL;
        r = take_option(argc, argv, &i, &row, &value, e);
        if (!r && (r = row->set(o, value, e)))
            err_add(e, "--%s", row->name);
    }
    return r ? r : check_together(o, e);
}

void run_options_fini(struct run_options *o)
{
    free(o->disks);
    free(o->nets);
}
