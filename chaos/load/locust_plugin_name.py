"""Where the plugin for Locust lies, and the variable that it reads: known without importing Locust."""

from __future__ import annotations

from pathlib import Path

PLUGIN = Path(__file__).with_name("locust_plugin.py")
FD = "SALEPROOF_ROWS_FD"
