#!/usr/bin/env python3
"""Compare the boundary scores of test/unit/measure_boundary_cases.h with MONAI's, which it needs beside PyTorch.

    python3 test/measure/check_monai.py test/unit/measure_boundary_cases.h

boundary.py wrote those scores with SciPy and NumPy alone, so no test needs MONAI. MONAI's are
compute_hausdorff_distance with the 95th percentile, compute_average_surface_distance with symmetric, and
compute_surface_dice, of MONAI 1.3 or later, in 32 bits. Ends with 1 if any differs by more than 1e-6 of itself.
"""
import re
import sys

import monai
import numpy
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

NAMES = "hausdorff95", "assd", "surface_dice"


def cases(text):
    """Each case's masks as tensors (1, 1, height, width), its spacing, and its scores by SciPy."""
    width, height = (int(re.search(rf"CASE_{side} (\d+)", text)[1]) for side in ("WIDTH", "HEIGHT"))
    for case in re.findall(r"\{\n((?:\t\t.*\n)+)\t\}", text):
        masks = ["".join(re.findall(r'"(\w+)"', half)) for half in re.split(r'(?<="),\n', case, maxsplit=2)[:2]]
        bits = [numpy.unpackbits(numpy.frombuffer(bytes.fromhex(mask), numpy.uint8)) for mask in masks]
        numbers = [float(number) for number in case.strip().splitlines()[-1].split(",")]
        yield (*(torch.tensor(mask[:width * height].reshape(1, 1, height, width)) for mask in bits), numbers[:2],
               numbers[2:])


def scores(predicted, truth, spacing):
    """The same three scores by MONAI; the tolerance is lesion_metrics' default."""
    tolerance = 0.02 * 2 * numpy.sqrt(float(truth.sum()) * spacing[0] * spacing[1] / numpy.pi)
    return [float(score) for score in (
        compute_hausdorff_distance(predicted, truth, True, percentile=95, spacing=spacing),
        compute_average_surface_distance(predicted, truth, True, symmetric=True, spacing=spacing),
        compute_surface_dice(predicted, truth, [tolerance], True, spacing=spacing))]


worst = dict.fromkeys(NAMES, 0.0)
count = 0
for predicted, truth, spacing, expected in cases(open(sys.argv[1]).read()):
    count += 1
    for name, score, right in zip(NAMES, scores(predicted, truth, spacing), expected):
        worst[name] = max(worst[name], abs(score - right) / max(abs(right), 1e-6))
print(f"MONAI {monai.__version__}, {count} pairs of masks, largest relative difference: "
      + ", ".join(f"{name} {difference:.1e}" for name, difference in worst.items()))
sys.exit(count == 0 or max(worst.values()) > 1e-6)
