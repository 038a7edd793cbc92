#!/usr/bin/env python3
"""Measures and asserts the figures of a static qte-ci: figures.py BINARY WORKDIR SAMPLE; for figures.sh.

CPU is user + system time of the whole process tree of one run, the best of 7 runs, or of up to 25 with pauses while
the bar is not met: a shared machine has slow minutes, and none of them makes a run faster than the program is.
Memory is the peak resident size of the largest process of that tree, the worst of all runs. Both are as the kernel
tells them to wait4. Exits with 1 when a figure is missed or a count is wrong.
"""

import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS, MOST_RUNS, MEMORY_RUNS, STARTS, PAIRS = 7, 25, 2, 20, 5
PAUSE_S = 2
MIB = 1024  # in KiB, the unit of ru_maxrss
MEMORY_BAR = 64 * MIB
BYTES_PER_S = 150e6  # of CPU time, for `go test -json`
CONFIG = "tests: {reports: [%s]}\ncoverage: {reports: [%s], lines: 50}\n"
TINY_JUNIT = '<testsuite name="s" tests="1"><testcase classname="a" name="b" time="1"/></testsuite>\n'
missed = []


def figure(name, value, bar, met):
    print(f"{'met' if met else 'MISSED':7} {name:48} {value:>14}   {bar}", flush=True)
    if not met:
        missed.append(name)


