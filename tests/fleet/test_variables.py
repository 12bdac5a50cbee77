from pathlib import Path

import pytest

from yobu.fleet.port import FunctionSpec, Keys
from yobu.fleet.variables import MARK, RESERVED, Place, build

PLACE = Place(
    "/run/environments/e1", "/run/environments/e1/tmp", "/run/cache", "/group", "stream", "http://127.0.0.1:1"
)
LANGUAGE = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.11", "LAMBDA_RUNTIME_DIR": "/runtime", "PATH": "/bin"}


def variables(**own: str) -> dict[str, str]:
    spec = FunctionSpec(
        arn="arn",
        account="1",
        region="eu-west-1",
        name="job",
        version="7",
        revision="r",
        runtime="python3.11",
        handler="app.handler",
        code=Path("/code"),
        role="role",
        memory_mb=256,
        environment=own,
    )
    return build(spec, Keys("key", "secret", "token"), LANGUAGE, PLACE)


def test_what_lambda_documents_is_there() -> None:
    found = variables()
    expected = {
        "_HANDLER": "app.handler",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_NAME": "job",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/group",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LAMBDA_TASK_ROOT": "/code",
        "LAMBDA_RUNTIME_DIR": "/runtime",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "TMPDIR": "/run/environments/e1/tmp",
        MARK: "/run/environments/e1",
    }
    assert expected.items() <= found.items()


def test_nothing_of_the_nodes_own_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/node")
    monkeypatch.setenv("AWS_PROFILE", "owner")
    assert not {"PYTHONPATH", "AWS_PROFILE", "VIRTUAL_ENV", "USER"} & set(variables())


def test_the_functions_own_win_over_defaults() -> None:
    found = variables(AWS_ENDPOINT_URL="http://elsewhere", PATH="/own", TZ="Europe/Berlin", STAGE="test")
    assert found["AWS_ENDPOINT_URL"] == "http://elsewhere"
    assert found["PATH"] == "/own"
    assert found["TZ"] == "Europe/Berlin"
    assert found["STAGE"] == "test"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_ones_are_lambdas(name: str) -> None:
    assert variables(**{name: "mine"}).get(name) != "mine"


def test_the_mark_cannot_be_taken_off() -> None:
    assert variables(**{MARK: "none"})[MARK] == "/run/environments/e1"
