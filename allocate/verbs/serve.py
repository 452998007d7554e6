"""The verb `serve`: the same verbs as a page in a browser."""

import os
import signal
import socket
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from allocate.errors import Problem, UsageError
from allocate.terminal import tell
from allocate.words import both, language, say

PORT, LOCAL = 8765, "127.0.0.1"
_SHORTEST_TOKEN = 16
_BACKLOG = 128


def serve(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=both("serve.cli_folder"))] = Path(),
    port: Annotated[int | None, typer.Option(help=both("serve.cli_port"), min=0, max=65_535)] = None,
    host: Annotated[str, typer.Option(help=both("serve.cli_host"))] = LOCAL,
    token: Annotated[
        str | None, typer.Option(help=both("serve.cli_token"), envvar="ALLOCATE_SERVE_TOKEN", show_envvar=True)
    ] = None,
    runs: Annotated[int, typer.Option(help=both("serve.cli_runs"), min=1, max=16)] = 1,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help=both("serve.cli_browser"))] = True,
) -> None:
    """Open the page of a folder."""
    import getpass
    import secrets
    import webbrowser

    import uvicorn

    from allocate.serve.app import make_app
    from allocate.serve.asking import Served
    from allocate.serve.beside import Beside
    from allocate.serve.home import Home

    if not folder.is_dir():
        raise UsageError([Problem("serve.no_folder", column="DIR", value=str(folder))])
    is_local = host in (LOCAL, "localhost")
    if not is_local and (token is None or len(token) < _SHORTEST_TOKEN):
        details = {"least": _SHORTEST_TOKEN}
        raise UsageError([Problem("serve.token_needed", column="--token", value=host, details=details)])
    listening = _listening(LOCAL if is_local else host, port)
    with closing(listening):
        chosen: int = listening.getsockname()[1]
        token = token or secrets.token_urlsafe(32)
        user = ""
        with suppress(OSError, KeyError):
            user = getpass.getuser()
        # (What is begun in the planner's folder takes no module that lies there for one of ours.)
        os.environ["PYTHONSAFEPATH"] = "1"
        beside = Beside(("allocate.checking", "allocate.serve.plan_work", "allocate.draw"))
        made = Served(Home.at(folder), beside, language(), user, runs)
        app = make_app(made, token=token, port=chosen, hosts=None if is_local else ())
        address = f"http://{LOCAL if is_local else host}:{chosen}/?token={token}"
        tell(say("serve.open", folder=folder.resolve()))
        # (Whoever reads along in a pipe has to see it now.)
        print(f"  {address}", flush=True)  # noqa: T201
        tell(say("serve.stop"), to=sys.stderr)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=64 * 1024,
        )
        if browser:
            threading.Timer(0.1, webbrowser.open, (address,)).start()
        server = uvicorn.Server(config)
        made.is_closing = lambda: server.should_exit
        # (Whoever ends the page gets an end without a word: what was begun is ended by then.)
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, _leave)
        server.run(sockets=[listening])


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise SystemExit(0)


def _listening(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens: on the port asked for, or on the usual one, or on any that is free."""
    for one in (PORT, 0) if port is None else (port,):
        try:
            listening = socket.create_server((host, one), backlog=_BACKLOG)
        except OSError as error:
            if port is not None or one == 0:
                details = {"reason": error.strerror or str(error)}
                raise UsageError(
                    [Problem("serve.cannot_listen", column="--port", value=port, details=details)]
                ) from None
        # (Else the second half of every answer waits for the browser to confirm the first, which it does late.)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    raise AssertionError
