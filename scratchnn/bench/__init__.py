"""Timing against peers: the same computation, compared first, then timed in alternating processes.

``cases`` says what is timed, ``contenders`` who computes it, ``worker`` is the process of one contender, ``turns``
lets them take turns, ``compare`` refuses a wrong result, ``report`` makes ratios of it; ``warm`` compiles kernels.
"""
