"""Prints as JSON what this interpreter is and which makers of environments it has. Runs under any Python 3."""
import importlib.util
import json
import sys


def has_ensurepip():
    # Debian ships the package `ensurepip` apart (python3-venv); a stub may remain, so its wheel is asked for.
    try:
        import ensurepip
        return bool(ensurepip.version())
    except Exception:
        return False


print(json.dumps({
    "executable": sys.executable,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "ensurepip": has_ensurepip(),
    "virtualenv": importlib.util.find_spec("virtualenv") is not None,
}))
