/* cmd/options.c: every option, every wrong value, and the line that says so. */
#include "cmd/options.h"
#include "engine/jit/jit.h"

#include "base/bits.h"
#include "board/virt_map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#define MAX_ARGS 80

/* Parses a command line given as one text, split at single spaces. */
static int parse(struct run_options *o, const char *line, struct err *e)
{
    static char copy[8192];
    char *argv[MAX_ARGS + 1];
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *p = strtok(copy, " "); p && argc < MAX_ARGS; p = strtok(NULL, " "))
        argv[argc++] = p;
    *e = (struct err){0};
    return run_options_parse(o, argc, argv, e);
}

static void expect_good(struct run_options *o, const char *line)
{
    struct err e;
    if (parse(o, line, &e))
        fail_msg("'%s' was refused: %s", line, e.text);
}

/* The line is refused, in one line of text that contains `part`. */
static void expect_bad(const char *line, const char *part)
{
    struct run_options o;
    struct err e;
    if (parse(&o, line, &e) != -EINVAL && e.code != ERANGE)
        fail_msg("'%s' was not refused (code %d)", line, e.code);
    if (!strstr(e.text, part) || strchr(e.text, '\n'))
        fail_msg("'%s' says '%s', without '%s'", line, e.text, part);
    run_options_fini(&o);
}

/* ---- Sizes ---- */

static void test_size_units(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"1", 1u << 20},
        {"1024", 1u << 30},
        {"4096k", 4u << 20},
        {"512M", 512u << 20},
        {"2G", UINT64_C(2) << 30},
        {"2g", UINT64_C(2) << 30},
        {"1T", UINT64_C(1) << 40},
        {"16MiB", 16u << 20},
        {"16MB", 16u << 20},
        {"17592186044415", UINT64_C(17592186044415) << 20},
        {"16777215T", UINT64_C(16777215) << 40},
    };
    const char *const bad[] = {"",
                               " 1",
                               "1 ",
                               "-1",
                               "+1",
                               "1.5G",
                               "0x10",
                               "G",
                               "1Gx",
                               "1GG",
                               "1Gi",
                               "M1",
                               "1!",
                               "1 G",
                               "99999999999999999999",
                               "17592186044416",
                               "16777216T"};
    uint64_t n;
    for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(parse_size(good[i].text, &n, NULL), 0);
        assert_int_equal(n, good[i].bytes);
    }
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        if (parse_size(bad[i], &n, &e) >= 0 || !e.text[0])
            fail_msg("'%s' was taken as %llu", bad[i], (unsigned long long)n);
    }
}

static void test_memory_limits(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k -m 4M");
    assert_int_equal(o.memory_bytes, 4u << 20);
    run_options_fini(&o);
    expect_good(&o, "--kernel k -m 255G");
    assert_int_equal(o.memory_bytes, VIRT_RAM_MAX_BYTES);
    run_options_fini(&o);
    expect_good(&o, "--kernel k -m 4100K");
    run_options_fini(&o);
    expect_bad("--kernel k -m 4095K", "--memory");
    expect_bad("--kernel k -m 261121M", "--memory");
    expect_bad("--kernel k -m 4097K", "multiple");
    expect_bad("--kernel k -m 0", "--memory");
    expect_bad("--kernel k -m lots", "'lots'");
    expect_bad("--kernel k -m", "--memory needs a value");
}

/* ---- Shapes of options ---- */

static void test_defaults(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k");
    assert_string_equal(o.kernel, "k");
    assert_int_equal(o.memory_bytes, 1u << 30);
    assert_int_equal(o.cpus, 1);
    assert_non_null(o.engine);
    assert_int_equal(o.console.kind, CONSOLE_STDIO);
    assert_int_equal(o.hvc.kind, CONSOLE_NONE);
    assert_true(o.rng);
    assert_false(o.semihosting || o.no_reboot || o.net_none);
    assert_int_equal(o.disk_count + o.net_count, 0);
    assert_int_equal(o.log_level, LOG_WARN);
    run_options_fini(&o);
}

