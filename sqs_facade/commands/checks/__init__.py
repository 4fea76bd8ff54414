"""The checks of ``doctor`` and ``config check``: facts are gathered first, and checks are functions of facts alone."""
