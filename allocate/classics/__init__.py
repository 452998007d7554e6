"""The classic location models, solved to proof: covering, medians, centres, capacitated sites.

>>> import numpy as np
>>> minutes = np.array([[5.0, 30.0], [12.0, 14.0], [40.0, 9.0]])
>>> answer = mclp(minutes, 15, people=[300, 200, 400], p=1)
>>> answer.sites.tolist(), answer.value, answer.outcome.value
([1], 600.0, 'optimal')
"""

from allocate.classics.answers import Answer, Outcome
from allocate.classics.doors import backup_cover, capacitated, lscp, mclp, p_center, p_median, partial_cover
from allocate.classics.how import How
from allocate.classics.inputs import Plane, between
from allocate.classics.record import Moment, Proof

__all__ = [
    "Answer",
    "How",
    "Moment",
    "Outcome",
    "Plane",
    "Proof",
    "backup_cover",
    "between",
    "capacitated",
    "lscp",
    "mclp",
    "p_center",
    "p_median",
    "partial_cover",
]
