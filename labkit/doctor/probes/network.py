"""Settings for proxies and certificates, read without any network access.

A network that intercepts TLS is recognised by the settings that it requires: files with its own certificates.
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
from labkit.system.checkout import ROOT

PLACE = 90
# Variables in which programs look for trusted certificates.
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
    own = ROOT / "requirements" / "ca-bundle.pem"
    covered = OURS in files or (own.exists() and own.stat().st_size > 0)
    yield judge_certificates(files, missing, machine.system, covered=covered, builds=builds)


def judge_proxy(
    proxies: Mapping[str, str], engines: Mapping[str, str], system: str, *, bypassed: bool, builds: bool
) -> Finding:
    """`bypassed`: requests to 127.0.0.1 use no proxy; the lab's own requests never do.

    `builds`: the engine has yet to download the parts of the image.
    """
    readings = {"proxies": sorted(proxies), "engine": sorted(engines), "bypassed": bypassed}
    if not proxies and not engines:
        return ok("proxy", "none is set", **readings)
    here = _list(proxies) or "none here"
    if proxies and not bypassed:
        message = f"{here}; your own requests to 127.0.0.1 would use it too"
        remedy = remedies.with_variable(system, "NO_PROXY", "localhost,127.0.0.1")
        return warning("proxy", message, remedy, **readings)
    if proxies and not engines and builds:
        message = f"{here}; the engine has none, and has yet to download the parts of the image"
        remedy = "sudo systemctl edit docker" if system == "linux" else "Set the same one in Docker Desktop's settings."
        return warning("proxy", message, remedy, **readings)
    engine = f", the engine's: {_list(engines)}" if engines else ""
    return ok("proxy", f"{here}{engine}; the lab's own requests use none", **readings)


def judge_certificates(
    files: Mapping[str, str], missing: list[str], system: str, *, covered: bool, builds: bool
) -> Finding:
    """`files`: the settings for certificates, and their files. `covered`: the image's build uses some.

    `builds`: the image has yet to be built.
    """
    name, readings = "certificates", {"settings": dict(files), "missing": missing, "for_image": covered}
    if missing:
        first = missing[0]
        message = f"{first} names {files[first]}, which does not exist: downloads over TLS fail"
        is_variable = first in {*VARIABLES, OURS}
        remedy = remedies.without_variable(system, first) if is_variable else "pip config unset global.cert"
        return warning(name, message, remedy, **readings)
    if not files:
        message = "no certificates of your own are set" + ("; requirements/ca-bundle.pem has some" if covered else "")
        return ok(name, message, **readings)
    names = list(files)[:2] + ([f"{len(files) - 2} more"] if len(files) > 2 else [])
    message = f"{join_words(names)} name certificates of your own, as in a network that intercepts TLS"
    bundles = [path for setting, path in files.items() if setting != "SSL_CERT_DIR"]
    if builds and not covered and bundles:
        message += "; the image, which has yet to be built, would be built without them"
        return warning(name, message, remedies.with_variable(system, OURS, bundles[0]), **readings)
    return ok(name, message, **readings)


def engine_proxies(info: Mapping[str, Any]) -> dict[str, str]:
    """The proxies through which the engine pulls images."""
    proxies = {"http": info.get("HttpProxy"), "https": info.get("HttpsProxy")}
    return {name: str(url) for name, url in proxies.items() if url}


def _list(proxies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {without_password(url)}" for name, url in sorted(proxies.items()))


def without_password(url: str) -> str:
    """A proxy's address without user and password."""
    return re.sub(r"(^|//)[^/@]*@", r"\1…@", url)


def pip_config(environ: Mapping[str, str]) -> dict[str, str]:
    """The values of `cert` and `proxy` in pip's settings files; a later file overrides an earlier one, as in pip."""
    values: dict[str, str] = {}
    for path in _pip_files(environ):
        parser = configparser.RawConfigParser()
        with suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read_string(path.read_text("utf-8"))
            for section in ("global", "install"):
                items = parser.items(section) if parser.has_section(section) else []
                values |= {name: value for name, value in items if name in {"cert", "proxy"} and value}
    return values


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
