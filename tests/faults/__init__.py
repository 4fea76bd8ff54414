"""Concurrent clients of both dialects, faults, and a proof that every guarantee held.

``history`` is what the clients saw, ``rules`` checks it, ``producers`` and ``consumers`` make it over ``wire``.
``rigs`` are the services that are attacked, ``table`` has one row for each fault. ``test_faults`` runs each row
briefly; the long form is ``python -m tests.faults --kills 1000``.
"""