static void test_ways_to_write_a_value(void **state)
{
    (void)state;
    const char *const lines[] = {"--kernel k --memory 2G", "--kernel=k --memory=2G",
                                 "--kernel=k -m 2G",       "--kernel k -m2G",
                                 "--kernel k -m=2G",       "-m 1G --kernel k -m 2G"};
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        struct run_options o;
        expect_good(&o, lines[i]);
        assert_int_equal(o.memory_bytes, UINT64_C(2) << 30);
        run_options_fini(&o);
    }
}

static void test_switches(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k --no-rng --no-reboot -q --semihosting");
    assert_false(o.rng);
    assert_true(o.no_reboot && o.semihosting);
    assert_null(o.semihosting_dir);
    assert_int_equal(o.log_level, LOG_ERROR);
    run_options_fini(&o);
    expect_good(&o, "--no-rng --rng --semihosting=/tmp -v --kernel k --stats - --append a=b");
    assert_true(o.rng);
    assert_string_equal(o.semihosting_dir, "/tmp");
    assert_string_equal(o.stats, "-");
    assert_string_equal(o.append, "a=b");
    assert_int_equal(o.log_level, LOG_INFO);
    run_options_fini(&o);
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    expect_bad("", "--kernel");
    expect_bad("--memory 1G", "--kernel");
    expect_bad("kernel", "'kernel'");
    expect_bad("--kernel k -", "'-'");
    expect_bad("--kernel k --", "'--'");
    expect_bad("--kernel k --=x", "unknown option");
    expect_bad("--kernel k --frobnicate", "'--frobnicate'");
    expect_bad("--kernel k -z", "'-z'");
    expect_bad("--kern k", "'--kern'");
    expect_bad("--kernels k", "'--kernels'");
    expect_bad("--kernel", "--kernel needs a value: FILE");
    expect_bad("--kernel=", "--kernel");
    expect_bad("--kernel k --no-rng=1", "--no-rng takes no value");
    expect_bad("--kernel k -q1", "--quiet takes no value");
    expect_bad("--kernel k --semihosting=", "--semihosting");
    expect_bad("--kernel k --semihosting /tmp", "'/tmp'");
}

/* Every row of the table that takes a value says so when there is none. */
static void test_every_option_needs_its_value(void **state)
{
    (void)state;
    for (unsigned i = 0; i < run_option_count; i++) {
        const struct option_row *row = &run_option_rows[i];
        char line[64];
        assert_true(row->help && strlen(row->help) > 10 && row->set);
        if (!row->argument || row->argument[0] == '[')
            continue;
        snprintf(line, sizeof(line), "--kernel k --%s", row->name);
        expect_bad(line, row->name);
    }
}

/* ---- Values ---- */

static void test_cpus(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k -c 1");
    run_options_fini(&o);
    expect_good(&o, "--kernel k -c 123 --engine interp");
    assert_int_equal(o.cpus, 123);
    run_options_fini(&o);
    expect_good(&o, "--kernel k -c 2");
    assert_true(o.engine->smp);
    run_options_fini(&o);
    expect_good(&o, "--kernel k -c 8 --engine jit");
    assert_true(o.engine->smp);
    run_options_fini(&o);
    expect_bad("--kernel k -c 0", "--cpus");
    expect_bad("--kernel k -c 124", "at most 123");
    expect_bad("--kernel k -c 4000000000", "--cpus");
    expect_bad("--kernel k -c 1x", "'1x'");
    expect_bad("--kernel k -c -1", "'-1'");
}

static void test_engine_and_cpu(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k --engine interp --cpu default,-SHA3");
    assert_string_equal(o.engine->name, "interp");
    run_options_fini(&o);
    expect_bad("--kernel k --engine turbo", "'turbo'");
    expect_bad("--kernel k --engine turbo", "interp");
    expect_good(&o, "--kernel k --engine interp,stress=tlb1+flush:5");
    assert_true(o.engine_config.stress.tlb1 && o.engine_config.stress.flush == 5);
    run_options_fini(&o);
    expect_bad("--kernel k --engine interp,stress=tlb3", "preempt[:SEED]");
    expect_bad("--kernel k --engine interp,poll", "stress=KNOB");
    expect_bad("--kernel k --cpu cortex-a53", "'cortex-a53'");
    expect_bad("--kernel k --cpu default,+nonsense", "nonsense");
    expect_bad("--kernel k --cpu default,SHA3", "--cpu");
}