def run(argv, cwd, env=None, wanted=0):
    """One run: (seconds on the wall, CPU seconds, peak KiB, standard output). Any other exit code is an error."""
    with open(os.path.join(WORK, "out"), "w+b") as out, open(os.path.join(WORK, "err"), "w+b") as err:
        began = time.perf_counter()
        child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read()
        if child.returncode not in (wanted if isinstance(wanted, (tuple, range)) else (wanted,)):
            sys.exit(f"{argv}: exit {child.returncode}, not {wanted}\n{err.read().decode()[-4000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, said


def generate(kind, name, scale):
    out = os.path.join(WORK, name)
    script = os.path.join(HERE, "generate.py")
    said = subprocess.run([sys.executable, script, kind, out, str(scale)], check=True, stdout=subprocess.PIPE).stdout
    return out, json.loads(said)


def check_counts(name, found, wanted):
    """The reader's counts against those that the generator made."""
    differ = {key: (found.get(key), value) for key, value in wanted.items() if found.get(key) != value}
    figure(f"{name}: counts", "wrong" if differ else "right", f"{differ or 'as generated'}", not differ)


class Task:
    """One command over one input, at the plain size and at ten times that."""

    def __init__(self, name, argv, cwd, counts, found, wanted=0):
        self.name, self.argv, self.cwd, self.counts, self.found, self.wanted = name, argv, cwd, counts, found, wanted

    def measure(self, runs, cpu_bar):
        all_runs = [run(self.argv, self.cwd, wanted=self.wanted) for _ in range(runs)]
        while cpu_bar is not None and min(one[1] for one in all_runs) > cpu_bar and len(all_runs) < MOST_RUNS:
            time.sleep(PAUSE_S)
            all_runs.append(run(self.argv, self.cwd, wanted=self.wanted))
        check_counts(self.name, self.found(all_runs[-1][3]), self.counts)
        if cpu_bar is not None:
            cpu = min(one[1] for one in all_runs)
            figure(f"{self.name}: CPU", f"{cpu:.3f} s", f"<= {cpu_bar:.2f} s (best of {len(all_runs)})", cpu <= cpu_bar)
        peak = max(one[2] for one in all_runs)
        figure(f"{self.name}: memory", f"{peak / MIB:.1f} MiB", "<= 64 MiB", peak <= MEMORY_BAR)


def reading(name, kind, scale):
    path, counts = generate(kind, f"{kind}-{scale}", scale)
    size = os.path.getsize(path) / 1e6
    return Task(f"{name} x{scale} ({size:.0f} MB)", [BINARY, "read", "--json", path], WORK, counts, json.loads)


def gating(name, folder, stages, base, gate, counts, wanted):
    """`gate` in ingest mode: the reports lie there, nothing of the project is run."""
    argv = [BINARY, "gate", "--project", folder, "--config", os.path.join(folder, "qte-figures.yml"),
            "--stages", stages, "--no-publish", *(["--base", base] if base else [])]

    def found(_):
        with open(os.path.join(folder, "qte-report.json"), encoding="utf-8") as file:
            verdicts = json.load(file)["verdicts"]
        return next(v["metrics"] for v in verdicts if v["gate"] == gate)

    return Task(name, argv, folder, counts, found, wanted)


def repository(scale):
    folder, counts = generate("repository", f"repository-{scale}", scale)
    counts.pop("files")
    write(os.path.join(folder, "tiny.xml"), TINY_JUNIT)
    write(os.path.join(folder, "qte-figures.yml"), CONFIG % ("tiny.xml", "coverage.xml"))
    name = f"changed lines x{scale} ({counts['changed_total']:,})"
    return gating(name, folder, "1B", "HEAD~1", "coverage", counts, 0)


def big_junit(scale):
    """The tests gate over the big JUnit file, with its details file; failures are in it, so the code is 1."""
    folder = os.path.join(WORK, f"tests-{scale}")
    os.makedirs(folder)
    path, counts = generate("junit", f"tests-{scale}/junit.xml", scale)
    write(os.path.join(folder, "qte-figures.yml"), CONFIG % ("junit.xml", "coverage.xml"))
    name = f"tests gate x{scale} ({os.path.getsize(path) / 1e6:.0f} MB)"
    return gating(name, folder, "1A", None, "tests", counts, 1)


def big_sarif(scale):
    """The security gate over the big SARIF file, with its details file; nothing is known, so all of it is new and red."""
    folder = os.path.join(WORK, f"findings-{scale}")
    os.makedirs(folder)
    path, counts = generate("sarif", f"findings-{scale}/scan.sarif", scale)
    write(os.path.join(folder, "qte-figures.yml"),
          "security: {reports: [scan.sarif]}\n")
    wanted = {"new": counts["findings"] - counts["suppressed"], "suppressed": counts["suppressed"]}
    name = f"security gate x{scale} ({os.path.getsize(path) / 1e6:.0f} MB)"
    return gating(name, folder, "2A", None, "security", wanted, 1)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def speed():
    reading("cobertura", "cobertura", 1).measure(RUNS, 0.30)
    reading("lcov", "lcov", 1).measure(RUNS, 0.08)
    reading("junit", "junit", 1).measure(RUNS, 0.20)
    reading("sarif", "sarif", 1).measure(RUNS, 0.20)
    for name, kind in (("go test", "gotest"), ("trx", "trx"), ("jacoco", "jacoco"), ("clover", "clover")):
        task = reading(name, kind, 1)
        task.measure(RUNS, os.path.getsize(task.argv[-1]) / BYTES_PER_S)
    repository(1).measure(RUNS, 0.35)
    big_junit(1).measure(MEMORY_RUNS, None)
    big_sarif(1).measure(MEMORY_RUNS, None)


def ten_times():
    """Each input is removed before the next is made: together they would be two gigabytes."""
    for make in (lambda: reading("cobertura", "cobertura", 10), lambda: reading("lcov", "lcov", 10),
                 lambda: reading("junit", "junit", 10), lambda: reading("go test", "gotest", 10),
                 lambda: reading("sarif", "sarif", 10), lambda: repository(10), lambda: big_junit(10),
                 lambda: big_sarif(10)):
        task = make()
        task.measure(MEMORY_RUNS, None)
        for name in os.listdir(WORK):
            if name.endswith("-10"):
                path = os.path.join(WORK, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def start():
    best = min(run([BINARY, "--version"], WORK)[0] for _ in range(STARTS))
    figure("--version: start", f"{best * 1000:.1f} ms", "<= 10 ms", best <= 0.010)


def overhead(sample):
    """A whole `gate` against the same tests run by hand in the environment that an earlier `gate` made."""
    project = os.path.join(WORK, "sample")
    shutil.copytree(sample, project)
    env = {**os.environ, "QTE_CACHE_DIR": os.path.join(WORK, "cache")}
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=b", "-c", "user.email=b@example.org",
                                                    "commit", "-q", "-m", "sample"]):
        subprocess.run(["git", "-C", project, *command], check=True)
    gate = [BINARY, "gate", "--no-publish", "--stages", "1A,1B"]
    run(gate, project, env)
    with open(os.path.join(project, "qte-report.json"), encoding="utf-8") as file:
        commands = [e for e in json.load(file)["evidence"] if e["kind"] == "command" and e["gate"] == "tests"]
    python = commands[0]["argv"][0]
    assert python.startswith(env["QTE_CACHE_DIR"]), python
    tests = f'"{python}" -m coverage run --branch -m pytest --junitxml="{WORK}/hand.xml"'
    xml, html = (f'"{python}" -m coverage {kind}' for kind in (f'xml -o "{WORK}/hand-coverage.xml"',
                                                               f'html -d "{WORK}/hand-html"'))
    with_html = ["sh", "-ec", f"{tests}; {xml}; {html}"]
    without = ["sh", "-ec", f"{tests}; {xml}"]
    rounds = [[run(argv, project, env)[0] for argv in (gate, with_html, without)] for _ in range(PAIRS)]
    ours, theirs, plain = (min(column) for column in zip(*rounds))
    for name, hand in (("tests, xml and html by hand", theirs), ("tests and xml by hand", plain)):
        more, allowed = ours - hand, max(0.05 * hand, 0.300)
        figure(f"overhead over {name}", f"{more * 1000:+.0f} ms",
               f"<= {allowed * 1000:.0f} ms ({ours:.2f} s against {hand:.2f} s)", more <= allowed)


