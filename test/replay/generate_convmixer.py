#!/usr/bin/python3
"""Dump one training step of a narrow ConvMixer to test/replay/convmixer/."""
from networks import ConvMixer
from replay import replay

replay('convmixer', {'dim': 24, 'depth': 2, 'kernel': 5, 'patch': 4}, lambda: ConvMixer(24, 2, 5, 4),
       batch=3, height=32, width=24)
