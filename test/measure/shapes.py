#!/usr/bin/env python3
"""Write test/unit/measure_shapes_cases.h: shapes and what scikit-image, SciPy and OpenCV say of them.

    python3 test/measure/shapes.py > test/unit/measure_shapes_cases.h

The outline is skimage.measure.find_contours of scipy.ndimage's smoothed mask, the hull cv2.convexHull of the pixels'
centres (a disc's width wider by Steiner's formulas), moments are skimage.measure.regionprops', the mirror image is
scipy.ndimage.affine_transform's, boxes are counted by skimage.measure.block_reduce.
"""
import cv2
import numpy
from scipy import ndimage
from scipy.spatial.distance import pdist
from skimage import color, measure

WIDTH, HEIGHT = 64, 48
generator = numpy.random.default_rng(11)
FIGURES = ["area", "perimeter", "largest_diameter", "smallest_diameter", "major_axis", "minor_axis", "centroid_x",
           "centroid_y", "orientation", "eccentricity", "circularity", "solidity", "irregularity", "dimension",
           "asymmetry_major", "asymmetry_minor"]


def outline(mask):
    """Its length, and how many pixels it encloses."""
    kernel = numpy.array([1, 4, 6, 4, 1])
    padded = numpy.pad(mask, 4).astype(int)
    smooth = ndimage.convolve1d(ndimage.convolve1d(padded, kernel, 0, mode="constant"), kernel, 1, mode="constant")
    contours = measure.find_contours(smooth.astype(float), 127.5, fully_connected="high")
    return sum(numpy.hypot(*numpy.diff(contour, axis=0).T).sum() for contour in contours), (smooth > 127.5).sum()


def hull(mask):
    y, x = mask.nonzero()
    points = cv2.convexHull(numpy.column_stack([x, y]).astype(numpy.int32)).reshape(-1, 2).astype(float)
    length = cv2.arcLength(points.astype(numpy.float32), True)
    area = cv2.contourArea(points.astype(numpy.float32)) if len(points) > 2 else 0
    widths = []
    for a, b in zip(points, numpy.roll(points, -1, 0)):
        if (a != b).any():
            normal = numpy.array([b[1] - a[1], a[0] - b[0]]) / numpy.hypot(*(b - a))
            widths.append(numpy.ptp(points @ normal))
    longest = pdist(points).max() if len(points) > 1 else 0
    return length + numpy.pi, area + length / 2 + numpy.pi / 4, longest + 1, min(widths, default=0) + 1


