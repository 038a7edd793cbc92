#!/usr/bin/env python3
"""Writes the inputs of the speed figures: generate.py KIND OUT [SCALE], and prints as JSON what is in them.

Kinds: cobertura, lcov, jacoco and clover (2,000 files x 500 lines, times SCALE), junit (200,000 cases, times SCALE),
trx (40,000 of them), gotest (`go test -json` of 50,000 tests, times SCALE), sarif (100,000 results, times SCALE),
repository (a git repository with those
files, its Cobertura report, a last commit that changes 10,000 lines, times SCALE). The same arguments always give the
same bytes. The counts are made while writing, from the random rows alone: what a reader must find.
"""

import json
import os
import random
import subprocess
import sys

FILES, LINES, CASES, GO_TESTS, RESULTS = 2_000, 500, 200_000, 50_000, 100_000
# One file in ten is changed, in each of these 50 lines.
CHANGED = [7 * n for n in range(50)]


def path_of(number):
    return f"src/package_{number // 100:03d}/module_{number % 100:02d}.py"


def rows(scale):
    """One list a file: (hits, branches taken of two or None) a line."""
    rng = random.Random(1)
    for _ in range(FILES * scale):
        row = []
        for _ in range(LINES):
            hits = 0 if rng.random() < 0.12 else 1 + int(rng.random() * 9_998)
            taken = int(rng.random() * 3) if rng.random() < 0.03 else None
            row.append((hits, taken if hits else None if taken is None else 0))
        yield row


class Counts:
    """What the rows hold, in the words of `qte-ci read --json`."""

    def __init__(self):
        self.covered = self.total = self.taken = self.branches = self.files = 0

    def add(self, row):
        self.files += 1
        self.total += len(row)
        self.covered += sum(1 for hits, _ in row if hits)
        branches = [taken for _, taken in row if taken is not None]
        self.branches += 2 * len(branches)
        self.taken += sum(branches)

    def shown(self):
        return {"lines_covered": self.covered, "lines_total": self.total, "branches_covered": self.taken,
                "branches_total": self.branches, "files": self.files}


def cobertura_line(number, hits, taken):
    branch = "" if taken is None else f' branch="true" condition-coverage="{50 * taken}% ({taken}/2)"'
    missing = f' missing-branches="{number + 2}"' if taken is not None and taken < 2 else ""
    return f'\t\t\t\t\t\t<line number="{number}" hits="{hits}"{branch}{missing}/>\n'


def cobertura_head(counts):
    line_rate, branch_rate = counts.covered / counts.total, counts.taken / counts.branches
    return ('<?xml version="1.0" ?>\n'
            f'<coverage version="7.17.3" timestamp="1795508529692" lines-valid="{counts.total}" '
            f'lines-covered="{counts.covered}" line-rate="{line_rate:.4f}" branches-valid="{counts.branches}" '
            f'branches-covered="{counts.taken}" branch-rate="{branch_rate:.4f}" complexity="0">\n'
            "\t<sources>\n\t\t<source>/w/project</source>\n\t</sources>\n\t<packages>\n")


def cobertura(out, scale):
    counts = Counts()
    for row in rows(scale):
        counts.add(row)
    with open(out, "w", encoding="utf-8") as f:
        f.write(cobertura_head(counts))
        for number, row in enumerate(rows(scale)):
            name = path_of(number)
            f.write(f'\t\t<package name="p{number}" line-rate="0.9" branch-rate="0" complexity="0">\n\t\t\t<classes>\n'
                    f'\t\t\t\t<class name="{os.path.basename(name)}" filename="{name}" complexity="0" '
                    'line-rate="0.9" branch-rate="0">\n\t\t\t\t\t<methods/>\n\t\t\t\t\t<lines>\n')
            f.write("".join(cobertura_line(n, *line) for n, line in enumerate(row, 1)))
            f.write("\t\t\t\t\t</lines>\n\t\t\t\t</class>\n\t\t\t</classes>\n\t\t</package>\n")
        f.write("\t</packages>\n</coverage>\n")
    return counts.shown()


def counter(kind, missed, covered):
    return f'<counter type="{kind}" missed="{missed}" covered="{covered}"/>' if missed + covered else ""


def counters(counts):
    lines = counter("LINE", counts.total - counts.covered, counts.covered)
    return (counter("INSTRUCTION", 4 * (counts.total - counts.covered), 4 * counts.covered)
            + counter("BRANCH", counts.branches - counts.taken, counts.taken) + lines)


def jacoco_line(number, hits, taken):
    missed, covered = (0, 4) if hits else (4, 0)
    branches = (0, 0) if taken is None else (2 - taken, taken)
    return f'<line nr="{number}" mi="{missed}" ci="{covered}" mb="{branches[0]}" cb="{branches[1]}"/>'


