"""The kinds of keys that are rotated, and the steps of a rotation in their order.

They stand apart from what takes the steps: who only names them needs no cryptography.
"""

KINDS = ("curve", "sign", "seal", "multicast", "settings")
STEPS = ("add", "use", "drop")
