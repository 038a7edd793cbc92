"""Prints the packages of this environment as JSON: {name: version}."""
import importlib.metadata
import json

packages = {}
for dist in importlib.metadata.distributions():
    name = dist.metadata["Name"]
    if name:
        packages.setdefault(name, dist.version)
print(json.dumps(packages, sort_keys=True))
