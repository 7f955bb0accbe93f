/* `sojourn version`: what this build is and what it runs on. */
#include "cmd/cmd.h"

#include "base/bits.h"

#include <errno.h>
#include <libfdt.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

static const char *const engines[] = {
#define ENGINE(name, ops) name,
#include "engine/engines.def"
#undef ENGINE
};

/* The highest microarchitecture level of the x86-64 psABI (section 3.1.1) that the host's CPU has.
 */
static const char *host_level(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
        return "x86-64";
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("fma"))
        return "x86-64-v2";
    if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return "x86-64-v3";
    return "x86-64-v4";
}

int cmd_version(int argc, char **argv)
{
    if (argc == 1 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))) {
        char topic[] = "version";
        return cmd_help(1, (char *[]){topic, NULL});
    }
    if (argc) {
        fprintf(stderr, "sojourn: version: unexpected argument '%s'\n", argv[0]);
        return STATUS_USAGE;
    }
    struct utsname host;
    printf("sojourn " SOJOURN_VERSION "\nengines:");
    for (unsigned i = 0; i < ARRAY_LEN(engines); i++)
        printf(" %s", engines[i]);
    printf("\nhost CPU: %s (this build needs x86-64)\n", host_level());
    if (!uname(&host))
        printf("host kernel: %s %s\n", host.sysname, host.release);
    printf("compiler: %s\n", __VERSION__);
    printf("libfdt: device tree format %d\n", FDT_LAST_SUPPORTED_VERSION);
    printf("libslirp: %s\n", slirp_version_string());
    printf("zlib: %s\n", zlibVersion());
    if (ferror(stdout) || fflush(stdout)) {
        fprintf(stderr, "sojourn: version: cannot write: %s\n", strerror(errno));
        return STATUS_FAILED;
    }
    return 0;
}
