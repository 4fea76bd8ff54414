"""The SQS face, and the command line of the whole service."""

from pathlib import Path

# In a checkout the folder compat/ stands beside this package, and setuptools puts it inside when it builds a wheel. The
# name is sqs_facade.compat in both, also where a checkout hides the installed package.
_here = Path(__file__).parent
if not (_here / "compat").is_dir():
    __path__.append(str(_here.parent))
