"""Runs pytest once under coverage and writes the reports in the same process. Exits as pytest does.

One argument: JSON {mode, branch, data, xml, html, reruns, pytest}. Mode "coverage" is `coverage run -m pytest`
and the reports after it; mode "pytest-cov" leaves the measuring to the project's own pytest-cov.
"""
import builtins
import glob
import io
import json
import os
import subprocess
import sys
import types

ORDER = json.loads(sys.argv[1])
PID = os.getpid()
ROOT = os.getcwd()
# What the reports need and tests are known to patch and to leave patched.
GUARDED = (
    "builtins", "io", "os", "posixpath", "genericpath", "glob", "shutil", "tempfile", "time", "json",
    "hashlib", "sqlite3", "subprocess", "re", "xml.dom.minidom", "datetime", "platform", "locale",
)


class Reruns:
    """Notes every test that a plugin ran again (pytest-rerunfailures, pytest-retry, flaky).

    PYTEST_DONT_REWRITE: there are no assertions here. Lives in the controller alone, also under xdist.
    """

    def __init__(self, path):
        self.path = path
        self.again = {}  # ids in order
        self.failed = set()
        self.ends = {}  # of each test; pytest's JUnit writer makes a case at each, and a passed one of a retried try
        # Kept from before the tests: pytest's JUnit writer and this plugin need what a test may leave patched.
        self.kept = [(module, dict(vars(module))) for module in (builtins, io)]
        self.getpid = os.getpid

    def pytest_runtest_logreport(self, report):
        if report.outcome in ("rerun", "retried"):
            self.again[report.nodeid] = True
        elif report.outcome == "failed":
            self.failed.add(report.nodeid)
        if report.when == "teardown":
            self.ends[report.nodeid] = self.ends.get(report.nodeid, 0) + 1

    def pytest_runtest_teardown(self, item):
        # `flaky` reports a test's last run only; what earlier runs came to is left on the test item.
        runs, passes = (getattr(item, "_flaky_current_" + name, 0) or 0 for name in ("runs", "passes"))
        if runs > passes:
            self.again[item.nodeid] = True

    def pytest_sessionfinish(self, session):
        if self.getpid() != PID:
            return
        for module, names in self.kept:
            vars(module).update(names)
        if self.again:
            with open(self.path, "w", encoding="utf-8") as file:
                for test in self.again:
                    outcome = "failed" if test in self.failed else "flaky"
                    extra = max(0, self.ends.get(test, 0) - 1)
                    file.write(json.dumps({"id": test, "outcome": outcome, "extra_cases": extra}) + "\n")


def as_module(plugin):
    """The plugin under a name that `-p` finds: `coverage run -m pytest` has no other door for an object."""
    module = types.ModuleType("qte_pytest", Reruns.__doc__)
    for name in dir(plugin):
        if name.startswith("pytest_"):
            setattr(module, name, getattr(plugin, name))
    sys.modules["qte_pytest"] = module


def remove_old():
    """Data of an earlier run is not evidence of this one."""
    data = ORDER["data"]
    for path in [data, *glob.glob(glob.escape(data) + ".*"), ORDER["xml"], ORDER["reruns"]]:
        if os.path.lexists(path):
            os.remove(path)


def remember():
    modules = {name: sys.modules[name] for name in GUARDED if name in sys.modules}
    return {
        "vars": [(module, dict(vars(module))) for module in modules.values()],
        "path": list(sys.path), "argv": list(sys.argv), "meta_path": list(sys.meta_path),
        "coverage": {k: v for k, v in sys.modules.items() if k in modules or k.split(".")[0] == "coverage"},
        "environ": dict(os.environ), "open": open, "chdir": os.chdir,
    }


def restore(before):
    """Back to what was before the tests, whatever they left: directory, patched functions, closed streams."""
    for module, names in before["vars"]:
        vars(module).update(names)
    before["chdir"](ROOT)
    sys.path[:], sys.argv[:], sys.meta_path[:] = before["path"], before["argv"], before["meta_path"]
    sys.modules.update(before["coverage"])
    os.environ.clear()
    os.environ.update(before["environ"])
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed or stream is not getattr(sys, "__%s__" % name):
            original = getattr(sys, "__%s__" % name)
            usable = original is not None and not original.closed
            setattr(sys, name, original if usable else open(os.devnull, "w"))


def whole(path):
    """Whether the XML report is there to its last tag."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64))
            return file.read().rstrip().endswith(b"</coverage>")
    except OSError:
        return False


def report_commands():
    commands = []
    if glob.glob(glob.escape(ORDER["data"]) + ".*"):
        # parallel = true, or processes of the tests that measured themselves
        append = ["--append"] if os.path.exists(ORDER["data"]) else []
        commands.append(["combine", *append])
    # A threshold of the project must not decide here: qte-ci judges.
    commands.append(["xml", "--fail-under=0", "-o", ORDER["xml"]])
    commands.append(["html", "--fail-under=0", "-d", ORDER["html"]])
    return commands


def write_reports(main, before):
    try:
        restore(before)
        for command in report_commands():
            main(command)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # tests may leave anything behind; a fresh process is the way out
        sys.stderr.write("qte-ci: reports in this process failed: %r\n" % (error,))
    if whole(ORDER["xml"]):
        return
    if not glob.glob(glob.escape(ORDER["data"]) + "*"):
        sys.stderr.write("qte-ci: no coverage data was written: no coverage report\n")
        return
    sys.stderr.write("qte-ci: writing the coverage reports in a fresh process\n")
    for command in report_commands():
        subprocess.call([sys.executable, "-m", "coverage", *command], cwd=ROOT)


def under_coverage(plugin):
    from coverage.cmdline import main

    as_module(plugin)
    before = remember()
    branch = ["--branch"] if ORDER["branch"] else []
    status = main(["run", *branch, "-m", "pytest", "-p", "qte_pytest", *ORDER["pytest"]])
    if os.getpid() == PID:  # a forked child of a test that came back up to here reports nothing
        write_reports(main, before)
    return status


def under_pytest_cov(plugin):
    import pytest

    return pytest.main(ORDER["pytest"], plugins=[plugin])


if sys.path[0] == "":
    sys.path[0] = ROOT  # as `python -m pytest` has it; the empty string of `-c` would follow os.chdir
remove_old()
# As pytest.hookimpl(tryfirst=True) marks it; importing pytest here would come before the measuring.
Reruns.pytest_sessionfinish.pytest_impl = {"tryfirst": True}
run = under_coverage if ORDER["mode"] == "coverage" else under_pytest_cov
status = run(Reruns(ORDER["reruns"]))
sys.exit(int(status) if isinstance(status, int) else status)
