#!/usr/bin/env python3
"""Write test/unit/infer_otsu_cases.h: histograms and scikit-image's threshold of them.

    python3 test/measure/otsu.py > test/unit/infer_otsu_cases.h
"""
import numpy
from skimage.filters import threshold_otsu

generator = numpy.random.default_rng(3)

print("/* Written by test/measure/otsu.py. */")
print("static const struct\n{\n\tint64_t\t\tcounts[256];\n\tint\t\t\tthreshold;\n}\t\t\totsu_cases[] = {")
for case in range(20):
    dark, light = numpy.sort(generator.uniform(10, 245, 2))
    share = generator.uniform(0.02, 0.6)
    values = numpy.where(generator.random(5000) < share, generator.normal(dark, 12, 5000),
                         generator.normal(light, 18, 5000))
    counts = numpy.bincount(numpy.clip(values, 0, 255).astype(int), minlength=256)
    threshold = threshold_otsu(hist=(counts, numpy.arange(256)))
    lines = [", ".join(map(str, counts[i:i + 24])) for i in range(0, 256, 24)]
    print("\t{\n\t\t{" + ",\n\t\t".join(lines) + "},")
    print(f"\t\t{threshold}\n\t}},")
print("};")