static void test_clock(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k");
    assert_int_equal(o.clock, CLOCK_HOST);
    run_options_fini(&o);
    expect_good(&o, "--kernel k --clock counted:0x12 --clock counted");
    assert_int_equal(o.clock, CLOCK_COUNTED);
    assert_int_equal(o.clock_seed, 0);
    run_options_fini(&o);
    expect_good(&o, "--kernel k --clock=counted:18446744073709551615");
    assert_int_equal(o.clock_seed, UINT64_MAX);
    run_options_fini(&o);
    expect_good(&o, "--kernel k --clock counted:3 --clock host");
    assert_int_equal(o.clock, CLOCK_HOST);
    run_options_fini(&o);
    expect_bad("--kernel k --clock wall", "counted:SEED");
    expect_bad("--kernel k --clock counted:", "counted:SEED");
    expect_bad("--kernel k --clock counted:-1", "counted:SEED");
    expect_bad("--kernel k --clock counted:1x", "seed");
    expect_bad("--kernel k --clock counted:99999999999999999999", "64 bits");
}

static void test_disks(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o,
                "--kernel k --disk a,,b,format=raw,readonly,serial=12345678901234567890,queues=4 "
                "--disk c,ephemeral");
    assert_int_equal(o.disk_count, 2);
    assert_string_equal(o.disks[0].path, "a,b");
    assert_true(o.disks[0].readonly && !o.disks[0].ephemeral);
    assert_string_equal(o.disks[0].serial, "12345678901234567890");
    assert_int_equal(o.disks[0].queues, 4);
    assert_true(o.disks[1].ephemeral);
    run_options_fini(&o);
    expect_bad("--kernel k --disk ,readonly", "--disk");
    expect_bad("--kernel k --disk a,format=qcow2", "'qcow2'");
    expect_bad("--kernel k --disk a,serial=123456789012345678901", "20");
    expect_bad("--kernel k --disk a,queues=0", "queues");
    expect_bad("--kernel k --disk a,queues=17", "queues");
    expect_bad("--kernel k --disk a,readonly,ephemeral", "exclude");
    expect_bad("--kernel k --disk a,readonly=1", "'readonly=1'");
    expect_bad("--kernel k --disk a,", "--disk");
    expect_bad("--kernel k --disk nbd://host/x", "URI");
}

static void test_disk_count_limit(void **state)
{
    (void)state;
    char line[512] = "--kernel k";
    for (unsigned i = 1; i <= OPT_MAX_DISKS + 1; i++) {
        strcat(line, " --disk d");
        if (i > OPT_MAX_DISKS) {
            expect_bad(line, "at most 16");
            continue;
        }
        struct run_options o;
        expect_good(&o, line);
        assert_int_equal(o.disk_count, i);
        run_options_fini(&o);
    }
}

static void test_disk_path_length_limit(void **state)
{
    (void)state;
    static char line[8192];
    for (int d = -1; d <= 1; d++) {
        int n = snprintf(line, sizeof(line), "--kernel k --disk ");
        memset(line + n, 'p', OPT_PATH_MAX - 1 + (size_t)d);
        line[n + (int)OPT_PATH_MAX - 1 + d] = 0;
        if (d > 0) {
            expect_bad(line, "too long");
            continue;
        }
        struct run_options o;
        expect_good(&o, line);
        run_options_fini(&o);
    }
}

static void test_networks(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k --net user,forward=tcp:2222:22,forward=udp:127.0.0.1:5353:53,"
                    "mac=52:54:00:AB:cd:0f --net user");
    assert_int_equal(o.net_count, 2);
    assert_int_equal(o.nets[0].forward_count, 2);
    assert_false(o.nets[0].forwards[0].udp);
    assert_int_equal(o.nets[0].forwards[0].host_port, 2222);
    assert_int_equal(o.nets[0].forwards[0].guest_port, 22);
    assert_string_equal(o.nets[0].forwards[0].host_address, "");
    assert_true(o.nets[0].forwards[1].udp);
    assert_string_equal(o.nets[0].forwards[1].host_address, "127.0.0.1");
    const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0x0f};
    assert_true(o.nets[0].have_mac && !o.nets[1].have_mac);
    assert_memory_equal(o.nets[0].mac, mac, 6);
    run_options_fini(&o);
    expect_good(&o, "--kernel k --net none");
    assert_true(o.net_none);
    run_options_fini(&o);
    expect_bad("--kernel k --net none --net user", "--net none");
    expect_bad("--kernel k --net none,mac=1", "none");
    expect_bad("--kernel k --net tap", "tap");
    expect_bad("--kernel k --net bridge", "'bridge'");
    expect_bad("--kernel k --net user,dhcp", "'dhcp'");
}

