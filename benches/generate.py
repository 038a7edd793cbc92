#!/usr/bin/env python3
"""Writes the inputs of the speed figures: generate.py KIND OUT [SCALE].

Kinds: cobertura and lcov (2,000 files x 500 lines, times SCALE), junit (200,000 cases, times SCALE),
repository (a git repository with those 2,000 files, a change of 10,000 lines and its Cobertura report).
The same arguments always give the same bytes.
"""

import os
import random
import subprocess
import sys

FILES, LINES, CASES, CHANGED = 2_000, 500, 200_000, 10_000


def path_of(number):
    return f"src/package_{number // 100:03d}/module_{number % 100:02d}.py"


def hits(rng):
    return 0 if rng.random() < 0.12 else rng.randrange(1, 9_999)


def cobertura(out, scale):
    rng = random.Random(1)
    files = FILES * scale
    rows = [[hits(rng) for _ in range(LINES)] for _ in range(files)]
    covered = sum(1 for row in rows for h in row if h)
    with open(out, "w", encoding="utf-8") as f:
        f.write('<?xml version="1.0" ?>\n')
        f.write(f'<coverage version="7.17.3" timestamp="1795508529692" lines-valid="{files * LINES}" '
                f'lines-covered="{covered}" line-rate="0.88" branches-valid="0" branches-covered="0" '
                'branch-rate="0" complexity="0">\n\t<sources>\n\t\t<source>/w/project</source>\n\t</sources>\n\t<packages>\n')
        for number, row in enumerate(rows):
            name = path_of(number)
            f.write(f'\t\t<package name="p{number}" line-rate="0.9" branch-rate="0" complexity="0">\n\t\t\t<classes>\n'
                    f'\t\t\t\t<class name="{os.path.basename(name)}" filename="{name}" complexity="0" '
                    'line-rate="0.9" branch-rate="0">\n\t\t\t\t\t<methods/>\n\t\t\t\t\t<lines>\n')
            f.write("".join(f'\t\t\t\t\t\t<line number="{n}" hits="{h}"/>\n' for n, h in enumerate(row, 1)))
            f.write("\t\t\t\t\t</lines>\n\t\t\t\t</class>\n\t\t\t</classes>\n\t\t</package>\n")
        f.write("\t</packages>\n</coverage>\n")


def lcov(out, scale):
    rng = random.Random(1)
    with open(out, "w", encoding="utf-8") as f:
        for number in range(FILES * scale):
            row = [hits(rng) for _ in range(LINES)]
            f.write(f"TN:\nSF:{path_of(number)}\n")
            f.write("".join(f"DA:{n},{h}\n" for n, h in enumerate(row, 1)))
            f.write(f"LF:{LINES}\nLH:{sum(1 for h in row if h)}\nend_of_record\n")


def junit(out, scale):
    rng = random.Random(2)
    cases = CASES * scale
    kinds = ["f" if r < 0.022295 else "s" if r < 0.04 else "p" for r in (rng.random() for _ in range(cases))]
    with open(out, "w", encoding="utf-8") as f:
        f.write('<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" '
                f'failures="{kinds.count("f")}" skipped="{kinds.count("s")}" tests="{cases}" time="1234.5">\n')
        for number, kind in enumerate(kinds):
            f.write(f'<testcase classname="tests.unit.package_{number // 1000:03d}.test_module_{number // 50:05d}.TestCase" '
                    f'name="test_case_{number}[parameter-{number % 17}-&lt;x&gt;]" time="0.{number % 1000:03d}"')
            if kind == "p":
                f.write(" />\n")
            elif kind == "s":
                f.write('><skipped type="pytest.skip" message="not on this platform">tests/x.py:1: not here</skipped></testcase>\n')
            else:
                f.write('><failure message="AssertionError: assert 1 == 2">def test_case():\n&gt;       assert 1 == 2\n'
                        + "E       assert 1 == 2\n" * 20
                        + f"\ntests/unit/test_module_{number // 50:05d}.py:{number % 400 + 1}: AssertionError</failure></testcase>\n")
        f.write("</testsuite></testsuites>\n")


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.org",
                    "-c", "commit.gpgsign=false", *arguments], check=True, stdout=subprocess.DEVNULL)


def repository(out, scale):
    os.makedirs(out)
    git(out, "init", "-q", "-b", "main")
    for number in range(FILES * scale):
        name = os.path.join(out, path_of(number))
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "w", encoding="utf-8") as f:
            f.write("".join(f"value_{n} = {n}\n" for n in range(LINES)))
    with open(os.path.join(out, ".gitignore"), "w", encoding="utf-8") as f:
        f.write("qte-*\ncoverage.xml\n")
    git(out, "add", "-A")
    git(out, "commit", "-q", "-m", "base")
    per_file = CHANGED // 200
    for number in range(0, FILES, FILES // 200):
        name = os.path.join(out, path_of(number))
        with open(name, encoding="utf-8") as f:
            lines = f.readlines()
        for n in range(per_file):
            lines[n * 7] = f"value_{n} = {n} + 1\n"
        with open(name, "w", encoding="utf-8") as f:
            f.writelines(lines)
    git(out, "commit", "-q", "-a", "-m", "change")
    cobertura(os.path.join(out, "coverage.xml"), scale)


if __name__ == "__main__":
    kinds = {"cobertura": cobertura, "lcov": lcov, "junit": junit, "repository": repository}
    if len(sys.argv) < 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    kinds[sys.argv[1]](sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