def jacoco(out, scale):
    counts = Counts()
    with open(out, "w", encoding="utf-8") as f:
        f.write('<?xml version="1.0" encoding="UTF-8" standalone="yes"?><!DOCTYPE report PUBLIC '
                '"-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="bench">'
                '<sessioninfo id="host-1" start="1795508529692" dump="1795508530692"/>')
        for number, row in enumerate(rows(scale)):
            counts.add(row)
            one = Counts()
            one.add(row)
            package, name = path_of(number).rsplit("/", 1)
            package, name = f"org/example/{package}", name.replace(".py", ".java")
            f.write(f'<package name="{package}"><class name="{package}/{name[:-5]}" sourcefilename="{name}">')
            for method in range(10):
                f.write(f'<method name="method{method}" desc="(Ljava/lang/String;I)V" line="{50 * method + 1}">'
                        f'{counters(one)}</method>')
            f.write(f'{counters(one)}</class><sourcefile name="{name}">')
            f.write("".join(jacoco_line(n, *line) for n, line in enumerate(row, 1)))
            f.write(f"{counters(one)}</sourcefile>{counters(one)}</package>")
        f.write(f"{counters(counts)}</report>")
    return counts.shown()


def clover_line(number, hits, taken):
    kind = 'type="stmt"' if taken is None else f'type="cond" truecount="{taken}" falsecount="{2 - taken}"'
    return f'        <line num="{number}" count="{hits}" {kind}/>\n'


def clover_metrics(counts):
    return (f'<metrics statements="{counts.total}" coveredstatements="{counts.covered}" '
            f'conditionals="{counts.branches}" coveredconditionals="{counts.taken}"/>\n')


def clover(out, scale):
    counts = Counts()
    for row in rows(scale):
        counts.add(row)
    with open(out, "w", encoding="utf-8") as f:
        f.write('<?xml version="1.0" encoding="UTF-8"?>\n<coverage generated="1795508529692" clover="3.2.0">\n'
                f'  <project timestamp="1795508529692" name="All files">\n    {clover_metrics(counts)}')
        for number, row in enumerate(rows(scale)):
            one = Counts()
            one.add(row)
            path = path_of(number).replace(".py", ".js")
            f.write(f'    <package name="p{number}">\n      <file name="{os.path.basename(path)}" '
                    f'path="/w/project/{path}">\n        {clover_metrics(one)}')
            f.write("".join(clover_line(n, *line) for n, line in enumerate(row, 1)))
            f.write("      </file>\n    </package>\n")
        f.write("  </project>\n</coverage>\n")
    return counts.shown()


def lcov_branches(number, hits, taken):
    ways = ("-", "-") if not hits else tuple("1" if way < taken else "0" for way in range(2))
    return "".join(f"BRDA:{number},0,{way},{was}\n" for way, was in enumerate(ways))


def lcov(out, scale):
    counts = Counts()
    with open(out, "w", encoding="utf-8") as f:
        for number, row in enumerate(rows(scale)):
            counts.add(row)
            one = Counts()
            one.add(row)
            f.write(f"TN:\nSF:{path_of(number)}\n")
            f.write("".join(lcov_branches(n, *line) for n, line in enumerate(row, 1) if line[1] is not None))
            f.write(f"BRF:{one.branches}\nBRH:{one.taken}\n")
            f.write("".join(f"DA:{n},{hits}\n" for n, (hits, _) in enumerate(row, 1)))
            f.write(f"LF:{LINES}\nLH:{one.covered}\nend_of_record\n")
    return counts.shown()


def junit(out, scale):
    rng = random.Random(2)
    cases = CASES * scale
    kinds = "".join("f" if r < 0.022295 else "s" if r < 0.04 else "p" for r in (rng.random() for _ in range(cases)))
    failed, skipped = kinds.count("f"), kinds.count("s")
    with open(out, "w", encoding="utf-8") as f:
        f.write('<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" '
                f'failures="{failed}" skipped="{skipped}" tests="{cases}" time="1234.5">\n')
        for number, kind in enumerate(kinds):
            f.write(f'<testcase classname="tests.unit.package_{number // 1000:04d}.test_module_{number // 50:05d}'
                    f'.TestWhatTheModuleReallyDoes" name="test_case_{number}[parameter-{number % 17}-&lt;x&gt;]" '
                    f'time="0.{number % 1000:03d}"')
            if kind == "p":
                f.write(" />\n")
            elif kind == "s":
                f.write('><skipped type="pytest.skip" message="not on this platform">tests/x.py:1: not here'
                        "</skipped></testcase>\n")
            else:
                f.write('><failure message="AssertionError: assert 1 == 2">def test_case():\n&gt;   assert 1 == 2\n'
                        + "E       assert 1 == 2\n" * 20
                        + f"\ntests/unit/test_module_{number // 50:05d}.py:{number % 400 + 1}: AssertionError"
                        "</failure></testcase>\n")
        f.write("</testsuite></testsuites>\n")
    return {"tests": cases, "passed": cases - failed - skipped, "failed": failed, "errors": 0, "skipped": skipped}


