from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from yobu.base.log import Stream

SILENT_END = """
import logging, sys
from yobu.base import log
log.configure()
log.logger("test").info("first")
sys.stdin.readline()
for _ in range(3):
    log.logger("test").info("nobody reads this")
"""


def test_a_reader_that_goes_away_ends_the_log_and_nothing_else() -> None:
    command = [sys.executable, "-c", SILENT_END]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline().endswith("first\n")
        process.stdout.close()
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_other_failures_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stream:
        handler = Stream(stream)
        handler.handle(logging.LogRecord("test", logging.INFO, "", 0, "%d", ("no number",), None))
    assert "TypeError" in capsys.readouterr().err
