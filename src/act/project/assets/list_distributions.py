"""Prints what is installed for a project, one `name==version` a line. Arguments: the project's manifests.

Left out are the project itself and what only a measured test run brought in, unless the project names it too.
"""
import importlib.metadata
import json
import re
import sys

OURS = {"pip", "setuptools", "wheel", "uv", "pytest", "pytest-cov", "coverage", "pytest-rerunfailures", "tomli"}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


named = set()
for path in sys.argv[1:]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            named.update(plain(word) for word in re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", file.read()))
    except OSError as error:
        sys.exit("%s: %s" % (path, error))

versions, requires, local = {}, {}, set()
for found in importlib.metadata.distributions():
    if not found.metadata["Name"]:
        continue
    name = plain(found.metadata["Name"])
    if name in versions:
        continue
    versions[name] = (found.metadata["Name"], found.version)
    requires[name] = {plain(re.match(r"[A-Za-z0-9._-]+", text.strip()).group()) for text in found.requires or []}
    url = json.loads(found.read_text("direct_url.json") or "{}")
    if "dir_info" in url:
        local.add(name)


def closure(roots):
    todo, seen = list(roots), set()
    while todo:
        name = todo.pop()
        if name in versions and name not in seen:
            seen.add(name)
            todo.extend(requires[name])
    return seen


ours = closure(OURS)
wanted = closure(name for name in versions if name not in ours or name in named) - local
for name in sorted(wanted):
    if name not in OURS or name in named or any(name in requires[other] for other in wanted if other not in OURS):
        print("%s==%s" % versions[name])