def go_event(number, action, package, test=None, output=None, elapsed=None):
    """One line as go writes it: `<`, `>` and `&` are escaped, and the time has nanoseconds."""
    event = {"Time": f"2026-01-01T00:00:{number // 1_000_000 % 60:02d}.{number * 977 % 10**9:09d}Z", "Action": action,
             "Package": package}
    event |= {"Test": test} if test else {}
    event |= {"Output": output} if output else {}
    event |= {"Elapsed": elapsed} if elapsed is not None else {}
    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def go_test(number, package, kind):
    """The lines of one test: a subtest in four has a name with signs that go escapes."""
    test = f"TestWhatTheModuleReallyDoes{number}" + ("/parameter_<x>&y" if number % 4 == 0 else "")
    word = {"p": "PASS", "f": "FAIL", "s": "SKIP"}[kind]
    lines = [("run", None, None), ("output", f"=== RUN   {test}\n", None)]
    if kind == "f":
        lines += [("output", f"    module_test.go:{number % 400 + 1}: Total({step}) = \"1 < 2\", want é\n", None)
                  for step in range(10)]
    if number % 10 == 0:
        lines += [("output", f"    module_test.go:{number % 400 + 1}: what it tells: step {step}\t\"done\"\n", None)
                  for step in range(4)]
    lines += [("output", f"--- {word}: {test} (0.{number % 100:02d}s)\n", None),
              ({"p": "pass", "f": "fail", "s": "skip"}[kind], None, number % 100 / 100)]
    return "".join(go_event(number * 20 + n, action, package, test, output, elapsed)
                   for n, (action, output, elapsed) in enumerate(lines))


def gotest(out, scale):
    rng = random.Random(3)
    tests = GO_TESTS * scale
    kinds = "".join("f" if r < 0.02 else "s" if r < 0.04 else "p" for r in (rng.random() for _ in range(tests)))
    with open(out, "w", encoding="utf-8") as f:
        for first in range(0, tests, 100):
            package = f"example.org/shop/internal/package_{first // 100:05d}"
            f.write(go_event(first * 20, "start", package))
            f.write("".join(go_test(first + n, package, kind) for n, kind in enumerate(kinds[first:first + 100])))
            red = "f" in kinds[first:first + 100]
            f.write(go_event(first * 20, "output", package, None, "FAIL\n" if red else "PASS\n"))
            f.write(go_event(first * 20, "output", package, None, f"{'FAIL' if red else 'ok  '}\t{package}\t1.234s\n"))
            f.write(go_event(first * 20, "fail" if red else "pass", package, None, None, 1.234))
    failed, skipped = kinds.count("f"), kinds.count("s")
    passed = tests - failed - skipped
    return {"tests": tests, "passed": passed, "failed": failed, "errors": 0, "skipped": skipped, "flaky": 0}


