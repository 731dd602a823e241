"""Fixtures that hold a resource for a test, or for the whole session."""

import contextlib
import json
import os
import subprocess
import sys

import pytest

# Tells what the command of a lock gets, and stays until its stdin is closed: also when pytest has been killed.
TELL = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"


@contextlib.contextmanager
def holding(*wants, wait="30m"):
    """Waits for what is wanted, holds it, and yields what `rentabot lock` sets for a command, as a dict."""
    rentabot = os.environ.get("RENTABOT", "rentabot")
    command = [rentabot, "lock", *wants, "--wait", wait, "-q", "--", sys.executable, "-c", TELL]
    # In a session of its own, Ctrl-C reaches pytest alone: the fixtures and the tests end first, then the lock.
    holder = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    told = holder.stdout.readline()
    if not told:
        raise RuntimeError(f"{' '.join(wants)} could not be had: rentabot ended with {holder.wait()}")
    try:
        yield {name: value for name, value in json.loads(told).items() if os.environ.get(name) != value}
    finally:
        holder.stdin.close()
        code = holder.wait()
    if code != 0:
        raise RuntimeError(f"{' '.join(wants)} was lost while it was used: rentabot ended with {code}")


@pytest.fixture(scope="session")
def board():
    """One board for all tests of the session: board["RENTABOT_ENDPOINT"] is where it is."""
    with holding("-t", "board") as held:
        yield held


@pytest.fixture
def staging():
    """The one staging environment, for this test alone."""
    with holding("-n", "staging", wait="10m") as held:
        yield held
