"""The certificate authority and certificate of `--tls`, and TLS beside plain HTTP on one port."""

from __future__ import annotations

import asyncio
import ssl
import stat

import pytest
from cryptography import x509

from yobu.base.clock import FakeClock
from yobu.base.ids import SeededIds
from yobu.server import tls

DAY = 86_400


def make(folder, host="127.0.0.1", clock=None):
    return tls.ensure(folder, host, clock or FakeClock(), SeededIds())


def test_the_files_are_made_once_and_readable_by_their_owner_only(tmp_path):
    files = make(tmp_path)
    contents = {path: path.read_bytes() for path in (files.ca, files.ca_key, files.cert, files.key)}
    for path in contents:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.ca.parent.stat().st_mode) == 0o700
    assert make(tmp_path) == files
    assert {path: path.read_bytes() for path in contents} == contents


class Later(FakeClock):
    def __init__(self, days):
        super().__init__(1_700_000_000.0 + days * DAY)


def test_the_certificate_is_renewed_before_it_expires_under_the_same_authority(tmp_path):
    files = make(tmp_path)
    ca, cert = files.ca.read_bytes(), files.cert.read_bytes()
    make(tmp_path, clock=Later(366))
    assert files.cert.read_bytes() == cert
    make(tmp_path, clock=Later(368))
    assert files.cert.read_bytes() != cert
    assert files.ca.read_bytes() == ca
    make(tmp_path, clock=Later(3650 - 29))
    assert files.ca.read_bytes() != ca


@pytest.mark.parametrize("name", ["key.pem", "cert.pem", "ca.pem", "ca-key.pem"])
def test_a_broken_or_missing_file_is_made_anew(tmp_path, name):
    files = make(tmp_path)
    (tmp_path / "tls" / name).write_bytes(b"half a fi")
    make(tmp_path)
    tls.context(files)
    (tmp_path / "tls" / name).unlink()
    make(tmp_path)
    tls.context(files)


def test_another_host_gets_a_certificate_that_names_it(tmp_path):
    files = make(tmp_path)
    make(tmp_path, host="192.0.2.7")
    leaf = x509.load_pem_x509_certificate(files.cert.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert {"127.0.0.1", "::1", "192.0.2.7"} <= set(addresses)
    assert {"localhost", "*.localhost", "*.s3.localhost"} <= set(names.get_values_for_type(x509.DNSName))


def test_the_authority_may_sign_for_this_machine_only(tmp_path):
    authority = x509.load_pem_x509_certificate(make(tmp_path).ca.read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert "localhost" in [tree.value for tree in constraints.value.permitted_subtrees]
    assert not any("amazonaws" in str(tree.value) for tree in constraints.value.permitted_subtrees)


@pytest.mark.parametrize("name", ["localhost", "s3.localhost", "bucket.s3.localhost"])
async def test_clients_that_trust_the_authority_may_connect(serve, apps, tls_files, name):
    bound = await serve(apps.echo, tls.context(tls_files))
    context = ssl.create_default_context(cafile=str(tls_files.ca))
    reader, writer = await asyncio.open_connection("127.0.0.1", bound.port, ssl=context, server_hostname=name)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"1.1 https GET /" in await reader.readuntil(b"?\n")
    writer.close()


async def test_plain_http_is_answered_on_the_same_port(serve, apps, tls_files, raw):
    bound = await serve(apps.echo, tls.context(tls_files))
    answer = await raw(bound.port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"1.1 http GET /" in answer


async def test_handshakes_that_fail_harm_nobody(serve, apps, tls_files, raw, caplog):
    bound = await serve(apps.echo, tls.context(tls_files))
    assert b"HTTP" not in await raw(bound.port, b"\x16\x03\x01\x00\x05nonsense and more of it")
    with pytest.raises(ssl.SSLCertVerificationError):
        context = ssl.create_default_context()
        await asyncio.open_connection("127.0.0.1", bound.port, ssl=context, server_hostname="localhost")
    _, writer = await asyncio.open_connection("127.0.0.1", bound.port)  # says nothing
    writer.close()
    assert b"1.1 http" in await raw(bound.port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert not caplog.records


async def test_a_garbage_byte_beside_tls_is_answered_400(serve, apps, tls_files, raw):
    bound = await serve(apps.echo, tls.context(tls_files))
    assert (await raw(bound.port, b"\x00\xff\r\n\r\n")).startswith(b"HTTP/1.1 400")
