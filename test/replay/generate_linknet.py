#!/usr/bin/python3
"""Dump one training step of a narrow LinkNet to test/replay/linknet/."""
from networks import LinkNet
from replay import replay

replay('linknet', {'base': 4}, lambda: LinkNet(4), batch=4, height=64, width=32)
