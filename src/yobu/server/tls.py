"""The node's own certificate authority and certificate, for `--tls`.

In: the data folder and the host that the node listens on. Out: PEM files under `<data>/tls` (`ca.pem` for clients to
trust, `cert.pem`, and the two private keys, mode 0600) and a TLS context. The authority may sign for this machine's
names only (name constraints, RFC 5280 4.2.1.10), so that trusting it opens no other site to whoever takes its key.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from yobu.base.clock import Clock
from yobu.base.ids import Ids

Address = IPv4Address | IPv6Address

_CA_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=397)  # what Apple's and other platforms accept at most
_RENEW_BEFORE = timedelta(days=30)
_BACKDATE = timedelta(days=1)  # for clients whose clocks are late


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the PEM files lie; `ca` is the one that clients are told to trust."""

    ca: Path
    ca_key: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure(data: Path, host: str, clock: Clock, ids: Ids) -> TlsFiles:
    """The files under `data`/tls; made at the first call, made anew where they expire within 30 days or lack `host`.

    The authority stays the same as long as it can, so that clients need to trust it once.
    """
    folder = data / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = TlsFiles(folder / "ca.pem", folder / "ca-key.pem", folder / "cert.pem", folder / "key.pem")
    names, addresses = subjects(host)
    now = datetime.fromtimestamp(clock.real(), UTC)
    authority = _load(files.ca, files.ca_key)
    if authority is None or not _lasts(authority, now) or not _permits(authority.certificate, names, addresses):
        authority = _make_authority(names, addresses, now, ids)
        _save(authority, files.ca, files.ca_key)
    leaf = _load(files.cert, files.key)
    if leaf is None or not _lasts(leaf, now) or not _covers(leaf, authority, names, addresses):
        _save(_make_leaf(authority, names, addresses, now, ids), files.cert, files.key)
    return files


def context(files: TlsFiles) -> ssl.SSLContext:
    """A server's TLS context, TLS 1.2 and newer, offering HTTP/2 and HTTP/1.1 by ALPN."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(files.cert, files.key)
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


def subjects(host: str) -> tuple[list[str], list[Address]]:
    """The names and addresses that the certificate is for: those of this machine, and `host`."""
    # OpenSSL takes no wildcard directly below a top-level name, so that *.localhost serves other libraries only.
    names = ["localhost", "*.localhost", "s3.localhost", "*.s3.localhost"]
    addresses: list[Address] = [ip_address("127.0.0.1"), ip_address("::1")]
    own = socket.gethostname().lower()
    for name in (host, own):
        try:
            address = ip_address(name)
        except ValueError:
            if name not in names and name.isascii():
                names.append(name)
        else:
            if not address.is_unspecified and address not in addresses:
                addresses.append(address)
    return names, addresses


def _load(certificate: Path, key: Path) -> _Pair | None:
    """What lies there, or None where it is missing or does not parse."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != found.public_key():
        return None
    return _Pair(found, private)


def _save(pair: _Pair, certificate: Path, key: Path) -> None:
    private = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _replace(key, private)
    _replace(certificate, pair.certificate.public_bytes(serialization.Encoding.PEM))


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _lasts(pair: _Pair, now: datetime) -> bool:
    return now + _RENEW_BEFORE < pair.certificate.not_valid_after_utc


def _permits(authority: x509.Certificate, names: list[str], addresses: list[Address]) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return False
    permitted = constraints.permitted_subtrees or []
    roots = [tree.value for tree in permitted if isinstance(tree, x509.DNSName)]
    networks = [tree.value for tree in permitted if isinstance(tree, x509.IPAddress)]
    return all(any(_below(name, root) for root in roots) for name in names) and all(
        any(isinstance(net, IPv4Network | IPv6Network) and address in net for net in networks) for address in addresses
    )


def _below(name: str, root: str) -> bool:
    return name == root or name.endswith("." + root)


def _covers(leaf: _Pair, authority: _Pair, names: list[str], addresses: list[Address]) -> bool:
    try:
        leaf.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    alternative = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    has_names = set(names) <= set(alternative.get_values_for_type(x509.DNSName))
    return has_names and set(addresses) <= set(alternative.get_values_for_type(x509.IPAddress))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begin(subject: x509.Name, now: datetime, life: timedelta, ids: Ids) -> x509.CertificateBuilder:
    serial = int.from_bytes(ids.random_bytes(16), "big") | 1 << 120
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .serial_number(serial)
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
    )


def _make_authority(names: list[str], addresses: list[Address], now: datetime, ids: Ids) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    roots = sorted({name for name in names if not name.endswith(".localhost")})
    networks = [ip_network("127.0.0.0/8"), *(ip_network(address) for address in addresses if not address.is_loopback)]
    networks.append(ip_network("::1/128"))
    permitted: list[x509.GeneralName] = [x509.DNSName(root) for root in roots]
    permitted += [x509.IPAddress(network) for network in networks]
    # A name of its own: clients that still hold an older authority must not take one for the other.
    name = _name(f"yobu local authority {ids.hex(8)}")
    certificate = (
        _begin(name, now, _CA_LIFE, ids)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _make_leaf(authority: _Pair, names: list[str], addresses: list[Address], now: datetime, ids: Ids) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    alternative: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternative += [x509.IPAddress(address) for address in addresses]
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    certificate = (
        _begin(_name("localhost"), now, _LEAF_LIFE, ids)
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_id, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
