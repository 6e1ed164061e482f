"""The recorded runs: written before, during and after each, so that what happened is known however a run ended."""

from chaos.store.errors import DamagedStore, NoStore, StoreError
from chaos.store.recorder import Recorder
from chaos.store.store import Store
from chaos.store.summary import RunSummary

__all__ = ["DamagedStore", "NoStore", "Recorder", "RunSummary", "Store", "StoreError"]
