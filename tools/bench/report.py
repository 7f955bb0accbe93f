# The results of tools/bench/bench: medians, ratios, targets, the table, JSON, and a plot in SVG.
# Pure functions of one dictionary (the content of results.json), so that an earlier run can be shown
# again; nothing but Python's standard library.
import json
import math
import os
import statistics

# The order of the table. The targets are factors against QEMU: of a class, its geometric mean.
CLASSES = ("integer", "simd", "crypto", "fp", "jit", "system", "boot")
CLASS_TARGETS = {"integer": 3.0, "simd": 6.0, "crypto": 6.0, "fp": 4.0, "system": 3.0, "boot": 1.5}
WORKLOAD_TARGETS = {"forkexec": 8.0}
FLOOR = 1.5  # no workload below


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


# ---- From runs to conclusions ----

def summary(runs, measure):
    field = "cpu" if measure == "cpu" else "seconds"
    good = [r[field] for r in runs if not r["status"] and r[field] is not None]
    if not good:
        return None
    return {"median": statistics.median(good), "min": min(good), "max": max(good)}


def quotient(a, b):
    return a["median"] / b["median"] if a and b and b["median"] > 0 else None


def conclude(results):
    """Adds summaries, ratios, class means and verdicts to the runs."""
    results["results"], results["classes"], results["verdicts"] = {}, {}, []
    for name, about in results["workloads"].items():
        row = {system: summary(times[name], results["about"]["measure"]) for system, times in results["times"].items()
               if name in times}
        native, qemu, sojourn = row.get("native"), row.get("qemu"), row.get("sojourn")
        row["class"] = about["class"]
        row["qemu_by_sojourn"] = quotient(qemu, sojourn)
        row["sojourn_by_native"] = quotient(sojourn, native)
        row["qemu_by_native"] = quotient(qemu, native)
        results["results"][name] = row
    for group in CLASSES:
        rows = [r for r in results["results"].values() if r["class"] == group]
        if rows:
            results["classes"][group] = dict(
                {"workloads": len(rows)},
                **{k: geometric_mean([r[k] for r in rows if r[k]])
                   for k in ("qemu_by_sojourn", "sojourn_by_native", "qemu_by_native")})
    judge(results)


def judge(results):
    def verdict(what, value, target):
        results["verdicts"].append({"what": what, "value": value, "target": target,
                                    "met": value >= target})

    for group, means in results["classes"].items():
        if group in CLASS_TARGETS and means["qemu_by_sojourn"]:
            verdict("class " + group, means["qemu_by_sojourn"], CLASS_TARGETS[group])
    factors = {n: r["qemu_by_sojourn"] for n, r in results["results"].items()
               if r["qemu_by_sojourn"]}
    for name, target in WORKLOAD_TARGETS.items():
        if name in factors:
            verdict("workload " + name, factors[name], target)
    if factors:
        worst = min(factors, key=factors.get)
        verdict("lowest workload, " + worst, factors[worst], FLOOR)


# ---- The table ----

def seconds(value):
    return "%.3f" % value if value < 10 else "%.2f" % value if value < 100 else "%.1f" % value


def cell(summed, spread=True):
    if not summed:
        return "-"
    text = seconds(summed["median"])
    if spread and summed["min"] != summed["max"]:
        text += " [%s-%s]" % (seconds(summed["min"]), seconds(summed["max"]))
    return text


def factor(value):
    return "-" if value is None else "%.2fx" % value


def about_lines(about):
    yield "%s, %d CPUs, Linux %s, load %.1f; %s" % (
        about["cpu"], about["cpus"], about["host_kernel"], about["load"], about["date"])
    parts = ["commit " + (about["commit"] or "unknown")]
    if "engine" in about:
        parts.append("%s, engine %s %s" % (about["sojourn"] or "sojourn", about["engine"],
                                           about["sojourn_args"]))
    if "qemu" in about:
        parts.append(about["qemu"])
    yield "; ".join(p.strip() for p in parts)
    yield "size %s, %d round%s, %s of memory, %s vCPU%s; %s: median [min-max]" % (
        about["size"], about["rounds"], "" if about["rounds"] == 1 else "s", about["memory"],
        about.get("vcpus", "1"), "" if about.get("vcpus", "1") == "1" else "s",
        "processor seconds" if about["measure"] == "cpu" else "seconds")


def table(results):
    head = ["workload", "class", "native", "QEMU", "Sojourn", "QEMU/Sojourn", "Sojourn/native",
            "QEMU/native"]
    rows = []
    for name, r in results["results"].items():
        rows.append([name, r["class"], cell(r.get("native")), cell(r.get("qemu")),
                     cell(r.get("sojourn")), factor(r["qemu_by_sojourn"]),
                     factor(r["sojourn_by_native"]), factor(r["qemu_by_native"])])
    means = [["geometric mean", group, "", "", "", factor(m["qemu_by_sojourn"]),
              factor(m["sojourn_by_native"]), factor(m["qemu_by_native"])]
             for group, m in results["classes"].items()]
    widths = [max(len(row[i]) for row in [head] + rows + means) for i in range(len(head))]

    def line(row):
        return "  ".join(text.ljust(w) if i < 2 else text.rjust(w)
                         for i, (text, w) in enumerate(zip(row, widths))).rstrip()

    out = list(about_lines(results["about"])) + ["", line(head)]
    out += [line(r) for r in rows] + [""] + [line(r) for r in means] + [""]
    for v in results["verdicts"]:
        out.append("%s: %.2fx QEMU, target %.1fx: %s" % (
            v["what"], v["value"], v["target"], "met" if v["met"] else "MISSED"))
    for f in results["failures"]:
        out.append("FAILED %s under %s: %s" % (f["workload"], f["system"], f["reason"]))
    return "\n".join(out).rstrip() + "\n"


