"""The packages of the distribution; everything else stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["sqs_facade*", "zaqar_core*"]),
        *(f"sqs_facade.{name}" for name in find_packages(include=["compat*"])),
    ],
    package_dir={"sqs_facade.compat": "compat"},
)
