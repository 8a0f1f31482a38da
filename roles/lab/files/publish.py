"""Publish a folder over HTTP, read-only, with kept connections: ADDRESS PORT FOLDER DELAY_MS."""

import http.server
import os
import sys
import time

address, port, folder, delay_ms = sys.argv[1:]


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the body waits for the ACK of the headers: Nagle and delayed ACK, 40 ms a file.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        time.sleep(int(delay_ms) / 1000)
        super().do_GET()

    def log_message(self, *_):
        pass


os.chdir(folder)
http.server.ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