def trx_result(number, kind):
    id, space = f"{number:08x}-0000-4000-8000-000000000000", "Shop.Tests.Package{:03d}.ModuleTests".format(number // 500)
    head = (f'    <UnitTestResult executionId="{id}" testId="{id}" testName="{space}.Case(number: {number}, text: &quot;x'
            f'&quot;)" computerName="HOST" duration="00:00:00.{number % 10_000:07d}" '
            'startTime="2026-11-24T10:00:00.0000000+00:00" endTime="2026-11-24T10:00:00.0000000+00:00" '
            'testType="13cdc9d9-ddb5-4fa4-a97d-d965ccfc6d4b" '
            f'outcome="{dict(p="Passed", f="Failed", s="NotExecuted")[kind]}" '
            f'testListId="8c84fa94-04c1-424b-9868-57a2d4851a1d" relativeResultsDirectory="{id}"')
    if kind != "f":
        return f"{head} />\n"
    frame = f"   at {space}.Case(Int32 number, String text) in C:\\w\\Shop\\ModuleTests.cs:line {number % 400 + 1}&#xD;\n"
    return (f"{head}>\n      <Output>\n        <ErrorInfo>\n          <Message>Assert.Equal() Failure&#xD;\nExpected: 3"
            f"&#xD;\nActual:   2</Message>\n          <StackTrace>{frame * 10}</StackTrace>\n        </ErrorInfo>\n"
            "      </Output>\n    </UnitTestResult>\n")


def trx_definition(number):
    id = f"{number:08x}-0000-4000-8000-000000000000"
    return (f'    <UnitTest name="Case" storage="c:\\w\\shop\\bin\\debug\\net8.0\\shop.tests.dll" id="{id}">\n'
            f'      <Execution id="{id}" />\n      <TestMethod codeBase="C:\\w\\Shop\\bin\\Debug\\net8.0\\Shop.Tests.dll" '
            'adapterTypeName="executor://xunit/VsTestRunner2/netcoreapp" '
            f'className="Shop.Tests.Package{number // 500:03d}.ModuleTests" name="Case" />\n    </UnitTest>\n')


def trx(out, scale):
    rng = random.Random(3)
    cases = 40_000 * scale
    kinds = "".join("f" if r < 0.02 else "s" if r < 0.04 else "p" for r in (rng.random() for _ in range(cases)))
    passed, failed, skipped = (kinds.count(kind) for kind in "pfs")
    with open(out, "w", encoding="utf-8-sig") as f:
        f.write('<?xml version="1.0" encoding="utf-8"?>\n<TestRun id="54e29175-539e-48a3-a634-3a1855a0ed38" name="bench" '
                'xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">\n  <Results>\n')
        f.writelines(trx_result(number, kind) for number, kind in enumerate(kinds))
        f.write("  </Results>\n  <TestDefinitions>\n")
        f.writelines(trx_definition(number) for number in range(cases))
        f.write('  </TestDefinitions>\n  <ResultSummary outcome="Failed">\n'
                f'    <Counters total="{cases}" executed="{passed + failed}" passed="{passed}" failed="{failed}" '
                'error="0" timeout="0" aborted="0" notExecuted="0" />\n  </ResultSummary>\n</TestRun>\n')
    return {"tests": cases, "passed": passed, "failed": failed, "errors": 0, "skipped": skipped}


def sarif_result(number, level):
    """As analysers write one: the rule, its index, a message, a place, a fingerprint; one in fifty is suppressed."""
    path, line = path_of(number % FILES), 1 + number % LINES
    result = {
        "ruleId": f"py/rule-{number % 40}", "level": level,
        "message": {"text": f"Value {number} is not checked."},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": path, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line, "startColumn": 5, "endLine": line, "endColumn": 31}}}],
        "partialFingerprints": {"primaryLocationLineHash": f"{number * 2654435761 % 2**64:016x}:1"},
    }
    if number % 50 == 0:
        result["suppressions"] = [{"kind": "inSource"}]
    return result


def sarif(out, scale):
    by_level, suppressed, total = {"error": 0, "warning": 0, "note": 0}, 0, RESULTS * scale
    rules = [{"id": f"py/rule-{n}", "shortDescription": {"text": f"Rule {n}"}} for n in range(40)]
    driver = {"name": "analyser", "version": "2.1", "rules": rules}
    with open(out, "w", encoding="utf-8") as f:
        f.write('{"version":"2.1.0","runs":[{"tool":' + json.dumps({"driver": driver})
                + ',"invocations":[{"executionSuccessful":true}],"results":[')
        for number in range(total):
            level = ("error", "warning", "warning", "note")[number % 4]
            by_level[level] += 1
            suppressed += number % 50 == 0
            f.write(("," if number else "") + json.dumps(sarif_result(number, level), separators=(",", ":")))
        f.write("]}]}\n")
    return {"findings": total, "suppressed": suppressed, "by_level": by_level, "unmeasured": []}


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.org",
                    "-c", "commit.gpgsign=false", "-c", "gc.auto=0", *arguments],
                   check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
                        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"})


def write_module(path, changed):
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(f"value_{n} = {n}{' + 1' if n in changed else ''}\n" for n in range(LINES)))


def repository(out, scale):
    names = [os.path.join(out, path_of(number)) for number in range(FILES * scale)]
    for name in names:
        os.makedirs(os.path.dirname(name), exist_ok=True)
        write_module(name, ())
    with open(os.path.join(out, ".gitignore"), "w", encoding="utf-8") as f:
        f.write("qte-*\n*.xml\n")
    git(out, "init", "-q", "-b", "main")
    git(out, "add", "-A")
    git(out, "commit", "-q", "-m", "base")
    for name in names[::10]:
        write_module(name, CHANGED)
    git(out, "commit", "-q", "-a", "-m", "change")
    counts = cobertura(os.path.join(out, "coverage.xml"), scale)
    changed = [row[n][0] for row in list_every(rows(scale), 10) for n in CHANGED]
    return {**counts, "changed_covered": sum(1 for hits in changed if hits), "changed_total": len(changed)}


def list_every(items, step):
    return (item for number, item in enumerate(items) if number % step == 0)


if __name__ == "__main__":
    KINDS = {"cobertura": cobertura, "lcov": lcov, "jacoco": jacoco, "clover": clover, "junit": junit, "trx": trx,
             "gotest": gotest, "sarif": sarif, "repository": repository}
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    print(json.dumps(KINDS[sys.argv[1]](sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 1)))
