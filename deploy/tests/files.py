#!/usr/bin/env python3
"""Serves a directory over HTTPS on loopback. usage: files.py DIRECTORY CERTIFICATE KEY PORT"""

import functools
import http.server
import ssl
import sys

directory, certificate, key, port = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=directory)
server = http.server.HTTPServer(("127.0.0.1", int(port)), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
