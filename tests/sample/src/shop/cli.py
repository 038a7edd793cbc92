"""The command line: flags and environment to settings, signals to a stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from shop.server import Server, Settings

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def parse(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Settings:
    """Flags win over the environment; what is wrong ends with 2 and a reason."""
    parser = argparse.ArgumentParser(prog="shop", description="A small price service.")
    # A default given as text is checked by `type` like a flag.
    parser.add_argument(
        "--port",
        type=int,
        default=environment.get("SHOP_PORT", "8000"),
        help="0 for any free one (default: SHOP_PORT, or 8000)",
    )
    parser.add_argument(
        "--release",
        default=environment.get("SHOP_RELEASE", "dev"),
        help="what X-Release says (default: SHOP_RELEASE, or dev)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--fail-percent", type=float, default=0.0, help="answer so many with 500")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="answer so much later")
    flags = parser.parse_args(arguments)
    try:
        return Settings(**vars(flags))
    except ValueError as wrong:
        parser.error(str(wrong))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 when all that had begun was answered."""
    settings = parse(arguments, os.environ)
    try:
        server = Server(settings)
    except OSError as error:
        print(f"shop: cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    # Blocked before there are threads: the signal waits for `sigwait` and goes nowhere else.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    server.start()
    print(f"shop {settings.release} on http://{settings.host}:{server.port}", flush=True)
    signal.sigwait(STOP_SIGNALS)
    server.stop()
    return 0