static void test_forward_syntax(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "tcp",
        "tcp:",
        "tcp:1",
        "tcp:1:",
        "tcp::1",
        "sctp:1:1",
        "tcp:0:1",
        "tcp:1:0",
        "tcp:65536:1",
        "tcp:1:65536",
        "tcp:x:1",
        "tcp:1:x",
        "tcp:1:-1",
        "tcp:1:1:1",
        "tcp:host:1:1",
        "tcp:::1:1:1",
        "tcp:300.0.0.1:1:1",
        "1:1",
        "tcp: 1:1",
        "tcp:1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25:1:1"};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        char *argv[] = {(char[]){"--kernel"}, (char[]){"k"}, (char[]){"--net"}, NULL};
        char value[160];
        struct run_options o;
        struct err e = {0};
        snprintf(value, sizeof(value), "user,forward=%s", bad[i]);
        argv[3] = value;
        if (run_options_parse(&o, 4, argv, &e) != -EINVAL || !strstr(e.text, "--net"))
            fail_msg("forward '%s': '%s'", bad[i], e.text);
        run_options_fini(&o);
    }
}

static void test_mac_syntax(void **state)
{
    (void)state;
    const char *const bad[] = {"52:54:00:12:34",
                               "52:54:00:12:34:567",
                               "52:54:00:12:34:5g",
                               "52-54-00-12-34-56",
                               "52:54:00:12:34:-6",
                               "525400123456",
                               "x",
                               "01:00:5e:00:00:01",
                               "0x:54:00:12:34:56"};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        char line[80];
        snprintf(line, sizeof(line), "--kernel k --net user,mac=%s", bad[i]);
        expect_bad(line, bad[i]);
    }
}

static void test_consoles(void **state)
{
    (void)state;
    struct run_options o;
    expect_good(&o, "--kernel k --console unix:/tmp/s --hvc stdio");
    assert_int_equal(o.console.kind, CONSOLE_UNIX);
    assert_string_equal(o.console.path, "/tmp/s");
    assert_int_equal(o.hvc.kind, CONSOLE_STDIO);
    run_options_fini(&o);
    expect_good(&o, "--kernel k --console file:out --hvc pty");
    assert_int_equal(o.console.kind, CONSOLE_FILE);
    run_options_fini(&o);
    expect_good(&o, "--kernel k --console null --hvc null");
    run_options_fini(&o);
    expect_bad("--kernel k --console tty", "--console");
    expect_bad("--kernel k --console unix:", "--console");
    expect_bad("--kernel k --console file:", "--console");
    expect_bad("--kernel k --hvc serial", "--hvc");
    expect_bad("--kernel k --hvc stdio", "both be stdio");
    expect_bad("--kernel k --console file:x --hvc file:x", "same file");
}

static void test_texts_stay_one_line(void **state)
{
    (void)state;
    char *argv[] = {(char[]){"--cpu\n\033[2Jx"}};
    struct run_options o;
    struct err e = {0};
    assert_int_equal(run_options_parse(&o, 1, argv, &e), -EINVAL);
    assert_null(strchr(e.text, '\n'));
    assert_null(strchr(e.text, '\033'));
    run_options_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_units),
        cmocka_unit_test(test_memory_limits),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_ways_to_write_a_value),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_wrong_shapes),
        cmocka_unit_test(test_every_option_needs_its_value),
        cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_engine_and_cpu),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_disks),
        cmocka_unit_test(test_disk_count_limit),
        cmocka_unit_test(test_disk_path_length_limit),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_forward_syntax),
        cmocka_unit_test(test_mac_syntax),
        cmocka_unit_test(test_consoles),
        cmocka_unit_test(test_texts_stay_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
