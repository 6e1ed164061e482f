"""Journal in, verdict out. Pure: no I/O, no clock, no chance; the same journal gives the same verdict, bit for bit."""

from chaos.judge.run import judge

__all__ = ["judge"]
