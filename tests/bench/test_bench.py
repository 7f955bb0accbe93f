# What tools/bench concludes from fabricated runs: wrong outputs, statuses and clocks are failures,
# medians, means and verdicts are right, the plot is XML. Prints the lines of a test suite.
import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile
import traceback
import xml.dom.minidom

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "tools", "bench")
sys.path.insert(0, TOOLS)
import coverage  # noqa: E402
import report  # noqa: E402

loader = importlib.machinery.SourceFileLoader("bench", os.path.join(TOOLS, "bench"))
bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
loader.exec_module(bench)

WORKLOADS = {"gzip": {"class": "integer", "same": True}, "gcc": {"class": "integer", "same": False},
             "forkexec": {"class": "system", "same": True}}


def run(seconds, sha256="aa", status=0, host=None):
    return {"seconds": seconds, "cpu": seconds / 2, "sha256": sha256, "status": status, "bytes": 1,
            "host": seconds if host is None else host}


def made(**times):
    about = {"cpu": "a <fast> one", "cpus": 2, "host_kernel": "6", "load": 0.0, "date": "today",
             "commit": "c", "size": "quick", "rounds": 3, "memory": "1G", "measure": "wall",
             "engine": "interp", "sojourn": "sojourn 1", "sojourn_args": "", "qemu": "QEMU 7"}
    names = {n for t in times.values() for n in t}
    results = {"about": about, "times": times, "failures": [],
               "workloads": {n: {"class": WORKLOADS[n]["class"]} for n in names}}
    bench.check(WORKLOADS, sorted(names), results)
    report.conclude(results)
    return results


def reasons(results):
    return [f["reason"] for f in results["failures"]]


def test_equal_outputs_are_no_failure():
    assert not reasons(made(native={"gzip": [run(1)]}, qemu={"gzip": [run(9)]},
                            sojourn={"gzip": [run(3)]}))


def test_another_output_is_a_failure():
    for system in ("native", "qemu", "sojourn"):
        times = {s: {"gzip": [run(1, "bb" if s == system else "aa")]} for s in bench.SYSTEMS}
        assert len(reasons(made(**times))) == 1, system


def stats(**more):
    return dict({"vcpu0.instructions": 2000, "jit.interpreted": 10, "jit.single_steps": 7,
                 "jit.single_steps_counted": 4}, **more)


def test_coverage_is_of_the_run_alone():
    row = coverage.measure(coverage.difference(
        stats(**{"vcpu0.instructions": 1002000, "jit.interpreted": 1005, "jit.fallback.ERET": 9}),
        stats()))
    assert row["executed"] == 1000000 and row["interpreted"] == 995
    assert abs(row["covered"] - 99.9005) < 1e-9 and row["named"] == {"ERET": 9}


def test_coverage_leaves_out_what_counting_adds():
    row = coverage.measure(stats(**{"jit.fallback.MRS": 5, "jit.system.MRS.CNTVCT_EL0": 4,
                                    "jit.system.MRS.PAR_EL1": 1}))
    assert row["interpreted"] == 10 + 7 - 4 - 4
    assert row["named"] == {"MRS CNTVCT_EL0": 4, "MRS PAR_EL1": 1, "outside of blocks": 3}


def test_coverage_table_names_what_is_below_the_target():
    good, bad = stats(**{"vcpu0.instructions": 10**9}), stats()
    rows = [("gzip", "integer", coverage.measure(good)), ("gcc", "integer", coverage.measure(bad)),
            ("xz", "integer", None)]
    text = coverage.table(rows)
    assert text.endswith("below 99.9%: gcc 99.350%\n") and "xz               integer  failed" in text
    assert not coverage.all_covered(rows) and coverage.all_covered(rows[:1])


def test_an_output_that_changes_between_rounds_is_a_failure():
    assert len(reasons(made(sojourn={"gzip": [run(1, "aa"), run(1, "bb")]}))) == 1


def test_native_may_print_something_else_where_the_workload_says_so():
    assert not reasons(made(native={"gcc": [run(1, "bb")]}, sojourn={"gcc": [run(1)]}))
    assert reasons(made(qemu={"gcc": [run(1, "bb")]}, sojourn={"gcc": [run(1)]}))


def test_an_exit_status_is_a_failure_and_no_time():
    results = made(sojourn={"gzip": [run(1, status=1)]}, qemu={"gzip": [run(1)]})
    assert reasons(results) == ["exit status 1"]
    assert results["results"]["gzip"]["qemu_by_sojourn"] is None


def test_a_guest_clock_that_runs_slow_is_a_failure():
    assert reasons(made(sojourn={"gzip": [run(1, host=2)]}))
    assert not reasons(made(sojourn={"gzip": [run(1, host=1.1)]}))


def test_ratios_and_means():
    results = made(qemu={"gzip": [run(8), run(4), run(900)], "gcc": [run(18)]},
                   sojourn={"gzip": [run(2)], "gcc": [run(2)]}, native={"gzip": [run(1)]})
    assert results["results"]["gzip"]["qemu_by_sojourn"] == 4
    assert results["results"]["gzip"]["sojourn_by_native"] == 2
    assert results["results"]["gzip"]["qemu"] == {"median": 8, "min": 4, "max": 900}
    assert abs(results["classes"]["integer"]["qemu_by_sojourn"] - 6) < 1e-9


def test_verdicts():
    results = made(qemu={"gzip": [run(4)], "forkexec": [run(7)]},
                   sojourn={"gzip": [run(1)], "forkexec": [run(1)]})
    met = {v["what"]: v["met"] for v in results["verdicts"]}
    assert met == {"class integer": True, "class system": True, "workload forkexec": False,
                   "lowest workload, gzip": True}, met


def test_processor_time_can_be_what_is_compared():
    results = made(qemu={"gzip": [run(8)]}, sojourn={"gzip": [run(2)]})
    results["about"]["measure"] = "cpu"
    report.conclude(results)
    assert results["results"]["gzip"]["sojourn"]["median"] == 1


def test_files_are_well_formed():
    results = made(qemu={"gzip": [run(8)]}, sojourn={"gzip": [run(2), run(3)]},
                   native={"gzip": [run(1)]})
    with tempfile.TemporaryDirectory() as folder:
        report.save(results, folder)
        xml.dom.minidom.parse(os.path.join(folder, "plot.svg"))
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as f:
            assert json.load(f)["results"]["gzip"]["qemu"]["median"] == 8
        assert report.load(os.path.join(folder, "results.json"))["results"] == results["results"]
        with open(os.path.join(folder, "results.txt"), encoding="utf-8") as f:
            assert any(line.split()[:4] == ["gzip", "integer", "1.000", "8.000"] for line in f)


def test_every_workload_has_a_class_sizes_and_a_summary():
    for name, workload in bench.load_workloads().items():
        assert workload["size"]["quick"] <= workload["size"]["full"], name
        assert workload["summary"], name
        for program in workload["programs"]:
            assert os.path.exists(os.path.join(TOOLS, "src", program + ".c")), name


failed = 0
for name, function in sorted(globals().items()):
    if name.startswith("test_"):
        try:
            function()
            print("ok " + name[5:])
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print("not ok " + name[5:])
            print("# " + traceback.format_exc().replace("\n", "\n# "))
sys.exit(1 if failed else 0)
