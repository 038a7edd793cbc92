"""The command line, and the real process stopped by a signal."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from shop.cli import STOP_SIGNALS, main, parse


def test_flags_win_over_the_environment() -> None:
    environment = {"SHOP_PORT": "81", "SHOP_RELEASE": "from-env"}
    assert (parse([], environment).port, parse([], environment).release) == (81, "from-env")
    assert parse(["--port", "82", "--release", "r2"], environment).port == 82
    assert parse([], {}).release == "dev"


def test_wrong_settings_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for flag, value in {
        "port": "65536",
        "release": "a\nb",
        "fail-percent": "101",
        "delay-ms": "-1",
    }.items():
        with pytest.raises(SystemExit) as stopped:
            parse([f"--{flag}", value], {})
        assert stopped.value.code == 2
        assert f"{flag} must be" in capsys.readouterr().err


def test_port_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "cannot listen" in capsys.readouterr().err


def test_main_stops_by_signal(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        # Pending until `main` waits for it.
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        assert main(["--port", "0", "--release", "r3"]) == 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert "shop r3 on http://127.0.0.1:" in capsys.readouterr().out


def test_sigterm_of_the_process_answers_first_and_exits_0() -> None:
    source = Path(__file__).parent.parent / "src"
    process = subprocess.Popen(
        [sys.executable, "-m", "shop", "--port", "0", "--release", "r4", "--delay-ms", "300"],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        said = re.search(r"http://\S+", process.stdout.readline())
        assert said is not None
        threading.Timer(0.1, process.terminate).start()
        with urllib.request.urlopen(f"{said[0]}/version", timeout=5) as answer:
            assert answer.headers["X-Release"] == "r4"
        try:
            assert process.wait(timeout=5) == 0
        finally:
            process.kill()
