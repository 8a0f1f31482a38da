"""The role certificate, run on this machine: what it makes, leaves alone and renews."""

from __future__ import annotations

import getpass
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from plays import ansible

pytestmark = pytest.mark.long

LONG = ".of-a-very-long-name." * 3 + "example.org"
IPV4, IPV6 = "192.0.2.31", "2001:db8::31"
# How the roles made authority and certificate before they had this role.
AUTHORITY = """
cd {authority}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650 \
  -subj '/O=kepler-lens/CN=fleet' -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
chmod 600 *
"""
CERTIFICATE = """
cd {tls}
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
  -subj /O=kepler-lens/CN={common} -keyout host.key > request
openssl x509 -req -CA {authority}/ca.pem -CAkey {authority}/ca.key -days 397 -in request \
  -extfile <(printf '%s\n' \
  'subjectAltName=DNS:{name},IP:{address}' 'basicConstraints=critical,CA:FALSE' \
  'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth,clientAuth' \
  'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid') > host.pem
cp {authority}/ca.pem .
rm request
chmod 600 *
"""


class Hosts:
    """Hosts with certificates and the host of their authority: all are this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.authority = folder, folder / "ca"
        self.vars: dict[str, dict[str, Any]] = {}
        self.said = ""

    def add(self, word: str, address: str = IPV4, **settings: Any) -> str:
        """Add a host without a certificate, and return its name."""
        name = word + LONG
        self.tls(name).mkdir(mode=0o700)
        self.vars[name] = {"private_address": address, "certificate_folder": str(self.tls(name))}
        self.vars[name] |= settings
        return name

    def add_earlier(self, word: str, address: str = IPV4, **settings: Any) -> str:
        """Add a host with the certificate that earlier roles have made."""
        name = self.add(word, address, **settings)
        names = {"authority": self.authority, "tls": self.tls(name)}
        names |= {"common": name[:64], "name": name, "address": address}
        steps = [CERTIFICATE]
        if not self.authority.exists():
            self.authority.mkdir(mode=0o700)
            steps = [AUTHORITY, CERTIFICATE]
        for step in steps:
            words = ["bash", "-ec", step.format(**names)]
            subprocess.run(words, check=True, capture_output=True)
        return name

    def tls(self, name: str) -> Path:
        return self.folder / name

    def run(self, *words: str) -> dict[str, int]:
        """Run the role, and return how many tasks have changed something on each host."""
        local = {"ansible_connection": "local"}
        local["ansible_python_interpreter"] = "{{ ansible_playbook_python }}"
        # A package that every Debian has: the modules run with the Python of the tests.
        local |= {"certificate_packages": ["dpkg"], "certificate_authority": str(self.authority)}
        local["certificate_owner"] = getpass.getuser()
        local["certificate_authority_host"] = "ca.example.org"
        groups = {
            "workers": self.vars,
            "scheduler": {"unused": {}},
            "others": {"ca.example.org": {}},
        }
        groups = {name: {"hosts": hosts} for name, hosts in groups.items()}
        inventory = {"all": {"vars": local, "children": groups}}
        told = {"name": "Certificate changed", "ansible.builtin.debug": {"msg": "told"}}
        play = {"hosts": "workers", "gather_facts": False, "roles": ["certificate"]}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
        (self.folder / "play.yml").write_text(yaml.safe_dump([play | {"handlers": [told]}]))
        files = ("-i", str(self.folder / "hosts.yml"), str(self.folder / "play.yml"))
        done = ansible("ansible-playbook", *files, *words)
        self.said = done.stdout
        assert done.returncode == 0, done.stdout
        changed = re.findall(r"^(\S+) .*changed=(\d+)", done.stdout, re.MULTILINE)
        return {name: int(count) for name, count in changed}

    def files(self, *names: str) -> dict[Path, bytes]:
        """Return the files of hosts, or of all hosts and the authority."""
        folders = [self.tls(name) for name in names or self.vars]
        folders += [] if names else [self.authority]
        return {path: path.read_bytes() for top in folders for path in top.glob("*")}

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.tls(name) / "host.pem").read_bytes())

    def key(self, name: str) -> bytes:
        return (self.tls(name) / "host.key").read_bytes()

    def verify(self, name: str, *purposes: str) -> None:
        """Fail unless OpenSSL trusts the certificate for the host's name and address."""
        settings = self.vars[name]
        address = settings.get("certificate_address", settings["private_address"])
        for purpose in purposes or ("sslserver", "sslclient"):
            words = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", "-purpose", purpose]
            words += ["-verify_ip", address, "-verify_hostname", name, "host.pem"]
            done = subprocess.run(words, cwd=self.tls(name), capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


BOTH = {"certificate_purposes": ["serverAuth", "clientAuth"]}


def test_first_certificates(hosts):
    long = hosts.add("long", IPV6, **BOTH)
    assert len(long) > 64
    names = ["sky.example.org", "front1" + LONG, "localhost"]
    # A server alone, as the front.
    front = hosts.add("front1", certificate_names=names, certificate_days=41)
    hosts.vars[front] |= {"certificate_mode": "0644", "certificate_address": "192.0.2.99"}
    link = hosts.add("link", **BOTH)
    target = hosts.folder / "other"
    target.write_text("of somebody else\n")
    (hosts.tls(link) / "host.key").symlink_to(target)

    assert hosts.run("--check", "--diff")[long] > 0
    assert not hosts.authority.exists()
    assert not list(hosts.tls(long).iterdir())

    assert min(hosts.run().values()) > 0
    assert "told" in hosts.said
    hosts.verify(long)
    hosts.verify(link)
    hosts.verify(front, "sslserver")
    assert hosts.authority.stat().st_mode & 0o777 == 0o700
    modes = {str(path): path.stat().st_mode & 0o777 for path in hosts.files()}
    assert [path for path, mode in modes.items() if mode == 0o644] == [
        str(path) for path in hosts.files(front) if path.suffix == ".pem"
    ]
    assert set(modes.values()) == {0o644, 0o600}
    for key in (hosts.key(long), (hosts.authority / "ca.key").read_bytes()):
        assert isinstance(load_pem_private_key(key, None).curve, ec.SECP256R1)
    assert target.read_text() == "of somebody else\n"
    assert not (hosts.tls(link) / "host.key").is_symlink()

    certificate = hosts.certificate(front)
    said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert said.get_values_for_type(x509.DNSName) == names
    assert [str(address) for address in said.get_values_for_type(x509.IPAddress)] == ["192.0.2.99"]
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [x509.ExtendedKeyUsageOID.SERVER_AUTH]
    assert certificate.subject.rfc4514_string() == "CN=sky.example.org,O=kepler-lens"
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert round(lasts.total_seconds() / 86400) == 41

    made = hosts.files()
    assert set(hosts.run().values()) == {0}
    assert hosts.files() == made


def test_what_earlier_roles_have_made_stays_unless_there_is_a_reason(hosts):
    stay = [hosts.add_earlier("stay4", **BOTH), hosts.add_earlier("stay6", IPV6, **BOTH)]
    moved = hosts.add_earlier("moved", **BOTH)
    hosts.vars[moved]["private_address"] = "192.0.2.32"
    ending = hosts.add_earlier("ending", certificate_renew_days=398, **BOTH)
    renewed = hosts.add_earlier("renewed", certificate_renew=True, **BOTH)
    damaged = hosts.add_earlier("damaged", **BOTH)
    (hosts.tls(damaged) / "host.pem").write_text("half of a certi")
    other = hosts.add_earlier("other", **BOTH)
    (hosts.tls(other) / "host.key").write_bytes(hosts.key(stay[0]))
    authority, before = hosts.files(stay[0])[hosts.tls(stay[0]) / "ca.pem"], hosts.files()
    serials = {name: hosts.certificate(name).serial_number for name in (moved, ending, renewed)}
    for name in stay:
        hosts.verify(name)

    told = hosts.run("--check", "--diff")
    assert hosts.files() == before
    assert f"after: {hosts.tls(moved)}/host.pem" in hosts.said
    assert {name for name, changed in told.items() if changed} == set(hosts.vars) - set(stay)

    changed = hosts.run()
    for name in stay:
        assert changed[name] == 0, hosts.said
        assert hosts.files(name) == {
            path: text for path, text in before.items() if path.parent == hosts.tls(name)
        }
    for name in hosts.vars:
        hosts.verify(name)
        assert (hosts.tls(name) / "ca.pem").read_bytes() == authority
    for name, serial in serials.items():
        assert hosts.certificate(name).serial_number != serial
    # A renewal makes a new key too.
    for name, stays in ((moved, True), (ending, False), (renewed, False), (damaged, False)):
        assert (hosts.key(name) == before[hosts.tls(name) / "host.key"]) == stays, name


def test_an_authority_without_its_key_is_made_anew_and_an_unreadable_key_stays(hosts):
    name = hosts.add_earlier("worker1", **BOTH)
    before = hosts.files()
    (hosts.authority / "ca.key").unlink()
    assert hosts.run()[name] > 0
    hosts.verify(name)
    after = hosts.files()
    assert after[hosts.authority / "ca.pem"] != before[hosts.authority / "ca.pem"]
    (hosts.authority / "ca.key").write_text("half of a k")
    with pytest.raises(AssertionError, match="Unable to read the key"):
        hosts.run()
    assert {path for path, text in hosts.files().items() if after[path] != text} == {
        hosts.authority / "ca.key"
    }
