from yobu.fleet import failure, report

COLD = report.Measured(duration_ms=1.234, memory_mb=128, max_memory_mb=45, init_ms=120.0)
WARM = report.Measured(duration_ms=2.0, memory_mb=128, max_memory_mb=45)


def test_a_cold_start_is_reported_and_billed() -> None:
    assert report.report("id", COLD) == (
        "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 122 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 45 MB\tInit Duration: 120.00 ms\t"
    )


def test_a_warm_start_is_billed_in_whole_milliseconds() -> None:
    assert WARM.billed_ms == 2
    assert report.Measured(duration_ms=0.0, memory_mb=128, max_memory_mb=1).billed_ms == 1
    assert "Billed Duration: 2 ms" in report.report("id", WARM)


def test_a_failure_stands_at_the_end() -> None:
    assert report.report("id", WARM, "timeout").endswith("\tStatus: timeout")
    assert report.report("id", WARM, "Runtime.ExitError").endswith("\tStatus: error\tError Type: Runtime.ExitError")


def test_an_initialisation_that_failed() -> None:
    assert report.init_report(10_000.5, "init", "timeout") == (
        "INIT_REPORT Init Duration: 10000.50 ms\tPhase: init\tStatus: timeout"
    )


def test_stream_names_carry_the_day_and_the_version() -> None:
    assert report.stream_name(1_700_000_000.0, "7", "ab") == "2023/11/14/[7]ab"


class TestFailure:
    def test_a_timeout(self) -> None:
        late = failure.timed_out(3)
        assert late.body("id") == (
            b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}'
        )
        assert late.lines("id", "2026-11-25T01:02:03.456Z") == (
            "2026-11-25T01:02:03.456Z id Task timed out after 3.00 seconds",
            "",
        )

    def test_an_exit(self) -> None:
        assert failure.exited(0).reason == "Runtime exited without providing a reason"
        assert failure.exited(3).reason == "Runtime exited with error: exit status 3"
        assert failure.exited(-9).reason == "Runtime exited with error: signal: killed"
        assert failure.exited(-11).reason == "Runtime exited with error: signal: segmentation fault"
        assert failure.exited(-64).reason == "Runtime exited with error: signal: signal 64"
        assert failure.exited(3).lines("id", "") == (
            "RequestId: id Error: Runtime exited with error: exit status 3",
            "Runtime.ExitError",
        )

    def test_out_of_memory(self) -> None:
        assert failure.out_of_memory().body("id") == (
            b'{"errorType":"Runtime.OutOfMemory",'
            b'"errorMessage":"RequestId: id Error: Runtime exited with error: signal: killed"}'
        )

    def test_a_response_over_the_limit(self) -> None:
        assert failure.too_large().body("id") == (
            b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
            b'"errorType":"Function.ResponseSizeTooLarge"}'
        )

    def test_reports_name_only_error_types_of_lambdas_own(self) -> None:
        assert failure.not_loaded("Runtime.ImportModuleError", b"{}").status == "Runtime.ImportModuleError"
        assert failure.not_loaded("ValueError", b"{}").status == "Runtime.Unknown"
        assert failure.raised("ValueError", b"{}").status is None


def test_the_first_line_names_the_runtime_as_the_functions_configuration_does() -> None:
    arn = report.runtime_version_arn("python3.12", "us-east-1")
    assert arn.startswith("arn:aws:lambda:us-east-1::runtime:") and len(arn.rpartition(":")[2]) == 64
    line = f"INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: {arn}"
    assert report.init_start("python3.12", "us-east-1") == line
    assert report.runtime_version("nodejs22.x") == "nodejs:22.v1"
