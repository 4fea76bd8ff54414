"""OpenStack Identity: token authentication and trusts."""
