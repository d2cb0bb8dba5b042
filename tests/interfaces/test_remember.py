"""What must hold of `memory-router remember`, as a user runs it."""

import os
import pty
import subprocess
import sys

import pytest

from tests.conftest import Home
