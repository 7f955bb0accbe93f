/* `sojourn help`: what the verbs and options are, as text for a terminal, as the manual page
 * sojourn(1) and as completion for bash. All three come from verbs.def and run_options.def, so they
 * cannot disagree with the parser.
 */
#include "a64/features.h"
#include "base/bits.h"
#include "cmd/cmd.h"
#include "cmd/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80u
#define WIDTH_MIN 40u
#define WIDTH_MAX 120u

struct verb {
    const char *name, *summary;
};

static const struct verb verbs[] = {
#define VERB(name, summary) {#name, summary},
#include "cmd/verbs.def"
#undef VERB
};

/* Exit statuses of `sojourn run`, for the terminal and the manual page. */
static const struct {
    const char *status, *text;
} statuses[] = {
    {"0", "The guest powered off, or Ctrl-A x ended it."},
    {"1", "The monitor failed; standard error says why."},
    {"2", "The command line was wrong."},
    {"3", "The guest asked for a reset under --no-reboot."},
    {"other", "With --semihosting: the status with which the guest's program ended."},
};

static const struct {
    const char *key, *text;
} keys[] = {
    {"Ctrl-A x", "End the virtual machine at once."},
    {"Ctrl-A p", "Press the power key: asks the guest to shut down."},
    {"Ctrl-A h", "List the keys."},
    {"Ctrl-A Ctrl-A", "Send one Ctrl-A to the guest."},
};

/* ---- Text for a terminal ---- */

static unsigned terminal_width(void)
{
    struct winsize w;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
        return WIDTH_DEFAULT;
    return w.ws_col < WIDTH_MIN ? WIDTH_MIN : w.ws_col > WIDTH_MAX ? WIDTH_MAX : w.ws_col;
}

/* Prints text with line breaks at spaces, each line indented; `column` is where the cursor stands.
 */
static void print_wrapped(const char *text, unsigned indent, unsigned column)
{
    unsigned width = terminal_width();
    bool first = true; /* word of its line */
    while (*text) {
        unsigned n = (unsigned)strcspn(text, " ");
        if (column + (first ? 0 : 1) + n > width - 1 && column > indent) {
            putchar('\n');
            column = 0;
            first = true;
        }
        if (column < indent) {
            printf("%*s", (int)(indent - column), "");
            column = indent;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)n, text);
        column += n;
        first = false;
        text += n;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_row(const char *head, const char *text, unsigned indent)
{
    unsigned column = (unsigned)printf("  %s", head);
    if (column + 2 > indent) {
        putchar('\n');
        column = 0;
    } else {
        column += (unsigned)printf("%*s", (int)(indent - column), "");
    }
    print_wrapped(text, indent, column);
}

static void help_overview(void)
{
    printf("Sojourn " SOJOURN_VERSION " runs arm64 operating systems on x86-64 Linux.\n\n"
           "Usage: sojourn VERB [OPTION]...\n\n");
    for (unsigned i = 0; i < ARRAY_LEN(verbs); i++)
        print_row(verbs[i].name, verbs[i].summary, 12);
    printf("\nsojourn help VERB explains a verb, sojourn help cpu lists the CPU's features.\n");
}

static void help_run(void)
{
    printf("Usage: sojourn run --kernel FILE [OPTION]...\n\nRuns a virtual machine until it powers "
           "off.\n\n");
    for (unsigned i = 0; i < run_option_count; i++) {
        const struct option_row *o = &run_option_rows[i];
        char head[160];
        const char *arg = o->argument ? o->argument : "", *gap = *arg && *arg != '[' ? " " : "";
        if (o->short_name)
            snprintf(head, sizeof(head), "-%c, --%s%s%s", o->short_name, o->name, gap, arg);
        else
            snprintf(head, sizeof(head), "--%s%s%s", o->name, gap, arg);
        printf("  %s\n", head);
        print_wrapped(o->help, 8, 0);
    }
    printf("\nKeys, when the guest's console is a terminal:\n");
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
        print_row(keys[i].key, keys[i].text, 18);
    printf("\nExit status:\n");
    for (unsigned i = 0; i < ARRAY_LEN(statuses); i++)
        print_row(statuses[i].status, statuses[i].text, 10);
    print_wrapped(
        "After SIGINT, SIGTERM, SIGHUP or SIGQUIT the machine is put away in order and the "
        "process then ends by that signal.",
        10, 0);
}

static void help_help(void)
{
    printf("Usage: sojourn help [VERB | cpu | --man | --completion bash]\n\n");
    print_row("VERB", "Explain a verb.", 22);
    print_row("cpu", "List the features that --cpu can switch.", 22);
    print_row("--man", "Print the manual page sojourn(1) in troff's man format.", 22);
    print_row("--completion bash", "Print the completion to be read by bash.", 22);
}

static void help_version(void)
{
    printf("Usage: sojourn version\n\n");
    print_wrapped(
        "Prints the version, the engines of this build, what the host's CPU can do and the "
        "libraries in use.",
        0, 0);
}

static void help_cpu(void)
{
    print_wrapped("CPU default has the features marked with a star; --cpu default,+NAME or ,-NAME "
                  "switches one on or off.",
                  0, 0);
    putchar('\n');
    const struct a64_features on = a64_features_default();
    for (unsigned i = A64_FEAT_BASE + 1; i < A64_FEATURE_COUNT; i++) {
        char head[40];
        snprintf(head, sizeof(head), "%c %s", a64_feature_has(&on, i) ? '*' : ' ',
                 a64_feature_name(i));
        print_row(head, a64_feature_text(i), 18);
    }
}

/* ---- The manual page ---- */

/* Text with what troff would take for commands escaped. */
static void man_text(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '-')
            fputs("\\-", stdout);
        else if ((*p == '.' || *p == '\'') && (p == text || p[-1] == '\n'))
            printf("\\&%c", *p);
        else
            putchar(*p);
    }
}

