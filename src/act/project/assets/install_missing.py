"""Installs those of the given pinned requirements whose package this environment lacks.

Arguments: path of uv or an empty string for pip, then NAME==VERSION... The project's own choice is never changed.
"""
import importlib.metadata
import os
import sys


def lacks(requirement):
    try:
        importlib.metadata.version(requirement.split("==")[0])
    except importlib.metadata.PackageNotFoundError:
        return True
    return False


uv, wanted = sys.argv[1], sys.argv[2:]
missing = [requirement for requirement in wanted if lacks(requirement)]
if missing:
    print("not declared by the project, installed by qte-ci: " + ", ".join(missing), flush=True)
    if uv:
        os.execv(uv, [uv, "pip", "install", "--python", sys.executable, *missing])
    pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    os.execv(sys.executable, [sys.executable, *pip, *missing])
