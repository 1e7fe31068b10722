# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of the test's own, made with the openssl command."""

import pathlib
import ssl
import subprocess
import tempfile


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """`ca` is its certificate's path; issue() makes servers' certificates. With the extensions of RFC 5280 §4.2.1 that
    Python verifies strictly since 3.13: key usage and key identifiers."""

    def __init__(self, name="weir test authority"):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-ca-")
        self.folder = pathlib.Path(self._folder.name)
        self.ca, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                 "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={name}",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, *names):
        """PEM paths (certificate, key) for these names: DNS names or IP addresses."""
        stem = names[0].replace("*", "star").replace(":", "_")
        certificate, key, request = (self.folder / f"{stem}.{end}" for end in ("pem", "key", "csr"))
        extension = self.folder / f"{stem}.ext"
        alternatives = ",".join(("IP:" if name[0].isdigit() or ":" in name else "DNS:") + name for name in names)
        extension.write_text(f"subjectAltName={alternatives}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request,
                 "-subj", f"/CN={names[0]}")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                 "-out", certificate, "-extfile", extension)
        return certificate, key

    def server_context(self, *names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*names))
        return context

    def close(self):
        self._folder.cleanup()
