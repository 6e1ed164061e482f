"""Files in: YAML or JSON with line numbers -> experiments and targets; JSON Schemas and the reference pages out."""

from chaos.spec.detect import kind
from chaos.spec.experiment import find_target, load_experiment, with_profile
from chaos.spec.target import load_target, recorded_target

__all__ = ["find_target", "kind", "load_experiment", "load_target", "recorded_target", "with_profile"]
