#!/usr/bin/python3
"""Compare a frame with what DCMTK, GDCM or pydicom decode.

    check_pixels.py file.dcm frame.png tolerance

Prints "the same" where no sample differs by more than the tolerance.
"""
import subprocess
import sys
import tempfile

import numpy as np
import pydicom
from PIL import Image
from pydicom.pixel_data_handlers.util import convert_color_space

DECODERS = {
    '1.2.840.10008.1.2.2': ['dcmconv', '+te'],    # pydicom leaves the bytes of OW swapped
    '1.2.840.10008.1.2.4.50': ['dcmdjpeg'], '1.2.840.10008.1.2.4.51': ['dcmdjpeg'],
    '1.2.840.10008.1.2.4.53': ['dcmdjpeg'], '1.2.840.10008.1.2.4.55': ['dcmdjpeg'],
    '1.2.840.10008.1.2.4.57': ['dcmdjpeg'], '1.2.840.10008.1.2.4.70': ['dcmdjpeg'],
    '1.2.840.10008.1.2.4.80': ['dcmdjpls'], '1.2.840.10008.1.2.4.81': ['dcmdjpls'],
    '1.2.840.10008.1.2.4.90': ['gdcmconv', '--raw'], '1.2.840.10008.1.2.4.91': ['gdcmconv', '--raw'],
}

name, frame, tolerance = sys.argv[1], sys.argv[2], int(sys.argv[3])
syntax = str(pydicom.dcmread(name, stop_before_pixels=True).file_meta.TransferSyntaxUID)
with tempfile.NamedTemporaryFile(suffix='.dcm') as raw:
    if syntax in DECODERS:
        subprocess.run([*DECODERS[syntax], name, raw.name], check=True, stderr=subprocess.DEVNULL)
        name = raw.name
    data = pydicom.dcmread(name)
    expected = data.pixel_array
    if data.PhotometricInterpretation.startswith('YBR_FULL'):
        expected = convert_color_space(expected, data.PhotometricInterpretation, 'RGB')
found = np.array(Image.open(frame)).astype(int)
if found.shape != expected.shape:
    print('shapes', found.shape, expected.shape)
else:
    most = int(np.abs(found - expected).max())
    print("the same" if most <= tolerance else f"{most} levels apart")

