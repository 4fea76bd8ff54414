"""A test suite as users of moto write them. Nothing in it knows of this product; see test_moto_suite.py."""
