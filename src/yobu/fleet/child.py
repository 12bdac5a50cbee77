"""One child process and its two lines to us: a socket for messages, a pipe for output. Knows no functions.

The process leads a session of its own, so that its group can be killed as one. Nothing here awaits: what happens is
told to a `Listener` from the event loop, output always before the message or the end that followed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import socket
import subprocess
import termios
from array import array
from collections.abc import Callable, Mapping
from typing import Protocol

from yobu.fleet.frames import Answer, BadMessage, Decoder
from yobu.runtimes import Launch

# A first read of 256 KB would cost 15 us: that much memory comes from the kernel anew each time.
_READ_BYTES = 1 << 14
_BULK_BYTES = 1 << 18
_PIPE_BYTES = 1 << 16
_EXIT_POLL_S = 0.005
_LIMITS = (
    (resource.RLIMIT_CORE, 0),  # a crash leaves no image of the function's memory behind
    (resource.RLIMIT_NOFILE, 1024),  # as on Lambda
)


class Listener(Protocol):
    """What a child tells."""

    def on_message(self, answer: Answer, body: bytes) -> None:
        """A message came."""
        ...

    def on_output(self, data: bytes) -> None:
        """Bytes came on standard output or standard error."""
        ...

    def on_exit(self, status: int, unread: bool) -> None:
        """It has ended, and its group with it; `status` as `Popen.returncode` counts. Told once, last.

        `unread`: it had not read all that was sent to it (Linux; elsewhere never true).
        """
        ...


class Lifeline:
    """Kills the process groups of children when this process ends, however it ends (Linux).

    We hold the only writing end of a pipe. Each child holds a reading end for which the kernel is told to send
    SIGKILL to the child's group when something happens on the pipe, and the only thing that can happen is our end.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def reader(self) -> int:
        """A new reading end, to be inherited by one child."""
        try:
            return os.open(f"/proc/self/fd/{self._read}", os.O_RDONLY)
        except OSError:
            return os.dup(self._read)

    def arm(self, reader: int, group: int) -> None:
        """Bind `reader` to the process group `group`. Where the kernel cannot (macOS), the socket's end must do."""
        if hasattr(fcntl, "F_SETSIG"):
            fcntl.fcntl(reader, fcntl.F_SETOWN, -group)
            fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(reader, fcntl.F_SETFL, fcntl.fcntl(reader, fcntl.F_GETFL) | fcntl.FASYNC)

    def close(self) -> None:
        """Let go: whatever still runs is killed."""
        os.close(self._write)
        os.close(self._read)