/* An argument's description: words in capitals are what the user replaces. */
static void man_argument(const char *arg)
{
    bool upper = false;
    for (const char *p = arg; *p; p++) {
        bool now = isupper((unsigned char)*p) || (upper && isdigit((unsigned char)*p));
        if (now != upper)
            fputs(now ? "\\fI" : "\\fR", stdout);
        upper = now;
        man_text((char[]){*p, 0});
    }
    puts(upper ? "\\fR" : "");
}

static void man_option(const struct option_row *o)
{
    printf(".TP\n");
    if (o->short_name)
        printf("\\fB\\-%c\\fR, ", o->short_name);
    printf("\\fB\\-\\-");
    man_text(o->name);
    printf("\\fR");
    if (o->argument && o->argument[0] != '[')
        putchar(' ');
    man_argument(o->argument ? o->argument : "");
    man_text(o->help);
    putchar('\n');
}

static void man_paragraph(const char *text)
{
    puts(".PP");
    man_text(text);
    putchar('\n');
}

static void man_example(const char *what, const char *command)
{
    man_paragraph(what);
    puts(".PP\n.nf\n.RS");
    man_text(command);
    puts("\n.RE\n.fi");
}

static void man_head(void)
{
    printf(".\\\" Made by 'sojourn help --man'.\n"
           ".TH SOJOURN 1 \"\" \"Sojourn " SOJOURN_VERSION "\" \"User Commands\"\n"
           ".ad l\n.nh\n"
           ".SH NAME\nsojourn \\- run arm64 virtual machines on x86\\-64 Linux\n"
           ".SH SYNOPSIS\n.nf\n"
           "\\fBsojourn run \\-\\-kernel\\fR \\fIFILE\\fR [\\fIOPTION\\fR]...\n"
           "\\fBsojourn help\\fR [\\fIVERB\\fR | \\fBcpu\\fR | \\fB\\-\\-man\\fR | "
           "\\fB\\-\\-completion bash\\fR]\n"
           "\\fBsojourn version\\fR\n.fi\n.SH DESCRIPTION\n");
    man_text(
        "Sojourn runs unmodified 64-bit Arm operating systems. The virtual machine has the memory "
        "map of the machine type \"virt\" known to firmware and kernels: a GICv3, a PL011 serial "
        "port, a real-time clock, a power key, and virtio disks, networks, consoles and an entropy "
        "source. It needs no privileges.\n");
    for (unsigned i = 0; i < ARRAY_LEN(verbs); i++) {
        printf(".TP\n.B %s\n", verbs[i].name);
        man_text(verbs[i].summary);
        putchar('\n');
    }
}

static void man_tables(void)
{
    puts(".SH OPTIONS\nThese are the options of \\fBsojourn run\\fR.");
    for (unsigned i = 0; i < run_option_count; i++)
        man_option(&run_option_rows[i]);
    puts(".SH KEYS\nWhen the guest's console is a terminal:");
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
        puts(".TP");
        fputs("\\fB", stdout);
        man_text(keys[i].key);
        puts("\\fR");
        man_text(keys[i].text);
        putchar('\n');
    }
    puts(".SH EXIT STATUS");
    for (unsigned i = 0; i < ARRAY_LEN(statuses); i++) {
        printf(".TP\n.B %s\n", statuses[i].status);
        man_text(statuses[i].text);
        putchar('\n');
    }
    man_paragraph(
        "After SIGINT, SIGTERM, SIGHUP or SIGQUIT the machine is put away in order (disks "
        "written, terminal restored) and the process then ends by that signal.");
    man_paragraph("Every failure is one line on standard error that names the option, the file and "
                  "the remedy.");
}

