"""The recorded runs: written before, during and after each, so that what happened is known however a run ended."""

from chaos.store.errors import StoreError
from chaos.store.recorder import Recorder
from chaos.store.store import Store
from chaos.store.summary import RunSummary

__all__ = ["Recorder", "RunSummary", "Store", "StoreError"]
