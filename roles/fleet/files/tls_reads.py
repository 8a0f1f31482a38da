"""Keep one broken TLS connection from breaking the others; Dask loads this before it starts.

A write to a closed peer can leave EPIPE in OpenSSL's error queue, and CPython does not clear the
queue before the next read (python/cpython#148594). A read on another connection that has no data
yet is then reported as a broken pipe, and the scheduler drops healthy workers and clients. A read
at the end of a connection never reports EPIPE.
"""

from tornado.iostream import SSLIOStream


def patch() -> None:
    """Make a read without data return None, whatever the error queue holds."""
    read = SSLIOStream.read_from_fd

    def read_from_fd(stream: SSLIOStream, buffer: bytearray | memoryview) -> int | None:
        try:
            return read(stream, buffer)
        except BrokenPipeError:
            return None

    # Patch once: Dask loads this module for each of its parts, which may share a process.
    if read.__module__ == SSLIOStream.__module__:
        SSLIOStream.read_from_fd = read_from_fd


patch()