static void man_page(void)
{
    man_head();
    man_tables();
    puts(".SH EXAMPLES");
    man_example("Boot a kernel with an initial RAM disk:",
                "sojourn run --kernel Image --initrd initrd.img --append console=ttyAMA0");
    man_example("A system on a disk image, with the guest's SSH port reachable at port 2222 of the "
                "host:",
                "sojourn run -m 2G --kernel Image --initrd initrd.img \\\n"
                "    --append \"console=ttyAMA0 root=/dev/vda1\" --disk disk.img \\\n"
                "    --net user,forward=tcp:2222:22");
    man_example("A bare-metal program whose exit status is the monitor's:",
                "sojourn run --kernel test.elf --semihosting");
    puts(".SH FILES");
    man_paragraph("The file of a --disk is locked while the machine runs: shared when readonly or "
                  "ephemeral, else exclusively. The socket of unix:PATH is made at the start and "
                  "removed at the end. Nothing else is written but what file:PATH, --stats, "
                  "--trace and --semihosting=DIR name, and /tmp/perf-PID.map with "
                  "--perf-map.");
}

/* ---- Completion ---- */

/* The literal words an argument can begin with: "stdio|unix:PATH[,x]" gives "stdio unix:". */
static void completion_words(const char *arg)
{
    unsigned depth = 0;
    bool cut = false;
    for (const char *p = arg; *p; p++) {
        depth += *p == '[';
        if (!depth && (*p == '|' || *p == ' ')) {
            putchar(' ');
            cut = false;
        } else if (!depth && !cut && *p != '.') {
            cut = isupper((unsigned char)*p);
            if (!cut)
                putchar(*p);
        }
        depth -= *p == ']';
    }
}

static void completion_option(const struct option_row *o)
{
    if (!o->argument || o->argument[0] == '[')
        return;
    printf("        --%s", o->name);
    if (o->short_name)
        printf("|-%c", o->short_name);
    if (!strncmp(o->argument, "FILE", 4)) {
        printf(") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n");
        return;
    }
    printf(") mapfile -t COMPREPLY < <(compgen -W \"");
    completion_words(o->argument);
    printf("\" -- \"$cur\") ;;\n");
}

static void completion_bash(void)
{
    printf("# Completion of sojourn for bash; made by 'sojourn help --completion bash'.\n"
           "_sojourn()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local verbs=\"");
    for (unsigned i = 0; i < ARRAY_LEN(verbs); i++)
        printf("%s%s", i ? " " : "", verbs[i].name);
    printf("\" options=\"");
    for (unsigned i = 0; i < run_option_count; i++)
        printf("%s--%s", i ? " " : "", run_option_rows[i].name);
    printf(" --help\"\n"
           "    COMPREPLY=()\n"
           "    if ((COMP_CWORD == 1)); then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$cur\")\n"
           "    elif [[ ${COMP_WORDS[1]} == help && $prev == --completion ]]; then\n"
           "        COMPREPLY=(bash)\n"
           "    elif [[ ${COMP_WORDS[1]} == help ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$verbs cpu --man --completion\" -- "
           "\"$cur\")\n"
           "    elif [[ ${COMP_WORDS[1]} == run ]]; then\n"
           "        case $prev in\n");
    for (unsigned i = 0; i < run_option_count; i++)
        completion_option(&run_option_rows[i]);
    printf("        *) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\") ;;\n"
           "        esac\n"
           "    fi\n}\n"
           "complete -F _sojourn sojourn\n");
}

/* ---- The verb ---- */

static const struct {
    const char *name;
    void (*print)(void);
} topics[] = {
    {"run", help_run},         {"help", help_help},
    {"version", help_version}, {"cpu", help_cpu},
    {"--man", man_page},       {"--help", help_help},
    {"-h", help_help},         {"--completion=bash", completion_bash},
};

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "sojourn: help: %s '%s'; see 'sojourn help help'\n", what, arg);
    return STATUS_USAGE;
}

int cmd_help(int argc, char **argv)
{
    void (*print)(void) = help_overview;
    if (argc > 0 && !strcmp(argv[0], "--completion")) {
        if (argc == 1)
            return usage("which shell? Try --completion", "bash");
        if (strcmp(argv[1], "bash"))
            return usage("there is no completion for", argv[1]);
        print = completion_bash;
        argc--;
        argv++;
    } else if (argc > 0) {
        unsigned i = 0;
        while (i < ARRAY_LEN(topics) && strcmp(topics[i].name, argv[0]))
            i++;
        if (i == ARRAY_LEN(topics))
            return usage("there is nothing about", argv[0]);
        print = topics[i].print;
    }
    if (argc > 1)
        return usage("unexpected argument", argv[1]);
    print();
    if (ferror(stdout) || fflush(stdout)) {
        fprintf(stderr, "sojourn: help: cannot write: %s\n", strerror(errno));
        return STATUS_FAILED;
    }
    return 0;
}
