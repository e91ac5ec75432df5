#!/usr/bin/env python3
"""Write test/unit/measure_boundary_cases.h: masks and what SciPy and NumPy say of their boundaries.

    python3 test/measure/boundary.py > test/unit/measure_boundary_cases.h

Distances are scipy.ndimage.distance_transform_edt's from each boundary pixel (the mask less its 4-neighbour
binary_erosion) to the other boundary, percentiles numpy.percentile's.
"""
import numpy
from scipy import ndimage

WIDTH, HEIGHT = 60, 44
generator = numpy.random.default_rng(7)


def boundary(mask):
    return mask & ~ndimage.binary_erosion(mask, ndimage.generate_binary_structure(2, 1), border_value=0)


def score(predicted, truth, spacing):
    """hausdorff95, assd, surface_dice of two masks that are not empty."""
    of_predicted, of_truth = boundary(predicted), boundary(truth)
    a = ndimage.distance_transform_edt(~of_truth, sampling=spacing)[of_predicted]
    b = ndimage.distance_transform_edt(~of_predicted, sampling=spacing)[of_truth]
    tolerance = 0.02 * 2 * numpy.sqrt(truth.sum() * spacing[0] * spacing[1] / numpy.pi)
    return (max(numpy.percentile(a, 95), numpy.percentile(b, 95)), (a.sum() + b.sum()) / (len(a) + len(b)),
            ((a <= tolerance).sum() + (b <= tolerance).sum()) / (len(a) + len(b)))


def blob(roughness):
    """A lesion with a rough outline, sometimes in parts, sometimes cut off by the frame."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    cy, cx = generator.uniform(0.1, 0.9, 2) * (HEIGHT, WIDTH)
    ry, rx = generator.uniform(3, 25, 2)
    field = 1 - ((y - cy) / ry) ** 2 - ((x - cx) / rx) ** 2
    noise = ndimage.gaussian_filter(generator.standard_normal((HEIGHT, WIDTH)), 2)
    mask = field + roughness * noise / noise.std() > 0
    if not mask.any():
        mask[HEIGHT // 2, WIDTH // 2] = True
    return mask


def single(*pixels):
    mask = numpy.zeros((HEIGHT, WIDTH), bool)
    for y, x in pixels:
        mask[y, x] = True
    return mask


def text(mask):
    return numpy.packbits(mask).tobytes().hex()


def cases():
    full = numpy.ones((HEIGHT, WIDTH), bool)
    yield single((0, 0)), single((HEIGHT - 1, WIDTH - 1)), (1.0, 1.0)
    yield single((5, 5)), single((5, 5)), (1.0, 1.0)
    yield full, single((20, 30)), (1.0, 1.0)
    yield full, full, (0.1, 0.3)
    yield generator.random((HEIGHT, WIDTH)) > 0.5, generator.random((HEIGHT, WIDTH)) > 0.5, (1.0, 1.0)
    for i in range(35):
        truth = blob(0.3)
        predicted = blob(0.3) if i % 3 == 0 else ndimage.binary_dilation(truth, iterations=1 + i % 4)
        yield predicted, truth, ((1.0, 1.0), (0.05, 0.05), (0.3, 0.2))[i % 3]


print("/* Written by test/measure/boundary.py. */")
print(f"#define CASE_WIDTH {WIDTH}\n#define CASE_HEIGHT {HEIGHT}\n")
print("""/* Masks as bits in hexadecimal, row by row. */
static const struct
{
\tconst char *predicted;
\tconst char *truth;
\tdouble		down;
\tdouble		across;
\tdouble		hausdorff95;
\tdouble		assd;
\tdouble		surface_dice;
}			boundary_cases[] = {""")
for predicted, truth, spacing in cases():
    figures = score(predicted, truth, spacing)
    print("\t{")
    for mask in (predicted, truth):
        digits = text(mask)
        lines = [digits[i:i + 100] for i in range(0, len(digits), 100)]
        print("\n".join(f'\t\t"{line}"' for line in lines) + ",")
    print(f"\t\t{spacing[0]}, {spacing[1]}, {figures[0]:.17g}, {figures[1]:.17g}, {figures[2]:.17g}\n\t}},")
print("};")
