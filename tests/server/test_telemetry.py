"""What the port call counts."""

from __future__ import annotations

from yobu.server.telemetry import Telemetry


def test_calls_are_tallied_by_operation():
    telemetry = Telemetry()
    for status, seconds in ((200, 0.001), (404, 0.002), (503, 0.006)):
        telemetry.record("s3", "GetObject", status, seconds)
    telemetry.record("lambda", "Invoke", 200, 0.0105)
    assert telemetry.stats() == {
        "lambda:Invoke": {"calls": 1, "client_errors": 0, "server_errors": 0, "mean_ms": 10.5, "max_ms": 10.5},
        "s3:GetObject": {"calls": 3, "client_errors": 1, "server_errors": 1, "mean_ms": 3.0, "max_ms": 6.0},
    }
    telemetry.reset()
    assert telemetry.stats() == {}
