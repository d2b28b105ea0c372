"""What is set of proxies and certificates; nothing is sent anywhere to find out.

A network that signs TLS anew shows in what people had to set to live with it: files with certificates of its own.
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

from labkit.doctor import remedies
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.output.format import join_words

PLACE = 90
# What programs read of their own for certificates that are to be trusted.
VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
OURS = "LAB_CA_BUNDLE"


def probe(machine: Machine) -> Iterator[Finding]:
    config = pip_config(machine.environ)
    proxies = {name: url for name, url in getproxies().items() if name in {"http", "https", "all"}}
    if config.get("proxy"):
        proxies["pip"] = config["proxy"]
    bypassed = all(proxy_bypass(host) for host in ("127.0.0.1", "localhost"))
    builds = machine.needs_packages
    yield judge_proxy(proxies, engine_proxies(machine.engine.info), machine.system, bypassed=bypassed, builds=builds)
    files = {name: machine.environ[name] for name in (*VARIABLES, OURS) if machine.environ.get(name)}
    if config.get("cert"):
        files["pip's settings"] = config["cert"]
    missing = [name for name, path in files.items() if not Path(path).exists()]
    own = machine.root / "requirements" / "ca-bundle.pem"
    covered = OURS in files or (own.exists() and own.stat().st_size > 0)
    yield judge_certificates(files, missing, machine.system, covered=covered, builds=builds)


def judge_proxy(
    proxies: Mapping[str, str], engines: Mapping[str, str], system: str, *, bypassed: bool, builds: bool
) -> Finding:
    """`bypassed`: what goes to 127.0.0.1 does not go there; the lab's own requests never do.

    `builds`: the engine has still to fetch what the image is made of.
    """
    seen = "; ".join(f"{name}: {without_password(url)}" for name, url in sorted(proxies.items()))
    told = "; ".join(f"{name}: {without_password(url)}" for name, url in sorted(engines.items()))
    figures = {"proxies": sorted(proxies), "engine": sorted(engines), "bypassed": bypassed}
    if proxies and not bypassed:
        said = f"{seen}; requests of your own to 127.0.0.1 would go there too"
        return warning("proxy", said, remedies.with_variable(system, "NO_PROXY", "localhost,127.0.0.1"), **figures)
    if proxies and not engines and builds:
        mend = "sudo systemctl edit docker" if system == "linux" else "Set the same one in Docker Desktop's settings."
        return warning("proxy", f"{seen}; the engine, which has still to fetch the image, has none", mend, **figures)
    if not proxies and not engines:
        return ok("proxy", "none is set", **figures)
    parts = [seen or "none here", *([f"the engine's: {told}"] if told else [])]
    return ok("proxy", f"{', '.join(parts)}; the lab's own requests go to none", **figures)


def judge_certificates(
    files: Mapping[str, str], missing: list[str], system: str, *, covered: bool, builds: bool
) -> Finding:
    """`files`: settings that name certificates, and where. `covered`: the image's build gets some; `builds`:
    it is still to come.
    """
    name, figures = "certificates", {"settings": dict(files), "missing": missing, "for_image": covered}
    if missing:
        first = missing[0]
        said = f"{first} names {files[first]}, which is not there: nothing can be downloaded over TLS"
        mend = "pip config unset global.cert" if first not in {*VARIABLES, OURS} else ""
        return warning(name, said, mend or remedies.without_variable(system, first), **figures)
    if not files:
        seen = "none of your own are set" + ("; requirements/ca-bundle.pem has some" if covered else "")
        return ok(name, seen, **figures)
    names = list(files)[:2] + ([f"{len(files) - 2} more"] if len(files) > 2 else [])
    seen = f"{join_words(names)} name certificates of your own, as where a network signs TLS anew"
    bundles = [path for setting, path in files.items() if setting != "SSL_CERT_DIR"]
    if builds and not covered and bundles:
        said = f"{seen}; the image, which is still to be built, is built without them"
        return warning(name, said, remedies.with_variable(system, OURS, bundles[0]), **figures)
    return ok(name, seen, **figures)


def engine_proxies(info: Mapping[str, Any]) -> dict[str, str]:
    """The engine's own, through which it pulls images."""
    told = {"http": info.get("HttpProxy"), "https": info.get("HttpsProxy")}
    return {name: str(url) for name, url in told.items() if url}


def without_password(url: str) -> str:
    """A proxy's address, without who may use it."""
    return re.sub(r"(^|//)[^/@]*@", r"\1…@", url)


def pip_config(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip's settings files say of `cert` and `proxy`; a later file goes before an earlier one, as pip has it."""
    found: dict[str, str] = {}
    for path in _pip_files(environ):
        parser = configparser.RawConfigParser()
        with suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read_string(path.read_text("utf-8"))
            for section in ("global", "install"):
                if parser.has_section(section):
                    found |= {
                        name: value for name, value in parser.items(section) if name in {"cert", "proxy"} and value
                    }
    return found


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or "~").expanduser()
    named = environ.get("PIP_CONFIG_FILE")
    if sys.platform == "win32":
        files = [Path(environ.get("PROGRAMDATA", "C:/ProgramData"), "pip", "pip.ini"), home / "pip" / "pip.ini"]
        files.append(Path(environ.get("APPDATA", str(home)), "pip", "pip.ini"))
    else:
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip" / "pip.conf"]
        files.append(config / "pip" / "pip.conf")
        files.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
    return [*files, *([Path(named)] if named else [])]