# ---- The plot: for each workload one bar for each system, as multiples of a baseline ----

COLOURS = {"native": "#9aa5b1", "qemu": "#d98e4a", "sojourn": "#2f6fb0"}
LABELS = {"native": "native", "qemu": "QEMU", "sojourn": "Sojourn"}


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def svg_text(x, y, text, size=12, anchor="start", colour="#222", weight="normal"):
    return ('<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s" font-weight="%s">%s'
            '</text>' % (x, y, size, anchor, colour, weight, escape(text)))


def plot(results):
    """Time as a multiple of native, on a logarithmic axis: shorter is better. Without native runs
    (and for the boot, which has none) a row's baseline is QEMU, or the fastest there is."""
    present = [s for s in ("native", "qemu", "sojourn") if s in results["times"]]
    compared = [s for s in present if s != "native"] or present
    base_name = "native"
    if len(compared) == len(present):
        base_name = "sojourn" if "qemu" not in present else "qemu"
    bars, top = [], 2.0
    for name, r in results["results"].items():
        base = r.get(base_name) or min((r[s] for s in present if r.get(s)), default=None,
                                       key=lambda s: s["median"])
        row = [(s, quotient(r.get(s), base)) for s in compared]
        row = [(s, q) for s, q in row if q]
        if row:
            bars.append((name, r, row))
            top = max([top] + [q for _, q in row])
    low = min([1.0] + [q for _, _, row in bars for _, q in row])
    left, right, row_height = 150, 130, 15 * len(compared) + 9
    width, start = 900, 78
    low_log, high_log = math.floor(math.log2(low)), math.ceil(math.log2(top))
    scale = (width - left - right) / max(1, high_log - low_log)

    def at(value):
        return left + (math.log2(value) - low_log) * scale

    groups = list(dict.fromkeys(r["class"] for _, r, _ in bars))
    height = start + len(bars) * row_height + len(groups) * 22 + 34
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
           'font-family="sans-serif">' % (width, height, width, height),
           '<rect width="100%" height="100%" fill="white"/>',
           svg_text(16, 24, "Time to run, as a multiple of %s (shorter is better)"
                    % LABELS[base_name], 16, weight="bold")]
    about = results["about"]
    out.append(svg_text(16, 42, "%s; %s; size %s; median of %d" % (
        about["cpu"], about["date"], about["size"], about["rounds"]), 11, colour="#555"))
    for i, s in enumerate(compared):
        out.append('<rect x="%d" y="52" width="12" height="12" fill="%s"/>' % (16 + 110 * i, COLOURS[s]))
        out.append(svg_text(33 + 110 * i, 62, LABELS[s]))
    bottom = height - 28
    for power in range(low_log, high_log + 1):
        x = at(2.0 ** power)
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>' % (
            x, start, x, bottom, "#888" if power == 0 else "#e3e3e3"))
        out.append(svg_text(x, bottom + 16, "%gx" % 2.0 ** power, 11, "middle", "#555"))
    y, group = start, None
    for name, r, row in bars:
        if r["class"] != group:
            group = r["class"]
            mean = results["classes"][group]["qemu_by_sojourn"]
            out.append(svg_text(16, y + 15, group + (": %.2fx QEMU" % mean if mean else ""), 12,
                                weight="bold"))
            y += 22
        out.append(svg_text(left - 8, y + row_height / 2, name, 12, "end"))
        for i, (s, q) in enumerate(row):
            x0, x1 = sorted((at(1.0), at(q)))
            out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="12" fill="%s"/>' % (
                x0, y + 15 * i, max(1.0, x1 - x0), COLOURS[s]))
            text = "%.2fx" % q
            if s == "sojourn" and r["qemu_by_sojourn"]:
                text += " (QEMU/%.2f)" % r["qemu_by_sojourn"]
            out.append(svg_text(max(x0, x1) + 4, y + 15 * i + 10, text, 10, colour="#444"))
        y += row_height
    return "\n".join(out + ["</svg>"]) + "\n"


# ---- Files ----

def save(results, folder):
    for name, text in (("results.json", json.dumps(results, indent=1) + "\n"),
                       ("results.txt", table(results)), ("plot.svg", plot(results))):
        path = os.path.join(folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(path + ".new", path)


def load(path, measure=""):
    with open(path, encoding="utf-8") as f:
        results = json.load(f)
    results["about"]["measure"] = measure or results["about"]["measure"]
    conclude(results)
    return results