def dimension(mask):
    edge = mask & ~ndimage.binary_erosion(mask, numpy.ones((3, 3)), border_value=0)
    sides = [2 ** k for k in range(20) if 2 ** k <= max(mask.shape) // 4]
    if len(sides) < 3:
        return numpy.nan
    counts = []
    for side in sides:	# in grids that are a quarter of the side apart, at least a pixel
        starts = range(0, side, max(side // 4, 1))
        counts.append(numpy.mean([measure.block_reduce(numpy.pad(edge, ((down, 0), (across, 0))), (side, side),
                                                       numpy.max).sum() for down in starts for across in starts]))
    return numpy.polyfit(-numpy.log(sides), numpy.log(counts), 1)[0]


def asymmetry(mask, centre, angle):
    """Half of what only one of the mask and its mirror image in the axis covers, over the area."""
    c, s = numpy.cos(2 * angle), numpy.sin(2 * angle)
    matrix = numpy.array([[-c, -s], [-s, c]])	# rows, columns; angle anticlockwise, rows go down
    y, x = mask.nonzero()
    at = matrix @ (numpy.array([y, x]) - centre[:, None]) + centre[:, None]
    return 1 - ndimage.map_coordinates(mask.astype(float), numpy.floor(at + 0.5), order=0).mean()


def figures(mask):
    labels = measure.label(mask, connectivity=2)
    sizes = numpy.bincount(labels.ravel())[1:]
    largest = labels == sizes.argmax() + 1
    rows, columns = numpy.any(largest, 1).nonzero()[0], numpy.any(largest, 0).nonzero()[0]
    box = largest[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    region = measure.regionprops(box.astype(int))[0]
    perimeter, hull_area, longest, narrowest = hull(box)
    length, enclosed = outline(box)
    length = max(length, perimeter)
    has_outline = abs(enclosed - region.area) <= 0.25 * region.area
    major, minor = (value + 1 / 12 for value in region.inertia_tensor_eigvals)
    covariance = region.inertia_tensor		# (rows, columns)
    angle = numpy.arctan2(-2 * -covariance[0, 1], covariance[0, 0] - covariance[1, 1]) / 2
    centre = numpy.array(region.centroid)
    return len(sizes), dict(
        area=region.area, perimeter=length, largest_diameter=longest, smallest_diameter=narrowest,
        major_axis=4 * numpy.sqrt(major), minor_axis=4 * numpy.sqrt(minor), centroid_x=centre[1] + 0.5 + columns[0],
        centroid_y=centre[0] + 0.5 + rows[0], orientation=numpy.degrees(angle),
        eccentricity=numpy.sqrt(1 - minor / major), circularity=min(4 * numpy.pi * region.area / length ** 2, 1),
        solidity=min(region.area / hull_area, 1),
        irregularity=1 - perimeter / length if has_outline else numpy.nan, dimension=dimension(box),
        asymmetry_major=asymmetry(box, centre, angle), asymmetry_minor=asymmetry(box, centre, angle + numpy.pi / 2))


def blob():
    """A lesion with a rough outline, sometimes in parts, sometimes cut off by the frame."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    cy, cx = generator.uniform(0.2, 0.8, 2) * (HEIGHT, WIDTH)
    ry, rx = generator.uniform(4, 25, 2)
    angle = generator.uniform(0, numpy.pi)
    u = (x - cx) * numpy.cos(angle) + (y - cy) * numpy.sin(angle)
    v = (y - cy) * numpy.cos(angle) - (x - cx) * numpy.sin(angle)
    noise = ndimage.gaussian_filter(generator.standard_normal((HEIGHT, WIDTH)), 2)
    mask = 1 - (v / ry) ** 2 - (u / rx) ** 2 + generator.uniform(0, 0.5) * noise / noise.std() > 0
    return mask


def cases():
    single = numpy.zeros((HEIGHT, WIDTH), bool)
    single[0, 63] = True
    line = numpy.zeros((HEIGHT, WIDTH), bool)
    line[20, 3:50] = True
    corner = numpy.zeros((HEIGHT, WIDTH), bool)
    corner[10:20, 10:20] = corner[20:30, 20:35] = True
    yield from (single, line, corner, numpy.ones((HEIGHT, WIDTH), bool))
    for _ in range(36):
        mask = blob()
        while mask.sum() < 20:
            mask = blob()
        yield mask


def number(value):
    return "NAN" if numpy.isnan(value) else f"{value:.12g}"


print("/* Written by test/measure/shapes.py. */")
print(f"#define SHAPE_WIDTH {WIDTH}\n#define SHAPE_HEIGHT {HEIGHT}\n")
print("/* Masks as bits in hexadecimal, row by row; and their largest component's figures. */\nstatic const struct\n{")
print("\tconst char *mask;\n\tint\t\t\tcomponents;")
for name in FIGURES:
    print(f"\tdouble\t\t{name};")
print("}\t\t\tshape_cases[] = {")
for mask in cases():
    components, values = figures(mask)
    digits = numpy.packbits(mask).tobytes().hex()
    lines = [digits[i:i + 100] for i in range(0, len(digits), 100)]
    print("\t{\n" + "\n".join(f'\t\t"{line}"' for line in lines) + ",\n\t\t" + f"{components},")
    text = [number(values[name]) for name in FIGURES]
    print(",\n".join("\t\t" + ", ".join(text[i:i + 4]) for i in range(0, 16, 4)) + "\n\t},")
print("};\n")

print("/* Colours of sRGB, and skimage.color.rgb2lab's of them. */\nstatic const struct\n{")
print("\tuint8_t		rgb[3];\n\tdouble		lab[3];\n}			lab_cases[] = {")
for rgb in generator.integers(0, 256, (40, 3)).tolist() + [[0, 0, 0], [255, 255, 255], [1, 2, 3]]:
    lab = color.rgb2lab(numpy.array(rgb, numpy.uint8).reshape(1, 1, 3)).ravel()
    print(f"\t{{{{{rgb[0]}, {rgb[1]}, {rgb[2]}}}, {{{lab[0]:.8g}, {lab[1]:.8g}, {lab[2]:.8g}}}}},")
print("};")