def whole_line(sample):
    """Stages 1A to 2B side by side against the same commands one after another, with the tests five times over."""
    project = os.path.join(WORK, "line")
    shutil.copytree(sample, project)
    env = {**os.environ, "QTE_CACHE_DIR": os.path.join(WORK, "cache")}
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=b", "-c", "user.email=b@example.org",
                                                    "commit", "-q", "-m", "sample"]):
        subprocess.run(["git", "-C", project, *command], check=True)
    gate = [BINARY, "gate", "--no-publish", "--stages", "1A,1B,2A,2B"]
    # Whatever the verdicts are: an audit without its service is unmeasured, and took its time all the same.
    ends = (0, 1, 3)
    run(gate, project, env, ends)
    ours = min(run(gate, project, env, ends)[0] for _ in range(PAIRS))
    with open(os.path.join(project, "qte-report.json"), encoding="utf-8") as file:
        commands = [e for e in json.load(file)["evidence"] if e["kind"] == "command" and e["gate"] != "install"]
    tools = sorted({e["gate"] for e in commands})
    assert {"tests", "security", "audit", "quality", "secrets"} <= set(tools), tools
    walls, cpus, in_turn = [], [], 0.0
    for command in commands:
        timed = [run(command["argv"], project, env, range(256))[:2] for _ in range(2)]
        wall, cpu = min(one[0] for one in timed), min(one[1] for one in timed)
        walls.append(wall)
        cpus.append(cpu)
        in_turn += wall * (5 if command["gate"] == "tests" else 1)
    least = max(max(walls), sum(cpus) / 2)
    figure("1A to 2B: wall time", f"{ours:.2f} s", f"<= {1.15 * least:.2f} s (1.15 x {least:.2f} s, "
           f"{len(commands)} commands)", ours <= 1.15 * least)
    figure("1A to 2B: against one after another", f"{in_turn / ours:.1f} x", f">= 3 x ({in_turn:.2f} s, the tests "
           "five times)", in_turn >= 3 * ours)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    BINARY, WORK, SAMPLE = (os.path.abspath(argument) for argument in sys.argv[1:])
    start()
    speed()
    overhead(SAMPLE)
    whole_line(SAMPLE)
    ten_times()
    sys.exit(1 if missed else 0)
