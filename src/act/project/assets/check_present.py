"""Says whether this interpreter already has what a project declares. Arguments: requirement strings.

Prints JSON {"missing": [...], "packages": {name: version}}; `missing` names what is not there, or not in the declared
version, at any depth. Without the packaging library (pip brings one) nothing can be told: all is missing.
"""
import importlib.metadata
import json
import sys

try:
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:
    try:
        from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        print(json.dumps({"missing": sys.argv[1:], "packages": {}}))
        sys.exit(0)

missing, packages, seen = [], {}, set()


def applies(requirement, extras):
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""}))


def check(text, extras=frozenset()):
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        missing.append(text)
        return
    if not applies(requirement, extras) or (requirement.name.lower(), frozenset(requirement.extras)) in seen:
        return
    seen.add((requirement.name.lower(), frozenset(requirement.extras)))
    try:
        found = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        missing.append(text)
        return
    if requirement.url or not requirement.specifier.contains(found.version, prereleases=True):
        missing.append("%s (found %s)" % (text, found.version))
        return
    packages[found.metadata["Name"] or requirement.name] = found.version
    for further in found.requires or []:
        check(further, frozenset(requirement.extras) | {""})


for argument in sys.argv[1:]:
    check(argument)
print(json.dumps({"missing": missing, "packages": packages}))
