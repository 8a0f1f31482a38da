"""Keep one broken TLS connection from breaking the others; Dask loads this before it starts.

A write to a peer that has gone can leave EPIPE in OpenSSL's error queue, and CPython does not
clear it before the next read (python/cpython#148594): a read on another connection that only has
nothing to read yet is then reported as a broken pipe, and the scheduler drops workers and clients
that are well. A read that truly ends never says EPIPE.
"""

from tornado.iostream import SSLIOStream


def patch() -> None:
    """Let a read that has nothing to read say so, whatever the error queue holds."""
    read = SSLIOStream.read_from_fd

    def read_from_fd(stream: SSLIOStream, buffer: bytearray | memoryview) -> int | None:
        try:
            return read(stream, buffer)
        except BrokenPipeError:
            return None

    # Dask loads this for each of its parts, which may share a process.
    if read.__module__ == SSLIOStream.__module__:
        SSLIOStream.read_from_fd = read_from_fd


patch()
