#!/usr/bin/python3
"""Dump one training step of a small U-Net to test/replay/unet/. Height and width differ, so mixing them up shows."""
from networks import UNet
from replay import replay

replay('unet', {'base': 4, 'depth': 2}, lambda: UNet(4, 2), batch=3, height=24, width=16)
