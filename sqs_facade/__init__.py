"""The SQS face, and the command line of the whole service."""

from pathlib import Path

# In a checkout the folder compat/ is beside this package; in a wheel setuptools puts it inside. Its name is
# sqs_facade.compat in both cases, even when a checkout on sys.path hides the installed package.
_here = Path(__file__).parent
if not (_here / "compat").is_dir():
    __path__.append(str(_here.parent))
