#!/usr/bin/python3
"""Make of a segmentation what a person would draw in its place.

    draw.py seg.dcm drawn.dcm rows time [Keyword=value]...

also=UID names one more instance in the list of references; unnamed=1 takes from
the frames what they were drawn on; cut=N leaves so many rows of the image;
undated=1 takes all dates; before=1 lists a person's segment 2 before segment 1 of
a program. The first rows are lesion, the others are not. The new object has UIDs of its own and
is MANUAL, of manufacturer Viewer. Prints its SOP instance UID.
"""
import copy
import sys

import numpy as np
import pydicom
from pydicom.uid import generate_uid


def pack_bits(mask):
    """Return pixels as DICOM has them, eight in a byte, lowest bit first, of even length. pydicom 3 moved its own."""
    packed = np.packbits(mask.reshape(-1), bitorder='little').tobytes()
    return packed + bytes(len(packed) % 2)


seg = pydicom.dcmread(sys.argv[1])
mask = np.zeros((seg.Rows, seg.Columns), np.uint8)
mask[:int(sys.argv[3])] = 1
seg.PixelData = pack_bits(mask)
seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = generate_uid()
seg.SeriesInstanceUID = generate_uid()
seg.Manufacturer = 'Viewer'
seg.ContentTime = sys.argv[4]
for keyword in ('AcquisitionDateTime', 'AcquisitionDate', 'AcquisitionTime'):
    if keyword in seg:
        delattr(seg, keyword)
seg.SegmentSequence[0].SegmentAlgorithmType = 'MANUAL'
for change in sys.argv[5:]:
    keyword, value = change.split('=', 1)
    if keyword == 'undated':
        for name in ('ContentDate', 'ContentTime', 'StudyDate', 'StudyTime', 'SeriesDate', 'SeriesTime'):
            if name in seg:
                delattr(seg, name)
        continue
    if keyword == 'before':
        other = copy.deepcopy(seg.SegmentSequence[0])
        other.SegmentNumber = 2
        seg.SegmentSequence[0].SegmentAlgorithmType = 'AUTOMATIC'
        seg.SegmentSequence.insert(0, other)
        continue
    if keyword == 'also':
        instances = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        other = copy.deepcopy(instances[0])
        other.ReferencedSOPInstanceUID = value
        instances.insert(0, other)
        continue
    if keyword == 'cut':
        seg.Rows = int(value)
        seg.PixelData = pack_bits(mask[:seg.Rows])
        continue
    if keyword == 'unnamed':
        for groups in [seg] + list(seg.PerFrameFunctionalGroupsSequence) + list(seg.SharedFunctionalGroupsSequence):
            if 'DerivationImageSequence' in groups:
                del groups.DerivationImageSequence
        continue
    setattr(seg.SegmentSequence[0] if keyword in seg.SegmentSequence[0] else seg, keyword, value)
seg.save_as(sys.argv[2])
print(seg.SOPInstanceUID)
