#!/usr/bin/python3
# The work of test/bench/enhance.c, done by OpenCV (python3-opencv) on the same
# image with as many threads: opencv_peer.py THREADS IMAGE MASK. Prints
# milliseconds, the best of several, under the same names.
import sys
import time

import cv2

cv2.setNumThreads(int(sys.argv[1]))
image = cv2.imread(sys.argv[2])
grey = image[:, :, 1].copy()
mask = cv2.imread(sys.argv[3], cv2.IMREAD_GRAYSCALE)
mask[mask > 0] = 255
clahe = cv2.createCLAHE(2.0, (8, 8))


def clahe_colour():
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)
    lab[:, :, 0] = clahe.apply(lab[:, :, 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)


def measure(name, work, turns=15):
    best = float("inf")
    for _ in range(turns):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    print(f"{name} {1000 * best:.3f}", flush=True)


measure("clahe_grey", lambda: clahe.apply(grey))
measure("clahe_colour", clahe_colour)
measure("resize_smaller", lambda: cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA))
measure("resize_larger", lambda: cv2.resize(image, (2048, 1536), interpolation=cv2.INTER_LINEAR))
measure("inpaint", lambda: cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA), 5)
measure("bilateral", lambda: cv2.bilateralFilter(image, 9, 30, 5))
measure("nlm_grey_21_7", lambda: cv2.fastNlMeansDenoising(grey, None, 12, 7, 21), 3)
measure("nlm_colour_21_7", lambda: cv2.fastNlMeansDenoisingColored(image, None, 12, 12, 7, 21), 2)
