#!/usr/bin/python3
"""Compare a segmentation, as pydicom reads it, with the mask it was made of.

    check_seg.py seg.dcm mask.png [mask.raw]

Prints how many pixels differ, and what the object says of its source. The mask
is written to mask.raw, a byte for each pixel.
"""
import sys

import numpy as np
import pydicom
from PIL import Image

seg = pydicom.dcmread(sys.argv[1])
mask = np.array(Image.open(sys.argv[2])) > 0
if len(sys.argv) > 3:
    mask.astype(np.uint8).tofile(sys.argv[3])
frame = seg.PerFrameFunctionalGroupsSequence[0]
source = frame.DerivationImageSequence[0].SourceImageSequence[0]
listed = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
print('different', int(np.count_nonzero(seg.pixel_array.astype(bool) != mask)))
print('source', source.ReferencedSOPInstanceUID, listed.ReferencedSOPInstanceUID)
print('patient', seg.PatientName)
