"""What environments leave behind, with the node alive, and with it killed."""

import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yobu.fleet import sweep


class TestDaemons:
    """A function may leave its process group behind; nothing of it stays when its environment ends."""

    DAEMON = """
        import os, subprocess, sys
        def handler(event, context):
            read, write = os.pipe()
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.write(write, str(os.getpid()).encode())
                    os.execvp("sleep", ["sleep", "60"])
                os._exit(0)
            os.wait()
            child = subprocess.Popen(["sleep", "60"])
            return {"daemon": int(os.read(read, 20)), "child": child.pid, "self": os.getpid()}
    """

    async def test_end_with_their_environment(self, bench: Any, gone: Any) -> None:
        pids = await bench.value(bench.function(self.DAEMON))
        bench.fleet.reset()
        assert await gone(*pids.values())

    async def test_of_a_killed_node(self, tmp_path: Path, make_bench: Callable[..., Any], gone: Any) -> None:
        bench = make_bench()
        spec = bench.function(self.DAEMON)
        script = tmp_path / "node.py"
        script.write_text(NODE.format(tests=Path(__file__).parent, folder=str(tmp_path), code=str(spec.code)))
        node = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
        assert node.stdout is not None
        pids = json.loads(node.stdout.readline())
        node.kill()
        node.wait()
        node.stdout.close()
        # The environment and its process group go with the node; a daemon lives until the next start.
        assert await gone(pids["self"], pids["child"], pids["spinner"])
        folders = list((tmp_path / "run" / "environments").iterdir())
        assert len(folders) == 2
        await bench.fleet.start()
        assert await gone(pids["daemon"])
        assert not list((tmp_path / "run" / "environments").iterdir())
        await bench.fleet.stop(1)

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="calls the kernel by a number of that machine")
    async def test_of_a_killed_node_whose_threads_end_one_by_one(
        self, tmp_path: Path, make_bench: Callable[..., Any], gone: Any
    ) -> None:
        """As where a thread waits for the disk: the main thread has ended, the node's files are still open."""
        spec = make_bench().function(self.DAEMON)
        script = tmp_path / "node.py"
        script.write_text(NODE.format(tests=Path(__file__).parent, folder=str(tmp_path), code=str(spec.code)))
        command = [sys.executable, str(script), "thread by thread"]
        node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert node.stdin is not None and node.stdout is not None
        pids = json.loads(node.stdout.readline())
        node.stdin.close()
        while (Path("/proc") / str(node.pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
            await asyncio.sleep(0.005)
        os.kill(pids["daemon"], signal.SIGKILL)  # it has inherited what lets the kernel tell the group
        assert await gone(pids["daemon"])
        node.kill()
        node.wait()
        node.stdout.close()
        assert await gone(*pids.values())


NODE = """
import asyncio, ctypes, importlib.util, json, sys, threading
from pathlib import Path
found = importlib.util.spec_from_file_location("bench", "{tests}/conftest.py")
bench_module = importlib.util.module_from_spec(found)
sys.modules["bench"] = bench_module
found.loader.exec_module(bench_module)
from dataclasses import replace

async def main():
    bench = bench_module.Bench(Path("{folder}"))
    await bench.fleet.start()
    spin = "import os\\ndef handler(event, context):\\n    print(os.getpid())\\n    while True: pass"
    spinner = asyncio.create_task(bench.call(bench.function(spin)))
    while not (lines := [line for line in bench.lines.all if line.isdigit()]):
        await asyncio.sleep(0.01)
    daemons = replace(bench.function(""), code=Path("{code}"))
    print(json.dumps({{"spinner": int(lines[0]), **await bench.value(daemons)}}), flush=True)
    if sys.argv[1:]:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        sys.stdin.read()
        ctypes.CDLL(None).syscall(60, 0)  # SYS_exit: this thread alone
    await asyncio.sleep(60)

asyncio.run(main())
"""


class TestSweep:
    def test_spares_what_is_not_ours(self, tmp_path: Path) -> None:
        environments = tmp_path / "environments"
        ours = subprocess.Popen(
            ["sleep", "60"], env={"YOBU_ENVIRONMENT": f"{environments}/one"}, start_new_session=True
        )
        other = subprocess.Popen(["sleep", "60"], env={"YOBU_ENVIRONMENT": f"{tmp_path}/other/environments/one"})
        reused = subprocess.Popen(["sleep", "60"], start_new_session=True)
        folder = environments / "two"
        folder.mkdir(parents=True)
        # The number is another process's by now: it began at another time.
        (folder / sweep.RECORD).write_text(f"{reused.pid} 1 {sweep.boot()}")
        assert sweep.sweep(environments) == 1
        assert ours.wait(5) == -signal.SIGKILL
        assert (other.poll(), reused.poll()) == (None, None)
        assert not environments.exists()
        for process in (other, reused):
            process.kill()
            process.wait()

    def test_finds_a_recorded_session_without_its_mark(self, tmp_path: Path) -> None:
        environments = tmp_path / "environments"
        folder = environments / "one"
        folder.mkdir(parents=True)
        bare = subprocess.Popen(["sleep", "60"], env={}, start_new_session=True)
        sweep.record(folder, bare.pid)
        assert sweep.sweep(environments) == 1
        assert bare.wait(5) == -signal.SIGKILL

    def test_a_torn_record_is_no_reason_to_kill(self, tmp_path: Path) -> None:
        folder = tmp_path / "environments" / "one"
        folder.mkdir(parents=True)
        (folder / sweep.RECORD).write_text(f"{os.getpid()}")
        assert sweep.sweep(tmp_path / "environments") == 0

    def test_nothing_to_sweep(self, tmp_path: Path) -> None:
        assert sweep.sweep(tmp_path / "none") == 0
