"""A reset under load: the node is empty afterwards and stays so, and nothing breaks."""

from __future__ import annotations

import threading

from tests.journeys.crash import FUNCTION, Acknowledged, deploy, writers
from tests.journeys.running import RunningNode, eventually

ROUNDS = 3


def test_nothing_of_before_appears_again(own_node: RunningNode) -> None:
    own_node.start()
    for number in range(ROUNDS):
        deploy(own_node)
        acked, over = Acknowledged(), threading.Event()
        load = writers(own_node, str(number), number, acked, over)
        load += [threading.Thread(target=keep_calling, args=(own_node, over)) for _ in range(2)]
        for writer in load:
            writer.start()
        # The earlier rounds reset while environments still start, the later ones in full work.
        eventually(lambda acked=acked, least=number * 4: len(acked.items) > least, 30)
        own_node.admin("POST", "reset")
        over.wait(0.2)  # what was under way would write by now
        over.set()
        for writer in load:
            writer.join()
        assert contents(own_node) == {}
        eventually(lambda: not own_node.environments())
        assert not [path for path in (own_node.data / "blobs").rglob("*") if path.is_file()]
    log = own_node.log.read_text()
    assert "Traceback" not in log, log
    assert own_node.stop() == 0


def keep_calling(node: RunningNode, over: threading.Event) -> None:
    client = node.client("lambda")
    while not over.is_set():
        try:
            client.invoke(FunctionName=FUNCTION, Payload=b'{"id": "direct"}')
        except Exception:
            over.wait(0.01)  # reset in its middle, or gone


def contents(node: RunningNode) -> dict[str, object]:
    """Everything there is, by what it is."""
    found: dict[str, object] = {
        "buckets": node.client("s3").list_buckets()["Buckets"],
        "tables": node.client("dynamodb").list_tables()["TableNames"],
        "functions": node.client("lambda").list_functions()["Functions"],
        "log groups": node.client("logs").describe_log_groups()["logGroups"],
        "usage": node.admin("GET", "usage")["records"],
        "events in work": node.admin("GET", "status")["events_in_work"],
    }
    return {name: what for name, what in found.items() if what}