class Child:
    """A running process. `pid` is also its process group and its session."""

    def __init__(self, popen: subprocess.Popen[bytes], link: socket.socket, output: int, listener: Listener) -> None:
        self.pid = popen.pid
        self._popen = popen
        self._link = link
        self._output = output
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._unsent = memoryview(b"")
        self._count = array("i", [0])
        self._open = True
        self._unread = False
        self._timer: asyncio.TimerHandle | None = None
        self._pidfd = _pidfd(self.pid)
        self._loop.add_reader(link.fileno(), self._readable)
        self._loop.add_reader(output, self._on_pipe)
        if self._pidfd is not None:
            self._loop.add_reader(self._pidfd, self._exited)

    @classmethod
    def spawn(
        cls,
        launch: Callable[[int], Launch],
        variables: Callable[[Launch], Mapping[str, str]],
        lifeline: Lifeline,
        listener: Listener,
    ) -> Child:
        """Start a process: `launch(socket_fd)` says how, `variables(launch)` with what environment.

        Takes about a millisecond (vfork, no waiting for the interpreter). Raises OSError. Not for worker threads:
        where a child asks to die with its parent (PR_SET_PDEATHSIG), the kernel means the thread that made it.
        """
        ours, theirs = socket.socketpair()
        output, output_end = os.pipe()
        reader = lifeline.reader()
        popen = None
        try:
            how = launch(theirs.fileno())
            popen = subprocess.Popen(
                how.argv,
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=output_end,
                pass_fds=(theirs.fileno(), reader),
                cwd=how.cwd,
                env=variables(how),
                start_new_session=True,
            )
            lifeline.arm(reader, popen.pid)
        except BaseException:
            if popen is not None:
                popen.kill()
                popen.wait()
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(output_end)
            os.close(reader)
        _limit(popen.pid)
        ours.setblocking(False)
        os.set_blocking(output, False)
        return cls(popen, ours, output, listener)

    def send(self, data: bytes) -> None:
        """Send a message. One for a process that has just ended is dropped: `on_exit` is on its way."""
        if self._unsent:
            self._unsent = memoryview(bytes(self._unsent) + data)
            return
        sent = self._send(data)
        if sent < len(data):
            self._unsent = memoryview(data)[sent:]
            self._loop.add_writer(self._link.fileno(), self._writable)

    def kill(self) -> None:
        """Kill the whole group, now; `on_exit` follows."""
        if self._open:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def drain(self) -> None:
        """Tell the listener all output that is already in the pipe."""
        # At most what is there now: a thread of the function's may go on printing for ever.
        fcntl.ioctl(self._output, termios.FIONREAD, self._count)
        left = self._count[0]
        while left > 0:
            data = os.read(self._output, left)
            if not data:
                return
            left -= len(data)
            self._listener.on_output(data)

    def memory_kb(self) -> int:
        """What the process and its descendants hold in memory now; 0 where that cannot be seen."""
        return _memory_kb(self.pid)

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._link.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._unread = True
            return len(data)

    def _writable(self) -> None:
        self._unsent = self._unsent[self._send(self._unsent) :]
        if not self._unsent:
            self._loop.remove_writer(self._link.fileno())

    def _readable(self) -> None:
        try:
            data = self._link.recv(_BULK_BYTES if self._decoder.waiting else _READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            # The kernel's word for an end that was closed with our message still in its queue.
            self._unread = True
            data = b""
        if not data:
            self._lost()
            return
        try:
            for answer, body in self._decoder.feed(data):
                self.drain()
                self._listener.on_message(answer, body)
        except BadMessage:
            self.kill()

    def _lost(self) -> None:
        """The other end is closed: the process ends, or has made itself useless."""
        self._loop.remove_reader(self._link.fileno())
        if self._pidfd is None:
            self._timer = self._loop.call_later(_EXIT_POLL_S, self._exited)
        else:
            self._timer = self._loop.call_later(20 * _EXIT_POLL_S, self.kill)

    def _on_pipe(self) -> None:
        try:
            data = os.read(self._output, _PIPE_BYTES)
        except BlockingIOError:
            return
        if data:
            self._listener.on_output(data)
        else:
            self._loop.remove_reader(self._output)

    def _exited(self) -> None:
        """The process has ended: read what it left, end its group, tell."""
        if not self._open:
            return
        # While it is not waited for, its number cannot be another group's.
        self.kill()
        status = self._popen.poll()
        if status is None:
            self._timer = self._loop.call_later(_EXIT_POLL_S, self._exited)
            return
        self._last_words()
        self._close()
        self._listener.on_exit(status, self._unread or bool(self._unsent))

    def _last_words(self) -> None:
        """Messages and output that were sent before the end."""
        try:
            while data := self._link.recv(_BULK_BYTES):
                for answer, body in self._decoder.feed(data):
                    self.drain()
                    self._listener.on_message(answer, body)
        except ConnectionResetError:
            self._unread = True
        except (BlockingIOError, BadMessage):
            return  # nothing more, or nothing that can be understood
        finally:
            self.drain()

    def _close(self) -> None:
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._link.fileno())
        self._loop.remove_writer(self._link.fileno())
        self._loop.remove_reader(self._output)
        self._link.close()
        os.close(self._output)
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)


def _pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, where the system has such (Linux 5.3)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _limit(pid: int) -> None:
    if hasattr(resource, "prlimit"):
        for what, most in _LIMITS:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                resource.prlimit(pid, what, (most, most))


def _memory_kb(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            pages = int(file.read().split()[1])
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            children = file.read().split()
    except (OSError, IndexError):
        return 0
    return pages * (resource.getpagesize() // 1024) + sum(_memory_kb(int(child)) for child in children)
