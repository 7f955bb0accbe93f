# How much of what the workloads execute the translator translates: tools/bench/bench --coverage.
#
# Each workload runs in a machine of its own with the counted clock, in which the number of executed
# instructions is exact, and once more in one that leaves out the timed run. Both machines do the
# same up to there, so that the differences of their statistics are the run's alone.
import re

TARGET = 99.9  # per cent of the executed instructions, in every workload
NAMED = 8      # of the most frequent ones that the interpreter executed

# Read in place but with the counted clock.
COUNTERS = ("CNTVCT_EL0", "CNTPCT_EL0")

PLAIN = {"vcpu0.instructions": "executed", "jit.interpreted": "in_blocks",
         "jit.single_steps": "single", "jit.single_steps_counted": "counted"}


def read_stats(path):
    """The lines of `sojourn run --stats` as {name: number}."""
    with open(path, encoding="utf-8") as f:
        pairs = [line.split() for line in f]
    return {p[0]: int(p[1]) for p in pairs if len(p) == 2 and re.fullmatch(r"\d+", p[1])}


def difference(whole, without):
    return {k: v - without.get(k, 0) for k, v in whole.items()}


def measure(stats):
    """What a run executed, and how. Instructions that the interpreter executed only because a block
    was larger than what was left until the next timer (`counted`) are translated ones: without the
    counted clock there is no such end. The same holds of reads of the counter."""
    row = {ours: stats[theirs] for theirs, ours in PLAIN.items()}
    row["counter"] = sum(stats.get("jit.system.MRS." + name, 0) for name in COUNTERS)
    row["interpreted"] = row["in_blocks"] - row["counter"] + row["single"] - row["counted"]
    row["covered"] = 100.0 * (1 - row["interpreted"] / row["executed"]) if row["executed"] > 0 else 0
    named = {k[len("jit.fallback."):]: v for k, v in stats.items() if k.startswith("jit.fallback.")}
    for kind, total in (("MRS", "MRS"), ("MSR", "MSR_r"), ("SYS", "SYS")):
        parts = {k[len("jit.system."):].replace(".", " "): v for k, v in stats.items()
                 if k.startswith("jit.system.%s." % kind)}
        if parts:
            named.pop(total, None)
            named.update(parts)
    named["outside of blocks"] = row["single"] - row["counted"]
    row["named"] = {k: v for k, v in sorted(named.items(), key=lambda kv: (-kv[1], kv[0]))
                    if v > 0}
    return row


def table(rows):
    """`rows`: (name, class, measure() or None when it failed)."""
    out = ["%-16s %-8s %15s %13s %12s %9s  %s" % (
        "workload", "class", "executed", "interpreted", "single steps", "covered",
        "interpreted most, per million executed")]
    missed = []
    for name, group, row in rows:
        if not row:
            out.append("%-16s %-8s failed" % (name, group))
            continue
        share = ["%s %.0f" % (k, v * 1e6 / row["executed"]) for k, v in row["named"].items()
                 if v * 1e6 / row["executed"] >= 0.5][:NAMED]
        out.append("%-16s %-8s %15d %13d %12d %8.3f%%  %s" % (
            name, group, row["executed"], row["interpreted"], row["single"] - row["counted"],
            row["covered"], ", ".join(share)))
        if row["covered"] < TARGET:
            missed.append("%s %.3f%%" % (name, row["covered"]))
    out.append("")
    out.append("below %.1f%%: %s" % (TARGET, ", ".join(missed) if missed else "none"))
    return "\n".join(out) + "\n"


def all_covered(rows):
    return all(row and row["covered"] >= TARGET for _, _, row in rows)
